//! The relative error over the argument, as text.

use dl_report::Language;
use unicode_width::UnicodeWidthStr;

use super::sweep::{LEAST, Point, Sweep, number};

/// Columns.
const WIDTH: usize = 64;
/// Powers of ten on the way up, and one for what is not finite.
const FROM: i32 = -8;
const TO: i32 = 0;

/// The errors of the formula as it stands (`×`) and of what runs (`·`), a row for a power of ten.
pub(super) fn plot(sweep: &Sweep, language: Language) -> String {
    let mut points: Vec<&Point> = sweep.points.iter().filter(|p| p.counts()).collect();
    points.sort_by(|a, b| a.at.total_cmp(&b.at));
    let Some((first, last)) = points.first().zip(points.last()) else { return String::new() };
    let rows = (TO - FROM) as usize + 2;
    let mut drawn = vec![vec![' '; WIDTH]; rows];
    let each = points.len().div_ceil(WIDTH).max(1);
    for (column, some) in points.chunks(each).enumerate() {
        let mut mark = |error: f64, sign: char| {
            let row = if !error.is_finite() {
                rows - 1
            } else if error <= 10f64.powi(FROM) {
                0
            } else {
                (error.log10().round() as i32).clamp(FROM, TO).abs_diff(FROM) as usize
            };
            let cell = &mut drawn[row][column.min(WIDTH - 1)];
            *cell = if *cell == ' ' || *cell == sign { sign } else { '*' };
        };
        let worst = |of: fn(&Point) -> f64| {
            let error = |p: &&&Point| {
                let (value, right) = (of(p), p.right);
                if value == right { 0.0 } else { (value - right).abs() / right.abs().max(LEAST) }
            };
            let finite = some.iter().map(|p| error(&p)).map(|e| if e.is_nan() { f64::INFINITY } else { e });
            finite.fold(0.0, f64::max)
        };
        mark(worst(|p| p.naive), '×');
        mark(worst(|p| p.compiled), '·');
    }
    let legend = language.pick(
        "relative error: × as it stands, · what runs, * both",
        "相对误差：× 照原样，· 实际运行的，* 两者",
    );
    let mut text = format!("{legend}\n\n");
    for (row, cells) in drawn.iter().enumerate().rev() {
        let label = match row == rows - 1 {
            true => language.pick("not finite", "不是有限数").to_owned(),
            false => number(10f64.powi(FROM + row as i32)).replace("1·10", "10"),
        };
        let before = " ".repeat(10usize.saturating_sub(label.width()));
        let line: String = cells.iter().collect();
        text.push_str(&format!("{before}{label} │{}\n", line.trim_end()));
    }
    let (from, to) = (number(first.at), number(last.at));
    let gap = WIDTH.saturating_sub(from.chars().count() + to.chars().count());
    text.push_str(&format!("{:>10} └{}\n{:>12}{from}{}{to}\n", "", "─".repeat(WIDTH), "", " ".repeat(gap)));
    text
}
