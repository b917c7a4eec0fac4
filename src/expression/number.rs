//! The numbers an expression can be run on, and its operations.

/// Points evaluated at once.
pub(super) const LANES: usize = 32;

/// `LANES` values side by side.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block(pub [f64; LANES]);

/// A function of one argument.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Unary {
    /// -a
    Negate,
    /// 1 where a is 0, else 0
    Not,
    /// √a
    Sqrt,
    /// eᵃ
    Exp,
    /// natural logarithm
    Log,
    /// logarithm to base 10
    Log10,
    /// sine
    Sin,
    /// cosine
    Cos,
    /// tangent
    Tan,
    /// arc sine
    Asin,
    /// arc cosine
    Acos,
    /// arc tangent
    Atan,
    /// hyperbolic sine
    Sinh,
    /// hyperbolic cosine
    Cosh,
    /// hyperbolic tangent
    Tanh,
    /// |a|
    Abs,
    /// largest whole number not above a
    Floor,
    /// smallest whole number not below a
    Ceil,
    /// -1, 0 or 1
    Sign,
    /// 1 where a ≥ 0, else 0
    Heaviside,
}

/// An operation of two arguments; comparisons give 1 or 0.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs)]
pub enum Binary {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Power,
    Min,
    Max,
    Atan2,
    Hypot,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    And,
    Or,
}

/// What a function name stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Function {
    /// One argument.
    Unary(Unary),
    /// Two arguments.
    Binary(Binary),
    /// `if(condition, then, otherwise)`.
    Select,
}

/// Every function an expression may call.
pub const FUNCTIONS: &[(&str, Function)] = &[
    ("sqrt", Function::Unary(Unary::Sqrt)),
    ("exp", Function::Unary(Unary::Exp)),
    ("log", Function::Unary(Unary::Log)),
    ("ln", Function::Unary(Unary::Log)),
    ("log10", Function::Unary(Unary::Log10)),
    ("sin", Function::Unary(Unary::Sin)),
    ("cos", Function::Unary(Unary::Cos)),
    ("tan", Function::Unary(Unary::Tan)),
    ("asin", Function::Unary(Unary::Asin)),
    ("acos", Function::Unary(Unary::Acos)),
    ("atan", Function::Unary(Unary::Atan)),
    ("sinh", Function::Unary(Unary::Sinh)),
    ("cosh", Function::Unary(Unary::Cosh)),
    ("tanh", Function::Unary(Unary::Tanh)),
    ("abs", Function::Unary(Unary::Abs)),
    ("floor", Function::Unary(Unary::Floor)),
    ("ceil", Function::Unary(Unary::Ceil)),
    ("sign", Function::Unary(Unary::Sign)),
    ("heaviside", Function::Unary(Unary::Heaviside)),
    ("min", Function::Binary(Binary::Min)),
    ("max", Function::Binary(Binary::Max)),
    ("pow", Function::Binary(Binary::Power)),
    ("atan2", Function::Binary(Binary::Atan2)),
    ("hypot", Function::Binary(Binary::Hypot)),
    ("if", Function::Select),
];

/// What an expression can be run on.
pub trait Number: Copy {
    /// The constant `value`.
    fn constant(value: f64) -> Self;
    /// f(self).
    fn unary(self, f: Unary) -> Self;
    /// f(self, right).
    fn binary(self, f: Binary, right: Self) -> Self;
    /// `yes` where self is not 0, else `no`.
    fn select(self, yes: Self, no: Self) -> Self;
}

fn truth(b: bool) -> f64 {
    f64::from(u8::from(b))
}

impl Number for f64 {
    fn constant(value: f64) -> Self {
        value
    }

    #[inline]
    fn unary(self, f: Unary) -> Self {
        match f {
            Unary::Negate => -self,
            Unary::Not => truth(self == 0.0),
            Unary::Sqrt => self.sqrt(),
            Unary::Exp => self.exp(),
            Unary::Log => self.ln(),
            Unary::Log10 => self.log10(),
            Unary::Sin => self.sin(),
            Unary::Cos => self.cos(),
            Unary::Tan => self.tan(),
            Unary::Asin => self.asin(),
            Unary::Acos => self.acos(),
            Unary::Atan => self.atan(),
            Unary::Sinh => self.sinh(),
            Unary::Cosh => self.cosh(),
            Unary::Tanh => self.tanh(),
            Unary::Abs => self.abs(),
            Unary::Floor => self.floor(),
            Unary::Ceil => self.ceil(),
            Unary::Sign if self == 0.0 => 0.0,
            Unary::Sign => self.signum(),
            Unary::Heaviside => truth(self >= 0.0),
        }
    }

    #[inline]
    fn binary(self, f: Binary, right: Self) -> Self {
        match f {
            Binary::Add => self + right,
            Binary::Subtract => self - right,
            Binary::Multiply => self * right,
            Binary::Divide => self / right,
            Binary::Remainder => self % right,
            Binary::Power if right == 2.0 => self * self,
            Binary::Power if right.fract() == 0.0 && right.abs() <= 64.0 => self.powi(right as i32),
            Binary::Power => self.powf(right),
            Binary::Min => self.min(right),
            Binary::Max => self.max(right),
            Binary::Atan2 => self.atan2(right),
            Binary::Hypot => self.hypot(right),
            Binary::Less => truth(self < right),
            Binary::LessEqual => truth(self <= right),
            Binary::Greater => truth(self > right),
            Binary::GreaterEqual => truth(self >= right),
            Binary::Equal => truth(self == right),
            Binary::NotEqual => truth(self != right),
            Binary::And => truth(self != 0.0 && right != 0.0),
            Binary::Or => truth(self != 0.0 || right != 0.0),
        }
    }

    fn select(self, yes: Self, no: Self) -> Self {
        if self != 0.0 { yes } else { no }
    }
}

impl Number for Block {
    fn constant(value: f64) -> Self {
        Block([value; LANES])
    }

    fn unary(mut self, f: Unary) -> Self {
        self.0.iter_mut().for_each(|v| *v = v.unary(f));
        self
    }

    fn binary(mut self, f: Binary, right: Self) -> Self {
        self.0.iter_mut().zip(right.0).for_each(|(v, r)| *v = v.binary(f, r));
        self
    }

    fn select(mut self, yes: Self, no: Self) -> Self {
        for lane in 0..LANES {
            self.0[lane] = self.0[lane].select(yes.0[lane], no.0[lane]);
        }
        self
    }
}
