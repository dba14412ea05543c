//! Micro-kernels of up to 2 vectors of 8 columns, for AVX2 with FMA: 16 registers.

use std::arch::x86_64::*;

use super::simd::simd;
use super::table::unit;

simd! {
    Avx2: __m256, 8,
    splat: |x| _mm256_set1_ps(x),
    load: |from| _mm256_loadu_ps(from),
    load_first: |from, n| _mm256_maskload_ps(from, mask(n)),
    store: |into, x| _mm256_storeu_ps(into, x),
    store_first: |into, n, x| _mm256_maskstore_ps(into, mask(n), x),
    multiply: |x, y| _mm256_mul_ps(x, y),
    multiply_add: |x, y, z| _mm256_fmadd_ps(x, y, z),
    prefetch: |at| _mm_prefetch::<_MM_HINT_T0>(at.cast()),
}

/// The first `n` of 8, chosen by sign bits; elements outside are not touched.
#[inline]
#[target_feature(enable = "avx2")]
fn mask(n: usize) -> __m256i {
    _mm256_cmpgt_epi32(_mm256_set1_epi32(n as i32), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
}

unit! {
    Avx2 ["avx2,fma"],
    1: [1, 2, 3, 4, 5, 6],
    2: [1, 2, 3, 4, 5, 6],
}
