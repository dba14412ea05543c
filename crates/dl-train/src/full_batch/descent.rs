//! Descent by line searches: the loop that L-BFGS and Newton-CG share, and its report.

use std::fmt;
use std::ops::ControlFlow;

use crate::error::Result;
use crate::full_batch::objective::{Point, Problem};
use crate::full_batch::wolfe::{Search, Trial};
use crate::full_batch::{add_scaled, dot, largest};

/// What a minimization did. The session holds the best parameters that were found.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Steps that were taken.
    pub iterations: usize,
    /// How often value and gradient were computed.
    pub evaluations: usize,
    /// How many Hessian-vector products were computed.
    pub products: usize,
    /// The objective at the end.
    pub objective: f64,
    /// The largest magnitude of an element of the gradient at the end.
    pub gradient: f64,
    /// Why it stopped.
    pub stop: Stop,
}

/// Why a minimization stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// No element of the gradient is larger than the tolerance.
    Gradient,
    /// A step changed the objective, or every parameter, by less than the tolerance.
    Change,
    /// The allowed iterations are over.
    Iterations,
    /// The allowed evaluations are over.
    Evaluations,
    /// No step along the direction lowers the objective: rounding hides what is left, or the gradient
    /// is not the objective's.
    LineSearch,
}

impl Report {
    /// Whether it stopped because a tolerance was reached.
    pub fn converged(&self) -> bool {
        matches!(self.stop, Stop::Gradient | Stop::Change)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { iterations, evaluations, objective, gradient, .. } = self;
        write!(f, "{objective} with a gradient of {gradient:e} after {iterations} iterations and ")?;
        write!(f, "{evaluations} evaluations: {}", self.stop)
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stop::Gradient => "the gradient is within its tolerance",
            Stop::Change => "the last change is within its tolerance",
            Stop::Iterations => "no iterations are left",
            Stop::Evaluations => "no evaluations are left",
            Stop::LineSearch => "no step lowers the objective",
        })
    }
}

/// When a minimization ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) iterations: usize,
    pub(super) evaluations: usize,
    /// Tolerance of the largest element of the gradient.
    pub(super) gradient: f64,
    /// Tolerance of the change of objective and parameters.
    pub(super) change: f64,
    /// What rounding may add to an objective, relative to it.
    pub(super) noise: f64,
}

/// Steps along what `direction` says, each with the length to try first, until a limit is reached.
pub(super) fn descend(
    problem: &mut Problem<'_>,
    limits: Limits,
    mut direction: impl FnMut(&mut Problem<'_>, &Point) -> Result<(Vec<f64>, f64)>,
) -> Result<Report> {
    let (mut at, mut iterations) = (problem.start()?, 0);
    let mut stop = if largest(&at.gradient) <= limits.gradient {
        Some(Stop::Gradient)
    } else if limits.iterations == 0 {
        Some(Stop::Iterations)
    } else {
        None
    };
    let result = loop {
        if let Some(stop) = stop {
            break Ok(stop);
        }
        match step(problem, limits, &at, &mut direction) {
            Err(why) => break Err(why),
            Ok(ControlFlow::Break(why)) => stop = Some(why),
            Ok(ControlFlow::Continue(next)) => {
                iterations += 1;
                stop = ended(problem, limits, &at, &next, iterations);
                at = next;
            }
        }
    };
    problem.place(&mut at.x)?;
    let (evaluations, products) = (problem.evaluations, problem.products);
    let (objective, gradient) = (at.value, largest(&at.gradient));
    result.map(|stop| Report { iterations, evaluations, products, objective, gradient, stop })
}

/// The point after one line search, or why there is none.
fn step(
    problem: &mut Problem<'_>,
    limits: Limits,
    at: &Point,
    direction: &mut impl FnMut(&mut Problem<'_>, &Point) -> Result<(Vec<f64>, f64)>,
) -> Result<ControlFlow<Stop, Point>> {
    let (along, first) = direction(problem, at)?;
    let slope = dot(&at.gradient, &along);
    if slope > -limits.change {
        return Ok(ControlFlow::Break(if slope < 0.0 { Stop::Change } else { Stop::LineSearch }));
    }
    let search = Search {
        first,
        trials: limits.evaluations.saturating_sub(problem.evaluations).min(MOST_TRIALS),
        shortest: limits.change / largest(&along),
        noise: limits.noise * at.value.abs(),
    };
    let found = search.run(&Trial::new(0.0, at.clone(), &along), |t| {
        let mut x = at.x.clone();
        add_scaled(&mut x, t, &along);
        Ok(Trial::new(t, problem.evaluate(x)?, &along))
    })?;
    let moves = found.point.x != at.x;
    Ok(if moves { ControlFlow::Continue(found.point) } else { ControlFlow::Break(Stop::LineSearch) })
}

/// Trials of a line search after which its interval is too short to hold another number, as a rule.
const MOST_TRIALS: usize = 60;

/// Why it ends after the step from `before` to `now`, if it does.
fn ended(
    problem: &Problem<'_>,
    limits: Limits,
    before: &Point,
    now: &Point,
    iterations: usize,
) -> Option<Stop> {
    let moved = now.x.iter().zip(&before.x).fold(0.0f64, |most, (a, b)| most.max((a - b).abs()));
    if largest(&now.gradient) <= limits.gradient {
        Some(Stop::Gradient)
    } else if moved <= limits.change || (now.value - before.value).abs() < limits.change {
        Some(Stop::Change)
    } else if iterations == limits.iterations {
        Some(Stop::Iterations)
    } else if problem.evaluations >= limits.evaluations {
        Some(Stop::Evaluations)
    } else {
        None
    }
}
