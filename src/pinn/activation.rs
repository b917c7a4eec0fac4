//! Activations σ and their first three derivatives, over many numbers at once.
//!
//! | name | σ(z) |
//! |---|---|
//! | tanh | tanh z |
//! | sine | sin z |
//! | gelu | z/2 (1 + tanh p(z)), p = √(2/π) (z + 0.044715 z³) (D. Hendrycks and K. Gimpel, arXiv:1606.08415, §2) |

use crate::simd::vectorised;
use crate::sparse::Real;
use faer::traits::ComplexField;

/// What a network computes in: f32 or f64.
pub trait Precision: Real + ComplexField {
    /// tanh z and its first three derivatives, without a branch; tanh to an error of 2 units in the last place of 1.
    fn tanh(z: Self) -> [Self; 4];
}

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
pub(super) struct Derivatives<T> {
    /// `orders[k]` is the k-th derivative.
    pub orders: [Vec<T>; 4],
}

impl<T: Precision> Derivatives<T> {
    pub fn new(n: usize) -> Self {
        Derivatives { orders: std::array::from_fn(|_| vec![T::ZERO; n]) }
    }
}

impl Activation {
    /// Fills `out[at..at + z.len()]` of every order.
    pub(super) fn evaluate<T: Precision>(self, z: &[T], out: &mut Derivatives<T>, at: usize) {
        let mut orders = out.orders.each_mut().map(|o| &mut o[at..at + z.len()]);
        let mut each = |of: fn(f64) -> [f64; 4]| {
            for (i, z) in z.iter().enumerate() {
                orders.iter_mut().zip(of(z.wide())).for_each(|(order, v)| order[i] = T::of(v));
            }
        };
        match self {
            Activation::Tanh => tanh(z, orders),
            Activation::Sine => each(sine),
            Activation::Gelu => each(gelu),
        }
    }
}

vectorised! {
    fn tanh[T: Precision](z: &[T], orders: [&mut [T]; 4]) {
        let n = z.len();
        let [s0, s1, s2, s3] = orders.map(|order| &mut order[..n]);
        for i in 0..n {
            [s0[i], s1[i], s2[i], s3[i]] = T::tanh(z[i]);
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

/// `$round`: adding it rounds to a whole number, which stands in the lowest bits then; `$log2`: log 2 in two parts; `$half`: half the
/// degree of the polynomial.
macro_rules! precision {
    ($real:ident, $round:literal, $log2:expr, $half:literal) => {
        impl Precision for $real {
            #[inline(always)]
            fn tanh(z: Self) -> [Self; 4] {
                /// eˣ for −80 < x <= 0: 2ᵏ times the Taylor polynomial in x − k log 2.
                #[inline(always)]
                fn exp(x: $real) -> $real {
                    const F: [$real; 13] = {
                        let mut table = [0.0; 13];
                        let mut n = 0;
                        while n < 13 {
                            table[n] = INVERSE_FACTORIALS[n] as $real;
                            n += 1;
                        }
                        table
                    };
                    let shifted = x * std::$real::consts::LOG2_E + $round;
                    let k = shifted - $round;
                    let r = (x - k * $log2[0]) - k * $log2[1];
                    // Even and odd powers apart: two short chains of operations in place of a long one.
                    let (square, mut even, mut odd) = (r * r, F[2 * $half], F[2 * $half - 1]);
                    for n in (1..$half).rev() {
                        even = even * square + F[2 * n];
                        odd = odd * square + F[2 * n - 1];
                    }
                    let one: $real = 1.0;
                    let power = (shifted.to_bits() << ($real::MANTISSA_DIGITS - 1)).wrapping_add(one.to_bits());
                    (even * square + 1.0 + r * odd) * $real::from_bits(power)
                }
                let e = exp(-2.0 * z.abs().min(20.0));
                let q = 1.0 / (1.0 + e);
                let t = ((1.0 - e) * q).copysign(z);
                let d = 4.0 * e * q * q; // 1 − t²
                [t, d, -2.0 * t * d, d * (6.0 * t * t - 2.0)]
            }
        }
    };
}
precision!(f64, 6_755_399_441_055_744.0, [0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10], 6);
precision!(f32, 12_582_912.0, [0.693_359_4, -2.121_944_4e-4], 4);

fn sine(z: f64) -> [f64; 4] {
    let (sin, cos) = z.sin_cos();
    [sin, cos, -sin, -cos]
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
        let single: Vec<f32> = z.iter().map(|z| *z as f32).collect();
        let (mut d, mut s) = (Derivatives::new(z.len()), Derivatives::new(z.len()));
        Activation::Tanh.evaluate(&z, &mut d, 0);
        Activation::Tanh.evaluate(&single, &mut s, 0);
        for (z, t) in z.iter().zip(&d.orders[0]) {
            assert!((t - z.tanh()).abs() < 4e-16, "{z}: {t} {}", z.tanh());
        }
        for (d, s) in d.orders.iter().zip(&s.orders) {
            for ((z, d), s) in z.iter().zip(d).zip(s) {
                assert!((d - f64::from(*s)).abs() < 1e-6, "{z}: {d} {s}");
            }
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
