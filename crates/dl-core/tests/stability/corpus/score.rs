//! How many points of each formula are right, compared with what is written down.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, thread};

use dl_core::{DType, Expr, F32, F64, Graph, Program, Tensor};

use super::entry::Entry;
use crate::class::{Formula, rounded};
use crate::judge::{REFERENCES, objective};
use crate::precision::{Truth, errors, truth};

/// Largest error in units of the last place times the condition.
pub(super) const LIMIT: f64 = 8.0;

/// The same where the formula as it was written is right: another order of rounding is no fault.
const WORSE: f64 = 32.0;

/// What is right as it is written and wrong rewritten at some point, with the reason.
const KNOWN: &[(&str, &str)] = &[
    (
        "zero-one inflated beta at zero",
        "logaddexp's maximum and its gap are two differences, of which one may round to a tie",
    ),
    ("log of a cosh kernel", "near 0 the gradient is a difference of weights of three exponentials"),
    ("normalized product of experts", "exponents are added before the largest is taken away, and round"),
    ("several positives", "the gradient is a difference of softmaxes, which are taken in another order"),
    (
        "gaussian divergence by variances",
        "log s² is taken as 2·log s, which cancels with a remainder as it stands",
    ),
    ("Debye-like quotient", "the gradient's quotients cancel, and are taken in another order"),
];

/// Points that are right, and that were judged.
#[derive(Clone, Copy, Default, PartialEq)]
struct Count {
    right: usize,
    judged: usize,
}

/// Value and gradient in both types.
#[derive(Clone, Copy, Default, PartialEq)]
struct Score {
    counts: [Count; 4],
}

const COLUMNS: [&str; 4] = ["f32 value", "f32 gradient", "f64 value", "f64 gradient"];

/// The formulas are as right as `file` says; prints those that are not, if asked to.
pub(super) fn keeps(file: &str, entries: impl Iterator<Item = &'static Entry>, show: bool) {
    let entries: Vec<&Entry> = entries
        .filter(|e| {
            env::var("DL_CORPUS").is_ok_and(|w| e.name.contains(&w)) || env::var_os("DL_CORPUS").is_none()
        })
        .collect();
    let mut names: Vec<&str> = entries.iter().map(|e| e.name).collect();
    names.sort_unstable();
    assert!(names.windows(2).all(|w| w[0] != w[1]), "a name is used twice");
    let (next, found) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let work = || {
        while let Some(entry) = entries.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = judged(entry);
            found.lock().expect("nobody panics who holds it").insert(entry.name, result);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, |n| n.get()) {
            scope.spawn(work);
        }
    });
    let found = found.into_inner().expect("nobody panics who holds it");
    let (mut table, mut total, mut worse) = (String::new(), Score::default(), vec![]);
    for entry in &entries {
        let (score, lines) = &found[entry.name];
        for (sum, own) in total.counts.iter_mut().zip(score.counts) {
            sum.right += own.right;
            sum.judged += own.judged;
        }
        if score.counts.iter().any(|c| c.right < c.judged) {
            let _ = writeln!(table, "{}: {}", entry.name, shown(score));
        }
        if show && !lines.is_empty() {
            println!("{}\n  {}", entry.name, lines.join("\n  "));
        }
        let known = KNOWN.iter().find(|(name, _)| *name == entry.name);
        if let Some((name, why)) = known {
            println!("{name}: known, {why}");
        }
        worse.extend(
            lines
                .iter()
                .filter(|l| known.is_none() && l.starts_with("WORSE"))
                .map(|l| format!("{}: {l}", entry.name)),
        );
    }
    let whole = format!("all {} formulas: {}\n", entries.len(), shown(&total));
    println!("{whole}");
    if env::var_os("DL_CORPUS").is_some() {
        return;
    }
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/stability/corpus").join(file);
    let written = whole + &table;
    let before = fs::read_to_string(&path).unwrap_or_default();
    if env::var("UPDATE_EXPECT").is_ok_and(|v| v == "1") {
        fs::write(&path, &written).expect("the file can be written");
        return;
    }
    let lost: Vec<&str> = table.lines().filter(|line| is_lower(line, &before)).collect();
    assert!(lost.is_empty(), "fewer points are right than {file} says:\n{}", lost.join("\n"));
    assert!(worse.is_empty(), "right as they are written, and wrong rewritten:\n{}", worse.join("\n"));
    assert!(written == before, "the score has changed: UPDATE_EXPECT=1 writes it to {file}");
}

/// True where a line of the table has fewer right points than the line of the same formula before.
fn is_lower(line: &str, before: &str) -> bool {
    let name = line.split(": ").next().unwrap_or_default();
    let old = before.lines().find(|l| l.split(": ").next() == Some(name));
    let rights = |l: &str| -> Vec<usize> {
        let of = |part: &str| part.split_once('/').and_then(|(n, _)| n.parse().ok());
        l.split([' ', ',']).filter_map(of).collect()
    };
    match old {
        Some(old) => rights(line).iter().zip(rights(old)).any(|(new, old)| *new < old),
        None => !before.is_empty(),
    }
}

fn shown(score: &Score) -> String {
    let columns = COLUMNS.iter().zip(score.counts);
    columns.map(|(name, c)| format!("{name} {}/{}", c.right, c.judged)).collect::<Vec<_>>().join(", ")
}

/// Whether the value is off at a point, in single precision.
pub(super) fn is_off(entry: &Entry) -> bool {
    let (score, _) = judged(entry);
    score.counts[0].right < score.counts[0].judged
}

/// The score of a formula, and a line for each value that is off.
fn judged(entry: &Entry) -> (Score, Vec<String>) {
    let (mut score, mut lines) = (Score::default(), vec![]);
    for (half, dtype) in [F32, F64].into_iter().enumerate() {
        let reference = compile(entry, dtype, entry.truth.unwrap_or(entry.formula), false);
        let raw = compile(entry, dtype, entry.formula, false);
        let program = compile(entry, dtype, entry.formula, true);
        let runner = REFERENCES.iter().find(|r| r.dtype == dtype).expect("one for each type");
        let (mut run, mut as_written) = ((runner.prepare)(&program), (runner.prepare)(&raw));
        for values in entry.points {
            let point = point(entry, dtype, values);
            let truths = truth(&reference, &point);
            let computed = run(&point);
            let worst = |computed: &[f64], truths: &[Truth]| {
                let errors = errors(dtype, truths, computed).into_iter().enumerate();
                errors.filter_map(|(i, e)| Some((i, e?))).fold(None, |worst: Option<(usize, f64)>, (i, e)| {
                    worst.filter(|(_, w)| *w >= e || w.is_nan()).or(Some((i, e)))
                })
            };
            let is_right = |e: f64, limit: f64| !e.is_nan() && e <= limit;
            let mut right = [None; 2];
            let written = as_written(&point);
            for (k, output) in program.outputs().iter().enumerate() {
                let Some((i, error)) = worst(&computed[k], &truths[k]) else { continue };
                let column = &mut right[usize::from(k > 0)];
                *column = Some(column.unwrap_or(true) && is_right(error, LIMIT));
                if is_right(error, LIMIT) {
                    continue;
                }
                let before = worst(&written[k], &truths[k]).map_or(f64::INFINITY, |(_, e)| e);
                let worse = is_right(before, LIMIT) && !is_right(error, WORSE);
                lines.push(format!(
                    "{}{dtype} {}[{i}] at {values:?}: {:e}, true {:e}: off by {error:.1e} (as written {before:.1e})",
                    if worse { "WORSE " } else { "" },
                    output.name,
                    computed[k][i],
                    truths[k][i].value.to_f64(),
                ));
            }
            for (column, right) in right.into_iter().enumerate() {
                let count = &mut score.counts[2 * half + column];
                count.judged += usize::from(right.is_some());
                count.right += usize::from(right == Some(true));
            }
        }
        if env::var_os("DL_CORPUS").is_some() {
            let fired: Vec<String> =
                program.trace().counts().iter().map(|(r, n)| format!("{r} ×{n}")).collect();
            lines.push(format!("{dtype} fired: {}", fired.join(", ")));
            if half == 0 {
                lines.push(program.math().replace('\n', "\n    "));
            }
        }
    }
    (score, lines)
}

/// The value and the gradients by all inputs of a weighted sum of its elements.
fn compile(entry: &Entry, dtype: DType, formula: Formula, rewriting: bool) -> Program {
    let graph = Graph::new();
    let inputs: Vec<Expr<'_>> =
        entry.shapes.iter().enumerate().map(|(i, s)| graph.input(&format!("x{i}"), dtype, *s)).collect();
    let value = formula(&inputs);
    let mut builder = Program::builder(&graph).output("value", value);
    for (i, gradient) in objective(value).grad(&inputs).into_iter().enumerate() {
        builder = builder.output(&format!("d{i}"), gradient);
    }
    let builder = if rewriting { builder } else { builder.without_rewriting() };
    builder.compile().unwrap_or_else(|e| panic!("{}: {e}", entry.name))
}

fn point(entry: &Entry, dtype: DType, values: &[f64]) -> Vec<(&'static str, Tensor)> {
    const NAMES: [&str; 5] = ["x0", "x1", "x2", "x3", "x4"];
    let mut rest = values;
    let tensors = entry.shapes.iter().zip(NAMES).map(|(shape, name)| {
        let (own, others) = rest.split_at(shape.iter().product());
        rest = others;
        let own: Vec<f64> = own.iter().map(|x| rounded(dtype, *x)).collect();
        (name, Tensor::from_f64(dtype, *shape, &own).expect("as many as the shape says"))
    });
    let point = tensors.collect();
    assert!(rest.is_empty(), "{}: a point has the elements of all inputs", entry.name);
    point
}
