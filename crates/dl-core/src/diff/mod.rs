//! Differentiation: reverse and forward mode as graph transformations.

use crate::graph::{Graph, NodeId, Rebuild};

/// Replaces every request for a gradient below `roots` by the gradient's expression.
pub(crate) fn resolve(from: &Graph, roots: &[NodeId]) -> (Graph, Vec<NodeId>) {
    let to = Graph::new();
    let ids = {
        let mut copy = Rebuild::new(from, &to);
        copy.run(roots, |copy, _, node, args| copy.copy(node, args));
        roots.iter().map(|r| copy.get(*r).expect("roots were visited").id()).collect()
    };
    (to, ids)
}
