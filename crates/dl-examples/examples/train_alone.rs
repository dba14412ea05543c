//! `dl-train`: the loop that everybody writes, with columns of one's own and a part held out.
#![allow(clippy::print_stdout)]

use dl_backends::{Cpu, Session};
use dl_core::nn::{self, Adam};
use dl_core::{F32, Graph, Named, Tensor};
use dl_train::{Columns, Trainer, held_out};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let g = Graph::new();
    let (x, t) = (g.input("x", F32, (Named("B"), 1)), g.input("t", F32, (Named("B"), 1)));
    let y = nn::dense(nn::dense(x, "fc1", 16).tanh(), "fc2", 1);
    let j = nn::mse(y, t).mean(..).named("J");
    let step = j.minimize(Adam::new(0.01))?;
    let evaluation = dl_core::Program::builder(&g).output("J", j).compile()?;

    let at: Vec<f32> = (0..200).map(|i| i as f32 / 100.0 - 1.0).collect();
    let values = at.iter().map(|x| (3.0 * x).sin()).collect();
    let curve = Columns::new()
        .column("x", Tensor::new([200, 1], at)?)?
        .column("t", Tensor::new([200, 1], values)?)?;
    let (train, validation) = held_out(&curve, 0.2, 7)?;
    let mut trainer = Trainer::new(Session::new(Cpu::default(), 7), &step)?
        .evaluate_with(&evaluation)?
        .epochs(200)
        .batch_size(32)
        .shuffle(7);
    let history = trainer.fit(&train, Some(&validation))?;
    let last = history.last().ok_or("no epoch")?;
    let small = |j: Option<f64>| if j < Some(0.01) { "below 0.01" } else { "not small" };
    println!(
        "J is {} on the training part, {} on the rest",
        small(last.train.get("J")),
        small(last.test.get("J"))
    );
    Ok(())
}
