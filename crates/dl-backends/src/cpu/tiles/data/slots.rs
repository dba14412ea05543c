//! Buffers of a shard in any element type, taken out while they are written, so that nothing aliases.
#![allow(unsafe_code)]

use std::slice::{from_raw_parts, from_raw_parts_mut};

use dl_core::DType;
use smallvec::SmallVec;

use crate::cpu::array::{Array, Item};
use crate::cpu::pool::Pool;
use crate::cpu::team::Team;

/// A buffer.
#[derive(Debug)]
pub(crate) enum Slot {
    F32(Vec<f32>),
    F64(Vec<f64>),
    I64(Vec<i64>),
    Bool(Vec<bool>),
    U8(Vec<u8>),
}

/// Part of a buffer.
pub(crate) enum Part<'a> {
    F32(&'a mut [f32]),
    F64(&'a mut [f64]),
    I64(&'a mut [i64]),
    Bool(&'a mut [bool]),
    U8(&'a mut [u8]),
}

/// The elements of a buffer that several threads work on, each on its own part.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shared {
    F32(*mut [f32]),
    F64(*mut [f64]),
    I64(*mut [i64]),
    Bool(*mut [bool]),
    U8(*mut [u8]),
}

// SAFETY: it is only an address, of elements that may be sent; each use of it says why it is sound.
unsafe impl Sync for Shared {}
// SAFETY: as above.
unsafe impl Send for Shared {}

/// As many as there commonly are.
pub(crate) type Few<T> = SmallVec<[T; 8]>;

/// Element types of buffers.
pub(crate) trait Held: Item {
    fn slot(len: usize) -> Slot;
    fn held(slot: &Slot) -> Option<&[Self]>;
    fn held_mut(slot: &mut Slot) -> Option<&mut Vec<Self>>;
    fn from_vec(elements: Vec<Self>) -> Slot;
    fn into_vec(slot: Slot) -> Vec<Self>;
    fn shared(shared: Shared) -> Option<*mut [Self]>;
    /// The elements of a value, if they lie row by row.
    fn dense<'x>(array: &'x Array<'_>) -> Option<&'x [Self]>;
}

macro_rules! held {
    ($($t:ty, $v:ident;)*) => {
        $(impl Held for $t {
            fn slot(len: usize) -> Slot { Slot::$v(vec![<$t>::default(); len]) }
            fn held(slot: &Slot) -> Option<&[Self]> {
                match slot { Slot::$v(v) => Some(v), _ => None }
            }
            fn held_mut(slot: &mut Slot) -> Option<&mut Vec<Self>> {
                match slot { Slot::$v(v) => Some(v), _ => None }
            }
            fn from_vec(elements: Vec<Self>) -> Slot { Slot::$v(elements) }
            fn into_vec(slot: Slot) -> Vec<Self> {
                match slot { Slot::$v(v) => v, _ => vec![] }
            }
            fn shared(shared: Shared) -> Option<*mut [Self]> {
                match shared { Shared::$v(x) => Some(x), _ => None }
            }
            fn dense<'x>(array: &'x Array<'_>) -> Option<&'x [Self]> {
                match array { Array::$v(view) => view.as_dense(), _ => None }
            }
        })*

        impl Slot {
            /// With `len` elements of a type.
            pub(crate) fn new(dtype: DType, len: usize) -> Slot {
                match dtype { $(DType::$v => <$t as Held>::slot(len)),* }
            }

            /// All of it.
            fn part(&mut self) -> Part<'_> {
                match self { $(Slot::$v(x) => Part::$v(x)),* }
            }

            /// The elements as a value.
            pub(crate) fn into_array(self, pool: &mut Pool, shape: &[usize]) -> Array<'static> {
                match self { $(Slot::$v(x) => Array::$v(pool.dense(x, shape))),* }
            }
        }

        impl Shared {
            /// All elements of a buffer, for as long as that is borrowed.
            pub(crate) fn of(slot: &mut Slot) -> Shared {
                match slot { $(Slot::$v(x) => Shared::$v(x.as_mut_slice())),* }
            }

            pub(crate) fn of_part(part: &mut Part<'_>) -> Shared {
                match part { $(Part::$v(x) => Shared::$v(*x)),* }
            }

            /// The address of the elements from `first` on, once it is clear that there are `len`.
            pub(crate) fn address(self, first: usize, len: usize) -> *mut u8 {
                match self {
                    $(Shared::$v(_) => self.elements::<$t>(first, len).cast::<$t>().wrapping_add(first).cast()),*
                }
            }

            /// # Safety
            /// They are elements of the buffer that it was made of, which is borrowed for as long, and nothing else
            /// has them.
            unsafe fn part<'x>(self, first: usize, len: usize) -> Part<'x> {
                // SAFETY: the caller's.
                unsafe {
                    match self {
                        $(Shared::$v(x) => Part::$v(from_raw_parts_mut(x.cast::<$t>().add(first), len))),*
                    }
                }
            }
        }

        impl Part<'_> {
            pub(crate) fn len(&self) -> usize {
                match self { $(Part::$v(x) => x.len()),* }
            }
        }

        /// Runs `$body` with `$t` standing for the Rust type of the elements.
        macro_rules! typed {
            ($dtype:expr, $T:ident => $body:expr) => {
                match $dtype { $(::dl_core::DType::$v => { type $T = $t; $body })* }
            };
        }
    };
}
held! {
    f32, F32;
    f64, F64;
    i64, I64;
    bool, Bool;
    u8, U8;
}
pub(crate) use typed;

impl Slot {
    /// An empty buffer, in place of one that is being written.
    pub(crate) const EMPTY: Slot = Slot::U8(vec![]);

    /// The elements.
    pub(crate) fn get<T: Held>(&self) -> &[T] {
        T::held(self).expect("a plan's element types were checked")
    }

    /// The elements to be written.
    pub(crate) fn get_mut<T: Held>(&mut self) -> &mut [T] {
        T::held_mut(self).expect("a plan's element types were checked")
    }
}

impl Shared {
    /// So many elements from `first` on.
    ///
    /// # Safety
    /// The buffer that it was made of is borrowed for as long, and nothing writes these elements meanwhile.
    pub(crate) unsafe fn read<'x, T: Held>(self, first: usize, len: usize) -> &'x [T] {
        let all = self.elements::<T>(first, len);
        // SAFETY: they lie inside, and the caller's promise.
        unsafe { from_raw_parts(all.cast::<T>().add(first), len) }
    }

    /// The same, to be written.
    ///
    /// # Safety
    /// The buffer that it was made of is borrowed for as long, and nothing else has these elements meanwhile.
    pub(crate) unsafe fn write<'x, T: Held>(self, first: usize, len: usize) -> &'x mut [T] {
        let all = self.elements::<T>(first, len);
        // SAFETY: they lie inside, and the caller's promise.
        unsafe { from_raw_parts_mut(all.cast::<T>().add(first), len) }
    }

    fn elements<T: Held>(self, first: usize, len: usize) -> *mut [T] {
        let all = T::shared(self).expect("a plan's element types were checked");
        assert!(first.checked_add(len).is_some_and(|end| end <= all.len()), "elements of the buffer");
        all
    }
}

/// Calls `work` with parts of all buffers, which are of one length, and where each begins: with all of
/// them at once, or with `chunk` elements, by whichever thread is free.
pub(crate) fn share(
    team: Option<&Team>,
    slots: &mut [Slot],
    chunk: usize,
    work: &(dyn Fn(usize, &mut [Part<'_>]) + Sync),
) {
    let mut all: Few<Part<'_>> = slots.iter_mut().map(Slot::part).collect();
    let len = all.first().map_or(0, Part::len);
    let Some(team) = team.filter(|_| len > chunk) else { return work(0, &mut all) };
    assert!(all.iter().all(|part| part.len() == len), "buffers of one length");
    let starts: Few<Shared> = all.iter_mut().map(Shared::of_part).collect();
    team.each(len.div_ceil(chunk), &|index| {
        let first = index * chunk;
        // SAFETY: inside the buffers, which are borrowed until all are done; each index comes once.
        let part = |start: &Shared| unsafe { start.part(first, chunk.min(len - first)) };
        work(first, &mut starts.iter().map(part).collect::<Few<_>>());
    });
}
