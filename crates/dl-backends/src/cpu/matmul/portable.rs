//! Micro-kernels of up to 2 vectors of 4 columns in plain Rust, for any CPU.

use std::array::from_fn;

use super::simd::simd;
use super::table::unit;

simd! {
    Portable: [f32; 4], 4,
    splat: |x| [x; 4],
    load: |from| from.cast::<[f32; 4]>().read_unaligned(),
    load_first: |from, n| from_fn(|i| if i < n { *from.add(i) } else { 0.0 }),
    store: |into, x| into.cast::<[f32; 4]>().write_unaligned(x),
    store_first: |into, n, x| x.iter().take(n).enumerate().for_each(|(i, x)| *into.add(i) = *x),
    multiply: |x, y| from_fn(|i| x[i] * y[i]),
    // Not fused: without an instruction for it that would be a function call.
    multiply_add: |x, y, z| from_fn(|i| x[i] * y[i] + z[i]),
    prefetch: |_| (),
}

unit! {
    Portable,
    1: [1, 2, 3, 4],
    2: [1, 2, 3, 4],
}
