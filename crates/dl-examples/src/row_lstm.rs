//! A recurrent network that reads an image row by row, as if it were a sentence of 28 words.

use dl_core::Expr;
use dl_core::nn::{self, Mode, Recurrent};
use dl_data::Augmentation;

use crate::classifier::Course;

/// For MNIST.
pub const COURSE: Course =
    Course { epochs: 10, batch_size: 64, rate: 3e-3, weight_decay: 0.01, augmentation: Augmentation::new() };

/// Images `[B, rows, columns]` to logits, from the state of 128 LSTM cells behind the last row. Hochreiter,
/// Schmidhuber: "Long short-term memory", 1997; with gates that forget, Gers et al., 2000.
pub fn logits<'g>(images: Expr<'g>, classes: usize, mode: Mode) -> Expr<'g> {
    let read = Recurrent::lstm(128).apply(images, "lstm", mode);
    nn::dense(read.hidden[0], "fc", classes)
}
