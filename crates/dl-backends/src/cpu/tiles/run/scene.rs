//! A shard at work: where each value's rows are at the moment.
#![allow(unsafe_code)]

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use dl_core::ops::Counters;
use dl_core::tensor::DataRef;
use dl_core::{DType, TensorRef};

use crate::cpu::array::Array;
use crate::cpu::matmul::Kernels;
use crate::cpu::prefetch::prefetch;
use crate::cpu::tiles::data::convert::{Convert, Converted};
use crate::cpu::tiles::data::home::{Base, Home, Place, Span};
use crate::cpu::tiles::data::instr::Operand;
use crate::cpu::tiles::data::packed::{Line, Packed};
use crate::cpu::tiles::data::phase::Buffer;
use crate::cpu::tiles::data::product::Pack;
use crate::cpu::tiles::data::slots::{Held, Shared, Slot, typed};
use crate::cpu::tiles::data::tiling::Tiling;
use crate::cpu::vector::Isa;

/// What one member of a team has to work with: buffers of its own, and where all buffers are.
pub(crate) struct Member {
    /// Nothing in place of those that it shares.
    own: Vec<Option<Slot>>,
    table: Vec<Shared>,
}

impl Member {
    /// With blocks of its own; other buffers are the shard's.
    pub(crate) fn of_shard(buffers: &[Buffer], tiling: &Tiling) -> Member {
        Member::new(buffers, tiling, |b| b.base == Base::Block)
    }

    /// With all buffers for its own.
    pub(crate) fn alone(buffers: &[Buffer], tiling: &Tiling) -> Member {
        Member::new(buffers, tiling, |_| true)
    }

    fn new(buffers: &[Buffer], tiling: &Tiling, own: impl Fn(&Buffer) -> bool) -> Member {
        let own = buffers.iter().map(|b| own(b).then(|| Slot::new(b.dtype, b.elements(tiling))));
        Member { own: own.collect(), table: Vec::with_capacity(buffers.len()) }
    }

    /// Looks where the buffers are: its own, or those of the shard.
    pub(crate) fn look(&mut self, shard: &[Shared]) {
        self.table.clear();
        for (i, own) in self.own.iter_mut().enumerate() {
            self.table.push(own.as_mut().map_or_else(|| shard[i], Shared::of));
        }
    }

    /// Where they are.
    pub(crate) fn table(&self) -> &[Shared] {
        &self.table
    }

    /// What a buffer of its own holds.
    pub(crate) fn get<T: Held>(&self, place: Place) -> &[T] {
        let Place::Slot(slot, _) = place else { unreachable!("results have buffers") };
        self.own[slot].as_ref().expect("it is its own").get()
    }
}

/// Bytes that are read before memory has answered.
const AHEAD: usize = 4096;

/// Everything that operations of a shard see, as one member of a team has it.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub homes: &'a [Home],
    pub inputs: &'a [TensorRef<'a>],
    /// By the plan's values.
    pub wholes: &'a [Option<Array<'a>>],
    pub known: &'a [Array<'static>],
    /// Whole matrices in panels.
    pub packed: &'a [(Pack, RwLock<Packed>)],
    /// Parameters that stay as they are and are finite, at lines of the cache: with the plan's values.
    pub lines: &'a [Line],
    /// Buffers of rows, which outlive the scene. Those of blocks are this member's own, of the others its
    /// rows of groups are.
    pub slots: &'a [Shared],
    pub converts: &'a [Convert],
    /// By their list, and by the member of the team.
    pub converted: &'a [Vec<Mutex<Converted>>],
    /// Counts the shard's tiles; never 0.
    pub tile: u64,
    /// The place of the present step of a loop along its sequences.
    pub place: usize,
    /// Elements from the tile's first on, of whole values that get new ones.
    pub parts: &'a [Shared],
    pub kernels: Kernels,
    pub isa: Isa,
    pub counters: Counters,
}

impl<'a> Scene<'a> {
    /// A value's rows, of `len` elements each.
    pub(crate) fn rows<T: Held>(&self, value: usize, span: Span, len: usize) -> &'a [T] {
        let (all, first): (&[T], usize) = match self.homes[value].place {
            Place::Input(i) => (elements(self.inputs[i].data()), 0),
            Place::Slot(slot, base) => {
                let first = (span.start - span.base(base)) * len;
                // SAFETY: the buffer outlives the scene. No instruction writes over its operands (`Buffers::give`),
                // and others have other rows.
                return unsafe { self.slots[slot].read(first, span.rows * len) };
            }
            Place::Part(part) => {
                // SAFETY: the part outlives the scene, and nothing is written to it but by bodies, once they
                // have read what they write over.
                return unsafe { self.parts[part].read((span.start - span.tile) * len, span.rows * len) };
            }
            Place::Elements(_) => (self.whole(value), 0),
            _ => (self.whole(value), span.start),
        };
        &all[(span.start - first) * len..][..span.rows * len]
    }

    /// Asks for the rows of an input that come after those from `start` on, as many again, but not
    /// nearer than the bytes that are read while memory answers.
    pub(crate) fn prefetch(&self, value: usize, start: usize, rows: usize) {
        let Home { place: Place::Input(i), dtype, len } = self.homes[value] else { return };
        typed!(dtype, T => {
            let all: &[T] = elements(self.inputs[i].data());
            let ahead = rows.max(AHEAD / (len * dtype.bytes()).max(1));
            let first = ((start + ahead) * len).min(all.len());
            prefetch(&all[first..(first + rows * len).min(all.len())]);
        });
    }

    /// All elements of a whole value.
    pub(crate) fn whole<T: Held>(&self, value: usize) -> &'a [T] {
        let array = match self.homes[value].place {
            Place::Whole(v) | Place::Elements(v) => self.wholes[v].as_ref(),
            Place::Known(k) => self.known.get(k),
            Place::Slot(slot, Base::Block) => {
                // SAFETY: a line that is repeated is written before the first of the rows.
                return unsafe { self.slots[slot].read(0, self.homes[value].len) };
            }
            _ => None,
        };
        let array = array.expect("whole values come before rows that use them");
        T::dense(array).expect("whole values lie row by row")
    }

    /// All elements of a whole value at lines of the cache, if it is finite and known to stay as it is.
    pub(crate) fn lines(&self, value: usize) -> Option<&'a [f32]> {
        let Place::Whole(v) = self.homes[value].place else { return None };
        self.lines.iter().find(|line| line.value == v)?.elements()
    }

    /// The element type of an operand that is no number.
    pub(crate) fn dtype(&self, operand: &Operand) -> DType {
        match operand {
            Operand::Rows(v) | Operand::PerRow(v) | Operand::SameRow(v) | Operand::Same(v) => {
                self.homes[*v].dtype
            }
            Operand::Number(_) => DType::F32,
        }
    }

    /// What a member has converted.
    pub(crate) fn own(&self, place: usize, member: usize) -> MutexGuard<'a, Converted> {
        self.converted[place][member].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a value's rows are, of `len` elements each, to be written.
    pub(crate) fn address(&self, value: usize, span: Span, len: usize) -> *mut u8 {
        let (buffer, base) = match self.homes[value].place {
            Place::Slot(slot, base) => (self.slots[slot], base),
            Place::Part(part) => (self.parts[part], Base::Tile),
            _ => unreachable!("results have buffers"),
        };
        buffer.address((span.start - span.base(base)) * len, span.rows * len)
    }

    /// A value's rows, of `len` elements each, to be written.
    ///
    /// # Safety
    /// Until they are written, nothing reads them: neither the writer, nor another member of the team.
    pub(crate) unsafe fn write<T: Held>(&self, value: usize, span: Span, len: usize) -> &'a mut [T] {
        let Place::Slot(slot, base) = self.homes[value].place else {
            unreachable!("results have buffers");
        };
        // SAFETY: the buffer outlives the scene, and the caller's promise.
        unsafe { self.slots[slot].write((span.start - span.base(base)) * len, span.rows * len) }
    }
}

fn elements<'a, T: Held>(data: DataRef<'a>) -> &'a [T] {
    T::unwrap_ref(data).expect("a plan's element types were checked")
}
