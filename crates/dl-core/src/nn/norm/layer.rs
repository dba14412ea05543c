//! Normalization over the features of one place: layer and RMS normalization.

use crate::dtype::DType;
use crate::graph::Expr;
use crate::nn::norm::{EPS, affine, check_eps, last_sizes, standardized};

/// Layer normalization: the features (the last axis, or several) of each place less their mean and divided
/// by their standard deviation, then `weight · x̂ + bias` with `{path}.weight` and `{path}.bias` of the
/// features' shape. Shape in, shape out.
///
/// The same in training and in evaluation. Semantics and defaults are those of PyTorch's `LayerNorm`.
///
/// Ba, Kiros, Hinton: "Layer normalization", 2016, arXiv:1607.06450.
///
/// ```
/// use dl_core::{F32, Graph, Named, nn::LayerNorm};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 64, 128));
/// assert_eq!(LayerNorm::new().apply(x, "ln").shape(), x.shape());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LayerNorm {
    axes: usize,
    eps: f64,
    affine: bool,
    bias: bool,
}

impl Default for LayerNorm {
    fn default() -> Self {
        LayerNorm::new()
    }
}

impl LayerNorm {
    /// Over the last axis, with `ε = 10⁻⁵`, a weight and a bias.
    pub fn new() -> LayerNorm {
        LayerNorm { axes: 1, eps: EPS, affine: true, bias: true }
    }

    /// Over so many last axes, at least one.
    pub fn axes(self, axes: usize) -> LayerNorm {
        LayerNorm { axes, ..self }
    }

    /// With another `ε`, added to the variance.
    pub fn eps(self, eps: f64) -> LayerNorm {
        LayerNorm { eps, ..self }
    }

    /// Without weight and bias.
    pub fn without_affine(self) -> LayerNorm {
        LayerNorm { affine: false, ..self }
    }

    /// With a weight and without a bias.
    pub fn without_bias(self) -> LayerNorm {
        LayerNorm { bias: false, ..self }
    }

    /// The layer at `path`, applied to `x`.
    ///
    /// # Errors
    /// Recorded when `x` holds no floats, has too few axes or features of unknown size, when `ε` is
    /// negative, or when the path is declared with other sizes.
    #[track_caller]
    pub fn apply<'g>(&self, x: Expr<'g>, path: &str) -> Expr<'g> {
        let layer = x.graph().library_layer("layer_norm", path);
        let (sizes, axes) = match features(&format!("layer_norm {path}"), x, self.axes, self.eps) {
            Ok(features) => features,
            Err(poison) => return poison,
        };
        let y = standardized(x, &axes, self.eps).value;
        let y = if self.affine { affine(y, path, &sizes, self.bias) } else { y };
        layer.output(y.called("layer_norm", &[x]))
    }
}

/// RMS normalization: the features (the last axis, or several) of each place divided by the root of their
/// mean square, then times `{path}.weight` of the features' shape. Shape in, shape out.
///
/// Semantics and defaults are those of PyTorch's `RMSNorm`: `ε`, which is added to the mean square, is the
/// distance from 1 to the next number of the element type.
///
/// Zhang, Sennrich: "Root mean square layer normalization", NeurIPS 2019.
///
/// ```
/// use dl_core::{F32, Graph, Named, nn::RmsNorm};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 64, 128));
/// assert_eq!(RmsNorm::new().apply(x, "norm").shape(), x.shape());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RmsNorm {
    axes: usize,
    eps: Option<f64>,
    affine: bool,
}

impl Default for RmsNorm {
    fn default() -> Self {
        RmsNorm::new()
    }
}

impl RmsNorm {
    /// Over the last axis, with a weight.
    pub fn new() -> RmsNorm {
        RmsNorm { axes: 1, eps: None, affine: true }
    }

    /// Over so many last axes, at least one.
    pub fn axes(self, axes: usize) -> RmsNorm {
        RmsNorm { axes, ..self }
    }

    /// With another `ε`.
    pub fn eps(self, eps: f64) -> RmsNorm {
        RmsNorm { eps: Some(eps), ..self }
    }

    /// Without a weight.
    pub fn without_affine(self) -> RmsNorm {
        RmsNorm { affine: false, ..self }
    }

    /// The layer at `path`, applied to `x`.
    ///
    /// # Errors
    /// As for [`LayerNorm`].
    #[track_caller]
    pub fn apply<'g>(&self, x: Expr<'g>, path: &str) -> Expr<'g> {
        let layer = x.graph().library_layer("rms_norm", path);
        let single = x.dtype() == DType::F32;
        let eps = self.eps.unwrap_or(if single { f64::from(f32::EPSILON) } else { f64::EPSILON });
        let (sizes, axes) = match features(&format!("rms_norm {path}"), x, self.axes, eps) {
            Ok(features) => features,
            Err(poison) => return poison,
        };
        let shape = x.shape();
        let kept: Vec<usize> = (0..shape.rank() - axes.len()).collect();
        let root = (x.square().mean(axes) + eps).sqrt();
        let y = x / root.broadcast_along(&kept, &shape);
        let y = if self.affine { affine(y, path, &sizes, false) } else { y };
        layer.output(y.called("rms_norm", &[x]))
    }
}

/// The sizes of the features and their axes.
#[track_caller]
fn features<'g>(
    what: &str,
    x: Expr<'g>,
    axes: usize,
    eps: f64,
) -> Result<(Vec<usize>, Vec<usize>), Expr<'g>> {
    if axes == 0 {
        return Err(x.fail(format!("{what} over no axis: at least one is needed")));
    }
    let sizes = last_sizes(what, x, 1, axes)?;
    if !check_eps(what, x, eps) {
        return Err(x.graph().poison());
    }
    let rank = x.shape().rank();
    Ok((sizes, (rank - axes..rank).collect()))
}
