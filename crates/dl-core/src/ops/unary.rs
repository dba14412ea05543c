//! Elementwise functions of one argument: a table with one row for each.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, LN_2, LOG2_E};

use serde::{Deserialize, Serialize};

use crate::dtype::DType;
use crate::graph::{Expr, Node};
use crate::ops::{Op, Signature, gamma, normal};

/// The definition of one elementwise function.
pub struct UnaryRow {
    /// The op.
    pub op: Unary,
    /// The field's name for it; also the name in the textual forms.
    pub name: &'static str,
    /// LaTeX with `{x}` for the argument.
    pub latex: &'static str,
    /// The value in double precision.
    pub value: fn(f64) -> f64,
    /// `g·f′(x)` given the cotangent (or tangent) `g`, the argument `x` and the value `y`;
    /// `None` where the derivative is zero everywhere.
    pub derivative: Option<for<'g> fn(g: Expr<'g>, x: Expr<'g>, y: Expr<'g>) -> Expr<'g>>,
    /// Where the derivative does not exist, and what we take there.
    pub kink: Option<&'static str>,
    /// Which element types it takes.
    pub takes: Takes,
}

/// Which element types an elementwise function takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// `f32` and `f64`.
    Floats,
    /// Floats and `i64`.
    Numbers,
    /// Floats, with `bool` results.
    FloatsToBool,
    /// `bool`.
    Bools,
}

macro_rules! unary_table {
    ($($variant:ident $name:literal $latex:literal $takes:ident $value:expr, $derivative:expr $(, kink $kink:literal)?;)*) => {
        /// An elementwise function of one argument.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Unary { $(#[doc = concat!("`", $name, "`.")] $variant),* }

        /// Every elementwise function of one argument, in the order of [`Unary`].
        pub static UNARY: &[UnaryRow] = &[$(UnaryRow {
            op: Unary::$variant,
            name: $name,
            latex: $latex,
            value: $value,
            derivative: $derivative,
            kink: { #[allow(unused_mut, unused_assignments)] let mut kink = None; $(kink = Some($kink);)? kink },
            takes: Takes::$takes,
        }),*];
    };
}

unary_table! {
//  variant  name       latex                                takes    value                    g·f′(x)
    Neg      "neg"      "-{x}"                               Numbers  |x| -x,                  Some(|g, _, _| -g);
    Abs      "abs"      "\\left|{x}\\right|"                 Numbers  f64::abs,                Some(|g, x, _| g * x.sign()), kink "0 at 0";
    Sign     "sign"     "\\operatorname{sign}({x})"          Numbers  sign,                    None, kink "0 everywhere, at the jump at 0 too";
    Exp      "exp"      "e^{{x}}"                            Floats   f64::exp,                Some(|g, _, y| g * y);
    Expm1    "expm1"    "\\left(e^{{x}}-1\\right)"           Floats   f64::exp_m1,             Some(|g, x, _| g * x.exp());
    Log      "log"      "\\log\\left({x}\\right)"            Floats   f64::ln,                 Some(|g, x, _| g / x);
    Log1p    "log1p"    "\\log\\left(1+{x}\\right)"          Floats   f64::ln_1p,              Some(|g, x, _| g / (1.0 + x));
    Sqrt     "sqrt"     "\\sqrt{{x}}"                        Floats   f64::sqrt,               Some(|g, _, y| g * 0.5 / y);
    Sin      "sin"      "\\sin\\left({x}\\right)"            Floats   f64::sin,                Some(|g, x, _| g * x.cos());
    Cos      "cos"      "\\cos\\left({x}\\right)"            Floats   f64::cos,                Some(|g, x, _| -(g * x.sin()));
    Tanh     "tanh"     "\\tanh\\left({x}\\right)"           Floats   f64::tanh,               Some(|g, x, _| g * (4.0 * (2.0 * x).sigmoid() * (-2.0 * x).sigmoid()));
    Sigmoid  "sigmoid"  "\\sigma\\left({x}\\right)"          Floats   sigmoid,                 Some(|g, x, y| g * y * (-x).sigmoid());
    Softplus "softplus" "\\operatorname{softplus}({x})"      Floats   softplus,                Some(|g, x, _| g * x.sigmoid());
    Relu     "relu"     "\\operatorname{relu}({x})"          Floats   relu,                    Some(|g, x, _| x.gt(0.0).select(g, 0.0)), kink "0 at 0";
    Erf      "erf"      "\\operatorname{erf}({x})"           Floats   libm::erf,               Some(|g, x, _| g * (TWO_OVER_SQRT_PI * (-(x * x)).exp()));
    Floor    "floor"    "\\left\\lfloor {x}\\right\\rfloor"  Floats   f64::floor,              None, kink "0 everywhere, at the jumps too";
    Ceil     "ceil"     "\\left\\lceil {x}\\right\\rceil"    Floats   f64::ceil,               None, kink "0 everywhere, at the jumps too";
    Round    "round"    "\\operatorname{round}({x})"         Floats   f64::round_ties_even,    None, kink "0 everywhere, at the jumps too";
    Log2     "log2"     "\\log_{2}\\left({x}\\right)"        Floats   f64::log2,               Some(|g, x, _| g * LOG2_E / x);
    Exp2     "exp2"     "2^{{x}}"                            Floats   f64::exp2,               Some(|g, _, y| g * (LN_2 * y));
    Tan      "tan"      "\\tan\\left({x}\\right)"            Floats   f64::tan,                Some(|g, _, y| g * (1.0 + y * y));
    Sinh     "sinh"     "\\sinh\\left({x}\\right)"           Floats   f64::sinh,               Some(|g, x, _| g * x.cosh());
    Cosh     "cosh"     "\\cosh\\left({x}\\right)"           Floats   f64::cosh,               Some(|g, x, _| g * x.sinh());
    Asin     "asin"     "\\arcsin\\left({x}\\right)"         Floats   f64::asin,               Some(|g, x, _| g / ((1.0 - x) * (1.0 + x)).sqrt());
    Acos     "acos"     "\\arccos\\left({x}\\right)"         Floats   f64::acos,               Some(|g, x, _| -(g / ((1.0 - x) * (1.0 + x)).sqrt()));
    Atan     "atan"     "\\arctan\\left({x}\\right)"         Floats   f64::atan,               Some(|g, x, _| g / (1.0 + x * x));
    Erfc     "erfc"     "\\operatorname{erfc}({x})"          Floats   libm::erfc,              Some(|g, x, _| -(g * (TWO_OVER_SQRT_PI * (-(x * x)).exp())));
    Erfcx    "erfcx"    "\\operatorname{erfcx}({x})"         Floats   normal::erfcx,           Some(|g, x, _| -2.0 * g * x.ierfcx(1.0));
    Erfinv   "erfinv"   "\\operatorname{erfinv}({x})"        Floats   normal::erfinv,          Some(|g, _, y| g * ((y * y).exp() / TWO_OVER_SQRT_PI));
    LogNdtr  "log_ndtr" "\\log \\Phi\\left({x}\\right)"      Floats   normal::log_ndtr,        Some(|g, x, y| g * inverse_mills(x, y));
    Lgamma   "lgamma"   "\\log \\Gamma\\left({x}\\right)"    Floats   libm::lgamma,            Some(|g, x, _| g * x.digamma());
    Digamma  "digamma"  "\\psi\\left({x}\\right)"            Floats   gamma::digamma,          Some(|g, x, _| g * x.polygamma(1.0));
    IsFinite "is_finite" "\\operatorname{finite}({x})"       FloatsToBool |x| truth(x.is_finite()), None;
    Not      "not"      "\\neg {x}"                          Bools    |x| truth(x == 0.0),     None;
}

/// `2/√π`, the derivative of `erf` at 0.
const TWO_OVER_SQRT_PI: f64 = FRAC_2_SQRT_PI;

/// `φ(x)/Φ(x)`, the derivative of `log Φ` (`y`); Mills' ratio of `-x` is its reciprocal. To the left `φ` and `Φ`
/// both vanish: there `erfcx` has their quotient, and its derivative keeps its digits, too.
fn inverse_mills<'g>(x: Expr<'g>, y: Expr<'g>) -> Expr<'g> {
    let root = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
    let left = root / (x * -FRAC_1_SQRT_2).erfcx();
    let right = (0.5 * root) * (-0.5 * (x * x) - y).exp();
    x.lt(0.0).select(left, right)
}

impl Unary {
    /// The row that defines it.
    pub fn row(self) -> &'static UnaryRow {
        &UNARY[self as usize]
    }

    /// The value for integers, where it has one: exact, wrapping at the ends.
    pub fn value_i64(self) -> Option<fn(i64) -> i64> {
        match self {
            Unary::Neg => Some(i64::wrapping_neg),
            Unary::Abs => Some(i64::wrapping_abs),
            Unary::Sign => Some(i64::signum),
            _ => None,
        }
    }

    pub(crate) fn signature(self, x: &Node) -> Result<Signature, String> {
        let row = self.row();
        let fits = match row.takes {
            Takes::Floats | Takes::FloatsToBool => x.dtype.is_float(),
            Takes::Numbers => x.dtype.is_numeric(),
            Takes::Bools => x.dtype == DType::Bool,
        };
        if !fits {
            let want = match row.takes {
                Takes::Floats | Takes::FloatsToBool => "a float (f32 or f64)",
                Takes::Numbers => "a number (f32, f64 or i64)",
                Takes::Bools => "bool",
            };
            return Err(format!("{} needs {want}, got {} {}: cast it first", row.name, x.dtype, x.shape));
        }
        let dtype = if row.takes == Takes::FloatsToBool { DType::Bool } else { x.dtype };
        Ok((dtype, x.shape.clone()))
    }
}

macro_rules! unary_methods {
    ($($method:ident $variant:ident $doc:literal;)*) => {
        impl<'g> Expr<'g> {
            $(#[doc = $doc] #[track_caller]
            pub fn $method(self) -> Expr<'g> {
                self.apply(Op::Unary(Unary::$variant), &[])
            })*
        }
    };
}

unary_methods! {
    abs      Abs      "Absolute value; the derivative at 0 is 0.";
    sign     Sign     "-1, 0 or 1; 0 at 0.";
    exp      Exp      "`eˣ`.";
    expm1    Expm1    "`eˣ - 1`, accurate near 0.";
    log      Log      "Natural logarithm.";
    log1p    Log1p    "`log(1 + x)`, accurate near 0.";
    sqrt     Sqrt     "Square root.";
    sin      Sin      "Sine, in radians.";
    cos      Cos      "Cosine, in radians.";
    tanh     Tanh     "Hyperbolic tangent.";
    sigmoid  Sigmoid  "Logistic function `1/(1 + e⁻ˣ)`.";
    softplus Softplus "`log(1 + eˣ)`, without overflow.";
    relu     Relu     "`max(x, 0)`; the derivative at 0 is 0.";
    erf      Erf      "Error function.";
    floor    Floor    "Largest integer not above; the derivative is 0.";
    ceil     Ceil     "Smallest integer not below; the derivative is 0.";
    round    Round    "Nearest integer, of two the even one; the derivative is 0.";
    log2     Log2     "Logarithm to the base 2.";
    exp2     Exp2     "`2ˣ`.";
    tan      Tan      "Tangent, in radians.";
    sinh     Sinh     "Hyperbolic sine.";
    cosh     Cosh     "Hyperbolic cosine.";
    asin     Asin     "Inverse sine, in radians from `-π/2` to `π/2`; NaN beyond `±1`.";
    acos     Acos     "Inverse cosine, in radians from 0 to `π`; NaN beyond `±1`.";
    atan     Atan     "Inverse tangent, in radians from `-π/2` to `π/2`.";
    erfc     Erfc     "Complementary error function `1 - erf(x)`, accurate where `erf` is near 1.";
    erfcx    Erfcx    "Scaled complementary error function `exp(x²)·erfc(x)`.";
    erfinv   Erfinv   "Inverse of the error function: infinite at `±1`, NaN beyond.";
    log_ndtr LogNdtr  "Logarithm of the standard normal distribution function, `log Φ(x)`.";
    lgamma   Lgamma   "Logarithm of the absolute value of the gamma function; infinite at 0, -1, -2, …";
    digamma  Digamma  "`ψ`, the derivative of `log Γ`: `∓∞` at `±0`, NaN at -1, -2, …";
    is_finite IsFinite "True where neither infinite nor NaN.";
}

/// The sign with `sign(±0) = 0` and NaN kept.
fn sign(x: f64) -> f64 {
    if x == 0.0 {
        0.0
    } else if x.is_nan() {
        x
    } else {
        x.signum()
    }
}

/// Maximum with 0 that keeps NaN.
fn relu(x: f64) -> f64 {
    if x > 0.0 || x.is_nan() { x } else { 0.0 }
}

/// Never overflows: the exponential is of a number that is not positive.
fn sigmoid(x: f64) -> f64 {
    let e = (-x.abs()).exp();
    if x >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) }
}

/// `max(x, 0) + log(1 + e^-|x|)`.
fn softplus(x: f64) -> f64 {
    relu(x) + (-x.abs()).exp().ln_1p()
}

pub(crate) fn truth(b: bool) -> f64 {
    f64::from(u8::from(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files and listings call an operation the same, and no two share a name.
    #[test]
    fn names_are_those_of_files() {
        for row in UNARY {
            assert_eq!(serde_json::to_value(row.op).unwrap(), row.name);
        }
    }

    #[test]
    fn values_at_the_ends() {
        assert_eq!(sigmoid(-800.0), 0.0);
        assert_eq!(sigmoid(800.0), 1.0);
        assert!(sigmoid(-700.0) > 0.0);
        assert_eq!(softplus(800.0), 800.0);
        assert!(softplus(-700.0) > 0.0);
        assert!(relu(f64::NAN).is_nan() && sign(f64::NAN).is_nan());
    }
}
