//! Rewriting: canonicalize, stabilize, simplify — rules as rows, one engine, a trace of what fired.

use crate::graph::{Graph, NodeId, Rebuild};

/// Which rules fired, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace;

/// The graph below `roots` after every phase, to a fixed point.
pub(crate) fn rewrite(from: &Graph, roots: &[NodeId], _trace: &mut Trace) -> (Graph, Vec<NodeId>) {
    let to = Graph::new();
    let ids = {
        let mut copy = Rebuild::new(from, &to);
        copy.run(roots, |copy, _, node, args| copy.copy(node, args));
        roots.iter().map(|r| copy.get(*r).expect("roots were visited").id()).collect()
    };
    (to, ids)
}
