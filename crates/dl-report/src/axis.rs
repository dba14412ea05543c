//! Axes: from numbers to places, and which numbers stand at them. Any finite numbers will do.

use crate::text::{exponent, plain, power, scientific, width};

/// An axis that holds all values it was made for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Axis {
    log: bool,
    /// The ends; of a logarithmic axis their decimal logarithms. `low < high`.
    low: f64,
    high: f64,
}

impl Axis {
    /// An axis for these values, from which those that [`shows`] refuses are left out before. None without values.
    pub(crate) fn of(values: impl Iterator<Item = f64>, log: bool) -> Option<Axis> {
        let places = values.map(|value| if log { value.log10() } else { value });
        let (low, high) = places.fold(None, |ends: Option<(f64, f64)>, place| {
            let (low, high) = ends.unwrap_or((place, place));
            Some((low.min(place), high.max(place)))
        })?;
        // Two ends apart: a millionth of what the numbers are, or else of 1.
        let size = low.abs().max(high.abs());
        let least = if log { 0.3 } else { size * 1e-6 };
        if high - low > least && high > low {
            return Some(Axis { log, low, high });
        }
        let room = match log {
            true => 0.3,
            false if size == 0.0 => 1.0,
            false => (size * 0.1).max(f64::from_bits(1)),
        };
        Some(Axis { log, low: (low - room).max(-f64::MAX), high: (high + room).min(f64::MAX) })
    }

    /// With `part` of its length more at each end, but for ends that are exactly 0.
    pub(crate) fn with_room(mut self, part: f64) -> Axis {
        let room = (self.high - self.low).min(f64::MAX) * part;
        if self.low != 0.0 || self.log {
            self.low = (self.low - room).max(-f64::MAX);
        }
        if self.high != 0.0 || self.log {
            self.high = (self.high + room).min(f64::MAX);
        }
        self
    }

    /// Where a value is, from 0 at the low end to 1 at the high end; values beyond are at the end.
    pub(crate) fn place(&self, value: f64) -> f64 {
        let place = if self.log { value.log10() } else { value };
        let span = self.high - self.low;
        let part = match span.is_finite() {
            true => (place - self.low) / span,
            false => (place / 2.0 - self.low / 2.0) / (self.high / 2.0 - self.low / 2.0),
        };
        if part.is_nan() { 0.0 } else { part.clamp(0.0, 1.0) }
    }

    /// Where marks are and what stands there, at most about `most`.
    pub(crate) fn ticks(&self, most: usize) -> Vec<(f64, String)> {
        let most = most.max(2);
        let ticks = if self.log { self.log_ticks(most) } else { linear_ticks(self.low, self.high, most) };
        ticks.into_iter().filter(|(value, _)| shows(*value, self.log)).collect()
    }

    #[allow(clippy::cast_possible_truncation)] // logarithms of floats: from -324 to 309
    fn log_ticks(&self, most: usize) -> Vec<(f64, String)> {
        let (first, last) = (self.low.ceil() as i32, self.high.floor() as i32);
        let decades = usize::try_from(last - first + 1).unwrap_or(0);
        if self.high - self.low < 1.0 {
            // Within a decade, numbers as on a linear axis, where there are some above 0.
            return linear_ticks(10f64.powf(self.low), 10f64.powf(self.high), most);
        }
        let stride = decades.div_ceil(most + 1).max(1);
        let powers = (first..=last).step_by(stride);
        if decades >= 4 || most < 5 {
            return powers.map(|k| (10f64.powi(k), decade(k))).collect();
        }
        let all = (first - 1..=last).flat_map(|k| [1.0, 2.0, 5.0].map(|m| (k, m * 10f64.powi(k))));
        let within = all.filter(|(_, value)| (self.low..=self.high).contains(&value.log10()));
        let write = |k, value| if (-4..6).contains(&k) { plain(value, 5) } else { scientific(value, 0) };
        let within: Vec<(f64, String)> = within.map(|(k, value)| (value, write(k, value))).collect();
        match within.len() > most {
            true => powers.map(|k| (10f64.powi(k), decade(k))).collect(),
            false => within,
        }
    }
}

/// Whether an axis has a place for a value.
pub(crate) fn shows(value: f64, log: bool) -> bool {
    value.is_finite() && (!log || value > 0.0)
}

fn decade(k: i32) -> String {
    match k {
        -3..=3 => plain(10f64.powi(k), 3),
        _ => power(&k.to_string()),
    }
}

/// Multiples of 1, 2 or 5 times a power of ten.
fn linear_ticks(low: f64, high: f64, most: usize) -> Vec<(f64, String)> {
    let coarse = (high / 2.0 - low / 2.0) / most as f64 * 2.0;
    let base = if coarse > 0.0 { 10f64.powi(exponent(coarse)) } else { 0.0 };
    let step = [1.0, 2.0, 5.0, 10.0].map(|m| m * base).into_iter().find(|step| *step >= coarse);
    let step = step.filter(|step| step.is_finite() && *step > f64::MIN_POSITIVE);
    let size = low.abs().max(high.abs());
    let Some(step) = step else {
        return vec![(low, scientific(low, 2)), (high, scientific(high, 2))];
    };
    // Ends that are multiples but for rounding have their mark.
    let first = (low / step - 1e-9).ceil();
    let values = (0..=most).map(|k| (first + k as f64) * step).take_while(|v| *v <= high + step * 1e-9);
    let values = values.filter(|value| value.is_finite());
    let write = |value: f64| {
        if value == 0.0 {
            "0".to_owned()
        } else if !(1e-3..1e6).contains(&size) {
            let decimals = exponent(value.abs()) - exponent(step);
            scientific(value, usize::try_from(decimals).unwrap_or(0))
        } else {
            plain(value, usize::try_from(-exponent(step)).unwrap_or(0))
        }
    };
    // What is 0 but for rounding is 0.
    let values = values.map(|value| if value.abs() < step / 2.0 { 0.0 } else { value });
    values.map(|value| (value, write(value))).collect()
}

/// How wide the widest of these is, in units of the font size.
pub(crate) fn widest(ticks: &[(f64, String)]) -> f64 {
    ticks.iter().map(|(_, text)| width(text)).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(values: &[f64], log: bool) -> String {
        let axis = Axis::of(values.iter().copied(), log).unwrap();
        axis.ticks(6).into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(texts(&[0.0, 10.0], false), "0 2 4 6 8 10");
        assert_eq!(texts(&[-0.3, 0.3], false), "−0.3 −0.2 −0.1 0 0.1 0.2 0.3");
        assert_eq!(texts(&[0.0, 60_000.0], false), "0 10,000 20,000 30,000 40,000 50,000 60,000");
        assert_eq!(texts(&[0.0, 4e-5], false), "0 10⁻⁵ 2×10⁻⁵ 3×10⁻⁵ 4×10⁻⁵");
        assert_eq!(texts(&[1e-3, 1e3], true), "0.001 0.01 0.1 1 10 100 1000");
        assert_eq!(texts(&[1e-9, 1.0], true), "10⁻⁹ 10⁻⁷ 10⁻⁵ 0.001 0.1");
        assert_eq!(texts(&[0.3, 4.0], true), "0.5 1 2");
        assert_eq!(texts(&[0.31, 0.34], true), "0.2 0.3 0.4 0.5 0.6");
    }

    #[test]
    fn values_beyond_are_at_the_end() {
        let axis = Axis::of([1.0, 3.0].into_iter(), false).unwrap();
        assert_eq!([0.0, 1.0, 2.0, 9.0, f64::NAN].map(|value| axis.place(value)), [0.0, 0.0, 0.5, 1.0, 0.0]);
        let axis = Axis::of([1.0, 100.0].into_iter(), true).unwrap();
        assert_eq!([-1.0, 0.0, 10.0, f64::MAX].map(|value| axis.place(value)), [0.0, 0.0, 0.5, 1.0]);
    }

    #[test]
    fn any_finite_numbers_have_places() {
        let extremes = [0.0, 5e-324, -5e-324, 1e-300, 1.0, 1.0 + f64::EPSILON, f64::MAX, -f64::MAX];
        for a in extremes {
            for b in extremes {
                for log in [false, true] {
                    let values = [a, b].into_iter().filter(|value| shows(*value, log));
                    let Some(axis) = Axis::of(values.clone(), log) else { continue };
                    let axis = axis.with_room(0.05);
                    assert!(axis.low < axis.high && axis.low.is_finite() && axis.high.is_finite(), "{a} {b}");
                    assert!(values.clone().all(|value| (0.0..=1.0).contains(&axis.place(value))), "{a} {b}");
                    let ticks = axis.ticks(6);
                    assert!(ticks.len() <= 8, "{a} {b} {log}: {ticks:?}");
                }
            }
        }
    }
}
