//! A perceptron 784-800-10 that sees every digit bent in another way each time. Simard, Steinkraus and Platt: "Best
//! practices for convolutional neural networks applied to visual document analysis", ICDAR 2003, table 1.

use dl_core::Expr;
use dl_core::nn::{self, Mode};
use dl_data::Augmentation;

use crate::classifier::Course;

/// For MNIST.
pub const COURSE: Course = Course {
    epochs: 60,
    batch_size: 128,
    rate: 2e-3,
    weight_decay: 0.01,
    augmentation: Augmentation::new().shift(1).rotate(8.0).elastic(34.0, 4.0),
};

/// Images `[B, rows, columns]` to logits, by 800 hidden units.
pub fn logits<'g>(images: Expr<'g>, classes: usize, _: Mode) -> Expr<'g> {
    let h = nn::dense(nn::flatten(images), "fc1", 800).relu();
    nn::dense(h, "fc2", classes)
}
