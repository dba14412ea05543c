//! Shapes: lists of dimensions, how to write them, and the one function that broadcasts.

use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

use crate::dim::{Dim, Dims, Named};

/// The dimensions of a value, outermost first; empty for a scalar.
///
/// Anything that lists dimensions converts into one: `()`, `[10, 20]`, and,
/// where names and sizes mix, tuples such as `(B, 784)` with [`Named`] `B`; a string is not a name:
///
/// ```compile_fail
/// let shape: dl_core::Shape = ("B", 784).into();
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Shape(Vec<Dim>);

impl Shape {
    /// The shape of a scalar.
    pub fn scalar() -> Self {
        Shape(vec![])
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// The most axes that a shape may have.
    pub const MAX_RANK: usize = 64;

    /// The product of the dimensions.
    pub fn elements(&self) -> Dim {
        self.0.iter().fold(Dim::Size(1), |n, d| &n * d)
    }

    /// Whether a value may have this shape, as far as that is known before a run.
    ///
    /// # Errors
    /// What is wrong: too many axes, a size that is negative or beyond the integers, or more elements
    /// than can be counted.
    pub fn check(&self) -> Result<(), String> {
        if self.rank() > Shape::MAX_RANK {
            return Err(format!("shape with {} axes: at most {} are allowed", self.rank(), Shape::MAX_RANK));
        }
        self.0.iter().try_for_each(|d| d.check().map_err(|why| format!("shape {self}: {why}")))?;
        // A size of 0 makes strides no smaller.
        let known = self.0.iter().filter_map(Dim::size);
        let known = Dim::from(count(known).ok_or_else(|| self.too_many())?);
        let unknown = self.0.iter().filter(|d| matches!(d, Dim::Poly(_)));
        if unknown.fold(known, |n, d| &n * d) == Dim::Overflow { Err(self.too_many()) } else { Ok(()) }
    }

    /// Sizes under `dims`; the product is checked, so it never overflows.
    pub fn eval(&self, dims: &Dims) -> Result<Vec<usize>, String> {
        let sizes = self.0.iter().map(|d| d.eval(dims)).collect::<Result<Vec<_>, _>>()?;
        count(sizes.iter().copied()).ok_or_else(|| self.too_many())?;
        Ok(sizes)
    }

    fn too_many(&self) -> String {
        format!("shape {self} has too many elements")
    }

    /// The shape without `axes`.
    pub fn without(&self, axes: &[usize]) -> Shape {
        self.0.iter().enumerate().filter(|(i, _)| !axes.contains(i)).map(|(_, d)| d.clone()).collect()
    }

    /// The shape with `dim` at `axis` instead.
    pub fn with_axis(&self, axis: usize, dim: Dim) -> Shape {
        let mut dims = self.0.clone();
        dims[axis] = dim;
        Shape(dims)
    }

    /// The common shape of two operands, aligned at the last axis, as NumPy does it:
    /// dimensions are equal, or one of them is 1.
    pub fn broadcast(&self, other: &Shape) -> Result<Shape, String> {
        let rank = self.rank().max(other.rank());
        let one = Dim::Size(1);
        let mut dims = Vec::with_capacity(rank);
        for i in 0..rank {
            let pick = |s: &Shape| (i + s.rank()).checked_sub(rank).map_or(one.clone(), |k| s.0[k].clone());
            let (a, b) = (pick(self), pick(other));
            dims.push(match (a.is_one(), b.is_one()) {
                _ if a == b => a,
                (true, _) => b,
                (_, true) => a,
                _ => {
                    return Err(format!(
                        "cannot broadcast {self} with {other}: dimensions {a} and {b} differ"
                    ));
                }
            });
        }
        Ok(Shape(dims))
    }
}

/// The product, empty axes left out, where so many numbers of eight bytes can be addressed.
pub(crate) fn count(mut sizes: impl Iterator<Item = usize>) -> Option<usize> {
    sizes
        .try_fold(1usize, |n, d| n.checked_mul(d.max(1)))
        .filter(|n| n.checked_mul(8).is_some_and(|bytes| isize::try_from(bytes).is_ok()))
}

impl Deref for Shape {
    type Target = [Dim];
    fn deref(&self) -> &[Dim] {
        &self.0
    }
}

impl FromIterator<Dim> for Shape {
    fn from_iter<I: IntoIterator<Item = Dim>>(iter: I) -> Self {
        Shape(iter.into_iter().collect())
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dims: Vec<String> = self.0.iter().map(Dim::to_string).collect();
        write!(f, "[{}]", dims.join(", "))
    }
}

impl From<()> for Shape {
    fn from((): ()) -> Self {
        Shape::scalar()
    }
}

impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Self {
        shape.clone()
    }
}

impl From<Vec<Dim>> for Shape {
    fn from(dims: Vec<Dim>) -> Self {
        Shape(dims)
    }
}

/// What can be the size of an axis: a number, a [`Named`] or a [`Dim`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the size of an axis",
    label = "expected a number, a `Named` or a `Dim`",
    note = "an axis whose size is known by name is written `Named(\"B\")`"
)]
pub trait IntoDim {
    /// As a dimension.
    fn into_dim(self) -> Dim;
}

macro_rules! into_dim {
    ($($t:ty),*) => {$(impl IntoDim for $t {
        fn into_dim(self) -> Dim {
            Dim::from(self)
        }
    })*};
}
into_dim!(Dim, &Dim, Named, usize, i32, u32, i64, u64);

impl<D: IntoDim, const N: usize> From<[D; N]> for Shape {
    fn from(dims: [D; N]) -> Self {
        dims.into_iter().map(D::into_dim).collect()
    }
}

impl<D: Clone + IntoDim> From<&[D]> for Shape {
    fn from(dims: &[D]) -> Self {
        dims.iter().cloned().map(D::into_dim).collect()
    }
}

impl From<Named> for Shape {
    fn from(dim: Named) -> Self {
        Shape(vec![dim.into()])
    }
}

impl From<usize> for Shape {
    fn from(size: usize) -> Self {
        Shape(vec![size.into()])
    }
}

macro_rules! shape_from_tuple {
    ($(($($t:ident $i:tt),+))*) => {$(
        impl<$($t: IntoDim),+> From<($($t,)+)> for Shape {
            fn from(dims: ($($t,)+)) -> Self {
                Shape(vec![$(dims.$i.into_dim()),+])
            }
        }
    )*};
}
shape_from_tuple! { (P 0) (P 0, Q 1) (P 0, Q 1, R 2) (P 0, Q 1, R 2, S 3) (P 0, Q 1, R 2, S 3, T 4) (P 0, Q 1, R 2, S 3, T 4, U 5) }

#[cfg(test)]
mod tests {
    use super::*;
    const B: Named = Named("B");

    #[test]
    fn broadcasting_aligns_at_the_last_axis() {
        let check = |a: Shape, b: Shape, want: &str| match a.broadcast(&b) {
            Ok(s) => assert_eq!(s.to_string(), want),
            Err(e) => assert_eq!(e, want),
        };
        check((B, 784).into(), [784].into(), "[B, 784]");
        check((B, 1).into(), (1, 10).into(), "[B, 10]");
        check(().into(), (B, 2).into(), "[B, 2]");
        check(
            (B, 784).into(),
            [128].into(),
            "cannot broadcast [B, 784] with [128]: dimensions 784 and 128 differ",
        );
        check((B,).into(), [2].into(), "cannot broadcast [B] with [2]: dimensions B and 2 differ");
    }

    #[test]
    fn shapes_that_nothing_can_have_are_refused() {
        let check = |shape: Shape, want: &str| assert_eq!(shape.check().unwrap_err(), want);
        check([1i64 << 40, 1 << 40].into(), "shape [1099511627776, 1099511627776] has too many elements");
        check(
            [0i64, 1 << 40, 1 << 40].into(),
            "shape [0, 1099511627776, 1099511627776] has too many elements",
        );
        check((B, -3).into(), "shape [B, -3]: size -3 is negative");
        check((B, i64::MAX, B).into(), "shape [B, 9223372036854775807, B] has too many elements");
        check(
            (B, u64::MAX).into(),
            "shape [B, overflow]: a size is beyond integers of 64 bits, or has more than 64 terms",
        );
        check([1; 65].into(), "shape with 65 axes: at most 64 are allowed");
        assert_eq!(Shape::from((B, 0, 7)).check(), Ok(()));
    }

    #[test]
    fn products_that_cannot_be_allocated_are_errors() {
        let s: Shape = (B, B, B).into();
        assert!(s.eval(&Dims::new().with("B", 1 << 22)).is_err());
        assert_eq!(s.eval(&Dims::new().with("B", 2)), Ok(vec![2, 2, 2]));
    }
}
