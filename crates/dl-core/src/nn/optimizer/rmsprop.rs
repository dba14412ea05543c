//! RMSprop: steps scaled by the root of running squares, centered or not, with momentum or without.

use crate::graph::{Expr, Graph};
use crate::nn::optimizer::settings::Settings;
use crate::nn::optimizer::{Gradient, LearningRate, Letters, Optimizer};

/// RMSprop: `v ← αv + (1-α)g²`, `d = g/(√v + ε)`, `θ ← θ - rate·d`; centered, `v - ḡ²` stands in the
/// root, with the running mean `ḡ` of the gradient; with momentum `μ`, `b ← μb + d` takes the place
/// of `d`.
///
/// Semantics and defaults are those of `torch.optim.RMSprop`, but that a centered square which
/// rounding makes negative counts as 0. The state is `rmsprop.v({path})`, and where they are used the
/// mean `rmsprop.g({path})` and the momentum `rmsprop.b({path})`.
///
/// Tieleman, Hinton: lecture 6.5 of "Neural networks for machine learning", 2012; centered: Graves,
/// "Generating sequences with recurrent neural networks", arXiv:1308.0850.
///
/// # Errors
/// Recorded when a setting is negative or not finite, or `α` is above 1.
///
/// ```
/// use dl_core::{F64, Graph, Init};
/// use dl_core::nn::RmsProp;
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// let step = (theta - 3.0).square().minimize(RmsProp::new(0.01).centered().momentum(0.9))?;
/// assert_eq!(step.updates().len(), 4);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RmsProp {
    rate: LearningRate,
    alpha: f64,
    eps: f64,
    weight_decay: f64,
    momentum: f64,
    centered: bool,
}

impl RmsProp {
    /// RMSprop with `α = 0.99` and `ε = 10⁻⁸`; the rate (PyTorch's default is 0.01) is a number, the
    /// name of an input, or a schedule.
    pub fn new(rate: impl Into<LearningRate>) -> RmsProp {
        let rate = rate.into();
        RmsProp { rate, alpha: 0.99, eps: 1e-8, weight_decay: 0.0, momentum: 0.0, centered: false }
    }

    /// With another fraction of the old squares.
    pub fn alpha(self, alpha: f64) -> RmsProp {
        RmsProp { alpha, ..self }
    }

    /// With another `ε`.
    pub fn eps(self, eps: f64) -> RmsProp {
        RmsProp { eps, ..self }
    }

    /// Adds `weight_decay · θ` to the gradient.
    pub fn weight_decay(self, weight_decay: f64) -> RmsProp {
        RmsProp { weight_decay, ..self }
    }

    /// How much of the old direction stays.
    pub fn momentum(self, momentum: f64) -> RmsProp {
        RmsProp { momentum, ..self }
    }

    /// Scales by the standard deviation of the gradient, not by its root mean square.
    pub fn centered(self) -> RmsProp {
        RmsProp { centered: true, ..self }
    }

    fn update<'g>(&self, of: &Gradient<'g>) -> Vec<(Expr<'g>, Expr<'g>)> {
        let gradient = of.decayed(self.weight_decay);
        let old = of.state("rmsprop.v");
        let v = self.alpha * old + (1.0 - self.alpha) * gradient.square();
        let mut updates = vec![(old, v)];
        let mut square = v;
        if self.centered {
            let old = of.state("rmsprop.g");
            let mean = self.alpha * old + (1.0 - self.alpha) * gradient;
            square = (v - mean.square()).relu();
            updates.push((old, mean));
        }
        let mut direction = gradient / (square.sqrt() + self.eps);
        if self.momentum != 0.0 {
            let old = of.state("rmsprop.b");
            direction = self.momentum * old + direction;
            updates.push((old, direction));
        }
        updates.push((of.parameter, of.parameter - self.rate.times(direction)));
        updates
    }
}

impl Optimizer for RmsProp {
    fn updates<'g>(&self, graph: &'g Graph, gradients: &[Gradient<'g>]) -> Vec<(Expr<'g>, Expr<'g>)> {
        Settings::of("rmsprop", graph)
            .rate(&self.rate)
            .fraction("alpha", self.alpha)
            .at_least_0("eps", self.eps)
            .at_least_0("weight decay", self.weight_decay)
            .at_least_0("momentum", self.momentum)
            .each(gradients, |of| self.update(of))
    }

    fn lettered(&self, letters: &mut Letters) -> Option<Box<dyn Optimizer>> {
        Some(Box::new(RmsProp {
            // Its own decay rate is called α by others; here α is the learning rate.
            rate: letters.rate(&self.rate),
            alpha: letters.setting("β", self.alpha),
            eps: letters.setting("ε", self.eps),
            weight_decay: letters.setting("λ", self.weight_decay),
            momentum: letters.setting("μ", self.momentum),
            centered: self.centered,
        }))
    }
}
