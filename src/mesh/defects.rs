//! Cells and facets that no discretization survives: flat, reversed and folded cells, facets of more than two cells.

use rayon::prelude::*;
use serde::Serialize;

use crate::error::{Error, Result};

use super::geometry::{Vec3, centroid};
use super::incidence::{Incidence, local_facets, visit_ranges};
use super::{CellKind, Mesh};

/// One defect and where it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Defect {
    /// The cells concerned.
    pub cells: Vec<u32>,
    /// The points concerned.
    pub points: Vec<u32>,
    /// The mean of those points.
    pub at: [f64; 3],
}

/// The defects of one sort.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Defects {
    /// How many there are.
    pub count: usize,
    /// The first of them, [`Defects::SHOWN`] at most.
    pub first: Vec<Defect>,
}

impl Defects {
    /// How many defects are kept with their place.
    pub const SHOWN: usize = 5;

    /// Adds one; `describe` gives its cells and points and is called only for the first ones.
    pub(super) fn add(&mut self, mesh: &Mesh, describe: impl FnOnce() -> (Vec<u32>, Vec<u32>)) {
        self.count += 1;
        if self.first.len() < Self::SHOWN {
            let (cells, points) = describe();
            let places: Vec<[f64; 3]> = points.iter().map(|&p| mesh.points[p as usize]).collect();
            self.first.push(Defect { cells, points, at: centroid(&places) });
        }
    }

    fn append(&mut self, other: Defects) {
        self.count += other.count;
        self.first.extend(other.first);
        self.first.truncate(Self::SHOWN);
    }
}

/// A cell is flat where its volume is at most this part of (longest edge)^dimension.
const FLAT: f64 = 1e-12;

/// Whether each cell has positive volume (1), negative volume (−1) or is flat (0). The cells of curves and surfaces in
/// space are never negative.
pub(super) fn cell_signs(mesh: &Mesh) -> Vec<i8> {
    match mesh.kind {
        CellKind::Interval => signs::<2>(mesh),
        CellKind::Triangle => signs::<3>(mesh),
        CellKind::Tetrahedron => signs::<4>(mesh),
    }
}

/// `V` is the number of vertices a cell.
fn signs<const V: usize>(mesh: &Mesh) -> Vec<i8> {
    let planar = mesh.is_planar();
    let sign = |(c, cell): (usize, &[u32])| {
        mesh.prefetch_after(c);
        let p: [Vec3; V] = std::array::from_fn(|i| mesh.points[cell[i] as usize].into());
        let mut longest = 0.0f64; // squared
        for i in 1..V {
            for j in 0..i {
                longest = longest.max((p[i] - p[j]).norm_squared());
            }
        }
        let volume = if planar { mesh.signed_volume(c) } else { mesh.cell_measure(c) };
        // |volume| > FLAT longest^d, squared; a volume that is not a number counts as flat.
        let solid = volume * volume > (1..V).fold(FLAT * FLAT, |x, _| x * longest);
        if solid { volume.signum() as i8 } else { 0 }
    };
    mesh.cells.par_chunks_exact(V).enumerate().map(sign).collect()
}

/// What is wrong with how cells meet.
#[derive(Debug, Default)]
pub(super) struct FacetDefects {
    /// Two cells on the same side of the facet they share: one is inverted, or they overlap.
    pub folded: Defects,
    /// More than two cells at a facet.
    pub branching: Defects,
}

/// Looks at every facet of more than one cell. `signs` are the [`cell_signs`].
pub(super) fn facet_defects(mesh: &Mesh, signs: &[i8]) -> FacetDefects {
    match mesh.kind {
        CellKind::Interval => meetings::<0>(mesh, signs),
        CellKind::Triangle => meetings::<1>(mesh, signs),
        CellKind::Tetrahedron => meetings::<2>(mesh, signs),
    }
}

fn meetings<const R: usize>(mesh: &Mesh, signs: &[i8]) -> FacetDefects {
    let planar = mesh.is_planar();
    // Which side of the facet, seen with its vertices in ascending order, the cell lies on; 0 for a flat cell.
    let side = |x: &Incidence<R>| {
        let turned = if R == 0 { x.local() == 1 } else { x.odd() };
        if turned { -signs[x.cell as usize] } else { signs[x.cell as usize] }
    };
    let parts = visit_ranges::<R, _>(mesh, local_facets(mesh.kind), |range| {
        let mut out = FacetDefects::default();
        for facet in range.shared() {
            let describe = || {
                let mut points = vec![range.first + facet[0].low()];
                points.extend(facet[0].rest);
                (facet.iter().take(Defects::SHOWN).map(|x| x.cell).collect(), points)
            };
            match facet {
                [_] => {}
                [a, b] if !planar || side(a) != side(b) || side(a) == 0 => {}
                [_, _] => out.folded.add(mesh, describe),
                _ => out.branching.add(mesh, describe),
            }
        }
        out
    });
    let mut all = FacetDefects::default();
    for part in parts {
        all.folded.append(part.folded);
        all.branching.append(part.branching);
    }
    all
}

/// Cells whose sign is `sign`.
pub(super) fn cells_of_sign(mesh: &Mesh, signs: &[i8], sign: i8) -> Defects {
    let mut out = Defects::default();
    for (c, _) in signs.iter().enumerate().filter(|&(_, &s)| s == sign) {
        out.add(mesh, || (vec![c as u32], mesh.cell(c).to_vec()));
    }
    out
}

/// Refuses a mesh that cannot be solved on: without cells, with vertex numbers or coordinates that are none, with cells
/// that are flat, reversed or folded over, or (unless it is a curve or surface in space) with more than two cells at a
/// facet. The error names the first of them, its place, how many there are, and the cure.
pub fn check(mesh: &Mesh) -> Result<()> {
    let refuse = |what: String, help: &str| Err(Error::Mesh { what, help: help.into() });
    if mesh.cells.is_empty() {
        return refuse("there are no cells".into(), "give a mesh with intervals, triangles or tetrahedra");
    }
    let n = mesh.kind.vertices();
    if !mesh.cells.len().is_multiple_of(n) {
        return refuse(
            format!("{} vertices do not make cells of {n} each", mesh.cells.len()),
            "give every cell all its vertices",
        );
    }
    let points = mesh.points.len();
    let wrong = |cell: &[u32]| cell.iter().any(|&v| v as usize >= points);
    if mesh.cells.par_chunks(1 << 16).any(wrong) {
        let (c, cell) = mesh.cells.chunks_exact(n).enumerate().find(|(_, cell)| wrong(cell)).unwrap_or_default();
        let what = format!("cell {c} has the points {cell:?}, but there are {points} points, counted from 0");
        return refuse(what, "correct the cell");
    }
    let signs = cell_signs(mesh);
    if let Some(c) = first_not_finite(mesh) {
        return refuse(
            format!("cell {c} has the vertices {}, not all of them finite", vertices(mesh, c)),
            "correct the points",
        );
    }
    let flat = cells_of_sign(mesh, &signs, 0);
    if let Some(first) = flat.first.first() {
        let c = first.cells[0] as usize;
        let what =
            format!("cell {c} with the vertices {} has no volume ({})", vertices(mesh, c), such(flat.count, "cell"));
        return refuse(what, "remove flat cells or mesh the geometry again; `filet mesh info` lists more of them");
    }
    let reversed = cells_of_sign(mesh, &signs, -1);
    if let Some(first) = reversed.first.first() {
        let c = first.cells[0] as usize;
        let what =
            format!("cell {c} with the vertices {} is inverted ({})", vertices(mesh, c), such(reversed.count, "cell"));
        return refuse(
            what,
            "list triangles counter-clockwise and tetrahedra with positive volume, or untangle the mesh",
        );
    }
    let FacetDefects { folded, branching } = facet_defects(mesh, &signs);
    if let Some(first) = folded.first.first() {
        let (a, b) = (first.cells[0] as usize, first.cells[1] as usize);
        let what = format!(
            "cells {a} and {b} with the vertices {} and {} lie on the same side of the facet they share ({})",
            vertices(mesh, a),
            vertices(mesh, b),
            such(folded.count, "facet")
        );
        return refuse(what, "one of them is inverted or they overlap: untangle the mesh or mesh the geometry again");
    }
    if let (Some(first), true) = (branching.first.first(), mesh.is_planar()) {
        let what = format!(
            "more than two cells meet in the facet with the vertices {}: cells {:?} ({})",
            places(mesh, &first.points),
            first.cells,
            such(branching.count, "facet")
        );
        return refuse(what, "remove cells that are there twice or overlap");
    }
    Ok(())
}

/// The first cell with a coordinate that is not finite.
fn first_not_finite(mesh: &Mesh) -> Option<usize> {
    let finite = |p: &[f64; 3]| p.iter().all(|x| x.is_finite());
    if mesh.points.par_iter().all(finite) {
        return None;
    }
    (0..mesh.cell_count()).find(|&c| !mesh.cell_points(c).iter().all(finite))
}

/// "1 such cell", "3 such cells".
fn such(count: usize, what: &str) -> String {
    format!("{count} such {what}{}", if count == 1 { "" } else { "s" })
}

fn vertices(mesh: &Mesh, c: usize) -> String {
    places(mesh, mesh.cell(c))
}

/// "(0, 0) (1, 0) (0, 1)"; z only where the mesh is not flat in z = 0.
fn places(mesh: &Mesh, points: &[u32]) -> String {
    let axes = if mesh.dimension() < 3 && mesh.points.iter().all(|p| p[2] == 0.0) { 2 } else { 3 };
    let place = |&p: &u32| {
        let numbers: Vec<String> = mesh.points[p as usize][..axes].iter().map(f64::to_string).collect();
        format!("({})", numbers.join(", "))
    };
    points.iter().map(place).collect::<Vec<_>>().join(" ")
}
