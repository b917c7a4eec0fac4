//! Test problems named by what is special about them, and small helpers. Every test binary uses some of them.
#![allow(dead_code)]

use filet::operator::LinearOperator;
use filet::sparse::Csr;
use filet::sparse::gallery::{Boundary, lattice, poisson_1d, poisson_2d, poisson_3d};
use filet::sparse::vector::{dot, norm2};

/// A system with a known solution.
pub struct Problem {
    pub name: &'static str,
    pub a: Csr,
    pub b: Vec<f64>,
    /// A x = b; of mean zero where A is singular.
    pub x: Vec<f64>,
    pub singular: bool,
}

impl Problem {
    fn new(name: &'static str, a: Csr) -> Self {
        Self::with_solution(name, a, false)
    }

    fn with_solution(name: &'static str, a: Csr, singular: bool) -> Self {
        let mut x = wave(a.nrows(), 0.3);
        if singular {
            let mean = x.iter().sum::<f64>() / x.len() as f64;
            x.iter_mut().for_each(|x| *x -= mean);
        }
        let mut b = vec![0.0; x.len()];
        a.apply(&x, &mut b);
        Problem { name, a, b, x, singular }
    }

    pub fn n(&self) -> usize {
        self.a.nrows()
    }

    /// ‖b − A x‖₂ / ‖b‖₂ of someone's x.
    pub fn relative_residual(&self, x: &[f64]) -> f64 {
        let mut r = vec![0.0; x.len()];
        self.a.residual(&self.b, x, &mut r);
        norm2(&r) / norm2(&self.b)
    }

    /// ‖x − x*‖₂ / ‖x*‖₂ of someone's x.
    pub fn relative_error(&self, x: &[f64]) -> f64 {
        let error: Vec<f64> = x.iter().zip(&self.x).map(|(x, y)| x - y).collect();
        norm2(&error) / norm2(&self.x)
    }
}

/// A bounded vector with all frequencies in it, without a pattern that a lattice could resonate with.
pub fn wave(n: usize, seed: f64) -> Vec<f64> {
    (0..n).map(|i| (seed + 0.37 * i as f64 + 1e-3 * (i as f64).powi(2)).sin() + 0.1).collect()
}

/// The matrix with entry (i, j) times sᵢ sⱼ.
pub fn scaled(a: &Csr, s: impl Fn(usize) -> f64) -> Csr {
    let row = |i: usize| a.row(i).0.iter().zip(a.row(i).1).map(move |(&j, v)| (i, j as usize, v));
    let values = (0..a.nrows()).flat_map(row).map(|(i, j, v)| v * s(i) * s(j)).collect();
    Csr::new(a.nrows(), a.ncols(), a.indptr().to_vec(), a.indices().to_vec(), values)
}

/// Entry by entry, zeros left out.
pub fn from_dense<const N: usize>(rows: [[f64; N]; N]) -> Csr {
    let (mut indptr, mut indices, mut values) = (vec![0], vec![], vec![]);
    for row in rows {
        for (j, v) in row.into_iter().enumerate().filter(|(_, v)| *v != 0.0) {
            indices.push(j as u32);
            values.push(v);
        }
        indptr.push(indices.len());
    }
    Csr::new(N, N, indptr, indices, values)
}

pub fn one_unknown() -> Problem {
    Problem::new("one_unknown", poisson_1d(1))
}

pub fn two_unknowns() -> Problem {
    Problem::new("two_unknowns", poisson_1d(2))
}

/// Not an M-matrix: IC(0) breaks down on it without a shift (Kershaw's matrix).
pub fn symmetric_definite() -> Problem {
    let rows = [[3.0, -2.0, 0.0, 2.0], [-2.0, 3.0, -2.0, 0.0], [0.0, -2.0, 3.0, -2.0], [2.0, 0.0, -2.0, 3.0]];
    Problem::new("symmetric_definite", from_dense(rows))
}

pub fn laplacian_1d() -> Problem {
    Problem::new("laplacian_1d", poisson_1d(60))
}

pub fn laplacian_2d() -> Problem {
    Problem::new("laplacian_2d", poisson_2d(24))
}

pub fn laplacian_3d() -> Problem {
    Problem::new("laplacian_3d", poisson_3d(9))
}

/// A coefficient that jumps by 10³ from one quadrant to the next.
pub fn jumping_coefficient() -> Problem {
    let k = |[i, j, _]: [usize; 3]| if (i < 11) == (j < 9) { 1e3 } else { 1.0 };
    Problem::new("jumping_coefficient", lattice([22, 18, 1], Boundary::Dirichlet, k))
}

/// Diagonal entries from 1 to 10⁸: unknowns in different units.
pub fn graded_diagonal() -> Problem {
    let a = poisson_2d(12);
    let n = a.nrows() as f64;
    Problem::new("graded_diagonal", scaled(&a, |i| 1e4_f64.powf(i as f64 / n)))
}

/// Pure Neumann: the constants are the null space, b is orthogonal to them.
pub fn singular_consistent() -> Problem {
    Problem::with_solution("singular_consistent", lattice([17, 13, 1], Boundary::Neumann, |_| 1.0), true)
}

/// As [`singular_consistent`] with a coefficient, in space.
pub fn singular_consistent_3d() -> Problem {
    let k = |[i, j, k]: [usize; 3]| 1.0 + (i * j + k) as f64;
    Problem::with_solution("singular_consistent_3d", lattice([8, 7, 6], Boundary::Neumann, k), true)
}

/// The positive definite problems.
pub fn definite() -> Vec<Problem> {
    vec![
        one_unknown(),
        two_unknowns(),
        symmetric_definite(),
        laplacian_1d(),
        laplacian_2d(),
        laplacian_3d(),
        jumping_coefficient(),
        graded_diagonal(),
    ]
}

/// The singular, consistent ones.
pub fn singular() -> Vec<Problem> {
    vec![singular_consistent(), singular_consistent_3d()]
}

/// |u·v − w·t| small against the sizes of the vectors.
pub fn agree(u: &[f64], v: &[f64], w: &[f64], t: &[f64]) -> bool {
    (dot(u, v) - dot(w, t)).abs() <= 1e-11 * (norm2(u) * norm2(v)).max(norm2(w) * norm2(t))
}

/// Numbers in [0, 1) that look random.
pub fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    }
}
