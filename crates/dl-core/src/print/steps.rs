//! Scans on paper: what changes from step to step has an index, `h_t = tanh(x_t·W + h_{t-1}·U)`.

use rustc_hash::FxHashMap;

use crate::dim::Name;
use crate::graph::{Graph, NodeId, Scopes};
use crate::ops::Op;

/// The scans of a graph: how their carries are called, and where these begin and end.
#[derive(Default)]
pub(super) struct Steps {
    scopes: Option<Scopes>,
    /// By scan and place.
    carries: FxHashMap<(u64, usize), Carry>,
    /// By result of a scan, what its steps make of the carries.
    next: FxHashMap<NodeId, Vec<NodeId>>,
    /// What is known before the first step, by the value that each step makes of it.
    first: FxHashMap<NodeId, Vec<(NodeId, Name, String)>>,
}

/// A carry, and the indices of the step before, and of the last one.
struct Carry {
    name: Name,
    before: &'static str,
    last: String,
}

impl Steps {
    /// Of a graph; `name` gives or makes a name for a value that becomes a carry.
    pub(super) fn of(graph: &Graph, mut name: impl FnMut(Option<NodeId>) -> Name) -> Steps {
        let nodes = graph.nodes();
        if !nodes.iter().any(|n| matches!(n.op, Op::Scan(_))) {
            return Steps::default();
        }
        let scopes = Scopes::of(&nodes);
        let mut steps = Steps::default();
        for (i, node) in nodes.iter().enumerate() {
            if let (Op::Final(_) | Op::Stack(_), Some(of)) = (&node.op, node.args.first()) {
                let own = steps.next.get(of).cloned().unwrap_or_default();
                steps.next.insert(NodeId(i as u32), own);
            }
            let Op::Scan(scan) = &node.op else { continue };
            let (first, next) = node.args.split_at(scan.carries);
            for (k, (first, next)) in first.iter().zip(next).enumerate() {
                let leaf = matches!(nodes[next.index()].op, Op::Carry { .. } | Op::Element { .. });
                let own = (scopes.has(*next, scan.id) && !leaf).then_some(*next);
                steps.next.entry(NodeId(i as u32)).or_default().extend(own);
                if steps.carries.contains_key(&(scan.id, k)) {
                    continue;
                }
                let name = name(own);
                let (before, zero, last) = match scan.reverse {
                    false => ("t - 1", "0".to_owned(), scan.length.to_string()),
                    true => ("t + 1", format!("{} + 1", scan.length), "1".to_owned()),
                };
                if let Some(next) = own {
                    steps.first.entry(next).or_default().push((*first, name.clone(), zero));
                }
                steps.carries.insert((scan.id, k), Carry { name, before, last });
            }
        }
        Steps { scopes: Some(scopes), ..steps }
    }

    /// Whether a value is another one in each step.
    pub(super) fn changes(&self, id: NodeId) -> bool {
        self.scopes.as_ref().is_some_and(|scopes| !scopes.free(id).is_empty())
    }

    /// A carry as a step finds it: its name and index.
    pub(super) fn before(&self, scan: u64, k: usize) -> Option<(Name, String)> {
        self.carries.get(&(scan, k)).map(|c| (c.name.clone(), c.before.to_owned()))
    }

    /// A carry after the last step: its name and index.
    pub(super) fn last(&self, scan: u64, k: usize) -> Option<(Name, String)> {
        self.carries.get(&(scan, k)).map(|c| (c.name.clone(), c.last.clone()))
    }

    /// For a result of a scan, what its steps make of the carries.
    pub(super) fn next(&self, id: NodeId) -> &[NodeId] {
        self.next.get(&id).map_or(&[], Vec::as_slice)
    }

    /// The first values of the carries that a value becomes, with names and indices.
    pub(super) fn first(&self, id: NodeId) -> &[(NodeId, Name, String)] {
        self.first.get(&id).map_or(&[], Vec::as_slice)
    }
}
