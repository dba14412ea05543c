//! What indexing means: gather, its transpose, iota and sorting.

use std::cmp::Ordering;

use super::array::{Array, Values, Values::*, each_index, offset, position};
use crate::dtype::{DType, Scalar};
use crate::ops::{Op, Order, Reduce, Scatter};

/// Element `[batch…, before…, indices…, after…]` of the result is element
/// `[batch…, before…, index, after…]` of `x`.
pub(super) fn gather(
    axis: usize,
    batch: usize,
    x: &Array,
    indices: &Array,
    shape: &[usize],
) -> Result<Values, String> {
    let picks = checked("gather", axis, &x.shape, indices)?;
    Ok(x.pick(shape, |index| offset(&x.shape, &selected(index, axis, batch, indices, &picks))))
}

/// The updates go to the places that [`gather`] would read in an array of `shape`: there they are
/// combined; elsewhere is what the combination of nothing is.
pub(super) fn scatter(
    kind: Scatter,
    (axis, batch): (usize, usize),
    indices: &Array,
    updates: &Array,
    shape: &[usize],
) -> Result<Values, String> {
    let name = Op::Scatter { kind, axis, batch }.name();
    let picks = checked(name, axis, shape, indices)?;
    let targets =
        each_index(&updates.shape, |index| offset(shape, &selected(index, axis, batch, indices, &picks)));
    let len = shape.iter().product();
    match kind {
        Scatter::Add => updates.data.accumulate(Reduce::Sum, &targets, len),
        Scatter::Max => updates.data.accumulate(Reduce::Max, &targets, len),
        Scatter::Min => updates.data.accumulate(Reduce::Min, &targets, len),
        Scatter::Set => updates.data.set(&targets, len),
    }
}

/// The index into the indexed array of an index into the gathered one.
fn selected(index: &[usize], axis: usize, batch: usize, indices: &Array, picks: &[usize]) -> Vec<usize> {
    let own = axis..axis + indices.shape.len() - batch;
    let pick = picks[indices.offset(&[&index[..batch], &index[own.clone()]].concat())];
    [&index[..axis], &[pick], &index[own.end..]].concat()
}

/// All indices, once each of them is known to lie inside the axis.
fn checked(op: &str, axis: usize, indexed: &[usize], indices: &Array) -> Result<Vec<usize>, String> {
    let n = indexed[axis];
    let check = |(k, i): (usize, &i64)| {
        usize::try_from(*i).ok().filter(|i| *i < n).ok_or_else(|| {
            let at = position(&indices.shape, k);
            let range = if n == 0 { "none".into() } else { format!("0 to {}", n - 1) };
            format!("{op} by index {i} at position {at:?}, outside the {n} elements of axis {axis} of {indexed:?}: expected {range}")
        })
    };
    indices.data.ints()?.iter().enumerate().map(check).collect()
}

/// `0, 1, 2, …` along `axis`.
pub(super) fn iota(axis: usize, dtype: DType, shape: &[usize]) -> Values {
    let along = each_index(shape, |index| index[axis]);
    if dtype.is_float() {
        return Float(along.into_iter().map(|i| i as f64).collect());
    }
    Int(along.into_iter().map(|i| i as i64).collect())
}

/// The elements in order along `axis`.
pub(super) fn sort(axis: usize, order: Order, x: &Array, shape: &[usize]) -> Values {
    let ranks = ranks(axis, order, x);
    x.pick(shape, |index| {
        let mut source = index.to_vec();
        source[axis] = ranks[offset(shape, index)];
        x.offset(&source)
    })
}

/// The indices of the elements in order along `axis`.
pub(super) fn argsort(axis: usize, order: Order, x: &Array) -> Values {
    Int(ranks(axis, order, x).into_iter().map(|i| i as i64).collect())
}

/// At each index, which element along `axis` stands there after sorting.
fn ranks(axis: usize, order: Order, x: &Array) -> Vec<usize> {
    let mut lines = x.shape.clone();
    lines[axis] = 1;
    let mut ranks = vec![0; x.data.len()];
    each_index(&lines, |line| {
        let place = |k| {
            let mut index = line.to_vec();
            index[axis] = k;
            x.offset(&index)
        };
        let mut along: Vec<usize> = (0..x.shape[axis]).collect();
        along.sort_by(|a, b| compare(order, &x.data, place(*a), place(*b)));
        for (k, source) in along.into_iter().enumerate() {
            ranks[place(k)] = source;
        }
    });
    ranks
}

/// Which of two elements comes first; NaN after everything else, whichever the order.
fn compare(order: Order, data: &Values, a: usize, b: usize) -> Ordering {
    let (ordering, nan) = match data {
        Float(v) => (v[a].partial_cmp(&v[b]), v[a].is_nan().cmp(&v[b].is_nan())),
        Int(v) => (Some(v[a].cmp(&v[b])), Ordering::Equal),
        Bool(v) => (Some(v[a].cmp(&v[b])), Ordering::Equal),
    };
    match (ordering, order) {
        (None, _) => nan,
        (Some(ordering), Order::Ascending) => ordering,
        (Some(ordering), Order::Descending) => ordering.reverse(),
    }
}

/// `value` in every element, as an array of `dtype` holds it.
pub(super) fn number(value: usize, dtype: DType, shape: &[usize]) -> Values {
    let scalar = if dtype.is_float() { Scalar::Float(value as f64) } else { Scalar::Int(value as i64) };
    Values::full(scalar, shape.iter().product())
}
