//! Micro-kernels of up to 4 vectors of 4 columns, for NEON: 32 registers.

use std::arch::aarch64::*;
use std::ptr::copy_nonoverlapping;

use super::simd::simd;
use super::table::unit;

simd! {
    Neon: float32x4_t, 4,
    splat: |x| vdupq_n_f32(x),
    load: |from| vld1q_f32(from),
    load_first: |from, n| {
        let mut all = [0.0f32; 4];
        copy_nonoverlapping(from, all.as_mut_ptr(), n.min(4));
        vld1q_f32(all.as_ptr())
    },
    store: |into, x| vst1q_f32(into, x),
    store_first: |into, n, x| {
        let mut all = [0.0f32; 4];
        vst1q_f32(all.as_mut_ptr(), x);
        copy_nonoverlapping(all.as_ptr(), into, n.min(4));
    },
    multiply: |x, y| vmulq_f32(x, y),
    multiply_add: |x, y, z| vfmaq_f32(z, x, y),
    prefetch: |_| (),
}

unit! {
    Neon ["neon"],
    1: [1, 2, 3, 4, 5, 6, 7, 8],
    2: [1, 2, 3, 4, 5, 6, 7, 8],
    3: [1, 2, 3, 4, 5, 6, 7],
    4: [1, 2, 3, 4, 5],
}
