//! What a run found, as it is kept in `target/bench/latest.json`.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::fault::{Fault, Result};
use crate::host::Host;
use crate::network::Network;
use crate::profile::Profile;
use crate::protocol::Point;
use crate::stats::Spread;
use crate::work::Set;

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Of the file; those without are the first.
    #[serde(default = "first_format")]
    pub(crate) format: u32,
    pub(crate) host: Host,
    /// The commit that was built; `null` where nobody said.
    pub(crate) revision: Option<String>,
    /// When it began, in UTC.
    pub(crate) date: String,
    pub(crate) seconds: f64,
    pub(crate) command: String,
    /// Whether it was cut short by `--quick`.
    pub(crate) quick: bool,
    pub(crate) network: Network,
    pub(crate) data: DataUsed,
    /// What lies inside the timed region.
    pub(crate) step: String,
    pub(crate) flops_per_image: u64,
    pub(crate) rows: Vec<Row>,
    pub(crate) floor: Vec<FloorRow>,
    pub(crate) control: Vec<Control>,
    /// Ours against each peer.
    #[serde(default)]
    pub(crate) peers: Vec<PeerRatio>,
    #[serde(default)]
    pub(crate) skipped: Vec<Skipped>,
    /// Of the cpu executor's step; empty where it is not in the build.
    #[serde(default)]
    pub(crate) profiles: Vec<Profile>,
    pub(crate) failed: Vec<Failed>,
}

/// What a record is written as.
pub(crate) const FORMAT: u32 = 2;

/// Bytes of a file that is read: many times what a run writes.
pub(crate) const LARGEST: u64 = 64 << 20;

/// What is looked at first.
#[derive(Deserialize)]
struct Written {
    #[serde(default = "first_format")]
    format: u32,
}

fn first_format() -> u32 {
    1
}

/// The dataset, by its own name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DataUsed {
    pub(crate) name: String,
    pub(crate) origin: String,
    pub(crate) train: usize,
    pub(crate) test: usize,
}

/// A backend at one batch size and thread count. Times are in milliseconds, memory is in MiB.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) backend: String,
    pub(crate) batch: usize,
    pub(crate) threads: usize,
    pub(crate) step_ms: Spread,
    /// The step's time over the floor's, paired by round.
    pub(crate) floor_ratio: Option<f64>,
    pub(crate) floor_ratio_spread: Option<Spread>,
    /// The time of the fastest row of burn itself over the step's, paired by round:
    /// above 1 is faster than burn.
    pub(crate) burn_ratio: Option<f64>,
    pub(crate) burn_ratio_spread: Option<Spread>,
    pub(crate) images_per_s: f64,
    pub(crate) gflops: f64,
    /// From the formula to something that runs; `null` where nothing is compiled.
    pub(crate) compile_ms: Option<f64>,
    pub(crate) peak_mib: Option<f64>,
    /// What of the peak was there before the backend: the program and the data.
    pub(crate) data_mib: Option<f64>,
    /// The share of test images classified right.
    pub(crate) test_accuracy: Option<f64>,
    /// The mean squared error of the test split, of a regression.
    #[serde(default)]
    pub(crate) test_error: Option<f64>,
    /// After what training.
    pub(crate) trained: String,
    /// The losses of the first steps, by which it is checked that all rows do the same work.
    #[serde(default)]
    pub(crate) losses: Vec<f64>,
    /// The loss of the training, on the way.
    #[serde(default)]
    pub(crate) curve: Vec<Point>,
    pub(crate) rounds: usize,
    pub(crate) steps: usize,
}

/// The matrix products alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct FloorRow {
    pub(crate) batch: usize,
    pub(crate) threads: usize,
    pub(crate) step_ms: Spread,
    pub(crate) images_per_s: f64,
    pub(crate) gflops: f64,
    /// How the products were cut.
    pub(crate) scheme: Option<String>,
}

/// One backend measured twice in alternation: what a ratio of equal things looks like.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Control {
    pub(crate) backend: String,
    pub(crate) batch: usize,
    pub(crate) threads: usize,
    pub(crate) ratio: Spread,
    /// The same of compile time and of peak memory: each has one value.
    #[serde(default)]
    pub(crate) compile_ratio: Option<f64>,
    #[serde(default)]
    pub(crate) peak_ratio: Option<f64>,
}

/// The first backend against another framework; below, the peer is the faster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PeerRatio {
    pub(crate) backend: String,
    pub(crate) peer: String,
    pub(crate) batch: usize,
    pub(crate) threads: usize,
    /// The peer's time over the backend's, paired by round.
    pub(crate) ratio: Spread,
    /// Its version, and how it runs.
    pub(crate) note: Option<String>,
}

/// A peer that was asked for and is not here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Skipped {
    pub(crate) peer: String,
    pub(crate) reason: String,
}

/// A row that could not be measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Failed {
    pub(crate) backend: String,
    pub(crate) batch: usize,
    pub(crate) threads: usize,
    pub(crate) error: String,
}

impl DataUsed {
    pub(crate) fn of(data: &Set) -> Self {
        DataUsed {
            name: data.name.clone(),
            origin: data.origin.clone(),
            train: data.train.len(),
            test: data.test.len(),
        }
    }
}

impl Record {
    /// The factor by which a ratio of equal things strays at this batch size and thread count.
    pub(crate) fn noise(&self, batch: usize, threads: usize) -> Option<f64> {
        let here = |control: &&Control| control.batch == batch && control.threads == threads;
        self.control.iter().find(here).map(|control| control.ratio.noise())
    }

    /// Reads a record that a run has written, of this or an earlier format.
    ///
    /// # Errors
    /// The file cannot be read, is larger than [`LARGEST`], is no record, or has times that are none.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let unread = |error: io::Error| Fault::from(error).during(format!("cannot read {}", path.display()));
        let mut bytes = vec![];
        File::open(path).map_err(unread)?.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unread)?;
        if bytes.len() as u64 > LARGEST {
            let (path, mib) = (path.display(), LARGEST >> 20);
            return Err(Fault::new(format!("{path}: expected a record of at most {mib} MiB")));
        }
        let no_record = |error: serde_json::Error| {
            Fault::new(format!("{}: expected a record of `cargo xtask bench`: {error}", path.display()))
        };
        let Written { format } = serde_json::from_slice(&bytes).map_err(no_record)?;
        if format > FORMAT {
            let path = path.display();
            return Err(Fault::new(format!(
                "{path}: a record of format {format}; this program reads up to {FORMAT}"
            )));
        }
        let record: Record = serde_json::from_slice(&bytes).map_err(no_record)?;
        record.check().map_err(|fault| fault.during(path.display()))?;
        Ok(record)
    }

    /// Whatever is divided by later is above 0.
    fn check(&self) -> Result<()> {
        let rows = self.rows.iter().map(|row| (&*row.backend, row.batch, row.threads, row.step_ms));
        let floor = self.floor.iter().map(|row| ("floor", row.batch, row.threads, row.step_ms));
        let control = self.control.iter().map(|row| ("A/A", row.batch, row.threads, row.ratio));
        for (name, batch, threads, time) in rows.chain(floor).chain(control) {
            if !time.is_time() {
                let Spread { median, p10, p90 } = time;
                return Err(Fault::new(format!(
                    "{name}, batch {batch}, threads {threads}: expected times above 0 with p10 ≤ median ≤ p90, \
                     got {median} ({p10}–{p90})"
                )));
            }
        }
        Ok(())
    }

    /// Writes the record so that it appears whole or not at all.
    ///
    /// # Errors
    /// The folder cannot be made or written to.
    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        self.write_into(folder, path)
            .map_err(|fault| fault.during(format!("cannot write {}", path.display())))
    }

    fn write_into(&self, folder: &Path, path: &Path) -> Result<()> {
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        writeln!(file)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| Fault::from(error.error))?;
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests;
