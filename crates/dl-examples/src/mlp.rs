//! Perceptrons with one hidden layer, trained as far as they go: with dropout and a rate of one cycle.

use dl_core::Expr;
use dl_core::nn::{self, Mode};
use dl_data::Augmentation;

use crate::classifier::{Course, Model};

/// A perceptron, the images that it is for, and how it is trained.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// What the command line calls it.
    pub name: &'static str,
    /// The dataset's name.
    pub data: &'static str,
    /// The network.
    pub model: Model,
    /// How it is trained.
    pub course: Course,
}

const COURSE: Course =
    Course { epochs: 30, batch_size: 64, rate: 2e-3, weight_decay: 0.02, augmentation: Augmentation::new() };

/// Every digit is bent in another way each time.
const BENT: Course = Course {
    epochs: 100,
    batch_size: 128,
    weight_decay: 0.01,
    augmentation: Augmentation::new().shift(1).rotate(8.0).elastic(34.0, 4.0),
    ..COURSE
};

/// All recipes.
pub const RECIPES: [Recipe; 4] = [
    Recipe { name: "small", data: "mnist", model: small, course: COURSE },
    Recipe { name: "wide", data: "mnist", model: wide, course: Course { epochs: 40, ..COURSE } },
    Recipe { name: "bent", data: "mnist", model: bent, course: BENT },
    Recipe { name: "fashion", data: "fashion-mnist", model: small, course: Course { epochs: 40, ..COURSE } },
];

/// The share of [`small`]'s hidden units that is dropped in training.
pub const DROPOUT: f64 = 0.2;

/// 128 hidden units: images `f32` `[B, rows, columns]` to logits `[B, classes]`.
pub fn small<'g>(images: Expr<'g>, classes: usize, mode: Mode) -> Expr<'g> {
    logits(images, [128, classes], [0.0, DROPOUT], mode)
}

/// 800 hidden units: the network of Simard, Steinkraus, Platt: "Best practices for convolutional neural networks
/// applied to visual document analysis", ICDAR 2003, table 1.
fn wide<'g>(images: Expr<'g>, classes: usize, mode: Mode) -> Expr<'g> {
    logits(images, [800, classes], [0.2, 0.5], mode)
}

/// The same without dropout: bent digits are different enough.
fn bent<'g>(images: Expr<'g>, classes: usize, mode: Mode) -> Expr<'g> {
    logits(images, [800, classes], [0.0, 0.0], mode)
}

/// Images `[B, rows, columns]` to logits `[B, classes]`; of pixels and of hidden units, a share is dropped in training.
fn logits<'g>(
    images: Expr<'g>,
    [hidden, classes]: [usize; 2],
    [pixels, units]: [f64; 2],
    mode: Mode,
) -> Expr<'g> {
    let x = nn::dropout(nn::flatten(images), pixels, mode);
    let h = nn::dense(x, "fc1", hidden).relu();
    nn::dense(nn::dropout(h, units, mode), "fc2", classes)
}
