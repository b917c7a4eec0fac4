//! Conjugate gradients on sparse rows, without preconditioner or with the diagonal: [`cg`](fn@crate::solver::cg) on the GPU.

use super::method::{CudaMethod, Step, Vectors};
use super::{Finish, Slot, usable};
use crate::device::cuda::{Buffer, CSR, Cuda, KRYLOV, Shape, int, real};
use crate::error::{Error, Result};
use crate::sparse::Csr;
use std::sync::Arc;

/// Rows a block multiplies: ROWS of `kernels/csr.cu`.
const ROWS: usize = 32;

/// Matrix and vectors on the device.
pub(in crate::solver) struct CudaRows {
    on: Vectors,
    n: usize,
    starts: Buffer<i32>,
    columns: Buffer<i32>,
    values: Buffer<f64>,
    /// B: one over the diagonal, or ones.
    inverse: Buffer<f64>,
    p: Buffer<f64>,
    q: Buffer<f64>,
}

impl CudaRows {
    /// Copies `a` to the device; `jacobi`: with the diagonal as preconditioner.
    ///
    /// Errors: 2³¹ entries or more; no memory left on the device.
    pub fn new(cuda: &Arc<Cuda>, a: &Csr, jacobi: bool) -> Result<Self> {
        let n = a.nrows();
        if i32::try_from(a.nnz()).is_err() {
            return Err(Error::Device {
                what: format!("a matrix of {} entries: kernels count in 32 bits", a.nnz()),
                help: "take --device cpu".into(),
            });
        }
        let small = |v: usize| v as i32;
        let starts: Vec<i32> = a.indptr().iter().map(|v| small(*v)).collect();
        let columns: Vec<i32> = a.indices().iter().map(|v| small(*v as usize)).collect();
        let diagonal = |i: usize| {
            let (columns, values) = a.row(i);
            columns.iter().position(|c| *c as usize == i).map_or(1.0, |at| values[at])
        };
        let inverse: Vec<f64> = (0..n).map(|i| if jacobi { 1.0 / diagonal(i) } else { 1.0 }).collect();
        Ok(CudaRows {
            on: Vectors::new(cuda, n, n.div_ceil(ROWS).max(Shape::walk(n).count()))?,
            n,
            starts: cuda.upload(&starts)?,
            columns: cuda.upload(&columns)?,
            values: cuda.upload(a.values())?,
            inverse: cuda.upload(&inverse)?,
            p: cuda.zeros(n)?,
            q: cuda.zeros(n)?,
        })
    }

    /// `y` <- A `x`, or A p; leaves parts of x·y, as many as it returns.
    fn multiply(&mut self, of_x: bool) -> Result<usize> {
        let CudaRows { on, n, starts, columns, values, p, q, .. } = self;
        let Vectors { cuda, x, numbers, .. } = on;
        let x = if of_x { x } else { p };
        let shape = Shape { blocks: [n.div_ceil(ROWS), 1, 1], ..Shape::one() };
        let [starts, columns, values] = [starts.get(), columns.get(), values.get()];
        let args = [q.set(), x.get(), starts, columns, values, numbers.parts.set(), int(*n)];
        cuda.launch(&CSR, "multiply_rows", shape, &args)?;
        Ok(shape.count())
    }
}

impl CudaMethod for CudaRows {
    fn vectors(&mut self) -> &mut Vectors {
        &mut self.on
    }

    fn bytes(&self) -> usize {
        12 * self.values.len() + 4 * (self.n + 1) + 6 * 8 * self.n
    }

    fn restart(&mut self, scale: f64) -> Result<f64> {
        self.multiply(true)?;
        let CudaRows { on, n, inverse, q, .. } = self;
        let Vectors { cuda, b, r, numbers, .. } = on;
        let (walk, numbers) = (Shape::walk(*n), [real(scale), numbers.parts.set(), int(*n)]);
        let args = [&[r.set(), b.get(), q.get(), inverse.get()], &numbers[..]].concat();
        cuda.launch(&KRYLOV, "jacobi_residual", walk, &args)?;
        // β becomes 0.
        on.finish(walk.count(), 2, Finish::Jacobi, 1)?;
        Ok(on.read()?(Slot::Rr).sqrt())
    }

    fn step(&mut self, scale: f64, _: &mut usize) -> Result<Step> {
        let walk = Shape::walk(self.n);
        let CudaRows { on, n, inverse, p, .. } = &mut *self;
        let args = [p.update(), on.r.get(), inverse.get(), on.numbers.scalars.get(), int(*n)];
        on.cuda.launch(&KRYLOV, "jacobi_direction", walk, &args)?;
        let parts = self.multiply(false)?;
        let CudaRows { on, n, inverse, p, q, .. } = self;
        on.finish(parts, 1, Finish::CurvatureOfCg, 0)?;
        let Vectors { cuda, x, r, numbers, .. } = on;
        let vectors = [x.update(), r.update(), p.get(), q.get(), inverse.get(), numbers.scalars.get()];
        let rest = [real(scale), numbers.parts.set(), int(*n)];
        cuda.launch(&KRYLOV, "jacobi_step", walk, &[&vectors[..], &rest].concat())?;
        on.finish(walk.count(), 2, Finish::Jacobi, 0)?;
        let of = on.read()?;
        if !usable(of(Slot::Pq)) || of(Slot::Alpha) <= 0.0 {
            return Ok(Step::Stuck("p·Ap", of(Slot::Pq)));
        }
        Ok(Step::Moved { norm: of(Slot::Rr).sqrt(), drifted: false })
    }
}
