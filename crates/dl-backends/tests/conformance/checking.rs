//! Assumptions that a checking session verifies: on every executor, before any parameter changes.

use dl_backends::Session;
use dl_core::ops::Fact;
use dl_core::{Expr, F32, Graph, Init, Named, Program, Tensor};

use crate::executors::executors;

const B: Named = Named("B");

/// A step that reads `x` through what `build` assumes of it.
fn step(build: impl for<'g> Fn(Expr<'g>) -> Expr<'g>) -> Program {
    let g = Graph::new();
    let (x, w) = (g.input("x", F32, (B, 2)), g.parameter("w", F32, (), Init::Zeros));
    let y = build(x).sum(..);
    Program::builder(&g).output("y", y).update(w, w + 1.0).compile().expect("it is well formed")
}

#[track_caller]
fn check(build: impl for<'g> Fn(Expr<'g>) -> Expr<'g>, good: [f32; 4], bad: [f32; 4], want: &str) {
    let program = step(build);
    let tensor = |v: [f32; 4]| Tensor::new([2, 2], v.to_vec()).expect("four elements");
    for executor in executors() {
        let name = executor.name();
        let mut session = Session::boxed(executor, 7).checking(true);
        let handle = session.compile(&program).expect("it can be compiled");
        session.run(&handle, &[tensor(good).view()]).unwrap_or_else(|e| panic!("{name}: {e}"));
        let error = session.run(&handle, &[tensor(bad).view()]).err().expect("it does not hold").to_string();
        assert!(error.contains("checking.rs:") && error.ends_with(want), "{name}: {error}");
        assert_eq!(session.get("w").expect("there is one").item().expect("a scalar"), 1.0, "{name}");
        assert_eq!(session.step(), 1, "{name}");
    }
    for executor in executors() {
        let mut session = Session::boxed(executor, 7);
        let handle = session.compile(&program).expect("it can be compiled");
        session.run(&handle, &[tensor(bad).view()]).expect("nobody looks");
    }
}

#[test]
fn every_fact_is_verified() {
    let good = [0.25, 0.75, 1.0, 0.0];
    check(
        |x| x.assume(Fact::Distribution).square(),
        good,
        [0.25, 0.75, 0.5, 0.75],
        "x: the value is assumed distribution, but sums to 1.25 along the last axis at [1]",
    );
    check(
        |x| x.assume(Fact::NonNegative).sqrt(),
        good,
        [0.0, 1.0, -2.0, 0.0],
        "x: the value is assumed non_negative, but is -2 at [1, 0]",
    );
    check(
        |x| (x + 1.0).named("shifted").assume(Fact::Positive).log(),
        good,
        [0.0, -1.0, 0.0, 0.0],
        "shifted: the value is assumed positive, but is 0 at [0, 1]",
    );
    check(
        |x| x.assume(Fact::Finite) * 0.0,
        good,
        [0.0, 0.0, 0.0, f32::INFINITY],
        "x: the value is assumed finite, but is inf at [1, 1]",
    );
}

#[test]
fn what_rewriting_used_up_is_verified_too() {
    check(
        |x| x.assume(Fact::Distribution).sum(1),
        [0.5, 0.5, 1.0, 0.0],
        [0.5, 0.5, 1.0, 1.0],
        "x: the value is assumed distribution, but sums to 2 along the last axis at [1]",
    );
}
