//! Rprop: steps that grow while the sign of the gradient stays and shrink where it turns.

use crate::graph::{Expr, Graph};
use crate::nn::optimizer::settings::{Settings, at_least_0};
use crate::nn::optimizer::{Gradient, Optimizer};

/// Rprop, for full batches: each element has a step `Δ`, which becomes `Δ·η⁺` where the gradient has
/// the sign of the one before, `Δ·η⁻` where it changed, clipped to the bounds; `θ ← θ - Δ·sign(g)`,
/// and where the sign changed, it counts as 0 in this update and the next.
///
/// Semantics and defaults are those of `torch.optim.Rprop`; signs are compared without multiplying
/// gradients, which might underflow. The state is the last gradient `rprop.g({path})` and the step
/// `rprop.step({path})`.
///
/// Riedmiller, Braun: "A direct adaptive method for faster backpropagation learning: the RPROP
/// algorithm", ICNN 1993, in the variant without weight backtracking (Igel, Hüsken: iRprop⁻, 2003).
///
/// # Errors
/// Recorded when the first step or a bound is negative or not finite, when the bounds are in the
/// wrong order, or not `0 < η⁻ < 1 < η⁺`.
///
/// ```
/// use dl_core::{F64, Graph, Init};
/// use dl_core::nn::Rprop;
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// let step = (theta - 3.0).square().minimize(Rprop::new(0.01))?;
/// assert_eq!(step.updates().len(), 3);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Rprop {
    first: f64,
    etas: (f64, f64),
    bounds: (f64, f64),
}

impl Rprop {
    /// Rprop with `η⁻ = 0.5`, `η⁺ = 1.2` and steps in `[10⁻⁶, 50]`, of which the first is `first`
    /// (PyTorch's default is 0.01). It is no rate: the steps are the optimizer's own from then on.
    pub fn new(first: f64) -> Rprop {
        Rprop { first, etas: (0.5, 1.2), bounds: (1e-6, 50.0) }
    }

    /// With other factors: where the sign of the gradient changed, and where it stayed.
    pub fn etas(self, minus: f64, plus: f64) -> Rprop {
        Rprop { etas: (minus, plus), ..self }
    }

    /// With other bounds of the steps.
    pub fn step_sizes(self, least: f64, most: f64) -> Rprop {
        Rprop { bounds: (least, most), ..self }
    }

    fn update<'g>(&self, of: &Gradient<'g>) -> Vec<(Expr<'g>, Expr<'g>)> {
        let (minus, plus) = self.etas;
        let (last, old) = (of.state("rprop.g"), of.state_from("rprop.step", self.first));
        let agreement = of.gradient.sign() * last.sign();
        let changed = agreement.lt(0.0);
        let step = agreement.gt(0.0).select(old * plus, changed.select(old * minus, old));
        let step = step.clip(self.bounds.0, self.bounds.1);
        let gradient = changed.select(0.0, of.gradient);
        vec![(last, gradient), (old, step), (of.parameter, of.parameter - step * gradient.sign())]
    }
}

impl Optimizer for Rprop {
    fn updates<'g>(&self, graph: &'g Graph, gradients: &[Gradient<'g>]) -> Vec<(Expr<'g>, Expr<'g>)> {
        let (Rprop { etas, bounds, .. }, (minus, plus), (least, most)) = (self, self.etas, self.bounds);
        let ordered = at_least_0(least) && at_least_0(most) && least <= most;
        let around_1 = 0.0 < minus && minus < 1.0 && 1.0 < plus && plus.is_finite();
        Settings::of("rprop", graph)
            .at_least_0("first step", self.first)
            .needs(around_1, &format!("with etas {etas:?}: 0 < minus < 1 < plus is needed"))
            .needs(ordered, &format!("with step sizes {bounds:?}: 0 ≤ least ≤ most is needed"))
            .each(gradients, |of| self.update(of))
    }
}
