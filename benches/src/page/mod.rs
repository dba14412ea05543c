//! The report of a run: one page with pictures, beside the record.

#[cfg(test)]
mod looked;
mod roofline;

use dl_report::{Bars, Page, Plot, number};

use self::roofline::roofline;
use crate::network::Loss;
use crate::profile::Line;
use crate::record::{Record, Row};
use crate::table::{grouped, short};

/// The page of a record.
pub(crate) fn page(record: &Record) -> Page {
    let Record { network, data, host, .. } = record;
    let title = format!("{} {network} on {}", network.title, data.name);
    let mut page = Page::new(&title).paragraph(&format!(
        "{}, {} cores; revision {}; {}{}.",
        host.cpu,
        host.cores,
        short(record.revision.as_deref().unwrap_or("unknown")),
        record.date,
        if record.quick { "; --quick: fewer rounds and epochs" } else { "" },
    ));
    page = missing(page, record);
    page = steps(page, record);
    page = ratios(page, record);
    page = curves(page, record);
    page = kernels(page, record);
    page = memory(page, record);
    about(rows(page, record), record)
}

/// Batch sizes and thread counts, in order.
fn places(record: &Record) -> Vec<(usize, usize)> {
    let mut places: Vec<_> = record.rows.iter().map(|row| (row.batch, row.threads)).collect();
    places.sort_unstable();
    places.dedup();
    places
}

fn at(record: &Record, (batch, threads): (usize, usize)) -> impl Iterator<Item = &Row> {
    record.rows.iter().filter(move |row| (row.batch, row.threads) == (batch, threads))
}

fn told((batch, threads): (usize, usize)) -> String {
    let plural = if threads == 1 { "" } else { "s" };
    format!("batch {}, {threads} thread{plural}", grouped(batch as f64))
}

/// What was asked for and is not here.
fn missing(page: Page, record: &Record) -> Page {
    let failed = record
        .failed
        .iter()
        .map(|f| [format!("{}, {}", f.backend, told((f.batch, f.threads))), format!("failed: {}", f.error)]);
    let skipped = record.skipped.iter().map(|s| [s.peer.clone(), format!("skipped: {}", s.reason)]);
    match record.failed.is_empty() && record.skipped.is_empty() {
        true => page,
        false => page.section("Not measured").table(&["row", "why"], failed.chain(skipped)),
    }
}

fn steps(page: Page, record: &Record) -> Page {
    let page = page.section("Time of a training step").paragraph(&format!(
        "A step goes {} Rows take turns, round by round; a bar is the median over all steps of all rounds, its whiskers are \
         the tenth and the ninetieth percentile. Axes are logarithmic.",
        record.step
    ));
    places(record).into_iter().fold(page, |page, place| {
        let mut bars = Bars::new(&told(place)).value("time of a step (ms)").log();
        let floor = record.floor.iter().find(|floor| (floor.batch, floor.threads) == place);
        if let Some(floor) = floor {
            bars = bars.reference("products alone", floor.step_ms.median);
        }
        let bars = at(record, place).fold(bars, |bars, row| {
            let spread = Some((row.step_ms.p10, row.step_ms.p90));
            bars.group(&row.backend).bar("", row.step_ms.median, spread)
        });
        page.picture(&bars.picture())
    })
}

fn ratios(page: Page, record: &Record) -> Page {
    let mut page = page.section("Against the floor").paragraph(
        "A step's time over that of its matrix products alone, by the gemm crate on as many threads; round by \
         round, then the median. 1 would be a step that does nothing else.",
    );
    for place in places(record) {
        let mut bars = Bars::new(&told(place)).value("step ÷ floor").log().reference("floor", 1.0);
        for row in at(record, place) {
            if let Some(ratio) = row.floor_ratio_spread {
                bars = bars.group(&row.backend).bar("", ratio.median, Some((ratio.p10, ratio.p90)));
            }
        }
        page = page.picture(&bars.picture());
    }
    let burn = record.rows.iter().any(|row| row.burn_ratio.is_some());
    if !burn && record.peers.is_empty() {
        return page;
    }
    page = page.section("Against others").paragraph(
        "How many times as fast our row is: the other's time over ours, round by round, then the median; below \
         1, the other is the faster. A ratio no farther from 1 than the row measured twice (A/A) is not claimed.",
    );
    for place in places(record) {
        let mut bars = Bars::new(&told(place)).value("times as fast").log().reference("equal", 1.0);
        for row in at(record, place).filter(|row| !crate::subject::is_burn(&row.backend)) {
            if let Some(ratio) = row.burn_ratio_spread {
                let name = format!("{} × the fastest of burn", row.backend);
                bars = bars.group(&name).bar("", ratio.median, Some((ratio.p10, ratio.p90)));
            }
        }
        for peer in record.peers.iter().filter(|peer| (peer.batch, peer.threads) == place) {
            let name = format!("{} × {}", peer.backend, peer.peer);
            bars = bars.group(&name).bar("", peer.ratio.median, Some((peer.ratio.p10, peer.ratio.p90)));
        }
        if let Some(noise) = record.noise(place.0, place.1) {
            bars = bars.note(&format!("A/A strays by a factor of {noise:.3}"));
        }
        page = page.picture(&bars.picture());
    }
    page
}

fn curves(page: Page, record: &Record) -> Page {
    if record.rows.iter().all(|row| row.curve.is_empty()) {
        return page;
    }
    let page = page.section("Learning curves").paragraph(
        "The loss of the training that the accuracy is of, from the same first values: each point is the mean \
         over the steps since the point before. Our backends take the examples in one order and burn's rows in \
         another: ours lie on each other but for the last digits of sums, burn's beside them.",
    );
    let loss = match record.network.loss {
        Loss::CrossEntropy => "cross entropy (nats)",
        Loss::SquaredError => "mean squared error",
    };
    places(record).into_iter().fold(page, |page, place| {
        if at(record, place).all(|row| row.curve.is_empty()) {
            return page;
        }
        let trained = at(record, place).find(|row| !row.curve.is_empty()).map(|row| &*row.trained);
        let title = format!("{}: {}", told(place), trained.unwrap_or_default());
        let plot = Plot::new(&title).x("epoch").y(loss).log_y();
        let rows = at(record, place).filter(|row| !row.curve.is_empty());
        let plot = rows.fold(plot, |plot, row| {
            plot.line(&row.backend, row.curve.iter().map(|point| (point.epoch, point.loss)))
        });
        page.picture(&plot.picture())
    })
}

fn kernels(page: Page, record: &Record) -> Page {
    if record.profiles.is_empty() {
        return page;
    }
    let mut page = page.section("Roofline and kernels of the cpu executor").paragraph(
        "Ceilings are measured by this program in turn with the steps: matrix products in the first cache, and \
         bytes read or copied, whichever is faster, in each level of memory; each is one thread's times the number of threads. A kernel stands at \
         its operations for each byte beyond the blocks of the first cache, and at what it did of them in its \
         median time. Kernels that only move bytes, or that take less than half a percent of the step, are in the table \
         alone; where several lie together, the longest is named.",
    );
    for profile in &record.profiles {
        let place = (profile.batch, profile.threads);
        page = page.picture(&roofline(&told(place), profile).picture());
        let (step, sum) = (profile.step.median, profile.sum.median);
        page = page.paragraph(&format!(
            "{}: all kernels of a watched step take {} µs, a step that nobody watches {} µs.",
            told(place),
            number(sum * 1e6),
            number(step * 1e6)
        ));
        page = page.table(&HEAD, profile.kernels.iter().map(|line| kernel(line, sum)));
    }
    page
}

const HEAD: [&str; 8] =
    ["kernel", "measured (µs)", "p10–p90 (µs)", "share", "predicted (µs)", "GFLOP/s", "GB/s", "bound by"];

fn kernel(line: &Line, sum: f64) -> [String; 8] {
    let (us, none) = (|seconds: f64| number(seconds * 1e6), || "·".to_owned());
    let Line { measured, .. } = line;
    [
        cut(&line.name, 90),
        us(measured.median),
        format!("{}–{}", us(measured.p10), us(measured.p90)),
        format!("{:.1} %", 100.0 * measured.median / sum),
        us(line.predicted),
        line.gflops().map_or_else(none, number),
        line.gb_per_s().map_or_else(none, number),
        line.bound.clone(),
    ]
}

/// A name without its end, where that is far away.
fn cut(name: &str, most: usize) -> String {
    match name.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.trim_end().to_owned(),
    }
}

fn memory(page: Page, record: &Record) -> Page {
    if record.rows.iter().all(|row| row.peak_mib.is_none()) {
        return page;
    }
    let data = record.rows.iter().filter_map(|row| row.data_mib).max_by(f64::total_cmp);
    let page = page.section("Memory").paragraph(&format!(
        "The most that was resident of each row's own process{}.",
        data.map_or(String::new(), |mib| format!(
            "; {} MiB of ours and burn's are the program and the data",
            number(mib.round())
        ))
    ));
    places(record).into_iter().fold(page, |page, place| {
        let bars = Bars::new(&told(place)).value("peak (MiB)");
        let bars = at(record, place).fold(bars, |bars, row| match row.peak_mib {
            Some(mib) => bars.group(&row.backend).bar("", mib, None),
            None => bars,
        });
        page.picture(&bars.picture())
    })
}

fn rows(page: Page, record: &Record) -> Page {
    let head = [
        "backend",
        "batch",
        "threads",
        "step (ms)",
        "p10–p90 (ms)",
        "per s",
        "GFLOP/s",
        "÷ floor",
        "× burn",
        "compile (ms)",
        "peak (MiB)",
        "test",
        "rounds",
        "steps",
    ];
    let none = || "·".to_owned();
    let line = |row: &Row| {
        let tested = row.test_accuracy.map(|share| format!("{:.2} %", 100.0 * share));
        [
            row.backend.clone(),
            grouped(row.batch as f64),
            row.threads.to_string(),
            number(row.step_ms.median),
            format!("{}–{}", number(row.step_ms.p10), number(row.step_ms.p90)),
            grouped(row.images_per_s),
            number(row.gflops),
            row.floor_ratio.map_or_else(none, |ratio| format!("{ratio:.2}")),
            row.burn_ratio.map_or_else(none, |ratio| format!("{ratio:.2}")),
            row.compile_ms.map_or_else(none, number),
            row.peak_mib.map_or_else(none, |mib| number(mib.round())),
            tested.or_else(|| row.test_error.map(number)).unwrap_or_else(none),
            row.rounds.to_string(),
            row.steps.to_string(),
        ]
    };
    let page = page.section("All rows").table(&head, record.rows.iter().map(line));
    let controls = record.control.iter().map(|control| {
        let place = told((control.batch, control.threads));
        let ratio = control.ratio;
        [
            format!("{0} ÷ {0}", control.backend),
            place,
            format!("{:.3}", ratio.median),
            format!("{:.3}–{:.3}", ratio.p10, ratio.p90),
        ]
    });
    match record.control.is_empty() {
        true => page,
        false => page
            .paragraph("One row is measured twice, in two processes: how a ratio of equal things strays.")
            .table(&["A/A", "at", "median", "p10–p90"], controls),
    }
}

fn about(page: Page, record: &Record) -> Page {
    let Record { host, data, .. } = record;
    let flops = grouped(record.flops_per_image as f64);
    let lines = [
        ("machine", format!("{}, {} cores, {}, {}", host.cpu, host.cores, host.arch, host.os)),
        ("vectors", host.features.join(" ")),
        (
            "data",
            format!(
                "{}, {} to train, {} to test with",
                data.name,
                grouped(data.train as f64),
                grouped(data.test as f64)
            ),
        ),
        ("from", data.origin.clone()),
        (
            "work",
            format!("{flops} floating-point operations of matrix products per {}", record.network.example()),
        ),
        ("revision", record.revision.clone().unwrap_or_else(|| "unknown".into())),
        ("command", record.command.clone()),
        ("began", record.date.clone()),
        ("took", format!("{} s", number(record.seconds.round()))),
    ];
    let page =
        page.section("Machine and data").table(&["", ""], lines.map(|(name, text)| [name.to_owned(), text]));
    let mut notes: Vec<[String; 2]> = vec![];
    for peer in &record.peers {
        let line = [peer.peer.clone(), peer.note.clone().unwrap_or_else(|| "·".into())];
        if !notes.contains(&line) {
            notes.push(line);
        }
    }
    match notes.is_empty() {
        true => page,
        false => page.section("Peers").table(&["peer", "how it runs"], notes),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::record::tests::{sample, sample_peer};

    /// The text of a page, a line for each paragraph, heading, cell and line of a picture.
    fn words(html: &str) -> String {
        let body = html.split_once("<main>").and_then(|(_, rest)| rest.split_once("</main>"));
        let mut text = String::new();
        for (i, part) in body.unwrap().0.split(['<', '>']).enumerate() {
            match i % 2 == 0 {
                true if !part.trim().is_empty() => text += &format!("{} ", part.trim()),
                false if ["/p", "/h1", "/h2", "/tr", "/svg"].contains(&part) => {
                    text = format!("{}\n", text.trim_end());
                }
                _ => {}
            }
        }
        text
    }

    #[test]
    fn the_page_tells_all_that_the_record_knows() {
        let mut record = sample();
        record.peers = vec![sample_peer("jax", 1.7)];
        let html = page(&record).html();
        let shown = words(&html);
        let text: String =
            shown.lines().filter(|line| !line.contains("10⁻")).map(|line| format!("{line}\n")).collect();
        expect![[r#"
            The tutorial&#39;s perceptron 784-128-10 on fashion-mnist
            A CPU, 2 cores; revision 0123456789; 2026-01-31T12:34:56Z.
            Time of a training step
            A step goes a step. Rows take turns, round by round; a bar is the median over all steps of all rounds, its whiskers are the tenth and the ninetieth percentile. Axes are logarithmic.
            batch 64, 2 threads batch 64, 2 threads 0.2 0.25 0.3 0.35 0.4 time of a step (ms) cpu 0.18 burn-flex 0.36 products alone
            Against the floor
            A step&#39;s time over that of its matrix products alone, by the gemm crate on as many threads; round by round, then the median. 1 would be a step that does nothing else.
            batch 64, 2 threads batch 64, 2 threads 1 1.5 2 2.5 step ÷ floor cpu 1.125 burn-flex 2.25 floor
            Against others
            How many times as fast our row is: the other&#39;s time over ours, round by round, then the median; below 1, the other is the faster. A ratio no farther from 1 than the row measured twice (A/A) is not claimed.
            batch 64, 2 threads batch 64, 2 threads 1 1.5 2 times as fast cpu × the fastest of burn 2 cpu × jax 1.7 equal A/A strays by a factor of 1.030
            Learning curves
            The loss of the training that the accuracy is of, from the same first values: each point is the mean over the steps since the point before. Our backends take the examples in one order and burn&#39;s rows in another: ours lie on each other but for the last digits of sums, burn&#39;s beside them.
            batch 64, 2 threads: 10 epochs batch 64, 2 threads: 10 epochs cpu burn-flex 0.2 0.25 0.3 0.35 0.4 0.5 0.6 0.7 0.8 0.9 1 epoch cross entropy (nats)
            Roofline and kernels of the cpu executor
            Ceilings are measured by this program in turn with the steps: matrix products in the first cache, and bytes read or copied, whichever is faster, in each level of memory; each is one thread&#39;s times the number of threads. A kernel stands at its operations for each byte beyond the blocks of the first cache, and at what it did of them in its median time. Kernels that only move bytes, or that take less than half a percent of the step, are in the table alone; where several lie together, the longest is named.
            batch 64, 2 threads batch 64, 2 threads kernel 0.5 1 2 5 10 20 50 100 200 0.1 1 10 100 operations per byte (FLOP/B) speed (GFLOP/s) L1 200 GB/s L2 100 GB/s memory 20 GB/s products 160 GFLOP/s product [r, 784]·[784, 128]
            batch 64, 2 threads: all kernels of a watched step take 120 µs, a step that nobody watches 118 µs.
            kernel measured (µs) p10–p90 (µs) share predicted (µs) GFLOP/s GB/s bound by
            product    %4 [r, 784]·[784, 128] 100 90–120 83.3 % 100 130 4.5 multiply
            update     fc1.weight 20 18–24 16.7 % 20 · 40 multiply
            Memory
            The most that was resident of each row&#39;s own process; 60 MiB of ours and burn&#39;s are the program and the data.
            batch 64, 2 threads batch 64, 2 threads 0 20 40 60 80 peak (MiB) cpu 81.25 burn-flex 81.25
            All rows
            backend batch threads step (ms) p10–p90 (ms) per s GFLOP/s ÷ floor × burn compile (ms) peak (MiB) test rounds steps
            cpu 64 2 0.18 0.162–0.216 355,556 145.4 1.12 2.00 3.25 81 97.81 % 40 4000
            burn-flex 64 2 0.36 0.324–0.432 177,778 72.72 2.25 1.00 · 81 97.81 % 40 4000
            One row is measured twice, in two processes: how a ratio of equal things strays.
            A/A at median p10–p90
            cpu ÷ cpu batch 64, 2 threads 1.001 0.980–1.030
            Machine and data
            machine A CPU, 2 cores, x86_64, linux
            vectors avx2 avx512f
            data fashion-mnist, 60,000 to train, 10,000 to test with
            from a test
            work 409,088 floating-point operations of matrix products per image
            revision 0123456789abcdef
            command bench
            began 2026-01-31T12:34:56Z
            took 61 s
            Peers
            peer how it runs
            jax jax 1.0
        "#]].assert_eq(&text);
        assert_eq!(html.matches("<svg").count(), 6);
    }

    #[test]
    fn a_record_of_steps_alone_has_a_page() {
        let mut record = sample();
        record.profiles.clear();
        record.control.clear();
        record.floor.clear();
        for row in &mut record.rows {
            row.curve.clear();
            (row.peak_mib, row.floor_ratio_spread, row.burn_ratio, row.burn_ratio_spread) =
                (None, None, None, None);
        }
        let html = page(&record).html();
        assert!(!html.contains("Learning curves") && !html.contains("Roofline") && html.contains("All rows"));
    }

    #[test]
    fn names_from_a_record_are_no_markup() {
        let mut record = sample();
        record.rows[0].backend = "<script>alert(1)</script>".into();
        record.host.cpu = "<img src=x>".into();
        let html = page(&record).html();
        assert!(!html.contains("<script>alert") && !html.contains("<img"));
    }
}
