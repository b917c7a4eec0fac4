//! Conjugate gradients on sparse rows, without preconditioner, with the diagonal or with algebraic multigrid:
//! [`cg`](fn@crate::solver::cg) on the GPU. The hierarchy is set up on the processors and copied there once; its cycle is in single
//! precision.

use super::method::{CudaMethod, Step, Vectors};
use super::{Finish, Slot, usable};
use crate::device::cuda::{Buffer, CSR, Cuda, KRYLOV, Shape, int, optional, real};
use crate::error::{Error, Result};
use crate::precond::amg::{AmgConfig, CudaAmgPreconditioner, Precision};
use crate::solver::Method;
use crate::solver::method::levels;
use crate::sparse::Csr;
use std::sync::Arc;

/// Rows a block multiplies: ROWS of `kernels/csr.cu`.
const ROWS: usize = 32;

/// Matrix, preconditioner and vectors on the device.
pub(in crate::solver) struct CudaRows {
    on: Vectors,
    n: usize,
    starts: Buffer<i32>,
    columns: Buffer<i32>,
    values: Buffer<f64>,
    m: With,
    p: Buffer<f64>,
    q: Buffer<f64>,
    /// What was set up, in words.
    pub summary: String,
}

/// B.
enum With {
    /// One over the diagonal, or 1.
    Diagonal(Option<Buffer<f64>>),
    Amg {
        amg: Box<CudaAmgPreconditioner>,
        /// Whether the next direction is z alone.
        fresh: bool,
    },
}

impl With {
    fn diagonal(&self) -> Option<&Buffer<f64>> {
        match self {
            With::Diagonal(inverse) => inverse.as_ref(),
            With::Amg { .. } => None,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            With::Diagonal(inverse) => inverse.as_ref().map_or(0, |d| 8 * d.len()),
            With::Amg { amg, .. } => amg.bytes(),
        }
    }
}

impl CudaRows {
    /// Copies `a` to the device, for the method `cg`, `pcg-jacobi` or `pcg-amg`.
    ///
    /// Errors: as [`AmgConfig::build`]; 2³¹ entries or more; no memory left on the device.
    pub fn new(cuda: &Arc<Cuda>, a: &Csr, method: Method, amg: &AmgConfig) -> Result<Self> {
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
        let (m, summary) = match method {
            Method::PcgAmg => {
                let host = AmgConfig { precision: Precision::F32, ..amg.clone() }.build(a)?;
                let amg = Box::new(CudaAmgPreconditioner::new(cuda, &host)?);
                (With::Amg { amg, fresh: true }, format!("{}, on the GPU", levels(&host)))
            }
            Method::PcgJacobi => {
                let inverse: Vec<f64> = (0..n).map(|i| 1.0 / diagonal(i)).collect();
                (With::Diagonal(Some(cuda.upload(&inverse)?)), "jacobi: the diagonal, on the GPU".into())
            }
            _ => (With::Diagonal(None), "none, on the GPU".into()),
        };
        Ok(CudaRows {
            on: Vectors::new(cuda, n, n.div_ceil(ROWS).max(Shape::walk(n).count()))?,
            n,
            starts: cuda.upload(&starts)?,
            columns: cuda.upload(&columns)?,
            values: cuda.upload(a.values())?,
            m,
            p: cuda.zeros(n)?,
            q: cuda.zeros(n)?,
            summary,
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
        12 * self.values.len() + 4 * (self.n + 1) + 5 * 8 * self.n + self.m.bytes()
    }

    fn restart(&mut self, scale: f64) -> Result<f64> {
        self.multiply(true)?;
        let CudaRows { on, n, m, q, .. } = self;
        let Vectors { cuda, b, r, numbers, .. } = on;
        let (walk, numbers) = (Shape::walk(*n), [real(scale), numbers.parts.set(), int(*n)]);
        let args = [&[r.set(), b.get(), q.get(), optional(m.diagonal())], &numbers[..]].concat();
        cuda.launch(&KRYLOV, "jacobi_residual", walk, &args)?;
        // β becomes 0.
        on.finish(walk.count(), 2, Finish::Jacobi, 1)?;
        if let With::Amg { fresh, .. } = m {
            *fresh = true;
        }
        Ok(on.read()?(Slot::Rr).sqrt())
    }

    fn step(&mut self, scale: f64, _: &mut usize) -> Result<Step> {
        let CudaRows { on, n, m, p, .. } = &mut *self;
        let walk = Shape::walk(*n);
        if let With::Amg { amg, fresh } = m {
            let parts = amg.apply(&on.r, &mut on.numbers.parts)?;
            on.finish(parts, 1, Finish::Preconditioned, usize::from(std::mem::take(fresh)))?;
        }
        let [z, inverse] = match &*m {
            With::Diagonal(inverse) => [on.r.get(), optional(inverse.as_ref())],
            With::Amg { amg, .. } => [amg.z.get(), optional::<f64>(None)],
        };
        let args = [p.update(), z, inverse, on.numbers.scalars.get(), int(*n)];
        on.cuda.launch(&KRYLOV, "jacobi_direction", walk, &args)?;
        let parts = self.multiply(false)?;
        let CudaRows { on, n, m, p, q, .. } = self;
        on.finish(parts, 1, Finish::CurvatureOfCg, 0)?;
        let Vectors { cuda, x, r, numbers, .. } = on;
        let vectors = [x.update(), r.update(), p.get(), q.get()];
        let rest = [numbers.scalars.get(), real(scale), numbers.parts.set(), int(*n)];
        match m {
            With::Diagonal(inverse) => {
                let args = [&vectors[..], &[optional(inverse.as_ref())], &rest].concat();
                cuda.launch(&KRYLOV, "jacobi_step", walk, &args)?;
                on.finish(walk.count(), 2, Finish::Jacobi, 0)?;
            }
            With::Amg { .. } => {
                cuda.launch(&KRYLOV, "step", walk, &[&vectors[..], &rest].concat())?;
                on.finish(walk.count(), 1, Finish::Norm, 0)?;
            }
        }
        let of = on.read()?;
        for (quantity, slot, moved) in [("r·z", Slot::Rz, true), ("p·Ap", Slot::Pq, of(Slot::Alpha) > 0.0)] {
            if !usable(of(slot)) || !moved {
                return Ok(Step::Stuck(quantity, of(slot)));
            }
        }
        Ok(Step::Moved { norm: of(Slot::Rr).sqrt(), drifted: false })
    }
}
