//! Derivatives against differences: every op and every row of the tables, to second order.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test may do both

mod cases;
mod check;
mod kinks;
#[path = "../library/cases/mod.rs"]
mod library;
mod masks;

use std::collections::BTreeSet;

use dl_core::interp::eval_expr;
use dl_core::ops::binary::BINARY;
use dl_core::ops::unary::UNARY;
use dl_core::ops::{Binary, NAMES, Op, Reduce, Unary};
use dl_core::{Expr, F64, Graph, I64, Program, Tensor};

/// The operations, and everything in the library.
fn all() -> impl Iterator<Item = library::Case> {
    cases::all().into_iter().chain(library::all())
}

#[test]
fn gradients_agree_with_differences() {
    all().for_each(|case| check::gradient(&case));
}

#[test]
fn forward_mode_is_the_transpose_of_reverse_mode() {
    all().for_each(|case| check::transpose(&case));
}

#[test]
fn second_derivatives_agree_with_differences() {
    all().filter(|case| case.smooth).for_each(|case| check::curvature(&case));
}

#[test]
fn directions_are_constant() {
    let graph = Graph::new();
    let x = graph.input("x", F64, [2]);
    let check = |derivative: Expr<'_>, want: [f64; 2]| {
        let got = eval_expr(derivative, &[("x", Tensor::vector(vec![0.5, 1.0]))]).expect("x is given");
        assert_eq!(got.to_f64(), want);
    };
    check((x * x).jvp(&[x], &[x]), [0.5, 2.0]);
    check((x * x).vjp(&[x], x)[0], [0.5, 2.0]);
    check((x * x * x).sum(..).hvp(&[x], &[x * x])[0], [0.75, 6.0]);
}

#[test]
fn directions_must_fit() {
    let graph = Graph::new();
    let (x, n) = (graph.input("x", F64, [2]), graph.input("n", I64, [2]));
    let line = line!() + 1;
    let _ = (x.jvp(&[x], &[x.sum(..)]), x.vjp(&[x], n), x.hvp(&[x], &[]), n.jvp(&[x], &[x]));
    let faults = graph.check().expect_err("four mistakes").faults().to_vec();
    let found: Vec<&str> = faults.iter().map(|f| f.message.as_str()).collect();
    let want = [
        "direction f64 [] for a value f64 [2]: both must agree",
        "direction i64 [2] for a value f64 [2]: both must agree",
        "0 directions for 1 values",
        "derivative of i64: only floats have derivatives",
    ];
    assert_eq!(found, want);
    assert!(faults.iter().all(|f| f.site.as_ref().is_some_and(|s| s.line == line)));
}

#[test]
fn every_row_and_every_op_has_a_case() {
    let mut unary: BTreeSet<Unary> = BTreeSet::new();
    let mut binary: BTreeSet<Binary> = BTreeSet::new();
    let mut ops: BTreeSet<&str> = BTreeSet::new();
    for case in cases::all() {
        let graph = Graph::new();
        let scene = case.build(&graph, F64);
        let (xs, y) = (scene.variables, scene.value);
        let value = Program::builder(&graph).output("y", y).without_rewriting().compile().expect(&case.name);
        for node in value.nodes() {
            match node.op {
                Op::Unary(op) => drop(unary.insert(op)),
                Op::Binary(op) => drop(binary.insert(op)),
                _ => {}
            }
            ops.insert(node.op.name());
        }
        let slope = (y * y).sum(..).grad(&xs)[0];
        let gradient =
            Program::builder(&graph).output("g", slope).without_rewriting().compile().expect(&case.name);
        ops.extend(gradient.nodes().iter().map(|n| n.op.name()));
    }
    for row in UNARY.iter().filter(|row| row.derivative.is_some()) {
        assert!(unary.contains(&row.op), "{} has no case", row.name);
    }
    for row in BINARY.iter().filter(|row| row.derivative.is_some()) {
        assert!(binary.contains(&row.op), "{} has no case", row.name);
    }
    let families = Reduce::ALL.iter().map(|kind| kind.name()).chain(NAMES.iter().copied());
    for name in families.filter(|name| !WITHOUT_DERIVATIVE.contains(name)) {
        assert!(ops.contains(name), "{name} has no case");
    }
}

/// The operations that pass no derivative on, or are resolved before a program is closed.
const WITHOUT_DERIVATIVE: &[&str] = &[
    "input",
    "parameter",
    "constant",
    "literal",
    "extent",
    "step",
    "iota",
    "random",
    "argmax",
    "argmin",
    "argsort",
    "stop_gradient",
    "variable",
    "with_gradient",
    "grad",
    "poison",
];
