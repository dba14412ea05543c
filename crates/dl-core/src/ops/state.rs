//! Leaves: inputs, parameters, constants, literals, extents and the step counter.

use crate::dtype::{DType, Scalar};
use crate::graph::{Expr, Graph};
use crate::ops::{Op, Signature, required};
use crate::shape::{IntoDim, Shape};
use crate::tensor::{Literal, Tensor};

pub(crate) fn signature(op: &Op, declared: Option<(DType, &Shape)>) -> Result<Signature, String> {
    match op {
        Op::Literal(Literal(t)) => Ok((t.dtype(), t.shape().into())),
        Op::Step => Ok((DType::I64, Shape::scalar())),
        Op::Constant(value) => {
            let (dtype, shape) = required("constant", declared)?;
            if !value.fits(dtype) {
                return Err(format!("constant {value} does not fit {dtype}"));
            }
            Ok((dtype, shape))
        }
        Op::Extent(dim) => {
            let (dtype, shape) = required("extent", declared)?;
            dim.check().map_err(|why| format!("extent: {why}"))?;
            if !dtype.is_numeric() {
                return Err(format!("a size as {dtype}: a number type is needed"));
            }
            Ok((dtype, shape))
        }
        _ => required(op.name(), declared),
    }
}

impl Graph {
    /// `value` in every element of `shape`, rounded to the element type. A number that the type does
    /// not have ([`Scalar::written`]) is a mistake.
    #[track_caller]
    pub fn full(&self, dtype: DType, shape: impl Into<Shape>, value: f64) -> Expr<'_> {
        match Scalar::written(dtype, value) {
            Ok(Scalar::Float(c)) if self.is_attempting() && !dtype.has_digits(c) => {
                self.fail(format!("constant {c:?} has fewer digits than {dtype}"))
            }
            Ok(constant) => self.leaf(Op::Constant(constant), dtype, shape.into()),
            Err(message) => self.fail(message),
        }
    }

    /// A scalar constant.
    #[track_caller]
    pub fn constant(&self, dtype: DType, value: f64) -> Expr<'_> {
        self.full(dtype, Shape::scalar(), value)
    }

    /// An array written into the program.
    #[track_caller]
    pub fn literal(&self, tensor: Tensor) -> Expr<'_> {
        let (dtype, shape) = (tensor.dtype(), Shape::from(tensor.shape()));
        self.leaf(Op::Literal(Literal(tensor)), dtype, shape)
    }

    /// The size of a dimension as a number of `dtype`, a scalar.
    #[track_caller]
    pub fn extent(&self, dtype: DType, dim: impl IntoDim) -> Expr<'_> {
        self.leaf(Op::Extent(dim.into_dim()), dtype, Shape::scalar())
    }

    /// How many training steps the session has finished: `i64`, scalar, 0 in the first step.
    #[track_caller]
    pub fn step(&self) -> Expr<'_> {
        self.leaf(Op::Step, DType::I64, Shape::scalar())
    }
}
