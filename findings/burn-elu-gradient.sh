#!/usr/bin/env bash
# Package: burn-tensor 0.22.1, activation::elu, celu and selu with autodiff, ndarray and flex backends.
# Expected: for positive x the functions are x, x and 1.0507 x, so the derivatives are 1, 1 and 1.0507.
#   https://docs.rs/burn-tensor/0.22.1/burn_tensor/activation/fn.elu.html
# Seen: the values are right, but the gradient is NaN from 89 on: the exponential of the branch that is
#   not taken overflows in float32, and zero times infinity is added to the right gradient.
# Output seen (ndarray, then flex):
#   elu   x=100  value 100.0000  gradient NaN  at 80 1.0000
#   celu  x=100  value 100.0000  gradient NaN  at 80 1.0000
#   selu  x=100  value 105.0701  gradient NaN  at 80 1.0507
#   elu   x=100  value 100.0000  gradient NaN  at 80 1.0000
#   celu  x=100  value 100.0000  gradient NaN  at 80 1.0000
#   selu  x=100  value 105.0701  gradient NaN  at 80 1.0507
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
use burn_tensor::activation::{celu, elu, selu};
use burn_tensor::{Device, Tensor, TensorData};

fn main() {
    for device in [Device::ndarray(), Device::flex()] {
        let functions: [(&str, fn(Tensor<1>) -> Tensor<1>); 3] =
            [("elu", |x| elu(x, 1.0)), ("celu", |x| celu(x, 1.0)), ("selu", selu)];
        for (name, function) in functions {
            let data = TensorData::from([1.0f32, 80.0, 100.0]);
            let x = Tensor::<1>::from_data(data, &device.clone().autodiff()).require_grad();
            let y = function(x.clone());
            let gradient = x.grad(&y.clone().sum().backward()).unwrap();
            let (y, gradient): (Vec<f32>, Vec<f32>) =
                (y.into_data().to_vec().unwrap(), gradient.into_data().to_vec().unwrap());
            println!("{name:4}  x=100  value {:.4}  gradient {}  at 80 {:.4}", y[2], gradient[2], gradient[1]);
            assert!(y[2].is_finite() && gradient[1].is_finite() && gradient[2].is_nan());
        }
    }
}
RUST
cargo run --quiet
