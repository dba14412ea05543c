//! Clipping: gradients cut to a size before an optimizer sees them.

use crate::graph::{Expr, Graph};
use crate::nn::optimizer::settings::Settings;
use crate::nn::{Gradient, Optimizer};
use crate::stable::norm;

/// An optimizer behind gradients that are scaled together so that their norm is at most `most`: each
/// times `min(most/(‖g‖ + 10⁻⁶), 1)`, where `‖g‖` is over all elements of all of them.
///
/// Semantics are those of `torch.nn.utils.clip_grad_norm_` with its 2-norm.
///
/// Pascanu, Mikolov, Bengio: "On the difficulty of training recurrent neural networks", ICML 2013.
///
/// # Errors
/// Recorded when the norm is not above 0.
///
/// ```
/// use dl_core::{F64, Graph, Init};
/// use dl_core::nn::{Adam, ClipNorm};
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// let step = (theta - 3.0).square().minimize(ClipNorm::new(1.0, Adam::new(0.001)))?;
/// assert_eq!(step.updates().len(), 4);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClipNorm<O> {
    most: f64,
    optimizer: O,
}

impl<O: Optimizer> ClipNorm<O> {
    /// `optimizer`, behind gradients of a norm of at most `most`.
    pub fn new(most: f64, optimizer: O) -> Self {
        ClipNorm { most, optimizer }
    }
}

impl<O: Optimizer> Optimizer for ClipNorm<O> {
    fn updates<'g>(&self, graph: &'g Graph, gradients: &[Gradient<'g>]) -> Vec<(Expr<'g>, Expr<'g>)> {
        let fits = Settings::of("clipping", graph).above_0("norm", self.most).fit();
        let Some(first) = gradients.first().filter(|_| fits) else {
            return self.optimizer.updates(graph, gradients);
        };
        let dtype = first.gradient.dtype();
        let norms: Vec<_> =
            gradients.iter().map(|of| norm(of.gradient, ..).cast(dtype).unsqueeze(0)).collect();
        let factor = (self.most / (norm(graph.concat(0, &norms), ..) + 1e-6)).minimum(1.0);
        let clipped = |of: &Gradient<'g>| of.with(of.gradient * factor.cast(of.gradient.dtype()));
        self.optimizer.updates(graph, &gradients.iter().map(clipped).collect::<Vec<_>>())
    }
}

/// An optimizer behind gradients whose elements are clipped to `[-most, most]`, one by one.
///
/// Semantics are those of `torch.nn.utils.clip_grad_value_`.
///
/// # Errors
/// Recorded when the value is not above 0.
///
/// ```
/// use dl_core::{F64, Graph, Init};
/// use dl_core::nn::{ClipValue, Sgd};
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// let step = (theta - 3.0).square().minimize(ClipValue::new(0.5, Sgd::new(0.1)))?;
/// assert_eq!(step.updates().len(), 1);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClipValue<O> {
    most: f64,
    optimizer: O,
}

impl<O: Optimizer> ClipValue<O> {
    /// `optimizer`, behind gradients with elements in `[-most, most]`.
    pub fn new(most: f64, optimizer: O) -> Self {
        ClipValue { most, optimizer }
    }
}

impl<O: Optimizer> Optimizer for ClipValue<O> {
    fn updates<'g>(&self, graph: &'g Graph, gradients: &[Gradient<'g>]) -> Vec<(Expr<'g>, Expr<'g>)> {
        if !Settings::of("clipping", graph).above_0("value", self.most).fit() {
            return self.optimizer.updates(graph, gradients);
        }
        let clipped = |of: &Gradient<'g>| of.with(of.gradient.clip(-self.most, self.most));
        self.optimizer.updates(graph, &gradients.iter().map(clipped).collect::<Vec<_>>())
    }
}
