//! Buffers of a lane in any element type, taken out while they are written, so that nothing aliases.

use dl_core::DType;

use crate::cpu::array::{Array, Item};

/// A buffer.
#[derive(Debug)]
pub(super) enum Slot {
    F32(Vec<f32>),
    F64(Vec<f64>),
    I64(Vec<i64>),
    Bool(Vec<bool>),
    U8(Vec<u8>),
}

/// Part of a buffer.
pub(super) enum Part<'a> {
    F32(&'a mut [f32]),
    F64(&'a mut [f64]),
    I64(&'a mut [i64]),
    Bool(&'a mut [bool]),
    U8(&'a mut [u8]),
}

/// Element types of buffers.
pub(super) trait Held: Item {
    fn slot(len: usize) -> Slot;
    fn held(slot: &Slot) -> Option<&[Self]>;
    fn held_mut(slot: &mut Slot) -> Option<&mut Vec<Self>>;
    fn from_vec(elements: Vec<Self>) -> Slot;
    fn into_vec(slot: Slot) -> Vec<Self>;
    fn part<'x>(part: &'x mut Part<'_>) -> Option<&'x mut [Self]>;
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
            fn part<'x>(part: &'x mut Part<'_>) -> Option<&'x mut [Self]> {
                match part { Part::$v(x) => Some(x), _ => None }
            }
            fn dense<'x>(array: &'x Array<'_>) -> Option<&'x [Self]> {
                match array { Array::$v(view) => view.as_dense(), _ => None }
            }
        })*

        impl Slot {
            /// With `len` elements of a type.
            pub(super) fn new(dtype: DType, len: usize) -> Slot {
                match dtype { $(DType::$v => <$t as Held>::slot(len)),* }
            }

            /// Parts of so many elements, to be written by different threads.
            pub(super) fn parts(&mut self, size: usize) -> Vec<Part<'_>> {
                match self { $(Slot::$v(x) => x.chunks_mut(size.max(1)).map(Part::$v).collect()),* }
            }
        }

        impl Part<'_> {
            pub(super) fn len(&self) -> usize {
                match self { $(Part::$v(x) => x.len()),* }
            }

            /// The elements to be written.
            pub(super) fn get_mut<T: Held>(&mut self) -> &mut [T] {
                T::part(self).expect("a plan's element types were checked")
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
pub(super) use typed;

impl Slot {
    /// Nothing; what stands in for a buffer that is being written.
    pub(super) const EMPTY: Slot = Slot::U8(vec![]);

    /// The elements.
    pub(super) fn get<T: Held>(&self) -> &[T] {
        T::held(self).expect("a plan's element types were checked")
    }

    /// The elements to be written.
    pub(super) fn get_mut<T: Held>(&mut self) -> &mut [T] {
        T::held_mut(self).expect("a plan's element types were checked")
    }
}
