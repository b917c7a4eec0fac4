//! Potentials on the unit square as cosine series, which satisfy ∂φ/∂n = 0 whatever their coefficients:
//!
//! φ(ξ) = Σ c_ij cos(iπξ₁) cos(jπξ₂) / π²(i² + j²),   i, j < MODES, c₀₀ left out
//!
//! so that coefficients are of the size of second derivatives. All derivatives are exact.

use std::f64::consts::PI;

/// Modes in each direction.
pub const MODES: usize = 16;

/// Derivatives of φ at a point: [φ_x, φ_y, φ_xx, φ_yy, φ_xy].
pub type Derivatives = [f64; 5];

/// Values cos(iπξ), their first and second derivatives, at some places.
#[derive(Debug, Clone)]
pub struct Table {
    /// `[cos, −iπ sin, −(iπ)² cos]` of all modes at each place.
    places: Vec<[[f64; MODES]; 3]>,
}

impl Table {
    /// At these places in [0, 1].
    pub fn new(places: impl Iterator<Item = f64>) -> Self {
        Table { places: places.map(modes).collect() }
    }

    /// How many places.
    pub fn len(&self) -> usize {
        self.places.len()
    }
}

/// `[cos, −iπ sin, −(iπ)² cos]` of all modes at a place, by the recurrence cos (i + 1)t = 2 cos t cos it − cos (i − 1)t.
fn modes(x: f64) -> [[f64; MODES]; 3] {
    let (sin, cos) = (PI * x).sin_cos();
    let mut out = [[0.0; MODES]; 3];
    let [mut before, mut now] = [[cos, -sin], [1.0, 0.0]];
    for i in 0..MODES {
        let k = i as f64 * PI;
        (out[0][i], out[1][i], out[2][i]) = (now[0], -k * now[1], -k * k * now[0]);
        let next = [0, 1].map(|s| 2.0 * cos * now[s] - before[s]);
        (before, now) = (now, next);
    }
    out
}

fn weight(i: usize, j: usize) -> f64 {
    if i + j == 0 { 0.0 } else { 1.0 / (PI * PI * (i * i + j * j) as f64) }
}

/// Which derivatives along x and y make which entry of [`Derivatives`].
const ORDERS: [[usize; 2]; 5] = [[1, 0], [0, 1], [2, 0], [0, 2], [1, 1]];

/// The derivatives of the series with coefficients c (i major) at all pairs of places, x major.
pub fn derivatives(c: &[f64], x: &Table, y: &Table) -> Vec<Derivatives> {
    // along[order][q][i] = Σ_j c_ij w_ij f_j(y_q)
    let along = |order: usize| -> Vec<[f64; MODES]> {
        let at = |place: &[[f64; MODES]; 3]| {
            std::array::from_fn(|i| (0..MODES).map(|j| c[i * MODES + j] * weight(i, j) * place[order][j]).sum())
        };
        y.places.iter().map(at).collect()
    };
    let along = [along(0), along(1), along(2)];
    let mut out = Vec::with_capacity(x.len() * y.len());
    for px in &x.places {
        for q in 0..y.len() {
            out.push(ORDERS.map(|[a, b]| (0..MODES).map(|i| px[a][i] * along[b][q][i]).sum()));
        }
    }
    out
}

/// The transpose: from what depends on the derivatives, as its gradient, to its gradient for the coefficients.
pub fn transposed(gradient: &[Derivatives], x: &Table, y: &Table) -> Vec<f64> {
    let mut along = vec![[[0.0; MODES]; 3]; y.len()];
    for (p, px) in x.places.iter().enumerate() {
        for (q, along) in along.iter_mut().enumerate() {
            for (g, [a, b]) in gradient[p * y.len() + q].iter().zip(ORDERS) {
                (0..MODES).for_each(|i| along[b][i] += g * px[a][i]);
            }
        }
    }
    let mut out = vec![0.0; MODES * MODES];
    for (along, py) in along.iter().zip(&y.places) {
        for (along, py) in along.iter().zip(py) {
            for i in 0..MODES {
                (0..MODES).for_each(|j| out[i * MODES + j] += weight(i, j) * along[i] * py[j]);
            }
        }
    }
    out
}

/// φ and ∇φ at one point.
pub fn at(c: &[f64], p: [f64; 2]) -> (f64, [f64; 2]) {
    let [x, y] = p.map(modes);
    let mut out = [0.0; 3];
    for i in 0..MODES {
        for j in 0..MODES {
            let c = c[i * MODES + j] * weight(i, j);
            out[0] += c * x[0][i] * y[0][j];
            out[1] += c * x[1][i] * y[0][j];
            out[2] += c * x[0][i] * y[1][j];
        }
    }
    (out[0], [out[1], out[2]])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coefficients() -> Vec<f64> {
        (0..MODES * MODES).map(|k| (0.7 * k as f64).sin() / (1.0 + k as f64)).collect()
    }

    #[test]
    fn derivatives_are_differences_and_vanish_across_the_sides() {
        let c = coefficients();
        let (p, h) = ([0.3, 0.65], 1e-4);
        let phi = |s: f64, t: f64| at(&c, [p[0] + s, p[1] + t]).0;
        let centre = phi(0.0, 0.0);
        let expected = [
            (phi(h, 0.0) - phi(-h, 0.0)) / (2.0 * h),
            (phi(0.0, h) - phi(0.0, -h)) / (2.0 * h),
            (phi(h, 0.0) - 2.0 * centre + phi(-h, 0.0)) / (h * h),
            (phi(0.0, h) - 2.0 * centre + phi(0.0, -h)) / (h * h),
            (phi(h, h) - phi(h, -h) - phi(-h, h) + phi(-h, -h)) / (4.0 * h * h),
        ];
        let table = |x: f64| Table::new(std::iter::once(x));
        let found = derivatives(&c, &table(p[0]), &table(p[1]))[0];
        assert!((0..5).all(|k| (found[k] - expected[k]).abs() < 1e-5), "{found:?} {expected:?}");
        assert!(at(&c, [1.0, 0.4]).1[0].abs() < 1e-14 && at(&c, [0.2, 0.0]).1[1].abs() < 1e-14);
    }

    #[test]
    fn the_transpose_is_adjoint() {
        let tables = [Table::new([0.1, 0.5, 0.8].into_iter()), Table::new([0.2, 0.9].into_iter())];
        let g: Vec<Derivatives> = (0..6).map(|p| std::array::from_fn(|k| (0.3 * (5 * p + k) as f64).cos())).collect();
        let c = coefficients();
        let forward = derivatives(&c, &tables[0], &tables[1]);
        let left: f64 = forward.iter().zip(&g).map(|(a, b)| (0..5).map(|k| a[k] * b[k]).sum::<f64>()).sum();
        let right: f64 = transposed(&g, &tables[0], &tables[1]).iter().zip(&c).map(|(a, b)| a * b).sum();
        assert!((left - right).abs() < 1e-9 * left.abs().max(1.0), "{left} {right}");
    }
}
