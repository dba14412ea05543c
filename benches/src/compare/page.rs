//! The comparison as a page.

use dl_report::{Bars, Page};

use super::text::{cells, summary, title, what};
use super::{CRITERION, Comparison, Place};

const HEAD: [&str; 10] = [
    "backend",
    "A: step (ms)",
    "A: p10–p90",
    "B: step (ms)",
    "B: p10–p90",
    "B ÷ A",
    "step",
    "compile (ms)",
    "peak (MiB)",
    "test",
];

/// The whole page.
pub(crate) fn page(of: &Comparison) -> Page {
    let mut page = Page::new("Two runs of the benchmark");
    for (name, (path, record)) in ["A", "B"].into_iter().zip(of.paths.iter().zip(&of.records)) {
        page = page.paragraph(&format!("{name}: {}: {}.", path.display(), what(record)));
    }
    page = page.paragraph(&format!("{}.", summary(of)));
    if !of.warnings.is_empty() {
        page = page.section("What differs beside the code").table(
            &["what", "in A and in B"],
            of.warnings.iter().map(|warning| {
                let (what, how) = warning.split_once(": ").unwrap_or(("", warning));
                [what, how]
            }),
        );
    }
    for place in &of.places {
        page = page
            .section(&title(place))
            .table(&HEAD, place.pairs.iter().map(cells))
            .picture(&bars(place).picture());
    }
    if of.places.is_empty() {
        page = page.paragraph("No row is in both.");
    }
    if !of.alone.is_empty() {
        page = page.section("Rows of one run alone").table(&["row"], of.alone.iter().map(|row| [row]));
    }
    page.section("Criterion").paragraph(CRITERION)
}

fn bars(place: &Place) -> Bars {
    let bars = Bars::new("Time of a training step").value("time (ms), with p10–p90").log();
    let floor = place.floor.iter().map(|floor| ("products alone", floor.of));
    let rows = place.pairs.iter().map(|pair| (&*pair.rows[0].backend, pair.times.of));
    floor.chain(rows).fold(bars, |bars, (name, of)| {
        let bars = bars.group(name);
        ["A", "B"]
            .into_iter()
            .zip(of)
            .fold(bars, |bars, (series, time)| bars.bar(series, time.median, Some((time.p10, time.p90))))
    })
}
