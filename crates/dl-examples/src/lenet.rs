//! LeNet-5. LeCun et al.: "Gradient-based learning applied to document recognition", 1998, section II B, as
//! it is written today: with rectifiers and maxima, and a second convolution whose maps read all maps.

use dl_core::Expr;
use dl_core::nn::{self, Conv, Mode};
use dl_data::Augmentation;

use crate::classifier::Course;

/// For MNIST.
pub const COURSE: Course =
    Course { epochs: 10, batch_size: 64, rate: 3e-3, weight_decay: 0.01, augmentation: Augmentation::new() };

/// Images `[B, 28, 28]` to logits, by way of `[B, 14, 14, 6]` and `[B, 5, 5, 16]`.
pub fn logits<'g>(images: Expr<'g>, classes: usize, _: Mode) -> Expr<'g> {
    let x = images.unsqueeze(3);
    let h = Conv::new([5, 5], 6).padding(2).apply(x, "conv1").relu();
    let h = nn::max_pool(h, [2, 2]);
    let h = Conv::new([5, 5], 16).apply(h, "conv2").relu();
    let h = nn::max_pool(h, [2, 2]);
    let h = nn::dense(nn::flatten(h), "fc1", 120).relu();
    let h = nn::dense(h, "fc2", 84).relu();
    nn::dense(h, "fc3", classes)
}
