//! How evenly the monitor is spread over the cells, and whether the cells are sound.
//!
//! I_K = ∫_K m dx / |K₀| with m linear on the moved cell K and |K₀| its size before. Equidistribution is I_K = const; the
//! volume ratio is max I / min I, the variation std I / mean I.

use super::elements::Elements;
use crate::mesh::Mesh;
use crate::mesh::quality::min_angle;
use rayon::prelude::*;

/// The numbers of one mesh under one monitor.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Spread {
    /// std I / mean I over the cells.
    pub variation: f64,
    /// max I / min I.
    pub volume_ratio: f64,
    /// Smallest ratio of a cell's signed size to what it was.
    pub min_det: f64,
    /// Smallest angle in degrees; none in one dimension.
    pub min_angle: Option<f64>,
    /// Cells without positive size.
    pub tangled: usize,
}

/// ∫_K m dx / |K₀| of each cell, m given at the degrees of freedom.
pub(super) fn cell_integrals(mesh: &Mesh, elements: &Elements, m: &[f64]) -> Vec<f64> {
    let cell = |c: usize| {
        let mean = elements.cell(c).iter().map(|&i| m[i as usize]).sum::<f64>() / elements.vertices as f64;
        mean * mesh.signed_volume(c) / elements.measure[c]
    };
    (0..elements.cells()).into_par_iter().with_min_len(2048).map(cell).collect()
}

/// Each cell's share of the monitor: ∫_K m dx / |K₀| over its mean, K₀ the cell of `before`; m is given at the points. 1 everywhere
/// is equidistribution.
pub fn cell_densities(before: &Mesh, moved: &Mesh, m: &[f64]) -> Vec<f64> {
    let cell = |c: usize| {
        let mean = moved.cell(c).iter().map(|&v| m[v as usize]).sum::<f64>() / moved.kind.vertices() as f64;
        mean * moved.signed_volume(c) / before.signed_volume(c)
    };
    let integrals: Vec<f64> = (0..moved.cell_count()).map(cell).collect();
    let mean = integrals.iter().sum::<f64>() / integrals.len().max(1) as f64;
    integrals.into_iter().map(|i| i / mean).collect()
}

impl Spread {
    /// Of the moved `mesh`, `elements` those of the mesh before, m given at the degrees of freedom.
    pub(super) fn of(mesh: &Mesh, elements: &Elements, m: &[f64]) -> Self {
        let integrals = cell_integrals(mesh, elements, m);
        let count = integrals.len().max(1) as f64;
        let mean = integrals.iter().sum::<f64>() / count;
        let variance = integrals.iter().map(|i| (i - mean).powi(2)).sum::<f64>() / count;
        let (low, high) = integrals.iter().fold((f64::INFINITY, 0.0f64), |(l, h), &i| (l.min(i), h.max(i)));
        let dets = || (0..elements.cells()).map(|c| mesh.signed_volume(c) / elements.measure[c]);
        Spread {
            variation: variance.sqrt() / mean,
            volume_ratio: high / low,
            min_det: dets().fold(f64::INFINITY, f64::min),
            min_angle: min_angle(mesh),
            tangled: dets().filter(|d| d.is_nan() || *d <= 0.0).count(),
        }
    }
}
