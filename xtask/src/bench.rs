//! `cargo xtask bench`: release builds, then the benchmark program.
//!
//! Measures nothing itself; the numbers are the program's, which also fetches the data. `cpu` alone is built and
//! shown first where the other backends' crates would keep people waiting: burn's take minutes.

use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{self, Path, PathBuf};

use crate::cli::BenchOptions;
use crate::features;
use crate::process::{Child, Failure};
use crate::workspace::Workspace;

/// The peer that is a program of its own: built by itself, its features change nothing of ours.
const CANDLE: &str = "candle";
const CANDLE_PACKAGE: &str = "dl-bench-candle";

/// The profile of the first look: as fast to build as kernels at their full speed allow.
const FIRST: &str = "first";

/// Runs the benchmark program with the flags that are not ours.
pub(crate) fn run(workspace: &Workspace, options: BenchOptions) -> Result<(), Failure> {
    let asked = options.features.as_deref().unwrap_or(features::DEFAULT);
    features::of_packages(workspace, &["dl-benches", CANDLE_PACKAGE], asked)?;
    let asked: Vec<&str> = asked.split([',', ' ']).filter(|name| !name.is_empty()).collect();
    let mut rest = options.rest;
    if let Some(dir) = options.data {
        let dir = path::absolute(&dir)
            .map_err(|error| Failure::usage(format!("--data {}: {error}", dir.display())))?;
        if !dir.is_dir() {
            return Err(Failure::usage(format!("--data {}: expected a folder", dir.display())));
        }
        rest.splice(0..0, ["--data".into(), dir.into_os_string()]);
    }
    let given = |option: &str| rest.iter().any(|word| *word == *option);
    let revision = workspace.revision()?;
    // Nothing is measured: whatever is built fast will do.
    if given("--compare") {
        return program(workspace, FIRST, "", &rest, &revision)?.run_last();
    }
    // Of the cpu executor alone, but for a profile of a device.
    let device = rest.windows(2).any(|pair| pair[0] == *"--backends" && pair[1] == *"wgpu");
    let alone = given("--profile") && !device || given("--reach");
    let (candle, others): (Vec<&str>, Vec<&str>) =
        asked.into_iter().filter(|name| !alone && *name != "cpu").partition(|name| *name == CANDLE);

    let built = Built::of(workspace)?;
    let missing: Vec<&str> = others.iter().chain(&candle).copied().filter(|name| !built.has(name)).collect();
    if !missing.is_empty() && takes_cpu(&rest) {
        let mut first = without(&rest, &["--backends", "--out"], &["--peers"]);
        first.extend(["--first".into(), missing.join(",").into()]);
        program(workspace, FIRST, "", &first, &revision)?.run()?;
    }
    let mut environment = vec![];
    let features = others.join(",");
    workspace.cargo("build").args(words("release", &features)).run()?;
    others.iter().try_for_each(|name| built.add(name))?;
    if !candle.is_empty() {
        let arguments = ["--release", "-p", CANDLE_PACKAGE, "--features", CANDLE];
        workspace.cargo("build").args(arguments).run()?;
        built.add(CANDLE)?;
        let name = format!("bench-candle{}", std::env::consts::EXE_SUFFIX);
        environment.push(("DL_BENCH_CANDLE", Path::new(&workspace.target()).join("release").join(name)));
    }
    let mut last = ready(workspace, "release", &features, &rest, &revision);
    for (name, value) in environment {
        last = last.env(name, &value.to_string_lossy());
    }
    last.run_last()
}

/// Builds the program, not in silence since it may take minutes; then it is ready to run.
fn program(
    workspace: &Workspace,
    profile: &str,
    features: &str,
    rest: &[OsString],
    revision: &str,
) -> Result<Child, Failure> {
    workspace.cargo("build").args(words(profile, features)).run()?;
    Ok(ready(workspace, profile, features, rest, revision))
}

/// The program that was built.
fn ready(workspace: &Workspace, profile: &str, features: &str, rest: &[OsString], revision: &str) -> Child {
    let run = workspace.cargo("run").arg("--quiet").args(words(profile, features));
    run.arg("--").args(rest).env("DL_REVISION", revision)
}

fn words<'w>(profile: &'w str, features: &'w str) -> [&'w str; 8] {
    ["--profile", profile, "-p", "dl-benches", "--bin", "bench", "--features", features]
}

/// Whether the rows that are asked for have the one of `cpu` among them.
fn takes_cpu(rest: &[OsString]) -> bool {
    let mut lists = rest.windows(2).filter(|pair| pair[0] == "--backends");
    lists.next_back().is_none_or(|pair| pair[1].to_string_lossy().split(',').any(|name| name.trim() == "cpu"))
}

/// The command line without these options and the values that some of them take.
fn without(rest: &[OsString], valued: &[&str], plain: &[&str]) -> Vec<OsString> {
    let mut kept = vec![];
    let mut words = rest.iter();
    while let Some(word) = words.next() {
        match word.to_str() {
            Some(word) if valued.contains(&word) => _ = words.next(),
            Some(word) if plain.contains(&word) => {}
            _ => kept.push(word.clone()),
        }
    }
    kept
}

/// Which backends' crates have been built here, by marks in the target folder that go when it goes.
struct Built {
    folder: PathBuf,
    /// Of the versions of all crates and of the compiler: with others, all is built anew.
    versions: String,
}

impl Built {
    fn of(workspace: &Workspace) -> Result<Self, Failure> {
        let lock = workspace.root().join("Cargo.lock");
        let lock = fs::read(&lock)
            .map_err(|error| Failure::other(format!("cannot read {}: {error}", lock.display())))?;
        let mut hasher = DefaultHasher::new();
        (lock, workspace.cargo("--version").output()?).hash(&mut hasher);
        let folder = Path::new(&workspace.target()).join("bench").join("built");
        Ok(Built { folder, versions: format!("{:016x}", hasher.finish()) })
    }

    fn has(&self, name: &str) -> bool {
        fs::read_to_string(self.folder.join(name)).is_ok_and(|versions| versions == self.versions)
    }

    fn add(&self, name: &str) -> Result<(), Failure> {
        let written =
            fs::create_dir_all(&self.folder).and_then(|()| fs::write(self.folder.join(name), &self.versions));
        written
            .map_err(|error| Failure::other(format!("cannot write into {}: {error}", self.folder.display())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Vec<OsString> {
        text.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn the_first_look_takes_what_is_of_cpu() {
        let rest = line("--peers --threads 1,2 --backends cpu,burn-flex --quick --out o.json");
        assert_eq!(without(&rest, &["--backends", "--out"], &["--peers"]), line("--threads 1,2 --quick"));
        assert!(takes_cpu(&rest) && takes_cpu(&[]));
        assert!(!takes_cpu(&line("--backends burn-flex,flex")));
    }

    #[test]
    fn what_is_built_is_known_until_a_version_changes() {
        let folder = std::env::temp_dir().join(format!("dl-xtask-built-{}", std::process::id()));
        let mut built = Built { folder: folder.clone(), versions: "1".into() };
        assert!(!built.has("flex"));
        built.add("flex").expect("the folder is made");
        assert!(built.has("flex") && !built.has("ndarray"));
        built.versions = "2".into();
        assert!(!built.has("flex"));
        fs::remove_dir_all(folder).expect("it was made above");
    }

    #[test]
    fn the_programs_listen_to_what_is_said_here() {
        let peers = include_str!("../../benches/src/peers.rs");
        assert!(peers.contains("\"DL_BENCH_CANDLE\""));
        let manifest = include_str!("../../benches/candle/Cargo.toml");
        assert!(manifest.contains("name = \"bench-candle\"") && manifest.contains(CANDLE_PACKAGE));
    }
}
