//! How long it takes until a perceptron has an accuracy, loading included: ours beside PyTorch's, of one recipe.
//!
//! Every training is a process of its own, and the two take turns. Both tell the time from loading the images on, since
//! what Python needs to import PyTorch is no part of training; the whole process is told beside it.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use dl_backends::Cpu;
use dl_data::Augmentation;
use dl_examples::classifier::{Classifier, Course};
use dl_examples::mlp;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::cli::Options;
use crate::fault::{Fault, Result};
use crate::network::{Known, Network};
use crate::peers;
use crate::protocol::DataAt;
use crate::stats::Spread;
use crate::work;

/// The word that has this program train once, for a parent.
pub(crate) const TRAIN: &str = "train-to";

/// Both follow it: AdamW with one cycle, and dropout of hidden units.
const COURSE: Course =
    Course { epochs: 12, batch_size: 64, rate: 2e-3, weight_decay: 0.02, augmentation: Augmentation::new() };

/// What one training has to do.
#[derive(Debug, Serialize, Deserialize)]
struct Task {
    accuracy: f64,
    seed: u64,
    threads: usize,
    data: DataAt,
    /// For Python: where the images are, and the recipe.
    folder: Option<PathBuf>,
    epochs: usize,
    batch_size: usize,
    rate: f64,
    weight_decay: f64,
    dropout: f64,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
struct Reached {
    /// On the test images, after each epoch until the last that was needed.
    accuracies: Vec<f64>,
    /// From loading the images on.
    seconds: f64,
}

/// A training of one row.
struct Trained {
    reached: Reached,
    /// Of the whole process.
    seconds: f64,
}

/// Measures, and tells.
///
/// # Errors
/// When the data is gone, or a training fails.
pub(crate) fn text(options: &Options, accuracy: f64) -> Result<String> {
    let network = Network::perceptron();
    let data = work::find(&network, options.data.as_deref())?;
    let at = DataAt { name: data.name.clone(), folder: options.data.clone() };
    let folder = given(&data)?;
    drop(data);
    let peer = peers::has_torch();
    let mut text = format!(
        "time to {:.1} % of the test images, {}, 784-128-10; {COURSE}, dropout {} of hidden units; {} seeds\n",
        100.0 * accuracy,
        at.name,
        mlp::DROPOUT,
        options.seeds
    );
    for &threads in &options.threads {
        let (mut ours, mut torch) = (vec![], vec![]);
        for seed in 1..=options.seeds {
            let task = Task {
                accuracy,
                seed,
                threads,
                data: at.clone(),
                folder: Some(folder.path().to_owned()),
                epochs: COURSE.epochs,
                batch_size: COURSE.batch_size,
                rate: COURSE.rate,
                weight_decay: COURSE.weight_decay,
                dropout: mlp::DROPOUT,
            };
            eprintln!("threads {threads}, seed {seed}");
            ours.push(train(Command::new(std::env::current_exe()?).arg(TRAIN), &task)?);
            if peer {
                torch.push(train(&mut peers::script("reach.py"), &task)?);
            }
        }
        let _ = writeln!(text, "\n{threads} thread{}", if threads == 1 { "" } else { "s" });
        row(&mut text, "cpu", &ours, accuracy);
        match peer {
            true => {
                row(&mut text, "PyTorch", &torch, accuracy);
                let quotients = |seconds: fn(&Trained) -> f64| {
                    let pairs = ours.iter().zip(&torch);
                    Spread::of(&pairs.map(|(ours, torch)| seconds(torch) / seconds(ours)).collect::<Vec<_>>())
                };
                quotient(&mut text, "× PyTorch", quotients(|t| t.reached.seconds));
                quotient(&mut text, "× PyTorch, whole process", quotients(|t| t.seconds));
            }
            false => text += "PyTorch is not installed: run `cargo xtask peers`\n",
        }
    }
    Ok(text)
}

fn row(text: &mut String, name: &str, trained: &[Trained], accuracy: f64) {
    let seconds: Vec<f64> = trained.iter().map(|t| t.reached.seconds).collect();
    let whole: Vec<f64> = trained.iter().map(|t| t.seconds).collect();
    let epochs: Vec<String> = trained.iter().map(|t| t.reached.accuracies.len().to_string()).collect();
    let last = trained.iter().filter_map(|t| t.reached.accuracies.last());
    let missed = last.clone().filter(|last| **last < accuracy).count();
    let mean = last.sum::<f64>() / trained.len().max(1) as f64;
    if let (Some(loaded), Some(whole)) = (Spread::of(&seconds), Spread::of(&whole)) {
        let _ = writeln!(
            text,
            "{name:8} {:.2} s ({:.2}–{:.2}), whole process {:.2} s; epochs {}; accuracy {:.2} %{}",
            loaded.median,
            loaded.p10,
            loaded.p90,
            whole.median,
            epochs.join(" "),
            100.0 * mean,
            if missed > 0 { format!("; {missed} did not get there") } else { String::new() },
        );
    }
}

fn quotient(text: &mut String, name: &str, of: Option<Spread>) {
    if let Some(of) = of {
        let _ = writeln!(text, "{name} {:.2} ({:.2}–{:.2})", of.median, of.p10, of.p90);
    }
}

/// The images and labels as raw bytes, for a process that does not read IDX.
fn given(data: &work::Set) -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    for (name, table) in [("train", &data.train), ("test", &data.test)] {
        let write =
            |part: &str, bytes: &[u8]| std::fs::write(folder.path().join(format!("{name}.{part}")), bytes);
        write("x", table.x.get::<u8>()?)?;
        write("y", &table.y.get::<i64>()?.iter().flat_map(|y| y.to_ne_bytes()).collect::<Vec<u8>>())?;
    }
    Ok(folder)
}

/// Runs a process that trains once.
fn train(command: &mut Command, task: &Task) -> Result<Trained> {
    let began = Instant::now();
    let out =
        command.arg(serde_json::to_string(task)?).stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    let seconds = began.elapsed().as_secs_f64();
    if !out.status.success() {
        return Err(Fault::new(format!("a training failed: {}", out.status)));
    }
    Ok(Trained { reached: serde_json::from_slice(&out.stdout)?, seconds })
}

/// The child: trains once, and prints what came of it.
///
/// # Errors
/// When the task cannot be read, the data is gone, or the training fails.
pub(crate) fn train_once(task: &str) -> Result<()> {
    let task: Task = serde_json::from_str(task)?;
    let began = Instant::now();
    let data = work::images(&task.data)?;
    let course = Course { epochs: task.epochs, batch_size: task.batch_size, ..COURSE };
    let classifier = Classifier::of(&data, mlp::small);
    let cpu = Box::new(Cpu::with_threads(task.threads));
    let trainer = classifier.trainer(cpu, &course, data.train.len(), task.seed)?;
    let there = |epoch: &dl_train::Epoch| epoch.test.get("accuracy") >= Some(task.accuracy);
    let history = trainer.stop_when(there).fit(&data.train, Some(&data.test))?;
    let accuracies = history.epochs.iter().filter_map(|epoch| epoch.test.get("accuracy")).collect();
    let reached = Reached { accuracies, seconds: began.elapsed().as_secs_f64() };
    Ok(writeln!(io::stdout().lock(), "{}", serde_json::to_string(&reached)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_get_there_is_told() {
        let trained = |seconds, accuracies: &[f64]| Trained {
            reached: Reached { accuracies: accuracies.to_vec(), seconds },
            seconds: seconds + 1.0,
        };
        let mut text = String::new();
        row(&mut text, "cpu", &[trained(2.0, &[0.97, 0.98]), trained(4.0, &[0.9, 0.9, 0.97])], 0.98);
        let want = "cpu      3.00 s (2.20–3.80), whole process 4.00 s; epochs 2 3; accuracy 97.50 %; 1 did not get there\n";
        assert_eq!(text, want);
    }

    #[test]
    fn the_script_reads_every_word_of_a_task() {
        let script = include_str!("../peers/reach.py");
        let data = DataAt { name: "mnist".into(), folder: None };
        let folder = Some(PathBuf::from("f"));
        let (accuracy, seed, threads, epochs, batch_size) = (0.98, 1, 1, 1, 64);
        let (rate, weight_decay, dropout) = (0.1, 0.1, 0.1);
        let task =
            Task { accuracy, seed, threads, data, folder, epochs, batch_size, rate, weight_decay, dropout };
        let task = serde_json::to_value(task).unwrap();
        for word in task.as_object().unwrap().keys().filter(|word| *word != "data") {
            assert!(script.contains(&format!("task[\"{word}\"]")), "{word}");
        }
        let reached = serde_json::to_value(Reached { accuracies: vec![], seconds: 0.0 }).unwrap();
        assert!(reached.as_object().unwrap().keys().all(|word| script.contains(&format!("\"{word}\":"))));
    }
}
