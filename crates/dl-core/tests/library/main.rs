//! The list of everything in `nn`: complete, well formed, and printed as LaTeX.
#![allow(clippy::unwrap_used)] // a test may

mod cases;

use std::collections::BTreeSet;
use std::fmt::Write;

use cases::AREAS;
use dl_core::interp::evaluate;
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

/// Rewritten and not; executors are held to the same in `dl-backends`.
#[test]
fn nothing_and_zero_have_their_values_and_gradients() {
    let mut wrong = vec![];
    for (edge, rewriting) in cases::edges::edges().iter().flat_map(|edge| [(edge, false), (edge, true)]) {
        let ready = edge.ready(F64, rewriting);
        let found = evaluate(&ready.program, &[("x", ready.x.view())], &[], 0, 0).unwrap();
        let judged = |output| edge.judge(output, found.output(output).unwrap());
        let how = if rewriting { "rewritten" } else { "as written" };
        wrong.extend(
            ["value", "gradient", "second"].map(judged).into_iter().flatten().map(|w| format!("{how}: {w}")),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// PyTorch's functional and class forms, in one form: `new` or the settings without which there is no loss,
/// and `each`.
#[test]
fn losses_with_options_have_the_same_methods() {
    let exports = include_str!("../../src/nn/loss/mod.rs").split("pub use ").skip(1);
    for list in exports.filter_map(|after| after.split(';').next()) {
        let file = list.split("::").next().unwrap();
        let path = format!("{}/src/nn/loss/{file}.rs", env!("CARGO_MANIFEST_DIR"));
        let code = std::fs::read_to_string(path).unwrap();
        let words = list.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        for name in words.filter(|w| w.starts_with(|c: char| c.is_uppercase())) {
            let heads = [format!("\nimpl {name} {{"), format!("\nimpl<'g> {name}<'g> {{")];
            let own = heads.iter().find_map(|head| code.split(head.as_str()).nth(1)).unwrap();
            let own = own.split("\n}").next().unwrap();
            let methods: Vec<&str> = own.split("pub fn ").skip(1).collect();
            let called = |method: &str| method.split(['(', '<']).next().unwrap_or_default().to_owned();
            let evaluates = |method: &&&str| method.split('{').next().is_some_and(|s| s.contains("&self"));
            let found: Vec<String> = methods.iter().filter(evaluates).map(|m| called(m)).collect();
            assert!(methods.iter().any(|m| called(m) == "new"), "{name}");
            let known = [vec!["each"], vec!["each", "mean"], vec!["each", "batch_mean"]];
            assert!(known.iter().any(|k| *k == found), "{name} has {found:?}");
        }
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
