//! Running cases: each in both float types on every executor, against the interpreter.

use dl_backends::{Executor, Session};
use dl_core::interp::evaluate_at;
use dl_core::{DType, F32, F64, Graph, Name, Tensor};

use crate::executors::executors;
use crate::fidelity::{Row, promised};
use crate::scene::{Ready, Scene};

/// The seed of every session here.
const SEED: u64 = 7;

/// A program to be run everywhere.
pub(crate) struct Case {
    /// What it is about, for messages.
    pub name: String,
    /// The row of the fidelity table that it is judged by.
    pub op: &'static str,
    build: Box<dyn for<'g> Fn(&Scene<'g>)>,
}

/// A case judged by the row of `op`.
pub(crate) fn case(
    op: &'static str,
    name: impl Into<String>,
    build: impl for<'g> Fn(&Scene<'g>) + 'static,
) -> Case {
    Case { name: format!("{op}: {}", name.into()), op, build: Box::new(build) }
}

impl Case {
    /// The case's program and values in one float type.
    pub(crate) fn ready(&self, float: DType) -> Ready {
        let graph = Graph::new();
        let scene = Scene::new(&graph, float);
        (self.build)(&scene);
        scene.ready().unwrap_or_else(|e| panic!("{} in {float}: {e}", self.name))
    }
}

/// Runs all cases; fails with the list of everything that differs.
pub(crate) fn check(cases: &[Case]) {
    let mut failures = vec![];
    for case in cases {
        for float in [F32, F64] {
            let ready = case.ready(float);
            for executor in executors() {
                let who = format!("{} in {float} on {}", case.name, executor.name());
                if !ready.program.nodes().iter().all(|n| executor.supports(n.dtype)) {
                    continue;
                }
                let name = executor.name();
                // A second run finds state of the first that should not be there.
                let found = differences(&ready, executor, promised(case.op), 2).into_iter();
                failures
                    .extend(found.filter(|d| !excused(name, &case.name, d)).map(|d| format!("{who}: {d}")));
            }
        }
    }
    assert!(failures.is_empty(), "{} differences\n{}", failures.len(), failures.join("\n"));
}

/// What a backend may do otherwise: `wgpu` keeps integers in 32 bits and says so where that is not
/// enough; shaders promise nothing for denormals, nor for angles far from zero; `ndarray` has no arrays of
/// more than six axes, and says so.
fn excused(executor: &str, case: &str, difference: &str) -> bool {
    const ROUGH: [&str; 4] =
        ["log: float extreme", "sin: float extreme", "cos: float extreme", "pow: float extreme"];
    match executor {
        "wgpu" => difference.contains("32-bit integers") || ROUGH.contains(&case),
        "ndarray" => difference.contains("arrays of at most 6 axes"),
        _ => false,
    }
}

/// What `executor` computes otherwise than the interpreter, in some steps of a session.
pub(crate) fn differences(
    ready: &Ready,
    executor: Box<dyn Executor>,
    row: &Row,
    steps: usize,
) -> Vec<String> {
    run(ready, executor, row, steps).unwrap_or_else(|e| vec![format!("failed: {e}")])
}

fn run(
    ready: &Ready,
    executor: Box<dyn Executor>,
    row: &Row,
    steps: usize,
) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    let name = executor.name();
    let mut session = Session::boxed(executor, SEED);
    let handle = session.compile(&ready.program)?;
    for (name, value) in &ready.parameters {
        session.set(name, value)?;
    }
    let inputs: Vec<(&str, _)> = ready.inputs.iter().map(|(n, t)| (n.as_str(), t.view())).collect();
    let mut found = vec![];
    for step in 0..steps {
        let parameters = session.weights()?;
        let want = evaluate_at(&ready.program, &inputs, &parameters, session.counters())?;
        let outputs = session.run_named(&handle, &inputs)?;
        for (output, want) in &want.outputs {
            let dtype = declared(ready, output);
            found.extend(
                difference(name, dtype, row, &outputs.read(output)?, want)
                    .map(|d| format!("{output}, run {step}: {d}")),
            );
        }
        for (parameter, want) in &want.updates {
            let got = session.get(parameter)?;
            let dtype = got.dtype();
            found.extend(
                difference(name, dtype, row, &got, want).map(|d| format!("{parameter}, run {step}: {d}")),
            );
        }
    }
    Ok(found)
}

fn declared(ready: &Ready, output: &Name) -> DType {
    let output = ready.program.outputs().iter().find(|o| o.name == *output).expect("the program's own");
    ready.program.nodes()[output.node.index()].dtype
}

/// The first element that differs, if one does.
fn difference(executor: &str, dtype: DType, row: &Row, got: &Tensor, want: &Tensor) -> Option<String> {
    if got.dtype() != dtype || got.shape() != want.shape() {
        return Some(format!("expected {dtype} {:?}, got {} {:?}", want.shape(), got.dtype(), got.shape()));
    }
    if !dtype.is_float() {
        return (got != want).then(|| format!("expected {:?}, got {:?}", want.data(), got.data()));
    }
    let (got, want) = (got.to_f64(), want.to_f64());
    let wrong = (0..got.len()).find(|&i| !row.allows(executor, dtype, got[i], want[i]))?;
    Some(format!("element {wrong} of {}: expected {:e}, got {:e}", got.len(), want[wrong], got[wrong]))
}
