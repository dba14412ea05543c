//! Elementwise kernels over slices, compiled for each vector instruction set and chosen at run time.
//!
//! Each kernel is straight-line scalar code without branches, which the compiler turns into the
//! widest vectors of each instruction set: AVX-512, AVX2 with FMA, NEON, and a portable version.
//! A slice of any length will do; about a thousand elements at a time stay in the nearest cache.
//! The functions are those of [`Unary`] and [`Binary`], whose rows define their values; how far
//! an `f32` result may be from that is in [`fidelity`].
//!
//! An element's result depends on the instruction set and on nothing else: not on where it stands
//! in the slice, and not on the slice's length.

mod angles;
mod bytes;
pub mod fidelity;
pub(super) mod functions;
mod gamma;
mod lines;
mod loops;
mod normal;
mod power;
pub(super) mod primitive;
mod random;
mod real;
mod sums;
mod trigonometry;

#[cfg(test)]
mod tests;

use std::fmt;

use dl_core::ops::{Binary, Unary};
use pulp::{Arch, Simd, WithSimd};

pub use self::bytes::ByteMap;
pub(super) use self::lines::{Combine, Pattern, Run, runs};
use self::loops::{Choose, Into2, IntoBools, LeftInPlace, Map, MapInPlace, RightInPlace};
use self::real::sealed::Sealed;
pub use self::real::{CastTo, Real};
pub(super) use self::sums::{keep, settled};

/// The instruction set that kernels run with.
///
/// ```
/// use dl_backends::cpu::vector::{Isa, Operand};
/// use dl_core::ops::{Binary, Unary};
/// let (isa, mut y) = (Isa::widest(), [0.0; 3]);
/// isa.unary(Unary::Relu, &[-1.0_f32, 0.5, 2.0], &mut y);
/// assert_eq!(y, [0.0, 0.5, 2.0]);
/// isa.binary_in_place(Binary::Mul, &mut y, Operand::Number(2.0));
/// assert_eq!(y, [0.0, 1.0, 4.0]);
/// ```
#[derive(Clone, Copy)]
pub struct Isa(Arch);

/// One operand of a kernel of several: a slice as long as the result, or one number for all.
#[derive(Clone, Copy, Debug)]
pub enum Operand<'a, T> {
    /// An element for each of the result.
    Slice(&'a [T]),
    /// The same for every element of the result.
    Number(T),
}

impl Isa {
    /// The widest that this machine has; asked of the machine once.
    pub fn widest() -> Self {
        Isa(Arch::new())
    }

    /// The one that every machine has. It has no fused multiply-add, so its results may differ
    /// from the others' within the bounds of [`fidelity`].
    pub fn portable() -> Self {
        Isa(Arch::Scalar)
    }

    /// All that this machine has, the widest first.
    pub fn all() -> Vec<Self> {
        let mut all = vec![Isa::widest()];
        #[cfg(target_arch = "x86_64")]
        if let (Arch::V4(_), Some(avx2)) = (all[0].0, pulp::x86::V3::try_new()) {
            all.push(Isa(Arch::V3(avx2)));
        }
        if !matches!(all[0].0, Arch::Scalar) {
            all.push(Isa::portable());
        }
        all
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self.0 {
            Arch::Scalar => "portable",
            #[cfg(target_arch = "x86_64")]
            Arch::V3(_) => "AVX2 with FMA",
            #[cfg(target_arch = "x86_64")]
            Arch::V4(_) => "AVX-512",
            #[cfg(target_arch = "aarch64")]
            Arch::Neon(_) => "NEON",
            #[allow(unreachable_patterns, reason = "which there are depends on the target")]
            _ => "vectors",
        }
    }

    /// `out ← op(x)`. Truth values are 0 and 1.
    ///
    /// # Panics
    /// When the lengths differ, here and in all others.
    pub fn unary<T: Real>(self, op: Unary, x: &[T], out: &mut [T]) {
        assert_eq!(x.len(), out.len(), "lengths of a kernel's operands");
        self.run(UnaryKernel { op, each: Map { x, out } });
    }

    /// `x ← op(x)`.
    pub fn unary_in_place<T: Real>(self, op: Unary, x: &mut [T]) {
        self.run(UnaryKernel { op, each: MapInPlace { x } });
    }

    /// `out ← op(x, y)`. Truth values are 0 and 1.
    pub fn binary<T: Real>(self, op: Binary, x: Operand<'_, T>, y: Operand<'_, T>, out: &mut [T]) {
        x.check(out.len());
        y.check(out.len());
        self.run(BinaryKernel { op, each: Into2 { x, y, out } });
    }

    /// `x ← op(x, y)`.
    pub fn binary_in_place<T: Real>(self, op: Binary, x: &mut [T], y: Operand<'_, T>) {
        y.check(x.len());
        self.run(BinaryKernel { op, each: LeftInPlace { x, y } });
    }

    /// `y ← op(x, y)`.
    pub fn binary_in_place_right<T: Real>(self, op: Binary, x: Operand<'_, T>, y: &mut [T]) {
        x.check(y.len());
        self.run(BinaryKernel { op, each: RightInPlace { x, y } });
    }

    /// `sum ← beta·sum + alpha·x`.
    pub fn accumulate<T: Real>(self, beta: T, sum: &mut [T], alpha: T, x: &[T]) {
        assert_eq!(x.len(), sum.len(), "lengths of a kernel's operands");
        self.run(Accumulate { sum, x, beta, alpha });
    }

    /// `out ← op(x, y)` of a comparison, for elements of any type that has an order.
    ///
    /// # Panics
    /// When `op` is not a comparison.
    pub fn compare<T: Copy + PartialOrd>(
        self,
        op: Binary,
        x: Operand<'_, T>,
        y: Operand<'_, T>,
        out: &mut [bool],
    ) {
        x.check(out.len());
        y.check(out.len());
        self.run(CompareKernel { op, each: Into2 { x, y, out } });
    }

    /// `out ← x is finite`.
    pub fn is_finite<T: Real>(self, x: &[T], out: &mut [bool]) {
        assert_eq!(x.len(), out.len(), "lengths of a kernel's operands");
        self.run(IntoBools { x, out });
    }

    /// `out ← a` where the condition holds, else `b`.
    pub fn select<T: Copy>(self, condition: &[bool], a: Operand<'_, T>, b: Operand<'_, T>, out: &mut [T]) {
        assert_eq!(condition.len(), out.len(), "lengths of a kernel's operands");
        a.check(out.len());
        b.check(out.len());
        self.run(Choose { condition, a, b, out });
    }

    /// The same numbers in another element type, rounded to nearest.
    pub fn cast<A: CastTo<B>, B: Copy>(self, x: &[A], out: &mut [B]) {
        assert_eq!(x.len(), out.len(), "lengths of a kernel's operands");
        self.run(CastKernel { each: Map { x, out } });
    }

    #[inline]
    fn run(self, kernel: impl Kernel) {
        self.0.dispatch(Dispatched(kernel));
    }
}

impl fmt::Debug for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Isa({})", self.name())
    }
}

impl<T> Operand<'_, T> {
    fn check(&self, len: usize) {
        if let Operand::Slice(x) = self {
            assert_eq!(x.len(), len, "lengths of a kernel's operands");
        }
    }
}

/// A loop that is compiled once for each instruction set, with or without fused multiply-add.
trait Kernel {
    fn run<const FMA: bool>(self);
}

struct Dispatched<K>(K);

impl<K: Kernel> WithSimd for Dispatched<K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        // WebAssembly's vectors have no fused multiply-add that gives the same everywhere.
        if S::IS_SCALAR || cfg!(target_family = "wasm") {
            self.0.run::<false>();
        } else {
            self.0.run::<true>();
        }
    }
}

struct UnaryKernel<E> {
    op: Unary,
    each: E,
}

impl<E: loops::Each1> Kernel for UnaryKernel<E> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        E::Element::unary::<FMA>(self.op, self.each);
    }
}

struct BinaryKernel<E> {
    op: Binary,
    each: E,
}

impl<E: loops::Each2> Kernel for BinaryKernel<E> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        E::Element::binary::<FMA>(self.op, self.each);
    }
}

struct Accumulate<'a, T> {
    sum: &'a mut [T],
    x: &'a [T],
    beta: T,
    alpha: T,
}

impl<T: Real> Kernel for Accumulate<'_, T> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        for (sum, x) in self.sum.iter_mut().zip(self.x) {
            *sum = sum.accumulated::<FMA>(self.beta, self.alpha, *x);
        }
    }
}

struct CompareKernel<'a, T> {
    op: Binary,
    each: Into2<'a, T, bool>,
}

impl<T: Copy + PartialOrd> Kernel for CompareKernel<'_, T> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        match self.op {
            Binary::Eq => self.each.write(real::eq),
            Binary::Ne => self.each.write(real::ne),
            Binary::Lt => self.each.write(real::lt),
            Binary::Le => self.each.write(real::le),
            Binary::Gt => self.each.write(real::gt),
            Binary::Ge => self.each.write(real::ge),
            op => panic!("{op:?} is no comparison"),
        }
    }
}

impl<T: Real> Kernel for IntoBools<'_, T> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        self.write(T::finite);
    }
}

impl<T: Copy> Kernel for Choose<'_, T> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        self.write();
    }
}

struct CastKernel<'a, A, B> {
    each: Map<'a, A, B>,
}

impl<A: CastTo<B>, B: Copy> Kernel for CastKernel<'_, A, B> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        self.each.write(A::cast_to);
    }
}
