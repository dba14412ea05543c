//! A network is a function: with these weights, two layers compute "either, but not both".
#![allow(clippy::print_stdout)]

use dl_objective::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let g = Graph::new();
    let x = g.input("x", F32, (4, 2));
    let h = nn::dense(x, "fc1", 2).relu().named("h");
    let y = nn::dense(h, "fc2", 1);
    let network = Program::builder(&g).output("y", y).compile()?;
    println!("{}", network.math());

    let mut session = Session::new(Cpu::default(), 7);
    let handle = session.compile(&network)?;
    session.set("fc1.weight", Tensor::new([2, 2], vec![1f32, 1.0, 1.0, 1.0])?.view())?;
    session.set("fc1.bias", Tensor::vector(vec![0f32, -1.0]).view())?;
    session.set("fc2.weight", Tensor::new([2, 1], vec![1f32, -2.0])?.view())?;
    session.set("fc2.bias", Tensor::vector(vec![0f32]).view())?;

    let points = Tensor::new([4, 2], vec![0f32, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0])?;
    let y = session.run(&handle, &[points.view()])?.read("y")?.to_f64();
    for (point, y) in points.to_f64().chunks(2).zip(y) {
        println!("{point:?} → {y}");
    }
    Ok(())
}
