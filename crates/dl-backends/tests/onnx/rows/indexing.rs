//! Indices, scatter, sorting, running sums and products.

use dl_core::ops::{Cumulative, Order, Prefix, Scatter};
use dl_core::{Expr, I64};

use crate::call::{Call, Out, V, X, axis_of, sizes};
use crate::types::Ty;

pub(super) fn apply<'g>(c: &Call<'_, 'g>) -> Option<Out<'g>> {
    Some(match c.op {
        "Gather" => (|| {
            let x = c.x(0)?;
            let axis = c.axis(0, x.rank())?;
            Ok(vec![x.like(x.e.gather(axis, places(c.x(1)?.e, x.sizes()[axis])))])
        })(),
        "GatherElements" => (|| {
            let (x, i) = (c.x(0)?, c.x(1)?);
            let axis = c.axis(0, x.rank())?;
            let from = covered(x.e, &i.sizes(), axis);
            Ok(vec![x.like(from.take_along_axis(axis as isize, places(i.e, x.sizes()[axis])))])
        })(),
        "GatherND" => (|| {
            let (x, i) = (c.x(0)?, c.x(1)?);
            let batch = c.int("batch_dims", 0) as usize;
            let mut each = batches(c, &i.sizes()[..batch], i.rank() - 1);
            each.extend(components(i.e, &x.sizes()[batch..]));
            Ok(vec![x.like(x.e.index(&each))])
        })(),
        "ScatterElements" | "Scatter" => scatter_elements(c),
        "ScatterND" => (|| {
            let (x, i, updates) = (c.x(0)?, c.x(1)?, c.x(2)?);
            let each = components(i.e, &x.sizes());
            let kind = reduction(c)?;
            Ok(vec![x.like(match kind {
                Some(kind) => x.e.index_put(kind, &each, updates.e),
                None => multiplied(x.e, &each, updates.e)?,
            })])
        })(),
        "TensorScatter" => (|| {
            let (x, update) = (c.x(0)?, c.x(1)?);
            let axis = axis_of(c.int("axis", -2), x.rank())?;
            let (own, new) = (x.sizes(), update.sizes());
            let first = match c.optional(2)? {
                Some(first) => first.e,
                None => c.g.full(I64, [own[0]], 0.0),
            };
            let at = |a: usize| c.g.iota(I64, a, new.as_slice());
            let mut column = vec![1; own.len()];
            column[0] = own[0];
            let moved = at(axis) + first.reshape(column.as_slice());
            let size = own[axis] as f64;
            let moved = if c.text("mode", "linear") == "circular" {
                moved.ge(size).select(moved - size, moved)
            } else {
                moved
            };
            Ok(vec![x.like(x.e.scatter_along_axis(Scatter::Set, axis as isize, moved, update.e))])
        })(),
        "CumSum" | "CumProd" => (|| {
            let (x, axis) = (c.x(0)?, c.ints(1)?.ok_or("an axis is needed")?[0]);
            let kind = if c.op == "CumSum" { Cumulative::Sum } else { Cumulative::Prod };
            let prefix = Prefix { reverse: c.int("reverse", 0) == 1, exclusive: c.int("exclusive", 0) == 1 };
            Ok(vec![x.like(x.e.cumulative(kind, axis as isize, prefix))])
        })(),
        "TopK" => (|| {
            let (x, k) = (c.x(0)?, c.ints_or("k", 1)?.map_or(c.int("k", 1), |k| k[0]));
            let order = if c.int("largest", 1) == 1 { Order::Descending } else { Order::Ascending };
            let (values, indices) = x.e.top_k(k as usize, c.int("axis", -1) as isize, order);
            Ok(vec![x.like(values), V::T(X::new(indices, Ty::Int(64, true)))])
        })(),
        "ReverseSequence" => (|| {
            let (x, lengths) = (c.x(0)?, c.x(1)?);
            let (time, batch) = (c.int("time_axis", 0) as usize, c.int("batch_axis", 1) as usize);
            let shape = x.sizes();
            let t = c.g.iota(I64, time, shape.as_slice());
            let mut column = vec![1; shape.len()];
            column[batch] = shape[batch];
            let n = lengths.e.reshape(column.as_slice()).broadcast_to(&shape.as_slice().into());
            Ok(vec![x.like(x.e.take_along_axis(time as isize, t.lt(n).select(n - t - 1.0, t)))])
        })(),
        "ai.onnx.ml.ArrayFeatureExtractor" => (|| {
            let (x, i) = (c.x(0)?, c.x(1)?);
            let picked = x.e.gather(x.rank() - 1, i.e.reshape([i.sizes().iter().product::<usize>()]));
            Ok(vec![x.like(picked)])
        })(),
        _ => return None,
    })
}

/// Negative indices count from the end.
pub(super) fn places<'g>(i: Expr<'g>, size: usize) -> Expr<'g> {
    i.lt(0.0).select(i + size as f64, i)
}

/// As far as indices go along the other axes.
fn covered<'g>(x: Expr<'g>, by: &[usize], axis: usize) -> Expr<'g> {
    (0..by.len()).filter(|a| *a != axis).fold(x, |x, a| x.slice(a, 0, by[a]))
}

/// Arrays of indices, one for each axis, out of the last axis of one array.
fn components<'g>(i: Expr<'g>, of: &[usize]) -> Vec<Expr<'g>> {
    let shape = sizes(i);
    let (last, rest) = shape.split_last().expect("indices have an axis for their components");
    (0..*last).map(|k| places(i.slice(rest.len(), k, k + 1).reshape(rest), of[k])).collect()
}

/// The own index along leading axes, for arrays of `rank` axes.
fn batches<'g>(c: &Call<'_, 'g>, batch: &[usize], rank: usize) -> Vec<Expr<'g>> {
    let own = |a: usize| {
        let mut shape = vec![1; rank];
        shape[a] = batch[a];
        c.g.iota(I64, a, shape.as_slice())
    };
    (0..batch.len()).map(own).collect()
}

/// The kind of a scatter; none for products.
fn reduction(c: &Call<'_, '_>) -> Result<Option<Scatter>, String> {
    Ok(match c.text("reduction", "none").as_str() {
        "none" => Some(Scatter::Set),
        "add" => Some(Scatter::Add),
        "max" => Some(Scatter::Max),
        "min" => Some(Scatter::Min),
        "mul" => None,
        other => return Err(format!("scatter by {other}")),
    })
}

fn scatter_elements<'g>(c: &Call<'_, 'g>) -> Out<'g> {
    let (x, i, updates) = (c.x(0)?, c.x(1)?, c.x(2)?);
    let axis = c.axis(0, x.rank())?;
    let Some(kind) = reduction(c)? else { return Err("scatter by products".into()) };
    let i = places(i.e, x.sizes()[axis]);
    let (shape, mut each) = (sizes(i), vec![]);
    for a in 0..shape.len() {
        each.push(if a == axis { i } else { c.g.iota(I64, a, shape.as_slice()) });
    }
    Ok(vec![x.like(x.e.index_put(kind, &each, updates.e))])
}

/// Updates that multiply: by magnitude through logarithms, and by sign.
fn multiplied<'g>(x: Expr<'g>, each: &[Expr<'g>], updates: Expr<'g>) -> Result<Expr<'g>, String> {
    let zero = x.graph().full(x.dtype(), sizes(x).as_slice(), 0.0);
    let logs = zero.index_put(Scatter::Add, each, updates.abs().log());
    let odd = zero.index_put(Scatter::Add, each, updates.lt(0.0).cast(x.dtype()));
    let negative = (odd * 0.5).floor().ne(odd * 0.5);
    Ok(x * logs.exp() * negative.select(zero - 1.0, zero + 1.0))
}
