//! Convolution, pooling and resampling.

use dl_core::nn::{self, PaddingMode};
use dl_core::{Expr, Named};

use super::{Case, case};

const B: Named = Named("B");
const RANGE: (f64, f64) = (-1.5, 1.5);

pub(crate) fn cases() -> Vec<Case> {
    let mut all = convolutions();
    all.extend(pooling());
    all.extend(resampling());
    all
}

/// Of images `[B, 5, 4, 2]`.
fn images(name: &str, function: impl for<'g> Fn(Expr<'g>) -> Expr<'g> + 'static) -> Case {
    case(name, move |x| function(x[0])).over("x", (B, 5, 4, 2), RANGE)
}

/// Of sequences `[B, 6, 4]`.
fn sequences(name: &str, function: impl for<'g> Fn(Expr<'g>) -> Expr<'g> + 'static) -> Case {
    case(name, move |x| function(x[0])).over("x", (B, 6, 4), RANGE)
}

fn convolutions() -> Vec<Case> {
    vec![
        sequences("conv1d", |x| nn::conv1d(x, "c", 3, 2)),
        images("conv2d", |x| nn::conv2d(x, "c", 3, [3, 2])),
        case("conv3d", |x| nn::conv3d(x[0], "c", 2, [2, 1, 2])).over("x", (B, 3, 2, 3, 1), RANGE),
        images("Conv by strides, padded", |x| nn::Conv::new([3, 3], 2).stride([2, 1]).same().apply(x, "c")),
        images("Conv of a dilated window, asymmetric", |x| {
            nn::Conv::new([2, 2], 3).dilation(2).padding([(1, 0), (0, 2)]).without_bias().apply(x, "c")
        }),
        sequences("Conv in groups", |x| nn::Conv::new([3], 6).groups(2).padding(1).apply(x, "c")),
        images("Conv of each channel", |x| nn::Conv::new([3, 3], 2).groups(2).padding(1).apply(x, "c")),
        images("Conv around a circle", |x| {
            nn::Conv::new([3, 3], 2).padding(1).padding_mode(PaddingMode::Circular).apply(x, "c")
        }),
        images("Conv of images that are one", |x| nn::Conv::new([5, 4], 3).apply(x, "c")),
        case("Conv with a given weight", |x| nn::Conv::new([2, 2], 3).with_weight(x[0], x[1].tanh()))
            .over("x", (B, 4, 3, 2), RANGE)
            .over("W", (2, 2, 2, 3), RANGE),
        images("ConvTranspose", |x| {
            nn::ConvTranspose::new([3, 2], 3).stride(2).padding([1, 0]).output_padding([1, 0]).apply(x, "c")
        }),
        sequences("ConvTranspose in groups", |x| {
            nn::ConvTranspose::new([3], 2).groups(2).dilation(2).apply(x, "c")
        }),
    ]
}

fn pooling() -> Vec<Case> {
    vec![
        images("max_pool", |x| nn::max_pool(x, [2, 2])),
        images("avg_pool", |x| nn::avg_pool(x, [2, 2])),
        images("Pool, the maximum of windows that overlap", |x| {
            nn::Pool::max([3, 2]).stride([2, 1]).padding(1).apply(x)
        }),
        images("Pool, the mean without padding", |x| {
            nn::Pool::average([3, 3]).stride(2).padding(1).uncounted_padding().ceil().apply(x)
        }),
        images("Pool, the norm", |x| nn::Pool::norm([2, 2], 2.0).stride(1).apply(x)),
        images("global_avg_pool", |x| nn::global_avg_pool(x)),
        images("global_max_pool", |x| nn::global_max_pool(x)),
        images("adaptive_avg_pool", |x| nn::adaptive_avg_pool(x, [2, 2])),
        images("adaptive_max_pool", |x| nn::adaptive_max_pool(x, [3, 2])),
    ]
}

fn resampling() -> Vec<Case> {
    vec![
        images("flatten", nn::flatten),
        images("Upsample", |x| nn::Upsample::by([2, 1]).apply(x)),
        images("Upsample to a size", |x| nn::Upsample::to([7, 3]).apply(x)),
        images("Upsample linearly", |x| nn::Upsample::by([2, 2]).linear().apply(x)),
        images("Upsample with corners in place", |x| nn::Upsample::to([3, 6]).aligned_corners().apply(x)),
        case("pixel_shuffle", |x| nn::pixel_shuffle(x[0], 2)).over("x", (B, 2, 3, 4), RANGE),
        case("pixel_unshuffle", |x| nn::pixel_unshuffle(x[0], 2)).over("x", (B, 4, 2, 2), RANGE),
        images("pad", |x| nn::pad(x, [(1, 2), (0, 1)], PaddingMode::Constant(0.5))),
        images("pad by reflection", |x| nn::pad(x, [(1, 2), (0, 1)], PaddingMode::Reflect)),
        images("pad by repetition", |x| nn::pad(x, [(1, 2), (0, 1)], PaddingMode::Replicate)),
        images("crop", |x| nn::crop(x, [(1, 2), (0, 1)])),
    ]
}
