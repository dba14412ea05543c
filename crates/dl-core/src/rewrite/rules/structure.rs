//! Canonicalization of structure: constants folded, movement merged, broadcasts lifted outwards.

use super::Known;
use super::Rule;
use super::rows::code_rows;
use crate::dim::Dim;
use crate::dtype::{DType, Scalar};
use crate::graph::Expr;
use crate::ops::{Binary, Op, Reduce};
use crate::shape::Shape;

/// The table.
pub(super) static RULES: &[Rule] = code_rows! { Canonicalize
//  name               at                                     instance                     result
    "signs-of-constants" at ["add", "sub"]                  : "x + -2"                  => "x - 2"                    by sign_of_constant;
    "fold-constants"   at ["*"]                             : "2 + 3"                   => "5"                        by fold;
    "select-constant"  at ["select"]                        : "select(true, x, y)"      => "x"                        by select_constant;
    "move-splat"       at ["broadcast", "reshape", "permute", "slice", "flip"] : "bc[r](2)" => "2"                    by move_splat;
    "merge-broadcasts" at ["broadcast"]                     : "bc[r](bc[s](x))"         => "bc[t](x)"                 by merge_broadcasts;
    "merge-reshapes"   at ["reshape"]                       : "reshape(reshape(x))"     => "reshape(x)"               by merge_reshapes;
    "merge-permutes"   at ["permute"]                       : "permute(permute(x))"     => "permute(x)"               by merge_permutes;
    "merge-reductions" at ["sum", "prod", "reduce_max", "reduce_min"] : "sum[r](sum[s](x))" => "sum[t](x)"            by merge_reductions;
    "reduce-splat"     at ["sum", "reduce_max", "reduce_min"] : "sum[r](2)"             => "2 * n"                    by reduce_splat;
    "reduce-broadcast" at ["sum", "reduce_max", "reduce_min"] : "sum[r](bc[r](x))"      => "n * x"                    by reduce_broadcast;
    "lift-broadcast"   at ["*"]                             : "exp(bc[r](x))"           => "bc[r](exp(x))"            by lift_broadcast;
    "lift-reshape"     at ["*"]                             : "exp(reshape(x))"         => "reshape(exp(x))"          by lift_reshape;
};

/// An elementwise operation on constants alone is a constant.
fn fold<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let node = expr.node();
    let constants: Vec<Scalar> = args(expr)
        .map(|a| match a.node().op {
            Op::Constant(value) => Some(value),
            _ => None,
        })
        .collect::<Option<_>>()?;
    let value = match (&node.op, constants.as_slice()) {
        (Op::Unary(op), [Scalar::Int(x)]) => Scalar::Int(op.value_i64()?(*x)),
        (Op::Unary(op), [x]) => typed(node.dtype, (op.row().value)(x.as_f64())),
        (Op::Binary(op), [Scalar::Int(x), Scalar::Int(y)]) => match op.compare(x, y) {
            Some(truth) => Scalar::Bool(truth),
            None => Scalar::Int(op.value_i64()?(*x, *y)),
        },
        (Op::Binary(op), [x, y]) => typed(node.dtype, (op.row().value)(x.as_f64(), y.as_f64())),
        (Op::Cast, [x]) if node.dtype.is_float() => typed(node.dtype, x.as_f64()),
        _ => return None,
    };
    Some(expr.graph().leaf(Op::Constant(value), node.dtype, node.shape.clone()))
}

/// Constants keep double precision whatever their type, as in the interpreter: an author's `2f64.ln()`
/// cancels that of a rule to the last bit.
fn typed(dtype: DType, value: f64) -> Scalar {
    Scalar::of(dtype, value)
}

/// Adding a negative constant is subtracting a positive one, and the other way round.
fn sign_of_constant<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (a, b) = (args(expr).next()?, args(expr).nth(1)?);
    let adds = expr.node().op == Op::Binary(Binary::Add);
    let (x, c) = if adds && a.as_constant().is_some() { (b, a) } else { (a, b) };
    let size = c.as_constant().filter(|v| *v < 0.0 && c.dtype().is_float() && x.as_constant().is_none())?;
    Some(if adds { x - -size } else { x + -size })
}

fn select_constant<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let condition = args(expr).next()?.as_constant()?;
    args(expr).nth(if condition != 0.0 { 1 } else { 2 })
}

/// A value that is the same everywhere, in another shape.
fn splat<'g>(value: Expr<'g>, shape: Shape) -> Option<Expr<'g>> {
    let node = value.node();
    matches!(node.op, Op::Constant(_) | Op::Extent(_))
        .then(|| value.graph().leaf(node.op.clone(), node.dtype, shape))
}

fn move_splat<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    splat(args(expr).next()?, expr.shape())
}

fn merge_broadcasts<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let inner = args(expr).next()?;
    match (&expr.node().op, &inner.node().op) {
        (Op::Broadcast(outer), Op::Broadcast(axes)) => {
            let axes: Vec<usize> = axes.iter().map(|a| outer[*a]).collect();
            Some(args(inner).next()?.broadcast_along(&axes, &expr.shape()))
        }
        _ => None,
    }
}

fn merge_reshapes<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let inner = args(expr).next()?;
    if inner.shape() == expr.shape() {
        return Some(inner);
    }
    matches!(inner.node().op, Op::Reshape).then(|| args(inner).next().map(|x| x.reshape(expr.shape())))?
}

fn merge_permutes<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let inner = args(expr).next()?;
    match (&expr.node().op, &inner.node().op) {
        (Op::Permute(outer), Op::Permute(first)) => {
            let both: Vec<usize> = outer.iter().map(|a| first[*a]).collect();
            Some(args(inner).next()?.permute(&both))
        }
        _ => None,
    }
}

fn merge_reductions<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let inner = args(expr).next()?;
    match (&expr.node().op, &inner.node().op) {
        (Op::Reduce { kind: outer, axes: later }, Op::Reduce { kind, axes }) if outer == kind => {
            let x = args(inner).next()?;
            let kept: Vec<usize> = (0..x.shape().rank()).filter(|a| !axes.contains(a)).collect();
            let all: Vec<usize> = axes.iter().copied().chain(later.iter().map(|a| kept[*a])).collect();
            Some(x.reduce(*kind, all))
        }
        _ => None,
    }
}

/// Dimensions that no run can make empty.
fn never_empty(dim: &Dim) -> bool {
    dim.size().is_some_and(|n| n > 0) || dim.name().is_some()
}

/// `n·x`, with the count folded into a constant where both are known.
fn times_count<'g>(x: Expr<'g>, count: Dim) -> Expr<'g> {
    if count.is_one() {
        return x;
    }
    let node = x.node();
    let n = match count.size() {
        Some(n) => x.graph().full(node.dtype, node.shape.clone(), n as f64),
        None => x.graph().leaf(Op::Extent(count), node.dtype, node.shape.clone()),
    };
    n * x
}

fn reduce_splat<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let node = expr.node();
    let Op::Reduce { kind, axes } = &node.op else { return None };
    let x = args(expr).next()?;
    let one = splat(x, node.shape.clone())?;
    let removed: Vec<Dim> = axes.iter().map(|a| x.shape()[*a].clone()).collect();
    match kind {
        Reduce::Sum => Some(times_count(one, removed.iter().fold(Dim::Size(1), |n, d| &n * d))),
        Reduce::Max | Reduce::Min => removed.iter().all(never_empty).then_some(one),
        Reduce::Prod => None,
    }
}

/// Axes that a broadcast added and the reduction removes: a factor for a sum, nothing for an extreme.
fn reduce_broadcast<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (node, wide) = (expr.node(), args(expr).next()?);
    let (Op::Reduce { kind, axes }, Op::Broadcast(kept)) = (&node.op, &wide.node().op) else { return None };
    let (own, added): (Vec<usize>, Vec<usize>) = axes.iter().partition(|a| kept.contains(a));
    let removed: Vec<Dim> = added.iter().map(|a| wide.shape()[*a].clone()).collect();
    if added.is_empty() || (*kind != Reduce::Sum && !removed.iter().all(never_empty)) {
        return None;
    }
    let inner = args(wide).next()?;
    let places: Vec<usize> = own.iter().filter_map(|a| kept.iter().position(|k| k == a)).collect();
    let reduced = inner.reduce(*kind, places);
    let left: Vec<usize> = (0..wide.shape().rank()).filter(|a| !axes.contains(a)).collect();
    let still: Vec<usize> =
        kept.iter().filter(|k| !axes.contains(k)).filter_map(|k| left.iter().position(|l| l == k)).collect();
    let factor = removed.iter().fold(Dim::Size(1), |n, d| &n * d);
    let scaled = if *kind == Reduce::Sum { times_count(reduced, factor) } else { reduced };
    Some(scaled.broadcast_along(&still, &node.shape))
}

/// An elementwise operation on values that repeat along some axis is done before they repeat.
fn lift_broadcast<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let node = expr.node();
    let mut union: Vec<usize> = vec![];
    let mut repeats = false;
    for arg in args(expr) {
        match &arg.node().op {
            Op::Constant(_) | Op::Extent(_) => {}
            Op::Broadcast(kept) => {
                repeats = true;
                union.extend(kept);
            }
            _ => return None,
        }
    }
    union.sort_unstable();
    union.dedup();
    if !repeats || union.len() == node.shape.rank() {
        return None;
    }
    let narrow: Shape = union.iter().map(|a| node.shape[*a].clone()).collect();
    let narrowed: Vec<Expr<'g>> = args(expr)
        .map(|arg| match &arg.node().op {
            Op::Broadcast(kept) => {
                let places: Vec<usize> =
                    kept.iter().filter_map(|k| union.iter().position(|u| u == k)).collect();
                args(arg).next().map(|x| x.broadcast_along(&places, &narrow))
            }
            _ => splat(arg, narrow.clone()),
        })
        .collect::<Option<_>>()?;
    Some(again(expr, &narrowed).broadcast_along(&union, &node.shape))
}

/// An elementwise operation on reshaped values is done before they are reshaped.
fn lift_reshape<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let from = args(expr).find(|a| matches!(a.node().op, Op::Reshape)).and_then(|a| args(a).next())?.shape();
    let moved: Vec<Expr<'g>> = args(expr)
        .map(|arg| match &arg.node().op {
            Op::Reshape => args(arg).next().filter(|x| x.shape() == from),
            _ => splat(arg, from.clone()),
        })
        .collect::<Option<_>>()?;
    Some(again(expr, &moved).reshape(expr.shape()))
}

/// The same elementwise operation on other arguments.
fn again<'g>(expr: Expr<'g>, args: &[Expr<'g>]) -> Expr<'g> {
    match expr.node().op {
        Op::Cast => args[0].cast(expr.dtype()),
        _ => args[0].apply(expr.node().op.clone(), &args[1..]),
    }
}

pub(super) fn args<'g>(expr: Expr<'g>) -> impl Iterator<Item = Expr<'g>> {
    let node = expr.node();
    (0..node.args.len()).map(move |i| expr.graph().expr(node.args[i]))
}
