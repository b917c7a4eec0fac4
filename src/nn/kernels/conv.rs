//! Direct convolution of channels-last images: the tile of outputs stays in registers while weights and inputs stream by.
//!
//! Valid convolution of a padded image x `[m0, m1, m2, C]` with weights w `[k0, k1, k2, C, D]` and strides s, n = (m − k) / s + 1:
//!
//! y[i, j, k, d] = Σ_{a b c e} x[s0 i + a, s1 j + b, s2 k + c, e] w[a, b, c, e, d].
//!
//! | kernel | sum over | in registers |
//! |---|---|---|
//! | [`forward`] | a, b, c, e | outputs k .. k + tile of one row, 16 of d |
//! | [`weight_gradient`] | i, j, k | e .. e + tile, 16 of d, for one (a, b, c) |
//!
//! The gradient for x is `forward` with flipped weights (`src/nn/ops/conv.rs`). For one (a, b) the inputs c, e of an output are k2 C
//! numbers in a row, so weights and inputs are read forwards. Output channels come in blocks of 16: weights are packed as
//! `[block][a, b, c, e][16]`, with zeros behind the last channel.

use super::lanes::{LANES, Lanes, with_lanes};
use rayon::prelude::*;

/// Sizes of a valid convolution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Shape {
    /// The padded image's.
    pub input: [usize; 3],
    pub kernel: [usize; 3],
    pub stride: [usize; 3],
    /// Channels in and out.
    pub channels: [usize; 2],
}

impl Shape {
    pub fn output(&self) -> [usize; 3] {
        std::array::from_fn(|d| (self.input[d] - self.kernel[d]) / self.stride[d] + 1)
    }

    fn blocks(&self) -> usize {
        self.channels[1].div_ceil(LANES)
    }

    /// Length of a run of inputs: one (a, b) of the kernel.
    fn run(&self) -> usize {
        self.kernel[2] * self.channels[0]
    }

    fn input_row(&self, i: usize, j: usize) -> usize {
        (i * self.input[1] + j) * self.input[2] * self.channels[0]
    }

    /// Floats of one padded image, and of one output.
    pub fn lengths(&self) -> [usize; 2] {
        let length = |n: [usize; 3], channels: usize| n.iter().product::<usize>() * channels;
        [length(self.input, self.channels[0]), length(self.output(), self.channels[1])]
    }

    /// Packs weights [a, b, c, e, d].
    pub fn pack(&self, w: &[f32]) -> Vec<f32> {
        let (rows, d) = (w.len() / self.channels[1], self.channels[1]);
        let mut packed = vec![0.0; self.blocks() * rows * LANES];
        for (block, packed) in packed.chunks_exact_mut(rows * LANES).enumerate() {
            let width = LANES.min(d - block * LANES);
            for (row, packed) in packed.chunks_exact_mut(LANES).enumerate() {
                packed[..width].copy_from_slice(&w[row * d + block * LANES..][..width]);
            }
        }
        packed
    }
}

/// What is done to a sum before it is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Finish<'a> {
    pub bias: Option<&'a [f32]>,
    /// max(0, y).
    pub rectify: bool,
}

/// y <- w * x + bias, for every image of the batch; `packed` as [`Shape::pack`] gives it.
pub(crate) fn forward(shape: &Shape, x: &[f32], packed: &[f32], finish: Finish, y: &mut [f32]) {
    let [image, _] = shape.lengths();
    let [n0, n1, n2] = shape.output();
    y.par_chunks_mut(n2 * shape.channels[1]).enumerate().for_each(|(row, y)| {
        let (n, i, j) = (row / (n0 * n1), row / n1 % n0, row % n1);
        let x = &x[n * image + shape.input_row(i * shape.stride[0], j * shape.stride[1])..];
        forward_row(shape, x, packed, finish, y);
    });
}

/// One row of outputs; `x` begins at its first input.
fn forward_row(shape: &Shape, x: &[f32], packed: &[f32], finish: Finish, y: &mut [f32]) {
    // The last input the row reads.
    let last = shape.input_row(shape.kernel[0] - 1, shape.kernel[1] - 1);
    let n2 = shape.output()[2];
    assert!(last + (n2 - 1) * shape.stride[2] * shape.channels[0] + shape.run() <= x.len(), "inputs of a row");
    assert_eq!(packed.len(), shape.blocks() * shape.kernel[0] * shape.kernel[1] * shape.run() * LANES);
    assert_eq!(y.len(), n2 * shape.channels[1]);
    with_lanes!(forward_tiles(shape: &Shape, x: &[f32], packed: &[f32], finish: Finish, y: &mut [f32]))
}

#[inline(always)]
unsafe fn forward_tiles<L: Lanes>(shape: &Shape, x: &[f32], packed: &[f32], finish: Finish, y: &mut [f32]) {
    let step = shape.stride[2] * shape.channels[0];
    // A known distance between inputs becomes part of the instructions.
    // SAFETY: the caller's.
    unsafe {
        match step {
            16 => forward_by_step::<L, 16>(shape, step, x, packed, finish, y),
            _ => forward_by_step::<L, 0>(shape, step, x, packed, finish, y),
        }
    }
}

#[inline(always)]
unsafe fn forward_by_step<L: Lanes, const STEP: usize>(
    shape: &Shape,
    step: usize,
    x: &[f32],
    packed: &[f32],
    finish: Finish,
    y: &mut [f32],
) {
    let (n2, d) = (shape.output()[2], shape.channels[1]);
    for (block, w) in packed.chunks_exact(packed.len() / shape.blocks()).enumerate() {
        let width = LANES.min(d - block * LANES);
        let mut k = 0;
        while k < n2 {
            let tile = [16, 6, 4, 2, 1].into_iter().find(|t| *t <= (n2 - k).min(L::TILE)).unwrap_or(1);
            let (x, y) = (&x[k * step..], &mut y[k * d + block * LANES..]);
            // SAFETY: `forward_row` has checked the lengths; STEP is 0 or step.
            unsafe {
                match tile {
                    16 => forward_tile::<L, STEP, 16>(shape, step, x, w, finish, block, width, y),
                    6 => forward_tile::<L, STEP, 6>(shape, step, x, w, finish, block, width, y),
                    4 => forward_tile::<L, STEP, 4>(shape, step, x, w, finish, block, width, y),
                    2 => forward_tile::<L, STEP, 2>(shape, step, x, w, finish, block, width, y),
                    _ => forward_tile::<L, STEP, 1>(shape, step, x, w, finish, block, width, y),
                }
            }
            k += tile;
        }
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
unsafe fn forward_tile<L: Lanes, const STEP: usize, const T: usize>(
    shape: &Shape,
    step: usize,
    x: &[f32],
    w: &[f32],
    finish: Finish,
    block: usize,
    width: usize,
    y: &mut [f32],
) {
    let step = if STEP == 0 { step } else { STEP };
    let run = shape.run();
    let mut w = w.as_ptr();
    // SAFETY: inputs to the last tap of the last output, and all of w, were checked.
    unsafe {
        let mut sums = [L::zero(); T];
        for a in 0..shape.kernel[0] {
            for b in 0..shape.kernel[1] {
                let x = x.as_ptr().add(shape.input_row(a, b));
                for q in 0..run {
                    let row = L::load(w);
                    w = w.add(LANES);
                    for (t, sum) in sums.iter_mut().enumerate() {
                        *sum = sum.add_product(row, x.add(t * step + q));
                    }
                }
            }
        }
        for (t, sum) in sums.into_iter().enumerate() {
            let mut lanes = [0.0; LANES];
            sum.store(lanes.as_mut_ptr());
            let bias = finish.bias.map(|bias| &bias[block * LANES..][..width]);
            for l in 0..width {
                let value = lanes[l] + bias.map_or(0.0, |bias| bias[l]);
                lanes[l] = if finish.rectify { value.max(0.0) } else { value };
            }
            y[t * shape.channels[1]..][..width].copy_from_slice(&lanes[..width]);
        }
    }
}

/// Parts the sum over rows is cut into: fixed, so that threads change no bit.
const PARTS: usize = 16;

/// Σ over images, outputs: gradient of the weights [a, b, c, e, d], from the gradient `g` of y.
pub(crate) fn weight_gradient(shape: &Shape, x: &[f32], g: &[f32]) -> Vec<f32> {
    let ([n0, n1, n2], [image, _], d) = (shape.output(), shape.lengths(), shape.channels[1]);
    let (padded, width) = (pad_channels(g, d), shape.blocks() * LANES);
    let rows = g.len() / (n2 * d);
    let entries = shape.kernel[0] * shape.kernel[1] * shape.run() * LANES;
    let partial = |part: usize| {
        let mut sums = vec![0.0; shape.blocks() * entries];
        for row in part * rows / PARTS..(part + 1) * rows / PARTS {
            let (n, i, j) = (row / (n0 * n1), row / n1 % n0, row % n1);
            let x = &x[n * image + shape.input_row(i * shape.stride[0], j * shape.stride[1])..];
            weight_row(shape, x, &padded[row * n2 * width..][..n2 * width], &mut sums);
        }
        sums
    };
    let partials: Vec<Vec<f32>> = (0..PARTS).into_par_iter().map(partial).collect();
    let mut sums = vec![0.0; shape.blocks() * entries];
    partials.iter().for_each(|p| sums.iter_mut().zip(p).for_each(|(s, p)| *s += p));
    // From blocks of 16 back to all channels.
    let mut out = vec![0.0; entries / LANES * d];
    for (row, out) in out.chunks_exact_mut(d).enumerate() {
        for (channel, out) in out.iter_mut().enumerate() {
            *out = sums[channel / LANES * entries + row * LANES + channel % LANES];
        }
    }
    out
}

/// g with zeros after the last channel, to whole blocks.
fn pad_channels(g: &[f32], d: usize) -> std::borrow::Cow<'_, [f32]> {
    if d.is_multiple_of(LANES) {
        return g.into();
    }
    let width = d.next_multiple_of(LANES);
    let mut padded = vec![0.0; g.len() / d * width];
    padded.par_chunks_mut(width).zip(g.par_chunks(d)).for_each(|(to, from)| to[..d].copy_from_slice(from));
    padded.into()
}

/// Adds one row of outputs to the sums.
fn weight_row(shape: &Shape, x: &[f32], g: &[f32], sums: &mut [f32]) {
    let last = shape.input_row(shape.kernel[0] - 1, shape.kernel[1] - 1);
    let n2 = shape.output()[2];
    assert!(last + (n2 - 1) * shape.stride[2] * shape.channels[0] + shape.run() <= x.len(), "inputs of a row");
    assert_eq!(g.len(), n2 * shape.blocks() * LANES);
    assert_eq!(sums.len(), shape.blocks() * shape.kernel[0] * shape.kernel[1] * shape.run() * LANES);
    with_lanes!(weight_tiles(shape: &Shape, x: &[f32], g: &[f32], sums: &mut [f32]))
}

#[inline(always)]
unsafe fn weight_tiles<L: Lanes>(shape: &Shape, x: &[f32], g: &[f32], sums: &mut [f32]) {
    let (run, width) = (shape.run(), shape.blocks() * LANES);
    let (n2, step) = (shape.output()[2], shape.stride[2] * shape.channels[0]);
    let entries = sums.len() / shape.blocks();
    for (block, sums) in sums.chunks_exact_mut(entries).enumerate() {
        for (ab, sums) in sums.chunks_exact_mut(run * LANES).enumerate() {
            let x = &x[shape.input_row(ab / shape.kernel[1], ab % shape.kernel[1])..];
            let mut q = 0;
            while q < run {
                let tile = [16, 6, 4, 2, 1].into_iter().find(|t| *t <= (run - q).min(L::TILE)).unwrap_or(1);
                let (x, g, sums) = (x[q..].as_ptr(), g[block * LANES..].as_ptr(), sums[q * LANES..].as_mut_ptr());
                // SAFETY: `weight_row` has checked the lengths.
                unsafe {
                    match tile {
                        16 => weight_tile::<L, 16>([n2, step, width], x, g, sums),
                        6 => weight_tile::<L, 6>([n2, step, width], x, g, sums),
                        4 => weight_tile::<L, 4>([n2, step, width], x, g, sums),
                        2 => weight_tile::<L, 2>([n2, step, width], x, g, sums),
                        _ => weight_tile::<L, 1>([n2, step, width], x, g, sums),
                    }
                }
                q += tile;
            }
        }
    }
}

/// sums[t] += Σ_k x[k step + t] g[k width ..].
#[inline(always)]
unsafe fn weight_tile<L: Lanes, const T: usize>(
    [n2, step, width]: [usize; 3],
    x: *const f32,
    g: *const f32,
    sums: *mut f32,
) {
    // SAFETY: the caller's.
    unsafe {
        let mut tile: [L; T] = std::array::from_fn(|t| L::load(sums.add(t * LANES)));
        for k in 0..n2 {
            let (x, g) = (x.add(k * step), L::load(g.add(k * width)));
            for (t, sum) in tile.iter_mut().enumerate() {
                *sum = sum.add_product(g, x.add(t));
            }
        }
        for (t, sum) in tile.into_iter().enumerate() {
            sum.store(sums.add(t * LANES));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(n: usize, seed: u32) -> Vec<f32> {
        let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as f32 / u32::MAX as f32 - 0.5
        };
        (0..n).map(|_| next()).collect()
    }

    const SHAPES: [Shape; 6] = [
        Shape { input: [5, 6, 23], kernel: [3, 3, 3], stride: [1; 3], channels: [16, 16] },
        Shape { input: [4, 4, 20], kernel: [3, 3, 3], stride: [1; 3], channels: [1, 16] },
        Shape { input: [1, 9, 11], kernel: [1, 3, 3], stride: [1, 2, 2], channels: [5, 24] },
        Shape { input: [3, 4, 9], kernel: [1, 1, 1], stride: [1; 3], channels: [16, 1] },
        Shape { input: [1, 8, 8], kernel: [1, 4, 4], stride: [1, 2, 2], channels: [16, 16] },
        Shape { input: [1, 1, 30], kernel: [1, 1, 5], stride: [1, 1, 3], channels: [3, 17] },
    ];

    /// Calls `visit` with the places of x, w and y that belong together.
    fn each(shape: &Shape, images: usize, mut visit: impl FnMut(usize, usize, usize)) {
        let ([n0, n1, n2], [k0, k1, k2], s) = (shape.output(), shape.kernel, shape.stride);
        let ([image, out], [cin, cout]) = (shape.lengths(), shape.channels);
        for n in 0..images {
            for (i, j, k) in (0..n0 * n1 * n2).map(|o| (o / n2 / n1, o / n2 % n1, o % n2)) {
                for (a, b, c) in (0..k0 * k1 * k2).map(|t| (t / k2 / k1, t / k2 % k1, t % k2)) {
                    for (e, d) in (0..cin * cout).map(|q| (q / cout, q % cout)) {
                        let x = n * image + shape.input_row(s[0] * i + a, s[1] * j + b) + (s[2] * k + c) * cin + e;
                        let w = (((a * k1 + b) * k2 + c) * cin + e) * cout + d;
                        visit(x, w, n * out + ((i * n1 + j) * n2 + k) * cout + d);
                    }
                }
            }
        }
    }

    fn close(a: &[f32], b: &[f32], what: &str) {
        let largest = b.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        let off = a.iter().zip(b).fold(0.0f32, |m, (a, b)| m.max((a - b).abs()));
        assert!(a.len() == b.len() && off <= 2e-5 * largest, "{what}: {off} of {largest}");
    }

    #[test]
    fn convolutions_and_their_weights_gradients_are_the_plain_sums() {
        use crate::simd::{Level, limit};
        for shape in SHAPES {
            let [image, out] = shape.lengths();
            let (x, g) = (noise(2 * image, 1), noise(2 * out, 2));
            let w = noise(shape.kernel.iter().product::<usize>() * shape.channels[0] * shape.channels[1], 3);
            let bias = noise(shape.channels[1], 4);
            let mut expected: Vec<f32> = (0..2 * out).map(|i| bias[i % bias.len()]).collect();
            let mut gradient = vec![0.0; w.len()];
            each(&shape, 2, |xi, wi, yi| {
                expected[yi] += x[xi] * w[wi];
                gradient[wi] += x[xi] * g[yi];
            });
            expected.iter_mut().for_each(|y| *y = y.max(0.0));
            for level in [Level::Baseline, Level::Avx2, Level::Avx512] {
                let level = limit(level);
                let mut y = vec![f32::NAN; 2 * out];
                let finish = Finish { bias: Some(&bias), rectify: true };
                forward(&shape, &x, &shape.pack(&w), finish, &mut y);
                close(&y, &expected, &format!("{shape:?} {level:?}"));
                close(&weight_gradient(&shape, &x, &g), &gradient, &format!("gradient, {shape:?} {level:?}"));
            }
        }
    }
}
