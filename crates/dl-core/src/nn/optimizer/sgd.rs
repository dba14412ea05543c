//! Stochastic gradient descent, with momentum in PyTorch's form.

use crate::graph::{Expr, Graph};
use crate::nn::optimizer::settings::Settings;
use crate::nn::optimizer::{Gradient, LearningRate, Letters, Optimizer};

/// Gradient descent: `θ ← θ - α·d`, where the direction `d` is the gradient, or with momentum `μ`
/// the velocity `v ← μ·v + (1 - dampening)·g`, or with Nesterov's form `g + μ·v`.
///
/// Semantics and defaults are those of `torch.optim.SGD`: weight decay adds `λθ` to the gradient, and
/// the first velocity is the gradient itself, undamped. Velocities are the state `sgd.v({path})`.
///
/// Sutskever, Martens, Dahl, Hinton: "On the importance of initialization and momentum in deep
/// learning", ICML 2013, with PyTorch's placement of `α`.
///
/// # Errors
/// Recorded when a setting is negative or not finite, or when Nesterov's form has no momentum or has
/// dampening.
///
/// ```
/// use dl_core::{F64, Graph, Init};
/// use dl_core::nn::Sgd;
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// let step = (theta - 3.0).square().minimize(Sgd::new(0.1).momentum(0.9))?;
/// assert_eq!(step.updates().len(), 2);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sgd {
    rate: LearningRate,
    momentum: f64,
    dampening: f64,
    weight_decay: f64,
    nesterov: bool,
}

impl Sgd {
    /// Plain gradient descent; the rate is a number, the name of an input, or a schedule.
    pub fn new(rate: impl Into<LearningRate>) -> Sgd {
        Sgd { rate: rate.into(), momentum: 0.0, dampening: 0.0, weight_decay: 0.0, nesterov: false }
    }

    /// How much of the old velocity stays.
    pub fn momentum(self, momentum: f64) -> Sgd {
        Sgd { momentum, ..self }
    }

    /// How much of the gradient is kept out of the velocity.
    pub fn dampening(self, dampening: f64) -> Sgd {
        Sgd { dampening, ..self }
    }

    /// Adds `weight_decay · θ` to the gradient.
    pub fn weight_decay(self, weight_decay: f64) -> Sgd {
        Sgd { weight_decay, ..self }
    }

    /// With Nesterov's look-ahead.
    pub fn nesterov(self) -> Sgd {
        Sgd { nesterov: true, ..self }
    }

    fn update<'g>(&self, of: &Gradient<'g>) -> Vec<(Expr<'g>, Expr<'g>)> {
        let mut direction = of.decayed(self.weight_decay);
        let mut updates = vec![];
        if self.momentum != 0.0 {
            let old = of.state("sgd.v");
            let velocity = self.velocity(of, old, direction, &mut updates);
            updates.push((old, velocity));
            direction = if self.nesterov { direction + self.momentum * velocity } else { velocity };
        }
        updates.push((of.parameter, of.parameter - self.rate.times(direction)));
        updates
    }

    fn velocity<'g>(
        &self,
        of: &Gradient<'g>,
        old: Expr<'g>,
        gradient: Expr<'g>,
        updates: &mut Vec<(Expr<'g>, Expr<'g>)>,
    ) -> Expr<'g> {
        if self.dampening == 0.0 {
            return self.momentum * old + gradient;
        }
        let (count, next) = of.count("sgd.t");
        updates.push((count, next));
        count.eq(0.0).select(gradient, self.momentum * old + (1.0 - self.dampening) * gradient)
    }
}

impl Optimizer for Sgd {
    fn updates<'g>(&self, graph: &'g Graph, gradients: &[Gradient<'g>]) -> Vec<(Expr<'g>, Expr<'g>)> {
        let looks_ahead = self.momentum > 0.0 && self.dampening == 0.0;
        Settings::of("sgd", graph)
            .rate(&self.rate)
            .at_least_0("momentum", self.momentum)
            .needs(self.dampening.is_finite(), &format!("with dampening {}", self.dampening))
            .at_least_0("weight decay", self.weight_decay)
            .needs(!self.nesterov || looks_ahead, "in nesterov's form needs momentum and no dampening")
            .each(gradients, |of| self.update(of))
    }

    fn lettered(&self, letters: &mut Letters) -> Option<Box<dyn Optimizer>> {
        Some(Box::new(Sgd {
            rate: letters.rate(&self.rate),
            momentum: letters.setting("μ", self.momentum),
            dampening: letters.setting("τ", self.dampening),
            weight_decay: letters.setting("λ", self.weight_decay),
            nesterov: self.nesterov,
        }))
    }
}
