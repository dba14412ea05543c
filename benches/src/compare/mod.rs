//! Two records side by side, and what changed beyond noise.
//!
//! What noise is, both records say themselves: each has a row that was measured twice ([`Control`]), spreads of
//! all times, and the matrix products alone, whose code is the same in both.

mod page;
mod text;

use std::path::{Path, PathBuf};

use crate::fault::Result;
use crate::record::{Control, Record, Row};
use crate::stats::Spread;

pub(crate) use self::page::page;
pub(crate) use self::text::text;

/// Two records, and what can be said of both.
pub(crate) struct Comparison {
    pub(crate) paths: [PathBuf; 2],
    pub(crate) records: [Record; 2],
    /// Why differences may be of something else than the code.
    pub(crate) warnings: Vec<String>,
    pub(crate) places: Vec<Place>,
    /// Rows that one record has and the other lacks.
    pub(crate) alone: Vec<String>,
}

/// What both have at one batch size and thread count.
pub(crate) struct Place {
    pub(crate) batch: usize,
    pub(crate) threads: usize,
    /// The matrix products alone.
    pub(crate) floor: Option<Times>,
    pub(crate) pairs: Vec<Pair>,
}

/// A step's times in both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Times {
    pub(crate) of: [Spread; 2],
    /// B's median over A's.
    pub(crate) ratio: f64,
}

/// A row that both have.
pub(crate) struct Pair {
    pub(crate) rows: [Row; 2],
    pub(crate) times: Times,
    /// The factor within which medians are not told apart; `None` where a record has no control here.
    pub(crate) noise: Option<f64>,
    pub(crate) step: Verdict,
    pub(crate) compile: Verdict,
    pub(crate) peak: Verdict,
    pub(crate) test: Verdict,
}

/// What is said of a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// B's is smaller, beyond noise.
    Less,
    /// B's is larger, beyond noise.
    More,
    /// Within the noise.
    Same,
    /// It is missing, or nothing tells how it strays.
    Unknown,
}

/// How far two shares of the same chance may lie apart: beyond it lie 1 % of all pairs.
const DEVIATIONS: f64 = 2.576;

/// The criterion, for people.
pub(crate) const CRITERION: &str = "\
A step is called faster or slower where both hold: the ratio of the medians is farther from 1 than noise, and the \
ranges p10–p90 of the two runs have no time in common. Noise is the largest of three factors: how far the row that \
was measured twice (A/A) strays in A and in B at this batch size and thread count, and how far the matrix products \
alone, whose code is the same in both, have moved from A to B. Compile time and memory have one value a run: they \
are marked ! where they changed by more than the largest A/A ratio of theirs anywhere in the two records, and \
compile time also by more than the products moved. Accuracy is marked ! where the difference is beyond 2.576 \
standard errors of two independent shares of that many test examples, after the same training. What a record does \
not let judge is marked ?.";

impl Comparison {
    /// Reads two records.
    ///
    /// # Errors
    /// As for [`Record::read`].
    pub(crate) fn read(a: &Path, b: &Path) -> Result<Self> {
        Ok(Comparison::of([a.to_owned(), b.to_owned()], [Record::read(a)?, Record::read(b)?]))
    }

    fn of(paths: [PathBuf; 2], records: [Record; 2]) -> Self {
        let [a, b] = &records;
        let mut sizes: Vec<(usize, usize)> = a.rows.iter().map(|row| (row.batch, row.threads)).collect();
        sizes.sort_unstable();
        sizes.dedup();
        let places = sizes.into_iter().map(|(batch, threads)| Place::of(a, b, batch, threads));
        let places = places.filter(|place| !place.pairs.is_empty()).collect();
        let alone = [("A", a, b), ("B", b, a)].into_iter().flat_map(|(name, one, other)| {
            let missing = one.rows.iter().filter(move |row| find(other, row).is_none());
            missing.map(move |row| {
                format!("{}, batch {}, threads {}: only in {name}", row.backend, row.batch, row.threads)
            })
        });
        Comparison { alone: alone.collect(), warnings: warnings(a, b), places, paths, records }
    }
}

fn find<'r>(record: &'r Record, like: &Row) -> Option<&'r Row> {
    let same =
        |row: &&Row| (&row.backend, row.batch, row.threads) == (&like.backend, like.batch, like.threads);
    record.rows.iter().find(same)
}

impl Place {
    fn of(a: &Record, b: &Record, batch: usize, threads: usize) -> Place {
        let floor_of = |record: &Record| {
            let here = record.floor.iter().find(|floor| floor.batch == batch && floor.threads == threads);
            here.map(|floor| floor.step_ms)
        };
        let floor = floor_of(a).zip(floor_of(b)).map(|(a, b)| Times::of(a, b));
        let moved = floor.map(|floor| away(floor.ratio));
        let noises = [a.noise(batch, threads), b.noise(batch, threads), moved];
        let noise = noises.into_iter().try_fold(1.0f64, |most, factor| Some(most.max(factor?)));
        let here = a.rows.iter().filter(|row| row.batch == batch && row.threads == threads);
        let pair = |row: &Row| Some(Pair::of(a, b, [row.clone(), find(b, row)?.clone()], noise, moved));
        Place { batch, threads, floor, pairs: here.filter_map(pair).collect() }
    }
}

impl Times {
    fn of(a: Spread, b: Spread) -> Times {
        Times { of: [a, b], ratio: b.median / a.median }
    }

    fn disjoint(&self) -> bool {
        let [a, b] = self.of;
        a.p90 < b.p10 || b.p90 < a.p10
    }
}

impl Pair {
    fn of(a: &Record, b: &Record, rows: [Row; 2], noise: Option<f64>, moved: Option<f64>) -> Pair {
        let times = Times::of(rows[0].step_ms, rows[1].step_ms);
        let step = match Verdict::of(Some(times.ratio), noise) {
            Verdict::Less | Verdict::More if !times.disjoint() => Verdict::Same,
            verdict => verdict,
        };
        let ratio = |of: fn(&Row) -> Option<f64>| Some(of(&rows[1])? / of(&rows[0])?);
        let strays = |of: fn(&Control) -> Option<f64>| {
            let ratios = a.control.iter().chain(&b.control).filter_map(of);
            ratios.map(away).reduce(f64::max)
        };
        let compiled =
            strays(|control| control.compile_ratio).zip(moved).map(|(strays, moved)| strays.max(moved));
        Pair {
            compile: Verdict::of(ratio(|row| row.compile_ms), compiled),
            peak: Verdict::of(ratio(|row| row.peak_mib), strays(|control| control.peak_ratio)),
            test: tested(&rows, [a.data.test, b.data.test]),
            rows,
            times,
            noise,
            step,
        }
    }
}

impl Verdict {
    fn of(ratio: Option<f64>, noise: Option<f64>) -> Verdict {
        match ratio.filter(|ratio| ratio.is_finite() && *ratio > 0.0).zip(noise) {
            None => Verdict::Unknown,
            Some((ratio, noise)) if away(ratio) <= noise => Verdict::Same,
            Some((ratio, _)) if ratio < 1.0 => Verdict::Less,
            Some(_) => Verdict::More,
        }
    }

    /// Whether there is a change.
    pub(crate) fn changed(self) -> bool {
        matches!(self, Verdict::Less | Verdict::More)
    }
}

/// The factor by which a ratio is away from 1, either way.
fn away(ratio: f64) -> f64 {
    ratio.max(1.0 / ratio)
}

/// Whether shares of right answers differ by more than chance.
fn tested([a, b]: &[Row; 2], examples: [usize; 2]) -> Verdict {
    let (Some(p), Some(q)) = (a.test_accuracy, b.test_accuracy) else { return Verdict::Unknown };
    let [n, m] = examples.map(|examples| examples as f64);
    if a.trained != b.trained || n <= 0.0 || m <= 0.0 {
        return Verdict::Unknown;
    }
    let pooled = (p * n + q * m) / (n + m);
    let error = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sqrt();
    match q - p {
        apart if apart.abs() <= DEVIATIONS * error => Verdict::Same,
        apart if apart < 0.0 => Verdict::Less,
        _ => Verdict::More,
    }
}

/// What differs beside the code.
fn warnings(a: &Record, b: &Record) -> Vec<String> {
    let mut warnings = vec![];
    let mut differs = |what: &str, a: String, b: String, so: &str| {
        if a != b {
            warnings.push(format!("{what}: {a} in A, {b} in B{so}"));
        }
    };
    let machine = |r: &Record| {
        format!("{}, {} cores, {}, {}", r.host.cpu, r.host.cores, r.host.arch, r.host.features.join(" "))
    };
    differs("machine", machine(a), machine(b), "; times are of different machines");
    let data = |r: &Record| format!("{} ({} to train, {} to test)", r.data.name, r.data.train, r.data.test);
    differs("data", data(a), data(b), "");
    let network = |r: &Record| format!("{} {} by {}", r.network.name, r.network, r.network.optimizer);
    if a.network != b.network && network(a) == network(b) {
        differs("network", "one description".into(), "another".into(), "; the rows do other work");
    }
    differs("network", network(a), network(b), "; the rows do other work");
    let threads = |r: &Record| {
        let mut threads: Vec<usize> = r.rows.iter().map(|row| row.threads).collect();
        threads.sort_unstable();
        threads.dedup();
        threads.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
    };
    differs("threads", threads(a), threads(b), "");
    let run = |r: &Record| if r.quick { "--quick" } else { "a full run" }.to_owned();
    differs("measured by", run(a), run(b), "; medians of fewer rounds stray more");
    if a.step != b.step {
        differs("what is timed", "one text".into(), "another".into(), "; see `step` in the records");
    }
    let revision = |r: &Record| r.revision.clone().unwrap_or_else(|| "unknown".into());
    differs("revision", revision(a), revision(b), "");
    for (name, record) in [("A", a), ("B", b)] {
        if revision(record).ends_with("-dirty") {
            warnings.push(format!("revision: {name} was built from a tree that differs from its commit"));
        }
    }
    warnings
}

#[cfg(test)]
pub(crate) mod tests;
