//! Machine code for bodies: elementwise operations that follow each other, computed in registers from loads
//! to stores.
//!
//! A body is recorded by calling the very functions of the vector kernels with places of a [`Tape`]
//! ([`functions`]), gets registers by a linear scan ([`allocate`]) and is written for AVX-512 ([`emit`]). It
//! does the same operations in the same order as the kernels' loops, so that it gives the same bits. On
//! machines without AVX-512, and where the system gives no pages that can be run, the loops remain.
#![cfg_attr(
    not(target_arch = "x86_64"),
    allow(dead_code, unused_variables, reason = "what is recorded is written on x86-64 only")
)]

mod tape;
mod traced;

pub(super) mod functions;

#[cfg(target_arch = "x86_64")]
mod allocate;
#[cfg(target_arch = "x86_64")]
mod emit;
#[cfg(target_arch = "x86_64")]
mod instructions;
#[cfg(target_arch = "x86_64")]
mod pages;
#[cfg(target_arch = "x86_64")]
mod transfers;

#[cfg(all(test, target_arch = "x86_64"))]
mod tests;

pub(super) use self::tape::Tape;
pub(super) use self::traced::{Traced, Truth};

use super::vector::Isa;

/// How a stream of elements goes along the lines of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// An element for each of the result.
    Each,
    /// An element for each line.
    PerLine,
    /// The same line for all.
    SameLine,
}

/// What a stream holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// Floats of the lane's type.
    Lane,
    /// Bytes, integers or truth values.
    Byte,
}

/// Elements that are read or written one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stream {
    pub(super) access: Access,
    pub(super) element: Element,
}

/// How many streams a body may have.
pub(super) const STREAMS: usize = 11;
/// How many numbers the table may have that a call gets.
pub(super) const NUMBERS: usize = 16;
/// Where the table has its first number, after the addresses of streams.
const FIRST_NUMBER: usize = STREAMS;
/// Where it has the mask of a line's last vector.
const TAIL: usize = STREAMS + NUMBERS;

/// What a call gets besides its sizes: the addresses of streams, then the bits of numbers.
pub(super) type Table = [u64; TAIL + 1];

/// Whether this machine runs our code.
pub(super) fn is_supported(isa: Isa) -> bool {
    cfg!(target_arch = "x86_64") && isa.name() == "AVX-512"
}

/// Code that can be run, of a group of bodies.
#[derive(Debug)]
pub(super) struct Code {
    #[cfg(target_arch = "x86_64")]
    pages: pages::Pages,
    #[cfg(not(target_arch = "x86_64"))]
    pages: std::convert::Infallible,
}

/// Bodies that are being written.
#[derive(Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
}

/// Where a body's code begins, and what it expects.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    at: usize,
    lanes: usize,
    /// Bytes of code, with those of its constants.
    pub(super) bytes: usize,
}

#[cfg(target_arch = "x86_64")]
impl Writer {
    /// Writes a body; nothing if it needs more registers than there are.
    pub(super) fn add(&mut self, tape: Tape, streams: &[Stream]) -> Option<Entry> {
        let wide = tape.is_wide();
        let placed = allocate::Placed::new(tape.finish())?;
        let (code, entry) = emit::emit(&placed, streams, wide);
        self.bytes.resize(self.bytes.len().next_multiple_of(64), 0);
        let (at, bytes) = (self.bytes.len() + entry, code.len());
        self.bytes.extend(code);
        Some(Entry { at, lanes: if wide { 8 } else { 16 }, bytes })
    }

    /// The code, if there is any and the system lets it run.
    pub(super) fn finish(self) -> Option<Code> {
        if self.bytes.is_empty() {
            return None;
        }
        Some(Code { pages: pages::Pages::new(&self.bytes).ok()? })
    }
}

#[cfg(not(target_arch = "x86_64"))]
impl Writer {
    /// No other machine has code of ours.
    pub(super) fn add(&mut self, _: Tape, _: &[Stream]) -> Option<Entry> {
        None
    }

    /// There is none.
    pub(super) fn finish(self) -> Option<Code> {
        None
    }
}

impl Code {
    /// Takes `lines` lines of `len` elements through a body.
    ///
    /// # Safety
    /// The entry is one of this code. Behind each address of the table there is what its stream goes over in
    /// so many lines, of the stream's element type; nobody else writes it meanwhile, or reads what is written.
    #[allow(unsafe_code)]
    pub(super) unsafe fn call(&self, entry: Entry, table: &mut Table, len: usize, lines: usize) {
        // Lanes of the last vector of a line; none if all vectors are whole.
        table[TAIL] = (1 << (len % entry.lanes)) - 1;
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the caller's.
        unsafe {
            self.pages.call(entry.at, table, len, lines);
        }
        #[cfg(not(target_arch = "x86_64"))]
        match self.pages {}
    }
}
