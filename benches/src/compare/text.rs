//! The comparison as a table for people.

use unicode_width::UnicodeWidthStr;

use super::{CRITERION, Comparison, Pair, Place, Times, Verdict};
use crate::record::{Record, Row};
use crate::table::{NONE, aligned, digits, grouped, range, short, wrapped};

const HEAD: [[&str; 10]; 2] = [
    ["", "A step", "A", "B step", "B", "", "", "compile", "peak", "test"],
    ["backend", "ms", "p10–p90", "ms", "p10–p90", "B ÷ A", "step", "ms", "MiB", ""],
];

/// The whole text.
pub(crate) fn text(of: &Comparison) -> String {
    let head = HEAD.map(|line| line.map(str::to_owned));
    let blocks: Vec<(String, Vec<[String; 10]>)> = of.places.iter().map(block).collect();
    let mut widths = [0; 10];
    for line in head.iter().chain(blocks.iter().flat_map(|(_, lines)| lines)) {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.width());
        }
    }
    let mut text = String::from("\n");
    for (name, (path, record)) in ["A", "B"].into_iter().zip(of.paths.iter().zip(&of.records)) {
        text += &wrapped(name, &format!("{}: {}", path.display(), what(record)));
    }
    of.warnings.iter().for_each(|warning| text += &wrapped("DIFFERS", warning));
    match blocks.is_empty() {
        true => text += "\nno row is in both\n",
        false => {
            text.push('\n');
            head.iter().for_each(|line| text += &aligned(line, &widths));
        }
    }
    for (title, lines) in &blocks {
        text += &format!("\n{title}\n");
        lines.iter().for_each(|line| text += &aligned(line, &widths));
    }
    text.push('\n');
    of.alone.iter().for_each(|row| text += &wrapped("ALONE", row));
    text += &wrapped("criterion", CRITERION);
    text + &wrapped("summary", &summary(of))
}

/// What a record is of.
pub(super) fn what(record: &Record) -> String {
    let revision = short(record.revision.as_deref().unwrap_or("unknown"));
    let quick = if record.quick { ", --quick" } else { "" };
    format!("revision {revision}, {}, {} on {}{quick}", record.date, record.network.name, record.data.name)
}

/// What stands above a place.
pub(super) fn title(place: &Place) -> String {
    let plural = if place.threads == 1 { "" } else { "s" };
    let noise = match place.pairs.first().and_then(|pair| pair.noise) {
        Some(noise) => format!("noise: a factor of {noise:.3}"),
        None => "noise unknown: no A/A row or no products alone in a record".into(),
    };
    format!("batch {}, {} thread{plural}; {noise}", grouped(place.batch as f64), place.threads)
}

fn block(place: &Place) -> (String, Vec<[String; 10]>) {
    let floor = place.floor.iter().map(|floor| {
        let none = || NONE.to_owned();
        line("products alone", floor, none(), [none(), none(), none()])
    });
    (title(place), floor.chain(place.pairs.iter().map(cells)).collect())
}

/// A row's cells.
pub(super) fn cells(pair: &Pair) -> [String; 10] {
    let [a, b] = &pair.rows;
    line(
        &a.backend,
        &pair.times,
        said(pair.step).into(),
        [
            both(a.compile_ms.map(digits), b.compile_ms.map(digits), pair.compile),
            both(
                a.peak_mib.map(|mib| format!("{mib:.0}")),
                b.peak_mib.map(|mib| format!("{mib:.0}")),
                pair.peak,
            ),
            both(tested(a), tested(b), pair.test),
        ],
    )
}

fn line(name: &str, times: &Times, verdict: String, rest: [String; 3]) -> [String; 10] {
    let [a, b] = times.of;
    let [compile, peak, test] = rest;
    let (a_step, b_step) = (digits(a.median), digits(b.median));
    let ratio = format!("{:.3}", times.ratio);
    [name.into(), a_step, range(&a), b_step, range(&b), ratio, verdict, compile, peak, test]
}

/// A verdict on a step's time.
pub(super) fn said(step: Verdict) -> &'static str {
    match step {
        Verdict::Less => "faster",
        Verdict::More => "slower",
        Verdict::Same => "same",
        Verdict::Unknown => "?",
    }
}

fn both(a: Option<String>, b: Option<String>, verdict: Verdict) -> String {
    let mark = match verdict {
        Verdict::Less | Verdict::More => "!",
        Verdict::Same => "",
        Verdict::Unknown => "?",
    };
    match (a, b) {
        (None, None) => NONE.into(),
        (a, b) => {
            let shown = |value: Option<String>| value.unwrap_or_else(|| NONE.into());
            format!("{mark}{}→{}", shown(a), shown(b))
        }
    }
}

fn tested(row: &Row) -> Option<String> {
    let accuracy = row.test_accuracy.map(|share| format!("{:.2}%", 100.0 * share));
    accuracy.or_else(|| row.test_error.map(|error| format!("{error:.4}")))
}

/// How many changed.
pub(super) fn summary(of: &Comparison) -> String {
    let pairs = || of.places.iter().flat_map(|place| &place.pairs);
    let steps = |verdict: Verdict| pairs().filter(|pair| pair.step == verdict).count();
    let beside = pairs().filter(|p| p.compile.changed() || p.peak.changed() || p.test.changed()).count();
    format!(
        "of {} rows in both, {} faster, {} slower, {} the same within noise, {} not judged; {beside} changed in \
         compile time, memory or accuracy",
        pairs().count(),
        steps(Verdict::Less),
        steps(Verdict::More),
        steps(Verdict::Same),
        steps(Verdict::Unknown),
    )
}
