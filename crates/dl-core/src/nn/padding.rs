//! Padding of images, and its inverse.

use crate::dim::Dim;
use crate::dtype::Scalar;
use crate::graph::Expr;
use crate::nn::windows::{Images, Pads};
use crate::ops::Op;

/// What the elements around an image are. PyTorch's `padding_mode`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum PaddingMode {
    /// Zeros.
    #[default]
    Zeros,
    /// This number.
    Constant(f64),
    /// The image mirrored at its outermost elements, which are not repeated: `c b | a b c | b a`.
    Reflect,
    /// The outermost elements: `a a | a b c | c c`.
    Replicate,
    /// The other end of the image: `b c | a b c | a b`.
    Circular,
}

/// Elements around images: `padding` before and after each spatial axis. `[…, H, W, C]` gives
/// `[…, H + …, W + …, C]`.
///
/// A number pads two spatial axes on every side; `[2]` is for sequences `[…, T, C]`, and `[(0, 1), (2, 2)]`
/// says what comes before and after. As PyTorch's `pad`.
///
/// # Errors
/// Recorded when `x` holds no floats, when it has fewer axes or a spatial size is not known, or when there is
/// nothing to reflect, repeat or go around.
///
/// ```
/// use dl_core::nn::{self, PaddingMode};
/// use dl_core::{F64, Graph, Tensor, interp};
/// let g = Graph::new();
/// let x = g.input("x", F64, (3, 1));
/// let y = nn::pad(x, [(2, 1)], PaddingMode::Reflect);
/// let data = [("x", Tensor::new([3, 1], vec![1.0, 2.0, 3.0])?)];
/// assert_eq!(interp::eval_expr(y, &data)?.to_f64(), [3.0, 2.0, 1.0, 2.0, 3.0, 2.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn pad<'g>(x: Expr<'g>, padding: impl Into<Pads>, mode: PaddingMode) -> Expr<'g> {
    let padding = padding.into();
    let axes = padding.axes().unwrap_or(2);
    let images = match Images::of("pad", x, axes) {
        Ok(images) => images,
        Err(poison) => return poison,
    };
    match padding.resolve(axes) {
        Ok(pads) => padded(&images, &pads, mode),
        Err(why) => images.fail(&why),
    }
}

/// Images without their outermost elements: the inverse of [`pad`].
///
/// # Errors
/// Recorded when `x` holds no floats, when it has fewer axes or a spatial size is not known, or when more
/// would be taken than there is.
///
/// ```
/// use dl_core::{F64, Graph, nn};
/// let g = Graph::new();
/// assert_eq!(nn::crop(g.input("x", F64, (7, 9, 2)), [(1, 0), (2, 3)]).shape().to_string(), "[6, 4, 2]");
/// ```
#[track_caller]
pub fn crop<'g>(x: Expr<'g>, margins: impl Into<Pads>) -> Expr<'g> {
    let margins = margins.into();
    let axes = margins.axes().unwrap_or(2);
    let images = match Images::of("crop", x, axes) {
        Ok(images) => images,
        Err(poison) => return poison,
    };
    match margins.resolve(axes) {
        Ok(margins) => cropped(&images, &margins),
        Err(why) => images.fail(&why),
    }
}

#[track_caller]
pub(super) fn cropped<'g>(images: &Images<'g>, margins: &[(usize, usize)]) -> Expr<'g> {
    let x = images.x;
    if margins.iter().all(|margins| *margins == (0, 0)) {
        return x;
    }
    let mut dims = x.shape().to_vec();
    for (axis, (before, after)) in margins.iter().enumerate() {
        match images.sizes[axis].checked_sub(*after).and_then(|end| end.checked_sub(*before)) {
            Some(size) => dims[images.first + axis] = Dim::from(size),
            None => {
                let less = format!("{before} and {after} elements less along spatial axis {axis}");
                return images.fail(&less);
            }
        }
    }
    let op = Op::Slice { starts: starts(images, margins), strides: vec![1; dims.len()] };
    x.apply_as(op, &[], x.dtype(), dims.into())
}

/// Images with elements around them.
#[track_caller]
pub(super) fn padded<'g>(images: &Images<'g>, pads: &[(usize, usize)], mode: PaddingMode) -> Expr<'g> {
    match mode {
        PaddingMode::Zeros => return constant(images, pads, 0.0),
        PaddingMode::Constant(value) => return constant(images, pads, value),
        PaddingMode::Reflect | PaddingMode::Replicate | PaddingMode::Circular => {}
    }
    let mut x = images.x;
    for (axis, &(before, after)) in pads.iter().enumerate() {
        let (size, most) = (images.sizes[axis], before.max(after));
        let there = match mode {
            PaddingMode::Reflect => size.saturating_sub(1),
            PaddingMode::Circular => size,
            _ if size > 0 => usize::MAX,
            _ => 0,
        };
        if most > there {
            let name = match mode {
                PaddingMode::Reflect => "reflect",
                PaddingMode::Circular => "go around",
                _ => "repeat",
            };
            return images
                .fail(&format!("{most} elements of padding, {there} to {name} along spatial axis {axis}"));
        }
        x = sides(x, images.first + axis, size, (before, after), mode);
    }
    x
}

#[track_caller]
fn constant<'g>(images: &Images<'g>, pads: &[(usize, usize)], value: f64) -> Expr<'g> {
    let x = images.x;
    if pads.iter().all(|pads| *pads == (0, 0)) {
        return x;
    }
    let value = match Scalar::written(x.dtype(), value) {
        Ok(value) => value,
        Err(why) => return images.fail(&why),
    };
    let mut dims = x.shape().to_vec();
    for (axis, (before, after)) in pads.iter().enumerate() {
        dims[images.first + axis] =
            Dim::from(images.sizes[axis].saturating_add(*before).saturating_add(*after));
    }
    let op = Op::Pad { starts: starts(images, pads), strides: vec![1; dims.len()], value };
    x.apply_as(op, &[], x.dtype(), dims.into())
}

/// What comes before each axis.
fn starts(images: &Images<'_>, sides: &[(usize, usize)]) -> Vec<Dim> {
    let mut starts = vec![Dim::Size(0); images.x.shape().rank()];
    for (axis, (before, _)) in sides.iter().enumerate() {
        starts[images.first + axis] = Dim::from(*before);
    }
    starts
}

/// What comes before and after one axis.
#[track_caller]
fn sides<'g>(
    x: Expr<'g>,
    axis: usize,
    size: usize,
    (before, after): (usize, usize),
    mode: PaddingMode,
) -> Expr<'g> {
    let part = |from: usize, to: usize| match mode {
        PaddingMode::Reflect => x.slice(axis, from, to).flip(axis as isize),
        _ => x.slice(axis, from, to),
    };
    let repeated = |at: usize, count: usize| {
        let shape = x.shape().with_axis(axis, count.into());
        x.slice(axis, at, at + 1).broadcast_to(&shape)
    };
    let mut parts = vec![];
    if before > 0 {
        parts.push(match mode {
            PaddingMode::Reflect => part(1, before + 1),
            PaddingMode::Circular => part(size - before, size),
            _ => repeated(0, before),
        });
    }
    parts.push(x);
    if after > 0 {
        parts.push(match mode {
            PaddingMode::Reflect => part(size - 1 - after, size - 1),
            PaddingMode::Circular => part(0, after),
            _ => repeated(size - 1, after),
        });
    }
    x.graph().concat(axis, &parts)
}
