//! L-BFGS: Newton's direction from the last few steps and changes of the gradient.

use std::collections::VecDeque;

use dl_backends::Session;
use dl_core::TensorRef;

use crate::error::{Error, Result};
use crate::full_batch::descent::{Limits, Report, descend};
use crate::full_batch::objective::{Objective, Point, Problem};
use crate::full_batch::{add_scaled, dot, tolerance};

/// L-BFGS with a line search for the strong Wolfe conditions.
///
/// Semantics and defaults are those of `torch.optim.LBFGS` with `line_search_fn="strong_wolfe"` in one
/// call of `step`: 20 iterations, five quarters as many evaluations, 100 steps of history, tolerances
/// of 10⁻⁷ for the largest element of the gradient and 10⁻⁹ for changes. Where the objective is not
/// finite it counts as too high, so that a search turns back.
///
/// Liu, Nocedal: "On the limited memory BFGS method for large scale optimization", 1989.
///
/// ```
/// # #[cfg(feature = "cpu")] {
/// use dl_backends::{Cpu, Session};
/// use dl_core::{F64, Graph, Init};
/// use dl_train::{Lbfgs, Objective, Stop};
/// let g = Graph::new();
/// let (x, y) = (g.parameter("x", F64, (), Init::Zeros), g.parameter("y", F64, (), Init::Zeros));
/// let rosenbrock = (1.0 - x).square() + 100.0 * (y - x.square()).square();
/// let mut session = Session::new(Cpu::default(), 7);
/// let objective = Objective::new(&mut session, rosenbrock)?;
/// let report = Lbfgs::new().iterations(100).change(0.0).minimize(&mut session, &objective, &[])?;
/// assert_eq!(report.stop, Stop::Gradient);
/// assert!((session.get("x")?.item()? - 1.0).abs() < 1e-6);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Lbfgs {
    rate: f64,
    iterations: usize,
    evaluations: Option<usize>,
    history: usize,
    gradient: f64,
    change: f64,
}

impl Default for Lbfgs {
    fn default() -> Self {
        Lbfgs::new()
    }
}

impl Lbfgs {
    /// With PyTorch's defaults.
    pub fn new() -> Lbfgs {
        Lbfgs { rate: 1.0, iterations: 20, evaluations: None, history: 100, gradient: 1e-7, change: 1e-9 }
    }

    /// The step that each line search tries first, as a share of the direction.
    pub fn rate(self, rate: f64) -> Lbfgs {
        Lbfgs { rate, ..self }
    }

    /// At most so many iterations.
    pub fn iterations(self, iterations: usize) -> Lbfgs {
        Lbfgs { iterations, ..self }
    }

    /// At most about so many evaluations of value and gradient; five quarters of the iterations if not
    /// said. The last line search may take one more.
    pub fn evaluations(self, evaluations: usize) -> Lbfgs {
        Lbfgs { evaluations: Some(evaluations), ..self }
    }

    /// How many steps the direction remembers; with 0 it is always the steepest.
    pub fn history(self, steps: usize) -> Lbfgs {
        Lbfgs { history: steps, ..self }
    }

    /// Stops where no element of the gradient is larger.
    pub fn gradient(self, tolerance: f64) -> Lbfgs {
        Lbfgs { gradient: tolerance, ..self }
    }

    /// Stops where a step changes the objective, or all parameters, by less.
    pub fn change(self, tolerance: f64) -> Lbfgs {
        Lbfgs { change: tolerance, ..self }
    }

    /// Minimizes from the session's parameters on, and leaves the best ones there.
    ///
    /// # Errors
    /// When the rate is not above 0, a tolerance is negative or no number, an input does not fit, the device refuses, or the objective or its
    /// gradient is not finite at the start. The parameters are then as before, or the best found.
    pub fn minimize(
        &self,
        session: &mut Session,
        objective: &Objective,
        inputs: &[(&str, TensorRef<'_>)],
    ) -> Result<Report> {
        if !(self.rate.is_finite() && self.rate > 0.0) {
            return Err(Error::value(format!("l-bfgs with rate {}: more than 0 is needed", self.rate)));
        }
        tolerance("l-bfgs with gradient tolerance", self.gradient)?;
        tolerance("l-bfgs with tolerance of changes", self.change)?;
        // Five quarters, of any number.
        let evaluations = self.iterations.saturating_add(self.iterations / 4);
        let limits = Limits {
            iterations: self.iterations,
            evaluations: self.evaluations.unwrap_or(evaluations),
            gradient: self.gradient,
            change: self.change,
            noise: 0.0,
        };
        let mut memory = Memory { last: None, pairs: VecDeque::new(), scale: 1.0 };
        descend(&mut Problem::new(session, objective, inputs), limits, |_, at| {
            // Before anything is known of the curvature, a step of at most 1 in all.
            let size: f64 = at.gradient.iter().map(|x| x.abs()).sum();
            let first = if memory.last.is_none() { (1.0 / size).min(1.0) } else { 1.0 };
            memory.remember(at, self.history);
            Ok((memory.direction(&at.gradient), first * self.rate))
        })
    }
}

/// What is known of the curvature.
struct Memory {
    last: Option<Point>,
    /// Steps, and how the gradient changed over each.
    pairs: VecDeque<(Vec<f64>, Vec<f64>)>,
    /// The first guess of the inverse Hessian: this times the identity.
    scale: f64,
}

impl Memory {
    fn remember(&mut self, at: &Point, most: usize) {
        if let Some(last) = &self.last {
            let (mut s, mut y) = (at.x.clone(), at.gradient.clone());
            add_scaled(&mut s, -1.0, &last.x);
            add_scaled(&mut y, -1.0, &last.gradient);
            let ys = dot(&y, &s);
            if ys > 1e-10 && most > 0 {
                if self.pairs.len() == most {
                    self.pairs.pop_front();
                }
                self.scale = ys / dot(&y, &y);
                self.pairs.push_back((s, y));
            }
        }
        self.last = Some(at.clone());
    }

    /// Minus the inverse Hessian times the gradient: the two loops of Nocedal and Wright, algorithm 7.4.
    fn direction(&self, gradient: &[f64]) -> Vec<f64> {
        let mut q: Vec<f64> = gradient.iter().map(|x| -x).collect();
        let mut alphas = vec![];
        for (s, y) in self.pairs.iter().rev() {
            let alpha = dot(s, &q) / dot(y, s);
            add_scaled(&mut q, -alpha, y);
            alphas.push(alpha);
        }
        q.iter_mut().for_each(|x| *x *= self.scale);
        for ((s, y), alpha) in self.pairs.iter().zip(alphas.into_iter().rev()) {
            let beta = dot(y, &q) / dot(y, s);
            add_scaled(&mut q, alpha - beta, s);
        }
        q
    }
}
