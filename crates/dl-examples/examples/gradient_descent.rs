//! Gradient descent on `J(θ) = (θ - 3)²` with α = 0.1: after 100 steps, θ is 3.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::process::ExitCode;

use dl_examples::descent;
use dl_examples::options::{Options, SHOWN, run};

fn main() -> ExitCode {
    run(SHOWN, example)
}

fn example(options: &Options) -> Result<(), Box<dyn Error>> {
    print!("{}", descent::report(options, None)?);
    Ok(())
}
