//! Sparse Cholesky factorization P A Pᵀ = L Lᵀ by faer: approximate minimum degree ordering, simplicial or supernodal
//! as the fill asks for. Factor once, solve many.
//!
//! Reference: Y. Chen, T. A. Davis, W. W. Hager and S. Rajamanickam, *Algorithm 887: CHOLMOD*, ACM Trans. Math. Softw.
//! 35 (2008), doi:10.1145/1391989.1391995; ordering: P. R. Amestoy, T. A. Davis and I. S. Duff, SIAM J. Matrix Anal.
//! Appl. 17 (1996), 886-905, doi:10.1137/S0895479894278952.

use super::vector::remove_mean;
use super::{Csr, check_symmetric, positive_diagonal};
use crate::error::{Error, Result};
use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::linalg::solvers::LltError;
use faer::sparse::linalg::cholesky::{self, LltRef, SymbolicCholesky, SymbolicCholeskyRaw, SymmetricOrdering};
use faer::sparse::{FaerError, SparseColMatRef, SymbolicSparseColMatRef};
use faer::{Conj, MatMut, Par, Side};

/// What to do where the factor is too large.
const TOO_LARGE: &str = "solve with conjugate gradients and the amg preconditioner instead";

/// The Cholesky factor of a sparse symmetric positive definite matrix.
pub struct Cholesky {
    symbolic: SymbolicCholesky<u32>,
    values: Vec<f64>,
    scratch: MemBuffer,
    scratch_bytes: usize,
    n: usize,
}

impl Cholesky {
    /// Factors `a`. An error names the row where `a` is not symmetric, or whose pivot is not positive, and the memory
    /// needed where there is too little.
    pub fn new(a: &Csr) -> Result<Self> {
        Self::leading_block(a, a.nrows())
    }

    /// Factors an `a` whose null space is the constants (a pure Neumann problem): the last unknown is pinned to zero,
    /// its row and column left out, which leaves a positive definite matrix. Solutions are shifted to mean zero
    /// afterwards; right-hand sides must have sum zero.
    ///
    /// Errors: as [`new`](Self::new).
    pub fn new_singular_constant(a: &Csr) -> Result<Self> {
        Self::leading_block(a, a.nrows().saturating_sub(1))
    }

    fn leading_block(a: &Csr, block: usize) -> Result<Self> {
        check_symmetric(a)?;
        positive_diagonal(a)?;
        Self::factorize(a, block)
    }

    /// The factor of the first `block` rows and columns.
    fn factorize(a: &Csr, block: usize) -> Result<Self> {
        let (col_ptr, row_idx, values) = lower_triangle(a, block)?;
        let pattern = SymbolicSparseColMatRef::new_checked(block, block, &col_ptr, None, &row_idx);
        let order = SymmetricOrdering::Amd;
        let symbolic = cholesky::factorize_symbolic_cholesky(pattern, Side::Lower, order, Default::default())
            .map_err(|e| refused(e, block))?;
        let factor_scratch = symbolic.factorize_numeric_llt_scratch::<f64>(Par::rayon(0), Default::default());
        let solve_scratch = symbolic.solve_in_place_scratch::<f64>(1, Par::Seq);
        let factor_bytes = symbolic.len_val().saturating_mul(size_of::<f64>());
        check_memory(factor_bytes.saturating_add(factor_scratch.size_bytes()), block)?;
        let mut factor = zeros(symbolic.len_val(), block)?;
        symbolic
            .factorize_numeric_llt(
                &mut factor,
                SparseColMatRef::new(pattern, &values),
                Side::Lower,
                Default::default(),
                Par::rayon(0),
                MemStack::new(&mut buffer(factor_scratch, block)?),
                Default::default(),
            )
            .map_err(|LltError::NonPositivePivot { index }| not_positive_definite(&symbolic, index))?;
        Ok(Cholesky {
            scratch: buffer(solve_scratch, block)?,
            scratch_bytes: solve_scratch.size_bytes(),
            symbolic,
            values: factor,
            n: a.nrows(),
        })
    }

    /// Number of unknowns.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Stored entries of L, explicit zeros of a supernodal factor counted.
    pub fn factor_nonzeros(&self) -> usize {
        self.symbolic.len_val()
    }

    /// Bytes held: the factor, its pattern and the scratch space of a solve.
    pub fn bytes(&self) -> usize {
        let pattern = match self.symbolic.raw() {
            SymbolicCholeskyRaw::Simplicial(l) => l.row_idx().len() + l.col_ptr().len(),
            SymbolicCholeskyRaw::Supernodal(l) => l.row_idx().len() + 5 * l.n_supernodes(),
        };
        self.values.len() * size_of::<f64>() + (pattern + 2 * self.n) * size_of::<u32>() + self.scratch_bytes
    }

    /// x <- A⁻¹ x; for a pinned factor the solution of mean zero. Panics unless `x` has n entries.
    pub fn solve_in_place(&mut self, x: &mut [f64]) {
        assert_eq!(x.len(), self.n, "right-hand side of another length");
        let (block, pinned) = x.split_at_mut(self.symbolic.nrows());
        let rows = block.len();
        LltRef::new(&self.symbolic, &self.values).solve_in_place_with_conj(
            Conj::No,
            MatMut::from_column_major_slice_mut(block, rows, 1),
            Par::Seq,
            MemStack::new(&mut self.scratch),
        );
        if !pinned.is_empty() {
            pinned.fill(0.0);
            remove_mean(x);
        }
    }
}

/// The lower triangle of the leading block by columns: A is symmetric, so column j is the part of row j from the
/// diagonal on.
fn lower_triangle(a: &Csr, block: usize) -> Result<(Vec<u32>, Vec<u32>, Vec<f64>)> {
    let half = a.nnz() / 2 + block;
    let mut col_ptr = Vec::with_capacity(block + 1);
    let (mut row_idx, mut values) = (Vec::with_capacity(half), Vec::with_capacity(half));
    col_ptr.push(0);
    for j in 0..block {
        let (columns, entries) = a.row(j);
        for (&i, &v) in columns.iter().zip(entries).filter(|&(&i, _)| (j..block).contains(&(i as usize))) {
            row_idx.push(i);
            values.push(v);
        }
        col_ptr.push(u32::try_from(row_idx.len()).map_err(|_| refused(FaerError::IndexOverflow, block))?);
    }
    Ok((col_ptr, row_idx, values))
}

fn not_positive_definite(symbolic: &SymbolicCholesky<u32>, index: usize) -> Error {
    // in the order of elimination; faer counts from 1 in simplicial factors and from 0 in supernodal ones
    let pivot = match symbolic.raw() {
        SymbolicCholeskyRaw::Simplicial(_) => index.saturating_sub(1),
        SymbolicCholeskyRaw::Supernodal(_) => index,
    };
    let row = symbolic.perm().and_then(|p| p.arrays().0.get(pivot).copied());
    let place = row.map_or(String::new(), |row| format!(" (the pivot of row {row})"));
    Error::Matrix {
        what: format!("not positive definite{place}"),
        help: "check the sign of the coefficients; without Dirichlet or Robin conditions the matrix is singular".into(),
    }
}

fn zeros(len: usize, n: usize) -> Result<Vec<f64>> {
    let mut values = Vec::new();
    values.try_reserve_exact(len).map_err(|_| refused(FaerError::OutOfMemory, n))?;
    values.resize(len, 0.0);
    Ok(values)
}

fn buffer(request: StackReq, n: usize) -> Result<MemBuffer> {
    MemBuffer::try_new(request).map_err(|_| refused(FaerError::OutOfMemory, n))
}

fn refused(error: FaerError, n: usize) -> Error {
    let what = match error {
        FaerError::IndexOverflow => format!("the Cholesky factor of {n} unknowns has more than 2^31 entries"),
        _ => format!("no memory for the Cholesky factor of {n} unknowns"),
    };
    Error::Matrix { what, help: TOO_LARGE.into() }
}

/// An error if the system says that fewer than `needed` bytes are free.
fn check_memory(needed: usize, n: usize) -> Result<()> {
    match available_memory() {
        Some(available) if needed > available => Err(Error::Matrix {
            what: format!(
                "the Cholesky factor of {n} unknowns needs {:.1} GiB, {:.1} GiB are free",
                needed as f64 / (1u64 << 30) as f64,
                available as f64 / (1u64 << 30) as f64
            ),
            help: TOO_LARGE.into(),
        }),
        _ => Ok(()),
    }
}

/// Bytes that can be allocated without swapping, where the system tells (Linux; a control group's limit counts).
fn available_memory() -> Option<usize> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = meminfo.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    let free = line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()?.saturating_mul(1024);
    let group = |name| std::fs::read_to_string(format!("/sys/fs/cgroup/{name}")).ok()?.trim().parse::<usize>().ok();
    match (group("memory.max"), group("memory.current")) {
        (Some(limit), Some(used)) => Some(free.min(limit.saturating_sub(used))),
        _ => Some(free),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operator::LinearOperator;
    use crate::sparse::gallery::{Boundary, lattice, poisson_2d, poisson_3d};
    use crate::sparse::vector::norm2;

    fn wave(n: usize) -> Vec<f64> {
        (0..n).map(|i| (0.3 * i as f64).sin() + 0.2).collect()
    }

    #[test]
    fn solves_to_rounding_with_simplicial_and_supernodal_factors() {
        for a in [poisson_2d(1), poisson_2d(2), poisson_2d(20), poisson_3d(12)] {
            let n = a.nrows();
            let (x, mut y) = (wave(n), vec![0.0; n]);
            a.apply(&x, &mut y);
            let mut factor = Cholesky::new(&a).unwrap();
            factor.solve_in_place(&mut y);
            let error: Vec<f64> = x.iter().zip(&y).map(|(x, y)| x - y).collect();
            assert!(norm2(&error) < 1e-12 * norm2(&x), "n = {n}");
            assert!(factor.factor_nonzeros() >= (a.nnz() + n) / 2);
            assert!(factor.bytes() >= 8 * factor.factor_nonzeros());
        }
    }

    #[test]
    fn the_factor_has_the_same_bits_for_any_number_of_threads() {
        let a = poisson_3d(16);
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| Cholesky::new(&a).unwrap().values)
        };
        assert_eq!(with(1), with(4));
    }

    #[test]
    fn a_pinned_factor_solves_the_singular_system_with_mean_zero() {
        for sides in [[1, 1, 1], [2, 1, 1], [7, 5, 3]] {
            let mut a = lattice(sides, Boundary::Neumann, |[i, _, _]| 1.0 + i as f64);
            if a.nrows() == 1 {
                a = Csr::new(1, 1, vec![0, 1], vec![0], vec![1.0]);
            }
            let n = a.nrows();
            let mut x = wave(n);
            remove_mean(&mut x);
            let mut y = vec![0.0; n];
            a.apply(&x, &mut y);
            Cholesky::new_singular_constant(&a).unwrap().solve_in_place(&mut y);
            assert!(x.iter().zip(&y).all(|(x, y)| (x - y).abs() < 1e-12), "{sides:?}");
        }
    }

    /// `a` with another unknown beside it whose equation is −x = b.
    fn with_negative_unknown(a: &Csr) -> Csr {
        let n = a.nrows();
        let (mut indptr, mut indices, mut values) = (a.indptr().to_vec(), a.indices().to_vec(), a.values().to_vec());
        indices.push(n as u32);
        values.push(-1.0);
        indptr.push(indices.len());
        Csr::new(n + 1, n + 1, indptr, indices, values)
    }

    #[test]
    fn a_matrix_that_is_not_positive_definite_is_refused_by_row() {
        for (a, kind) in [(poisson_2d(6), "simplicial"), (poisson_3d(20), "supernodal")] {
            let symbolic = Cholesky::new(&a).unwrap().symbolic;
            assert_eq!(matches!(symbolic.raw(), SymbolicCholeskyRaw::Supernodal(_)), kind == "supernodal");
            let a = with_negative_unknown(&a);
            let n = a.nrows();
            let error = Cholesky::factorize(&a, n).err().unwrap().to_string();
            assert_eq!(error, format!("matrix: not positive definite (the pivot of row {})", n - 1), "{kind}");
        }
        let indefinite = Csr::new(2, 2, vec![0, 2, 4], vec![0, 1, 0, 1], vec![1.0, 2.0, 2.0, 1.0]);
        assert!(Cholesky::new(&indefinite).err().unwrap().to_string().starts_with("matrix: not positive definite"));
    }

    #[test]
    fn too_large_a_factor_is_refused_before_it_is_allocated() {
        let error = check_memory(usize::MAX, 5);
        if available_memory().is_some() {
            let error = error.unwrap_err();
            assert!(error.to_string().contains("the Cholesky factor of 5 unknowns needs"), "{error}");
            assert!(error.help().unwrap().contains("amg"));
        }
        assert!(check_memory(1, 5).is_ok());
    }
}
