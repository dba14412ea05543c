//! Micro-kernels of up to 4 vectors of 16 columns, for AVX-512: 32 registers.

use std::arch::x86_64::*;

use super::simd::simd;
use super::table::unit;

simd! {
    Avx512: __m512, 16,
    splat: |x| _mm512_set1_ps(x),
    load: |from| _mm512_loadu_ps(from),
    load_first: |from, n| _mm512_maskz_loadu_ps(mask(n), from),
    store: |into, x| _mm512_storeu_ps(into, x),
    store_first: |into, n, x| _mm512_mask_storeu_ps(into, mask(n), x),
    multiply: |x, y| _mm512_mul_ps(x, y),
    multiply_add: |x, y, z| _mm512_fmadd_ps(x, y, z),
    keep: |x, first, places, kept| {
        let mask = _mm512_cmp_ps_mask::<_CMP_NEQ_UQ>(x, _mm512_setzero_ps());
        let iota = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        let all = _mm512_add_epi32(_mm512_set1_epi32(first as i32), iota);
        _mm512_storeu_si512(places.cast(), _mm512_maskz_compress_epi32(mask, all));
        _mm512_storeu_ps(kept, _mm512_maskz_compress_ps(mask, x));
        mask.count_ones() as usize
    },
    prefetch: |at| _mm_prefetch::<_MM_HINT_T0>(at.cast()),
}

/// The first `n` of 16; elements outside are not touched.
#[inline(always)]
fn mask(n: usize) -> __mmask16 {
    ((1u32 << n) - 1) as __mmask16
}

unit! {
    Avx512 ["avx512f"],
    1: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
    2: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14],
    3: [1, 2, 3, 4, 5, 6, 7, 8, 9],
    4: [1, 2, 3, 4, 5, 6],
}
