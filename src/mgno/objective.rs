//! Training on samples: batches in a new random order every epoch, mirrored and turned where the operator allows it.

use super::loss::RelativeError;
use super::{Norm, Samples};
use crate::error::{Error, Result};
use crate::nn::{Layer, Tape, Tensor, Var};
use crate::train::Objective;
use rand::Rng;
use rand_pcg::Pcg64;

/// The mean relative error of a batch.
pub struct SampleLoss<'a> {
    samples: &'a Samples,
    error: RelativeError,
    batch: usize,
    augment: bool,
    seed: u64,
    /// An epoch and its order.
    order: (usize, Vec<usize>),
}

impl<'a> SampleLoss<'a> {
    /// Batches of `batch` samples; with `augment` each is mirrored and, on equal sides, has directions exchanged at random,
    /// which suits operators that commute with the symmetries of the box.
    ///
    /// Errors: a batch larger than there are samples.
    pub fn new(samples: &'a Samples, norm: Norm, batch: usize, augment: bool, seed: u64) -> Result<Self> {
        if batch == 0 || batch > samples.len() {
            return Err(Error::Option {
                option: "--batch".into(),
                value: batch.to_string(),
                what: format!("there are {} samples to train on", samples.len()),
            });
        }
        let error = RelativeError::new(norm, samples.sides());
        Ok(SampleLoss { samples, error, batch, augment, seed, order: (usize::MAX, Vec::new()) })
    }

    /// Steps of an epoch; samples that fill no batch wait for another order.
    pub fn steps_per_epoch(&self) -> usize {
        self.samples.len() / self.batch
    }

    /// Inputs and outputs of a step.
    fn batch(&mut self, step: usize) -> (Tensor, Tensor) {
        let (epoch, place) = (step / self.steps_per_epoch(), step % self.steps_per_epoch());
        if self.order.0 != epoch {
            let mut rng = Pcg64::new(u128::from(self.seed), 2 * epoch as u128);
            let mut order: Vec<usize> = (0..self.samples.len()).collect();
            // Fisher-Yates.
            (1..order.len()).rev().for_each(|i| order.swap(i, rng.random_range(0..=i)));
            self.order = (epoch, order);
        }
        let (mut a, mut u) = self.samples.pick(&self.order.1[place * self.batch..][..self.batch]);
        if self.augment {
            let mut rng = Pcg64::new(u128::from(self.seed), 2 * step as u128 + 1);
            for sample in 0..self.batch {
                let turn = Symmetry::random(self.samples.sides(), &mut rng);
                turn.apply(&mut a, sample);
                turn.apply(&mut u, sample);
            }
        }
        (a, u)
    }
}

impl Objective for SampleLoss<'_> {
    fn loss(&mut self, net: &dyn Layer, tape: &Tape, step: usize) -> Result<Var> {
        let (a, u) = self.batch(step);
        self.error.move_to(tape.backend());
        let v = net.forward(tape, &tape.constant(a));
        Ok(self.error.mean(&v, &tape.constant(u)))
    }
}

/// A symmetry of a box of cells.
struct Symmetry {
    /// The direction that takes the place of each.
    from: [usize; 3],
    mirrored: [bool; 3],
}

impl Symmetry {
    fn random(n: [usize; 3], rng: &mut impl Rng) -> Self {
        let mut from = [0, 1, 2];
        for (a, b) in [(1, 2), (0, 2), (0, 1)] {
            if n[a] == n[b] && n[a] > 1 && rng.random() {
                from.swap(a, b);
            }
        }
        Symmetry { from, mirrored: [(); 3].map(|()| rng.random()) }
    }

    /// Moves the cells of one sample.
    fn apply(&self, images: &mut Tensor, sample: usize) {
        let (_, n, channels) = images.image();
        let length = n.iter().product::<usize>() * channels;
        let image = &mut images.data_mut()[sample * length..][..length];
        let before = image.to_vec();
        for (cell, to) in image.chunks_exact_mut(channels).enumerate() {
            let place = [cell / n[2] / n[1], cell / n[2] % n[1], cell % n[2]];
            let mut source = [0; 3];
            for d in 0..3 {
                source[self.from[d]] = if self.mirrored[d] { n[d] - 1 - place[d] } else { place[d] };
            }
            let at = (source[0] * n[1] + source[1]) * n[2] + source[2];
            to.copy_from_slice(&before[at * channels..][..channels]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symmetries_keep_neighbours_and_every_epoch_has_every_sample() {
        let data: Vec<f32> = (0..6 * 16).map(|v| v as f32 + 1.0).collect();
        let image = Tensor::new(&[6, 1, 4, 4, 1], data);
        let samples = Samples::new(image.clone(), image, Vec::new()).unwrap();
        let mut objective = SampleLoss::new(&samples, Norm::L2, 2, true, 3).unwrap();
        let mut seen = Vec::new();
        for step in 0..3 {
            let (a, u) = objective.batch(step);
            assert_eq!(a, u, "inputs and outputs are turned alike");
            for image in a.data().chunks_exact(16) {
                seen.push((image[0] as usize - 1) / 16);
                let steps = [(image[0] - image[1]).abs(), (image[0] - image[4]).abs()];
                assert!(steps == [1.0, 4.0] || steps == [4.0, 1.0], "{image:?}");
            }
        }
        seen.sort_unstable();
        assert_eq!(seen, [0, 1, 2, 3, 4, 5]);
        assert!(SampleLoss::new(&samples, Norm::L2, 7, false, 0).is_err());
    }
}
