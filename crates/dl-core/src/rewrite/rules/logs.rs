//! Sums in which logarithms of sums of exponentials take part: what is added goes into the exponents.

use super::Facts;
use super::Rule;
use super::algebra::{Exponentials, Linear};
use super::rows::code_rows;
use super::structure::args;
use crate::graph::Expr;
use crate::ops::{Binary, Op, Unary};

/// The table.
pub(super) static RULES: &[Rule] = code_rows! { Stabilize
//  name                            at                                 instance                              result
    "linear-and-log-of-sum"         at ["add", "sub"]                : "y + softplus(x - y)"              => "logaddexp(x, y)"   by linear_and_log;
    "difference-of-exponentials"    at ["add", "sub", "mul", "div"]  : "(exp(x) - 1) / exp(x)"            => "-expm1(-x)"        by difference;
    "difference-of-logistics"       at ["sub"]                       : "sigmoid(x) - sigmoid(-x)"         => "tanh(x / 2)"       by logistics;
    "difference-of-softplus"        at ["sub"]                       : "softplus(x) - softplus(-x)"       => "x"                 by softpluses;
};

/// `r ± log Σ exp(l)` with linear `r`, as `± log Σ exp(l ± r)`, where that is simpler.
fn linear_and_log<'g>(expr: Expr<'g>, _: &Facts<'_, 'g>) -> Option<Expr<'g>> {
    if !expr.dtype().is_float() {
        return None;
    }
    let whole = Linear::of(expr);
    whole.terms.iter().filter(|(_, k)| k.abs() == 1.0).find_map(|(log, k)| {
        let (exponents, used) = exponents(*log, *k, &whole)?;
        let mut rest = used.iter().fold(whole.clone(), |rest, (e, k)| {
            rest.plus(-k, &Linear { terms: vec![(*e, 1.0)], constant: 0.0 })
        });
        let before: usize = rest.terms.len() + exponents.iter().map(|l| l.terms.len()).sum::<usize>();
        for size in exponents.iter().flat_map(|l| &l.terms).filter_map(|(e, _)| size(*e)) {
            rest = by_size(&rest, size);
        }
        let moved: Vec<Linear<'g>> = exponents
            .iter()
            .map(|l| if *k > 0.0 { l.plus(1.0, &rest) } else { l.plus(-1.0, &rest) })
            .collect();
        let moved = without_sizes(moved);
        let after: usize = moved.iter().map(|l| l.terms.len()).sum();
        if after >= before && !is_log_cosh(&moved) {
            return None;
        }
        let log = Exponentials::log_of(expr, moved);
        Some(if *k > 0.0 { log } else { -log })
    })
}

type Used<'g> = Vec<(Expr<'g>, f64)>;

/// The exponents of `log Σ exp(l)`, if `log` is (with what stands beside it) such a logarithm, and
/// the terms that it is made of.
fn exponents<'g>(log: Expr<'g>, k: f64, whole: &Linear<'g>) -> Option<(Vec<Linear<'g>>, Used<'g>)> {
    let u = args(log).next().filter(|_| log.node().op == Op::Unary(Unary::Softplus))?;
    // max(a, b) + softplus(-|a - b|), as `logaddexp` writes it.
    if let Some((a, b)) = guarded_gap(u)
        && let Some((max, _)) = whole.terms.iter().find(|(e, j)| {
            *j == k && e.node().op == Op::Binary(Binary::Max) && args(*e).collect::<Vec<_>>() == [a, b]
        })
    {
        return Some((vec![Linear::of(a), Linear::of(b)], vec![(log, k), (*max, k)]));
    }
    Some((vec![Linear::constant(0.0), Linear::of(u)], vec![(log, k)]))
}

/// `a` and `b` of `-|select(a = b, 0, a - b)|`.
fn guarded_gap(u: Expr<'_>) -> Option<(Expr<'_>, Expr<'_>)> {
    let size = args(u).next().filter(|_| u.node().op == Op::Unary(Unary::Neg))?;
    let gap = args(size).next().filter(|_| size.node().op == Op::Unary(Unary::Abs))?;
    let equal = args(gap).next().filter(|_| gap.node().op == Op::Select)?;
    let both = (args(equal).next()?, args(equal).nth(1)?);
    (equal.node().op == Op::Binary(Binary::Eq)).then_some(both)
}

/// `v` of `|v|`.
fn size(e: Expr<'_>) -> Option<(Expr<'_>, Expr<'_>)> {
    let v = args(e).next().filter(|_| e.node().op == Op::Unary(Unary::Abs))?;
    Some((e, v))
}

/// `relu(v)`, `max(a, b)` and `min(a, b)` by `|v|` and `|a - b|`, where that size is spoken of.
fn by_size<'g>(rest: &Linear<'g>, (size, v): (Expr<'g>, Expr<'g>)) -> Linear<'g> {
    let v = Linear::of(v);
    let same = |gap: &Linear<'g>| gap.plus(-1.0, &v).is_zero() || gap.plus(1.0, &v).is_zero();
    let half = |e: Linear<'g>, by: f64| e.plus(by, &Linear { terms: vec![(size, 1.0)], constant: 0.0 });
    let zero = Linear::constant(0.0);
    rest.terms.iter().fold(Linear { terms: vec![], constant: rest.constant }, |sum, (e, k)| {
        let arg: Vec<Linear<'g>> = args(*e).map(Linear::of).collect();
        let split = match e.node().op {
            Op::Unary(Unary::Relu) if same(&arg[0]) => half(zero.plus(0.5, &arg[0]), 0.5),
            Op::Binary(op @ (Binary::Max | Binary::Min)) if same(&arg[0].plus(-1.0, &arg[1])) => {
                half(zero.plus(0.5, &arg[0]).plus(0.5, &arg[1]), if op == Binary::Max { 0.5 } else { -0.5 })
            }
            _ => Linear { terms: vec![(*e, 1.0)], constant: 0.0 },
        };
        sum.plus(*k, &split)
    })
}

/// Two exponents that differ in the sign of `|v|` are the same two with `v` for `|v|`.
fn without_sizes<'g>(moved: Vec<Linear<'g>>) -> Vec<Linear<'g>> {
    let [a, b] = moved.as_slice() else { return moved };
    let Some((e, k, v)) = a.terms.iter().find_map(|(e, k)| Some((*e, *k, size(*e)?.1))) else { return moved };
    let with = |l: &Linear<'g>, k: f64| {
        l.plus(-k, &Linear { terms: vec![(e, 1.0)], constant: 0.0 }).plus(k, &Linear::of(v))
    };
    match b.terms.iter().find(|(own, _)| *own == e) {
        Some((_, j)) if *j == -k => without_sizes(vec![with(a, k), with(b, *j)]),
        _ => moved,
    }
}

/// `log(exp(a)/2 + exp(-a)/2)`.
fn is_log_cosh(moved: &[Linear<'_>]) -> bool {
    let half = |l: &Linear<'_>| (l.constant + std::f64::consts::LN_2).abs() < 1e-14;
    match moved {
        [a, b] => half(a) && half(b) && a.plus(1.0, b).terms.is_empty(),
        _ => false,
    }
}

/// `c·exp(a) - c` and `c·exp(a) - c·exp(-a)`, however they are spelled.
fn difference<'g>(expr: Expr<'g>, _: &Facts<'_, 'g>) -> Option<Expr<'g>> {
    if !speaks_of_exp(expr, 6) {
        return None;
    }
    let form = Exponentials::of(expr)?;
    let (c, a, b) = form.difference()?;
    let (c, a, b) = if a.is_zero() { (-c, b, a) } else { (c, a, b) };
    let whole = if b.is_zero() {
        a.build(expr).expm1()
    } else if a.plus(1.0, b).is_zero() {
        a.build(expr).expm1() - b.build(expr).expm1()
    } else {
        return None;
    };
    Some(match c {
        1.0 => whole,
        -1.0 => -whole,
        _ => c * whole,
    })
}

/// True where an `exp` takes part, by itself.
fn speaks_of_exp(expr: Expr<'_>, depth: usize) -> bool {
    let Some(deeper) = depth.checked_sub(1) else { return false };
    match &expr.node().op {
        Op::Unary(Unary::Exp) => true,
        Op::Unary(Unary::Neg) | Op::Binary(Binary::Add | Binary::Sub | Binary::Mul | Binary::Div) => {
            args(expr).any(|a| speaks_of_exp(a, deeper))
        }
        _ => false,
    }
}

fn logistics<'g>(expr: Expr<'g>, _: &Facts<'_, 'g>) -> Option<Expr<'g>> {
    Some((0.5 * opposites(expr, Unary::Sigmoid)?).tanh())
}

fn softpluses<'g>(expr: Expr<'g>, _: &Facts<'_, 'g>) -> Option<Expr<'g>> {
    opposites(expr, Unary::Softplus)
}

/// `x` of `f(x) - f(-x)`.
fn opposites<'g>(expr: Expr<'g>, op: Unary) -> Option<Expr<'g>> {
    let inner = |e: Expr<'g>| args(e).next().filter(|_| e.node().op == Op::Unary(op));
    let (x, y) = (inner(args(expr).next()?)?, inner(args(expr).nth(1)?)?);
    Linear::of(x).plus(1.0, &Linear::of(y)).is_zero().then_some(x)
}
