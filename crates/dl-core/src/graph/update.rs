//! Updates of state that layers declare: a training step that computes their value makes them, too.

use std::panic::Location;

use rustc_hash::FxHashMap;

use crate::dim::Name;
use crate::graph::{ByName, Expr, Graph, Node, NodeId, Origin, reachable};
use crate::ops::Op;

/// Updates that happen together.
#[derive(Clone, Debug)]
pub(super) struct StateUpdate {
    /// Who computes one of these makes the updates; everybody does if there are none.
    pub(super) by: Vec<NodeId>,
    /// The parameters' nodes and their new values.
    pairs: Vec<(NodeId, NodeId)>,
    origin: Origin,
}

impl<'g> Expr<'g> {
    /// The same value, with updates `state ← new value` that go with it: every training step that
    /// computes it ([`minimize`](Expr::minimize) collects them, and
    /// [`Builder::state_updates`](crate::program::Builder::state_updates)) makes them after its run, together with the
    /// updates of trained parameters. Nothing is differentiated by them. Batch normalization declares
    /// its running statistics so.
    ///
    /// Where a step computes several values that update the same state, as two layers of one path do,
    /// the updates follow each other in the order of declaration: each sees what the ones before it left
    /// in the states that it updates, and the old value of all others.
    ///
    /// # Errors
    /// Recorded when something other than a parameter or state is to be updated, or by a value of
    /// another element type or shape. `minimize` refuses, at this line, two updates of one state where
    /// the second does not read it (it would make the first one vanish), and updates of what it trains.
    ///
    /// ```
    /// use dl_core::{F64, Graph, Init, nn::Sgd};
    /// let g = Graph::new();
    /// let x = g.input("x", F64, ());
    /// let largest = g.state("largest", F64, (), Init::Zeros);
    /// let size = x.abs().updating(&[(largest, largest.maximum(x.abs()))]);
    /// let w = g.parameter("w", F64, (), Init::Zeros);
    /// let step = (w - size).square().minimize(Sgd::new(0.1))?;
    /// let updated: Vec<&str> = step.updates().iter().map(|u| u.parameter.as_ref()).collect();
    /// assert_eq!(updated, ["w", "largest"]);
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    #[track_caller]
    pub fn updating(self, updates: &[(Expr<'g>, Expr<'g>)]) -> Expr<'g> {
        if !self.is_poison() {
            self.graph().declare_updates(vec![self.id()], updates);
        }
        self
    }
}

impl Graph {
    /// Declares `state ← value` for every training step over this graph, whatever its objective
    /// computes; see [`Expr::updating`] for updates that go with a value.
    ///
    /// # Errors
    /// As for [`Expr::updating`].
    ///
    /// ```
    /// use dl_core::{F64, Graph, I64, Init, nn::Sgd};
    /// let g = Graph::new();
    /// let w = g.parameter("w", F64, (), Init::Zeros);
    /// let average = g.state("average", F64, (), Init::Zeros);
    /// g.update_state(average, 0.9 * average + 0.1 * w);
    /// let step = (w - 1.0).square().minimize(Sgd::new(0.1))?;
    /// assert_eq!(step.updates().len(), 2);
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    #[track_caller]
    pub fn update_state<'g>(&'g self, state: Expr<'g>, value: Expr<'g>) {
        self.declare_updates(vec![], &[(state, value)]);
    }

    #[track_caller]
    fn declare_updates<'g>(&'g self, by: Vec<NodeId>, updates: &[(Expr<'g>, Expr<'g>)]) {
        let mut pairs = vec![];
        for (state, value) in updates {
            let (state, value) = (self.own(*state), self.own(*value));
            if state.is_poison() || value.is_poison() {
                return;
            }
            if let Some(wrong) = misfit(&state.node(), &value.node()) {
                self.fail(wrong);
                return;
            }
            pairs.push((state.id(), value.id()));
        }
        let origin = Origin::at(Location::caller());
        let mut inner = self.inner.borrow_mut();
        // Equal expressions are one: a layer applied twice to one value is applied once.
        if !inner.updates.iter().any(|old| old.by == by && old.pairs == pairs) {
            inner.updates.push(StateUpdate { by, pairs, origin });
        }
    }

    /// The updates that go with what `roots` are computed from, those of one state one after the other:
    /// each with the parameter and where it was declared.
    pub(crate) fn declared_updates<'g>(&'g self, roots: &[NodeId]) -> Vec<(Expr<'g>, Expr<'g>, Origin)> {
        let mut left: ByName<(Expr<'g>, Expr<'g>, Origin)> = ByName::default();
        for update in self.collected(roots) {
            let before: FxHashMap<NodeId, Expr<'g>> = update
                .pairs
                .iter()
                .filter_map(|(state, _)| Some((*state, left.get(&self.state_name(*state))?.1)))
                .collect();
            let values: Vec<NodeId> = update.pairs.iter().map(|(_, value)| *value).collect();
            let values = self.attributed(&update.origin, || self.substituted(&values, &before));
            for ((state, old), value) in update.pairs.iter().zip(values) {
                let name = self.state_name(*state);
                if let Some((_, earlier, origin)) = left.get(&name)
                    && value.id() == *old
                    && *earlier != value
                {
                    let place = origin.site.as_ref().map_or(String::new(), |site| format!(" at {site}"));
                    let message = format!(
                        "state {name} is updated to two different values, before{place}: an update after \
                         another one has to read the state"
                    );
                    self.attributed(&update.origin, || self.fail(message));
                }
                left.insert(name, (self.expr(*state), value, update.origin.clone()));
            }
        }
        left.into_values().collect()
    }

    /// The declared updates that go with what `roots` and these updates themselves are computed from.
    fn collected(&self, roots: &[NodeId]) -> Vec<StateUpdate> {
        let all = self.inner.borrow().updates.clone();
        let mut roots = roots.to_vec();
        let mut found = vec![false; all.len()];
        loop {
            let below = reachable(self, &roots);
            let goes =
                |u: &StateUpdate| u.by.is_empty() || u.by.iter().any(|id| below.binary_search(id).is_ok());
            let new: Vec<usize> = (0..all.len()).filter(|i| !found[*i] && goes(&all[*i])).collect();
            if new.is_empty() {
                break;
            }
            for i in new {
                found[i] = true;
                roots.extend(all[i].pairs.iter().map(|(_, value)| *value));
            }
        }
        all.into_iter().zip(found).filter_map(|(update, found)| found.then_some(update)).collect()
    }

    fn state_name(&self, state: NodeId) -> Name {
        match &self.get(state).op {
            Op::Parameter(name) => name.clone(),
            other => other.name().into(),
        }
    }

    /// Copies of nodes go with the updates of the originals, once: both are one computation.
    pub(super) fn copied_updates(&self, copies: &FxHashMap<NodeId, Expr<'_>>) {
        for update in &mut self.inner.borrow_mut().updates {
            let new: Vec<NodeId> = update.by.iter().filter_map(|id| Some(copies.get(id)?.id())).collect();
            new.into_iter().for_each(|id| {
                if !update.by.contains(&id) {
                    update.by.push(id);
                }
            });
        }
    }
}

fn misfit(state: &Node, value: &Node) -> Option<String> {
    let Op::Parameter(name) = &state.op else {
        return Some(format!("only declared state can be updated, got {}", state.op.name()));
    };
    let fits = value.shape == state.shape && value.dtype == state.dtype;
    (!fits).then(|| {
        format!(
            "update of {name}: {} {} cannot replace {} {}",
            value.dtype, value.shape, state.dtype, state.shape
        )
    })
}

#[cfg(test)]
mod tests {
    use crate::interp::evaluate;
    use crate::nn::{self, Sgd};
    use crate::testing::faults;
    use crate::{Expr, F32, F64, Graph, Init, Named, Program, Tensor};
    use expect_test::{Expect, expect};

    /// A mean of `x` that a running one goes with, as in a layer.
    fn tracked<'g>(x: Expr<'g>) -> Expr<'g> {
        let g = x.graph();
        let (mean, count) = (g.state("mean", F64, (), Init::Zeros), g.state("count", F64, (), Init::Zeros));
        let y = x.mean(..);
        y.square().updating(&[(mean, mean + (y - mean) / (count + 1.0)), (count, count + 1.0)])
    }

    /// What becomes of the states, by name, after one run with `x = 2` and `z = 8`.
    fn after(program: &Program, want: &[(&str, f64)]) {
        let given = |name: &str| Tensor::vector(vec![if name == "x" { 2.0 } else { 8.0 }]);
        let inputs: Vec<_> = program.inputs().iter().map(|d| (d.name.to_string(), given(&d.name))).collect();
        let inputs: Vec<_> = inputs.iter().map(|(name, value)| (name.as_str(), value.view())).collect();
        let parameters = program.initial(0).unwrap();
        let found = evaluate(program, &inputs, &parameters, 0, 0).unwrap();
        for (name, value) in want {
            let left = found.updates.iter().find(|(n, _)| **n == **name).unwrap();
            assert_eq!(left.1.item().unwrap(), *value, "{name}");
        }
        assert_eq!(program.updates().iter().filter(|u| &*u.parameter != "w").count(), want.len());
    }

    fn scene(g: &Graph) -> (Expr<'_>, Expr<'_>, Expr<'_>) {
        let declare = |name| g.input(name, F64, Named("B"));
        (declare("x"), declare("z"), g.parameter("w", F64, (), Init::ones()))
    }

    #[test]
    fn a_step_makes_the_updates_of_what_it_computes() {
        let g = Graph::new();
        let (x, z, w) = scene(&g);
        let other = g.state("other", F64, (), Init::Zeros);
        z.updating(&[(other, other + 1.0)]);
        (tracked(x) * w)
            .minimize(Sgd::new(0.1))
            .map(|p| after(&p, &[("mean", 2.0), ("count", 1.0)]))
            .unwrap();
        let evaluation = Program::builder(&g).output("y", tracked(x)).compile().unwrap();
        after(&evaluation, &[]);
        let step = Program::builder(&g).output("y", z.sum(..)).state_updates().compile().unwrap();
        after(&step, &[("other", 1.0)]);
    }

    #[test]
    fn updates_of_one_state_follow_each_other() {
        let g = Graph::new();
        let (x, z, w) = scene(&g);
        let j = (tracked(x) + tracked(z) + tracked(x)) * w;
        after(&j.minimize(Sgd::new(0.1)).unwrap(), &[("mean", 5.0), ("count", 2.0)]);
    }

    #[test]
    fn an_objective_of_gradients_makes_each_update_once() {
        let g = Graph::new();
        let (x, _, w) = scene(&g);
        let y = tracked(x * w);
        let slope = y.grad(&[x])[0];
        let j = y + nn::l2(slope);
        after(&j.minimize(Sgd::new(0.1)).unwrap(), &[("mean", 2.0), ("count", 1.0)]);
        after(&nn::l2(slope).minimize(Sgd::new(0.1)).unwrap(), &[("mean", 2.0), ("count", 1.0)]);
    }

    #[test]
    fn what_an_update_computes_brings_its_own() {
        let g = Graph::new();
        let (x, _, w) = scene(&g);
        let last = g.state("last", F64, (), Init::Zeros);
        g.update_state(last, tracked(x));
        let step = w.square().minimize(Sgd::new(0.1)).unwrap();
        after(&step, &[("last", 4.0), ("mean", 2.0), ("count", 1.0)]);
    }

    #[test]
    fn frozen_weights_may_be_updated_and_trained_ones_not() {
        let g = Graph::new();
        let (x, _, w) = scene(&g);
        let target = g.parameter("target", F64, (), Init::Zeros);
        g.update_state(target, 0.5 * target + 0.5 * w);
        let j = ((w - target) * x.mean(..)).square();
        after(&j.minimize_over(w, Sgd::new(0.1)).unwrap(), &[("target", 0.5)]);
        let error = j.minimize(Sgd::new(0.1)).unwrap_err();
        assert!(error.to_string().contains("parameter target is updated twice"), "{error}");
    }

    fn refused(build: impl for<'g> Fn(&'g Graph, Expr<'g>), want: Expect) {
        let g = Graph::new();
        let w = g.parameter("w", F64, [2], Init::Zeros);
        build(&g, w);
        let error = nn::l2(w).minimize(Sgd::new(0.1)).unwrap_err();
        assert!(error.faults().iter().all(|f| f.site.as_ref().unwrap().file.ends_with("update.rs")));
        let text = faults(&g);
        want.assert_eq(
            &text.lines().map(|l| l.split(" at crates").next().unwrap()).collect::<Vec<_>>().join("\n"),
        );
    }

    #[test]
    fn what_cannot_be_an_update_is_refused_at_its_line() {
        refused(
            |g, w| {
                g.update_state(w * 2.0, w);
                g.update_state(g.input("x", F64, [2]), w);
                let state = g.state("s", F64, [3], Init::Zeros);
                g.update_state(state, w);
                w.updating(&[(g.state("t", F32, [2], Init::Zeros), w)]);
            },
            expect![[r#"
                only declared state can be updated, got mul
                only declared state can be updated, got input
                update of s: f64 [2] cannot replace f64 [3]
                update of t: f64 [2] cannot replace f32 [2]"#]],
        );
        refused(
            |g, w| {
                let state = g.state("s", F64, [2], Init::Zeros);
                g.update_state(state, w + 1.0);
                g.update_state(state, w + 2.0);
            },
            expect!["state s is updated to two different values, before"],
        );
        let g = Graph::new();
        let w = g.parameter("w", F64, [2], Init::Zeros);
        let state = g.state("s", F64, [2], Init::Zeros);
        g.update_state(state, w + 1.0);
        w.updating(&[(state, w + 1.0)]);
        assert_eq!(nn::l2(w).minimize(Sgd::new(0.1)).unwrap().updates().len(), 2);
    }
}
