//! What the Monge-Ampère equation asks of a potential: right-hand sides of its recovered derivatives, the residual, the tensor of
//! Newton's step. Symbols as in `monge_ampere`. Symmetric tensors are stored xx, yy, zz, xy, yz, xz as far as there are dimensions:
//! [xx], [xx, yy, xy] or all six.

use super::boundary::Boundary;
use super::elements::{BLOCK, Elements};
use crate::assembly::Geometry;
use crate::assembly::quadrature::rule;
use crate::mesh::Mesh;
use crate::sparse::vector::{norm2, sum};
use rayon::prelude::*;

/// Eigenvalues of J below this are raised to it in Newton's tensor.
const FLOOR: f64 = 0.05;

/// Rows and columns of the entries of a symmetric tensor with S of them.
const fn entries<const S: usize>() -> [[usize; 2]; S] {
    let all = if S == 3 {
        [[0, 0], [1, 1], [0, 1], [0, 0], [0, 0], [0, 0]]
    } else {
        [[0, 0], [1, 1], [2, 2], [0, 1], [1, 2], [0, 2]]
    };
    let mut out = [[0, 0]; S];
    let mut s = 0;
    while s < S {
        out[s] = all[s];
        s += 1;
    }
    out
}

/// I + H as xx, yy, zz, xy, yz, xz, with ones where there is no dimension.
#[inline]
fn jacobian<const S: usize>(h: &[f64; S]) -> [f64; 6] {
    let mut j = [1.0, 1.0, 1.0, 0.0, 0.0, 0.0];
    for (value, [a, b]) in h.iter().zip(entries::<S>()) {
        let at = if a == b { a } else { [3, 5, 4][a + b - 1] };
        j[at] += value;
    }
    j
}

#[inline]
fn det(j: &[f64; 6]) -> f64 {
    let [xx, yy, zz, xy, yz, xz] = *j;
    xx * (yy * zz - yz * yz) - xy * (xy * zz - yz * xz) + xz * (xy * yz - yy * xz)
}

/// ∫ψ_i ∂_k φ.
pub(super) fn right_side<const D: usize>(elements: &Elements, slopes: &[[f64; 3]]) -> Vec<f64> {
    let share = 1.0 / elements.vertices as f64;
    elements.gather(|corner, sum: &mut [f64; D]| {
        let c = corner / elements.vertices;
        let weight = share * elements.measure[c];
        (0..D).for_each(|k| sum[k] += weight * slopes[c][k]);
    })
}

/// −∫∂_l ψ_i ∂_k φ + ∫_∂ ψ_i (∇φ − (∇φ·n) n)_k n_l.
pub(super) fn hessian<const S: usize>(
    elements: &Elements,
    boundary: &Boundary,
    mesh: &Mesh,
    phi: &[f64],
    slopes: &[[f64; 3]],
) -> Vec<f64> {
    let places = entries::<S>();
    let mut b = elements.gather(|corner, sum: &mut [f64; S]| {
        let c = corner / elements.vertices;
        let (g, slope) = (elements.gradient[corner], slopes[c]);
        for (sum, [k, l]) in sum.iter_mut().zip(places) {
            *sum -= elements.measure[c] * g[l] * slope[k];
        }
    });
    for facet in &boundary.facets {
        let points = &facet.points[..elements.dimension];
        let dofs = points.iter().map(|&v| elements.of_points[v as usize] as usize);
        let along = match elements.dimension {
            1 => continue,
            2 => slope_along::<2>(mesh, points, dofs.clone().map(|i| phi[i])),
            _ => slope_along::<3>(mesh, points, dofs.clone().map(|i| phi[i])),
        };
        let weight = facet.measure / points.len() as f64;
        for i in dofs {
            for (s, [k, l]) in places.into_iter().enumerate() {
                b[i * S + s] += weight * along[k] * facet.normal[l];
            }
        }
    }
    b
}

/// The gradient of φ within a facet.
fn slope_along<const F: usize>(mesh: &Mesh, points: &[u32], phi: impl Iterator<Item = f64>) -> [f64; 3] {
    let geometry = Geometry::<F>::new(&std::array::from_fn(|a| mesh.points[points[a] as usize]));
    let mut along = [0.0; 3];
    for (phi, g) in phi.zip(geometry.gradient) {
        (0..3).for_each(|k| along[k] += phi * g[k]);
    }
    along
}

/// m det J against its mean.
pub(super) struct Residual {
    /// θ
    pub theta: f64,
    /// r
    pub vector: Vec<f64>,
    /// ‖r‖₂ / ‖∫ψ θ‖₂
    pub relative: f64,
}

impl Residual {
    /// By quadrature that is exact for linear m and H.
    pub fn new<const S: usize, const V: usize>(elements: &Elements, m: &[f64], h: &[f64]) -> Self {
        let rule = rule::<V>(V + 1);
        let cells = elements.cells();
        let mut of_corners = vec![0.0; cells * V];
        of_corners.par_chunks_mut(V * BLOCK).enumerate().for_each(|(block, out)| {
            for (i, out) in out.chunks_exact_mut(V).enumerate() {
                let c = block * BLOCK + i;
                let dofs = &elements.dofs[c * V..][..V];
                let m: [f64; V] = std::array::from_fn(|a| m[dofs[a] as usize]);
                let h: [[f64; S]; V] = std::array::from_fn(|a| std::array::from_fn(|s| h[dofs[a] as usize * S + s]));
                for (l, w) in rule.points.iter().zip(&rule.weights) {
                    let density: f64 = (0..V).map(|a| l[a] * m[a]).sum();
                    let at: [f64; S] = std::array::from_fn(|s| (0..V).map(|a| l[a] * h[a][s]).sum());
                    let value = w * elements.measure[c] * density * det(&jacobian(&at));
                    (0..V).for_each(|a| out[a] += l[a] * value);
                }
            }
        });
        let mut vector = elements.gather(|corner, sum: &mut [f64; 1]| sum[0] += of_corners[corner]);
        let theta = sum(&vector) / sum(&elements.weight);
        vector.par_iter_mut().zip(&elements.weight).for_each(|(r, w)| *r -= theta * w);
        let relative = norm2(&vector) / (theta * norm2(&elements.weight)).abs();
        Residual { theta, vector, relative }
    }
}

/// The mean of J over a cell.
fn mean_jacobian(elements: &Elements, c: usize, h: &[f64]) -> [f64; 6] {
    fn mean<const S: usize>(dofs: &[u32], h: &[f64]) -> [f64; 6] {
        let share = 1.0 / dofs.len() as f64;
        jacobian::<S>(&std::array::from_fn(|s| share * dofs.iter().map(|&i| h[i as usize * S + s]).sum::<f64>()))
    }
    match elements.dimension {
        1 => mean::<1>(elements.cell(c), h),
        2 => mean::<3>(elements.cell(c), h),
        _ => mean::<6>(elements.cell(c), h),
    }
}

/// M cof(J) of a cell, the eigenvalues of J floored.
pub(super) fn newton_tensor(elements: &Elements, c: usize, m: &[f64], h: &[f64]) -> [f64; 6] {
    let dofs = elements.cell(c);
    let density = dofs.iter().map(|&i| m[i as usize]).sum::<f64>() / dofs.len() as f64;
    cofactors(&floored(mean_jacobian(elements, c, h))).map(|v| density * v)
}

fn cofactors(j: &[f64; 6]) -> [f64; 6] {
    let [xx, yy, zz, xy, yz, xz] = *j;
    [yy * zz - yz * yz, xx * zz - xz * xz, xx * yy - xy * xy, xz * yz - xy * zz, xy * xz - xx * yz, xy * yz - yy * xz]
}

fn as_matrix(j: &[f64; 6]) -> nalgebra::Matrix3<f64> {
    let [xx, yy, zz, xy, yz, xz] = *j;
    nalgebra::Matrix3::new(xx, xy, xz, xy, yy, yz, xz, yz, zz)
}

/// J with its eigenvalues at least [`FLOOR`].
fn floored(j: [f64; 6]) -> [f64; 6] {
    let [xx, yy, _, xy, ..] = j;
    let above = [xx - FLOOR, yy - FLOOR, j[2] - FLOOR, xy, j[4], j[5]];
    // Sylvester: all is well where J − FLOOR I is positive definite.
    if above[0] > 0.0 && above[0] * above[1] > xy * xy && det(&above) > 0.0 {
        return j;
    }
    let mut eigen = as_matrix(&j).symmetric_eigen();
    eigen.eigenvalues.iter_mut().for_each(|v| *v = v.max(FLOOR));
    let raised = eigen.recompose();
    [raised[(0, 0)], raised[(1, 1)], raised[(2, 2)], raised[(0, 1)], raised[(1, 2)], raised[(0, 2)]]
}

/// The smallest eigenvalue of J over the cells.
pub(super) fn smallest_eigenvalue(elements: &Elements, h: &[f64]) -> f64 {
    let smallest = |c: usize| as_matrix(&mean_jacobian(elements, c, h)).symmetric_eigenvalues().min();
    (0..elements.cells()).into_par_iter().map(smallest).reduce(|| f64::INFINITY, f64::min)
}

/// The smallest ratio of a cell's signed size to what it was.
pub(super) fn det_ratio(mesh: &Mesh, elements: &Elements) -> f64 {
    let ratio = |c: usize| mesh.signed_volume(c) / elements.measure[c];
    // A NaN must not be lost: it counts as tangled.
    let least = |a: f64, b: f64| if a.is_nan() || b.is_nan() { f64::NAN } else { a.min(b) };
    (0..elements.cells()).into_par_iter().with_min_len(BLOCK).map(ratio).reduce(|| f64::INFINITY, least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cofactors_are_det_times_inverse_and_floors_hold() {
        let j = [1.5, 0.8, 1.2, 0.2, -0.1, 0.3];
        let product = as_matrix(&j) * as_matrix(&cofactors(&j));
        assert!((product - nalgebra::Matrix3::identity() * det(&j)).norm() < 1e-14);
        assert_eq!(floored(j), j);
        let raised = as_matrix(&floored([0.5, 0.4, 1.0, 0.9, 0.0, 0.0])).symmetric_eigenvalues();
        assert!((raised.min() - FLOOR).abs() < 1e-12 && raised.max() > 1.3);
        assert_eq!(jacobian(&[0.1, 0.2, 0.3]), [1.1, 1.2, 1.0, 0.3, 0.0, 0.0]);
        assert_eq!(jacobian(&[0.1, 0.2, 0.3, 0.4, 0.5, 0.6]), [1.1, 1.2, 1.3, 0.4, 0.5, 0.6]);
    }
}
