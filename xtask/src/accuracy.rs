//! `cargo xtask accuracy`: the largest errors of the `cpu` executor's vector kernels, into `docs/accuracy.md`, or
//! those of a device, into `docs/accuracy-device.md`.

use crate::process::Failure;
use crate::workspace::Workspace;

/// Runs the program that measures, in release; a sample is printed and not kept.
pub(crate) fn run(workspace: &Workspace, quick: bool, device: bool) -> Result<(), Failure> {
    let revision = workspace.revision()?;
    let (file, program) = match device {
        false => ("docs/accuracy.md", "--release -p dl-backends --example accuracy --"),
        true => (
            "docs/accuracy-device.md",
            "--release -p dl-backends --features wgpu --example device_accuracy --",
        ),
    };
    let choice: &[&str] = if quick { &["--quick"] } else { &["--write", file] };
    let child = workspace.cargo("run").args(program.split(' ')).args(choice);
    child.env("DL_REVISION", &revision).run_last()
}
