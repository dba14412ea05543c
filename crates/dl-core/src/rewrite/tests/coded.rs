//! Instances of rules in code, one for each.

use super::instance::{Domain, Instance};
use crate::dim::{Dim, Named};
use crate::dtype::DType::{self, Bool, F64, I64};
use crate::dtype::Scalar;
use crate::graph::{Expr, Graph};
use crate::nn;
use crate::ops::{Fact, Op};

/// The instance of a rule; nothing for a rule that has none yet.
pub(super) fn of<'g>(rule: &str, graph: &'g Graph) -> Option<Instance<'g>> {
    of_in(F64, rule, graph)
}

/// The same in an element type.
pub(super) fn of_in<'g>(float: DType, rule: &str, graph: &'g Graph) -> Option<Instance<'g>> {
    let input = |name: &str| graph.input(name, float, [2, 3]);
    let row = |name: &str| graph.input(name, float, [2]);
    let (x, y) = (input("x"), input("y"));
    let wide = |e: Expr<'g>| e.broadcast_along(&[0], &x.shape());
    let positive = |e: Expr<'g>| e.assume(Fact::Positive);
    let mut domains = vec![];
    let expr = match rule {
        "signs-of-constants" => x + -2.0,
        "fold-constants" => graph.full(float, [2], 2.0) + graph.full(float, [2], 3.0),
        "select-constant" => graph.leaf(Op::Constant(Scalar::Bool(true)), Bool, x.shape()).select(x, y),
        "move-splat" => graph.full(float, [2], 2.0).broadcast_along(&[0], &x.shape()),
        "merge-broadcasts" => wide(graph.input("s", float, ()).broadcast_along(&[], &[2].into())),
        "merge-reshapes" => x.reshape([6]).reshape([3, 2]),
        "merge-permutes" => x.permute(&[1, 0]).permute(&[1, 0]),
        "merge-reductions" => x.sum(1).sum(0),
        "reduce-splat" => graph.full(float, [2, 3], 2.0).sum(1),
        "reduce-broadcast" => wide(row("s")).sum(1),
        "lift-broadcast" => wide(row("s")).exp(),
        "lift-reshape" => x.reshape([6]).exp(),
        "pow-minus-two-of-sum" => (x.exp() + 1.0).pow(-2.0),
        "ratio-to-square" => x.exp() / ((1.0 + x.exp()) * (1.0 + x.exp())),
        "ratio-of-exponentials" => x.exp() / (1.0 + x.exp()),
        "softmax" => x.exp() / wide(x.exp().sum(1)),
        "norm" => (x * x).sum(1).sqrt(),
        "hypot" => (x * x + y * y).sqrt(),
        "pseudo-huber" => nn::hypot(x, graph.full(float, [2, 3], 1.0)) - 1.0,
        "log-of-exponentials" => (x.exp() + y.exp()).log(),
        "log-of-power" => (x * x * x).log(),
        "log-of-product" => (x.exp() * y).log(),
        "log-of-quotient" => (x.exp() / y).log(),
        "log-of-products" => x.prod(1).log(),
        "log-of-sum-of-squares" => (x * x).sum(1).log(),
        "log-of-moved" => (x.exp() * positive(y)).slice(1, 0, 2).log(),
        "log-guarded" => {
            let (size, fits) = (x.abs().log(), x.gt(0.0));
            size + (fits.select(size, y) - size)
        }
        "x-log-x" => x * x.log(),
        "contract-x-log-x" => x.contract("ij,ij->i", x.log()),
        "log-sum-exp" => (positive(y) * x.exp()).sum(1).log(),
        "log-contract-exp" => {
            domains.push(("w", Domain::Positive));
            x.exp().dot(positive(graph.input("w", float, [3, 2]))).log()
        }
        "log-one-hot-sum" => (graph.input("labels", I64, [2]).one_hot(float, 3) * x.sigmoid()).sum(1).log(),
        "log-softmax" => x - wide(x.logsumexp(1)),
        "log-softmax-of-shifted" => (x - wide(x.max(1))).log_softmax(1),
        "log-sum-exp-of-shifted" => (x - wide(x.max(1))).logsumexp(1) + x.max(1),
        "one-hot-sum-of-log-softmax" => {
            (graph.input("labels", I64, [2]).one_hot(float, 3) * x.log_softmax(1)).sum(1)
        }
        "complement-of-part-of" => y - y * x / (0.75 + x),
        "softmax-at-label" => x.softmax(1).pick(graph.input("labels", I64, [2])),
        "one-hot-sum-of-softmax" => (graph.input("labels", I64, [2]).one_hot(float, 3) * x.softmax(1)).sum(1),
        "power-over-sum" => row("s").exp() / x.exp().sum(1),
        "log-sum-exp-less-count" => {
            x.logsumexp(1) - graph.leaf(Op::Extent(Dim::Size(3)), float, [2].into()).log()
        }
        "derivative-of-saturating-quotient" => {
            let root = nn::hypot(x, graph.full(float, [2, 3], 1.0));
            y / root - y * x * x / root / root / root
        }
        "entropy-of-softmax" => (x.softmax(1) * x.log_softmax(1)).sum(1),
        "weights-that-cancel" => x.exp() * (wide(row("s")) - y) - x.exp() * wide(row("s")),
        "sum-of-scaled-distribution" => {
            let p = input("p").assume(Fact::Distribution);
            domains.push(("p", Domain::Distribution));
            (wide(row("s")) * p).sum(1)
        }
        "difference-of-moments" => (x * y).sum(1) / 3.0 - x.sum(1) / 3.0 * (y.sum(1) / 3.0),
        "difference-of-weighted-moments" => {
            domains.push(("p", Domain::Distribution));
            let p = input("p").assume(Fact::Distribution);
            (p * x * y).sum(1) - (p * x).sum(1) * (p * y).sum(1)
        }
        "linear-and-log-of-sum" => y + (x - y).softplus(),
        "linear-and-log-of-difference" => x + nn::log1mexp(-positive(x)) - x,
        "difference-of-exponentials" => x.expm1() / x.exp(),
        "difference-of-logistics" => x.sigmoid() - (-x).sigmoid(),
        "difference-of-parts-of-logistics" => y * x.sigmoid() - y * (-x).sigmoid(),
        "difference-of-softplus" => x.softplus() - (-x).softplus(),
        "log-of-ratio-of-sums" => x.softplus() - y.softplus(),
        "sum-of-scatter" => {
            let labels = graph.input("labels", I64, Named("B"));
            let updates = graph.input("s", float, Named("B"));
            updates.scatter_add(1, 1, labels, &(Named("B"), 3).into()).sum(1)
        }
        _ => return None,
    };
    if ["log-of-moved", "log-sum-exp"].contains(&rule) {
        domains.push(("y", Domain::Positive));
    }
    if rule == "linear-and-log-of-difference" {
        domains.push(("x", Domain::Positive));
    }
    Some(Instance { expr, domains })
}
