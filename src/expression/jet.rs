//! Second-order forward-mode jets: value, gradient and Hessian carried through every operation.
//!
//! For w = f(u): ∇w = f' ∇u,  ∇²w = f' ∇²u + f'' ∇u ∇uᵀ.
//! For w = f(u, v): ∇w = f_u ∇u + f_v ∇v,
//! ∇²w = f_u ∇²u + f_v ∇²v + f_uu ∇u∇uᵀ + f_vv ∇v∇vᵀ + f_uv (∇u∇vᵀ + ∇v∇uᵀ).

use super::number::{Binary, Number, Unary};

/// A value with its exact gradient and Hessian in x, y, z.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jet {
    /// f
    pub value: f64,
    /// ∇f
    pub gradient: [f64; 3],
    /// ∇²f
    pub hessian: [[f64; 3]; 3],
}

/// The value and partial derivatives of an operation of two arguments.
#[derive(Default)]
struct Partials {
    f: f64,
    u: f64,
    v: f64,
    uu: f64,
    vv: f64,
    uv: f64,
}

impl Jet {
    /// The coordinate `axis` at `value`.
    pub fn variable(value: f64, axis: usize) -> Self {
        let mut jet = Jet::constant(value);
        jet.gradient[axis] = 1.0;
        jet
    }

    /// Δf = tr ∇²f.
    pub fn laplacian(&self) -> f64 {
        (0..3).map(|i| self.hessian[i][i]).sum()
    }

    fn chain(self, f: f64, df: f64, ddf: f64) -> Self {
        let g = self.gradient;
        Jet {
            value: f,
            gradient: g.map(|gi| df * gi),
            hessian: std::array::from_fn(|i| std::array::from_fn(|j| df * self.hessian[i][j] + ddf * g[i] * g[j])),
        }
    }

    fn chain2(self, right: Self, p: Partials) -> Self {
        let (g, h) = (self.gradient, right.gradient);
        Jet {
            value: p.f,
            gradient: std::array::from_fn(|i| p.u * g[i] + p.v * h[i]),
            hessian: std::array::from_fn(|i| {
                std::array::from_fn(|j| {
                    p.u * self.hessian[i][j]
                        + p.v * right.hessian[i][j]
                        + p.uu * g[i] * g[j]
                        + p.vv * h[i] * h[j]
                        + p.uv * (g[i] * h[j] + h[i] * g[j])
                })
            }),
        }
    }
}

impl Number for Jet {
    fn constant(value: f64) -> Self {
        Jet { value, gradient: [0.0; 3], hessian: [[0.0; 3]; 3] }
    }

    fn unary(self, f: Unary) -> Self {
        let u = self.value;
        let w = u.unary(f);
        let (d, dd) = match f {
            Unary::Negate => (-1.0, 0.0),
            Unary::Not | Unary::Floor | Unary::Ceil | Unary::Sign | Unary::Heaviside => (0.0, 0.0),
            Unary::Sqrt => (0.5 / w, -0.25 / (w * u)),
            Unary::Exp => (w, w),
            Unary::Log => (1.0 / u, -1.0 / (u * u)),
            Unary::Log10 => (std::f64::consts::LOG10_E / u, -std::f64::consts::LOG10_E / (u * u)),
            Unary::Sin => (u.cos(), -w),
            Unary::Cos => (-u.sin(), -w),
            Unary::Tan => (1.0 + w * w, 2.0 * w * (1.0 + w * w)),
            Unary::Asin => ((1.0 - u * u).powf(-0.5), u * (1.0 - u * u).powf(-1.5)),
            Unary::Acos => (-(1.0 - u * u).powf(-0.5), -u * (1.0 - u * u).powf(-1.5)),
            Unary::Atan => (1.0 / (1.0 + u * u), -2.0 * u / (1.0 + u * u).powi(2)),
            Unary::Sinh => (u.cosh(), w),
            Unary::Cosh => (u.sinh(), w),
            Unary::Tanh => (1.0 - w * w, -2.0 * w * (1.0 - w * w)),
            Unary::Abs => (u.unary(Unary::Sign), 0.0),
        };
        self.chain(w, d, dd)
    }

    fn binary(self, f: Binary, right: Self) -> Self {
        let (u, v) = (self.value, right.value);
        let w = u.binary(f, v);
        let p = match f {
            Binary::Add => Partials { u: 1.0, v: 1.0, ..Default::default() },
            Binary::Subtract => Partials { u: 1.0, v: -1.0, ..Default::default() },
            Binary::Multiply => Partials { u: v, v: u, uv: 1.0, ..Default::default() },
            Binary::Divide => {
                Partials { u: 1.0 / v, v: -w / v, vv: 2.0 * w / (v * v), uv: -1.0 / (v * v), ..Default::default() }
            }
            Binary::Remainder => Partials { u: 1.0, v: -(u / v).trunc(), ..Default::default() },
            Binary::Power if right.gradient == [0.0; 3] && right.hessian == [[0.0; 3]; 3] => {
                let d = if v == 0.0 { 0.0 } else { v * u.binary(Binary::Power, v - 1.0) };
                let dd = if v == 0.0 || v == 1.0 { 0.0 } else { v * (v - 1.0) * u.binary(Binary::Power, v - 2.0) };
                Partials { u: d, uu: dd, ..Default::default() }
            }
            Binary::Power => {
                let log = u.ln();
                Partials {
                    u: w * v / u,
                    v: w * log,
                    uu: w * v * (v - 1.0) / (u * u),
                    vv: w * log * log,
                    uv: w * (1.0 + v * log) / u,
                    ..Default::default()
                }
            }
            Binary::Min | Binary::Max => return if w == u { self } else { right },
            Binary::Atan2 => {
                let r2 = u * u + v * v;
                let uv = (u * u - v * v) / (r2 * r2);
                let uu = -2.0 * u * v / (r2 * r2);
                Partials { u: v / r2, v: -u / r2, uu, vv: -uu, uv, ..Default::default() }
            }
            Binary::Hypot => {
                let w3 = w * w * w;
                Partials { u: u / w, v: v / w, uu: v * v / w3, vv: u * u / w3, uv: -u * v / w3, ..Default::default() }
            }
            _ => Partials::default(),
        };
        self.chain2(right, Partials { f: w, ..p })
    }

    fn select(self, yes: Self, no: Self) -> Self {
        if self.value != 0.0 { yes } else { no }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Expression;

    #[test]
    fn derivatives_equal_central_differences() {
        let point = [0.4, 0.7, 0.3];
        for text in [
            "x*y + y/z - x",
            "sin(x)*cos(y) + tan(z)",
            "exp(x*y) + log(z + x) + log10(y)",
            "x^3 * y^-1 + x^y + z^0.5 + z^1 + y^0",
            "asin(x)*acos(y) + atan(z*x)",
            "sinh(x) + cosh(y)*tanh(z)",
            "atan2(x, y)*hypot(y, z) + sqrt(x + y)",
            "if(x < 0.5, x^2*z, y) + min(x, y)*max(z, x) + abs(-x)*sign(-y)",
            "7.3*x % 2.0",
        ] {
            let f = Expression::parse(text).unwrap();
            let jet = f.jet(point);
            assert_eq!(jet.value, f.eval(point), "{text}");
            let h = 1e-5;
            let at = |i: usize, s: f64| {
                let mut p = point;
                p[i] += s * h;
                f.jet(p)
            };
            for i in 0..3 {
                let (plus, minus) = (at(i, 1.0), at(i, -1.0));
                let slope = (plus.value - minus.value) / (2.0 * h);
                assert!(
                    (slope - jet.gradient[i]).abs() < 1e-7 * (1.0 + slope.abs()),
                    "{text}: {slope} {}",
                    jet.gradient[i]
                );
                for j in 0..3 {
                    let slope = (plus.gradient[j] - minus.gradient[j]) / (2.0 * h);
                    assert!(
                        (slope - jet.hessian[i][j]).abs() < 1e-7 * (1.0 + slope.abs()),
                        "{text}: {slope} {}",
                        jet.hessian[i][j]
                    );
                }
            }
        }
    }
}
