//! One pass over a source: batches in some order, each run through a program.

use dl_backends::{Handle, Session};

use crate::error::{Error, Kind, Result};
use crate::metrics::{Meters, Tally};
use crate::source::{Batch, Feed, Source};

/// The batches of one pass, one after the other.
pub(crate) struct Pass<'a> {
    source: &'a dyn Source,
    handle: &'a Handle,
    how: Order,
    batch: Batch,
    tally: Tally<'a>,
    done: usize,
    was_read: bool,
}

/// In which order, and how much at a time.
pub(crate) struct Order {
    /// Every example's number once.
    pub(crate) rows: Vec<usize>,
    /// Examples of a batch, at least 1.
    pub(crate) size: usize,
    /// Outputs are read after every `read_every`-th batch and after the last.
    pub(crate) read_every: usize,
    /// The epoch's number, from 1; 0 for an evaluation.
    pub(crate) epoch: usize,
    /// For errors: `epoch 3` or the like.
    pub(crate) name: String,
}

impl<'a> Pass<'a> {
    /// A pass that adds up what `meters` say.
    pub(crate) fn new(source: &'a dyn Source, handle: &'a Handle, meters: &'a Meters, how: Order) -> Self {
        let batch = Batch::new(handle.inputs(), how.epoch);
        Pass { source, handle, how, batch, tally: Tally::new(meters), done: 0, was_read: false }
    }

    pub(crate) fn batches(&self) -> usize {
        self.how.rows.len().div_ceil(self.how.size)
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
        let (number, batches) = (self.done + 1, self.batches());
        let place = || format!("{}, batch {number} of {batches}", self.how.name);
        self.batch.refill(self.source, rows)?;
        if let Some(feed) = feed {
            self.batch.feed(feed)?;
        }
        self.batch.check()?;
        if let Some(next) = left.next() {
            self.source.prepare(next, &self.batch);
        }
        let inputs = self.batch.views();
        let outputs = session
            .run(self.handle, &inputs)
            .map_err(|source| Error::from(Kind::Batch { place: place(), source }))?;
        self.was_read = number.is_multiple_of(self.how.read_every) || number == batches;
        if self.was_read {
            self.tally.add(&outputs, &inputs, rows.len(), place)?;
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
