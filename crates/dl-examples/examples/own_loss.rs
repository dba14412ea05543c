//! A loss of one's own is a function of expressions; its gradient and its stable form come by themselves.
#![allow(clippy::print_stdout)]

use dl_objective::core::derive::Derivation;
use dl_objective::prelude::*;

/// How surprised a ranking is that `a` was preferred to `b`, by their scores: −log of the probability
/// `exp(a)/(exp(a) + exp(b))`.
fn ranking<'g>(a: Expr<'g>, b: Expr<'g>) -> Expr<'g> {
    let lead = (a - b).named("lead");
    (1.0 + (-lead).exp()).log()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let g = Graph::new();
    let (a, b) = (g.input("a", F32, 3), g.input("b", F32, 3));
    let j = ranking(a, b).mean(..).named("J");
    println!("{}\n", Derivation::of(j, &[a])?.math());

    let program = Program::builder(&g).output("J", j).output("∂J/∂a", j.grad(&[a])[0]).compile()?;
    println!("{}\n", program.math());
    let mut session = Session::new(Cpu::default(), 7);
    let handle = session.compile(&program)?;
    // In f32, the exponential of 300 is infinite.
    let (a, b) = (Tensor::vector(vec![0f32, 300.0, -300.0]), Tensor::vector(vec![0f32; 3]));
    let out = session.run(&handle, &[a.view(), b.view()])?;
    println!("J = {:.3}, ∂J/∂a = {:.3?}", out.read("J")?.item()?, out.read("∂J/∂a")?.to_f64());
    Ok(())
}
