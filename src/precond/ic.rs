//! Incomplete Cholesky factorization without fill, IC(0): A + α diag(A) ≈ L D Lᵀ, B = (L D Lᵀ)⁻¹.
//!
//! L is unit lower triangular with the pattern of A's lower triangle, D diagonal and positive. By rows:
//!
//! - lᵢⱼ dⱼ = aᵢⱼ − Σ_{k<j} lᵢₖ dₖ lⱼₖ for every stored aᵢⱼ, j < i,
//! - dᵢ = (1 + α) aᵢᵢ − Σ_{k<i} lᵢₖ² dₖ.
//!
//! α = 0 at first; where a pivot dᵢ is not positive the factorization starts again with a larger shift.
//!
//! References: J. A. Meijerink and H. A. van der Vorst, Math. Comp. 31 (1977), 148-162 (existence for M-matrices),
//! doi:10.1090/S0025-5718-1977-0438681-4; T. A. Manteuffel, Math. Comp. 34 (1980), 473-497 (the shift),
//! doi:10.1090/S0025-5718-1980-0559197-0; C.-J. Lin and J. J. Moré, SIAM J. Sci. Comput. 21 (1999), 24-45 (first shift
//! 1e-3, then doubled), doi:10.1137/S1064827597327334.
//!
//! Departures: the factor is held as S⁻¹ U Uᵀ S⁻¹ with S = D^(−1/2) and U = S L S⁻¹ unit lower triangular, so that solves
//! need no division and no third sweep. U is stored once, by rows: the forward solve gathers along a row and the backward
//! solve scatters along it. The solves are serial.

use super::Preconditioner;
use crate::error::{Error, Result};
use crate::sparse::{Csr, check_symmetric, positive_diagonal};

/// A pivot below this part of its diagonal entry counts as a breakdown.
const SMALLEST_PIVOT: f64 = 1e-10;

/// Settings of [`Ic`].
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IcConfig {
    /// α tried first after a breakdown without shift, as a part of the diagonal; doubled until the pivots are positive
    /// (default 1e-3).
    pub first_shift: f64,
}

impl Default for IcConfig {
    fn default() -> Self {
        IcConfig { first_shift: 1e-3 }
    }
}

/// z <- (L D Lᵀ)⁻¹ r.
#[derive(Debug, Clone)]
pub struct Ic {
    /// Row starts of the strict lower triangle, n + 1.
    indptr: Vec<usize>,
    /// Its columns, ascending in a row.
    indices: Vec<u32>,
    /// Its values: lᵢⱼ while factoring, then uᵢⱼ = sᵢ lᵢⱼ / sⱼ.
    values: Vec<f64>,
    /// 1 / dᵢ while factoring, then sᵢ = dᵢ^(−1/2).
    scaling: Vec<f64>,
    shift: f64,
}

impl IcConfig {
    /// Factors the symmetric matrix `a`.
    ///
    /// Errors: a diagonal entry that is not positive.
    pub fn build(&self, a: &Csr) -> Result<Ic> {
        if !(self.first_shift > 0.0 && self.first_shift.is_finite()) {
            return Err(Error::Option {
                option: "first_shift".into(),
                value: self.first_shift.to_string(),
                what: "the shift is a positive part of the diagonal, such as 1e-3".into(),
            });
        }
        check_symmetric(a)?;
        let diagonal = positive_diagonal(a)?;
        let mut factor = Ic::pattern(a);
        let mut shift = 0.0;
        // With a shift above the number of entries in a row the matrix is strongly diagonally dominant, so this ends.
        while let Err(row) = factor.factorize(a, &diagonal, shift) {
            shift = if shift == 0.0 { self.first_shift } else { 2.0 * shift };
            if shift > 1e6 {
                return Err(Error::Matrix {
                    what: format!("no shift up to 1e6 makes the incomplete pivot of row {row} positive"),
                    help: "off-diagonal entries are far larger than the diagonal: A is not positive definite".into(),
                });
            }
        }
        factor.symmetrize();
        Ok(factor)
    }
}

impl Ic {
    /// Room for a factor with the pattern of `a`'s strict lower triangle.
    fn pattern(a: &Csr) -> Self {
        let n = a.nrows();
        let mut indptr = Vec::with_capacity(n + 1);
        let mut indices = Vec::with_capacity(a.nnz().saturating_sub(n) / 2);
        indptr.push(0);
        for i in 0..n {
            indices.extend(a.row(i).0.iter().copied().take_while(|&j| (j as usize) < i));
            indptr.push(indices.len());
        }
        let values = vec![0.0; indices.len()];
        Ic { indptr, indices, values, scaling: vec![0.0; n], shift: 0.0 }
    }

    /// Computes L and D of A + α diag(A); the row of a pivot that is not positive is the error.
    fn factorize(&mut self, a: &Csr, diagonal: &[f64], shift: f64) -> std::result::Result<(), usize> {
        self.shift = shift;
        for (i, &diagonal) in diagonal.iter().enumerate() {
            let (done, rest) = self.values.split_at_mut(self.indptr[i]);
            let columns = &self.indices[self.indptr[i]..self.indptr[i + 1]];
            let row = &mut rest[..columns.len()];
            row.copy_from_slice(&a.row(i).1[..columns.len()]);
            let mut pivot = (1.0 + shift) * diagonal;
            for at in 0..columns.len() {
                let j = columns[at] as usize;
                let span = self.indptr[j]..self.indptr[j + 1];
                // row[..at] holds lᵢₖ dₖ, row j of `done` holds lⱼₖ
                let w = row[at] - common(&columns[..at], &row[..at], &self.indices[span.clone()], &done[span]);
                row[at] = w;
            }
            for (w, &j) in row.iter_mut().zip(columns) {
                let l = *w * self.scaling[j as usize];
                pivot -= l * *w;
                *w = l;
            }
            if !(pivot > SMALLEST_PIVOT * diagonal && pivot.is_finite()) {
                return Err(i);
            }
            self.scaling[i] = 1.0 / pivot;
        }
        Ok(())
    }

    /// From L and D to U and S.
    fn symmetrize(&mut self) {
        self.scaling.iter_mut().for_each(|s| *s = s.sqrt());
        for i in 0..self.scaling.len() {
            for at in self.indptr[i]..self.indptr[i + 1] {
                self.values[at] *= self.scaling[i] / self.scaling[self.indices[at] as usize];
            }
        }
    }

    /// The shift α that was needed, as a part of the diagonal: 0 for M-matrices.
    pub fn shift(&self) -> f64 {
        self.shift
    }
}

/// Σ uₖ vₖ over the columns k that two sparse rows have in common.
fn common(u_columns: &[u32], u: &[f64], v_columns: &[u32], v: &[f64]) -> f64 {
    let (mut s, mut t, mut total) = (0, 0, 0.0);
    while s < u_columns.len() && t < v_columns.len() {
        match u_columns[s].cmp(&v_columns[t]) {
            std::cmp::Ordering::Less => s += 1,
            std::cmp::Ordering::Greater => t += 1,
            std::cmp::Ordering::Equal => {
                total += u[s] * v[t];
                s += 1;
                t += 1;
            }
        }
    }
    total
}

impl Preconditioner for Ic {
    fn apply(&mut self, r: &[f64], z: &mut [f64]) {
        let row = |i: usize| {
            let span = self.indptr[i]..self.indptr[i + 1];
            self.indices[span.clone()].iter().zip(&self.values[span])
        };
        // U y = S r, y in z
        for (i, (r, s)) in r.iter().zip(&self.scaling).enumerate() {
            let (before, rest) = z.split_at_mut(i);
            rest[0] = row(i).fold(s * r, |y, (&j, u)| y - u * before[j as usize]);
        }
        // Uᵀ S⁻¹ z = y
        for (i, s) in self.scaling.iter().enumerate().rev() {
            let (before, rest) = z.split_at_mut(i);
            let w = rest[0];
            for (&j, u) in row(i) {
                before[j as usize] -= u * w;
            }
            rest[0] = s * w;
        }
    }

    /// Two substitutions; the second reads and writes z once more.
    fn traffic(&self) -> usize {
        2 * self.bytes() + 2 * size_of::<f64>() * self.scaling.len()
    }

    fn bytes(&self) -> usize {
        self.indptr.len() * size_of::<usize>() + self.indices.len() * 12 + self.scaling.len() * size_of::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::LinearOperator;
    use crate::sparse::gallery::{Boundary, lattice, poisson_1d, poisson_2d};

    #[test]
    fn without_fill_to_drop_the_factorization_is_exact() {
        let a = poisson_1d(50);
        let mut ic = IcConfig::default().build(&a).unwrap();
        let x: Vec<f64> = (0..50).map(|i| (i as f64).cos()).collect();
        let (mut b, mut z) = (vec![0.0; 50], vec![0.0; 50]);
        a.apply(&x, &mut b);
        ic.apply(&b, &mut z);
        assert!(x.iter().zip(&z).all(|(x, z)| (x - z).abs() < 1e-12));
        assert_eq!(ic.shift(), 0.0);
    }

    #[test]
    fn the_product_agrees_with_a_on_its_pattern() {
        let a = poisson_2d(6);
        let ic = IcConfig::default().build(&a).unwrap();
        let n = a.nrows();
        // S⁻¹ U
        let mut l = vec![vec![0.0; n]; n];
        for (i, row) in l.iter_mut().enumerate() {
            row[i] = 1.0 / ic.scaling[i];
            for k in ic.indptr[i]..ic.indptr[i + 1] {
                row[ic.indices[k] as usize] = ic.values[k] / ic.scaling[i];
            }
        }
        for i in 0..n {
            let (columns, values) = a.row(i);
            for (&j, v) in columns.iter().zip(values) {
                let product: f64 = (0..n).map(|k| l[i][k] * l[j as usize][k]).sum();
                assert!((product - v).abs() < 1e-14, "({i}, {j})");
            }
        }
    }

    /// Kershaw's matrix: positive definite, yet IC(0) breaks down (J. Comput. Phys. 26 (1978), §3,
    /// doi:10.1016/0021-9991(78)90098-0).
    fn kershaw() -> Csr {
        let dense = [[3.0, -2.0, 0.0, 2.0], [-2.0, 3.0, -2.0, 0.0], [0.0, -2.0, 3.0, -2.0], [2.0, 0.0, -2.0, 3.0]];
        let mut parts = (vec![0], vec![], vec![]);
        for row in dense {
            for (j, v) in row.into_iter().enumerate().filter(|(_, v)| *v != 0.0) {
                parts.1.push(j as u32);
                parts.2.push(v);
            }
            parts.0.push(parts.1.len());
        }
        Csr::new(4, 4, parts.0, parts.1, parts.2)
    }

    #[test]
    fn a_breakdown_is_cured_by_a_shift_that_is_reported() {
        let ic = IcConfig::default().build(&kershaw()).unwrap();
        assert!(ic.shift() > 0.0 && ic.shift() < 1.0, "{}", ic.shift());
        assert!(ic.scaling.iter().all(|d| *d > 0.0));
    }

    #[test]
    fn a_singular_matrix_is_shifted() {
        let ic = IcConfig::default().build(&lattice([30, 1, 1], Boundary::Neumann, |_| 1.0)).unwrap();
        assert_eq!(ic.shift(), 1e-3);
    }

    #[test]
    fn a_matrix_no_shift_can_help_is_refused() {
        let a = Csr::new(2, 2, vec![0, 2, 4], vec![0, 1, 0, 1], vec![1e-9, 1.0, 1.0, 1e-9]);
        assert!(IcConfig::default().build(&a).unwrap_err().to_string().contains("row 1"));
        assert!(IcConfig { first_shift: 0.0 }.build(&a).is_err());
    }
}
