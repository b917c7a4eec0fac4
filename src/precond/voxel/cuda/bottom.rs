//! The sparse level below the grids, on the GPU: the way to its unknowns and back. [`Bottom`] has the formulas.

use super::super::bottom::Bottom;
use super::level::CudaLevel;
use crate::device::cuda::{Buffer, CYCLE, Cuda, Shape, float, int};
use crate::error::Result;
use crate::operator::voxel::Layout;
use crate::precond::amg::CudaAmg;
use std::sync::Arc;

/// The sparse level.
pub(super) struct CudaBottom {
    cuda: Arc<Cuda>,
    amg: CudaAmg,
    /// On the blocks: right-hand side, then correction.
    pub blocks: Buffer<f32>,
    /// The block of each unknown, or −1.
    places: Buffer<i32>,
    /// What unknowns are multiplied by on the way in and out.
    scale: [Buffer<f32>; 2],
    /// By unknown: the special cells that give to it.
    given: Weights,
    /// The special cells, and by cell the unknowns it takes from.
    special: Buffer<i32>,
    taken: Weights,
    unknowns: usize,
    specials: usize,
}

/// A sparse matrix by rows.
struct Weights {
    starts: Buffer<i32>,
    columns: Buffer<i32>,
    values: Buffer<f32>,
}

impl Weights {
    fn new(cuda: &Cuda, rows: &[Vec<(usize, f32)>]) -> Result<Self> {
        let mut starts = vec![0];
        for row in rows {
            starts.push(starts[starts.len() - 1] + row.len() as i32);
        }
        let entries = || rows.iter().flatten();
        Ok(Weights {
            starts: cuda.upload(&starts)?,
            columns: cuda.upload(&entries().map(|e| e.0 as i32).collect::<Vec<_>>())?,
            values: cuda.upload(&entries().map(|e| e.1).collect::<Vec<_>>())?,
        })
    }

    fn len(&self) -> usize {
        self.values.len()
    }
}

impl CudaBottom {
    /// Copies the level to the device, from below a grid level of the first layout, whose blocks have the second.
    ///
    /// Errors: no memory left on the device.
    pub fn new(cuda: &Arc<Cuda>, host: &Bottom, [layout, coarse]: [&Layout; 2]) -> Result<Self> {
        let amg = CudaAmg::new(cuda, &host.amg)?;
        let n = amg.unknowns.len();
        let mut row_of = vec![0; n];
        amg.unknowns.iter().enumerate().for_each(|(row, u)| row_of[*u as usize] = row);
        let mut places = vec![-1; n];
        for &(at, u) in &host.blocks {
            places[row_of[u as usize]] = coarse.number(at as usize) as i32;
        }
        let cells: Vec<usize> = host.special.iter().map(|s| layout.number(s.cell as usize)).collect();
        let mut given = vec![Vec::new(); n];
        let mut taken = Vec::new();
        for (cell, special) in cells.iter().zip(&host.special) {
            special.weights.iter().for_each(|&(u, w)| given[row_of[u as usize]].push((*cell, w)));
            taken.push(special.weights.iter().map(|&(u, w)| (row_of[u as usize], w)).collect());
        }
        let out: Vec<f32> = amg.scale.iter().map(|s| amg.factor * s).collect();
        Ok(CudaBottom {
            blocks: cuda.zeros(coarse.cells())?,
            places: cuda.upload(&places)?,
            scale: [cuda.upload(&amg.scale)?, cuda.upload(&out)?],
            given: Weights::new(cuda, &given)?,
            special: cuda.upload(&cells.iter().map(|c| *c as i32).collect::<Vec<_>>())?,
            taken: Weights::new(cuda, &taken)?,
            unknowns: n,
            specials: cells.len(),
            amg,
            cuda: cuda.clone(),
        })
    }

    /// From the blocks' right-hand sides and r − A z₁ of `level` to the corrections of both.
    ///
    /// Errors: a launch that fails.
    pub fn solve(&mut self, level: &mut CudaLevel) -> Result<()> {
        let CudaBottom { cuda, amg, blocks, places, scale, given, special, taken, unknowns, specials } = self;
        let (shape, finest) = (Shape::each((*unknowns).max(*specials)), amg.finest());
        let take = float(finest.take());
        let grid = level.grid();
        // Special cells and their neighbours, at most.
        let touched = grid.cells().min(7 * given.len());
        let args = [
            &[finest.b.set(), finest.r.set(), finest.d.set(), finest.x.set(), blocks.get(), places.get()][..],
            &[scale[0].get(), take, given.starts.get(), given.columns.get(), given.values.get()],
            &[level.r.get_some(touched), level.smoothed.get_some(touched)],
            &grid.stencil.operator(touched),
            &[int(*unknowns)],
            &grid.n.map(int),
        ];
        cuda.launch(&CYCLE, &format!("gather_{}", grid.stencil.form()), shape, &args.concat())?;
        amg.cycle()?;
        let finest = amg.finest();
        let matrix = [taken.starts.get(), taken.columns.get(), taken.values.get()];
        let args = [
            &[blocks.set(), level.smoothed.update_some(*specials), finest.x.get(), finest.d.get()][..],
            &[places.get(), scale[1].get(), special.get()],
            &matrix,
            &[int(*unknowns), int(*specials)],
        ];
        cuda.launch(&CYCLE, "spread", shape, &args.concat())
    }

    /// Bytes held, about.
    pub fn bytes(&self) -> usize {
        let special = 4 * (2 * self.unknowns + 2 * self.specials + 2 * self.given.len() + 2 * self.taken.len());
        self.amg.bytes() + 4 * self.blocks.len() + 12 * self.unknowns + special
    }
}
