//! Sums of exponentials as a normal form: what logarithms and ratios of them come down to.
//!
//! `Σ cᵢ·exp(lᵢ)` with linear exponents `lᵢ = Σ kⱼ·xⱼ + k₀`. Many spellings of the logistic function,
//! of tanh, of softplus and of their logarithms have the same normal form; it decides, not the spelling.

use crate::dtype::{DType, Scalar};
use crate::graph::Expr;
use crate::ops::{Binary, Op, Unary};
use crate::rewrite::constants;
use crate::rewrite::rules::structure::args;
use crate::stable::{log_cosh, log_mix, log1mexp, logaddexp};

/// How deep a normal form looks into an expression.
const DEPTH: usize = 8;
/// How many terms a normal form may have.
const TERMS: usize = 6;
/// Constants up to this size are taken out of exponents: they cost the exponential no more than as many
/// units of the last place.
const SMALL: f64 = 20.0;
/// A smaller constant than this is no summand of a softplus, with which it cancels near zero.
const LEAST: f64 = -1.0;
/// What is smaller by this factor is not added to a constant, unless nothing is lost.
const ABSORBED: f64 = 1e-4;

/// `Σ kⱼ·xⱼ + constant`, the `xⱼ` in the order in which they were met.
#[derive(Clone, PartialEq)]
pub(super) struct Linear<'g> {
    pub(super) terms: Vec<(Expr<'g>, f64)>,
    pub(super) constant: f64,
}

/// `Σ cᵢ·exp(lᵢ)`, exponents distinct, coefficients not zero.
pub(super) struct Exponentials<'g> {
    like: Expr<'g>,
    terms: Vec<(f64, Linear<'g>)>,
}

impl<'g> Linear<'g> {
    pub(super) fn constant(constant: f64) -> Self {
        Linear { terms: vec![], constant }
    }

    pub(super) fn of(expr: Expr<'g>) -> Self {
        let mut linear = Linear::constant(0.0);
        linear.collect(expr, 1.0, DEPTH);
        linear.terms.retain(|(_, k)| *k != 0.0);
        linear
    }

    fn collect(&mut self, expr: Expr<'g>, factor: f64, depth: usize) {
        let arg: Vec<Expr<'g>> = args(expr).collect();
        let deeper = depth.checked_sub(1);
        let dtype = expr.dtype();
        // A product of constants has to keep its digits.
        let scaled = |op: Binary, e: Expr<'g>| {
            let c = e.as_constant().filter(|c| *c != 0.0)?;
            constants::combined(op, dtype, factor, c).map(|_| (op.row().value)(factor, c))
        };
        let small = |e: &Expr<'g>| e.as_constant().is_none_or(|c| (factor * c).abs() <= SMALL);
        match (&expr.node().op, deeper) {
            (Op::Constant(Scalar::Float(c)), _) => self.constant += factor * c,
            (Op::Unary(Unary::Neg), Some(d)) => self.collect(arg[0], -factor, d),
            (Op::Binary(Binary::Add | Binary::Sub), _) if !arg.iter().all(small) => self.push(expr, factor),
            (Op::Binary(Binary::Add), Some(d)) => {
                self.collect(arg[0], factor, d);
                self.collect(arg[1], factor, d);
            }
            (Op::Binary(Binary::Sub), Some(d)) => {
                self.collect(arg[0], factor, d);
                self.collect(arg[1], -factor, d);
            }
            (Op::Binary(op @ (Binary::Mul | Binary::Div)), Some(d)) => {
                // A constant divisor, or a constant factor on either side.
                let scale = match scaled(*op, arg[1]) {
                    None if *op == Binary::Mul => scaled(*op, arg[0]).map(|k| (arg[1], k)),
                    found => found.map(|k| (arg[0], k)),
                };
                match scale {
                    Some((of, k)) => self.collect(of, k, d),
                    None => self.push(expr, factor),
                }
            }
            _ => self.push(expr, factor),
        }
    }

    fn push(&mut self, expr: Expr<'g>, factor: f64) {
        match self.terms.iter_mut().find(|(e, _)| *e == expr) {
            Some((_, k)) => *k += factor,
            None => self.terms.push((expr, factor)),
        }
    }

    /// `self + factor·other`.
    pub(super) fn plus(&self, factor: f64, other: &Linear<'g>) -> Linear<'g> {
        let mut sum = self.clone();
        sum.constant += factor * other.constant;
        for (e, k) in &other.terms {
            match sum.terms.iter_mut().find(|(own, _)| own == e) {
                Some((_, own)) => *own += factor * k,
                None => sum.terms.push((*e, factor * k)),
            }
        }
        sum.terms.retain(|(_, k)| *k != 0.0);
        sum
    }

    fn shifted(&self, by: f64) -> Linear<'g> {
        Linear { constant: self.constant + by, ..self.clone() }
    }

    pub(super) fn is_zero(&self) -> bool {
        self.terms.is_empty() && self.constant == 0.0
    }

    fn equals(&self, other: &Linear<'g>) -> bool {
        self.plus(-1.0, other).is_zero()
    }

    pub(super) fn build(&self, like: Expr<'g>) -> Expr<'g> {
        let mut sum: Option<Expr<'g>> = None;
        for (e, k) in &self.terms {
            let (size, negative) = (k.abs(), *k < 0.0);
            let term = if size == 1.0 { *e } else { size * *e };
            sum = Some(match (sum, negative) {
                (None, false) => term,
                (None, true) => -term,
                (Some(s), false) => s + term,
                (Some(s), true) => s - term,
            });
        }
        match sum {
            Some(s) if self.constant == 0.0 => s,
            Some(s) => s + self.constant,
            None => like.graph().full(like.dtype(), like.shape(), self.constant),
        }
    }
}

impl<'g> Exponentials<'g> {
    /// The normal form, if the expression has one in which something varies.
    pub(super) fn of(expr: Expr<'g>) -> Option<Self> {
        if !expr.dtype().is_float() {
            return None;
        }
        let form = Exponentials { like: expr, terms: terms(expr, DEPTH)? };
        form.terms.iter().any(|(_, l)| !l.terms.is_empty()).then_some(form)
    }

    /// The normal form, constants included.
    pub(super) fn of_any(expr: Expr<'g>) -> Option<Self> {
        Some(Exponentials { like: expr, terms: terms(expr, DEPTH)? })
    }

    /// The normal form of `1 + expr`, unless `expr` already speaks of differences from 1.
    pub(super) fn of_one_plus(expr: Expr<'g>) -> Option<Self> {
        if speaks_of_expm1(expr, DEPTH) {
            return None;
        }
        let mut form = Self::of(expr)?;
        form.terms.push((1.0, Linear::constant(0.0)));
        form.terms = merged(form.terms)?;
        form.terms.iter().any(|(_, l)| !l.terms.is_empty()).then_some(form)
    }

    fn all_positive(&self) -> bool {
        self.terms.iter().all(|(c, _)| *c > 0.0)
    }

    /// The logarithm, where it can be had without over- or underflow.
    pub(super) fn log(&self) -> Option<Expr<'g>> {
        let like = self.like;
        if self.all_positive() {
            return Some(self.log_of_sum());
        }
        // The larger of two terms of different sign goes first.
        let [(c, a), (d, b)] = self.terms.as_slice() else { return None };
        let ((c, a), (d, b)) = if *c > 0.0 { ((c, a), (d, b)) } else { ((d, b), (c, a)) };
        if *c <= 0.0 {
            return None;
        }
        let gap = b.plus(-1.0, a);
        let leading = a.shifted(constants::log(like.dtype(), *c));
        let ratio = (-d).ln() - c.ln();
        // Equal infinities have no difference; equal numbers have one, with its derivatives.
        let gap = match a.terms.is_empty() || b.terms.is_empty() {
            true => gap.shifted(ratio).build(like),
            false => {
                let (x, y) = (a.build(like), b.build(like));
                x.eq(y).and(!x.is_finite()).select(0.0, gap.build(like)) + ratio
            }
        };
        let rest = log1mexp(gap);
        Some(if leading.is_zero() { rest } else { leading.build(like) + rest })
    }

    /// The logarithm of the sum of exponentials.
    pub(super) fn log_of(like: Expr<'g>, exponents: Vec<Linear<'g>>) -> Option<Expr<'g>> {
        let terms = exponents.into_iter().map(|l| (1.0, l)).collect();
        Some(Exponentials { like, terms: merged(terms)? }.log_of_sum())
    }

    /// `c·(exp(a) - exp(b))`, as `(c, a, b)`.
    pub(super) fn difference(&self) -> Option<(f64, &Linear<'g>, &Linear<'g>)> {
        match self.terms.as_slice() {
            [(c, a), (d, b)] if *c == -d => Some((*c, a, b)),
            _ => None,
        }
    }

    fn log_of_sum(&self) -> Expr<'g> {
        let like = self.like;
        let exponents: Vec<Linear<'g>> =
            self.terms.iter().map(|(c, l)| l.shifted(constants::log(like.dtype(), *c))).collect();
        match (self.terms.as_slice(), exponents.as_slice()) {
            (_, [one]) => one.build(like),
            ([(c, a), (d, b)], _) if c == d && a.plus(1.0, b).is_zero() => {
                match constants::log(like.dtype(), 2.0 * c) {
                    twice if constants::close(like.dtype(), twice, 0.0) => log_cosh(a.build(like)),
                    twice => log_cosh(a.build(like)) + twice,
                }
            }
            // Weights: near zero, where the exponents are.
            ([(c, a), (d, b)], _) if is_mixture(like.dtype(), *c, *d) => {
                log_mix(*c, a.build(like), *d, b.build(like))
            }
            (_, [a, b]) => match (a.terms.is_empty(), b.terms.is_empty()) {
                (true, _) if a.constant >= LEAST => soft(b.plus(-1.0, a), a.constant, like),
                (_, true) if b.constant >= LEAST => soft(a.plus(-1.0, b), b.constant, like),
                _ => logaddexp(a.build(like), b.build(like)),
            },
            (_, [first, rest @ ..]) => {
                rest.iter().fold(first.build(like), |sum, l| logaddexp(sum, l.build(like)))
            }
            (_, []) => like,
        }
    }

    /// `numerator / self`, where it is a known bounded function or the exponential of a difference.
    pub(super) fn divide(&self, numerator: &Exponentials<'g>) -> Option<Expr<'g>> {
        if self.terms.len() < 2 || !self.all_positive() {
            return None;
        }
        match (numerator.terms.as_slice(), self.terms.as_slice()) {
            ([(c, a)], _) => Some(self.logistic(*c, a).unwrap_or_else(|| self.exp_ratio(*c, a))),
            ([p, q], [r, s])
                if ![p.0 / r.0, q.0 / s.0, p.0 / s.0, q.0 / r.0].into_iter().all(constants::is_moderate) =>
            {
                None
            }
            ([p, q], [r, s]) => {
                let (p, q) = if p.1.equals(&r.1) { (p, q) } else { (q, p) };
                if !p.1.equals(&r.1) || !q.1.equals(&s.1) {
                    return None;
                }
                let half = r.1.plus(-1.0, &s.1);
                if p.0 == -q.0 && r.0 == s.0 {
                    let half = Linear::constant(0.0).plus(0.5, &half);
                    return Some(scaled(p.0 / r.0, half.build(self.like).tanh()));
                }
                if p.0 * q.0 < 0.0 {
                    return None;
                }
                let u = half.shifted((r.0 / s.0).ln()).build(self.like);
                Some(scaled(p.0 / r.0, u.sigmoid()) + scaled(q.0 / s.0, (-u).sigmoid()))
            }
            _ => None,
        }
    }

    /// `numerator / self²`, by two such ratios.
    pub(super) fn divide_by_square(&self, numerator: &Exponentials<'g>) -> Option<Expr<'g>> {
        let power = |l: Linear<'g>| Exponentials { like: self.like, terms: vec![(1.0, l)] };
        let zero = Linear::constant(0.0);
        if !numerator.terms.iter().all(|(c, _)| constants::is_moderate(*c)) {
            return None;
        }
        let [(c, l)] = numerator.terms.as_slice() else {
            return Some(self.divide(numerator)? * self.divide(&power(zero))?);
        };
        let (a, b) = match self.terms.as_slice() {
            [(_, a), (_, b)] if a.plus(1.0, b).equals(l) => (a.clone(), b.clone()),
            _ => (zero.plus(0.5, l), zero.plus(0.5, l)),
        };
        Some(scaled(*c, self.divide(&power(a))? * self.divide(&power(b))?))
    }

    /// The sum of two exponentials of which this is the square.
    pub(super) fn root(&self) -> Option<Self> {
        let [x, y, z] = self.terms.as_slice() else { return None };
        let square =
            |(c, a): &(f64, Linear<'g>), (d, b): &(f64, Linear<'g>), (twice, l): &(f64, Linear<'g>)| {
                let fits = *c > 0.0 && *d > 0.0 && *twice > 0.0 && a.plus(1.0, b).plus(-2.0, l).is_zero();
                let half = |c: f64, l: &Linear<'g>| (c.sqrt(), Linear::constant(0.0).plus(0.5, l));
                (fits && constants::close(self.like.dtype(), twice * twice / (4.0 * c * d), 1.0))
                    .then(|| Exponentials { like: self.like, terms: vec![half(*c, a), half(*d, b)] })
            };
        square(x, y, z).or_else(|| square(x, z, y)).or_else(|| square(y, z, x))
    }

    /// The constant one.
    pub(super) fn one(like: Expr<'g>) -> Self {
        Exponentials { like, terms: vec![(1.0, Linear::constant(0.0))] }
    }

    /// `1 / self` where one of two terms is a constant.
    pub(super) fn reciprocal(&self) -> Option<Expr<'g>> {
        let constant = self.terms.iter().find(|(_, l)| l.is_zero())?;
        let one = Exponentials { like: self.like, terms: vec![(1.0, constant.1.clone())] };
        (self.terms.len() == 2).then(|| self.divide(&one))?
    }

    /// `c·exp(a) / self` where `exp(a)` is one of two terms: a logistic function.
    fn logistic(&self, c: f64, a: &Linear<'g>) -> Option<Expr<'g>> {
        let [x, y] = self.terms.as_slice() else { return None };
        let (own, other) = match (x.1.equals(a), y.1.equals(a)) {
            (true, _) => (x, y),
            (_, true) => (y, x),
            _ => return None,
        };
        let gap = own.1.plus(-1.0, &other.1).shifted((own.0 / other.0).ln());
        constants::is_moderate(c / own.0).then(|| scaled(c / own.0, gap.build(self.like).sigmoid()))
    }

    /// `c·exp(a) / self`: the numerator goes into the sum, where it may cancel exponents.
    fn exp_ratio(&self, c: f64, a: &Linear<'g>) -> Expr<'g> {
        let a = a.shifted(c.abs().ln());
        let terms = self.terms.iter().map(|(c, l)| (*c, l.plus(-1.0, &a))).collect();
        let size = (-Exponentials { like: self.like, terms }.log_of_sum()).exp();
        if c < 0.0 { -size } else { size }
    }
}

/// True for two weights that sum to one, neither of them so small that it is lost in the sum: the logarithm
/// of the weighted sum is near zero where the exponents are.
pub(super) fn is_mixture(dtype: DType, c: f64, d: f64) -> bool {
    let (large, small) = (c.max(d), c.min(d));
    small >= 1e-3 && constants::close(dtype, (large - 1.0) + small, 0.0)
}

/// True where an `expm1` takes part: the author (or a rule) has seen to the cancellation.
fn speaks_of_expm1(expr: Expr<'_>, depth: usize) -> bool {
    let Some(deeper) = depth.checked_sub(1) else { return false };
    match &expr.node().op {
        Op::Unary(Unary::Expm1) => true,
        Op::Unary(Unary::Neg) | Op::Binary(Binary::Add | Binary::Sub | Binary::Mul | Binary::Div) => {
            args(expr).any(|a| speaks_of_expm1(a, deeper))
        }
        _ => false,
    }
}

/// `select(x ≥ c, 0, x)`: what `log_mix` itself is made of stays.
fn is_cut(x: Expr<'_>) -> bool {
    let condition = args(x).next().filter(|_| x.node().op == Op::Select);
    let condition = condition.filter(|c| c.node().op == Op::Binary(Binary::Ge));
    condition.and_then(|c| args(c).next()).is_some_and(|of| {
        args(x).nth(1).and_then(Expr::as_constant) == Some(0.0) && args(x).nth(2) == Some(of)
    })
}

/// `softplus(u) + constant`.
fn soft<'g>(u: Linear<'g>, constant: f64, like: Expr<'g>) -> Expr<'g> {
    let value = u.build(like).softplus();
    if constant == 0.0 { value } else { value + constant }
}

fn scaled(factor: f64, x: Expr<'_>) -> Expr<'_> {
    if factor == 1.0 { x } else { factor * x }
}

fn terms<'g>(expr: Expr<'g>, depth: usize) -> Option<Vec<(f64, Linear<'g>)>> {
    let arg: Vec<Expr<'g>> = args(expr).collect();
    let deeper = depth.checked_sub(1)?;
    let negated = |v: Vec<(f64, Linear<'g>)>| v.into_iter().map(|(c, l)| (-c, l)).collect::<Vec<_>>();
    let found = match &expr.node().op {
        Op::Constant(Scalar::Float(c)) if c.is_finite() => vec![(*c, Linear::constant(0.0))],
        Op::Unary(Unary::Exp) if is_cut(arg[0]) => return None,
        Op::Unary(Unary::Exp) => vec![(1.0, Linear::of(arg[0]))],
        Op::Unary(Unary::Expm1) => vec![(1.0, Linear::of(arg[0])), (-1.0, Linear::constant(0.0))],
        Op::Unary(Unary::Neg) => negated(terms(arg[0], deeper)?),
        Op::Binary(Binary::Add) => [terms(arg[0], deeper)?, terms(arg[1], deeper)?].concat(),
        Op::Binary(Binary::Sub) => [terms(arg[0], deeper)?, negated(terms(arg[1], deeper)?)].concat(),
        Op::Binary(Binary::Mul) => product(&terms(arg[0], deeper)?, &terms(arg[1], deeper)?, 1.0),
        Op::Binary(Binary::Div) => {
            let divisor = terms(arg[1], deeper)?;
            let [(c, _)] = divisor.as_slice() else { return None };
            let inverse = [(1.0 / c, divisor[0].1.clone())];
            product(&terms(arg[0], deeper)?, &inverse, -1.0)
        }
        _ => return None,
    };
    (found.len() <= TERMS).then(|| merged(found))?
}

/// All products of one term each; the right exponents count `sign` times.
fn product<'g>(x: &[(f64, Linear<'g>)], y: &[(f64, Linear<'g>)], sign: f64) -> Vec<(f64, Linear<'g>)> {
    x.iter().flat_map(|(c, a)| y.iter().map(move |(d, b)| (c * d, a.plus(sign, b)))).collect()
}

/// Equal exponents together, small constants out of the exponents, zeros away; nothing where that loses digits.
fn merged<'g>(terms: Vec<(f64, Linear<'g>)>) -> Option<Vec<(f64, Linear<'g>)>> {
    let mut out: Vec<(f64, Linear<'g>)> = vec![];
    for (c, l) in terms {
        let taken = l.terms.is_empty() || l.constant.abs() <= SMALL;
        let (c, l) = if taken { (c * l.constant.exp(), Linear { constant: 0.0, ..l }) } else { (c, l) };
        if !(c.is_normal() || c == 0.0) {
            return None;
        }
        match out.iter_mut().find(|(_, own)| own.equals(&l)) {
            Some((own, _)) => {
                let small = own.abs().min(c.abs()) < ABSORBED * own.abs().max(c.abs());
                if small && !constants::exact_sum(DType::F64, *own, c) {
                    return None;
                }
                *own += c;
            }
            None => out.push((c, l)),
        }
    }
    out.retain(|(c, _)| *c != 0.0);
    Some(out)
}
