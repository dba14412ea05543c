//! Random numbers of other distributions, made of uniform ones: normal, exponential, Gumbel, Bernoulli.

use crate::dtype::DType;
use crate::graph::{Expr, Graph};
use crate::ops::Clock;
use crate::shape::Shape;

/// What 24 bits of [`Graph::random`] are counted in.
const UNIT: f64 = 1.0 / 16_777_216.0;

impl Graph {
    /// Normal random numbers of mean 0 and deviation 1, fresh at every step as those of
    /// [`random`](Graph::random). Made of 48 random bits a number beside an angle, so that the tails
    /// are right to 8 deviations. The uniform numbers below are the same on every executor; the
    /// functions of them are as exact as the executor's `log`, `sqrt` and `cos`.
    ///
    /// Box, Muller: "A note on the generation of random normal deviates", 1958.
    ///
    /// ```
    /// use dl_core::{F64, Graph, interp::eval_expr};
    /// let g = Graph::new();
    /// let z = eval_expr(g.normal(F64, [10_000]), &[])?.to_f64();
    /// let (mean, square) = (z.iter().sum::<f64>() / 1e4, z.iter().map(|z| z * z).sum::<f64>() / 1e4);
    /// assert!(mean.abs() < 0.05 && (square - 1.0).abs() < 0.05);
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    #[track_caller]
    pub fn normal(&self, dtype: DType, shape: impl Into<Shape>) -> Expr<'_> {
        self.normal_by(Clock::Step, dtype, shape)
    }

    /// [`normal`](Graph::normal), fresh at every step or at every run.
    #[track_caller]
    pub fn normal_by(&self, clock: Clock, dtype: DType, shape: impl Into<Shape>) -> Expr<'_> {
        let shape = shape.into();
        let radius = (self.exponential_by(clock, dtype, shape.clone()) * 2.0).sqrt();
        radius * (self.random_by(clock, dtype, shape) * std::f64::consts::TAU).cos()
    }

    /// Exponential random numbers of mean 1, fresh at every step; exact at both ends: the smallest is
    /// about 2⁻⁵⁰, the largest 34.
    #[track_caller]
    pub fn exponential(&self, dtype: DType, shape: impl Into<Shape>) -> Expr<'_> {
        self.exponential_by(Clock::Step, dtype, shape)
    }

    /// [`exponential`](Graph::exponential), fresh at every step or at every run.
    #[track_caller]
    pub fn exponential_by(&self, clock: Clock, dtype: DType, shape: impl Into<Shape>) -> Expr<'_> {
        let shape = shape.into();
        let low = self.random_by(clock, dtype, shape.clone()) + 0.5 * UNIT;
        let half = (self.random_by(clock, dtype, shape.clone()) + low * UNIT) * 0.5;
        // -log u, with u below a half or 1 - u: each has all its digits near 0.
        let below = self.random_by(clock, dtype, shape).lt(0.5);
        -below.select(half.log(), (-half).log1p())
    }

    /// Standard Gumbel random numbers, `-log E` of exponential ones, fresh at every step: the largest
    /// of scores with such noise is a draw from their softmax.
    #[track_caller]
    pub fn gumbel(&self, dtype: DType, shape: impl Into<Shape>) -> Expr<'_> {
        -self.exponential(dtype, shape).log()
    }

    /// Truth values that hold with probability `p`, fresh at every step.
    ///
    /// # Errors
    /// Recorded when `p` is outside `[0, 1]`.
    #[track_caller]
    pub fn bernoulli(&self, p: f64, shape: impl Into<Shape>) -> Expr<'_> {
        if !(0.0..=1.0).contains(&p) {
            return self.fail(format!("bernoulli with p = {p}: a probability in [0, 1] is needed"));
        }
        self.random(DType::F64, shape).lt(p)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::value;
    use crate::{F32, F64};

    /// The share of values above `bound` among `n`.
    fn above(values: &[f64], bound: f64) -> f64 {
        values.iter().filter(|x| **x > bound).count() as f64 / values.len() as f64
    }

    #[test]
    fn shares_are_those_of_the_distributions() {
        let g = Graph::new();
        let n = 100_000;
        let close = |got: f64, want: f64| {
            let deviation = (want * (1.0 - want) / f64::from(n)).sqrt();
            assert!((got - want).abs() < 5.0 * deviation, "{got}, not {want}");
        };
        for dtype in [F32, F64] {
            let z = value(g.normal(dtype, [n as usize]), &[]);
            for (bound, want) in [(0.0, 0.5), (1.0, 0.158_655), (2.0, 0.022_750), (3.0, 0.001_350)] {
                close(above(&z, bound), want);
                close(1.0 - above(&z, -bound), want);
            }
            let e = value(g.exponential(dtype, [n as usize]), &[]);
            for bound in [0.01f64, 0.5, 1.0, 5.0] {
                close(above(&e, bound), (-bound).exp());
            }
            let e = value(g.gumbel(dtype, [n as usize]), &[]);
            for bound in [-1.5f64, 0.0, 2.0, 7.0] {
                close(above(&e, bound), 1.0 - (-(-bound).exp()).exp());
            }
        }
        close(value(g.bernoulli(0.3, [n as usize]).cast(F64), &[]).iter().sum::<f64>() / f64::from(n), 0.3);
    }

    #[test]
    fn each_call_is_a_stream_of_its_own() {
        let g = Graph::new();
        let (a, b) = (g.normal(F64, [9]), g.normal(F64, [9]));
        assert_ne!(value(a, &[]), value(b, &[]));
    }

    #[test]
    fn probabilities_are_checked() {
        let g = Graph::new();
        g.bernoulli(1.5, [3]);
        assert_eq!(crate::testing::faults(&g), "bernoulli with p = 1.5: a probability in [0, 1] is needed");
    }
}
