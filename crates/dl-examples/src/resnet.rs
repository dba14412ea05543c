//! A small residual network with batch normalization. He et al.: "Deep residual learning for image recognition",
//! 2015, section 4.2, with one block a stage: a ResNet-8.

use dl_core::Expr;
use dl_core::nn::{self, BatchNorm, Conv, Mode};
use dl_data::Augmentation;

use crate::classifier::Course;

/// For MNIST.
pub const COURSE: Course = Course {
    epochs: 15,
    batch_size: 128,
    rate: 1e-2,
    weight_decay: 0.05,
    augmentation: Augmentation::new().shift(2),
};

/// Clothes are as good mirrored; digits are not.
pub const FASHION: Course = Course { augmentation: Augmentation::new().shift(2).flip(), ..COURSE };

/// Images `[B, 28, 28]` to logits, in stages of 16, 32 and 64 channels.
pub fn logits<'g>(images: Expr<'g>, classes: usize, mode: Mode) -> Expr<'g> {
    let x = images.unsqueeze(3);
    let mut h = normalized(x, "stem", 16, [3, 1], mode).relu();
    for (stage, channels, stride) in [("stage1", 16, 1), ("stage2", 32, 2), ("stage3", 64, 2)] {
        h = block(h, stage, channels, stride, mode);
    }
    nn::dense(nn::global_avg_pool(h), "fc", classes)
}

/// Two convolutions and what they are added to: the image itself, or where the stage halves it, a convolution 1×1.
fn block<'g>(x: Expr<'g>, path: &str, channels: usize, stride: usize, mode: Mode) -> Expr<'g> {
    let h = normalized(x, &format!("{path}.a"), channels, [3, stride], mode).relu();
    let h = normalized(h, &format!("{path}.b"), channels, [3, 1], mode);
    let shortcut = match stride {
        1 => x,
        _ => normalized(x, &format!("{path}.shortcut"), channels, [1, stride], mode),
    };
    (h + shortcut).relu()
}

/// A convolution, and batch normalization in place of a bias.
fn normalized<'g>(
    x: Expr<'g>,
    path: &str,
    channels: usize,
    [size, stride]: [usize; 2],
    mode: Mode,
) -> Expr<'g> {
    let convolution = Conv::new([size, size], channels).stride(stride).padding(size / 2).without_bias();
    BatchNorm::new().apply(convolution.apply(x, &format!("{path}.conv")), &format!("{path}.norm"), mode)
}
