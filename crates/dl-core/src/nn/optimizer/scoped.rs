//! Optimizers with a name: state and a count of steps of their own.

use crate::graph::{Expr, Graph, Scope};
use crate::nn::{Gradient, Optimizer};

/// An optimizer with a name: its moments are `{name}.adam.m({path})`, and its schedules count its own
/// updates, in the state `step({name})`, rather than the session's steps.
///
/// A session holds optimizers to this rule:
///
/// - The state of an optimizer *without* a name belongs to one training step. A session refuses a second
///   training step that would change the same moments otherwise, and one that counts steps beside a
///   schedule that reads them.
/// - Optimizers of *different* names share nothing, even where they train the same parameters.
/// - Optimizers of *one* name are one optimizer: all training steps that hold it change the same moments and
///   count together. Their settings (what `Debug` says of them) must be the same; a rate that the host
///   changes is an input or a schedule.
///
/// Two networks that train in turns need names only for their schedules, since their parameters are not
/// the same ones.
///
/// # Errors
/// Recorded when the name is empty or has parentheses, or is that of an optimizer with other settings.
///
/// ```
/// use dl_core::{F64, Graph, Init};
/// use dl_core::nn::{Adam, Schedule, Scoped};
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// let adam = Adam::new(Schedule::cosine(0.1, 0.0, 100));
/// let step = (theta - 3.0).square().minimize(Scoped::new("critic", adam))?;
/// let state: Vec<&str> = step.updates().iter().map(|u| u.parameter.as_ref()).collect();
/// assert_eq!(state, ["critic.adam.m(θ)", "critic.adam.v(θ)", "critic.adam.t(θ)", "θ", "step(critic)"]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Scoped<O> {
    name: String,
    optimizer: O,
}

impl<O: Optimizer> Scoped<O> {
    /// `optimizer`, called `name`.
    pub fn new(name: &str, optimizer: O) -> Self {
        Scoped { name: name.into(), optimizer }
    }
}

impl<O: Optimizer> Optimizer for Scoped<O> {
    fn updates<'g>(&self, graph: &'g Graph, gradients: &[Gradient<'g>]) -> Vec<(Expr<'g>, Expr<'g>)> {
        if self.name.is_empty() || self.name.contains(['(', ')']) {
            graph.fail(format!("an optimizer called {:?}: a name without parentheses is needed", self.name));
            return vec![];
        }
        let settings = format!("{:?}", self.optimizer);
        let scope = Scope { name: self.name.as_str().into(), settings: settings.into(), counts: false };
        let (mut updates, count) = graph.scoped(scope, || self.optimizer.updates(graph, gradients));
        // A one as an integer: what operators make of a number has the count's element type.
        updates.extend(count.map(|count| (count, count + 1.0)));
        updates
    }
}
