//! The derived gradient beside the slope that small steps measure, for every weight of a network.
#![allow(clippy::print_stdout)]

use dl_objective::prelude::*;

const EPSILON: f64 = 1e-5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let g = Graph::new();
    let x = g.input("x", F64, (4, 2));
    let t = g.input("t", F64, (4, 1));
    let y = nn::dense(nn::dense(x, "fc1", 2).tanh(), "fc2", 1);
    let j = nn::mse(y, t).mean(..);
    let w = g.get_parameter("fc1.weight");
    let program = Program::builder(&g).output("J", j).output("∂J/∂W", j.grad(&[w])[0]).compile()?;

    let x = Tensor::new([4, 2], vec![0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0])?;
    let t = Tensor::new([4, 1], vec![0.0, 1.0, 1.0, 0.0])?;
    let mut session = Session::new(Cpu::default(), 7);
    let handle = session.compile(&program)?;
    let derived = session.run(&handle, &[x.view(), t.view()])?.read("∂J/∂W")?.to_f64();
    let weights = session.get("fc1.weight")?.to_f64();

    println!("weight   derived    measured");
    for (i, derived) in derived.into_iter().enumerate() {
        let mut j_at = |change: f64| -> Result<f64, Box<dyn std::error::Error>> {
            let mut moved = weights.clone();
            moved[i] += change;
            session.set("fc1.weight", Tensor::new([2, 2], moved)?.view())?;
            Ok(session.run(&handle, &[x.view(), t.view()])?.read("J")?.item()?)
        };
        let measured = (j_at(EPSILON)? - j_at(-EPSILON)?) / (2.0 * EPSILON);
        println!("W[{},{}] {derived:>10.6} {measured:>11.6}", i / 2, i % 2);
    }
    Ok(())
}
