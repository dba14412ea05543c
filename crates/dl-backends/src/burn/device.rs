//! Single-precision functions for devices whose own are rough: shader languages promise neither
//! small relative errors inner zeros nor what becomes of NaN.

use std::marker::PhantomData;

use burn_backend::tensor::FloatTensor;
use burn_backend::{Backend, BoolDType, Scalar};
use dl_core::ops::Unary;

/// Which of a device's own functions miss what is promised of them, as `burn/check.rs` finds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rough {
    pub(super) log: bool,
    /// Sine and cosine.
    pub(super) angles: bool,
    pub(super) pow: bool,
}

impl Rough {
    /// All of them.
    #[cfg(all(test, feature = "flex"))]
    pub(super) const ALL: Rough = Rough { log: true, angles: true, pow: true };
}

/// The functions that need care; `None` for those that the device has.
pub(super) fn unary<B: Backend>(
    op: Unary,
    x: FloatTensor<B>,
    bools: BoolDType,
    rough: Rough,
) -> Option<FloatTensor<B>> {
    let f = OnDevice::<B> { bools, backend: PhantomData };
    Some(match op {
        Unary::Log if rough.log => f.log(x),
        Unary::Sin if rough.angles => f.angle(x, 0.0),
        Unary::Cos if rough.angles => f.angle(x, 1.0),
        Unary::Expm1 => f.expm1(x),
        Unary::Log1p => f.log1p(x),
        Unary::Tanh => f.tanh(x),
        Unary::Sigmoid => f.sigmoid(x),
        Unary::Softplus => f.softplus(x),
        Unary::Relu => f.relu(x),
        Unary::Erf => f.erf(x),
        _ => return None,
    })
}

/// `x` to the power of `y` as IEEE 754 has it, negative bases and infinities included.
pub(super) fn pow<B: Backend>(
    x: FloatTensor<B>,
    y: FloatTensor<B>,
    bools: BoolDType,
    rough: Rough,
) -> FloatTensor<B> {
    let (zero, one, nan) = (Scalar::Float(0.0), Scalar::Float(1.0), Scalar::Float(f64::NAN));
    let largest = Scalar::Float(f64::from(f32::MAX));
    let finite = |t: FloatTensor<B>| B::float_lower_equal_elem(B::float_abs(t), largest, bools);
    let below = |t: FloatTensor<B>| B::float_lower_elem(t, zero, bools);

    let size = if rough.pow {
        let log = OnDevice::<B> { bools, backend: PhantomData }.log(B::float_abs(x.clone()));
        B::float_exp(B::float_mul(log, y.clone()))
    } else {
        B::float_powf(B::float_abs(x.clone()), y.clone())
    };
    let endless = B::bool_and(B::float_equal_elem(x.clone(), zero, bools), below(y.clone()));
    let size = B::float_mask_fill(size, endless, Scalar::Float(f64::INFINITY));

    // A negative base gives NaN unless y is whole, and a negative power where y is odd.
    let whole = B::float_equal(B::float_floor(y.clone()), y.clone(), bools);
    let half = scaled::<B>(y.clone(), 0.5);
    let even = B::float_equal(B::float_floor(half.clone()), half, bools);
    let odd = B::bool_and(whole.clone(), B::bool_not(even));
    let signed = B::float_mask_where(size.clone(), odd, B::float_neg(size.clone()));
    let below_zero = B::bool_and(finite(x.clone()), below(x.clone()));
    let signed = B::float_mask_fill(signed, B::bool_and(below_zero, B::bool_not(whole)), nan);
    // The reciprocal tells -0 from 0.
    let negative = B::bool_or(below(x.clone()), below(B::float_recip(x.clone())));
    let power = B::float_mask_where(size, negative, signed);

    let missing = B::bool_or(B::float_is_nan(x.clone(), bools), B::float_is_nan(y.clone(), bools));
    let power = B::float_mask_fill(power, missing, nan);
    let unit = B::float_equal_elem(B::float_abs(x.clone()), one, bools);
    let infinite = B::bool_not(B::bool_or(finite(y.clone()), B::float_is_nan(y.clone(), bools)));
    let known = B::bool_or(B::float_equal_elem(x, one, bools), B::float_equal_elem(y, zero, bools));
    B::float_mask_fill(power, B::bool_or(known, B::bool_and(unit, infinite)), one)
}

/// Maximum or minimum along `axis`, which keeps size 1; NaN if one element is.
pub(super) fn extreme<B: Backend>(
    x: FloatTensor<B>,
    axis: usize,
    max: bool,
    bools: BoolDType,
) -> FloatTensor<B> {
    let nan = B::bool_any_dim(B::float_is_nan(x.clone(), bools), axis);
    let found = if max { B::float_max_dim(x, axis) } else { B::float_min_dim(x, axis) };
    B::float_mask_fill(found, nan, Scalar::Float(f64::NAN))
}

/// A right angle in parts: the first two have so few digits that small multiples of them are exact.
const QUARTER: [f64; 3] = [1.570_312_5, 4.837_512_969_970_703e-4, 7.549_789_948_768_648e-8];

fn scaled<B: Backend>(x: FloatTensor<B>, by: f64) -> FloatTensor<B> {
    B::float_mul_scalar(x, Scalar::Float(by))
}

fn plus<B: Backend>(x: FloatTensor<B>, c: f64) -> FloatTensor<B> {
    B::float_add_scalar(x, Scalar::Float(c))
}

struct OnDevice<B: Backend> {
    bools: BoolDType,
    backend: PhantomData<B>,
}

impl<B: Backend> OnDevice<B> {
    /// `inner` where `|x| < edge`, else `elsewhere`.
    fn around(
        &self,
        x: FloatTensor<B>,
        edge: f64,
        inner: FloatTensor<B>,
        elsewhere: FloatTensor<B>,
    ) -> FloatTensor<B> {
        let inside = B::float_lower_elem(B::float_abs(x), Scalar::Float(edge), self.bools);
        B::float_mask_where(elsewhere, inside, inner)
    }

    fn relu(&self, x: FloatTensor<B>) -> FloatTensor<B> {
        let negative = B::float_lower_elem(x.clone(), Scalar::Float(0.0), self.bools);
        B::float_mask_fill(x, negative, Scalar::Float(0.0))
    }

    /// Taylor's series around 0, in Horner's form.
    fn expm1(&self, x: FloatTensor<B>) -> FloatTensor<B> {
        let mut sum = plus::<B>(scaled::<B>(x.clone(), 1.0 / 8.0), 1.0);
        for k in (2..8).rev() {
            sum = plus::<B>(scaled::<B>(B::float_mul(sum, x.clone()), 1.0 / f64::from(k)), 1.0);
        }
        let series = B::float_mul(sum, x.clone());
        self.around(x.clone(), 0.5, series, plus::<B>(B::float_exp(x), -1.0))
    }

    fn log1p(&self, x: FloatTensor<B>) -> FloatTensor<B> {
        self.around(x.clone(), 0.3, self.log_beside_one(x.clone()), B::float_log(plus::<B>(x, 1.0)))
    }

    /// Near 1, where the device's own has only a small absolute error; the difference from 1 is exact there.
    fn log(&self, x: FloatTensor<B>) -> FloatTensor<B> {
        let f = plus::<B>(x.clone(), -1.0);
        self.around(f.clone(), 0.3, self.log_beside_one(f), B::float_log(x))
    }

    /// The logarithm of `1 + f`: `2·artanh(f/(2+f))`.
    fn log_beside_one(&self, f: FloatTensor<B>) -> FloatTensor<B> {
        let s = B::float_div(f.clone(), plus::<B>(f, 2.0));
        let square = B::float_mul(s.clone(), s.clone());
        let mut sum = plus::<B>(scaled::<B>(square.clone(), 1.0 / 11.0), 1.0 / 9.0);
        for k in [7.0, 5.0, 3.0, 1.0] {
            sum = plus::<B>(B::float_mul(sum, square.clone()), 1.0 / k);
        }
        scaled::<B>(B::float_mul(sum, s), 2.0)
    }

    /// The sine of `x` and so many right angles: the nearest multiple of one is taken off in three parts, of which
    /// the products are exact up to some thousand turns.
    fn angle(&self, x: FloatTensor<B>, right_angles: f64) -> FloatTensor<B> {
        let turns = B::float_floor(plus::<B>(scaled::<B>(x.clone(), std::f64::consts::FRAC_2_PI), 0.5));
        let mut rest = x;
        for part in QUARTER {
            rest = B::float_sub(rest, scaled::<B>(turns.clone(), part));
        }
        let square = B::float_mul(rest.clone(), rest.clone());
        // Taylor's series, in Horner's form.
        let series = |last: f64| {
            let mut sum = plus::<B>(scaled::<B>(square.clone(), -1.0 / (last * (last - 1.0))), 1.0);
            let mut n = last - 2.0;
            while n > 1.0 {
                let factor = -1.0 / (n * (n - 1.0));
                sum = plus::<B>(scaled::<B>(B::float_mul(sum, square.clone()), factor), 1.0);
                n -= 2.0;
            }
            sum
        };
        let (sine, cosine) = (B::float_mul(series(9.0), rest), series(8.0));
        let quarter = plus::<B>(turns, right_angles);
        let fourths = B::float_floor(scaled::<B>(quarter.clone(), 0.25));
        // 0 to 3.
        let quarter = B::float_sub(quarter, scaled::<B>(fourths, 4.0));
        let is = |n: f64| B::float_equal_elem(quarter.clone(), Scalar::Float(n), self.bools);
        let size = B::float_mask_where(sine, B::bool_or(is(1.0), is(3.0)), cosine);
        B::float_mask_where(size.clone(), B::bool_or(is(2.0), is(3.0)), B::float_neg(size))
    }

    /// Lambert's continued fraction around 0; elsewhere by the exponential, which may overflow.
    fn tanh(&self, x: FloatTensor<B>) -> FloatTensor<B> {
        let square = B::float_mul(x.clone(), x.clone());
        let mut fraction = plus::<B>(scaled::<B>(square.clone(), 1.0 / 11.0), 9.0);
        for k in [7.0, 5.0, 3.0, 1.0] {
            fraction = plus::<B>(B::float_div(square.clone(), fraction), k);
        }
        let inner = B::float_div(x.clone(), fraction);
        let e = B::float_exp(scaled::<B>(B::float_abs(x.clone()), 2.0));
        let size = plus::<B>(scaled::<B>(B::float_recip(plus::<B>(e, 1.0)), -2.0), 1.0);
        let negative = B::float_lower_elem(x.clone(), Scalar::Float(0.0), self.bools);
        let elsewhere = B::float_mask_where(size.clone(), negative, B::float_neg(size));
        self.around(x, 1.0, inner, elsewhere)
    }

    /// The exponential is of a number that is not positive.
    fn sigmoid(&self, x: FloatTensor<B>) -> FloatTensor<B> {
        let e = B::float_exp(B::float_neg(B::float_abs(x.clone())));
        let right = B::float_recip(plus::<B>(e.clone(), 1.0));
        let left = B::float_mul(e, right.clone());
        let negative = B::float_lower_elem(x, Scalar::Float(0.0), self.bools);
        B::float_mask_where(right, negative, left)
    }

    /// `max(x, 0) + log(1 + e^-|x|)`.
    fn softplus(&self, x: FloatTensor<B>) -> FloatTensor<B> {
        let e = B::float_exp(B::float_neg(B::float_abs(x.clone())));
        B::float_add(self.relu(x), self.log1p(e))
    }

    /// The Taylor series around 0, where the device's own has only a small absolute error.
    fn erf(&self, x: FloatTensor<B>) -> FloatTensor<B> {
        let square = B::float_mul(x.clone(), x.clone());
        // (-1)^k / (k!·(2k+1)), the last first.
        let mut sum = plus::<B>(scaled::<B>(square.clone(), -1.0 / 75_600.0), 1.0 / 9_360.0);
        for c in [-1.0 / 1_320.0, 1.0 / 216.0, -1.0 / 42.0, 1.0 / 10.0, -1.0 / 3.0, 1.0] {
            sum = plus::<B>(B::float_mul(sum, square.clone()), c);
        }
        let series = B::float_mul(scaled::<B>(sum, std::f64::consts::FRAC_2_SQRT_PI), x.clone());
        self.around(x.clone(), 0.8, series, B::float_erf(x))
    }
}
