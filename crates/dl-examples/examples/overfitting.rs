//! A polynomial of degree nine through ten noisy points, with four strengths of regularization.
#![allow(clippy::print_stdout)]

use dl_objective::prelude::*;

const DEGREE: usize = 9;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Noisy values of sin πx to learn from, and true values between them to be judged by.
    let at: Vec<f64> = (0..10).map(|i| -1.0 + 2.0 * f64::from(i) / 9.0).collect();
    let noise = [0.10, -0.22, 0.18, 0.06, -0.25, 0.12, 0.21, -0.15, -0.08, 0.17];
    let learn: Vec<f64> = at.iter().zip(noise).map(|(x, e)| (std::f64::consts::PI * x).sin() + e).collect();
    let between: Vec<f64> = at.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0).collect();
    let truth: Vec<f64> = between.iter().map(|x| (std::f64::consts::PI * x).sin()).collect();

    println!("{:>8}{:>14}{:>14}{:>12}", "λ", "training", "test", "largest w");
    for lambda in [0.0, 1e-4, 1e-2, 1.0] {
        let g = Graph::new();
        let (x, t) = (g.input("X", F64, (Named("N"), DEGREE + 1)), g.input("t", F64, Named("N")));
        let w = g.parameter("w", F64, DEGREE + 1, Init::Zeros);
        let error = (x.dot(w) - t).square().mean(..);
        let j = error + lambda * w.square().sum(..);

        let mut session = Session::new(Cpu::default(), 7);
        let objective = Objective::new(&mut session, j)?;
        let judge = session.compile(&Program::builder(&g).output("error", error).compile()?)?;
        let (x, t) = (powers(&at)?, Tensor::vector(learn.clone()));
        let full = Lbfgs::new().iterations(5000).change(0.0);
        full.minimize(&mut session, &objective, &[("X", x.view()), ("t", t.view())])?;

        let training = session.run(&judge, &[x.view(), t.view()])?.read("error")?.item()?;
        let (x, t) = (powers(&between)?, Tensor::vector(truth.clone()));
        let test = session.run(&judge, &[x.view(), t.view()])?.read("error")?.item()?;
        let largest = session.get("w")?.to_f64().iter().fold(0.0, |most: f64, w| most.max(w.abs()));
        println!("{lambda:>8}{training:>14.4}{test:>14.4}{largest:>12.1}");
    }
    Ok(())
}

/// A row `1, x, x², …` for each point.
fn powers(points: &[f64]) -> Result<Tensor, Box<dyn std::error::Error>> {
    let rows = points.iter().flat_map(|x| (0..=DEGREE as i32).map(|k| x.powi(k)));
    Ok(Tensor::new([points.len(), DEGREE + 1], rows.collect())?)
}
