//! Exponents of forms: what cancels in them, what keeps them in range, and which of them rules have made.

use super::algebra::Linear;
use super::structure::args;
use crate::dtype::DType;
use crate::graph::Expr;
use crate::ops::{Binary, Op, Unary};
use crate::stable;

/// `x - y` without what both have in common.
pub(super) fn difference<'g>(x: Expr<'g>, y: Expr<'g>) -> Expr<'g> {
    let parts = |e: Expr<'g>, op: Binary| {
        let mut both = args(e);
        (e.node().op == Op::Binary(op)).then(|| (both.next(), both.next()))
    };
    for op in [Binary::Mul, Binary::Div] {
        if let (Some((Some(a), Some(b))), Some((Some(c), Some(d)))) = (parts(x, op), parts(y, op)) {
            return match () {
                () if op == Binary::Div && b == d => difference(a, c) / b,
                () if op == Binary::Mul && a == c => a * difference(b, d),
                () if op == Binary::Mul && b == d => difference(a, c) * b,
                () if op == Binary::Mul && a == d => a * difference(b, c),
                () if op == Binary::Mul && b == c => difference(a, d) * b,
                () => x - y,
            };
        }
    }
    Linear::of(x).plus(-1.0, &Linear::of(y)).build(x)
}

/// What stands for a value on one side of a condition only: rules that made it leave it alone.
pub(super) fn is_masked(e: Expr<'_>) -> bool {
    match e.node().op {
        Op::Select => args(e).skip(1).any(|branch| branch.as_constant().is_some()),
        Op::Unary(Unary::Neg) => args(e).any(is_masked),
        Op::Binary(Binary::Mul) => args(e).any(|x| x.as_constant().is_none() && is_masked(x)),
        _ => false,
    }
}

pub(super) fn single(e: Expr<'_>) -> Linear<'_> {
    Linear { terms: vec![(e, 1.0)], constant: 0.0 }
}

/// Below this `log(1 + eᵘ)` is `eᵘ`.
pub(super) fn vanishing(dtype: DType) -> f64 {
    if dtype == DType::F32 { -17.0 } else { -37.0 }
}

/// An exponent whose exponential is nearly as large as the type allows.
pub(super) fn cap(dtype: DType) -> f64 {
    if dtype == DType::F32 { 88.0 } else { 709.0 }
}

/// The exponential as a part of a shifted sum, into which no rule looks.
pub(super) fn capped(exponent: Expr<'_>) -> Expr<'_> {
    let most = if exponent.dtype() == DType::F32 { f64::from(f32::MAX) } else { f64::MAX };
    exponent.minimum(cap(exponent.dtype())).exp().minimum(most)
}

/// What shifted sums and their derivatives are made of themselves.
pub(super) fn is_cap(x: Expr<'_>) -> bool {
    has_cap(x, 6)
}

fn has_cap(x: Expr<'_>, depth: usize) -> bool {
    let Some(deeper) = depth.checked_sub(1) else { return false };
    match &x.node().op {
        Op::Binary(Binary::Min) if args(x).any(|e| e.as_constant() == Some(cap(x.dtype()))) => true,
        Op::Binary(Binary::Add | Binary::Sub | Binary::Mul) | Op::Unary(Unary::Neg) => {
            args(x).any(|e| has_cap(e, deeper))
        }
        _ => false,
    }
}

/// The same without the axes, for what repeats along them.
pub(super) fn narrow<'g>(e: Expr<'g>, axes: &[usize]) -> Option<Expr<'g>> {
    let node = e.node();
    let Op::Broadcast(kept) = &node.op else { return None };
    if kept.iter().any(|k| axes.contains(k)) {
        return None;
    }
    let place = |k: &usize| k - axes.iter().filter(|a| *a < k).count();
    let kept: Vec<usize> = kept.iter().map(place).collect();
    args(e).next().map(|x| x.broadcast_along(&kept, &node.shape.without(axes)))
}

/// `k·x - k·log Σ exp(x)` as `k·log_softmax(x)`; what is left goes into one such sum, if there is one.
pub(super) fn tidy<'g>(log: &Linear<'g>) -> Linear<'g> {
    let mut log = log.clone();
    while let Some((i, j, softmax)) = pairs(&log) {
        let k = log.terms[i].1;
        log =
            log.plus(-k, &single(log.terms[i].0)).plus(k, &single(log.terms[j].0)).plus(k, &single(softmax));
    }
    log
}

/// The places of `x` with a factor and of `log Σ exp(x)` with the opposite one, and `log_softmax(x)`.
fn pairs<'g>(log: &Linear<'g>) -> Option<(usize, usize, Expr<'g>)> {
    let places = 0..log.terms.len();
    places.clone().find_map(|i| {
        places.clone().find_map(|j| {
            let ((x, k), (sum, l)) = (log.terms[i], log.terms[j]);
            let (inner, kept) = match &sum.node().op {
                Op::Broadcast(kept) => (args(sum).next()?, Some(kept.clone())),
                _ => (sum, None),
            };
            let Op::LogSumExp(axes) = &inner.node().op else { return None };
            let rest: Vec<usize> = (0..x.shape().rank()).filter(|a| !axes.contains(a)).collect();
            let fits = k == -l && args(inner).next()? == x && kept? == rest;
            fits.then(|| (i, j, stable::log_softmax(x, axes.clone())))
        })
    })
}
