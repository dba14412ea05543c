//! The reverse of a scan: a scan the other way, whose carries are the cotangents of the carries.
//!
//! Werbos: "Backpropagation through time: what it does and how to do it", Proceedings of the IEEE 78, 1990.
//! What the body of the reverse needs of the forward one is kept as a history where it is expensive, and
//! computed again from what is kept where it is cheap. A scan that is to be `recomputed` keeps the carries
//! only (Chen, Xu, Zhang, Guestrin: "Training deep nets with sublinear memory cost", 2016).

use rustc_hash::{FxHashMap, FxHashSet};

use crate::diff::cotangent::Cotangent;
use crate::diff::sweep::Sweep;
use crate::diff::total::Total;
use crate::dim::Dim;
use crate::graph::{Expr, Graph, Loop, Node, NodeId, Scopes};
use crate::ops::{self, Binary, Op, Unary};

impl<'g> Sweep<'_, 'g> {
    /// What a scan passes back of its results' cotangents.
    pub(super) fn scan(
        &mut self,
        id: NodeId,
        own: &Loop,
        results: &[(NodeId, Cotangent<'g>)],
    ) -> Vec<(NodeId, Cotangent<'g>)> {
        let node = self.nodes[id.index()].clone();
        let Op::Scan(scan) = &node.op else { return vec![] };
        if results.is_empty() {
            return vec![];
        }
        let graph = self.graph;
        let (first, next) = node.args.split_at(scan.carries);
        let back = ops::Loop { id: graph.next_scan(), reverse: !scan.reverse, ..scan.clone() };
        let carries = self.live(&node, scan.carries, own, results);
        let mut begin: Vec<Expr<'g>> = vec![];
        let mut seeds = vec![];
        for (index, k) in carries.iter().enumerate() {
            let last = results.iter().find(|(r, _)| self.nodes[r.index()].op == Op::Final(*k));
            let like = graph.expr(first[*k]);
            let zeros = || graph.full(like.dtype(), like.shape(), 0.0);
            begin.push(last.map_or_else(zeros, |(_, cotangent)| cotangent.value));
            let leaf = graph.leaf(Op::Carry { scan: back.id, index }, like.dtype(), like.shape());
            seeds.push((next[*k], Cotangent::everywhere(leaf)));
        }
        for (result, cotangent) in results {
            if let Op::Stack(axis) = self.nodes[result.index()].op {
                let element = Op::Element { scan: back.id, axis };
                let here = cotangent.moved(|e| e.apply(element.clone(), &[]));
                seeds.push((self.nodes[result.index()].args[1], here));
            }
        }
        let mut swept = self.run(&own.body, Some(scan.id), seeds);
        let leaf = |k: usize| {
            let of =
                |leaf: &&NodeId| matches!(self.nodes[leaf.index()].op, Op::Carry { index, .. } if index == k);
            own.carries.iter().find(of)
        };
        let mut after: Vec<Expr<'g>> = vec![];
        for k in &carries {
            let cotangent = leaf(*k).and_then(|leaf| swept.leaves.remove(leaf));
            let like = graph.expr(first[*k]);
            after.push(cotangent.map_or_else(|| graph.full(like.dtype(), like.shape(), 0.0), |c| c.value));
        }
        let elements: Vec<(NodeId, Cotangent<'g>)> =
            own.elements.iter().filter_map(|leaf| Some((*leaf, swept.leaves.remove(leaf)?))).collect();

        // From the forward body into that of the reverse.
        let mut roots = after.clone();
        roots.extend(elements.iter().flat_map(|(_, c)| [Some(c.value), c.live]).flatten());
        roots.extend(swept.outside.iter().map(|(_, c)| c.value));
        let forward = Forward { graph, scan: id, own: scan, back: back.id, there: self.nodes, loops: own };
        let moved = forward.moved(&roots);
        let there = |e: Expr<'g>| moved.get(&e.id()).copied().unwrap_or(e);
        let mut after: Vec<Expr<'g>> = after.into_iter().map(there).collect();
        let totals: Vec<(NodeId, Expr<'g>)> =
            swept.outside.iter().map(|(to, c)| (*to, there(c.value))).collect();
        let nodes = graph.nodes();
        let scopes = Scopes::of(&nodes);
        let totals: Vec<(NodeId, Total<'g>)> =
            totals.into_iter().map(|(to, e)| (to, Total::of(e, &scopes, back.id, !scan.again))).collect();
        for (_, total) in &totals {
            total.running(&mut |e| {
                begin.push(graph.full(e.dtype(), e.shape(), 0.0));
                let running = Op::Carry { scan: back.id, index: after.len() };
                let running = graph.leaf(running, e.dtype(), e.shape());
                after.push(running + e);
            });
        }
        let back = ops::Loop { carries: begin.len(), ..back };
        let args = begin.iter().chain(&after).map(|e| e.id()).collect();
        let reverse = graph.node(Op::Scan(back), args, None);
        let stacked = |e: Expr<'g>, axis: usize| reverse.apply(Op::Stack(axis), &[e]);
        let last = |index: usize| reverse.last(index, begin[index]);

        let mut contributions = vec![];
        for (index, k) in carries.iter().enumerate() {
            contributions.push((first[*k], Cotangent::everywhere(last(index))));
        }
        for (leaf, cotangent) in &elements {
            let element = &self.nodes[leaf.index()];
            let Op::Element { axis, .. } = element.op else { continue };
            contributions.push((element.args[0], cotangent.moved(|e| stacked(there(e), axis))));
        }
        let mut running = carries.len();
        for (to, total) in totals {
            let stack = |e: Expr<'g>| {
                let axis = forward.axis(&e.shape());
                (stacked(e, axis), axis)
            };
            let mut next = || {
                running += 1;
                last(running - 1)
            };
            let value = total.value(&scan.length, &stack, &mut next);
            contributions.push((to, Cotangent::everywhere(value)));
        }
        contributions
    }
}

impl<'g> Sweep<'_, 'g> {
    /// The carries that have a cotangent: those of which a result is computed, in the same step or later.
    fn live(
        &self,
        node: &Node,
        carries: usize,
        own: &Loop,
        results: &[(NodeId, Cotangent<'g>)],
    ) -> Vec<usize> {
        let (first, next) = node.args.split_at(carries);
        let moves = |k: usize| {
            let float = self.nodes[first[k].index()].dtype.is_float();
            float && (self.is_active(first[k]) || self.is_active(next[k]))
        };
        let mut inner: FxHashMap<u64, (&[NodeId], &[NodeId])> = FxHashMap::default();
        self.inside(own, &mut inner);
        let mut live = vec![false; carries];
        let mut reached: FxHashSet<NodeId> = FxHashSet::default();
        let mut left: Vec<NodeId> = vec![];
        for (result, _) in results {
            match self.nodes[result.index()].op {
                Op::Final(k) if moves(k) => {
                    live[k] = true;
                    left.push(next[k]);
                }
                Op::Stack(_) => left.push(self.nodes[result.index()].args[1]),
                _ => {}
            }
        }
        while let Some(id) = left.pop() {
            if !self.is_active(id) || !reached.insert(id) {
                continue;
            }
            let here = &self.nodes[id.index()];
            match here.op {
                Op::Carry { index, .. } if own.carries.contains(&id) => {
                    if moves(index) && !std::mem::replace(&mut live[index], true) {
                        left.push(next[index]);
                    }
                }
                // Of a scan in the body, only what the carry is made of.
                Op::Carry { scan, index } => {
                    if let Some((first, next)) = inner.get(&scan) {
                        left.extend([first[index], next[index]]);
                    }
                }
                Op::Final(k) => {
                    if let Op::Scan(scan) = &self.nodes[here.args[0].index()].op {
                        let args = &self.nodes[here.args[0].index()].args;
                        left.extend([args[k], args[scan.carries + k]]);
                    }
                }
                Op::Stack(_) => left.push(here.args[1]),
                _ => left.extend(&here.args),
            }
        }
        (0..carries).filter(|k| live[*k]).collect()
    }
}

impl Sweep<'_, '_> {
    /// The scans in a body: what their carries begin as, and become.
    fn inside<'n>(&'n self, own: &Loop, found: &mut FxHashMap<u64, (&'n [NodeId], &'n [NodeId])>) {
        for (id, inner) in &own.body.loops {
            let node = &self.nodes[id.index()];
            if let Op::Scan(scan) = &node.op {
                found.insert(scan.id, node.args.split_at(scan.carries));
            }
            self.inside(inner, found);
        }
    }
}

/// The forward scan, as its reverse sees it.
struct Forward<'s, 'g> {
    graph: &'g Graph,
    scan: NodeId,
    own: &'s ops::Loop,
    /// The reverse.
    back: u64,
    /// What was there before differentiation.
    there: &'s [std::sync::Arc<Node>],
    loops: &'s Loop,
}

impl<'g> Forward<'_, 'g> {
    /// For everything in the forward body that `roots` need, what stands for it in the reverse body.
    fn moved(&self, roots: &[Expr<'g>]) -> FxHashMap<NodeId, Expr<'g>> {
        let nodes = self.graph.nodes();
        let scopes = Scopes::of(&nodes);
        let inside = |id: &NodeId| scopes.has(*id, self.own.id);
        let mut needed: std::collections::BTreeSet<NodeId> = Default::default();
        let mut left: Vec<NodeId> = roots.iter().map(|e| e.id()).filter(inside).collect();
        let roots: FxHashSet<NodeId> = left.iter().copied().collect();
        let sums = self.sums(&roots, &nodes, &inside);
        let is_kept = |id: NodeId| sums.contains(&id) || self.is_kept(id, &nodes[id.index()]);
        while let Some(id) = left.pop() {
            if needed.insert(id) && !is_kept(id) {
                left.extend(nodes[id.index()].args.iter().copied().filter(inside));
            }
        }
        let mut moved: FxHashMap<NodeId, Expr<'g>> = FxHashMap::default();
        for id in needed {
            let node = &nodes[id.index()];
            let origin = self.graph.origin(id);
            let new = self.graph.attributed(&origin, || match &node.op {
                Op::Element { scan, axis } if *scan == self.own.id => {
                    let element = Op::Element { scan: self.back, axis: *axis };
                    self.graph.expr(node.args[0]).apply(element, &[])
                }
                _ if is_kept(id) => self.kept(id, node),
                _ => {
                    let place = |a: &NodeId| moved.get(a).map_or(*a, |e| e.id());
                    let args = node.args.iter().map(place).collect();
                    self.graph.push(Node { args, ..(**node).clone() })
                }
            });
            moved.insert(id, new);
        }
        moved
    }

    /// The binary operations that are kept in place of a dear operand that nothing else needs: then the other
    /// operand is not needed either.
    fn sums(
        &self,
        roots: &FxHashSet<NodeId>,
        nodes: &[std::sync::Arc<Node>],
        inside: &impl Fn(&NodeId) -> bool,
    ) -> FxHashSet<NodeId> {
        let mut readers: FxHashMap<NodeId, Vec<NodeId>> = FxHashMap::default();
        let (mut seen, mut left): (FxHashSet<NodeId>, Vec<NodeId>) =
            (FxHashSet::default(), roots.iter().copied().collect());
        while let Some(id) = left.pop() {
            if seen.insert(id) && !self.is_kept(id, &nodes[id.index()]) {
                for arg in nodes[id.index()].args.iter().copied().filter(inside) {
                    readers.entry(arg).or_default().push(id);
                    left.push(arg);
                }
            }
        }
        let only = |(id, by): (&NodeId, &Vec<NodeId>)| {
            let (node, [reader]) = (&nodes[id.index()], &by[..]) else { return None };
            let to = &nodes[reader.index()];
            let dear = self.is_kept(*id, node) && !matches!(node.op, Op::Carry { .. }) && !roots.contains(id);
            let alike = matches!(to.op, Op::Binary(_)) && to.shape == node.shape && to.dtype == node.dtype;
            let there = reader.index() < self.there.len() && !self.own.again;
            (dear && alike && there).then_some(*reader)
        };
        readers.iter().filter_map(only).collect()
    }

    /// A value of the forward body as a part of its history.
    fn kept(&self, id: NodeId, node: &Node) -> Expr<'g> {
        let axis = self.axis(&node.shape);
        let history = self.graph.expr(self.scan).apply(Op::Stack(axis), &[self.graph.expr(id)]);
        history.apply(Op::Element { scan: self.back, axis }, &[])
    }

    /// Whether the reverse takes a value of the forward body from its history.
    fn is_kept(&self, id: NodeId, node: &Node) -> bool {
        let there = |id: NodeId| id.index() < self.there.len();
        match &node.op {
            Op::Carry { scan, .. } if *scan == self.own.id => true,
            Op::Carry { .. } | Op::Element { .. } | Op::Scan(_) => false,
            _ if self.own.again => false,
            // Of an inner scan, also what nobody wanted of it before.
            Op::Final(_) | Op::Stack(_) => there(node.args[0]),
            op => there(id) && is_expensive(op),
        }
    }

    /// The axis along which histories of values of this shape are stacked: that of the sequences, where the
    /// values have the same axes before it.
    fn axis(&self, shape: &[Dim]) -> usize {
        let sequences = self.loops.elements.iter().filter_map(|leaf| {
            let leaf = &self.there[leaf.index()];
            let Op::Element { axis, .. } = leaf.op else { return None };
            Some((axis, leaf))
        });
        let results = self.loops.stacks.iter().filter_map(|result| {
            let result = &self.there[result.index()];
            let Op::Stack(axis) = result.op else { return None };
            Some((axis, &self.there[result.args[1].index()]))
        });
        let fits = |(axis, like): &(usize, &std::sync::Arc<Node>)| {
            shape.len() >= *axis && shape[..*axis] == like.shape[..*axis]
        };
        sequences.chain(results).find(fits).map_or(0, |(axis, _)| axis)
    }
}

/// Whether a value is dearer to compute than to keep.
fn is_expensive(op: &Op) -> bool {
    match op {
        Op::Unary(op) => !matches!(
            op,
            Unary::Neg | Unary::Abs | Unary::Sign | Unary::Relu | Unary::Floor | Unary::IsFinite | Unary::Not
        ),
        Op::Binary(op) => matches!(op, Binary::Pow),
        Op::Contract(_) | Op::Reduce { .. } | Op::ArgReduce { .. } => true,
        Op::LogSumExp(_) | Op::LogSoftmax(_) => true,
        Op::Gather { .. } | Op::Scatter { .. } | Op::Sort { .. } | Op::ArgSort { .. } => true,
        Op::Fold { .. } | Op::Cumulative { .. } | Op::LinearRecurrence { .. } => true,
        _ => false,
    }
}
