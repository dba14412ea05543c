//! Penalties on the structure of weights and images: groups, orthogonality, total variation.

use crate::dim::Dim;
use crate::graph::{Axes, Expr};
use crate::nn::penalty::sum_of;
use crate::nn::{Parameters, norm, require_float};
use crate::shape::Shape;

/// Group lasso: `Σ √p·‖w_group‖₂`, where a group of `p` elements is what lies along `axes`. A scalar;
/// its gradient for a group of zeros is 0.
///
/// Of a weight `[in, out]`, `group_lasso(w, 1)` makes a group of all that leaves one input (inputs are
/// dropped), and `group_lasso(w, 0)` of all that reaches one output (units are dropped).
///
/// Yuan, Lin: "Model selection and estimation in regression with grouped variables", J. R. Stat. Soc.
/// B 68, 2006.
///
/// # Errors
/// Recorded when there are no parameters, one has no such axis or holds no floats, or their element
/// types differ.
///
/// ```
/// use dl_core::{F64, Graph, Init, Tensor, interp, nn};
/// let g = Graph::new();
/// let w = g.parameter("w", F64, [2, 4], Init::Zeros);
/// let w_is = [("w", Tensor::new([2, 4], vec![0.0, 0.0, 0.0, 0.0, 3.0, 0.0, 4.0, 0.0])?)];
/// assert_eq!(interp::eval_expr(nn::group_lasso(w, 1), &w_is)?.item()?, 2.0 * 5.0);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn group_lasso<'g>(parameters: impl Into<Parameters<'g>>, axes: impl Axes) -> Expr<'g> {
    sum_of("group_lasso", &parameters.into(), |w| {
        let (g, shape) = (w.graph(), w.shape());
        let axes = match axes.resolve(shape.rank()) {
            Ok(axes) => axes,
            Err(message) => return g.fail(format!("group_lasso {message} of {shape}")),
        };
        let size = axes.iter().fold(Dim::Size(1), |n, axis| &n * &shape[*axis]);
        g.extent(w.dtype(), size).sqrt() * norm(w, axes)
    })
}

/// Soft orthogonality `‖WᵀW - I‖²_F`: 0 where the columns of `W` `[m, n]` are orthonormal, which takes
/// `n ≤ m`; for more columns than rows, give `w.transpose()`. A scalar.
///
/// Brock, Lim, Ritchie, Weston: "Neural photo editing with introspective adversarial networks", ICLR
/// 2017; Bansal, Chen, Wang: "Can we gain more from orthogonality regularizations in training deep
/// CNNs?", NeurIPS 2018.
///
/// # Errors
/// Recorded when there are no parameters, one is no matrix of floats, or their element types differ.
///
/// ```
/// use dl_core::{F64, Graph, Init, Tensor, interp, nn};
/// let g = Graph::new();
/// let w = g.parameter("w", F64, [2, 1], Init::Zeros);
/// let w_is = [("w", Tensor::new([2, 1], vec![0.0, 2.0])?)];
/// assert_eq!(interp::eval_expr(nn::orthogonality(w), &w_is)?.item()?, 9.0);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn orthogonality<'g>(parameters: impl Into<Parameters<'g>>) -> Expr<'g> {
    sum_of("orthogonality", &parameters.into(), |w| {
        let (g, shape) = (w.graph(), w.shape());
        if shape.rank() != 2 {
            return g.fail(format!("orthogonality of {shape}: a matrix is needed"));
        }
        let square = Shape::from(vec![shape[1].clone(), shape[1].clone()]);
        let identity = g.iota(w.dtype(), 0, &square).eq(g.iota(w.dtype(), 1, &square)).cast(w.dtype());
        (w.contract("ki,kj->ij", w) - identity).square()
    })
}

/// Anisotropic total variation: the sum of the sizes of the differences of neighbours along each of
/// `axes`, which disappear. The gradient of a difference of 0 is 0.
///
/// `[B, T]` along 1 gives the variation of each signal `[B]`; `[B, H, W]` along `[1, 2]` that of each
/// image `[B]`; a parameter along `..` gives a scalar.
///
/// Rudin, Osher, Fatemi: "Nonlinear total variation based noise removal algorithms", Physica D 60,
/// 1992; [`isotropic_total_variation`] is theirs.
///
/// # Errors
/// Recorded when `x` holds no floats or has no such axis.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, [4]);
/// let y = interp::eval_expr(nn::total_variation(x, 0), &[("x", Tensor::vector(vec![1.0, 3.0, 3.0, 0.0]))])?;
/// assert_eq!(y.item()?, 5.0);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn total_variation<'g>(x: Expr<'g>, axes: impl Axes) -> Expr<'g> {
    let axes = match resolved("total_variation", x, axes) {
        Ok(axes) => axes,
        Err(poison) => return poison,
    };
    let terms = axes.iter().map(|axis| difference(x, *axis).abs().sum(axes.clone()));
    terms.reduce(|a, b| a + b).unwrap_or(x * 0.0).called("total_variation", &[x])
}

/// Isotropic total variation: the sum of the lengths of the gradients, whose components are the
/// differences of neighbours along `axes`, which disappear. At the far end of an axis its difference
/// is 0. The gradient where all differences are 0 is 0.
///
/// Of one axis it is [`total_variation`]; the shapes are the same.
///
/// # Errors
/// Recorded when `x` holds no floats or has no such axis.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, [2, 2]);
/// let data = [("x", Tensor::new([2, 2], vec![0.0, 4.0, 3.0, 4.0])?)];
/// assert_eq!(interp::eval_expr(nn::isotropic_total_variation(x, ..), &data)?.item()?, 5.0 + 1.0);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn isotropic_total_variation<'g>(x: Expr<'g>, axes: impl Axes) -> Expr<'g> {
    let axes = match resolved("isotropic_total_variation", x, axes) {
        Ok(axes) => axes,
        Err(poison) => return poison,
    };
    let rank = x.shape().rank();
    let component = |axis: &usize| difference(x, *axis).pad(*axis, 0, 1, 0.0).unsqueeze(rank);
    let components: Vec<Expr<'g>> = axes.iter().map(component).collect();
    if components.is_empty() || axes.iter().any(|axis| is_empty(x, *axis)) {
        return (x * 0.0).sum(axes);
    }
    norm(x.graph().concat(rank, &components), -1).sum(axes).called("isotropic_total_variation", &[x])
}

/// Each element's successor along the axis, less the element.
#[track_caller]
fn difference(x: Expr<'_>, axis: usize) -> Expr<'_> {
    if is_empty(x, axis) {
        return x;
    }
    let size = x.shape()[axis].clone();
    x.slice(axis, 1, size.clone()) - x.slice(axis, 0, &size - &Dim::Size(1))
}

fn is_empty(x: Expr<'_>, axis: usize) -> bool {
    x.shape()[axis].size() == Some(0)
}

#[track_caller]
fn resolved<'g>(what: &str, x: Expr<'g>, axes: impl Axes) -> Result<Vec<usize>, Expr<'g>> {
    require_float(what, x)?;
    let shape = x.shape();
    axes.resolve(shape.rank()).map_err(|message| x.graph().fail(format!("{what} {message} of {shape}")))
}
