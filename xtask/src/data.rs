//! `cargo xtask data`: has `dl-data` fetch and verify datasets.

use crate::process::Failure;
use crate::workspace::Workspace;

/// Fetches each set into the cache, or finds it there.
pub(crate) fn fetch(workspace: &Workspace, sets: &[String]) -> Result<(), Failure> {
    let program = ["--release", "-p", "dl-data", "--example", "fetch"];
    // Built first and not in silence: it may take a minute.
    workspace.cargo("build").args(program).run()?;
    workspace.cargo("run").arg("--quiet").args(program).arg("--").args(sets).run()
}
