//! The grid's operator: weights on faces that give linear functions and constants the energy they have on the mesh.
//!
//! u·A u = Σ over pairs of −aᵢⱼ (uᵢ − uⱼ)² + Σᵢ sᵢ uᵢ², sᵢ = Σⱼ aᵢⱼ. So the energy of u = x_d is shared out to unknowns as
//! eᵢ = ½ Σⱼ −aᵢⱼ (xⱼ − xᵢ)_d², for P1 elements k times the volume around the unknown where k is constant. It goes to cells by Πᵀ; a face
//! between cells a and b gets w = 2 w_a w_b / (w_a + w_b), w_c = (Πᵀ e)_c / h². That is k h^(dimension − 2) inside, less where the
//! mesh fills cells in part, and follows jumps of k and its directions along the axes. sᵢ, what couples to Dirichlet values, is
//! the energy of constants, and goes to the cells' coupling to air.
//!
//! Couplings to fixed values are missing from A's rows; eᵢ counts them as sᵢ times the mean (xⱼ − xᵢ)_d² of the others.

use super::Background;
use super::transfer::Transfer;
use crate::operator::voxel::{Field, Layout, Rows, Scaling, Weights};
use crate::sparse::Csr;
use crate::voxel::{FLUID, SOLID};
use rayon::prelude::*;

/// Cells that give less than this to all unknowns together are none themselves.
const LEAST: f32 = 0.02;

/// Sums of rows below this part of their entries are zero but for rounding.
const ROUNDING: f64 = 1e-12;

/// Kinds of cells, the weights, and what unit they are in.
pub(super) fn weights(a: &Csr, background: &Background, transfer: &Transfer, order: &[u32]) -> (Vec<u8>, Weights, f64) {
    let layout = background.layout();
    let shares: Vec<[f32; 4]> = order.par_iter().map(|&i| share(a, background, i as usize)).collect();
    let collect = |part: usize| {
        let mut field = Field::new(layout.len());
        transfer.restrict(&mut field, |k| shares[k][part]);
        field
    };
    let mut air = collect(3);
    let mut given = Field::new(layout.len());
    transfer.restrict(&mut given, |_| 1.0);
    let cells: [Option<Field>; 3] = std::array::from_fn(|axis| background.direction(axis).map(|_| collect(axis)));
    // The typical weight: the mean over what couples, weighted by itself.
    let [sum, squares] = cells.iter().flatten().fold([0.0; 2], |[sum, squares], field| {
        let of = |f: fn(f64) -> f64| field.par_iter().map(|w| f(f64::from(*w))).sum::<f64>();
        [sum + of(|w| w), squares + of(|w| w * w)]
    });
    let size = if sum > 0.0 { squares / sum } else { 1.0 };
    let unit = (1.0 / size) as f32;
    let kind: Vec<u8> = (0..layout.len())
        .into_par_iter()
        .map(|at| {
            let coupled = air[at] > 0.0 || cells.iter().flatten().any(|w| w[at] > 0.0);
            if coupled && given[at] > LEAST { FLUID } else { SOLID }
        })
        .collect();
    air.par_iter_mut().zip(&kind).for_each(|(w, kind)| *w = if *kind == FLUID { (*w * unit).max(0.0) } else { 0.0 });
    let mut weights = Weights::zero(layout);
    weights.air = air;
    for (axis, (field, step)) in cells.iter().zip(layout.steps()).enumerate() {
        if let Some(field) = field {
            faces(layout, &kind, field, step, unit, &mut weights.faces[axis]);
        }
    }
    weights.finish(layout, &Scaling::default(), &Rows::all(layout));
    (kind, weights, size)
}

/// Energies of the layout's directions over h², and of the constant, of unknown `i`.
fn share(a: &Csr, background: &Background, i: usize) -> [f32; 4] {
    let points = background.points();
    let (columns, values) = a.row(i);
    let (mut sum, mut coupled) = (0.0, 0.0);
    let (mut energy, mut square) = ([0.0; 3], [0.0; 3]);
    for (&j, &v) in columns.iter().zip(values) {
        sum += v;
        let j = j as usize;
        if j == i {
            continue;
        }
        coupled += v.abs();
        for d in 0..3 {
            let distance = (points[j][d] - points[i][d]).powi(2);
            energy[d] -= v * distance;
            square[d] += v.abs() * distance;
        }
    }
    let fixed = if sum > ROUNDING * coupled { sum } else { 0.0 };
    let missing = if coupled > 0.0 { fixed / coupled } else { 0.0 };
    let per = 0.5 / background.spacing().powi(2);
    let of = |axis: usize| background.direction(axis).map_or(0.0, |d| per * (energy[d] + missing * square[d]));
    [of(0) as f32, of(1) as f32, of(2) as f32, fixed as f32]
}

/// Weights of the faces to the next cells a `step` on.
fn faces(layout: &Layout, kind: &[u8], cells: &[f32], step: usize, unit: f32, out: &mut [f32]) {
    let start = layout.at(0, 0);
    let length = layout.n[1] * layout.row;
    out[start..].par_chunks_mut(layout.plane).take(layout.n[0]).enumerate().for_each(|(i, out)| {
        let first = start + i * layout.plane;
        for (x, out) in out[..length].iter_mut().enumerate() {
            let (here, next) = (first + x, first + x + step);
            let (a, b) = (cells[here].max(0.0) * unit, cells[next].max(0.0) * unit);
            let joined = kind[here] & kind[next] & FLUID != 0 && a + b > 0.0;
            *out = if joined { 2.0 * a * b / (a + b) } else { 0.0 };
        }
    });
}
