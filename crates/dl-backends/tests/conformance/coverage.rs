//! Whether every operation has a case: a new one fails here until it gets one.

use std::collections::BTreeSet;

use dl_core::F64;
use dl_core::ops::binary::BINARY;
use dl_core::ops::unary::UNARY;
use dl_core::ops::{Op, Reduce};

use crate::cases;
use crate::fidelity::FIDELITY;

/// Names of operations, apart from those of the tables.
const OPS: &[&str] = &[
    "input",
    "parameter",
    "constant",
    "literal",
    "extent",
    "step",
    "select",
    "cast",
    "sum",
    "prod",
    "reduce_max",
    "reduce_min",
    "argmax",
    "argmin",
    "contract",
    "reshape",
    "permute",
    "broadcast",
    "slice",
    "pad",
    "concat",
    "flip",
    "gather",
    "scatter_add",
    "iota",
    "sort",
    "argsort",
    "unfold",
    "fold",
    "random",
    "stop_gradient",
    "assume",
];

/// Which list names an operation: the compiler asks here when there is a new one.
fn listed(op: &Op) -> bool {
    match op {
        Op::Unary(_) | Op::Binary(_) => true,
        Op::Input(_)
        | Op::Parameter(_)
        | Op::Constant(_)
        | Op::Literal(_)
        | Op::Extent(_)
        | Op::Step
        | Op::Select
        | Op::Cast
        | Op::ArgReduce { .. }
        | Op::Contract(_)
        | Op::Reshape
        | Op::Permute(_)
        | Op::Broadcast(_)
        | Op::Slice { .. }
        | Op::Pad { .. }
        | Op::Concat(_)
        | Op::Flip(_)
        | Op::Gather { .. }
        | Op::ScatterAdd { .. }
        | Op::Iota(_)
        | Op::Sort { .. }
        | Op::ArgSort { .. }
        | Op::Unfold { .. }
        | Op::Fold { .. }
        | Op::Random { .. }
        | Op::StopGradient
        | Op::Assume(_) => OPS.contains(&op.name()),
        Op::Reduce { kind: Reduce::Sum | Reduce::Prod | Reduce::Max | Reduce::Min, .. } => {
            OPS.contains(&op.name())
        }
        // Only differentiation makes these, and they are gone when a program is lowered.
        Op::Variable(_) | Op::Grad | Op::Poison => true,
    }
}

#[test]
fn every_operation_has_a_case() {
    let mut seen = BTreeSet::new();
    for case in cases::all() {
        for node in case.ready(F64).program.nodes() {
            assert!(listed(&node.op), "{} is not listed", node.op.name());
            seen.insert((node.op.name(), case.op));
        }
    }
    let tables = UNARY.iter().map(|r| r.name).chain(BINARY.iter().map(|r| r.name));
    for name in tables.chain(OPS.iter().copied()) {
        assert!(seen.contains(&(name, name)), "{name} has no case of its own");
    }
}

#[test]
fn strided_pads_have_a_case() {
    let strided = |op: &Op| matches!(op, Op::Pad { strides, .. } if strides.iter().any(|s| *s > 1));
    assert!(cases::all().iter().any(|c| c.ready(F64).program.nodes().iter().any(|n| strided(&n.op))));
}

#[test]
fn every_row_of_the_fidelity_table_is_of_an_operation() {
    let known = |op| {
        op == "composed"
            || OPS.contains(&op)
            || UNARY.iter().any(|r| r.name == op)
            || BINARY.iter().any(|r| r.name == op)
    };
    for row in FIDELITY {
        assert!(known(row.op), "{} is no operation", row.op);
    }
}
