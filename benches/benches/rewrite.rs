//! How the cost of compiling grows with the graph: naive formulas of up to 100,000 nodes.
//!
//! Criterion's `elem/s` are nodes that the author wrote, so it should stay the same down each curve.

#![allow(missing_docs, reason = "criterion's macros make public items without any")]

use criterion::{BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use dl_core::nn::{self, Sgd};
use dl_core::{Expr, F32, Graph, I64, Init, Named, Plan, Program};

const SIZES: [usize; 4] = [100, 1_000, 10_000, 100_000];
const WIDTH: usize = 8;

/// Spellings that the tables know, in turn.
fn naive(x: Expr<'_>, turn: usize) -> Expr<'_> {
    match turn % 4 {
        0 => (1.0 + x.exp()).log(),
        1 => (x * x).sqrt(),
        2 => (1.0 + x).log() * 0.5,
        _ => x.exp() / (1.0 + x.exp()),
    }
}

/// `f₁(f₂(… x))`: rewritten only.
fn chain(nodes: usize) -> Program {
    let g = Graph::new();
    let x = g.input("x", F32, [WIDTH]);
    let y = grown(&g, nodes, x, naive);
    Program::builder(&g).output("y", y).compile().expect("the chain is well formed")
}

/// The training step of `Σ f₁(f₂(… x))`.
fn chain_step(nodes: usize) -> Program {
    let g = Graph::new();
    let x = g.parameter("x", F32, [WIDTH], Init::Zeros);
    step(grown(&g, nodes, x, naive).sum(..))
}

/// The training step of `Σ f₁(c₁·x) + f₂(c₂·x) + …`.
fn sum_step(nodes: usize) -> Program {
    let g = Graph::new();
    let x = g.parameter("x", F32, [WIDTH], Init::Zeros);
    step(grown(&g, nodes, x, |sum, i| sum + naive((i as f64 + 1.5) * x, i)).sum(..))
}

/// The training step of a perceptron of many layers, with cross entropy and an L2 term.
fn perceptron_step(nodes: usize) -> Program {
    let g = Graph::new();
    let x = g.input("x", F32, (Named("B"), WIDTH));
    let logits = grown(&g, nodes, x, |h, i| nn::dense(h, &format!("fc{i}"), WIDTH).relu());
    let loss = nn::cross_entropy(logits, g.input("y", I64, Named("B"))).mean(..);
    step(loss + 1e-4 * nn::l2(g.parameters().matching("*.weight")))
}

/// `grow` of `grow` of … `x`, until the graph has so many nodes.
fn grown<'g>(g: &Graph, nodes: usize, x: Expr<'g>, grow: impl Fn(Expr<'g>, usize) -> Expr<'g>) -> Expr<'g> {
    let (mut y, mut turn) = (x, 0);
    while g.len() < nodes {
        y = grow(y, turn);
        turn += 1;
    }
    y
}

fn step(objective: Expr<'_>) -> Program {
    objective.minimize(Sgd::new(0.1)).expect("the step is well formed")
}

fn curves(c: &mut Criterion) {
    curve(c, "chain", chain);
    curve(c, "chain, whole step", chain_step);
    curve(c, "sum of many terms, whole step", sum_step);
    curve(c, "deep perceptron, whole step", perceptron_step);
}

/// From the graph's first node to the plan.
fn curve(c: &mut Criterion, name: &str, build: fn(usize) -> Program) {
    let mut group = c.benchmark_group(name);
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for nodes in SIZES {
        group.throughput(Throughput::Elements(nodes as u64));
        group.bench_function(BenchmarkId::from_parameter(nodes), |b| {
            b.iter(|| Plan::new(&build(nodes)));
        });
    }
    group.finish();
}

criterion_group!(benches, curves);
criterion_main!(benches);
