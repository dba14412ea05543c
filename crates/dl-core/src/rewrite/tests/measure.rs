//! The measure of each phase, which every use of one of its rules lowers: so no rules undo each other.

use std::collections::{BTreeMap, BTreeSet};

use super::{applied, instance};
use crate::dim::Dims;
use crate::graph::{Expr, Graph, Node, NodeId, reachable};
use crate::ops::{Binary, Op, Unary};
use crate::rewrite::facts::Known;
use crate::rewrite::rules::{Phase, Table, rules};

/// What is compared, the first part first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Measure {
    /// Nodes at which a rule of stabilization applies; none counts in the other phases.
    unstable: usize,
    /// Operations below logarithms; none counts in the other phases.
    below_logs: usize,
    /// Operations on what varies, each by its cost and its number of elements.
    work: usize,
    /// How deep signs, constants and reshapes stand.
    depth: usize,
    /// Elements of what is constant.
    constant: usize,
    /// Constants below zero.
    negative: usize,
}

#[test]
fn every_rule_lowers_the_measure_of_its_phase() {
    let mut faults = vec![];
    for rule in rules() {
        let graph = Graph::new();
        let instance = instance(rule, &graph);
        let new = applied(rule, instance.expr).expect("it applies, says another test");
        let (before, after) = (Measure::of(instance.expr, rule.phase), Measure::of(new, rule.phase));
        if after >= before {
            faults.push(format!("{}: {before:?} becomes {after:?}", rule.name));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

impl Measure {
    fn of(root: Expr<'_>, phase: Phase) -> Measure {
        let graph = root.graph();
        let order = reachable(graph, &[root.id()]);
        let constant = constants(graph, &order);
        let nodes = || order.iter().map(|id| (*id, graph.get(*id)));
        let varying = || nodes().filter(|(id, _)| !constant.contains(id));
        let stabilizes = phase == Phase::Stabilize;
        let is_negative = |node: &Node| matches!(&node.op, Op::Constant(value) if value.as_f64() < 0.0);
        Measure {
            unstable: if stabilizes { unstable(root, &order) } else { 0 },
            below_logs: if stabilizes { below_logs(graph, &order) } else { 0 },
            work: varying().map(|(_, node)| cost(&node.op) * widest(graph, &node)).sum(),
            depth: depths(root, &order, &constant),
            constant: nodes().filter(|(id, _)| constant.contains(id)).map(|(_, n)| elements(&n)).sum(),
            negative: nodes().filter(|(_, node)| is_negative(node)).count(),
        }
    }
}

/// What is the same in every run and computed from constants alone.
fn constants(graph: &Graph, order: &[NodeId]) -> BTreeSet<NodeId> {
    let mut found = BTreeSet::new();
    for id in order {
        let node = graph.get(*id);
        let of_constants = !node.args.is_empty() && node.args.iter().all(|a| found.contains(a));
        if matches!(node.op, Op::Constant(_) | Op::Extent(_)) || of_constants {
            found.insert(*id);
        }
    }
    found
}

fn unstable(root: Expr<'_>, order: &[NodeId]) -> usize {
    let own: BTreeSet<&str> = rules().filter(|r| r.phase == Phase::Stabilize).map(|r| r.name).collect();
    let known = Known::new(root.graph());
    let applies = |id: &&NodeId| {
        let (expr, node) = (root.graph().expr(**id), root.graph().get(**id));
        let mut ready = Table::of(Phase::Stabilize).rules_at(&node.op).filter(|r| own.contains(r.name));
        ready.any(|rule| rule.apply(expr, &known).is_some_and(|new| new != expr))
    };
    order.iter().filter(applies).count()
}

fn below_logs(graph: &Graph, order: &[NodeId]) -> usize {
    let is_log = |id: &&NodeId| matches!(graph.get(**id).op, Op::Unary(Unary::Log | Unary::Log1p));
    let computed = |id: &NodeId| !graph.get(*id).args.is_empty();
    let below =
        |log: &NodeId| reachable(graph, &[*log]).into_iter().filter(|id| id != log && computed(id)).count();
    order.iter().filter(is_log).map(below).sum()
}

/// The longest ways from the root to what is moved outwards.
fn depths(root: Expr<'_>, order: &[NodeId], constant: &BTreeSet<NodeId>) -> usize {
    let mut depth: BTreeMap<NodeId, usize> = BTreeMap::from([(root.id(), 0)]);
    let mut sum = 0;
    for id in order.iter().rev() {
        let (own, node) = (depth[id], root.graph().get(*id));
        if constant.contains(id) || matches!(node.op, Op::Unary(Unary::Neg) | Op::Reshape) {
            sum += own;
        }
        for arg in node.args.iter().filter(|_| !constant.contains(id)) {
            depth.entry(*arg).and_modify(|d| *d = (*d).max(own + 1)).or_insert(own + 1);
        }
        for arg in node.args.iter().filter(|_| constant.contains(id)) {
            depth.entry(*arg).or_insert(0);
        }
    }
    sum
}

/// By which an operation is preferred to another one.
fn cost(op: &Op) -> usize {
    match op {
        Op::Input(_) | Op::Assume(_) => 0,
        Op::Unary(Unary::Neg) => 2,
        Op::Binary(Binary::Add | Binary::Sub) => 4,
        Op::Binary(Binary::Mul) => 3,
        Op::Binary(Binary::Div) => 5,
        Op::Binary(Binary::Pow) => 30,
        Op::Unary(Unary::Abs | Unary::Not) => 1,
        Op::Unary(_) => 10,
        Op::Reduce { .. } | Op::Scatter { .. } => 4,
        // More than a product and a sum.
        Op::Contract(_) => 8,
        _ => 1,
    }
}

/// Elements of the result or of an argument, whichever are more.
fn widest(graph: &Graph, node: &Node) -> usize {
    let args = node.args.iter().map(|a| elements(&graph.get(*a)));
    args.chain([elements(node)]).max().unwrap_or(1)
}

fn elements(node: &Node) -> usize {
    let shape = node.shape.eval(&Dims::new().with("B", 2)).expect("only B has no size");
    shape.iter().product()
}
