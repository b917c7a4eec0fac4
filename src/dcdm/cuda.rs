//! The published net on the GPU: [`DirectionNet`], layer by layer, on buffers that stay there.

use super::direction::padded;
use super::{DirectionNet, NetDirection};
use crate::device::cuda::{Buffer, Cuda};
use crate::error::{Error, Result};
use crate::nn::ops::cuda::{
    Arithmetic, CHANNELS, CudaConv, CudaPointwise, direction_of_image, gather_blocks, image_of_residual, spread_blocks,
};
use crate::nn::{Layer, Tensor, Weights};
use crate::operator::voxel::CudaVoxels;
use crate::solver::CudaDirectionModel;
use crate::voxel::VoxelGrid;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What convolutions are computed in where the GPU has tensor cores for it: a direction need not be exact, but this one is nearly.
const ARITHMETIC: Arithmetic = Arithmetic::ThreeTf32;

/// d = N(r) on a voxel grid on the GPU, as [`NetDirection`] on the processors.
pub struct CudaNetDirection {
    cuda: Arc<Cuda>,
    first: CudaConv,
    before: Vec<[CudaConv; 2]>,
    coarse: Vec<[CudaConv; 2]>,
    after: Vec<[CudaConv; 2]>,
    last: CudaPointwise,
    /// Sides filled up to even ones.
    m: [usize; 3],
    image: Buffer<f32>,
    fine: Images,
    half: Images,
    /// The last image before the coarse grid.
    skip: Buffer<f32>,
}

/// Images of one size: x, and two to work in.
struct Images {
    x: Buffer<f32>,
    t: Buffer<f32>,
    y: Buffer<f32>,
}

impl Images {
    fn new(cuda: &Cuda, cells: usize) -> Result<Self> {
        let image = || cuda.zeros(CHANNELS * cells);
        Ok(Images { x: image()?, t: image()?, y: image()? })
    }

    /// x <- x + relu(conv(relu(conv x))) for each pair.
    fn through(&mut self, cuda: &Cuda, n: [usize; 3], pairs: &[[CudaConv; 2]]) -> Result<()> {
        let Images { x, t, y } = self;
        for [a, b] in pairs {
            a.forward(cuda, n, x, None, t)?;
            b.forward(cuda, n, t, Some(x), y)?;
            std::mem::swap(x, y);
        }
        Ok(())
    }
}

impl CudaNetDirection {
    /// The net on a grid in space.
    ///
    /// Errors: as [`NetDirection::new`]; a grid of 2²⁷ cells or more; no memory left on the device.
    pub fn new(cuda: &Arc<Cuda>, weights: &Weights, grid: &VoxelGrid) -> Result<Self> {
        // The same checks, and the same weights.
        NetDirection::new(weights, grid)?;
        let mut parameters: BTreeMap<String, Tensor> = BTreeMap::new();
        DirectionNet::from_weights(weights)?.visit(&mut |p| {
            parameters.insert(p.name.clone(), p.value.clone());
        });
        let of = |name: &str, part: &str| &parameters[&format!("{name}.{part}")];
        let conv = |name: &str, rectify: bool| -> Result<CudaConv> {
            Ok(CudaConv::new(cuda, of(name, "weight"), of(name, "bias"), rectify)?.with(cuda, ARITHMETIC))
        };
        let pairs = |part: &str| -> Result<Vec<[CudaConv; 2]>> {
            let there = |i: &usize| parameters.contains_key(&format!("{part}.{i}.0.weight"));
            let pair = |i| Ok([conv(&format!("{part}.{i}.0"), true)?, conv(&format!("{part}.{i}.1"), true)?]);
            (0..).take_while(there).map(pair).collect()
        };
        let m = padded(grid.shape());
        let cells = m.iter().product::<usize>();
        if i32::try_from(CHANNELS * cells).is_err() {
            return Err(Error::Device {
                what: format!("an image of {m:?} cells and {CHANNELS} channels: kernels count in 32 bits"),
                help: "take a smaller scene, or the method gmg-plain".into(),
            });
        }
        Ok(CudaNetDirection {
            first: conv("first", false)?,
            before: pairs("before")?,
            coarse: pairs("coarse")?,
            after: pairs("after")?,
            last: CudaPointwise::new(cuda, of("last", "weight"), of("last", "bias"))?,
            m,
            image: cuda.zeros(cells)?,
            fine: Images::new(cuda, cells)?,
            half: Images::new(cuda, cells / 8)?,
            skip: cuda.zeros(CHANNELS * cells)?,
            cuda: cuda.clone(),
        })
    }
}

impl CudaDirectionModel for CudaNetDirection {
    fn propose(
        &mut self,
        voxels: &CudaVoxels,
        r: &Buffer<f64>,
        scalars: &Buffer<f64>,
        d: &mut Buffer<f64>,
    ) -> Result<()> {
        let CudaNetDirection { cuda, first, before, coarse, after, last, m, image, fine, half, skip } = self;
        let sides = [voxels.shape(), *m];
        let halves = m.map(|m| m / 2);
        image_of_residual(cuda, sides, r, scalars, image)?;
        first.forward(cuda, *m, image, None, &mut fine.x)?;
        fine.through(cuda, *m, before)?;
        std::mem::swap(&mut fine.x, skip);
        gather_blocks(cuda, halves, skip, 0.125, &mut half.x)?;
        half.through(cuda, halves, coarse)?;
        spread_blocks(cuda, *m, &half.x, Some(skip), 1.0, &mut fine.x)?;
        fine.through(cuda, *m, after)?;
        last.forward(cuda, &fine.x, image)?;
        direction_of_image(cuda, sides, image, voxels.degree(), d)
    }
}
