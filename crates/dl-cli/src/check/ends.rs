//! Ends of the intervals on which a formula has values, where it has a limit.

use dl_report::Language;

use super::sweep::{Point, number};
use crate::command::Failure;

/// Ends that are looked for on one way of an input, at most.
const MOST: usize = 8;
/// How far from an end the limit shows, as a part of the argument.
const NEAR: f64 = 1e-8;
/// How far a value so near may be from the limit.
const APART: f64 = 1e-3;

/// An argument at which the formula has a limit, and what is computed there in `f32`.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub at: f64,
    pub limit: f64,
    pub naive: f64,
    pub compiled: f64,
}

impl End {
    /// Whether the formula as it stands or what runs does not come to the limit.
    pub(super) fn is_wrong(&self) -> bool {
        let is_off = |value: f64| !value.is_finite() || is_apart(value, self.limit);
        is_off(self.naive) || is_off(self.compiled)
    }

    /// A sentence.
    pub(super) fn told(&self, what: &str, language: Language) -> String {
        let End { at, limit, naive, compiled } = *self;
        let [at, limit, naive, compiled] = [at, limit, naive, compiled].map(number);
        match language {
            Language::English => {
                format!("{what} = {at}: {naive} as it stands, {compiled} by what runs; the limit is {limit}")
            }
            Language::Chinese => {
                format!("{what} = {at}：照原样得 {naive}，实际运行的得 {compiled}；极限是 {limit}")
            }
        }
    }
}

fn is_apart(value: f64, limit: f64) -> bool {
    (value - limit).abs() > APART * (1.0 + limit.abs())
}

/// What is at the ends of intervals.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Ends {
    /// Arguments without a right value that have arguments with one right beside them, with the limit there: the same
    /// on both sides if both sides have values.
    pub open: Vec<(f64, f64)>,
    /// The last arguments with a right value.
    pub closed: Vec<f64>,
}

/// The ends between points, in the order of their arguments. `right` is the right value at any argument.
pub(super) fn ends(points: &[Point], right: impl Fn(f64) -> Result<f64, Failure>) -> Result<Ends, Failure> {
    let mut sides: Vec<(f64, Option<f64>)> = vec![];
    let mut ends = Ends::default();
    let has_value = |point: &&Point| point.right.is_finite();
    let pairs = points.windows(2).filter(|pair| has_value(&&pair[0]) != has_value(&&pair[1]));
    for pair in pairs.take(MOST) {
        let (without, with) =
            if has_value(&&pair[0]) { (pair[1].at, pair[0].at) } else { (pair[0].at, pair[1].at) };
        let [end, beside] = end(without, with, &right)?;
        let limit = limit(end, with, &right)?;
        if limit.is_none() && !points.iter().any(|point| point.at == beside) {
            ends.closed.push(beside);
        }
        sides.push((end, limit));
    }
    for (place, &(at, limit)) in sides.iter().enumerate() {
        let beside = place.checked_sub(1).map(|before| sides[before]).filter(|before| before.0 == at);
        match (limit, beside) {
            (Some(limit), None) => ends.open.push((at, limit)),
            // The other side is the one before.
            (limit, Some((_, before))) => {
                let same = before.zip(limit).is_some_and(|(a, b)| !is_apart(a, b));
                if !same && before.is_some() {
                    ends.open.pop();
                }
            }
            (None, None) => {}
        }
    }
    Ok(ends)
}

/// The number of `f32` without a value that is next to one with a value, and that one.
fn end(without: f64, with: f64, right: &impl Fn(f64) -> Result<f64, Failure>) -> Result<[f64; 2], Failure> {
    let (mut without, mut with) = (place(without), place(with));
    while without.abs_diff(with) > 1 {
        let middle = without.midpoint(with);
        if right(at(middle))?.is_finite() { with = middle } else { without = middle }
    }
    Ok([at(without), at(with)])
}

/// The place of a number among those of `f32`.
fn place(x: f64) -> i64 {
    let bits = i64::from((x as f32).abs().to_bits());
    if x < 0.0 { -bits } else { bits }
}

fn at(place: i64) -> f64 {
    let x = f64::from(f32::from_bits(place.unsigned_abs() as u32));
    if place < 0 { -x } else { x }
}

/// The limit where one side comes to an end; none where values grow without bound, or where they end elsewhere, between
/// this number and the next.
fn limit(end: f64, with: f64, right: &impl Fn(f64) -> Result<f64, Failure>) -> Result<Option<f64>, Failure> {
    let scale = if end == 0.0 { 1.0 } else { end.abs() };
    let near = right(end + (with - end).signum() * NEAR * scale)?;
    // Half of the way again and again, as far as numbers go.
    let (mut nearest, mut value) = (end + (with - end).signum() * NEAR * scale, near);
    for _ in 0..128 {
        let middle = end.midpoint(nearest);
        if middle == end || middle == nearest {
            break;
        }
        (nearest, value) = (middle, right(middle)?);
        if !value.is_finite() {
            return Ok(None);
        }
    }
    // What still vanishes comes to nothing.
    let limit = if value.abs() <= near.abs() / 100.0 { 0.0 } else { value };
    Ok(if near.is_finite() && !is_apart(near, limit) { Some(limit) } else { None })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a function on a coarse grid.
    fn found(f: fn(f64) -> f64) -> Ends {
        let grid = (-8..=8).map(|i| f64::from(i) / 4.0);
        let point = |at: f64| Point { at, naive: 0.0, compiled: 0.0, right: f(at), blur: 0.0 };
        let mut found = ends(&grid.map(point).collect::<Vec<_>>(), |at| Ok(f(at))).unwrap();
        found.open.iter_mut().for_each(|(_, limit)| *limit = (*limit * 1e9).round() / 1e9);
        found
    }

    fn open(f: fn(f64) -> f64) -> Vec<(f64, f64)> {
        found(f).open
    }

    #[test]
    fn ends_have_limits_on_one_side_or_the_same_on_both() {
        let entropy = |p: f64| -p * p.ln() - (1.0 - p) * (1.0 - p).ln();
        assert_eq!(open(entropy), [(0.0, 0.0), (1.0, 0.0)]);
        // Between points, and a number of `f32`.
        assert_eq!(open(|x| 3.0 + (x - 0.6875) * (x - 0.6875).ln()), [(0.6875, 3.0)]);
        assert_eq!(open(|x| x.sin() / x), [(0.0, 1.0)]);
        // Without a bound; with another limit on each side; with a value at the end; at no number of `f32`.
        assert_eq!(open(f64::ln), []);
        assert_eq!(open(|x| 1.0 / x), []);
        assert_eq!(open(|x| x.abs() / x), []);
        assert_eq!(open(|x| (1.0 - x * x).sqrt()), []);
        assert_eq!(open(|x| (x - 0.1) * (x - 0.1).ln()), []);
        assert_eq!(open(|x| x * x), []);
        let closed = |f| found(f).closed;
        assert_eq!(closed(|x| (0.6875 - x).sqrt()), [0.6875]);
        // They are among the points.
        assert_eq!(closed(|x| (1.0 - x * x).sqrt()), [0.0; 0]);
    }
}
