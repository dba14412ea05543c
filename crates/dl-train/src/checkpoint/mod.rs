//! Checkpoints: everything that decides how a training goes on, in files that are whole or not there.
//!
//! A checkpoint is two files. `step-….safetensors` has the values of all parameters, those of optimizers and
//! layers included. `step-….json` has the rest: seed and counters, from which random numbers and learning rates
//! follow, the place in the order of the examples, sums over the epoch so far, and the history; with the length
//! and the SHA-256 of the first file, and one of itself. The second is written after the first is safe on disk, so
//! that where it stands, the checkpoint is complete.

mod record;
mod store;
mod writer;

pub use self::store::Saved;

pub(crate) use self::record::{Record, Standing, Sum, hex, program_hash};
pub(crate) use self::store::Store;
pub(crate) use self::writer::Writer;

/// A metric, and whether it should be low or high.
///
/// ```
/// use dl_train::Goal;
/// assert_eq!(Goal::from("J"), Goal::lowest("J"));
/// assert!(Goal::highest("accuracy").is_better(0.9, 0.8));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goal {
    metric: String,
    highest: bool,
}

impl Goal {
    /// The lowest is best, as of a loss.
    pub fn lowest(metric: &str) -> Goal {
        Goal { metric: metric.into(), highest: false }
    }

    /// The highest is best, as of an accuracy.
    pub fn highest(metric: &str) -> Goal {
        Goal { metric: metric.into(), highest: true }
    }

    /// The metric's name.
    pub fn metric(&self) -> &str {
        &self.metric
    }

    /// Whether the first is better than the second; a NaN never is.
    pub fn is_better(&self, new: f64, old: f64) -> bool {
        if self.highest { new > old } else { new < old }
    }
}

/// The lowest.
impl From<&str> for Goal {
    fn from(metric: &str) -> Goal {
        Goal::lowest(metric)
    }
}

/// Which checkpoints stay.
///
/// ```
/// use dl_train::{Goal, Keep};
/// let keep = Keep::best(Goal::highest("accuracy")).last(3);
/// assert_ne!(keep, Keep::best("J"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep {
    last: usize,
    best: Option<Goal>,
}

impl Keep {
    /// The last `count` ones, at least 1.
    pub fn last_ones(count: usize) -> Keep {
        Keep { last: count.max(1), best: None }
    }

    /// The best by a metric of the evaluation (of the training, where there is none), and the last 2. The
    /// [goal](crate::Trainer::goal) of the trainer becomes the same.
    pub fn best(goal: impl Into<Goal>) -> Keep {
        Keep { last: 2, best: Some(goal.into()) }
    }

    /// With the last `count` ones, at least 1.
    #[must_use]
    pub fn last(self, count: usize) -> Keep {
        Keep { last: count.max(1), ..self }
    }

    pub(crate) fn goal(&self) -> Option<&Goal> {
        self.best.as_ref()
    }

    /// Which of the checkpoints, from the oldest on and with their scores, go.
    fn gone(&self, scores: &[Option<f64>]) -> Vec<usize> {
        let mut best: Option<(usize, f64)> = None;
        for (i, score) in scores.iter().enumerate() {
            if let (Some(goal), Some(score)) = (&self.best, score)
                && best.is_none_or(|(_, old)| goal.is_better(*score, old))
            {
                best = Some((i, *score));
            }
        }
        let old = scores.len().saturating_sub(self.last);
        (0..old).filter(|i| best.is_none_or(|(best, _)| best != *i)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_and_the_best_stay() {
        let scores = [Some(3.0), Some(1.0), None, Some(1.0), Some(2.0)];
        assert_eq!(Keep::last_ones(2).gone(&scores), [0, 1, 2]);
        assert_eq!(Keep::last_ones(9).gone(&scores), [0usize; 0]);
        assert_eq!(Keep::best("J").gone(&scores), [0, 2]);
        assert_eq!(Keep::best(Goal::highest("J")).last(1).gone(&scores), [1, 2, 3]);
        assert_eq!(Keep::best("J").last(0).gone(&[None, None]), [0]);
    }
}
