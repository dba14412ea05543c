//! The reverse sweep: cotangents from an objective back to what it is differentiated by.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::diff::cotangent::Cotangent;
use crate::diff::vjp;
use crate::graph::{Expr, Graph, NodeId, reachable};
use crate::ops::Op;

/// The gradients of `objective` by node, for those of `wrt` that it depends on.
///
/// Each of `wrt` is independent of the others: nothing flows through it.
pub(super) fn gradients<'g>(objective: Expr<'g>, wrt: &[NodeId]) -> FxHashMap<NodeId, Expr<'g>> {
    let graph = objective.graph();
    let wrt: FxHashSet<NodeId> = wrt.iter().copied().collect();
    let order = reachable(graph, &[objective.id()]);
    let active = active(graph, &order, &wrt);
    let mut cotangents: Vec<Option<Cotangent<'g>>> = vec![None; objective.id().index() + 1];
    let one = graph.full(objective.dtype(), objective.shape(), 1.0);
    cotangents[objective.id().index()] = Some(Cotangent::everywhere(one));
    let mut found = FxHashMap::default();
    for &id in order.iter().rev().filter(|id| active[id.index()]) {
        let Some(cotangent) = cotangents[id.index()].take() else { continue };
        if wrt.contains(&id) {
            found.insert(id, cotangent.value);
            continue;
        }
        let node = graph.get(id);
        let args: Vec<Expr<'g>> = node.args.iter().map(|a| graph.expr(*a)).collect();
        graph.attributed(&graph.origin(id), || {
            for (arg, contribution) in vjp::contributions(&node, &args, graph.expr(id), cotangent) {
                let to = node.args[arg].index();
                if active[to] {
                    cotangents[to] = Some(match cotangents[to].take() {
                        Some(sum) => sum.plus(contribution),
                        None => contribution,
                    });
                }
            }
        });
    }
    found
}

/// Which nodes of `order` depend on one of `wrt` in a way that has a derivative.
fn active(graph: &Graph, order: &[NodeId], wrt: &FxHashSet<NodeId>) -> Vec<bool> {
    let mut active = vec![false; order.last().map_or(0, |id| id.index() + 1)];
    for &id in order {
        let node = graph.get(id);
        let passes = node.dtype.is_float() && node.op != Op::StopGradient;
        active[id.index()] =
            wrt.contains(&id) || (passes && node.differentiated().iter().any(|a| active[a.index()]));
    }
    active
}
