//! The record of a training: what was asked for, and what each epoch came to.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::checkpoint::Goal;
use crate::ledger::{Identity, Mark, line};
use crate::metrics::Metrics;

/// What [`Trainer::fit`](crate::Trainer::fit) returns. Serializes as plain data.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// What was asked for.
    pub run: Run,
    /// One entry for each finished epoch.
    pub epochs: Vec<Epoch>,
    /// Evaluations within epochs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evaluations: Vec<Evaluation>,
    /// Why it ended.
    #[serde(default)]
    pub ended: Ended,
    /// What decides the run, where its [ledger](crate::Trainer::ledger_every) is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// The lines of its ledger.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ledger: Vec<Mark>,
}

impl History {
    /// The last finished epoch; `None` after a training of 0 epochs.
    pub fn last(&self) -> Option<&Epoch> {
        self.epochs.last()
    }

    /// The last line of the ledger with what decides the run: runs whose lines are equal had the same losses and came
    /// to the same parameters, bit for bit, from the same program, data and seed.
    pub fn ledger_line(&self) -> Option<String> {
        Some(line(self.ledger.last()?, self.identity.as_ref()?))
    }

    /// The first step at which the ledgers of both have another hash; none if they agree where both have lines.
    pub fn first_difference(&self, other: &History) -> Option<u64> {
        let same =
            |mark: &&Mark| other.ledger.iter().any(|own| own.step == mark.step && own.hash != mark.hash);
        self.ledger.iter().find(same).map(|mark| mark.step)
    }

    /// The values of a metric that a training is judged by, in order: of evaluations, also of those within epochs.
    pub(crate) fn judged(&self, metric: &str) -> Vec<f64> {
        let ends = self.epochs.iter().map(|epoch| (epoch.steps, epoch.judged(metric)));
        let within = self.evaluations.iter().map(|within| (within.steps, within.metrics.get(metric)));
        let mut all: Vec<(u64, Option<f64>)> = ends.chain(within).collect();
        all.sort_by_key(|(steps, _)| *steps);
        all.into_iter().map(|(_, value)| value.unwrap_or(f64::NAN)).collect()
    }

    /// How many of these came after the best by a goal; 0 without any.
    pub(crate) fn since_best(&self, goal: &Goal) -> usize {
        let (mut best, mut since) = (None, 0);
        for value in self.judged(goal.metric()) {
            since += 1;
            if !value.is_nan() && best.is_none_or(|old| goal.is_better(value, old)) {
                (best, since) = (Some(value), 0);
            }
        }
        since
    }

    /// Seconds spent, evaluation included.
    pub fn seconds(&self) -> f64 {
        // From 0, which the sum of no floats is not: that is -0.
        let within = self.evaluations.iter().map(|e| e.seconds);
        self.epochs.iter().map(|e| e.seconds + e.test_seconds).chain(within).fold(0.0, |sum, s| sum + s)
    }
}

/// Why a training ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ended {
    /// All epochs are trained, or it goes on.
    #[default]
    Epochs,
    /// It did not get better any more; see [`Trainer::patience`](crate::Trainer::patience).
    Patience,
    /// An observer said so.
    Observer,
    /// Somebody [interrupted](crate::Interrupt) it. The next [`fit`](crate::Trainer::fit) goes on within the epoch.
    Interrupted,
}

/// An evaluation within an epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// The number of training steps that the session had finished.
    pub steps: u64,
    /// What it came to.
    pub metrics: Metrics,
    /// Seconds that it took.
    pub seconds: f64,
}

/// What a training is about to do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The executor's name.
    pub backend: String,
    /// Epochs asked for.
    pub epochs: usize,
    /// How many were finished before by the same trainer.
    pub finished: usize,
    /// Batches of these epochs that were trained before, where the training was resumed.
    #[serde(default)]
    pub resumed: usize,
    /// Examples to train on.
    pub examples: usize,
    /// Examples of a batch; the last one may have fewer.
    pub batch_size: usize,
    /// Batches of an epoch.
    pub batches: usize,
    /// The seed of the shuffling, if there is any.
    pub shuffle: Option<u64>,
    /// How examples were [sampled](crate::Trainer::sample), and a digest of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sampling: Option<String>,
    /// Examples to evaluate on; 0 without evaluation.
    pub test_examples: usize,
}

/// What one epoch came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Epoch {
    /// Its number, from 1.
    pub number: usize,
    /// The number of training steps that the session has finished.
    pub steps: u64,
    /// Means over the epoch's batches, each measured before its own update.
    pub train: Metrics,
    /// The evaluation after the epoch; empty without one.
    pub test: Metrics,
    /// Seconds of training.
    pub seconds: f64,
    /// Seconds of evaluation.
    pub test_seconds: f64,
}

impl Epoch {
    /// A metric of the evaluation, or of the training where there was none.
    pub(crate) fn judged(&self, metric: &str) -> Option<f64> {
        if self.test.is_empty() { self.train.get(metric) } else { self.test.get(metric) }
    }

    /// What comes after the number in a line for people.
    pub(crate) fn results(&self) -> String {
        let mut line = String::new();
        if !self.train.is_empty() {
            line += &format!("  {}", self.train);
        }
        if !self.test.is_empty() {
            line += &format!("  test {}", self.test);
        }
        line + &format!("  {:.1} s", self.seconds + self.test_seconds)
    }
}

/// `epoch 3  J 0.3021  test J 0.3210  accuracy 0.9127  1.2 s`.
impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "epoch {}{}", self.number, self.results())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_one_line() {
        let mut epoch = Epoch {
            number: 3,
            steps: 30,
            train: [("J", 0.5)].into_iter().collect(),
            test: [("accuracy", 0.25)].into_iter().collect(),
            seconds: 1.0,
            test_seconds: 0.25,
        };
        assert_eq!(epoch.to_string(), "epoch 3  J 0.5000  test accuracy 0.2500  1.2 s");
        epoch.test = Metrics::default();
        assert_eq!(epoch.to_string(), "epoch 3  J 0.5000  1.2 s");
    }
}
