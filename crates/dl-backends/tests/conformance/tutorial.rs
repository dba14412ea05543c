//! The tutorial's scalar programs, end to end on every executor.

use dl_backends::Session;
use dl_core::{DType, F32, F64, Graph, Init, Program};

use crate::executors::executors;

/// A hundred steps of gradient descent on `(θ-3)² + λθ²` from 0.
fn check(lambda: f64, minimum: f64) {
    for dtype in [F32, F64] {
        for executor in executors().into_iter().filter(|e| e.supports(dtype)) {
            let name = executor.name();
            let got = descend(Session::boxed(executor, 7), dtype, lambda).expect("it runs");
            let tolerance = if dtype == F32 { 1e-6 } else { 1e-9 };
            assert!((got - minimum).abs() < tolerance, "{got} instead of {minimum} in {dtype} on {name}");
        }
    }
}

fn descend(mut session: Session, dtype: DType, lambda: f64) -> Result<f64, Box<dyn std::error::Error>> {
    let g = Graph::new();
    let theta = g.parameter("θ", dtype, (), Init::Zeros);
    let fit = (theta - 3.0) * (theta - 3.0);
    let objective = if lambda == 0.0 { fit } else { fit + lambda * (theta * theta) };
    let step = theta - 0.1 * objective.grad(&[theta])[0];
    let program = Program::builder(&g).output("J", objective).update(theta, step).compile()?;
    let handle = session.compile(&program)?;
    let mut before = f64::INFINITY;
    for _ in 0..100 {
        let objective = session.run(&handle, &[])?.read("J")?.item()?;
        assert!(objective <= before + 1e-6, "the objective rises from {before} to {objective}");
        before = objective;
    }
    Ok(session.get("θ")?.item()?)
}

#[test]
fn gradient_descent_finds_the_minimum() {
    check(0.0, 3.0);
}

#[test]
fn the_regularizer_pulls_it_towards_zero() {
    check(0.01, 2.970_297_029_702_97);
}
