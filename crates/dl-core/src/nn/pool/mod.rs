//! Pooling: one number for each window of images.

mod adaptive;

pub use adaptive::{adaptive_avg_pool, adaptive_max_pool, global_avg_pool, global_max_pool};

use crate::graph::Expr;
use crate::nn::PaddingMode;
use crate::nn::padding::{cropped, padded};
use crate::nn::windows::{Images, Pads, PerAxis, Windows};
use crate::stable::p_norm;
use crate::tensor::Tensor;

/// The maximum of each window, windows side by side: `[…, H, W, C]` gives `[…, ⌊H/kh⌋, ⌊W/kw⌋, C]`. [`Pool`]
/// has options.
///
/// # Errors
/// Those of [`Pool::apply`].
///
/// ```
/// use dl_core::{F32, Graph, Named, nn};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 28, 28, 6));
/// assert_eq!(nn::max_pool(x, [2, 2]).shape().to_string(), "[B, 14, 14, 6]");
/// ```
#[track_caller]
pub fn max_pool<'g, const N: usize>(x: Expr<'g>, size: [usize; N]) -> Expr<'g> {
    Pool::max(size).apply(x)
}

/// The mean of each window, windows side by side: `[…, H, W, C]` gives `[…, ⌊H/kh⌋, ⌊W/kw⌋, C]`. [`Pool`] has
/// options.
///
/// # Errors
/// Those of [`Pool::apply`].
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let y = nn::avg_pool(g.input("x", F64, (5, 1)), [2]);
/// let data = [("x", Tensor::new([5, 1], vec![1.0, 3.0, 4.0, 8.0, 9.0])?)];
/// assert_eq!(interp::eval_expr(y, &data)?.to_f64(), [2.0, 6.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn avg_pool<'g, const N: usize>(x: Expr<'g>, size: [usize; N]) -> Expr<'g> {
    Pool::average(size).apply(x)
}

/// Pooling with options: one number for each window and channel of images `[…, H, W, C]`, any number of
/// spatial axes. The stride is the windows' size, the dilation 1, and there is no padding, unless said
/// otherwise.
///
/// ```
/// use dl_core::{F32, Graph, Named, nn};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 28, 28, 6));
/// assert_eq!(nn::Pool::max([3, 3]).stride(2).padding(1).apply(x).shape().to_string(), "[B, 14, 14, 6]");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    kind: Kind,
    size: Vec<usize>,
    stride: Option<PerAxis>,
    dilation: PerAxis,
    padding: Pads,
    ceil: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Max,
    Average { counts_padding: bool },
    Norm(f64),
}

impl Pool {
    fn new(kind: Kind, size: &[usize]) -> Pool {
        Pool { kind, size: size.to_vec(), stride: None, dilation: 1.into(), padding: 0.into(), ceil: false }
    }

    /// The maximum; padding never is one. Elements that are equal share the gradient equally. (PyTorch gives
    /// all of it to the first.)
    pub fn max<const N: usize>(size: [usize; N]) -> Pool {
        Pool::new(Kind::Max, &size)
    }

    /// The mean, with the zeros of the padding among its elements.
    pub fn average<const N: usize>(size: [usize; N]) -> Pool {
        Pool::new(Kind::Average { counts_padding: true }, &size)
    }

    /// The norm `(Σ|x|ᵖ)^(1/p)` for `p ≥ 1`, the largest magnitude for `p = ∞`; the gradient of zeros is 0.
    /// (PyTorch's `lp_pool2d` has powers of `x` itself, which is the same where `p` is even.)
    ///
    /// Sermanet, Chintala, LeCun: "Convolutional neural networks applied to house numbers digit
    /// classification", ICPR 2012.
    pub fn norm<const N: usize>(size: [usize; N], p: f64) -> Pool {
        Pool::new(Kind::Norm(p), &size)
    }

    /// With windows so far apart: `2`, or `[2, 1]` by axes.
    pub fn stride(self, stride: impl Into<PerAxis>) -> Pool {
        Pool { stride: Some(stride.into()), ..self }
    }

    /// With the elements of a window so far apart.
    pub fn dilation(self, dilation: impl Into<PerAxis>) -> Pool {
        Pool { dilation: dilation.into(), ..self }
    }

    /// With so many elements around the image: `1`, `[2, 1]` by axes, or `[(2, 1), (0, 1)]` by sides. They
    /// are zeros, for the maximum `-∞`.
    pub fn padding(self, padding: impl Into<Pads>) -> Pool {
        Pool { padding: padding.into(), ..self }
    }

    /// With the mean of the image's own elements alone. Nothing else has a mean.
    pub fn uncounted_padding(self) -> Pool {
        match self.kind {
            Kind::Average { .. } => Pool { kind: Kind::Average { counts_padding: false }, ..self },
            _ => self,
        }
    }

    /// With a last window for the elements that are left over, as long as it begins inside of the image or
    /// the padding before it. What it lacks is no element of a mean.
    pub fn ceil(self) -> Pool {
        Pool { ceil: true, ..self }
    }

    /// The pooled images.
    ///
    /// # Errors
    /// Recorded when `x` holds no floats, has fewer axes, or a spatial size or the channels are not known; when
    /// a window is larger than the padded image or has no element of the image, `p` is below 1, or a setting
    /// is 0 or not for this number of axes.
    #[track_caller]
    pub fn apply<'g>(&self, x: Expr<'g>) -> Expr<'g> {
        let name = match self.kind {
            Kind::Max => "max_pool",
            Kind::Average { .. } => "avg_pool",
            Kind::Norm(_) => "lp_pool",
        };
        let images = match Images::of(name, x, self.size.len()) {
            Ok(images) => images,
            Err(poison) => return poison,
        };
        match self.windows(&images.sizes) {
            Ok((windows, pads)) => self.reduced(&images, &windows, &pads),
            Err(why) => images.fail(&why),
        }
    }

    /// The windows; by axis the padding that was asked for, and what a last window lacks.
    fn windows(&self, sizes: &[usize]) -> Result<(Windows, Vec<Padded>), String> {
        if let Kind::Norm(p) = self.kind
            && (p.is_nan() || p < 1.0)
        {
            return Err(format!("p = {p}: at least 1 is needed"));
        }
        let same = PerAxis::from(self.size.clone());
        let windows = Windows::new(&self.size, self.stride.as_ref().unwrap_or(&same), &self.dilation)?;
        let pads = self.padding.resolve(sizes.len())?;
        windows.check(sizes, &pads)?;
        let mut padded = vec![];
        for (axis, (size, pads)) in sizes.iter().zip(pads).enumerate() {
            let (reach, stride) = (windows.reach(axis), windows.stride[axis]);
            let outside = || {
                format!(
                    "{} and {} elements of padding along spatial axis {axis}: a window of {reach} would have \
                     no element of the image",
                    pads.0, pads.1
                )
            };
            if pads.0.max(pads.1) >= reach {
                return Err(outside());
            }
            let all = size + pads.0 + pads.1;
            let mut places = (all - reach) / stride + 1;
            let left = places * stride;
            if self.ceil && !(all - reach).is_multiple_of(stride) && left < size + pads.0 {
                places += 1;
            }
            let lacks = ((places - 1) * stride + reach).saturating_sub(all);
            let padding = Padded { size: *size, pads, lacks, places };
            if (0..places).any(|place| padding.count(&windows, axis, place, false) == 0) {
                return Err(outside());
            }
            padded.push(padding);
        }
        Ok((windows, padded))
    }

    #[track_caller]
    fn reduced<'g>(&self, images: &Images<'g>, windows: &Windows, by_axis: &[Padded]) -> Expr<'g> {
        let pads: Vec<_> = by_axis.iter().map(|p| (p.pads.0, p.pads.1 + p.lacks)).collect();
        let border = match self.kind {
            Kind::Max => PaddingMode::Constant(f64::NEG_INFINITY),
            _ => PaddingMode::Zeros,
        };
        let images = images.with(padded(images, &pads, border));
        let (x, axes) = elements(&images, windows);
        match self.kind {
            Kind::Max => x.max(axes),
            Kind::Norm(p) => p_norm(x, p, axes),
            Kind::Average { counts_padding } => {
                let counts = counts(windows, by_axis, counts_padding);
                let sum = x.sum(axes);
                match counts.iter().all(|n| *n == counts[0]) {
                    true => sum / counts.first().copied().unwrap_or(1.0),
                    false => {
                        let mut shape: Vec<usize> = by_axis.iter().map(|p| p.places).collect();
                        shape.push(1);
                        let tensor = Tensor::from_f64(sum.dtype(), shape, &counts);
                        sum / sum.graph().literal(tensor.expect("a number for each place"))
                    }
                }
            }
        }
    }
}

/// The windows of images, and the axes along which their elements lie. Windows side by side are parts of the
/// images, others copies.
#[track_caller]
fn elements<'g>(images: &Images<'g>, windows: &Windows) -> (Expr<'g>, Vec<usize>) {
    let axes = images.sizes.len();
    if windows.stride != windows.size || windows.dilation.iter().any(|d| *d != 1) {
        let x = windows.unfold(images.x, images.first);
        let rank = x.shape().rank();
        return (x, (rank - axes..rank).collect());
    }
    let rest: Vec<_> = images.sizes.iter().zip(&windows.size).map(|(n, k)| (0, n % k)).collect();
    let x = cropped(images, &rest);
    let mut dims = x.shape().to_vec();
    for axis in (0..axes).rev() {
        let (at, size) = (images.first + axis, windows.size[axis]);
        dims.splice(at..=at, [(images.sizes[axis] / size).into(), size.into()]);
    }
    (x.reshape(dims), (0..axes).map(|axis| images.first + 2 * axis + 1).collect())
}

/// One axis of padded images.
struct Padded {
    size: usize,
    pads: (usize, usize),
    /// Of the last window, elements after the padding.
    lacks: usize,
    places: usize,
}

impl Padded {
    /// The elements of a window that lie in the image, or in the padding as well.
    fn count(&self, windows: &Windows, axis: usize, place: usize, with_padding: bool) -> usize {
        let all = match with_padding {
            true => 0..self.pads.0 + self.size + self.pads.1,
            false => self.pads.0..self.pads.0 + self.size,
        };
        let first = place * windows.stride[axis];
        (0..windows.size[axis]).filter(|i| all.contains(&(first + i * windows.dilation[axis]))).count()
    }
}

/// How many elements the window at each place has.
fn counts(windows: &Windows, by_axis: &[Padded], with_padding: bool) -> Vec<f64> {
    let mut counts = vec![1.0];
    for (axis, padded) in by_axis.iter().enumerate() {
        let own: Vec<f64> =
            (0..padded.places).map(|p| padded.count(windows, axis, p, with_padding) as f64).collect();
        counts = counts.iter().flat_map(|n| own.iter().map(move |m| n * m)).collect();
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{faults, gradient, near, value};
    use crate::{F32, F64, Graph, Named};
    use expect_test::expect;

    #[test]
    fn equal_elements_share_the_gradient() {
        let g = Graph::new();
        let x = g.input("x", F64, (4, 1));
        let data = [("x", Tensor::new([4, 1], vec![1.0, 1.0, 0.0, 2.0]).unwrap())];
        near(&gradient(max_pool(x, [2]).sum(..), x, &data), &[0.5, 0.5, 0.0, 1.0]);
        let sliding = Pool::max([2]).stride(1).apply(x);
        near(&gradient(sliding.sum(..), x, &data), &[0.5, 1.5, 0.0, 1.0]);
    }

    #[test]
    fn what_is_left_over_has_a_window_on_request() {
        let g = Graph::new();
        let x = g.input("x", F64, (5, 1));
        let data = [("x", Tensor::new([5, 1], vec![1.0, 3.0, 4.0, 8.0, 9.0]).unwrap())];
        near(&value(Pool::average([2]).ceil().apply(x), &data), &[2.0, 6.0, 9.0]);
        near(&value(Pool::max([2]).ceil().apply(x), &data), &[3.0, 8.0, 9.0]);
        near(&value(Pool::average([3]).stride(2).padding(1).apply(x), &data), &[4.0 / 3.0, 5.0, 17.0 / 3.0]);
        let own = Pool::average([3]).stride(2).padding(1).uncounted_padding();
        near(&value(own.apply(x), &data), &[2.0, 5.0, 8.5]);
    }

    #[test]
    fn misuse_is_recorded_once() {
        let g = Graph::new();
        let x = g.input("x", F32, (Named("B"), 5, 4, 3));
        max_pool(x, [6, 2]);
        max_pool(x, [2, 2, 2]).relu();
        max_pool(g.input("n", F32, (4, Named("B"), 3)), [2, 2]);
        Pool::max([2, 2]).padding(2).apply(x);
        Pool::norm([2, 2], 0.5).apply(x);
        Pool::average([2, 2]).stride(0).apply(x);
        adaptive_avg_pool(x, [0, 2]);
        adaptive_max_pool(x, [6, 2]);
        expect![[r#"
            max_pool of [B, 5, 4, 3]: a window of 6 is larger than the 5 elements, padding included, along spatial axis 0
            max_pool of [B, 5, 4, 3]: the sizes of its last 4 axes must be known
            max_pool of [4, B, 3]: the sizes of its last 3 axes must be known
            max_pool of [B, 5, 4, 3]: 2 and 2 elements of padding along spatial axis 0: a window of 2 would have no element of the image
            lp_pool of [B, 5, 4, 3]: p = 0.5: at least 1 is needed
            avg_pool of [B, 5, 4, 3]: stride [0, 0]: each must be at least 1
            adaptive_avg_pool of [B, 5, 4, 3]: [0, 2] parts: at least one part, of one element, is needed"#]].assert_eq(&faults(&g));
    }
}
