//! Learning rates: a number, a schedule of the step, or an input that every run brings along.

use std::fmt;

use crate::dim::Name;
use crate::graph::{Expr, Graph};
use crate::nn::Schedule;
use crate::nn::optimizer::settings::at_least_0;

/// How far a step goes.
///
/// ```
/// use dl_core::{F64, Graph, Init};
/// use dl_core::nn::{Schedule, Sgd};
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// (theta - 3.0).square().minimize(Sgd::new(Schedule::step(0.1, 100, 0.5)))?;
/// let by_the_host = (theta - 3.0).square().minimize(Sgd::new("lr"))?;
/// assert_eq!(by_the_host.inputs()[0].name.as_ref(), "lr");
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub enum LearningRate {
    /// Always the same.
    Constant(f64),
    /// A scalar input of that name, of the parameters' element type, so that the host decides.
    Input(Name),
    /// A function of the session's step, counted from 0, or of the number of its own updates where the
    /// optimizer has a name ([`Scoped`](crate::nn::Scoped)). It becomes part of the program, so a schedule
    /// never recompiles anything.
    Schedule(Schedule),
}

impl LearningRate {
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
            LearningRate::Schedule(schedule) => schedule.at(graph.optimizer_step().cast(dtype)),
            LearningRate::Input(name) => input(graph, name, like),
        }
    }

    /// For what cannot be a rate: what is needed.
    pub(super) fn need(&self) -> Option<&'static str> {
        match self {
            LearningRate::Constant(rate) if !at_least_0(*rate) => Some("at least 0 is needed"),
            LearningRate::Schedule(schedule) => schedule.need(),
            _ => None,
        }
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

impl From<Schedule> for LearningRate {
    fn from(schedule: Schedule) -> Self {
        LearningRate::Schedule(schedule)
    }
}

impl fmt::Debug for LearningRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LearningRate::Constant(rate) => write!(f, "{rate}"),
            LearningRate::Input(name) => write!(f, "input {name}"),
            LearningRate::Schedule(schedule) => write!(f, "{schedule:?}"),
        }
    }
}
