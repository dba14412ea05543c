//! Two layers learn "either, but not both" by backpropagation and gradient descent.
#![allow(clippy::print_stdout)]

use dl_objective::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let g = Graph::new();
    let x = g.input("x", F64, (4, 2));
    let t = g.input("t", F64, (4, 1));
    let z = nn::dense(nn::dense(x, "fc1", 4).tanh(), "fc2", 1);
    let p = z.sigmoid().named("p");
    let j = nn::binary_cross_entropy_with_logits(z, t).mean(..).named("J");
    let step = j.minimize(Sgd::new(1.0))?;
    let network = Program::builder(&g).output("p", p).compile()?;

    let x = Tensor::new([4, 2], vec![0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0])?;
    let t = Tensor::new([4, 1], vec![0.0, 1.0, 1.0, 0.0])?;
    let mut session = Session::new(Cpu::default(), 7);
    let (step, network) = (session.compile(&step)?, session.compile(&network)?);
    for k in 0..=1000 {
        let j = session.run(&step, &[x.view(), t.view()])?.read("J")?.item()?;
        if k % 200 == 0 {
            println!("step {k:4}  J = {j:.3}");
        }
    }
    let p = session.run(&network, &[x.view()])?.read("p")?.to_f64();
    for (point, p) in x.to_f64().chunks(2).zip(p) {
        println!("{point:?} → {p:.2}");
    }
    Ok(())
}
