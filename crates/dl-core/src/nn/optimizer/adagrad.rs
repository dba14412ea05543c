//! Adagrad: steps scaled by all squares of the gradient so far.

use crate::graph::{Expr, Graph};
use crate::nn::optimizer::settings::Settings;
use crate::nn::optimizer::{Gradient, LearningRate, Letters, Optimizer};

/// Adagrad: `s ← s + g²`, `θ ← θ - α/(1 + (t-1)·decay) · g/(√s + ε)`.
///
/// Semantics and defaults are those of `torch.optim.Adagrad`. The sum is the state
/// `adagrad.s({path})`; a rate that decays counts the updates in `adagrad.t({path})`.
///
/// Duchi, Hazan, Singer: "Adaptive subgradient methods for online learning and stochastic
/// optimization", JMLR 2011.
///
/// # Errors
/// Recorded when a setting is negative or not finite.
///
/// ```
/// use dl_core::{F64, Graph, Init};
/// use dl_core::nn::Adagrad;
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// let step = (theta - 3.0).square().minimize(Adagrad::new(0.01))?;
/// assert_eq!(step.updates().len(), 2);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Adagrad {
    rate: LearningRate,
    rate_decay: f64,
    initial: f64,
    eps: f64,
    weight_decay: f64,
}

impl Adagrad {
    /// Adagrad with `ε = 10⁻¹⁰` and a sum from 0; the rate (PyTorch's default is 0.01) is a number, the
    /// name of an input, or a schedule.
    pub fn new(rate: impl Into<LearningRate>) -> Adagrad {
        Adagrad { rate: rate.into(), rate_decay: 0.0, initial: 0.0, eps: 1e-10, weight_decay: 0.0 }
    }

    /// Divides the rate by `1 + (t-1)·decay`.
    pub fn rate_decay(self, rate_decay: f64) -> Adagrad {
        Adagrad { rate_decay, ..self }
    }

    /// With sums that start from another value.
    pub fn initial_accumulator(self, initial: f64) -> Adagrad {
        Adagrad { initial, ..self }
    }

    /// With another `ε`.
    pub fn eps(self, eps: f64) -> Adagrad {
        Adagrad { eps, ..self }
    }

    /// Adds `weight_decay · θ` to the gradient.
    pub fn weight_decay(self, weight_decay: f64) -> Adagrad {
        Adagrad { weight_decay, ..self }
    }

    fn update<'g>(&self, of: &Gradient<'g>) -> Vec<(Expr<'g>, Expr<'g>)> {
        let gradient = of.decayed(self.weight_decay);
        let old = of.state_from("adagrad.s", self.initial);
        let sum = old + gradient.square();
        let mut updates = vec![(old, sum)];
        let mut step = self.rate.times(gradient / (sum.sqrt() + self.eps));
        if self.rate_decay != 0.0 {
            let (count, t) = of.count("adagrad.t");
            step = step / (1.0 + self.rate_decay * count);
            updates.push((count, t));
        }
        updates.push((of.parameter, of.parameter - step));
        updates
    }
}

impl Optimizer for Adagrad {
    fn updates<'g>(&self, graph: &'g Graph, gradients: &[Gradient<'g>]) -> Vec<(Expr<'g>, Expr<'g>)> {
        Settings::of("adagrad", graph)
            .rate(&self.rate)
            .at_least_0("decay of the rate", self.rate_decay)
            .at_least_0("initial accumulator", self.initial)
            .at_least_0("eps", self.eps)
            .at_least_0("weight decay", self.weight_decay)
            .each(gradients, |of| self.update(of))
    }

    fn lettered(&self, letters: &mut Letters) -> Option<Box<dyn Optimizer>> {
        Some(Box::new(Adagrad {
            rate: letters.rate(&self.rate),
            rate_decay: letters.setting("η", self.rate_decay),
            eps: letters.setting("ε", self.eps),
            weight_decay: letters.setting("λ", self.weight_decay),
            initial: self.initial,
        }))
    }
}
