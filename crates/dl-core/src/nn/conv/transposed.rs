//! Transposed convolution.

use crate::graph::{Expr, Role};
use crate::nn::conv::{Letters, check, contract, join, require_weight, split};
use crate::nn::layer::Bias;
use crate::nn::padding::{cropped, padded};
use crate::nn::windows::{Images, Pads, PerAxis, Windows};
use crate::nn::{Fan, Init, Nonlinearity, PaddingMode};
use crate::shape::Shape;

/// A transposed convolution with options: the gradient of a [`Conv`](crate::nn::Conv) of the same settings by
/// its images, which grows by the stride: `H` becomes `(H - 1)·s - p + d·(k - 1) + 1`, and the output padding
/// more, for the padding `p` of both sides.
///
/// Images are `[…, H, W, C]`, any number of spatial axes. The weight is `[kh, kw, out/groups, in]`, that of
/// the convolution whose gradient it is. Stride and dilation are 1, groups 1, and there is no padding, unless
/// said otherwise.
///
/// Zeiler, Krishnan, Taylor, Fergus: "Deconvolutional networks", CVPR 2010. PyTorch's `ConvTranspose2d`.
///
/// ```
/// use dl_core::{F32, Graph, Named, nn};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 7, 7, 16));
/// let y = nn::ConvTranspose::new([4, 4], 8).stride(2).padding(1).apply(x, "up");
/// assert_eq!(y.shape().to_string(), "[B, 14, 14, 8]");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct ConvTranspose {
    size: Vec<usize>,
    out: usize,
    stride: PerAxis,
    dilation: PerAxis,
    groups: usize,
    padding: Pads,
    output_padding: PerAxis,
    weight: Init,
    bias: Option<Bias>,
}

impl ConvTranspose {
    /// A layer with windows of `size` and `out` channels, and a bias, both uniform on `±1/√n` for
    /// `n = kh·kw·out/groups`: what PyTorch's `ConvTranspose2d` does.
    pub fn new<const N: usize>(size: [usize; N], out: usize) -> ConvTranspose {
        let nonlinearity = Nonlinearity::LeakyRelu(5f64.sqrt());
        ConvTranspose {
            size: size.to_vec(),
            out,
            stride: 1.into(),
            dilation: 1.into(),
            groups: 1,
            padding: 0.into(),
            output_padding: 0.into(),
            weight: Init::KaimingUniform { fan: Fan::In, nonlinearity },
            bias: Some(Bias::Uniform),
        }
    }

    /// With windows so far apart: `2`, or `[2, 1]` by axes.
    pub fn stride(self, stride: impl Into<PerAxis>) -> ConvTranspose {
        ConvTranspose { stride: stride.into(), ..self }
    }

    /// With the elements of a window so far apart.
    pub fn dilation(self, dilation: impl Into<PerAxis>) -> ConvTranspose {
        ConvTranspose { dilation: dilation.into(), ..self }
    }

    /// With channels in so many groups that do not see each other.
    pub fn groups(self, groups: usize) -> ConvTranspose {
        ConvTranspose { groups, ..self }
    }

    /// With so many elements less around the result: `1`, `[2, 1]` by axes, or `[(2, 1), (0, 1)]` by sides.
    pub fn padding(self, padding: impl Into<Pads>) -> ConvTranspose {
        ConvTranspose { padding: padding.into(), ..self }
    }

    /// With so many elements more after the result, along each axis less than its stride or its dilation:
    /// several sizes are the result of one by a stride, and this says which.
    pub fn output_padding(self, padding: impl Into<PerAxis>) -> ConvTranspose {
        ConvTranspose { output_padding: padding.into(), ..self }
    }

    /// With another initialiser of the weight.
    pub fn weight(self, init: Init) -> ConvTranspose {
        ConvTranspose { weight: init, ..self }
    }

    /// With another initialiser of the bias.
    pub fn bias(self, init: Init) -> ConvTranspose {
        ConvTranspose { bias: Some(Bias::Given(init)), ..self }
    }

    /// Without a bias.
    pub fn without_bias(self) -> ConvTranspose {
        ConvTranspose { bias: None, ..self }
    }

    /// The layer at `path`, applied to `x`. Declares `{path}.weight` `[kh, kw, out/groups, in]` and
    /// `{path}.bias` `[out]` of `x`'s element type; a second layer of the same path and sizes shares them.
    ///
    /// # Errors
    /// Recorded when `x` holds no floats, has fewer axes, or a spatial size or the channels are not known;
    /// when the groups do not divide the channels, the padding leaves nothing, the output padding is as large
    /// as stride and dilation, or a setting is 0 or not for this number of axes; or when the path is declared
    /// with other sizes.
    #[track_caller]
    pub fn apply<'g>(&self, x: Expr<'g>, path: &str) -> Expr<'g> {
        let layer = x.graph().library_layer("conv_transpose", path);
        let ready = match self.ready(&format!("conv_transpose {path}"), x) {
            Ok(ready) => ready,
            Err(poison) => return poison,
        };
        let (g, dtype) = (x.graph(), x.dtype());
        let shape = self.weight_shape(ready.images.channels);
        let inputs = shape.without(&[shape.rank() - 1]).elements().size().unwrap_or(0);
        let name = format!("{path}.weight");
        let weight = g.parameter_as(Role::WEIGHT, &name, dtype, shape, self.weight.clone());
        let y = self.product(&ready, weight);
        layer.output(match &self.bias {
            Some(bias) if !y.is_poison() => {
                y + g.parameter(&format!("{path}.bias"), dtype, [self.out], bias.init(inputs))
            }
            _ => y,
        })
    }

    /// The transposed convolution of `x` with a weight that is any expression `[kh, kw, out/groups, in]`,
    /// without a bias.
    ///
    /// # Errors
    /// Those of [`apply`](ConvTranspose::apply), and when the weight has another shape or element type.
    ///
    /// ```
    /// use dl_core::{F64, Graph, Tensor, interp, nn};
    /// let g = Graph::new();
    /// let (x, w) = (g.input("x", F64, (2, 1)), g.input("w", F64, (3, 1, 1)));
    /// let y = nn::ConvTranspose::new([3], 1).stride(2).with_weight(x, w);
    /// let data = [
    ///     ("x", Tensor::new([2, 1], vec![1.0, 10.0])?),
    ///     ("w", Tensor::new([3, 1, 1], vec![1.0, 2.0, 3.0])?),
    /// ];
    /// assert_eq!(interp::eval_expr(y, &data)?.to_f64(), [1.0, 2.0, 13.0, 20.0, 30.0]);
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    #[track_caller]
    pub fn with_weight<'g>(&self, x: Expr<'g>, weight: Expr<'g>) -> Expr<'g> {
        let ready = match self.ready("conv_transpose", x) {
            Ok(ready) => ready,
            Err(poison) => return poison,
        };
        match require_weight(&ready.images, weight, &self.weight_shape(ready.images.channels)) {
            Ok(()) => self.product(&ready, weight),
            Err(poison) => poison,
        }
    }

    fn weight_shape(&self, channels: usize) -> Shape {
        let sizes = self.size.iter().copied().chain([self.out / self.groups, channels]);
        sizes.map(Into::into).collect::<Vec<_>>().into()
    }

    #[track_caller]
    fn ready<'g>(&self, what: &str, x: Expr<'g>) -> Result<Ready<'g>, Expr<'g>> {
        let images = Images::of(what, x, self.size.len())?;
        match self.sizes(&images) {
            Ok((windows, sizes, margins)) => Ok(Ready { images, windows, sizes, margins }),
            Err(why) => Err(images.fail(&why)),
        }
    }

    /// The windows, the sizes of the images that they cover, and how much of these is left out before and
    /// after (or added, where it is negative).
    #[allow(clippy::type_complexity)]
    fn sizes(&self, images: &Images<'_>) -> Result<(Windows, Vec<usize>, Vec<(usize, i64)>), String> {
        let axes = self.size.len();
        let windows = Windows::new(&self.size, &self.stride, &self.dilation)?;
        check(images, self.groups, self.out)?;
        let pads = self.padding.resolve(axes)?;
        let more = self.output_padding.resolve("output padding", axes, 0)?;
        let (mut sizes, mut margins) = (vec![], vec![]);
        for axis in 0..axes {
            let (size, stride, dilation) = (images.sizes[axis], windows.stride[axis], windows.dilation[axis]);
            if more[axis] > 0 && more[axis] >= stride.max(dilation) {
                return Err(format!(
                    "output padding {} along spatial axis {axis}: less than stride {stride} or dilation \
                     {dilation} is needed",
                    more[axis]
                ));
            }
            let all = size.checked_sub(1).ok_or_else(|| format!("nothing along spatial axis {axis}"))?;
            let all = all.checked_mul(stride).and_then(|all| all.checked_add(windows.reach(axis)));
            let all = all.ok_or("more elements than can be counted")?;
            let (before, after) = pads[axis];
            if before.saturating_add(after) > all.saturating_add(more[axis]) || before > all {
                let pads = format!("{before} and {after} elements of padding along spatial axis {axis}");
                return Err(format!("{pads}, more than the {all} of the result"));
            }
            sizes.push(all);
            margins.push((before, after as i64 - more[axis] as i64));
        }
        Ok((windows, sizes, margins))
    }

    #[track_caller]
    fn product<'g>(&self, ready: &Ready<'g>, weight: Expr<'g>) -> Expr<'g> {
        let Ready { images, windows, sizes, margins } = ready;
        let axes = self.size.len();
        let last = images.first + axes;
        let x = split(images.x, last, self.groups);
        let weight = split(weight, axes + 1, self.groups);
        let mut y = contract(Letters::new(images, self.groups).backward(), x, weight);
        for axis in (0..axes).rev() {
            let mut shape = y.shape().with_axis(images.first + axis, sizes[axis].into()).to_vec();
            shape.pop();
            y = y.fold(images.first + axis, windows.stride[axis], windows.dilation[axis], shape);
        }
        let whole = images.with(join(y, last, self.groups));
        let less: Vec<_> =
            margins.iter().map(|(before, after)| (*before, (*after).max(0) as usize)).collect();
        let more: Vec<_> = margins.iter().map(|(_, after)| (0, (-*after).max(0) as usize)).collect();
        let cropped = cropped(&whole, &less);
        padded(&images.with(cropped), &more, PaddingMode::Zeros)
    }
}

/// What was found to fit.
struct Ready<'g> {
    images: Images<'g>,
    windows: Windows,
    sizes: Vec<usize>,
    margins: Vec<(usize, i64)>,
}
