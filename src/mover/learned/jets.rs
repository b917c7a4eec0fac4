//! Second-order jets: a function of the place with its derivatives, carried through a net forwards.
//!
//! A tensor `[n, 6, C]` holds z, z_x, z_y, z_xx, z_yy, z_xy of C channels at n places. Linear maps act on each alike (a bias on z
//! only), and s = tanh z by the chain rule, s' = 1 − s², s'' = −2 s s', s''' = s' (6 s² − 2):
//!
//! (s, s' z_x, s' z_y, s'' z_x² + s' z_xx, s'' z_y² + s' z_yy, s'' z_x z_y + s' z_xy)

#[cfg(feature = "cuda")]
use crate::nn::ops::cuda::CudaOp;
use crate::nn::{Op, Tensor, Var};
use rayon::prelude::*;

/// Entries of a jet.
pub const JET: usize = 6;

/// s, s', s'', s''' at z.
fn tanh_slopes(z: f32) -> [f32; 4] {
    let s = z.tanh();
    let s1 = 1.0 - s * s;
    [s, s1, -2.0 * s * s1, s1 * (6.0 * s * s - 2.0)]
}

pub(super) struct Tanh;

impl Op for Tanh {
    fn backward(&self, inputs: &[&Tensor], _: &Tensor, g: &Tensor, _: &[bool]) -> Vec<Option<Tensor>> {
        let gradient = map(&[inputs[0], g], |[z, g]| {
            let [_, s1, s2, s3] = tanh_slopes(z[0]);
            let [_, zx, zy, zxx, zyy, zxy] = z;
            let [g0, gx, gy, gxx, gyy, gxy] = g;
            let curved = gxx * zx * zx + gyy * zy * zy + gxy * zx * zy;
            [
                s1 * g0 + s2 * (gx * zx + gy * zy + gxx * zxx + gyy * zyy + gxy * zxy) + s3 * curved,
                s1 * gx + s2 * (2.0 * gxx * zx + gxy * zy),
                s1 * gy + s2 * (2.0 * gyy * zy + gxy * zx),
                s1 * gxx,
                s1 * gyy,
                s1 * gxy,
            ]
        });
        vec![Some(gradient)]
    }

    #[cfg(feature = "cuda")]
    fn on_cuda(&self) -> Option<&dyn CudaOp> {
        Some(self)
    }
}

/// f of the jets of each channel.
fn map<const K: usize>(inputs: &[&Tensor; K], f: impl Fn([[f32; JET]; K]) -> [f32; JET] + Sync) -> Tensor {
    let channels = inputs[0].shape()[2];
    let mut out = Tensor::zeros(inputs[0].shape());
    out.data_mut().par_chunks_mut(JET * channels).enumerate().for_each(|(n, out)| {
        for c in 0..channels {
            let jet = |x: &Tensor| std::array::from_fn(|k| x.data()[(n * JET + k) * channels + c]);
            for (k, value) in f(inputs.map(jet)).into_iter().enumerate() {
                out[k * channels + c] = value;
            }
        }
    });
    out
}

/// The jets of tanh z.
pub fn tanh(z: &Var) -> Var {
    Var::apply(&[z], Tanh, |_| {
        map(&[z.value()], |[[z, zx, zy, zxx, zyy, zxy]]| {
            let [s, s1, s2, _] = tanh_slopes(z);
            [s, s1 * zx, s1 * zy, s2 * zx * zx + s1 * zxx, s2 * zy * zy + s1 * zyy, s2 * zx * zy + s1 * zxy]
        })
    })
}

pub(super) struct AddStill;

impl Op for AddStill {
    fn backward(&self, inputs: &[&Tensor], _: &Tensor, g: &Tensor, wanted: &[bool]) -> Vec<Option<Tensor>> {
        let [mut moving, mut still] = [inputs[0], inputs[1]].map(|x| Tensor::zeros(x.shape()));
        let (sample, channels) = (moving.len(), still.shape()[1]);
        let add = |sum: &mut [f32], g: &[f32]| sum.iter_mut().zip(g).for_each(|(sum, g)| *sum += g);
        let jet = JET * channels;
        moving.data_mut().par_chunks_mut(jet).enumerate().for_each(|(place, sum)| {
            g.data().chunks_exact(sample).for_each(|g| add(sum, &g[place * jet..][..jet]));
        });
        let samples = still.data_mut().par_chunks_mut(channels).zip(g.data().par_chunks(sample));
        samples.for_each(|(sum, g)| g.chunks_exact(jet).for_each(|jet| add(sum, &jet[..channels])));
        vec![wanted[0].then_some(moving), wanted[1].then_some(still)]
    }

    #[cfg(feature = "cuda")]
    fn on_cuda(&self) -> Option<&dyn CudaOp> {
        Some(self)
    }
}

/// Jets at `places` places, `[places, 6, C]`, and to each of them each of some functions that do not depend on the place, `[batch, C]`:
/// `[batch · places, 6, C]`.
pub fn add_still(moving: &Var, still: &Var) -> Var {
    Var::apply(&[moving, still], AddStill, |_| {
        let (places, batch, channels) = (moving.shape()[0], still.shape()[0], still.shape()[1]);
        let moving = moving.value().data();
        let mut out = Tensor::zeros(&[batch * places, JET, channels]);
        let samples = out.data_mut().par_chunks_mut(moving.len()).zip(still.value().data().par_chunks(channels));
        samples.for_each(|(jets, still)| {
            jets.copy_from_slice(moving);
            let values = jets.chunks_exact_mut(JET * channels).map(|jet| &mut jet[..channels]);
            values.for_each(|z| z.iter_mut().zip(still).for_each(|(z, still)| *z += still));
        });
        out
    })
}

/// The jets of places in the plane and of the channel that is 1, `[n, 6, 3]`; x and y in turn.
pub fn places(points: &[f32]) -> Tensor {
    let jet = |p: &[f32]| [[p[0], p[1], 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0; 3], [0.0; 3], [0.0; 3]];
    let data = points.chunks_exact(2).flat_map(jet).flatten().collect();
    Tensor::new(&[points.len() / 2, JET, 3], data)
}

/// The jets of the channel that is 1 at so many places, `[n, 6, 1]`.
pub fn ones(count: usize) -> Tensor {
    Tensor::new(&[count, JET, 1], (0..count * JET).map(|k| if k % JET == 0 { 1.0 } else { 0.0 }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::ops::{mul, sum};

    #[test]
    fn jets_are_derivatives_and_the_gradient_is_that_of_their_sum() {
        let z = |t: f32| [0.3 + 0.2 * t, 0.7, -0.4 + 0.1 * t, 0.5, 0.2 - 0.3 * t, -0.6];
        // z along a line in the plane: z(x, y) to second order.
        let at = |x: f64, y: f64| {
            let z = z(0.0).map(f64::from);
            (z[0] + z[1] * x + z[2] * y + 0.5 * (z[3] * x * x + z[4] * y * y) + z[5] * x * y).tanh()
        };
        let h = 1e-4;
        let jets = tanh(&Var::constant(Tensor::new(&[1, JET, 1], z(0.0).to_vec())));
        let centre = at(0.0, 0.0);
        let expected = [
            centre,
            (at(h, 0.0) - at(-h, 0.0)) / (2.0 * h),
            (at(0.0, h) - at(0.0, -h)) / (2.0 * h),
            (at(h, 0.0) + at(-h, 0.0) - 2.0 * centre) / (h * h),
            (at(0.0, h) + at(0.0, -h) - 2.0 * centre) / (h * h),
            (at(h, h) - at(h, -h) - at(-h, h) + at(-h, -h)) / (4.0 * h * h),
        ];
        for (found, expected) in jets.value().data().iter().zip(expected) {
            assert!((f64::from(*found) - expected).abs() < 1e-5, "{found} {expected}");
        }
        let weights = Var::constant(Tensor::new(&[1, JET, 1], vec![0.3, -0.8, 0.6, 1.1, -0.5, 0.9]));
        let of = |t: f32| {
            let leaf = Var::leaf(Tensor::new(&[1, JET, 1], z(t).to_vec()));
            let total = sum(&mul(&tanh(&leaf), &weights));
            let slopes = total.backward().of(&leaf).map(|g| g.data().to_vec()).unwrap_or_default();
            (f64::from(total.value().item()), slopes)
        };
        let along: f64 = of(0.0).1.iter().zip([0.2, 0.0, 0.1, 0.0, -0.3, 0.0]).map(|(g, d)| f64::from(*g) * d).sum();
        let difference = (of(0.01).0 - of(-0.01).0) / 0.02;
        assert!((along - difference).abs() < 1e-3, "{along} {difference}");
    }

    #[test]
    fn sums_with_still_functions_have_adjoint_gradients() {
        let [moving, still] = [vec![3, JET, 2], vec![4, 2]].map(|shape| {
            let length = shape.iter().product::<usize>();
            Var::leaf(Tensor::new(&shape, (0..length).map(|k| (1.3 * k as f32).sin()).collect()))
        });
        let joined = add_still(&moving, &still);
        assert_eq!(joined.shape(), [12, JET, 2]);
        let weights = Tensor::new(joined.shape(), (0..joined.value().len()).map(|k| (0.7 * k as f32).cos()).collect());
        let total = sum(&mul(&joined, &Var::constant(weights)));
        let gradients = total.backward();
        let dot = |leaf: &Var| {
            let pairs = gradients.of(leaf).expect("a part").data().iter().zip(leaf.value().data());
            pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>()
        };
        // Linear: its value is what its gradient makes of the inputs.
        assert!((dot(&moving) + dot(&still) - f64::from(total.value().item())).abs() < 1e-4);
    }
}
