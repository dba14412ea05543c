//! A generated kernel: its WGSL, what it is bound to, and how it is launched through CubeCL.

use std::sync::Arc;

use cubecl::client::Client;
use cubecl::ir::{AddressType, ElemType, Scope, UIntKind};
use cubecl::prelude::{
    CubeKernel, KernelDefinition, KernelId, KernelMetadata, KernelSettings, PrecompiledSource,
};
use cubecl::server::{Handle, KernelArguments};
use cubecl::{CubeCount, CubeDim, ExecutionMode};
use twox_hash::XxHash3_64;

use super::memory::SlotId;

/// One launch of a step.
#[derive(Clone, Debug)]
pub(super) struct Launch {
    /// For listings: what it computes.
    pub(super) name: String,
    pub(super) source: Source,
    /// How many work groups.
    pub(super) groups: u32,
    /// Operations on numbers, as the schedule counts them.
    pub(super) operations: usize,
    /// Of a product: how it is cut, for listings.
    pub(super) cut: Option<String>,
    /// By binding.
    pub(super) bindings: Vec<SlotId>,
    /// Those of them that it writes.
    pub(super) writes: Vec<SlotId>,
}

/// The text of a kernel.
#[derive(Clone, Debug)]
pub(super) struct Source {
    text: Arc<str>,
    /// Of the text, by which a device knows that it has compiled it.
    digest: [u64; 2],
    /// Invocations of a work group.
    pub(super) size: u32,
}

impl Source {
    pub(super) fn new(text: String, size: u32) -> Self {
        let digest = [7, 13].map(|seed| XxHash3_64::oneshot_with_seed(seed, text.as_bytes()));
        Source { text: text.into(), digest, size }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

/// Groups along the first axis of a grid; more stand in further rows.
const ACROSS: u32 = 32_768;

impl KernelMetadata for Source {
    fn id(&self) -> KernelId {
        // Kernels keep within their buffers by themselves, and say how long their loops are.
        KernelId::new::<Self>().info((self.digest, self.size)).mode(ExecutionMode::Unchecked)
    }

    fn address_type(&self) -> ElemType {
        UIntKind::U32.into()
    }
}

impl CubeKernel for Source {
    fn define(&self) -> KernelDefinition {
        let size = CubeDim::new_1d(self.size).0;
        let settings = KernelSettings::new(size, ExecutionMode::Unchecked, AddressType::U32);
        KernelDefinition { body: Scope::root(settings.clone()), settings, info: Default::default() }
    }

    fn source(&self) -> Option<PrecompiledSource> {
        let entrypoint_name = "main".into();
        Some(PrecompiledSource { source: self.text.to_string(), entrypoint_name, lang: "wgsl" })
    }
}

impl Launch {
    /// Submits it; nothing waits.
    pub(super) fn submit(&self, client: &Client, memory: &[Option<Handle>]) -> Result<(), String> {
        let mut arguments = KernelArguments::new();
        for slot in &self.bindings {
            let handle =
                memory[slot.0].clone().ok_or_else(|| format!("{}: a buffer has no memory", self.name))?;
            arguments = arguments.with_buffer(handle.binding());
        }
        let across = self.groups.min(ACROSS);
        let count = CubeCount::Static(across, self.groups.div_ceil(across), 1);
        client.launch(Box::new(self.source.clone()), count, arguments);
        Ok(())
    }
}
