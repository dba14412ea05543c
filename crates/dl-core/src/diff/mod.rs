//! Differentiation: reverse and forward mode as graph transformations.

mod cotangent;
mod jvp;
mod scan;
mod sweep;
mod total;
mod vjp;

use rustc_hash::FxHashMap;

pub(crate) use self::sweep::adjoints;

use crate::graph::{Expr, Graph, Node, NodeId, Rebuild, reachable};
use crate::ops::Op;

/// Replaces every request for a gradient below `roots` by the gradient's expression.
///
/// All requests of one objective are answered by one reverse sweep. Requests inside an objective
/// come before it in the arena, so they are expressions by the time it is differentiated.
pub(crate) fn resolve(from: &Graph, roots: &[NodeId]) -> (Graph, Vec<NodeId>) {
    let with_variables = Graph::new();
    let mut requests = Requests::below(from, roots);
    let mut copy = Rebuild::new(from, &with_variables);
    copy.run(roots, |copy, _, node, args| match node.op {
        Op::Grad => requests.answer(copy, node, args),
        _ => copy.copy(node, args),
    });
    let roots: Vec<NodeId> = roots.iter().map(|r| copied(&copy, *r).id()).collect();
    drop_variables(&with_variables, &roots)
}

/// The objectives with what they are differentiated with respect to, and the gradients so far.
struct Requests<'g> {
    wrt: FxHashMap<NodeId, Vec<NodeId>>,
    gradients: FxHashMap<NodeId, FxHashMap<NodeId, Expr<'g>>>,
}

impl<'g> Requests<'g> {
    fn below(from: &Graph, roots: &[NodeId]) -> Self {
        let mut wrt: FxHashMap<NodeId, Vec<NodeId>> = FxHashMap::default();
        for id in reachable(from, roots) {
            let node = from.get(id);
            if node.op == Op::Grad {
                wrt.entry(node.args[0]).or_default().push(node.args[1]);
            }
        }
        Requests { wrt, gradients: FxHashMap::default() }
    }

    fn answer(&mut self, copy: &Rebuild<'_, 'g>, request: &Node, args: &[Expr<'g>]) -> Expr<'g> {
        let (objective, wrt) = (args[0], args[1]);
        let gradients = self.gradients.entry(request.args[0]).or_insert_with(|| {
            // What was not visited yet comes after the objective, so the objective does not depend on it.
            let visited = self.wrt[&request.args[0]].iter().filter_map(|old| copy.get(*old));
            sweep::gradients(objective, &visited.map(|e| e.id()).collect::<Vec<_>>())
        });
        match gradients.get(&wrt.id()) {
            Some(gradient) => *gradient,
            None => wrt.graph().full(wrt.dtype(), wrt.shape(), 0.0),
        }
    }
}

/// A copy in which variables are what they stand for, and values are without their rules.
fn drop_variables(from: &Graph, roots: &[NodeId]) -> (Graph, Vec<NodeId>) {
    let to = Graph::new();
    let ids = {
        let mut copy = Rebuild::new(from, &to);
        copy.run(roots, |copy, _, node, args| match node.op {
            Op::Variable(_) | Op::WithGradient => args[0],
            _ => copy.copy(node, args),
        });
        roots.iter().map(|r| copied(&copy, *r).id()).collect()
    };
    (to, ids)
}

fn copied<'g>(copy: &Rebuild<'_, 'g>, root: NodeId) -> Expr<'g> {
    copy.get(root).expect("roots were visited")
}

#[cfg(test)]
mod tests;
