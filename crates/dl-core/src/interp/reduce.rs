//! What reductions mean: every element goes into the result at its index without the reduced axes.

use super::array::{Array, Values, Values::*, each_index, offset};
use crate::ops::Reduce;

/// `kind` along `axes`, in the order of the elements.
pub(super) fn reduce(kind: Reduce, axes: &[usize], x: &Array, shape: &[usize]) -> Result<Values, String> {
    let len = shape.iter().product();
    if let (Int(_), Reduce::Max | Reduce::Min, 1.., true) = (&x.data, kind, len, x.data.len() == 0) {
        return Err(format!("{} of {:?} over nothing: i64 has no infinity", kind.name(), x.shape));
    }
    let targets = each_index(&x.shape, |index| offset(shape, &without(index, axes)));
    x.data.accumulate(kind, &targets, len)
}

/// The index of the first extreme element along `axis`; the first NaN, if there is one.
pub(super) fn arg_reduce(kind: Reduce, axis: usize, x: &Array, shape: &[usize]) -> Result<Values, String> {
    let n = x.shape[axis];
    if n == 0 && !shape.contains(&0) {
        return Err(format!(
            "arg{} along axis {axis} of {:?}, which is empty",
            if kind == Reduce::Min { "min" } else { "max" },
            x.shape
        ));
    }
    let firsts = each_index(shape, |index| {
        let place = |k| x.offset(&[&index[..axis], &[k], &index[axis..]].concat());
        (1..n).fold(0, |best, k| if beats(kind, &x.data, place(k), place(best)) { k } else { best }) as i64
    });
    Ok(Int(firsts))
}

/// True if the element at `a` is more extreme than the one at `b`; nothing beats NaN.
fn beats(kind: Reduce, data: &Values, a: usize, b: usize) -> bool {
    let max = kind == Reduce::Max;
    match data {
        Float(v) if v[b].is_nan() => false,
        Float(v) => v[a].is_nan() || if max { v[a] > v[b] } else { v[a] < v[b] },
        Int(v) => {
            if max {
                v[a] > v[b]
            } else {
                v[a] < v[b]
            }
        }
        Bool(v) => {
            if max {
                v[a] & !v[b]
            } else {
                !v[a] & v[b]
            }
        }
    }
}

/// `index` without `axes`.
fn without(index: &[usize], axes: &[usize]) -> Vec<usize> {
    index.iter().enumerate().filter(|(a, _)| !axes.contains(a)).map(|(_, i)| *i).collect()
}
