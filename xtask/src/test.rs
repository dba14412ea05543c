//! `cargo xtask test`: the whole test suite.

use std::fs;
use std::path::Path;

use crate::cli::TestOptions;
use crate::features;
use crate::new;
use crate::process::{self, Child, Failure};
use crate::workspace::Workspace;

/// Documentation tests, stand-alone crates and a new project first, the big run last, so that
/// the output ends with the runner's own closing lines.
pub(crate) fn run(workspace: &Workspace, options: &TestOptions) -> Result<(), Failure> {
    let mut list = options.features.clone();
    let list = list.get_or_insert_with(|| [features::DEFAULT, features::BESIDE].concat());
    if gpu(options.gpu)? {
        list.push_str(",wgpu");
    }
    let features = features::everywhere(workspace, list)?;
    let features = ["--workspace", "--features", &features];
    let main = runner(workspace).args(features).arg("--no-fail-fast").args(&options.rest);
    if !options.rest.is_empty() {
        return main.run_last();
    }

    // Built first, so that the durations printed tell building from testing.
    runner(workspace).args(features).arg("--no-run").run()?;
    let mut steps = vec![workspace.cargo("test").arg("--doc").args(features).run()];
    for manifest in workspace.standalone() {
        steps.push(standalone(workspace, &manifest).run());
    }
    steps.push(new::trial(workspace));
    let before = process::all(steps);
    if let Err(failure) = &before {
        eprintln!("xtask: {failure}");
    }
    process::all([before, main.run_last()])
}

/// `cargo nextest run` where it is installed, else `cargo test`.
fn runner(workspace: &Workspace) -> Child {
    let nextest = Child::cargo("nextest").arg("--version").output().is_ok();
    if nextest {
        workspace.cargo("nextest").arg("run")
    } else {
        let targets = ["--lib", "--bins", "--tests", "--examples"];
        workspace.cargo("test").args(targets)
    }
}

/// A crate outside the workspace sees ours as a user's crate does. It shares
/// the target folder, so its dependencies are built once.
fn standalone(workspace: &Workspace, manifest: &Path) -> Child {
    workspace.cargo("test").arg("--manifest-path").arg(manifest).env("CARGO_TARGET_DIR", &workspace.target())
}

/// Whether the wgpu tests run: where asked for, and in CI where they can.
fn gpu(asked: bool) -> Result<bool, Failure> {
    if !asked && !features::ci() {
        eprintln!("wgpu tests passed over: they run with --gpu or CI=true");
        return Ok(false);
    }
    match vulkan_driver() {
        Some(driver) => {
            eprintln!("wgpu tests run; Vulkan driver: {driver}");
            Ok(true)
        }
        None if asked => Err(Failure::other(
            "--gpu: found no Vulkan driver; Debian's mesa-vulkan-drivers has a software one".into(),
        )),
        None => {
            eprintln!("WGPU TESTS PASSED OVER: found no Vulkan driver (mesa-vulkan-drivers)");
            Ok(false)
        }
    }
}

/// The driver that the environment names, else Mesa's software driver, else a
/// vendor's. Other Mesa drivers are installed with it and prove no device.
fn vulkan_driver() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("the system's".to_owned());
    }
    for variable in ["VK_DRIVER_FILES", "VK_ICD_FILENAMES"] {
        if let Some(files) = std::env::var_os(variable).filter(|files| !files.is_empty()) {
            return Some(files.to_string_lossy().into_owned());
        }
    }
    let folders = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"];
    let mut names: Vec<String> = folders.iter().flat_map(|folder| names_in(folder)).collect();
    names.sort();
    ["lvp_icd", "nvidia_icd"]
        .iter()
        .find_map(|driver| names.iter().find(|name| name.starts_with(driver)).cloned())
}

fn names_in(folder: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries.filter_map(Result::ok).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
