//! The way over the host: download, compute in plain Rust, upload.
//!
//! Taken only where a backend has no operation that is right:
//!
//! - `expm1`, `sigmoid` and `softplus` on a processor, where the detour is a copy, and functions that burn does not
//!   have, such as `erfc` and `lgamma`, wherever no kernel of ours has them;
//! - casts of floats to integers, which burn leaves open for NaN and beyond the integers' range;
//! - integer arithmetic whose result may leave the device's integers (see `range`): here it wraps
//!   at the ends of `i64`, and what a device with 32-bit integers cannot hold is an error;
//! - sums at many indices on a processor, which burn adds one after the other;
//! - sorting, which is stable here, with NaN last;
//! - cumulative operations and recurrences, and updates of which one stands (`burn/cumulative.rs`);
//! - random numbers, which are counted in 64 bits;
//! - checks of computed indices.

use std::cmp::Ordering;

use burn_backend::Backend;
use dl_core::ops::{Order, Reduce, random};
use dl_core::tensor::{Data, DataRef};
use dl_core::{DType, Tensor};

use super::machine::{Machine, floats};
use super::value::Value;

type Result<T> = std::result::Result<T, String>;

/// `f` of every float; computed in double precision, rounded once.
pub(super) fn map_floats<B: Backend>(
    m: &Machine<B>,
    x: Value<B>,
    dtype: DType,
    shape: &[usize],
    f: impl Fn(f64) -> f64,
) -> Result<Value<B>> {
    let mut x = m.download(x, dtype, shape)?;
    match x.data_mut() {
        Data::F32(v) => v.iter_mut().for_each(|x| *x = f(f64::from(*x)) as f32),
        Data::F64(v) => v.iter_mut().for_each(|x| *x = f(*x)),
        _ => {}
    }
    m.store(x)
}

/// `f` of every pair of floats, in the same way.
pub(super) fn zip_floats<B: Backend>(
    m: &Machine<B>,
    x: Value<B>,
    y: Value<B>,
    dtype: DType,
    shape: &[usize],
    f: impl Fn(f64, f64) -> f64,
) -> Result<Value<B>> {
    let (mut x, y) = (m.download(x, dtype, shape)?, m.download(y, dtype, shape)?);
    match (x.data_mut(), y.view().data()) {
        (Data::F32(x), DataRef::F32(y)) => {
            x.iter_mut().zip(y).for_each(|(x, y)| *x = f(f64::from(*x), f64::from(*y)) as f32);
        }
        (Data::F64(x), DataRef::F64(y)) => x.iter_mut().zip(y).for_each(|(x, y)| *x = f(*x, *y)),
        _ => {}
    }
    m.store(x)
}

/// `f` of every integer.
pub(super) fn map_ints<B: Backend>(
    m: &Machine<B>,
    x: Value<B>,
    shape: &[usize],
    f: impl Fn(i64) -> i64,
) -> Result<Value<B>> {
    let x = m.read_ints(x, shape)?;
    ints(m, shape, x.into_iter().map(f).collect())
}

/// `f` of every pair of integers.
pub(super) fn zip_ints<B: Backend>(
    m: &Machine<B>,
    x: Value<B>,
    y: Value<B>,
    shape: &[usize],
    f: impl Fn(i64, i64) -> i64,
) -> Result<Value<B>> {
    let (x, y) = (m.read_ints(x, shape)?, m.read_ints(y, shape)?);
    ints(m, shape, x.into_iter().zip(y).map(|(x, y)| f(x, y)).collect())
}

/// Floats as integers of type `to`: truncated, saturated, NaN to 0.
pub(super) fn truncate<B: Backend>(
    m: &Machine<B>,
    x: Value<B>,
    from: DType,
    to: DType,
    shape: &[usize],
) -> Result<Value<B>> {
    let x = floats(m.download(x, from, shape)?.view().data());
    let data = match to {
        DType::U8 => Data::U8(x.into_iter().map(|x| x as u8).collect()),
        _ => Data::I64(x.into_iter().map(|x| x as i64).collect()),
    };
    tensor(shape, data).and_then(|t| m.store(t))
}

/// Sums or products of integers along the middle one of three axes.
pub(super) fn reduce_ints<B: Backend>(
    m: &Machine<B>,
    kind: Reduce,
    x: Value<B>,
    [outer, n, inner]: [usize; 3],
) -> Result<Value<B>> {
    let x = m.read_ints(x.reshape(&[outer, n, inner]), &[outer, n, inner])?;
    let (first, combine): (i64, fn(i64, i64) -> i64) = match kind {
        Reduce::Prod => (1, i64::wrapping_mul),
        _ => (0, i64::wrapping_add),
    };
    let mut out = vec![first; outer * inner];
    for (place, x) in x.into_iter().enumerate() {
        let target = &mut out[place / (n * inner) * inner + place % inner];
        *target = combine(*target, x);
    }
    ints(m, &[outer, 1, inner], out)
}

/// Products of integer matrices, `[batch, rows, inner]` by `[batch, inner, columns]`.
pub(super) fn matmul_ints<B: Backend>(
    m: &Machine<B>,
    x: Value<B>,
    y: Value<B>,
    [batch, rows, inner, columns]: [usize; 4],
) -> Result<Value<B>> {
    let (left, right) = ([batch, rows, inner], [batch, inner, columns]);
    let (x, y) = (m.read_ints(x.reshape(&left), &left)?, m.read_ints(y.reshape(&right), &right)?);
    let mut out = vec![0i64; batch * rows * columns];
    for (row, out) in out.chunks_mut(columns).enumerate() {
        let b = row / rows;
        for k in 0..inner {
            let x = x[row * inner + k];
            let y = &y[(b * inner + k) * columns..][..columns];
            out.iter_mut().zip(y).for_each(|(o, y)| *o = o.wrapping_add(x.wrapping_mul(*y)));
        }
    }
    ints(m, &[batch, rows, columns], out)
}

/// Integer `updates` `[batch, before, count, after]` added at `indices` `[batch, count]` onto zeros
/// `[batch, before, size, after]`.
pub(super) fn scatter_ints<B: Backend>(
    m: &Machine<B>,
    indices: &[i64],
    updates: Value<B>,
    [batch, before, size, after]: [usize; 4],
) -> Result<Value<B>> {
    let count = indices.len() / batch;
    let updates = m.read_ints(updates, &[batch, before, count, after])?;
    let mut out = vec![0i64; batch * before * size * after];
    for (place, update) in updates.into_iter().enumerate() {
        let (outer, k, q) = (place / (count * after), place / after % count, place % after);
        let index = indices[outer / before * count + k] as usize;
        let target = &mut out[(outer * size + index) * after + q];
        *target = target.wrapping_add(update);
    }
    ints(m, &[batch, before, size, after], out)
}

/// The same of floats, in double precision, with what rounding takes kept beside it.
pub(super) fn scatter_floats<B: Backend>(
    m: &Machine<B>,
    indices: &[i64],
    updates: Value<B>,
    dtype: DType,
    [batch, before, size, after]: [usize; 4],
) -> Result<Value<B>> {
    let count = indices.len() / batch;
    let shape = [batch, before, count, after];
    let updates = floats(m.download(updates.reshape(&shape), dtype, &shape)?.view().data());
    let mut sums = vec![(0.0f64, 0.0f64); batch * before * size * after];
    for (place, x) in updates.into_iter().enumerate() {
        let (outer, k, q) = (place / (count * after), place / after % count, place % after);
        let index = indices[outer / before * count + k] as usize;
        let (total, lost) = &mut sums[(outer * size + index) * after + q];
        // Knuth's sum of two, and its error.
        let sum = *total + x;
        let part = sum - *total;
        *lost += (*total - (sum - part)) + (x - part);
        *total = sum;
    }
    let settled = |(total, lost): (f64, f64)| if total.is_finite() { total + lost } else { total };
    let sums: Vec<f64> = sums.into_iter().map(settled).collect();
    let sums = Tensor::from_f64(dtype, [batch, before, size, after], &sums).map_err(|e| e.to_string())?;
    m.store(sums)
}

/// The elements, or the indices of them, in order along `axis`; stable, NaN last.
pub(super) fn sort<B: Backend>(
    m: &Machine<B>,
    x: Value<B>,
    dtype: DType,
    shape: &[usize],
    axis: usize,
    order: Order,
    indices: bool,
) -> Result<Value<B>> {
    let x = m.download(x, dtype, shape)?;
    let (n, inner) = (shape[axis], shape[axis + 1..].iter().product::<usize>());
    let ranks = match x.data() {
        Data::F32(v) => ranks(v, n, inner, |a, b| compare(a, b, a.is_nan().cmp(&b.is_nan()), order)),
        Data::F64(v) => ranks(v, n, inner, |a, b| compare(a, b, a.is_nan().cmp(&b.is_nan()), order)),
        Data::I64(v) => ranks(v, n, inner, |a, b| compare(a, b, Ordering::Equal, order)),
        other => return Err(format!("sort of {}", other.dtype())),
    };
    if indices {
        return ints(m, shape, ranks.into_iter().map(|r| r as i64).collect());
    }
    let source =
        |(place, rank): (usize, usize)| place / (n * inner) * (n * inner) + rank * inner + place % inner;
    let sources = ranks.into_iter().enumerate().map(source);
    let data = match x.data() {
        Data::F32(v) => Data::F32(sources.map(|s| v[s]).collect()),
        Data::F64(v) => Data::F64(sources.map(|s| v[s]).collect()),
        Data::I64(v) => Data::I64(sources.map(|s| v[s]).collect()),
        other => return Err(format!("sort of {}", other.dtype())),
    };
    tensor(shape, data).and_then(|t| m.store(t))
}

/// For every place, which element of its line (`n` elements, `inner` apart) stands there when sorted.
fn ranks<T>(values: &[T], n: usize, inner: usize, compare: impl Fn(&T, &T) -> Ordering) -> Vec<usize> {
    let mut ranks = vec![0; values.len()];
    for line in 0..values.len() / n.max(1) {
        let start = line / inner * (n * inner) + line % inner;
        let mut along: Vec<usize> = (0..n).collect();
        along.sort_by(|a, b| compare(&values[start + a * inner], &values[start + b * inner]));
        along.into_iter().enumerate().for_each(|(k, source)| ranks[start + k * inner] = source);
    }
    ranks
}

/// Which comes first; `nan` decides where the two cannot be compared.
fn compare<T: PartialOrd>(a: &T, b: &T, nan: Ordering, order: Order) -> Ordering {
    match (a.partial_cmp(b), order) {
        (None, _) => nan,
        (Some(found), Order::Ascending) => found,
        (Some(found), Order::Descending) => found.reverse(),
    }
}

/// Uniform numbers in `[0, 1)`, four to a block of the counter.
pub(super) fn random<B: Backend>(
    m: &Machine<B>,
    dtype: DType,
    shape: &[usize],
    [seed, counter, stream]: [u64; 3],
) -> Result<Value<B>> {
    let len: usize = shape.iter().product();
    let words =
        (0..len.div_ceil(4) as u64).flat_map(|block| random::block(seed, counter, stream, block)).take(len);
    let uniform = words.map(|word| (word >> 8) as f32 * (1.0 / 16_777_216.0));
    let data = match dtype {
        DType::F64 => Data::F64(uniform.map(f64::from).collect()),
        _ => Data::F32(uniform.collect()),
    };
    tensor(shape, data).and_then(|t| m.store(t))
}

/// What is wrong with the first of `indices`, an array of `shape`, that is outside `axis`.
///
/// # Errors
/// When there is one: with its value and place, and what was expected.
pub(super) fn check_indices(
    op: &str,
    indices: &[i64],
    shape: &[usize],
    axis: usize,
    indexed: &[usize],
) -> Result<()> {
    let n = indexed[axis];
    let outside = |i: &i64| usize::try_from(*i).map_or(true, |i| i >= n);
    let Some(place) = indices.iter().position(outside) else { return Ok(()) };
    let at = position(shape, place);
    let range = if n == 0 { "none".into() } else { format!("0 to {}", n - 1) };
    let index = indices[place];
    Err(format!(
        "{op} by index {index} at position {at:?}, outside the {n} elements of axis {axis} of {indexed:?}: expected {range}"
    ))
}

fn position(shape: &[usize], mut offset: usize) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (i, n) in index.iter_mut().zip(shape).rev() {
        *i = offset % n;
        offset /= n;
    }
    index
}

fn ints<B: Backend>(m: &Machine<B>, shape: &[usize], values: Vec<i64>) -> Result<Value<B>> {
    tensor(shape, Data::I64(values)).and_then(|t| m.store(t))
}

fn tensor(shape: &[usize], data: Data) -> Result<Tensor> {
    Tensor::from_data(shape.to_vec(), data).map_err(|e| e.to_string())
}
