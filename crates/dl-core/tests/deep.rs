//! Deep formulas need memory, not stack: every pass, the interpreter, files and printing.
#![allow(clippy::unwrap_used)] // a test may

use std::thread;

use dl_core::interp::evaluate;
use dl_core::nn::Sgd;
use dl_core::{F64, Graph, Init, Plan, Program, Tensor};

/// Deep enough for a small stack: a frame of even 50 bytes for each operation does not fit.
const DEPTH: usize = 10_000;
const STACK: usize = 256 << 10;

/// The training step of naive softplus functions inside each other.
fn nested() -> Program {
    let g = Graph::new();
    let x = g.parameter("x", F64, [2], Init::Zeros);
    let y = (0..DEPTH).fold(x, |y, _| (1.0 + (-y).exp()).log().sin());
    y.sum(..).named("J").minimize(Sgd::new(0.1)).unwrap()
}

fn on_a_small_stack<R: Send + 'static>(test: impl FnOnce() -> R + Send + 'static) -> R {
    thread::Builder::new().stack_size(STACK).spawn(test).unwrap().join().unwrap()
}

#[test]
fn deep_formulas_are_compiled_stored_and_run() {
    on_a_small_stack(|| {
        let step = nested();
        assert!(step.nodes().len() >= 2 * DEPTH);
        let plan = Plan::new(&step);
        assert_eq!(Plan::from_json(&plan.to_json().unwrap()).unwrap(), plan);
        let read = Program::from_json(&step.to_json().unwrap()).unwrap();
        let out = evaluate(&read, &[], &[("x".into(), Tensor::vector(vec![0.0, 1.0]))], 0, 0).unwrap();
        assert!(out.output("J").unwrap().item().unwrap().is_finite());
    });
}

#[test]
fn deep_formulas_are_printed() {
    on_a_small_stack(|| {
        let step = nested();
        let g = step.to_graph();
        let root = step.expr(&g, step.outputs()[0].node);
        for text in [root.to_string(), step.math(), step.latex(), step.listing(), step.graphviz()] {
            assert!(!text.is_empty());
        }
    });
}

#[test]
fn repeated_squares_are_compiled_without_being_multiplied_out() {
    let g = Graph::new();
    let x = g.input("x", F64, [2]);
    let power = (0..40).fold(x, |y, _| (y * y).sigmoid() - (y * y) * (y * y));
    let gradient = power.sum(..).grad(&[x]).remove(0);
    let program = Program::builder(&g).output("d", gradient).compile().unwrap();
    assert!(program.nodes().len() < 2000);
}
