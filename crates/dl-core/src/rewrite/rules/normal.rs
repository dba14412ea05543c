//! Stabilization of the normal distribution: its tails by `erfc`, `erfcx` and `log_ndtr`.

use std::f64::consts::{PI, SQRT_2};

use super::Known;
use super::Rule;
use super::algebra::Linear;
use super::exponential::pair;
use super::forms::{Form, is_masked, single};
use super::rows::code_rows;
use super::structure::args;
use crate::graph::Expr;
use crate::ops::{Binary, Op, Unary};
use crate::rewrite::constants;

/// The table.
pub(super) static RULES: &[Rule] = code_rows! { Stabilize
//  name                     at                  instance                                     result
    "log-of-tail"            at ["log"]        : "log(0.5 * erfc(x))"                      => "log_ndtr(-sqrt(2) * x)"  by log_of_tail;
    "tail-over-density"      at ["div", "mul"] : "erfc(x) / exp(-x * x)"                   => "erfcx(x)"                         by tail_over_density;
    "expected-improvement"   at ["add", "sub"] : "exp(-x * x) / sqrt(pi) - x * erfc(x)"    => "select(x > 0, exp(-x * x) * ierfcx(1, x), ...)" by improvement;
    "log-of-improvement"     at ["log"]        : "log(select(y, exp(x) * ierfcx(1, z), w))" => "select(y, x + log(ierfcx(1, z)), log(w))" by log_of_improvement;
    "difference-of-tails"    at ["sub"]        : "erfc(x) - erfc(y)"                       => "select(x + y < 0, erfc(-y) - erfc(-x), erfc(x) - erfc(y))" by tails;
};

fn inner(e: Expr<'_>, op: Unary) -> Option<Expr<'_>> {
    args(e).next().filter(|_| e.node().op == Op::Unary(op))
}

/// A constant and what it scales.
fn split(e: Expr<'_>) -> (f64, Expr<'_>) {
    match (&e.node().op, pair(e)) {
        (Op::Binary(Binary::Mul), Some((a, b))) => match (a.as_constant(), b.as_constant()) {
            (Some(k), None) => (k, b),
            (None, Some(k)) => (k, a),
            _ => (1.0, e),
        },
        (Op::Binary(Binary::Div), Some((a, b))) => match b.as_constant() {
            Some(k) if k != 0.0 => (1.0 / k, a),
            _ => (1.0, e),
        },
        _ => (1.0, e),
    }
}

/// `k·u`, with factors that are 1 but for their rounding as 1.
fn times<'g>(k: f64, u: Expr<'g>) -> Expr<'g> {
    let mut linear = Linear::constant(0.0).plus(k, &Linear::of(u));
    for (_, factor) in &mut linear.terms {
        if constants::close(u.dtype(), factor.abs(), 1.0) {
            *factor = factor.signum();
        }
    }
    linear.build(u)
}

/// `log(k·erfc(u))`, which for `k = 1/2` is near 0 where `u` is far below zero.
fn log_of_tail<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (k, tail) = split(args(expr).next()?);
    let u = inner(tail, Unary::Erfc).filter(|u| k > 0.0 && !is_masked(*u))?;
    if constants::close(expr.dtype(), 2.0 * k, 1.0) {
        return Some(times(-SQRT_2, u).log_ndtr());
    }
    let above = u.gt(0.5);
    let log = times(-SQRT_2, above.select(u, 1.0)).log_ndtr() + constants::log(expr.dtype(), 2.0 * k);
    Some(above.select(log, (k * above.select(0.0, u).erfc()).log()))
}

/// `u²` as a term of an exponent.
fn square<'g>(u: Expr<'g>) -> (Expr<'g>, f64) {
    let linear = Linear::of(u);
    match linear.terms.as_slice() {
        [(e, k)] if linear.constant == 0.0 => (*e * *e, k * k),
        _ => (u * u, 1.0),
    }
}

/// The exponent with `k·u²` more, where that cancels what is there.
fn without_square<'g>(log: &Linear<'g>, u: Expr<'g>, k: f64) -> Option<Linear<'g>> {
    let (e, j) = square(u);
    let (_, own) = log.terms.iter().find(|(own, _)| *own == e)?;
    let near = constants::close(u.dtype(), own / (-k * j), 1.0);
    near.then(|| log.plus(-own, &single(e)))
}

/// `erfc(u)` with an exponential that `e^(-u²)` cancels.
fn tail_over_density<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let form = Form::with_tails(expr, facts)?;
    let (at, u, log) = form.weights.iter().enumerate().find_map(|(i, (w, p))| {
        let u = inner(*w, Unary::Erfc).filter(|_| p.abs() == 1.0)?;
        Some((i, u, without_square(&form.log, u, -*p)?))
    })?;
    let mut weights = form.weights.clone();
    weights[at].0 = u.erfcx();
    Form { weights, log, ..form }.build()
}

/// `z·Φ(z) + φ(z)`, scaled, by the integral of the tail.
fn improvement<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let (a, b) = pair(expr).filter(|_| expr.dtype().is_float())?;
    let sign = if expr.node().op == Op::Binary(Binary::Sub) { -1.0 } else { 1.0 };
    let (x, y) = (Form::with_tails(a, facts)?, Form::with_tails(b, facts)?.scaled(sign));
    let is_tail = |f: &Form<'g>| f.weights.iter().any(|(w, p)| *p == 1.0 && inner(*w, Unary::Erfc).is_some());
    let (tail, density) = if is_tail(&x) { (x, y) } else { (y, x) };
    let at = tail.weights.iter().position(|(w, p)| *p == 1.0 && inner(*w, Unary::Erfc).is_some())?;
    let u = inner(tail.weights[at].0, Unary::Erfc)?;
    let linear = Linear::of(u);
    let [(e, c)] = linear.terms.as_slice() else { return None };
    let rest: Vec<_> = tail.weights.iter().enumerate().filter(|(i, _)| *i != at).map(|(_, w)| *w).collect();
    let exponent = without_square(&density.log, u, 1.0)?;
    if !tail.log.is_zero() || !exponent.is_zero() || linear.constant != 0.0 {
        return None;
    }
    // The tail is multiplied with e times what the density is multiplied with.
    let fits = match (rest.as_slice(), density.weights.as_slice()) {
        ([(a, 1.0)], []) => a == e,
        ([(a, 1.0)], [(b, 1.0)]) => {
            pair(*e).is_some_and(|(p, q)| e.node().op == Op::Binary(Binary::Div) && p == *a && q == *b)
                || *a == *e * *b
                || *a == *b * *e
        }
        _ => false,
    };
    let whole = density.scale * (2.0 * PI).sqrt();
    let ratio = tail.scale / (-0.5 * whole * SQRT_2 * c);
    if !fits || !constants::close(expr.dtype(), ratio, 1.0) {
        return None;
    }
    let above = u.gt(0.5);
    let far = above.select(u, 1.0);
    let factor = constants::rounded(expr.dtype(), whole / SQRT_2);
    let value = factor * ((-(far * far)).exp() * far.ierfcx(1.0));
    let value = density.weights.first().map_or(value, |(b, _)| *b * value);
    let masked = above.select(0.0, u);
    let part = above.select(0.0, rest[0].0) * masked.erfc();
    let close = tail.scale * part + density.build()?;
    Some(above.select(value, close))
}

/// Either side of what [`improvement`] makes has a logarithm.
fn log_of_improvement<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let v = args(expr).next()?;
    let arm: Vec<Expr<'g>> = args(v).collect();
    let tail = *arm.get(1).filter(|e| v.node().op == Op::Select && has_tail(**e, 4))?;
    let log = Form::of(tail, facts)?.logarithm(facts)?;
    Some(arm[0].select(log, arm[0].select(1.0, arm[2]).log()))
}

fn has_tail(e: Expr<'_>, depth: usize) -> bool {
    let Some(deeper) = depth.checked_sub(1) else { return false };
    match e.node().op {
        Op::Binary(Binary::Ierfcx) => true,
        Op::Binary(Binary::Mul) => args(e).any(|x| has_tail(x, deeper)),
        _ => false,
    }
}

/// `k·erfc(u) - k·erfc(v)` and `k·erf(v) - k·erf(u)`, by the smaller tails; near zero by `erf`.
fn tails<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (a, b) = pair(expr)?;
    let ((k, a), (j, b)) = (split(a), split(b));
    let (u, v) = match (inner(a, Unary::Erfc), inner(b, Unary::Erfc)) {
        (Some(u), Some(v)) => (u, v),
        // erf(a) - erf(b) = erfc(b) - erfc(a).
        _ => (inner(b, Unary::Erf)?, inner(a, Unary::Erf)?),
    };
    let chosen = |e: Expr<'g>| e.node().op == Op::Select || e.as_constant().is_some();
    if k != j || chosen(u) || chosen(v) {
        return None;
    }
    let small = u.abs().maximum(v.abs()).lt(0.5);
    let flipped = (u + v).lt(0.0);
    let near = small.select(v, 0.0).erf() - small.select(u, 0.0).erf();
    let far = flipped.select(-v, u).erfc() - flipped.select(-u, v).erfc();
    let value = small.select(near, far);
    Some(if k == 1.0 { value } else { k * value })
}
