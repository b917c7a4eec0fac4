//! Matrices with known properties: for tests, benches and first steps.

use super::Csr;

/// −u″ on n inner points of an interval, Dirichlet at both ends, times h²: tridiagonal (−1, 2, −1).
/// Eigenvalues 2 − 2 cos(kπ/(n+1)), k = 1..n.
pub fn poisson_1d(n: usize) -> Csr {
    lattice([n, 1, 1], Boundary::Dirichlet, |_| 1.0)
}

/// −Δu on n × n inner points of a square, Dirichlet all round, times h²: the 5-point matrix (4; −1).
/// Eigenvalues are sums of two of [`poisson_1d`]'s.
pub fn poisson_2d(n: usize) -> Csr {
    lattice([n, n, 1], Boundary::Dirichlet, |_| 1.0)
}

/// −Δu on n × n × n inner points of a cube, Dirichlet all round, times h: the 7-point matrix (6; −1).
pub fn poisson_3d(n: usize) -> Csr {
    lattice([n, n, n], Boundary::Dirichlet, |_| 1.0)
}

/// What lies outside the lattice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Boundary {
    /// u = 0 one step outside: positive definite.
    Dirichlet,
    /// No flux: singular, the constants are the null space.
    Neumann,
}

/// −∇·(k∇u) on a lattice of `sides[0]` × `sides[1]` × `sides[2]` points (the first runs fastest; a side of 1 counts as
/// absent), with `k` given at the points and averaged harmonically over each link: aᵢⱼ = −2 kᵢkⱼ/(kᵢ+kⱼ), the diagonal is
/// minus the sum of the row's links, those to the outside included for [`Boundary::Dirichlet`] (with k of the point).
pub fn lattice(sides: [usize; 3], boundary: Boundary, k: impl Fn([usize; 3]) -> f64) -> Csr {
    let n: usize = sides.iter().product();
    let stride = [1, sides[0], sides[0] * sides[1]];
    let mut indptr = Vec::with_capacity(n + 1);
    let (mut indices, mut values) = (Vec::with_capacity(7 * n), Vec::with_capacity(7 * n));
    indptr.push(0);
    for i in 0..n {
        let at = [i % sides[0], i / stride[1] % sides[1], i / stride[2]];
        let ki = k(at);
        let outside = if boundary == Boundary::Dirichlet { ki } else { 0.0 };
        let link = |d: usize, to: usize| {
            let mut other = at;
            other[d] = to;
            let kj = k(other);
            2.0 * ki * kj / (ki + kj)
        };
        let mut diagonal = 0.0;
        for d in (0..3).rev().filter(|&d| sides[d] > 1 || d == 0) {
            if at[d] == 0 {
                diagonal += outside;
            } else {
                let weight = link(d, at[d] - 1);
                diagonal += weight;
                indices.push((i - stride[d]) as u32);
                values.push(-weight);
            }
        }
        let middle = indices.len();
        indices.push(i as u32);
        values.push(0.0);
        for d in (0..3).filter(|&d| sides[d] > 1 || d == 0) {
            if at[d] + 1 == sides[d] {
                diagonal += outside;
            } else {
                let weight = link(d, at[d] + 1);
                diagonal += weight;
                indices.push((i + stride[d]) as u32);
                values.push(-weight);
            }
        }
        values[middle] = diagonal;
        indptr.push(indices.len());
    }
    Csr::new(n, n, indptr, indices, values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::LinearOperator;
    use std::f64::consts::PI;

    #[test]
    fn sines_are_eigenvectors_of_poisson_2d() {
        let n = 7;
        let a = poisson_2d(n);
        let wave = |k: usize, i: usize| (k as f64 * PI * (i + 1) as f64 / (n + 1) as f64).sin();
        let eigenvalue = |k: usize| 2.0 - 2.0 * (k as f64 * PI / (n + 1) as f64).cos();
        let v: Vec<f64> = (0..n * n).map(|i| wave(2, i % n) * wave(5, i / n)).collect();
        let mut av = vec![0.0; n * n];
        a.apply(&v, &mut av);
        let lambda = eigenvalue(2) + eigenvalue(5);
        assert!(v.iter().zip(&av).all(|(v, av)| (av - lambda * v).abs() < 1e-13));
    }

    #[test]
    fn constants_are_in_the_null_space_under_neumann() {
        let a = lattice([4, 3, 5], Boundary::Neumann, |[i, j, k]| 1.0 + (i + 2 * j + 3 * k) as f64);
        let mut y = vec![1.0; 60];
        a.apply(&[1.0; 60], &mut y);
        assert!(y.iter().all(|y| y.abs() < 1e-13));
    }

    #[test]
    fn the_middle_row_of_poisson_3d_is_the_7_point_stencil() {
        let a = poisson_3d(3);
        let (columns, values) = a.row(13);
        assert_eq!(columns, [4, 10, 12, 13, 14, 16, 22]);
        assert_eq!(values, [-1.0, -1.0, -1.0, 6.0, -1.0, -1.0, -1.0]);
    }
}
