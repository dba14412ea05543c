//! The time that each piece of a run takes, for profiles.

use std::time::{Duration, Instant};

/// Times of a run.
pub(crate) struct Watch {
    pub stages: Vec<Stage>,
    /// By the list of updates.
    pub updates: Vec<Duration>,
}

/// Times of a stage.
pub(crate) struct Stage {
    /// Of its work on whole values.
    pub wholes: Vec<Duration>,
    /// By the list of matrices that are packed.
    pub packs: Vec<Duration>,
    /// Of its phases, over all tiles.
    pub phases: Vec<Duration>,
    /// Of threads that have no shard while others still have.
    pub wait: Duration,
    /// Of combining the reductions of shards.
    pub combine: Duration,
}

impl Watch {
    /// For stages with these numbers of kernels on whole values and of phases, `packs` matrices and `updates`.
    pub(crate) fn new(stages: impl Iterator<Item = (usize, usize)>, packs: usize, updates: usize) -> Watch {
        let zero = |n: usize| vec![Duration::ZERO; n];
        let stage = |(wholes, phases): (usize, usize)| Stage {
            wholes: zero(wholes),
            packs: zero(packs),
            phases: zero(phases),
            wait: Duration::ZERO,
            combine: Duration::ZERO,
        };
        Watch { stages: stages.map(stage).collect(), updates: zero(updates) }
    }

    /// Does the work, and adds its time at `place`, if there is a watch.
    pub(crate) fn time<R>(
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
