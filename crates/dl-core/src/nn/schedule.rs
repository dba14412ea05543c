//! Schedules: numbers that change with the step, as expressions of its counter.

use std::f64::consts::PI;
use std::fmt;
use std::sync::Arc;

use crate::graph::Expr;
use crate::nn::OneCycle;
use crate::nn::optimizer::at_least_0;

/// A function of the step `t = 0, 1, …`: a learning rate as a rule, but any number of an objective may
/// follow one.
///
/// Values are those of the schedulers of `torch.optim.lr_scheduler` in closed form, called once a step;
/// where those count epochs, multiply by the batches of one. A schedule is part of the program: it
/// reads the session's step, and never recompiles anything. What waits for a metric instead is
/// [`Plateau`](crate::nn::Plateau).
///
/// # Errors
/// Recorded by the optimizer that takes it: a rate or a factor that is negative or not finite, and a
/// length of 0 steps.
///
/// ```
/// use dl_core::{F64, Graph, Init};
/// use dl_core::nn::{Adam, Schedule};
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// let warm_up = Schedule::linear(1e-5, 1e-3, 500);
/// let rate = warm_up.then(500, Schedule::cosine(1e-3, 0.0, 9_500)).then(10_000, 0.0);
/// (theta - 3.0).square().minimize(Adam::new(rate))?;
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Schedule(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Constant(f64),
    Step { from: f64, every: u64, gamma: f64 },
    MultiStep { from: f64, milestones: Vec<u64>, gamma: f64 },
    Exponential { from: f64, gamma: f64 },
    Polynomial { from: f64, power: f64, steps: u64 },
    Linear { from: f64, to: f64, steps: u64 },
    Cosine { from: f64, to: f64, steps: u64 },
    CosineRestarts { from: f64, to: f64, steps: u64, factor: u64 },
    OneCycle(OneCycle),
    Function(Function),
    Then { first: Arc<Schedule>, at: u64, second: Arc<Schedule> },
}

impl Schedule {
    /// Times `gamma` after every `every` steps: `from·γ^⌊t/every⌋` (`StepLR`).
    pub fn step(from: f64, every: u64, gamma: f64) -> Schedule {
        Schedule(Kind::Step { from, every, gamma })
    }

    /// Times `gamma` at each milestone, in any order: `from·γ^|{m : m ≤ t}|` (`MultiStepLR`).
    pub fn multi_step(from: f64, milestones: impl Into<Vec<u64>>, gamma: f64) -> Schedule {
        Schedule(Kind::MultiStep { from, milestones: milestones.into(), gamma })
    }

    /// Times `gamma` after every step: `from·γᵗ` (`ExponentialLR`).
    pub fn exponential(from: f64, gamma: f64) -> Schedule {
        Schedule(Kind::Exponential { from, gamma })
    }

    /// To 0 in `steps` steps: `from·(1 - t/steps)^power`, then 0 (`PolynomialLR`).
    pub fn polynomial(from: f64, power: f64, steps: u64) -> Schedule {
        Schedule(Kind::Polynomial { from, power, steps })
    }

    /// Along a line in `steps` steps, then level: `from + (to - from)·min(t/steps, 1)`. Upwards it is a
    /// warm-up (`LinearLR`, whose factors are of one rate).
    pub fn linear(from: f64, to: f64, steps: u64) -> Schedule {
        Schedule(Kind::Linear { from, to, steps })
    }

    /// Along a cosine in `steps` steps: `to + (from - to)·(1 + cos(π·t/steps))/2`, which rises again
    /// after them (`CosineAnnealingLR`, with `eta_min` for `to`).
    ///
    /// Loshchilov, Hutter: "SGDR: stochastic gradient descent with warm restarts", ICLR 2017.
    pub fn cosine(from: f64, to: f64, steps: u64) -> Schedule {
        Schedule(Kind::Cosine { from, to, steps })
    }

    /// The same, which jumps back to `from` after `steps` steps, and again after `factor` times as many
    /// as the last time (`CosineAnnealingWarmRestarts`).
    pub fn cosine_restarts(from: f64, to: f64, steps: u64, factor: u64) -> Schedule {
        Schedule(Kind::CosineRestarts { from, to, steps, factor })
    }

    /// Any function of the step, a float scalar.
    ///
    /// ```
    /// use dl_core::nn::Schedule;
    /// let halved = Schedule::from_fn(|step| 0.1 * (step * -(2f64.ln()) / 100.0).exp());
    /// ```
    pub fn from_fn(rate: impl for<'g> Fn(Expr<'g>) -> Expr<'g> + Send + Sync + 'static) -> Schedule {
        Schedule(Kind::Function(Function(Arc::new(rate))))
    }

    /// This one for `at` steps, then `next`, which counts from 0 again (`SequentialLR`).
    pub fn then(self, at: u64, next: impl Into<Schedule>) -> Schedule {
        Schedule(Kind::Then { first: Arc::new(self), at, second: Arc::new(next.into()) })
    }

    /// The value at `step`, a float scalar from 0 on, such as `g.step().cast(F32)`.
    ///
    /// ```
    /// use dl_core::{F64, Graph, Init, nn};
    /// use dl_core::nn::{Schedule, Sgd};
    /// let g = Graph::new();
    /// let theta = g.parameter("θ", F64, (), Init::Zeros);
    /// let lambda = Schedule::linear(0.0, 1e-2, 1_000).at(g.step().cast(F64));
    /// ((theta - 3.0).square() + lambda * nn::l2(theta)).minimize(Sgd::new(0.1))?;
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    #[track_caller]
    pub fn at<'g>(&self, step: Expr<'g>) -> Expr<'g> {
        let t = step;
        let number = |value: f64| t.graph().constant(t.dtype(), value);
        match &self.0 {
            Kind::Constant(rate) => number(*rate),
            Kind::Step { from, every, gamma } => *from * number(*gamma).pow(multiples(t, *every as f64)),
            Kind::MultiStep { from, milestones, gamma } => {
                let passed = milestones.iter().map(|m| t.ge(*m as f64).cast(t.dtype()));
                *from * number(*gamma).pow(passed.fold(number(0.0), |sum, one| sum + one))
            }
            Kind::Exponential { from, gamma } => *from * number(*gamma).pow(t),
            Kind::Polynomial { from, power, steps } => *from * (1.0 - fraction(t, *steps)).pow(*power),
            Kind::Linear { from, to, steps } => *from + (*to - *from) * fraction(t, *steps),
            Kind::Cosine { from, to, steps } => cosine(*from, *to, t * (PI / *steps as f64)),
            Kind::CosineRestarts { from, to, steps, factor } => {
                let (past, length) = restarts(t, *steps as f64, *factor as f64);
                cosine(*from, *to, PI * ((t - past) / length))
            }
            Kind::OneCycle(cycle) => cycle.at(t),
            Kind::Function(function) => (function.0)(t),
            Kind::Then { first, at, second } => {
                let at = *at as f64;
                t.ge(at).select(second.at(t - at), first.at(t))
            }
        }
    }

    /// For what cannot be followed: what is needed.
    pub(super) fn need(&self) -> Option<&'static str> {
        let (numbers, steps) = match &self.0 {
            Kind::Constant(rate) => (vec![*rate], 1),
            Kind::Step { from, every, gamma } => (vec![*from, *gamma], *every),
            Kind::MultiStep { from, gamma, .. } | Kind::Exponential { from, gamma } => {
                (vec![*from, *gamma], 1)
            }
            Kind::Polynomial { from, power, steps } => (vec![*from, *power], *steps),
            Kind::Linear { from, to, steps } | Kind::Cosine { from, to, steps } => (vec![*from, *to], *steps),
            Kind::CosineRestarts { from, to, steps, factor } => (vec![*from, *to], (*steps).min(*factor)),
            Kind::OneCycle(cycle) => return cycle.need(),
            Kind::Function(_) => (vec![], 1),
            Kind::Then { first, second, .. } => return first.need().or(second.need()),
        };
        if !numbers.into_iter().all(at_least_0) {
            return Some("rates and factors of at least 0 are needed");
        }
        (steps == 0).then_some("at least 1 step is needed")
    }
}

/// From `from` at angle 0 to `to` at `π`.
pub(super) fn cosine<'g>(from: f64, to: f64, angle: Expr<'g>) -> Expr<'g> {
    to + (from - to) * (0.5 * (1.0 + angle.cos()))
}

/// `min(t/steps, 1)`.
fn fraction(t: Expr<'_>, steps: u64) -> Expr<'_> {
    t.minimum(steps as f64) / steps as f64
}

/// `⌊t/n⌋`. Half a step more, so that a quotient just below a whole number cannot be taken for it.
fn multiples(t: Expr<'_>, n: f64) -> Expr<'_> {
    ((t + 0.5) / n).floor()
}

/// When the period that holds `t` began, and how long it is: `k` periods, each `factor` times as long
/// as the one before, take `n·(factorᵏ - 1)/(factor - 1)` steps.
fn restarts(t: Expr<'_>, n: f64, factor: f64) -> (Expr<'_>, Expr<'_>) {
    let number = |value: f64| t.graph().constant(t.dtype(), value);
    if factor == 1.0 {
        return (n * multiples(t, n), number(n));
    }
    let k = ((1.0 + (t + 0.5) * ((factor - 1.0) / n)).log() / libm::log(factor)).floor();
    let length = n * number(factor).pow(k);
    ((length - n) / (factor - 1.0), length)
}

/// What a user computes from the step.
#[derive(Clone)]
struct Function(Arc<dyn for<'g> Fn(Expr<'g>) -> Expr<'g> + Send + Sync>);

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("function")
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Constant(rate) => rate.fmt(f),
            Kind::OneCycle(cycle) => cycle.fmt(f),
            kind => kind.fmt(f),
        }
    }
}

impl From<f64> for Schedule {
    fn from(rate: f64) -> Self {
        Schedule(Kind::Constant(rate))
    }
}

impl From<OneCycle> for Schedule {
    fn from(cycle: OneCycle) -> Self {
        Schedule(Kind::OneCycle(cycle))
    }
}
