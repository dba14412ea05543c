//! Values on a device: burn's three kinds of tensor as one type, moved and reshaped alike.

use burn_backend::tensor::{BoolTensor, FloatTensor, IndexingUpdateOp, IntTensor};
use burn_backend::{Backend, Shape, Slice, TensorMetadata};

/// A tensor of any kind.
///
/// Its shape on the device is the plan's, with two liberties: a scalar has one axis of size 1,
/// since not every backend knows rank 0; and an axis along which values repeat may have size 1
/// until [`whole`](Value::whole) is asked for, since burn's elementwise operations broadcast.
/// No backend ever sees a tensor without elements.
#[derive(Clone)]
pub(super) enum Value<B: Backend> {
    Float(FloatTensor<B>),
    /// `i64` and `u8`.
    Int(IntTensor<B>),
    Bool(BoolTensor<B>),
    /// No elements.
    Empty,
}

/// One expression for each kind of tensor.
macro_rules! each_kind {
    ($value:expr, $t:ident => $float:expr, $int:expr, $bool:expr) => {
        match $value {
            Value::Float($t) => Value::Float($float),
            Value::Int($t) => Value::Int($int),
            Value::Bool($t) => Value::Bool($bool),
            Value::Empty => Value::Empty,
        }
    };
}

/// The shape on the device for a shape of the plan.
pub(super) fn extents(shape: &[usize]) -> Vec<usize> {
    if shape.is_empty() { vec![1] } else { shape.to_vec() }
}

impl<B: Backend> Value<B> {
    /// The shape on the device.
    pub(super) fn shape(&self) -> Vec<usize> {
        match self {
            Value::Float(t) => t.shape().iter().copied().collect(),
            Value::Int(t) => t.shape().iter().copied().collect(),
            Value::Bool(t) => t.shape().iter().copied().collect(),
            Value::Empty => vec![0],
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Value::Empty)
    }

    /// The same with every repeated element in place; `shape` is the plan's.
    pub(super) fn whole(self, shape: &[usize]) -> Self {
        self.expand(&extents(shape))
    }

    /// Axes of size 1 repeated up to `shape`.
    pub(super) fn expand(self, shape: &[usize]) -> Self {
        if self.is_empty() || self.shape() == shape {
            return self;
        }
        let to = || Shape::from(shape);
        each_kind!(self, t => B::float_expand(t, to()), B::int_expand(t, to()), B::bool_expand(t, to()))
    }

    pub(super) fn reshape(self, shape: &[usize]) -> Self {
        if self.is_empty() || self.shape() == shape {
            return self;
        }
        let to = || Shape::from(shape);
        each_kind!(self, t => B::float_reshape(t, to()), B::int_reshape(t, to()), B::bool_reshape(t, to()))
    }

    pub(super) fn permute(self, axes: &[usize]) -> Self {
        if axes.iter().copied().eq(0..axes.len()) {
            return self;
        }
        each_kind!(self, t => B::float_permute(t, axes), B::int_permute(t, axes), B::bool_permute(t, axes))
    }

    pub(super) fn flip(self, axes: &[usize]) -> Self {
        each_kind!(self, t => B::float_flip(t, axes), B::int_flip(t, axes), B::bool_flip(t, axes))
    }

    pub(super) fn slice(self, slices: &[Slice]) -> Self {
        each_kind!(self, t => B::float_slice(t, slices), B::int_slice(t, slices), B::bool_slice(t, slices))
    }

    /// `self` with `part`, of the same kind, written over `slices`.
    pub(super) fn slice_assign(self, slices: &[Slice], part: Self) -> Self {
        match (self, part) {
            (Value::Float(t), Value::Float(p)) => Value::Float(B::float_slice_assign(t, slices, p)),
            (Value::Int(t), Value::Int(p)) => Value::Int(B::int_slice_assign(t, slices, p)),
            (Value::Bool(t), Value::Bool(p)) => Value::Bool(B::bool_slice_assign(t, slices, p)),
            (whole, _) => whole,
        }
    }

    /// Values of the same kind, one after the other; there is at least one.
    pub(super) fn concat(parts: Vec<Self>, axis: usize) -> Self {
        let (mut floats, mut ints, mut bools) = (vec![], vec![], vec![]);
        for part in parts {
            match part {
                Value::Float(t) => floats.push(t),
                Value::Int(t) => ints.push(t),
                Value::Bool(t) => bools.push(t),
                Value::Empty => {}
            }
        }
        if !floats.is_empty() {
            Value::Float(B::float_cat(floats, axis))
        } else if !ints.is_empty() {
            Value::Int(B::int_cat(ints, axis))
        } else if !bools.is_empty() {
            Value::Bool(B::bool_cat(bools, axis))
        } else {
            Value::Empty
        }
    }

    /// The slices at `indices` (one axis) along `axis`.
    pub(super) fn select(self, axis: usize, indices: IntTensor<B>) -> Self {
        each_kind!(self, t => B::float_select(t, axis, indices), B::int_select(t, axis, indices), B::bool_select(t, axis, indices))
    }

    /// The elements at `indices`, an array of the result's shape, along `axis`.
    pub(super) fn gather(self, axis: usize, indices: IntTensor<B>) -> Self {
        each_kind!(self, t => B::float_gather(axis, t, indices), B::int_gather(axis, t, indices), B::bool_gather(axis, t, indices))
    }

    /// `self` with slices of `updates` added at `indices` (one axis) along `axis`.
    pub(super) fn select_add(self, axis: usize, indices: IntTensor<B>, updates: Self) -> Self {
        const ADD: IndexingUpdateOp = IndexingUpdateOp::Add;
        match (self, updates) {
            (Value::Float(t), Value::Float(u)) => {
                Value::Float(B::float_select_assign(t, axis, indices, u, ADD))
            }
            (Value::Int(t), Value::Int(u)) => Value::Int(B::int_select_assign(t, axis, indices, u, ADD)),
            (zeros, _) => zeros,
        }
    }

    /// `self` with elements of `updates` added at `indices`, an array of their shape, along `axis`.
    pub(super) fn scatter_add(self, axis: usize, indices: IntTensor<B>, updates: Self) -> Self {
        const ADD: IndexingUpdateOp = IndexingUpdateOp::Add;
        match (self, updates) {
            (Value::Float(t), Value::Float(u)) => Value::Float(B::float_scatter(axis, t, indices, u, ADD)),
            (Value::Int(t), Value::Int(u)) => Value::Int(B::int_scatter(axis, t, indices, u, ADD)),
            (zeros, _) => zeros,
        }
    }

    pub(super) fn int(self) -> Result<IntTensor<B>, String> {
        match self {
            Value::Int(t) => Ok(t),
            other => Err(format!("expected integers, got {}", other.kind())),
        }
    }

    pub(super) fn bool(self) -> Result<BoolTensor<B>, String> {
        match self {
            Value::Bool(t) => Ok(t),
            other => Err(format!("expected truth values, got {}", other.kind())),
        }
    }

    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Float(_) => "floats",
            Value::Int(_) => "integers",
            Value::Bool(_) => "truth values",
            Value::Empty => "nothing",
        }
    }
}
