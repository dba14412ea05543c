//! How long augmentation takes: microseconds an image of 28×28, on one thread.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use dl_data::{Augmentation, Random};

fn main() -> dl_data::Result<()> {
    let new = Augmentation::new;
    let kinds = [
        new().shift(2),
        new().shift(2).rotate(10.0),
        new().elastic(34.0, 4.0),
        new().shift(2).rotate(10.0).crop(0.9).flip().elastic(34.0, 4.0),
    ];
    for how in kinds {
        let change = how.on([28, 28, 1])?;
        let mut images: Vec<u8> = (0..1000 * 784u32).map(|i| (i * 37 % 256) as u8).collect();
        let mut best = f64::INFINITY;
        for epoch in 0..20 {
            let start = Instant::now();
            change.apply_all(&mut images, (0..1000).map(|row| Random::of(7, &[epoch, row])));
            best = best.min(start.elapsed().as_secs_f64() * 1e6 / 1000.0);
        }
        println!("{best:.2} µs: {how}");
    }
    Ok(())
}
