//! What a micro-kernel asks of a vector unit.

/// Vectors of `f32` of one width.
///
/// # Safety
/// The functions are what their names say. Each may run only on a CPU that has the unit's instructions,
/// inlined into a function that enables them; those with pointers ask for as many valid elements as they
/// read or write, at any alignment.
pub(super) unsafe trait Simd: Copy {
    type Vector: Copy;
    /// Elements of a vector.
    const WIDTH: usize;

    /// # Safety: the trait's.
    unsafe fn splat(x: f32) -> Self::Vector;
    /// # Safety: the trait's.
    unsafe fn load(from: *const f32) -> Self::Vector;
    /// The first `n` elements, `n` up to the width; the others are zero.
    /// # Safety: the trait's.
    unsafe fn load_first(from: *const f32, n: usize) -> Self::Vector;
    /// # Safety: the trait's.
    unsafe fn store(into: *mut f32, x: Self::Vector);
    /// Stores the first `n` elements, `n` up to the width.
    /// # Safety: the trait's.
    unsafe fn store_first(into: *mut f32, n: usize, x: Self::Vector);
    /// # Safety: the trait's.
    unsafe fn multiply(x: Self::Vector, y: Self::Vector) -> Self::Vector;
    /// `x·y + z`, rounded once or twice.
    /// # Safety: the trait's.
    unsafe fn multiply_add(x: Self::Vector, y: Self::Vector, z: Self::Vector) -> Self::Vector;
    /// Writes the elements that are not zero, NaN too, one after the other, and the place of each, the first
    /// element's being `first`; says how many there are. Both have room for a whole vector.
    /// # Safety: the trait's.
    #[inline(always)]
    unsafe fn keep(x: Self::Vector, first: u32, places: *mut u32, kept: *mut f32) -> usize {
        let (mut all, mut count) = ([0.0; 16], 0);
        const { assert!(Self::WIDTH <= 16) };
        // SAFETY: a vector is no longer than `all`; what is written is within the room for a vector.
        unsafe {
            Self::store(all.as_mut_ptr(), x);
            // Black pixels are side by side.
            if all.iter().fold(0, |bits, x| bits | x.to_bits() << 1) == 0 {
                return 0;
            }
            for (place, x) in (first..).zip(&all[..Self::WIDTH]) {
                // Written in any case: whether it counts is no branch, which would often be guessed wrong.
                (*places.add(count), *kept.add(count)) = (place, *x);
                count += usize::from(*x != 0.0);
            }
        }
        count
    }
    /// Says that the line at an address, valid or not, will be wanted.
    /// # Safety: the trait's.
    unsafe fn prefetch(at: *const f32);
}

/// Defines a [`Simd`]: its name, a vector's type and width, and an expression for each function.
macro_rules! simd {
    (
        $name:ident: $vector:ty, $width:literal,
        splat: |$splat_x:ident| $splat:expr,
        load: |$load_from:ident| $load:expr,
        load_first: |$first_from:ident, $first_n:ident| $load_first:expr,
        store: |$store_into:ident, $store_x:ident| $store:expr,
        store_first: |$part_into:ident, $part_n:ident, $part_x:ident| $store_first:expr,
        multiply: |$x:ident, $y:ident| $multiply:expr,
        multiply_add: |$add_x:ident, $add_y:ident, $add_z:ident| $multiply_add:expr,
        $(keep: |$keep_x:ident, $keep_first:ident, $keep_places:ident, $keep_kept:ident| $keep:expr,)?
        prefetch: |$at:pat_param| $prefetch:expr,
    ) => {
        #[derive(Clone, Copy)]
        struct $name;

        // SAFETY: the expressions are what the functions' names say.
        #[allow(unused_unsafe)]
        unsafe impl super::simd::Simd for $name {
            type Vector = $vector;
            const WIDTH: usize = $width;

            /// # Safety: the trait's.
            #[inline(always)]
            unsafe fn splat($splat_x: f32) -> $vector {
                unsafe { $splat } // SAFETY: as above.
            }

            /// # Safety: the trait's.
            #[inline(always)]
            unsafe fn load($load_from: *const f32) -> $vector {
                unsafe { $load } // SAFETY: as above.
            }

            /// # Safety: the trait's.
            #[inline(always)]
            unsafe fn load_first($first_from: *const f32, $first_n: usize) -> $vector {
                unsafe { $load_first } // SAFETY: as above.
            }

            /// # Safety: the trait's.
            #[inline(always)]
            unsafe fn store($store_into: *mut f32, $store_x: $vector) {
                unsafe { $store } // SAFETY: as above.
            }

            /// # Safety: the trait's.
            #[inline(always)]
            unsafe fn store_first($part_into: *mut f32, $part_n: usize, $part_x: $vector) {
                unsafe { $store_first } // SAFETY: as above.
            }

            /// # Safety: the trait's.
            #[inline(always)]
            unsafe fn multiply($x: $vector, $y: $vector) -> $vector {
                unsafe { $multiply } // SAFETY: as above.
            }

            /// # Safety: the trait's.
            #[inline(always)]
            unsafe fn multiply_add($add_x: $vector, $add_y: $vector, $add_z: $vector) -> $vector {
                unsafe { $multiply_add } // SAFETY: as above.
            }

            $(
                /// # Safety: the trait's.
                #[inline(always)]
                unsafe fn keep(
                    $keep_x: $vector,
                    $keep_first: u32,
                    $keep_places: *mut u32,
                    $keep_kept: *mut f32,
                ) -> usize {
                    unsafe { $keep } // SAFETY: as above.
                }
            )?

            /// # Safety: the trait's.
            #[inline(always)]
            unsafe fn prefetch($at: *const f32) {
                unsafe { $prefetch } // SAFETY: as above.
            }
        }
    };
}
pub(super) use simd;
