//! Observers: what watches a training, and may end it.

use std::ops::ControlFlow;

use dl_backends::Session;

use crate::checkpoint::Saved;
use crate::error::Result;
use crate::history::{Epoch, Evaluation, History};
use crate::metrics::{Metrics, Tally};

/// Watches a training. Every method has an empty default.
///
/// ```
/// use std::ops::ControlFlow;
/// use dl_backends::Session;
/// use dl_train::{Epoch, Observer};
///
/// /// Ends a training when the loss on the test examples has risen.
/// struct UntilItRises(f64);
///
/// impl Observer for UntilItRises {
///     fn epoch(&mut self, epoch: &Epoch, _: &Session) -> ControlFlow<()> {
///         let before = std::mem::replace(&mut self.0, epoch.test.get("J").unwrap_or(f64::INFINITY));
///         if self.0 > before { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
///     }
/// }
/// ```
pub trait Observer {
    /// The training begins; where it was resumed, the history has what was before.
    ///
    /// # Errors
    /// What keeps the training from being begun.
    fn begin(&mut self, history: &History) -> Result<()> {
        let _ = history;
        Ok(())
    }

    /// A batch was trained on.
    fn batch(&mut self, batch: &BatchEnd<'_>) {
        let _ = batch;
    }

    /// An epoch was trained and evaluated; the session has the parameters. `Break` ends the training; the epoch
    /// counts.
    fn epoch(&mut self, epoch: &Epoch, session: &Session) -> ControlFlow<()> {
        let _ = (epoch, session);
        ControlFlow::Continue(())
    }

    /// An evaluation within an epoch ([`Trainer::evaluate_every`](crate::Trainer::evaluate_every)).
    fn evaluated(&mut self, evaluation: &Evaluation, session: &Session) {
        let _ = (evaluation, session);
    }

    /// A checkpoint is safe on disk.
    fn saved(&mut self, saved: &Saved) {
        let _ = saved;
    }

    /// A [line of the ledger](crate::History::ledger_line) that was asked for
    /// ([`Trainer::ledger_every`](crate::Trainer::ledger_every)).
    fn ledger(&mut self, line: &str) {
        let _ = line;
    }

    /// The training ended without an error.
    ///
    /// # Errors
    /// What went wrong on the way: it is the training's error then, after all is trained and saved.
    fn end(&mut self, history: &History) -> Result<()> {
        let _ = history;
        Ok(())
    }
}

/// A batch that was trained on.
pub struct BatchEnd<'a> {
    /// The epoch's number, from 1.
    pub epoch: usize,
    /// The batch's number within the epoch, from 1.
    pub number: usize,
    /// How many batches the epoch has.
    pub of: usize,
    /// The examples in it.
    pub examples: usize,
    /// The session after it.
    pub session: &'a Session,
    pub(crate) tally: &'a Tally<'a>,
}

impl BatchEnd<'_> {
    /// The means over the epoch so far.
    pub fn metrics(&self) -> Metrics {
        self.tally.metrics()
    }
}

/// A closure on epochs that says whether to stop.
pub(crate) struct StopWhen<F>(pub(crate) F);

impl<F: FnMut(&Epoch) -> bool> Observer for StopWhen<F> {
    fn epoch(&mut self, epoch: &Epoch, _: &Session) -> ControlFlow<()> {
        if (self.0)(epoch) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
