//! Arrays of the interpreter: a shape and its elements in row-major order, floats always in double precision.

use crate::dtype::{DType, Scalar};
use crate::ops::{Binary, Reduce};
use crate::tensor::{Data, DataRef, Tensor, TensorRef};

/// A dense array in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Array {
    /// Sizes of the axes, outermost first.
    pub shape: Vec<usize>,
    /// As many elements as the product of `shape`.
    pub data: Values,
}

/// The elements; `f32` and `f64` are both floats, `i64` and `u8` both integers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Values {
    Float(Vec<f64>),
    Int(Vec<i64>),
    Bool(Vec<bool>),
}

use Values::{Bool, Float, Int};

impl Array {
    /// The place of a multi-index in row-major order.
    pub(crate) fn offset(&self, index: &[usize]) -> usize {
        offset(&self.shape, index)
    }

    /// The array of `shape` whose element at each multi-index stands at `source` of that in `self`.
    pub(crate) fn pick(&self, shape: &[usize], source: impl FnMut(&[usize]) -> usize) -> Values {
        self.data.pick(&each_index(shape, source))
    }

    /// The value of a node of type `dtype` as a host tensor; floats in double precision.
    pub(crate) fn into_tensor(self, dtype: DType) -> Tensor {
        let data = match self.data {
            Float(v) => Data::F64(v),
            Int(v) if dtype == DType::U8 => Data::U8(v.into_iter().map(saturate).collect()),
            Int(v) => Data::I64(v),
            Bool(v) => Data::Bool(v),
        };
        Tensor::from_data(self.shape, data).expect("every array has as many elements as its shape says")
    }
}

impl From<TensorRef<'_>> for Array {
    fn from(tensor: TensorRef<'_>) -> Self {
        let data = match tensor.data() {
            DataRef::F32(v) => Float(v.iter().map(|&x| f64::from(x)).collect()),
            DataRef::F64(v) => Float(v.to_vec()),
            DataRef::I64(v) => Int(v.to_vec()),
            DataRef::Bool(v) => Bool(v.to_vec()),
            DataRef::U8(v) => Int(v.iter().map(|&x| i64::from(x)).collect()),
        };
        Array { shape: tensor.shape().to_vec(), data }
    }
}

impl Values {
    /// `value` times `len`.
    pub(crate) fn full(value: Scalar, len: usize) -> Values {
        match value {
            Scalar::Float(x) => Float(vec![x; len]),
            Scalar::Int(n) => Int(vec![n; len]),
            Scalar::Bool(b) => Bool(vec![b; len]),
        }
    }

    /// The number of elements.
    pub(crate) fn len(&self) -> usize {
        match self {
            Float(v) => v.len(),
            Int(v) => v.len(),
            Bool(v) => v.len(),
        }
    }

    /// True where elements of `dtype` are held so.
    pub(crate) fn holds(&self, dtype: DType) -> bool {
        match self {
            Float(_) => dtype.is_float(),
            Int(_) => matches!(dtype, DType::I64 | DType::U8),
            Bool(_) => dtype == DType::Bool,
        }
    }

    /// The kind of elements, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Float(_) => "floats",
            Int(_) => "integers",
            Bool(_) => "truth values",
        }
    }

    /// The floats, where they are.
    pub(super) fn floats(&self) -> Result<&[f64], String> {
        match self {
            Float(v) => Ok(v),
            other => Err(format!("expected floats, got {}", other.kind())),
        }
    }

    /// The integers, where they are.
    pub(crate) fn ints(&self) -> Result<&[i64], String> {
        match self {
            Int(v) => Ok(v),
            other => Err(format!("expected integers, got {}", other.kind())),
        }
    }

    /// The elements at `offsets`.
    pub(crate) fn pick(&self, offsets: &[usize]) -> Values {
        match self {
            Float(v) => Float(offsets.iter().map(|&o| v[o]).collect()),
            Int(v) => Int(offsets.iter().map(|&o| v[o]).collect()),
            Bool(v) => Bool(offsets.iter().map(|&o| v[o]).collect()),
        }
    }

    /// More elements at the end.
    pub(crate) fn extend(&mut self, other: &Values) -> Result<(), String> {
        match (self, other) {
            (Float(a), Float(b)) => a.extend(b),
            (Int(a), Int(b)) => a.extend(b),
            (Bool(a), Bool(b)) => a.extend(b),
            (a, b) => return Err(format!("cannot put {} and {} into one array", a.kind(), b.kind())),
        }
        Ok(())
    }

    /// Both, one after the other.
    pub(crate) fn append(self, other: &Values) -> Result<Values, String> {
        Ok(match (self, other) {
            (Float(a), Float(b)) => Float([a.as_slice(), b].concat()),
            (Int(a), Int(b)) => Int([a.as_slice(), b].concat()),
            (Bool(a), Bool(b)) => Bool([a.as_slice(), b].concat()),
            (a, b) => {
                return Err(format!("cannot put {} and {} into one array", a.kind(), b.kind()));
            }
        })
    }

    /// `len` numbers: element `k` at `targets[k]`, the last of one place, and 0 elsewhere.
    pub(crate) fn set(&self, targets: &[usize], len: usize) -> Result<Values, String> {
        match self {
            Float(v) => {
                let mut out = vec![0.0; len];
                v.iter().zip(targets).for_each(|(x, t)| out[*t] = *x);
                Ok(Float(out))
            }
            Int(v) => {
                let mut out = vec![0; len];
                v.iter().zip(targets).for_each(|(x, t)| out[*t] = *x);
                Ok(Int(out))
            }
            Bool(_) => Err("scatter of truth values".into()),
        }
    }

    /// `len` reductions at once: element `k` goes into the one at `targets[k]`, in the order of `k`,
    /// starting from the identity.
    pub(crate) fn accumulate(&self, kind: Reduce, targets: &[usize], len: usize) -> Result<Values, String> {
        let op = match kind {
            Reduce::Sum => Binary::Add,
            Reduce::Prod => Binary::Mul,
            Reduce::Max => Binary::Max,
            Reduce::Min => Binary::Min,
        };
        match self {
            Float(v) => {
                let mut out = vec![kind.identity(); len];
                for (x, &t) in v.iter().zip(targets) {
                    out[t] = (op.row().value)(out[t], *x);
                }
                Ok(Float(out))
            }
            Int(v) => {
                let combine = op.value_i64().ok_or_else(|| format!("{} of integers", kind.name()))?;
                let mut out = vec![identity_i64(kind); len];
                for (x, &t) in v.iter().zip(targets) {
                    out[t] = combine(out[t], *x);
                }
                Ok(Int(out))
            }
            Bool(_) => Err(format!("{} of truth values", kind.name())),
        }
    }
}

/// The ends stand in for the infinities: callers refuse reductions over nothing before.
fn identity_i64(kind: Reduce) -> i64 {
    match kind {
        Reduce::Sum => 0,
        Reduce::Prod => 1,
        Reduce::Max => i64::MIN,
        Reduce::Min => i64::MAX,
    }
}

/// The nearest byte.
pub(super) fn saturate(n: i64) -> u8 {
    u8::try_from(n.clamp(0, 255)).expect("clamped to a byte")
}

/// The place of a multi-index in row-major order.
pub(crate) fn offset(shape: &[usize], index: &[usize]) -> usize {
    shape.iter().zip(index).fold(0, |o, (n, i)| o * n + i)
}

/// The multi-index at a place in row-major order, for messages.
pub(super) fn position(shape: &[usize], mut offset: usize) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (i, n) in index.iter_mut().zip(shape).rev() {
        *i = offset % n;
        offset /= n;
    }
    index
}

/// `f` of every multi-index of `shape`, in row-major order; of the empty one for a scalar.
pub(crate) fn each_index<T>(shape: &[usize], mut f: impl FnMut(&[usize]) -> T) -> Vec<T> {
    let len = shape.iter().product();
    let mut index = vec![0; shape.len()];
    let mut out = Vec::with_capacity(len);
    while out.len() < len {
        out.push(f(&index));
        // Count up, the last axis fastest.
        for (i, n) in index.iter_mut().zip(shape).rev() {
            *i += 1;
            if *i < *n {
                break;
            }
            *i = 0;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_go_in_row_major_order() {
        assert_eq!(each_index(&[2, 2], <[usize]>::to_vec), [[0, 0], [0, 1], [1, 0], [1, 1]]);
        assert_eq!(each_index(&[], <[usize]>::to_vec), [Vec::<usize>::new()]);
        assert_eq!(each_index(&[3, 0], <[usize]>::to_vec).len(), 0);
        let shape = [2, 3, 7];
        for (i, index) in each_index(&shape, <[usize]>::to_vec).iter().enumerate() {
            assert_eq!((offset(&shape, index), position(&shape, i)), (i, index.clone()));
        }
    }
}
