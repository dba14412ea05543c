//! What is known of values without running anything: range, sign, finiteness, rows that sum to one.

use std::cell::RefCell;

use rustc_hash::FxHashMap;

use crate::dtype::{DType, Scalar};
use crate::graph::{Expr, Graph, Node, NodeId};
use crate::ops::{Binary, Cumulative, Fact, Op, Reduce, Scatter, Unary};
use crate::tensor::Tensor;

/// What holds for every element of a value, wherever the value is not NaN.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Facts {
    /// No element is below.
    pub low: f64,
    /// No element is above.
    pub high: f64,
    /// No element is zero (of the exact result: an exponential may still underflow).
    pub nonzero: bool,
    /// No element is infinite or NaN.
    pub finite: bool,
    /// Along the last axis the elements are not negative and sum to one.
    pub distribution: bool,
    /// Every element is 0 or 1.
    pub binary: bool,
    /// No element is -0, where none is negative.
    pub unsigned: bool,
}

impl Facts {
    /// Nothing is known.
    pub const UNKNOWN: Facts = Facts {
        low: f64::NEG_INFINITY,
        high: f64::INFINITY,
        nonzero: false,
        finite: false,
        distribution: false,
        binary: false,
        unsigned: false,
    };

    /// `low ≤ x ≤ high`, and finite if `finite` (as is a NaN-free value in a bounded range).
    fn range(low: f64, high: f64, finite: bool) -> Facts {
        // A bound that was computed from infinities is no bound.
        let low = if low.is_nan() { f64::NEG_INFINITY } else { low };
        let high = if high.is_nan() { f64::INFINITY } else { high };
        Facts { low, high, nonzero: low > 0.0 || high < 0.0, finite, unsigned: low > 0.0, ..Facts::UNKNOWN }
    }

    /// Every element is above zero.
    pub fn positive(&self) -> bool {
        self.low >= 0.0 && self.nonzero
    }

    /// No element is negative, or -0.
    pub fn unsigned(&self) -> bool {
        self.low >= 0.0 && (self.unsigned || self.nonzero)
    }

    /// No element is negative.
    pub fn non_negative(&self) -> bool {
        self.low >= 0.0
    }

    /// In range of every float type, so that finite operands give finite results.
    fn moderate(&self) -> bool {
        self.low > -1e30 && self.high < 1e30
    }
}

/// Facts of the nodes of one graph, found once each.
pub struct Known<'g> {
    graph: &'g Graph,
    found: RefCell<FxHashMap<NodeId, Facts>>,
}

impl<'g> Known<'g> {
    /// Nothing found yet.
    pub(crate) fn new(graph: &'g Graph) -> Self {
        Known { graph, found: RefCell::default() }
    }

    /// The facts of a value.
    pub fn of(&self, expr: Expr<'g>) -> Facts {
        // Arguments first, without recursion: graphs are deep.
        let mut found = self.found.borrow_mut();
        let mut stack = vec![expr.id()];
        while let Some(&id) = stack.last() {
            if found.contains_key(&id) {
                stack.pop();
                continue;
            }
            let node = self.graph.get(id);
            let missing: Vec<NodeId> = node.args.iter().copied().filter(|a| !found.contains_key(a)).collect();
            if missing.is_empty() {
                let args: Vec<Facts> = node.args.iter().map(|a| found[a]).collect();
                found.insert(id, infer(self.graph, &node, &args));
                stack.pop();
            } else {
                stack.extend(missing);
            }
        }
        found[&expr.id()]
    }
}

fn infer(graph: &Graph, node: &Node, args: &[Facts]) -> Facts {
    let facts = match &node.op {
        Op::Constant(value) => constant(*value),
        Op::Extent(dim) => match dim.size() {
            Some(n) => constant(Scalar::Float(n as f64)),
            None => Facts::range(0.0, f64::INFINITY, true),
        },
        Op::Contract(spec) => {
            // A sum of squares, or of products of what is not negative.
            let squares = node.args[0] == node.args[1] && spec.lhs == spec.rhs;
            match squares || args.iter().all(Facts::non_negative) {
                true => Facts { unsigned: squares, ..Facts::range(0.0, f64::INFINITY, false) },
                false => Facts::UNKNOWN,
            }
        }
        Op::Iota(_) | Op::Step => Facts::range(0.0, f64::INFINITY, true),
        Op::Random { .. } => Facts::range(0.0, 1.0, true),
        Op::Unary(op) => unary(*op, &args[0]),
        Op::Binary(Binary::Div) if args[0].non_negative() && is_size(graph, node.args[1]) => {
            Facts { nonzero: args[0].nonzero, ..Facts::range(0.0, f64::INFINITY, false) }
        }
        Op::Binary(op) => relative(graph, *op, node).unwrap_or_else(|| binary(*op, node, &args[0], &args[1])),
        Op::Select => chosen(graph, node, args),
        Op::Literal(literal) => listed(&literal.0),
        Op::Cast => cast(graph, node, &args[0]),
        Op::Reduce { kind, axes } => reduce(*kind, axes, graph, node, &args[0]),
        // The sum is at least its largest term, and at most as many times that as there are terms.
        Op::LogSumExp(axes) if axes.iter().all(|a| graph.get(node.args[0]).shape[*a].size() != Some(0)) => {
            Facts::range(args[0].low, f64::INFINITY, args[0].finite && args[0].moderate())
        }
        Op::LogSoftmax(_) => Facts::range(f64::NEG_INFINITY, 0.0, args[0].finite && args[0].moderate()),
        Op::Reshape | Op::Permute(_) | Op::Slice { .. } | Op::Flip(_) => {
            Facts { distribution: false, ..args[0] }
        }
        Op::Broadcast(kept) => Facts {
            // Rows stay whole where the last axis is the operand's last axis.
            distribution: args[0].distribution && kept.last() == Some(&(node.shape.rank() - 1)),
            ..args[0]
        },
        Op::Gather { .. } | Op::Sort { .. } | Op::Unfold { .. } => Facts { distribution: false, ..args[0] },
        Op::Cumulative { kind: Cumulative::Max | Cumulative::Min, .. } => {
            Facts { distribution: false, ..args[0] }
        }
        Op::Cumulative { kind: Cumulative::Sum | Cumulative::Prod, .. } | Op::LinearRecurrence { .. }
            if args.iter().all(Facts::non_negative) =>
        {
            Facts::range(0.0, f64::INFINITY, false)
        }
        Op::Pad { value, .. } => either(&args[0], &constant(*value)),
        Op::Concat(axis) => {
            let all = args.iter().copied().reduce(|a, b| either(&a, &b)).unwrap_or(Facts::UNKNOWN);
            // Rows stay whole where no row is made longer.
            Facts { distribution: all.distribution && axis + 1 != node.shape.rank(), ..all }
        }
        Op::Scatter { kind: Scatter::Add, axis, batch } => scatter(*axis, *batch, graph, node, &args[1]),
        // On a constant it stands for what only differentiation knows.
        Op::Variable(_) if matches!(graph.get(node.args[0]).op, Op::Constant(_)) => Facts::UNKNOWN,
        Op::StopGradient | Op::Variable(_) | Op::WithGradient => args[0],
        Op::Element { .. } => Facts { distribution: false, ..args[0] },
        Op::Stack(axis) => Facts {
            // Rows stay whole where the last axis is the value's last axis.
            distribution: args[1].distribution && axis + 1 != node.shape.rank(),
            ..args[1]
        },
        Op::Assume(fact) => assume(*fact, args[0]),
        _ => Facts::UNKNOWN,
    };
    let unsigned = facts.unsigned || keeps_unsigned(&node.op, args);
    Facts { finite: facts.finite || !node.dtype.is_float(), unsigned, ..facts }
}

/// True where the result of an operation is never -0, whatever its own rule says of its range.
fn keeps_unsigned(op: &Op, args: &[Facts]) -> bool {
    let all = || args.iter().all(Facts::unsigned);
    match op {
        Op::Constant(value) => value.as_f64().is_sign_positive(),
        Op::Extent(_) | Op::Iota(_) | Op::Step | Op::Random { .. } => true,
        Op::Unary(Unary::Abs | Unary::Exp | Unary::Sigmoid | Unary::Softplus) => true,
        Op::Unary(Unary::Sqrt | Unary::Tanh | Unary::Erf | Unary::Expm1 | Unary::Log1p | Unary::Relu) => {
            all()
        }
        Op::Unary(Unary::Ceil | Unary::Round | Unary::Sinh | Unary::Asin | Unary::Atan | Unary::Erfinv) => {
            all()
        }
        Op::Binary(Binary::Add | Binary::Mul | Binary::Div | Binary::Pow | Binary::Max | Binary::Min) => {
            all()
        }
        Op::Reduce { .. } | Op::Contract(_) => all(),
        _ => false,
    }
}

/// The size of a dimension, perhaps repeated: a quotient by it is NaN or infinite where it is zero.
fn is_size(graph: &Graph, id: NodeId) -> bool {
    let node = graph.get(id);
    match &node.op {
        Op::Extent(_) => true,
        Op::Broadcast(_) => is_size(graph, node.args[0]),
        _ => false,
    }
}

fn constant(value: Scalar) -> Facts {
    let x = value.as_f64();
    let facts = Facts::range(x, x, x.is_finite());
    Facts { binary: x == 0.0 || x == 1.0, ..facts }
}

/// Literals of more elements are not looked at.
const LISTED: usize = 4096;

fn listed(tensor: &Tensor) -> Facts {
    if tensor.is_empty() || tensor.len() > LISTED {
        return Facts::UNKNOWN;
    }
    let values = tensor.to_f64();
    let (low, high) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), x| (l.min(*x), h.max(*x)));
    let row = tensor.shape().last().copied().unwrap_or(1);
    let one = |row: &[f64]| (row.iter().sum::<f64>() - 1.0).abs() < 1e-9;
    Facts {
        nonzero: !values.contains(&0.0),
        distribution: !tensor.shape().is_empty() && low >= 0.0 && values.chunks(row).all(one),
        binary: values.iter().all(|x| *x == 0.0 || *x == 1.0),
        ..Facts::range(low, high, values.iter().all(|x| x.is_finite()))
    }
}

/// A branch that is the very value which the condition bounds is within that bound where it is taken.
fn chosen(graph: &Graph, node: &Node, args: &[Facts]) -> Facts {
    let condition = graph.get(node.args[0]);
    let (mut a, mut b) = (args[1], args[2]);
    if let Op::Binary(op @ (Binary::Gt | Binary::Ge | Binary::Lt | Binary::Le)) = condition.op
        && let Op::Constant(bound) = graph.get(condition.args[1]).op
    {
        let bound = bound.as_f64();
        let above = matches!(op, Binary::Gt | Binary::Ge);
        let within = |x: &Facts, above: bool| match above {
            true => Facts { low: x.low.max(bound), ..*x },
            false => Facts { high: x.high.min(bound), ..*x },
        };
        if condition.args[0] == node.args[1] {
            a = within(&a, above);
        }
        if condition.args[0] == node.args[2] {
            b = within(&b, !above);
        }
    }
    // Of two rows that sum to one, each element may be another's.
    let rows = matches!(&condition.op, Op::Broadcast(kept) if !kept.contains(&(node.shape.rank() - 1)));
    let either = either(&a, &b);
    Facts { distribution: either.distribution && rows, ..either }
}

fn assume(fact: Fact, x: Facts) -> Facts {
    match fact {
        Fact::NonNegative => Facts { low: x.low.max(0.0), ..x },
        Fact::Positive => Facts { low: x.low.max(0.0), nonzero: true, ..x },
        Fact::Finite => Facts { finite: true, ..x },
        Fact::Distribution => {
            Facts { low: x.low.max(0.0), high: x.high.min(1.0), finite: true, distribution: true, ..x }
        }
    }
}

fn either(a: &Facts, b: &Facts) -> Facts {
    Facts {
        low: a.low.min(b.low),
        high: a.high.max(b.high),
        nonzero: a.nonzero && b.nonzero,
        finite: a.finite && b.finite,
        distribution: a.distribution && b.distribution,
        binary: a.binary && b.binary,
        unsigned: a.unsigned() && b.unsigned(),
    }
}

fn unary(op: Unary, x: &Facts) -> Facts {
    let rising = |f: fn(f64) -> f64| Facts::range(f(x.low), f(x.high), x.finite && x.moderate());
    match op {
        Unary::Neg => Facts { nonzero: x.nonzero, ..Facts::range(-x.high, -x.low, x.finite) },
        Unary::Abs => {
            let high = x.low.abs().max(x.high.abs());
            let low = if x.low > 0.0 {
                x.low
            } else if x.high < 0.0 {
                -x.high
            } else {
                0.0
            };
            Facts { nonzero: x.nonzero, binary: x.binary, ..Facts::range(low, high, x.finite) }
        }
        Unary::Sign => Facts {
            nonzero: x.nonzero,
            ..Facts::range(f64::from(x.low > 0.0) * 2.0 - 1.0, f64::from(x.high >= 0.0) * 2.0 - 1.0, x.finite)
        },
        // Above 80 the single-precision exponential may overflow.
        Unary::Exp => Facts { nonzero: true, finite: x.finite && x.high < 80.0, ..rising(f64::exp) },
        Unary::Expm1 => {
            Facts { nonzero: x.nonzero, finite: x.finite && x.high < 80.0, ..rising(f64::exp_m1) }
        }
        Unary::Log => Facts { finite: x.finite && x.low > 0.0, ..rising(|v| v.max(0.0).ln()) },
        Unary::Log1p => Facts { finite: x.finite && x.low > -1.0, ..rising(|v| v.max(-1.0).ln_1p()) },
        Unary::Sqrt => Facts {
            nonzero: x.nonzero,
            finite: x.finite && x.non_negative(),
            ..rising(|v| v.max(0.0).sqrt())
        },
        Unary::Sin | Unary::Cos => Facts::range(-1.0, 1.0, x.finite),
        Unary::Tanh => Facts { nonzero: x.nonzero, finite: x.finite, ..rising(f64::tanh) },
        Unary::Erf => Facts { nonzero: x.nonzero, finite: x.finite, ..rising(libm::erf) },
        Unary::Sigmoid => Facts { nonzero: true, finite: x.finite, ..rising(Unary::Sigmoid.row().value) },
        Unary::Softplus => Facts { nonzero: true, finite: x.finite, ..rising(Unary::Softplus.row().value) },
        Unary::Relu => Facts { nonzero: x.positive(), finite: x.finite, ..rising(|v| v.max(0.0)) },
        Unary::Floor => Facts { finite: x.finite, ..rising(f64::floor) },
        Unary::IsFinite | Unary::Not => Facts { binary: true, ..Facts::range(0.0, 1.0, true) },
        Unary::Ceil | Unary::Round | Unary::Log2 | Unary::Exp2 | Unary::Tan | Unary::Sinh | Unary::Cosh => {
            special::unary(op, x)
        }
        Unary::Asin | Unary::Acos | Unary::Atan | Unary::Erfc | Unary::Erfcx | Unary::Erfinv => {
            special::unary(op, x)
        }
        Unary::LogNdtr | Unary::Lgamma | Unary::Digamma => special::unary(op, x),
    }
}

fn binary(op: Binary, node: &Node, x: &Facts, y: &Facts) -> Facts {
    let finite = x.finite && y.finite && x.moderate() && y.moderate();
    match op {
        Binary::Add => {
            let positive = (x.positive() && y.non_negative()) || (y.positive() && x.non_negative());
            let sum = Facts::range(x.low + y.low, x.high + y.high, finite);
            Facts { nonzero: sum.nonzero || positive, ..sum }
        }
        Binary::Sub => Facts::range(x.low - y.high, x.high - y.low, finite),
        Binary::Mul if node.args[0] == node.args[1] => Facts {
            nonzero: x.nonzero,
            binary: x.binary,
            unsigned: true,
            ..Facts::range(square_low(x), f64::INFINITY, finite && x.high < 1e15 && x.low > -1e15)
        },
        Binary::Mul => {
            let nonzero = x.nonzero && y.nonzero;
            Facts {
                nonzero,
                binary: x.binary && y.binary,
                ..corners(x, y, |a, b| if a == 0.0 || b == 0.0 { 0.0 } else { a * b }, finite)
            }
        }
        Binary::Div if y.positive() || (y.high <= 0.0 && y.nonzero) => {
            let sign = if y.positive() { 1.0 } else { -1.0 };
            let scaled = |v: f64| if v == 0.0 { 0.0 } else { v * sign * f64::INFINITY };
            let (a, b) = (scaled(x.low), scaled(x.high));
            let divided = Facts::range(a.min(b), a.max(b), false);
            let largest = x.low.abs().max(x.high.abs()) / y.low.abs().min(y.high.abs());
            let finite = x.finite && y.finite && largest < 1e30;
            Facts { nonzero: x.nonzero, finite, ..divided }
        }
        Binary::Div => Facts::UNKNOWN,
        Binary::Pow if x.non_negative() => {
            Facts { nonzero: x.nonzero, ..Facts::range(0.0, f64::INFINITY, false) }
        }
        Binary::Pow => Facts::UNKNOWN,
        Binary::Max => Facts {
            nonzero: x.positive() || y.positive() || (x.nonzero && y.nonzero),
            ..Facts::range(x.low.max(y.low), x.high.max(y.high), x.finite && y.finite)
        },
        Binary::Min => Facts {
            nonzero: x.nonzero && y.nonzero,
            ..Facts::range(x.low.min(y.low), x.high.min(y.high), x.finite && y.finite)
        },
        Binary::Atan2 | Binary::FloorDivide | Binary::Remainder | Binary::Ierfcx | Binary::Polygamma => {
            special::binary(op, x, y)
        }
        _ => Facts { binary: true, ..Facts::range(0.0, 1.0, true) },
    }
}

/// A value less its own maximum is not above 0; over its own largest magnitude it is within 1.
fn relative(graph: &Graph, op: Binary, node: &Node) -> Option<Facts> {
    let (x, by) = (node.args[0], graph.get(node.args[1]));
    let (extreme, kept) = match &by.op {
        Op::Broadcast(kept) => (graph.get(by.args[0]), Some(kept.clone())),
        _ => (by, None),
    };
    // The guard against an infinite or zero extreme, and the marker that hides it from differentiation.
    let extreme = if extreme.op == Op::Select { graph.get(extreme.args[1]) } else { extreme };
    let extreme = if extreme.op == Op::StopGradient { graph.get(extreme.args[0]) } else { extreme };
    let is_size_of_x =
        |id: NodeId| matches!(graph.get(id).op, Op::Unary(Unary::Abs)) && graph.get(id).args[0] == x;
    let whole = |axes: &[usize]| {
        (0..node.shape.rank()).filter(|a| !axes.contains(a)).collect::<Vec<_>>()
            == kept.clone().unwrap_or_default()
    };
    match (op, &extreme.op) {
        (Binary::Sub, Op::Reduce { kind: Reduce::Max, axes }) if extreme.args[0] == x && whole(axes) => {
            Some(Facts::range(f64::NEG_INFINITY, 0.0, false))
        }
        (Binary::Div, Op::Reduce { kind: Reduce::Max, axes })
            if is_size_of_x(extreme.args[0]) && whole(axes) =>
        {
            Some(Facts::range(-1.0, 1.0, false))
        }
        (Binary::Div, Op::Binary(Binary::Max)) if extreme.args.iter().any(|a| is_size_of_x(*a)) => {
            Some(Facts::range(-1.0, 1.0, false))
        }
        _ => None,
    }
}

fn square_low(x: &Facts) -> f64 {
    if x.low > 0.0 {
        x.low * x.low
    } else if x.high < 0.0 {
        x.high * x.high
    } else {
        0.0
    }
}

fn corners(x: &Facts, y: &Facts, f: fn(f64, f64) -> f64, finite: bool) -> Facts {
    let all = [f(x.low, y.low), f(x.low, y.high), f(x.high, y.low), f(x.high, y.high)];
    let low = all.iter().copied().fold(f64::INFINITY, f64::min);
    let high = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let product = Facts::range(low, high, finite);
    Facts { finite: finite && product.moderate(), ..product }
}

fn cast(graph: &Graph, node: &Node, x: &Facts) -> Facts {
    match (graph.get(node.args[0]).dtype, node.dtype) {
        (DType::U8, to) if to != DType::Bool => Facts::range(0.0, 255.0, true),
        (DType::Bool, _) => Facts { binary: true, ..Facts::range(0.0, 1.0, true) },
        (_, DType::Bool) => Facts { binary: true, ..Facts::range(0.0, 1.0, true) },
        (DType::F64, DType::F32) => Facts { finite: x.finite && x.moderate(), ..*x },
        (from, to) if from.is_float() && !to.is_float() => Facts::UNKNOWN,
        _ => *x,
    }
}

fn reduce(kind: Reduce, axes: &[usize], graph: &Graph, node: &Node, x: &Facts) -> Facts {
    let last = graph.get(node.args[0]).shape.rank() - 1;
    let over = |low: f64, high: f64| Facts::range(low, high, false);
    // A sum or maximum over nothing is 0 or -∞: an axis must not be empty for `nonzero` to survive.
    let full = axes.iter().all(|a| graph.get(node.args[0]).shape[*a].size() != Some(0));
    match kind {
        Reduce::Sum if x.distribution && axes == [last] => over(1.0, 1.0),
        Reduce::Sum => {
            let low = if x.low >= 0.0 { 0.0 } else { f64::NEG_INFINITY };
            let high = if x.high <= 0.0 { 0.0 } else { f64::INFINITY };
            Facts { nonzero: full && (x.positive() || (x.high <= 0.0 && x.nonzero)), ..over(low, high) }
        }
        Reduce::Max | Reduce::Min if full => {
            Facts { finite: x.finite, nonzero: x.nonzero, ..over(x.low, x.high) }
        }
        Reduce::Max | Reduce::Min => Facts::UNKNOWN,
        Reduce::Prod if x.non_negative() => {
            Facts { nonzero: x.nonzero, ..over(0.0, if x.high <= 1.0 { 1.0 } else { f64::INFINITY }) }
        }
        Reduce::Prod => Facts::UNKNOWN,
    }
}

/// Ones scattered to one place in each row of zeros are one-hot rows.
fn scatter(axis: usize, batch: usize, graph: &Graph, node: &Node, updates: &Facts) -> Facts {
    let indices = graph.get(node.args[0]);
    let rows = batch == indices.shape.rank() && axis == batch && axis + 1 == node.shape.rank();
    if rows && updates.low == 1.0 && updates.high == 1.0 {
        return Facts { distribution: true, binary: true, ..Facts::range(0.0, 1.0, true) };
    }
    if rows {
        return Facts {
            distribution: false,
            nonzero: false,
            low: updates.low.min(0.0),
            high: updates.high.max(0.0),
            ..*updates
        };
    }
    let low = if updates.low >= 0.0 { 0.0 } else { f64::NEG_INFINITY };
    let high = if updates.high <= 0.0 { 0.0 } else { f64::INFINITY };
    Facts::range(low, high, false)
}

mod special;
#[cfg(test)]
mod tests;
