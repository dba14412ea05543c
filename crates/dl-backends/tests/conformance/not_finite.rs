//! A checking session finds numbers that are not finite, and where they began: on every executor, before any
//! parameter changes. What is infinite on purpose and leaves no trace is no mistake.

use dl_backends::Session;
use dl_core::nn::{self, Sgd};
use dl_core::{Expr, F32, Graph, I64, Init, Named, Plan, Program, Tensor};

use crate::executors::executors;

const B: Named = Named("B");
const INF: f32 = f32::INFINITY;

fn rows(v: &[f32]) -> Tensor {
    Tensor::new([v.len() / 2, 2], v.to_vec()).expect("two a row")
}

/// `y`, and an update by its gradient, where there is one.
fn step(build: impl for<'g> Fn(Expr<'g>, Expr<'g>) -> Expr<'g>) -> Program {
    let g = Graph::new();
    let (x, w) = (g.input("x", F32, (B, 2)), g.parameter("w", F32, [2], Init::Constant(1.0)));
    let y = build(x, w);
    let j = y.sum(..);
    Program::builder(&g)
        .output("y", y)
        .update(w, w - 0.5 * j.grad(&[w])[0])
        .compile()
        .expect("it is well formed")
}

/// The error of the step at `bad`, after one at `good`; parameters are as between them.
#[track_caller]
fn check(program: &Program, good: &[f32], bad: &[f32], want: &[&str]) {
    for executor in executors() {
        let name = executor.name();
        let mut session = Session::boxed(executor, 7).checking(true);
        let handle = session.compile(program).expect("it can be compiled");
        session.run(&handle, &[rows(good).view()]).unwrap_or_else(|e| panic!("{name}: {e}"));
        let before = session.weights().expect("the device answers");
        let error =
            session.run(&handle, &[rows(bad).view()]).err().unwrap_or_else(|| panic!("{name}")).to_string();
        for part in want.iter().chain(&["not_finite.rs:"]) {
            assert!(error.contains(part), "{name}: {part:?} is not in {error:?}");
        }
        assert_eq!(session.weights().expect("the device answers"), before, "{name}");
        assert_eq!(session.step(), 1, "{name}");
        session.run(&handle, &[rows(good).view()]).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}

/// The loss is finite, and the new parameters are no numbers: nobody saw it before.
#[test]
fn an_infinite_input_is_found_before_anything_runs() {
    let program = step(|x, w| 1.0 - (-(x * w).square()).exp());
    let bad = [0.5, -INF, 1.0, 2.0];
    let want = "input x is not finite: f32 [2, 2] with 1 -∞; 3 finite from 0.5 to 2.0, mean 1.16667";
    check(&program, &[0.0, 0.5, 1.0, 2.0], &bad, &[want]);
    for executor in executors() {
        let mut session = Session::boxed(executor, 7);
        let handle = session.compile(&program).expect("it can be compiled");
        let y =
            session.run(&handle, &[rows(&bad).view()]).expect("nobody looks").read("y").expect("an output");
        assert!(y.view().is_finite());
        assert!(!session.get("w").expect("there is one").view().is_finite());
    }
}

#[test]
fn the_first_value_is_named_with_line_formula_and_statistics() {
    let line = line!() + 3;
    let program = step(|x, w| {
        let z = (x * w).named("z");
        let h = (z * z).exp().named("h");
        1.0 - 1.0 / (h + h)
    });
    check(
        &program,
        &[0.0, 0.5, 1.0, 2.0],
        &[0.0, 100.0, 3.0, 2.0],
        &[
            &format!(
                "not_finite.rs:{line}: h = exp(z²) is not finite: f32 [2, 2] with 1 ∞; 3 finite from 1.0 to"
            ),
            "; computed from z²: f32 [2, 2] from 0.0 to",
        ],
    );
}

#[test]
fn what_the_author_masks_is_no_mistake() {
    // Scores of which some do not count, and whose gradient is zero there.
    let masked = step(|x, w| {
        let scores = (x * w).select_below(x, f64::NEG_INFINITY);
        scores.softmax(1).square().sum(1)
    });
    check_passes(&masked, &[0.5, 2.0, 0.25, 3.0]);
    // The logarithm of nothing, which a select does not take.
    let taken = step(|x, w| (x * w).gt(0.0).select((x * w).log(), x * 0.0));
    check_passes(&taken, &[0.0, 2.0, -1.0, 0.0]);
    // The maximum of no elements.
    let empty = step(|x, w| x * w + (x.slice(1, 0, 0).max(1).exp()).unsqueeze(1));
    check_passes(&empty, &[0.0, 2.0, -1.0, 0.0]);
}

trait SelectBelow<'g> {
    fn select_below(self, x: Expr<'g>, otherwise: f64) -> Expr<'g>;
}

impl<'g> SelectBelow<'g> for Expr<'g> {
    /// Itself where `x` is below one.
    fn select_below(self, x: Expr<'g>, otherwise: f64) -> Expr<'g> {
        x.lt(1.0).select(self, otherwise)
    }
}

#[track_caller]
fn check_passes(program: &Program, x: &[f32]) {
    for executor in executors() {
        let name = executor.name();
        let mut session = Session::boxed(executor, 7).checking(true);
        let handle = session.compile(program).expect("it can be compiled");
        let outputs = session.run(&handle, &[rows(x).view()]).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(outputs.read("y").expect("an output").view().is_finite(), "{name}");
    }
}

/// A softmax that does not think of rows in which nothing counts.
fn naive_softmax(x: Expr<'_>) -> Expr<'_> {
    let weights = (x - x.max(1).unsqueeze(1)).exp();
    weights / weights.sum(1).unsqueeze(1)
}

/// All scores of a row are masked: the mask is meant, the softmax of nothing is not.
#[test]
fn infinities_that_are_meant_are_passed_over() {
    let g = Graph::new();
    let (x, w) = (g.input("x", F32, (B, 2)), g.parameter("w", F32, [2], Init::Constant(1.0)));
    let y = naive_softmax((x * w).select_below(x, f64::NEG_INFINITY));
    let program =
        Program::builder(&g).output("y", y).without_rewriting().compile().expect("it is well formed");
    for executor in executors() {
        let name = executor.name();
        let mut session = Session::boxed(executor, 7).checking(true);
        let handle = session.compile(&program).expect("it can be compiled");
        let error = session.run(&handle, &[rows(&[2.0, 3.0]).view()]).err().expect("it is NaN").to_string();
        assert!(error.contains("2 NaN") && error.contains("2 -∞"), "{name}: {error}");
    }
}

#[test]
fn an_input_may_be_declared_to_hold_infinities() {
    let g = Graph::new();
    let (x, mask) = (g.input("x", F32, (B, 2)), g.input("mask", F32, (B, 2)));
    let w = g.parameter("w", F32, [2], Init::Constant(1.0));
    let y = naive_softmax(x * w + mask).square().sum(1);
    let j = y.sum(..);
    let program = Program::builder(&g).output("y", y).update(w, w - 0.5 * j.grad(&[w])[0]);
    let program = program.without_rewriting().compile().expect("it is well formed");
    let x = rows(&[0.5, 2.0, 0.25, 3.0]);
    for executor in executors() {
        let name = executor.name();
        let mut session = Session::boxed(executor, 7).checking(true).with_infinite("mask");
        let handle = session.compile(&program).expect("it can be compiled");
        let mut run = |x: &Tensor, mask: &[f32]| {
            session.run(&handle, &[x.view(), rows(mask).view()]).map(drop).map_err(|e| e.to_string())
        };
        assert_eq!(run(&x, &[0.0, -INF, 0.0, 0.0]), Ok(()), "{name}");
        let error = run(&x, &[0.0, f32::NAN, -INF, 0.0]).expect_err("NaN masks nothing");
        assert!(error.contains("input mask is not finite: f32 [2, 2] with 1 NaN, 1 -∞;"), "{name}: {error}");
        let error =
            run(&rows(&[INF, 0.0, 0.0, 0.0]), &[0.0, -INF, 0.0, 0.0]).expect_err("x has to be finite");
        assert!(error.contains("input x is not finite"), "{name}: {error}");
        let error = run(&x, &[0.0, 0.0, -INF, -INF]).expect_err("nothing is left of the second row");
        assert!(error.contains("2 NaN") && !error.contains("input mask"), "{name}: {error}");
    }
}

/// A sign or a bound hides that a gradient is infinite: outputs and new parameters do not show it.
#[test]
fn gradients_are_looked_at_where_updates_hide_them() {
    let hide: [for<'g> fn(Expr<'g>) -> Expr<'g>; 2] =
        [|gradient| gradient.sign(), |gradient| gradient.clip(-1.0, 1.0)];
    for hide in hide {
        let g = Graph::new();
        let w = g.parameter("w", F32, [2], Init::Zeros);
        let x = g.input("x", F32, (B, 2));
        let j = ((w + x.sum(0)).sqrt()).sum(..);
        let gradient = j.grad(&[w])[0];
        let program =
            Program::builder(&g).derive("∂J/∂w", gradient).output("J", j).update(w, w - 0.0 * hide(gradient));
        let program = program.without_rewriting().compile().expect("it is well formed");
        check(&program, &[1.0, 1.0], &[0.0, 1.0], &["is not finite: f32 [2] with 1 ∞; 1 finite"]);
    }
}

#[test]
fn parameters_that_leave_the_range_are_found() {
    let g = Graph::new();
    let (x, w) = (g.input("x", F32, (B, 2)), g.parameter("w", F32, [2], Init::Constant(1.0)));
    let program = Program::builder(&g).output("x", x.sum(..)).update(w, w + 3e38 * x.sum(0));
    let program = program.compile().expect("it is well formed");
    check(&program, &[0.5, 0.5], &[0.5, 1.0], &["is not finite: f32 [2] with 1 ∞; 1 finite"]);
    // What somebody has set is found as well, and named.
    for executor in executors() {
        let mut session = Session::boxed(executor, 7).checking(true);
        let handle = session.compile(&program).expect("it can be compiled");
        session.set("w", &Tensor::vector(vec![f32::NAN, 1.0])).expect("it fits");
        let error = session.run(&handle, &[rows(&[0.0, 0.0]).view()]).err().expect("it is NaN").to_string();
        assert!(error.contains("parameter w is not finite: f32 [2] with 1 NaN; 1 finite"), "{error}");
    }
}

/// There are no formulas: the end of the story is told.
#[test]
fn plans_are_checked_too() {
    let program = step(|x, w| (x * w).exp());
    for executor in executors() {
        let name = executor.name();
        let mut session = Session::boxed(executor, 7).checking(true);
        let handle = session.load_plan(Plan::new(&program)).expect("it can be loaded");
        let mut run =
            |x: &[f32]| session.run(&handle, &[rows(x).view()]).map(drop).map_err(|e| e.to_string());
        assert_eq!(run(&[0.0, 1.0]), Ok(()), "{name}");
        let error = run(&[0.0, -5000.0]).expect_err("it is too large");
        assert!(
            error.contains("not_finite.rs:") && error.contains("output y is not finite: f32 [1, 2] with 1 ∞"),
            "{error}"
        );
        let error = run(&[0.0, INF]).expect_err("it is infinite");
        assert!(error.contains("input x is not finite"), "{name}: {error}");
        let before = session.weights().expect("the device answers");
        assert!(before[0].1.view().is_finite(), "{name}");
    }
}

/// What is looked at is not shown: outputs are the program's.
#[test]
fn checking_changes_neither_outputs_nor_results() {
    let g = Graph::new();
    let (x, y) = (g.input("x", F32, (B, 2)), g.input("y", I64, B));
    let logits = nn::dense(x.assume(dl_core::Fact::Finite), "fc", 3);
    let shares = logits.softmax(1).assume(dl_core::Fact::Distribution);
    let j = (-shares.log().pick(y)).mean(..);
    let program = j.named("J").minimize(Sgd::new(0.1)).expect("it is sound");
    let (x, y) = (rows(&[0.5, 1.0, -1.0, 2.0, 0.0, 0.25]), Tensor::vector(vec![0i64, 2, 1]));
    for (plain, checked) in executors().into_iter().zip(executors()) {
        let name = plain.name();
        let mut results = vec![];
        for (executor, checking) in [(plain, false), (checked, true)] {
            let mut session = Session::boxed(executor, 7).checking(checking);
            let handle = session.compile(&program).expect("it can be compiled");
            for _ in 0..3 {
                let outputs =
                    session.run(&handle, &[x.view(), y.view()]).unwrap_or_else(|e| panic!("{name}: {e}"));
                assert!(outputs.read("J").is_ok() && outputs.read_at(1).is_err(), "{name}");
                results.push(outputs.read("J").expect("an output").to_f64());
            }
            assert_eq!(handle.plan().outputs().len(), 1, "{name}");
            results.push(
                session.weights().expect("the device answers").iter().flat_map(|(_, w)| w.to_f64()).collect(),
            );
        }
        let (plain, checked) = results.split_at(4);
        for (a, b) in plain.iter().flatten().zip(checked.iter().flatten()) {
            assert!((a - b).abs() < 1e-6, "{name}: {a} is not {b}");
        }
    }
}
