//! Expressions in x, y, z as users write them: `1 + 0.5*sin(pi*x)*exp(-y^2)`.
//!
//! Grammar, loosest first; `^` is right-associative and binds tighter than the sign before it, so `-x^2` is `-(x^2)`
//! and `2^3^2` is `2^9`:
//!
//! ```text
//! or:  and ('||' and)*          and: comparison ('&&' comparison)*
//! comparison: sum (('<' | '<=' | '>' | '>=' | '==' | '!=') sum)?      1 where true, 0 where not
//! sum: product (('+' | '-') product)*                                 product: sign (('*' | '/' | '%') sign)*
//! sign: ('-' | '+' | '!')* power                                      power: atom (('^' | '**') sign)?
//! atom: number | x | y | z | pi | e | name '(' or (',' or)* ')' | '(' or ')'
//! ```
//!
//! Functions: see [`FUNCTIONS`]. An expression is compiled once to a postfix program and run on any [`Number`]: f64, blocks
//! of points, or [`Jet`]s that carry exact first and second derivatives (forward mode; Griewank & Walther 2008, ch. 3).

mod jet;
mod number;
mod parse;
mod written;

pub use jet::Jet;
pub use number::{FUNCTIONS, Number};
pub use written::Written;

use crate::error::Result;
use number::{Binary, Block, LANES, Unary};

/// One step of the postfix program.
#[derive(Debug, Clone, PartialEq)]
enum Op {
    Constant(f64),
    Variable(usize),
    Unary(Unary),
    Binary(Binary),
    /// `if(c, a, b)`: c, a, b are on the stack.
    Select,
}

/// A compiled expression in x, y, z.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    text: String,
    program: Vec<Op>,
    depth: usize,
}

impl Expression {
    /// Compiles `text`; the error tells the column.
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_in(text, &["x", "y", "z"])
    }

    /// Compiles `text` in variables of these names, for [`eval_at`](Self::eval_at); the error tells the column.
    pub fn parse_in(text: &str, names: &[&str]) -> Result<Self> {
        Ok(Self::compile(text.trim().to_string(), parse::parse(text, names)?))
    }

    /// The expression that is `value` everywhere.
    pub fn constant(value: f64) -> Self {
        Self::compile(value.to_string(), vec![Op::Constant(value)])
    }

    fn compile(text: String, program: Vec<Op>) -> Self {
        let (mut height, mut depth) = (0usize, 0usize);
        for op in &program {
            height = match op {
                Op::Constant(_) | Op::Variable(_) => height + 1,
                Op::Unary(_) => height,
                Op::Binary(_) => height - 1,
                Op::Select => height - 2,
            };
            depth = depth.max(height);
        }
        Expression { text, program, depth }
    }

    /// The text it was compiled from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its value, if it is a number.
    pub fn as_constant(&self) -> Option<f64> {
        match self.program[..] {
            [Op::Constant(v)] => Some(v),
            _ => None,
        }
    }

    /// Whether it depends on the variable of this number: x (0), y (1), z (2).
    pub fn depends_on(&self, axis: usize) -> bool {
        self.program.contains(&Op::Variable(axis))
    }

    /// Its value at a point, in any kind of number.
    pub fn eval<T: Number>(&self, point: [T; 3]) -> T {
        self.run(&point, &mut Vec::with_capacity(self.depth))
    }

    /// Its value, in any kind of number, where its variables have these values.
    ///
    /// # Panics
    /// With fewer values than names it was compiled with.
    pub fn eval_at<T: Number>(&self, values: &[T]) -> T {
        self.run(values, &mut Vec::with_capacity(self.depth))
    }

    /// Its value and exact derivatives at a point.
    pub fn jet(&self, point: [f64; 3]) -> Jet {
        self.eval(std::array::from_fn(|axis| Jet::variable(point[axis], axis)))
    }

    /// Its values at many points, in blocks: `out[i] <- f(points[i])`.
    pub fn eval_many(&self, points: &[[f64; 3]], out: &mut [f64]) {
        assert_eq!(points.len(), out.len(), "one value a point");
        if let Some(v) = self.as_constant() {
            return out.fill(v);
        }
        let mut stack = Vec::with_capacity(self.depth);
        for (points, out) in points.chunks(LANES).zip(out.chunks_mut(LANES)) {
            let mut block = [Block([0.0; LANES]); 3];
            for (lane, p) in points.iter().enumerate() {
                for axis in 0..3 {
                    block[axis].0[lane] = p[axis];
                }
            }
            let value = self.run(&block, &mut stack);
            out.copy_from_slice(&value.0[..out.len()]);
        }
    }

    fn run<T: Number>(&self, point: &[T], stack: &mut Vec<T>) -> T {
        const BALANCED: &str = "the parser makes balanced programs";
        stack.clear();
        for op in &self.program {
            let value = match *op {
                Op::Constant(v) => T::constant(v),
                Op::Variable(axis) => point[axis],
                Op::Unary(f) => stack.pop().expect(BALANCED).unary(f),
                Op::Binary(f) => {
                    let right = stack.pop().expect(BALANCED);
                    stack.pop().expect(BALANCED).binary(f, right)
                }
                Op::Select => {
                    let (no, yes) = (stack.pop().expect(BALANCED), stack.pop().expect(BALANCED));
                    stack.pop().expect(BALANCED).select(yes, no)
                }
            };
            stack.push(value);
        }
        stack.pop().expect(BALANCED)
    }
}

impl std::fmt::Display for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn value(text: &str) -> f64 {
        Expression::parse(text).unwrap().eval([0.5, 2.0, -1.5])
    }

    #[test]
    fn precedence_is_that_of_mathematics() {
        for (text, expected) in [
            ("-2^2", -4.0),
            ("2^3^2", 512.0),
            ("2^-1", 0.5),
            ("2/-4", -0.5),
            ("-y**2 + 1", -3.0),
            ("1 - 2 - 3", -4.0),
            ("8 / 4 / 2", 1.0),
            ("7 % 4", 3.0),
            ("2e-3 + 1.5E2 + .5", 150.502),
            ("exp(-x^2)", (-0.25f64).exp()),
            ("--x", 0.5),
            ("1 < 2 && y >= 2", 1.0),
            ("!(x < 1) || z == -1.5", 1.0),
            ("if(x < 0.5, 1, 1000)", 1000.0),
            ("max(1, min(x, y)) + atan2(1, 1) - pi/4", 1.0),
            ("abs(z) + sqrt(y*y) + log(e) + heaviside(z)", 4.5),
            ("hypot(3, 4) + pow(2, 10)", 1029.0),
        ] {
            assert!((value(text) - expected).abs() < 1e-12, "{text} = {} not {expected}", value(text));
        }
    }

    #[test]
    fn errors_name_the_column_and_the_cure() {
        for (text, part) in [
            ("", "empty"),
            ("1 +", "ends"),
            ("sin(x", "\")\""),
            ("x y", "column 3"),
            ("foo(x)", "foo"),
            ("w + 1", "w"),
            ("min(x)", "2 arguments"),
            ("1..2", "column"),
            ("sin", "(\""),
            ("(((((1", "\")\""),
        ] {
            match Expression::parse(text) {
                Err(Error::Expression { what, .. }) => assert!(what.contains(part), "{text}: {what}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        assert!(Expression::parse(&"(".repeat(100_000)).is_err(), "deep nesting is refused, not a stack overflow");
        assert!(Expression::parse(&"-".repeat(100_000)).is_err());
    }

    #[test]
    fn blocks_equal_points() {
        let f = Expression::parse("if(x>0.3, sin(3*x)*cosh(y) - z^3, tanh(x)/(1+y^2))").unwrap();
        let points: Vec<_> = (0..100).map(|i| [i as f64 / 99.0, 0.3 * i as f64 % 1.0, -0.01 * i as f64]).collect();
        let mut many = vec![0.0; points.len()];
        f.eval_many(&points, &mut many);
        for (p, v) in points.iter().zip(many) {
            assert_eq!(f.eval(*p), v);
        }
    }

    #[test]
    fn variables_may_have_other_names() {
        let f = Expression::parse_in("u_t + u*u_x - t", &["t", "u", "u_t", "u_x"]).unwrap();
        assert_eq!(f.eval_at(&[1.0, 2.0, 3.0, 4.0]), 10.0);
        let error = Expression::parse_in("x + t", &["t", "u"]).unwrap_err().to_string();
        assert!(error.contains("\"x\" at column 1; known are t, u, pi"), "{error}");
    }

    #[test]
    fn constants_are_folded() {
        assert_eq!(Expression::parse("2*pi^2").unwrap().as_constant(), Some(2.0 * std::f64::consts::PI.powi(2)));
        assert_eq!(Expression::parse("x").unwrap().as_constant(), None);
        assert!(Expression::parse("x*y").unwrap().depends_on(1));
        assert!(!Expression::parse("x*y").unwrap().depends_on(2));
    }
}
