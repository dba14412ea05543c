//! `dl-backends` on `dl-core`: a program compiled once, run in a loop of one's own, and its parameters kept.
#![allow(clippy::print_stdout)]

use dl_backends::{Cpu, Session};
use dl_core::nn::Sgd;
use dl_core::{F64, Graph, Init, Named, Tensor};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // t ≈ w·x + b.
    let g = Graph::new();
    let (x, t) = (g.input("x", F64, Named("N")), g.input("t", F64, Named("N")));
    let (w, b) = (g.parameter("w", F64, (), Init::Zeros), g.parameter("b", F64, (), Init::Zeros));
    let step = (w * x + b - t).square().mean(..).named("J").minimize(Sgd::new(0.3))?;

    let mut session = Session::new(Cpu::default(), 7);
    let handle = session.compile(&step)?;
    let x = Tensor::vector(vec![0.0, 0.5, 1.0, 1.5]);
    let t = Tensor::vector(vec![1.0, 2.0, 3.0, 4.0]);
    let mut j = f64::INFINITY;
    while j > 1e-8 {
        j = session.run(&handle, &[x.view(), t.view()])?.read("J")?.item()?;
    }
    println!(
        "after {} steps: w = {:.3}, b = {:.3}",
        session.step(),
        session.get("w")?.item()?,
        session.get("b")?.item()?
    );
    Ok(())
}
