//! What a device does not tell: how many invocations its subgroups have.

use dl_core::DType;
use dl_core::tensor::DataRef;

use super::launch::{Launch, Source};
use super::memory::SlotId;
use super::shader::GROUP;
use crate::burn::bridge::Steps;

/// Each invocation says its subgroup's size and its own number there.
const TEXT: &str = "
@group(0) @binding(0) var<storage, read_write> b0: array<u32>;
@compute @workgroup_size(64, 1, 1)
fn main(@builtin(local_invocation_index) local: u32, @builtin(subgroup_size) size: u32, @builtin(subgroup_invocation_id) lane: u32) {
  b0[local] = subgroupBroadcast(size, 0u);
  b0[64u + local] = lane;
}
";

/// Invocations of a subgroup, where all have as many and follow each other in a work group.
///
/// # Errors
/// When the kernel cannot be run, as where a device has no subgroups, or no memory left.
pub(super) fn lanes(steps: &Steps) -> Result<Option<usize>, String> {
    let client = steps.client();
    let slot = SlotId(0);
    let launch = Launch {
        operations: 0,
        cut: None,
        name: "subgroups".into(),
        source: Source::new(TEXT.into(), GROUP),
        groups: 1,
        bindings: vec![slot],
        writes: vec![slot],
    };
    let len = 2 * GROUP as usize;
    let found = client.empty(len * 4);
    launch.submit(&client, &[Some(found.clone())])?;
    let found = steps.download(found, DType::I64, &[len])?;
    let DataRef::I64(found) = found.view().data() else { return Ok(None) };
    let (sizes, lanes) = found.split_at(GROUP as usize);
    let size = sizes[0];
    let regular = sizes.iter().all(|other| *other == size);
    let follow = lanes.iter().zip(0..).all(|(lane, local)| *lane == local % size.max(1));
    let usual = matches!(size, 4 | 8 | 16 | 32 | 64);
    Ok((regular && follow && usual).then_some(size as usize))
}
