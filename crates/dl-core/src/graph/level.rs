//! Levels: which nodes belong to the body of which scan, and an order in which everything can be computed.
//!
//! The body of a scan stands in the same arena as all other nodes. A node belongs to it if it depends on
//! the scan's carries or elements other than by way of the scan's own results. What does not is computed
//! once, before the scan.

use std::borrow::Borrow;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::graph::{Node, NodeId};
use crate::ops::Op;

/// Scans inside each other, at most.
pub(crate) const MAX_DEPTH: usize = 8;

/// The scans on whose carries or elements a node depends.
pub(crate) struct Scopes {
    free: Vec<Rc<[u64]>>,
}

impl Scopes {
    /// Of all nodes; arguments come first.
    pub(crate) fn of<N: Borrow<Node>>(nodes: &[N]) -> Scopes {
        let nothing: Rc<[u64]> = Rc::new([]);
        let mut free: Vec<Rc<[u64]>> = Vec::with_capacity(nodes.len());
        for node in nodes {
            let node: &Node = node.borrow();
            let bound = |place: usize| match (&node.op, place) {
                (Op::Scan(scan), place) => (place >= scan.carries).then_some(scan.id),
                (Op::Stack(_), 1) => scan_of(nodes, node.args[0]),
                _ => None,
            };
            let own = match node.op {
                Op::Carry { scan, .. } | Op::Element { scan, .. } => Some(scan),
                _ => None,
            };
            let mut found: Option<Vec<u64>> = own.map(|scan| vec![scan]);
            let mut first: Option<&Rc<[u64]>> = None;
            for (place, arg) in node.args.iter().enumerate() {
                let (of, without) = (&free[arg.index()], bound(place));
                if of.iter().all(|s| Some(*s) == without) || first.is_some_and(|f| Rc::ptr_eq(f, of)) {
                    continue;
                }
                // Most nodes depend on what one argument depends on.
                if found.is_none() && first.is_none() && without.is_none_or(|s| !of.contains(&s)) {
                    first = Some(of);
                    continue;
                }
                let all = found.get_or_insert_with(Vec::new);
                all.extend(first.take().into_iter().flat_map(|f| f.iter().copied()));
                all.extend(of.iter().copied().filter(|s| Some(*s) != without));
            }
            let scope = match (found, first) {
                (Some(mut all), first) => {
                    all.extend(first.into_iter().flat_map(|f| f.iter().copied()));
                    all.sort_unstable();
                    all.dedup();
                    all.into()
                }
                (None, Some(first)) => first.clone(),
                (None, None) => nothing.clone(),
            };
            free.push(scope);
        }
        Scopes { free }
    }

    /// Whether a node depends on carries or elements of that scan.
    pub(crate) fn has(&self, id: NodeId, scan: u64) -> bool {
        self.free[id.index()].contains(&scan)
    }

    /// The scans on which a node depends.
    pub(crate) fn free(&self, id: NodeId) -> &[u64] {
        &self.free[id.index()]
    }
}

/// The id of a scan's node.
fn scan_of<N: Borrow<Node>>(nodes: &[N], id: NodeId) -> Option<u64> {
    match &nodes[id.index()].borrow().op {
        Op::Scan(scan) => Some(scan.id),
        _ => None,
    }
}

/// Nodes in an order in which each comes after what it is computed from: that of the arena, where no scan
/// asks for another.
#[derive(Default)]
pub(crate) struct Level {
    pub(crate) order: Vec<NodeId>,
    /// By the node of the scan, which stands in `order` before its results.
    pub(crate) loops: FxHashMap<NodeId, Loop>,
}

/// A scan with all that is wanted of it.
#[derive(Default)]
pub(crate) struct Loop {
    /// The results that are wanted: nodes of [`Op::Final`].
    pub(crate) finals: Vec<NodeId>,
    /// The results that are wanted: nodes of [`Op::Stack`].
    pub(crate) stacks: Vec<NodeId>,
    /// The carries that the body reads.
    pub(crate) carries: Vec<NodeId>,
    /// The elements that the body reads.
    pub(crate) elements: Vec<NodeId>,
    /// What each step computes.
    pub(crate) body: Level,
    /// What a scan needs from outside: initial values, sequences and what is the same in every step.
    pub(crate) reads: Vec<NodeId>,
}

impl Loop {
    /// The wanted results.
    pub(crate) fn results(&self) -> impl Iterator<Item = NodeId> {
        self.finals.iter().chain(&self.stacks).copied()
    }
}

/// Finds levels in the nodes of an arena.
pub(crate) struct Levels<'n, N> {
    nodes: &'n [N],
    /// By node, whether a root is computed from it.
    needed: Vec<bool>,
    pub(crate) scopes: Scopes,
    /// The scans in whose bodies the roots are.
    around: Vec<u64>,
    /// By scan, the results that are wanted.
    results: FxHashMap<NodeId, Vec<NodeId>>,
    /// The scans that are being looked at.
    inside: RefCell<Vec<NodeId>>,
    /// Whether one was met inside itself.
    circle: Cell<bool>,
}

impl<'n, N: Borrow<Node>> Levels<'n, N> {
    /// For what `roots` are computed from.
    pub(crate) fn new(nodes: &'n [N], roots: &[NodeId]) -> Self {
        let mut needed = vec![false; nodes.len()];
        roots.iter().for_each(|r| needed[r.index()] = true);
        let mut results: FxHashMap<NodeId, Vec<NodeId>> = FxHashMap::default();
        for i in (0..nodes.len()).rev() {
            if !needed[i] {
                continue;
            }
            let node: &Node = nodes[i].borrow();
            node.args.iter().for_each(|a| needed[a.index()] = true);
            if matches!(node.op, Op::Final(_) | Op::Stack(_)) {
                results.entry(node.args[0]).or_default().push(NodeId(i as u32));
            }
        }
        results.values_mut().for_each(|r| r.reverse());
        let (inside, circle) = (RefCell::default(), Cell::default());
        let scopes = Scopes::of(nodes);
        let around = roots.iter().flat_map(|r| scopes.free(*r)).copied().collect();
        Levels { nodes, needed, scopes, around, results, inside, circle }
    }

    fn node(&self, id: NodeId) -> &'n Node {
        self.nodes[id.index()].borrow()
    }

    /// What the roots are computed from, but for the bodies of scans in which no root is: in the order of
    /// the arena, as far as that can be.
    pub(crate) fn everything(&self) -> Level {
        let outside = |id: &NodeId| {
            self.needed[id.index()] && self.scopes.free(*id).iter().all(|s| self.around.contains(s))
        };
        let roots: Vec<NodeId> = (0..self.nodes.len()).map(|i| NodeId(i as u32)).filter(outside).collect();
        self.level(&roots)
    }

    /// The same with all inputs and parameters; where there is no scan, with all nodes.
    pub(crate) fn outside(&self) -> Level {
        let scans = self.nodes.iter().any(|n| matches!(n.borrow().op, Op::Scan(_)));
        let wanted = |id: &NodeId| {
            let source = matches!(self.node(*id).op, Op::Input(_) | Op::Parameter(_));
            self.scopes.free(*id).is_empty() && (!scans || source || self.needed[id.index()])
        };
        let roots: Vec<NodeId> = (0..self.nodes.len()).map(|i| NodeId(i as u32)).filter(wanted).collect();
        self.level(&roots)
    }

    /// What `roots` are computed from.
    pub(crate) fn level(&self, roots: &[NodeId]) -> Level {
        self.collect(roots, None).level
    }

    fn collect(&self, roots: &[NodeId], scan: Option<u64>) -> Collected {
        let mut found = Collected::default();
        let mut seen: FxHashSet<NodeId> = FxHashSet::default();
        // Each node with the arguments that were not visited yet.
        let mut stack: Vec<(NodeId, std::vec::IntoIter<NodeId>)> = vec![];
        for root in roots {
            let mut next = Some(*root);
            loop {
                if let Some(id) = next.take()
                    && seen.insert(id)
                    && let Some(needs) = self.enter(id, scan, &mut found)
                {
                    stack.push((id, needs.into_iter()));
                }
                let Some((id, rest)) = stack.last_mut() else { break };
                match rest.next() {
                    Some(need) => next = Some(need),
                    None => {
                        found.level.order.push(*id);
                        stack.pop();
                    }
                }
            }
        }
        found
    }

    /// What a node of this level needs at this level; none for what is not computed here.
    fn enter(&self, id: NodeId, scan: Option<u64>, found: &mut Collected) -> Option<Vec<NodeId>> {
        if scan.is_some_and(|scan| !self.scopes.has(id, scan)) {
            found.reads.push(id);
            return None;
        }
        let node = self.node(id);
        match &node.op {
            Op::Carry { scan: of, .. } if Some(*of) == scan => {
                found.carries.push(id);
                None
            }
            Op::Element { scan: of, .. } if Some(*of) == scan => {
                found.elements.push(id);
                found.sequences.push(node.args[0]);
                None
            }
            Op::Scan(_) => {
                let inner = self.scan(id);
                let needs = inner.reads.clone();
                found.level.loops.insert(id, inner);
                Some(needs)
            }
            Op::Final(_) | Op::Stack(_) => Some(vec![node.args[0]]),
            _ => Some(node.args.clone()),
        }
    }

    /// The scan at a node.
    pub(crate) fn scan(&self, id: NodeId) -> Loop {
        let node = self.node(id);
        let Op::Scan(scan) = &node.op else { unreachable!("only scans are asked for") };
        if self.inside.borrow().contains(&id) {
            // Files can say so; `check` refuses them.
            self.circle.set(true);
            return Loop::default();
        }
        self.inside.borrow_mut().push(id);
        let results = self.results.get(&id).map_or(&[][..], Vec::as_slice);
        let (finals, stacks): (Vec<_>, Vec<_>) =
            results.iter().partition(|r| matches!(self.node(**r).op, Op::Final(_)));
        let values = stacks.iter().map(|s| self.node(*s).args[1]);
        let roots: Vec<NodeId> = node.args[scan.carries..].iter().copied().chain(values).collect();
        let found = self.collect(&roots, Some(scan.id));
        let mut reads: Vec<NodeId> = node.args[..scan.carries].to_vec();
        reads.extend(&found.sequences);
        reads.extend(&found.reads);
        reads.sort_unstable();
        reads.dedup();
        self.inside.borrow_mut().pop();
        let Collected { level: body, carries, elements, .. } = found;
        Loop { finals, stacks, carries, elements, body, reads }
    }

    /// Whether every scan is one, and every root a value outside of all scans.
    ///
    /// # Errors
    /// The node at which something is wrong, and what.
    pub(crate) fn check(&self, roots: &[NodeId]) -> Result<(), (NodeId, String)> {
        let of_scans = |op: &Op| matches!(op, Op::Carry { .. } | Op::Element { .. } | Op::Scan(_));
        if !self.nodes.iter().any(|n| of_scans(&n.borrow().op)) {
            return Ok(());
        }
        let all = || (0..self.nodes.len()).map(|i| NodeId(i as u32));
        for id in all() {
            self.check_node(id).map_err(|why| (id, why))?;
        }
        for id in all().filter(|id| matches!(self.node(*id).op, Op::Scan(_))) {
            let own = self.scan(id);
            let circle = || Err("scans are each in the body of the other".to_owned());
            if self.circle.get() { circle() } else { self.check_scan(id, &own) }.map_err(|why| (id, why))?;
        }
        if let Some(root) = roots.iter().find(|r| !self.scopes.free(**r).is_empty()) {
            return Err((*root, "a value of a scan's body is used outside of the scan".into()));
        }
        self.check_order(
            &self.level(&all().filter(|id| self.scopes.free(*id).is_empty()).collect::<Vec<_>>()),
        )
    }

    /// What can be seen of a node alone.
    fn check_node(&self, id: NodeId) -> Result<(), String> {
        let node = self.node(id);
        if self.scopes.free(id).len() > MAX_DEPTH {
            return Err(format!("more than {MAX_DEPTH} scans inside each other"));
        }
        match &node.op {
            Op::Element { scan, .. } if self.scopes.has(node.args[0], *scan) => {
                Err("a sequence that a scan goes over is computed in its own body".into())
            }
            Op::Scan(scan) if node.args[..scan.carries].iter().any(|a| self.scopes.has(*a, scan.id)) => {
                Err("an initial value of a scan is computed in its own body".into())
            }
            Op::Final(k) => {
                let of = self.node(node.args[0]);
                let fits = match &of.op {
                    Op::Scan(scan) if *k < scan.carries => {
                        let first = self.node(of.args[*k]);
                        first.dtype == node.dtype && first.shape == node.shape
                    }
                    _ => false,
                };
                if fits { Ok(()) } else { Err(format!("carry {k} is none of its scan, or of another type")) }
            }
            _ => Ok(()),
        }
    }

    fn check_scan(&self, id: NodeId, own: &Loop) -> Result<(), String> {
        let node = self.node(id);
        let Op::Scan(scan) = &node.op else { return Ok(()) };
        for leaf in own.carries.iter().map(|c| self.node(*c)) {
            let Op::Carry { index, .. } = leaf.op else { continue };
            let first = node.args[..scan.carries].get(index).map(|a| self.node(*a));
            if first.is_none_or(|first| first.dtype != leaf.dtype || first.shape != leaf.shape) {
                return Err(format!("carry {index} of a scan has not the type of its initial value"));
            }
        }
        for leaf in own.elements.iter().map(|e| self.node(*e)) {
            let (Op::Element { axis, .. }, sequence) = (&leaf.op, self.node(leaf.args[0])) else { continue };
            if sequence.shape.get(*axis) != Some(&scan.length) {
                let (length, shape) = (&scan.length, &sequence.shape);
                return Err(format!("a scan of {length} steps takes elements of {shape} along axis {axis}"));
            }
        }
        // What a body reads comes before the scan, so it is in no body in which the scan is not.
        let around = self.scopes.free(id);
        let outside = |id: &NodeId| self.scopes.free(*id).iter().all(|s| around.contains(s));
        if own.reads.iter().all(outside) {
            return Ok(());
        }
        Err("a scan reads values of a body in which it is not".into())
    }

    /// Whether no scan reads what is computed from its own results.
    fn check_order(&self, level: &Level) -> Result<(), (NodeId, String)> {
        let places: FxHashMap<NodeId, usize> =
            level.order.iter().enumerate().map(|(i, id)| (*id, i)).collect();
        for (scan, inner) in &level.loops {
            let own = places[scan];
            if inner.reads.iter().filter_map(|r| places.get(r)).any(|place| *place > own) {
                return Err((*scan, "a scan reads what is computed from its own results".into()));
            }
            self.check_order(&inner.body)?;
        }
        Ok(())
    }
}

#[derive(Default)]
struct Collected {
    level: Level,
    carries: Vec<NodeId>,
    elements: Vec<NodeId>,
    sequences: Vec<NodeId>,
    reads: Vec<NodeId>,
}
