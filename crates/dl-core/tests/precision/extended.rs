//! Extended precision: every operation on numbers with error bounds, so that lost digits are noticed.

use std::cell::RefCell;
use std::cmp::Ordering;

use dashu_float::round::mode::HalfEven;
use dashu_float::{ConstCache, Context, FBig, FpError, FpResult};
use dl_core::ops::{Binary, Unary};

use super::ball::{Ball, Big, EXACT, clear, is_negative, is_zero, magnitude};
use super::evaluate::Arithmetic;

mod special;

/// Arithmetic with so many binary digits.
pub(crate) struct Extended {
    digits: i64,
    context: Context<HalfEven>,
    constants: RefCell<ConstCache>,
}

type Rounded = FpResult<FBig<HalfEven, 2>>;

impl Extended {
    /// With so many binary digits.
    pub(crate) fn new(digits: usize) -> Self {
        Extended { digits: digits as i64, context: Context::new(digits), constants: ConstCache::new().into() }
    }

    /// An operation's result, whose operands' errors make `error` of its own.
    fn round(&self, result: Rounded, error: i64) -> Ball {
        match result {
            Ok(value) => {
                let exact = error == EXACT && value.error_ref().is_none();
                let mid = value.value().into_repr();
                let rounding = magnitude(&mid) - self.digits;
                Ball::near(mid, if exact { EXACT } else { error.max(rounding) + 1 })
            }
            // Too small for an exponent of 63 bits.
            Err(FpError::Underflow(_)) => Ball::near(Big::zero(), error.max(-(1 << 61)) + 1),
            Err(_) => Ball::Unknown,
        }
    }

    fn add(&self, x: &Ball, y: &Ball) -> Ball {
        match (x, y) {
            (Ball::Near { mid: a, error: e }, Ball::Near { mid: b, error: f }) => {
                let (large, small) = if magnitude(a) >= magnitude(b) { (a, b) } else { (b, a) };
                if magnitude(large) - magnitude(small) > self.digits + 8 && !is_zero(small) {
                    return Ball::near(large.clone(), (*e).max(*f).max(magnitude(small)) + 2);
                }
                if is_zero(small) {
                    return Ball::near(large.clone(), joined(*e, *f));
                }
                self.round(self.context.add(a, b), joined(*e, *f))
            }
            (Ball::Infinite(a), Ball::Infinite(b)) if a != b => Ball::Unknown,
            (Ball::Infinite(a), Ball::Near { .. } | Ball::Infinite(_))
            | (Ball::Near { .. }, Ball::Infinite(a)) => Ball::Infinite(*a),
            _ => Ball::Unknown,
        }
    }

    fn neg(&self, x: &Ball) -> Ball {
        match x {
            Ball::Near { mid, error } if !is_zero(mid) => Ball::Near { mid: -mid.clone(), error: *error },
            Ball::Infinite(negative) => Ball::Infinite(!negative),
            other => other.clone(),
        }
    }

    fn sub(&self, x: &Ball, y: &Ball) -> Ball {
        self.add(x, &self.neg(y))
    }

    fn mul(&self, x: &Ball, y: &Ball) -> Ball {
        match (x, y) {
            (Ball::Near { mid: a, error: e }, Ball::Near { mid: b, error: f }) => {
                if x.is_zero() || y.is_zero() {
                    return Ball::exact(0.0);
                }
                let error = times(*f, magnitude(a)).max(times(*e, magnitude(b))).max(both(*e, *f));
                let error = if error == EXACT { EXACT } else { error + 2 };
                self.round(self.context.mul(a, b), error)
            }
            _ => self.infinite_product(x, y),
        }
    }

    fn infinite_product(&self, x: &Ball, y: &Ball) -> Ball {
        match (x.negative(), y.negative()) {
            (Some(a), Some(b)) => Ball::Infinite(a != b),
            _ => Ball::Unknown,
        }
    }

    fn div(&self, x: &Ball, y: &Ball) -> Ball {
        match (x, y) {
            (Ball::Near { .. }, Ball::Infinite(_)) => Ball::exact(0.0),
            (_, Ball::Near { .. }) if y.is_zero() => match x.negative() {
                Some(negative) => Ball::Infinite(negative),
                None => Ball::Unknown,
            },
            (Ball::Infinite(_), Ball::Near { .. }) => self.infinite_product(x, y),
            (Ball::Near { mid: a, error: e }, Ball::Near { mid: b, error: f }) => {
                if x.is_zero() {
                    return Ball::exact(0.0);
                }
                if !clear(b, *f) {
                    return Ball::Unknown;
                }
                let below = magnitude(b) - 1;
                let error = times(*e, -below).max(times(*f, magnitude(a) - 2 * below));
                self.round(self.context.div(a, b), if error == EXACT { EXACT } else { error + 2 })
            }
            _ => Ball::Unknown,
        }
    }

    fn exp(&self, x: &Ball) -> Ball {
        match x {
            Ball::Near { mid, error } if *error < 0 && magnitude(mid) < -self.digits => {
                Ball::near(Big::one(), (*error).max(magnitude(mid)) + 1)
            }
            Ball::Near { mid, .. } if magnitude(mid) > LARGEST_EXPONENT => match is_negative(mid) {
                true => Ball::near(Big::zero(), -(1 << LARGEST_EXPONENT)),
                false => Ball::Unknown,
            },
            Ball::Near { mid, error } if *error < 0 => {
                let power = self.context.exp(mid, Some(&mut self.constants.borrow_mut()));
                let size = power.as_ref().map_or(-(1 << 61), |p| magnitude(p.value_ref().repr()));
                self.round(power, times(*error, size + 1))
            }
            Ball::Infinite(true) => Ball::exact(0.0),
            Ball::Infinite(false) => Ball::Infinite(false),
            _ => Ball::Unknown,
        }
    }

    fn expm1(&self, x: &Ball) -> Ball {
        match x {
            Ball::Near { mid, error } if *error < 0 && magnitude(mid) < -self.digits => {
                Ball::near(mid.clone(), (*error).max(magnitude(mid) - self.digits) + 1)
            }
            Ball::Near { mid, .. } if magnitude(mid) > LARGEST_EXPONENT => {
                self.sub(&self.exp(x), &Ball::exact(1.0))
            }
            Ball::Near { mid, error } if *error < 0 => {
                let power = self.context.exp_m1(mid, Some(&mut self.constants.borrow_mut()));
                let size = power.as_ref().map_or(1, |p| magnitude(p.value_ref().repr()).max(1));
                self.round(power, times(*error, size + 2))
            }
            Ball::Infinite(true) => Ball::exact(-1.0),
            Ball::Infinite(false) => Ball::Infinite(false),
            _ => Ball::Unknown,
        }
    }

    fn log(&self, x: &Ball) -> Ball {
        match x {
            _ if x.is_zero() => Ball::Infinite(true),
            Ball::Near { mid, error } if clear(mid, *error) && !is_negative(mid) => {
                let value = self.context.ln(mid, Some(&mut self.constants.borrow_mut()));
                self.round(value, times(*error, 2 - magnitude(mid)))
            }
            Ball::Infinite(false) => Ball::Infinite(false),
            _ => Ball::Unknown,
        }
    }

    fn log1p(&self, x: &Ball) -> Ball {
        match x {
            Ball::Near { mid, error } if magnitude(mid) < -self.digits => {
                Ball::near(mid.clone(), (*error).max(magnitude(mid) - self.digits) + 1)
            }
            Ball::Near { mid, error } if magnitude(mid) < 0 && *error < -3 => {
                let value = self.context.ln_1p(mid, Some(&mut self.constants.borrow_mut()));
                self.round(value, times(*error, 2))
            }
            _ => self.log(&self.add(&Ball::exact(1.0), x)),
        }
    }

    fn sqrt(&self, x: &Ball) -> Ball {
        match x {
            _ if x.is_zero() => Ball::exact(0.0),
            Ball::Near { mid, error } if clear(mid, *error) && !is_negative(mid) => {
                let error = times(*error, -(magnitude(mid) - 1).div_euclid(2));
                self.round(self.context.sqrt(mid), error)
            }
            Ball::Near { mid, error } if is_zero(mid) => Ball::near(Big::zero(), error / 2 + 1),
            Ball::Infinite(false) => Ball::Infinite(false),
            _ => Ball::Unknown,
        }
    }

    fn wave(&self, op: Unary, x: &Ball) -> Ball {
        let Ball::Near { mid, error } = x else { return Ball::Unknown };
        // Near zero sin(x) is x but for x³, and cos(x) is 1 but for x²; far away all digits are of whole turns.
        if magnitude(mid) < -self.digits || magnitude(mid) > self.digits || *error > 0 {
            let near = *error < -self.digits && magnitude(mid) < -self.digits;
            return match op {
                _ if !near => Ball::Unknown,
                Unary::Sin => Ball::near(mid.clone(), (*error).max(magnitude(mid) - self.digits) + 1),
                _ => Ball::near(Big::one(), -self.digits),
            };
        }
        let cache = &mut self.constants.borrow_mut();
        let value = if op == Unary::Sin {
            self.context.sin(mid, Some(cache))
        } else {
            self.context.cos(mid, Some(cache))
        };
        self.round(value, times(*error, 1))
    }

    /// By the exponential of what is not positive, from which both signs follow.
    fn tanh(&self, x: &Ball) -> Ball {
        let e = self.expm1(&self.mul(&Ball::exact(-2.0), &self.abs(x)));
        let size = self.neg(&self.div(&e, &self.add(&e, &Ball::exact(2.0))));
        if x.negative() == Some(true) { self.neg(&size) } else { size }
    }

    fn sigmoid(&self, x: &Ball) -> Ball {
        let one = Ball::exact(1.0);
        if x.negative() == Some(true) {
            let e = self.exp(x);
            return self.div(&e, &self.add(&one, &e));
        }
        self.div(&one, &self.add(&one, &self.exp(&self.neg(x))))
    }

    fn softplus(&self, x: &Ball) -> Ball {
        if x.negative() == Some(true) {
            return self.log1p(&self.exp(x));
        }
        self.add(x, &self.log1p(&self.exp(&self.neg(x))))
    }

    fn abs(&self, x: &Ball) -> Ball {
        match x {
            Ball::Near { mid, .. } if is_negative(mid) => self.neg(x),
            Ball::Infinite(_) => Ball::Infinite(false),
            other => other.clone(),
        }
    }

    /// `2/√π · e^(-x²) · Σ 2ⁿ x^(2n+1) / (2n+1)!!`, whose terms are all of one sign.
    fn erf(&self, x: &Ball) -> Ball {
        if let Ball::Infinite(negative) = x {
            return Ball::exact(if *negative { -1.0 } else { 1.0 });
        }
        if matches!(x, Ball::Near { error, .. } if *error > 0) || matches!(x, Ball::Unknown) {
            return Ball::Unknown;
        }
        let square = self.mul(x, x);
        if square.to_f64() > self.digits as f64 {
            let sign = if x.negative() == Some(true) { -1.0 } else { 1.0 };
            return self.add(&Ball::exact(sign), &Ball::near(Big::zero(), -self.digits));
        }
        let (mut term, mut sum) = (x.clone(), x.clone());
        for n in 1.. {
            term = self.mul(&term, &self.div(&square, &Ball::exact(f64::from(n) + 0.5)));
            sum = self.add(&sum, &term);
            if let (Ball::Near { mid: t, .. }, Ball::Near { mid: s, .. }) = (&term, &sum)
                && f64::from(n) > square.to_f64()
                && (is_zero(t) || magnitude(t) < magnitude(s) - self.digits)
            {
                break;
            }
        }
        let root = self.sqrt(&self.pi());
        let scale = self.div(&self.mul(&Ball::exact(2.0), &self.exp(&self.neg(&square))), &root);
        self.mul(&scale, &sum)
    }

    fn floor(&self, x: &Ball) -> Ball {
        let Ball::Near { mid, error } = x else { return x.clone() };
        if magnitude(mid) > self.digits || magnitude(mid) < -self.digits && !is_zero(mid) {
            return Ball::Unknown;
        }
        let value = FBig::<HalfEven, 2>::from_repr(mid.clone(), self.context).floor();
        let rest = self.sub(x, &Ball::near(value.repr().clone(), EXACT));
        let certain = *error == EXACT || (rest.negative() == Some(false) && rest.to_f64() < 0.999);
        if certain { Ball::near(value.into_repr(), EXACT) } else { Ball::Unknown }
    }

    fn pow(&self, x: &Ball, y: &Ball) -> Ball {
        let exponent = y.to_f64();
        let whole =
            matches!(y, Ball::Near { error: EXACT, .. }) && exponent.fract() == 0.0 && exponent.abs() <= 64.0;
        if y.is_zero() {
            return Ball::exact(1.0);
        }
        if whole {
            let one = Ball::exact(1.0);
            let power = (0..exponent.abs() as u32).fold(one.clone(), |p, _| self.mul(&p, x));
            return if exponent < 0.0 { self.div(&one, &power) } else { power };
        }
        if x.is_zero() {
            return match y.negative() {
                Some(false) => Ball::exact(0.0),
                Some(true) => Ball::Infinite(false),
                None => Ball::Unknown,
            };
        }
        self.exp(&self.mul(y, &self.log(x)))
    }

    /// The order, if the errors leave no doubt.
    fn order(&self, x: &Ball, y: &Ball) -> Option<Ordering> {
        match (x, y) {
            (Ball::Infinite(a), Ball::Infinite(b)) => Some(b.cmp(a)),
            (Ball::Infinite(a), Ball::Near { .. }) => {
                Some(if *a { Ordering::Less } else { Ordering::Greater })
            }
            (Ball::Near { .. }, Ball::Infinite(b)) => {
                Some(if *b { Ordering::Greater } else { Ordering::Less })
            }
            (Ball::Near { mid: a, error: EXACT }, Ball::Near { mid: b, error: EXACT }) => Some(a.cmp(b)),
            (Ball::Near { .. }, Ball::Near { .. }) => {
                let less = self.sub(x, y).negative()?;
                Some(if less { Ordering::Less } else { Ordering::Greater })
            }
            _ => None,
        }
    }

    fn extreme(&self, x: &Ball, y: &Ball, wanted: Ordering) -> Ball {
        match (self.order(x, y), x, y) {
            (Some(order), ..) => (if order == wanted { x } else { y }).clone(),
            (None, Ball::Near { mid: a, error: e }, Ball::Near { mid: b, error: f }) => {
                Ball::near(if a.cmp(b) == wanted { a } else { b }.clone(), joined(*e, *f))
            }
            _ => Ball::Unknown,
        }
    }
}

impl Arithmetic for Extended {
    type Real = Ball;

    fn real(&self, x: f64) -> Ball {
        Ball::exact(x)
    }

    fn unary(&self, op: Unary, x: &Ball) -> Ball {
        match op {
            Unary::Neg => self.neg(x),
            Unary::Abs => self.abs(x),
            Unary::Sign => match x.negative() {
                _ if x.is_zero() => Ball::exact(0.0),
                Some(negative) => Ball::exact(if negative { -1.0 } else { 1.0 }),
                None => Ball::Unknown,
            },
            Unary::Exp => self.exp(x),
            Unary::Expm1 => self.expm1(x),
            Unary::Log => self.log(x),
            Unary::Log1p => self.log1p(x),
            Unary::Sqrt => self.sqrt(x),
            Unary::Sin | Unary::Cos => self.wave(op, x),
            Unary::Tanh => self.tanh(x),
            Unary::Sigmoid => self.sigmoid(x),
            Unary::Softplus => self.softplus(x),
            Unary::Relu => self.extreme(x, &Ball::exact(0.0), Ordering::Greater),
            Unary::Erf => self.erf(x),
            Unary::Floor => self.floor(x),
            Unary::IsFinite | Unary::Not => Ball::Unknown,
            Unary::Ceil | Unary::Round | Unary::Log2 | Unary::Exp2 | Unary::Tan | Unary::Sinh => {
                self.special(op, x)
            }
            Unary::Cosh | Unary::Asin | Unary::Acos | Unary::Atan | Unary::Erfc | Unary::Erfcx => {
                self.special(op, x)
            }
            Unary::Erfinv | Unary::LogNdtr | Unary::Lgamma | Unary::Digamma => self.special(op, x),
        }
    }

    fn binary(&self, op: Binary, x: &Ball, y: &Ball) -> Ball {
        match op {
            Binary::Add => self.add(x, y),
            Binary::Sub => self.sub(x, y),
            Binary::Mul => self.mul(x, y),
            Binary::Div => self.div(x, y),
            Binary::Pow => self.pow(x, y),
            Binary::Max => self.extreme(x, y, Ordering::Greater),
            Binary::Min => self.extreme(x, y, Ordering::Less),
            Binary::Atan2 | Binary::FloorDivide | Binary::Remainder | Binary::Ierfcx | Binary::Polygamma => {
                self.special_of_two(op, x, y)
            }
            _ => Ball::Unknown,
        }
    }

    fn compare(&self, op: Binary, x: &Ball, y: &Ball) -> Option<bool> {
        op.compare(&self.order(x, y)?, &Ordering::Equal)
    }

    fn is_finite(&self, x: &Ball) -> Option<bool> {
        x.is_finite()
    }

    fn unknown(&self) -> Ball {
        Ball::Unknown
    }
}

/// Exponentials of larger numbers than two to this are not worth a representation.
const LARGEST_EXPONENT: i64 = 40;

/// The error of a sum.
fn joined(e: i64, f: i64) -> i64 {
    match (e, f) {
        (EXACT, other) | (other, EXACT) => other,
        (e, f) => e.max(f) + 1,
    }
}

/// An error times `2^by`.
fn times(error: i64, by: i64) -> i64 {
    if error == EXACT { EXACT } else { error.saturating_add(by).max(i64::MIN / 4) }
}

/// The product of two errors.
fn both(e: i64, f: i64) -> i64 {
    if e == EXACT || f == EXACT { EXACT } else { times(e, f) }
}
