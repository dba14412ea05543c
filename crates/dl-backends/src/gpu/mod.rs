//! Kernels for the GPU, generated from the schedule when a plan is compiled.
//!
//! | what | file |
//! | --- | --- |
//! | which kernels of a schedule have a text, and in which order work is done | `lower.rs` |
//! | pointwise kernels; reductions of their rows, and over rows | `pointwise.rs`, `reduction.rs` |
//! | matrix products: tiles and shares; operands and prologues; terms; bias, epilogue, accumulation | `product.rs`, `operand.rs`, `tiles.rs`, `finish.rs` |
//! | how products are cut: by the cost model; by measurements, on request | `cut.rs`, `tune.rs` |
//! | reductions and movements of whole values, random numbers | `opaque.rs` |
//! | scans: launches once for each step | `looped.rs` |
//! | updates that no kernel makes | `update.rs` |
//! | instructions as WGSL; places as formulas; operations; functions of ours | `body.rs`, `maps.rs`, `functions.rs`, `library.rs` |
//! | which launches are one | `merge.rs` |
//! | the text of a kernel, and its launch through CubeCL | `shader.rs`, `launch.rs` |
//! | what has no text, by burn's operations on the same memory | `recipe.rs` |
//! | inputs that are rows of columns on the device | `rows.rs` |
//! | which values lie in 16 bits; how elements are read and written | `halves.rs`, `elements.rs` |
//! | slots of buffers; where values lie; work of all kinds, done; runs | `slots.rs`, `memory.rs`, `perform.rs`, `executable.rs` |
//! | how wide subgroups are; whether 16 bits are stored right; how long kernels take | `probe.rs`, `stores.rs`, `profile.rs` |
//!
//! An element of memory has 32 bits: `f32`, `i32` for `i64` and `u8`, `u32` for `bool`; 16 where the executor stores
//! floats so. Sizes are known, so kernels have them as constants. No loop has more turns than 65,535, and sums are trees of chains of 64 terms.

mod body;
mod cut;
mod elements;
mod executable;
mod finish;
mod functions;
mod halves;
mod launch;
mod library;
mod looped;
mod lower;
mod maps;
mod memory;
mod merge;
mod opaque;
mod operand;
mod perform;
mod pointwise;
mod probe;
mod product;
mod profile;
mod recipe;
mod reduction;
mod rows;
mod shader;
mod slots;
mod special;
mod stores;
mod tiles;
mod tune;
mod update;

use std::sync::Arc;

use dl_core::{Dims, Plan, Schedule};

use self::lower::Device;
use crate::burn::bridge::Steps;
use crate::error::Result;

pub(crate) use self::executable::Executable;
pub(crate) use self::rows::Column;
pub(crate) use self::stores::check as check_storage;
pub(crate) use self::tune::Tuning;

/// The range of subgroup sizes that CubeCL gives an adapter that tells none, as software devices do.
const UNTOLD: (u32, u32) = (8, 128);

/// The plan for given sizes, or none where burn's operations do as well.
///
/// # Errors
/// When sizes do not fit together, or the device refuses: with the line.
pub(crate) fn compile(steps: Steps, plan: &Arc<Plan>, dims: &Dims) -> Result<Option<Executable>> {
    if !steps.has_words() {
        return Ok(None);
    }
    let schedule = Schedule::new(plan, dims)?;
    let client = steps.client();
    let hardware = &client.properties().hardware;
    // Where kernels may differ in it, what one kernel finds says nothing of another.
    let range = (hardware.plane_size_min, hardware.plane_size_max);
    let is_fixed = range.0 == range.1 || range == UNTOLD;
    let lanes = if is_fixed { steps.lanes(|| probe::lanes(&steps))? } else { None };
    let device = Device {
        lanes: lanes.unwrap_or(16),
        subgroups: lanes.is_some(),
        // Software devices have subgroups as wide as the processor's vectors.
        busy: if lanes.is_some_and(|lanes| lanes <= 16) { 8 } else { 256 },
        bindings: hardware.max_bindings as usize,
    };
    match lower::lower(&schedule, &steps, device) {
        Some(lowered) => Executable::new(schedule, steps, lowered, device),
        None => Ok(None),
    }
}
