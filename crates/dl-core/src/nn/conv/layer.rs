//! Convolutional layers.

use crate::graph::{Expr, Role};
use crate::nn::conv::{Letters, check, contract, join, require_weight, split};
use crate::nn::layer::Bias;
use crate::nn::padding::padded;
use crate::nn::windows::{Images, Pads, PerAxis, Windows};
use crate::nn::{Fan, Init, Nonlinearity, PaddingMode};
use crate::shape::Shape;

/// A convolution of sequences `[…, T, C]` with windows of `size`; [`Conv`] has the options, and says what
/// is computed.
///
/// # Errors
/// Those of [`Conv::apply`].
///
/// ```
/// use dl_core::{F32, Graph, Named, nn};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 100, 8));
/// assert_eq!(nn::conv1d(x, "c1", 16, 5).shape().to_string(), "[B, 96, 16]");
/// ```
#[track_caller]
pub fn conv1d<'g>(x: Expr<'g>, path: &str, out: usize, size: usize) -> Expr<'g> {
    Conv::new([size], out).apply(x, path)
}

/// A convolution of images `[…, H, W, C]` with windows of `size`, without padding; [`Conv`] has the options,
/// and says what is computed.
///
/// # Errors
/// Those of [`Conv::apply`].
///
/// ```
/// use dl_core::{F32, Graph, Named, nn};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 28, 28, 1));
/// let h = nn::conv2d(x, "c1", 6, [5, 5]).relu();
/// assert_eq!(h.shape().to_string(), "[B, 24, 24, 6]");
/// assert_eq!(g.parameters().len(), 2);
/// ```
#[track_caller]
pub fn conv2d<'g>(x: Expr<'g>, path: &str, out: usize, size: [usize; 2]) -> Expr<'g> {
    Conv::new(size, out).apply(x, path)
}

/// A convolution of volumes `[…, D, H, W, C]` with windows of `size`; [`Conv`] has the options, and says
/// what is computed.
///
/// # Errors
/// Those of [`Conv::apply`].
///
/// ```
/// use dl_core::{F32, Graph, nn};
/// let g = Graph::new();
/// let x = g.input("x", F32, (8, 8, 8, 2));
/// assert_eq!(nn::conv3d(x, "c1", 4, [3, 3, 3]).shape().to_string(), "[6, 6, 6, 4]");
/// ```
#[track_caller]
pub fn conv3d<'g>(x: Expr<'g>, path: &str, out: usize, size: [usize; 3]) -> Expr<'g> {
    Conv::new(size, out).apply(x, path)
}

/// A convolutional layer with options: `y[p, o] = b[o] + Σᵢ,c x[s·p + d·i, c]·W[i, c, o]` for the places `p`
/// of the result, the offsets `i` in a window, the stride `s` and the dilation `d`. (With the weight not
/// turned around, as in every library of the field: mathematics calls this a cross-correlation.)
///
/// Images are `[…, H, W, C]`, any number of spatial axes between the leading ones and the channels. The
/// weight is `[kh, kw, in/groups, out]`. Stride and dilation are 1, groups 1, and there is no padding, unless
/// said otherwise.
///
/// LeCun, Boser, Denker, Henderson, Howard, Hubbard, Jackel: "Backpropagation applied to handwritten zip code
/// recognition", Neural Computation 1, 1989.
///
/// ```
/// use dl_core::{F32, Graph, Init, Named, nn};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 28, 28, 6));
/// let halved = nn::Conv::new([3, 3], 12).stride(2).same().without_bias().apply(x, "c1");
/// assert_eq!(halved.shape().to_string(), "[B, 14, 14, 12]");
/// // Each channel by itself.
/// let depthwise = nn::Conv::new([5, 5], 6).groups(6).padding(2).apply(x, "c2");
/// assert_eq!(depthwise.shape(), x.shape());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Conv {
    size: Vec<usize>,
    out: usize,
    stride: PerAxis,
    dilation: PerAxis,
    groups: usize,
    padding: Padding,
    mode: PaddingMode,
    weight: Init,
    bias: Option<Bias>,
}

#[derive(Clone, Debug, PartialEq)]
enum Padding {
    Same,
    By(Pads),
}

impl Conv {
    /// A layer with windows of `size` and `out` channels, and a bias, both uniform on `±1/√n` for `n` inputs
    /// of an output: what PyTorch's `Conv2d` does (Kaiming uniform with slope √5).
    pub fn new<const N: usize>(size: [usize; N], out: usize) -> Conv {
        let nonlinearity = Nonlinearity::LeakyRelu(5f64.sqrt());
        Conv {
            size: size.to_vec(),
            out,
            stride: 1.into(),
            dilation: 1.into(),
            groups: 1,
            padding: Padding::By(0.into()),
            mode: PaddingMode::Zeros,
            weight: Init::KaimingUniform { fan: Fan::In, nonlinearity },
            bias: Some(Bias::Uniform),
        }
    }

    /// With windows so far apart: `2`, or `[2, 1]` by axes.
    pub fn stride(self, stride: impl Into<PerAxis>) -> Conv {
        Conv { stride: stride.into(), ..self }
    }

    /// With the elements of a window so far apart.
    ///
    /// Yu, Koltun: "Multi-scale context aggregation by dilated convolutions", ICLR 2016.
    pub fn dilation(self, dilation: impl Into<PerAxis>) -> Conv {
        Conv { dilation: dilation.into(), ..self }
    }

    /// With channels in so many groups that do not see each other; with as many as there are channels, it
    /// is a depthwise convolution.
    pub fn groups(self, groups: usize) -> Conv {
        Conv { groups, ..self }
    }

    /// With so many elements around the image: `1`, `[2, 1]` by axes, or `[(2, 1), (0, 1)]` by sides.
    pub fn padding(self, padding: impl Into<Pads>) -> Conv {
        Conv { padding: Padding::By(padding.into()), ..self }
    }

    /// With the padding that gives `⌈size/stride⌉` places: for a stride of 1 as many as the image has. What
    /// cannot be shared between both sides comes after.
    pub fn same(self) -> Conv {
        Conv { padding: Padding::Same, ..self }
    }

    /// With other elements around the image than zeros.
    pub fn padding_mode(self, mode: PaddingMode) -> Conv {
        Conv { mode, ..self }
    }

    /// With another initialiser of the weight.
    pub fn weight(self, init: Init) -> Conv {
        Conv { weight: init, ..self }
    }

    /// With another initialiser of the bias.
    pub fn bias(self, init: Init) -> Conv {
        Conv { bias: Some(Bias::Given(init)), ..self }
    }

    /// Without a bias.
    pub fn without_bias(self) -> Conv {
        Conv { bias: None, ..self }
    }

    /// The layer at `path`, applied to `x`. Declares `{path}.weight` `[kh, kw, in/groups, out]` and
    /// `{path}.bias` `[out]` of `x`'s element type; a second layer of the same path and sizes shares them.
    ///
    /// # Errors
    /// Recorded when `x` holds no floats, has fewer axes, or a spatial size or the channels are not known;
    /// when a window is larger than the padded image, the groups do not divide the channels, or a setting is
    /// 0 or not for this number of axes; or when the path is declared with other sizes.
    #[track_caller]
    pub fn apply<'g>(&self, x: Expr<'g>, path: &str) -> Expr<'g> {
        let layer = x.graph().library_layer("conv", path);
        let ready = match self.ready(&format!("conv {path}"), x) {
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

    /// The convolution of `x` with a weight that is any expression `[kh, kw, in/groups, out]`, such as a
    /// normalized one, without a bias.
    ///
    /// # Errors
    /// Those of [`apply`](Conv::apply), and when the weight has another shape or element type.
    ///
    /// ```
    /// use dl_core::{F64, Graph, Tensor, interp, nn};
    /// let g = Graph::new();
    /// let (x, w) = (g.input("x", F64, (4, 1)), g.input("w", F64, (2, 1, 1)));
    /// let y = nn::Conv::new([2], 1).with_weight(x, w);
    /// let data = [
    ///     ("x", Tensor::new([4, 1], vec![1.0, 2.0, 4.0, 8.0])?),
    ///     ("w", Tensor::new([2, 1, 1], vec![1.0, 10.0])?),
    /// ];
    /// assert_eq!(interp::eval_expr(y, &data)?.to_f64(), [21.0, 42.0, 84.0]);
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    #[track_caller]
    pub fn with_weight<'g>(&self, x: Expr<'g>, weight: Expr<'g>) -> Expr<'g> {
        let ready = match self.ready("conv", x) {
            Ok(ready) => ready,
            Err(poison) => return poison,
        };
        match require_weight(&ready.images, weight, &self.weight_shape(ready.images.channels)) {
            Ok(()) => self.product(&ready, weight),
            Err(poison) => poison,
        }
    }

    fn weight_shape(&self, channels: usize) -> Shape {
        let sizes = self.size.iter().copied().chain([channels / self.groups, self.out]);
        sizes.map(Into::into).collect::<Vec<_>>().into()
    }

    #[track_caller]
    fn ready<'g>(&self, what: &str, x: Expr<'g>) -> Result<Ready<'g>, Expr<'g>> {
        let images = Images::of(what, x, self.size.len())?;
        let known = Windows::new(&self.size, &self.stride, &self.dilation).and_then(|windows| {
            check(&images, self.groups, self.out)?;
            let pads = match &self.padding {
                Padding::Same => windows.same(&images.sizes),
                Padding::By(pads) => pads.resolve(self.size.len())?,
            };
            windows.check(&images.sizes, &pads)?;
            Ok((windows, pads))
        });
        match known {
            Ok((windows, pads)) => Ok(Ready { images, windows, pads }),
            Err(why) => Err(images.fail(&why)),
        }
    }

    #[track_caller]
    fn product<'g>(&self, ready: &Ready<'g>, weight: Expr<'g>) -> Expr<'g> {
        let Ready { images, windows, pads } = ready;
        let x = padded(images, pads, self.mode);
        let last = images.first + self.size.len();
        let windows = windows.unfold(split(x, last, self.groups), images.first);
        let weight = split(weight, self.size.len() + 1, self.groups);
        join(contract(Letters::new(images, self.groups).forward(), windows, weight), last, self.groups)
    }
}

/// What was found to fit.
struct Ready<'g> {
    images: Images<'g>,
    windows: Windows,
    pads: Vec<(usize, usize)>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{faults, near, value};
    use crate::{F32, F64, Graph, Named, Tensor, U8};
    use expect_test::expect;

    const B: Named = Named("B");

    #[test]
    fn both_start_as_in_pytorch() {
        let g = Graph::new();
        Conv::new([3, 3], 64).groups(2).apply(g.input("x", F32, (B, 8, 8, 8)), "c");
        for decl in g.parameter_decls() {
            let v = decl.sample(3).unwrap().to_f64();
            let largest = v.iter().fold(0f64, |m, x| m.max(x.abs()));
            assert!((0.9..=1.0).contains(&(largest * 6.0)), "{}: {largest}", decl.name);
        }
    }

    #[test]
    fn groups_do_not_see_each_other() {
        let g = Graph::new();
        let y =
            Conv::new([1], 4).groups(2).with_weight(g.input("x", F64, (1, 2)), g.input("w", F64, (1, 1, 4)));
        let data = [
            ("x", Tensor::new([1, 2], vec![1.0, 10.0]).unwrap()),
            ("w", Tensor::new([1, 1, 4], vec![1.0, 2.0, 3.0, 4.0]).unwrap()),
        ];
        near(&value(y, &data), &[1.0, 2.0, 30.0, 40.0]);
    }

    #[test]
    fn a_weight_may_be_any_expression() {
        let g = Graph::new();
        let (x, w) = (g.input("x", F64, (2, 1)), g.input("w", F64, (1, 1, 1)));
        let data = [
            ("x", Tensor::new([2, 1], vec![1.0, 2.0]).unwrap()),
            ("w", Tensor::new([1, 1, 1], vec![3.0]).unwrap()),
        ];
        near(&value(Conv::new([1], 1).with_weight(x, w.square()), &data), &[9.0, 18.0]);
    }

    #[test]
    fn misuse_is_recorded_once() {
        let g = Graph::new();
        let x = g.input("x", F32, (B, 5, 4, 3));
        Conv::new([7, 3], 2).padding([(1, 0), (0, 0)]).apply(x, "large").relu();
        Conv::new([3, 3], 2).dilation([3, 1]).apply(x, "dilated");
        Conv::new([3, 3], 4).groups(2).apply(x, "grouped");
        Conv::new([3, 3], 4).groups(0).apply(x, "no group");
        Conv::new([3, 3], 4).stride(0).apply(x, "no stride");
        Conv::new([3, 3], 4).stride([1, 2, 3]).apply(x, "strides");
        Conv::new([3, 0], 4).apply(x, "no window");
        Conv::new([3, 3], 4).padding([1]).apply(x, "pads");
        Conv::new([3, 3], 4).padding(5).padding_mode(PaddingMode::Reflect).apply(x, "reflected");
        conv3d(g.input("a", F32, (5, 4, 3)), "rank", 2, [1, 1, 1]);
        conv2d(g.input("n", F32, (4, B, 4, 3)), "named", 2, [1, 1]);
        conv2d(g.input("u", U8, (4, 4, 3)), "bytes", 2, [1, 1]);
        Conv::new([3, 3], 2).with_weight(x, g.input("w", F32, (3, 3, 2, 3)));
        conv2d(x, "twice", 2, [1, 1]);
        conv2d(x, "twice", 2, [2, 1]);
        expect![[r#"
            conv large of [B, 5, 4, 3]: a window of 7 is larger than the 6 elements, padding included, along spatial axis 0
            conv dilated of [B, 5, 4, 3]: a window of 7 (3 elements, 3 apart) is larger than the 5 elements, padding included, along spatial axis 0
            conv grouped of [B, 5, 4, 3]: 2 groups do not divide 3 channels in and 4 out
            conv no group of [B, 5, 4, 3]: 0 groups: at least 1 is needed
            conv no stride of [B, 5, 4, 3]: stride [0, 0]: each must be at least 1
            conv strides of [B, 5, 4, 3]: stride [1, 2, 3]: 2 numbers are needed, one for each axis
            conv no window of [B, 5, 4, 3]: a window of [3, 0]: each must be at least 1
            conv pads of [B, 5, 4, 3]: padding [(1, 1)]: 2 are needed, one for each spatial axis
            conv reflected of [B, 5, 4, 3]: 5 elements of padding, 4 to reflect along spatial axis 0
            conv rank of [5, 4, 3]: 3 spatial axes and the channels are needed
            conv named of [4, B, 4, 3]: the sizes of its last 3 axes must be known
            conv bytes needs a float (f32 or f64), got u8 [4, 4, 3]: cast it first
            conv of [B, 5, 4, 3]: a weight f32 [3, 3, 2, 3], f32 [3, 3, 3, 2] is needed
            parameter twice.weight is declared as f32 [2, 1, 3, 2], before as f32 [1, 1, 3, 2] (or with another initialiser)"#]].assert_eq(&faults(&g));
    }
}
