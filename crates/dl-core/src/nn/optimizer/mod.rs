//! Optimizers: functions from gradients to updates. Their moments are state like any other.

mod adam;
mod rate;
mod sgd;

pub use adam::Adam;
pub use rate::LearningRate;
pub use sgd::Sgd;

use crate::graph::{Expr, Graph};
use crate::nn::{Init, parameters};

/// A parameter and the gradient of the objective with respect to it.
#[derive(Clone, Copy, Debug)]
pub struct Gradient<'g> {
    /// The parameter.
    pub parameter: Expr<'g>,
    /// `∂J/∂parameter`, of the same element type and shape.
    pub gradient: Expr<'g>,
}

/// What turns gradients into new values.
///
/// ```
/// use dl_core::{Expr, F64, Graph, Init};
/// use dl_core::nn::{Gradient, Optimizer};
///
/// struct SignDescent(f64);
///
/// impl Optimizer for SignDescent {
///     fn updates<'g>(&self, _: &'g Graph, gradients: &[Gradient<'g>]) -> Vec<(Expr<'g>, Expr<'g>)> {
///         gradients.iter().map(|g| (g.parameter, g.parameter - self.0 * g.gradient.sign())).collect()
///     }
/// }
///
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// let step = (theta - 3.0).square().minimize(SignDescent(0.1))?;
/// assert_eq!(step.updates()[0].parameter.as_ref(), "θ");
/// # Ok::<(), dl_core::Error>(())
/// ```
pub trait Optimizer {
    /// Pairs `(parameter, new value)`: for every parameter of `gradients`, and for the state that the
    /// optimizer declares in the graph. Updates happen together; each sees the old values.
    fn updates<'g>(&self, graph: &'g Graph, gradients: &[Gradient<'g>]) -> Vec<(Expr<'g>, Expr<'g>)>;
}

impl<'g> Gradient<'g> {
    /// State that goes with the parameter: as `{kind}.{path}`, of its element type and shape, from zero.
    #[track_caller]
    pub fn state(&self, kind: &str) -> Expr<'g> {
        let p = self.parameter;
        p.graph().state(&self.state_name(kind), p.dtype(), p.shape(), Init::Zeros)
    }

    /// The number of this update of the parameter: the old count and the new one, a scalar from 1 on.
    ///
    /// It is the parameter's own and not the session's step, so that an optimizer that starts late, or
    /// takes turns with another, still knows how old its moments are.
    #[track_caller]
    fn count(&self, kind: &str) -> (Expr<'g>, Expr<'g>) {
        let p = self.parameter;
        let old = p.graph().state(&self.state_name(kind), p.dtype(), (), Init::Zeros);
        (old, old + 1.0)
    }

    fn state_name(&self, kind: &str) -> String {
        let path = parameters::path(self.parameter).unwrap_or_default();
        format!("{kind}.{path}")
    }
}

/// Records what is wrong with an optimizer's settings; true if nothing is.
fn settings_fit(graph: &Graph, checks: &[(bool, &dyn Fn() -> String)]) -> bool {
    let mut fit = true;
    for (holds, message) in checks {
        if !holds {
            graph.fail(message());
            fit = false;
        }
    }
    fit
}

#[cfg(test)]
mod tests;
