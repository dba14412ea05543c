//! Gradient descent on `J(θ) = (θ - 3)² + λθ²` with λ = 0.01: after 100 steps, θ is 3/(1 + λ).
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::process::ExitCode;

use dl_examples::descent;
use dl_examples::options::{Options, SHOWN, run};

fn main() -> ExitCode {
    run(SHOWN, example)
}

fn example(options: &Options) -> Result<(), Box<dyn Error>> {
    print!("{}", descent::report(options, Some(descent::LAMBDA))?);
    Ok(())
}
