//! Vector kernels on f64 slices: what Krylov methods do between two products with the matrix.
//!
//! Every kernel walks the vectors in blocks of [`BLOCK`] entries. Sums are formed block by block and the block sums are
//! added pairwise along a binary tree that depends on the length alone, so a result has the same bits whatever the
//! number of threads, and its rounding error grows as O(log n) instead of O(n) (Higham, *Accuracy and Stability of
//! Numerical Algorithms*, 2nd ed., §4.2, doi:10.1137/1.9780898718027). Nothing allocates.
//!
//! All slices of a call have the same length; a kernel panics where they do not.

/// Entries in a block: four vectors of one block (256 kB) stay in a core's second-level cache.
pub const BLOCK: usize = 8192;

/// Shortest piece worth a task of its own: below this, waking a thread costs more than it saves.
const TASK: usize = 8 * BLOCK;

/// Independent partial sums in a block: enough to hide the latency of an addition.
const LANES: usize = 16;

/// Slices of equal length that are cut at the same place.
trait Parts: Sized + Send {
    fn len(&self) -> usize;
    fn cut(self, at: usize) -> (Self, Self);
}

impl Parts for &[f64] {
    fn len(&self) -> usize {
        <[f64]>::len(self)
    }

    fn cut(self, at: usize) -> (Self, Self) {
        self.split_at(at)
    }
}

impl Parts for &mut [f64] {
    fn len(&self) -> usize {
        <[f64]>::len(self)
    }

    fn cut(self, at: usize) -> (Self, Self) {
        self.split_at_mut(at)
    }
}

impl<A: Parts, B: Parts> Parts for (A, B) {
    fn len(&self) -> usize {
        assert_eq!(self.0.len(), self.1.len(), "vectors of different lengths");
        self.0.len()
    }

    fn cut(self, at: usize) -> (Self, Self) {
        let (a, b) = (self.0.cut(at), self.1.cut(at));
        ((a.0, b.0), (a.1, b.1))
    }
}

/// Runs `kernel` on every block and adds what it returns along a fixed tree.
fn reduce<P: Parts>(parts: P, kernel: impl Fn(P) -> f64 + Sync) -> f64 {
    let threads = parts.len() >= TASK && rayon::current_num_threads() > 1;
    tree(parts, threads, &kernel)
}

fn tree<P: Parts>(parts: P, threads: bool, kernel: &(impl Fn(P) -> f64 + Sync)) -> f64 {
    let n = parts.len();
    if n <= BLOCK {
        return kernel(parts);
    }
    let (left, right) = parts.cut(n.div_ceil(BLOCK) / 2 * BLOCK);
    let (a, b) = if threads && n >= TASK {
        rayon::join(|| tree(left, threads, kernel), || tree(right, threads, kernel))
    } else {
        (tree(left, threads, kernel), tree(right, threads, kernel))
    };
    a + b
}

/// Runs `kernel` on every block, for kernels that return nothing.
fn for_each<P: Parts>(parts: P, kernel: impl Fn(P) + Sync) {
    reduce(parts, |block| {
        kernel(block);
        0.0
    });
}

/// Adds the lanes pairwise: 16 -> 8 -> 4 -> 2 -> 1.
fn add_lanes(mut lane: [f64; LANES]) -> f64 {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lane[i] += lane[i + half];
        }
        half /= 2;
    }
    lane[0]
}

/// Σ f(xᵢ, yᵢ)
fn sum_of(x: &[f64], y: &[f64], f: impl Fn(f64, f64) -> f64 + Sync) -> f64 {
    reduce((x, y), |(x, y)| {
        let mut lane = [0.0; LANES];
        let (xs, ys) = (x.chunks_exact(LANES), y.chunks_exact(LANES));
        let tail: f64 = xs.remainder().iter().zip(ys.remainder()).map(|(x, y)| f(*x, *y)).sum();
        for (x, y) in xs.zip(ys) {
            for i in 0..LANES {
                lane[i] += f(x[i], y[i]);
            }
        }
        add_lanes(lane) + tail
    })
}

/// x·y
pub fn dot(x: &[f64], y: &[f64]) -> f64 {
    sum_of(x, y, |x, y| x * y)
}

/// Σ xᵢ
pub fn sum(x: &[f64]) -> f64 {
    reduce(x, |x| {
        let mut lane = [0.0; LANES];
        let xs = x.chunks_exact(LANES);
        let tail: f64 = xs.remainder().iter().sum();
        for x in xs {
            for i in 0..LANES {
                lane[i] += x[i];
            }
        }
        add_lanes(lane) + tail
    })
}

/// ‖x‖₂, also where the squares would overflow or vanish; then the entries are scaled by a power of two, which rounds
/// nothing.
pub fn norm2(x: &[f64]) -> f64 {
    let squared = dot(x, x);
    if squared.is_nan() || (1e-280..f64::INFINITY).contains(&squared) {
        return squared.sqrt();
    }
    let largest = x.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    if largest == 0.0 || largest.is_infinite() {
        return largest;
    }
    let s = power_of_two_below_inverse(largest);
    sum_of(x, x, |x, y| (s * x) * (s * y)).sqrt() / s
}

/// The power of two s with 1 ≤ s v < 2 for v > 0, as far as the exponent range goes.
pub fn power_of_two_below_inverse(v: f64) -> f64 {
    2.0_f64.powi((-v.log2().floor()).clamp(-1000.0, 1000.0) as i32)
}

/// x <- x + a p
pub fn axpy(a: f64, p: &[f64], x: &mut [f64]) {
    for_each((p, x), |(p, x)| {
        for (x, p) in x.iter_mut().zip(p) {
            *x += a * p;
        }
    });
}

/// p <- z + b p
pub fn xpay(z: &[f64], b: f64, p: &mut [f64]) {
    for_each((z, p), |(z, p)| {
        for (p, z) in p.iter_mut().zip(z) {
            *p = z + b * *p;
        }
    });
}

/// x <- a x
pub fn scale(a: f64, x: &mut [f64]) {
    for_each(x, |x| {
        for x in x {
            *x *= a;
        }
    });
}

/// y <- a x
pub fn scaled_copy(a: f64, x: &[f64], y: &mut [f64]) {
    for_each((x, y), |(x, y)| {
        for (y, x) in y.iter_mut().zip(x) {
            *y = a * x;
        }
    });
}

/// y <- d ∘ x, entry by entry
pub fn multiply(d: &[f64], x: &[f64], y: &mut [f64]) {
    for_each((d, (x, y)), |(d, (x, y))| {
        for ((y, x), d) in y.iter_mut().zip(x).zip(d) {
            *y = d * x;
        }
    });
}

/// x <- x + a
pub fn shift(a: f64, x: &mut [f64]) {
    for_each(x, |x| {
        for x in x {
            *x += a;
        }
    });
}

/// v <- v − mean(v)
pub fn remove_mean(v: &mut [f64]) {
    if !v.is_empty() {
        shift(-sum(v) / v.len() as f64, v);
    }
}

/// One step along a direction p with image q = A p, in a single pass over the four vectors:
/// x <- x + a p, r <- r − b q; returns r·r.
pub fn step(a: f64, p: &[f64], x: &mut [f64], b: f64, q: &[f64], r: &mut [f64]) -> f64 {
    reduce(((p, x), (q, r)), |((p, x), (q, r))| {
        for (x, p) in x.iter_mut().zip(p) {
            *x += a * p;
        }
        let mut lane = [0.0; LANES];
        let mut tail = 0.0;
        let (mut rs, qs) = (r.chunks_exact_mut(LANES), q.chunks_exact(LANES));
        let last = qs.remainder();
        for (r, q) in rs.by_ref().zip(qs) {
            for i in 0..LANES {
                r[i] -= b * q[i];
                lane[i] += r[i] * r[i];
            }
        }
        for (r, q) in rs.into_remainder().iter_mut().zip(last) {
            *r -= b * q;
            tail += *r * *r;
        }
        add_lanes(lane) + tail
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lengths around the lane, block and task borders.
    const LENGTHS: [usize; 10] = [0, 1, 15, 16, 17, BLOCK - 1, BLOCK, BLOCK + 1, TASK + 5, 5 * TASK + 31];

    fn wave(n: usize, seed: f64) -> Vec<f64> {
        (0..n).map(|i| (seed + 0.7 * i as f64).sin() + 0.1).collect()
    }

    fn close(a: f64, b: f64, size: f64) -> bool {
        (a - b).abs() <= 1e-12 * size.max(1.0)
    }

    #[test]
    fn kernels_do_what_their_formulas_say() {
        for n in LENGTHS {
            let (x, y, q, r) = (wave(n, 0.0), wave(n, 1.0), wave(n, 2.0), wave(n, 3.0));
            let plain: f64 = x.iter().zip(&y).map(|(x, y)| x * y).sum();
            assert!(close(dot(&x, &y), plain, n as f64), "dot, n = {n}");
            assert!(close(sum(&x), x.iter().sum(), n as f64), "sum, n = {n}");
            assert!(close(norm2(&x), x.iter().map(|v| v * v).sum::<f64>().sqrt(), n as f64), "norm2, n = {n}");

            let mut z = y.clone();
            axpy(0.3, &x, &mut z);
            assert!((0..n).all(|i| z[i] == y[i] + 0.3 * x[i]), "axpy, n = {n}");
            let mut z = y.clone();
            xpay(&x, 0.3, &mut z);
            assert!((0..n).all(|i| z[i] == x[i] + 0.3 * y[i]), "xpay, n = {n}");
            let mut z = y.clone();
            scale(0.3, &mut z);
            assert!((0..n).all(|i| z[i] == 0.3 * y[i]), "scale, n = {n}");
            scaled_copy(-2.0, &x, &mut z);
            assert!((0..n).all(|i| z[i] == -2.0 * x[i]), "scaled_copy, n = {n}");
            multiply(&q, &x, &mut z);
            assert!((0..n).all(|i| z[i] == q[i] * x[i]), "multiply, n = {n}");
            let mut z = y.clone();
            shift(0.3, &mut z);
            assert!((0..n).all(|i| z[i] == y[i] + 0.3), "shift, n = {n}");

            remove_mean(&mut z);
            assert!(close(sum(&z), 0.0, n as f64), "remove_mean, n = {n}");

            let (mut u, mut s) = (y.clone(), r.clone());
            let squared = step(0.3, &x, &mut u, 0.4, &q, &mut s);
            assert!((0..n).all(|i| u[i] == y[i] + 0.3 * x[i] && s[i] == r[i] - 0.4 * q[i]), "step, n = {n}");
            assert_eq!(squared, dot(&s, &s), "the fused sum is the sum of its own, n = {n}");
        }
    }

    #[test]
    fn sums_have_the_same_bits_for_any_number_of_threads() {
        for n in LENGTHS {
            let (x, y) = (wave(n, 0.0), wave(n, 1.0));
            let with = |threads: usize| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| {
                    let (mut u, mut r) = (x.clone(), y.clone());
                    let rr = step(0.3, &y, &mut u, 0.7, &x, &mut r);
                    [dot(&x, &y), sum(&x), norm2(&y), rr].map(f64::to_bits)
                })
            };
            let one = with(1);
            for threads in [2, 3, 7] {
                assert_eq!(one, with(threads), "n = {n}, {threads} threads");
            }
        }
    }

    #[test]
    fn norm2_neither_overflows_nor_underflows() {
        assert!(close(norm2(&[3e200, 4e200]) / 1e200, 5.0, 1.0));
        assert!(close(norm2(&[3e-200, -4e-200]) / 1e-200, 5.0, 1.0));
        assert_eq!(norm2(&[0.0; 5]), 0.0);
        assert_eq!(norm2(&[1.0, f64::NEG_INFINITY]), f64::INFINITY);
        assert!(norm2(&[1.0, f64::NAN]).is_nan());
        assert!(norm2(&[f64::INFINITY, f64::NAN]).is_nan());
    }

    #[test]
    fn the_power_of_two_brings_a_value_to_between_1_and_2() {
        for v in [1.0, 1.5, 2.0, 3.0, 0.7, 1e-9, 7e250, 3e-250] {
            let s = power_of_two_below_inverse(v);
            assert!((1.0..2.0).contains(&(s * v)), "{v}");
            assert_eq!(s.log2().fract(), 0.0);
        }
    }

    #[test]
    #[should_panic(expected = "different lengths")]
    fn lengths_must_agree() {
        dot(&[1.0], &[1.0, 2.0]);
    }
}
