//! What is said of formulas: rules, doubts, conditions, mistakes.

use super::*;
use crate::dim::Named;
use crate::dtype::DType::{F32, F64, I64};
use crate::graph::Graph;
use crate::init::Init;
use crate::nn;

fn rule_names(stability: &Stability) -> Vec<&'static str> {
    stability.recognised().iter().map(|r| r.rule).collect()
}

#[test]
fn what_is_recognised_is_said_and_has_no_doubt() {
    let g = Graph::new();
    let x = g.input("x", F32, ());
    let y = (1.0 + x.exp()).log().named("loss");
    let line = line!() - 1;
    let ranges = [("x", -80.0..=1e4)];
    for value in [y, y.grad(&[x])[0]] {
        let stability = value.stability().unwrap();
        assert_eq!(rule_names(&stability), ["log-of-exponentials"]);
        let origin = &stability.recognised()[0].places[0];
        assert_eq!(origin.site.as_ref().unwrap().line, line);
        let found = stability.over(&ranges).unwrap();
        assert!(found.doubts().is_empty(), "{found}");
    }
    let found = y.stability().unwrap().over(&ranges).unwrap();
    // x·σ(x)/softplus(x) is -x far left, and 1 far right.
    let (middle, worst) = (found.condition(0.5).unwrap(), found.condition(1.0).unwrap());
    assert!((79.0..81.0).contains(&worst) && middle < 2.0, "{found}");
    assert_eq!(found.values().unwrap().1, 1e4);
}

#[test]
fn terms_that_cancel_are_named() {
    let g = Graph::new();
    let x = g.input("x", F32, ());
    let y = (x.tanh() - x.sin()) * 3.0;
    let line = line!() - 1;
    let found = y.stability().unwrap().over(&[("x", -100.0..=100.0)]).unwrap();
    let [doubt] = found.doubts() else { panic!("{found}") };
    assert_eq!((doubt.flaw, doubt.origin.site.as_ref().unwrap().line), (Flaw::Cancels, line));
    assert_eq!(doubt.formula, "tanh(x) - sin(x)");
    // The difference is -x³/6: what is lost grows with 1/x².
    let x = doubt.at[0].1.to_f64()[0].abs();
    assert!(x < 1e-2 && doubt.factor > 0.5 / (x * x), "{found}");
    // Far from 0 there is nothing to lose.
    let far = y.stability().unwrap().over(&[("x", 1.0..=1.5)]).unwrap();
    assert!(far.doubts().is_empty(), "{far}");
}

#[test]
fn a_large_condition_is_no_doubt() {
    let g = Graph::new();
    let (p, q) = (g.input("p", F64, ()), g.input("q", F64, ()));
    let found = (p - q).stability().unwrap().over(&[("p", 1.0..=2.0), ("q", 1.0..=2.0)]).unwrap();
    assert!(found.condition(1.0).unwrap() > 1e4 && found.doubts().is_empty(), "{found}");
}

#[test]
fn ranges_of_types_are_kept_to() {
    let g = Graph::new();
    let (x, p) = (g.input("x", F32, ()), g.input("p", F32, ()));
    let flaws = |value: Expr<'_>, ranges: &[(&str, RangeInclusive<f64>)]| {
        let found = value.stability().unwrap().over(ranges).unwrap();
        found.doubts().iter().map(|d| d.flaw).collect::<Vec<_>>()
    };
    let ratio = x.sinh() / (x.cosh() + p.sin());
    assert_eq!(flaws(ratio, &[("x", 0.0..=100.0), ("p", 1.0..=1.0)]), [Flaw::Overflows]);
    assert_eq!(flaws(ratio, &[("x", 0.0..=80.0), ("p", 1.0..=1.0)]), []);
    let tiny = (x * p) / p.sin();
    assert_eq!(flaws(tiny, &[("x", 1e-25..=1e-20), ("p", 1e-25..=1e-20)]), [Flaw::Underflows]);
    assert_eq!(flaws(tiny, &[("x", 1e-15..=1.0), ("p", 1e-15..=1.0)]), []);
    assert_eq!(flaws(x.sin().log(), &[("x", -1.0..=1.0)]), [Flaw::NotFinite]);
}

#[test]
fn networks_have_ranges_of_data_labels_and_parameters() {
    let g = Graph::new();
    let x = g.input("x", F32, (Named("B"), 4));
    let labels = g.input("labels", I64, [Named("B")]);
    let w = g.parameter("w", F32, (4, 3), Init::Zeros);
    let j = nn::cross_entropy(x.dot(w), labels).mean(..).named("J");
    let ranges = [("x", -1e3..=1e3), ("labels", 0.0..=2.0), ("w", -10.0..=10.0)];
    let found = j.stability().unwrap().over(&ranges).unwrap();
    assert!(found.doubts().is_empty() && found.values().unwrap().1 > 100.0, "{found}");
    let gradient = j.grad(&[w])[0].stability().unwrap();
    let found = gradient.over(&[("x", -2.0..=2.0), ranges[1].clone(), ("w", -1.0..=1.0)]).unwrap();
    assert!(found.doubts().is_empty(), "{found}");
    // Where the network is sure, and right, one is taken from what is nearly one.
    assert_eq!(gradient.over(&ranges).unwrap().doubts()[0].flaw, Flaw::Cancels);
    // A class that there is not is found by the run.
    let message = j.stability().unwrap().over(&[ranges[0].clone(), ("labels", 0.0..=9.0), ranges[2].clone()]);
    let message = message.unwrap_err().to_string();
    assert!(message.contains("stability/tests.rs:"), "{message}");
}

#[test]
fn mistakes_say_what_was_expected() {
    let g = Graph::new();
    let (x, k) = (g.input("width", F32, ()), g.input("k", I64, ()));
    let told = |ranges: &[(&str, RangeInclusive<f64>)]| {
        x.sin().stability().unwrap().over(ranges).unwrap_err().to_string()
    };
    assert_eq!(told(&[]), "width (f32 []) has no range: expected one by its name");
    assert_eq!(
        told(&[("wdith", 0.0..=1.0)]),
        "range of wdith: the formula has no wdith; did you mean width?"
    );
    #[allow(clippy::reversed_empty_ranges)]
    let reversed = 1.0..=0.0;
    assert_eq!(
        told(&[("width", reversed)]),
        "range of width: 1.0..=0.0 has no numbers; expected two finite ends, the lower one first"
    );
    assert_eq!(told(&[("width", 0.0..=1e39)]), "range of width: 0.0..=1e39: f32 has no numbers so large");
    let labelled = x.sin() + k.cast(F32);
    let told_of_both = labelled.stability().unwrap().over(&[("width", 0.0..=1.0), ("k", 0.2..=0.8)]);
    assert_eq!(
        told_of_both.unwrap_err().to_string(),
        "range of k: 0.2..=0.8: there is no whole number in it"
    );
    assert!(told(&[("width", f64::NAN..=0.0)]).contains("NaN..=0.0"));
    assert_eq!(k.stability().unwrap_err().to_string(), "stability of i64 []: expected floats");
}

#[test]
fn the_whole_range_of_a_type_is_a_range() {
    let g = Graph::new();
    let (x, v) = (g.input("x", F64, ()), g.input("v", F64, [3]));
    let all = f64::MIN..=f64::MAX;
    let y = x.maximum(v.maximum(0.0).sum(..) * 0.0);
    let found = y.stability().unwrap().over(&[("x", all.clone()), ("v", -1.0..=1.0)]).unwrap();
    assert_eq!(found.values().unwrap().1, f64::MAX, "{found}");
    // No element is drawn as NaN.
    let found = v.abs().stability().unwrap().over(&[("v", all)]).unwrap();
    assert!(found.doubts().is_empty(), "{found}");
}

#[test]
fn people_read_it() {
    let g = Graph::new();
    let x = g.input("x", F32, [2]);
    let y = (x.exp().log() + x.tanh() - x.sin()).named("gap");
    let stability = y.stability().unwrap();
    let text = stability.to_string();
    assert!(
        text.starts_with("gap = x + tanh(x) - sin(x)\nmade stable by\n  log-exp  log(exp(x)) → x  ("),
        "{text}"
    );
    let found = stability.over(&[("x", 0.25..=0.5)]).unwrap();
    let text = found.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("gap at 256 points: 2."), "{text}");
    assert!(lines[1].starts_with("condition 0.9") && lines[1].contains("of the 7.2 digits of f32"), "{text}");
    assert_eq!(lines[2], "nothing is doubtful");
}
