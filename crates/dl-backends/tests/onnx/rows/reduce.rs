//! Reductions, extremes and their places, softmax.

use dl_core::ops::Reduce;
use dl_core::{Expr, F32, I64};

use crate::call::{Call, Out, V, X, axis_of};
use crate::types::Ty;

pub(super) fn apply<'g>(c: &Call<'_, 'g>) -> Option<Out<'g>> {
    Some(match c.op {
        "ReduceSum" => reduced(c, |x, a| x.sum(a)),
        "ReduceProd" => reduced(c, |x, a| x.prod(a)),
        "ReduceMean" => reduced(c, |x, a| x.mean(a)),
        "ReduceMax" => extreme(c, Reduce::Max),
        "ReduceMin" => extreme(c, Reduce::Min),
        "ReduceL1" => reduced(c, |x, a| x.abs().sum(a)),
        "ReduceL2" => reduced(c, |x, a| (x * x).sum(a).sqrt()),
        "ReduceSumSquare" => reduced(c, |x, a| (x * x).sum(a)),
        "ReduceLogSum" => reduced(c, |x, a| x.sum(a).log()),
        "ReduceLogSumExp" => reduced(c, |x, a| x.exp().sum(a).log()),
        "ArgMax" => place(c, true),
        "ArgMin" => place(c, false),
        "Softmax" => softmax(c, |x, axis| x.softmax(axis)),
        "LogSoftmax" => softmax(c, |x, axis| x.log_softmax(axis)),
        "Hardmax" => softmax(c, |x, axis| {
            let hit = x.argmax(axis).unsqueeze(resolve(axis, x)).broadcast_to(&x.shape());
            hit.eq(x.graph().iota(I64, resolve(axis, x), x.shape())).cast(x.dtype())
        }),
        _ => return None,
    })
}

fn resolve(axis: isize, x: Expr<'_>) -> usize {
    axis_of(axis as i64, x.shape().rank()).unwrap_or(0)
}

/// The axes of a reduction, if it is one.
fn axes<'g>(c: &Call<'_, 'g>, x: X<'g>) -> Result<Option<Vec<usize>>, String> {
    let given = c.ints_or("axes", 1)?.unwrap_or_default();
    if given.is_empty() && c.int("noop_with_empty_axes", 0) == 1 {
        return Ok(None);
    }
    if given.is_empty() {
        return Ok(Some((0..x.rank()).collect()));
    }
    let mut axes = given.iter().map(|a| axis_of(*a, x.rank())).collect::<Result<Vec<_>, _>>()?;
    axes.sort_unstable();
    Ok(Some(axes))
}

fn reduced<'g>(c: &Call<'_, 'g>, f: impl FnOnce(Expr<'g>, Vec<usize>) -> Expr<'g>) -> Out<'g> {
    let x = c.x(0)?;
    let Some(axes) = axes(c, x)? else { return Ok(vec![x.like(f(x.e, vec![]))]) };
    let y = f(x.e, axes.clone());
    if c.int("keepdims", 1) == 0 {
        return Ok(vec![x.like(y)]);
    }
    let mut shape = x.sizes();
    axes.into_iter().for_each(|a| shape[a] = 1);
    Ok(vec![x.like(y.reshape(shape.as_slice()))])
}

fn extreme<'g>(c: &Call<'_, 'g>, kind: Reduce) -> Out<'g> {
    let x = c.x(0)?;
    if x.ty != Ty::Bool {
        return reduced(c, |x, a| x.reduce(kind, a));
    }
    // As floats, which have a smallest and a largest number for nothing.
    reduced(c, |x, a| x.cast(F32).reduce(kind, a).gt(0.0))
}

fn place<'g>(c: &Call<'_, 'g>, largest: bool) -> Out<'g> {
    let x = c.x(0)?;
    let axis = c.axis(0, x.rank())?;
    let last = c.int("select_last_index", 0) == 1;
    let from = if last { x.e.flip([axis as isize]) } else { x.e };
    let found = if largest { from.argmax(axis as isize) } else { from.argmin(axis as isize) };
    let found = if last { -found + (x.sizes()[axis] as f64 - 1.0) } else { found };
    let found = if c.int("keepdims", 1) == 1 { found.unsqueeze(axis) } else { found };
    Ok(vec![V::T(X::new(found, Ty::Int(64, true)))])
}

fn softmax<'g>(c: &Call<'_, 'g>, f: impl FnOnce(Expr<'g>, isize) -> Expr<'g>) -> Out<'g> {
    let x = c.x(0)?;
    if c.opset >= 13 {
        return Ok(vec![x.like(f(x.e, c.int("axis", -1) as isize))]);
    }
    // Before, everything from the axis on was one row.
    let shape = x.sizes();
    let (a, b) = shape.split_at(c.axis(1, shape.len())?);
    let flat = x.e.reshape([a.iter().product::<usize>(), b.iter().product()]);
    Ok(vec![x.like(f(flat, 1).reshape(shape.as_slice()))])
}
