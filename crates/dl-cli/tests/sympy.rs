//! SymPy on the formulas of textbooks: its values are those of the plan, its derivatives are ours, to 10⁻¹².
//!
//! It runs where Python has SymPy; `SYMPY_PYTHON` names another Python than `python3`.
#![allow(clippy::unwrap_used)]

mod textbook;

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use dl_cli::formula::Formula;
use dl_cli::sympy::source;
use dl_core::derive::Derivation;
use dl_core::interp::evaluate;
use dl_core::{DType, Dim, Dims, F64, Graph, Program, Tensor};
use textbook::{HARMED, HEALTHY, MORE};

/// Elements of an axis.
const SIZE: usize = 3;

const CHECKS: &str = r"
from sympy import *
from mpmath import mp
mp.dps = 40
def holds(name, symbols, point, J, value, wrt, gradients, ours):
    at = [mp.mpf(x) for x in point]
    exact = lambdify(symbols, [J] + [diff(J, w) for w in wrt], 'mpmath')(*at)
    derived = lambdify(symbols, ours, 'mpmath')(*at)
    for what, want, gots in zip(['J'] + wrt, exact, [[value]] + list(zip(gradients, derived))):
        for got in gots:
            assert abs(got - want) <= 1e-12 * (1 + abs(want)), (name, what, got, want)
    print('holds', name)
";

fn labels(_: &str, count: usize) -> Vec<i64> {
    (0..count as i64).map(|i| i % 2).collect()
}

/// A point at which every formula has a value: all numbers are positive.
fn point(seed: usize, i: usize) -> f64 {
    0.45 + ((i * 37 + seed * 61 + 11) % 101) as f64 / 160.0
}

/// Python that compares one formula.
fn case(place: usize, name: &str, text: &str) -> String {
    let formula = Formula::parse(text, &[]).unwrap();
    let graph = Graph::new();
    let objective = formula.objective(&graph, F64).unwrap();
    let variables: Vec<String> = formula.variables().map(str::to_owned).collect();
    let decls = graph.input_decls();
    let decl = |name: &str| decls.iter().find(|d| *d.name == *name).unwrap();
    let wrt: Vec<_> = variables.iter().map(|v| graph.input(v, F64, &decl(v).shape)).collect();
    let written = Program::builder(&graph).output("J", objective).without_rewriting().compile().unwrap();
    let mut builder = Program::builder(&graph).output("J", objective);
    for (gradient, variable) in objective.grad(&wrt).into_iter().zip(&variables) {
        builder = builder.output(variable, gradient);
    }
    let runs = builder.compile().unwrap();
    let mut dims = Dims::new();
    for name in decls.iter().flat_map(|d| d.shape.iter()).flat_map(Dim::names) {
        dims = if dims.get(&name).is_none() { dims.with(&name, SIZE) } else { dims };
    }
    let data: Vec<(String, Tensor)> = decls
        .iter()
        .enumerate()
        .map(|(input, d)| {
            let shape = d.shape.eval(&dims).unwrap();
            let count = shape.iter().product();
            let all: Vec<f64> = match d.dtype {
                DType::I64 => labels(&d.name, count).into_iter().map(|n| n as f64).collect(),
                _ => (0..count).map(|i| point(place + input, i)).collect(),
            };
            (d.name.to_string(), Tensor::from_f64(d.dtype, &*shape, &all).unwrap())
        })
        .collect();
    let views: Vec<_> = data.iter().map(|(name, value)| (&**name, value.view())).collect();
    let found = evaluate(&runs, &views, &[], 0, 0).unwrap();
    let prefix = format!("c{place}_");
    let j = source(&written, &dims, labels, &prefix).unwrap();
    let ours = source(&runs, &dims, labels, &format!("o{place}_")).unwrap();
    let mut text = String::new();
    let (mut symbols, mut numbers, mut derivatives, mut gradients, mut expressions) =
        (vec![], vec![], vec![], vec![], vec![]);
    for (of, own) in &j.symbols {
        let quoted = own.join(" ");
        let _ =
            writeln!(text, "{}, = symbols('{quoted}', real=True, positive=True, seq=True)", own.join(", "));
        let value = &data.iter().find(|(name, _)| name == of).unwrap().1;
        symbols.extend(own.clone());
        numbers.extend(value.to_f64().iter().map(|x| format!("'{x:?}'")));
        if let Some(at) = variables.iter().position(|v| v == of) {
            derivatives.extend(own.clone());
            gradients.extend(found.output(of).unwrap().to_f64().iter().map(|x| format!("{x:?}")));
            expressions.extend(ours.outputs[at + 1].1.clone());
        }
    }
    let value = found.output("J").unwrap().to_f64()[0];
    let _ = writeln!(
        text,
        "{}{}holds('{name}', [{}], [{}], {}, {value:?}, [{}], [{}], [{}])",
        j.lines,
        ours.lines,
        symbols.join(", "),
        numbers.join(", "),
        j.outputs[0].1[0],
        derivatives.join(", "),
        gradients.join(", "),
        expressions.join(", "),
    );
    // The derivation can be written of each, too.
    assert!(Derivation::of(objective, &wrt).is_ok());
    text
}

#[test]
fn values_and_derivatives_are_those_of_sympy() {
    let mut script = CHECKS.to_owned();
    let all: Vec<_> = HARMED.iter().chain(&HEALTHY).chain(&MORE).collect();
    assert!(all.len() >= 60, "{} formulas", all.len());
    for (place, (name, formula)) in all.iter().enumerate() {
        script.push_str(&case(place, name, formula));
    }
    let python = std::env::var("SYMPY_PYTHON").unwrap_or_else(|_| "python3".into());
    let has = Command::new(&python).args(["-c", "import sympy"]).stderr(Stdio::null()).status();
    if !has.is_ok_and(|status| status.success()) {
        eprintln!("SymPy is not installed (SYMPY_PYTHON can name a Python that has it): skipped");
        return;
    }
    let mut child = Command::new(&python)
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let (said, why) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}", why);
    assert_eq!(said.lines().filter(|line| line.starts_with("holds")).count(), all.len(), "{said}");
}
