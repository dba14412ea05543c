//! The reverse sweep: cotangents from an objective back to what it is differentiated by.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::diff::cotangent::Cotangent;
use crate::diff::vjp;
use crate::graph::{Expr, Graph, Level, Levels, Loop, Node, NodeId, Scopes};
use crate::ops::Op;

/// The gradients of `objective` by node, for those of `wrt` that it depends on.
///
/// Each of `wrt` is independent of the others: nothing flows through it.
pub(super) fn gradients<'g>(objective: Expr<'g>, wrt: &[NodeId]) -> FxHashMap<NodeId, Expr<'g>> {
    swept(objective, wrt, false)
}

/// The derivatives of `objective` by node, for those of `nodes` that it depends on, where each is a function of
/// what it is computed from: what a change of the node alone does to the objective.
pub(crate) fn adjoints<'g>(objective: Expr<'g>, nodes: &[NodeId]) -> FxHashMap<NodeId, Expr<'g>> {
    swept(objective, nodes, true)
}

fn swept<'g>(objective: Expr<'g>, wrt: &[NodeId], through: bool) -> FxHashMap<NodeId, Expr<'g>> {
    let graph = objective.graph();
    let nodes = graph.nodes();
    let levels = Levels::new(&nodes, &[objective.id()]);
    let level = levels.everything();
    let mut sweep = Sweep {
        graph,
        nodes: &nodes,
        scopes: &levels.scopes,
        wrt: wrt.iter().copied().collect(),
        through,
        active: vec![false; nodes.len()],
        found: FxHashMap::default(),
    };
    sweep.mark(&level);
    let one = graph.full(objective.dtype(), objective.shape(), 1.0);
    sweep.run(&level, None, vec![(objective.id(), Cotangent::everywhere(one))]);
    sweep.found
}

/// A sweep in progress.
pub(super) struct Sweep<'s, 'g> {
    pub(super) graph: &'g Graph,
    /// What was there when it began.
    pub(super) nodes: &'s [Arc<Node>],
    scopes: &'s Scopes,
    wrt: FxHashSet<NodeId>,
    /// Whether cotangents flow through these.
    through: bool,
    /// Which nodes depend on one of `wrt` in a way that has a derivative.
    active: Vec<bool>,
    found: FxHashMap<NodeId, Expr<'g>>,
}

/// What a sweep over a level leaves.
#[derive(Default)]
pub(super) struct Swept<'g> {
    /// Of the carries and elements of the level's scan.
    pub(super) leaves: FxHashMap<NodeId, Cotangent<'g>>,
    /// What the level passes back to nodes outside, one by one.
    pub(super) outside: Vec<(NodeId, Cotangent<'g>)>,
}

impl<'g> Sweep<'_, 'g> {
    /// Whether the gradient depends on the node's cotangent.
    pub(super) fn is_active(&self, id: NodeId) -> bool {
        self.active[id.index()]
    }

    /// Passes cotangents back through a level: the body of `scan`, if it is one.
    pub(super) fn run(
        &mut self,
        level: &Level,
        scan: Option<u64>,
        seeds: Vec<(NodeId, Cotangent<'g>)>,
    ) -> Swept<'g> {
        let mut swept = Swept::default();
        let add = |sweep: &Self, swept: &mut Swept<'g>, to: NodeId, contribution: Cotangent<'g>| {
            if !sweep.is_active(to) {
                return;
            }
            if scan.is_some_and(|scan| !sweep.scopes.has(to, scan)) {
                swept.outside.push((to, contribution));
                return;
            }
            let sum = match swept.leaves.remove(&to) {
                Some(sum) => sum.plus(contribution),
                None => contribution,
            };
            swept.leaves.insert(to, sum);
        };
        for (to, seed) in seeds {
            add(self, &mut swept, to, seed);
        }
        for &id in level.order.iter().rev() {
            if !self.is_active(id) {
                continue;
            }
            let node = self.nodes[id.index()].clone();
            if let Some(inner) = level.loops.get(&id) {
                let results = inner.results().filter_map(|r| Some((r, swept.leaves.remove(&r)?)));
                let results: Vec<_> = results.collect();
                let origin = self.graph.origin(id);
                let graph = self.graph;
                let contributions = graph.attributed(&origin, || self.scan(id, inner, &results));
                contributions.into_iter().for_each(|(to, c)| add(self, &mut swept, to, c));
                continue;
            }
            if matches!(node.op, Op::Final(_) | Op::Stack(_)) && !self.wrt.contains(&id) {
                // With its scan, which stands before it.
                continue;
            }
            let Some(cotangent) = swept.leaves.remove(&id) else { continue };
            if self.wrt.contains(&id) {
                self.found.insert(id, cotangent.value);
                if !self.through || node.args.is_empty() {
                    continue;
                }
            }
            let args: Vec<Expr<'g>> = node.args.iter().map(|a| self.graph.expr(*a)).collect();
            let origin = self.graph.origin(id);
            let contributions = self
                .graph
                .attributed(&origin, || vjp::contributions(&node, &args, self.graph.expr(id), cotangent));
            for (arg, contribution) in contributions {
                self.graph.attributed(&origin, || add(self, &mut swept, node.args[arg], contribution));
            }
        }
        swept
    }

    /// Finds which nodes of a level are active.
    fn mark(&mut self, level: &Level) {
        for &id in &level.order {
            if let Some(inner) = level.loops.get(&id) {
                self.mark_scan(id, inner);
                continue;
            }
            let node = &self.nodes[id.index()];
            if matches!(node.op, Op::Final(_) | Op::Stack(_)) {
                // Marked with its scan.
                self.active[id.index()] |= self.wrt.contains(&id);
                continue;
            }
            let passes = node.dtype.is_float() && node.op != Op::StopGradient;
            let depends = node.differentiated().iter().any(|a| self.active[a.index()]);
            self.active[id.index()] = self.wrt.contains(&id) || (passes && depends);
        }
    }

    /// The same of a body; a carry is active if it begins so or becomes so.
    fn mark_scan(&mut self, id: NodeId, own: &Loop) {
        let node = self.nodes[id.index()].clone();
        let Op::Scan(scan) = &node.op else { return };
        let (first, next) = node.args.split_at(scan.carries);
        let float = |id: NodeId| self.nodes[id.index()].dtype.is_float();
        let floats: Vec<bool> = first.iter().map(|f| float(*f)).collect();
        let mut carries: Vec<bool> =
            first.iter().zip(&floats).map(|(f, float)| *float && self.active[f.index()]).collect();
        loop {
            for leaf in &own.carries {
                let Op::Carry { index, .. } = self.nodes[leaf.index()].op else { continue };
                self.active[leaf.index()] = carries[index];
            }
            for leaf in &own.elements {
                let from = &self.nodes[leaf.index()];
                self.active[leaf.index()] = from.dtype.is_float() && self.active[from.args[0].index()];
            }
            self.mark(&own.body);
            let later = next.iter().zip(&floats).map(|(n, float)| *float && self.active[n.index()]);
            let all: Vec<bool> = carries.iter().zip(later).map(|(now, later)| *now || later).collect();
            if all == carries {
                break;
            }
            carries = all;
        }
        for result in own.results() {
            let of = &self.nodes[result.index()];
            self.active[result.index()] = match of.op {
                Op::Final(k) => carries[k],
                _ => self.active[of.args[1].index()],
            } || self.wrt.contains(&result);
        }
        self.active[id.index()] = own.results().any(|r| self.active[r.index()]);
    }
}
