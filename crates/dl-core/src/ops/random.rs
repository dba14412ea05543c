//! Counter-based randomness: Philox 4x32-10 keyed by the seed, counting step or run, stream and element.
//!
//! Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011.

use serde::{Deserialize, Serialize};

use crate::dtype::DType;
use crate::graph::{Expr, Graph};
use crate::ops::{Op, Signature, required};
use crate::shape::Shape;

/// What random numbers change with, beside the seed and their stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Clock {
    /// The training step: runs that update nothing see the same numbers until something is updated.
    #[default]
    Step,
    /// The run: every run of a session sees others, whether it updates anything or not.
    Run,
}

/// What decides random numbers: the seed of a session, and what it has finished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// The session's seed.
    pub seed: u64,
    /// How many training steps it has finished.
    pub step: u64,
    /// How many runs it has finished.
    pub run: u64,
}

impl Counters {
    /// Seed, counter and stream, as [`block`] takes them.
    pub fn key(self, stream: u64, clock: Clock) -> [u64; 3] {
        let counter = match clock {
            Clock::Step => self.step,
            Clock::Run => self.run,
        };
        [self.seed, counter, stream]
    }
}

/// A seed and the finished steps of a session of which every run was a step.
impl From<(u64, u64)> for Counters {
    fn from((seed, step): (u64, u64)) -> Self {
        Counters { seed, step, run: step }
    }
}

impl Clock {
    pub(crate) fn is_step(&self) -> bool {
        *self == Clock::Step
    }
}

/// Philox 4x32-10: four random words from a counter and a key.
pub fn philox(mut counter: [u32; 4], mut key: [u32; 2]) -> [u32; 4] {
    const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
    const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
    for round in 0..10 {
        if round > 0 {
            key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
        }
        let a = u64::from(MULTIPLIERS[0]) * u64::from(counter[0]);
        let b = u64::from(MULTIPLIERS[1]) * u64::from(counter[2]);
        counter = [
            (b >> 32) as u32 ^ counter[1] ^ key[0],
            b as u32,
            (a >> 32) as u32 ^ counter[3] ^ key[1],
            a as u32,
        ];
    }
    counter
}

/// The uniform number in `[0, 1)` of one element: 24 bits, so that `f32` and `f64` hold the same value.
///
/// Element `index` takes word `index mod 4` of the block `index div 4`; the block's counter is
/// `(block, stream, step)` and the key is the seed.
pub fn uniform(seed: u64, step: u64, stream: u64, index: u64) -> f32 {
    let word = block(seed, step, stream, index / 4)[(index % 4) as usize];
    (word >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// The four words of one block; see [`uniform`].
pub fn block(seed: u64, step: u64, stream: u64, block: u64) -> [u32; 4] {
    // The step and the stream share the upper counter words; mixing keeps 64-bit steps distinct.
    let counter = [block as u32, (block >> 32) as u32 ^ (step >> 32) as u32, step as u32, stream as u32];
    let key = [seed as u32 ^ (stream >> 32) as u32, (seed >> 32) as u32];
    philox(counter, key)
}

pub(crate) fn signature(stream: u64, declared: Option<(DType, &Shape)>) -> Result<Signature, String> {
    let (dtype, shape) = required("random", declared)?;
    if stream > LAST {
        return Err(format!("random numbers of stream {stream}: the last one is {LAST}"));
    }
    if !dtype.is_float() {
        return Err(format!("random numbers of {dtype}: f32 or f64 is needed"));
    }
    Ok((dtype, shape))
}

/// The last stream, and the last variable, that a file may name: further ones are still to be had.
pub(crate) const LAST: u64 = u64::MAX / 2;

impl Graph {
    /// Uniform numbers in `[0, 1)`, fresh at every step of a session: each call opens a stream of its
    /// own. The numbers depend on the session's seed, the step, the stream and the element's place in
    /// row-major order, and on nothing else.
    #[track_caller]
    pub fn random(&self, dtype: DType, shape: impl Into<Shape>) -> Expr<'_> {
        self.random_by(Clock::Step, dtype, shape)
    }

    /// [`random`](Graph::random), fresh at every step or at every run: with [`Clock::Run`], also runs
    /// that update nothing see other numbers each time.
    #[track_caller]
    pub fn random_by(&self, clock: Clock, dtype: DType, shape: impl Into<Shape>) -> Expr<'_> {
        let stream = self.next_stream();
        self.leaf(Op::Random { stream, clock }, dtype, shape.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Known answers of the authors' Random123 library.
    #[test]
    fn known_answers() {
        assert_eq!(philox([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(
            philox([0xffff_ffff; 4], [0xffff_ffff; 2]),
            [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]
        );
        assert_eq!(
            philox([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn uniforms_are_uniform() {
        let n = 40_000;
        let mean = (0..n).map(|i| f64::from(uniform(7, 3, 1, i))).sum::<f64>() / n as f64;
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
    }
}
