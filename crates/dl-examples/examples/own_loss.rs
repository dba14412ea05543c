//! A loss of one's own is a function of expressions; its gradient and its stable form come by themselves.
#![allow(clippy::print_stdout)]

use dl_objective::core::derive::Derivation;
use dl_objective::prelude::*;

/// The logarithm of a hyperbolic cosine: a square for small errors, an absolute value for large ones.
fn log_cosh<'g>(y: Expr<'g>, t: Expr<'g>) -> Expr<'g> {
    let r = (y - t).named("r");
    ((r.exp() + (-r).exp()) / 2.0).log()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let g = Graph::new();
    let (y, t) = (g.input("y", F32, 3), g.input("t", F32, 3));
    let j = log_cosh(y, t).mean(..).named("J");
    println!("{}\n", Derivation::of(j, &[y])?.math());

    let program = Program::builder(&g).output("J", j).output("∂J/∂y", j.grad(&[y])[0]).compile()?;
    println!("by the rules {:?}\n", program.trace().counts().keys().collect::<Vec<_>>());
    let mut session = Session::new(Cpu::default(), 7);
    let handle = session.compile(&program)?;
    // In f32, the exponential of 300 is infinite.
    let (y, t) = (Tensor::vector(vec![0f32, 300.0, -300.0]), Tensor::vector(vec![0f32; 3]));
    let out = session.run(&handle, &[y.view(), t.view()])?;
    println!("J = {:.3}, ∂J/∂y = {:.3?}", out.read("J")?.item()?, out.read("∂J/∂y")?.to_f64());
    Ok(())
}
