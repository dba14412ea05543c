//! Lowering: from the kernels of a schedule to phases of a tile, and all that the caches, vectors and
//! products of this executor want beside them.
//!
//! 1. `rows`: kernels on rows become phases, their bodies instructions over homes (`body`), their products
//!    products with packed matrices;
//! 2. `converts`: bytes that only products read leave the groups;
//! 3. `lines`: groups whose rows are many lines run line by line;
//! 4. `transpose`: groups of short rows compute on columns;
//! 5. `channels`: operations on images go line by line, where channels have numbers of their own;
//! 6. `code`: instructions that go element by element become machine code;
//! 7. `buffers`: homes get buffers, which values share whose lifetimes do not meet;
//! 8. `updates`: products that may add to a parameter do so where all rows are one tile;
//! 9. `whole`: kernels on whole values.

mod body;
mod buffers;
mod channels;
mod code;
mod converts;
mod lines;
mod recorder;
mod rows;
mod transpose;
pub(super) mod updates;
pub(super) mod whole;

use dl_core::Schedule;

use self::buffers::Buffers;
pub(super) use self::rows::Lowered;
use super::BLOCK;
use super::data::convert::Convert;
use super::data::home::{Base, Home, Place};
use super::data::phase::{Buffer, Phases, groups};
use crate::cpu::matmul::Kernels;

/// What the rows of a schedule come to.
pub(super) struct Rows {
    pub lowered: Lowered,
    /// By stage.
    pub phases: Vec<Phases>,
    pub converts: Vec<Convert>,
    pub buffers: Vec<Buffer>,
    /// Bytes of a row in all buffers that outlive a block, without code.
    pub row_bytes: usize,
}

/// Lowers the kernels on rows; with `code`, instructions become machine code.
///
/// # Errors
/// Why the plan has to run one step at a time.
pub(super) fn rows(schedule: &Schedule, kernels: Kernels, code: bool) -> Result<Rows, String> {
    let (mut lowered, mut phases) = Lowered::new(schedule, kernels)?;
    let converts = converts::converts(&lowered, &mut phases);
    lines::lines(&mut lowered, &mut phases);
    for group in groups(phases.iter_mut().flatten()) {
        let longest = group.instrs.iter().map(|i| i.len).max().unwrap_or(1).max(1);
        group.rows = (BLOCK / longest).max(1);
        group.inputs = group.instrs.iter().flat_map(|i| i.kind.inputs()).collect();
        let rows = group.lines() == 1;
        group.inputs.retain(|home| rows && matches!(lowered.homes[*home].place, Place::Input(_)));
        group.inputs.sort_unstable();
        group.inputs.dedup();
    }
    transpose::transpose(&mut lowered, &mut phases, schedule.row_count());
    channels::channels(&mut lowered, &mut phases);
    groups(phases.iter_mut().flatten()).into_iter().for_each(|group| group.folded = group.folds());
    let buffers = |homes: &mut [Home], phases: &[Phases]| {
        Buffers::new(homes.len(), &lowered.outputs, phases).give(homes, phases)
    };
    let bytes = |buffers: &[Buffer]| {
        let of_rows = buffers.iter().filter(|b| b.base != Base::Block);
        of_rows.map(|b| b.len * b.dtype.bytes()).sum()
    };
    if !code {
        let buffers = buffers(&mut lowered.homes, &phases);
        let row_bytes = bytes(&buffers);
        return Ok(Rows { lowered, phases, converts, buffers, row_bytes });
    }
    // Before there is code: tiles, and so the order of sums, are the same with it and without.
    let row_bytes = bytes(&buffers(&mut lowered.homes.clone(), &phases));
    code::segments(&lowered.homes, &lowered.outputs, &mut phases);
    let buffers = buffers(&mut lowered.homes, &phases);
    Ok(Rows { lowered, phases, converts, buffers, row_bytes })
}
