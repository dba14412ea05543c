//! Stabilization of what saturates: `x/√(c² + x²)`, whose derivative as the rule for quotients has it cancels.

use super::Known;
use super::Rule;
use super::exponential::{factored, legs, pair};
use super::logs::factors;
use super::rows::code_rows;
use super::structure::args;
use crate::dtype::Scalar;
use crate::graph::Expr;
use crate::ops::{Binary, Op, Unary};
use crate::rewrite::constants;

/// The table.
pub(super) static RULES: &[Rule] = code_rows! { Stabilize
//  name                                at                  instance                                                        result
    "complement-of-part-of"             at ["sub"]        : "y - y * x / (c + x)"                                           => "y * (c / (c + x))"                         by complement;
    "derivative-of-saturating-quotient" at ["add", "sub"] : "y / hypot(x, 1) - y * x * x / hypot(x, 1) ^ 3"             => "y / hypot(x, 1) * (1 / hypot(x, 1)) ^ 2"  by derivative;
};

/// `y - y·x/(c + x)`, whatever factors `y` and `x` are made of.
fn complement<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (y, part) = pair(expr)?;
    let (numerator, divisor) = pair(part).filter(|_| part.node().op == Op::Binary(Binary::Div))?;
    let (a, b) = pair(divisor).filter(|_| divisor.node().op == Op::Binary(Binary::Add))?;
    let (c, x) = if a.as_constant().is_some() { (a, b) } else { (b, a) };
    c.as_constant().filter(|c| c.is_finite())?;
    let ((scale, mut over), (k, own), (j, of)) = (factors(numerator, 8), factors(y, 8), factors(x, 8));
    for factor in own.iter().chain(&of) {
        over.remove(over.iter().position(|e| e == factor)?);
    }
    (over.is_empty() && scale == k * j && k != 0.0).then(|| y * (c / divisor))
}

/// How many nodes of a product are looked at: each operation of a derivative has a mask around it, but
/// powers by repeated squares have no end.
const NODES: usize = 64;

/// `y/h - y·x²/h³` of `h = √(c² + x²)` is `y·c²/h³`.
fn derivative<'g>(expr: Expr<'g>, _: &Known<'g>) -> Option<Expr<'g>> {
    let (a, b) = pair(expr)?;
    let sign = if expr.node().op == Op::Binary(Binary::Sub) { -1.0 } else { 1.0 };
    let rest = |whole: Expr<'g>, part: Expr<'g>| {
        let root = root_below(whole, &mut { NODES })?;
        let (x, c) = legs(root)?;
        let usable = args(root).next()?;
        let of = |e: Expr<'g>| Quotient::of(e, x, usable);
        of(part).by(of(whole)).squares(x, root, -sign).then(|| (c / root) * (c / root))
    };
    if let Some(factor) = rest(a, b) {
        return Some(a * factor);
    }
    let factor = rest(b, a)?;
    Some(if sign < 0.0 { -(b * factor) } else { b * factor })
}

/// The first `hypot(x, c)` by which something is divided.
fn root_below<'g>(expr: Expr<'g>, left: &mut usize) -> Option<Expr<'g>> {
    *left = left.checked_sub(1)?;
    let arg: Vec<Expr<'g>> = args(expr).collect();
    match &expr.node().op {
        Op::Binary(Binary::Div) if legs(factored(arg[1]).1).is_some() => Some(factored(arg[1]).1),
        Op::Binary(Binary::Div) | Op::Unary(Unary::Neg) => root_below(arg[0], left),
        Op::Binary(Binary::Mul) => root_below(arg[0], left).or_else(|| root_below(arg[1], left)),
        Op::Select => root_below(arg[1], left),
        _ => None,
    }
}

/// `scale · Π over / Π under`, wherever a condition holds.
struct Quotient<'g> {
    scale: f64,
    over: Vec<Expr<'g>>,
    under: Vec<Expr<'g>>,
}

impl<'g> Quotient<'g> {
    /// Of a product in which `x` stays whole; 0 is taken where the condition does not hold.
    fn of(expr: Expr<'g>, x: Expr<'g>, condition: Expr<'g>) -> Self {
        let mut quotient = Quotient { scale: 1.0, over: vec![], under: vec![] };
        quotient.collect(expr, true, (x, condition), &mut { NODES });
        quotient
    }

    fn collect(&mut self, expr: Expr<'g>, above: bool, known: (Expr<'g>, Expr<'g>), left: &mut usize) {
        // What is left over stands as it is.
        let enough = left.checked_sub(1).is_none();
        *left = left.saturating_sub(1);
        let arg: Vec<Expr<'g>> = args(expr).collect();
        let masked = || arg[0] == known.1 && arg[2].as_constant() == Some(0.0);
        match &expr.node().op {
            _ if enough => self.push(expr, above),
            Op::Constant(Scalar::Float(c)) => self.scale *= if above { *c } else { 1.0 / c },
            Op::Unary(Unary::Neg) => {
                self.scale = -self.scale;
                self.collect(arg[0], above, known, left);
            }
            Op::Binary(op @ (Binary::Mul | Binary::Div)) if expr != known.0 => {
                self.collect(arg[0], above, known, left);
                self.collect(arg[1], above == (*op == Binary::Mul), known, left);
            }
            Op::Select if masked() => self.collect(arg[1], above, known, left),
            _ => self.push(expr, above),
        }
    }

    fn push(&mut self, factor: Expr<'g>, above: bool) {
        if above { self.over.push(factor) } else { self.under.push(factor) }
    }

    /// `self / divisor`, equal factors cancelled.
    fn by(self, divisor: Self) -> Self {
        let mut under = [self.under, divisor.over].concat();
        let mut over = [self.over, divisor.under].concat();
        over.retain(|factor| match under.iter().position(|e| e == factor) {
            Some(at) => {
                under.remove(at);
                false
            }
            None => true,
        });
        Quotient { scale: self.scale / divisor.scale, over, under }
    }

    /// True for `sign · x² / root²`, the root perhaps as the scaled one that it is made of.
    fn squares(mut self, x: Expr<'g>, root: Expr<'g>, sign: f64) -> bool {
        if let Some((scale, scaled)) = args(root).nth(1).and_then(pair) {
            let place = |under: &[Expr<'g>], part: Expr<'g>| under.iter().position(|e| *e == part);
            while place(&self.under, scale).is_some()
                && let Some(at) = place(&self.under, scaled)
            {
                self.under[at] = root;
                place(&self.under, scale).map(|at| self.under.remove(at));
            }
        }
        let unscaled = constants::close(root.dtype(), self.scale / sign, 1.0);
        unscaled && self.over == [x, x] && self.under == [root, root]
    }
}
