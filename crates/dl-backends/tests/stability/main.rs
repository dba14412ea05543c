//! Formulas as textbooks write them, in value and in gradient, on every executor, against hundreds of digits.
//!
//! The classes and the judge are those of `dl-core`'s tests; here compiled programs run on executors.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test may do both

#[path = "../../../dl-core/tests/precision/mod.rs"]
mod precision;

#[path = "../../../dl-core/tests/stability/class.rs"]
mod class;
#[path = "../../../dl-core/tests/stability/judge.rs"]
#[allow(dead_code)] // runners of its own are for `dl-core`
mod judge;
#[path = "../../../dl-core/tests/stability/limits.rs"]
mod limits;

#[path = "../../../dl-core/tests/stability/exponentials.rs"]
mod exponentials;
#[path = "../../../dl-core/tests/stability/likelihood.rs"]
mod likelihood;
#[path = "../../../dl-core/tests/stability/logistic.rs"]
mod logistic;
#[path = "../../../dl-core/tests/stability/norms.rs"]
mod norms;
#[path = "../../../dl-core/tests/stability/rows.rs"]
mod rows;
#[path = "../../../dl-core/tests/stability/statistics.rs"]
mod statistics;

use dl_backends::{Executor, Session};
use dl_core::{DType, F32, F64, Program, TensorRef};

use crate::judge::{Run, Runner};

/// Errors in units of the last place times the condition that are allowed: 2e-6 in single precision.
/// Kernels are off by four units each (the conformance suite's table), and formulas have several.
const LIMIT: f64 = 16.0;

/// Every executor that is compiled in, in both types that it has.
fn runners() -> Vec<Runner> {
    let runner = |name, dtype: DType, prepare| Runner { name, dtype, limit: LIMIT, prepare };
    let mut runners = vec![];
    for dtype in [F64, F32] {
        runners.extend([
            #[cfg(feature = "cpu")]
            runner("cpu", dtype, |p: &Program| on(dl_backends::Cpu::with_threads(1), p)),
            #[cfg(feature = "ndarray")]
            runner("ndarray", dtype, |p: &Program| on(dl_backends::Ndarray::default(), p)),
            #[cfg(feature = "flex")]
            runner("flex", dtype, |p: &Program| on(dl_backends::Flex::default(), p)),
        ]);
    }
    runners
}

fn on(executor: impl Executor + 'static, program: &Program) -> Run {
    let program = program.clone();
    let mut session = Session::new(executor, 0);
    let handle = session.compile(&program).expect("executors run every program");
    Box::new(move |point| {
        let used = |name: &str| program.inputs().iter().any(|d| *d.name == *name);
        let views: Vec<(&str, TensorRef<'_>)> =
            point.iter().filter(|(n, _)| used(n)).map(|(n, t)| (*n, t.view())).collect();
        let run = session.run_named(&handle, &views).expect("inputs fit");
        program.outputs().iter().map(|o| run.read(&o.name).expect("it is an output").to_f64()).collect()
    })
}

#[test]
fn logistic_functions_and_their_logarithms() {
    judge::all(logistic::CLASSES, &runners());
}

#[test]
fn differences_from_one_and_sums_of_exponentials() {
    judge::all(exponentials::CLASSES, &runners());
}

#[test]
fn sums_of_exponentials_along_axes() {
    judge::all(rows::CLASSES, &runners());
}

#[test]
fn losses_from_probabilities() {
    judge::all(likelihood::CLASSES, &runners());
}

#[test]
fn norms_and_roots() {
    judge::all(norms::CLASSES, &runners());
}

#[test]
fn variances_and_products() {
    judge::all(statistics::CLASSES, &runners());
}
