//! Trainings that are killed at any moment, also while a checkpoint is written.
//!
//! The test starts itself again as the training that it kills. `DL_TRAIN_KILLS=200` says how often.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use dl_train::{BatchEnd, Observer, Saved};

use crate::network::{bits, digits, kept, trainer};

/// Where a training that is to be killed has its checkpoints, and how many threads.
const FOLDER: &str = "DL_TRAIN_KILLED_FOLDER";
const THREADS: &str = "DL_TRAIN_KILLED_THREADS";

/// Says on standard output how far it is.
struct Tell;

impl Tell {
    fn line(what: &str, number: u64) {
        let mut out = std::io::stdout().lock();
        writeln!(out, "\n{what} {number}").and_then(|()| out.flush()).unwrap();
    }
}

impl Observer for Tell {
    fn batch(&mut self, batch: &BatchEnd<'_>) {
        Tell::line("batch", batch.session.step());
    }

    fn saved(&mut self, saved: &Saved) {
        Tell::line("saved", saved.step);
    }
}

/// Not a test but the training that `kills` kills.
#[test]
fn training() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let threads = std::env::var(THREADS).unwrap().parse().unwrap();
    let (train, test) = digits();
    let mut trainer = kept(trainer(threads), &folder).resume(&folder).unwrap().observe(Tell);
    Tell::line("resumed", trainer.session().step());
    let history = trainer.fit(&train, Some(&test)).unwrap();
    let metrics: Vec<String> = history.epochs.iter().map(|e| format!("{:?}{:?}", e.train, e.test)).collect();
    println!("\nended {} {}", bits(trainer.session()), metrics.concat().replace(' ', ""));
}

fn started(folder: &Path, threads: usize) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["killed::training", "--exact", "--nocapture"]);
    command.env(FOLDER, folder).env(THREADS, threads.to_string());
    command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap()
}

/// What a training says that nobody kills.
fn uninterrupted(folder: &Path, threads: usize) -> String {
    let child = started(folder, threads);
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success());
    let text = String::from_utf8(out.stdout).unwrap();
    text.lines().find_map(|line| line.strip_prefix("ended ")).unwrap().to_owned()
}

#[test]
fn kills() {
    let kills: usize = std::env::var("DL_TRAIN_KILLS").map_or(30, |n| n.parse().unwrap());
    let scratch = tempfile::tempdir().unwrap();
    let want = uninterrupted(&scratch.path().join("whole"), 1);
    let folder = scratch.path().join("killed");
    let (mut random, mut safe, mut ended, mut resumed_within) = (7u64, 0, 0, 0);
    for kill in 0..kills {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut lines_left = 1 + (random >> 33) % 30;
        let mut child = started(&folder, 1 + kill % 2);
        let out = child.stdout.take().unwrap();
        for line in BufReader::new(out).lines() {
            let line = line.unwrap();
            let number = |what: &str| line.strip_prefix(what).map(|n| n.trim().parse::<u64>().unwrap());
            if let Some(step) = number("saved ") {
                safe = step;
            } else if let Some(step) = number("resumed ") {
                assert!(step >= safe, "step {safe} was reported as saved, {step} is what is left");
                resumed_within += usize::from(step % 10 != 0);
            } else if let Some(got) = line.strip_prefix("ended ") {
                assert_eq!(got, want);
                ended += 1;
            } else if number("batch ").is_none() {
                continue;
            }
            lines_left -= 1;
            if lines_left == 0 {
                // A moment within the next step, or within a write.
                (0..(random >> 20) % 40_000).for_each(|i| {
                    std::hint::black_box(i);
                });
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if ended > 0 {
            (safe, ended) = (0, 0);
            std::fs::remove_dir_all(&folder).unwrap();
        }
    }
    assert_eq!(uninterrupted(&folder, 2), want, "after {kills} kills");
    assert!(resumed_within * 4 > kills, "{resumed_within} of {kills} were resumed within an epoch");
}
