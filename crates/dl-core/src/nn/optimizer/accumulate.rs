//! Gradients of several batches in one update.

use crate::graph::{Expr, Graph};
use crate::nn::{Gradient, Optimizer};

/// An optimizer that sees, every `count`-th time, the mean of the gradients since the last time, and changes nothing
/// in between: with losses that are means, a step on `count` batches at the memory of one. The sums are state of the
/// training step, so a checkpoint within them goes on with them.
///
/// Schedules count every run of the training step, unless the optimizer inside has a name:
/// `Accumulate::new(4, Scoped::new("main", Adam::new(schedule)))` counts updates.
///
/// # Errors
/// Recorded when the count is 0.
///
/// ```
/// use dl_core::{F64, Graph, Init};
/// use dl_core::nn::{Accumulate, Sgd};
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// let step = (theta - 3.0).square().minimize(Accumulate::new(4, Sgd::new(0.1)))?;
/// let state: Vec<&str> = step.updates().iter().map(|u| u.parameter.as_ref()).collect();
/// assert_eq!(state, ["θ", "accumulate.sum(θ)", "accumulate.n(θ)"]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Accumulate<O> {
    count: usize,
    optimizer: O,
}

impl<O: Optimizer> Accumulate<O> {
    /// `optimizer`, behind the mean of `count` gradients.
    pub fn new(count: usize, optimizer: O) -> Self {
        Accumulate { count, optimizer }
    }
}

impl<O: Optimizer> Optimizer for Accumulate<O> {
    fn updates<'g>(&self, graph: &'g Graph, gradients: &[Gradient<'g>]) -> Vec<(Expr<'g>, Expr<'g>)> {
        if self.count == 0 {
            graph.fail("accumulation of 0 gradients: at least 1 is needed".into());
            return vec![];
        }
        let count = self.count as f64;
        let (mut means, mut own, mut due) = (vec![], vec![], None);
        for of in gradients {
            let (sum, n) = (of.state("accumulate.sum"), of.scalar("accumulate.n", 0.0));
            let total = sum + of.gradient;
            // The same of all parameters.
            let now = n.ge(count - 1.0);
            means.push(of.with(total / count));
            own.push((sum, now.select(0.0, total)));
            own.push((n, now.select(0.0, n + 1.0)));
            due.get_or_insert(now);
        }
        let mut updates = self.optimizer.updates(graph, &means);
        if let Some(due) = due {
            updates.iter_mut().for_each(|(old, new)| *new = due.select(*new, *old));
        }
        updates.extend(own);
        updates
    }
}
