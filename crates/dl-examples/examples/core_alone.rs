//! `dl-core` alone: derive, rewrite, print and store a formula; nothing is run but the reference interpreter.
#![allow(clippy::print_stdout)]

use dl_core::derive::Derivation;
use dl_core::{F64, Graph, Program, Tensor, interp};

fn main() -> dl_core::Result<()> {
    let g = Graph::new();
    let (x, y) = (g.input("x", F64, 3), g.input("y", F64, 3));
    let j = ((x - y).exp() + 1.0).log().sum(..).named("J");
    println!("{}\n", Derivation::of(j, &[x])?.math());

    let program = Program::builder(&g).output("J", j).output("∂J/∂x", j.grad(&[x])[0]).compile()?;
    println!("{}\n", program.math());

    // A program is plain data: it can be stored, sent, and read back.
    let program = Program::from_json(&program.to_json()?)?;
    let (x, y) = (Tensor::vector(vec![-800.0, 0.0, 800.0]), Tensor::vector(vec![0.0; 3]));
    let outputs = interp::evaluate(&program, &[("x", x.view()), ("y", y.view())], &[], 0, 0)?.outputs;
    for (name, value) in outputs {
        println!("{name}: {:?}", value.to_f64());
    }
    Ok(())
}
