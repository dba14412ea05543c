//! The devices that there are: what each is, what it can run, and what the start-up check finds.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use burn_wgpu::{WgpuBackend, WgpuDevice, wgpu};
use cubecl::wgpu::WgpuDeviceKind;

use super::adapter::size;
use super::check::{Findings, TURNS, check};
use super::long::ITERATIONS;
use super::open::client;

/// An adapter that wgpu finds. `{}` is a paragraph for people.
#[derive(Debug)]
pub struct Adapter {
    name: String,
    lines: Vec<String>,
    /// What the check found, and how long it took; or why there was none.
    checked: Result<(Findings, Duration), String>,
}

impl Adapter {
    /// As it calls itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether programs run on it.
    pub fn runs(&self) -> bool {
        self.checked.is_ok()
    }
}

const APIS: [(wgpu::Backend, WgpuBackend); 4] = [
    (wgpu::Backend::Vulkan, WgpuBackend::Vulkan),
    (wgpu::Backend::Metal, WgpuBackend::Metal),
    (wgpu::Backend::Dx12, WgpuBackend::Dx12),
    (wgpu::Backend::Gl, WgpuBackend::Gl),
];

/// What an API finds, if it is compiled in.
fn enumerated(api: wgpu::Backend) -> Vec<wgpu::Adapter> {
    if !wgpu::Instance::enabled_backend_features().contains(api.into()) {
        return vec![];
    }
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends: api.into(),
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    cubecl::future::block_on(instance.enumerate_adapters(api.into()))
}

/// The driver of the adapters of a name, with its version; all of them where they differ.
pub(super) fn driver(name: &str) -> String {
    let all = APIS.iter().flat_map(|(api, _)| enumerated(*api)).map(|adapter| adapter.get_info());
    let mut drivers: Vec<String> =
        all.filter(|info| info.name == name).map(|info| driver_of(&info)).collect();
    drivers.sort_unstable();
    drivers.dedup();
    drivers.join(", ")
}

fn driver_of(info: &wgpu::AdapterInfo) -> String {
    format!("{} {}", info.driver, info.driver_info).trim().to_owned()
}

/// All adapters, each opened and checked.
pub fn adapters() -> Vec<Adapter> {
    let mut all = vec![];
    for (api, pinned) in APIS {
        let mut counts = BTreeMap::new();
        for adapter in enumerated(api) {
            let (info, count) = (adapter.get_info(), &mut counts);
            let mut next = |name: &'static str| {
                let count = count.entry(name).or_insert(0usize);
                *count += 1;
                *count - 1
            };
            let kind = match info.device_type {
                wgpu::DeviceType::DiscreteGpu => WgpuDeviceKind::DiscreteGpu(next("discrete")),
                wgpu::DeviceType::IntegratedGpu => WgpuDeviceKind::IntegratedGpu(next("integrated")),
                wgpu::DeviceType::VirtualGpu => WgpuDeviceKind::VirtualGpu(next("virtual")),
                wgpu::DeviceType::Cpu => WgpuDeviceKind::Cpu,
                wgpu::DeviceType::Other => WgpuDeviceKind::Other(next("other")),
            };
            let lines = lines(&adapter, &info, &kind);
            let checked = checked(&WgpuDevice::new(kind).on(pinned));
            all.push(Adapter { name: info.name, lines, checked });
        }
    }
    all
}

fn checked(device: &WgpuDevice) -> Result<(Findings, Duration), String> {
    let client = client("wgpu", device).map_err(|error| error.to_string())?;
    let began = Instant::now();
    let found = check(&client)?;
    Ok((found, began.elapsed()))
}

fn lines(adapter: &wgpu::Adapter, info: &wgpu::AdapterInfo, kind: &WgpuDeviceKind) -> Vec<String> {
    let (limits, features) = (adapter.limits(), adapter.features());
    let what = match info.device_type {
        wgpu::DeviceType::DiscreteGpu => "a graphics card",
        wgpu::DeviceType::IntegratedGpu => "graphics of the processor",
        wgpu::DeviceType::VirtualGpu => "a part of a graphics card",
        wgpu::DeviceType::Cpu => "software on the processor",
        wgpu::DeviceType::Other => "of no known kind",
    };
    let also: Vec<&str> = [
        (wgpu::Features::SHADER_F16, "f16"),
        (wgpu::Features::SHADER_I16, "16-bit integers"),
        (wgpu::Features::SHADER_F64, "f64"),
        (wgpu::Features::SHADER_INT64, "64-bit integers"),
        (wgpu::Features::SUBGROUP, "subgroups"),
        (wgpu::Features::TIMESTAMP_QUERY, "timestamps"),
    ]
    .into_iter()
    .filter_map(|(feature, name)| features.contains(feature).then_some(name))
    .collect();
    let also = if also.is_empty() { "nothing else".to_owned() } else { also.join(", ") };
    let buffer = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
    vec![
        format!("{what}, by {:?}; driver {}", info.backend, driver_of(info)),
        format!("{kind:?} on {:?} for `Wgpu::on`, {kind:?} in CUBECL_WGPU_DEFAULT_DEVICE", info.backend),
        format!(
            "a buffer holds {} at most, a kernel takes {} of them; work groups of {} invocations with {} of their own",
            size(buffer),
            limits.max_storage_buffers_per_shader_stage,
            limits.max_compute_invocations_per_workgroup,
            size(u64::from(limits.max_compute_workgroup_storage_size)),
        ),
        format!("programs run in f32, with 32-bit integers, u8 and truth values; the device also has {also}"),
    ]
}

impl fmt::Display for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.name)?;
        self.lines.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        let (found, time) = match &self.checked {
            Ok(checked) => checked,
            Err(why) => return writeln!(f, "  nothing runs on it: {why}"),
        };
        writeln!(f, "  checked in {:.1} ms:", 1e3 * time.as_secs_f64())?;
        match found.turns {
            Some(TURNS) => writeln!(f, "    a loop makes {TURNS} turns")?,
            Some(turns) => writeln!(
                f,
                "    a loop of {TURNS} turns ends after {turns}: kernels' loops are no longer than {ITERATIONS} anywhere"
            )?,
            None => writeln!(f, "    a loop does not count: results cannot be trusted")?,
        }
        for worst in &found.functions {
            let (at, name) = (worst.at, worst.name);
            let at = if name == "pow" { format!("{:?}, {:?}", at[0], at[1]) } else { format!("{:?}", at[0]) };
            let verdict = match worst.is_rough() {
                false => "",
                true if found.replaced(name) => ": ours is taken",
                true => ": rough, and without one of ours",
            };
            writeln!(
                f,
                "    {name}({at}) = {:e}, {:e} is right: {:.1} units off, {} promised{verdict}",
                worst.got, worst.right as f32, worst.ulps, worst.promised
            )?;
        }
        Ok(())
    }
}
