//! A checked field on a mesh, with what all its pictures need: range, places of the extremes, extent.

use super::ticks::{Scale, is_flat, short};
use crate::error::{Error, Result};
use crate::mesh::Mesh;
use rayon::prelude::*;

/// One extreme of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extreme {
    pub value: f64,
    pub point: usize,
    /// Whether only this point has the value, up to 1e-9 of the range.
    pub is_lone: bool,
}

/// A field that can be drawn.
#[derive(Debug)]
pub struct Field<'a> {
    pub mesh: &'a Mesh,
    pub scale: Scale,
    /// The values' places on the scale, one a point.
    pub unit: Vec<f32>,
    pub min: Extreme,
    pub max: Extreme,
    /// Smallest and largest x, y, z.
    pub bounds: [[f64; 2]; 3],
}

impl<'a> Field<'a> {
    /// Checks the mesh and the values at the points that its cells use.
    pub fn new(mesh: &'a Mesh, values: &'a [f64]) -> Result<Field<'a>> {
        check(mesh, values)?;
        let mut used = vec![false; mesh.points.len()];
        mesh.cells.iter().for_each(|&v| used[v as usize] = true);
        let used: Vec<u32> = (0..mesh.points.len() as u32).filter(|&v| used[v as usize]).collect();
        let mut bounds = [[f64::INFINITY, f64::NEG_INFINITY]; 3];
        let [mut low, mut high] = [mesh.cells[0] as usize; 2];
        for v in used.iter().map(|&v| v as usize) {
            let p = mesh.points[v];
            if let Some(axis) = (0..3).find(|&c| !p[c].is_finite()) {
                return Err(Error::Mesh {
                    what: format!("point {v} has coordinate {} = {}", ["x", "y", "z"][axis], p[axis]),
                    help: "check the file or the program that the mesh comes from".into(),
                });
            }
            if !values[v].is_finite() {
                return Err(Error::Problem {
                    what: format!("the value to draw at point {v}, {}, is {}", place(&p), values[v]),
                    help: "check the problem's data and how the solve ended".into(),
                });
            }
            (0..3).for_each(|c| bounds[c] = [bounds[c][0].min(p[c]), bounds[c][1].max(p[c])]);
            low = if values[v] < values[low] { v } else { low };
            high = if values[v] > values[high] { v } else { high };
        }
        let [lo, hi] = [values[low], values[high]];
        if !(hi - lo).is_finite() || bounds.iter().any(|[lo, hi]| !(hi - lo).is_finite()) {
            let what = format!("values from {lo:e} to {hi:e} or coordinates beyond 1e308 cannot be drawn");
            return Err(Error::Problem { what, help: "scale the problem".into() });
        }
        let near = |v: f64| used.iter().filter(|&&p| (values[p as usize] - v).abs() <= 1e-9 * (hi - lo)).count();
        let scale = Scale::linear(lo, hi);
        Ok(Field {
            mesh,
            scale,
            unit: values.par_iter().map(|&v| scale.unit(v) as f32).collect(),
            min: Extreme { value: lo, point: low, is_lone: !is_flat(lo, hi) && near(lo) == 1 },
            max: Extreme { value: hi, point: high, is_lone: !is_flat(lo, hi) && near(hi) == 1 },
            bounds,
        })
    }

    /// The extent along an axis.
    pub fn extent(&self, axis: usize) -> f64 {
        self.bounds[axis][1] - self.bounds[axis][0]
    }

    /// Those of the given values that iso-lines can show, on the scale.
    pub fn levels(&self, values: &[f64]) -> Vec<f32> {
        let [lo, hi] = [self.min.value, self.max.value].map(|v| self.scale.unit(v));
        let margin = 1e-6 * (hi - lo);
        let units = values.iter().map(|&v| self.scale.unit(v));
        units.filter(|&t| t > lo + margin && t < hi - margin).map(|t| t as f32).collect()
    }

    /// `"min 0, max 0.0737 at (0.5, 0.5)"`, with the first `coordinates` coordinates.
    pub fn summary(&self, coordinates: usize) -> String {
        let [lo, hi] = [self.min.value, self.max.value];
        if is_flat(lo, hi) {
            return format!("{} everywhere", short(lo));
        }
        let far = if short(lo) == short(hi) { format!("= min + {}", short(hi - lo)) } else { short(hi) };
        let one = |name: &str, value: String, e: Extreme| {
            let at: Vec<String> = self.mesh.points[e.point][..coordinates].iter().map(|&c| short(rounded(c))).collect();
            let at = at.join(", ");
            let at = if coordinates > 1 { format!("({at})") } else { format!("x = {at}") };
            format!("{name} {value}") + &if e.is_lone { format!(" at {at}") } else { String::new() }
        };
        format!("{},   {}", one("min", short(lo), self.min), one("max", far, self.max))
    }
}

/// Three decimals relative to the number's size: places are read, not computed with.
fn rounded(c: f64) -> f64 {
    format!("{c:.2e}").parse().unwrap_or(c)
}

fn place(p: &[f64; 3]) -> String {
    format!("({}, {}, {})", p[0], p[1], p[2])
}

fn check(mesh: &Mesh, values: &[f64]) -> Result<()> {
    if mesh.cell_count() == 0 {
        let help = "a picture needs at least one cell".to_string();
        return Err(Error::Mesh { what: format!("no cells, {} points", mesh.points.len()), help });
    }
    if values.len() != mesh.points.len() {
        return Err(Error::Problem {
            what: format!("{} values to draw at {} points", values.len(), mesh.points.len()),
            help: "give one value for each point of the mesh".into(),
        });
    }
    let n = mesh.kind.vertices();
    match mesh.cells.iter().position(|&v| v as usize >= mesh.points.len()) {
        None if mesh.cells.len().is_multiple_of(n) => Ok(()),
        None => Err(Error::Mesh {
            what: format!("{} vertex numbers do not make cells of {n} vertices", mesh.cells.len()),
            help: String::new(),
        }),
        Some(i) => Err(Error::Mesh {
            what: format!("cell {} has vertex {}, and there are {} points", i / n, mesh.cells[i], mesh.points.len()),
            help: "check the file or the program that the mesh comes from".into(),
        }),
    }
}
