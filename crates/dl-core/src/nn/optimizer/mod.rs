//! Optimizers: functions from gradients to updates. Their moments are state like any other.
//!
//! Those that hold another optimizer ([`Groups`], [`ClipNorm`], [`ClipValue`], [`Accumulate`]) are optimizers too: they
//! change which gradients it sees, or which updates come of it.

mod accumulate;
mod adadelta;
mod adagrad;
mod adam;
mod adamax;
mod adamw;
mod averaged;
mod clip;
mod ema;
mod groups;
mod lamb;
mod letters;
mod lion;
mod moments;
mod nadam;
mod radam;
mod rate;
mod rmsprop;
mod rprop;
mod scoped;
mod settings;
mod sgd;
mod swa;

pub use accumulate::Accumulate;
pub use adadelta::Adadelta;
pub use adagrad::Adagrad;
pub use adam::Adam;
pub use adamax::Adamax;
pub use adamw::AdamW;
pub use averaged::{average_of, averaged};
pub use clip::{ClipNorm, ClipValue};
pub use ema::Ema;
pub use groups::Groups;
pub use lamb::Lamb;
pub use letters::Letters;
pub use lion::Lion;
pub use nadam::NAdam;
pub use radam::RAdam;
pub use rate::LearningRate;
pub use rmsprop::RmsProp;
pub use rprop::Rprop;
pub use scoped::Scoped;
pub use sgd::Sgd;
pub use swa::Swa;

pub(super) use settings::at_least_0;

use std::fmt;

use crate::graph::{Expr, Graph, ParameterDecl};
use crate::nn::{Init, parameters};
use crate::shape::Shape;

/// A parameter and the gradient of the objective with respect to it.
#[derive(Clone, Copy, Debug)]
pub struct Gradient<'g> {
    /// The parameter.
    pub parameter: Expr<'g>,
    /// `∂J/∂parameter`, of the same element type and shape.
    pub gradient: Expr<'g>,
}

/// What turns gradients into new values. `Debug` tells one optimizer's settings from another's, see
/// [`Scoped`].
///
/// ```
/// use dl_core::{Expr, F64, Graph, Init};
/// use dl_core::nn::{Gradient, Optimizer};
///
/// #[derive(Debug)]
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
pub trait Optimizer: fmt::Debug {
    /// Pairs `(parameter, new value)`: for every parameter of `gradients`, and for the state that the
    /// optimizer declares in the graph. Updates happen together; each sees the old values.
    fn updates<'g>(&self, graph: &'g Graph, gradients: &[Gradient<'g>]) -> Vec<(Expr<'g>, Expr<'g>)>;

    /// The same optimizer with what `letters` makes of each setting in its place, for derivations to show letters:
    /// `θ ← θ - α·∂J/∂θ`. Without it they show numbers.
    fn lettered(&self, letters: &mut Letters) -> Option<Box<dyn Optimizer>> {
        let _ = letters;
        None
    }
}

impl<O: Optimizer + ?Sized> Optimizer for Box<O> {
    fn updates<'g>(&self, graph: &'g Graph, gradients: &[Gradient<'g>]) -> Vec<(Expr<'g>, Expr<'g>)> {
        (**self).updates(graph, gradients)
    }

    fn lettered(&self, letters: &mut Letters) -> Option<Box<dyn Optimizer>> {
        (**self).lettered(letters)
    }
}

impl<'g> Gradient<'g> {
    /// State that goes with the parameter: as `{kind}({path})`, of its element type and shape, from
    /// zero. The parentheses keep it apart from parameters, whatever their paths. It belongs to one
    /// training step, unless the optimizer has a name ([`Scoped`]), which then comes first.
    #[track_caller]
    pub fn state(&self, kind: &str) -> Expr<'g> {
        self.declared(kind, self.parameter.shape(), Init::Zeros)
    }

    /// The same, from another value.
    #[track_caller]
    fn state_from(&self, kind: &str, value: f64) -> Expr<'g> {
        self.declared(kind, self.parameter.shape(), Init::Constant(value))
    }

    /// A number that goes with the parameter.
    #[track_caller]
    fn scalar(&self, kind: &str, value: f64) -> Expr<'g> {
        self.declared(kind, Shape::scalar(), Init::Constant(value))
    }

    /// The number of this update of the parameter: the old count and the new one, a scalar from 1 on.
    ///
    /// It is the parameter's own and not the session's step, so that an optimizer that starts late, or
    /// takes turns with another, still knows how old its moments are.
    #[track_caller]
    fn count(&self, kind: &str) -> (Expr<'g>, Expr<'g>) {
        let old = self.declared(kind, Shape::scalar(), Init::Zeros);
        (old, old + 1.0)
    }

    #[track_caller]
    fn declared(&self, kind: &str, shape: Shape, init: Init) -> Expr<'g> {
        let path = parameters::path(self.parameter).unwrap_or_default();
        let graph = self.parameter.graph();
        let (name, owner) = graph.scoped_name(&format!("{kind}({path})"));
        let decl = ParameterDecl::new(&name, self.parameter.dtype(), shape, init);
        graph.declare(ParameterDecl { trainable: false, owner, ..decl })
    }

    /// The same parameter with another gradient.
    fn with(&self, gradient: Expr<'g>) -> Self {
        Gradient { gradient, ..*self }
    }

    /// The gradient of the objective with `λ/2·‖θ‖²` added: `g + λθ`.
    #[track_caller]
    fn decayed(&self, weight_decay: f64) -> Expr<'g> {
        match weight_decay {
            0.0 => self.gradient,
            decay => self.gradient + decay * self.parameter,
        }
    }
}

#[cfg(test)]
mod tests;
