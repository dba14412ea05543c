//! Exponential moving averages of weights.

use crate::graph::{Expr, Graph};
use crate::nn::optimizer::settings::Settings;
use crate::nn::{Gradient, Optimizer};

/// An optimizer that also keeps exponential moving averages of the weights it makes, `a ← d·a + (1-d)·θ`
/// with the new `θ`, from the first step's `θ` on. They are the state `ema({path})`; [`averaged`](crate::nn::averaged) is a
/// program that reads them in place of the weights.
///
/// Semantics are those of `torch.optim.swa_utils.AveragedModel` with `get_ema_avg_fn(d)`.
///
/// Polyak, Juditsky: "Acceleration of stochastic approximation by averaging", SIAM J. Control Optim. 30,
/// 1992.
///
/// # Errors
/// Recorded when `d` is outside `[0, 1]`.
///
/// ```
/// use dl_core::{F64, Graph, Init};
/// use dl_core::nn::{Ema, Sgd};
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// let step = (theta - 3.0).square().minimize(Ema::new(0.99, Sgd::new(0.1)))?;
/// let state: Vec<&str> = step.updates().iter().map(|u| u.parameter.as_ref()).collect();
/// assert_eq!(state, ["θ", "ema(θ)", "ema.t(θ)"]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Ema<O> {
    decay: f64,
    optimizer: O,
}

impl<O: Optimizer> Ema<O> {
    /// `optimizer`, with averages that keep the share `decay` of what they were.
    pub fn new(decay: f64, optimizer: O) -> Self {
        Ema { decay, optimizer }
    }
}

impl<O: Optimizer> Optimizer for Ema<O> {
    fn updates<'g>(&self, graph: &'g Graph, gradients: &[Gradient<'g>]) -> Vec<(Expr<'g>, Expr<'g>)> {
        let mut updates = self.optimizer.updates(graph, gradients);
        if !Settings::of("ema", graph).fraction("decay", self.decay).fit() {
            return updates;
        }
        for of in gradients {
            let made = updates.iter().find(|(parameter, _)| *parameter == of.parameter).map(|(_, new)| *new);
            let Some(new) = made else { continue };
            let average = of.state("ema");
            let (old, count) = of.count("ema.t");
            let share = old.eq(0.0).select(graph.constant(old.dtype(), 1.0), 1.0 - self.decay);
            updates.extend([(average, average + share * (new - average)), (old, count)]);
        }
        updates
    }
}
