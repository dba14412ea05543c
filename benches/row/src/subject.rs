//! What can be measured, behind one interface.

use crate::fault::Result;
use crate::protocol::Point;

/// A training step that can be run again and again.
///
/// A step takes the next batch of the ring, which lies in memory in the form that the
/// subject likes best, and ends when the parameters are updated; the loss is not read.
pub trait Subject {
    /// How long it took to compile the step, in milliseconds; `None` where nothing is compiled.
    fn compile_ms(&self) -> Option<f64> {
        None
    }

    /// How it runs, for a footnote.
    fn note(&self) -> Option<String> {
        None
    }

    /// One training step; where [`overlaps`](Subject::overlaps), it is at least under way.
    ///
    /// # Errors
    /// What the framework refuses; so in the other functions.
    fn step(&mut self) -> Result<()>;

    /// One training step without dropout; the loss before it, where there is one.
    ///
    /// # Errors
    /// As for [`step`](Subject::step).
    fn loss(&mut self) -> Result<Option<f64>> {
        Ok(None)
    }

    /// Whether a step may return before the device has done it.
    fn overlaps(&self) -> bool {
        false
    }

    /// Waits until the device has done every step.
    ///
    /// # Errors
    /// As for [`step`](Subject::step).
    fn settle(&mut self) -> Result<()> {
        Ok(())
    }

    /// Trains from the first values on; what came of it. `progress` hears which share of the training is done.
    ///
    /// # Errors
    /// As for [`step`](Subject::step).
    fn train(&mut self, _: Training, _progress: &mut dyn FnMut(f64)) -> Result<Trained> {
        Ok(Trained::default())
    }
}

/// What to train before the test split is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Training {
    /// The tutorial's loop: ten full-batch steps.
    FullBatch,
    /// The recipe on shuffled mini-batches.
    Recipe {
        /// Passes over the training split.
        epochs: usize,
    },
}

impl Training {
    /// Passes over the training split.
    pub fn epochs(self) -> usize {
        match self {
            Training::FullBatch => 10,
            Training::Recipe { epochs } => epochs,
        }
    }
}

/// What came of a training.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trained {
    /// What the network's loss makes of the test split: the share classified right, or the mean squared error.
    pub test: Option<f64>,
    /// The loss on the way.
    pub curve: Vec<Point>,
}
