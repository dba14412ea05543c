//! The list of everything in `nn`: complete, well formed, and printed as LaTeX.
#![allow(clippy::unwrap_used)] // a test may

mod cases;
mod source;

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
    let files = source::parse_all("src/nn/loss");
    let losses = source::public_names(&source::parse("src/nn/loss/mod.rs"));
    for name in losses.iter().filter(|name| is_type(name)) {
        let methods = source::methods(&files, name);
        assert!(methods.contains(&("new".into(), None)), "{name} has no `new`");
        let evaluate: Vec<&str> = methods
            .iter()
            .filter(|(_, borrows)| *borrows == Some(true))
            .map(|(name, _)| name.as_str())
            .collect();
        let known: [&[&str]; 3] = [&["each"], &["each", "mean"], &["each", "batch_mean"]];
        assert!(known.contains(&evaluate.as_slice()), "{name} has {evaluate:?}");
    }
}

#[test]
fn names_are_unique() {
    let mut names = BTreeSet::new();
    for case in cases::all() {
        assert!(names.insert(case.name.clone()), "{} is there twice", case.name);
    }
}

/// What of `nn` is no function of expressions: settings, optimizers, schedules and what holds parameters.
const WITHOUT_CASES: &[&str] = &[
    "Accumulate",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "ClipNorm",
    "ClipValue",
    "Dropout",
    "Ema",
    "Fan",
    "Given",
    "Gradient",
    "Groups",
    "Init",
    "Lamb",
    "LearningRate",
    "Letters",
    "Lion",
    "MaxNorm",
    "Mode",
    "NAdam",
    "Nonlinearity",
    "OneCycle",
    "Optimizer",
    "PRelu",
    "PaddingMode",
    "Pads",
    "Parameters",
    "PerAxis",
    "Plateau",
    "RAdam",
    "Recurrence",
    "Recurrent",
    "RmsProp",
    "Rprop",
    "Schedule",
    "Scoped",
    "Sgd",
    "Swa",
    "average_of",
    "averaged",
];

#[test]
fn every_function_and_every_loss_has_a_case() {
    let exported = source::public_names(&source::parse("src/nn/mod.rs"));
    let called = source::called_by_cases(&source::parse_all("tests/library/cases"));
    let cases = cases::all();
    let runs = |name: &str| cases.iter().any(|case| case.name.split([' ', ',']).next() == Some(name));
    let without: BTreeSet<String> = WITHOUT_CASES.iter().map(|name| (*name).into()).collect();
    let covered: BTreeSet<String> = called.into_iter().filter(|name| runs(name)).collect();
    let all: BTreeSet<String> = covered.union(&without).cloned().collect();
    let lacking: Vec<_> = exported.difference(&all).collect();
    assert!(lacking.is_empty(), "of nn, without a case that calls it: {lacking:?}");
    let unknown: Vec<_> = all.difference(&exported).collect();
    assert!(unknown.is_empty(), "not in nn: {unknown:?}");
    let needless: Vec<_> = covered.intersection(&without).collect();
    assert!(needless.is_empty(), "listed without a case, but with one: {needless:?}");
}

fn is_type(name: &str) -> bool {
    name.starts_with(|c: char| c.is_uppercase())
}
