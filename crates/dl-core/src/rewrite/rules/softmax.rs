//! Stabilization of softmax and its logarithm, whoever wrote them, and of what labels pick from them.

use super::Known;
use super::Rule;
use super::exponential::{is_exp, pair, reduction};
use super::rows::code_rows;
use super::structure::args;
use super::sums::shifted_by_hand;
use crate::graph::Expr;
use crate::ops::{Binary, Op, Reduce, Scatter};
use crate::stable;

/// The table.
pub(super) static RULES: &[Rule] = code_rows! { Stabilize
//  name                          at                  instance                                result
    "softmax"                     at ["div", "mul"] : "exp(x) / bc[r](sum[r](exp(x)))"     => "softmax[r](x)"                     by softmax;
    "power-over-sum"              at ["div"]        : "exp(y) / sum[r](exp(x))"            => "exp(y - logsumexp[r](x))"          by power_over_sum;
    "log-softmax"                 at ["sub"]        : "x - bc[r](logsumexp[r](x))"         => "log_softmax[r](x)"                 by log_softmax;
    "log-softmax-of-shifted"      at ["log_softmax"] : "log_softmax[r](x - bc[r](max[r](x)))" => "log_softmax[r](x)"              by log_softmax_of_shifted;
    "log-sum-exp-of-shifted"      at ["add"]        : "logsumexp[r](x - bc[r](max[r](x))) + max[r](x)" => "logsumexp[r](x)"      by log_sum_exp_of_shifted;
    "softmax-at-label"            at ["gather"]     : "pick(softmax[r](x), y)"             => "exp(pick(log_softmax[r](x), y))"   by softmax_at_label;
    "one-hot-sum-of-log-softmax"  at ["sum"]        : "sum[r](y * log_softmax[r](x))"      => "pick(log_softmax[r](x), argmax(y))" by one_hot_sum_of_logs;
    "one-hot-sum-of-softmax"      at ["sum"]        : "sum[r](y * softmax[r](x))"          => "pick(softmax[r](x), argmax(y))"    by one_hot_sum_of_weights;
};

/// `x` and the axes of `log Σ exp(x)`.
pub(super) fn log_sum_exp_of(expr: Expr<'_>) -> Option<(Expr<'_>, Vec<usize>)> {
    match &expr.node().op {
        Op::LogSumExp(axes) => Some((args(expr).next()?, axes.clone())),
        _ => None,
    }
}

/// `x` and the axes of `log softmax(x)`.
pub(super) fn log_softmax_of(expr: Expr<'_>) -> Option<(Expr<'_>, Vec<usize>)> {
    match &expr.node().op {
        Op::LogSoftmax(axes) => Some((args(expr).next()?, axes.clone())),
        _ => None,
    }
}

/// `x` and the axes of `softmax(x)`.
pub(super) fn softmax_of(expr: Expr<'_>) -> Option<(Expr<'_>, Vec<usize>)> {
    log_softmax_of(args(expr).next().filter(|_| is_exp(expr))?)
}

/// Weights that sum to one, as they are written in a textbook.
fn softmax<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (a, b) = pair(expr)?;
    let (power, wide) = if is_exp(a) { (a, b) } else { (b, a) };
    let Op::Broadcast(kept) = wide.node().op.clone() else { return None };
    let mut total = args(wide).next()?;
    if expr.node().op == Op::Binary(Binary::Mul) {
        let (one, divisor) = pair(total).filter(|_| total.node().op == Op::Binary(Binary::Div))?;
        total = divisor;
        if one.as_constant() != Some(1.0) {
            return None;
        }
    } else if power != a {
        return None;
    }
    let (inner, axes) = reduction(total, Reduce::Sum)?;
    let fits = is_exp(power) && inner == power && kept == without(power.shape().rank(), &axes);
    fits.then(|| args(power).next().map(|x| stable::softmax(x, axes)))?
}

/// One exponential by a sum of others, each of which may overflow.
fn power_over_sum<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let (power, total) = pair(expr).filter(|(power, _)| is_exp(*power))?;
    let (inner, axes) = reduction(total, Reduce::Sum)?;
    let x = args(inner).next().filter(|x| is_exp(inner) && facts.of(*x).high > 0.0)?;
    Some((args(power).next()? - stable::logsumexp(x, axes)).exp())
}

/// An element of `x` less the logarithm of the sum, or the other way round.
fn log_softmax<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let (a, b) = pair(expr)?;
    element(a, b, facts).or_else(|| element(b, a, facts).map(|e| -e))
}

/// Elements of `x`, what is picked from them or an average of them, less `log Σ exp(x)` of the same rows.
fn element<'g>(e: Expr<'g>, place: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let rank = place.shape().rank();
    let (log, kept) = match &place.node().op {
        Op::Broadcast(kept) => (args(place).next()?, kept.clone()),
        _ => (place, (0..rank).collect()),
    };
    let (x, axes) = log_sum_exp_of(log)?;
    let logs = || stable::log_softmax(x, axes.clone());
    if e == x {
        return (kept == without(rank, &axes)).then(logs);
    }
    let node = e.node();
    match &node.op {
        Op::Gather { axis, batch } if args(e).next()? == x && axes == [*axis] => {
            let indices = args(e).nth(1)?;
            let picked: Vec<usize> = (*axis..axis + indices.shape().rank() - batch).collect();
            (kept == without(rank, &picked)).then(|| logs().apply(node.op.clone(), &[indices]))
        }
        Op::Reduce { kind: Reduce::Sum, axes: summed } if *summed == axes && rank == log.shape().rank() => {
            let product = args(e).next().filter(|p| p.node().op == Op::Binary(Binary::Mul))?;
            let (a, b) = pair(product).filter(|(a, b)| *a == x || *b == x)?;
            let weight = if a == x { b } else { a };
            let averages = facts.of(weight).distribution && axes == [x.shape().rank() - 1];
            averages.then(|| (weight * logs()).sum(axes.clone()))
        }
        _ => None,
    }
}

/// The axes of an array of that rank that are not among `axes`.
fn without(rank: usize, axes: &[usize]) -> Vec<usize> {
    (0..rank).filter(|a| !axes.contains(a)).collect()
}

/// What every element of a row is less does not count.
fn log_softmax_of_shifted<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (shifted, axes) = log_softmax_of(expr)?;
    let (x, _) = pair(shifted).filter(|_| shifted_by_hand(shifted, &axes))?;
    Some(stable::log_softmax(x, axes))
}

/// The maximum was taken off by hand and is put back.
fn log_sum_exp_of_shifted<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (a, b) = pair(expr)?;
    let whole = |log: Expr<'g>, max: Expr<'g>| {
        let (shifted, axes) = log_sum_exp_of(log)?;
        let (x, _) = pair(shifted).filter(|_| shifted_by_hand(shifted, &axes))?;
        let max = if max.node().op == Op::StopGradient { args(max).next()? } else { max };
        (reduction(max, Reduce::Max)? == (x, axes.clone())).then(|| stable::logsumexp(x, axes))
    };
    whole(a, b).or_else(|| whole(b, a))
}

/// The probability of a row's label.
fn softmax_at_label<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let weights = args(expr).next()?;
    softmax_of(weights)?;
    let logs = args(weights).next()?;
    Some(logs.apply(expr.node().op.clone(), &[args(expr).nth(1)?]).exp())
}

/// One-hot rows pick from rows of log-softmax.
fn one_hot_sum_of_logs<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    picked_by_one_hot(expr, facts, log_softmax_of)
}

/// One-hot rows pick from rows of probabilities.
fn one_hot_sum_of_weights<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    picked_by_one_hot(expr, facts, softmax_of)
}

/// What one-hot rows pick from such rows, summed along the last axis and perhaps others.
fn picked_by_one_hot<'g>(
    expr: Expr<'g>,
    facts: &Known<'g>,
    of: impl Fn(Expr<'g>) -> Option<(Expr<'g>, Vec<usize>)>,
) -> Option<Expr<'g>> {
    let (product, axes) = reduction(expr, Reduce::Sum)?;
    let (a, b) = pair(product).filter(|_| product.node().op == Op::Binary(Binary::Mul))?;
    let last = product.shape().rank() - 1;
    let fits = |rows: Expr<'g>| of(rows).is_some_and(|(_, along)| along == [last]);
    let (hot, rows) = if fits(b) { (a, b) } else { (b, a) };
    let known = facts.of(hot);
    if !(fits(rows) && known.binary && known.distribution && axes.contains(&last)) {
        return None;
    }
    let picked = rows.pick(labels_of(hot));
    let others: Vec<usize> = axes.into_iter().filter(|a| *a != last).collect();
    Some(if others.is_empty() { picked } else { picked.sum(others) })
}

/// Where the ones of one-hot rows are.
pub(super) fn labels_of(hot: Expr<'_>) -> Expr<'_> {
    let last = hot.shape().rank() - 1;
    match &hot.node().op {
        Op::Scatter { kind: Scatter::Add, axis, batch } if *axis == last && *batch == last => {
            args(hot).next()
        }
        _ => None,
    }
    .unwrap_or_else(|| hot.argmax(last as isize))
}
