//! One pass over a source: batches in some order, each run through a program.

use dl_backends::{Handle, Session};

use crate::error::{Error, Kind, Result};
use crate::metrics::{Meters, Tally};
use crate::source::{Batch, Source};

/// The batches of one pass.
pub(crate) struct Pass<'a> {
    pub(crate) source: &'a dyn Source,
    /// Every example's number once.
    pub(crate) order: Vec<usize>,
    /// Examples of a batch, at least 1.
    pub(crate) size: usize,
    /// Outputs are read after every `read_every`-th batch and after the last.
    pub(crate) read_every: usize,
    /// For errors: `epoch 3` or the like.
    pub(crate) name: String,
}

impl Pass<'_> {
    pub(crate) fn batches(&self) -> usize {
        self.order.len().div_ceil(self.size)
    }

    /// Runs `handle` on every batch and adds up what `meters` say. `each` is told of every batch:
    /// its number from 1, its examples, and the tally so far.
    pub(crate) fn run<'m>(
        &self,
        session: &mut Session,
        handle: &Handle,
        meters: &'m Meters,
        mut each: impl FnMut(usize, usize, &Tally<'m>),
    ) -> Result<Tally<'m>> {
        let mut tally = Tally::new(meters);
        let mut batch = Batch::new(handle.inputs());
        let batches = self.batches();
        for (i, rows) in self.order.chunks(self.size).enumerate() {
            let number = i + 1;
            let place = || format!("{}, batch {number} of {batches}", self.name);
            batch.refill(self.source, rows)?;
            let outputs = session
                .run(handle, &batch.views())
                .map_err(|source| Error::from(Kind::Batch { place: place(), source }))?;
            if number.is_multiple_of(self.read_every) || number == batches {
                tally.add(&outputs, rows.len(), place)?;
            }
            each(number, rows.len(), &tally);
        }
        Ok(tally)
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
