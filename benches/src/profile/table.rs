//! The profile as a table for people, with what its columns mean.

use std::fmt::Write as _;

use dl_backends::Operation;
use unicode_width::UnicodeWidthStr;

use super::ceilings::{Ceiling, Ceilings};
use super::found::{Line, Profile};
use crate::stats::Spread;
use crate::table::{digits, grouped, wrapped};

/// Columns of a kernel's name.
const NAME: usize = 42;

/// A prediction that is so many times the measured time, or a part of it as small, is a good one.
const FACTOR: f64 = 2.0;

const HEAD: [[&str; 9]; 2] = [
    ["", "predicted", "measured", "measured", "", "", "GFLOP", "GB", ""],
    ["kernel", "µs", "µs", "p10–p90", "ratio", "share", "per s", "per s", "bound by"],
];

impl Line {
    /// Whether the prediction is good for one of the measured times.
    fn fits(&self, measured: f64) -> bool {
        (measured / self.predicted).max(self.predicted / measured) <= FACTOR
    }

    fn cells(&self, all: f64) -> [String; 9] {
        let seconds = self.measured.median;
        let rate = |rate: Option<f64>| rate.map_or("·".into(), digits);
        [
            shortened(&self.name),
            digits(self.predicted * 1e6),
            digits(seconds * 1e6),
            spread(&self.measured),
            ratio(seconds / self.predicted, self.fits(seconds)),
            format!("{:.1} %", 100.0 * seconds / all),
            rate(self.gflops()),
            rate(self.gb_per_s()),
            self.bound.clone(),
        ]
    }
}

/// What stands above a block.
pub(super) fn title(batch: usize, threads: usize) -> String {
    let batch = grouped(batch as f64);
    match threads {
        // On a device.
        0 => format!("batch {batch}"),
        1 => format!("batch {batch}, 1 thread"),
        threads => format!("batch {batch}, {threads} threads"),
    }
}

/// The whole text.
pub(super) fn text(head: &str, blocks: &[Profile]) -> String {
    let head_lines = HEAD.map(|line| line.map(str::to_owned));
    let lines: Vec<Vec<[String; 9]>> = blocks.iter().map(Profile::cells).collect();
    let mut widths = [0; 9];
    for line in head_lines.iter().chain(lines.iter().flatten()) {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = (*width).max(cell.width());
        }
    }
    let mut text = format!("\n{head}\n");
    head_lines.iter().for_each(|line| text += &aligned(line, &widths));
    for (block, lines) in blocks.iter().zip(&lines) {
        let _ = write!(text, "\n{}\n", title(block.batch, block.threads));
        lines.iter().for_each(|line| text += &aligned(line, &widths));
        let _ = write!(text, "  {}\n{}", within(&block.kernels), block.ceilings);
    }
    if blocks.len() > 1 {
        let all: Vec<&Line> = blocks.iter().flat_map(|block| &block.kernels).collect();
        let _ = write!(text, "\nall of these: {}\n", within(all));
    }
    text + &notes(blocks.iter().all(|block| block.threads == 0))
}

impl Profile {
    fn cells(&self) -> Vec<[String; 9]> {
        let all = self.sum.median;
        let mut cells: Vec<_> = self.kernels.iter().map(|line| line.cells(all)).collect();
        let predicted = self.kernels.iter().fold(0.0, |sum, line| sum + line.predicted);
        let total = |name: &str, predicted: &str, measured: &Spread, ratio: String| {
            let none = || "·".to_owned();
            let share = format!("{:.1} %", 100.0 * measured.median / all);
            let median = digits(measured.median * 1e6);
            [name.into(), predicted.into(), median, spread(measured), ratio, share, none(), none(), "".into()]
        };
        let quotient = |measured: f64| format!("{:.2}", measured / predicted);
        let predicted = digits(predicted * 1e6);
        cells.push(total("all kernels", &predicted, &self.sum, quotient(all)));
        cells.push(total("a step that nobody watches", "·", &self.step, quotient(self.step.median)));
        cells
    }
}

/// How many kernels are predicted well.
fn within<'l>(lines: impl IntoIterator<Item = &'l Line>) -> String {
    let (mut all, mut median, mut fast) = (0, 0, 0);
    for line in lines {
        all += 1;
        median += usize::from(line.fits(line.measured.median));
        fast += usize::from(line.fits(line.measured.p10));
    }
    format!(
        "{median} of {all} kernels within a factor of {FACTOR} by the median, {fast} by the tenth percentile"
    )
}

/// The ceilings of these operations as rates, a line for each kind.
pub(super) fn ceilings(ceilings: &Ceilings, operations: &[Operation]) -> String {
    let per_ns = |seconds: f64| if seconds > 0.0 { digits(1e-9 / seconds) } else { "·".into() };
    let products = (1..=ceilings.panel).map(|v| {
        let depth = ceilings.get(Ceiling::Depth(v)) / (v * ceilings.width) as f64;
        format!("multiply by {v}×{} {}", ceilings.width, per_ns(depth))
    });
    let handled =
        |o: &&Operation| matches!(o, Operation::Step | Operation::Body | Operation::Value | Operation::Wait);
    let element = |o: &Operation| (o.name(), ceilings.get(Ceiling::Element(*o)));
    let rates = operations.iter().filter(|o| !handled(o)).map(element).filter(|(_, s)| *s > 0.0);
    let rates = rates.map(|(name, seconds)| format!("{name} {}", per_ns(seconds)));
    let calls = operations.iter().filter(|o| !handled(o)).map(|o| ceilings.get(Ceiling::Call(*o)) * 1e9);
    let calls: Vec<f64> = calls.filter(|ns| *ns > 0.0).collect();
    let call = Spread::of(&calls).map_or(String::new(), |calls| format!("{:.0} ns", calls.median));
    let points = |ceiling: fn(usize) -> Ceiling| {
        let rate = |bytes: &usize| format!("{} {}", size(*bytes), per_ns(ceilings.get(ceiling(*bytes))));
        ceilings.points.iter().map(rate).collect::<Vec<_>>().join(", ")
    };
    let step = ceilings.get(Ceiling::Element(Operation::Step)) * 1e9;
    [
        ("", format!("G elements/s: {}", products.chain(rates).collect::<Vec<_>>().join(", "))),
        (
            "",
            format!(
                "a call {call}, a step by itself {step:.0} ns, the clock {:.0} ns",
                ceilings.get(Ceiling::Clock) * 1e9
            ),
        ),
        ("", format!("GB/s and thread, copying among {}", points(Ceiling::Copied))),
        ("", format!("GB/s and thread, reading among {}", points(Ceiling::Read))),
    ]
    .map(|(name, text)| wrapped(name, &text))
    .concat()
}

/// What the columns mean, on a device or on the processor.
fn notes(device: bool) -> String {
    let [kernel, predicted, measured, amounts, bound] = if device { DEVICE } else { PROCESSOR };
    let notes = [
        ("kernel", kernel),
        ("predicted", predicted),
        ("measured", measured),
        ("ratio", "measured ÷ predicted; ! where it is beyond a factor of 2 either way."),
        ("GFLOP, GB", amounts),
        ("bound by", bound),
    ];
    format!("\n{}", notes.map(|(name, text)| wrapped(name, text)).concat())
}

/// Of kernel, predicted, measured, GFLOP and GB, bound by.
const PROCESSOR: [&str; 5] = [
    "a piece of the step, as the executor's listing names it; `around` is what no piece is.",
    "operations at the machine's ceilings plus bytes at the speed of what holds them plus first calls; the ceilings are \
     this program's, measured in turn with the steps.",
    "the median over watched steps; where threads share a kernel, the mean of a thread.",
    "operations, and bytes beyond the blocks of the first cache, by the measured time.",
    "the largest part of the prediction: an operation, `calls` of vector kernels, `first calls` whose code and data \
     something else has pushed out of the caches, or the level of memory that the bytes come from. `step`, `body` and \
     `values` are the handling of what runs by itself.",
];

const DEVICE: [&str; 5] = [
    "a launch of the step, as the executor's listing names it; one in a loop is all of its turns.",
    "a launch, and the longer of two: operations at the rate of a large product, bytes at that of a large copy. These \
     are this program's, measured in turn with the steps, the best of all.",
    "the median over watched steps, by the device's clock where it has one.",
    "operations, and bytes of all that it is bound to, by the measured time.",
    "the largest part of the prediction.",
];

fn ratio(ratio: f64, fits: bool) -> String {
    format!("{}{ratio:.2}", if fits { "" } else { "!" })
}

fn spread(seconds: &Spread) -> String {
    format!("{}–{}", digits(seconds.p10 * 1e6), digits(seconds.p90 * 1e6))
}

fn size(bytes: usize) -> String {
    match bytes {
        b if b >= 1 << 20 => format!("{} MiB", b >> 20),
        b => format!("{} KiB", b >> 10),
    }
}

/// A name without its end, where that is far away.
fn shortened(name: &str) -> String {
    match name.char_indices().nth(NAME) {
        Some((end, _)) => format!("{}…", &name[..end]),
        None => name.to_owned(),
    }
}

/// Names and bounds to the left, numbers to the right.
fn aligned(cells: &[String; 9], widths: &[usize; 9]) -> String {
    let mut line = String::new();
    for (i, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let blanks = " ".repeat(width - cell.width());
        match i {
            0 | 8 => line += &format!("  {cell}{blanks}"),
            _ => line += &format!("  {blanks}{cell}"),
        }
    }
    format!("{}\n", line.trim_end())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::found::Roof;
    use super::*;

    fn line(name: &str, predicted: f64, median: f64) -> Line {
        let measured = Spread { median: median * 1e-6, p10: 0.9 * median * 1e-6, p90: 1.25 * median * 1e-6 };
        let (predicted, bound) = (predicted * 1e-6, "multiply".to_owned());
        Line { name: name.into(), predicted, bound, measured, flops: 2_000_000, bytes: 0 }
    }

    fn block(threads: usize) -> Profile {
        let kernels = vec![
            line("product    %4 [r, 784]·[784, 128]", 100.0, 120.0),
            line("group      %13=add %17=eq %18=select %19=add %20=reduce_max  204 rows", 10.0, 21.0),
            line("update     w ← w - 0.01·%58", 4.0, 1.0),
        ];
        let all = |median: f64| Spread { median: median * 1e-6, p10: 140e-6, p90: 150e-6 };
        let ceilings = "           a call 9 ns\n".into();
        Profile {
            batch: 60_000,
            threads,
            kernels,
            sum: all(142.0),
            step: all(141.0),
            roof: Roof::default(),
            ceilings,
        }
    }

    #[test]
    fn kernels_stand_beside_what_was_predicted() {
        let text = text("A step of a model.\n", &[block(1), block(2)]);
        let (table, _) = text.split_once("\nkernel     a piece").unwrap();
        expect![[r#"

            A step of a model.

                                                           predicted  measured    measured                  GFLOP     GB
              kernel                                              µs        µs     p10–p90  ratio    share  per s  per s  bound by

            batch 60,000, 1 thread
              product    %4 [r, 784]·[784, 128]                  100       120     108–150   1.20   84.5 %   16.7      ·  multiply
              group      %13=add %17=eq %18=select %19=a…       10.0      21.0   18.9–26.2  !2.10   14.8 %   95.2      ·  multiply
              update     w ← w - 0.01·%58                       4.00      1.00  0.900–1.25  !0.25    0.7 %   2000      ·  multiply
              all kernels                                        114       142     140–150   1.25  100.0 %      ·      ·
              a step that nobody watches                           ·       141     140–150   1.24   99.3 %      ·      ·
              1 of 3 kernels within a factor of 2 by the median, 2 by the tenth percentile
                       a call 9 ns

            batch 60,000, 2 threads
              product    %4 [r, 784]·[784, 128]                  100       120     108–150   1.20   84.5 %   16.7      ·  multiply
              group      %13=add %17=eq %18=select %19=a…       10.0      21.0   18.9–26.2  !2.10   14.8 %   95.2      ·  multiply
              update     w ← w - 0.01·%58                       4.00      1.00  0.900–1.25  !0.25    0.7 %   2000      ·  multiply
              all kernels                                        114       142     140–150   1.25  100.0 %      ·      ·
              a step that nobody watches                           ·       141     140–150   1.24   99.3 %      ·      ·
              1 of 3 kernels within a factor of 2 by the median, 2 by the tenth percentile
                       a call 9 ns

            all of these: 2 of 6 kernels within a factor of 2 by the median, 4 by the tenth percentile
        "#]]
        .assert_eq(table);
    }

    #[test]
    fn ceilings_are_rates() {
        let exp = Operation::Unary(dl_core::ops::Unary::Exp);
        let mut known =
            Ceilings { width: 16, panel: 1, points: vec![1 << 14, 1 << 21], ..Ceilings::default() };
        let found = [
            (Ceiling::Depth(1), 0.5e-9),
            (Ceiling::Element(exp), 0.25e-9),
            (Ceiling::Call(exp), 9e-9),
            (Ceiling::Copied(1 << 14), 0.01e-9),
            (Ceiling::Copied(1 << 21), 0.1e-9),
        ];
        found.into_iter().for_each(|(ceiling, seconds)| known.add(ceiling, seconds));
        expect![[r#"
            ceilings
                       G elements/s: multiply by 1×16 32.0, exp 4.00
                       a call 9 ns, a step by itself 0 ns, the clock 0 ns
                       GB/s and thread, copying among 16 KiB 100, 2 MiB 10.0
                       GB/s and thread, reading among 16 KiB ·, 2 MiB ·
        "#]]
        .assert_eq(&format!("ceilings\n{}", ceilings(&known, &[exp, Operation::Step])));
    }
}
