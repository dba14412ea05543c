//! Stabilization of log-softmax in pieces: what is subtracted from a logarithm of a sum of exponentials
//! cancels its maximum, and what its gradient subtracts from a weight of nearly 1 is what the others sum up to.

use super::Known;
use super::Rule;
use super::exponential::{is_exp, pair, reduction};
use super::rows::code_rows;
use super::structure::args;
use crate::dim::Dim;
use crate::graph::Expr;
use crate::ops::{Binary, Op, Reduce, Scatter, Unary};
use crate::stable;

/// The table.
pub(super) static RULES: &[Rule] = code_rows! { Stabilize
//  name                          at                  instance                                      result
    "log-sum-exp-and-element"     at ["sub"]        : "x - bc[r](logsumexp[r](x))"               => "log_softmax[r](x)"                         by element;
    "log-softmax-at-label"        at ["gather"]     : "pick(log_softmax[r](x), y)"               => "-cross_entropy(x, y)"                        by at_label;
    "one-hot-sum-of-log-softmax"  at ["sum"]        : "sum[r](y * log_softmax[r](x))"            => "pick(log_softmax[r](x), argmax(y))"          by one_hot_sum;
    "gradient-of-log-softmax"     at ["add", "sub"] : "y - exp(x) * bc[r](z / (1 + t))"          => "((y - exp(x) * bc[r](z)) + y * bc[r](t)) / bc[r](1 + t)" by gradient;
};

/// `log Σ exp(x)` as the library writes it: `log1p(t) + max x`.
pub(super) struct LogSumExp<'g> {
    /// `x`.
    pub(super) of: Expr<'g>,
    /// `x - max x`.
    shifted: Expr<'g>,
    pub(super) axes: Vec<usize>,
    /// `log1p(t)`.
    log: Expr<'g>,
}

impl<'g> LogSumExp<'g> {
    pub(super) fn parse(expr: Expr<'g>) -> Option<Self> {
        let (a, b) = pair(expr).filter(|_| expr.node().op == Op::Binary(Binary::Add))?;
        let is_log = |e: Expr<'g>| e.node().op == Op::Unary(Unary::Log1p);
        let (log, max) = if is_log(a) { (a, b) } else { (b, a) };
        let max = if max.node().op == Op::StopGradient { args(max).next()? } else { max };
        let (of, axes) = reduction(max, Reduce::Max)?;
        let (shifted, along) = rest(args(log).next().filter(|_| is_log(log))?)?;
        let whole = args(shifted).next().filter(|_| shifted.node().op == Op::Binary(Binary::Sub))?;
        (whole == of && along == axes).then_some(LogSumExp { of, shifted, axes, log })
    }
}

/// `s` and the axes of `Σ (exp(s) - [s = 0]) + ties`.
fn rest(t: Expr<'_>) -> Option<(Expr<'_>, Vec<usize>)> {
    let (a, b) = pair(t).filter(|_| t.node().op == Op::Binary(Binary::Add))?;
    let is_relu = |e: Expr<'_>| e.node().op == Op::Unary(Unary::Relu);
    let sum = if is_relu(b) { a } else { b };
    let (difference, axes) = reduction(sum, Reduce::Sum).filter(|_| is_relu(a) || is_relu(b))?;
    let (power, largest) = pair(difference).filter(|_| difference.node().op == Op::Binary(Binary::Sub))?;
    let s = args(power).next().filter(|_| is_exp(power) && largest.node().op == Op::Select)?;
    Some((s, axes))
}

/// An element of `x` less the logarithm, or the other way round: the maximum is in both.
fn element<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let (a, b) = pair(expr)?;
    let whole = |e: Expr<'g>| match &e.node().op {
        Op::Broadcast(_) => LogSumExp::parse(args(e).next()?),
        _ => LogSumExp::parse(e),
    };
    let label = |log: &LogSumExp<'g>, e: Expr<'g>| label_of(e, log.of, &log.axes);
    if let Some(log) = whole(b) {
        return match label(&log, a) {
            Some(y) => Some(-stable::negative_log_probability(log.of, y)),
            None => Some(log.less_maximum(a, facts)? - log.like(b)?),
        };
    }
    let log = whole(a)?;
    match label(&log, b) {
        Some(y) => Some(stable::negative_log_probability(log.of, y)),
        None => Some(log.like(a)? - log.less_maximum(b, facts)?),
    }
}

/// The labels by which an element of each row of `x` is picked, the rows being along `axes`.
pub(super) fn label_of<'g>(picked: Expr<'g>, x: Expr<'g>, axes: &[usize]) -> Option<Expr<'g>> {
    let last = x.shape().rank().checked_sub(1)?;
    let fits = picked.node().op == Op::Gather { axis: last, batch: last } && axes == [last];
    let mut operands = args(picked);
    let whole = operands.next().filter(|whole| fits && *whole == x);
    whole.and(operands.next()).filter(|labels| labels.shape().rank() == last)
}

/// `x` of `log_softmax(x)` along the last axis as [`element`] and the library write it, and its sign.
pub(super) fn log_softmax_of(expr: Expr<'_>) -> Option<(f64, Expr<'_>)> {
    let (a, b) = pair(expr).filter(|_| expr.node().op == Op::Binary(Binary::Sub))?;
    let (sign, s) = match (is_rest_of(b, a), is_rest_of(a, b)) {
        (true, _) => (1.0, a),
        (_, true) => (-1.0, b),
        _ => return None,
    };
    // What was shifted by its maximum counts, not by what.
    let shifted = pair(s).filter(|_| s.node().op == Op::Binary(Binary::Sub));
    Some((sign, shifted.map_or(s, |(x, _)| x)))
}

/// `log Σ exp(s)` along the last axis, as the library writes it, and repeated along that axis.
fn is_rest_of<'g>(wide: Expr<'g>, s: Expr<'g>) -> bool {
    let log = args(wide).next().filter(|_| matches!(wide.node().op, Op::Broadcast(_)));
    let log = log.filter(|log| log.node().op == Op::Unary(Unary::Log1p));
    let found = log.and_then(|log| rest(args(log).next()?));
    found.is_some_and(|(of, axes)| of == s && axes == [s.shape().rank() - 1])
}

/// What a row of log-softmax is at its label.
fn at_label<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let rows = args(expr).next()?;
    let (sign, x) = log_softmax_of(rows)?;
    let labels = label_of(expr, rows, &[rows.shape().rank() - 1])?;
    Some(-sign * stable::negative_log_probability(x, labels))
}

/// One-hot rows pick from rows of log-softmax.
fn one_hot_sum<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    picked_by_one_hot(expr, facts, |rows| log_softmax_of(rows).is_some())
}

/// What one-hot rows pick from such rows, summed along the last axis and perhaps others.
pub(super) fn picked_by_one_hot<'g>(
    expr: Expr<'g>,
    facts: &Known<'g>,
    fits: impl Fn(Expr<'g>) -> bool,
) -> Option<Expr<'g>> {
    let (product, axes) = reduction(expr, Reduce::Sum)?;
    let (a, b) = pair(product).filter(|_| product.node().op == Op::Binary(Binary::Mul))?;
    let (hot, rows) = if fits(b) { (a, b) } else { (b, a) };
    let last = rows.shape().rank() - 1;
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

impl<'g> LogSumExp<'g> {
    /// How many are summed.
    pub(super) fn count(&self) -> Dim {
        let shape = self.of.shape();
        self.axes.iter().fold(Dim::Size(1), |n, axis| &n * &shape[*axis])
    }

    /// `log1p(t)` where `place` has `log1p(t) + max x`, perhaps repeated.
    fn like(&self, place: Expr<'g>) -> Option<Expr<'g>> {
        match &place.node().op {
            Op::Broadcast(kept) => Some(self.log.broadcast_along(kept, &place.shape())),
            _ => Some(self.log),
        }
    }

    /// `e - max x` for an element, some elements or an average of `x`.
    fn less_maximum(&self, e: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
        if e == self.of {
            return Some(self.shifted);
        }
        let node = e.node();
        match &node.op {
            Op::Gather { axis, .. } if args(e).next()? == self.of && self.axes == [*axis] => {
                Some(self.shifted.apply(node.op.clone(), &[args(e).nth(1)?]))
            }
            Op::Reduce { kind: Reduce::Sum, axes } if *axes == self.axes => {
                let (a, b) = pair(args(e).next()?)?;
                let weight = if a == self.of { b } else { a };
                let sums = facts.of(weight).distribution && self.axes == [self.of.shape().rank() - 1];
                let product =
                    (a == self.of || b == self.of) && args(e).next()?.node().op == Op::Binary(Binary::Mul);
                (product && sums).then(|| (weight * self.shifted).sum(axes.clone()))
            }
            _ => None,
        }
    }
}

/// `y - w·z/(1 + t)` where the largest `w` is 1 and `t` is what the others sum up to: for one-hot `y`
/// and a sure prediction `y - w·z` is 0 there, and `y·t` is what is left.
fn gradient<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (a, b) = pair(expr)?;
    let sign = if expr.node().op == Op::Binary(Binary::Sub) { -1.0 } else { 1.0 };
    let (y, scale, weight) = match (Probability::parse(b), Probability::parse(a)) {
        (Some(probability), _) => (a, sign, probability),
        (None, Some(probability)) => (if sign < 0.0 { -b } else { b }, 1.0, probability),
        _ => return None,
    };
    let scale = scale * weight.scale;
    let wide = |e: Expr<'g>| e.broadcast_along(&weight.kept, &expr.shape());
    let product = weight.power * wide(weight.numerator);
    let numerator = match scale {
        1.0 => y + product,
        -1.0 => y - product,
        _ => y + scale * product,
    };
    Some((numerator + y * wide(weight.rest)) / wide(1.0 + weight.rest))
}

/// `scale · exp(s) · bc(numerator / (1 + t))`.
struct Probability<'g> {
    scale: f64,
    power: Expr<'g>,
    numerator: Expr<'g>,
    rest: Expr<'g>,
    kept: Vec<usize>,
}

impl<'g> Probability<'g> {
    fn parse(expr: Expr<'g>) -> Option<Self> {
        let (scale, product) = scaled(expr);
        let (a, b) = pair(product).filter(|_| product.node().op == Op::Binary(Binary::Mul))?;
        let (power, wide) = if is_exp(a) { (a, b) } else { (b, a) };
        let Op::Broadcast(kept) = wide.node().op.clone() else { return None };
        let (inner, ratio) = scaled(args(wide).next()?);
        let (numerator, divisor) = pair(ratio).filter(|_| ratio.node().op == Op::Binary(Binary::Div))?;
        let (one, t) = pair(divisor).filter(|_| divisor.node().op == Op::Binary(Binary::Add))?;
        let t = if one.as_constant() == Some(1.0) { t } else { one };
        let (s, _) = rest(t)?;
        let fits = is_exp(power) && args(power).next() == Some(s);
        fits.then_some(Probability { scale: scale * inner, power, numerator, rest: t, kept })
    }
}

/// A constant factor and what it scales.
fn scaled(expr: Expr<'_>) -> (f64, Expr<'_>) {
    let arg: Vec<Expr<'_>> = args(expr).collect();
    match expr.node().op {
        Op::Unary(Unary::Neg) => (-1.0, arg[0]),
        Op::Binary(Binary::Mul) => match (arg[0].as_constant(), arg[1].as_constant()) {
            (Some(k), None) => (k, arg[1]),
            (None, Some(k)) => (k, arg[0]),
            _ => (1.0, expr),
        },
        _ => (1.0, expr),
    }
}
