//! Learning rates: a number, a function of the step, or an input that every run brings along.

use std::fmt;
use std::sync::Arc;

use crate::dim::Name;
use crate::graph::{Expr, Graph};

/// How far a step goes.
///
/// ```
/// use dl_core::{F64, Graph, Init};
/// use dl_core::nn::{LearningRate, Sgd};
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// let halved = LearningRate::schedule(|step| 0.1 * (step * -(2f64.ln()) / 100.0).exp());
/// (theta - 3.0).square().minimize(Sgd::new(halved))?;
/// let by_the_host = (theta - 3.0).square().minimize(Sgd::new("lr"))?;
/// assert_eq!(by_the_host.inputs()[0].name.as_ref(), "lr");
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone)]
pub enum LearningRate {
    /// Always the same.
    Constant(f64),
    /// A scalar input of that name, of the parameters' element type, so that the host decides.
    Input(Name),
    /// A function of the session's step, counted from 0.
    Schedule(Schedule),
}

/// From the step, a scalar of the parameters' element type, to the rate.
type Schedule = Arc<dyn for<'g> Fn(Expr<'g>) -> Expr<'g> + Send + Sync>;

impl LearningRate {
    /// A function of the session's step: a scalar of the parameters' element type, 0 in the first
    /// step. It becomes part of the program, so a schedule never recompiles anything.
    pub fn schedule(rate: impl for<'g> Fn(Expr<'g>) -> Expr<'g> + Send + Sync + 'static) -> Self {
        LearningRate::Schedule(Arc::new(rate))
    }

    /// `rate · direction`.
    pub(super) fn times<'g>(&self, direction: Expr<'g>) -> Expr<'g> {
        match self {
            // A constant factor, which the compiler sees as such.
            LearningRate::Constant(rate) => *rate * direction,
            _ => self.like(direction) * direction,
        }
    }

    /// The rate as a scalar of the element type of `like`.
    pub(super) fn like<'g>(&self, like: Expr<'g>) -> Expr<'g> {
        let (graph, dtype) = (like.graph(), like.dtype());
        match self {
            LearningRate::Constant(rate) => graph.constant(dtype, *rate),
            LearningRate::Schedule(rate) => rate(graph.step().cast(dtype)),
            LearningRate::Input(name) => input(graph, name, like),
        }
    }

    /// False for what cannot be a rate.
    pub(super) fn fits(&self) -> bool {
        !matches!(self, LearningRate::Constant(rate) if !(rate.is_finite() && *rate >= 0.0))
    }
}

/// The input, cast where parameters of another element type declared it first.
fn input<'g>(graph: &'g Graph, name: &str, like: Expr<'g>) -> Expr<'g> {
    let declared = graph.input_decls().into_iter().find(|d| *d.name == *name);
    let dtype = declared.map_or(like.dtype(), |d| d.dtype);
    graph.input(name, dtype, ()).cast(like.dtype())
}

impl From<f64> for LearningRate {
    fn from(rate: f64) -> Self {
        LearningRate::Constant(rate)
    }
}

impl From<&str> for LearningRate {
    fn from(input: &str) -> Self {
        LearningRate::Input(input.into())
    }
}

impl fmt::Debug for LearningRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LearningRate::Constant(rate) => write!(f, "{rate}"),
            LearningRate::Input(name) => write!(f, "input {name}"),
            LearningRate::Schedule(_) => f.write_str("schedule"),
        }
    }
}
