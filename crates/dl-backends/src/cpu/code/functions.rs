//! Which functions a body may have, on a tape.

use dl_core::ops::{Binary, Unary};

use super::{Traced, Truth};
use crate::cpu::vector::functions::{double, single};
use crate::cpu::vector::primitive::Lane;

macro_rules! tables {
    ($($t:ident $module:ident $unary:ident $binary:ident $test:ident $finite:ident $truth:ident $erf:expr;)*) => {$(
        fn $unary(op: Unary, x: Traced<'_>) -> Option<Traced<'_>> {
            Some(match op {
                Unary::Neg => $module::neg(x),
                Unary::Abs => $module::abs(x),
                Unary::Sign => $module::sign(x),
                Unary::Exp => $module::exp::<true, _>(x),
                Unary::Expm1 => $module::expm1::<true, _>(x),
                Unary::Log => $module::log::<true, _>(x),
                Unary::Log1p => $module::log1p::<true, _>(x),
                Unary::Sqrt => $module::sqrt(x),
                Unary::Tanh => $module::tanh::<true, _>(x),
                Unary::Sigmoid => $module::sigmoid::<true, _>(x),
                Unary::Softplus => $module::softplus::<true, _>(x),
                Unary::Relu => $module::relu(x),
                Unary::Erf => return $erf(x),
                Unary::Floor => $module::floor::<true, _>(x),
                Unary::IsFinite => $module::is_finite(x),
                Unary::Not => $module::not(x),
                Unary::Ceil => $module::ceil::<true, _>(x),
                Unary::Round => $module::round(x),
                // By tables of the digits of 2/π.
                Unary::Sin | Unary::Cos | Unary::Tan => return None,
                // In `f32` by way of `f64`, in `f64` as the tables define them.
                Unary::Log2 | Unary::Exp2 | Unary::Sinh | Unary::Cosh => return None,
                Unary::Asin | Unary::Acos | Unary::Atan => return None,
                Unary::Erfc | Unary::Erfcx | Unary::Erfinv | Unary::LogNdtr => return None,
                Unary::Lgamma | Unary::Digamma => return None,
            })
        }

        fn $binary<'t>(op: Binary, x: Traced<'t>, y: Traced<'t>) -> Option<Traced<'t>> {
            Some(match op {
                Binary::Add => $module::add(x, y),
                Binary::Sub => $module::sub(x, y),
                Binary::Mul => $module::mul(x, y),
                Binary::Div => $module::div(x, y),
                Binary::Max => $module::max(x, y),
                Binary::Min => $module::min(x, y),
                Binary::Eq => $module::eq(x, y),
                Binary::Ne => $module::ne(x, y),
                Binary::Lt => $module::lt(x, y),
                Binary::Le => $module::le(x, y),
                Binary::Gt => $module::gt(x, y),
                Binary::Ge => $module::ge(x, y),
                Binary::And => $module::and(x, y),
                Binary::Or => $module::or(x, y),
                // In `f32` by way of `f64`, in `f64` the standard library's.
                Binary::Pow | Binary::Atan2 | Binary::FloorDivide | Binary::Remainder => return None,
                Binary::Ierfcx | Binary::Polygamma => return None,
            })
        }

        fn $test<'t>(op: Binary, x: Traced<'t>, y: Traced<'t>) -> Option<Truth<'t>> {
            Some(match op {
                Binary::Eq => Lane::<$t>::equals(x, y),
                Binary::Ne => !Lane::<$t>::equals(x, y),
                Binary::Lt => Lane::<$t>::below(x, y),
                Binary::Le => Lane::<$t>::up_to(x, y),
                Binary::Gt => Lane::<$t>::below(y, x),
                Binary::Ge => Lane::<$t>::up_to(y, x),
                _ => return None,
            })
        }

        fn $finite(x: Traced<'_>) -> Truth<'_> {
            $module::finite(x)
        }

        fn $truth(b: Truth<'_>) -> Traced<'_> {
            $module::truth::<Traced<'_>>(b)
        }
    )*};
}
tables! {
    f32 single unary32 binary32 test32 finite32 truth32 |x| Some(single::erf::<true, _>(x));
    f64 double unary64 binary64 test64 finite64 truth64 |_| None;
}

/// `op(x)` in `f32`, or in `f64` where lanes are wide; nothing if the function is not made of primitive
/// operations alone.
pub(in crate::cpu) fn unary(wide: bool, op: Unary, x: Traced<'_>) -> Option<Traced<'_>> {
    if wide { unary64(op, x) } else { unary32(op, x) }
}

/// `op(x, y)`, truth values as 0 and 1.
pub(in crate::cpu) fn binary<'t>(wide: bool, op: Binary, x: Traced<'t>, y: Traced<'t>) -> Option<Traced<'t>> {
    if wide { binary64(op, x, y) } else { binary32(op, x, y) }
}

/// `op(x, y)` of a comparison.
pub(in crate::cpu) fn compare<'t>(wide: bool, op: Binary, x: Traced<'t>, y: Traced<'t>) -> Option<Truth<'t>> {
    if wide { test64(op, x, y) } else { test32(op, x, y) }
}

/// Whether `x` is a number and no infinity.
pub(in crate::cpu) fn finite(wide: bool, x: Traced<'_>) -> Truth<'_> {
    if wide { finite64(x) } else { finite32(x) }
}

/// 1 where it is true, else 0.
pub(in crate::cpu) fn truth(wide: bool, b: Truth<'_>) -> Traced<'_> {
    if wide { truth64(b) } else { truth32(b) }
}

/// Whether `x` is not zero: a NaN is not.
pub(in crate::cpu) fn is_true(x: Traced<'_>) -> Truth<'_> {
    !Lane::<f32>::equals(x, Traced::Constant(0))
}

/// The integer as a number.
pub(in crate::cpu) fn of_int(x: Traced<'_>) -> Traced<'_> {
    Lane::<f32>::of_int(x)
}

/// `a` where `b` is true, else `c`.
pub(in crate::cpu) fn choose<'t>(b: Truth<'t>, a: Traced<'t>, c: Traced<'t>) -> Traced<'t> {
    Lane::<f32>::choose(b, a, c)
}
