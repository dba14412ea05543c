//! The table that people read: aligned, at most 120 columns wide, with what its columns mean.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr;

use crate::network::Loss;
use crate::record::{Failed, Record, Row, Skipped};
use crate::stats::Spread;

fn head(record: &Record) -> [[String; 10]; 2] {
    let (example, tested) = (format!("{}s", record.network.example()), tested(record));
    [
        ["", "compile", "step", "step", &example, "GFLOP", "÷ floor", "× burn", "peak", "test"],
        ["backend", "ms", "ms", "p10–p90", "per s", "per s", "", "", "MiB", tested],
    ]
    .map(|line| line.map(str::to_owned))
}

/// What is found on the test split.
fn tested(record: &Record) -> &'static str {
    match record.network.loss {
        Loss::CrossEntropy => "accuracy",
        Loss::SquaredError => "error",
    }
}

/// Columns of a terminal that need no scrolling.
const WIDTH: usize = 110;

/// What stands where there is nothing to say.
pub(crate) const NONE: &str = "·";

/// The whole text, without the line that names the file.
pub(crate) fn text(record: &Record) -> String {
    let (head, blocks) = (head(record), blocks(record));
    let lines = blocks.iter().flat_map(|block| &block.lines);
    let mut widths = [0; 10];
    for line in head.iter().chain(lines) {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.width());
        }
    }
    let mut text = title(record);
    for line in &head {
        text += &aligned(line, &widths);
    }
    for block in &blocks {
        let _ = write!(text, "\n{}\n", block.title);
        for line in &block.lines {
            text += &aligned(line, &widths);
        }
    }
    text += &notes(record);
    text
}

/// The rows of one batch size and thread count.
struct Block {
    title: String,
    lines: Vec<[String; 10]>,
}

fn title(record: &Record) -> String {
    let Record { host, network, data, .. } = record;
    let revision = record.revision.as_deref().unwrap_or("unknown");
    format!(
        "\n{} {} on {}: {} training {}s, {} to test with.\n\
         {}, {} cores, {}; revision {}; {}{}\n\n",
        network.title,
        network,
        data.name,
        grouped(data.train as f64),
        network.example(),
        grouped(data.test as f64),
        host.cpu,
        host.cores,
        host.features.join(" "),
        short(revision),
        record.date,
        if record.quick { "; --quick: fewer rounds and epochs" } else { "" },
    )
}

/// A revision as people tell it: ten digits, and `-dirty` where it is.
pub(crate) fn short(revision: &str) -> String {
    match revision.split_once('-') {
        Some((commit, rest)) => format!("{}-{rest}", commit.get(..10).unwrap_or(commit)),
        None => revision.get(..10).unwrap_or(revision).to_owned(),
    }
}

fn blocks(record: &Record) -> Vec<Block> {
    let mut places: Vec<(usize, usize)> = record.rows.iter().map(|row| (row.batch, row.threads)).collect();
    places.sort_unstable();
    places.dedup();
    places.into_iter().map(|(batch, threads)| block(record, batch, threads)).collect()
}

fn block(record: &Record, batch: usize, threads: usize) -> Block {
    let noise = record.noise(batch, threads);
    let rows = record.rows.iter().filter(|row| row.batch == batch && row.threads == threads);
    let trained = rows.clone().map(|row| &*row.trained).next().unwrap_or_default();
    let plural = if threads == 1 { "" } else { "s" };
    let after = match trained {
        "" => String::new(),
        trained => format!("; {} after {trained}", tested(record)),
    };
    let title = format!("batch {}, {threads} thread{plural}{after}", grouped(batch as f64));
    let mut lines = vec![];
    for floor in record.floor.iter().filter(|f| f.batch == batch && f.threads == threads) {
        let mut line = timed("products alone", &floor.step_ms, floor.images_per_s, floor.gflops);
        line[6] = "1.00".into();
        lines.push(line);
    }
    lines.extend(rows.map(|row| line(row, noise)));
    let mut peers: Vec<_> =
        record.peers.iter().filter(|p| p.batch == batch && p.threads == threads).collect();
    peers.sort_by(|a, b| a.ratio.median.total_cmp(&b.ratio.median));
    for peer in peers {
        let shown = claimed(peer.ratio.median, noise);
        lines.push(quotient(format!("{} × {}", peer.backend, peer.peer), shown, &peer.ratio, 2));
    }
    for control in record.control.iter().filter(|c| c.batch == batch && c.threads == threads) {
        let shown = format!("{:.3}", control.ratio.median);
        lines.push(quotient(format!("A/A: {0} ÷ {0}", control.backend), shown, &control.ratio, 3));
    }
    Block { title, lines }
}

/// A line of one quotient with its spread.
fn quotient(name: String, median: String, spread: &Spread, decimals: usize) -> [String; 10] {
    let mut line: [String; 10] = std::array::from_fn(|_| NONE.into());
    line[0] = name;
    line[2] = median;
    line[3] = format!("{:.decimals$}–{:.decimals$}", spread.p10, spread.p90);
    line
}

fn line(row: &Row, noise: Option<f64>) -> [String; 10] {
    let mut line = timed(&row.backend, &row.step_ms, row.images_per_s, row.gflops);
    let ratio = |value: Option<f64>| value.map_or(NONE.into(), |value| claimed(value, noise));
    line[1] = row.compile_ms.map_or(NONE.into(), digits);
    line[6] = ratio(row.floor_ratio);
    line[7] = ratio(row.burn_ratio);
    line[8] = row.peak_mib.map_or(NONE.into(), |mib| format!("{mib:.0}"));
    line[9] = match (row.test_accuracy, row.test_error) {
        (Some(share), _) => format!("{:.2} %", 100.0 * share),
        (None, Some(error)) => format!("{error:.4}"),
        (None, None) => NONE.into(),
    };
    line
}

fn timed(name: &str, step: &Spread, images_per_s: f64, gflops: f64) -> [String; 10] {
    let mut line: [String; 10] = std::array::from_fn(|_| NONE.into());
    line[0] = name.into();
    line[2] = digits(step.median);
    line[3] = range(step);
    line[4] = grouped(images_per_s);
    line[5] = format!("{gflops:.1}");
    line
}

/// From the tenth to the ninetieth percentile.
pub(crate) fn range(of: &Spread) -> String {
    format!("{}–{}", digits(of.p10), digits(of.p90))
}

/// A ratio, marked where equal things differ as much.
fn claimed(ratio: f64, noise: Option<f64>) -> String {
    let inside = noise.is_none_or(|noise| ratio.max(1.0 / ratio) <= noise);
    format!("{}{ratio:.2}", if inside { "≈" } else { "" })
}

fn notes(record: &Record) -> String {
    let flops = grouped(record.flops_per_image as f64);
    let first = record.control.first().map_or("the first row", |control| &control.backend);
    let notes = [
        (
            "a step",
            format!(
                "{} Rows take turns, round by round; medians are over all steps of all rounds.",
                record.step
            ),
        ),
        ("compile", "from the formula to something that runs on batches of this size.".into()),
        ("GFLOP", format!("the matrix products alone: {flops} operations per {}.", record.network.example())),
        (
            "÷ floor",
            "the step's time over that of the matrix products by the gemm crate on as many threads, \
            at the best tiling found in this run; round by round, then the median."
                .into(),
        ),
        (
            "× burn",
            "how many times as fast as the fastest row of burn itself, its tensors and its autodiff.".into(),
        ),
        (
            "A/A",
            format!(
                "{first} measured twice, in two processes: how a ratio of equal things strays. A ratio no \
            farther from 1 is marked ≈ and not claimed, nor is one without such a control."
            ),
        ),
        (
            "peak",
            format!(
                "resident memory of the row's own process; {} MiB of it are the program and the data.",
                data_mib(record)
            ),
        ),
    ];
    let skipped = |s: &Skipped| ("SKIPPED", format!("{}: {}.", s.peer, s.reason));
    let failed = |f: &Failed| {
        ("FAILED", format!("{} at batch {} on {} threads: {}", f.backend, f.batch, f.threads, f.error))
    };
    let notes = notes.into_iter().chain(peer_notes(record));
    let notes = notes.chain(record.skipped.iter().map(skipped)).chain(record.failed.iter().map(failed));
    let shown = notes.map(|(name, text)| wrapped(name, &text));
    format!("\n{}", shown.collect::<String>())
}

/// What the lines about peers mean, and how each peer runs.
fn peer_notes(record: &Record) -> Vec<(&'static str, String)> {
    let Some(first) = record.peers.first() else { return vec![] };
    let ours = &first.backend;
    let meaning = format!(
        "{ours} × a peer: how many times as fast {ours} is, with p10–p90; round by round, then the median. \
         The fastest peer comes first. All take the same batches from the same first values: their first \
         losses agree{}. A peer's peak has its framework in it; its compiling is the first call, \
         which may find parts in the framework's cache on disk.",
        if record.network.without_dropout() != record.network {
            ", as long as nothing is dropped"
        } else {
            ""
        }
    );
    let mut told: Vec<String> = vec![];
    for peer in &record.peers {
        let note = format!("{}: {}.", peer.peer, peer.note.as_deref().unwrap_or("nothing known"));
        if !told.contains(&note) {
            told.push(note);
        }
    }
    let told = told.into_iter().map(|note| ("", note));
    [("× peer", meaning)].into_iter().chain(told).collect()
}

/// A name with its text beside it, in lines of at most [`WIDTH`] columns.
pub(crate) fn wrapped(name: &str, text: &str) -> String {
    const INDENT: usize = 11;
    let mut lines = format!("{name:<INDENT$}");
    let mut column = INDENT;
    for word in text.split_whitespace() {
        let length = word.width();
        if column > INDENT && column + 1 + length > WIDTH {
            lines += &format!("\n{:INDENT$}", "");
            column = INDENT;
        } else if column > INDENT {
            lines.push(' ');
            column += 1;
        }
        lines += word;
        column += length;
    }
    lines + "\n"
}

fn data_mib(record: &Record) -> String {
    let most = record.rows.iter().filter_map(|row| row.data_mib).max_by(f64::total_cmp);
    most.map_or("unknown".into(), |mib| format!("{mib:.0}"))
}

/// The first column to the left, the others to the right, two spaces between.
pub(crate) fn aligned(cells: &[String; 10], widths: &[usize; 10]) -> String {
    let mut line = String::new();
    for (i, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let blanks = " ".repeat(width - cell.width());
        match i {
            0 => line += &format!("  {cell}{blanks}"),
            _ => line += &format!("  {blanks}{cell}"),
        }
    }
    format!("{}\n", line.trim_end())
}

/// Three significant digits, but no fewer than a whole number's.
pub(crate) fn digits(value: f64) -> String {
    let decimals = match value {
        v if v < 0.9995 => 3,
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

/// A whole number with commas.
pub(crate) fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Known, Network};
    use crate::record::tests::{sample, sample_peer};
    use expect_test::expect;

    #[test]
    fn the_table_is_aligned_and_names_its_data() {
        expect![[r#"

The tutorial's perceptron 784-128-10 on fashion-mnist: 60,000 training images, 10,000 to test with.
A CPU, 2 cores, avx2 avx512f; revision 0123456789; 2026-01-31T12:34:56Z

                  compile   step         step   images  GFLOP  ÷ floor  × burn  peak      test
  backend              ms     ms      p10–p90    per s  per s                    MiB  accuracy

batch 64, 2 threads; accuracy after 10 epochs
  products alone        ·  0.160  0.144–0.192  400,000  163.6     1.00       ·     ·         ·
  cpu                3.25  0.180  0.162–0.216  355,556  145.4     1.12    2.00    81   97.81 %
  burn-flex             ·  0.360  0.324–0.432  177,778   72.7     2.25   ≈1.00    81   97.81 %
  A/A: cpu ÷ cpu        ·  1.001  0.980–1.030        ·      ·        ·       ·     ·         ·

a step     a step. Rows take turns, round by round; medians are over all steps of all rounds.
compile    from the formula to something that runs on batches of this size.
GFLOP      the matrix products alone: 409,088 operations per image.
÷ floor    the step's time over that of the matrix products by the gemm crate on as many threads, at the best
           tiling found in this run; round by round, then the median.
× burn     how many times as fast as the fastest row of burn itself, its tensors and its autodiff.
A/A        cpu measured twice, in two processes: how a ratio of equal things strays. A ratio no farther from 1
           is marked ≈ and not claimed, nor is one without such a control.
peak       resident memory of the row's own process; 60 MiB of it are the program and the data.
"#]]
        .assert_eq(&text(&sample()));
    }

    #[test]
    fn a_regression_has_rows_and_an_error() {
        let mut record = sample();
        record.network = Network::named("regression").unwrap();
        record.rows[0].test_accuracy = None;
        record.rows[0].test_error = Some(0.012_34);
        let text = text(&record);
        let title =
            "The regression network 13-64-64-1 on fashion-mnist: 60,000 training rows, 10,000 to test with.";
        assert_eq!(text.lines().nth(1), Some(title));
        assert!(text.contains(" rows  GFLOP") && text.contains("; error after 10 epochs"), "{text}");
        let row = text.lines().find(|line| line.starts_with("  cpu")).unwrap();
        assert!(row.ends_with("0.0123"), "{row}");
    }

    #[test]
    fn no_line_is_wider_than_a_terminal() {
        let mut record = sample();
        record.rows[0].backend = "burn-ndarray".into();
        record.rows[0].step_ms = Spread { median: 1112.4, p10: 1100.6, p90: 1234.5 };
        record.rows[0].images_per_s = 12_345_678.0;
        record.rows[0].compile_ms = Some(12_345.6);
        let widest = text(&record).lines().map(|line| line.width()).max();
        assert!(widest <= Some(120), "{widest:?}");
    }

    #[test]
    fn peers_stand_beneath_the_rows_and_the_missing_are_named() {
        let mut record = sample();
        record.peers = [("torch", 2.4), ("jax", 1.7)].map(|(name, ratio)| sample_peer(name, ratio)).into();
        let reason = "torch is not installed in target/peers: run `cargo xtask peers`".into();
        record.skipped = vec![Skipped { peer: "torch-compile".into(), reason }];
        let text = text(&record);
        let (above, notes) = text.split_once("\n× peer ").unwrap();
        let lines = above.lines().map(str::trim).filter(|line| line.starts_with("cpu ×"));
        expect![[r#"
            cpu × jax             ·   1.70    1.53–2.04        ·      ·        ·       ·     ·         ·
            cpu × torch           ·   2.40    2.16–2.88        ·      ·        ·       ·     ·         ·"#]]
        .assert_eq(&lines.collect::<Vec<_>>().join("\n"));
        expect![[r#"
            × peer     cpu × a peer: how many times as fast cpu is, with p10–p90; round by round, then the median. The
                       fastest peer comes first. All take the same batches from the same first values: their first losses
                       agree. A peer's peak has its framework in it; its compiling is the first call, which may find parts
                       in the framework's cache on disk.
                       torch: torch 1.0.
                       jax: jax 1.0.
            SKIPPED    torch-compile: torch is not installed in target/peers: run `cargo xtask peers`.
        "#]].assert_eq(&format!("× peer {notes}"));
    }

    #[test]
    fn a_ratio_inside_the_noise_is_not_claimed() {
        assert_eq!(claimed(1.02, Some(1.03)), "≈1.02");
        assert_eq!(claimed(0.98, Some(1.03)), "≈0.98");
        assert_eq!(claimed(0.96, Some(1.03)), "0.96");
        assert_eq!(claimed(2.0, None), "≈2.00");
    }

    #[test]
    fn numbers_have_three_digits_and_commas() {
        let shown = [0.0123, 0.9996, 9.994, 99.96, 1112.4].map(digits);
        assert_eq!(shown, ["0.012", "1.00", "9.99", "100", "1112"]);
        assert_eq!([7.0, 999.6, 1_234_567.0].map(grouped), ["7", "1,000", "1,234,567"]);
    }
}
