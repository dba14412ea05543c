//! Gated linear units: one half of a value, multiplied by a function of the other.

use crate::dim::Dim;
use crate::graph::{Axes, Expr};
use crate::nn::activation::{gelu, silu};
use crate::nn::require_float;

/// Gated linear unit: `a·σ(b)`, where `a` and `b` are the halves of `x` along `axis`. The axis comes out
/// half as long. The gate is the second half, as in PyTorch.
///
/// Dauphin, Fan, Auli, Grangier: "Language modeling with gated convolutional networks", ICML 2017.
///
/// # Errors
/// Recorded when `x` holds no floats, has no such axis, or its size is odd.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, [4]);
/// let data = [("x", Tensor::vector(vec![2.0, 4.0, 0.0, 1e3]))];
/// assert_eq!(interp::eval_expr(nn::glu(x, -1), &data)?.to_f64(), [1.0, 4.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn glu(x: Expr<'_>, axis: isize) -> Expr<'_> {
    gated("glu", x, axis, Expr::sigmoid)
}

/// `a·relu(b)`: [`glu`] with another gate.
///
/// Shazeer: "GLU variants improve transformer", arXiv:2002.05202, 2020, who gates by the first half.
///
/// # Errors
/// As for [`glu`].
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, [4]);
/// let data = [("x", Tensor::vector(vec![2.0, 4.0, -1.0, 3.0]))];
/// assert_eq!(interp::eval_expr(nn::reglu(x, -1), &data)?.to_f64(), [0.0, 12.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn reglu(x: Expr<'_>, axis: isize) -> Expr<'_> {
    gated("reglu", x, axis, Expr::relu)
}

/// `a·gelu(b)`: [`glu`] with another gate; see [`reglu`].
///
/// # Errors
/// As for [`glu`].
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, [4]);
/// let data = [("x", Tensor::vector(vec![2.0, 4.0, 0.0, 100.0]))];
/// assert_eq!(interp::eval_expr(nn::geglu(x, -1), &data)?.to_f64(), [0.0, 400.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn geglu(x: Expr<'_>, axis: isize) -> Expr<'_> {
    gated("geglu", x, axis, gelu)
}

/// `a·silu(b)`: [`glu`] with another gate; see [`reglu`].
///
/// # Errors
/// As for [`glu`].
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let x = g.input("x", F64, [4]);
/// let data = [("x", Tensor::vector(vec![2.0, 4.0, 0.0, 100.0]))];
/// assert_eq!(interp::eval_expr(nn::swiglu(x, -1), &data)?.to_f64(), [0.0, 400.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn swiglu(x: Expr<'_>, axis: isize) -> Expr<'_> {
    gated("swiglu", x, axis, silu)
}

#[track_caller]
fn gated<'g>(what: &str, x: Expr<'g>, axis: isize, gate: fn(Expr<'g>) -> Expr<'g>) -> Expr<'g> {
    if let Err(poison) = require_float(what, x) {
        return poison;
    }
    let shape = x.shape();
    let axis = match axis.resolve(shape.rank()) {
        Ok(axes) => axes[0],
        Err(message) => return x.graph().fail(format!("{what} {message} of {shape}")),
    };
    let Some(half) = shape[axis].exact_div(&Dim::Size(2)) else {
        return x.graph().fail(format!("{what} along axis {axis} of {shape}: an even size is needed"));
    };
    (x.slice(axis, 0, half.clone()) * gate(x.slice(axis, half, shape[axis].clone()))).called(what, &[x])
}
