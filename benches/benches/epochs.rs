//! What a checkpoint after every epoch, and tracing of numbers that are not finite, cost an epoch of the perceptron:
//! all three take turns, and the quotients are those of each turn.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::time::Instant;

use dl_backends::Cpu;
use dl_data::{Images, Split};
use dl_examples::perceptron::{Perceptron, Recipe};
use dl_train::{Keep, Trainer};

const EXAMPLES: usize = 60_000;
/// Of a training: files are written while the next epoch is trained, and the last are waited for.
const EPOCHS: usize = 20;
const TURNS: usize = 7;

fn main() -> Result<(), Box<dyn Error>> {
    // What the images are does not matter to the clock.
    let pixels = (0..EXAMPLES * 784).map(|i| (i * 7919 % 251) as u8).collect();
    let labels = (0..EXAMPLES).map(|i| (i % 10) as u8).collect();
    let images = Split::new(Images::new(pixels, [EXAMPLES, 28, 28])?, labels)?;
    let folder = tempfile::tempdir()?;
    for threads in [1, 2] {
        for batch_size in [64, 512] {
            let recipe = Recipe { epochs: EPOCHS, ..Recipe::PRACTICAL }.with_batch_size(batch_size);
            let trainer = || -> Result<Trainer<'_>, Box<dyn Error>> {
                Ok(Perceptron::MNIST.trainer(Box::new(Cpu::with_threads(threads)), &recipe, 1)?)
            };
            let kept = folder.path().join(format!("{threads}-{batch_size}"));
            let mut rows = [
                trainer()?,
                trainer()?.checkpoint(&kept, Keep::last_ones(2)),
                trainer()?.tracing_not_finite(true),
            ];
            let mut times = vec![];
            for _ in 0..TURNS {
                let mut turn = [0.0; 3];
                for (row, time) in rows.iter_mut().zip(&mut turn) {
                    let began = Instant::now();
                    row.fit(&images, None)?;
                    *time = began.elapsed().as_secs_f64();
                }
                times.push(turn);
            }
            // The first turn compiles.
            let spread = |of: &dyn Fn(&[f64; 3]) -> f64| {
                let mut all: Vec<f64> = times[1..].iter().map(of).collect();
                all.sort_by(f64::total_cmp);
                [all[all.len() / 2], all[all.len() / 10], all[all.len() - 1 - all.len() / 10]]
            };
            let [plain, ..] = spread(&|turn| 1e3 * turn[0] / EPOCHS as f64);
            let said = |[median, low, high]: [f64; 3]| format!("{median:.3} ({low:.3}–{high:.3})");
            println!(
                "batches of {batch_size}, threads {threads}: an epoch {plain:.0} ms; with a checkpoint × {}; traced × {}",
                said(spread(&|turn| turn[1] / turn[0])),
                said(spread(&|turn| turn[2] / turn[0])),
            );
        }
    }
    Ok(())
}
