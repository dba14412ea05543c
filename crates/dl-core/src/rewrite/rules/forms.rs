//! Values as `scale · Π wᵢ^pᵢ · exp(l)`: products, quotients, powers and sums of exponentials as one algebra.
//!
//! The exponent `l` is linear, so that what exponentials have in common cancels before anything overflows or
//! underflows. The weights are what is no exponential: leaves of either sign, and the bounded parts of
//! functions that grow or vanish as an exponential does.

use super::Known;
use super::algebra::{Exponentials, Linear};
use super::exponents::{capped, is_cap, narrow, tidy};
pub(super) use super::exponents::{difference, is_masked, single, vanishing};
use super::structure::args;
use crate::dtype::Scalar;
use crate::graph::Expr;
use crate::ops::{Binary, Op, Reduce, Unary};
use crate::rewrite::constants;
use crate::stable;

/// How deep a form looks into an expression.
const DEPTH: usize = 10;
/// How many factors and terms of an exponent a form may have.
const PARTS: usize = 12;
/// Exponentials of what stays within this need no care in any type.
const SAFE: f64 = 20.0;
/// From here on the complementary error function needs care.
const TAIL: f64 = 4.0;

/// See the module.
#[derive(Clone)]
pub(super) struct Form<'g> {
    pub(super) like: Expr<'g>,
    pub(super) scale: f64,
    pub(super) weights: Vec<(Expr<'g>, f64)>,
    pub(super) log: Linear<'g>,
    /// The exponential may overflow.
    pub(super) up: bool,
    /// It may underflow.
    pub(super) down: bool,
}

impl<'g> Form<'g> {
    /// The form of a float, which may be the value itself as a weight.
    pub(super) fn of(expr: Expr<'g>, facts: &Known<'g>) -> Option<Self> {
        expr.dtype().is_float().then(|| Self::within(expr, facts, DEPTH, true))
    }

    /// The same, in which the tails of the normal distribution stand as they are.
    pub(super) fn with_tails(expr: Expr<'g>, facts: &Known<'g>) -> Option<Self> {
        expr.dtype().is_float().then(|| Self::within(expr, facts, DEPTH, false))
    }

    fn unit(like: Expr<'g>) -> Self {
        Form { like, scale: 1.0, weights: vec![], log: Linear::constant(0.0), up: false, down: false }
    }

    fn leaf(expr: Expr<'g>) -> Self {
        Form { weights: vec![(expr, 1.0)], ..Self::unit(expr) }
    }

    /// `exp(log)` for an exponent within `low` and `high`.
    fn power(like: Expr<'g>, log: Linear<'g>, low: f64, high: f64) -> Self {
        Form { log, up: high > SAFE, down: low < -SAFE, ..Self::unit(like) }
    }

    fn within(expr: Expr<'g>, facts: &Known<'g>, depth: usize, tails: bool) -> Self {
        Self::found(expr, facts, depth, tails).unwrap_or_else(|| Self::leaf(expr))
    }

    fn found(expr: Expr<'g>, facts: &Known<'g>, depth: usize, tails: bool) -> Option<Self> {
        let deeper = depth.checked_sub(1)?;
        let arg: Vec<Expr<'g>> = args(expr).collect();
        let inner = |i: usize| Self::within(arg[i], facts, deeper, tails);
        let node = expr.node();
        match &node.op {
            Op::Constant(Scalar::Float(c)) if c.is_finite() && *c != 0.0 => {
                Some(Form { scale: *c, ..Self::unit(expr) })
            }
            Op::Unary(Unary::Neg) => Some(inner(0).scaled(-1.0)),
            Op::Unary(Unary::Exp) if !is_cap(arg[0]) => {
                let known = facts.of(arg[0]);
                Some(Self::power(expr, Linear::of(arg[0]), known.low, known.high))
            }
            Op::Unary(Unary::Sigmoid) => {
                let (known, log) = (facts.of(arg[0]), (-arg[0]).softplus());
                Some(Self::power(expr, Linear::constant(0.0).plus(-1.0, &single(log)), known.low, 0.0))
            }
            // Of what was chosen by a rule, the exponent is bounded by its condition.
            Op::Unary(Unary::Expm1) if facts.of(arg[0]).high > SAFE && arg[0].node().op != Op::Select => {
                let (u, above) = (arg[0], arg[0].gt(0.0));
                let below_one = -above.select(-u, 0.0).expm1();
                let bounded = above.select(below_one, above.select(0.0, u).expm1());
                Some(Form {
                    weights: vec![(bounded, 1.0)],
                    log: single(u.relu()),
                    up: true,
                    ..Self::unit(expr)
                })
            }
            // erfc(u) is e^(-u²)·erfcx(u) above zero, and no tail below.
            Op::Unary(Unary::Erfc)
                if tails && facts.of(arg[0]).high > TAIL && arg[0].node().op != Op::Select =>
            {
                let (u, above) = (arg[0], arg[0].gt(0.0));
                let part = above.select(above.select(u, 0.0).erfcx(), above.select(0.0, u).erfc());
                let (root, square) = (u.relu(), Linear::constant(0.0));
                let log = square.plus(-1.0, &single(root * root));
                Some(Form { weights: vec![(part, 1.0)], log, down: true, ..Self::unit(expr) })
            }
            Op::Unary(Unary::Softplus) if facts.of(arg[0]).low < -SAFE => {
                let u = arg[0];
                let vanishes = u.lt(vanishing(expr.dtype()));
                let inner = vanishes.select(0.0, u);
                let one = expr.graph().full(expr.dtype(), expr.shape(), 1.0);
                let part = vanishes.select(one, inner.softplus() / inner.minimum(0.0).exp());
                Some(Form {
                    weights: vec![(part, 1.0)],
                    log: single(u.minimum(0.0)),
                    down: true,
                    ..Self::unit(expr)
                })
            }
            Op::Unary(Unary::Sqrt) => inner(0).to_the(0.5, facts),
            Op::Binary(Binary::Mul) if arg[0] == arg[1] => inner(0).to_the(2.0, facts),
            Op::Binary(Binary::Mul) => inner(0).times(&inner(1), 1.0),
            Op::Binary(Binary::Div) => inner(0).times(&inner(1), -1.0),
            Op::Binary(Binary::Pow) => match (arg[0].as_constant(), arg[1].as_constant()) {
                (Some(base), None) if base.is_finite() && base > 0.0 => {
                    let known = facts.of(arg[1]);
                    let log = Linear::constant(0.0).plus(base.ln(), &Linear::of(arg[1]));
                    let ends = [known.low * base.ln(), known.high * base.ln()];
                    Some(Self::power(expr, log, ends[0].min(ends[1]), ends[0].max(ends[1])))
                }
                (_, power) => inner(0).to_the(power?, facts),
            },
            Op::Binary(op @ (Binary::Max | Binary::Min)) => {
                let (x, y) = (inner(0), inner(1));
                if !(x.gains() || y.gains()) || !x.is_positive(facts) || !y.is_positive(facts) {
                    return None;
                }
                let (a, b) = (x.size().build(expr), y.size().build(expr));
                let log = if *op == Binary::Max { a.maximum(b) } else { a.minimum(b) };
                let (up, down) = match op {
                    Binary::Max => (x.up || y.up, x.down && y.down),
                    _ => (x.up && y.up, x.down || y.down),
                };
                Some(Form { log: single(log), up, down, ..Self::unit(expr) })
            }
            Op::Binary(Binary::Add | Binary::Sub) => {
                let mut terms = vec![];
                addends(expr, 1.0, deeper, &mut terms);
                let terms =
                    terms.into_iter().map(|(e, k)| Self::within(e, facts, deeper, tails).scaled(k)).collect();
                Self::sum(expr, terms, facts)
            }
            Op::Reduce { kind: Reduce::Sum, axes } => {
                Some(inner(0)).filter(Form::gains)?.summed(arg[0], axes.clone(), facts)
            }
            Op::Reduce { kind: Reduce::Prod, axes } => {
                Some(inner(0)).filter(Form::gains)?.multiplied(arg[0], axes.clone(), facts)
            }
            Op::Broadcast(_)
            | Op::Reshape
            | Op::Permute(_)
            | Op::Flip(_)
            | Op::Slice { .. }
            | Op::Gather { .. } => {
                let form = Some(inner(0)).filter(Form::gains)?;
                let moved =
                    |e: Expr<'g>| e.apply_as(node.op.clone(), &arg[1..], node.dtype, node.shape.clone());
                Some(Form {
                    like: expr,
                    weights: form.weights.iter().map(|(w, p)| (moved(*w), *p)).collect(),
                    log: Linear {
                        terms: form.log.terms.iter().map(|(e, k)| (moved(*e), *k)).collect(),
                        constant: form.log.constant,
                    },
                    ..form
                })
            }
            _ => None,
        }
    }

    /// An exponential takes part that may leave the range of the type.
    pub(super) fn gains(&self) -> bool {
        self.up || self.down
    }

    pub(super) fn scaled(mut self, by: f64) -> Self {
        self.scale *= by;
        self
    }

    /// `self · other^power` for a power of 1 or -1.
    pub(super) fn times(&self, other: &Self, power: f64) -> Option<Self> {
        let mut product = self.clone();
        product.scale *= other.scale.powf(power);
        for (w, p) in &other.weights {
            match product.weights.iter_mut().find(|(own, _)| own == w) {
                Some((_, own)) => *own += p * power,
                None => product.weights.push((*w, p * power)),
            }
        }
        product.weights.retain(|(_, p)| *p != 0.0);
        product.log = self.log.plus(power, &other.log);
        let (up, down) = if power > 0.0 { (other.up, other.down) } else { (other.down, other.up) };
        product.up |= up;
        product.down |= down;
        product.fits()
    }

    fn to_the(&self, power: f64, facts: &Known<'g>) -> Option<Self> {
        let even = power % 2.0 == 0.0;
        let whole = power.fract() == 0.0;
        let rooted = |(w, p): &(Expr<'g>, f64)| whole || (p % 2.0 != 0.0 && facts.of(*w).non_negative());
        if power == 0.0 || !(even || whole || self.scale > 0.0) || !self.weights.iter().all(rooted) {
            return None;
        }
        let (up, down) = if power > 0.0 { (self.up, self.down) } else { (self.down, self.up) };
        Form {
            scale: self.scale.powf(power),
            weights: self.weights.iter().map(|(w, p)| (*w, p * power)).collect(),
            log: Linear::constant(0.0).plus(power, &self.log),
            like: self.like,
            up,
            down,
        }
        .fits()
    }

    fn fits(self) -> Option<Self> {
        let fits = self.scale.is_normal() && self.weights.len() + self.log.terms.len() <= PARTS;
        fits.then_some(self)
    }

    /// True where no factor can be zero or negative.
    pub(super) fn is_positive(&self, facts: &Known<'g>) -> bool {
        self.scale > 0.0 && self.weights.iter().all(|(w, _)| facts.of(*w).positive())
    }

    /// The logarithm of the size.
    pub(super) fn size(&self) -> Linear<'g> {
        let sum = self.log.plus(1.0, &Linear::constant(constants::log(self.like.dtype(), self.scale.abs())));
        let log = |w: Expr<'g>| if let Op::Extent(_) = w.node().op { w.log() } else { w.abs().log() };
        self.weights.iter().fold(sum, |sum, (w, p)| sum.plus(*p, &single(log(*w))))
    }

    /// The sum of the terms, of which one gains.
    fn sum(like: Expr<'g>, terms: Vec<Self>, facts: &Known<'g>) -> Option<Self> {
        if !terms.iter().any(Form::gains) || terms.len() > PARTS {
            return None;
        }
        if terms.iter().all(|t| t.scale < 0.0) {
            let opposite = terms.into_iter().map(|t| t.scaled(-1.0)).collect();
            return Self::sum(like, opposite, facts).map(|sum| sum.scaled(-1.0));
        }
        let (up, down) = (terms.iter().any(|t| t.up), terms.iter().all(|t| t.down));
        if terms.iter().all(|t| t.is_positive(facts)) {
            let log = match complementary(&terms) {
                Some(log) => log,
                None => Exponentials::log_of(like, terms.iter().map(Form::size).collect())?,
            };
            return Some(Form { log: Linear::of(log), up, down, ..Self::unit(like) });
        }
        let sizes: Vec<Expr<'g>> = terms.iter().map(|t| t.size().build(like)).collect();
        let largest = sizes.into_iter().reduce(Expr::maximum)?.stop_gradient();
        let offset = largest.is_finite().select(largest, 0.0);
        let parts = terms.iter().map(|t| t.shifted(offset)).collect::<Option<Vec<_>>>()?;
        let sum = parts.into_iter().reduce(|a, b| a + b)?;
        Some(Form { weights: vec![(sum, 1.0)], log: single(offset), up, down, ..Self::unit(like) })
    }

    /// The sum along axes.
    fn summed(self, x: Expr<'g>, axes: Vec<usize>, facts: &Known<'g>) -> Option<Self> {
        if self.scale < 0.0 {
            return self.scaled(-1.0).summed(x, axes, facts).map(|sum| sum.scaled(-1.0));
        }
        let narrow_like = x.sum(axes.clone());
        let (outer, inner) = self.log.split(|e| narrow(e, &axes));
        if self.is_positive(facts) {
            let inner = Form { log: inner, ..self.clone() }.size();
            let inner = Linear { constant: 0.0, ..inner.clone() };
            let size = self.size();
            let log = Linear { constant: size.constant, ..outer };
            let sum = stable::logsumexp(inner.build(x), axes);
            return Some(Form {
                log: log.plus(1.0, &single(sum)),
                weights: vec![],
                scale: 1.0,
                like: narrow_like,
                ..self
            });
        }
        let own = Form { log: inner, ..self.clone() };
        let largest = own.size().build(x).max(axes.clone()).stop_gradient();
        let offset = largest.is_finite().select(largest, 0.0);
        let kept: Vec<usize> = (0..x.shape().rank()).filter(|a| !axes.contains(a)).collect();
        let sum = own.shifted(offset.broadcast_along(&kept, &x.shape()))?.sum(axes);
        Some(Form {
            like: narrow_like,
            scale: 1.0,
            weights: vec![(sum, 1.0)],
            log: outer.plus(1.0, &single(offset)),
            ..self
        })
    }

    /// The product along axes.
    fn multiplied(self, x: Expr<'g>, axes: Vec<usize>, facts: &Known<'g>) -> Option<Self> {
        let like = x.sum(axes.clone());
        let positive = self.scale > 0.0 && self.weights.iter().all(|(w, _)| facts.of(*w).non_negative());
        let log = positive.then(|| self.size().build(x).sum(axes))?;
        Some(Form { log: single(log), ..Self::unit(like) }).map(|f| Form {
            up: self.up,
            down: self.down,
            ..f
        })
    }

    /// `self · exp(-offset)`, which is at most about 1 in size.
    fn shifted(&self, offset: Expr<'g>) -> Option<Expr<'g>> {
        let (dtype, power) = (self.like.dtype(), |e: Expr<'g>| capped(e));
        if self.log.terms.is_empty() && self.weights.is_empty() {
            let size = self.log.constant + constants::log(dtype, self.scale.abs());
            let part = power(size - offset);
            return Some(if self.scale < 0.0 { -part } else { part });
        }
        // Half of an exponent does not overflow, however small the weight is; what a weight of 0 multiplies
        // must not, either.
        let exponent = self.log.plus(-1.0, &single(offset)).build(self.like);
        let part = match self.weight() {
            Some(w) => {
                let half = power(0.5 * exponent);
                w * half * half
            }
            None => power(exponent),
        };
        Some(if self.scale == 1.0 { part } else { self.scale * part })
    }

    /// The weights, multiplied; nothing where there are none.
    fn weight(&self) -> Option<Expr<'g>> {
        let above =
            self.weights.iter().filter(|(_, p)| *p > 0.0).map(|(w, p)| raised(*w, *p)).reduce(|a, b| a * b);
        let below =
            self.weights.iter().filter(|(_, p)| *p < 0.0).map(|(w, p)| raised(*w, -p)).reduce(|a, b| a * b);
        match (above, below) {
            (Some(a), Some(b)) => Some(a / b),
            (Some(a), None) => Some(a),
            (None, Some(b)) => Some(1.0 / b),
            (None, None) => None,
        }
    }

    /// The value.
    pub(super) fn build(&self) -> Option<Expr<'g>> {
        let power = (!self.log.terms.is_empty()).then(|| tidy(&self.log).build(self.like).exp());
        let constant = if power.is_none() { self.log.constant.exp() } else { 1.0 };
        let scale = constants::rounded(self.like.dtype(), self.scale * constant);
        if !(scale.is_normal() && self.like.dtype().has_digits(scale)) {
            return None;
        }
        let value = match (self.weight(), power) {
            (Some(w), Some(p)) => w * p,
            (Some(w), None) => w,
            (None, Some(p)) => p,
            (None, None) => return Some(self.like.graph().full(self.like.dtype(), self.like.shape(), scale)),
        };
        Some(match scale {
            1.0 => value,
            -1.0 => -value,
            _ => scale * value,
        })
    }

    /// The logarithm of the value, where only that of its weights has to be asked for its sign.
    pub(super) fn logarithm(&self, facts: &Known<'g>) -> Option<Expr<'g>> {
        let unknown = |(w, p): &(Expr<'g>, f64)| p % 2.0 != 0.0 && !facts.of(*w).non_negative();
        let (unsure, sure): (Vec<_>, Vec<_>) = self.weights.iter().copied().partition(unknown);
        let known = Form { weights: sure, ..self.clone() }.size();
        let log = match unsure.as_slice() {
            [] if self.scale < 0.0 => return None,
            [] => return Some(tidy(&known).build(self.like)),
            [(w, p)] if self.scale > 0.0 => *p * w.log(),
            [(w, p)] => *p * (-*w).log(),
            _ => {
                let sign = |(w, p): &(Expr<'g>, f64)| if *p < 0.0 { (1.0 / *w).sign() } else { w.sign() };
                let sign = unsure.iter().map(sign).reduce(|a, b| a * b)?;
                let sign = if self.scale < 0.0 { -sign } else { sign };
                let sizes = unsure
                    .iter()
                    .fold(Linear::constant(0.0), |sum, (w, p)| sum.plus(*p, &single(w.abs().log())));
                sign.gt(0.0).select(sizes.build(self.like), sign.log())
            }
        };
        let known = tidy(&known);
        Some(if known.is_zero() { log } else { known.build(self.like) + log })
    }
}

fn raised(w: Expr<'_>, power: f64) -> Expr<'_> {
    if power == 1.0 { w } else { w.pow(power) }
}

/// The terms of a sum with their signs.
fn addends<'g>(expr: Expr<'g>, sign: f64, depth: usize, found: &mut Vec<(Expr<'g>, f64)>) {
    let arg: Vec<Expr<'g>> = args(expr).collect();
    match (&expr.node().op, depth.checked_sub(1)) {
        (Op::Binary(op @ (Binary::Add | Binary::Sub)), Some(deeper)) => {
            addends(arg[0], sign, deeper, found);
            addends(arg[1], if *op == Binary::Add { sign } else { -sign }, deeper, found);
        }
        (Op::Unary(Unary::Neg), Some(deeper)) => addends(arg[0], -sign, deeper, found),
        _ => found.push((expr, sign)),
    }
}

/// `log(σ(p)·eᵃ + σ(-p)·eᵇ)`, near zero where the exponents are.
fn complementary<'g>(terms: &[Form<'g>]) -> Option<Expr<'g>> {
    let [x, y] = terms else { return None };
    let like = x.like;
    let (a, b) = (x.size(), y.size());
    let logistic = |l: &Linear<'g>| -> Vec<Expr<'g>> {
        let of = |(e, k): &(Expr<'g>, f64)| {
            let inner = args(*e).next().filter(|_| e.node().op == Op::Unary(Unary::Softplus));
            inner.filter(|_| *k == -1.0)
        };
        l.terms.iter().filter_map(of).collect()
    };
    for u in logistic(&a) {
        for v in logistic(&b) {
            if Linear::of(u).plus(1.0, &Linear::of(v)).is_zero() {
                // The first weight is σ(-u).
                let (a, b) = (a.plus(1.0, &single(u.softplus())), b.plus(1.0, &single(v.softplus())));
                return Some(stable::log_mix_of(v, a.build(like), b.build(like)));
            }
        }
    }
    None
}
