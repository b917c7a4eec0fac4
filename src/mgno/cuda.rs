//! A trained operator on the GPU.

use super::operator::{NetConfig, Operator, Scaling};
use super::resampling::Resampling;
use super::{MgNo, UNet};
use crate::device::cuda::Cuda;
use crate::error::{Error, Result};
use crate::nn::ops::cuda::CudaImages;
use crate::nn::{Layer, Tensor, Var, Weights};
use std::sync::Arc;

/// [`Operator`] on the GPU, for inference.
pub struct CudaOperator {
    net: Net,
    scaling: Scaling,
    sides: [usize; 3],
    on: CudaImages,
}

enum Net {
    Mgno(Box<MgNo>),
    Unet(Box<UNet>),
}

impl CudaOperator {
    /// The operator with the same weights.
    ///
    /// Errors: a net that does not run on a GPU.
    pub fn new(cuda: &Arc<Cuda>, operator: &mut Operator) -> Result<Self> {
        let weights = Weights::of(operator, serde_json::Value::Null);
        let load = |net: &mut dyn Layer| weights.load_into(net);
        let net = match operator.config() {
            NetConfig::Mgno(config) => {
                let mut net = Box::new(MgNo::new(config, 0)?);
                load(&mut *net)?;
                Net::Mgno(net)
            }
            NetConfig::Unet(config) => {
                let mut net = Box::new(UNet::new(config, 0));
                load(&mut *net)?;
                Net::Unet(net)
            }
            NetConfig::Fno(_) => {
                return Err(Error::Device {
                    what: "a net of the kind fno does not run on a GPU; mgno and unet do".into(),
                    help: "take --device cpu".into(),
                });
            }
        };
        Ok(CudaOperator {
            net,
            scaling: operator.scaling().clone(),
            sides: operator.sides(),
            on: CudaImages::new(cuda),
        })
    }

    /// The outputs for inputs `[batch, n0, n1, n2, channels]`.
    ///
    /// Errors: no memory left on the device; a fault of it.
    pub fn apply(&self, inputs: &Tensor) -> Result<Tensor> {
        let (CudaOperator { net, scaling, on }, single) = (self, |v: f64| v as f32);
        let between = Resampling::new(self.sides, inputs.image().1);
        let into: Vec<[f32; 2]> = scaling.inputs.iter().map(|[m, d]| [1.0 / d, -m / d].map(single)).collect();
        let out: Vec<[f32; 2]> = scaling.outputs.iter().map(|[m, d]| [*d, *m].map(single)).collect();
        let x = on.scale_channels(&on.upload(between.down(&Var::constant(inputs.clone())).value())?, &into)?;
        let y = match net {
            Net::Mgno(net) => net.on(on, &x)?,
            Net::Unet(net) => net.on(on, &x)?,
        };
        let u = on.download(&on.scale_channels(&y, &out)?)?;
        Ok(between.up(&Var::constant(u)).value().clone())
    }
}
