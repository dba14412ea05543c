//! The node tests of the `onnx` package, written with our operations: on the interpreter and on `cpu`.
//!
//! They are read where the package is installed (`ONNX_PYTHON` names a Python that has it, otherwise
//! `python3` is asked); without it the test says so and ends. `ONNX_LISTING=1` prints every test that is
//! not written, with the reason, and `ONNX_ONLY=part-of-a-name` runs a part and lists what fails.
#![cfg(feature = "cpu")]

mod call;
mod case;
mod rows;
mod run;
mod types;

use std::collections::BTreeMap;

use run::Outcome;

/// How many node tests of the package's version 1.23.2 pass: a number that only goes up.
const PASSING: usize = 1609;
const VERSION: &str = "1.23.2";

#[test]
fn node_tests() {
    let Some(cases) = case::all() else {
        eprintln!("the onnx package is not installed (ONNX_PYTHON can name a Python that has it): skipped");
        return;
    };
    let only = std::env::var("ONNX_ONLY").ok();
    let (mut passed, mut failed) = (0, vec![]);
    let mut unwritten: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let (mut count, mut version) = (0, String::new());
    for case in cases {
        let case = match case {
            case::Line::Version(found) => {
                version = found;
                continue;
            }
            case::Line::Case(case) => case,
        };
        if only.as_ref().is_some_and(|part| !case.name.contains(part.as_str())) {
            continue;
        }
        count += 1;
        match run::run(&case) {
            Outcome::Passed => passed += 1,
            Outcome::Unwritten(why) => unwritten.entry(why).or_default().push(case.name),
            Outcome::Failed(why) => failed.push(format!("{}: {why}", case.name)),
        }
    }
    let missing: usize = unwritten.values().map(Vec::len).sum();
    eprintln!(
        "onnx {version}: {count} node tests, {passed} pass, {} fail, {missing} not written",
        failed.len()
    );
    if std::env::var_os("ONNX_LISTING").is_some() || only.is_some() {
        for (why, names) in &unwritten {
            eprintln!("  not written: {why} ({}): {}", names.len(), names.join(", "));
        }
    }
    assert!(failed.is_empty(), "{} of {count} fail\n{}", failed.len(), failed.join("\n"));
    if only.is_none() && version == VERSION {
        assert!(passed >= PASSING, "{passed} pass, {PASSING} did before");
    }
}
