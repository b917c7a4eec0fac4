//! Values and derivatives of a network at a block of points, forwards, and one reverse pass for what depends on them.
//!
//! Channels of a neuron: the value, its d first derivatives, and a second-order form Q u = Σ w ∂ᵢ∂ⱼu for every one that the
//! problem asks for (the Laplacian is one). With z = W h + b and σ's derivatives s₀ … s₃ at the value of z:
//!
//! ```text
//! forward   h' = s0          h'_i = s1 z_i                        h'_Q = s1 z_Q + s2 S_Q,   S_Q = sum w z_i z_j
//! reverse   z_Q~ = s1 h_Q~   z_i~ = s1 h_i~ + s2 sum_Q h_Q~ dS_Q/dz_i
//!           z~ = s1 h~ + s2 sum_i z_i h_i~ + sum_Q (s2 z_Q + s3 S_Q) h_Q~
//!           W~ = sum of z~ h^T over channels, b~ = z~, h~ = W^T z~
//! ```
//!
//! | array | shape |
//! |---|---|
//! | a layer's channels (`inputs`, `z`) | `[neuron][channel][lane]`, a lane a point |
//! | adjoints of the output | `[channel][lane]` |
//! | rows of a Jacobian | `[parameter][lane]` |
//!
//! Source: R. Li et al., *Forward Laplacian* (arXiv:2307.08214, 2023), §3; A. Griewank and A. Walther, *Evaluating Derivatives*
//! (SIAM, 2008), ch. 13. Departure: any second-order form in place of the Laplacian, mixed derivatives among them.

use super::activation::{Derivatives, Precision};
use super::mlp::Mlp;
use crate::simd::vectorised;
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// Points of a block.
pub const LANES: usize = 32;

/// Q u = Σ w ∂ᵢ∂ⱼ u over the entries (i, j, w).
#[derive(Debug, Clone, PartialEq)]
pub struct Form(pub Vec<(usize, usize, f64)>);

impl Form {
    /// Δ in the first `d` coordinates.
    pub fn laplacian(d: usize) -> Self {
        Form((0..d).map(|i| (i, i, 1.0)).collect())
    }

    /// ∂ᵢ∂ⱼ
    pub fn second(i: usize, j: usize) -> Self {
        Form(vec![(i, j, 1.0)])
    }

    /// Σ w aᵢ bⱼ, made symmetric: (Q(a b) − a Q b − b Q a) / 2 for gradients a and b.
    pub fn mixed(&self, a: &[f64], b: &[f64]) -> f64 {
        self.0.iter().map(|&(i, j, w)| 0.5 * w * (a[i] * b[j] + a[j] * b[i])).sum()
    }
}

/// Meets a layer on the way down: where its numbers begin, z~, h, inputs, outputs.
type Visit<'v, T> = dyn FnMut(usize, &[T], &[T], usize, usize) + 'v;

/// The state of one block's pass through a network, in double or single precision.
pub struct Sweep<'a, T = f64> {
    net: &'a Mlp,
    forms: &'a [Form],
    /// First derivatives: d, or 0 for values alone.
    dimension: usize,
    offsets: Vec<usize>,
    /// Channels that enter each layer, and the output's.
    inputs: Vec<Vec<T>>,
    /// Channels before each hidden layer's σ.
    z: Vec<Vec<T>>,
    /// S_Q `[neuron][form][lane]` of each hidden layer.
    sums: Vec<Vec<T>>,
    derivatives: Vec<Derivatives<T>>,
    /// Adjoints, and room for those of the layer below.
    adjoint: [Vec<T>; 2],
}

impl<'a, T: Precision> Sweep<'a, T> {
    /// Room for a block with all derivatives.
    pub fn new(net: &'a Mlp, forms: &'a [Form]) -> Self {
        Self::of(net, forms, net.dimension())
    }

    /// Room for a block of values alone.
    pub fn values(net: &'a Mlp) -> Self {
        Self::of(net, &[], 0)
    }

    fn of(net: &'a Mlp, forms: &'a [Form], dimension: usize) -> Self {
        let block = (1 + dimension + forms.len()) * LANES;
        let hidden = &net.widths[1..net.widths.len() - 1];
        let widest = net.widths.iter().copied().max().unwrap_or(1);
        Sweep {
            net,
            forms,
            dimension,
            offsets: net.offsets(),
            inputs: net.widths.iter().map(|n| vec![T::ZERO; n * block]).collect(),
            z: hidden.iter().map(|n| vec![T::ZERO; n * block]).collect(),
            sums: hidden.iter().map(|n| vec![T::ZERO; n * forms.len() * LANES]).collect(),
            derivatives: hidden.iter().map(|n| Derivatives::new(n * LANES)).collect(),
            adjoint: [vec![T::ZERO; widest * block], vec![T::ZERO; widest * block]],
        }
    }

    /// 1 + d + forms.
    pub fn channels(&self) -> usize {
        1 + self.dimension + self.forms.len()
    }

    /// The output's channels `[channel][lane]` at up to [`LANES`] points; lanes without a point repeat the last.
    pub fn forward(&mut self, theta: &[T], points: &[f64]) -> &[T] {
        self.enter(points);
        let block = self.channels() * LANES;
        let last = self.net.widths.len() - 2;
        for (l, (inputs, outputs)) in self.net.layers().enumerate() {
            let (w, b) = theta[self.offsets[l]..].split_at(inputs * outputs);
            let (below, above) = self.inputs.split_at_mut(l + 1);
            let z = if l == last { &mut above[0] } else { &mut self.z[l] };
            let h = MatRef::from_column_major_slice(&below[l], block, inputs);
            let w = MatRef::from_row_major_slice(w, outputs, inputs);
            matmul(
                MatMut::from_column_major_slice_mut(z, block, outputs),
                Accum::Replace,
                h,
                w.transpose(),
                T::ONE,
                Par::Seq,
            );
            for (z, b) in z.chunks_exact_mut(block).zip(b) {
                z[..LANES].iter_mut().for_each(|z| *z += *b);
            }
            if l < last {
                self.activate(l);
            }
        }
        &self.inputs[last + 1]
    }

    /// φ(x) and its derivatives.
    fn enter(&mut self, points: &[f64]) {
        let (d, stride, block) = (self.dimension, self.net.dimension(), self.channels() * LANES);
        for (feature, h) in self.net.features.iter().zip(self.inputs[0].chunks_exact_mut(block)) {
            for lane in 0..LANES {
                let at = lane.min(points.len() / stride - 1) * stride;
                let x = &points[at..at + stride];
                let z = feature.phase + feature.k.iter().zip(x).map(|(k, x)| k * x).sum::<f64>();
                let [s0, s1, s2] = if feature.is_wave { [z.sin(), z.cos(), -z.sin()] } else { [z, 1.0, 0.0] };
                h[lane] = T::of(s0);
                for (i, k) in feature.k.iter().enumerate().take(d) {
                    h[(1 + i) * LANES + lane] = T::of(s1 * k);
                }
                for (q, form) in self.forms.iter().enumerate() {
                    h[(1 + d + q) * LANES + lane] = T::of(s2 * form.mixed(&feature.k, &feature.k));
                }
            }
        }
    }

    fn activate(&mut self, l: usize) {
        let block = self.channels() * LANES;
        let (z, h, sums) = (&self.z[l], &mut self.inputs[l + 1], &mut self.sums[l]);
        let d = &mut self.derivatives[l];
        for (n, z) in z.chunks_exact(block).enumerate() {
            self.net.activation.evaluate(&z[..LANES], d, n * LANES);
            let [s0, s1, s2, _] = d.orders.each_ref().map(|o| &o[n * LANES..(n + 1) * LANES]);
            let h = &mut h[n * block..(n + 1) * block];
            let per = self.forms.len() * LANES;
            h[..LANES].copy_from_slice(s0);
            chain(z, s1, s2, self.dimension, self.forms, h, &mut sums[n * per..(n + 1) * per]);
        }
    }

    /// Adds to `gradient` the derivative of Σ seed · output by every parameter.
    pub fn reverse_sum(&mut self, theta: &[T], seed: &[T], gradient: &mut [T]) {
        let block = self.channels() * LANES;
        self.reverse(theta, seed, &mut |at, z, h, inputs, outputs| {
            let (w, b) = gradient[at..].split_at_mut(inputs * outputs);
            let z_of = MatRef::from_column_major_slice(z, block, outputs);
            let h = MatRef::from_column_major_slice(h, block, inputs);
            let w = MatMut::from_row_major_slice_mut(w, outputs, inputs);
            matmul(w, Accum::Add, z_of.transpose(), h, T::ONE, Par::Seq);
            for (b, z) in b.iter_mut().zip(z.chunks_exact(block)) {
                z[..LANES].iter().for_each(|z| *b += *z);
            }
        });
    }

    /// The derivative of seed · output of every lane by every parameter, `[parameter][lane]`.
    pub fn reverse_rows(&mut self, theta: &[T], seed: &[T], rows: &mut [T]) {
        let block = self.channels() * LANES;
        self.reverse(theta, seed, &mut |at, z, h, inputs, outputs| {
            let rows = &mut rows[at * LANES..];
            for (o, z) in z[..outputs * block].chunks_exact(block).enumerate() {
                for (i, h) in h.chunks_exact(block).enumerate() {
                    let at = (o * inputs + i) * LANES;
                    lane_products(z, h, &mut rows[at..at + LANES]);
                }
                let at = (inputs * outputs + o) * LANES;
                rows[at..at + LANES].copy_from_slice(&z[..LANES]);
            }
        });
    }

    /// Walks down the layers; `visit(offset, z~, h, inputs, outputs)` meets each.
    fn reverse(&mut self, theta: &[T], seed: &[T], visit: &mut Visit<T>) {
        let block = self.channels() * LANES;
        let [mut above, mut below] = std::mem::take(&mut self.adjoint);
        above[..block].copy_from_slice(seed);
        for (l, (inputs, outputs)) in self.net.layers().enumerate().rev() {
            visit(self.offsets[l], &above[..outputs * block], &self.inputs[l], inputs, outputs);
            if l > 0 {
                let w = MatRef::from_row_major_slice(&theta[self.offsets[l]..][..inputs * outputs], outputs, inputs);
                let z = MatRef::from_column_major_slice(&above[..outputs * block], block, outputs);
                let h = MatMut::from_column_major_slice_mut(&mut below[..inputs * block], block, inputs);
                matmul(h, Accum::Replace, z, w, T::ONE, Par::Seq);
                for n in 0..inputs {
                    let at = n * LANES..(n + 1) * LANES;
                    let orders = self.derivatives[l - 1].orders.each_ref().map(|o| &o[at.clone()]);
                    let per = self.forms.len() * LANES;
                    let sums = &self.sums[l - 1][n * per..(n + 1) * per];
                    let z = &self.z[l - 1][n * block..(n + 1) * block];
                    unchain(z, sums, orders, self.dimension, self.forms, &mut below[n * block..(n + 1) * block]);
                }
                std::mem::swap(&mut above, &mut below);
            }
        }
        self.adjoint = [above, below];
    }
}

vectorised! {
    /// All channels after σ but the value; S_Q into `sums`.
    fn chain[T: Precision](z: &[T], s1: &[T], s2: &[T], d: usize, forms: &[Form], h: &mut [T], sums: &mut [T]) {
        for i in 1..=d {
            let (z, h) = (&z[i * LANES..][..LANES], &mut h[i * LANES..][..LANES]);
            for lane in 0..LANES {
                h[lane] = s1[lane] * z[lane];
            }
        }
        for (q, form) in forms.iter().enumerate() {
            let sum = &mut sums[q * LANES..][..LANES];
            sum.fill(T::ZERO);
            for &(i, j, w) in &form.0 {
                let w = T::of(w);
                let (zi, zj) = (&z[(1 + i) * LANES..][..LANES], &z[(1 + j) * LANES..][..LANES]);
                for lane in 0..LANES {
                    sum[lane] += w * zi[lane] * zj[lane];
                }
            }
            let (zq, h) = (&z[(1 + d + q) * LANES..][..LANES], &mut h[(1 + d + q) * LANES..][..LANES]);
            for lane in 0..LANES {
                h[lane] = s1[lane] * zq[lane] + s2[lane] * sum[lane];
            }
        }
    }
}

vectorised! {
    /// Adjoints before σ from those after it, in place.
    fn unchain[T: Precision](z: &[T], sums: &[T], orders: [&[T]; 4], d: usize, forms: &[Form], adjoint: &mut [T]) {
        let [s1, s2, s3] = [1, 2, 3].map(|k| &orders[k][..LANES]);
        let mut value = [T::ZERO; LANES];
        for lane in 0..LANES {
            value[lane] = s1[lane] * adjoint[lane];
        }
        for i in 0..d {
            let (z, a) = (&z[(1 + i) * LANES..][..LANES], &mut adjoint[(1 + i) * LANES..][..LANES]);
            for lane in 0..LANES {
                value[lane] += s2[lane] * z[lane] * a[lane];
                a[lane] *= s1[lane];
            }
        }
        for (q, form) in forms.iter().enumerate() {
            let at = (1 + d + q) * LANES;
            let mut bent = [T::ZERO; LANES]; // s2 h_Q~
            for lane in 0..LANES {
                let a = adjoint[at + lane];
                value[lane] += (s2[lane] * z[at + lane] + s3[lane] * sums[q * LANES + lane]) * a;
                bent[lane] = s2[lane] * a;
                adjoint[at + lane] = s1[lane] * a;
            }
            for &(i, j, w) in &form.0 {
                let w = T::of(w);
                for (to, from) in [(i, j), (j, i)] {
                    let (z, a) = (&z[(1 + from) * LANES..][..LANES], &mut adjoint[(1 + to) * LANES..][..LANES]);
                    for lane in 0..LANES {
                        a[lane] += w * z[lane] * bent[lane];
                    }
                }
            }
        }
        adjoint[..LANES].copy_from_slice(&value);
    }
}

vectorised! {
    /// out <- Σ over channels of z h, lane by lane.
    fn lane_products[T: Precision](z: &[T], h: &[T], out: &mut [T]) {
        let mut sum = [T::ZERO; LANES];
        for (z, h) in z.as_chunks::<LANES>().0.iter().zip(h.as_chunks::<LANES>().0) {
            for lane in 0..LANES {
                sum[lane] += z[lane] * h[lane];
            }
        }
        out.copy_from_slice(&sum);
    }
}
