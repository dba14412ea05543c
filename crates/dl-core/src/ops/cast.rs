//! `select` and `cast`.

use crate::dtype::DType;
use crate::graph::{Expr, Node, Operand};
use crate::ops::{Op, Signature, required};
use crate::shape::Shape;

impl<'g> Expr<'g> {
    /// Where `self` (`bool`) holds, the elements of `a`, elsewhere those of `b`; shapes broadcast.
    /// A branch that is not taken gets exactly zero gradient, whatever its derivative is.
    #[track_caller]
    pub fn select(self, a: impl Operand<'g>, b: impl Operand<'g>) -> Expr<'g> {
        let (a, b) = crate::graph::pair(self, a, b);
        let shape = match a.shape().broadcast(&b.shape()).and_then(|s| s.broadcast(&self.shape())) {
            Ok(shape) => shape,
            Err(message) => return self.fail(message),
        };
        let c = self.broadcast_to(&shape);
        c.apply(Op::Select, &[a.broadcast_to(&shape), b.broadcast_to(&shape)])
    }

    /// The same values as `dtype`: rounded to nearest, floats to integers truncated and saturated,
    /// NaN to 0, and `≠ 0` for `bool`. The gradient passes between floats and stops elsewhere.
    #[track_caller]
    pub fn cast(self, dtype: DType) -> Expr<'g> {
        if self.dtype() == dtype {
            return self;
        }
        self.apply_as(Op::Cast, &[], dtype, self.shape())
    }
}

pub(crate) fn signature(x: &Node, declared: Option<(DType, &Shape)>) -> Result<Signature, String> {
    let (dtype, _) = required("cast", declared)?;
    Ok((dtype, x.shape.clone()))
}

pub(crate) fn select_signature(args: &[&Node]) -> Result<Signature, String> {
    let (c, a, b) = (args[0], args[1], args[2]);
    if c.dtype != DType::Bool {
        return Err(format!("select needs a bool condition, got {}", c.dtype));
    }
    if a.dtype != b.dtype {
        return Err(format!(
            "select between {} and {}: element types differ, cast one of them",
            a.dtype, b.dtype
        ));
    }
    if a.shape != b.shape || a.shape != c.shape {
        return Err(format!("select of {}, {} and {}: shapes differ", c.shape, a.shape, b.shape));
    }
    Ok((a.dtype, a.shape.clone()))
}
