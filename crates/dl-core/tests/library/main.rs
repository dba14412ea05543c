//! The list of everything in `nn`: complete, well formed, and printed as LaTeX.
#![allow(clippy::unwrap_used)] // a test may

mod cases;

use std::collections::BTreeSet;
use std::fmt::Write;

use cases::AREAS;
use dl_core::{F64, Graph, print};
use expect_test::expect_file;

/// `UPDATE_EXPECT=1` renews `latex/`.
#[test]
fn everything_prints_as_latex() {
    for (area, cases) in AREAS {
        let mut text = String::new();
        for case in cases() {
            let graph = Graph::new();
            let value = case.build(&graph, F64).value;
            graph.check().unwrap_or_else(|e| panic!("{area}, {}: {e}", case.name));
            writeln!(text, "% {}\n{}\n", case.name, print::latex(&[("y", value)])).unwrap();
        }
        let here = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/library/latex/");
        expect_file![format!("{here}{area}.tex")].assert_eq(&text);
    }
}

#[test]
fn names_are_unique() {
    let mut names = BTreeSet::new();
    for case in cases::all() {
        assert!(names.insert(case.name.clone()), "{} is there twice", case.name);
    }
}

#[test]
fn every_function_and_every_loss_has_a_case() {
    let exports = include_str!("../../src/nn/mod.rs").split("\npub use ").skip(1);
    let all = cases::all();
    for list in exports.filter_map(|after| after.split(';').next()) {
        let mut words = list.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|w| !w.is_empty());
        let module = words.next();
        for name in words {
            // Types elsewhere are settings, optimizers and what holds parameters.
            let wanted = module == Some("loss") || name.starts_with(|c: char| c.is_lowercase());
            let covered = || all.iter().any(|case| case.name.split(' ').next() == Some(name));
            assert!(!wanted || covered(), "nn::{name} has no case");
        }
    }
}
