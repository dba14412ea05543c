//! Heat maps: a table whose cells are the fuller the larger their numbers are.

use crate::palette::{Colour, FULLEST};
use crate::picture::{Canvas, FONT, PLAIN, Picture, Side, TICK, draw};
use crate::plot::{empty, foot, heading};
use crate::text::{cut, number, width};

/// More rows or columns are left out, and the picture says so.
const MOST: usize = 200;

/// A table of numbers as cells: the larger a number, the fuller its cell; negative numbers in a colour of their own.
///
/// ```
/// use dl_report::HeatMap;
///
/// let counts = [vec![50.0, 2.0], vec![1.0, 47.0]];
/// let picture = HeatMap::new("Confusion", counts).rows("label", ["0", "1"]).columns("prediction", ["0", "1"])
///     .numbers().picture();
/// assert!(picture.svg().contains(">\n47\n<"));
/// ```
#[derive(Clone, Debug)]
pub struct HeatMap {
    title: String,
    cells: Vec<Vec<f64>>,
    rows: (String, Vec<String>),
    columns: (String, Vec<String>),
    numbers: bool,
    by_row: bool,
    notes: Vec<String>,
}

impl HeatMap {
    /// A map of rows of cells.
    pub fn new(title: &str, cells: impl IntoIterator<Item = Vec<f64>>) -> HeatMap {
        HeatMap {
            title: title.to_owned(),
            cells: cells.into_iter().collect(),
            rows: Default::default(),
            columns: Default::default(),
            numbers: false,
            by_row: false,
            notes: Vec::new(),
        }
    }

    /// What the rows are, and the name of each.
    pub fn rows<S: Into<String>>(mut self, title: &str, names: impl IntoIterator<Item = S>) -> HeatMap {
        self.rows = (title.to_owned(), names.into_iter().map(Into::into).collect());
        self
    }

    /// What the columns are, and the name of each.
    pub fn columns<S: Into<String>>(mut self, title: &str, names: impl IntoIterator<Item = S>) -> HeatMap {
        self.columns = (title.to_owned(), names.into_iter().map(Into::into).collect());
        self
    }

    /// Writes each number into its cell, but for zeros.
    pub fn numbers(mut self) -> HeatMap {
        self.numbers = true;
        self
    }

    /// A cell is as full as its part of its row's sum, as shares of a label are, in place of the largest of all.
    pub fn by_row(mut self) -> HeatMap {
        self.by_row = true;
        self
    }

    /// A line of text below the map.
    pub fn note(mut self, text: &str) -> HeatMap {
        self.notes.push(text.to_owned());
        self
    }

    /// The picture.
    pub fn picture(&self) -> Picture {
        let (all_rows, all_columns) = (self.cells.len(), self.cells.iter().map(Vec::len).max().unwrap_or(0));
        let (rows, columns) = (all_rows.min(MOST), all_columns.min(MOST));
        let mut notes = self.notes.clone();
        if (rows, columns) != (all_rows, all_columns) {
            notes.push(format!("the first {rows} × {columns} of {all_rows} × {all_columns} cells"));
        }
        let shown = || self.cells.iter().take(rows).flat_map(|row| row.iter().take(columns));
        let left_out = shown().filter(|value| !value.is_finite()).count();
        if left_out > 0 {
            notes.push(format!("{} not finite, marked ×", number(left_out as f64)));
        }
        let largest = shown().filter(|v| v.is_finite()).fold(0.0f64, |most, v| most.max(v.abs()));
        let texts = shown().map(|value| width(&number(*value))).fold(0.0, f64::max);
        let least = if self.numbers { (texts * TICK.size + 8.0).max(30.0) } else { 6.0 };
        let cell = (420.0 / columns.max(rows).max(1) as f64).clamp(least, least.max(36.0));
        let high = cell.min(36.0);
        let names = |names: &[String], most: usize| {
            names.iter().take(most).map(|name| width(name) * FONT).fold(0.0, f64::max)
        };
        let left = names(&self.rows.1, rows).min(160.0) + if self.rows.0.is_empty() { 20.0 } else { 40.0 };
        let top = 78.0;
        let grid = (cell * columns as f64, high * rows as f64);
        let title = width(&self.title) * 16.0 + 20.0;
        let w = (left + grid.0 + 14.0).max(title.min(560.0)).max(240.0);
        let h = (top + grid.1 + 14.0 + 17.0 * notes.len() as f64).max(140.0);
        draw(&self.title, w, h, |canvas| {
            if rows == 0 || columns == 0 {
                return empty(canvas, &self.title, (w, h), &notes);
            }
            heading(canvas, &self.title, &[], w);
            canvas.text(&self.columns.0, (left + grid.0 / 2.0, 42.0), Side::Middle, PLAIN);
            canvas.text(
                &cut(&self.rows.0, (grid.1 + 40.0) / FONT),
                (14.0, top + grid.1 / 2.0),
                Side::Middle,
                crate::picture::Look { upright: true, ..PLAIN },
            );
            self.draw_names(canvas, (left, top), (cell, high), (rows, columns));
            for (r, row) in self.cells.iter().take(rows).enumerate() {
                let sum = row.iter().filter(|v| v.is_finite()).fold(0.0, |sum, v| sum + v.abs() / 2.0) * 2.0;
                let full = if self.by_row { sum } else { largest };
                for (c, value) in row.iter().take(columns).enumerate() {
                    let corner = (left + cell * c as f64, top + high * r as f64);
                    self.draw_cell(canvas, *value, full, corner, (cell, high));
                }
            }
            let end = (left + grid.0, top + grid.1);
            let edge = [(left, top), (end.0, top), end, (left, end.1), (left, top)];
            canvas.line(&edge, Colour::Line, 1.0);
            foot(canvas, &notes, (w, h));
        })
    }

    /// Names of rows and columns, as many as there is room for.
    fn draw_names(
        &self,
        canvas: &Canvas<'_>,
        (left, top): (f64, f64),
        (cell, high): (f64, f64),
        (rows, columns): (usize, usize),
    ) {
        let stride = |room: f64, each: f64| (1..).find(|k| each * *k as f64 >= room).unwrap_or(1);
        for (r, name) in self.rows.1.iter().take(rows).enumerate().step_by(stride(14.0, high)) {
            let y = top + high * (r as f64 + 0.5);
            canvas.text(&cut(name, 160.0 / FONT), (left - 6.0, y), Side::End, PLAIN);
        }
        let widest = self.columns.1.iter().map(|name| width(name) * FONT).fold(8.0, f64::max).min(90.0);
        for (c, name) in self.columns.1.iter().take(columns).enumerate().step_by(stride(widest, cell)) {
            let x = left + cell * (c as f64 + 0.5);
            canvas.text(&cut(name, 90.0 / FONT), (x, top - 12.0), Side::Middle, PLAIN);
        }
    }

    fn draw_cell(
        &self,
        canvas: &Canvas<'_>,
        value: f64,
        full: f64,
        (x, y): (f64, f64),
        (cell, high): (f64, f64),
    ) {
        let centre = (x + cell / 2.0, y + high / 2.0);
        if !value.is_finite() {
            return canvas.text("×", centre, Side::Middle, TICK);
        }
        let part = (value.abs() / full).clamp(0.0, 1.0);
        // The least of what is not 0 is still seen.
        if value != 0.0 && !part.is_nan() {
            let opacity = (0.06 + part * (FULLEST - 0.06)) * 1000.0;
            let colour = Colour::Series(usize::from(value < 0.0));
            canvas.rectangle((x, y), (x + cell, y + high), colour, opacity.round() / 1000.0);
            if self.numbers {
                canvas.text(&number(value), centre, Side::Middle, PLAIN);
            }
        }
    }
}
