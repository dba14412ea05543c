//! What a program asks of each row of exponentials, and so how the row is spelled out.

use rustc_hash::{FxHashMap, FxHashSet};

use super::product::Product;
use crate::dim::Dim;
use crate::graph::{Node, NodeId};
use crate::ops::{Binary, Op, Reduce, Scatter, Unary};

/// A row of exponentials: an operand and the axes along which it is summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct RowId(pub(super) usize);

/// What is known of a row.
pub(super) struct Row {
    pub(super) x: NodeId,
    pub(super) axes: Vec<usize>,
    pub(super) form: Form,
    /// `log Σ exp(x)`, where that is asked for.
    sum: Option<NodeId>,
    /// `log softmax(x)`.
    logs: Option<NodeId>,
    /// `softmax(x)`.
    exp: Option<NodeId>,
}

/// How a row is spelled out.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Form {
    /// By its sum: only weights are asked for.
    Weights,
    /// By what the largest term leaves to the others, so that a logarithm near 0, and what a weight near 1
    /// is less than 1, keep their digits.
    Logs,
    /// Against its label: only the probability of that is asked for, and what the gradient makes of it. The
    /// label's own term is left out of the sum, so that no digit is lost. (A label whose logit alone is `∞` is
    /// sure, where the interpreter says NaN.)
    Label(NodeId),
}

/// `± softmax(x) · Π factors / Π divisors`, each the same along the row.
pub(super) struct Share {
    pub(super) row: RowId,
    /// The weights.
    pub(super) exp: NodeId,
    /// The share that this node multiplies; nothing for the weights themselves.
    pub(super) of: Option<NodeId>,
    /// By what it multiplies or divides it.
    pub(super) factor: Option<NodeId>,
    /// How many operations were done to the weights.
    depth: usize,
}

/// How many operations on weights are looked at as one.
pub(super) const OPERATIONS: usize = 8;

/// `from ± share`, or `share - from`.
#[derive(Clone)]
pub(super) struct Difference {
    pub(super) row: RowId,
    pub(super) from: NodeId,
    pub(super) share: NodeId,
    /// It is a sum.
    pub(super) adds: bool,
    /// It is `share - from`.
    pub(super) is_opposite: bool,
    /// For a row against its label, what it says of it: `from` is `u·one_hot(label)` and the share
    /// `u·softmax(x)`.
    pub(super) updates: Option<NodeId>,
}

/// What is asked of all rows.
pub(super) struct Needs {
    pub(super) rows: Vec<Row>,
    /// Of the composite operations and the weights of each row.
    pub(super) rows_of: FxHashMap<NodeId, RowId>,
    pub(super) shares: FxHashMap<NodeId, Share>,
    pub(super) differences: FxHashMap<NodeId, Difference>,
    /// The picks of labels from rows that are spelled out against them.
    pub(super) picks: FxHashMap<NodeId, RowId>,
    /// The weights that are asked for as they are.
    plain: FxHashSet<NodeId>,
    /// Rows by operand and axes.
    along: FxHashMap<(NodeId, Vec<usize>), RowId>,
}

impl Needs {
    /// Of the nodes that `ends` need.
    pub(super) fn of(nodes: &[Node], ends: &[NodeId]) -> Self {
        let uses = Uses::of_nodes(nodes, ends);
        let mut needs = Needs {
            rows: vec![],
            rows_of: FxHashMap::default(),
            shares: FxHashMap::default(),
            differences: FxHashMap::default(),
            picks: FxHashMap::default(),
            plain: FxHashSet::default(),
            along: FxHashMap::default(),
        };
        for id in (0..nodes.len() as u32).map(NodeId).filter(|id| uses.is_needed(*id)) {
            needs.read(nodes, id);
        }
        for row in 0..needs.rows.len() {
            needs.decide(nodes, &uses, RowId(row));
        }
        needs
    }

    /// A share with factors, where the weights themselves are not asked for.
    pub(super) fn scaled(&self, id: NodeId) -> Option<&Share> {
        self.shares.get(&id).filter(|share| share.of.is_some() && !self.plain.contains(&share.exp))
    }

    fn read(&mut self, nodes: &[Node], id: NodeId) {
        let node = &nodes[id.index()];
        match &node.op {
            Op::LogSumExp(axes) | Op::LogSoftmax(axes) => {
                let row = self.row(node.args[0], axes);
                let is_sum = matches!(node.op, Op::LogSumExp(_));
                let Row { sum, logs, .. } = &mut self.rows[row.0];
                *(if is_sum { sum } else { logs }) = Some(id);
                self.rows_of.insert(id, row);
            }
            Op::Unary(Unary::Exp) if matches!(nodes[node.args[0].index()].op, Op::LogSoftmax(_)) => {
                let row = self.rows_of[&node.args[0]];
                self.rows[row.0].exp = Some(id);
                self.rows_of.insert(id, row);
                self.shares.insert(id, Share { row, exp: id, of: None, factor: None, depth: 0 });
            }
            Op::Unary(Unary::Neg) => self.share(id, node.args[0], None),
            Op::Binary(Binary::Mul | Binary::Div) => {
                let (a, b) = (node.args[0], node.args[1]);
                let row = |share: &NodeId| self.shares.get(share).map(|share| share.row);
                if row(&a).is_some_and(|row| self.is_narrow(nodes, b, row)) {
                    self.share(id, a, Some(b));
                } else if node.op == Op::Binary(Binary::Mul)
                    && row(&b).is_some_and(|row| self.is_narrow(nodes, a, row))
                {
                    self.share(id, b, Some(a));
                }
            }
            Op::Binary(op @ (Binary::Add | Binary::Sub)) => self.read_difference(nodes, id, *op, &node.args),
            _ => {}
        }
    }

    fn row(&mut self, x: NodeId, axes: &[usize]) -> RowId {
        *self.along.entry((x, axes.to_vec())).or_insert_with(|| {
            let form = Form::Weights;
            self.rows.push(Row { x, axes: axes.to_vec(), form, sum: None, logs: None, exp: None });
            RowId(self.rows.len() - 1)
        })
    }

    fn share(&mut self, id: NodeId, of: NodeId, factor: Option<NodeId>) {
        let Some(Share { row, exp, depth, .. }) = self.shares.get(&of) else { return };
        if *depth < OPERATIONS {
            let share = Share { row: *row, exp: *exp, of: Some(of), factor, depth: depth + 1 };
            self.shares.insert(id, share);
        }
    }

    /// Whether something is the same along a row.
    pub(super) fn is_narrow(&self, nodes: &[Node], id: NodeId, row: RowId) -> bool {
        match &nodes[id.index()].op {
            Op::Constant(_) | Op::Extent(_) => true,
            Op::Broadcast(kept) => kept.iter().all(|axis| !self.rows[row.0].axes.contains(axis)),
            _ => false,
        }
    }

    fn read_difference(&mut self, nodes: &[Node], id: NodeId, op: Binary, args: &[NodeId]) {
        let (from, share, is_opposite) = match (self.shares.get(&args[0]), self.shares.get(&args[1])) {
            (None, Some(_)) => (args[0], args[1], false),
            (Some(_), None) => (args[1], args[0], op == Binary::Sub),
            _ => return,
        };
        let (row, exp) = (self.shares[&share].row, self.shares[&share].exp);
        let number = matches!(nodes[from.index()].op, Op::Constant(_) | Op::Extent(_));
        // What has the same weights as a factor is a derivative of theirs, and is not nearly the share.
        if !number && !has_factor(nodes, from, exp, FACTORS) {
            let adds = op == Binary::Add;
            let updates = self.updates(nodes, from, share, adds);
            let difference = Difference { row, from, share, adds, is_opposite, updates };
            self.differences.insert(id, difference);
        }
    }

    /// `u`, where `from ± share` is `u·(one_hot(label) - softmax(x))` along the last axis.
    fn updates(&self, nodes: &[Node], from: NodeId, share: NodeId, adds: bool) -> Option<NodeId> {
        let node = &nodes[from.index()];
        let last = node.shape.rank().checked_sub(1)?;
        let hot = node.op == Op::Scatter { kind: Scatter::Add, axis: last, batch: last };
        let (labels, updates) = (*node.args.first()?, *node.args.get(1)?);
        if !hot
            || nodes[labels.index()].shape.rank() != last
            || self.rows[self.shares[&share].row.0].axes != [last]
        {
            return None;
        }
        // Where nothing was rewritten, the factor is the sum of what was scattered.
        let sum = |id: NodeId| {
            let Op::Broadcast(_) = nodes[id.index()].op else { return false };
            let sum = &nodes[nodes[id.index()].args[0].index()];
            sum.op == Op::Reduce { kind: Reduce::Sum, axes: vec![last] } && sum.args == [from]
        };
        let multiplies = nodes[share.index()].op == Op::Binary(Binary::Mul);
        let once = self.shares[&share].factor.filter(|_| multiplies && self.shares[&share].depth == 1);
        if !adds && once.is_some_and(sum) {
            return Some(updates);
        }
        let sign = if adds { -1.0 } else { 1.0 };
        let of = Product::of(sign).times(nodes, updates, true);
        self.product(nodes, share).is(&of, node.dtype).then_some(updates)
    }

    /// The factors of a share.
    fn product(&self, nodes: &[Node], id: NodeId) -> Product {
        let share = &self.shares[&id];
        let Some(of) = share.of else { return Product::of(1.0) };
        let inner = self.product(nodes, of);
        match (&nodes[id.index()].op, share.factor) {
            (op, Some(factor)) => inner.times(nodes, factor, *op != Op::Binary(Binary::Div)),
            _ => inner.opposite(),
        }
    }

    fn decide(&mut self, nodes: &[Node], uses: &Uses, id: RowId) {
        let row = &self.rows[id.0];
        let asked = self.asked_of_weights(uses, row);
        let asks_logs = |logs: NodeId| uses.is_end(logs) || uses.of(logs).any(|user| Some(user) != row.exp);
        let logs = row.sum.is_some() || row.logs.is_some_and(asks_logs) || !asked.differences.is_empty();
        let label = self.label(nodes, uses, row, &asked);
        if let (Some(_), Some(logs)) = (label, row.logs) {
            let picks = uses.of(logs).filter(|user| Some(*user) != row.exp);
            self.picks.extend(picks.map(|pick| (pick, id)));
        }
        if asked.plain {
            self.plain.extend(row.exp);
        }
        self.rows[id.0].form = match label {
            Some(label) => Form::Label(label),
            None if logs => Form::Logs,
            None => Form::Weights,
        };
    }

    /// The labels, where nothing but what [`Form::Label`] gives is asked of a row.
    fn label(&self, nodes: &[Node], uses: &Uses, row: &Row, asked: &Asked) -> Option<NodeId> {
        let logs = row.logs.filter(|logs| row.sum.is_none() && !uses.is_end(*logs))?;
        let last = nodes[logs.index()].shape.rank().checked_sub(1).filter(|last| row.axes == [*last])?;
        let mut labels = None;
        for user in uses.of(logs).filter(|user| Some(*user) != row.exp) {
            let pick = &nodes[user.index()];
            let one_each = pick.op == Op::Gather { axis: last, batch: last }
                && nodes[pick.args[1].index()].shape.rank() == last;
            if !one_each || *labels.get_or_insert(pick.args[1]) != pick.args[1] {
                return None;
            }
        }
        let of_label = |difference: &NodeId| {
            let Difference { from, updates, .. } = &self.differences[difference];
            updates.is_some() && nodes[from.index()].args.first() == labels.as_ref()
        };
        labels.filter(|_| !asked.plain && !asked.scaled && asked.differences.iter().all(of_label))
    }

    fn asked_of_weights(&self, uses: &Uses, row: &Row) -> Asked {
        let mut asked = Asked::default();
        let mut left: Vec<NodeId> = row.exp.into_iter().collect();
        while let Some(id) = left.pop() {
            let mut is_asked = uses.is_end(id);
            for user in uses.of(id) {
                if self.differences.get(&user).is_some_and(|difference| difference.share == id) {
                    asked.differences.push(user);
                } else if self.shares.get(&user).is_some_and(|share| share.of == Some(id)) {
                    left.push(user);
                } else {
                    is_asked = true;
                }
            }
            *(if Some(id) == row.exp { &mut asked.plain } else { &mut asked.scaled }) |= is_asked;
        }
        asked
    }
}

/// What is asked of the weights of a row.
#[derive(Default)]
struct Asked {
    /// They themselves.
    plain: bool,
    /// They times something for each row.
    scaled: bool,
    differences: Vec<NodeId>,
}

impl Row {
    /// Whether the author took off the maximum, so that no element is above 0 and one of them is 0.
    pub(super) fn is_shifted(&self, nodes: &[Node]) -> bool {
        let node = |id: NodeId| &nodes[id.index()];
        let x = node(self.x);
        let full = self.axes.iter().all(|axis| is_full(&x.shape[*axis]));
        if x.op != Op::Binary(Binary::Sub) || !full {
            return false;
        }
        let max = match &node(x.args[1]).op {
            Op::Broadcast(kept) if kept.iter().all(|axis| !self.axes.contains(axis)) => {
                node(x.args[1]).args[0]
            }
            _ => x.args[1],
        };
        let max = if node(max).op == Op::StopGradient { node(max).args[0] } else { max };
        node(max).args == [x.args[0]]
            && node(max).op == Op::Reduce { kind: Reduce::Max, axes: self.axes.clone() }
    }
}

/// A dimension that no run makes empty.
fn is_full(dim: &Dim) -> bool {
    dim.size().is_some_and(|n| n > 0) || dim.name().is_some()
}

/// How deep a product, or a sum of them, is searched for a factor.
const FACTORS: usize = 8;

/// Whether a product, or every term of a sum, has a node as a factor.
fn has_factor(nodes: &[Node], id: NodeId, factor: NodeId, depth: usize) -> bool {
    let node = &nodes[id.index()];
    match (&node.op, depth.checked_sub(1)) {
        _ if id == factor => true,
        (Op::Unary(Unary::Neg) | Op::Binary(Binary::Mul | Binary::Div), Some(deeper)) => {
            node.args.iter().any(|arg| has_factor(nodes, *arg, factor, deeper))
        }
        (Op::Binary(Binary::Add | Binary::Sub), Some(deeper)) => {
            node.args.iter().all(|arg| has_factor(nodes, *arg, factor, deeper))
        }
        _ => false,
    }
}

/// What reads each node, of those that are needed.
struct Uses {
    users: Vec<Vec<NodeId>>,
    needed: Vec<bool>,
    ends: FxHashSet<NodeId>,
}

impl Uses {
    fn of_nodes(nodes: &[Node], ends: &[NodeId]) -> Self {
        let (mut users, mut needed) = (vec![vec![]; nodes.len()], vec![false; nodes.len()]);
        ends.iter().for_each(|id| needed[id.index()] = true);
        for (i, node) in nodes.iter().enumerate().rev() {
            for arg in node.args.iter().filter(|_| needed[i]).copied().collect::<Vec<_>>() {
                needed[arg.index()] = true;
                users[arg.index()].push(NodeId(i as u32));
            }
        }
        Uses { users, needed, ends: ends.iter().copied().collect() }
    }

    fn of(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        self.users[id.index()].iter().copied()
    }

    fn is_needed(&self, id: NodeId) -> bool {
        self.needed[id.index()]
    }

    fn is_end(&self, id: NodeId) -> bool {
        self.ends.contains(&id)
    }
}
