//! Trains a perceptron on the 8×8 digits or MNIST and saves it as a model, for `--example serve` to answer with.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::process::ExitCode;

use dl_backends::{Cpu, Model};
use dl_core::{Graph, Program, U8, nn};
use dl_data::Store;
use dl_examples::options::{Options, run};
use dl_examples::perceptron::{B, Perceptron, Recipe};

fn main() -> ExitCode {
    run(&["--data", "--out", "--seed", "--epochs"], example)
}

fn example(options: &Options) -> Result<(), Box<dyn Error>> {
    let out = options.out.as_ref().ok_or("--out FILE is missing: where the model goes")?;
    let data = match options.data.as_deref() {
        None | Some("digits") => dl_data::digits()?,
        Some("mnist") => Store::from_env().mnist(&mut |line| eprintln!("{line}"))?,
        Some(other) => return Err(format!("no data {other}; there are digits and mnist").into()),
    };
    let perceptron = Perceptron::of(&data);
    let recipe = Recipe { epochs: options.epochs.unwrap_or(10), ..Recipe::PRACTICAL };
    let mut trainer = perceptron.trainer(Box::new(Cpu::default()), &recipe, options.seed)?;
    trainer.fit(&data.train, Some(&data.test))?;
    let accuracy = trainer.evaluate(&data.test)?.get("accuracy").unwrap_or(0.0);
    println!("{data}\n{recipe}: {:.2} % of the test images", 100.0 * accuracy);

    let g = Graph::new();
    let logits = perceptron.logits(g.input("x", U8, (B, perceptron.pixels)));
    let inference =
        Program::builder(&g).output("p", nn::softmax(logits, -1)).output("class", logits.argmax(-1));
    Model::new(&inference.compile()?, trainer.session())?.save(out)?;
    println!("{}", out.display());
    Ok(())
}
