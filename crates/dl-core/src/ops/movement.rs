//! Movement: reshape, permute, broadcast, slice, pad, concat and flip — index maps, no arithmetic.

use crate::dim::{Dim, Dims};
use crate::dtype::{DType, Scalar};
use crate::graph::{Axes, Expr, Graph, Node};
use crate::ops::{Op, Signature, check_axes, check_axis, required};
use crate::shape::{IntoDim, Shape};

pub(crate) fn signature(
    op: &Op,
    args: &[&Node],
    declared: Option<(DType, &Shape)>,
) -> Result<Signature, String> {
    let Some(x) = args.first() else {
        return Err(format!("{} takes at least one argument", op.name()));
    };
    let shape = match op {
        Op::Reshape => reshape(x, required("reshape", declared)?.1)?,
        Op::Permute(permutation) => permute(x, permutation)?,
        Op::Broadcast(axes) => broadcast(x, axes, required("broadcast", declared)?.1)?,
        Op::Slice { starts, strides } => {
            let shape = required("slice", declared)?.1;
            spread("slice", &x.shape, &shape, starts, strides)?;
            shape
        }
        Op::Pad { starts, strides, value } => {
            let shape = required("pad", declared)?.1;
            spread("pad", &shape, &x.shape, starts, strides)?;
            if !value.fits(x.dtype) {
                return Err(format!("pad of {} with {value}, which it cannot hold", x.dtype));
            }
            shape
        }
        Op::Concat(axis) => concat(*axis, args)?,
        Op::Flip(axes) => {
            check_axes("flip", axes, &x.shape)?;
            x.shape.clone()
        }
        _ => return Err(format!("{} moves nothing", op.name())),
    };
    Ok((x.dtype, shape))
}

fn reshape(x: &Node, to: Shape) -> Result<Shape, String> {
    let (from, into) = (x.shape.elements(), to.elements());
    if from != into {
        return Err(format!("cannot reshape {} into {to}: {from} elements against {into}", x.shape));
    }
    Ok(to)
}

fn permute(x: &Node, permutation: &[usize]) -> Result<Shape, String> {
    let mut sorted = permutation.to_vec();
    sorted.sort_unstable();
    if !sorted.into_iter().eq(0..x.shape.rank()) {
        return Err(format!("cannot permute {} by {permutation:?}: every axis is needed once", x.shape));
    }
    Ok(permutation.iter().map(|&a| x.shape[a].clone()).collect())
}

fn broadcast(x: &Node, axes: &[usize], to: Shape) -> Result<Shape, String> {
    check_axes("broadcast", axes, &to)?;
    let kept: Shape = axes.iter().map(|&a| to[a].clone()).collect();
    if kept != x.shape {
        return Err(format!("cannot broadcast {} along axes {axes:?} of {to}", x.shape));
    }
    Ok(to)
}

/// Checks that `start + i·stride` for every `i` of `small` lies inside `large`, where that is known.
fn spread(op: &str, large: &Shape, small: &Shape, starts: &[Dim], strides: &[usize]) -> Result<(), String> {
    let rank = large.rank();
    if small.rank() != rank || starts.len() != rank || strides.len() != rank {
        return Err(format!(
            "{op} between {large} and {small} with {} starts and {} strides: ranks differ",
            starts.len(),
            strides.len()
        ));
    }
    for axis in 0..rank {
        let stride = i64::try_from(strides[axis]).ok().filter(|s| *s > 0);
        let Some(stride) = stride else {
            return Err(format!(
                "{op} with stride {} along axis {axis}: at least 1 is needed",
                strides[axis]
            ));
        };
        starts[axis]
            .check()
            .map_err(|why| format!("{op} starts at {} along axis {axis}: {why}", starts[axis]))?;
        if small[axis] == Dim::Size(0) {
            continue;
        }
        let last = &(&(&small[axis] - &Dim::Size(1)) * &Dim::Size(stride)) + &starts[axis];
        // The slack is a polynomial; only a constant one can be judged before a run.
        match &(&large[axis] - &last) - &Dim::Size(1) {
            Dim::Size(slack) if slack >= 0 => {}
            Dim::Poly(_) => {}
            _ => return Err(format!("{op} reaches element {last} along axis {axis} of {large}")),
        }
    }
    Ok(())
}

/// Where a slice (`op`) begins in `large`, its operand, or the elements of a pad in `large`, its result, once
/// it is clear that `start + i·stride` lies inside `large` for every `i` of `small`, the other of the two.
/// Where `small` has no elements, all starts are 0.
///
/// # Errors
/// When a start has no size under `dims`, or an element lies outside.
pub fn starts(
    op: &str,
    (starts, strides): (&[Dim], &[usize]),
    large: &[usize],
    small: &[usize],
    dims: &Dims,
) -> Result<Vec<usize>, String> {
    let starts = starts.iter().map(|d| d.eval(dims)).collect::<Result<Vec<_>, _>>()?;
    for (axis, (size, large_size)) in small.iter().zip(large).enumerate() {
        let Some(steps) = size.checked_sub(1) else { continue };
        let last = steps.saturating_mul(strides[axis]).saturating_add(starts[axis]);
        if last >= *large_size {
            return Err(format!("{op} reaches element {last} along axis {axis} of {large:?}"));
        }
    }
    Ok(if small.contains(&0) { vec![0; starts.len()] } else { starts })
}

fn concat(axis: usize, args: &[&Node]) -> Result<Shape, String> {
    let first = args[0];
    check_axis("concat", axis, &first.shape)?;
    let mut total = Dim::Size(0);
    for arg in args {
        if arg.dtype != first.dtype {
            return Err(format!(
                "cannot concatenate {} with {}: element types differ",
                first.dtype, arg.dtype
            ));
        }
        let fits = arg.shape.rank() == first.shape.rank()
            && (0..first.shape.rank()).all(|a| a == axis || arg.shape[a] == first.shape[a]);
        if !fits {
            return Err(format!(
                "cannot concatenate {} with {} along axis {axis}: other axes must agree",
                first.shape, arg.shape
            ));
        }
        total = &total + &arg.shape[axis];
    }
    Ok(first.shape.with_axis(axis, total))
}

impl<'g> Expr<'g> {
    /// The same elements in row-major order under another shape of as many elements.
    #[track_caller]
    pub fn reshape(self, shape: impl Into<Shape>) -> Expr<'g> {
        let shape = shape.into();
        if self.shape() == shape {
            return self;
        }
        self.apply_as(Op::Reshape, &[], self.dtype(), shape)
    }

    /// Axes in another order: axis `i` of the result is axis `permutation[i]` of `self`.
    #[track_caller]
    pub fn permute(self, permutation: &[usize]) -> Expr<'g> {
        if permutation.iter().copied().eq(0..self.shape().rank()) {
            return self;
        }
        self.apply(Op::Permute(permutation.to_vec()), &[])
    }

    /// Swaps the last two axes.
    #[track_caller]
    pub fn transpose(self) -> Expr<'g> {
        let rank = self.shape().rank();
        if rank < 2 {
            return self.fail(format!("cannot transpose {}: two axes are needed", self.shape()));
        }
        let mut permutation: Vec<usize> = (0..rank).collect();
        permutation.swap(rank - 2, rank - 1);
        self.permute(&permutation)
    }

    /// Repeats `self` up to `shape`, aligned at the last axis, as NumPy does it.
    #[track_caller]
    pub fn broadcast_to(self, shape: &Shape) -> Expr<'g> {
        let own = self.shape();
        if self.is_poison() || own == *shape {
            return self;
        }
        match own.broadcast(shape) {
            Ok(common) if common == *shape => {}
            _ => return self.fail(format!("cannot broadcast {own} to {shape}")),
        }
        let offset = shape.rank() - own.rank();
        // Size-one axes that grow are dropped first, so that a broadcast only ever adds axes.
        let kept: Vec<usize> = (0..own.rank()).filter(|&a| own[a] == shape[a + offset]).collect();
        let squeezed = self.reshape(kept.iter().map(|&a| own[a].clone()).collect::<Shape>());
        squeezed.broadcast_along(&kept.iter().map(|&a| a + offset).collect::<Vec<_>>(), shape)
    }

    /// Axis `i` of `self` becomes axis `axes[i]` (ascending) of `shape`; values repeat along the others.
    #[track_caller]
    pub fn broadcast_along(self, axes: &[usize], shape: &Shape) -> Expr<'g> {
        if self.shape() == *shape {
            return self;
        }
        self.apply_as(Op::Broadcast(axes.to_vec()), &[], self.dtype(), shape.clone())
    }

    /// A new axis of size 1 before `axis`.
    #[track_caller]
    pub fn unsqueeze(self, axis: usize) -> Expr<'g> {
        let mut dims = self.shape().to_vec();
        if axis > dims.len() {
            return self.fail(format!("cannot insert axis {axis} into {}", self.shape()));
        }
        dims.insert(axis, Dim::Size(1));
        self.reshape(dims)
    }

    /// Elements `start..end` along `axis`.
    #[track_caller]
    pub fn slice(self, axis: usize, start: impl IntoDim, end: impl IntoDim) -> Expr<'g> {
        self.slice_by(axis, start, end, 1)
    }

    /// Elements `start, start + stride, … < end` along `axis`.
    #[track_caller]
    pub fn slice_by(self, axis: usize, start: impl IntoDim, end: impl IntoDim, stride: usize) -> Expr<'g> {
        let (start, end, shape) = (start.into_dim(), end.into_dim(), self.shape());
        if let Err(message) = check_axis("slice", axis, &shape) {
            return self.fail(message);
        }
        let length = &end - &start;
        let count = match (&length, i64::try_from(stride)) {
            (Dim::Size(n), Ok(s)) if s > 0 && *n >= 0 => Some(Dim::Size(n / s + i64::from(n % s != 0))),
            (Dim::Poly(_), Ok(s)) if s > 0 => length.exact_div(&Dim::Size(s)),
            _ => None,
        };
        let Some(count) = count else {
            return self
                .fail(format!("cannot slice {start}..{end} by {stride} along axis {axis} of {shape}"));
        };
        let mut starts = vec![Dim::Size(0); shape.rank()];
        let mut strides = vec![1; shape.rank()];
        starts[axis] = start;
        strides[axis] = stride;
        self.apply_as(Op::Slice { starts, strides }, &[], self.dtype(), shape.with_axis(axis, count))
    }

    /// `before` and `after` more elements of `value` along `axis`.
    #[track_caller]
    pub fn pad(self, axis: usize, before: impl IntoDim, after: impl IntoDim, value: f64) -> Expr<'g> {
        let (before, after, shape) = (before.into_dim(), after.into_dim(), self.shape());
        if let Err(message) = check_axis("pad", axis, &shape) {
            return self.fail(message);
        }
        let size = &(&shape[axis] + &before) + &after;
        let mut starts = vec![Dim::Size(0); shape.rank()];
        starts[axis] = before;
        let value = match Scalar::written(self.dtype(), value) {
            Ok(value) => value,
            Err(message) => return self.fail(format!("pad: {message}")),
        };
        let op = Op::Pad { starts, strides: vec![1; shape.rank()], value };
        self.apply_as(op, &[], self.dtype(), shape.with_axis(axis, size))
    }

    /// The elements in reverse order along `axes`.
    #[track_caller]
    pub fn flip(self, axes: impl Axes) -> Expr<'g> {
        match axes.resolve(self.shape().rank()) {
            Ok(axes) => self.apply(Op::Flip(axes), &[]),
            Err(message) => self.fail(format!("flip {message} of {}", self.shape())),
        }
    }
}

impl Graph {
    /// Arrays one after the other along `axis`.
    #[track_caller]
    pub fn concat<'g>(&'g self, axis: usize, parts: &[Expr<'g>]) -> Expr<'g> {
        match parts {
            [] => self.fail("cannot concatenate nothing".into()),
            [first, ..] if self.own(*first) != *first => self.poison(),
            [one] => *one,
            [first, rest @ ..] => first.apply(Op::Concat(axis), rest),
        }
    }
}
