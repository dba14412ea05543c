#!/usr/bin/env bash
# Package: burn-tensor 0.22.1, activation::log_sigmoid with autodiff, ndarray and flex backends.
# Expected: log(1 / (1 + exp(-x))) to the precision of float32 on every backend. For positive x it is
#   close to -exp(-x), and so small a number is no trouble for float32.
#   https://docs.rs/burn-tensor/0.22.1/burn_tensor/activation/fn.log_sigmoid.html
# Seen: flex keeps the digits. ndarray, which takes the default of the backend trait, adds the small
#   number to 1 before the log: at 15 it is 17 % off, at 20 value and gradient are 0.
# Output seen:
#   x= 5  ndarray -6.7153e-3  flex -6.7153e-3  expected -6.7153e-3  gradient of ndarray 6.6928e-3, of flex 6.6929e-3
#   x=10  ndarray -4.5418e-5  flex -4.5399e-5  expected -4.5399e-5  gradient of ndarray 4.5419e-5, of flex 4.5398e-5
#   x=15  ndarray -3.5763e-7  flex -3.0590e-7  expected -3.0590e-7  gradient of ndarray 3.5763e-7, of flex 3.0590e-7
#   x=20  ndarray -0.0000e0  flex -2.0612e-9  expected -2.0612e-9  gradient of ndarray 0.0000e0, of flex 2.0612e-9
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2024"

[dependencies]
burn-tensor = { version = "=0.22.1", default-features = false, features = ["std", "ndarray", "flex", "autodiff"] }
TOML
cat > src/main.rs <<'RUST'
use burn_tensor::activation::log_sigmoid;
use burn_tensor::{Device, Tensor, TensorData};

fn main() {
    let points = [5.0f32, 10.0, 15.0, 20.0];
    let mut seen = Vec::new();
    for device in [Device::ndarray(), Device::flex()] {
        let x = Tensor::<1>::from_data(TensorData::from(points), &device.autodiff()).require_grad();
        let y = log_sigmoid(x.clone());
        let gradient = x.grad(&y.clone().sum().backward()).unwrap();
        let (y, gradient): (Vec<f32>, Vec<f32>) =
            (y.into_data().to_vec().unwrap(), gradient.into_data().to_vec().unwrap());
        seen.push((y, gradient));
    }
    for (i, x) in points.iter().enumerate() {
        let right = -(-*x as f64).exp().ln_1p();
        println!(
            "x={x:2}  ndarray {:.4e}  flex {:.4e}  expected {right:.4e}  gradient of ndarray {:.4e}, of flex {:.4e}",
            seen[0].0[i], seen[1].0[i], seen[0].1[i], seen[1].1[i]
        );
        assert!((seen[1].0[i] as f64 / right - 1.0).abs() < 1e-5);
    }
    assert!((seen[0].0[2] as f64 / -(-15.0f64).exp().ln_1p() - 1.0).abs() > 0.05);
    assert_eq!((seen[0].0[3], seen[0].1[3]), (0.0, 0.0));
}
RUST
cargo run --quiet
