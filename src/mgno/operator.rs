//! A net with its scaling: what is trained, saved and applied.

use super::resampling::Resampling;
use super::{Fno, FnoConfig, MgNo, MgNoConfig, Samples, UNet, UNetConfig};
use crate::device::Device;
use crate::error::{Error, Place, Result};
use crate::nn::ops::linear;
use crate::nn::{Layer, Param, Tape, Tensor, Var, Weights};
use serde::{Deserialize, Serialize};

/// The weights that come with filet, as the bytes of a safetensors file; `data/weights/README.md` tells how they were made.
pub const SHIPPED: &[u8] = include_bytes!("../../data/weights/mgno_darcy.safetensors");

/// Channels of a level of a U-Net at most.
const MOST_CHANNELS: f64 = 4096.0;

/// A kind of net and its shape.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetConfig {
    /// Multigrid neural operator.
    Mgno(MgNoConfig),
    /// Fourier neural operator.
    Fno(FnoConfig),
    /// U-Net.
    Unet(UNetConfig),
}

impl NetConfig {
    fn build(&self, seed: u64) -> Result<Box<dyn Layer>> {
        Ok(match self {
            NetConfig::Mgno(config) => Box::new(MgNo::new(config, seed)?),
            NetConfig::Fno(config) => Box::new(Fno::new(config, seed)),
            NetConfig::Unet(config) => {
                // They double from level to level.
                let channels = config.width as f64 * 2f64.powi(config.levels as i32 - 1);
                if channels > MOST_CHANNELS {
                    let what = format!("a U-Net of width {} would have {channels} channels; take fewer", config.width);
                    return Err(Error::Option { option: "--levels".into(), value: config.levels.to_string(), what });
                }
                Box::new(UNet::new(config, seed))
            }
        })
    }

    /// The kind's name.
    pub fn name(&self) -> &'static str {
        match self {
            NetConfig::Mgno(_) => "mgno",
            NetConfig::Fno(_) => "fno",
            NetConfig::Unet(_) => "unet",
        }
    }

    /// Refuses a device that has no kernels for the net.
    ///
    /// Errors: which nets run there.
    pub fn check_device(&self, device: Device) -> Result<()> {
        match (self, device) {
            (NetConfig::Fno(_), Device::Cuda) => Err(Error::Device {
                what: "a net of the kind fno does not run on a GPU; mgno and unet do".into(),
                help: "take --device cpu".into(),
            }),
            _ => Ok(()),
        }
    }

    /// Channels of inputs and outputs.
    pub fn channels(&self) -> [usize; 2] {
        match self {
            NetConfig::Mgno(c) => [c.inputs, c.outputs],
            NetConfig::Fno(c) => [c.inputs, c.outputs],
            NetConfig::Unet(c) => [c.inputs, c.outputs],
        }
    }
}

/// Mean and standard deviation of every channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scaling {
    /// Of the inputs.
    pub inputs: Vec<[f64; 2]>,
    /// Of the outputs.
    pub outputs: Vec<[f64; 2]>,
}

impl Scaling {
    /// Of all numbers of the samples.
    pub fn of(samples: &Samples) -> Self {
        let moments = |t: &Tensor| {
            let channels = t.shape()[4];
            let of = |c: usize| {
                let numbers = || t.data().iter().skip(c).step_by(channels).map(|v| f64::from(*v));
                let count = (t.len() / channels) as f64;
                let mean = numbers().sum::<f64>() / count;
                let variance = numbers().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
                [mean, if variance > 0.0 { variance.sqrt() } else { 1.0 }]
            };
            (0..channels).map(of).collect()
        };
        Scaling { inputs: moments(&samples.inputs), outputs: moments(&samples.outputs) }
    }
}

/// u = mean + deviation · N((a − mean) / deviation), N a net on the lattice it was trained on. Samples on others are averaged to it, and
/// what N gives is interpolated back; a Fourier operator works on any lattice itself.
pub struct Operator {
    config: NetConfig,
    scaling: Scaling,
    /// Of the lattice it was trained on.
    sides: [usize; 3],
    net: Box<dyn Layer>,
}

impl Operator {
    /// A net with random weights, scaled for the samples.
    ///
    /// Errors: a shape that makes no sense, other channels than the samples', layer normalisation for other sides, wave numbers that
    /// the samples do not have.
    pub fn new(config: &NetConfig, samples: &Samples, seed: u64) -> Result<Self> {
        if config.channels() != samples.channels() {
            return Err(Error::Problem {
                what: format!("a net for the channels {:?} on samples of {:?}", config.channels(), samples.channels()),
                help: "give the net the samples' channels".into(),
            });
        }
        let normalised = match config {
            NetConfig::Mgno(c) => c.norm.or(c.cycle.norm),
            _ => None,
        };
        if let Some(n) = normalised.filter(|n| *n != samples.sides()) {
            return Err(Error::Problem {
                what: format!("samples of the sides {:?}, the net's normalisation is for {n:?}", samples.sides()),
                help: "give the net the samples' sides".into(),
            });
        }
        if let NetConfig::Fno(FnoConfig { modes, .. }) = config
            && samples.sides()[1..].iter().any(|n| 2 * modes > *n)
        {
            let [_, n1, n2] = samples.sides();
            let what = format!("samples of {n1} x {n2} cells have wave numbers below {}", n1.min(n2) / 2);
            return Err(Error::Option { option: "--modes".into(), value: modes.to_string(), what });
        }
        let (scaling, sides) = (Scaling::of(samples), samples.sides());
        Ok(Operator { config: config.clone(), scaling, sides, net: config.build(seed)? })
    }

    /// The operator of a file of weights.
    ///
    /// Errors: weights of something else, with what differs.
    pub fn from_weights(weights: &Weights) -> Result<Self> {
        let config: NetConfig = described(weights, "net")?;
        let scaling: Scaling = described(weights, "scaling")?;
        let sides: [usize; 3] = described(weights, "sides")?;
        if sides.contains(&0) {
            let place = Place::Section("filet.sides".into());
            return Err(Error::file(&weights.path, place, "a side of no cells", "train one with `filet train mgno`"));
        }
        let mut operator = Operator { net: config.build(0)?, config, scaling, sides };
        if [operator.scaling.inputs.len(), operator.scaling.outputs.len()] != operator.config.channels() {
            let what = format!("scales other channels than the net's {:?}", operator.config.channels());
            let place = Place::Section("filet.scaling".into());
            return Err(Error::file(&weights.path, place, what, "train one with `filet train mgno`"));
        }
        weights.load_into(&mut operator)?;
        Ok(operator)
    }

    /// Weights with what [`Operator::from_weights`] needs, and `more` that is known.
    pub fn weights(&mut self, more: serde_json::Value) -> Weights {
        let mut about = serde_json::json!({ "net": self.config, "scaling": self.scaling, "sides": self.sides });
        if let (Some(about), serde_json::Value::Object(more)) = (about.as_object_mut(), more) {
            about.extend(more);
        }
        Weights::of(self, about)
    }

    /// The net's kind and shape.
    pub fn config(&self) -> &NetConfig {
        &self.config
    }

    /// The sides of the lattice it was trained on, 1 for directions that are not in use.
    pub fn sides(&self) -> [usize; 3] {
        self.sides
    }

    /// Refuses samples of other channels or directions than the net's.
    ///
    /// Errors: what does not fit.
    pub fn check(&self, samples: &Samples) -> Result<()> {
        let dimension = match &self.config {
            NetConfig::Mgno(c) => c.cycle.dimension,
            NetConfig::Fno(_) => 2,
            NetConfig::Unet(c) => c.dimension,
        };
        let (needs, has) = ((self.config.channels(), dimension), (samples.channels(), samples.dimension()));
        if needs != has {
            return Err(Error::Problem {
                what: format!(
                    "samples of {} directions with channels {:?}, the net is for {} with {:?}",
                    has.1, has.0, needs.1, needs.0
                ),
                help: "take the samples it was trained on, or others like them".into(),
            });
        }
        Ok(())
    }
}

/// An entry of what is known about weights.
fn described<T: serde::de::DeserializeOwned>(weights: &Weights, name: &str) -> Result<T> {
    let found = weights.about.get(name).cloned().unwrap_or_default();
    serde_json::from_value(found).map_err(|e| {
        let place = Place::Section(format!("filet.{name}"));
        Error::file(&weights.path, place, format!("describes no operator: {e}"), "train one with `filet train mgno`")
    })
}

/// x m + c, channel by channel.
fn rescale(x: &Var, moments: &[[f64; 2]], by: impl Fn([f64; 2]) -> [f64; 2]) -> Var {
    let n = moments.len();
    let mut matrix = Tensor::zeros(&[n, n]);
    let mut shift = Tensor::zeros(&[n]);
    for (c, m) in moments.iter().enumerate() {
        let [factor, offset] = by(*m);
        matrix.data_mut()[c * n + c] = factor as f32;
        shift.data_mut()[c] = offset as f32;
    }
    linear(x, &Var::constant(matrix), &Var::constant(shift))
}

impl Layer for Operator {
    fn forward(&self, tape: &Tape, a: &Var) -> Var {
        let x = rescale(a, &self.scaling.inputs, |[mean, deviation]| [1.0 / deviation, -mean / deviation]);
        let sides = a.value().image().1;
        let own = if matches!(self.config, NetConfig::Fno(_)) { sides } else { self.sides };
        let between = Resampling::new(own, sides);
        let y = between.up(&self.net.forward(tape, &between.down(&x)));
        rescale(&y, &self.scaling.outputs, |[mean, deviation]| [deviation, mean])
    }

    fn visit(&mut self, see: &mut dyn FnMut(&mut Param)) {
        self.net.visit(see);
    }
}
