//! How long the compiler takes for the tutorial's training step, pass by pass.

#![allow(missing_docs, reason = "criterion's macros make public items without any")]

use criterion::{Criterion, criterion_group, criterion_main};
use dl_core::{Graph, Plan, Program};
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

criterion_group!(benches, compile);
criterion_main!(benches);
