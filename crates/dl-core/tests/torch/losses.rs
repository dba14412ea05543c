//! Losses as PyTorch has them.

use dl_core::nn;

use super::table::{agree, formula};

#[test]
fn losses_agree_with_pytorch() {
    agree(
        include_str!("losses.json"),
        &[
            ("mse, none", formula(|x| nn::mse(x["x"], x["t"]))),
            ("mse, mean", formula(|x| nn::mse(x["x"], x["t"]).mean(..))),
            ("mse, sum", formula(|x| nn::mse(x["x"], x["t"]).sum(..))),
            ("mse of nothing, mean", formula(|x| nn::mse(x["x"], x["t"]).mean(..))),
        ],
    );
}
