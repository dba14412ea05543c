//! The tiles of a shard, one after the other.
#![allow(unsafe_code)]

use std::sync::Mutex;
use std::time::Duration;

use dl_core::TensorRef;
use dl_core::ops::Counters;

use crate::cpu::array::Array;
use crate::cpu::loops::Context;
use crate::cpu::matmul::Room;
use crate::cpu::tiles::data::convert::Converted;
use crate::cpu::tiles::data::slots::{Shared, Slot};
use crate::cpu::tiles::run::fold::Fold;
use crate::cpu::tiles::run::scene::Member;

/// What shards share.
#[derive(Clone, Copy)]
pub(crate) struct Given<'a> {
    pub values: &'a [Option<Array<'a>>],
    pub inputs: &'a [TensorRef<'a>],
    pub counters: Counters,
    /// Whether the time of each phase is wanted.
    pub timed: bool,
}

/// What a shard works with.
pub(crate) struct Shard {
    pub slots: Vec<Slot>,
    /// Where these are, while it is at work.
    pub table: Vec<Shared>,
    /// Who may work on it, the one whose shard it is first.
    pub members: Vec<Member>,
    /// What inputs are converted to, by their list, and by the member of the team.
    pub converted: Vec<Vec<Mutex<Converted>>>,
    /// Counts the tiles.
    pub tile: u64,
    pub folds: Vec<Fold>,
    /// What parts of a tile fold to in a group, where there are parts.
    pub parts: Vec<Mutex<Vec<Fold>>>,
    pub workspace: Room,
    pub context: Context,
    /// The time of each phase of the stage, where it is wanted.
    pub spent: Vec<Duration>,
}

/// Tiles that products add one after the other.
pub(crate) const TILES: usize = 32;
