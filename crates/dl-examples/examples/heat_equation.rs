//! A physics-informed network for the heat equation: second derivatives in a loss, and L-BFGS.
#![allow(clippy::print_stdout)]

use std::process::ExitCode;

use dl_backends::Session;
use dl_core::{F64, Graph};
use dl_examples::heat::{ALPHA, Rod, loss, solution};
use dl_examples::options::run;

/// Steps of L-BFGS.
const ITERATIONS: usize = 600;

fn main() -> ExitCode {
    run(&["--backend", "--latex", "--seed", "--epochs"], |options| {
        let executor = options.executor()?;
        if !executor.supports(F64) {
            return Err(
                format!("{} has no double precision, which this example needs", executor.name()).into()
            );
        }
        let g = Graph::new();
        let objective = loss(&g);
        println!(
            "∂u/∂t = {ALPHA}·∂²u/∂x², u = sin πx at first. The loss has {} nodes.",
            objective.graph().len()
        );
        let mut rod = Rod::new(Session::boxed(executor, options.seed), 16, options.seed)?;
        let report = rod.fit(options.epochs.unwrap_or(ITERATIONS))?;
        println!("{report}");
        println!("\n   x     t        u   exact");
        for at in [[0.5, 0.0], [0.5, 0.5], [0.25, 0.5], [0.5, 1.0]] {
            let u = rod.temperatures(&[at])?;
            println!("{:.2}  {:.2}  {:.5} {:.5}", at[0], at[1], u[0], solution(at[0], at[1]));
        }
        println!("\nrelative error {:.1e}", rod.error()?);
        Ok(())
    })
}
