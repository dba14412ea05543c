//! Outputs of batches that a device is still to deliver.

use std::collections::VecDeque;

use dl_backends::Reading;

use crate::error::Result;
use crate::metrics::Tally;

/// Batches on their way at most: each has the device's memory for its outputs.
const MOST: usize = 64;

/// What is still to come, in the order of the batches.
#[derive(Default)]
pub(crate) struct Late(VecDeque<Begun>);

/// A batch whose scalars were begun to be read.
struct Begun {
    readings: Vec<Reading>,
    examples: usize,
    /// For errors.
    place: String,
}

impl Late {
    /// Another batch.
    pub(crate) fn begun(&mut self, readings: Vec<Reading>, examples: usize, place: String) {
        self.0.push_back(Begun { readings, examples, place });
    }

    /// Adds what has arrived; waits only where too much is on its way.
    ///
    /// # Errors
    /// When an output is not finite, or the device refuses.
    pub(crate) fn take(&mut self, tally: &mut Tally<'_>) -> Result<()> {
        if self.0.len() > MOST {
            return self.settle(tally);
        }
        let is_ready = |begun: &mut Begun| begun.readings.iter_mut().all(Reading::is_ready);
        while self.0.front_mut().is_some_and(is_ready) {
            self.0.pop_front().map_or(Ok(()), |begun| begun.arrive(tally))?;
        }
        Ok(())
    }

    /// Adds everything, and waits for it.
    ///
    /// # Errors
    /// As for [`take`](Late::take).
    pub(crate) fn settle(&mut self, tally: &mut Tally<'_>) -> Result<()> {
        // A device delivers in order: when the last is there, all are.
        if let Some(Begun { readings, .. }) = self.0.back_mut()
            && let Some(last) = readings.pop()
        {
            readings.push(Reading::done(last.wait()?));
        }
        self.0.drain(..).try_for_each(|begun| begun.arrive(tally))
    }
}

impl Begun {
    fn arrive(self, tally: &mut Tally<'_>) -> Result<()> {
        let values = self.readings.into_iter().map(|reading| Ok(reading.wait()?.item()?));
        tally.add_scalars(values, self.examples, || self.place.clone())
    }
}
