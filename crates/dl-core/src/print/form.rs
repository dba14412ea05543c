//! What a node looks like on paper: sums, means, products, transposes, cases.

use std::sync::Arc;

use crate::dim::{Dim, Name};
use crate::dtype::DType;
use crate::graph::{Graph, Node, NodeId};
use crate::ops::{Binary, Contraction, Op, Reduce, Scatter, Unary};
use crate::print::index::{indices, indices_of};
use crate::print::number::Number;
use crate::print::params::{dims, params, ranges};
use crate::print::roots::Roots;

/// A notation for one node; the operands come beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// The operand itself: on paper the node is not seen.
    Same,
    /// An input or a parameter.
    Name(Name),
    /// A constant.
    Number(Number),
    /// The size of a dimension.
    Size(Dim),
    /// A row of the table of one argument.
    Unary(Unary),
    /// A row of the table of two arguments.
    Binary(Binary),
    /// The product of two arrays, element by element.
    Elementwise,
    /// `x²`.
    Square,
    /// A reduction over these indices.
    Reduce { kind: Reduce, indices: Vec<String> },
    /// A function of the elements along these indices.
    Along { function: Along, indices: Vec<String> },
    /// The place of an extreme element.
    ArgReduce { kind: Reduce, index: Vec<String> },
    /// The sum over these indices, divided by how many there are.
    Mean { indices: Vec<String>, count: Dim },
    /// The last two axes swapped.
    Transpose,
    /// A matrix product, with operands transposed or not.
    Product { transposed: [bool; 2] },
    /// The sum of the products of all elements.
    Inner,
    /// The products of a weight with the windows of images, by stride and dilation.
    Correlation { settings: Vec<String> },
    /// Any other contraction.
    Einsum(Contraction),
    /// Condition, then, else.
    Select,
    /// A truth value as 0 or 1.
    Indicator,
    /// Elements at subscripts.
    At(Vec<Subscript>),
    /// 1 at each label and 0 elsewhere, the last operand; a factor before it, if there are two.
    OneHot,
    /// A value of that name at a step of a scan, or at all of them.
    Step { name: Name, at: Option<String> },
    /// The gradient of the first operand with respect to the second.
    Gradient,
    /// Anything else: a name, parameters, arguments.
    Call { name: &'static str, params: String },
}

/// A function of the elements along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Along {
    LogSumExp,
    LogSoftmax,
    Softmax,
}

/// One subscript of an array.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subscript {
    /// An index.
    Letter(String),
    /// Elements from, to, by.
    Range(String),
    /// The second operand, itself indexed by these.
    Operand(Vec<String>),
}

/// Reads nodes as mathematics.
pub(super) struct Reader<'a, 'g> {
    pub(super) graph: &'g Graph,
    pub(super) roots: &'a Roots<'g>,
}

impl Reader<'_, '_> {
    /// The node's form, and the nodes that are printed inside it, in the author's order.
    pub(super) fn read(&self, id: NodeId) -> (Form, Vec<NodeId>) {
        let node = self.graph.get(id);
        let (form, operands) = self.recognize(&node);
        (form, operands.into_iter().map(|o| self.visible(o)).collect())
    }

    pub(super) fn recognize(&self, node: &Node) -> (Form, Vec<NodeId>) {
        if is_invisible(self.graph, node) {
            return (Form::Same, vec![node.args[0]]);
        }
        let args: Vec<Arc<Node>> = node.args.iter().map(|a| self.graph.get(*a)).collect();
        let form = match &node.op {
            Op::Input(name) | Op::Parameter(name) => Form::Name(name.clone()),
            Op::Constant(value) => Form::Number(Number::new(*value, node.dtype)),
            Op::Extent(dim) => Form::Size(dim.clone()),
            Op::Unary(op) => return self.unary(*op, node.args[0]),
            Op::Binary(op) => return self.binary(*op, node),
            Op::Reduce { kind, axes } => {
                Form::Reduce { kind: *kind, indices: indices_of(&args[0].shape, axes) }
            }
            Op::LogSumExp(axes) => along(Along::LogSumExp, &args[0], axes),
            Op::LogSoftmax(axes) => along(Along::LogSoftmax, &args[0], axes),
            Op::ArgReduce { kind, axis } => {
                Form::ArgReduce { kind: *kind, index: indices_of(&args[0].shape, &[*axis]) }
            }
            Op::Permute(axes) if swaps_last(axes) => Form::Transpose,
            Op::Contract(c) => {
                let correlation = self.correlation(c, node.args[0], node.args[1]);
                return correlation.unwrap_or_else(|| contraction(c, node.args[0], node.args[1]));
            }
            Op::Select => Form::Select,
            Op::Cast if args[0].dtype == DType::Bool => Form::Indicator,
            Op::Slice { starts, strides } => {
                let ranges = ranges(starts, strides, &node.shape, &args[0].shape);
                Form::At(without_rest(ranges.into_iter().map(Subscript::Range).collect()))
            }
            Op::Gather { axis, batch } => Form::At(gathered(&args[0], *axis, *batch)),
            Op::Scatter { kind: Scatter::Add, axis, batch }
                if *axis == args[0].shape.rank() && axis == batch =>
            {
                return self.one_hot(node.args[0], node.args[1]);
            }
            Op::Carry { scan, index } => match self.roots.steps.before(*scan, *index) {
                Some((name, at)) => Form::Step { name, at: Some(at) },
                None => Form::Call { name: node.op.name(), params: params(node, &args) },
            },
            Op::Element { .. } => Form::At(vec![Subscript::Letter("t".into())]),
            Op::Final(k) => return self.last(node, *k),
            Op::Stack(_) => {
                let of = node.args[1];
                let form = match self.roots.name(of) {
                    Some(name) => Form::Step { name: name.clone(), at: None },
                    None => Form::Call { name: node.op.name(), params: params(node, &args) },
                };
                return (form, vec![of]);
            }
            Op::Grad => Form::Gradient,
            // Where the elements go says how many there are, if one number stands for them.
            Op::Pad { starts, strides, value }
                if value.as_f64() == 0.0 && matches!(args[0].op, Op::Constant(_) | Op::Broadcast(_)) =>
            {
                let places = ranges(starts, strides, &args[0].shape, &node.shape).join(",");
                Form::Call { name: "pad", params: format!("{places};{}", dims(&node.shape)) }
            }
            op => Form::Call { name: op.name(), params: params(node, &args) },
        };
        (form, node.args.clone())
    }

    /// A carry after the last step; what makes it in each step has a line of its own.
    fn last(&self, node: &Node, k: usize) -> (Form, Vec<NodeId>) {
        let of = self.graph.get(node.args[0]);
        let call = || Form::Call { name: node.op.name(), params: k.to_string() };
        let Op::Scan(scan) = &of.op else { return (call(), node.args.clone()) };
        let form = self.roots.steps.last(scan.id, k);
        let form = form.map_or_else(call, |(name, at)| Form::Step { name, at: Some(at) });
        (form, of.args.get(scan.carries + k).copied().into_iter().collect())
    }

    fn binary(&self, op: Binary, node: &Node) -> (Form, Vec<NodeId>) {
        let (x, y) = (self.visible(node.args[0]), self.visible(node.args[1]));
        let is_array = |id: NodeId| {
            let node = self.graph.get(id);
            node.shape.rank() > 0 && !matches!(node.op, Op::Constant(_))
        };
        match op {
            Binary::Mul if x == y => (Form::Square, vec![x]),
            Binary::Mul if is_array(x) && is_array(y) => (Form::Elementwise, vec![x, y]),
            Binary::Div => self.mean(x, y).unwrap_or((Form::Binary(op), vec![x, y])),
            _ => (Form::Binary(op), vec![x, y]),
        }
    }

    /// The exponential of log-softmax is softmax, unless that has a name of its own.
    fn unary(&self, op: Unary, x: NodeId) -> (Form, Vec<NodeId>) {
        let logs = self.visible(x);
        let node = self.graph.get(logs);
        match &node.op {
            Op::LogSoftmax(axes) if op == Unary::Exp && self.roots.name(logs).is_none() => {
                (along(Along::Softmax, &self.graph.get(node.args[0]), axes), node.args.clone())
            }
            _ => (Form::Unary(op), vec![x]),
        }
    }

    /// `sum(x) / count`, where the sum has no name of its own.
    fn mean(&self, sum: NodeId, count: NodeId) -> Option<(Form, Vec<NodeId>)> {
        let (node, divisor) = (self.graph.get(sum), self.graph.get(count));
        let Op::Reduce { kind: Reduce::Sum, axes } = &node.op else { return None };
        if self.roots.name(sum).is_some() || self.roots.name(count).is_some() {
            return None;
        }
        let x = self.graph.get(node.args[0]);
        let want = axes.iter().fold(Dim::Size(1), |n, a| &n * &x.shape[*a]);
        let fits = match &divisor.op {
            Op::Extent(dim) => *dim == want,
            Op::Constant(value) => want.size().is_some_and(|n| n as f64 == value.as_f64()),
            _ => false,
        };
        fits.then(|| (Form::Mean { indices: indices_of(&x.shape, axes), count: want }, vec![node.args[0]]))
    }

    /// A convolution, whose windows and zeros around the images have no names of their own.
    fn correlation(&self, c: &Contraction, windows: NodeId, weight: NodeId) -> Option<(Form, Vec<NodeId>)> {
        let (mut x, mut unfolds) = (windows, vec![]);
        loop {
            let node = self.graph.get(x);
            match node.op {
                Op::Unfold { axis, stride, dilation, .. } => unfolds.insert(0, (axis, stride, dilation)),
                Op::Pad { ref strides, value, .. }
                    if !unfolds.is_empty() && value.as_f64() == 0.0 && strides.iter().all(|s| *s == 1) => {}
                _ => break,
            }
            if self.roots.name(x).is_some() {
                break;
            }
            x = node.args[0];
        }
        let (axes, rank) = (unfolds.len(), c.lhs.len());
        let places = rank.checked_sub(axes + 1).filter(|_| axes > 0)?;
        let first = unfolds[0].0;
        let in_order = unfolds.iter().enumerate().all(|(i, (axis, ..))| *axis == first + i);
        let kept = c.out.get(..places) == Some(&c.lhs[..places]) && c.out.len() == places + 1;
        let offsets = c.rhs.get(..axes) == Some(&c.lhs[places + 1..]) && c.rhs.len() == axes + 2;
        if !(in_order && kept && offsets && first + axes == places && c.rhs[axes] == c.lhs[places]) {
            return None;
        }
        let numbers = |name: &str, of: fn(&(usize, usize, usize)) -> usize| {
            let mut all: Vec<usize> = unfolds.iter().map(of).collect();
            all.dedup();
            let texts: Vec<String> = all.iter().map(usize::to_string).collect();
            (all != [1]).then(|| format!("{name}={}", texts.join(",")))
        };
        let settings = [numbers("s", |u| u.1), numbers("d", |u| u.2)].into_iter().flatten().collect();
        Some((Form::Correlation { settings }, vec![x, weight]))
    }

    /// Numbers, each added at its place along a new last axis.
    fn one_hot(&self, labels: NodeId, numbers: NodeId) -> (Form, Vec<NodeId>) {
        match self.graph.get(self.visible(numbers)).op {
            Op::Constant(value) if value.as_f64() == 1.0 => (Form::OneHot, vec![labels]),
            _ => (Form::OneHot, vec![numbers, labels]),
        }
    }

    /// The first node from `id` down that is seen on paper.
    pub(super) fn visible(&self, mut id: NodeId) -> NodeId {
        loop {
            let node = self.graph.get(id);
            if self.roots.name(id).is_some() || !is_invisible(self.graph, &node) {
                return id;
            }
            id = node.args[0];
        }
    }
}

/// True for what formulas leave to the reader: repeating along axes, axes of size one,
/// element types that hold the same values, markers.
pub(crate) fn is_invisible(graph: &Graph, node: &Node) -> bool {
    let Some(arg) = node.args.first() else { return false };
    let x = graph.get(*arg);
    match &node.op {
        Op::Broadcast(_) | Op::Variable(_) | Op::Assume(_) | Op::WithGradient => true,
        Op::Cast if x.dtype == DType::Bool => false,
        Op::Cast => node.dtype.is_float() || (x.dtype == DType::U8 && node.dtype.is_numeric()),
        Op::Reshape => {
            let long = |n: &Node| -> Vec<Dim> { n.shape.iter().filter(|d| !d.is_one()).cloned().collect() };
            long(node) == long(&x)
        }
        _ => false,
    }
}

fn along(function: Along, x: &Node, axes: &[usize]) -> Form {
    Form::Along { function, indices: indices_of(&x.shape, axes) }
}

fn swaps_last(axes: &[usize]) -> bool {
    let rank = axes.len();
    rank >= 2 && axes[rank - 2..] == [rank - 1, rank - 2] && axes[..rank - 2].iter().copied().eq(0..rank - 2)
}

/// The subscripts of a gather: leading axes that go in step by letter, the others whole.
fn gathered(x: &Node, axis: usize, batch: usize) -> Vec<Subscript> {
    let letters = indices(&x.shape);
    let subscript = |i: usize| match i {
        _ if i < batch => Subscript::Letter(letters[i].clone()),
        _ if i == axis => Subscript::Operand(letters[..batch].to_vec()),
        _ => Subscript::Range(":".into()),
    };
    without_rest((0..x.shape.rank()).map(subscript).collect())
}

/// Whole axes at the end go without saying.
fn without_rest(mut subscripts: Vec<Subscript>) -> Vec<Subscript> {
    while subscripts.len() > 1 && subscripts.last() == Some(&Subscript::Range(":".into())) {
        subscripts.pop();
    }
    subscripts
}

/// A contraction as a product of matrices and vectors, where it is one.
fn contraction(c: &Contraction, lhs: NodeId, rhs: NodeId) -> (Form, Vec<NodeId>) {
    let summed: Vec<u8> = c.summed().collect();
    if c.out.is_empty() && c.lhs == c.rhs && c.lhs.len() > 1 {
        return (Form::Inner, vec![lhs, rhs]);
    }
    let product = |transposed, operands: [NodeId; 2]| (Form::Product { transposed }, operands.to_vec());
    let einsum = (Form::Einsum(c.clone()), vec![lhs, rhs]);
    // A number times an array.
    if c.lhs.is_empty() && c.rhs == c.out || c.rhs.is_empty() && c.lhs == c.out {
        return (Form::Binary(Binary::Mul), vec![lhs, rhs]);
    }
    if c.batch().next().is_some() {
        return einsum;
    }
    let together = |a: &[u8], b: &[u8]| -> Vec<u8> {
        a.iter().chain(b).copied().filter(|l| !summed.contains(l)).collect()
    };
    let in_order = c.out == together(&c.lhs, &c.rhs);
    let swapped = c.out == together(&c.rhs, &c.lhs);
    match (summed.as_slice(), c.lhs.len(), c.rhs.len()) {
        ([], 1, 1) if in_order => product([false, true], [lhs, rhs]),
        ([], 1, 1) => product([false, true], [rhs, lhs]),
        ([k], 1, 2) if c.rhs[1] == *k => product([false, false], [rhs, lhs]),
        ([k], 1..=2, 1..=2) if in_order => product([c.lhs[0] == *k, c.rhs[0] != *k], [lhs, rhs]),
        ([k], 2, 2) if swapped => product([c.rhs[0] == *k, c.lhs[0] != *k], [rhs, lhs]),
        ([k], _, 1..=2) if in_order && c.lhs.last() == Some(k) => {
            product([false, c.rhs[0] != *k], [lhs, rhs])
        }
        _ => einsum,
    }
}
