//! `cargo xtask bench`: data, release build, then the benchmark program.
//!
//! Measures nothing itself; the numbers are the program's.

use std::path;

use crate::cli::BenchOptions;
use crate::process::Failure;
use crate::workspace::Workspace;
use crate::{data, features};

/// Runs the benchmark program with the flags that are not ours.
pub(crate) fn run(workspace: &Workspace, options: BenchOptions) -> Result<(), Failure> {
    let features = options.features.as_deref().unwrap_or(features::DEFAULT);
    features::of_package(workspace, "dl-benches", features)?;
    let program = "--release -p dl-benches --bin bench --features";
    let program = program.split(' ').chain([features]);
    let revision = workspace.revision()?;

    let mut rest = options.rest;
    match options.data {
        None if options.synthetic => {}
        None => data::fetch(workspace, &["mnist".to_owned()])?,
        Some(dir) => {
            let dir = path::absolute(&dir)
                .map_err(|error| Failure::usage(format!("--data {}: {error}", dir.display())))?;
            if !dir.is_dir() {
                return Err(Failure::usage(format!("--data {}: expected a folder", dir.display())));
            }
            rest.splice(0..0, ["--data".into(), dir.into_os_string()]);
        }
    }
    workspace.cargo("build").args(program.clone()).run()?;
    workspace
        .cargo("run")
        .arg("--quiet")
        .args(program)
        .arg("--")
        .args(rest)
        .env("DL_REVISION", &revision)
        .run_last()
}
