//! The LaTeX of formulas of textbooks and of their derivations is read back, and means what it was printed from.
#![allow(clippy::unwrap_used)]

mod textbook;

use dl_cli::formula::Formula;
use dl_core::derive::Derivation;
use dl_core::interp::evaluate;
use dl_core::nn::Sgd;
use dl_core::print::{LatexError, read_latex};
use dl_core::{DType, Dim, Dims, F64, Graph, Program, Shape, Tensor};
use textbook::{HARMED, HEALTHY, MORE};

/// What the issue's readers know best, besides the formulas of textbooks.
const LESSONS: [(&str, &str, &[&str]); 3] = [
    ("logistic regression", "mean(log(1 + exp(-y * (X @ w)))) + λ*sum(w^2)", &["X: [B, N]", "y: [B]"]),
    ("softmax regression", "mean(cross_entropy(X @ W + b, y)) + λ*sum(W^2)", &["X: [B, 4]", "W: [4, 3]"]),
    (
        "perceptron",
        "h = relu(X @ W1 + b1); mean(cross_entropy(h @ W2 + b2, y)) + λ*(sum(W1^2) + sum(W2^2))",
        &["X: [B, 5]", "W1: [5, 4]", "W2: [4, 3]"],
    ),
];

/// Each formula with the programs of its written form and of all lines of its derivation, and their texts.
fn programs() -> Vec<(String, Program, String, Shape)> {
    let textbook =
        HARMED.iter().chain(&HEALTHY).chain(&MORE).map(|(name, text)| (*name, *text, [].as_slice()));
    let mut all = vec![];
    for (name, text, shapes) in textbook.chain(LESSONS) {
        let formula = Formula::parse(text, shapes).unwrap();
        let graph = Graph::new();
        let objective = formula.objective(&graph, F64).unwrap();
        let decls = graph.input_decls();
        let shape = |v: &str| decls.iter().find(|d| *d.name == *v).unwrap().shape.clone();
        let wrt: Vec<_> = formula.variables().map(|v| graph.input(v, F64, shape(v))).collect();
        let written = Program::builder(&graph).output("J", objective).without_rewriting().compile().unwrap();
        let text = written.latex();
        all.push((format!("{name}, as it is written"), written, text, Shape::scalar()));
        let derivation = Derivation::of(objective, &wrt).unwrap().with_updates(&Sgd::new(0.1)).unwrap();
        for line in derivation.lines() {
            let (program, shape) = (line.program().clone(), line.shape().clone());
            all.push((format!("{name}, {}", line.name()), program, line.latex(), shape));
        }
    }
    all
}

/// A graph with nothing but what a program declares.
fn sheet(program: &Program) -> Graph {
    let graph = Graph::new();
    for decl in program.inputs() {
        graph.input(&decl.name, decl.dtype, &decl.shape);
    }
    for decl in program.parameters() {
        graph.parameter(&decl.name, decl.dtype, &decl.shape, dl_core::Init::Zeros);
    }
    graph
}

fn read(program: &Program, text: &str, shape: &Shape) -> Result<Program, LatexError> {
    let graph = sheet(program);
    let value = read_latex(&graph, text, Some(shape))?.last().unwrap().value;
    graph.check().unwrap();
    Ok(Program::builder(&graph).output("value", value).without_rewriting().compile().unwrap())
}

/// Values of a program at the point of a seed.
fn run(program: &Program, seed: usize) -> Result<Vec<f64>, String> {
    let mut dims = Dims::new();
    let shapes =
        program.inputs().iter().map(|d| &d.shape).chain(program.parameters().iter().map(|d| &d.shape));
    let names: Vec<_> = shapes.flat_map(|s| s.iter()).flat_map(Dim::names).collect();
    for (i, name) in names.iter().enumerate() {
        dims = if dims.get(name).is_none() { dims.with(name, 2 + (i + seed) % 3) } else { dims };
    }
    let value = |name: &str, dtype: DType, shape: &Shape| {
        let shape = shape.eval(&dims).unwrap();
        let start: usize = name.bytes().map(usize::from).sum();
        let at = |i: usize| match dtype {
            DType::I64 => ((i + seed) % 2) as f64,
            _ => {
                ((i * 37 + start * 61 + seed * 17 + 11) % 101) as f64 / 40.0
                    - if seed.is_multiple_of(2) { 0.0 } else { 1.2 }
                    + 0.003
            }
        };
        let all: Vec<f64> = (0..shape.iter().product()).map(at).collect();
        Tensor::from_f64(dtype, &*shape, &all).unwrap()
    };
    let inputs: Vec<_> =
        program.inputs().iter().map(|d| (d.name.to_string(), value(&d.name, d.dtype, &d.shape))).collect();
    let inputs: Vec<_> = inputs.iter().map(|(name, value)| (&**name, value.view())).collect();
    let parameters: Vec<_> =
        program.parameters().iter().map(|d| (d.name.clone(), value(&d.name, d.dtype, &d.shape))).collect();
    let found = evaluate(program, &inputs, &parameters, 0, 0).map_err(|e| e.to_string())?;
    let output = program.outputs().first().map(|o| found.output(&o.name).unwrap().to_f64());
    Ok(output.unwrap_or_else(|| found.updates[0].1.to_f64()))
}

#[test]
fn what_is_printed_is_read_and_means_the_same() {
    let all = programs();
    // Some lines say which function made their values, and are read all the same.
    assert!(all.iter().any(|(_, _, text, _)| text.contains(r"= \operatorname{cross\_entropy}\left(z")));
    let mut bad = vec![];
    for (name, program, text, shape) in &all {
        let again = match read(program, text, shape) {
            Ok(again) => again,
            Err(e) => {
                bad.push(format!("{name}: {e}\n{text}"));
                continue;
            }
        };
        for seed in 0..4 {
            let (want, got) = (run(program, seed), run(&again, seed));
            let same = |(a, b): (&f64, &f64)| {
                (a - b).abs() <= 1e-12 * (1.0 + a.abs()) || a == b || a.is_nan() && b.is_nan()
            };
            let (Ok(want), Ok(got)) = (&want, &got) else {
                bad.push(format!("{name}, point {seed}: {want:?}, read {got:?}\n{text}"));
                continue;
            };
            if want.len() != got.len() || !want.iter().zip(got).all(same) {
                bad.push(format!("{name}, point {seed}: {want:?} is read as {got:?}\n{text}"));
            }
        }
    }
    assert!(bad.is_empty(), "{} of {} fail:\n{}", bad.len(), all.len(), bad.join("\n"));
}

/// Each text with a character changed, left out or cut after it.
#[test]
fn what_is_damaged_is_read_or_refused() {
    for (name, program, text, shape) in &programs() {
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        // Up to so many places of each, others of each.
        let step = places.len() / 40 + 1;
        for (turn, at) in places.iter().copied().enumerate().skip(name.len() % step).step_by(step) {
            let (before, after) = text.split_at(at);
            let rest: String = after.chars().skip(1).collect();
            let sign = ["{", "}", "_", "^", "x", "0", "\\", " ", ",", "9", "-", "ß"][turn % 12];
            for damaged in [format!("{before}{rest}"), format!("{before}{sign}{rest}"), before.to_owned()] {
                let graph = sheet(program);
                if let Err(e) = read_latex(&graph, &damaged, Some(shape)) {
                    assert!(damaged.is_char_boundary(e.at()), "{name}: {e}\n{damaged}");
                }
                graph.check().unwrap();
            }
        }
    }
}
