//! AdamW: Adam with weight decay beside the gradient, not in it.

use crate::graph::{Expr, Graph};
use crate::nn::optimizer::moments::Decay;
use crate::nn::optimizer::{Adam, Gradient, LearningRate, Letters, Optimizer};

/// AdamW: `θ ← (1 - αλ)·θ - α·m̂/(√v̂ + ε)`, where the moments are [`Adam`]'s and know nothing of the
/// decay.
///
/// Semantics and defaults are those of `torch.optim.AdamW`. The state is `adamw.m({path})`,
/// `adamw.v({path})` and `adamw.t({path})`, and with AMSGrad `adamw.max({path})`.
///
/// Loshchilov, Hutter: "Decoupled weight decay regularization", ICLR 2019, with PyTorch's placement
/// of `α`.
///
/// # Errors
/// Recorded as for [`Adam`].
///
/// ```
/// use dl_core::{F64, Graph, Init};
/// use dl_core::nn::AdamW;
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// let step = (theta - 3.0).square().minimize(AdamW::new(0.001).weight_decay(0.05))?;
/// assert_eq!(step.updates().len(), 4);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct AdamW(Adam);

impl AdamW {
    /// AdamW with `β₁ = 0.9`, `β₂ = 0.999`, `ε = 10⁻⁸` and `λ = 0.01`; the rate (PyTorch's default is
    /// 0.001) is a number, the name of an input, or a schedule.
    pub fn new(rate: impl Into<LearningRate>) -> AdamW {
        AdamW(Adam { kind: "adamw", decay: Decay { factor: 0.01, decoupled: true }, ..Adam::new(rate) })
    }

    /// With other decay rates of the moments.
    pub fn betas(self, first: f64, second: f64) -> AdamW {
        AdamW(self.0.betas(first, second))
    }

    /// With another `ε`.
    pub fn eps(self, eps: f64) -> AdamW {
        AdamW(self.0.eps(eps))
    }

    /// With another `λ`.
    pub fn weight_decay(self, weight_decay: f64) -> AdamW {
        AdamW(self.0.weight_decay(weight_decay))
    }

    /// With the largest `v` so far in the place of `v`: see [`Adam::amsgrad`].
    pub fn amsgrad(self) -> AdamW {
        AdamW(self.0.amsgrad())
    }
}

impl Optimizer for AdamW {
    fn updates<'g>(&self, graph: &'g Graph, gradients: &[Gradient<'g>]) -> Vec<(Expr<'g>, Expr<'g>)> {
        self.0.updates(graph, gradients)
    }

    fn lettered(&self, letters: &mut Letters) -> Option<Box<dyn Optimizer>> {
        self.0.lettered(letters)
    }
}
