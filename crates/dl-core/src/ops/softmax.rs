//! Logarithms of sums of exponentials, the composite operations: programs have them by name, plans have what
//! computes them (`plan/expand`).

use crate::graph::Node;
use crate::ops::{Op, Signature, check_axes};

/// Element type and shape of [`Op::LogSumExp`] and [`Op::LogSoftmax`].
pub(super) fn signature(op: &Op, x: &Node) -> Result<Signature, String> {
    let (axes, shape) = match op {
        Op::LogSumExp(axes) => (axes, x.shape.without(axes)),
        Op::LogSoftmax(axes) => (axes, x.shape.clone()),
        _ => return Err(format!("{} is no logarithm of a sum", op.name())),
    };
    check_axes(op.name(), axes, &x.shape)?;
    if !x.dtype.is_float() {
        return Err(format!(
            "{} needs a float (f32 or f64), got {} {}: cast it first",
            op.name(),
            x.dtype,
            x.shape
        ));
    }
    Ok((x.dtype, shape))
}
