//! Windows along an axis, and their transpose; convolution and pooling are made of these.

use crate::dim::Dim;
use crate::dtype::DType;
use crate::graph::{Expr, Node};
use crate::ops::{Op, Signature, check_axis, required};
use crate::shape::Shape;

pub(crate) fn signature(
    op: &Op,
    args: &[&Node],
    declared: Option<(DType, &Shape)>,
) -> Result<Signature, String> {
    let x = args[0];
    match *op {
        Op::Unfold { axis, size, stride, dilation } => {
            let shape = unfolded(&x.shape, axis, size, stride, dilation)?;
            Ok((x.dtype, shape))
        }
        Op::Fold { axis, stride, dilation } => {
            let (dtype, shape) = required("fold", declared)?;
            if !x.dtype.is_numeric() || dtype != x.dtype {
                return Err(format!("fold of {} into {dtype}: the same number type is needed", x.dtype));
            }
            let size = x
                .shape
                .last()
                .and_then(Dim::size)
                .ok_or_else(|| format!("fold of {}: the last axis must have a known size", x.shape))?;
            let want = unfolded(&shape, axis, size, stride, dilation)?;
            if want != x.shape {
                return Err(format!("fold into {shape} needs {want}, got {}", x.shape));
            }
            Ok((dtype, shape))
        }
        _ => Err(format!("{} has no windows", op.name())),
    }
}

fn unfolded(x: &Shape, axis: usize, size: usize, stride: usize, dilation: usize) -> Result<Shape, String> {
    check_axis("unfold", axis, x)?;
    if size == 0 || stride == 0 || dilation == 0 {
        return Err(format!(
            "unfold with size {size}, stride {stride}, dilation {dilation}: each must be at least 1"
        ));
    }
    let reach = (size - 1).checked_mul(dilation).and_then(|r| r.checked_add(1));
    let slack = &x[axis] - &reach.map_or(Dim::Overflow, Dim::from);
    let windows = match (&slack, i64::try_from(stride)) {
        (Dim::Size(n), Ok(s)) if *n >= 0 => Dim::Size(n / s + 1),
        (Dim::Poly(_), Ok(1)) => &slack + &Dim::Size(1),
        (Dim::Poly(_), _) => {
            return Err(format!("unfold of {x} by stride {stride}: axis {axis} needs a known size"));
        }
        _ => {
            return Err(format!(
                "unfold of {x}: a window of {size} (dilation {dilation}) does not fit into axis {axis}"
            ));
        }
    };
    Ok(x.with_axis(axis, windows).iter().cloned().chain([Dim::from(size)]).collect())
}

impl<'g> Expr<'g> {
    /// Windows of `size` elements, `dilation` apart, every `stride` along `axis`: the axis becomes
    /// the window's number, and a new last axis the place in the window.
    #[track_caller]
    pub fn unfold(self, axis: usize, size: usize, stride: usize, dilation: usize) -> Expr<'g> {
        self.apply(Op::Unfold { axis, size, stride, dilation }, &[])
    }

    /// The transpose of [`unfold`](Expr::unfold): the last axis is the place in a window, `axis` the window's
    /// number; what several windows hold of an element of `shape` is added up, and elements of none are 0.
    #[track_caller]
    pub fn fold(self, axis: usize, stride: usize, dilation: usize, shape: impl Into<Shape>) -> Expr<'g> {
        self.apply_as(Op::Fold { axis, stride, dilation }, &[], self.dtype(), shape.into())
    }
}
