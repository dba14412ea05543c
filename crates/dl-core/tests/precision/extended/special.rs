//! Functions that are not among those of the big floats, by series, continued fractions and recurrences whose errors
//! are known.

use dl_core::ops::{Binary, Unary};

use super::super::ball::{Ball, Big, EXACT, is_zero, magnitude};
use super::super::evaluate::Arithmetic;
use super::{Extended, times};

/// From here on the continued fraction of the error integrals takes few enough terms.
const FAR: f64 = 6.0;

fn is_whole(x: &Ball) -> bool {
    matches!(x, Ball::Near { error: EXACT, .. }) && x.to_f64().fract() == 0.0
}

impl Extended {
    fn whole(&self, n: usize) -> Ball {
        Ball::exact(n as f64)
    }

    fn halved(&self, x: &Ball) -> Ball {
        self.mul(x, &Ball::exact(0.5))
    }

    fn squared(&self, x: &Ball) -> Ball {
        self.mul(x, x)
    }

    pub(super) fn pi(&self) -> Ball {
        let pi = self.context.pi::<2>(Some(&mut self.constants.borrow_mut())).value().into_repr();
        Ball::near(pi, 3 - self.digits)
    }

    fn ln2(&self) -> Ball {
        self.log(&Ball::exact(2.0))
    }

    /// Wider by so much.
    fn widened(&self, x: &Ball, by: &Ball) -> Ball {
        let size = match by {
            Ball::Near { mid, error } if is_zero(mid) => *error,
            Ball::Near { mid, error } => magnitude(mid).max(*error) + 1,
            _ => return Ball::Unknown,
        };
        if size == EXACT { x.clone() } else { self.add(x, &Ball::near(Big::zero(), size)) }
    }

    pub(super) fn special(&self, op: Unary, x: &Ball) -> Ball {
        let one = Ball::exact(1.0);
        match op {
            Unary::Ceil => self.neg(&self.floor(&self.neg(x))),
            Unary::Round => self.round_half_even(x),
            Unary::Log2 => self.div(&self.log(x), &self.ln2()),
            Unary::Exp2 => self.exp(&self.mul(x, &self.ln2())),
            Unary::Tan => self.div(&self.wave(Unary::Sin, x), &self.wave(Unary::Cos, x)),
            Unary::Sinh => {
                let e = self.expm1(&self.abs(x));
                let size = match e {
                    Ball::Infinite(_) => e,
                    _ => self.halved(&self.add(&e, &self.div(&e, &self.add(&e, &one)))),
                };
                if x.negative() == Some(true) { self.neg(&size) } else { size }
            }
            Unary::Cosh => self.halved(&self.add(&self.exp(x), &self.exp(&self.neg(x)))),
            Unary::Asin => {
                let cosine = self.mul(&self.sub(&one, x), &self.add(&one, x));
                self.arctan(&self.div(x, &self.sqrt(&cosine)))
            }
            Unary::Acos => {
                let square = self.div(&self.sub(&one, x), &self.add(&one, x));
                self.mul(&Ball::exact(2.0), &self.arctan(&self.sqrt(&square)))
            }
            Unary::Atan => self.arctan(x),
            Unary::Erfc => self.erfc(x),
            Unary::Erfcx => self.scaled_integral(0, x),
            Unary::Erfinv => self.erfinv(x),
            Unary::LogNdtr => self.log_ndtr(x),
            Unary::Lgamma => self.lgamma(x),
            _ => self.polygamma(0, x),
        }
    }

    pub(super) fn special_of_two(&self, op: Binary, x: &Ball, y: &Ball) -> Ball {
        let order = x.to_f64();
        let is_order = is_whole(x) && (0.0..=64.0).contains(&order);
        match op {
            Binary::Atan2 => self.angle(x, y),
            Binary::FloorDivide => self.floor(&self.div(x, y)),
            Binary::Remainder => self.sub(x, &self.mul(&self.floor(&self.div(x, y)), y)),
            Binary::Ierfcx if is_order => self.scaled_integral(order as usize, y),
            Binary::Polygamma if is_order => self.polygamma(order as usize, y),
            _ => Ball::Unknown,
        }
    }

    fn round_half_even(&self, x: &Ball) -> Ball {
        let low = self.floor(x);
        let over = self.sub(x, &low);
        let half = Ball::exact(0.5);
        let up = match self.compare(Binary::Eq, &over, &half) {
            Some(true) => !is_whole(&self.halved(&low)),
            _ => match self.compare(Binary::Gt, &over, &half) {
                Some(up) => up,
                None => return Ball::Unknown,
            },
        };
        if up { self.add(&low, &Ball::exact(1.0)) } else { low }
    }

    fn arctan(&self, x: &Ball) -> Ball {
        match x {
            Ball::Infinite(negative) => {
                let right = self.halved(&self.pi());
                if *negative { self.neg(&right) } else { right }
            }
            Ball::Near { mid, error } if magnitude(mid) < -self.digits => {
                Ball::near(mid.clone(), (*error).max(magnitude(mid) - self.digits) + 1)
            }
            // Beyond what has as many digits, by the reciprocal.
            Ball::Near { mid, .. } if magnitude(mid) > 64 => {
                let rest = self.arctan(&self.div(&Ball::exact(1.0), x));
                let right = self.halved(&self.pi());
                self.sub(&if x.negative() == Some(true) { self.neg(&right) } else { right }, &rest)
            }
            Ball::Near { mid, error } => {
                let value = self.context.atan(mid, Some(&mut self.constants.borrow_mut()));
                self.round(value, times(*error, 1))
            }
            Ball::Unknown => Ball::Unknown,
        }
    }

    fn angle(&self, y: &Ball, x: &Ball) -> Ball {
        // Where it jumps, the sign of a zero decides.
        if y.is_zero() && x.negative() != Some(false) {
            return Ball::Unknown;
        }
        match (x.is_zero(), x.negative()) {
            (true, _) => match y.negative() {
                Some(negative) => self.arctan(&Ball::Infinite(negative)),
                None => Ball::Unknown,
            },
            (_, Some(false)) => self.arctan(&self.div(y, x)),
            (_, Some(true)) => {
                let turn = if y.negative() == Some(true) { self.neg(&self.pi()) } else { self.pi() };
                self.add(&turn, &self.arctan(&self.div(y, x)))
            }
            _ => Ball::Unknown,
        }
    }

    fn erfc(&self, x: &Ball) -> Ball {
        if x.to_f64() > FAR {
            let square = self.neg(&self.squared(x));
            return self.mul(&self.exp(&square), &self.scaled_integral(0, x));
        }
        self.sub(&Ball::exact(1.0), &self.erf(x))
    }

    /// `e^(x²)·iⁿerfc(x)`: far out by the continued fraction, whose tail is between 0 and `1/(2x)`; elsewhere from
    /// `erfc` upwards.
    fn scaled_integral(&self, order: usize, x: &Ball) -> Ball {
        match x {
            Ball::Infinite(true) => return Ball::Infinite(false),
            Ball::Infinite(false) => return Ball::exact(0.0),
            _ => {}
        }
        let root = self.div(&Ball::exact(2.0), &self.sqrt(&self.pi()));
        let twice = self.mul(&Ball::exact(2.0), x);
        if x.to_f64() > FAR {
            let wanted = self.digits as f64 / (4.0 * x.to_f64());
            let terms = (wanted * wanted) as usize + order + 8;
            let bounds = [Ball::exact(0.0), self.div(&Ball::exact(1.0), &twice)];
            let [value, other] = bounds.map(|mut ratio| {
                let mut product = Ball::exact(1.0);
                for n in (0..terms).rev() {
                    let below = self.add(&twice, &self.mul(&self.whole(2 * (n + 1)), &ratio));
                    ratio = self.div(&Ball::exact(1.0), &below);
                    if n <= order {
                        product = self.mul(&product, &ratio);
                    }
                }
                self.mul(&product, &root)
            });
            return self.widened(&value, &self.sub(&value, &other));
        }
        let exponential = self.exp(&self.squared(x));
        let (mut before, mut value) = (root, self.mul(&exponential, &self.erfc(x)));
        for n in 1..=order {
            let next = self.div(&self.sub(&before, &self.mul(&twice, &value)), &self.whole(2 * n));
            (before, value) = (value, next);
        }
        value
    }

    /// Newton's steps, the last of which says how good the result is.
    fn erfinv(&self, x: &Ball) -> Ball {
        let start = (Unary::Erfinv.row().value)(x.to_f64());
        if x.is_zero() || !start.is_finite() {
            let one = [1.0, -1.0].map(|one| self.compare(Binary::Eq, x, &Ball::exact(one)) == Some(true));
            return match one {
                [true, _] => Ball::Infinite(false),
                [_, true] => Ball::Infinite(true),
                _ if x.is_zero() => Ball::exact(0.0),
                _ => Ball::Unknown,
            };
        }
        let half_root = self.halved(&self.sqrt(&self.pi()));
        let mut y = Ball::exact(start);
        let mut last = Ball::Unknown;
        for _ in 0..12 {
            let slope = self.mul(&half_root, &self.exp(&self.squared(&y)));
            let step = self.mul(&slope, &self.sub(x, &self.erf(&y)));
            let sum = self.add(&y, &step);
            last = self.widened(&sum, &self.mul(&self.squared(&step), &self.add(&y, &step)));
            let (Ball::Near { mid, .. }, Ball::Near { mid: size, .. }) = (&sum, &step) else {
                return Ball::Unknown;
            };
            if is_zero(size) || 2 * (magnitude(size) - magnitude(mid)) < -self.digits {
                return last;
            }
            y = Ball::near(mid.clone(), EXACT);
        }
        last
    }

    fn log_ndtr(&self, x: &Ball) -> Ball {
        if matches!(x, Ball::Infinite(true)) {
            return x.clone();
        }
        let t = self.div(&self.neg(x), &self.sqrt(&Ball::exact(2.0)));
        if t.to_f64() > FAR {
            let scaled = self.log(&self.halved(&self.scaled_integral(0, &t)));
            return self.sub(&scaled, &self.halved(&self.squared(x)));
        }
        match x.negative() {
            Some(true) => self.log(&self.halved(&self.erfc(&t))),
            _ => {
                let tail = self.halved(&self.erfc(&self.neg(&t)));
                self.log1p(&self.neg(&tail))
            }
        }
    }

    /// `B₂, B₄, …`.
    fn bernoulli(&self) -> &[Ball] {
        self.bernoulli.get_or_init(|| self.bernoulli_numbers(self.digits as usize / 6 + 4))
    }

    /// From the numbers of the tangent's series.
    fn bernoulli_numbers(&self, count: usize) -> Vec<Ball> {
        let mut tangents = vec![Ball::exact(1.0); count + 1];
        for k in 2..=count {
            tangents[k] = self.mul(&self.whole(k - 1), &tangents[k - 1]);
        }
        for k in 2..=count {
            for j in k..=count {
                let (a, b) = (self.whole(j - k), self.whole(j - k + 2));
                tangents[j] = self.add(&self.mul(&a, &tangents[j - 1]), &self.mul(&b, &tangents[j]));
            }
        }
        let mut four = Ball::exact(1.0);
        (1..=count)
            .map(|n| {
                four = self.mul(&four, &Ball::exact(4.0));
                let below = self.mul(&four, &self.sub(&four, &Ball::exact(1.0)));
                let size = self.div(&self.mul(&self.whole(2 * n), &tangents[n]), &below);
                if n % 2 == 1 { size } else { self.neg(&size) }
            })
            .collect()
    }

    /// How far arguments are moved before Stirling's series: what is left out of it is less than the last term.
    fn stirling(&self, order: usize) -> f64 {
        (self.digits / 4) as f64 + order as f64
    }

    fn lgamma(&self, x: &Ball) -> Ball {
        if matches!(x, Ball::Infinite(_)) || is_whole(x) && x.to_f64() <= 0.0 {
            return Ball::Infinite(false);
        }
        if is_whole(x) && (x.to_f64() == 1.0 || x.to_f64() == 2.0) {
            return Ball::exact(0.0);
        }
        if x.negative() == Some(true) {
            let sine = self.wave(Unary::Sin, &self.mul(&self.pi(), x));
            let product = self.abs(&self.mul(x, &sine));
            let log = self.log(&self.div(&self.pi(), &product));
            return self.sub(&log, &self.lgamma(&self.neg(x)));
        }
        let least = self.stirling(0);
        let (mut at, mut product) = (x.clone(), Ball::exact(1.0));
        while at.to_f64() < least {
            product = self.mul(&product, &at);
            at = self.add(&at, &Ball::exact(1.0));
        }
        let log = self.log(&at);
        let start = self.sub(&self.mul(&self.sub(&at, &Ball::exact(0.5)), &log), &at);
        let constant = self.halved(&self.log(&self.mul(&Ball::exact(2.0), &self.pi())));
        let mut sum = self.sub(&self.add(&start, &constant), &self.log(&product));
        let (square, mut power) = (self.squared(&at), at.clone());
        let mut term = Ball::exact(0.0);
        for (k, number) in (1..).zip(self.bernoulli()) {
            term = self.div(number, &self.mul(&self.whole(2 * k * (2 * k - 1)), &power));
            sum = self.add(&sum, &term);
            power = self.mul(&power, &square);
        }
        self.widened(&sum, &term)
    }

    /// The formula of Euler and Maclaurin for Hurwitz' zeta function, and for the order 0 its like.
    fn polygamma(&self, order: usize, x: &Ball) -> Ball {
        if let Ball::Infinite(negative) = x {
            return match (negative, order) {
                (true, _) => Ball::Unknown,
                (false, 0) => x.clone(),
                (false, _) => Ball::exact(0.0),
            };
        }
        if is_whole(x) && x.to_f64() <= 0.0 {
            return if order % 2 == 1 { Ball::Infinite(false) } else { Ball::Unknown };
        }
        if x.negative() == Some(true) {
            return self.reflected(order, x);
        }
        let one = Ball::exact(1.0);
        let least = self.stirling(order);
        let (mut at, mut sum) = (x.clone(), Ball::exact(0.0));
        let power = |x: &Ball, n: usize| (0..n).fold(one.clone(), |product, _| self.mul(&product, x));
        while at.to_f64() < least {
            sum = self.add(&sum, &self.div(&one, &power(&at, order + 1)));
            at = self.add(&at, &one);
        }
        let last = self.div(&one, &power(&at, order + 1));
        sum = self.add(&sum, &self.halved(&last));
        let first = match order {
            0 => self.neg(&self.log(&at)),
            _ => self.div(&self.mul(&last, &at), &self.whole(order)),
        };
        sum = self.add(&sum, &first);
        let square = self.squared(&at);
        let mut factor = self.halved(&self.mul(&self.whole(order + 1), &self.div(&last, &at)));
        let mut term = Ball::exact(0.0);
        for (j, number) in self.bernoulli().iter().enumerate() {
            term = self.mul(number, &factor);
            sum = self.add(&sum, &term);
            let k = 2 * j + order;
            let rising = self.div(&self.whole((k + 2) * (k + 3)), &square);
            factor = self.div(&self.mul(&factor, &rising), &self.whole((2 * j + 3) * (2 * j + 4)));
        }
        let factorial = (1..=order).fold(one.clone(), |product, j| self.mul(&product, &self.whole(j)));
        let value = self.mul(&factorial, &self.widened(&sum, &term));
        if order.is_multiple_of(2) { self.neg(&value) } else { value }
    }

    /// `(-1)ⁿψₙ(1-x) - π·dⁿ/dxⁿ cot(πx)`.
    fn reflected(&self, order: usize, x: &Ball) -> Ball {
        let (one, pi) = (Ball::exact(1.0), self.pi());
        let angle = self.mul(&pi, x);
        let cotangent = self.div(&self.wave(Unary::Cos, &angle), &self.wave(Unary::Sin, &angle));
        let mut polynomial = vec![Ball::exact(0.0); order + 3];
        polynomial[1] = one.clone();
        let mut scale = self.neg(&pi);
        for _ in 0..order {
            let slopes: Vec<Ball> =
                (1..polynomial.len()).map(|k| self.mul(&self.whole(k), &polynomial[k])).collect();
            polynomial = (0..order + 3)
                .map(|k| {
                    let zero = Ball::exact(0.0);
                    let lower = if k >= 2 { &slopes[k - 2] } else { &zero };
                    self.add(slopes.get(k).unwrap_or(&zero), lower)
                })
                .collect();
            scale = self.mul(&scale, &self.neg(&pi));
        }
        let value =
            polynomial.iter().rev().fold(Ball::exact(0.0), |sum, c| self.add(&self.mul(&sum, &cotangent), c));
        let other = self.polygamma(order, &self.sub(&one, x));
        let other = if order.is_multiple_of(2) { other } else { self.neg(&other) };
        self.add(&other, &self.mul(&scale, &value))
    }
}
