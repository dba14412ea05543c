//! Which function each row of the tables is, for both element types.

use dl_core::ops::{Binary, Unary};

use super::functions::{double, single};
use super::loops::{Each1, Each2};
use super::{angles, gamma, normal, power, trigonometry};

pub(super) mod sealed {
    pub trait Sealed: Copy + Default {
        fn unary<const FMA: bool>(op: super::Unary, each: impl super::Each1<Element = Self>);
        fn binary<const FMA: bool>(op: super::Binary, each: impl super::Each2<Element = Self>);
        fn finite(self) -> bool;
        fn accumulated<const FMA: bool>(self, beta: Self, alpha: Self, x: Self) -> Self;
        fn plus(self, x: Self) -> Self;
        fn minus(self, x: Self) -> Self;
    }
}

/// The element types of kernels: `f32` and `f64`.
pub trait Real: sealed::Sealed {}

macro_rules! reals {
    ($($t:ident $module:ident $each:ident
        { $($unary:ident $one:expr;)* } { $($binary:ident $two:expr;)* })*) => {$(
        impl Real for $t {}

        impl sealed::Sealed for $t {
            #[inline(always)]
            fn unary<const FMA: bool>(op: Unary, $each: impl Each1<Element = $t>) {
                match op {
                    Unary::Neg => $each.each($module::neg::<$t>),
                    Unary::Abs => $each.each($module::abs::<$t>),
                    Unary::Sign => $each.each($module::sign::<$t>),
                    Unary::Exp => $each.each($module::exp::<FMA, $t>),
                    Unary::Expm1 => $each.each($module::expm1::<FMA, $t>),
                    Unary::Log => $each.each($module::log::<FMA, $t>),
                    Unary::Log1p => $each.each($module::log1p::<FMA, $t>),
                    Unary::Sqrt => $each.each($module::sqrt::<$t>),
                    Unary::Tanh => $each.each($module::tanh::<FMA, $t>),
                    Unary::Sigmoid => $each.each($module::sigmoid::<FMA, $t>),
                    Unary::Softplus => $each.each($module::softplus::<FMA, $t>),
                    Unary::Relu => $each.each($module::relu::<$t>),
                    Unary::Floor => $each.each($module::floor::<FMA, $t>),
                    Unary::IsFinite => $each.each($module::is_finite::<$t>),
                    Unary::Ceil => $each.each($module::ceil::<FMA, $t>),
                    Unary::Round => $each.each($module::round::<$t>),
                    Unary::Not => $each.each($module::not::<$t>),
                    $(Unary::$unary => $one,)*
                }
            }

            #[inline(always)]
            fn binary<const FMA: bool>(op: Binary, $each: impl Each2<Element = $t>) {
                match op {
                    Binary::Add => $each.each($module::add),
                    Binary::Sub => $each.each($module::sub),
                    Binary::Mul => $each.each($module::mul),
                    Binary::Div => $each.each($module::div),
                    Binary::Max => $each.each($module::max),
                    Binary::Min => $each.each($module::min),
                    Binary::Eq => $each.each($module::eq),
                    Binary::Ne => $each.each($module::ne),
                    Binary::Lt => $each.each($module::lt),
                    Binary::Le => $each.each($module::le),
                    Binary::Gt => $each.each($module::gt),
                    Binary::Ge => $each.each($module::ge),
                    Binary::And => $each.each($module::and),
                    Binary::Or => $each.each($module::or),
                    $(Binary::$binary => $each.each($two),)*
                }
            }

            #[inline(always)]
            fn finite(self) -> bool {
                $t::abs(self) < $t::INFINITY
            }

            #[inline(always)]
            fn accumulated<const FMA: bool>(self, beta: $t, alpha: $t, x: $t) -> $t {
                if FMA { beta.mul_add(self, alpha * x) } else { beta * self + alpha * x }
            }

            #[inline(always)]
            fn plus(self, x: $t) -> $t {
                self + x
            }

            #[inline(always)]
            fn minus(self, x: $t) -> $t {
                self - x
            }
        }
    )*};
}
reals! {
    f32 single each {
        Sin trigonometry::sin::<FMA>(each);
        Cos trigonometry::cos::<FMA>(each);
        Tan trigonometry::tan::<FMA>(each);
        Erf each.each(single::erf::<FMA, f32>);
        Log2 each.each(power::log2_of::<FMA>);
        Exp2 each.each(power::exp2_of::<FMA>);
        Sinh each.each(angles::sinh::<FMA>);
        Cosh each.each(angles::cosh::<FMA>);
        Asin each.each(angles::asin::<FMA>);
        Acos each.each(angles::acos::<FMA>);
        Atan each.each(angles::atan::<FMA>);
        Erfc each.each(normal::erfc::<FMA>);
        Erfcx each.each(normal::erfcx::<FMA>);
        Erfinv each.each(normal::erfinv::<FMA>);
        LogNdtr each.each(normal::log_ndtr::<FMA>);
        Lgamma gamma::lgamma::<FMA>(each);
        Digamma gamma::digamma::<FMA>(each);
    } {
        Pow power::pow::<FMA>;
        Atan2 angles::atan2::<FMA>;
        FloorDivide angles::floor_divide;
        Remainder angles::remainder;
        Ierfcx |n, x| defined(Binary::Ierfcx, n, x);
        Polygamma |n, x| defined(Binary::Polygamma, n, x);
    }
    // In f64 these are rare: as the tables define them, one element at a time.
    f64 double each {
        Sin each.each(Unary::Sin.row().value);
        Cos each.each(Unary::Cos.row().value);
        Tan each.each(Unary::Tan.row().value);
        Erf each.each(Unary::Erf.row().value);
        Log2 each.each(Unary::Log2.row().value);
        Exp2 each.each(Unary::Exp2.row().value);
        Sinh each.each(Unary::Sinh.row().value);
        Cosh each.each(Unary::Cosh.row().value);
        Asin each.each(Unary::Asin.row().value);
        Acos each.each(Unary::Acos.row().value);
        Atan each.each(Unary::Atan.row().value);
        Erfc each.each(Unary::Erfc.row().value);
        Erfcx each.each(Unary::Erfcx.row().value);
        Erfinv each.each(Unary::Erfinv.row().value);
        LogNdtr each.each(Unary::LogNdtr.row().value);
        Lgamma each.each(Unary::Lgamma.row().value);
        Digamma each.each(Unary::Digamma.row().value);
    } {
        Pow Binary::Pow.row().value;
        Atan2 Binary::Atan2.row().value;
        FloorDivide Binary::FloorDivide.row().value;
        Remainder Binary::Remainder.row().value;
        Ierfcx Binary::Ierfcx.row().value;
        Polygamma Binary::Polygamma.row().value;
    }
}

/// In single precision as the tables define it, rounded once.
fn defined(op: Binary, x: f32, y: f32) -> f32 {
    (op.row().value)(f64::from(x), f64::from(y)) as f32
}

/// Element types that a kernel can turn into others.
pub trait CastTo<B>: Copy {
    /// The same number in the other type, rounded to nearest; true is 1.
    fn cast_to(self) -> B;
}

macro_rules! casts {
    ($($from:ty => $to:ty: $x:ident $value:expr;)*) => {$(
        impl CastTo<$to> for $from {
            #[inline(always)]
            fn cast_to(self) -> $to {
                let $x = self;
                $value
            }
        }
    )*};
}
casts! {
    f32 => f32: x x;
    f64 => f64: x x;
    u8 => f32: x f32::from(x);
    u8 => f64: x f64::from(x);
    bool => f32: x f32::from(u8::from(x));
    bool => f64: x f64::from(u8::from(x));
    i64 => f32: x x as f32;
    i64 => f64: x x as f64;
    f32 => f64: x f64::from(x);
    f64 => f32: x x as f32;
}

macro_rules! comparisons {
    ($($name:ident $op:tt;)*) => {$(
        #[inline(always)]
        pub(super) fn $name<T: PartialOrd>(x: T, y: T) -> bool {
            x $op y
        }
    )*};
}
comparisons! { eq ==; ne !=; lt <; le <=; gt >; ge >=; }
