//! Histograms: how often values fall into equal bins.

use crate::picture::Picture;
use crate::plot::Plot;
use crate::text::number;

/// How often the values of one or several series fall into bins of equal width.
///
/// ```
/// use dl_report::Histogram;
///
/// let weights = [0.1, -0.2, 0.05, 0.0, 0.3];
/// let picture = Histogram::new("Weights").x("value").values("w", weights).picture();
/// assert!(picture.svg().contains("Weights"));
/// ```
#[derive(Clone, Debug)]
pub struct Histogram {
    title: String,
    x: String,
    bins: usize,
    log: bool,
    series: Vec<(String, Vec<f64>)>,
}

impl Histogram {
    /// A histogram without values.
    pub fn new(title: &str) -> Histogram {
        let (title, x) = (title.to_owned(), "value".to_owned());
        Histogram { title, x, bins: 40, log: false, series: Vec::new() }
    }

    /// The title of the horizontal axis, with the unit; "value" unless told.
    pub fn x(mut self, title: &str) -> Histogram {
        self.x = title.to_owned();
        self
    }

    /// Another number of bins than 40; from 1 to 400.
    pub fn bins(mut self, bins: usize) -> Histogram {
        self.bins = bins.clamp(1, 400);
        self
    }

    /// Counts on a logarithmic axis, where bins without a value are at 0.5.
    pub fn log_y(mut self) -> Histogram {
        self.log = true;
        self
    }

    /// The values of a series.
    pub fn values(mut self, name: &str, values: impl IntoIterator<Item = f64>) -> Histogram {
        self.series.push((name.to_owned(), values.into_iter().collect()));
        self
    }

    /// The picture.
    pub fn picture(&self) -> Picture {
        let mut plot = Plot::new(&self.title).x(&self.x).y("count").from_zero();
        if self.log {
            plot = plot.log_y();
        }
        let all = || self.series.iter().flat_map(|(_, values)| values.iter().copied());
        let left_out = all().filter(|value| !value.is_finite()).count();
        if left_out > 0 {
            plot = plot.note(&format!("{} not finite", number(left_out as f64)));
        }
        let finite = all().filter(|value| value.is_finite());
        let (low, high) = finite.fold((f64::MAX, -f64::MAX), |(a, b), v| (a.min(v), b.max(v)));
        for (name, values) in &self.series {
            plot = plot.area(name, self.steps(values, low, high));
        }
        plot.picture()
    }

    /// The outline of the bars.
    fn steps(&self, values: &[f64], low: f64, high: f64) -> Vec<(f64, f64)> {
        let finite: Vec<f64> = values.iter().copied().filter(|value| value.is_finite()).collect();
        if finite.is_empty() {
            return Vec::new();
        }
        // One value alone has one bin around it.
        let room = if high > low { 0.0 } else { (low.abs() * 0.05).max(0.5) };
        let (low, high) = ((low - room).max(-f64::MAX), (high + room).min(f64::MAX));
        let bins = if room > 0.0 { 1 } else { self.bins };
        let part = |value: f64| (value / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0);
        let mut counts = vec![0u64; bins];
        for value in finite {
            counts[bin(part(value), bins)] += 1;
        }
        let edge = |place: usize| {
            let part = place as f64 / bins as f64;
            low * (1.0 - part) + high * part
        };
        let least = if self.log { 0.5 } else { 0.0 };
        let steps = counts.iter().enumerate();
        steps
            .flat_map(|(k, count)| {
                let height = (*count as f64).max(least);
                [(edge(k), height), (edge(k + 1), height)]
            })
            .collect()
    }
}

/// The bin of a value at a part of the way from low to high.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // from 0 to the number of bins
fn bin(part: f64, bins: usize) -> usize {
    let part = if part.is_nan() { 0.0 } else { part.clamp(0.0, 1.0) };
    ((part * bins as f64) as usize).min(bins - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_value_is_counted_once() {
        let values = [0.0, 0.1, 0.5, 0.9, 1.0, 1.0, f64::NAN];
        let histogram = Histogram::new("h").bins(2);
        let steps = histogram.steps(&values, 0.0, 1.0);
        assert_eq!(steps, [(0.0, 2.0), (0.5, 2.0), (0.5, 4.0), (1.0, 4.0)]);
        assert_eq!(histogram.steps(&[3.0, 3.0], 3.0, 3.0), [(2.5, 2.0), (3.5, 2.0)]);
    }
}
