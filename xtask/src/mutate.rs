//! `cargo xtask mutate`: mistakes put into the tables of rules and derivatives, or into the code.

use crate::cli::CodeOptions;
use crate::process::{Child, Failure};
use crate::workspace::Workspace;

/// Runs `dl-core`'s tests that make the mutants of rules and derivatives and judge them; they print the
/// tables and fail on survivors. Without the variable they hold mutants that are listed as equivalent
/// against fewer points.
pub(crate) fn rules(workspace: &Workspace) -> Result<(), Failure> {
    // Built first and not in silence.
    workspace.cargo("test").args(BUILD.split(' ')).arg("--no-run").run()?;
    let test = workspace.cargo("test").arg("--quiet").args(BUILD.split(' ')).args(TESTS.split(' '));
    test.env("DL_MUTATE", "all").run_last()
}

const BUILD: &str = "-p dl-core --lib";
/// The mutation runs, and rows and formulas with every extreme constant.
const TESTS: &str = "-- mutant_of tests::extremes --nocapture --test-threads 1";

/// What is mutated if nothing else is asked for.
pub(crate) const CODE: [&str; 5] = [
    "crates/dl-core/src/plan",
    "crates/dl-core/src/nn/optimizer",
    "crates/dl-backends/src/cpu",
    "crates/dl-train/src",
    "crates/dl-data/src",
];

/// Drives `cargo mutants` over files and folders, each with the tests of its own crate.
pub(crate) fn code(workspace: &Workspace, options: &CodeOptions) -> Result<(), Failure> {
    if Child::cargo("mutants").arg("--version").output().is_err() {
        return Err(Failure::other("cargo mutants is not there: cargo install cargo-mutants".into()));
    }
    let paths: Vec<&str> = match &options.paths {
        none if none.is_empty() => CODE.to_vec(),
        some => some.iter().map(String::as_str).collect(),
    };
    let mut mutants = workspace.cargo("mutants");
    for path in paths {
        let file = workspace.root().join(path);
        if !file.exists() {
            return Err(Failure::usage(format!("{path}: there is no such file or folder in the workspace")));
        }
        let all = if file.is_dir() { format!("{}/**", path.trim_end_matches('/')) } else { path.into() };
        mutants = mutants.args(["--file", &all]);
    }
    if options.list {
        return mutants.arg("--list").run_last();
    }
    let jobs = options.jobs.unwrap_or(1).to_string();
    mutants = mutants.args(["--jobs", &jobs]).args(SETTINGS);
    if Child::cargo("nextest").arg("--version").output().is_ok() {
        mutants = mutants.arg("--test-tool=nextest");
    }
    if let Some(shard) = &options.shard {
        mutants = mutants.args(["--shard", shard]);
    }
    mutants.run_last()
}

/// Tests of the mutated crate alone; what hangs is caught in a minute or thrice the time of its tests.
/// Results are kept in `target/mutants.out`.
const SETTINGS: [&str; 7] = [
    "--test-workspace=false",
    "--minimum-test-timeout=60",
    "--timeout-multiplier=3",
    "--no-shuffle",
    "--colors=never",
    "--output",
    "target",
];
