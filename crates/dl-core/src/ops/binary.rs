//! Elementwise functions of two arguments: a table with one row for each.

use serde::{Deserialize, Serialize};

use crate::dtype::DType;
use crate::graph::{Expr, Node, Operand};
use crate::ops::unary::truth;
use crate::ops::{Signature, gamma, normal};

/// The contributions to the cotangents of both arguments; `None` where it is zero everywhere.
pub type Cotangents<'g> = (Option<Expr<'g>>, Option<Expr<'g>>);

/// `(g, x, y, z)`, the cotangent, the arguments and the value, to the contributions.
pub type BinaryDerivative = for<'g> fn(g: Expr<'g>, x: Expr<'g>, y: Expr<'g>, z: Expr<'g>) -> Cotangents<'g>;

/// The definition of one elementwise function of two arguments.
pub struct BinaryRow {
    /// The op.
    pub op: Binary,
    /// The field's name for it; also the name in the textual forms.
    pub name: &'static str,
    /// LaTeX with `{x}` and `{y}` for the arguments.
    pub latex: &'static str,
    /// The value in double precision (truth values are 0 and 1).
    pub value: fn(f64, f64) -> f64,
    /// `(g·∂z/∂x, g·∂z/∂y)` given the cotangent `g`, the arguments and the value `z`.
    pub derivative: Option<BinaryDerivative>,
    /// Where the derivative does not exist, and what we take there.
    pub kink: Option<&'static str>,
    /// What goes in and what comes out.
    pub class: Class,
}

/// What an elementwise function of two arguments takes and gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Floats to the same float type.
    Float,
    /// Numbers to the same number type.
    Number,
    /// Anything that has an order, to `bool`.
    Comparison,
    /// `bool` to `bool`.
    Logic,
}

macro_rules! binary_table {
    ($($variant:ident $name:literal $latex:literal $class:ident $value:expr, $derivative:expr $(, kink $kink:literal)?;)*) => {
        /// An elementwise function of two arguments.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Binary { $(#[doc = concat!("`", $name, "`.")] $variant),* }

        /// Every elementwise function of two arguments, in the order of [`Binary`].
        pub static BINARY: &[BinaryRow] = &[$(BinaryRow {
            op: Binary::$variant,
            name: $name,
            latex: $latex,
            value: $value,
            derivative: $derivative,
            kink: { #[allow(unused_mut, unused_assignments)] let mut kink = None; $(kink = Some($kink);)? kink },
            class: Class::$class,
        }),*];
    };
}

binary_table! {
//  variant  name   latex                              class      value                        (g·∂z/∂x, g·∂z/∂y)
    Add      "add"  "{x} + {y}"                        Number     |x, y| x + y,                Some(|g, _, _, _| (Some(g), Some(g)));
    Sub      "sub"  "{x} - {y}"                        Number     |x, y| x - y,                Some(|g, _, _, _| (Some(g), Some(-g)));
    Mul      "mul"  "{x} \\cdot {y}"                   Number     |x, y| x * y,                Some(|g, x, y, _| (Some(g * y), Some(g * x)));
    Div      "div"  "\\frac{{x}}{{y}}"                 Float      |x, y| x / y,                Some(|g, _, y, z| (Some(g / y), Some(-(g * z / y))));
    Pow      "pow"  "{{x}}^{{y}}"                      Float      f64::powf,                   Some(pow_derivative), kink "d/dx x^0 = 0 and d/dy 0^y = 0 (y > 0), at x = 0 too";
    Max      "max"  "\\max\\left({x}, {y}\\right)"     Number     maximum,                     Some(|g, x, y, _| share(g, x.gt(y), x.eq(y))), kink "ties share equally";
    Min      "min"  "\\min\\left({x}, {y}\\right)"     Number     minimum,                     Some(|g, x, y, _| share(g, x.lt(y), x.eq(y))), kink "ties share equally";
    Eq       "eq"   "{x} = {y}"                        Comparison |x, y| truth(x == y),        None;
    Ne       "ne"   "{x} \\neq {y}"                    Comparison |x, y| truth(x != y),        None;
    Lt       "lt"   "{x} < {y}"                        Comparison |x, y| truth(x < y),         None;
    Le       "le"   "{x} \\le {y}"                     Comparison |x, y| truth(x <= y),        None;
    Gt       "gt"   "{x} > {y}"                        Comparison |x, y| truth(x > y),         None;
    Ge       "ge"   "{x} \\ge {y}"                     Comparison |x, y| truth(x >= y),        None;
    And      "and"  "{x} \\land {y}"                   Logic      |x, y| truth(x != 0.0 && y != 0.0), None;
    Or       "or"   "{x} \\lor {y}"                    Logic      |x, y| truth(x != 0.0 || y != 0.0), None;
    Atan2    "atan2"        "\\operatorname{atan2}\\left({x}, {y}\\right)"          Float  f64::atan2,         Some(|g, x, y, _| atan2_derivative(g, x, y)), kink "0 at (0, 0)";
    FloorDivide "floor_divide" "\\operatorname{floor\\_divide}\\left({x}, {y}\\right)" Number floor_divide,     None, kink "0 everywhere, at the jumps too";
    Remainder "remainder"   "\\operatorname{remainder}\\left({x}, {y}\\right)"      Number remainder,          Some(|g, x, y, _| (Some(g), Some(-(g * x.floor_divide(y))))), kink "at the jumps as beside them: the quotient stands still";
    Ierfcx   "ierfcx"       "\\operatorname{ierfcx}\\left({x}, {y}\\right)"         Float  normal::ierfcx,     Some(|g, n, x, _| (None, Some(-2.0 * (n + 1.0) * g * x.ierfcx(n + 1.0)))), kink "none by the order, which is a whole number";
    Polygamma "polygamma"   "\\psi^{\\left({x}\\right)}\\left({y}\\right)"         Float  gamma::polygamma,   Some(|g, n, x, _| (None, Some(g * x.polygamma(n + 1.0)))), kink "none by the order, which is a whole number";
}

impl Binary {
    /// The row that defines it.
    pub fn row(self) -> &'static BinaryRow {
        &BINARY[self as usize]
    }

    /// The value for integers, where it has one: exact, wrapping at the ends.
    pub fn value_i64(self) -> Option<fn(i64, i64) -> i64> {
        Some(match self {
            Binary::Add => i64::wrapping_add,
            Binary::Sub => i64::wrapping_sub,
            Binary::Mul => i64::wrapping_mul,
            Binary::Max => i64::max,
            Binary::Min => i64::min,
            Binary::FloorDivide => |x, y| whole_parts(x, y).0,
            Binary::Remainder => |x, y| whole_parts(x, y).1,
            _ => return None,
        })
    }

    /// The comparison itself, for any ordered type.
    pub fn compare<T: PartialOrd>(self, x: &T, y: &T) -> Option<bool> {
        Some(match self {
            Binary::Eq => x == y,
            Binary::Ne => x != y,
            Binary::Lt => x < y,
            Binary::Le => x <= y,
            Binary::Gt => x > y,
            Binary::Ge => x >= y,
            _ => return None,
        })
    }

    pub(crate) fn signature(self, x: &Node, y: &Node) -> Result<Signature, String> {
        let row = self.row();
        if x.shape != y.shape {
            return Err(format!("{} of {} and {}: shapes differ", row.name, x.shape, y.shape));
        }
        if x.dtype != y.dtype {
            return Err(format!(
                "{} of {} and {}: element types differ, cast one of them",
                row.name, x.dtype, y.dtype
            ));
        }
        let (fits, want) = match row.class {
            Class::Float => (x.dtype.is_float(), "floats (f32 or f64)"),
            Class::Number => (x.dtype.is_numeric(), "numbers (f32, f64 or i64)"),
            Class::Comparison => (true, ""),
            Class::Logic => (x.dtype == DType::Bool, "bool"),
        };
        if !fits {
            return Err(format!("{} needs {want}, got {}: cast it first", row.name, x.dtype));
        }
        let dtype = if row.class == Class::Comparison { DType::Bool } else { x.dtype };
        Ok((dtype, x.shape.clone()))
    }
}

macro_rules! binary_methods {
    ($($method:ident $variant:ident $doc:literal;)*) => {
        impl<'g> Expr<'g> {
            $(#[doc = $doc] #[track_caller]
            pub fn $method(self, other: impl Operand<'g>) -> Expr<'g> {
                self.broadcast_binary(Binary::$variant, other)
            })*
        }
    };
}

binary_methods! {
    pow      Pow "`self` to the power of `other`.";
    maximum  Max "The larger of both; ties share the gradient equally, NaN wins.";
    minimum  Min "The smaller of both; ties share the gradient equally, NaN wins.";
    eq       Eq  "True where equal.";
    ne       Ne  "True where not equal.";
    lt       Lt  "True where `self < other`.";
    le       Le  "True where `self ≤ other`.";
    gt       Gt  "True where `self > other`.";
    ge       Ge  "True where `self ≥ other`.";
    and      And "True where both are.";
    or       Or  "True where one is.";
    atan2    Atan2 "The angle of the point with the ordinate `self` and the abscissa `other`, in radians from `-π` to `π`; the derivative at the origin is 0.";
    floor_divide FloorDivide "The largest integer not above the quotient, of floats or integers, as Python's `//`; the derivative is 0. Of integers, a quotient by 0 is 0.";
    remainder Remainder "What `floor_divide` leaves, with the sign of `other`, as Python's `%`. Of integers, a remainder by 0 is 0.";
}

impl<'g> Expr<'g> {
    /// `min(max(self, low), high)`, written with `select`, so that the gradient passes at the bounds.
    #[track_caller]
    pub fn clip(self, low: impl Operand<'g>, high: impl Operand<'g>) -> Expr<'g> {
        let (low, high) = (low.expr(self), high.expr(self));
        let raised = self.lt(low).select(low, self);
        raised.gt(high).select(high, raised)
    }

    /// `e^(x²)` times the `order`-th repeated integral of `erfc` from `x = self` on (Abramowitz and Stegun, 7.2.1):
    /// 0 gives `erfcx`, and 1 gives `1/√π - x·erfcx(x)`, without its cancellation. NaN unless `order` is 0, 1, 2, …;
    /// no derivative flows to it.
    #[track_caller]
    pub fn ierfcx(self, order: impl Operand<'g>) -> Expr<'g> {
        order.expr(self).broadcast_binary(Binary::Ierfcx, self)
    }

    /// The `order`-th derivative of `digamma`, that is, the derivative of `log Γ` of the order one above. NaN unless
    /// `order` is 0, 1, 2, …; no derivative flows to it.
    #[track_caller]
    pub fn polygamma(self, order: impl Operand<'g>) -> Expr<'g> {
        order.expr(self).broadcast_binary(Binary::Polygamma, self)
    }

    /// The derivative of `digamma`: `polygamma` of order 1.
    #[track_caller]
    pub fn trigamma(self) -> Expr<'g> {
        self.polygamma(1.0)
    }

    /// `self · self`.
    #[track_caller]
    pub fn square(self) -> Expr<'g> {
        self * self
    }
}

/// All of `g` where `wins`, half of it where `ties`, and the rest to the other argument.
fn share<'g>(g: Expr<'g>, wins: Expr<'g>, ties: Expr<'g>) -> Cotangents<'g> {
    let half = g * 0.5;
    let to_x = ties.select(half, wins.select(g, 0.0));
    let to_y = ties.select(half, wins.select(0.0, g));
    (Some(to_x), Some(to_y))
}

/// `g·y·x^(y-1)` and `g·z·log x`, with the limits where these would be `0·∞`.
fn pow_derivative<'g>(g: Expr<'g>, x: Expr<'g>, y: Expr<'g>, z: Expr<'g>) -> Cotangents<'g> {
    let to_x = y.eq(0.0).select(0.0, y * x.pow(y - 1.0));
    let to_y = x.eq(0.0).and(y.ge(0.0)).select(0.0, z * x.log());
    (Some(g * to_x), Some(g * to_y))
}

/// `(x, -y)/(x² + y²)` for the ordinate `y` and the abscissa `x`. The larger of both divides first, so that no square
/// leaves the range; as a factor that cancels it takes no derivative.
fn atan2_derivative<'g>(g: Expr<'g>, y: Expr<'g>, x: Expr<'g>) -> Cotangents<'g> {
    let size = x.abs().maximum(y.abs()).stop_gradient();
    let size = size.eq(0.0).select(1.0, size);
    let (u, v) = (x / size, y / size);
    let square = u * u + v * v;
    let square = square.eq(0.0).select(1.0, square);
    (Some(g * (u / square / size)), Some(-(g * (v / square / size))))
}

/// As Python has it: exact, but for the rounding of a quotient beyond the whole numbers that all have a neighbour.
fn floor_divide(x: f64, y: f64) -> f64 {
    let rest = x % y;
    if y == 0.0 {
        return x / y;
    }
    let below = rest != 0.0 && (rest < 0.0) != (y < 0.0);
    let quotient = (x - rest) / y - f64::from(u8::from(below));
    // All but whole, but for the rounding of the division; a quotient of zero keeps its sign.
    if quotient == 0.0 { 0.0_f64.copysign(x / y) } else { quotient.round_ties_even() }
}

/// As Python has it: with the sign of the divisor, zeros too.
fn remainder(x: f64, y: f64) -> f64 {
    let rest = x % y;
    if rest == 0.0 {
        0.0_f64.copysign(y)
    } else if (rest < 0.0) != (y < 0.0) {
        rest + y
    } else {
        rest
    }
}

/// Quotient and remainder of integers; both are 0 for a divisor of 0, as in NumPy.
fn whole_parts(x: i64, y: i64) -> (i64, i64) {
    if y == 0 {
        return (0, 0);
    }
    let (quotient, rest) = (x.wrapping_div(y), x.wrapping_rem(y));
    if rest != 0 && (rest < 0) != (y < 0) { (quotient - 1, rest + y) } else { (quotient, rest) }
}

/// The larger one; NaN if either is.
fn maximum(x: f64, y: f64) -> f64 {
    if x.is_nan() || x > y { x } else { y }
}

/// The smaller one; NaN if either is.
fn minimum(x: f64, y: f64) -> f64 {
    if x.is_nan() || x < y { x } else { y }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files and listings call an operation the same, and no two share a name.
    #[test]
    fn names_are_those_of_files() {
        for row in BINARY {
            assert_eq!(serde_json::to_value(row.op).unwrap(), row.name);
        }
    }

    #[test]
    fn nan_wins_in_max_and_min() {
        assert!(maximum(f64::NAN, 1.0).is_nan() && maximum(1.0, f64::NAN).is_nan());
        assert!(minimum(f64::NAN, 1.0).is_nan() && minimum(1.0, f64::NAN).is_nan());
    }
}
