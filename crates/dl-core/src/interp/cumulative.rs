//! What cumulative operations mean: at each place, what the elements up to it are together.

use super::array::{Array, Values, Values::*, each_index};
use crate::ops::{Binary, Cumulative, Reduce};

/// At each place along `axis`, the reduction of the elements up to it; of those from it on, if `reverse`.
pub(super) fn cumulative(kind: Cumulative, axis: usize, reverse: bool, x: &Array) -> Result<Values, String> {
    if kind == Cumulative::LogSumExp {
        let Float(v) = &x.data else { return Err(format!("{} of {}", kind.name(), x.data.kind())) };
        let logs = each_index(&x.shape, |at| log_sum_exp(prefix(x, axis, reverse, at).map(|place| v[place])));
        return Ok(Float(logs));
    }
    let mut lines = vec![];
    let ends = each_index(&x.shape, |at| {
        lines.extend(prefix(x, axis, reverse, at));
        lines.len()
    });
    // All prefixes one after the other, each reduced into one element.
    let mut targets = vec![];
    for (element, end) in ends.iter().enumerate() {
        targets.resize(*end, element);
    }
    let kind = match kind {
        Cumulative::Prod => Reduce::Prod,
        Cumulative::Max => Reduce::Max,
        Cumulative::Min => Reduce::Min,
        Cumulative::Sum | Cumulative::LogSumExp => Reduce::Sum,
    };
    x.data.pick(&lines).accumulate(kind, &targets, ends.len())
}

/// The places in `x` of the elements up to the one at `at`, in the order of running.
fn prefix(x: &Array, axis: usize, reverse: bool, at: &[usize]) -> impl Iterator<Item = usize> + Clone {
    let along: Vec<usize> =
        if reverse { (at[axis]..x.shape[axis]).rev().collect() } else { (0..=at[axis]).collect() };
    let place = |k: usize| {
        let mut index = at.to_vec();
        index[axis] = k;
        x.offset(&index)
    };
    along.into_iter().map(place).collect::<Vec<_>>().into_iter()
}

fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = values.clone().fold(f64::NEG_INFINITY, Binary::Max.row().value);
    if largest.is_finite() {
        largest + values.map(|x| (x - largest).exp()).sum::<f64>().ln()
    } else {
        largest
    }
}

/// `hᵢ = aᵢ·hᵢ₋₁ + bᵢ` along `axis`; the first one is `b₀`.
pub(super) fn linear_recurrence(axis: usize, reverse: bool, a: &Array, b: &Array) -> Result<Values, String> {
    let (Float(factors), Float(added)) = (&a.data, &b.data) else {
        return Err(format!("linear_recurrence of {} and {}", a.data.kind(), b.data.kind()));
    };
    let state = |at: &[usize]| {
        let mut places = prefix(a, axis, reverse, at);
        let first = places.next().map_or(0.0, |place| added[place]);
        places.fold(first, |h, place| factors[place] * h + added[place])
    };
    Ok(Float(each_index(&a.shape, state)))
}
