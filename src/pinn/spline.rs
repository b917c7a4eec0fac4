//! A monotone map of [0, 1] onto itself, piecewise quadratic: the distribution function F of a piecewise linear density.
//!
//! On equal bins with heights w₀ … w_B, s the place within bin k: p = w_k + s (w_{k+1} − w_k),
//! F = Σ_{j<k} (w_j + w_{j+1}) / 2B + (w_k s + (w_{k+1} − w_k) s² / 2) / B. Heights from any numbers a:
//! w = (1 − ε) e^a / ∫ e^a + ε. The inverse takes the stable root s = 2q / (w_k + √(w_k² + 2 (w_{k+1} − w_k) q)).
//!
//! K. Tang, X. Wan and Q. Liao, *J. Comput. Phys.* 476 (2023) 111868, §3.2 (the CDF layer of KRnet); L. Zeng, X. Wan and
//! T. Zhou, arXiv:2305.09063 (on a bounded domain).

/// The least density ε.
const FLOOR: f64 = 1e-3;

/// F by its heights.
#[derive(Debug, Clone)]
pub(super) struct Spline {
    /// w
    heights: Vec<f64>,
    /// e^a / ∫ e^a
    shares: Vec<f64>,
    /// F at the nodes.
    nodes: Vec<f64>,
}

impl Spline {
    /// From the numbers a, one a node.
    pub fn new(a: &[f64]) -> Self {
        let bins = (a.len() - 1) as f64;
        let top = a.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut shares: Vec<f64> = a.iter().map(|a| (a - top).exp()).collect();
        let whole: f64 = shares.windows(2).map(|w| 0.5 * (w[0] + w[1])).sum::<f64>() / bins;
        shares.iter_mut().for_each(|s| *s /= whole);
        let heights: Vec<f64> = shares.iter().map(|s| (1.0 - FLOOR) * s + FLOOR).collect();
        let mut nodes = vec![0.0; a.len()];
        for k in 1..a.len() {
            nodes[k] = nodes[k - 1] + 0.5 * (heights[k - 1] + heights[k]) / bins;
        }
        Spline { heights, shares, nodes }
    }

    fn bins(&self) -> usize {
        self.heights.len() - 1
    }

    fn place(&self, x: f64) -> (usize, f64) {
        let scaled = x.clamp(0.0, 1.0) * self.bins() as f64;
        let k = (scaled as usize).min(self.bins() - 1);
        (k, scaled - k as f64)
    }

    /// F(x) and p(x).
    pub fn map(&self, x: f64) -> (f64, f64) {
        let (k, s) = self.place(x);
        let (w, rise) = (self.heights[k], self.heights[k + 1] - self.heights[k]);
        (self.nodes[k] + (w * s + 0.5 * rise * s * s) / self.bins() as f64, w + s * rise)
    }

    /// x of F(x) = u.
    pub fn inverse(&self, u: f64) -> f64 {
        let k = self.nodes.partition_point(|f| *f <= u).clamp(1, self.bins()) - 1;
        let (w, rise) = (self.heights[k], self.heights[k + 1] - self.heights[k]);
        let q = (u - self.nodes[k]).max(0.0) * self.bins() as f64;
        let s = 2.0 * q / (w + (w * w + 2.0 * rise * q).max(0.0).sqrt());
        ((k as f64 + s.min(1.0)) / self.bins() as f64).clamp(0.0, 1.0)
    }

    /// The reverse pass of (F, log p): given the adjoint of F and 1 for log p, adds to the adjoint of each a and gives that of x.
    pub fn reverse(&self, x: f64, of_value: f64, of_a: &mut [f64]) -> f64 {
        let bins = self.bins() as f64;
        let (k, s) = self.place(x);
        let rise = self.heights[k + 1] - self.heights[k];
        let p = self.heights[k] + s * rise;
        // By the heights: F sees all of the nodes up to k + 1, p the two around x.
        let mut g = vec![0.0; k + 2];
        for j in 0..k {
            g[j] += 0.5 * of_value / bins;
            g[j + 1] += 0.5 * of_value / bins;
        }
        g[k] += of_value * (s - 0.5 * s * s) / bins + (1.0 - s) / p;
        g[k + 1] += of_value * 0.5 * s * s / bins + s / p;
        let sum: f64 = g.iter().zip(&self.shares).map(|(g, share)| g * share).sum();
        for (m, of_a) in of_a.iter_mut().enumerate() {
            let ends = if m == 0 || m == self.bins() { 0.5 } else { 1.0 };
            let g = g.get(m).copied().unwrap_or(0.0);
            *of_a += (1.0 - FLOOR) * self.shares[m] * (g - ends / bins * sum);
        }
        of_value * p + rise * bins / p
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inverse_is_exact_and_the_reverse_pass_equals_differences() {
        let a = [0.3, -1.0, 2.0, 0.5, -0.7, 1.1];
        let spline = Spline::new(&a);
        assert!(spline.map(0.0).0.abs() < 1e-15 && (spline.map(1.0).0 - 1.0).abs() < 1e-14);
        for i in 0..=100 {
            let x = f64::from(i) / 100.0;
            assert!((spline.inverse(spline.map(x).0) - x).abs() < 1e-12, "{x}");
        }
        let (x, bar, h) = (0.47, 1.7, 1e-6);
        let f = |a: &[f64], x: f64| {
            let (value, p) = Spline::new(a).map(x);
            bar * value + p.ln()
        };
        let mut of_a = [0.0; 6];
        let of_x = spline.reverse(x, bar, &mut of_a);
        assert!((of_x - (f(&a, x + h) - f(&a, x - h)) / (2.0 * h)).abs() < 1e-7);
        for m in 0..6 {
            let moved = |s: f64| std::array::from_fn::<f64, 6, _>(|i| a[i] + if i == m { s } else { 0.0 });
            let slope = (f(&moved(h), x) - f(&moved(-h), x)) / (2.0 * h);
            assert!((of_a[m] - slope).abs() < 1e-7, "{m}: {} {slope}", of_a[m]);
        }
    }
}
