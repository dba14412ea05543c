//! Gradient descent on `(θ - 3)²` at five learning rates: too small, good, best, too large, divergent.
#![allow(clippy::print_stdout)]

use dl_objective::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{:>6}{:>10}{:>10}{:>10}{:>18}", "α", "1 step", "2 steps", "10 steps", "100 steps");
    for rate in [0.01, 0.1, 0.5, 0.9, 1.1] {
        let g = Graph::new();
        let theta = g.parameter("θ", F64, (), Init::Zeros);
        let step = (theta - 3.0).square().minimize(Sgd::new(rate))?;

        let mut session = Session::new(Cpu::default(), 7);
        let handle = session.compile(&step)?;
        print!("{rate:>6}");
        for k in 1..=100 {
            session.run(&handle, &[])?;
            if [1, 2, 10, 100].contains(&k) {
                let width = if k == 100 { 18 } else { 10 };
                print!("{:>width$.3}", session.get("θ")?.item()?);
            }
        }
        println!();
    }
    Ok(())
}
