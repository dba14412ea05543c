//! How a step of the tutorial's perceptron is computed, before anything runs: kernels, bodies, updates.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use dl_core::{Dims, Plan, Schedule};
use dl_examples::options::{Options, run};
use dl_examples::perceptron::{Perceptron, Recipe};

fn main() -> ExitCode {
    run(&["--batch-size"], example)
}

fn example(options: &Options) -> Result<(), Box<dyn Error>> {
    let plan = Arc::new(Plan::new(&Perceptron::MNIST.train(&Recipe::TUTORIAL)?));
    let rows = options.batch_size.unwrap_or(64);
    print!("{}", Schedule::new(&plan, &Dims::new().with("B", rows))?);
    Ok(())
}
