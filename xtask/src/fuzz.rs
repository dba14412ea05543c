//! `cargo xtask fuzz`: the property tests over random graphs and mutated files, with many more of them.
//!
//! The tests read from the environment how many seeds to try and which is the first, and report to
//! a file what they did.

use std::fs;
use std::path::PathBuf;

use crate::cli::FuzzOptions;
use crate::features;
use crate::process::{self, Failure};
use crate::workspace::Workspace;

/// How many seeds are tried; each makes one graph, or 32 mutants of a file, for each of the properties.
const CASES: u64 = 34_000;

/// Crate, test program, and the part of the tests' names that they share.
type Test = (&'static str, &'static str, &'static str);

/// Random graphs.
const GRAPHS: [Test; 2] =
    [("dl-core", "stability", "random::"), ("dl-backends", "conformance", "random_programs::")];

/// Mutated files.
const FILES: [Test; 3] = [
    ("dl-core", "files", "mutated_"),
    ("dl-backends", "files", "mutated_"),
    ("dl-objective", "hostile", "damaged_files"),
];

/// Builds all first, then runs every property to its end, whatever the others find.
pub(crate) fn run(workspace: &Workspace, options: &FuzzOptions) -> Result<(), Failure> {
    let list = options.features.as_deref().unwrap_or(features::DEFAULT);
    features::of_packages(workspace, &["dl-backends"], list)?;
    // Not in silence where it builds.
    let test = |(package, program, name): Test, quiet: bool| {
        let test = workspace.cargo("test").args(quiet.then_some("--quiet")).args(["-p", package]);
        let test = test.args(["--test", program]);
        // Files are read the same way whatever runs what is in them.
        (if program == "conformance" { test.args(["--features", list]) } else { test }, name.to_owned())
    };
    let graphs: &[Test] = if options.files { &[] } else { &GRAPHS };
    let tests = [graphs, &FILES].concat();
    for parts in &tests {
        test(*parts, false).0.arg("--no-run").run()?;
    }
    let report = Report::new()?;
    let (cases, seed) = (options.cases.unwrap_or(CASES).to_string(), options.seed.unwrap_or(0).to_string());
    let verdict = process::all(tests.into_iter().map(|parts| {
        let (test, name) = test(parts, true);
        test.arg(name)
            .args(["--", "--nocapture"])
            .env("DL_FUZZ_CASES", &cases)
            .env("DL_FUZZ_SEED", &seed)
            .env("DL_FUZZ_REPORT", &report.path.to_string_lossy())
            .run()
    }));
    let said = process::print(&summary(&report.read()));
    process::all([verdict, said])
}

/// The file to which tests add a line each; gone when this is dropped.
struct Report {
    path: PathBuf,
}

impl Report {
    fn new() -> Result<Report, Failure> {
        let path = std::env::temp_dir().join(format!("dl-fuzz-{}", std::process::id()));
        let cannot = |e| Failure::other(format!("cannot write {}: {e}", path.display()));
        fs::write(&path, "").map_err(cannot)?;
        Ok(Report { path })
    }

    fn read(&self) -> String {
        fs::read_to_string(&self.path).unwrap_or_default()
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        // What is left behind harms nobody.
        let _ = fs::remove_file(&self.path);
    }
}

/// A line for each property and one for all, of lines `GRAPHS VALUES SECONDS WHAT`. Those of no graphs say more
/// of the line before.
fn summary(report: &str) -> String {
    let (mut graphs, mut values, mut seconds, mut text) = (0, 0, 0.0, String::new());
    for line in report.lines() {
        let mut words = line.splitn(4, ' ');
        let mut number = || words.next().and_then(|w| w.parse::<f64>().ok()).unwrap_or(0.0);
        let (g, v, s) = (number(), number(), number());
        let what = words.next().unwrap_or("?");
        if g == 0.0 {
            text += &format!("{what}\n");
            continue;
        }
        text += &format!("{g} {what}: {v} values judged in {s:.0} s\n");
        (graphs, values, seconds) = (graphs + g as u64, values + v as u64, seconds + s);
    }
    format!("{text}fuzz: {graphs} graphs, {values} values judged, {seconds:.0} s in tests\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_adds_up() {
        let text = summary("10 200 1.5 formulas of numbers\n0 0 0 none of them odd\n20 300 2.5 programs\n");
        assert!(
            text.starts_with("10 formulas of numbers: 200 values judged in 2 s\nnone of them odd\n"),
            "{text}"
        );
        assert!(text.ends_with("fuzz: 30 graphs, 500 values judged, 4 s in tests\n"), "{text}");
    }

    #[test]
    fn a_report_is_gone_when_it_is_dropped() {
        let report = Report::new().expect("a temporary file");
        let path = report.path.clone();
        assert!(path.exists() && report.read().is_empty());
        drop(report);
        assert!(!path.exists());
    }
}
