//! `cargo xtask accuracy`: the vector kernels' largest errors, into `docs/accuracy.md`.

use crate::process::Failure;
use crate::workspace::Workspace;

/// Runs the program that measures, in release; a sample is printed and not kept.
pub(crate) fn run(workspace: &Workspace, quick: bool) -> Result<(), Failure> {
    let revision = workspace.revision()?;
    let choice: &[&str] = if quick { &["--quick"] } else { &["--write", "docs/accuracy.md"] };
    let program = "--release -p dl-backends --example accuracy --";
    let child = workspace.cargo("run").args(program.split(' ')).args(choice);
    child.env("DL_REVISION", &revision).run_last()
}
