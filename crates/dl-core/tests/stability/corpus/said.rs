//! Whether `Expr::stability` knows which formulas are off, and is right where it doubts.

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use dl_core::stability::Flaw;
use dl_core::{DType, Expr, F32, Graph, Program, Tensor};

use super::entry::Entry;
use super::score::{LIMIT, is_off};
use crate::judge::REFERENCES;
use crate::precision::{errors, truth};

/// How many formulas, of those that are off at a point of the corpus, are doubted within the hull of their points;
/// and how many of the doubts are borne out where they say so, with hundreds of digits.
#[derive(Default)]
struct Tally {
    off: usize,
    doubted: usize,
    doubts: usize,
    borne_out: usize,
}

/// Hardly a formula is off without a doubt, and few doubts are without a reason.
pub(super) fn holds(entries: impl Iterator<Item = &'static Entry>) {
    let (mut tally, mut table) = (Tally::default(), String::new());
    for entry in entries {
        let graph = Graph::new();
        let inputs: Vec<Expr<'_>> =
            entry.shapes.iter().enumerate().map(|(i, s)| graph.input(&format!("x{i}"), F32, *s)).collect();
        let value = (entry.formula)(&inputs);
        let names: Vec<String> = (0..entry.shapes.len()).map(|i| format!("x{i}")).collect();
        let hulls = hulls(entry);
        let ranges: Vec<(&str, RangeInclusive<f64>)> =
            names.iter().zip(hulls).map(|(name, hull)| (&**name, hull)).collect();
        let found = value.stability().and_then(|s| s.over(&ranges));
        let found = found.unwrap_or_else(|e| panic!("{}: {e}", entry.name));
        let off = is_off(entry);
        tally.off += usize::from(off);
        tally.doubted += usize::from(off && !found.doubts().is_empty());
        let mut said = vec![];
        for doubt in found.doubts() {
            tally.doubts += 1;
            let real = doubt.flaw == Flaw::NotFinite || is_borne_out(entry, value, &doubt.at);
            tally.borne_out += usize::from(real);
            said.push(format!("{:?}{}", doubt.flaw, if real { "" } else { " (not borne out)" }));
        }
        if off || !said.is_empty() {
            let off = if off { "off" } else { "right" };
            let _ = writeln!(table, "{}: {off}; {}", entry.name, said.join(", "));
        }
    }
    let Tally { off, doubted, doubts, borne_out } = tally;
    let whole =
        format!("doubted {doubted} of {off} that are off; {borne_out} of {doubts} doubts borne out\n");
    println!("{whole}{table}");
    // 114 of 116, and 236 of 268, when this was written; of which some depend on the last digit of the platform's functions.
    assert!(doubted + 4 >= off, "formulas that are off without a doubt: {whole}{table}");
    assert!(borne_out * 100 >= doubts * 85, "doubts without a reason: {whole}{table}");
}

/// For each input the smallest and largest element at the corpus' points that a `f32` holds.
fn hulls(entry: &Entry) -> Vec<RangeInclusive<f64>> {
    let mut hulls = vec![(f64::INFINITY, f64::NEG_INFINITY); entry.shapes.len()];
    for point in entry.points {
        let mut rest = *point;
        for (shape, hull) in entry.shapes.iter().zip(&mut hulls) {
            let (own, others) = rest.split_at(shape.iter().product());
            rest = others;
            for x in own.iter().filter(|x| x.abs() <= f64::from(f32::MAX)) {
                *hull = (hull.0.min(*x), hull.1.max(*x));
            }
        }
    }
    hulls.into_iter().map(|(low, high)| if low <= high { low..=high } else { 0.0..=0.0 }).collect()
}

/// Whether the value is off at a point.
fn is_borne_out(entry: &Entry, value: Expr<'_>, at: &[(dl_core::Name, Tensor)]) -> bool {
    let build = |formula: Expr<'_>, rewriting: bool| {
        let builder = Program::builder(formula.graph()).output("value", formula);
        let builder = if rewriting { builder } else { builder.without_rewriting() };
        builder.compile().expect("it was compiled before")
    };
    let graph = Graph::new();
    let inputs: Vec<Expr<'_>> =
        entry.shapes.iter().enumerate().map(|(i, s)| graph.input(&format!("x{i}"), F32, *s)).collect();
    let reference = build(entry.truth.unwrap_or(entry.formula)(&inputs), false);
    let runner = REFERENCES.iter().find(|r| r.dtype == DType::F32).expect("one for each type");
    let point: Vec<(&str, Tensor)> = at.iter().map(|(name, tensor)| (&**name, tensor.clone())).collect();
    let truths = truth(&reference, &point);
    let computed = (runner.prepare)(&build(value, true))(&point);
    errors(F32, &truths[0], &computed[0]).into_iter().flatten().any(|e| e.is_nan() || e > LIMIT)
}
