//! The same step of the same network on every backend that is compiled in.
#![allow(clippy::print_stdout)]

use dl_objective::backends::{by_name, compiled_in};
use dl_objective::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let g = Graph::new();
    let x = g.input("x", U8, (64, 64)).cast(F32) / 16.0;
    let y = g.input("y", I64, 64);
    let logits = nn::dense(nn::dense(x, "fc1", 32).relu(), "fc2", 10);
    let step = nn::cross_entropy(logits, y).mean(..).named("J").minimize(Sgd::new(0.1))?;

    let batch = digits()?.train.batches(64)?.next().ok_or("no digits")?;
    let inputs = [TensorRef::new(&[64, 64], &batch.images)?, TensorRef::new(&[64], &batch.labels)?];
    for name in compiled_in() {
        let mut session = Session::boxed(by_name(name)?, 7);
        let handle = session.compile(&step)?;
        let mut j = 0.0;
        for _ in 0..100 {
            j = session.run(&handle, &inputs)?.read("J")?.item()?;
        }
        println!("{name}: J = {j:.4} after 100 steps");
    }
    Ok(())
}
