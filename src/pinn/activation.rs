//! Activations σ and their first three derivatives, over many numbers at once.
//!
//! | name | σ(z) |
//! |---|---|
//! | tanh | tanh z |
//! | sine | sin z |
//! | gelu | z/2 (1 + tanh p(z)), p = √(2/π) (z + 0.044715 z³) (D. Hendrycks and K. Gimpel, arXiv:1606.08415, §2) |

use crate::simd::vectorised;

/// A nonlinearity with three continuous derivatives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// tanh z
    #[default]
    Tanh,
    /// sin z
    Sine,
    /// The tanh form of the Gaussian error linear unit.
    Gelu,
}

/// σ, σ', σ'', σ''' side by side, each as long as z.
#[derive(Debug, Clone, Default)]
pub(super) struct Derivatives {
    /// `orders[k]` is the k-th derivative.
    pub orders: [Vec<f64>; 4],
}

impl Derivatives {
    pub fn new(n: usize) -> Self {
        Derivatives { orders: std::array::from_fn(|_| vec![0.0; n]) }
    }
}

impl Activation {
    /// Fills `out[at..at + z.len()]` of every order.
    pub(super) fn evaluate(self, z: &[f64], out: &mut Derivatives, at: usize) {
        let [s0, s1, s2, s3] = out.orders.each_mut().map(|o| &mut o[at..at + z.len()]);
        match self {
            Activation::Tanh => tanh(z, s0, s1, s2, s3),
            Activation::Sine => {
                for i in 0..z.len() {
                    let (sin, cos) = z[i].sin_cos();
                    (s0[i], s1[i], s2[i], s3[i]) = (sin, cos, -sin, -cos);
                }
            }
            Activation::Gelu => {
                for i in 0..z.len() {
                    [s0[i], s1[i], s2[i], s3[i]] = gelu(z[i]);
                }
            }
        }
    }
}

vectorised! {
    fn tanh(z: &[f64], s0: &mut [f64], s1: &mut [f64], s2: &mut [f64], s3: &mut [f64]) {
        for i in 0..z.len() {
            let e = exp(-2.0 * z[i].abs().min(20.0));
            let q = 1.0 / (1.0 + e);
            let t = ((1.0 - e) * q).copysign(z[i]);
            let d = 4.0 * e * q * q; // 1 − t²
            (s0[i], s1[i], s2[i], s3[i]) = (t, d, -2.0 * t * d, d * (6.0 * t * t - 2.0));
        }
    }
}

/// 1/n!
const INVERSE_FACTORIALS: [f64; 13] = {
    let mut table = [1.0; 13];
    let mut n = 1;
    while n < 13 {
        table[n] = table[n - 1] / n as f64;
        n += 1;
    }
    table
};

/// eˣ for |x| < 700 to 2 units in the last place, without a branch: 2ᵏ times the Taylor polynomial of degree 12 in
/// x − k log 2.
#[inline(always)]
fn exp(x: f64) -> f64 {
    /// Adding it rounds to a whole number, which stands in the lowest bits then.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const LOG2: [f64; 2] = [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10];
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let k = shifted - ROUND;
    let r = (x - k * LOG2[0]) - k * LOG2[1];
    let mut sum = INVERSE_FACTORIALS[12];
    for n in (0..12).rev() {
        sum = sum * r + INVERSE_FACTORIALS[n];
    }
    sum * f64::from_bits((shifted.to_bits() << 52).wrapping_add(1.0f64.to_bits()))
}

fn gelu(z: f64) -> [f64; 4] {
    let c = (2.0 / std::f64::consts::PI).sqrt();
    let a = 0.044_715;
    let [p, p1, p2, p3] = [c * (z + a * z * z * z), c * (1.0 + 3.0 * a * z * z), 6.0 * c * a * z, 6.0 * c * a];
    let t = p.tanh();
    let d = 1.0 - t * t;
    let [d2, d3] = [-2.0 * t * d, d * (6.0 * t * t - 2.0)];
    // Derivatives of T(z) = tanh p(z)
    let [t1, t2] = [d * p1, d2 * p1 * p1 + d * p2];
    let t3 = d3 * p1 * p1 * p1 + 3.0 * d2 * p1 * p2 + d * p3;
    [0.5 * z * (1.0 + t), 0.5 * (1.0 + t + z * t1), 0.5 * (2.0 * t1 + z * t2), 0.5 * (3.0 * t2 + z * t3)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tanh_is_that_of_the_library() {
        let z: Vec<f64> = (-4000..=4000).map(|i| f64::from(i) * 0.0101).collect();
        let mut d = Derivatives::new(z.len());
        Activation::Tanh.evaluate(&z, &mut d, 0);
        for (z, t) in z.iter().zip(&d.orders[0]) {
            assert!((t - z.tanh()).abs() < 4e-16, "{z}: {t} {}", z.tanh());
        }
    }

    #[test]
    fn derivatives_equal_central_differences() {
        let h = 1e-5;
        let z: Vec<f64> = (-60..=60).flat_map(|i| [-h, 0.0, h].map(|h| f64::from(i) * 0.07 + h)).collect();
        for activation in [Activation::Tanh, Activation::Sine, Activation::Gelu] {
            let mut d = Derivatives::new(z.len());
            activation.evaluate(&z, &mut d, 0);
            for order in 0..3 {
                for (v, w) in d.orders[order].chunks(3).zip(d.orders[order + 1].chunks(3)) {
                    let slope = (v[2] - v[0]) / (2.0 * h);
                    assert!((slope - w[1]).abs() < 1e-8, "{activation:?}, order {order}: {slope} {}", w[1]);
                }
            }
        }
    }
}
