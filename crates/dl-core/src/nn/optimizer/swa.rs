//! Stochastic weight averaging.

use crate::graph::{Expr, Graph};
use crate::nn::optimizer::settings::Settings;
use crate::nn::{Gradient, Optimizer};

/// An optimizer that also keeps the mean of the weights that it makes, from step `start` (the first is 1) on:
/// `a ← a + (θ - a)/(n + 1)`. Before that, the averages are the weights. They are the state `swa({path})`;
/// [`averaged`](crate::nn::averaged) is a program that reads them in place of the weights.
///
/// Semantics are those of `torch.optim.swa_utils.AveragedModel`, updated after every step from `start` on. A
/// learning rate that stays high in that part ([`Schedule`](crate::nn::Schedule)) is what the method asks for.
/// Running statistics of batch normalization are of the weights, not of their averages.
///
/// Izmailov, Podoprikhin, Garipov, Vetrov, Wilson: "Averaging weights leads to wider optima and better
/// generalization", UAI 2018, section 3.2.
///
/// # Errors
/// Recorded when the start is 2²⁴ or later, or a mean is of every 0-th step.
///
/// ```
/// use dl_core::{F64, Graph, Init};
/// use dl_core::nn::{Sgd, Swa};
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// let step = (theta - 3.0).square().minimize(Swa::new(1000, Sgd::new(0.1)).every(100))?;
/// let state: Vec<&str> = step.updates().iter().map(|u| u.parameter.as_ref()).collect();
/// assert_eq!(state, ["θ", "swa(θ)", "swa.n(θ)", "swa.wait(θ)"]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Swa<O> {
    start: usize,
    every: usize,
    optimizer: O,
}

/// Numbers of steps from here on are not all exact in `f32`.
const EXACT: usize = 1 << 24;

impl<O: Optimizer> Swa<O> {
    /// `optimizer`, with means of the weights after step `start` and all later ones.
    pub fn new(start: usize, optimizer: O) -> Self {
        Swa { start, every: 1, optimizer }
    }

    /// With means of the weights after every `steps`-th step from the start on: as of the ends of epochs.
    pub fn every(self, steps: usize) -> Self {
        Swa { every: steps, ..self }
    }
}

impl<O: Optimizer> Optimizer for Swa<O> {
    fn updates<'g>(&self, graph: &'g Graph, gradients: &[Gradient<'g>]) -> Vec<(Expr<'g>, Expr<'g>)> {
        let mut updates = self.optimizer.updates(graph, gradients);
        let settings = Settings::of("swa", graph)
            .needs(self.start < EXACT, &format!("from step {} on: less than {EXACT} is needed", self.start))
            .needs(
                (1..EXACT).contains(&self.every),
                &format!("of every {}-th step: from 1 to {} is needed", self.every, EXACT - 1),
            );
        if !settings.fit() {
            return updates;
        }
        for of in gradients {
            let made = updates.iter().find(|(parameter, _)| *parameter == of.parameter).map(|(_, new)| *new);
            let Some(new) = made else { continue };
            let average = of.state("swa");
            let n = of.scalar("swa.n", 0.0);
            // Steps until one counts: a countdown is exact however many there are.
            let wait = of.scalar("swa.wait", self.start.saturating_sub(1) as f64);
            let (zero, one) = (graph.constant(n.dtype(), 0.0), graph.constant(n.dtype(), 1.0));
            let due = wait.le(0.0);
            let share = n.eq(0.0).select(one, due.select(one / (n + 1.0), zero));
            updates.push((average, average + share * (new - average)));
            updates.push((n, due.select(n + 1.0, n)));
            updates.push((wait, due.select(graph.constant(n.dtype(), (self.every - 1) as f64), wait - 1.0)));
        }
        updates
    }
}
