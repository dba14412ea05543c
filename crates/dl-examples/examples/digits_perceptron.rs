//! The tutorial's perceptron on the 8×8 digits that come with the crate: a hidden layer, ten classes.
#![allow(clippy::print_stdout)]

use dl_objective::prelude::*;

const B: Named = Named("B"); // the batch size: one program serves them all

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let g = Graph::new();
    let x = g.input("x", U8, (B, 64)).cast(F32) / 16.0;
    let y = g.input("y", I64, B);
    let h = nn::dense(x, "fc1", 32).relu();
    let logits = nn::dense(h, "fc2", 10);
    let j = nn::cross_entropy(logits, y).mean(..).named("J");
    let step = j.minimize(Sgd::new(0.1).momentum(0.9))?;
    let evaluation = Program::builder(&g).output("J", j).output("logits", logits).compile()?;

    let digits = digits()?;
    let mut trainer = Trainer::new(Session::new(Cpu::default(), 7), &step)?
        .evaluate_with(&evaluation)?
        .report_evaluation([Metric::mean("J"), Metric::accuracy("logits", "y")])?
        .epochs(10)
        .batch_size(64)
        .shuffle(7);
    let history = trainer.fit(&digits.train, Some(&digits.test))?;
    for epoch in &history.epochs {
        let [train, test] = [&epoch.train, &epoch.test].map(|metrics| metrics.get("J").unwrap_or(f64::NAN));
        let accuracy = epoch.test.get("accuracy").unwrap_or(f64::NAN);
        println!(
            "epoch {:2}  J = {train:.2}, on the test {test:.2}, right {:.0} %",
            epoch.number,
            100.0 * accuracy
        );
    }
    Ok(())
}
