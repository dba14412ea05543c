//! What a profile found, as the record keeps it. Times are in seconds.

use dl_backends::Kernel;
use serde::{Deserialize, Serialize};

use super::ceilings::{Ceiling, Ceilings};
use super::model::Prediction;
use crate::stats::Spread;

/// One batch size and number of threads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Profile {
    pub(crate) batch: usize,
    pub(crate) threads: usize,
    pub(crate) kernels: Vec<Line>,
    /// All kernels of a watched step, and an unwatched step.
    pub(crate) sum: Spread,
    pub(crate) step: Spread,
    pub(crate) roof: Roof,
    /// The ceilings as the profile's text tells them.
    #[serde(skip)]
    pub(crate) ceilings: String,
}

/// A kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) predicted: f64,
    /// What takes the largest part of the prediction.
    pub(crate) bound: String,
    pub(crate) measured: Spread,
    pub(crate) flops: usize,
    /// Beyond the blocks of the first cache.
    pub(crate) bytes: usize,
}

/// The machine's ceilings of one thread, measured in turn with the steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Roof {
    /// Of matrix products, in the first cache.
    pub(crate) gflops: f64,
    pub(crate) levels: Vec<Level>,
}

/// How fast memory is that holds so many bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Level {
    /// `L1` to `L3`, or `memory`.
    pub(crate) name: String,
    pub(crate) bytes: usize,
    pub(crate) read_gb_per_s: f64,
    pub(crate) copied_gb_per_s: f64,
}

impl Line {
    pub(super) fn new(kernel: &Kernel, measured: Spread, prediction: &Prediction) -> Line {
        Line {
            name: kernel.name.clone(),
            predicted: prediction.seconds,
            bound: prediction.bound.clone(),
            measured,
            flops: kernel.operations,
            bytes: kernel.bytes + kernel.input_bytes,
        }
    }

    /// Billions of operations per second, where there are any.
    pub(crate) fn gflops(&self) -> Option<f64> {
        rate(self.flops, self.measured.median)
    }

    /// Billions of bytes per second, where there are any.
    pub(crate) fn gb_per_s(&self) -> Option<f64> {
        rate(self.bytes, self.measured.median)
    }
}

fn rate(amount: usize, seconds: f64) -> Option<f64> {
    let rate = amount as f64 / seconds / 1e9;
    (rate.is_finite() && amount > 0).then_some(rate)
}

impl Roof {
    pub(super) fn of(ceilings: &Ceilings) -> Roof {
        let per_s = |seconds: f64| if seconds > 0.0 { 1e-9 / seconds } else { 0.0 };
        // A number times a row of vectors is a multiplication and an addition for each of their elements.
        let flops = |v: usize| 2.0 * (v * ceilings.width) as f64 * per_s(ceilings.get(Ceiling::Depth(v)));
        let level = |&bytes: &usize| Level {
            name: ceilings.level(bytes).into(),
            bytes,
            read_gb_per_s: per_s(ceilings.get(Ceiling::Read(bytes))),
            copied_gb_per_s: per_s(ceilings.get(Ceiling::Copied(bytes))),
        };
        Roof {
            gflops: (1..=ceilings.panel).map(flops).fold(0.0, f64::max),
            levels: ceilings.points.iter().map(level).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roof_is_of_the_fastest_product_and_of_every_level() {
        let mut ceilings = Ceilings {
            width: 16,
            panel: 2,
            points: vec![100, 900],
            caches: [100, 200, 300],
            ..Ceilings::default()
        };
        ceilings.add(Ceiling::Depth(1), 1e-9);
        ceilings.add(Ceiling::Depth(2), 1e-9);
        ceilings.add(Ceiling::Read(900), 1e-10);
        let roof = Roof::of(&ceilings);
        assert!((roof.gflops - 64.0).abs() < 1e-9, "{roof:?}");
        assert_eq!(roof.levels.iter().map(|level| &*level.name).collect::<Vec<_>>(), ["L1", "memory"]);
        assert!((roof.levels[1].read_gb_per_s - 10.0).abs() < 1e-9);
        assert_eq!(roof.levels[1].copied_gb_per_s, 0.0);
    }
}
