//! Devices that are not there, too small or lost: errors that name them and say what to do.
#![cfg(feature = "wgpu")]
#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::sync::Arc;

use burn_wgpu::graphics::AutoGraphicsApi;
use burn_wgpu::{RuntimeOptions, WgpuDevice, try_init_setup};
use cubecl::wgpu::WgpuDeviceKind;
use dl_backends::burn::adapters;
use dl_backends::{Executor, Session, Wgpu};
use dl_core::{Dims, F32, F64, Graph, I64, Named, Plan, Program, Tensor};

/// The sum of an input of `n` elements.
fn sum() -> Program {
    let g = Graph::new();
    Program::builder(&g).output("y", g.input("x", F32, Named("N")).sum(..)).compile().unwrap()
}

fn run(executor: Wgpu) -> Result<f64, String> {
    let mut session = Session::new(executor, 7);
    let told = |error: dl_backends::Error| error.to_string();
    let handle = session.compile(&sum()).map_err(told)?;
    let x = Tensor::vector(vec![1.0f32, 2.0]);
    let y = session.run(&handle, &[x.view()]).map_err(told)?.read("y").map_err(told)?;
    Ok(y.item().unwrap())
}

#[test]
fn a_device_that_is_not_there_is_an_error_of_what_was_looked_for() {
    let error = run(Wgpu::on(WgpuDevice::new(WgpuDeviceKind::DiscreteGpu(77)))).unwrap_err();
    for part in ["wgpu: ", "DiscreteGpu(77)", "Vulkan", "mesa-vulkan-drivers", "the backend cpu"] {
        assert!(error.contains(part), "{part}: {error}");
    }
}

/// What the test below runs in a process without any adapter.
#[test]
fn without_any_adapter() {
    if std::env::var_os("DL_WITHOUT_ADAPTERS").is_none() {
        return;
    }
    assert!(adapters().is_empty());
    for _ in 0..2 {
        let error = run(Wgpu::default()).unwrap_err();
        assert!(error.contains("any adapter") && error.contains("mesa-vulkan-drivers"), "{error}");
    }
}

#[test]
fn no_adapter_at_all_is_an_error_and_no_panic() {
    // Neither Vulkan nor OpenGL has a driver there.
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "without_any_adapter", "--nocapture"])
        .envs(
            ["VK_DRIVER_FILES", "VK_ICD_FILENAMES", "__EGL_VENDOR_LIBRARY_FILENAMES"]
                .map(|v| (v, "/dev/null")),
        )
        .env("DL_WITHOUT_ADAPTERS", "1")
        .output()
        .unwrap();
    let told = [child.stdout, child.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(child.status.success() && told[0].contains("1 passed"), "{told:?}");
    assert!(!told[1].contains("panicked"), "{told:?}");
}

#[test]
fn an_array_beyond_a_buffer_is_a_mistake_with_its_line() {
    let g = Graph::new();
    let x = g.input("x", F32, [2]);
    let program =
        Program::builder(&g).output("y", (x.sum(..).broadcast_to(&[1 << 20, 1 << 16].into()) + 1.0).sum(..));
    let program = program.without_rewriting().compile().unwrap();
    let mut session = Session::new(Wgpu::default(), 7);
    let handle = session.compile(&program).unwrap();
    let x = Tensor::vector(vec![1.0f32, 2.0]);
    let error = session.run(&handle, &[x.view()]).err().unwrap().to_string();
    for part in ["devices.rs:", "[1048576, 65536] of f32 takes 256 GiB, and a buffer of ", "a smaller batch"]
    {
        assert!(error.contains(part), "{part}: {error}");
    }
    // The session goes on.
    assert_eq!(run(Wgpu::default()).unwrap(), 3.0);
}

#[test]
fn what_a_device_lacks_is_a_mistake_with_its_line_and_its_name() {
    let names: Vec<String> = adapters().iter().map(|adapter| adapter.name().to_owned()).collect();
    let told = |error: &str, parts: [&str; 3]| {
        assert!(parts.iter().all(|part| error.contains(part)), "{parts:?}: {error}");
        assert!(names.iter().any(|name| error.contains(&format!("wgpu on {name}"))), "{names:?}: {error}");
    };
    let g = Graph::new();
    let (x, n) = (g.input("x", F32, [2]), g.input("n", I64, [2]));
    let doubles = Program::builder(&g).output("y", x.cast(F64) + 1.0).compile().unwrap();
    let error = Session::new(Wgpu::default(), 7).compile(&doubles).err().unwrap().to_string();
    told(&error, ["devices.rs:", "cast: ", " has no elements of f64"]);
    // Also in the body of a scan.
    let run = g.scan(0, &[x], &[x.sum(..)], |carry, x| ([carry[0] + x[0].cast(F64).cast(F32)], []));
    let doubles = Program::builder(&g).output("y", run.finals[0]).without_rewriting().compile().unwrap();
    let error = Session::new(Wgpu::default(), 7).compile(&doubles).err().unwrap().to_string();
    told(&error, ["devices.rs:", "cast: ", " has no elements of f64"]);
    // Nothing has to run for it.
    for (y, step) in [(n + 1_099_511_627_776.0, "add: "), (n.pad(0, 1, 0, 3e9), "pad: ")] {
        let wide = Program::builder(&g).output("y", y).compile().unwrap();
        let plan = Arc::new(Plan::new(&wide));
        let error = Wgpu::default().compile(&plan, &Dims::new()).err().unwrap().to_string();
        told(&error, ["devices.rs:", step, " does not fit into the 32-bit integers of "]);
    }
}

/// On an adapter of its own kind, which other tests of this process do not share.
#[test]
fn a_lost_device_is_an_error_with_its_name() {
    let device = WgpuDevice::new(WgpuDeviceKind::Cpu);
    let Ok(setup) = try_init_setup::<AutoGraphicsApi>(&device, RuntimeOptions::default()) else { return };
    let name = setup.adapter.get_info().name;
    assert_eq!(run(Wgpu::on(device.clone())), Ok(3.0));
    let mut session = Session::new(Wgpu::on(device.clone()), 7);
    let handle = session.compile(&sum()).unwrap();
    let x = Tensor::vector(vec![1.0f32, 2.0]);
    session.run(&handle, &[x.view()]).unwrap().read("y").unwrap();
    setup.device.destroy();
    for _ in 0..2 {
        let read = session.run(&handle, &[x.view()]).and_then(|outputs| outputs.read("y"));
        let error = read.err().unwrap().to_string();
        assert!(error.contains(&name) && error.contains("start the program again"), "{error}");
        assert!(!error.contains("acktrace"), "{error}");
    }
    let error = run(Wgpu::on(device)).unwrap_err();
    assert!(error.contains(&name), "{error}");
}

#[test]
fn adapters_are_listed_with_what_the_check_found() {
    let all = adapters();
    let told: Vec<String> = all.iter().map(ToString::to_string).collect();
    assert!(all.iter().any(|adapter| adapter.runs()), "{told:?}");
    for (adapter, text) in all.iter().zip(&told) {
        assert!(text.starts_with(adapter.name()), "{text}");
        for part in ["a buffer holds", "CUBECL_WGPU_DEFAULT_DEVICE", "programs run in f32"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(!adapter.runs() || text.contains("    log(") && text.contains("checked in"), "{text}");
    }
}
