//! Rewriting: canonicalize, stabilize, simplify — rules as rows, one engine, a trace of what fired.

pub(crate) mod constants;
mod engine;
mod facts;
mod loops;
mod pattern;
mod rules;
mod trace;

pub use self::facts::{Facts, Known};
pub use self::rules::{Phase, Rule, RuleKind, When, rules};
pub use self::trace::{Firing, Trace};

use crate::graph::{Graph, NodeId};

/// How often the phases take turns before what is left is left: rules end by themselves, so this
/// bound is never met by a table whose tests pass.
const ROUNDS: usize = 8;

/// The graph below `roots` after every phase, to a fixed point.
pub(crate) fn rewrite(from: &Graph, roots: &[NodeId], trace: &mut Trace) -> (Graph, Vec<NodeId>) {
    let (mut graph, mut ids) = engine::pass(from, roots, Phase::Canonicalize, trace);
    for turn in 0..2 * ROUNDS {
        let before = trace.len();
        let phase = if turn % 2 == 0 { Phase::Stabilize } else { Phase::Simplify };
        (graph, ids) = engine::pass(&graph, &ids, phase, trace);
        // What one phase leaves as it is, the other one left as it is.
        if turn > 0 && trace.len() == before {
            break;
        }
    }
    if !graph.nodes().iter().any(|n| matches!(n.op, crate::ops::Op::Scan(_))) {
        return (graph, ids);
    }
    let (graph, ids) = loops::pass(&graph, &ids, trace);
    engine::pass(&graph, &ids, Phase::Simplify, trace)
}

#[cfg(test)]
mod tests;
