//! Conjugate gradients on sparse rows, without preconditioner or with the diagonal: [`cg`](fn@crate::solver::cg) on the GPU.

use super::{Finish, Numbers, Slot, usable};
use crate::device::cuda::{Buffer, CSR, Cuda, KRYLOV, Shape, int, real};
use crate::error::{Error, Result};
use crate::solver::task::Task;
use crate::solver::{Observer, Outcome, Report, StopRule};
use crate::sparse::Csr;
use std::sync::Arc;

/// Rows a block multiplies: ROWS of `kernels/csr.cu`.
const ROWS: usize = 32;

/// Matrix and vectors on the device.
pub struct CudaRows {
    cuda: Arc<Cuda>,
    n: usize,
    starts: Buffer<i32>,
    columns: Buffer<i32>,
    values: Buffer<f64>,
    /// B: one over the diagonal, or ones.
    inverse: Buffer<f64>,
    x: Buffer<f64>,
    b: Buffer<f64>,
    r: Buffer<f64>,
    p: Buffer<f64>,
    q: Buffer<f64>,
    numbers: Numbers,
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
            cuda: cuda.clone(),
            n,
            starts: cuda.upload(&starts)?,
            columns: cuda.upload(&columns)?,
            values: cuda.upload(a.values())?,
            inverse: cuda.upload(&inverse)?,
            x: cuda.zeros(n)?,
            b: cuda.zeros(n)?,
            r: cuda.zeros(n)?,
            p: cuda.zeros(n)?,
            q: cuda.zeros(n)?,
            numbers: Numbers::new(cuda, n.div_ceil(ROWS).max(Shape::walk(n).count()))?,
        })
    }

    /// Bytes on the device.
    pub fn bytes(&self) -> usize {
        12 * self.values.len() + 4 * (self.n + 1) + 6 * 8 * self.n
    }

    /// Solves A x = b from the guess in `x`; `a` is the matrix this was made for.
    ///
    /// Errors: sizes or tolerances that make no sense; a fault of the device.
    pub fn solve(
        &mut self,
        a: &Csr,
        b: &[f64],
        x: &mut [f64],
        stop: &StopRule,
        watch: &mut Observer,
    ) -> Result<Report> {
        let mut report = Report::empty(self.bytes());
        match Task::begin(a, b, x, stop, &mut report)? {
            Err(outcome) => report.outcome = outcome,
            Ok(mut task) => {
                let cuda = self.cuda.clone();
                cuda.write(b, &mut self.b)?;
                cuda.write(x, &mut self.x)?;
                report.outcome = self.iterate(&cuda, &mut task, x, stop.max_iterations, &mut report, watch)?;
                cuda.download(&self.x, x)?;
                report.seconds = task.seconds();
            }
        }
        Ok(report)
    }

    /// `y` <- A `x`; leaves parts of x·y, as many as it returns.
    fn multiply(&mut self, of_x: bool) -> Result<usize> {
        let CudaRows { cuda, n, starts, columns, values, x, p, q, numbers, .. } = self;
        let x = if of_x { x } else { p };
        let shape = Shape { blocks: [n.div_ceil(ROWS), 1, 1], ..Shape::one() };
        let matrix = [starts.get(), columns.get(), values.get()];
        let [starts, columns, values] = matrix;
        let args = [q.set(), x.get(), starts, columns, values, numbers.parts.set(), int(*n)];
        cuda.launch(&CSR, "multiply_rows", shape, &args)?;
        Ok(shape.count())
    }

    /// r <- s (b − A x); returns ‖r‖₂. β becomes 0.
    fn residual(&mut self, cuda: &Cuda, scale: f64) -> Result<f64> {
        self.multiply(true)?;
        let shape = Shape::walk(self.n);
        let CudaRows { n, inverse, b, r, q, numbers, .. } = self;
        let args = [r.set(), b.get(), q.get(), inverse.get(), real(scale), numbers.parts.set(), int(*n)];
        cuda.launch(&KRYLOV, "jacobi_residual", shape, &args)?;
        numbers.finish(cuda, shape.count(), 2, Finish::Jacobi, 1)?;
        Ok(numbers.read(cuda)?(Slot::Rr).sqrt())
    }

    fn iterate(
        &mut self,
        cuda: &Cuda,
        task: &mut Task<'_>,
        host_x: &[f64],
        max_iterations: usize,
        report: &mut Report,
        watch: &mut Observer,
    ) -> Result<Outcome> {
        let (n, scale, walk) = (self.n, task.scale, Shape::walk(self.n));
        if let Err(outcome) = task.begun(self.residual(cuda, scale)?, report) {
            return Ok(outcome);
        }
        for _ in 0..max_iterations {
            let CudaRows { inverse, r, p, numbers, .. } = &mut *self;
            let args = [p.update(), r.get(), inverse.get(), numbers.scalars.get(), int(n)];
            cuda.launch(&KRYLOV, "jacobi_direction", walk, &args)?;
            let blocks = self.multiply(false)?;
            let CudaRows { inverse, x, r, p, q, numbers, .. } = &mut *self;
            numbers.finish(cuda, blocks, 1, Finish::CurvatureOfCg, 0)?;
            let vectors = [x.update(), r.update(), p.get(), q.get(), inverse.get(), numbers.scalars.get()];
            let rest = [real(scale), numbers.parts.set(), int(n)];
            cuda.launch(&KRYLOV, "jacobi_step", walk, &[&vectors[..], &rest].concat())?;
            numbers.finish(cuda, walk.count(), 2, Finish::Jacobi, 0)?;
            let of = numbers.read(cuda)?;
            if !usable(of(Slot::Pq)) || of(Slot::Alpha) <= 0.0 {
                let norm = self.residual(cuda, scale)?;
                return Ok(task.broken("p·Ap", of(Slot::Pq), norm, report));
            }
            let mut norm = of(Slot::Rr).sqrt();
            let mut outcome = None;
            if task.due(norm) || !norm.is_finite() {
                norm = self.residual(cuda, scale)?;
                outcome = task.confirmed(norm, report);
            }
            let stopped = task.record(norm, host_x, report, watch);
            if let Some(outcome) = outcome.or(stopped) {
                return Ok(outcome);
            }
        }
        Ok(Outcome::MaxIterations)
    }
}
