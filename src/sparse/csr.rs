//! Compressed sparse rows: [`Csr`], a square or rectangular matrix of f64 with 32-bit column numbers.

/// A sparse matrix by rows (sprs inside); columns ascend in each row.
#[derive(Debug, Clone, PartialEq)]
pub struct Csr {
    inner: sprs::CsMatI<f64, u32, usize>,
}

impl Csr {
    /// From the three CSR arrays. Panics unless they fit each other and columns ascend in each row.
    pub fn new(nrows: usize, ncols: usize, indptr: Vec<usize>, indices: Vec<u32>, values: Vec<f64>) -> Self {
        Csr { inner: sprs::CsMatI::new((nrows, ncols), indptr, indices, values) }
    }

    /// Number of rows.
    pub fn nrows(&self) -> usize {
        self.inner.rows()
    }

    /// Number of columns.
    pub fn ncols(&self) -> usize {
        self.inner.cols()
    }

    /// Stored entries.
    pub fn nnz(&self) -> usize {
        self.inner.nnz()
    }

    /// Row starts, `nrows + 1` of them.
    pub fn indptr(&self) -> &[usize] {
        self.inner.indptr().into_raw_storage()
    }

    /// Column numbers.
    pub fn indices(&self) -> &[u32] {
        self.inner.indices()
    }

    /// Values.
    pub fn values(&self) -> &[f64] {
        self.inner.data()
    }

    /// Column numbers and values of row `i`.
    pub fn row(&self, i: usize) -> (&[u32], &[f64]) {
        let p = self.indptr();
        (&self.indices()[p[i]..p[i + 1]], &self.values()[p[i]..p[i + 1]])
    }

    /// Bytes of the stored arrays.
    pub fn bytes(&self) -> usize {
        self.nnz() * 12 + (self.nrows() + 1) * 8
    }
}
