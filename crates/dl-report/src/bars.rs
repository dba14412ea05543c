//! Bars: one for each name, with the spread of what was measured.

use crate::axis::{Axis, shows, widest};
use crate::palette::Colour;
use crate::picture::{Canvas, FONT, Look, PLAIN, Picture, Side, TICK, draw};
use crate::plot::{empty, foot, heading};
use crate::text::{cut, number, width};

/// How high a bar is, in pixels.
const BAR: f64 = 18.0;
/// More bars are left out, and the picture says so.
const MOST_BARS: usize = 400;

/// Horizontal bars, grouped by name, one of each series in a group, with whiskers and the value at the end.
///
/// ```
/// use dl_report::Bars;
///
/// let picture = Bars::new("Time of a step").value("time (µs)")
///     .group("cpu").bar("batch 64", 12.5, Some((12.1, 13.0)))
///     .group("ndarray").bar("batch 64", 80.0, None)
///     .picture();
/// assert!(picture.svg().contains("ndarray"));
/// ```
#[derive(Clone, Debug)]
pub struct Bars {
    title: String,
    value: String,
    log: bool,
    width: u32,
    groups: Vec<(String, Vec<Bar>)>,
    series: Vec<String>,
    notes: Vec<String>,
    reference: Option<(String, f64)>,
}

#[derive(Clone, Debug)]
struct Bar {
    series: usize,
    value: f64,
    spread: Option<(f64, f64)>,
}

impl Bars {
    /// No bars yet.
    pub fn new(title: &str) -> Bars {
        Bars {
            title: title.to_owned(),
            value: String::new(),
            log: false,
            width: 560,
            groups: Vec::new(),
            series: Vec::new(),
            notes: Vec::new(),
            reference: None,
        }
    }

    /// The title of the values' axis, with the unit.
    pub fn value(mut self, title: &str) -> Bars {
        self.value = title.to_owned();
        self
    }

    /// The values' axis is logarithmic: for values that lie factors apart. Bars then begin at its low end, and only
    /// their ends have a meaning.
    pub fn log(mut self) -> Bars {
        self.log = true;
        self
    }

    /// Another width than 560 pixels; at least 240. The height is what the bars need.
    pub fn width(mut self, width: u32) -> Bars {
        self.width = width.clamp(240, 4000);
        self
    }

    /// Begins a group, to which the bars that follow belong.
    pub fn group(mut self, name: &str) -> Bars {
        self.groups.push((name.to_owned(), Vec::new()));
        self
    }

    /// A bar of a series, with the low and high end of its spread. Without a group it begins one without a name.
    pub fn bar(mut self, series: &str, value: f64, spread: Option<(f64, f64)>) -> Bars {
        let place = self.series.iter().position(|name| name == series).unwrap_or_else(|| {
            self.series.push(series.to_owned());
            self.series.len() - 1
        });
        if self.groups.is_empty() {
            self = self.group("");
        }
        if let Some((_, bars)) = self.groups.last_mut() {
            bars.push(Bar { series: place, value, spread });
        }
        self
    }

    /// A dashed line across all bars, such as the floor that none can be below.
    pub fn reference(mut self, name: &str, value: f64) -> Bars {
        self.reference = Some((name.to_owned(), value));
        self
    }

    /// A line of text below the bars.
    pub fn note(mut self, text: &str) -> Bars {
        self.notes.push(text.to_owned());
        self
    }

    /// The picture.
    pub fn picture(&self) -> Picture {
        let mut notes = self.notes.clone();
        let mut left = MOST_BARS;
        let rows = self.groups.iter().map(|(name, bars)| {
            let taken = bars.len().min(left);
            left -= taken;
            (name.as_str(), bars.get(..taken).unwrap_or(&[]))
        });
        let rows: Vec<(&str, &[Bar])> = rows.filter(|(_, bars)| !bars.is_empty()).collect();
        let all = || self.groups.iter().flat_map(|(_, bars)| bars);
        if all().count() > MOST_BARS {
            notes.push(format!("the first {MOST_BARS} of {} bars", number(all().count() as f64)));
        }
        let spreads = rows.iter().flat_map(|(_, bars)| *bars);
        let values = spreads.flat_map(|bar| {
            let (low, high) = bar.spread.unwrap_or((bar.value, bar.value));
            [bar.value, low, high]
        });
        let values = values.chain(self.reference.as_ref().map(|(_, value)| *value));
        let values: Vec<f64> = values.filter(|value| shows(*value, self.log)).collect();
        let zero = (!self.log && !values.is_empty()).then_some(0.0);
        let axis = Axis::of(values.iter().copied().chain(zero), self.log);
        let w = f64::from(self.width);
        let height: f64 = rows.iter().map(|(_, bars)| bars.len() as f64 * BAR + 10.0).sum();
        let legend: Vec<(usize, &str)> = self.series.iter().map(String::as_str).enumerate().collect();
        let legend = if legend.len() > 1 { &legend[..] } else { &[] };
        let top = legend_height(legend, w) + if self.reference.is_some() { 16.0 } else { 0.0 };
        let h = top + height.max(40.0) + 44.0 + 17.0 * notes.len() as f64;
        draw(&self.title, w, h, |canvas| {
            let Some(axis) = axis else { return empty(canvas, &self.title, (w, h), &notes) };
            heading(canvas, &self.title, legend, w);
            self.draw(canvas, &rows, &axis.with_room(0.02), (top, top + height));
            foot(canvas, &notes, (w, h));
        })
    }

    fn draw(&self, canvas: &Canvas<'_>, rows: &[(&str, &[Bar])], axis: &Axis, (top, bottom): (f64, f64)) {
        let w = f64::from(self.width);
        let names = rows.iter().map(|(name, _)| width(name) * FONT).fold(0.0, f64::max);
        let left = names.min(w * 0.4) + 20.0;
        // Room for the value behind the longest bar.
        let right = w - 70.0;
        let x = |value: f64| left + axis.place(value) * (right - left);
        let mut ticks = axis.ticks(6);
        while ticks.len() > 2 && (widest(&ticks) * TICK.size + 10.0) * ticks.len() as f64 > right - left {
            ticks = ticks.into_iter().step_by(2).collect();
        }
        for (value, text) in ticks {
            canvas.line(&[(x(value), top), (x(value), bottom)], Colour::Line, 1.0);
            canvas.text(&text, (x(value), bottom + 12.0), Side::Middle, TICK);
        }
        canvas.text(&self.value, (f64::midpoint(left, right), bottom + 30.0), Side::Middle, PLAIN);
        let start = if self.log { left } else { x(0.0) };
        let mut y = top + 5.0;
        for (name, bars) in rows {
            let middle = y + bars.len() as f64 * BAR / 2.0;
            canvas.text(&cut(name, (left - 18.0) / FONT), (left - 8.0, middle), Side::End, PLAIN);
            for bar in *bars {
                self.draw_bar(canvas, bar, (start, y), x);
                y += BAR;
            }
            y += 10.0;
        }
        canvas.line(&[(start, top), (start, bottom)], Colour::Soft, 1.0);
        if let Some((name, value)) = self.reference.as_ref().filter(|(_, value)| shows(*value, self.log)) {
            canvas.dashes(&[(x(*value), top), (x(*value), bottom)], Colour::Ink, 1.2);
            let side = if x(*value) > f64::midpoint(left, right) { Side::End } else { Side::Start };
            canvas.text(name, (x(*value), top - 9.0), side, TICK);
        }
    }

    fn draw_bar(&self, canvas: &Canvas<'_>, bar: &Bar, (start, y): (f64, f64), x: impl Fn(f64) -> f64) {
        let look = Look { colour: Colour::Ink, ..TICK };
        let middle = y + BAR / 2.0;
        if !shows(bar.value, self.log) {
            return canvas.text(
                &format!("{} (not drawn)", number(bar.value)),
                (start + 6.0, middle),
                Side::Start,
                look,
            );
        }
        let end = x(bar.value);
        canvas.rectangle(
            (start.min(end), y + 2.0),
            (start.max(end).max(start.min(end) + 1.0), y + BAR - 2.0),
            Colour::Series(bar.series),
            1.0,
        );
        let mut beyond = end.max(start);
        let spread = bar.spread.filter(|(low, high)| shows(*low, self.log) && shows(*high, self.log));
        if let Some((low, high)) = spread {
            let (low, high) = (x(low.min(high)), x(low.max(high)));
            canvas.line(&[(low, middle), (high, middle)], Colour::Ink, 1.2);
            for end in [low, high] {
                canvas.line(&[(end, middle - 4.0), (end, middle + 4.0)], Colour::Ink, 1.2);
            }
            beyond = beyond.max(high);
        }
        canvas.text(&number(bar.value), (beyond + 6.0, middle), Side::Start, look);
    }
}

/// Where a heading with this legend ends: as `heading` lays it out.
fn legend_height(legend: &[(usize, &str)], w: f64) -> f64 {
    let mut height = 36.0;
    draw("", w, 100.0, |canvas| height = heading(canvas, "", legend, w));
    height
}
