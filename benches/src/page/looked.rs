//! The pages of the benchmark, opened in headless Chromium as those of every other kind are.

#[allow(dead_code)] // what only the other tests ask for
#[path = "../../../crates/dl-examples/tests/pages/browser.rs"]
mod browser;

use browser::{Chromium, Opened};

use super::page;
use crate::compare::{self, Comparison};
use crate::record::tests::{sample, sample_peer};
use crate::record::{Failed, Record, Row, Skipped};
use crate::stats::Spread;

/// Rows of all kinds and names at their longest, on one machine and then on another.
fn records() -> [Record; 2] {
    let mut record = sample();
    record.host.cpu = "A CPU whose maker wrote all that there is to tell into its name @ 2.70GHz".into();
    record.host.features =
        ["sse4.2", "avx", "avx2", "fma", "avx512f", "avx512vl", "amx-int8"].map(Into::into).into();
    let rows = record.rows.clone();
    for batch in [512, 60_000] {
        record.rows.extend(rows.iter().map(|row| Row { batch, ..row.clone() }));
    }
    record.peers = ["pytorch", "torch.compile", "jax", "candle"].map(|name| sample_peer(name, 1.7)).into();
    let error = "the program ended before it was ready: a line without a blank 0123456789012345678901234567890123456789";
    record.failed.push(Failed { backend: "burn-wgpu".into(), batch: 64, threads: 2, error: error.into() });
    let reason = "no module named torch".into();
    record.skipped.push(Skipped { peer: "torch.compile".into(), reason });
    let mut other = record.clone();
    other.host.cores = 64;
    other.revision = None;
    for times in other.rows.iter_mut().map(|row| &mut row.step_ms) {
        *times = Spread { median: 2.0 * times.median, p10: 2.0 * times.p10, p90: 2.0 * times.p90 };
    }
    [record, other]
}

#[test]
fn pages_are_read_at_every_width_in_both_themes() {
    let Some(chromium) = Chromium::find() else { return };
    let [record, other] = records();
    let opened = |name: &str, html: String| Opened { name: name.to_owned(), html, point: None };
    let report = opened("report", page(&record).html());
    let folder = tempfile::tempdir().unwrap();
    let paths = ["before.json", "latest.json"].map(|name| folder.path().join(name));
    record.write(&paths[0]).unwrap();
    other.write(&paths[1]).unwrap();
    let comparison = Comparison::read(&paths[0], &paths[1]).unwrap();
    let pages = [report, opened("comparison", compare::page(&comparison).html())];
    let (found, wrong) = chromium.faults(&pages);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let texts = |name: &'static str| found.iter().filter(move |one| one["page"] == name);
    assert!(texts("report").all(|one| one["texts"].as_u64() > Some(200)), "{found:?}");
    assert!(texts("comparison").all(|one| one["texts"].as_u64() > Some(50)), "{found:?}");
}
