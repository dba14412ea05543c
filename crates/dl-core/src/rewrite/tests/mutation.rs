//! Mutants: expressions that differ from a given one in a single place.

use std::collections::BTreeMap;

use crate::dim::Dim;
use crate::dtype::{DType, Scalar};
use crate::graph::{Expr, Node, NodeId, reachable};
use crate::ops::{Binary, Op, Order, Reduce, Unary};

/// An expression with one mistake in it.
pub(super) struct Mutant<'g> {
    /// What was changed: the node before and after.
    pub(super) name: String,
    pub(super) expr: Expr<'g>,
}

/// Every mutant of `root` with the mistake in a node for which `place` holds.
pub(super) fn mutants<'g>(root: Expr<'g>, place: impl Fn(NodeId) -> bool) -> Vec<Mutant<'g>> {
    let graph = root.graph();
    let order = reachable(graph, &[root.id()]);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut all = vec![];
    for id in order.iter().copied().filter(|id| place(*id)) {
        let expr = graph.expr(id);
        let mut changed = changes(expr);
        if id == root.id() && root.as_constant().is_none() {
            changed.extend(opposite(root));
        }
        for new in changed.into_iter().filter(|new| *new != expr && !is_same(expr, *new)) {
            let mutant = replaced(root, &order, expr, new);
            if mutant == root {
                continue;
            }
            let mut name = format!("{} => {}", short(expr, 3), short(new, 3));
            let times = seen.entry(name.clone()).and_modify(|n| *n += 1).or_insert(1);
            if *times > 1 {
                name += &format!(" #{times}");
            }
            all.push(Mutant { name, expr: mutant });
        }
    }
    all
}

/// `root` with `new` in place of the node `old`.
fn replaced<'g>(root: Expr<'g>, order: &[NodeId], old: Expr<'g>, new: Expr<'g>) -> Expr<'g> {
    let graph = root.graph();
    let mut done: BTreeMap<NodeId, NodeId> = BTreeMap::from([(old.id(), new.id())]);
    for id in order.iter().copied().filter(|id| *id > old.id()) {
        let node = graph.get(id);
        let args: Vec<NodeId> = node.args.iter().map(|a| *done.get(a).unwrap_or(a)).collect();
        if args != node.args {
            done.insert(id, graph.push(Node { args, ..(*node).clone() }).id());
        }
    }
    done.get(&root.id()).map_or(root, |id| graph.expr(*id))
}

/// True if one of both multiplies the other by one, or divides it.
fn is_same<'g>(old: Expr<'g>, new: Expr<'g>) -> bool {
    let kept = |e: Expr<'g>| {
        let node = e.node();
        let is_one = |i: usize| number(e.graph().expr(node.args[i])) == Some(1.0);
        match node.op {
            Op::Binary(Binary::Mul | Binary::Div) if is_one(1) => e.graph().expr(node.args[0]),
            Op::Binary(Binary::Mul) if is_one(0) => e.graph().expr(node.args[1]),
            _ => e,
        }
    };
    // `1·x` made `1/x` is another value.
    let reciprocal = old.node().op == MUL && number(old.graph().expr(old.node().args[0])) == Some(1.0);
    kept(old) != old && (new == kept(old) || (kept(new) == kept(old) && !reciprocal))
}

const MUL: Op = Op::Binary(Binary::Mul);

/// The number that stands in every element.
fn number(x: Expr<'_>) -> Option<f64> {
    match x.node().op {
        Op::Broadcast(_) => number(x.graph().expr(x.node().args[0])),
        _ => x.as_constant(),
    }
}

/// What could stand in place of a node by mistake.
fn changes(expr: Expr<'_>) -> Vec<Expr<'_>> {
    let node = expr.node();
    let args: Vec<Expr<'_>> = node.args.iter().map(|a| expr.graph().expr(*a)).collect();
    let mut found = vec![];
    if !matches!(node.op, Op::StopGradient | Op::Assume(_) | Op::Variable(_)) {
        let fits = |a: &&Expr<'_>| a.dtype() == expr.dtype() && a.shape() == expr.shape();
        found.extend(args.iter().filter(fits));
    }
    for op in neighbours(&node.op, node.dtype) {
        found.extend(with(expr, op, &args));
    }
    let ordered = |op: &Binary| !op.is_commutative();
    match &node.op {
        Op::Binary(op) if ordered(op) => found.extend(with(expr, node.op.clone(), &[args[1], args[0]])),
        Op::Select => found.extend(with(expr, Op::Select, &[args[0], args[2], args[1]])),
        Op::Concat(_) => {
            found.extend(with(expr, node.op.clone(), &args.iter().rev().copied().collect::<Vec<_>>()))
        }
        _ => {}
    }
    for i in signed(&node.op) {
        let zero = |i: usize| args.get(i).is_some_and(|a| number(*a) == Some(0.0));
        let even = matches!(node.op, Op::Binary(Binary::Eq | Binary::Ne)) && zero(1 - i);
        if args[i].as_constant().is_none() && !zero(i) && !even {
            let mut args = args.clone();
            found.extend(opposite(args[i]).map(|negated| {
                args[i] = negated;
                with(expr, node.op.clone(), &args).expect("the type is what it was")
            }));
        }
    }
    found
}

/// The arguments whose sign matters by itself: in a product, that of one does.
fn signed(op: &Op) -> Vec<usize> {
    match op {
        // Its own inverse, or even.
        Op::Unary(Unary::Neg | Unary::Not | Unary::IsFinite | Unary::Abs | Unary::Cos) => vec![],
        Op::Unary(_) | Op::Reduce { .. } | Op::LogSumExp(_) | Op::LogSoftmax(_) => vec![0],
        Op::Binary(Binary::Mul | Binary::Div) | Op::Contract(_) => vec![0],
        Op::Binary(_) => vec![0, 1],
        Op::Select => vec![0, 1, 2],
        _ => vec![],
    }
}

fn opposite(x: Expr<'_>) -> Option<Expr<'_>> {
    match x.dtype() {
        DType::F32 | DType::F64 => Some(-x),
        DType::Bool => Some(!x),
        _ => None,
    }
}

/// Operations that are easily taken for another.
fn neighbours(op: &Op, dtype: DType) -> Vec<Op> {
    match op {
        Op::Constant(Scalar::Bool(b)) => vec![Op::Constant(Scalar::Bool(!b))],
        Op::Constant(value) => {
            let x = value.as_f64();
            let others = if x == 0.0 { vec![1.0] } else { vec![-x, 2.0 * x] };
            let fresh = others.into_iter().filter(|y| *y != x && !y.is_nan());
            fresh.map(|y| Op::Constant(Scalar::of(dtype, y))).collect()
        }
        Op::Unary(op) => unary(*op).into_iter().map(Op::Unary).collect(),
        Op::Binary(op) => binary(*op).into_iter().map(Op::Binary).collect(),
        Op::Reduce { kind, axes } => {
            let other = match kind {
                Reduce::Sum | Reduce::Min => Reduce::Max,
                Reduce::Max => Reduce::Min,
                Reduce::Prod => Reduce::Sum,
            };
            vec![Op::Reduce { kind: other, axes: axes.clone() }]
        }
        Op::LogSumExp(axes) => vec![Op::Reduce { kind: Reduce::Max, axes: axes.clone() }],
        Op::ArgReduce { kind, axis } => {
            let kind = if *kind == Reduce::Max { Reduce::Min } else { Reduce::Max };
            vec![Op::ArgReduce { kind, axis: *axis }]
        }
        Op::Sort { axis, order } => vec![Op::Sort { axis: *axis, order: flipped(*order) }],
        Op::ArgSort { axis, order } => vec![Op::ArgSort { axis: *axis, order: flipped(*order) }],
        Op::Slice { starts, strides } => {
            moved(starts).map(|starts| Op::Slice { starts, strides: strides.clone() }).collect()
        }
        Op::Pad { starts, strides, value } => {
            moved(starts).map(|starts| Op::Pad { starts, strides: strides.clone(), value: *value }).collect()
        }
        _ => vec![],
    }
}

/// One of the places moved by one.
fn moved(starts: &[Dim]) -> impl Iterator<Item = Vec<Dim>> {
    let by = |start: &Dim, step: i64| start.size().map(|n| n as i64 + step).filter(|n| *n >= 0);
    let change = move |i: usize, step: i64| {
        let mut starts = starts.to_vec();
        starts[i] = Dim::Size(by(&starts[i], step)?);
        Some(starts)
    };
    (0..starts.len()).flat_map(move |i| [change(i, -1), change(i, 1)]).flatten()
}

fn flipped(order: Order) -> Order {
    match order {
        Order::Ascending => Order::Descending,
        Order::Descending => Order::Ascending,
    }
}

fn unary(op: Unary) -> Option<Unary> {
    Some(match op {
        Unary::Exp => Unary::Expm1,
        Unary::Expm1 => Unary::Exp,
        Unary::Log => Unary::Log1p,
        Unary::Log1p => Unary::Log,
        Unary::Sin => Unary::Cos,
        Unary::Cos => Unary::Sin,
        Unary::Tanh => Unary::Sigmoid,
        Unary::Sigmoid => Unary::Tanh,
        Unary::Softplus => Unary::Relu,
        Unary::Relu => Unary::Softplus,
        Unary::Sinh => Unary::Cosh,
        Unary::Cosh => Unary::Sinh,
        Unary::Asin => Unary::Atan,
        Unary::Erfc => Unary::Erfcx,
        Unary::Erfcx => Unary::Erfc,
        _ => return None,
    })
}

fn binary(op: Binary) -> Option<Binary> {
    Some(match op {
        Binary::Add => Binary::Sub,
        Binary::Sub => Binary::Add,
        Binary::Mul => Binary::Div,
        Binary::Div => Binary::Mul,
        Binary::Max => Binary::Min,
        Binary::Min => Binary::Max,
        Binary::Eq => Binary::Ne,
        Binary::Ne => Binary::Eq,
        Binary::Lt => Binary::Le,
        Binary::Le => Binary::Lt,
        Binary::Gt => Binary::Ge,
        Binary::Ge => Binary::Gt,
        Binary::And => Binary::Or,
        Binary::Or => Binary::And,
        Binary::Pow | Binary::Ierfcx | Binary::Polygamma => return None,
        Binary::Atan2 | Binary::FloorDivide | Binary::Remainder => return None,
    })
}

/// `op` on these arguments with the type and shape of `expr`, where that is possible.
fn with<'g>(expr: Expr<'g>, op: Op, args: &[Expr<'g>]) -> Option<Expr<'g>> {
    let node = expr.node();
    let nodes: Vec<_> = args.iter().map(|a| a.node()).collect();
    let nodes: Vec<&Node> = nodes.iter().map(|n| &**n).collect();
    op.signature(&nodes, Some((node.dtype, &node.shape))).ok()?;
    let args = args.iter().map(|a| a.id()).collect();
    Some(expr.graph().push(Node { op, args, ..(*node).clone() }))
}

/// The expression down to some depth.
fn short(expr: Expr<'_>, depth: usize) -> String {
    let node = expr.node();
    match &node.op {
        Op::Input(name) => return name.to_string(),
        Op::Constant(value) => return value.as_f64().to_string(),
        _ if depth == 0 => return "..".into(),
        _ => {}
    }
    let args: Vec<String> = node.args.iter().map(|a| short(expr.graph().expr(*a), depth - 1)).collect();
    format!("{}({})", node.op.name(), args.join(", "))
}
