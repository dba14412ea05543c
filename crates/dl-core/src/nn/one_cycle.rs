//! The one-cycle schedule: up to a large rate, and down to almost nothing.

use std::f64::consts::PI;

use crate::graph::Expr;
use crate::nn::optimizer::at_least_0;
use crate::nn::schedule::cosine;
use crate::nn::{LearningRate, Schedule};

/// From `max/25` up to `max` in the first three tenths of the steps, then down to `max/250,000`, along
/// cosines; then level.
///
/// Values and defaults are those of `torch.optim.lr_scheduler.OneCycleLR` without its cycle of the
/// momentum, which is no function of the step here; PyTorch goes one step further and then refuses.
///
/// Smith, Topin: "Super-convergence: very fast training of neural networks using large learning
/// rates", arXiv:1708.07120.
///
/// # Errors
/// Recorded by the optimizer that takes it: a number that is negative or not finite, a divisor of 0, a
/// fraction above 1, and a length of 0 steps.
///
/// ```
/// use dl_core::{F64, Graph, Init};
/// use dl_core::nn::{OneCycle, Sgd};
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// (theta - 3.0).square().minimize(Sgd::new(OneCycle::new(0.1, 1_000)).momentum(0.9))?;
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct OneCycle {
    max: f64,
    steps: u64,
    rise: f64,
    divisors: (f64, f64),
    linear: bool,
    three_phases: bool,
}

impl OneCycle {
    /// One cycle of `steps` steps up to the rate `max`.
    pub fn new(max: f64, steps: u64) -> OneCycle {
        OneCycle { max, steps, rise: 0.3, divisors: (25.0, 1e4), linear: false, three_phases: false }
    }

    /// Rises in another fraction of the steps (`pct_start`).
    pub fn rise(self, fraction: f64) -> OneCycle {
        OneCycle { rise: fraction, ..self }
    }

    /// Starts from `max/first` and ends at `max/first/last` (`div_factor`, `final_div_factor`).
    pub fn divisors(self, first: f64, last: f64) -> OneCycle {
        OneCycle { divisors: (first, last), ..self }
    }

    /// Along lines, not cosines.
    pub fn linear(self) -> OneCycle {
        OneCycle { linear: true, ..self }
    }

    /// Falls as fast as it rose, to where it began, and only then to the end.
    pub fn three_phases(self) -> OneCycle {
        OneCycle { three_phases: true, ..self }
    }

    /// The value at the step `t`.
    pub(super) fn at<'g>(&self, t: Expr<'g>) -> Expr<'g> {
        let steps = self.steps as f64;
        let (first, last) = (self.max / self.divisors.0, self.max / self.divisors.0 / self.divisors.1);
        let (top, end) = (self.rise * steps - 1.0, steps - 1.0);
        let t = t.minimum(end);
        let fall = if self.three_phases {
            let foot = 2.0 * self.rise * steps - 2.0;
            let down = self.between(t, (top, self.max), (foot, first));
            t.le(foot).select(down, self.between(t, (foot, first), (end, last)))
        } else {
            self.between(t, (top, self.max), (end, last))
        };
        t.le(top).select(self.between(t, (0.0, first), (top, self.max)), fall)
    }

    /// From one step and its rate to another.
    fn between<'g>(&self, t: Expr<'g>, (start, from): (f64, f64), (end, to): (f64, f64)) -> Expr<'g> {
        if end <= start {
            return t.graph().constant(t.dtype(), to);
        }
        let fraction = (t - start) / (end - start);
        if self.linear { from + (to - from) * fraction } else { cosine(from, to, PI * fraction) }
    }

    /// For what cannot be followed: what is needed.
    pub(super) fn need(&self) -> Option<&'static str> {
        let (first, last) = self.divisors;
        if ![self.max, self.rise, first, last].into_iter().all(at_least_0) || first * last == 0.0 {
            return Some("a rate of at least 0 and divisors above it are needed");
        }
        if self.rise > 1.0 {
            return Some("a rise of at most all steps is needed");
        }
        (self.steps == 0).then_some("at least 1 step is needed")
    }
}

impl From<OneCycle> for LearningRate {
    fn from(cycle: OneCycle) -> Self {
        LearningRate::Schedule(Schedule::from(cycle))
    }
}
