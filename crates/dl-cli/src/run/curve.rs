//! Curves over the rounds of a training, as text.

use super::train::{Unit, number};
use dl_report::Language;

/// Columns and rows of the picture.
const WIDTH: usize = 64;
const HEIGHT: usize = 12;

/// A curve: what it is, its sign, and its values by round.
pub(super) struct Curve<'a> {
    pub name: &'a str,
    pub sign: char,
    pub points: Vec<(f64, f64)>,
}

/// Draws curves over common axes; an empty text if there is nothing to draw.
pub(super) fn curves(curves: &[Curve<'_>], rounds: Unit, language: Language) -> String {
    let finite = |p: &&(f64, f64)| p.1.is_finite();
    let all: Vec<(f64, f64)> =
        curves.iter().flat_map(|curve| curve.points.iter().filter(finite)).copied().collect();
    let ends = |of: fn(&(f64, f64)) -> f64| {
        let values = all.iter().map(of);
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
    };
    let ((left, right), (low, high)) = (ends(|p| p.0), ends(|p| p.1));
    if all.len() < 2 || left == right {
        return String::new();
    }
    // Where values span powers of ten, these are what the eye wants.
    let is_log = low > 0.0 && high / low > 30.0;
    let height = |value: f64| if is_log { value.ln() } else { value };
    let (bottom, top) = (height(low), height(high));
    let mut drawn = vec![vec![' '; WIDTH]; HEIGHT];
    for curve in curves {
        for (x, value) in curve.points.iter().filter(finite) {
            let column = ((x - left) / (right - left) * (WIDTH - 1) as f64).round() as usize;
            let share = if top > bottom { (height(*value) - bottom) / (top - bottom) } else { 0.5 };
            let row = ((1.0 - share) * (HEIGHT - 1) as f64).round() as usize;
            let cell = &mut drawn[row.min(HEIGHT - 1)][column.min(WIDTH - 1)];
            *cell = if *cell == ' ' || *cell == curve.sign { curve.sign } else { '*' };
        }
    }
    let legend: Vec<String> = curves.iter().map(|curve| format!("{} {}", curve.sign, curve.name)).collect();
    let both = if curves.len() > 1 { language.pick(", * both", ", * 两者") } else { "" };
    let scale = if is_log {
        language.pick(" (each step up is a factor)", "（每向上一格乘以同一倍数）")
    } else {
        ""
    };
    let mut text = format!("{}{both}{scale}\n\n", legend.join(", "));
    for (row, cells) in drawn.iter().enumerate() {
        let label = match row {
            0 => number(high),
            row if row == HEIGHT - 1 => number(low),
            _ => String::new(),
        };
        let line: String = cells.iter().collect();
        text.push_str(&format!("{label:>10} │{}\n", line.trim_end()));
    }
    let (from, to) = (number(left), format!("{} {}", number(right), rounds.many(language)));
    let gap = WIDTH.saturating_sub(from.chars().count() + to.chars().count());
    text.push_str(&format!("{:>10} └{}\n{:>12}{from}{}{to}\n", "", "─".repeat(WIDTH), "", " ".repeat(gap)));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn two_curves_over_one_axis() {
        let falling = |factor: f64| (1..=40).map(|i| (f64::from(i), factor * 0.8f64.powi(i))).collect();
        let pair = [
            Curve { name: "J", sign: '·', points: falling(1.0) },
            Curve { name: "test J", sign: '×', points: falling(3.0) },
        ];
        expect![[r#"
            · J, × test J, * both (each step up is a factor)

                   2.4 │× ×
                       │· ·× ×× ×
                       │   · ·· · ×× × ×
                       │          ·· · ·× ×× ×
                       │                · ·· · ×× ××
                       │                       ·· ·· × ×× ×
                       │                             · ·· · ×× ××
                       │                                    ·· ·· × ×× ×
                       │                                          · ·· ·× × ××
                       │                                                · · ·· × ×× ×
                       │                                                       · ·· ·× ×
              1.329e-4 │                                                             · ·
                       └────────────────────────────────────────────────────────────────
                        1                                                      40 epochs
        "#]]
        .assert_eq(&curves(&pair, Unit::Epoch, Language::English));
    }

    #[test]
    fn what_cannot_be_drawn_is_left_out() {
        let one = |points| [Curve { name: "J", sign: '·', points }];
        assert_eq!(curves(&one(vec![]), Unit::Step, Language::English), "");
        assert_eq!(curves(&one(vec![(1.0, 2.0)]), Unit::Step, Language::English), "");
        assert_eq!(
            curves(&one(vec![(1.0, f64::NAN), (2.0, f64::INFINITY)]), Unit::Step, Language::English),
            ""
        );
        assert!(curves(&one(vec![(1.0, 2.0), (2.0, 2.0)]), Unit::Step, Language::English).contains('·'));
        assert!(
            curves(&one(vec![(1.0, -f64::MAX), (2.0, f64::MAX)]), Unit::Step, Language::English)
                .contains('·')
        );
    }
}
