//! `cargo xtask data`: has `dl-data` fetch and verify datasets.

use crate::process::Failure;
use crate::workspace::Workspace;

/// Fetches each set into the cache, or finds it there.
pub(crate) fn fetch(workspace: &Workspace, sets: &[String]) -> Result<(), Failure> {
    workspace
        .cargo("run")
        .args(["--quiet", "--release", "-p", "dl-data"])
        .args(["--example", "fetch", "--"])
        .args(sets)
        .run()
}
