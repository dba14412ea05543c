//! Axes of host arrays in another order.

use dl_core::Tensor;
use dl_core::tensor::Data;

/// The array whose axis `i` is axis `axes[i]` of `value`.
pub(super) fn permuted(value: &Tensor, axes: &[usize]) -> Tensor {
    let shape: Vec<usize> = axes.iter().map(|axis| value.shape()[*axis]).collect();
    let strides = strides(value.shape());
    let strides: Vec<usize> = axes.iter().map(|axis| strides[*axis]).collect();
    let data = match value.data() {
        Data::F32(v) => Data::F32(gathered(v, &shape, &strides)),
        Data::F64(v) => Data::F64(gathered(v, &shape, &strides)),
        Data::I64(v) => Data::I64(gathered(v, &shape, &strides)),
        Data::Bool(v) => Data::Bool(gathered(v, &shape, &strides)),
        Data::U8(v) => Data::U8(gathered(v, &shape, &strides)),
    };
    Tensor::from_data(shape, data).expect("as many elements as before")
}

/// How far apart neighbours along each axis are.
fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// Elements in the row-major order of `shape`, from where `strides` say.
fn gathered<T: Copy>(from: &[T], shape: &[usize], strides: &[usize]) -> Vec<T> {
    let mut all = Vec::with_capacity(from.len());
    let Some((&width, outer)) = shape.split_last() else {
        return from.to_vec();
    };
    if from.is_empty() {
        return all;
    }
    let stride = strides[outer.len()];
    let mut place = vec![0; outer.len()];
    loop {
        let first: usize = place.iter().zip(strides).map(|(i, stride)| i * stride).sum();
        all.extend((0..width).map(|i| from[first + i * stride]));
        let mut axis = outer.len();
        loop {
            if axis == 0 {
                return all;
            }
            axis -= 1;
            place[axis] += 1;
            if place[axis] < outer[axis] {
                break;
            }
            place[axis] = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_change_places() {
        let x = Tensor::new([2, 3, 2], (0..12i64).collect()).unwrap();
        let y = permuted(&x, &[2, 0, 1]);
        assert_eq!(y, Tensor::new([2, 2, 3], vec![0i64, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11]).unwrap());
        assert_eq!(permuted(&y, &[1, 2, 0]), x);
        let scalar = Tensor::scalar(true);
        assert_eq!(permuted(&scalar, &[]), scalar);
        let empty = Tensor::new([0, 3], Vec::<u8>::new()).unwrap();
        assert_eq!(permuted(&empty, &[1, 0]).shape(), [3, 0]);
    }
}
