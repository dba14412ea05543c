//! Stabilization of quotients and products of what may overflow and underflow at once.

use super::Known;
use super::Rule;
use super::algebra::Linear;
use super::exponential::{is_exp, pair, reduction};
use super::forms::{Form, difference};
use super::rows::code_rows;
use super::softmax::softmax_of;
use super::structure::args;
use crate::graph::Expr;
use crate::ops::{Binary, Op, Reduce, Unary};

/// The table.
pub(super) static RULES: &[Rule] = code_rows! { Stabilize
//  name                        at          instance                                          result
    "sum-over-form"             at ["div"] : "sum[r](x * exp(y)) / sum[r](exp(y))"       => "sum[r](x * softmax[r](y))"      by sum_over_form;
    "quotient-of-forms"         at ["div"] : "x * exp(y) / (expm1(y) * expm1(y))"         => "x / (d * d) * exp(y - 2 * relu(y)) with d = expm1(y) / exp(relu(y))" by quotient;
    "product-of-forms"          at ["mul"] : "exp(x) * sigmoid(y)"                       => "exp(x - softplus(-y))"          by product;
    "difference-of-two-logistics" at ["sub"] : "sigmoid(x) - sigmoid(y)"                 => "d * sigmoid(max(x, y)) * sigmoid(-min(x, y))" by logistics;
};

/// A sum along axes over what has a logarithm: each term over it, by exponents.
fn sum_over_form<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let (above, below) = pair(expr)?;
    let (inner, axes) = reduction(above, Reduce::Sum)?;
    let term = Form::of(inner, facts).filter(Form::gains)?;
    let divisor = Form::of(below, facts).filter(|f| f.gains() && f.is_positive(facts))?;
    let kept: Vec<usize> = (0..inner.shape().rank()).filter(|a| !axes.contains(a)).collect();
    let wide = |e: Expr<'g>| e.broadcast_along(&kept, &inner.shape());
    let mut log = divisor.size();
    log.terms.iter_mut().for_each(|(e, _)| *e = wide(*e));
    let share = Form { log: term.log.plus(-1.0, &log), ..term };
    Some(share.build()?.sum(axes))
}

/// A quotient of which both parts may leave the range, by what their exponents have in common.
fn quotient<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let (above, below) = pair(expr)?;
    let (x, y) = (Form::of(above, facts)?, Form::of(below, facts)?);
    let varies = !(x.weights.is_empty() && x.log.terms.is_empty());
    let common = (y.up && varies) || (x.down && y.down);
    if !common || is_exp(below) || !(is_plain(&x) && is_plain(&y)) {
        return None;
    }
    x.times(&y, -1.0)?.build().filter(|new| *new != expr)
}

/// A product of which one part may overflow and the other underflow.
fn product<'g>(expr: Expr<'g>, facts: &Known<'g>) -> Option<Expr<'g>> {
    let (a, b) = pair(expr).filter(|(a, b)| a != b)?;
    let (x, y) = (Form::of(a, facts)?, Form::of(b, facts)?);
    let opposite = (x.up && y.down) || (x.down && y.up);
    if !opposite || (is_exp(a) && is_exp(b)) || !(is_plain(&x) && is_plain(&y)) {
        return None;
    }
    // Shares of a row are computed by themselves.
    if has_softmax(a, 6) || has_softmax(b, 6) {
        return None;
    }
    x.times(&y, 1.0)?.build().filter(|new| *new != expr)
}

/// `σ(x) - σ(y)`, all of whose factors keep their digits.
fn logistics<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (a, b) = pair(expr)?;
    let inner = |e: Expr<'g>| args(e).next().filter(|_| e.node().op == Op::Unary(Unary::Sigmoid));
    let (x, y) = (inner(a)?, inner(b)?);
    let opposite = Linear::of(x).plus(1.0, &Linear::of(y)).is_zero();
    if opposite || x.as_constant().is_some() || y.as_constant().is_some() {
        return None;
    }
    // Equal infinities have no difference; equal numbers have one, with its derivatives.
    let gap = x.eq(y).and(!x.is_finite()).select(0.0, difference(x, y));
    let above = gap.gt(0.0);
    let part = above.select(-above.select(-gap, 0.0).expm1(), above.select(0.0, gap).expm1());
    Some(part * x.maximum(y).sigmoid() * (-x.minimum(y)).sigmoid())
}

/// No constant takes part that is infinite or near the ends of the type.
fn is_plain(form: &Form<'_>) -> bool {
    (1e-15..=1e15).contains(&form.scale.abs()) && form.weights.iter().all(|(w, _)| w.as_constant().is_none())
}

fn has_softmax(e: Expr<'_>, depth: usize) -> bool {
    let Some(deeper) = depth.checked_sub(1) else { return false };
    match e.node().op {
        Op::Binary(Binary::Mul | Binary::Div) | Op::Unary(Unary::Neg) => {
            args(e).any(|x| has_softmax(x, deeper))
        }
        _ => softmax_of(e).is_some(),
    }
}
