//! A perceptron 784-128-10 on MNIST: the tutorial's ten full-batch steps, then mini-batches.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::process::ExitCode;

use dl_data::{Dataset, Store};
use dl_examples::options::{Options, TRAINED, run};
use dl_examples::perceptron::{Perceptron, Recipe};
use dl_examples::watch::Watch;
use dl_train::Progress;

fn main() -> ExitCode {
    let takes: Vec<&str> = TRAINED.iter().copied().chain(["--data", "--page", "--pictures"]).collect();
    run(&takes, example)
}

fn example(options: &Options) -> Result<(), Box<dyn Error>> {
    // Before the data is fetched: a backend that is not there needs none.
    options.executor()?;
    let watch = Watch::new(options)?;
    let (store, mut say) = (Store::from_env(), |line: &str| eprintln!("{line}"));
    let mnist = match options.data.as_deref() {
        None | Some("mnist") => store.mnist(&mut say)?,
        Some("fashion-mnist") => store.fashion_mnist(&mut say)?,
        Some("digits") => dl_data::digits()?,
        Some(other) => return Err(format!("--data {other}: expected mnist, fashion-mnist or digits").into()),
    };
    println!("{mnist}, from {}", mnist.origin);
    let perceptron = Perceptron::of(&mnist);
    println!("\n{}", options.show_derivation(&perceptron.derivation(&Recipe::TUTORIAL)?));
    println!("\nWhat runs, by the tutorial's recipe:\n");
    println!("{}", options.show(&perceptron.train(&Recipe::TUTORIAL)?));

    train(options, &watch, &mnist, ("The tutorial's recipe", "tutorial"), Recipe::TUTORIAL)?;
    let practical = match options.batch_size {
        Some(size) => Recipe::PRACTICAL.with_batch_size(size),
        None => Recipe::PRACTICAL,
    };
    train(options, &watch, &mnist, ("A practitioner's recipe", "practical"), practical)
}

fn train(
    options: &Options,
    watch: &Watch,
    mnist: &Dataset,
    (title, short): (&str, &str),
    recipe: Recipe,
) -> Result<(), Box<dyn Error>> {
    let recipe = Recipe { epochs: options.epochs.unwrap_or(recipe.epochs), ..recipe };
    println!("\n{title}: {recipe}");
    let perceptron = Perceptron::of(mnist);
    for seed in (0..options.seeds).map(|i| options.seed.wrapping_add(i)) {
        let trainer = perceptron.trainer(options.executor()?, &recipe, seed)?;
        let mut trainer = watch.observed(trainer.observe(Progress::stderr()));
        let history = trainer.fit(&mnist.train, Some(&mnist.test))?;
        let accuracy = trainer.evaluate(&mnist.test)?.get("accuracy").unwrap_or(0.0);
        let (backend, seconds) = (&history.run.backend, history.seconds());
        println!("{backend}, seed {seed}: test accuracy {:.2} % after {seconds:.1} s", 100.0 * accuracy);
        watch.keep(&format!("{short}-seed-{seed}"), &history, &mut trainer, &perceptron, mnist)?;
    }
    Ok(())
}
