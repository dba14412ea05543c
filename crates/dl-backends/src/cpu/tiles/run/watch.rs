//! How long each piece of a divided run takes, where somebody wants to know.

use std::time::{Duration, Instant};

use super::run::Tiled;

/// Times of a run.
pub(super) struct Watch {
    pub rounds: Vec<Round>,
    /// By the list of updates.
    pub updates: Vec<Duration>,
}

/// Times of a round.
pub(super) struct Round {
    /// Of its work on whole values.
    pub wholes: Vec<Duration>,
    /// By the list of matrices that are packed.
    pub packs: Vec<Duration>,
    /// Of its phases, over all tiles.
    pub phases: Vec<Duration>,
    /// Of threads that have no lane while others still have.
    pub wait: Duration,
    /// Of combining what lanes fold to.
    pub combine: Duration,
}

impl Watch {
    pub(super) fn new(tiled: &Tiled) -> Watch {
        let zero = |n: usize| vec![Duration::ZERO; n];
        let round = |round: usize| Round {
            wholes: zero(tiled.wholes[round].len()),
            packs: zero(tiled.packed.len()),
            phases: zero(tiled.phases[round].len()),
            wait: Duration::ZERO,
            combine: Duration::ZERO,
        };
        let rounds = (0..tiled.phases.len()).map(round).collect();
        Watch { rounds, updates: zero(tiled.updates.len()) }
    }

    /// Does the work, and adds the time to what `place` finds, if there is a watch.
    pub(super) fn time<R>(
        watch: &mut Option<Watch>,
        place: impl FnOnce(&mut Watch) -> &mut Duration,
        work: impl FnOnce() -> R,
    ) -> R {
        let Some(watch) = watch else { return work() };
        let start = Instant::now();
        let result = work();
        *place(watch) += start.elapsed();
        result
    }
}
