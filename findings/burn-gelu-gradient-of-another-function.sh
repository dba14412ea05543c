#!/usr/bin/env bash
# Package: burn-tensor 0.22.1, activation::gelu with autodiff on the ndarray and flex backends.
# Expected: gelu is x Phi(x), with gelu_approximate beside it for the formula with tanh. The gradient
#   of gelu is Phi(x) + x phi(x) on every backend (Hendrycks and Gimpel, https://arxiv.org/abs/1606.08415).
#   https://docs.rs/burn-tensor/0.22.1/burn_tensor/activation/fn.gelu.html
# Seen: both backends give the exact value. The gradient is exact on flex, but on ndarray, which takes
#   the default of the backend trait, it is that of the tanh formula, off by up to 9e-4.
# Output seen:
#   x=-1  value -0.158655 and -0.158655  gradient of ndarray -0.082964, of flex -0.083315, expected -0.083315
#   x= 1  value 0.841345 and 0.841345  gradient of ndarray 1.082964, of flex 1.083315, expected 1.083315
#   x= 2  value 1.954500 and 1.954500  gradient of ndarray 1.086099, of flex 1.085232, expected 1.085232
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
use burn_tensor::{Device, Tensor, TensorData, activation::gelu};

fn value_and_gradient(device: Device, at: f32) -> (f32, f32) {
    let x = Tensor::<1>::from_data(TensorData::from([at]), &device.autodiff()).require_grad();
    let y = gelu(x.clone());
    let slope = x.grad(&y.clone().sum().backward()).unwrap();
    (y.into_data().to_vec::<f32>().unwrap()[0], slope.into_data().to_vec::<f32>().unwrap()[0])
}

fn main() {
    for (at, expected) in [(-1.0, -0.0833155), (1.0, 1.0833155), (2.0, 1.0852318)] {
        let (ndarray, flex) = (value_and_gradient(Device::ndarray(), at), value_and_gradient(Device::flex(), at));
        println!(
            "x={at:2}  value {:.6} and {:.6}  gradient of ndarray {:.6}, of flex {:.6}, expected {expected:.6}",
            ndarray.0, flex.0, ndarray.1, flex.1
        );
        assert!((ndarray.0 - flex.0).abs() < 1e-5);
        assert!((flex.1 - expected).abs() < 1e-5);
        assert!((ndarray.1 - expected).abs() > 1e-4);
    }
}
RUST
cargo run --quiet
