//! Stabilization of softmax probabilities: the probability of a label is a logistic function, whose
//! complement and derivative keep their digits where the label is nearly sure.

use super::Known;
use super::Rule;
use super::exponential::{is_exp, pair, reduction};
use super::rows::code_rows;
use super::softmax::{label_of, log_softmax_of, picked_by_one_hot};
use super::structure::args;
use crate::graph::Expr;
use crate::ops::{Binary, Op, Reduce};
use crate::stable;

/// The table.
pub(super) static RULES: &[Rule] = code_rows! { Stabilize
//  name                        at              instance                            result
    "softmax-at-label"          at ["gather"] : "pick(softmax[r](x), y)"         => "sigmoid(-log_odds(x, y))"     by at_label;
    "one-hot-sum-of-softmax"    at ["sum"]    : "sum[r](y * softmax[r](x))"      => "pick(softmax[r](x), argmax(y))" by one_hot_sum;
    "power-over-sum"            at ["div"]    : "exp(y) / sum[r](exp(x))"        => "exp(y - logsumexp[r](x))"     by power_over_sum;
};

/// `x` of `softmax(x)` along the last axis, perhaps less the same for every element of a row.
pub(super) fn softmax_of(expr: Expr<'_>) -> Option<Expr<'_>> {
    if is_exp(expr) {
        let (sign, x) = log_softmax_of(args(expr).next()?)?;
        return (sign == 1.0).then_some(x);
    }
    let (power, wide) = pair(expr).filter(|_| expr.node().op == Op::Binary(Binary::Div))?;
    let last = expr.shape().rank().checked_sub(1)?;
    let total = args(wide).next().filter(|_| repeats_along(wide, last))?;
    // The library divides by 1 where the sum is 0.
    let guarded = total.node().op == Op::Select && args(total).nth(1)?.as_constant() == Some(1.0);
    let total = if guarded { args(total).nth(2)? } else { total };
    let (inner, axes) = reduction(total, Reduce::Sum)?;
    let s = args(power).next().filter(|_| is_exp(power) && inner == power && axes == [last])?;
    let shifted =
        pair(s).filter(|(_, by)| s.node().op == Op::Binary(Binary::Sub) && repeats_along(*by, last));
    Some(shifted.map_or(s, |(x, _)| x))
}

/// True for a value that is the same along the axis.
fn repeats_along(expr: Expr<'_>, axis: usize) -> bool {
    matches!(&expr.node().op, Op::Broadcast(kept) if !kept.contains(&axis))
}

/// The probability of a row's label.
fn at_label<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let weights = args(expr).next()?;
    let x = softmax_of(weights)?;
    let labels = label_of(expr, weights, &[weights.shape().rank() - 1])?;
    Some((-stable::log_odds_against(x, labels)).sigmoid())
}

/// One-hot rows pick from rows of probabilities.
fn one_hot_sum<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    picked_by_one_hot(expr, facts, |rows| softmax_of(rows).is_some())
}

/// One exponential by a sum of others, each of which may overflow.
fn power_over_sum<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let (power, total) = pair(expr).filter(|(power, _)| is_exp(*power))?;
    let (inner, axes) = reduction(total, Reduce::Sum)?;
    let x = args(inner).next().filter(|x| is_exp(inner) && facts.of(*x).high > 0.0)?;
    Some((args(power).next()? - stable::logsumexp(x, axes)).exp())
}
