//! Stabilization of the entropy of softmax: a sum of terms of one sign, and what cancels in its gradient.

use super::Known;
use super::Rule;
use super::exponential::{is_exp, pair, reduction};
use super::rows::code_rows;
use super::softmax::log_softmax_of;
use super::structure::args;
use crate::dtype::{DType, Scalar};
use crate::graph::Expr;
use crate::ops::{Binary, Op, Reduce, Unary};
use crate::rewrite::constants;
use crate::stable;

/// The table.
pub(super) static RULES: &[Rule] = code_rows! { Stabilize
//  name                     at                   instance                                                  result
    "entropy-of-softmax"     at ["sum"]         : "sum[r](softmax[r](x) * log_softmax[r](x))"            => "sum[r](exp(s) * s) / (1 + t) - log1p(t)"  by entropy;
    "weights-that-cancel"    at ["add", "sub"]  : "exp(x) * (bc[r](y) - z) - exp(x) * bc[r](y)"          => "exp(x) * -z"                              by cancelled;
};

/// How deep sums and products are taken apart.
const DEPTH: usize = 8;

/// `Σ p·log p` along the last axis and perhaps others.
fn entropy<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (product, axes) = reduction(expr, Reduce::Sum)?;
    let (a, b) = pair(product).filter(|_| product.node().op == Op::Binary(Binary::Mul))?;
    let (weights, logs) = if is_exp(a) { (a, b) } else { (b, a) };
    let (x, along) = log_softmax_of(logs)?;
    let last = product.shape().rank() - 1;
    if args(weights).next()? != logs || !is_exp(weights) || along != [last] || !axes.contains(&last) {
        return None;
    }
    let sum = stable::negative_entropy(x);
    let others: Vec<usize> = axes.into_iter().filter(|axis| *axis != last).collect();
    Some(if others.is_empty() { sum } else { sum.sum(others) })
}

/// `w·(y + …) - w·y` for an exponential `w`: what is the same in both is left out.
fn cancelled<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let terms = Term::all(expr);
    (0..terms.len()).find_map(|i| {
        let (power, sum) = weighted(terms[i].of)?;
        let inner = Term::all(sum);
        let (at, j) = inner.iter().enumerate().filter(|_| inner.len() > 1).find_map(|(at, part)| {
            let own = Quotient::of(part.of, terms[i].scale * part.scale).times(power);
            let opposite =
                |term: &Term<'g>| own.is_opposite(&Quotient::of(term.of, term.scale), expr.dtype());
            (0..terms.len()).find(|j| *j != i && opposite(&terms[*j])).map(|j| (at, j))
        })?;
        let weight = Term { scale: terms[i].scale, of: power * without(&inner, &[at], sum), wide: None };
        let rest: Vec<Term<'g>> =
            terms.iter().enumerate().filter(|(k, _)| ![i, j].contains(k)).map(|(_, t)| t.clone()).collect();
        Some(without(&[vec![weight], rest].concat(), &[], expr))
    })
}

/// The exponential and the rest of a product.
fn weighted(expr: Expr<'_>) -> Option<(Expr<'_>, Expr<'_>)> {
    let (a, b) = pair(expr).filter(|_| expr.node().op == Op::Binary(Binary::Mul))?;
    let (power, sum) = if is_exp(a) { (a, b) } else { (b, a) };
    is_exp(power).then_some((power, sum))
}

/// A term of a sum, perhaps of one that repeats along later axes.
#[derive(Clone)]
struct Term<'g> {
    scale: f64,
    of: Expr<'g>,
    /// The leading axes that it has, where it repeats along the others.
    wide: Option<Vec<usize>>,
}

impl<'g> Term<'g> {
    fn all(sum: Expr<'g>) -> Vec<Self> {
        let mut found = vec![];
        Term { scale: 1.0, of: sum, wide: None }.collect(DEPTH, &mut found);
        found
    }

    fn collect(self, depth: usize, found: &mut Vec<Self>) {
        let arg: Vec<Expr<'g>> = args(self.of).collect();
        let Some(deeper) = depth.checked_sub(1) else { return found.push(self) };
        let mut part = |of: Expr<'g>, scale: f64| {
            Term { scale: self.scale * scale, of, wide: self.wide.clone() }.collect(deeper, found);
        };
        match &self.of.node().op {
            Op::Unary(Unary::Neg) => part(arg[0], -1.0),
            Op::Binary(op @ (Binary::Add | Binary::Sub)) => {
                part(arg[0], 1.0);
                part(arg[1], if *op == Binary::Add { 1.0 } else { -1.0 });
            }
            Op::Binary(Binary::Mul) => match (arg[0].as_constant(), arg[1].as_constant()) {
                (Some(c), None) => part(arg[1], c),
                (None, Some(c)) => part(arg[0], c),
                _ => found.push(self),
            },
            Op::Broadcast(kept) if self.wide.is_none() && leads(kept) => {
                Term { of: arg[0], wide: Some(kept.clone()), ..self }.collect(deeper, found);
            }
            _ => found.push(self),
        }
    }
}

/// The leading axes, in order.
fn leads(kept: &[usize]) -> bool {
    kept.iter().enumerate().all(|(i, axis)| i == *axis)
}

/// The sum of the terms but some, with the shape of `like`.
fn without<'g>(terms: &[Term<'g>], but: &[usize], like: Expr<'g>) -> Expr<'g> {
    let kept = terms.iter().enumerate().filter(|(i, _)| !but.contains(i));
    let sum = kept.fold(None, |sum: Option<Expr<'g>>, (_, term)| {
        let of = match &term.wide {
            Some(axes) => term.of.broadcast_along(axes, &like.shape()),
            None => term.of,
        };
        let size = if term.scale.abs() == 1.0 { of } else { term.scale.abs() * of };
        Some(match (sum, term.scale < 0.0) {
            (None, false) => size,
            (None, true) => -size,
            (Some(sum), false) => sum + size,
            (Some(sum), true) => sum - size,
        })
    });
    sum.unwrap_or_else(|| like.graph().full(like.dtype(), like.shape(), 0.0))
}

/// `scale · Π over / Π under`, what repeats along later axes by what it is.
struct Quotient<'g> {
    scale: f64,
    over: Vec<Factor<'g>>,
    under: Vec<Factor<'g>>,
}

/// An expression, or the difference of two in the order in which they were made.
type Factor<'g> = (Expr<'g>, Option<Expr<'g>>);

impl<'g> Quotient<'g> {
    fn of(expr: Expr<'g>, scale: f64) -> Self {
        let mut quotient = Quotient { scale, over: vec![], under: vec![] };
        quotient.collect(expr, true, DEPTH);
        quotient
    }

    fn collect(&mut self, expr: Expr<'g>, above: bool, depth: usize) {
        let arg: Vec<Expr<'g>> = args(expr).collect();
        match (&expr.node().op, depth.checked_sub(1)) {
            (Op::Constant(Scalar::Float(c)), _) => self.scale *= if above { *c } else { 1.0 / c },
            (Op::Unary(Unary::Neg), Some(d)) => {
                self.scale = -self.scale;
                self.collect(arg[0], above, d);
            }
            (Op::Binary(op @ (Binary::Mul | Binary::Div)), Some(d)) => {
                self.collect(arg[0], above, d);
                self.collect(arg[1], above == (*op == Binary::Mul), d);
            }
            (Op::Broadcast(kept), Some(d)) if leads(kept) => self.collect(arg[0], above, d),
            _ => {
                let factor = self.factor(expr);
                if above { self.over.push(factor) } else { self.under.push(factor) }
            }
        }
    }

    /// `a - b` and `b - a` differ in their sign only.
    fn factor(&mut self, expr: Expr<'g>) -> Factor<'g> {
        match pair(expr).filter(|_| expr.node().op == Op::Binary(Binary::Sub)) {
            Some((a, b)) if a.id() > b.id() => {
                self.scale = -self.scale;
                (b, Some(a))
            }
            Some((a, b)) => (a, Some(b)),
            None => (expr, None),
        }
    }

    fn times(mut self, factor: Expr<'g>) -> Self {
        self.over.push((factor, None));
        self
    }

    fn is_opposite(&self, other: &Self, dtype: DType) -> bool {
        let same = |a: &[Factor<'g>], b: &[Factor<'g>]| {
            let mut left = b.to_vec();
            let found =
                |e: &Factor<'g>| left.iter().position(|own| own == e).map(|at| left.remove(at)).is_some();
            a.len() == b.len() && a.iter().all(found)
        };
        let scales = constants::close(dtype, self.scale / other.scale, -1.0);
        scales && same(&self.over, &other.over) && same(&self.under, &other.under)
    }
}
