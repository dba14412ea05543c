//! Elementwise steps on whole values of one shape, such as an optimizer's, fused: block by block through
//! all of them, so that values between them never leave the first cache.
#![allow(unsafe_code)]

use std::sync::{Mutex, PoisonError};

use dl_core::ops::Counters;
use dl_core::plan::{Plan, ValueId};
use dl_core::schedule::KernelId;

use crate::cpu::array::Array;
use crate::cpu::frame::Values;
use crate::cpu::loops::CHUNK;
use crate::cpu::matmul::Kernels;
use crate::cpu::parameter::Parameter;
use crate::cpu::pool::Pool;
use crate::cpu::team::Team;
use crate::cpu::tiles::BLOCK;
use crate::cpu::tiles::data::home::{Home, Place, Span};
use crate::cpu::tiles::data::phase::{Buffer, Group};
use crate::cpu::tiles::data::slots::{Few, Held, Part, Shared, Slot, share, typed};
use crate::cpu::tiles::data::tiling::Tiling;
use crate::cpu::tiles::run::scene::{Member, Scene};
use crate::cpu::tiles::run::update::{close, open};
use crate::cpu::vector::Isa;
use crate::error::Result;
use crate::executor::Call;

/// A body over the elements of whole values.
pub(crate) struct Fused {
    pub kernel: KernelId,
    /// The plan's steps, in order.
    pub steps: Vec<usize>,
    pub group: Group,
    homes: Vec<Home>,
    buffers: Vec<Buffer>,
    results: Vec<Outcome>,
    len: usize,
    /// The values that nothing needs afterwards.
    frees: Vec<usize>,
    /// The buffers of threads that are not at work.
    resting: Mutex<Vec<Member>>,
}

/// A result that others read.
pub(crate) struct Outcome {
    /// Its place among the homes.
    pub home: usize,
    pub value: ValueId,
    /// The parameter, by the plan's list, whose old value it is written over.
    pub over: Option<usize>,
    /// The buffer of a block of it, unless a segment writes it where it belongs.
    pub buffer: Place,
}

/// The surroundings of a run.
#[derive(Clone, Copy)]
pub(crate) struct Around<'a> {
    pub isa: Isa,
    pub kernels: Kernels,
    pub team: Option<&'a Team>,
}

impl Fused {
    /// The kernel of these steps, with results of `len` elements, after which values are freed.
    pub(crate) fn new(
        (kernel, steps): (KernelId, Vec<usize>),
        group: Group,
        (homes, buffers): (Vec<Home>, Vec<Buffer>),
        results: Vec<Outcome>,
        (len, frees): (usize, Vec<usize>),
    ) -> Fused {
        Fused { kernel, steps, group, homes, buffers, results, len, frees, resting: Mutex::default() }
    }

    /// How many elements each step has.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The parameters, by the plan's list, that have their new values when this has run.
    pub(crate) fn replaced(&self) -> impl Iterator<Item = usize> {
        self.results.iter().filter_map(|r| r.over)
    }

    /// Takes all elements through all steps.
    pub(crate) fn run<'a>(
        &self,
        plan: &Plan,
        values: &mut Values<'a>,
        shape: &[usize],
        (call, pool): (&mut Call<'a>, &mut Pool),
        around: Around<'_>,
    ) -> Result<()> {
        let mut results: Few<Slot> = Few::new();
        for result in &self.results {
            results.push(match result.over {
                Some(i) => {
                    let old = plan.parameters()[i].value.expect("it has one that is written over");
                    values[old.index()] = None;
                    open(parameter(call, i)?, pool)
                }
                None => typed!(self.homes[result.home].dtype, T => T::from_vec(pool.take::<T>(self.len))),
            });
        }
        self.elements(&mut results, values, call.counters(), around);
        for (result, slot) in self.results.iter().zip(results) {
            match result.over {
                Some(i) => close(parameter(call, i)?, slot),
                None => values[result.value.index()] = Some(slot.into_array(pool, shape)),
            }
        }
        for freed in &self.frees {
            if let Some(value) = values[*freed].take() {
                pool.recycle(value);
            }
        }
        Ok(())
    }

    /// Fills the results, parts of them by whichever thread is free.
    fn elements(
        &self,
        results: &mut [Slot],
        values: &[Option<Array<'_>>],
        counters: Counters,
        around: Around<'_>,
    ) {
        let members = around.team.map_or(1, Team::members);
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        while resting.len() < members {
            resting.push(self.member());
        }
        drop(resting);
        let work = |first: usize, parts: &mut [Part<'_>]| {
            let resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut member = resting.unwrap_or_else(|| self.member());
            self.part(first, parts, &mut member, (values, counters), around);
            self.resting.lock().unwrap_or_else(PoisonError::into_inner).push(member);
        };
        share(around.team, results, CHUNK, &work);
    }

    /// Whether it is one segment, whose values are in registers and where they belong, and nowhere else.
    fn is_segment(&self) -> bool {
        let [segment] = &self.group.segments[..] else { return false };
        let placed = |r: &Outcome| matches!(self.homes[r.home].place, Place::Part(_));
        segment.instrs.len() == self.group.instrs.len() && self.results.iter().all(placed)
    }

    fn member(&self) -> Member {
        Member::alone(&self.buffers, &Tiling { rows: BLOCK, shard: BLOCK, tile: BLOCK })
    }

    /// The elements from `first` on, as many as the results' parts have.
    fn part(
        &self,
        first: usize,
        parts: &mut [Part<'_>],
        member: &mut Member,
        (values, counters): (&[Option<Array<'_>>], Counters),
        around: Around<'_>,
    ) {
        let len = parts.first().map_or(0, Part::len);
        let places: Few<Shared> = parts.iter_mut().map(Shared::of_part).collect();
        let block = if self.is_segment() { len.max(1) } else { BLOCK };
        for start in (0..len).step_by(block) {
            member.look(&[]);
            let rows = block.min(len - start);
            let scene = Scene {
                homes: &self.homes,
                inputs: &[],
                wholes: values,
                known: &[],
                packed: &[],
                lines: &[],
                slots: member.table(),
                converts: &[],
                converted: &[],
                tile: 1,
                place: 0,
                parts: &places,
                kernels: around.kernels,
                isa: around.isa,
                counters,
            };
            let start = first + start;
            let span = Span { start, rows, shard: start, tile: first, transposed: false };
            self.group.block(&scene, span, &mut []).expect("elementwise operations do not fail");
            for (result, part) in self.results.iter().zip(&places) {
                if matches!(self.homes[result.home].place, Place::Part(_)) {
                    continue;
                }
                typed!(self.homes[result.home].dtype, T => {
                    let made = member.get::<T>(self.homes[result.home].place);
                    // SAFETY: the part is borrowed, and nothing else is at work on it.
                    unsafe { part.write::<T>(start - first, rows) }.copy_from_slice(&made[..rows]);
                });
            }
        }
    }
}

fn parameter<'c>(call: &'c mut Call<'_>, index: usize) -> Result<&'c mut Parameter> {
    call.parameters[call.slots[index]].get_mut()
}
