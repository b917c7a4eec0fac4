//! The hierarchy's V-cycle on the GPU, in single precision: `kernels/amg.cu` has the sweeps.
//!
//! Vectors stay in the order of the hierarchy, scaled to a unit diagonal: whoever fills b and reads the solution goes by
//! [`CudaAmg::unknowns`] and [`CudaAmg::scale`]. They are not brought to a safe range first, as on the processors.

use super::cycle::{Below, Level as HostLevel, Sorted as HostSorted};
use super::{Amg, Cycle};
use crate::device::cuda::{AMG, Arg, Buffer, Cuda, Shape, float, int, real};
use crate::error::Result;
use crate::sparse::{Packed, WINDOW};
use std::sync::Arc;

/// The levels on the device.
pub(crate) struct CudaAmg {
    cuda: Arc<Cuda>,
    levels: Vec<Level>,
    /// The unknown that each row of the finest level stands for.
    pub unknowns: Vec<u32>,
    /// The diagonal of S, by row.
    pub scale: Vec<f32>,
    /// What the solution is multiplied by besides S.
    pub factor: f32,
    bytes: usize,
}

/// The hierarchy of a matrix as a preconditioner on the device: z <- B r in the order of its unknowns.
pub(crate) struct CudaAmgPreconditioner {
    amg: CudaAmg,
    unknowns: Buffer<i32>,
    scale: Buffer<f32>,
    /// z.
    pub z: Buffer<f64>,
}

impl CudaAmgPreconditioner {
    /// Copies the hierarchy to the device.
    ///
    /// Errors: no memory left on the device.
    ///
    /// # Panics
    ///
    /// Where it is in double precision.
    pub fn new(cuda: &Arc<Cuda>, host: &Amg) -> Result<Self> {
        let amg = CudaAmg::new(cuda, host)?;
        let unknowns: Vec<i32> = amg.unknowns.iter().map(|u| *u as i32).collect();
        let (unknowns, scale) = (cuda.upload(&unknowns)?, cuda.upload(&amg.scale)?);
        Ok(CudaAmgPreconditioner { z: cuda.zeros(scale.len())?, amg, unknowns, scale })
    }

    /// z <- B r; leaves parts of r·z, as many as it returns.
    ///
    /// Errors: a launch that fails.
    pub fn apply(&mut self, r: &Buffer<f64>, parts: &mut Buffer<f64>) -> Result<usize> {
        let CudaAmgPreconditioner { amg, unknowns, scale, z } = self;
        let (cuda, n, factor) = (amg.cuda.clone(), scale.len(), f64::from(amg.factor));
        let finest = amg.finest();
        let take = float(finest.take());
        let vectors = [finest.b.set(), finest.r.set(), finest.d.set(), finest.x.set(), r.get()];
        let args = [&vectors[..], &[unknowns.get(), scale.get(), take, int(n)]].concat();
        cuda.launch(&AMG, "enter_rows", Shape::each(n), &args)?;
        amg.cycle()?;
        let (finest, walk) = (amg.finest(), Shape::walk(n));
        let vectors = [z.set(), finest.x.get(), finest.d.get(), r.get(), unknowns.get(), scale.get()];
        let args = [&vectors[..], &[real(factor), parts.set(), int(n)]].concat();
        cuda.launch(&AMG, "leave_rows", walk, &args)?;
        Ok(walk.count())
    }

    /// Bytes held, about.
    pub fn bytes(&self) -> usize {
        self.amg.bytes() + 16 * self.scale.len()
    }
}

/// A level; its solution is x + d.
pub(in crate::precond) struct Level {
    n: usize,
    matrix: Slices,
    /// keep and take of the smoother's steps.
    steps: Vec<[f32; 2]>,
    below: CudaBelow,
    pub b: Buffer<f32>,
    pub x: Buffer<f32>,
    pub r: Buffer<f32>,
    pub d: Buffer<f32>,
    next: Buffer<f32>,
}

enum CudaBelow {
    Transfer(Box<Transfer>),
    Solve(Buffer<f32>),
    Smooth,
}

struct Transfer {
    prolong: Sorted,
    restrict: Sorted,
}

/// A matrix in slices of rows.
struct Slices {
    starts: Buffer<i32>,
    columns: Buffer<i32>,
    values: Buffer<f32>,
}

impl Slices {
    fn new(cuda: &Cuda, matrix: &Packed<f32>) -> Result<Self> {
        let (starts, columns, values) = matrix.parts();
        Ok(Slices {
            starts: cuda.upload(bytemuck::cast_slice(starts))?,
            columns: cuda.upload(bytemuck::cast_slice(columns))?,
            values: cuda.upload(values.as_flattened())?,
        })
    }

    fn args(&self) -> [Arg<'_>; 3] {
        [self.starts.get(), self.columns.get(), self.values.get()]
    }
}

/// A matrix whose rows lie in another order than the vector it gives.
struct Sorted {
    slices: Slices,
    places: Buffer<i32>,
}

impl Sorted {
    fn new(cuda: &Cuda, host: &HostSorted<f32>) -> Result<Self> {
        Ok(Sorted { slices: Slices::new(cuda, &host.matrix)?, places: cuda.upload(&within_windows(&host.place))? })
    }
}

/// Places within windows as places.
fn within_windows(places: &[u16]) -> Vec<i32> {
    places.iter().enumerate().map(|(q, place)| (q - q % WINDOW + usize::from(*place)) as i32).collect()
}

impl Level {
    fn new(cuda: &Cuda, host: &HostLevel<f32>, n: usize) -> Result<Self> {
        let below = match &host.below {
            Below::Transfer(t) => {
                let (prolong, restrict) = (Sorted::new(cuda, &t.prolong)?, Sorted::new(cuda, &t.restrict)?);
                CudaBelow::Transfer(Box::new(Transfer { prolong, restrict }))
            }
            Below::Solve(inverse) => CudaBelow::Solve(cuda.upload(&inverse.values)?),
            Below::Smooth => CudaBelow::Smooth,
            Below::Correct(_) => unreachable!("no hierarchy that AmgConfig::build makes has a correction of its own"),
        };
        let vector = || cuda.zeros(n);
        Ok(Level {
            n,
            matrix: Slices::new(cuda, &host.matrix)?,
            steps: host.steps.iter().map(|s| [s.keep, s.take]).collect(),
            below,
            b: vector()?,
            x: vector()?,
            r: vector()?,
            d: vector()?,
            next: vector()?,
        })
    }

    /// What the first direction is of b: d = take b.
    pub fn take(&self) -> f32 {
        self.steps[0][1]
    }

    /// x <- x + d, r <- r − A d, d <- keep d + take r.
    fn step(&mut self, cuda: &Cuda, [keep, take]: [f32; 2]) -> Result<()> {
        let Level { n, matrix, x, r, d, next, .. } = self;
        let vectors = [next.set(), x.update(), r.update(), d.get()];
        let args = [&vectors[..], &matrix.args(), &[float(keep), float(take), int(*n)]].concat();
        cuda.launch(&AMG, "smoother_step", Shape::each(*n), &args)?;
        std::mem::swap(d, next);
        Ok(())
    }

    /// r <- b − A x, d <- take r.
    fn first_step(&mut self, cuda: &Cuda) -> Result<()> {
        let take = float(self.take());
        let Level { n, matrix, b, x, r, d, .. } = self;
        let vectors = [d.set(), r.set(), b.get(), x.get()];
        let args = [&vectors[..], &matrix.args(), &[take, int(*n)]].concat();
        cuda.launch(&AMG, "first_step", Shape::each(*n), &args)
    }
}

impl CudaAmg {
    /// Copies the hierarchy to the device.
    ///
    /// Errors: no memory left on the device.
    ///
    /// # Panics
    ///
    /// Where it is in double precision.
    pub fn new(cuda: &Arc<Cuda>, amg: &Amg) -> Result<Self> {
        let Cycle::F32(host) = &amg.cycle else { panic!("a hierarchy in single precision") };
        let mut levels: Vec<Level> = Vec::new();
        let mut n = host.place.len();
        for level in &host.levels {
            levels.push(Level::new(cuda, level, n)?);
            if let Below::Transfer(t) = &level.below {
                n = t.restrict.place.len();
            }
        }
        let unknowns = within_windows(&host.place).into_iter().map(|u| u as u32).collect();
        let (scale, factor) = (host.scale.clone(), host.factor as f32);
        Ok(CudaAmg { cuda: cuda.clone(), levels, unknowns, scale, factor, bytes: host.bytes() })
    }

    /// The finest level, where b, r = b, d = take b and x = 0 go, and the solution x + d comes from.
    pub fn finest(&mut self) -> &mut Level {
        &mut self.levels[0]
    }

    /// Bytes held, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// One V-cycle.
    ///
    /// Errors: a launch that fails.
    pub fn cycle(&mut self) -> Result<()> {
        cycle(&self.cuda, &mut self.levels)
    }
}

fn cycle(cuda: &Cuda, levels: &mut [Level]) -> Result<()> {
    let Some((level, coarser)) = levels.split_first_mut() else { return Ok(()) };
    if let Level { n, below: CudaBelow::Solve(inverse), x, d, b, .. } = level {
        let args = [x.set(), d.set(), b.get(), inverse.get(), int(*n)];
        return cuda.launch(&AMG, "solve_dense", Shape::each(*n), &args);
    }
    for step in 1..level.steps.len() {
        level.step(cuda, level.steps[step])?;
    }
    // The last direction still goes into x and r.
    level.step(cuda, [0.0, 0.0])?;
    if let (CudaBelow::Transfer(transfer), Some(next)) = (&level.below, coarser.first_mut()) {
        let Transfer { prolong, restrict } = &**transfer;
        let take = float(next.take());
        let vectors = [next.b.set(), next.r.set(), next.d.set(), next.x.set(), level.r.get()];
        let rest = [restrict.places.get(), take, int(next.n)];
        let args = [&vectors[..], &restrict.slices.args(), &rest].concat();
        cuda.launch(&AMG, "restrict_rows", Shape::each(next.n), &args)?;
        cycle(cuda, coarser)?;
        let next = &coarser[0];
        let vectors = [level.x.update(), next.x.get(), next.d.get()];
        let args = [&vectors[..], &prolong.slices.args(), &[prolong.places.get(), int(level.n)]].concat();
        cuda.launch(&AMG, "prolong_rows", Shape::each(level.n), &args)?;
    }
    level.first_step(cuda)?;
    for step in 1..level.steps.len() {
        level.step(cuda, level.steps[step])?;
    }
    Ok(())
}
