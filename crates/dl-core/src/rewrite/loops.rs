//! Out of the loop: what the body of a scan need not compute step by step is computed for all steps at once.
//!
//! - *Hoist*: a product of an element of a sequence and something that is the same in every step is an
//!   element of the product of the whole sequence, `x_t·W = (x·W)_t`; so is what is only added to it.
//! - *Sink*: the history of a product of a value of the body and something that is the same in every step,
//!   where no carry needs it, is the product of the history. That of an element of a sequence is the sequence.
//!
//! A scan that is to be recomputed stays as it is: it is there to have little in memory.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::graph::{Expr, Graph, Node, NodeId, Rebuild, Scopes, reachable};
use crate::ops::{Contraction, Op};
use crate::rewrite::trace::Trace;
use crate::shape::Shape;

/// Values that a history is followed through, at most.
const DEPTH: usize = 32;

/// The graph below `roots` with everything out of its loops that may be.
pub(super) fn pass(from: &Graph, roots: &[NodeId], trace: &mut Trace) -> (Graph, Vec<NodeId>) {
    let to = Graph::new();
    let ids = {
        let nodes = from.nodes();
        let whole = nodes.iter().filter_map(|n| match &n.op {
            Op::Scan(scan) if !scan.again => Some(scan.id),
            _ => None,
        });
        let again: FxHashSet<u64> = nodes
            .iter()
            .filter_map(|n| match &n.op {
                Op::Scan(scan) if scan.again => Some(scan.id),
                _ => None,
            })
            .collect();
        let open = whole.filter(|id| !again.contains(id)).collect();
        let mut loops = Loops { to: &to, open, hoisted: FxHashSet::default(), cones: FxHashMap::default() };
        let scopes = Scopes::of(&nodes);
        let mut copy = Rebuild::new(from, &to);
        copy.run(roots, |copy, id, node, args| {
            let inside = |place: usize, scan: u64| scopes.has(node.args[place], scan);
            let moved = match &node.op {
                Op::Stack(axis) => loops.sunk(args[0], args[1], *axis),
                _ if scopes.free(id).is_empty() => None,
                _ => loops.hoisted(node, args, inside),
            };
            if moved.is_some() {
                let name = if matches!(node.op, Op::Stack(_)) { "sink" } else { "hoist" };
                trace.record(name, to.origin(args[0].id()));
            }
            moved.unwrap_or_else(|| copy.copy(node, args))
        });
        roots.iter().map(|r| copy.get(*r).expect("roots were visited").id()).collect()
    };
    (to, ids)
}

struct Loops<'g> {
    to: &'g Graph,
    /// The scans that may be changed.
    open: FxHashSet<u64>,
    /// Sequences that were computed for all steps at once.
    hoisted: FxHashSet<NodeId>,
    /// By scan, what its carries need.
    cones: FxHashMap<NodeId, FxHashSet<NodeId>>,
}

impl<'g> Loops<'g> {
    /// An operation on elements of sequences as an element of what it makes of the sequences.
    fn hoisted(
        &mut self,
        node: &Node,
        args: &[Expr<'g>],
        inside: impl Fn(usize, u64) -> bool,
    ) -> Option<Expr<'g>> {
        let element = |e: &Expr<'g>| match e.node().op {
            Op::Element { scan, axis } => Some((scan, axis, self.to.expr(e.node().args[0]))),
            _ => None,
        };
        let found: Vec<Option<(u64, usize, Expr<'g>)>> = args.iter().map(element).collect();
        let (scan, axis, sequence) = found.iter().flatten().next().copied()?;
        let all = |place: usize| match found[place] {
            Some((of, ..)) => of == scan,
            None => !inside(place, scan),
        };
        if !self.open.contains(&scan) || !(0..args.len()).all(all) {
            return None;
        }
        let (lifted, axis) = match &node.op {
            Op::Contract(spec) => {
                let axes = [found[0].map(|f| f.1), found[1].map(|f| f.1)];
                let out = axis.min(spec.out.len());
                let sources = [0, 1].map(|i| found[i].map_or(args[i], |f| f.2));
                (sources[0].apply(Op::Contract(with_time(spec, axes, Some(out))?), &[sources[1]]), out)
            }
            Op::Unary(_) | Op::Binary(_) | Op::Select | Op::Cast => {
                // What is cheap is worth it behind a product only, whose loops it shares.
                let behind = found.iter().flatten().any(|f| self.hoisted.contains(&f.2.id()));
                if !behind || found.iter().flatten().any(|f| f.1 != axis) {
                    return None;
                }
                let shape = sequence.shape();
                (self.over(node, args, &shape, axis, |i| found[i].map(|f| f.2)), axis)
            }
            _ => return None,
        };
        self.hoisted.insert(lifted.id());
        Some(lifted.apply(Op::Element { scan, axis }, &[]))
    }

    /// An elementwise operation on arguments with one axis more, which some have.
    fn over(
        &self,
        node: &Node,
        args: &[Expr<'g>],
        shape: &Shape,
        axis: usize,
        with: impl Fn(usize) -> Option<Expr<'g>>,
    ) -> Expr<'g> {
        let kept: Vec<usize> = (0..shape.rank()).filter(|a| *a != axis).collect();
        let wide = |(i, e): (usize, &Expr<'g>)| match &e.node().op {
            _ if with(i).is_some() => with(i).unwrap_or(*e),
            op @ (Op::Constant(_) | Op::Extent(_)) => self.to.leaf(op.clone(), e.dtype(), shape.clone()),
            _ => e.broadcast_along(&kept, shape),
        };
        let args: Vec<Expr<'g>> = args.iter().enumerate().map(wide).collect();
        args[0].apply_as(node.op.clone(), &args[1..], node.dtype, shape.clone())
    }

    /// The history of a value that no carry needs, made of the history of what it is computed from.
    fn sunk(&mut self, scan: Expr<'g>, value: Expr<'g>, axis: usize) -> Option<Expr<'g>> {
        let node = scan.node();
        let Op::Scan(own) = &node.op else { return None };
        if !self.open.contains(&own.id) {
            return None;
        }
        // The history of an element of a sequence is the sequence.
        if let Op::Element { scan, axis: along } = value.node().op
            && (scan, along) == (own.id, axis)
        {
            return Some(self.to.expr(value.node().args[0]));
        }
        let cone = self
            .cones
            .entry(scan.id())
            .or_insert_with(|| reachable(self.to, &node.args[own.carries..]).into_iter().collect());
        // Of what is made here, nothing is in the cone.
        let cone = cone.clone();
        let nodes = self.to.nodes();
        let scopes = Scopes::of(&nodes);
        let sinks = |id: NodeId| !cone.contains(&id) && scopes.has(id, own.id);
        if !sinks(value.id()) {
            return None;
        }
        // Down to the first value whose history is kept.
        let (mut chain, mut at) = (vec![], value);
        let varying = |e: Expr<'g>| -> Option<usize> {
            let args = e.node().args.clone();
            let mut places = (0..args.len()).filter(|i| scopes.has(args[*i], own.id));
            let first = places.next()?;
            places.all(|i| args[i] == args[first]).then_some(first)
        };
        while chain.len() < DEPTH && sinks(at.id()) {
            let elementwise = matches!(at.node().op, Op::Unary(_) | Op::Binary(_) | Op::Select | Op::Cast);
            let Some(place) = varying(at).filter(|_| elementwise || matches!(at.node().op, Op::Contract(_)))
            else {
                break;
            };
            chain.push((at, place));
            at = self.to.expr(at.node().args[place]);
        }
        // Cheap operations alone are as well in the loop.
        let last = chain.iter().rposition(|(e, _)| matches!(e.node().op, Op::Contract(_)))?;
        chain.truncate(last + 1);
        let (deepest, place) = chain[last];
        at = self.to.expr(deepest.node().args[place]);
        let mut time = axis.min(at.shape().rank());
        let mut history = match at.node().op {
            Op::Element { scan, axis } if scan == own.id => {
                time = axis;
                self.to.expr(at.node().args[0])
            }
            _ => scan.apply(Op::Stack(time), &[at]),
        };
        for (e, place) in chain.into_iter().rev() {
            let node = e.node();
            let args: Vec<Expr<'g>> = node.args.iter().map(|a| self.to.expr(*a)).collect();
            let varies = |i: usize| node.args[i] == node.args[place];
            (history, time) = match &node.op {
                Op::Contract(spec) => {
                    let out = axis.min(spec.out.len());
                    let axes = [0, 1].map(|i| varies(i).then_some(time));
                    let spec = with_time(spec, axes, Some(out))?;
                    let sources = [0, 1].map(|i| if varies(i) { history } else { args[i] });
                    (sources[0].apply(Op::Contract(spec), &[sources[1]]), out)
                }
                _ => {
                    let mut dims = node.shape.to_vec();
                    dims.insert(time, own.length.clone());
                    let whole = self.over(&node, &args, &dims.into(), time, |i| varies(i).then_some(history));
                    (whole, time)
                }
            };
        }
        (time == axis).then_some(history)
    }
}

/// A contraction whose operands, where they have one, and whose result have one axis more.
fn with_time(spec: &Contraction, axes: [Option<usize>; 2], out: Option<usize>) -> Option<Contraction> {
    let used = |l: &u8| spec.lhs.contains(l) || spec.rhs.contains(l) || spec.out.contains(l);
    let time = std::iter::once(b't').chain(b'a'..=b'z').chain(b'A'..=b'Z').find(|l| !used(l))?;
    let mut spec = spec.clone();
    if let Some(axis) = axes[0] {
        spec.lhs.insert(axis, time);
    }
    if let Some(axis) = axes[1] {
        spec.rhs.insert(axis, time);
    }
    if let Some(axis) = out {
        spec.out.insert(axis, time);
    }
    Some(spec)
}
