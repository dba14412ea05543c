//! Weight normalization, and the form in which a layer declares its weight.

use crate::dtype::DType;
use crate::graph::{Expr, Graph, Role, require_float};
use crate::init::Init;
use crate::nn::Mode;
use crate::nn::norm::SpectralNorm;
use crate::stable::norm;

/// Weight normalization: `g · v/‖v‖`, a weight `[…, in, out]` by its length `g` `[out]` and its direction `v`
/// for each output. Shape of `v` in and out. [`Dense::weight_norm`](crate::nn::Dense::weight_norm)
/// declares both.
///
/// Semantics are those of PyTorch's `parametrizations.weight_norm`.
///
/// Salimans, Kingma: "Weight normalization: a simple reparameterization to accelerate training of deep
/// neural networks", NeurIPS 2016.
///
/// # Errors
/// Recorded when `v` holds no floats or has fewer than two axes, or when `g` has not one number for each
/// output.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let (v, length) = (g.input("v", F64, [2, 1]), g.input("length", F64, [1]));
/// let data = [("v", Tensor::new([2, 1], vec![3.0, 4.0])?), ("length", Tensor::vector(vec![10.0]))];
/// assert_eq!(interp::eval_expr(nn::weight_norm(v, length), &data)?.to_f64(), [6.0, 8.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn weight_norm<'g>(v: Expr<'g>, g: Expr<'g>) -> Expr<'g> {
    if let Err(poison) = require_float("weight_norm", v) {
        return poison;
    }
    let (shape, lengths) = (v.shape(), v.beside(g).shape());
    if g.is_poison() {
        return g;
    }
    let rank = shape.rank();
    if rank < 2 || lengths.rank() != 1 || lengths[0] != shape[rank - 1] || g.dtype() != v.dtype() {
        return v.fail(format!(
            "weight_norm of {} {shape} and {} {lengths}: a weight […, in, out] and lengths [out] of one type \
             are needed",
            v.dtype(),
            g.dtype()
        ));
    }
    let field: Vec<usize> = (0..rank - 1).collect();
    (v * (g / norm(v, field)).broadcast_along(&[rank - 1], &shape)).called("weight_norm", &[v, g])
}

/// How a layer declares its weight `[…, in, out]`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::nn) enum WeightForm {
    /// As `{path}.weight`.
    #[default]
    Plain,
    /// As `{path}.weight_v` and `{path}.weight_g`, which starts as its norms.
    Normalized,
    /// As `{path}.weight`, with `{path}.u` and `{path}.v`.
    Spectral(SpectralNorm, Mode),
}

impl WeightForm {
    /// The weight of the layer at `path`; `images` are those that its inputs are the rows of.
    #[track_caller]
    pub(in crate::nn) fn declare<'g>(
        &self,
        g: &'g Graph,
        path: &str,
        dtype: DType,
        (shape, images): (&[usize], Vec<usize>),
        init: &Init,
    ) -> Expr<'g> {
        let declared = |name: &str| {
            g.parameter_as(Role::Weight { images: images.clone() }, name, dtype, shape, init.clone())
        };
        match self {
            WeightForm::Plain => declared(&format!("{path}.weight")),
            WeightForm::Normalized => {
                let name = format!("{path}.weight_v");
                let lengths = Init::norms(&name, shape, init.clone());
                let v = declared(&name);
                let columns = shape.last().copied().unwrap_or(1);
                weight_norm(v, g.parameter(&format!("{path}.weight_g"), dtype, [columns], lengths))
            }
            WeightForm::Spectral(spectral, mode) => {
                let weight = declared(&format!("{path}.weight"));
                if weight.is_poison() { weight } else { spectral.apply(weight, path, *mode) }
            }
        }
    }
}
