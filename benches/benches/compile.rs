//! How long the compiler takes: for the tutorial's training step, pass by pass, and for an LSTM over many
//! steps, as a scan and written out.

#![allow(missing_docs, reason = "criterion's macros make public items without any")]

use criterion::{Criterion, criterion_group, criterion_main};
use dl_core::nn::{self, Init, Sgd};
use dl_core::{Expr, F32, Graph, Named, Plan, Program};
use dl_examples::perceptron::{Perceptron, Recipe};

fn training_step() -> Program {
    Perceptron::MNIST.train(&Recipe::TUTORIAL).expect("the tutorial's program is well formed")
}

fn compile(c: &mut Criterion) {
    let mut group = c.benchmark_group("compile");
    group.bench_function("graph to program", |b| b.iter(training_step));
    let program = training_step();
    group.bench_function("program to graph", |b| b.iter(|| -> Graph { program.to_graph() }));
    group.bench_function("program to plan", |b| b.iter(|| Plan::new(&program)));
    let text = program.to_json().expect("a program becomes JSON");
    group.bench_function("program from a file", |b| b.iter(|| Program::from_json(&text)));
    group.finish();
}

/// The steps of the recurrence, and its units.
const STEPS: usize = 1000;
const UNITS: usize = 16;

/// A training step of an LSTM whose last state is to be small.
fn recurrence(last: impl for<'g> Fn(Expr<'g>) -> Expr<'g>) -> Program {
    let g = Graph::new();
    let x = g.input("x", F32, (Named("B"), STEPS, UNITS));
    last(x).square().mean(..).minimize(Sgd::new(0.1)).expect("it is well formed")
}

fn scanned(x: Expr<'_>) -> Expr<'_> {
    let all = nn::lstm(x, "lstm", UNITS);
    all.slice(1, STEPS - 1, STEPS).reshape((Named("B"), UNITS))
}

/// The same formula, step after step.
fn unrolled(x: Expr<'_>) -> Expr<'_> {
    let g = x.graph();
    let parameter = |name: &str| g.parameter(name, F32, [UNITS, 4 * UNITS], Init::Zeros);
    let (w, u) = (parameter("w"), parameter("u"));
    let b = g.parameter("b", F32, [4 * UNITS], Init::Zeros);
    let from_inputs = x.dot(w) + b;
    let zeros = g.full(F32, (Named("B"), UNITS), 0.0);
    let (mut h, mut c) = (zeros, zeros);
    for t in 0..STEPS {
        let z = from_inputs.slice(1, t, t + 1).reshape((Named("B"), 4 * UNITS)) + h.dot(u);
        let gate = |k: usize| z.slice(1, k * UNITS, (k + 1) * UNITS);
        c = gate(1).sigmoid() * c + gate(0).sigmoid() * gate(2).tanh();
        h = gate(3).sigmoid() * c.tanh();
    }
    h
}

fn recurrences(c: &mut Criterion) {
    let mut group = c.benchmark_group("compile an LSTM of 1,000 steps");
    group.sample_size(10);
    group.bench_function("scanned", |b| b.iter(|| Plan::new(&recurrence(scanned))));
    group.bench_function("unrolled", |b| b.iter(|| Plan::new(&recurrence(unrolled))));
    group.finish();
}

criterion_group!(benches, compile, recurrences);
criterion_main!(benches);
