//! `cargo xtask lint`: tidy rules, packages, format, clippy and documentation.

use crate::process::{self, Failure};
use crate::workspace::Workspace;
use crate::{features, package, tidy};

/// Runs every check, and then names each that failed.
pub(crate) fn run(workspace: &Workspace, all: bool) -> Result<(), Failure> {
    let mut list = [features::DEFAULT, features::BESIDE].concat();
    if all || features::ci() {
        list.push_str(",wgpu,candle");
    }
    let features = features::everywhere(workspace, &list)?;
    let features = ["--workspace", "--features", &features];

    let mut steps = vec![
        tidy::run(workspace),
        package::check(workspace),
        workspace.cargo("fmt").args(["--all", "--check"]).run(),
    ];
    let outside = workspace.standalone().into_iter().chain(["fuzz/Cargo.toml".into()]);
    for manifest in outside {
        let fmt = workspace.cargo("fmt").arg("--manifest-path").arg(manifest);
        steps.push(fmt.arg("--check").run());
    }
    steps
        .push(workspace.cargo("clippy").args(features).args(["--all-targets", "--", "-D", "warnings"]).run());
    steps.push(
        workspace.cargo("doc").arg("--no-deps").args(features).env("RUSTDOCFLAGS", "-D warnings").run(),
    );
    process::all(steps)
}
