//! `cargo xtask devices`: the adapters that wgpu finds, what each can run, and what the start-up check finds.

use crate::process::Failure;
use crate::workspace::Workspace;

/// Builds the program with the feature that it needs, and runs it.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    let program = ["-p", "dl-backends", "--example", "devices", "--features", "wgpu"];
    workspace.cargo("run").args(program).run_last()
}
