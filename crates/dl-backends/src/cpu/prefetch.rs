//! Telling the caches what is going to be read.
#![allow(unsafe_code)]

/// Bytes of a line.
const LINE: usize = 64;

/// Asks for the lines of a slice, which costs nearly nothing where they are there already.
#[inline]
pub(super) fn prefetch<T>(soon: &[T]) {
    let bytes = size_of_val(soon);
    for line in (0..bytes).step_by(LINE) {
        line_at(soon.as_ptr().cast::<u8>().wrapping_add(line));
    }
}

#[inline(always)]
#[cfg_attr(not(target_arch = "x86_64"), allow(unused_variables))]
fn line_at(at: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 has the instruction, and it may be given any address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(at.cast());
    }
}
