//! What a run found, as it is kept in `target/bench/latest.json`.

use std::fs;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::fault::{Fault, Result};
use crate::host::Host;
use crate::network::Network;
use crate::stats::Spread;
use crate::work::Set;

/// One run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
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
    pub(crate) failed: Vec<Failed>,
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
pub(crate) mod tests {
    use super::*;

    fn around(median: f64) -> Spread {
        Spread { median, p10: 0.9 * median, p90: 1.2 * median }
    }

    /// Two rows, a floor and a control.
    pub(crate) fn sample() -> Record {
        let row = |backend: &str, ms: f64, compile_ms| Row {
            backend: backend.into(),
            batch: 64,
            threads: 2,
            step_ms: around(ms),
            floor_ratio: Some(ms / 0.16),
            floor_ratio_spread: Some(around(ms / 0.16)),
            burn_ratio: Some(0.36 / ms),
            burn_ratio_spread: Some(around(0.36 / ms)),
            images_per_s: 64e3 / ms,
            gflops: 26.18 / ms,
            compile_ms,
            peak_mib: Some(81.25),
            data_mib: Some(60.0),
            test_accuracy: Some(0.9781),
            test_error: None,
            trained: "10 epochs".into(),
            losses: vec![2.3, 2.2],
            rounds: 40,
            steps: 4000,
        };
        Record {
            host: Host {
                cpu: "A CPU".into(),
                cores: 2,
                features: vec!["avx2".into(), "avx512f".into()],
                os: "linux".into(),
                arch: "x86_64".into(),
            },
            revision: Some("0123456789abcdef".into()),
            date: "2026-01-31T12:34:56Z".into(),
            seconds: 61.0,
            command: "bench".into(),
            quick: false,
            network: Network::perceptron(),
            data: DataUsed {
                name: "fashion-mnist".into(),
                origin: "a test".into(),
                train: 60_000,
                test: 10_000,
            },
            step: "a step.".into(),
            flops_per_image: 409_088,
            rows: vec![row("cpu", 0.18, Some(3.25)), row("burn-flex", 0.36, None)],
            floor: vec![FloorRow {
                batch: 64,
                threads: 2,
                step_ms: around(0.16),
                images_per_s: 400e3,
                gflops: 163.6,
                scheme: Some("tiles of 64 rows".into()),
            }],
            control: vec![Control {
                backend: "cpu".into(),
                batch: 64,
                threads: 2,
                ratio: Spread { median: 1.001, p10: 0.98, p90: 1.03 },
            }],
            peers: vec![],
            skipped: vec![],
            failed: vec![],
        }
    }

    pub(crate) fn sample_peer(name: &str, ratio: f64) -> PeerRatio {
        PeerRatio {
            backend: "cpu".into(),
            peer: name.into(),
            batch: 64,
            threads: 2,
            ratio: around(ratio),
            note: Some(format!("{name} 1.0")),
        }
    }

    #[test]
    fn the_file_has_the_promised_keys() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bench/latest.json");
        sample().write(&path).unwrap();
        sample().write(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), sample());
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        for key in ["host", "revision", "date", "data", "command", "rows", "control"] {
            assert!(json.get(key).is_some(), "{key}");
        }
        let row = &json["rows"][0];
        for key in [
            "backend",
            "batch",
            "threads",
            "step_ms",
            "floor_ratio",
            "images_per_s",
            "gflops",
            "compile_ms",
            "peak_mib",
            "test_accuracy",
        ] {
            assert!(row.get(key).is_some(), "{key}");
        }
        for key in ["median", "p10", "p90"] {
            assert!(row["step_ms"].get(key).is_some(), "{key}");
        }
        assert_eq!(json["data"]["name"], "fashion-mnist");
        // The temporary files are gone.
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_an_error() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = sample().write(&file.path().join("latest.json")).unwrap_err();
        assert!(error.to_string().starts_with("cannot write "), "{error}");
    }

    #[test]
    fn noise_is_of_the_same_batch_and_threads() {
        assert_eq!(sample().noise(64, 2), Some(1.03));
        assert_eq!(sample().noise(64, 1), None);
    }
}
