//! One pass over a source: batches in some order, each run through a program.

use dl_backends::{Handle, Session};
use dl_core::TensorRef;
use tracing::trace_span;

use crate::error::{Error, Kind, Result};
use crate::late::Late;
use crate::metrics::{Meters, Tally};
use crate::source::{Batch, Feed, OnDevice, Source};

/// The batches of one pass, one after the other.
pub(crate) struct Pass<'a> {
    source: &'a dyn Source,
    handle: &'a Handle,
    how: Order,
    batch: Batch,
    /// The same examples on a device.
    data: Option<&'a OnDevice<'a>>,
    /// Of inputs that lie on the device, those that metrics read.
    labels: Batch,
    tally: Tally<'a>,
    done: usize,
    was_read: bool,
    /// What is still to come of batches, in their order.
    late: Late,
}

/// In which order, and how much at a time.
pub(crate) struct Order {
    /// Every example's number once.
    pub(crate) rows: Vec<usize>,
    /// Examples of a batch, at least 1.
    pub(crate) size: usize,
    /// Outputs are read after every `read_every`-th batch and after the last.
    pub(crate) read_every: usize,
    /// Whether what is read may arrive after later batches were begun.
    pub(crate) late: bool,
    /// The epoch's number, from 1; 0 for an evaluation.
    pub(crate) epoch: usize,
    /// For errors: `epoch 3` or the like.
    pub(crate) name: String,
}

impl<'a> Pass<'a> {
    /// A pass that adds up what `meters` say.
    pub(crate) fn new(
        (source, data): (&'a dyn Source, Option<&'a OnDevice<'a>>),
        handle: &'a Handle,
        meters: &'a Meters,
        how: Order,
    ) -> Self {
        let batch = Batch::new(handle.inputs(), how.epoch);
        let names: Vec<&str> = handle.inputs().collect();
        let labels = Batch::new(meters.inputs().map(|place| names[place]), how.epoch);
        let how = Order { late: how.late && meters.are_scalars(), ..how };
        let tally = Tally::new(meters);
        Pass {
            source,
            handle,
            how,
            batch,
            data,
            labels,
            tally,
            done: 0,
            was_read: false,
            late: Late::default(),
        }
    }

    pub(crate) fn batches(&self) -> usize {
        self.how.rows.len().div_ceil(self.how.size)
    }

    /// The program that it runs.
    pub(crate) fn handle(&self) -> &'a Handle {
        self.handle
    }

    /// How many are done.
    pub(crate) fn done(&self) -> usize {
        self.done
    }

    /// What was read of the last one, if it was.
    pub(crate) fn read(&self) -> Option<&[f64]> {
        self.was_read.then(|| self.tally.last())
    }

    /// What they come to.
    pub(crate) fn tally(&self) -> &Tally<'a> {
        &self.tally
    }

    /// Waits for what is still to come of batches that are done.
    ///
    /// # Errors
    /// When an output is not finite, or the device refuses.
    pub(crate) fn settle(&mut self) -> Result<()> {
        self.late.settle(&mut self.tally)
    }

    /// Passes over batches that were done before, which `add` says what they added up to.
    pub(crate) fn go_on(
        &mut self,
        done: usize,
        add: impl FnOnce(&mut Tally<'a>) -> Result<()>,
    ) -> Result<()> {
        self.done = done;
        add(&mut self.tally)
    }

    /// Runs the program on the next batch, and what `feed` says beside it; how many examples that were, or nothing at the end.
    pub(crate) fn step(&mut self, session: &mut Session, feed: Option<&Feed>) -> Result<Option<usize>> {
        let mut left = self.how.rows.chunks(self.how.size).skip(self.done);
        let Some(rows) = left.next() else {
            return Ok(None);
        };
        let (number, batches, epoch) = (self.done + 1, self.batches(), self.how.epoch);
        // An evaluation takes no step.
        let step = session.step() + 1;
        let of_step = move || if epoch > 0 { format!(" (step {step})") } else { String::new() };
        let place = || format!("{}, batch {number} of {batches}{}", self.how.name, of_step());
        let _span = trace_span!("batch", number, step).entered();
        let failed = |source| Error::from(Kind::Batch { place: place(), source });
        let other = feed.map(|feed| &*feed.input);
        let there = self.data.filter(|data| data.covers(self.handle, other));
        let inputs: Vec<TensorRef<'_>>;
        let outputs = match there {
            Some(data) => {
                self.labels.refill(self.source, rows)?;
                let fed = feed.map(|feed| (&*feed.input, feed.tensor()));
                let others: Vec<_> = fed.iter().map(|(name, value)| (*name, value.view())).collect();
                data.run(session, self.handle, rows, &others).map_err(failed)?
            }
            None => {
                self.batch.refill(self.source, rows)?;
                if let Some(feed) = feed {
                    self.batch.feed(feed)?;
                }
                self.batch.check()?;
                if let Some(next) = left.next() {
                    self.source.prepare(next, &self.batch);
                }
                inputs = self.batch.views();
                session.run(self.handle, &inputs).map_err(failed)?
            }
        };
        self.was_read = number.is_multiple_of(self.how.read_every) || number == batches;
        if self.was_read && self.how.late {
            let readings = self.tally.begin(&outputs)?;
            self.late.begun(readings, rows.len(), place());
            match number == batches {
                true => self.late.settle(&mut self.tally)?,
                false => self.late.take(&mut self.tally)?,
            }
        } else if self.was_read {
            let from = if there.is_some() { &self.labels } else { &self.batch };
            let input = |name: &str| from.get(name);
            self.tally.add(&outputs, input, rows.len(), place)?;
        }
        self.done = number;
        Ok(Some(rows.len()))
    }
}

/// The seed of an epoch's order: every epoch has its own, and none is another's plus a constant,
/// which would make their random streams overlap. The mixing is SplitMix64's.
pub(crate) fn epoch_seed(seed: u64, epoch: u64) -> u64 {
    mix(seed ^ mix(epoch.wrapping_add(1)))
}

fn mix(z: u64) -> u64 {
    let z = z.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_have_seeds_of_their_own() {
        let mut seeds: Vec<u64> = (0..4).flat_map(|seed| (0..50).map(move |e| epoch_seed(seed, e))).collect();
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), 200);
        // Part of what makes old histories come out again.
        assert_eq!(epoch_seed(7, 0), epoch_seed(7, 0));
    }
}
