//! Whether every operation has a case: a new one fails here until it gets one.

use std::collections::BTreeSet;

use dl_core::F64;
use dl_core::ops::binary::BINARY;
use dl_core::ops::unary::UNARY;
use dl_core::ops::{NAMES, Op, Reduce};

use crate::cases;
use crate::fidelity::FIDELITY;

/// Only differentiation makes these, and they are gone when a program is lowered.
const GONE: &[&str] = &["variable", "with_gradient", "grad", "poison"];

/// The names of all operations that executors meet.
fn operations() -> impl Iterator<Item = &'static str> {
    let tables = UNARY.iter().map(|r| r.name).chain(BINARY.iter().map(|r| r.name));
    let reductions = Reduce::ALL.iter().map(|kind| kind.name());
    tables.chain(reductions).chain(NAMES.iter().copied().filter(|name| !GONE.contains(name)))
}

#[test]
fn every_operation_has_a_case() {
    let mut seen = BTreeSet::new();
    for case in cases::all() {
        for node in case.ready(F64).program.nodes() {
            seen.insert((node.op.name(), case.op));
        }
    }
    for name in operations() {
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
    let known = |op| op == "composed" || operations().any(|name| name == op);
    for row in FIDELITY {
        assert!(known(row.op), "{} is no operation", row.op);
    }
}
