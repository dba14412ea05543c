//! Cumulative operations, linear recurrences, and updates of which one stands: on the host, where the
//! order is known.

use burn_backend::Backend;
use dl_core::ops::{Cumulative, Op, Running, Scatter};
use dl_core::tensor::Data;
use dl_core::{DType, Scalar, Tensor};

use super::machine::{Machine, floats};
use super::step::Step;
use super::value::Value;

type Result<T> = std::result::Result<T, String>;

/// What the elements up to each one are together, along an axis, perhaps from its end.
pub(super) fn cumulative<B: Backend>(
    m: &Machine<B>,
    step: &Step<B>,
    (kind, axis, reverse): (Cumulative, usize, bool),
    x: Value<B>,
) -> Result<Value<B>> {
    let places = walk(&step.shape, axis, reverse);
    if step.dtype == DType::I64 {
        let mut x = m.read_ints(x, &step.shape)?;
        for line in &places {
            line.windows(2).for_each(|w| x[w[1]] = kind.combine_i64(x[w[0]], x[w[1]]));
        }
        return stored(m, &step.shape, Data::I64(x));
    }
    let mut x = floats(m.download(x, step.dtype, &step.shape)?.view().data());
    for line in &places {
        let mut running = Running::new(kind);
        line.iter().for_each(|&place| x[place] = running.next(x[place]));
    }
    rounded(m, step, &x)
}

/// `hᵢ = aᵢ·hᵢ₋₁ + bᵢ` along an axis, perhaps from its end.
pub(super) fn linear_recurrence<B: Backend>(
    m: &Machine<B>,
    step: &Step<B>,
    (axis, reverse): (usize, bool),
    a: Value<B>,
    b: Value<B>,
) -> Result<Value<B>> {
    let read = |x| Ok::<_, String>(floats(m.download(x, step.dtype, &step.shape)?.view().data()));
    let (a, mut h) = (read(a)?, read(b)?);
    for line in walk(&step.shape, axis, reverse) {
        line.windows(2).for_each(|w| h[w[1]] += a[w[1]] * h[w[0]]);
    }
    rounded(m, step, &h)
}

/// `updates` `[batch, before, count, after]` at `indices` `[batch, count]` of
/// `[batch, before, size, after]`: the last, the largest or the smallest of each place.
pub(super) fn scatter<B: Backend>(
    m: &Machine<B>,
    step: &Step<B>,
    indices: &[i64],
    updates: Value<B>,
    [batch, before, size, after]: [usize; 4],
) -> Result<Value<B>> {
    let Op::Scatter { kind, .. } = step.op else {
        return Err(format!("{} scatters nothing", step.op.name()));
    };
    let count = indices.len() / batch.max(1);
    let (len, from) = (batch * before * size * after, [batch, before, count, after]);
    let target = |place: usize| {
        let (outer, k, q) = (place / (count * after), place / after % count, place % after);
        (outer * size + indices[outer / before * count + k] as usize) * after + q
    };
    let nothing = kind.nothing(step.dtype);
    if step.dtype == DType::I64 {
        let Scalar::Int(nothing) = nothing else { return Err(format!("integers as {nothing}")) };
        let mut out = vec![nothing; len];
        for (place, x) in m.read_ints(updates, &from)?.into_iter().enumerate() {
            let old = &mut out[target(place)];
            *old = match kind {
                Scatter::Max => x.max(*old),
                Scatter::Min => x.min(*old),
                Scatter::Set | Scatter::Add => x,
            };
        }
        return stored(m, &step.shape, Data::I64(out));
    }
    let mut out = vec![nothing.as_f64(); len];
    let updates = floats(m.download(updates.reshape(&from), step.dtype, &from)?.view().data());
    for (place, x) in updates.into_iter().enumerate() {
        let old = &mut out[target(place)];
        let stands = match kind {
            Scatter::Max => x > *old || x.is_nan(),
            Scatter::Min => x < *old || x.is_nan(),
            Scatter::Set | Scatter::Add => true,
        };
        if stands {
            *old = x;
        }
    }
    rounded(m, step, &out)
}

/// The places of each line along an axis, in the order of running.
fn walk(shape: &[usize], axis: usize, reverse: bool) -> Vec<Vec<usize>> {
    let (n, inner) = (shape[axis], shape[axis + 1..].iter().product::<usize>());
    let lines = shape.iter().product::<usize>() / n.max(1);
    let line = |l: usize| {
        let start = l / inner * (n * inner) + l % inner;
        let mut places: Vec<usize> = (0..n).map(|k| start + k * inner).collect();
        if reverse {
            places.reverse();
        }
        places
    };
    (0..lines).map(line).collect()
}

fn rounded<B: Backend>(m: &Machine<B>, step: &Step<B>, values: &[f64]) -> Result<Value<B>> {
    let tensor = Tensor::from_f64(step.dtype, step.shape.clone(), values).map_err(|e| e.to_string())?;
    m.store(tensor)
}

fn stored<B: Backend>(m: &Machine<B>, shape: &[usize], data: Data) -> Result<Value<B>> {
    m.store(Tensor::from_data(shape.to_vec(), data).map_err(|e| e.to_string())?)
}
