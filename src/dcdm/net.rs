//! The published net: convolutions of 3 × 3 × 3 with 16 channels on the grid and on one of half its sides.
//!
//! ```text
//! r -> conv 1 -> 16 -> F pairs of convolutions -+-> mean over blocks -> C pairs -> copies + -> F pairs -> 16 -> 1 -> d
//!                                               +------------------------------------------^
//! ```
//!
//! A pair is y = x + relu(conv(relu(conv x))). F, C = 2, 3 are the publication's net for 64³ (97 457 numbers), 3, 5 that for
//! 128³ (152 881). Source: Kaneda et al. 2023, §4.1 and figure 3.
//!
//! Departure: r comes with norm 1 and is given to the net with mean square 1, so that numbers, and what biases mean beside them,
//! are of the same size on grids of all sizes.

use crate::error::{Error, Result};
use crate::nn::layers::ConvLayer;
use crate::nn::ops::{add, average_pool, scale, upsample};
use crate::nn::{Conv, Layer, Param, Tape, Var};
use rand::SeedableRng;
use rand_pcg::Pcg64;

/// Channels of the hidden images.
const CHANNELS: usize = 16;

/// Pairs of convolutions before the coarse grid (and after), and on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetSize {
    /// F.
    pub fine: usize,
    /// C.
    pub coarse: usize,
}

impl NetSize {
    /// The net for 64³.
    pub const N64: NetSize = NetSize { fine: 2, coarse: 3 };
    /// The net for 128³.
    pub const N128: NetSize = NetSize { fine: 3, coarse: 5 };
}

/// The published net, on images `[batch, n0, n1, n2, 1]` with even sides.
#[derive(Debug, Clone)]
pub struct DirectionNet {
    first: ConvLayer,
    before: Vec<[ConvLayer; 2]>,
    coarse: Vec<[ConvLayer; 2]>,
    after: Vec<[ConvLayer; 2]>,
    last: ConvLayer,
}

impl DirectionNet {
    /// A net with random weights.
    pub fn new(size: NetSize, seed: u64) -> Self {
        let mut rng = Pcg64::seed_from_u64(seed);
        let first = ConvLayer::new("first", [3; 3], [1, CHANNELS], Conv::default(), &mut rng);
        let mut pairs = |part: &str, count: usize| -> Vec<[ConvLayer; 2]> {
            let rectified = Conv { rectify: true, ..Conv::default() };
            let mut layer = |name: String| ConvLayer::new(&name, [3; 3], [CHANNELS; 2], rectified, &mut rng);
            (0..count).map(|i| [0, 1].map(|j| layer(format!("{part}.{i}.{j}")))).collect()
        };
        let (before, coarse, after) =
            (pairs("before", size.fine), pairs("coarse", size.coarse), pairs("after", size.fine));
        let last = ConvLayer::new("last", [1; 3], [CHANNELS, 1], Conv::default(), &mut rng);
        DirectionNet { first, before, coarse, after, last }
    }

    /// The net whose weights these are, by their names.
    ///
    /// Errors: weights of another net.
    pub fn from_weights(weights: &crate::nn::Weights) -> Result<Self> {
        let count = |part: &str| {
            let names = weights.tensors.keys().filter(|n| n.starts_with(part) && n.ends_with(".0.weight"));
            names.count()
        };
        let size = NetSize { fine: count("before."), coarse: count("coarse.") };
        if size.fine == 0 || size.coarse == 0 {
            return Err(Error::file(
                &weights.path,
                crate::error::Place::File,
                "holds no weights of a direction net",
                "train one with `filet train direction`",
            ));
        }
        let mut net = DirectionNet::new(size, 0);
        weights.load_into(&mut net)?;
        Ok(net)
    }
}

fn through(tape: &Tape, pairs: &[[ConvLayer; 2]], x: Var) -> Var {
    pairs.iter().fold(x, |x, [a, b]| add(&b.forward(tape, &a.forward(tape, &x)), &x))
}

impl Layer for DirectionNet {
    fn forward(&self, tape: &Tape, x: &Var) -> Var {
        let cells = x.value().len() / x.shape()[0];
        let x = scale(x, (cells as f32).sqrt());
        let fine = through(tape, &self.before, self.first.forward(tape, &x));
        let coarse = through(tape, &self.coarse, average_pool(&fine));
        let fine = through(tape, &self.after, add(&upsample(&coarse), &fine));
        self.last.forward(tape, &fine)
    }

    fn visit(&mut self, see: &mut dyn FnMut(&mut Param)) {
        self.first.visit(see);
        let pairs = self.before.iter_mut().chain(&mut self.coarse).chain(&mut self.after);
        pairs.flatten().for_each(|layer| layer.visit(see));
        self.last.visit(see);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_nets_have_the_published_numbers_of_parameters() {
        assert_eq!(DirectionNet::new(NetSize::N64, 0).parameters(), 97_457);
        assert_eq!(DirectionNet::new(NetSize::N128, 0).parameters(), 152_881);
    }
}
