//! Copying a graph node by node into another one: the frame of every pass.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::graph::{Expr, Graph, Node, NodeId};
use crate::ops::Op;

/// A copy in progress: old nodes and what became of them.
pub(crate) struct Rebuild<'a, 'g> {
    /// Where the old nodes are.
    pub(crate) from: &'a Graph,
    /// Where the new ones go.
    pub(crate) to: &'g Graph,
    /// By old place.
    done: Vec<Option<Expr<'g>>>,
}

impl<'a, 'g> Rebuild<'a, 'g> {
    /// A copy into an empty (or growing) graph; declarations come along.
    pub(crate) fn new(from: &'a Graph, to: &'g Graph) -> Self {
        {
            let old = from.inner.borrow();
            let mut new = to.inner.borrow_mut();
            new.inputs.clone_from(&old.inputs);
            new.parameters.clone_from(&old.parameters);
            new.streams = new.streams.max(old.streams);
            new.variables = new.variables.max(old.variables);
            new.scans = new.scans.max(old.scans);
        }
        Rebuild { from, to, done: vec![None; from.len()] }
    }

    /// What `id` became, once it was visited.
    pub(crate) fn get(&self, id: NodeId) -> Option<Expr<'g>> {
        self.done[id.index()]
    }

    /// Copies everything that `roots` need, arguments first, letting `visit` make each node from its
    /// old form and its new arguments.
    pub(crate) fn run(
        &mut self,
        roots: &[NodeId],
        mut visit: impl FnMut(&Self, NodeId, &Node, &[Expr<'g>]) -> Expr<'g>,
    ) {
        let order = reachable(self.from, roots);
        for id in order {
            if self.get(id).is_some() {
                continue;
            }
            let node = self.from.get(id);
            let copied = |a: &NodeId| self.get(*a).expect("arguments come first");
            let args: Vec<Expr<'g>> = node.args.iter().map(copied).collect();
            let origin = self.from.origin(id);
            let new = self.to.attributed(&origin, || visit(self, id, &node, &args));
            if let Some(name) = &origin.name {
                self.to.inner.borrow_mut().origins[new.id().index()].name.get_or_insert_with(|| name.clone());
            }
            self.done[id.index()] = Some(new);
        }
    }

    /// The same node with the new arguments.
    pub(crate) fn copy(&self, node: &Node, args: &[Expr<'g>]) -> Expr<'g> {
        self.to.push(Node { args: args.iter().map(|a| a.id()).collect(), ..node.clone() })
    }
}

/// Everything that `roots` need, in the order of the arena: arguments first.
pub(crate) fn reachable(graph: &Graph, roots: &[NodeId]) -> Vec<NodeId> {
    let inner = graph.inner.borrow();
    let mut needed = vec![false; inner.nodes.len()];
    for root in roots {
        needed[root.index()] = true;
    }
    for i in (0..needed.len()).rev() {
        if needed[i] {
            for arg in &inner.nodes[i].args {
                needed[arg.index()] = true;
            }
        }
    }
    (0..needed.len()).filter(|&i| needed[i]).map(|i| NodeId(i as u32)).collect()
}

impl Graph {
    /// `objective` as a function of independent variables in place of `wrt`. Leaves alone stay as they
    /// are; otherwise each is hidden behind a [`Op::Variable`], so that rewriting cannot see through
    /// it and none is a function of another.
    pub(crate) fn isolate<'g>(&'g self, objective: Expr<'g>, wrt: &[Expr<'g>]) -> (Expr<'g>, Vec<Expr<'g>>) {
        let is_leaf = |e: &Expr<'g>| {
            matches!(e.node().op, Op::Input(_) | Op::Parameter(_) | Op::Variable(_) | Op::Poison)
        };
        if wrt.iter().all(is_leaf) {
            return (objective, wrt.to_vec());
        }
        self.independent(objective, wrt)
    }

    /// `value` as a function of fresh variables in place of `wrt`, leaves too: what else is built from
    /// these stays constant.
    pub(crate) fn independent<'g>(&'g self, value: Expr<'g>, wrt: &[Expr<'g>]) -> (Expr<'g>, Vec<Expr<'g>>) {
        let mut done: FxHashMap<NodeId, Expr<'g>> = FxHashMap::default();
        let fresh = |e: &Expr<'g>| e.apply(Op::Variable(self.next_variable()), &[]);
        let variables: Vec<Expr<'g>> =
            wrt.iter().map(|e| *done.entry(e.id()).or_insert_with(|| fresh(e))).collect();
        self.substitute(&[value.id()], &mut done);
        self.copied_updates(&done);
        (done[&value.id()], variables)
    }

    /// `values` with other nodes in place of those that `by` has.
    pub(crate) fn substituted<'g>(
        &'g self,
        values: &[NodeId],
        by: &FxHashMap<NodeId, Expr<'g>>,
    ) -> Vec<Expr<'g>> {
        let mut done = by.clone();
        self.substitute(values, &mut done);
        values.iter().map(|id| done[id]).collect()
    }

    /// What becomes of everything below `values` where `done` says what becomes of some nodes. What is
    /// older than all of these cannot depend on them and is not visited.
    fn substitute<'g>(&'g self, values: &[NodeId], done: &mut FxHashMap<NodeId, Expr<'g>>) {
        let oldest = done.keys().min().copied();
        let mut needed = vec![];
        let mut todo: Vec<NodeId> = values.to_vec();
        let mut seen = FxHashSet::default();
        while let Some(id) = todo.pop() {
            if done.contains_key(&id) || !seen.insert(id) {
                continue;
            }
            needed.push(id);
            if oldest.is_some_and(|oldest| id > oldest) {
                todo.extend(&self.get(id).args);
            }
        }
        needed.sort_unstable();
        for id in needed {
            let node = self.get(id);
            let args: Vec<NodeId> = match oldest {
                Some(oldest) if id > oldest => node.args.iter().map(|a| done[a].id()).collect(),
                _ => node.args.clone(),
            };
            let new = if args == node.args {
                self.expr(id)
            } else {
                self.attributed(&self.origin(id), || self.push(Node { args, ..(*node).clone() }))
            };
            done.insert(id, new);
        }
    }
}
