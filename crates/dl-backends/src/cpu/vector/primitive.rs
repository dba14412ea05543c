//! The operations that functions are made of: on numbers, and on what records them to make code of.

use std::ops::{Add, BitAnd, BitOr, Div, Mul, Neg, Not, Sub};

/// What functions compute with: the element of a lane in `f32` or `f64`, which `T` says, or a place in a
/// record of operations. Each operation is one that all vectors have, so that whoever does the same ones in
/// the same order gets the same bits.
pub(in crate::cpu) trait Lane<T>:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self> + Neg<Output = Self>
{
    /// The element's bits as an integer.
    type Bits: Bits<Mask = Self::Mask>;
    /// Whether something holds of the element.
    type Mask: Copy + BitAnd<Output = Self::Mask> + BitOr<Output = Self::Mask> + Not<Output = Self::Mask>;

    /// A number.
    fn number(x: T) -> Self;
    /// `self·b + c`, rounded once.
    fn fused(self, b: Self, c: Self) -> Self;
    fn root(self) -> Self;
    fn size(self) -> Self;
    /// With the sign of another.
    fn signed(self, sign: Self) -> Self;
    /// The largest whole number that is no larger, by an instruction.
    fn whole(self) -> Self;
    /// The smaller one; `self` where it is NaN.
    fn at_most(self, limit: Self) -> Self;
    /// The larger one; `self` where it is NaN.
    fn at_least(self, limit: Self) -> Self;
    fn below(self, y: Self) -> Self::Mask;
    fn up_to(self, y: Self) -> Self::Mask;
    fn equals(self, y: Self) -> Self::Mask;
    /// `a` where the condition holds, else `b`.
    fn choose(condition: Self::Mask, a: Self, b: Self) -> Self;
    fn bits(self) -> Self::Bits;
    fn of_bits(bits: Self::Bits) -> Self;
    /// The integer as a number, of those that both have.
    fn of_int(n: Self::Bits) -> Self;
}

/// Integers as wide as a lane, with a sign; they wrap.
pub(in crate::cpu) trait Bits: Copy {
    /// See [`Lane::Mask`].
    type Mask;

    /// An integer; that of a narrow lane is the lower half.
    fn integer(x: i64) -> Self;
    fn plus(self, x: Self) -> Self;
    fn minus(self, x: Self) -> Self;
    fn and(self, x: Self) -> Self;
    fn or(self, x: Self) -> Self;
    /// Shifted to the left.
    fn up(self, by: u32) -> Self;
    /// Shifted to the right, zeros in front.
    fn down(self, by: u32) -> Self;
    /// Shifted to the right, the sign in front.
    fn halved(self, by: u32) -> Self;
    fn less(self, x: Self) -> Self::Mask;
    /// `a` where the condition holds, else `b`.
    fn choose(condition: Self::Mask, a: Self, b: Self) -> Self;
}

macro_rules! lanes {
    ($($t:ident $int:ident $uint:ident;)*) => {$(
        impl Lane<$t> for $t {
            type Bits = $int;
            type Mask = bool;

            #[inline(always)]
            fn number(x: $t) -> Self { x }
            #[inline(always)]
            fn fused(self, b: Self, c: Self) -> Self { self.mul_add(b, c) }
            #[inline(always)]
            fn root(self) -> Self { self.sqrt() }
            #[inline(always)]
            fn size(self) -> Self { self.abs() }
            #[inline(always)]
            fn signed(self, sign: Self) -> Self { self.copysign(sign) }
            #[inline(always)]
            fn whole(self) -> Self { self.floor() }
            #[inline(always)]
            fn at_most(self, limit: Self) -> Self { if self > limit { limit } else { self } }
            #[inline(always)]
            fn at_least(self, limit: Self) -> Self { if self < limit { limit } else { self } }
            #[inline(always)]
            fn below(self, y: Self) -> bool { self < y }
            #[inline(always)]
            fn up_to(self, y: Self) -> bool { self <= y }
            #[inline(always)]
            fn equals(self, y: Self) -> bool { self == y }
            #[inline(always)]
            fn choose(condition: bool, a: Self, b: Self) -> Self { if condition { a } else { b } }
            #[inline(always)]
            fn bits(self) -> $int { self.to_bits() as $int }
            #[inline(always)]
            fn of_bits(bits: $int) -> Self { $t::from_bits(bits as $uint) }
            #[inline(always)]
            fn of_int(n: $int) -> Self { n as $t }
        }

        impl Bits for $int {
            type Mask = bool;

            #[inline(always)]
            fn integer(x: i64) -> Self { x as $int }
            #[inline(always)]
            fn plus(self, x: Self) -> Self { self.wrapping_add(x) }
            #[inline(always)]
            fn minus(self, x: Self) -> Self { self.wrapping_sub(x) }
            #[inline(always)]
            fn and(self, x: Self) -> Self { self & x }
            #[inline(always)]
            fn or(self, x: Self) -> Self { self | x }
            #[inline(always)]
            fn up(self, by: u32) -> Self { self << by }
            #[inline(always)]
            fn down(self, by: u32) -> Self { (self as $uint >> by) as $int }
            #[inline(always)]
            fn halved(self, by: u32) -> Self { self >> by }
            #[inline(always)]
            fn less(self, x: Self) -> bool { self < x }
            #[inline(always)]
            fn choose(condition: bool, a: Self, b: Self) -> Self { if condition { a } else { b } }
        }
    )*};
}
lanes! {
    f32 i32 u32;
    f64 i64 u64;
}
