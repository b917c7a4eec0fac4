//! The grid's place behind the mesh: how far its cells are apart, and whether any grid suits.

use crate::operator::voxel::Layout;
use crate::sparse::{BLOCK, Csr};
use rayon::prelude::*;

/// Distance of cell centres, in mean edges.
const SPACING: f64 = 1.25;
/// What of the mean edge an unknown's own may be, and the part of the unknowns that may be outside.
const EDGES: std::ops::Range<f64> = 0.25..2.5;
const OUTSIDE: f64 = 0.02;
/// Most cells of the grid for an unknown, and some for any mesh.
const CELLS: usize = 8;
const FEW: usize = 4096;

/// Cell centres on a lattice over the unknowns of a matrix.
#[derive(Debug, Clone)]
pub struct Background {
    layout: Layout,
    dimension: usize,
    low: [f64; 3],
    spacing: f64,
    points: Vec<[f64; 3]>,
}

impl Background {
    /// A grid for the matrix `a` with its unknowns at `points`, the mesh being of that dimension.
    ///
    /// Gives the reason where none suits: a mesh that is not in the plane or in space, that is graded too strongly, or that
    /// fills little of its box.
    pub fn of(a: &Csr, points: Vec<[f64; 3]>, dimension: usize) -> std::result::Result<Self, String> {
        let span = |d: usize| {
            let of = |d: usize| points.par_iter().with_min_len(BLOCK).map(move |p| p[d]);
            (of(d).reduce(|| f64::INFINITY, f64::min), of(d).reduce(|| f64::NEG_INFINITY, f64::max))
        };
        if !(dimension == 3 || dimension == 2 && span(2).0 == span(2).1) {
            return Err("grids are for meshes of triangles in the plane and of tetrahedra".into());
        }
        let edges = mean_edges(a, &points);
        let mean = edges.par_iter().sum::<f64>() / edges.len() as f64;
        let off = |e: &f64| !EDGES.contains(&(e / mean));
        let outside = edges.par_iter().copied().filter(off).count() as f64 / edges.len() as f64;
        if outside > OUTSIDE {
            let range = [EDGES.start, EDGES.end].map(|part| part * mean);
            return Err(format!(
                "{:.0} % of the unknowns have edges outside {:.2e} to {:.2e}; a grid has one spacing",
                100.0 * outside,
                range[0],
                range[1]
            ));
        }
        let spacing = SPACING * mean;
        let spans: Vec<(f64, f64)> = (0..dimension).map(span).collect();
        // The last centre lies beyond the last unknown.
        let sides: Vec<usize> = spans.iter().map(|(low, high)| ((high - low) / spacing) as usize + 2).collect();
        let cells = sides.iter().try_fold(1usize, |n, &s| n.checked_mul(s)).unwrap_or(usize::MAX);
        if cells > CELLS * points.len() + FEW {
            return Err(format!("a grid behind the mesh has {cells} cells for {} unknowns", points.len()));
        }
        let n = if dimension == 2 { [sides[0], 1, sides[1]] } else { [sides[0], sides[1], sides[2]] };
        let low = std::array::from_fn(|d| spans.get(d).map_or(0.0, |s| s.0));
        Ok(Background { layout: Layout::new(n), dimension, low, spacing, points })
    }

    /// How cells lie in memory.
    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Cells in each direction of the mesh.
    pub fn shape(&self) -> Vec<usize> {
        let [n0, n1, n2] = self.layout.n;
        if self.dimension == 2 { vec![n0, n2] } else { vec![n0, n1, n2] }
    }

    /// Distance between cell centres.
    pub fn spacing(&self) -> f64 {
        self.spacing
    }

    /// The direction of the mesh that is the layout's direction `axis`; `None` where the layout has no such direction.
    pub(super) fn direction(&self, axis: usize) -> Option<usize> {
        match (self.dimension, axis) {
            (2, 1) => None,
            (2, 2) => Some(1),
            _ => Some(axis),
        }
    }

    /// Where the unknowns lie.
    pub(super) fn points(&self) -> &[[f64; 3]] {
        &self.points
    }

    /// The cell whose centre is before unknown `i` in every direction, and how far the unknown lies towards the next.
    pub(super) fn place(&self, i: usize) -> ([usize; 3], [f32; 3]) {
        let (mut cell, mut part) = ([0; 3], [0.0; 3]);
        for axis in 0..3 {
            let Some(d) = self.direction(axis) else { continue };
            let t = (self.points[i][d] - self.low[d]) / self.spacing;
            cell[axis] = (t as usize).min(self.layout.n[axis] - 2);
            part[axis] = (t - cell[axis] as f64) as f32;
        }
        (cell, part)
    }
}

/// The root of the mean square distance of each unknown to those it is coupled to.
fn mean_edges(a: &Csr, points: &[[f64; 3]]) -> Vec<f64> {
    let edge = |i: usize| {
        let (columns, _) = a.row(i);
        let square = |j: &u32| {
            let j = *j as usize;
            (0..3).map(|d| (points[j][d] - points[i][d]).powi(2)).sum::<f64>()
        };
        let others = columns.len().saturating_sub(1).max(1);
        (columns.iter().map(square).sum::<f64>() / others as f64).sqrt()
    };
    (0..a.nrows()).into_par_iter().with_min_len(BLOCK).map(edge).collect()
}
