//! The loops around kernels: which elements they read and where they write.
//!
//! Each is inlined into the code for one instruction set, together with the function.

use std::hint::select_unpredictable;

use super::Operand::{self, Number, Slice};
use super::real::Real;

/// A loop over one operand.
pub trait Each1 {
    /// Of the operand and the result.
    type Element: Real;
    /// Whether all elements are so.
    fn all(&self, test: impl Fn(Self::Element) -> bool) -> bool;
    /// Writes `f(x)` for each element.
    fn each(self, f: impl Fn(Self::Element) -> Self::Element);
}

/// A loop over two operands.
pub trait Each2 {
    /// Of the operands and the result.
    type Element: Real;
    /// Writes `f(x, y)` for each element.
    fn each(self, f: impl Fn(Self::Element, Self::Element) -> Self::Element);
}

/// From a slice into another.
pub(super) struct Map<'a, A, B> {
    pub(super) x: &'a [A],
    pub(super) out: &'a mut [B],
}

/// From a slice into booleans.
pub(super) type IntoBools<'a, A> = Map<'a, A, bool>;

/// From a slice into itself.
pub(super) struct MapInPlace<'a, T> {
    pub(super) x: &'a mut [T],
}

/// From two operands into a slice.
pub(super) struct Into2<'a, A, B> {
    pub(super) x: Operand<'a, A>,
    pub(super) y: Operand<'a, A>,
    pub(super) out: &'a mut [B],
}

/// From two operands into the left one.
pub(super) struct LeftInPlace<'a, T> {
    pub(super) x: &'a mut [T],
    pub(super) y: Operand<'a, T>,
}

/// From two operands into the right one.
pub(super) struct RightInPlace<'a, T> {
    pub(super) x: Operand<'a, T>,
    pub(super) y: &'a mut [T],
}

/// From a condition and two operands into a slice.
pub(super) struct Choose<'a, T> {
    pub(super) condition: &'a [bool],
    pub(super) a: Operand<'a, T>,
    pub(super) b: Operand<'a, T>,
    pub(super) out: &'a mut [T],
}

impl<A: Copy, B> Map<'_, A, B> {
    #[inline(always)]
    pub(super) fn write(self, f: impl Fn(A) -> B) {
        for (o, x) in self.out.iter_mut().zip(self.x) {
            *o = f(*x);
        }
    }
}

impl<T: Real> Each1 for Map<'_, T, T> {
    type Element = T;

    #[inline(always)]
    fn all(&self, test: impl Fn(T) -> bool) -> bool {
        // To the end, so that nothing branches.
        self.x.iter().fold(true, |all, x| all & test(*x))
    }

    #[inline(always)]
    fn each(self, f: impl Fn(T) -> T) {
        self.write(f);
    }
}

impl<T: Real> Each1 for MapInPlace<'_, T> {
    type Element = T;

    #[inline(always)]
    fn all(&self, test: impl Fn(T) -> bool) -> bool {
        // To the end, so that nothing branches.
        self.x.iter().fold(true, |all, x| all & test(*x))
    }

    #[inline(always)]
    fn each(self, f: impl Fn(T) -> T) {
        for x in self.x {
            *x = f(*x);
        }
    }
}

impl<A: Copy, B: Copy> Into2<'_, A, B> {
    #[inline(always)]
    pub(super) fn write(self, f: impl Fn(A, A) -> B) {
        let out = self.out.iter_mut();
        match (self.x, self.y) {
            (Slice(x), Slice(y)) => {
                for ((o, x), y) in out.zip(x).zip(y) {
                    *o = f(*x, *y);
                }
            }
            (Slice(x), Number(y)) => {
                for (o, x) in out.zip(x) {
                    *o = f(*x, y);
                }
            }
            (Number(x), Slice(y)) => {
                for (o, y) in out.zip(y) {
                    *o = f(x, *y);
                }
            }
            (Number(x), Number(y)) => self.out.fill(f(x, y)),
        }
    }
}

impl<T: Real> Each2 for Into2<'_, T, T> {
    type Element = T;

    #[inline(always)]
    fn each(self, f: impl Fn(T, T) -> T) {
        self.write(f);
    }
}

impl<T: Real> Each2 for LeftInPlace<'_, T> {
    type Element = T;

    #[inline(always)]
    fn each(self, f: impl Fn(T, T) -> T) {
        match self.y {
            Slice(y) => {
                for (x, y) in self.x.iter_mut().zip(y) {
                    *x = f(*x, *y);
                }
            }
            Number(y) => {
                for x in self.x {
                    *x = f(*x, y);
                }
            }
        }
    }
}

impl<T: Real> Each2 for RightInPlace<'_, T> {
    type Element = T;

    #[inline(always)]
    fn each(self, f: impl Fn(T, T) -> T) {
        match self.x {
            Slice(x) => {
                for (y, x) in self.y.iter_mut().zip(x) {
                    *y = f(*x, *y);
                }
            }
            Number(x) => {
                for y in self.y {
                    *y = f(x, *y);
                }
            }
        }
    }
}

impl<T: Copy> Choose<'_, T> {
    #[inline(always)]
    pub(super) fn write(self) {
        let out = self.out.iter_mut().zip(self.condition);
        match (self.a, self.b) {
            (Slice(a), Slice(b)) => {
                // Both are read whatever the condition; with `if`, the reads would move into its branches.
                for (((o, c), a), b) in out.zip(a).zip(b) {
                    *o = select_unpredictable(*c, *a, *b);
                }
            }
            (Slice(a), Number(b)) => {
                for ((o, c), a) in out.zip(a) {
                    *o = select_unpredictable(*c, *a, b);
                }
            }
            (Number(a), Slice(b)) => {
                for ((o, c), b) in out.zip(b) {
                    *o = select_unpredictable(*c, a, *b);
                }
            }
            (Number(a), Number(b)) => {
                for (o, c) in out {
                    *o = select_unpredictable(*c, a, b);
                }
            }
        }
    }
}
