//! Plots: lines, points, bands and references over two axes.

use crate::axis::{Axis, shows, widest};
use crate::palette::Colour;
use crate::picture::{Canvas, FONT, Look, PLAIN, Picture, Point, Side, TICK, TITLE, draw};
use crate::text::{cut, number, width};

/// Of longer lines, the lowest and highest of each stretch are drawn.
const MOST_POINTS: usize = 1200;
/// Lines with fewer points have a mark at each.
const MARKED: usize = 40;

/// Lines and points over two axes, with a legend; linear or logarithmic.
///
/// Values that an axis has no place for (not finite, or not above 0 on a logarithmic one) are left out, and the
/// picture says how many; a line is broken there.
///
/// ```
/// use dl_report::Plot;
///
/// let picture = Plot::new("Loss").x("epoch").y("J").log_y()
///     .line("train", [(1.0, 0.9), (2.0, 0.31), (3.0, 0.12)])
///     .line("validation", [(1.0, 0.8), (2.0, 0.4), (3.0, f64::NAN)])
///     .picture();
/// assert!(picture.svg().contains("1 value left out"));
/// ```
#[derive(Clone, Debug)]
pub struct Plot {
    title: String,
    x: Described,
    y: Described,
    series: Vec<Series>,
    notes: Vec<String>,
    size: (u32, u32),
}

/// An axis as it is asked for.
#[derive(Clone, Debug, Default)]
struct Described {
    title: String,
    log: bool,
    from_zero: bool,
}

#[derive(Clone, Debug)]
struct Series {
    name: String,
    points: Vec<(f64, f64)>,
    /// Low and high ends around the line.
    band: Vec<(f64, f64, f64)>,
    /// Text beside points, by their places; empty without.
    labels: Vec<String>,
    kind: Kind,
    /// Which colour and mark, for all but references.
    place: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Line,
    Points,
    Reference,
    /// The area below, as of a histogram.
    Area,
}

impl Plot {
    /// A plot without anything on it.
    pub fn new(title: &str) -> Plot {
        Plot {
            title: title.to_owned(),
            x: Described::default(),
            y: Described::default(),
            series: Vec::new(),
            notes: Vec::new(),
            size: (560, 340),
        }
    }

    /// The title of the horizontal axis, with the unit.
    pub fn x(mut self, title: &str) -> Plot {
        self.x.title = title.to_owned();
        self
    }

    /// The title of the vertical axis, with the unit.
    pub fn y(mut self, title: &str) -> Plot {
        self.y.title = title.to_owned();
        self
    }

    /// The horizontal axis is logarithmic.
    pub fn log_x(mut self) -> Plot {
        self.x.log = true;
        self
    }

    /// The vertical axis is logarithmic.
    pub fn log_y(mut self) -> Plot {
        self.y.log = true;
        self
    }

    /// The vertical axis has its 0, where it is linear.
    pub fn from_zero(mut self) -> Plot {
        self.y.from_zero = true;
        self
    }

    /// Another size than 560 × 340 pixels; at least 240 × 160.
    pub fn size(mut self, width: u32, height: u32) -> Plot {
        self.size = (width.clamp(240, 4000), height.clamp(160, 4000));
        self
    }

    /// A line through points, in the given order. One without points has its colour, so that those after it have
    /// theirs, but stands nowhere.
    pub fn line(self, name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Plot {
        self.series(name, points.into_iter().collect(), Vec::new(), Kind::Line)
    }

    /// A band `(x, low, high)` around the last line: its spread. Without a line it does nothing.
    pub fn band(mut self, band: impl IntoIterator<Item = (f64, f64, f64)>) -> Plot {
        if let Some(last) = self.series.last_mut() {
            last.band = band.into_iter().collect();
        }
        self
    }

    /// Points by themselves.
    pub fn points(self, name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Plot {
        self.series(name, points.into_iter().collect(), Vec::new(), Kind::Points)
    }

    /// Points with a text beside each; an empty one is none.
    pub fn labelled<'a>(self, name: &str, points: impl IntoIterator<Item = (f64, f64, &'a str)>) -> Plot {
        let (points, labels) = points.into_iter().map(|(x, y, text)| ((x, y), text.to_owned())).unzip();
        self.series(name, points, labels, Kind::Points)
    }

    /// A dashed line that others are compared with, such as the roof of a roofline; its name stands at its end.
    pub fn reference(self, name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Plot {
        self.series(name, points.into_iter().collect(), Vec::new(), Kind::Reference)
    }

    /// The area below a line, down to 0.
    pub(crate) fn area(self, name: &str, points: Vec<(f64, f64)>) -> Plot {
        self.series(name, points, Vec::new(), Kind::Area)
    }

    /// A line of text below the plot.
    pub fn note(mut self, text: &str) -> Plot {
        self.notes.push(text.to_owned());
        self
    }

    fn series(mut self, name: &str, points: Vec<(f64, f64)>, labels: Vec<String>, kind: Kind) -> Plot {
        let place = self.series.iter().filter(|series| series.kind != Kind::Reference).count();
        let (name, band) = (name.to_owned(), Vec::new());
        self.series.push(Series { name, points, band, labels, kind, place });
        self
    }

    /// What an axis can show of a point.
    fn shows(&self, (x, y): (f64, f64)) -> bool {
        shows(x, self.x.log) && shows(y, self.y.log)
    }

    /// The picture.
    pub fn picture(&self) -> Picture {
        let (w, h) = (f64::from(self.size.0), f64::from(self.size.1));
        let all = || self.series.iter().flat_map(|series| series.points.iter().copied());
        let left_out = all().filter(|point| !self.shows(*point)).count();
        let mut notes = self.notes.clone();
        if left_out > 0 {
            let why = if self.x.log || self.y.log { "not finite or not above 0" } else { "not finite" };
            let values = if left_out == 1 { "value" } else { "values" };
            notes.push(format!("{} {values} left out: {why}", number(left_out as f64)));
        }
        let shown: Vec<(f64, f64)> = all().filter(|point| self.shows(*point)).collect();
        let bands = self.series.iter().flat_map(|series| &series.band);
        let bands = bands.flat_map(|(x, low, high)| [(*x, *low), (*x, *high)]);
        let ends: Vec<(f64, f64)> =
            bands.filter(|point| self.shows(*point)).chain(shown.iter().copied()).collect();
        let zero = (self.y.from_zero && !self.y.log).then_some(0.0);
        let x = Axis::of(ends.iter().map(|point| point.0), self.x.log);
        let y = Axis::of(ends.iter().map(|point| point.1).chain(zero), self.y.log);
        draw(&self.title, w, h, |canvas| {
            let (Some(x), Some(y), false) = (x, y, shown.is_empty()) else {
                return empty(canvas, &self.title, (w, h), &notes);
            };
            let room = if self.series.iter().any(|series| series.kind == Kind::Area) { 0.0 } else { 0.03 };
            // The name of a level reference stands above it.
            let above = if self.series.iter().any(|s| s.kind == Kind::Reference) { 0.09 } else { 0.04 };
            let (x, y) = (x.with_room(room), y.with_room(above));
            let top = heading(canvas, &self.title, &self.legend(), w);
            let mut frame = Frame::new(&x, &y, top, (w, h), &notes, (&self.x.title, &self.y.title));
            frame.whole = ends.iter().all(|point| point.0.fract() == 0.0);
            frame.draw(canvas, &notes);
            for series in &self.series {
                self.draw_series(canvas, &frame, series);
            }
        })
    }

    /// What the legend says: the names of series that have points.
    fn legend(&self) -> Vec<(usize, &str)> {
        let named = self.series.iter().filter(|series| series.kind != Kind::Reference);
        let named = named.filter(|series| !series.points.is_empty());
        named.filter(|series| !series.name.is_empty()).map(|series| (series.place, &*series.name)).collect()
    }

    fn draw_series(&self, canvas: &Canvas<'_>, frame: &Frame<'_>, series: &Series) {
        let colour = Colour::Series(series.place);
        let band = series.band.iter().filter(|(x, low, high)| {
            shows(*x, self.x.log) && shows(*low, self.y.log) && shows(*high, self.y.log)
        });
        let band: Vec<&(f64, f64, f64)> = band.collect();
        if band.len() > 1 {
            let band = thinned_band(&band);
            let above = band.iter().map(|(x, _, high)| frame.at((*x, *high)));
            let below = band.iter().rev().map(|(x, low, _)| frame.at((*x, *low)));
            canvas.area(&above.chain(below).collect::<Vec<Point>>(), colour, 0.2);
        }
        match series.kind {
            Kind::Line | Kind::Area | Kind::Reference => {
                for run in series.points.split(|point| !self.shows(*point)) {
                    let points: Vec<Point> = thinned(run).into_iter().map(|point| frame.at(point)).collect();
                    self.draw_run(canvas, frame, series, &points);
                }
                if series.kind == Kind::Reference {
                    self.name_reference(canvas, frame, series);
                }
            }
            Kind::Points => {
                let shown: Vec<usize> =
                    (0..series.points.len()).filter(|k| self.shows(series.points[*k])).collect();
                let stride = shown.len().div_ceil(MOST_POINTS).max(1);
                for place in shown.into_iter().step_by(stride) {
                    let point = frame.at(series.points[place]);
                    canvas.marker(point, series.place, 4.0);
                    if let Some(label) = series.labels.get(place).filter(|label| !label.is_empty()) {
                        frame.label(canvas, point, label);
                    }
                }
            }
        }
    }

    fn draw_run(&self, canvas: &Canvas<'_>, frame: &Frame<'_>, series: &Series, points: &[Point]) {
        let colour = Colour::Series(series.place);
        let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
        match series.kind {
            Kind::Reference => return canvas.dashes(points, Colour::Soft, 1.2),
            Kind::Area => {
                let corners = [&[(first.0, frame.bottom)], points, &[(last.0, frame.bottom)]].concat();
                canvas.area(&corners, colour, 0.25);
                return canvas.line(&corners, colour, 1.2);
            }
            _ => canvas.line(points, colour, 1.8),
        }
        if series.points.len() <= MARKED || points.len() == 1 {
            points.iter().for_each(|point| canvas.marker(*point, series.place, 3.0));
        }
    }

    /// The name of a reference above it: at the end of a level one, at the middle of one that rises or falls.
    fn name_reference(&self, canvas: &Canvas<'_>, frame: &Frame<'_>, series: &Series) {
        let shown = series.points.iter().filter(|point| self.shows(**point)).map(|point| frame.at(*point));
        let shown: Vec<Point> = shown.collect();
        let (Some(first), Some(last)) = (shown.first(), shown.last()) else { return };
        let (left, right) = if first.0 <= last.0 { (first, last) } else { (last, first) };
        let middle = (f64::midpoint(left.0, right.0), f64::midpoint(left.1, right.1));
        let ((x, y), side) = if (left.1 - right.1).abs() < 8.0 {
            (*right, Side::End)
        } else if left.1 > right.1 {
            ((middle.0 - 6.0, middle.1), Side::End)
        } else {
            ((middle.0 + 6.0, middle.1), Side::Start)
        };
        let name = cut(&series.name, (frame.right - frame.left) / TICK.size);
        canvas.text(&name, (x, (y - 8.0).max(frame.top + 7.0)), side, TICK);
    }
}

/// The rectangle between the axes.
struct Frame<'a> {
    x: &'a Axis,
    y: &'a Axis,
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    size: (f64, f64),
    titles: (&'a str, &'a str),
    /// Numbers between whole ones mean nothing on the horizontal axis, as between epochs.
    whole: bool,
}

impl<'a> Frame<'a> {
    fn new(
        x: &'a Axis,
        y: &'a Axis,
        top: f64,
        size: (f64, f64),
        notes: &[String],
        titles: (&'a str, &'a str),
    ) -> Frame<'a> {
        let bottom =
            size.1 - 22.0 - (if titles.0.is_empty() { 4.0 } else { 20.0 }) - 17.0 * notes.len() as f64;
        let left = widest(&y.ticks(ticks_along(bottom - top, 34.0))) * TICK.size;
        let left = left + 12.0 + if titles.1.is_empty() { 4.0 } else { 22.0 };
        Frame {
            x,
            y,
            left,
            right: size.0 - 16.0,
            top,
            bottom: bottom.max(top + 20.0),
            size,
            titles,
            whole: false,
        }
    }

    fn at(&self, (x, y): (f64, f64)) -> Point {
        (
            self.left + self.x.place(x) * (self.right - self.left),
            self.bottom - self.y.place(y) * (self.bottom - self.top),
        )
    }

    fn draw(&self, canvas: &Canvas<'_>, notes: &[String]) {
        let middle = f64::midpoint(self.top, self.bottom);
        for (value, text) in self.y.ticks(ticks_along(self.bottom - self.top, 34.0)) {
            let y = self.bottom - self.y.place(value) * (self.bottom - self.top);
            canvas.line(&[(self.left, y), (self.right, y)], Colour::Line, 1.0);
            canvas.text(&text, (self.left - 7.0, y), Side::End, TICK);
        }
        // As many numbers as stand beside one another.
        let width = self.right - self.left;
        let mut ticks = self.x.ticks(ticks_along(width, 60.0));
        if self.whole {
            ticks.retain(|(value, _)| value.fract() == 0.0);
        }
        while ticks.len() > 2 && (widest(&ticks) * TICK.size + 10.0) * ticks.len() as f64 > width {
            ticks = ticks.into_iter().step_by(2).collect();
        }
        for (value, text) in ticks {
            let x = self.left + self.x.place(value) * width;
            canvas.line(&[(x, self.top), (x, self.bottom)], Colour::Line, 1.0);
            canvas.text(&text, (x, self.bottom + 13.0), Side::Middle, TICK);
        }
        canvas.line(
            &[(self.left, self.top), (self.left, self.bottom), (self.right, self.bottom)],
            Colour::Soft,
            1.0,
        );
        let across = f64::midpoint(self.left, self.right);
        canvas.text(self.titles.0, (across, self.bottom + 31.0), Side::Middle, PLAIN);
        let title = cut(self.titles.1, (self.bottom - self.top + 60.0) / FONT);
        canvas.text(&title, (13.0, middle), Side::Middle, Look { upright: true, ..PLAIN });
        foot(canvas, notes, self.size);
    }

    /// A text beside a point, on the side that has room.
    fn label(&self, canvas: &Canvas<'_>, (x, y): Point, text: &str) {
        let wide = width(text) * TICK.size;
        let (x, side) =
            if x + 8.0 + wide > self.right { (x - 8.0, Side::End) } else { (x + 8.0, Side::Start) };
        canvas.text(text, (x, y), side, Look { colour: Colour::Ink, ..TICK });
    }
}

/// How many marks fit along a length.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn ticks_along(length: f64, each: f64) -> usize {
    (length / each).clamp(2.0, 10.0) as usize
}

/// Draws the title and the legend, and says where they end.
pub(crate) fn heading(canvas: &Canvas<'_>, title: &str, legend: &[(usize, &str)], w: f64) -> f64 {
    canvas.text(&cut(title, (w - 20.0) / TITLE.size / 1.05), (10.0, 16.0), Side::Start, TITLE);
    let (mut x, mut y) = (10.0, 38.0);
    for (place, name) in legend {
        let name = cut(name, (w - 40.0) / FONT);
        let wide = width(&name) * FONT + 34.0;
        if x > 10.0 && x + wide > w {
            (x, y) = (10.0, y + 18.0);
        }
        canvas.line(&[(x, y), (x + 18.0, y)], Colour::Series(*place), 1.8);
        canvas.marker((x + 9.0, y), *place, 4.0);
        canvas.text(&name, (x + 23.0, y), Side::Start, PLAIN);
        x += wide;
    }
    if legend.is_empty() { 36.0 } else { y + 18.0 }
}

/// The notes at the lower edge.
pub(crate) fn foot(canvas: &Canvas<'_>, notes: &[String], (w, h): (f64, f64)) {
    for (place, note) in notes.iter().rev().enumerate() {
        let note = cut(note, (w - 20.0) / TICK.size);
        canvas.text(&note, (10.0, h - 10.0 - 17.0 * place as f64), Side::Start, TICK);
    }
}

/// A picture that says there is nothing to draw.
pub(crate) fn empty(canvas: &Canvas<'_>, title: &str, (w, h): (f64, f64), notes: &[String]) {
    heading(canvas, title, &[], w);
    canvas.text("nothing to draw", (w / 2.0, h / 2.0), Side::Middle, TICK);
    foot(canvas, notes, (w, h));
}

/// At most about `MOST_POINTS` of a line's points: the first, the last, and of each stretch the lowest and highest,
/// so that no peak is lost.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    if points.len() <= MOST_POINTS {
        return points.to_vec();
    }
    let stretch = points.len().div_ceil(MOST_POINTS / 2);
    let mut kept = Vec::with_capacity(MOST_POINTS + 2);
    kept.extend(points.first());
    for stretch in points.chunks(stretch) {
        let by = |a: &usize, b: &usize| stretch[*a].1.total_cmp(&stretch[*b].1);
        let low = (0..stretch.len()).min_by(by).unwrap_or(0);
        let high = (0..stretch.len()).max_by(by).unwrap_or(0);
        kept.extend([low.min(high), low.max(high)].map(|k| stretch[k]));
    }
    kept.extend(points.last());
    kept
}

/// The same of a band: the lowest low and the highest high of each stretch.
fn thinned_band(band: &[&(f64, f64, f64)]) -> Vec<(f64, f64, f64)> {
    let stretch = band.len().div_ceil(MOST_POINTS / 2).max(1);
    let widest = |stretch: &[&(f64, f64, f64)]| {
        let ends = stretch.iter().map(|(_, low, high)| (*low, *high));
        let (low, high) = ends.fold((f64::MAX, -f64::MAX), |(a, b), (low, high)| (a.min(low), b.max(high)));
        (stretch[0].0, low, high)
    };
    band.chunks(stretch).map(widest).collect()
}
