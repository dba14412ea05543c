//! Composite operations spelled out: the stage between the last rewrite of a program and its steps.
//!
//! A program says `logsumexp` and `log_softmax` by their names, so that rules, derivatives and readers know
//! them for what they are. A plan computes them by a maximum, exponentials and a sum, which everything that
//! is asked of one row shares: its logarithms, its weights, and what gradients make of these. How a row is
//! spelled out depends on what is asked of it ([`needs::Form`]).

mod needs;
mod product;
mod rows;
#[cfg(test)]
mod tests;

use rustc_hash::FxHashMap;

use self::needs::{Difference, Form, Needs, OPERATIONS, Row, RowId};
use self::rows::{Label, Parts};
use crate::graph::{Expr, Graph, Node, NodeId, Rebuild};
use crate::ops::{Binary, Op, Reduce, Scatter, Unary};
use crate::program::{Output, Program, Update};
use crate::rewrite::Known;

/// The program that computes these outputs and updates without composite operations; nothing where it has
/// none.
pub(crate) fn expand(program: &Program, outputs: &[Output], updates: &[Update]) -> Option<Program> {
    let nodes = program.nodes();
    if !nodes.iter().any(|node| node.op.is_composite()) {
        return None;
    }
    let ends: Vec<NodeId> = outputs.iter().map(|o| o.node).chain(updates.iter().map(|u| u.value)).collect();
    // Inputs and parameters stay, whether anything reads them or not.
    let is_state = |id: &NodeId| matches!(nodes[id.index()].op, Op::Input(_) | Op::Parameter(_));
    let state = (0..nodes.len() as u32).map(NodeId).filter(is_state);
    let old: Vec<NodeId> = ends.iter().copied().chain(state).collect();
    let (from, to) = (program.to_graph(), Graph::new());
    let new: Vec<NodeId> = {
        let mut copy = Rebuild::new(&from, &to);
        let (parts, labels) = (FxHashMap::default(), FxHashMap::default());
        let (needs, known) = (Needs::of(nodes, &ends), Known::new(&from));
        let mut pass = Pass { nodes, needs, known, parts, labels };
        copy.run(&old, |copy, id, node, args| pass.node(copy, id, node, args));
        old.iter().map(|id| copy.get(*id).expect("roots were visited").id()).collect()
    };
    Some(program.replaced(&to, &new, outputs, updates))
}

struct Pass<'p, 'g> {
    nodes: &'p [Node],
    needs: Needs,
    /// Of the values of the program.
    known: Known<'p>,
    /// What is computed of each row so far.
    parts: FxHashMap<RowId, Parts<'g>>,
    labels: FxHashMap<RowId, Label<'g>>,
}

impl<'p, 'g> Pass<'p, 'g> {
    fn node(&mut self, copy: &Rebuild<'p, 'g>, id: NodeId, node: &Node, args: &[Expr<'g>]) -> Expr<'g> {
        if let Some(difference) = self.needs.differences.get(&id).cloned() {
            return self.difference(copy, &difference);
        }
        if let Some(share) = self.needs.scaled(id) {
            let row = share.row;
            let factor = self.narrow(copy, id);
            return self.parts(copy, row).share(factor);
        }
        if let Some(row) = self.needs.rows_of.get(&id).copied() {
            let parts = self.parts(copy, row);
            return match node.op {
                Op::LogSumExp(_) => parts.log_sum(),
                Op::LogSoftmax(_) => parts.logs(),
                _ => parts.weights(),
            };
        }
        if let Some(odds) = self.odds(copy, id) {
            return -odds.softplus();
        }
        match (&node.op, node.args.first().and_then(|arg| self.odds(copy, *arg))) {
            (Op::Unary(Unary::Exp), Some(odds)) => (-odds).sigmoid(),
            (Op::Unary(Unary::Expm1), Some(odds)) => -odds.sigmoid(),
            _ => signed(copy, node, args),
        }
    }

    /// The parts of a row, which was copied before whatever asks for them.
    fn parts(&mut self, copy: &Rebuild<'_, 'g>, row: RowId) -> &Parts<'g> {
        let (nodes, needs) = (self.nodes, &self.needs.rows[row.0]);
        self.parts.entry(row).or_insert_with(|| {
            Parts::new(new(copy, needs.x), &needs.axes, needs.is_shifted(nodes), needs.form == Form::Weights)
        })
    }

    /// The same of a row that is spelled out against its label, once the labels were copied as well.
    fn label(&mut self, copy: &Rebuild<'_, 'g>, row: RowId) -> Option<&Label<'g>> {
        let Row { x, form: Form::Label(labels), .. } = self.needs.rows[row.0] else { return None };
        Some(self.labels.entry(row).or_insert_with(|| Label::new(new(copy, x), new(copy, labels))))
    }

    /// The log-odds against the label, where a node picks the logarithm of its probability.
    fn odds(&mut self, copy: &Rebuild<'_, 'g>, id: NodeId) -> Option<Expr<'g>> {
        let row = *self.needs.picks.get(&id)?;
        self.label(copy, row).map(|label| label.odds)
    }

    /// The narrow factors of a share, multiplied; nothing where it has none.
    fn narrow(&self, copy: &Rebuild<'_, 'g>, id: NodeId) -> Option<Expr<'g>> {
        let share = &self.needs.shares[&id];
        let axes = &self.needs.rows[share.row.0].axes;
        let node = &self.nodes[id.index()];
        let rest = || self.narrow(copy, share.of?);
        match (&node.op, share.factor) {
            (Op::Unary(Unary::Neg), _) => {
                let row = &self.nodes[share.exp.index()];
                let one = || copy.to.full(row.dtype, row.shape.without(axes), -1.0);
                Some(rest().map_or_else(one, |x| -x))
            }
            (op, Some(factor)) => {
                let factor = self.narrowed(copy, factor, axes);
                match (op, rest()) {
                    (Op::Binary(Binary::Div), rest) => {
                        let one = copy.to.full(factor.dtype(), factor.shape(), 1.0);
                        Some(rest.unwrap_or(one) / factor)
                    }
                    (_, Some(rest)) => Some(factor * rest),
                    (_, None) => Some(factor),
                }
            }
            _ => None,
        }
    }

    /// A factor that is the same along the axes, without them.
    fn narrowed(&self, copy: &Rebuild<'_, 'g>, id: NodeId, axes: &[usize]) -> Expr<'g> {
        let node = &self.nodes[id.index()];
        let shape = node.shape.without(axes);
        match &node.op {
            Op::Broadcast(along) => {
                let place = |axis: &usize| axis - axes.iter().filter(|a| *a < axis).count();
                let along: Vec<usize> = along.iter().map(place).collect();
                new(copy, node.args[0]).broadcast_along(&along, &shape)
            }
            op => copy.to.leaf(op.clone(), node.dtype, shape),
        }
    }

    /// A share with something else in place of the weights.
    fn spread(&self, copy: &Rebuild<'_, 'g>, id: NodeId, weights: Expr<'g>) -> Expr<'g> {
        let share = &self.needs.shares[&id];
        let Some(of) = share.of else { return weights };
        let of = self.spread(copy, of, weights);
        match (&self.nodes[id.index()].op, share.factor.map(|factor| new(copy, factor))) {
            (Op::Binary(Binary::Div), Some(factor)) => of / factor,
            (_, Some(factor)) => of * factor,
            (_, None) => -of,
        }
    }

    /// What is left of something less a share, where the share may be nearly all of it.
    fn difference(&mut self, copy: &Rebuild<'p, 'g>, difference: &Difference) -> Expr<'g> {
        let Difference { row, from, share, adds, is_opposite, updates } = *difference;
        if let Some((label, updates)) = self.label(copy, row).zip(updates) {
            return label.residual(new(copy, updates), is_opposite);
        }
        let finite = self.is_finite(copy.from.expr(from), row, OPERATIONS);
        let powers = self.parts(copy, row).powers;
        let share = self.spread(copy, share, powers);
        self.parts(copy, row).difference((new(copy, from), finite), share, adds, is_opposite)
    }

    /// Whether no element is infinite, unless what is the same along its whole row is.
    fn is_finite(&self, e: Expr<'p>, row: RowId, depth: usize) -> bool {
        let node = &self.nodes[e.id().index()];
        let Some(deeper) = depth.checked_sub(1) else { return false };
        let rest = |id: &NodeId| self.is_finite(e.graph().expr(*id), row, deeper);
        match &node.op {
            _ if self.needs.is_narrow(self.nodes, e.id(), row) => true,
            Op::Unary(Unary::Neg) | Op::Binary(Binary::Add | Binary::Sub) => node.args.iter().all(rest),
            Op::Binary(Binary::Mul | Binary::Div)
                if node.args.iter().any(|arg| self.needs.is_narrow(self.nodes, *arg, row)) =>
            {
                node.args.iter().all(rest)
            }
            // One number for each row.
            Op::Scatter { kind: Scatter::Add, axis, batch } => {
                axis == batch && self.nodes[node.args[1].index()].shape.rank() == *batch
            }
            _ => self.known.of(e).finite,
        }
    }
}

/// What an argument of the node that is copied became.
fn new<'g>(copy: &Rebuild<'_, 'g>, id: NodeId) -> Expr<'g> {
    copy.get(id).expect("arguments come first")
}

/// The same node, with a sign that an expansion left in front of its argument in front of it.
fn signed<'g>(copy: &Rebuild<'_, 'g>, node: &Node, args: &[Expr<'g>]) -> Expr<'g> {
    let outwards = matches!(
        node.op,
        Op::Unary(Unary::Neg) | Op::Reduce { kind: Reduce::Sum, .. } | Op::Binary(Binary::Div)
    );
    let inner = args.first().map(|a| a.node()).filter(|a| outwards && a.op == Op::Unary(Unary::Neg));
    let Some(size) = inner.map(|a| copy.to.expr(a.args[0])) else { return copy.copy(node, args) };
    match node.op {
        Op::Unary(_) => size,
        _ => -copy.copy(node, &[&[size], &args[1..]].concat()),
    }
}
