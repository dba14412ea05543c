//! Running sums, products, extremes and logarithms of sums along an axis, and linear recurrences.

use serde::{Deserialize, Serialize};

use crate::dim::Dim;
use crate::graph::{Axes, Expr, Node};
use crate::ops::{Binary, Op, Signature, Unary, check_axis};

macro_rules! cumulatives {
    ($($(#[$doc:meta])* $kind:ident $name:literal $identity:expr;)*) => {
        /// What runs along an axis: the element at a place is computed from those up to it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Cumulative { $($(#[$doc])* $kind),* }

        impl Cumulative {
            /// All of them.
            pub const ALL: &[Cumulative] = &[$(Cumulative::$kind),*];

            /// The name in listings.
            pub fn name(self) -> &'static str {
                match self { $(Cumulative::$kind => $name),* }
            }

            /// The value of nothing: where an exclusive one begins.
            pub fn identity(self) -> f64 {
                match self { $(Cumulative::$kind => $identity),* }
            }
        }
    };
}

cumulatives! {
    /// `x₀ + … + xᵢ`; integers wrap.
    Sum       "cumsum"       0.0;
    /// `x₀ · … · xᵢ`; integers wrap.
    Prod      "cumprod"      1.0;
    /// The largest of `x₀ … xᵢ`; NaN once one is.
    Max       "cummax"       f64::NEG_INFINITY;
    /// The smallest of `x₀ … xᵢ`; NaN once one is.
    Min       "cummin"       f64::INFINITY;
    /// `log(exp x₀ + … + exp xᵢ)`, which neither overflows nor loses digits.
    LogSumExp "logcumsumexp" f64::NEG_INFINITY;
}

/// From where to where [`Expr::cumulative`] runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefix {
    /// From the last element to the first.
    pub reverse: bool,
    /// Without the element at the place itself: the first one is the value of nothing.
    pub exclusive: bool,
}

impl Prefix {
    /// From the first element, each place with its own.
    pub const INCLUSIVE: Prefix = Prefix { reverse: false, exclusive: false };

    /// From the last element to the first.
    pub const fn reverse(self) -> Prefix {
        Prefix { reverse: true, ..self }
    }

    /// Without the element at the place itself.
    pub const fn exclusive(self) -> Prefix {
        Prefix { exclusive: true, ..self }
    }
}

impl Cumulative {
    pub(crate) fn signature(self, axis: usize, x: &Node) -> Result<Signature, String> {
        check_axis(self.name(), axis, &x.shape)?;
        let fits = if self == Cumulative::LogSumExp { x.dtype.is_float() } else { x.dtype.is_numeric() };
        if !fits {
            let wanted = if self == Cumulative::LogSumExp { "floats" } else { "numbers" };
            return Err(format!("{} needs {wanted}, got {}: cast it first", self.name(), x.dtype));
        }
        Ok((x.dtype, x.shape.clone()))
    }

    /// Two integers as one, for all kinds that integers have; wraps.
    pub fn combine_i64(self, a: i64, b: i64) -> i64 {
        match self {
            Cumulative::Sum | Cumulative::LogSumExp => a.wrapping_add(b),
            Cumulative::Prod => a.wrapping_mul(b),
            Cumulative::Max => a.max(b),
            Cumulative::Min => a.min(b),
        }
    }
}

/// One line of a cumulative operation in double precision, element by element: how executors compute it.
///
/// ```
/// use dl_core::ops::{Cumulative, Running};
/// let mut running = Running::new(Cumulative::LogSumExp);
/// assert_eq!(running.next(1000.0), 1000.0);
/// assert_eq!(running.next(1000.0), 1000.0 + 2f64.ln());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Running {
    kind: Cumulative,
    /// The sum, product or extreme so far; the largest exponent of a logarithm.
    value: f64,
    /// What rounding took from a sum; the sum of exponentials relative to the largest.
    beside: f64,
}

impl Running {
    /// Before the first element.
    pub fn new(kind: Cumulative) -> Running {
        Running { kind, value: kind.identity(), beside: 0.0 }
    }

    /// The value up to `x`, which comes next.
    pub fn next(&mut self, x: f64) -> f64 {
        match self.kind {
            Cumulative::Sum => {
                // Knuth's sum of two, and its error.
                let sum = self.value + x;
                let part = sum - self.value;
                self.beside += (self.value - (sum - part)) + (x - part);
                self.value = sum;
                if sum.is_finite() { sum + self.beside } else { sum }
            }
            Cumulative::Prod => {
                self.value *= x;
                self.value
            }
            Cumulative::Max => self.extreme(Binary::Max, x),
            Cumulative::Min => self.extreme(Binary::Min, x),
            Cumulative::LogSumExp => self.log_sum_exp(x),
        }
    }

    fn extreme(&mut self, op: Binary, x: f64) -> f64 {
        self.value = (op.row().value)(self.value, x);
        self.value
    }

    /// Milakov, Gimelshein: "Online normalizer calculation for softmax", 2018.
    fn log_sum_exp(&mut self, x: f64) -> f64 {
        let exp = Unary::Exp.row().value;
        if x > self.value {
            self.beside = self.beside * exp(self.value - x) + 1.0;
            self.value = x;
        } else if x.is_nan() {
            self.value = x;
        } else if self.value > f64::NEG_INFINITY {
            self.beside += if x == self.value { 1.0 } else { exp(x - self.value) };
        }
        if self.value.is_finite() { self.value + (Unary::Log.row().value)(self.beside) } else { self.value }
    }
}

pub(crate) fn recurrence_signature(axis: usize, a: &Node, b: &Node) -> Result<Signature, String> {
    check_axis("linear_recurrence", axis, &a.shape)?;
    if !a.dtype.is_float() || a.dtype != b.dtype || a.shape != b.shape {
        return Err(format!(
            "linear_recurrence of {} {} and {} {}: floats of one type and shape are needed",
            a.dtype, a.shape, b.dtype, b.shape
        ));
    }
    Ok((a.dtype, a.shape.clone()))
}

impl<'g> Expr<'g> {
    /// Running sums along `axis`, which stays: `[a, b, c]` gives `[a, a+b, a+b+c]`.
    /// [`cumulative`](Expr::cumulative) runs backwards, or leaves out the element itself.
    #[track_caller]
    pub fn cumsum(self, axis: isize) -> Expr<'g> {
        self.cumulative(Cumulative::Sum, axis, Prefix::INCLUSIVE)
    }

    /// Running products along `axis`, which stays. The gradient is right where elements are 0.
    #[track_caller]
    pub fn cumprod(self, axis: isize) -> Expr<'g> {
        self.cumulative(Cumulative::Prod, axis, Prefix::INCLUSIVE)
    }

    /// The largest element so far along `axis`, which stays. The gradient goes to the element that it
    /// is, to the latest of equal ones.
    #[track_caller]
    pub fn cummax(self, axis: isize) -> Expr<'g> {
        self.cumulative(Cumulative::Max, axis, Prefix::INCLUSIVE)
    }

    /// The smallest element so far along `axis`, which stays; the gradient as of [`cummax`](Expr::cummax).
    #[track_caller]
    pub fn cummin(self, axis: isize) -> Expr<'g> {
        self.cumulative(Cumulative::Min, axis, Prefix::INCLUSIVE)
    }

    /// `log(exp x₀ + … + exp xᵢ)` along `axis`, which stays: stable, as is its gradient.
    #[track_caller]
    pub fn logcumsumexp(self, axis: isize) -> Expr<'g> {
        self.cumulative(Cumulative::LogSumExp, axis, Prefix::INCLUSIVE)
    }

    /// At each place along `axis`, which stays, the sum, product, extreme or logarithm of a sum of the
    /// elements up to it. Shape in, shape out.
    ///
    /// # Errors
    /// Recorded when there is no such axis, or the elements are no numbers (for logarithms, no floats).
    ///
    /// ```
    /// use dl_core::{F64, Graph, Tensor, interp::eval_expr, ops::{Cumulative, Prefix}};
    /// let g = Graph::new();
    /// let x = g.literal(Tensor::vector(vec![1.0, 2.0, 4.0]));
    /// let from_behind = x.cumulative(Cumulative::Sum, 0, Prefix::INCLUSIVE.reverse());
    /// assert_eq!(eval_expr(from_behind, &[])?.to_f64(), [7.0, 6.0, 4.0]);
    /// let before = x.cumulative(Cumulative::Prod, 0, Prefix::INCLUSIVE.exclusive());
    /// assert_eq!(eval_expr(before, &[])?.to_f64(), [1.0, 1.0, 2.0]);
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    #[track_caller]
    pub fn cumulative(self, kind: Cumulative, axis: isize, prefix: Prefix) -> Expr<'g> {
        let axis = match axis.resolve(self.shape().rank()) {
            Ok(axes) => axes[0],
            Err(message) => return self.fail(format!("{} {message} of {}", kind.name(), self.shape())),
        };
        if prefix.exclusive && !self.dtype().is_float() && kind.identity().is_infinite() {
            return self.fail(format!("exclusive {} of {}: it has no infinity", kind.name(), self.dtype()));
        }
        let running = self.apply(Op::Cumulative { kind, axis, reverse: prefix.reverse }, &[]);
        match prefix.exclusive && !running.is_poison() {
            true => running.before(axis, prefix.reverse, kind.identity()),
            false => running,
        }
    }

    /// A linear recurrence along `axis`, which stays: `hᵢ = selfᵢ · hᵢ₋₁ + addedᵢ`, from `h₋₁ = 0`;
    /// backwards if `reverse`. Both operands are floats of one shape, which is the result's. Decaying
    /// sums, and the gradients of running products, are of this form.
    ///
    /// Blelloch: "Prefix sums and their applications", CMU-CS-90-190, 1990, section 1.4.
    ///
    /// # Errors
    /// Recorded when there is no such axis, or types or shapes differ.
    ///
    /// ```
    /// use dl_core::{F64, Graph, Tensor, interp::eval_expr};
    /// let g = Graph::new();
    /// let x = g.literal(Tensor::vector(vec![1.0, 2.0, 4.0]));
    /// let decayed = g.full(F64, [3], 0.5).linear_recurrence(0, false, x);
    /// assert_eq!(eval_expr(decayed, &[])?.to_f64(), [1.0, 2.5, 5.25]);
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    #[track_caller]
    pub fn linear_recurrence(self, axis: isize, reverse: bool, added: Expr<'g>) -> Expr<'g> {
        match axis.resolve(self.shape().rank()) {
            Ok(axes) => self.apply(Op::LinearRecurrence { axis: axes[0], reverse }, &[added]),
            Err(message) => self.fail(format!("linear_recurrence {message} of {}", self.shape())),
        }
    }

    /// What stood one place earlier along `axis` in the direction of running; `first` at the start.
    #[track_caller]
    pub(crate) fn before(self, axis: usize, reverse: bool, first: f64) -> Expr<'g> {
        let size = self.shape()[axis].clone();
        match reverse {
            true => self.pad(axis, 0, 1, first).slice(axis, 1, &size + &Dim::Size(1)),
            false => self.pad(axis, 1, 0, first).slice(axis, 0, size),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms_of_sums_keep_their_digits_at_the_ends() {
        let all = |xs: &[f64]| {
            let mut running = Running::new(Cumulative::LogSumExp);
            xs.iter().map(|x| running.next(*x)).collect::<Vec<_>>()
        };
        let (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
        assert_eq!(all(&[low, low, 3.0]), [low, low, 3.0]);
        assert_eq!(all(&[1.0, high, high, 2.0, low]), [1.0, high, high, high, high]);
        assert!(all(&[1.0, f64::NAN, 2.0])[1..].iter().all(|x| x.is_nan()));
        assert!((all(&[-700.0, 0.0, 800.0])[2] - 800.0).abs() == 0.0);
    }

    #[test]
    fn sums_keep_what_rounding_takes() {
        let mut running = Running::new(Cumulative::Sum);
        for x in [1e16, 1.0, 1.0, -1e16] {
            running.next(x);
        }
        assert_eq!(running.next(0.0), 2.0);
    }
}
