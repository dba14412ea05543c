//! The engine: one pass over a graph, arguments first, each node to its normal form.

use std::collections::BTreeSet;

use crate::graph::{Expr, Graph, Node, NodeId, Rebuild, reachable};
use crate::rewrite::facts::Known;
use crate::rewrite::rules::{Phase, Table};
use crate::rewrite::trace::Trace;

/// Uses of rules per node before the pass gives up on a node: far above what tables need.
const FUEL: usize = 64;

/// The graph below `roots` with every rule of `phase` (and of canonicalization) used up.
pub(crate) fn pass(from: &Graph, roots: &[NodeId], phase: Phase, trace: &mut Trace) -> (Graph, Vec<NodeId>) {
    let to = Graph::new();
    let ids = {
        let mut copy = Rebuild::new(from, &to);
        let mut engine = Engine {
            to: &to,
            table: Table::of(phase),
            known: Known::new(&to),
            normal: vec![],
            fuel: FUEL * (reachable(from, roots).len() + 16),
            trace,
        };
        copy.run(roots, |copy, _, node, args| engine.normalize(copy.copy(node, args)));
        roots.iter().map(|r| copy.get(*r).expect("roots were visited").id()).collect()
    };
    (to, ids)
}

struct Engine<'g, 't> {
    to: &'g Graph,
    table: &'static Table,
    known: Known<'g>,
    /// What each node became, by its place; normal forms map to themselves.
    normal: Vec<Option<Expr<'g>>>,
    fuel: usize,
    trace: &'t mut Trace,
}

impl<'g> Engine<'g, '_> {
    /// The normal form of a node whose arguments are normal.
    fn normalize(&mut self, expr: Expr<'g>) -> Expr<'g> {
        if let Some(done) = self.settled(expr.id()) {
            return done;
        }
        let result = self.rewrite(expr);
        self.becomes(expr.id(), result);
        if self.settled(result.id()).is_none() {
            self.becomes(result.id(), result);
        }
        result
    }

    fn rewrite(&mut self, expr: Expr<'g>) -> Expr<'g> {
        let node = expr.node();
        for rule in self.table.rules_at(&node.op) {
            if self.fuel == 0 {
                break;
            }
            let mark = NodeId(self.to.len() as u32);
            let Some(new) = rule.apply(expr, &self.known) else {
                continue;
            };
            if new == expr {
                continue;
            }
            debug_assert_eq!((new.dtype(), new.shape()), (expr.dtype(), expr.shape()), "rule {}", rule.name);
            self.fuel -= 1;
            self.trace.record(rule.name, self.to.origin(expr.id()));
            return self.settle(new, mark);
        }
        expr
    }

    /// Normalizes what a rule built: the nodes from `mark` on, arguments first.
    fn settle(&mut self, root: Expr<'g>, mark: NodeId) -> Expr<'g> {
        for id in self.built(root, mark) {
            if self.settled(id).is_some() {
                continue;
            }
            let node = self.to.get(id);
            let args = node.args.iter().map(|a| self.settled(*a).map_or(*a, Expr::id)).collect();
            let copy = self.to.push(Node { args, ..(*node).clone() });
            let normal = self.normalize(copy);
            self.becomes(id, normal);
        }
        self.settled(root.id()).unwrap_or(root)
    }

    /// The nodes from `mark` on that `root` needs, arguments first.
    fn built(&self, root: Expr<'g>, mark: NodeId) -> Vec<NodeId> {
        let mut needed = BTreeSet::new();
        let mut stack = vec![root.id()];
        while let Some(id) = stack.pop() {
            if id >= mark && needed.insert(id) {
                stack.extend(&self.to.get(id).args);
            }
        }
        needed.into_iter().collect()
    }

    /// What a node became, if that is known.
    fn settled(&self, id: NodeId) -> Option<Expr<'g>> {
        self.normal.get(id.index()).copied().flatten()
    }

    fn becomes(&mut self, id: NodeId, normal: Expr<'g>) {
        if self.normal.len() <= id.index() {
            self.normal.resize(id.index() + 1, None);
        }
        self.normal[id.index()] = Some(normal);
    }
}
