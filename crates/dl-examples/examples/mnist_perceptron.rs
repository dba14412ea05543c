//! A perceptron 784-128-10 on MNIST: the tutorial's ten full-batch steps, then mini-batches.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::process::ExitCode;

use dl_data::{Dataset, Store};
use dl_examples::options::{Options, TRAINED, run};
use dl_examples::perceptron::{Perceptron, Recipe};
use dl_train::Progress;

fn main() -> ExitCode {
    run(TRAINED, example)
}

fn example(options: &Options) -> Result<(), Box<dyn Error>> {
    // Before the data is fetched: a backend that is not there needs none.
    options.executor()?;
    let mnist = Store::from_env().mnist(&mut |line| eprintln!("{line}"))?;
    println!("{mnist}, from {}", mnist.origin);
    let perceptron = Perceptron::of(&mnist);
    println!("\n{}", options.show_derivation(&perceptron.derivation(&Recipe::TUTORIAL)?));
    println!("\nWhat runs, by the tutorial's recipe:\n");
    println!("{}", options.show(&perceptron.train(&Recipe::TUTORIAL)?));

    train(options, &mnist, "The tutorial's recipe", Recipe::TUTORIAL)?;
    let practical = match options.batch_size {
        Some(size) => Recipe::PRACTICAL.with_batch_size(size),
        None => Recipe::PRACTICAL,
    };
    train(options, &mnist, "A practitioner's recipe", practical)
}

fn train(options: &Options, mnist: &Dataset, title: &str, recipe: Recipe) -> Result<(), Box<dyn Error>> {
    let recipe = Recipe { epochs: options.epochs.unwrap_or(recipe.epochs), ..recipe };
    println!("\n{title}: {recipe}");
    for seed in (0..options.seeds).map(|i| options.seed.wrapping_add(i)) {
        let trainer = Perceptron::of(mnist).trainer(options.executor()?, &recipe, seed)?;
        let mut trainer = trainer.observe(Progress::stderr());
        let history = trainer.fit(&mnist.train, Some(&mnist.test))?;
        let accuracy = trainer.evaluate(&mnist.test)?.get("accuracy").unwrap_or(0.0);
        let (backend, seconds) = (&history.run.backend, history.seconds());
        println!("{backend}, seed {seed}: test accuracy {:.2} % after {seconds:.1} s", 100.0 * accuracy);
    }
    Ok(())
}
