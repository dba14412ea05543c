//! A real number with a bound on its error, an infinity, or nothing that is known.

use dashu_float::Repr;

/// A big binary float.
pub(crate) type Big = Repr<2>;

/// What is known of a real number.
#[derive(Clone, Debug)]
pub(crate) enum Ball {
    /// `|number - mid| ≤ 2^error`; [`EXACT`] for no error at all.
    Near { mid: Big, error: i64 },
    /// An infinity, negative if `true`.
    Infinite(bool),
    /// Anything: digits ran out, or the operation has no value here.
    Unknown,
}

/// The error of a number that is exactly its middle.
pub(crate) const EXACT: i64 = i64::MIN;

/// The magnitude of zero: below that of any other number.
const ZERO: i64 = i64::MIN / 4;

impl Ball {
    /// Exactly `x`; unknown for NaN.
    pub(crate) fn exact(x: f64) -> Ball {
        if x.is_nan() {
            return Ball::Unknown;
        }
        if x.is_infinite() {
            return Ball::Infinite(x < 0.0);
        }
        let bits = x.abs().to_bits();
        let (exponent, fraction) = ((bits >> 52) as isize, bits & ((1 << 52) - 1));
        let (digits, scale) = match exponent {
            0 => (fraction, -1074),
            _ => (fraction | (1 << 52), exponent - 1075),
        };
        let size = Big::new(digits.into(), scale);
        Ball::Near { mid: if x < 0.0 && digits != 0 { -size } else { size }, error: EXACT }
    }

    /// Near `mid`, unless the error is larger than any that could be useful.
    pub(crate) fn near(mid: Big, error: i64) -> Ball {
        if mid.is_infinite() || error > i64::MAX / 8 {
            return Ball::Unknown;
        }
        // An error below everything must not wrap around when errors add up.
        Ball::Near { mid, error: if error == EXACT { EXACT } else { error.max(ZERO) } }
    }

    /// Positive or negative without doubt (`Some(true)` is negative); `None` if zero is possible.
    pub(crate) fn negative(&self) -> Option<bool> {
        match self {
            Ball::Near { mid, error } => clear(mid, *error).then(|| is_negative(mid)),
            Ball::Infinite(negative) => Some(*negative),
            Ball::Unknown => None,
        }
    }

    /// Exactly zero.
    pub(crate) fn is_zero(&self) -> bool {
        matches!(self, Ball::Near { mid, error: EXACT } if is_zero(mid))
    }

    /// Not infinite; `None` if unknown.
    pub(crate) fn is_finite(&self) -> Option<bool> {
        match self {
            Ball::Near { .. } => Some(true),
            Ball::Infinite(_) => Some(false),
            Ball::Unknown => None,
        }
    }

    /// Known to at least `bits`, relative; or so small that no float type could tell it from zero.
    pub(crate) fn has_digits(&self, bits: i64) -> bool {
        const BELOW_FLOATS: i64 = -1400;
        match self {
            Ball::Near { mid, error } => {
                *error == EXACT
                    || *error < magnitude(mid) - bits
                    || (magnitude(mid) < BELOW_FLOATS && *error < BELOW_FLOATS)
            }
            Ball::Infinite(_) => true,
            Ball::Unknown => false,
        }
    }

    /// The middle, rounded; NaN if unknown.
    pub(crate) fn to_f64(&self) -> f64 {
        match self {
            Ball::Near { mid, .. } => mid.to_f64().value(),
            Ball::Infinite(true) => f64::NEG_INFINITY,
            Ball::Infinite(false) => f64::INFINITY,
            Ball::Unknown => f64::NAN,
        }
    }
}

/// `m` with `2^(m-1) ≤ |x| < 2^m`.
pub(crate) fn magnitude(x: &Big) -> i64 {
    if is_zero(x) { ZERO } else { x.exponent() as i64 + x.digits() as i64 }
}

/// True if the ball around `mid` excludes zero by a factor of 4.
pub(crate) fn clear(mid: &Big, error: i64) -> bool {
    !is_zero(mid) && (error == EXACT || error < magnitude(mid) - 3)
}

pub(crate) fn is_zero(x: &Big) -> bool {
    x.is_pos_zero() || x.is_neg_zero()
}

pub(crate) fn is_negative(x: &Big) -> bool {
    *x < Big::zero()
}
