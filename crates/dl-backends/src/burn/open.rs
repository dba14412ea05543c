//! Opens a wgpu device: an adapter that is there, checked, or an error that says what was looked for.

use burn_wgpu::graphics::AutoGraphicsApi;
use burn_wgpu::{RuntimeOptions, Wgpu, WgpuDevice, WgpuInitError, try_init_setup};
use cubecl::client::Client;
use cubecl::wgpu::WgpuDeviceKind;

use super::adapter::{Adapter, explained};
use super::check::check;
use super::machine::Machine;
use super::storage::Storage;
use crate::error::{Error, Result};

/// The device, after the start-up check.
///
/// # Errors
/// When there is no such adapter, or it refuses or fails the check.
pub(super) fn open(name: &'static str, device: &WgpuDevice) -> Result<Machine<Wgpu>> {
    let client = client(name, device)?;
    let properties = client.properties();
    let adapter =
        Adapter { name: properties.identity.name.clone(), largest: properties.memory.max_page_size };
    let found = check(&client).map_err(|why| Error::executor(name, why));
    let found = explained(Some(&adapter), found)?;
    Ok(Machine::device(name, device.clone().into(), adapter, found.rough()))
}

/// The same device, which keeps floats between kernels in so many bits.
///
/// # Errors
/// When it cannot, or does not round as it should.
pub(super) fn storing(machine: Machine<Wgpu>, storage: Storage) -> Result<Machine<Wgpu>> {
    let done = crate::gpu::check_storage(&machine.device.client(), storage);
    let name = machine.adapter.as_ref().map_or("the device", |adapter| &adapter.name);
    done.map_err(|why| Error::device(name, Error::executor(machine.name, why), ADVICE))?;
    Ok(Machine { storage, ..machine })
}

/// What to do without a storage.
const ADVICE: &str = "take another storage, or leave out `Wgpu::storing`, which is Storage::F32";

/// What reaches the device, which is opened if it was not.
///
/// # Errors
/// When there is no such adapter, or it refuses.
pub(super) fn client(name: &'static str, device: &WgpuDevice) -> Result<Client> {
    let refused = |error: &WgpuInitError| Error::executor(name, missing(device, error));
    // One that a user has set up is registered already.
    if !matches!(device.kind, WgpuDeviceKind::Existing(_)) {
        let options = RuntimeOptions::try_default().map_err(|error| refused(&error))?;
        match try_init_setup::<AutoGraphicsApi>(device, options) {
            // Another executor of this process has opened it.
            Ok(_) | Err(WgpuInitError::Registration { .. }) => {}
            Err(error) => return Err(refused(&error)),
        }
    }
    Ok(cubecl::Device::from(device.clone()).client())
}

/// What was looked for, and what to install.
fn missing(device: &WgpuDevice, error: &WgpuInitError) -> String {
    let wanted = match device.kind {
        WgpuDeviceKind::DefaultDevice => {
            "any adapter, or the one that CUBECL_WGPU_DEFAULT_DEVICE names".to_owned()
        }
        ref kind => format!("{kind:?}"),
    };
    format!(
        "{error}; looked for {wanted} by Vulkan, Metal, DX12 and WebGPU; `cargo xtask devices` lists what there is; \
         install the graphics card's driver or one in software (Debian's mesa-vulkan-drivers), or take the backend cpu"
    )
}
