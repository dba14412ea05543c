//! What movements mean: for each index of the result, where its element stood.

use super::array::{Array, Values, each_index};
use crate::dim::{Dim, Dims};
use crate::dtype::Scalar;
use crate::ops::movement;

/// Axis `i` of the result is axis `permutation[i]` of `x`.
pub(super) fn permute(permutation: &[usize], x: &Array, shape: &[usize]) -> Values {
    let mut source = vec![0; shape.len()];
    x.pick(shape, |index| {
        for (i, &axis) in index.iter().zip(permutation) {
            source[axis] = *i;
        }
        x.offset(&source)
    })
}

/// Axis `i` of `x` is axis `axes[i]` of the result.
pub(super) fn broadcast(axes: &[usize], x: &Array, shape: &[usize]) -> Values {
    x.pick(shape, |index| x.offset(&axes.iter().map(|&a| index[a]).collect::<Vec<_>>()))
}

/// Element `i` along each axis is element `start + i·stride` of `x`.
pub(super) fn slice(
    starts: &[Dim],
    strides: &[usize],
    x: &Array,
    shape: &[usize],
    dims: &Dims,
) -> Result<Values, String> {
    let starts = movement::starts("slice", (starts, strides), &x.shape, shape, dims)?;
    Ok(x.pick(shape, |index| x.offset(&spot(index, &starts, strides))))
}

/// Element `i` of `x` along each axis goes to `start + i·stride`; `value` stands elsewhere.
pub(super) fn pad(
    starts: &[Dim],
    strides: &[usize],
    value: Scalar,
    x: &Array,
    shape: &[usize],
    dims: &Dims,
) -> Result<Values, String> {
    let starts = movement::starts("pad", (starts, strides), shape, &x.shape, dims)?;
    let pool = x.data.clone().append(&Values::full(value, 1))?;
    let elsewhere = x.data.len();
    let source = |index: &[usize]| {
        let mut own = Vec::with_capacity(index.len());
        for (axis, i) in index.iter().enumerate() {
            let distance = i.checked_sub(starts[axis]).filter(|d| d % strides[axis] == 0)?;
            own.push(Some(distance / strides[axis]).filter(|k| *k < x.shape[axis])?);
        }
        Some(x.offset(&own))
    };
    Ok(pool.pick(&each_index(shape, |index| source(index).unwrap_or(elsewhere))))
}

/// Arrays one after the other along `axis`.
pub(super) fn concat(axis: usize, parts: &[&Array], shape: &[usize]) -> Result<Values, String> {
    let (first, rest) = parts.split_first().ok_or("cannot concatenate nothing")?;
    let pool = rest.iter().try_fold(first.data.clone(), |pool, part| pool.append(&part.data))?;
    let sources = each_index(shape, |index| {
        let (mut own, mut before) = (index.to_vec(), 0);
        for part in parts {
            if own[axis] < part.shape[axis] {
                return before + part.offset(&own);
            }
            own[axis] -= part.shape[axis];
            before += part.data.len();
        }
        before
    });
    Ok(pool.pick(&sources))
}

/// Reverse order along `axes`.
pub(super) fn flip(axes: &[usize], x: &Array, shape: &[usize]) -> Values {
    x.pick(shape, |index| {
        let mut source = index.to_vec();
        for &a in axes {
            source[a] = shape[a] - 1 - index[a];
        }
        x.offset(&source)
    })
}

/// `start + i·stride` along each axis.
fn spot(index: &[usize], starts: &[usize], strides: &[usize]) -> Vec<usize> {
    index.iter().zip(starts).zip(strides).map(|((i, start), stride)| start + i * stride).collect()
}
