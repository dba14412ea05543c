//! Images of other sizes: upsampling, and pixels from channels.

use crate::dim::Dim;
use crate::graph::Expr;
use crate::nn::windows::Images;
use crate::tensor::Tensor;

/// Upsampling of images `[…, H, W, C]` along all spatial axes: nearest neighbours, or linear between them.
/// As PyTorch's `interpolate`; smaller sizes work as well.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn::Upsample};
/// let g = Graph::new();
/// let x = g.input("x", F64, (2, 1));
/// let value = |y| interp::eval_expr(y, &[("x", Tensor::new([2, 1], vec![0.0, 4.0])?)]);
/// assert_eq!(value(Upsample::by([2]).apply(x))?.to_f64(), [0.0, 0.0, 4.0, 4.0]);
/// assert_eq!(value(Upsample::by([2]).linear().apply(x))?.to_f64(), [0.0, 1.0, 3.0, 4.0]);
/// assert_eq!(value(Upsample::to([5]).aligned_corners().apply(x))?.to_f64(), [0.0, 1.0, 2.0, 3.0, 4.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Upsample {
    target: Target,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
enum Target {
    By(Vec<usize>),
    To(Vec<usize>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Nearest,
    Linear { aligned: bool },
}

impl Upsample {
    /// Nearest neighbours, with so many elements in place of one along each spatial axis.
    pub fn by<const N: usize>(factors: [usize; N]) -> Upsample {
        Upsample { target: Target::By(factors.to_vec()), kind: Kind::Nearest }
    }

    /// Nearest neighbours, with so many elements along each spatial axis: element `i` of `n` is element
    /// `⌊i·H/n⌋`.
    pub fn to<const N: usize>(sizes: [usize; N]) -> Upsample {
        Upsample { target: Target::To(sizes.to_vec()), kind: Kind::Nearest }
    }

    /// Linear between neighbours (bilinear for images): element `i` of `n` lies at `(i + 1/2)·H/n - 1/2`, or
    /// at the border if that is outside. PyTorch's `bilinear` with `align_corners=False`.
    pub fn linear(self) -> Upsample {
        Upsample { kind: Kind::Linear { aligned: false }, ..self }
    }

    /// Linear between neighbours, with the outermost elements in their place: element `i` of `n` lies at
    /// `i·(H - 1)/(n - 1)`. PyTorch's `bilinear` with `align_corners=True`.
    pub fn aligned_corners(self) -> Upsample {
        Upsample { kind: Kind::Linear { aligned: true }, ..self }
    }

    /// The images in their new size.
    ///
    /// # Errors
    /// Recorded when `x` holds no floats, has fewer axes, or a spatial size or the channels are not known;
    /// or when a size or a factor is 0, or there is nothing to take elements of.
    #[track_caller]
    pub fn apply<'g>(&self, x: Expr<'g>) -> Expr<'g> {
        let (Target::By(numbers) | Target::To(numbers)) = &self.target;
        let images = match Images::of("upsample", x, numbers.len()) {
            Ok(images) => images,
            Err(poison) => return poison,
        };
        if numbers.contains(&0) || images.sizes.contains(&0) {
            return images.fail(&format!("by or to {numbers:?}: sizes above 0 are needed"));
        }
        let mut x = x;
        for (i, (&number, &size)) in numbers.iter().zip(&images.sizes).enumerate() {
            let axis = images.first + i;
            let to = match self.target {
                Target::By(_) => size.saturating_mul(number),
                Target::To(_) => number,
            };
            x = match self.kind {
                _ if to == size => x,
                Kind::Nearest if to.is_multiple_of(size) => repeated(x, axis, to / size),
                Kind::Nearest => {
                    let nearest = |i: usize| (i as u128 * size as u128 / to as u128) as i64;
                    x.gather(axis, x.graph().literal(Tensor::vector((0..to).map(nearest).collect())))
                }
                Kind::Linear { aligned } => linear(x, axis, (size, to), aligned),
            };
        }
        x
    }
}

/// Each element along an axis several times.
#[track_caller]
fn repeated(x: Expr<'_>, axis: usize, times: usize) -> Expr<'_> {
    let mut dims = x.shape().to_vec();
    dims.insert(axis + 1, times.into());
    let kept: Vec<usize> = (0..dims.len()).filter(|a| *a != axis + 1).collect();
    let wide = x.broadcast_along(&kept, &dims.clone().into());
    let repeats = dims.remove(axis + 1);
    dims[axis] = &dims[axis] * &repeats;
    wide.reshape(dims)
}

/// Elements between neighbours along an axis.
#[track_caller]
fn linear(x: Expr<'_>, axis: usize, (size, to): (usize, usize), aligned: bool) -> Expr<'_> {
    let (g, last) = (x.graph(), (size - 1) as f64);
    let place = |i: usize| {
        let at = match aligned {
            true if to == 1 => 0.0,
            true => i as f64 * last / (to - 1) as f64,
            false => (i as f64 + 0.5) * size as f64 / to as f64 - 0.5,
        };
        at.clamp(0.0, last)
    };
    let lower: Vec<i64> = (0..to).map(|i| place(i) as i64).collect();
    let upper: Vec<i64> = lower.iter().map(|i| (i + 1).min(size as i64 - 1)).collect();
    let shares: Vec<f64> = (0..to).zip(&lower).map(|(i, low)| place(i) - *low as f64).collect();
    let mut shape = vec![1; x.shape().rank() - axis];
    shape[0] = to;
    let share = Tensor::from_f64(x.dtype(), shape, &shares).expect("a share for each element");
    let share = g.literal(share);
    let below = x.gather(axis, g.literal(Tensor::vector(lower)));
    let above = x.gather(axis, g.literal(Tensor::vector(upper)));
    (1.0 - share) * below + share * above
}

/// Channels as pixels: `[…, H, W, C·r²]` gives `[…, H·r, W·r, C]`, the channels of a pixel in the order
/// `C, r, r`. PyTorch's `pixel_shuffle`, of images whose channels are last.
///
/// Shi, Caballero, Huszár, Totz, Aitken, Bishop, Rueckert, Wang: "Real-time single image and video
/// super-resolution using an efficient sub-pixel convolutional neural network", CVPR 2016.
///
/// # Errors
/// Recorded when `x` holds no floats, has fewer than three axes or unknown sizes of the last three, or when
/// `r²` does not divide the channels.
///
/// ```
/// use dl_core::{F32, Graph, Named, nn};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 7, 7, 12));
/// assert_eq!(nn::pixel_shuffle(x, 2).shape().to_string(), "[B, 14, 14, 3]");
/// ```
#[track_caller]
pub fn pixel_shuffle(x: Expr<'_>, r: usize) -> Expr<'_> {
    let images = match Images::of("pixel_shuffle", x, 2) {
        Ok(images) => images,
        Err(poison) => return poison,
    };
    let Some(channels) = r.checked_mul(r).filter(|n| *n > 0 && images.channels.is_multiple_of(*n)) else {
        return images.fail(&format!("{r}·{r} does not divide {} channels", images.channels));
    };
    let (first, sizes, channels) = (images.first, &images.sizes, images.channels / channels);
    let apart = x.reshape(with_tail(x, first, &[sizes[0], sizes[1], channels, r, r]));
    let order = with_order(first, &[0, 3, 1, 4, 2]);
    apart.permute(&order).reshape(with_tail(x, first, &[sizes[0] * r, sizes[1] * r, channels]))
}

/// Pixels as channels: the inverse of [`pixel_shuffle`].
///
/// # Errors
/// Recorded when `x` holds no floats, has fewer than three axes or unknown sizes of the last three, or when
/// `r` does not divide the spatial sizes.
///
/// ```
/// use dl_core::{F32, Graph, Named, nn};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 14, 14, 3));
/// assert_eq!(nn::pixel_unshuffle(x, 2).shape().to_string(), "[B, 7, 7, 12]");
/// ```
#[track_caller]
pub fn pixel_unshuffle(x: Expr<'_>, r: usize) -> Expr<'_> {
    let images = match Images::of("pixel_unshuffle", x, 2) {
        Ok(images) => images,
        Err(poison) => return poison,
    };
    let (first, sizes, channels) = (images.first, &images.sizes, images.channels);
    if r == 0 || sizes.iter().any(|size| !size.is_multiple_of(r)) {
        return images.fail(&format!("{r} does not divide the spatial sizes"));
    }
    let apart = x.reshape(with_tail(x, first, &[sizes[0] / r, r, sizes[1] / r, r, channels]));
    let order = with_order(first, &[0, 2, 4, 1, 3]);
    let wide = channels.saturating_mul(r).saturating_mul(r);
    apart.permute(&order).reshape(with_tail(x, first, &[sizes[0] / r, sizes[1] / r, wide]))
}

/// The leading axes of `x`, then these sizes.
fn with_tail(x: Expr<'_>, first: usize, tail: &[usize]) -> Vec<Dim> {
    x.shape()[..first].iter().cloned().chain(tail.iter().map(|n| Dim::from(*n))).collect()
}

/// Leading axes in their order, then the others in this one.
fn with_order(first: usize, order: &[usize]) -> Vec<usize> {
    (0..first).chain(order.iter().map(|a| first + a)).collect()
}
