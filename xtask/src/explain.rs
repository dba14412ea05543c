//! `cargo xtask explain`: a page about an example's training step.

use std::ffi::OsString;

use crate::process::Failure;
use crate::workspace::Workspace;

/// Builds the program that writes pages, with all optimizations since it measures times, and runs it.
pub(crate) fn run(workspace: &Workspace, rest: Vec<OsString>) -> Result<(), Failure> {
    workspace
        .cargo("run")
        .args("--release -p dl-examples --features explain --bin explain --".split(' '))
        .args(rest)
        .run_last()
}
