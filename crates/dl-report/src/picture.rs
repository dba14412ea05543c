//! Pictures, and the canvas that charts are drawn on.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use plotters::backend::SVGBackend;
use plotters::coord::Shift;
use plotters::element::{Circle, DashedPathElement, PathElement, Polygon, Rectangle, Text};
use plotters::prelude::{DrawingArea, IntoDrawingArea};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontDesc, FontFamily, FontStyle, FontTransform, ShapeStyle, TextStyle};

use crate::palette::{COLOURS, Colour, rules, variables};
use crate::text::{escape, printable};
use crate::write::write_whole;

/// What is drawn is measured in tenths of a pixel, since the backend's places are whole numbers.
pub(crate) const PIXEL: f64 = 10.0;
/// The size of text in pixels.
pub(crate) const FONT: f64 = 13.0;
/// The font, which the reader's machine has.
const FAMILY: &str = "system-ui, sans-serif";

/// A drawing, as [`svg`](Picture::svg) a file of its own and as [`inline`](Picture::inline) a part of a page.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    title: String,
    width: u32,
    height: u32,
    body: String,
}

impl Picture {
    /// A drawing whose elements are `body`, trusted SVG, in a box of `width` × `height` pixels. Elements with the fill or stroke `#1B1F24`
    /// (text), `#5A6472` (text of less weight), `#D5DAE0` (lines), `#FFFFFF` (the ground) and those of series follow the reader's theme.
    pub(crate) fn new(title: &str, width: u32, height: u32, body: String) -> Picture {
        Picture { title: title.to_owned(), width, height, body }
    }

    /// The same with more elements, trusted SVG in tenths of a pixel, on top.
    #[cfg(feature = "images")]
    pub(crate) fn with(mut self, elements: &str) -> Picture {
        self.body.push_str(elements);
        self
    }

    /// Pictures below one another as one.
    pub fn stack(title: &str, pictures: impl IntoIterator<Item = Picture>) -> Picture {
        let (mut width, mut height, mut body) = (240, 0, String::new());
        for picture in pictures {
            let _ = writeln!(body, "<g transform=\"translate(0 {height}0)\">\n{}</g>", picture.body);
            (width, height) = (width.max(picture.width), height + picture.height);
        }
        if height == 0 {
            return draw(title, 560.0, 120.0, |canvas| {
                crate::plot::empty(canvas, title, (560.0, 120.0), &[])
            });
        }
        // The ground of all, since each has its own width.
        let ground = format!("<rect width=\"{width}0\" height=\"{height}0\" fill=\"#FFFFFF\"/>\n");
        Picture::new(title, width, height, ground + &body)
    }

    /// What it shows.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Its width and height, in pixels.
    pub fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// A file of its own: it brings its colours along, light and dark.
    pub fn svg(&self) -> String {
        let style = format!(
            "svg.chart {{{} }}\n@media (prefers-color-scheme: dark) {{ svg.chart {{{} }} }}\n{}",
            variables(false),
            variables(true),
            rules()
        );
        self.element("", &format!("<style>\n{style}</style>\n"))
    }

    /// An element of a [`Page`](crate::Page), whose style sheet has the colours.
    pub fn inline(&self) -> String {
        // On a narrow screen text stays of a size that is read, and the box around scrolls.
        self.element(&format!(" style=\"min-width:min({}px,27rem)\"", self.width), "")
    }

    /// Writes [`svg`](Picture::svg) to a file, which appears whole or not at all.
    ///
    /// # Errors
    /// What the file system said.
    pub fn write(&self, path: impl AsRef<Path>) -> io::Result<()> {
        write_whole(path.as_ref(), self.svg().as_bytes())
    }

    fn element(&self, attributes: &str, style: &str) -> String {
        let Picture { title, width, height, body } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" role=\"img\" width=\"{width}\" \
             height=\"{height}\" viewBox=\"0 0 {}0 {}0\" font-family=\"{FAMILY}\" stroke-linejoin=\"round\"{attributes}>\n\
             <title>{}</title>\n{style}{body}</svg>\n",
            width,
            height,
            escape(title)
        )
    }
}

/// Where text stands in relation to its point.
#[derive(Clone, Copy)]
pub(crate) enum Side {
    /// It begins there.
    Start,
    /// Its middle is there.
    Middle,
    /// It ends there.
    End,
}

/// A surface of `width` × `height` pixels.
pub(crate) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

/// Draws by `draw` what a picture shows, below nothing but the ground.
pub(crate) fn draw(title: &str, width: f64, height: f64, draw: impl FnOnce(&Canvas<'_>)) -> Picture {
    let (width, height) = (width.ceil(), height.ceil());
    let mut text = String::new();
    {
        let size = (whole(width * PIXEL), whole(height * PIXEL));
        let canvas = Canvas { area: SVGBackend::with_string(&mut text, size).into_drawing_area() };
        canvas.rectangle((0.0, 0.0), (width, height), Colour::Ground, 1.0);
        draw(&canvas);
    }
    // The elements alone: the outermost is ours, and what all would repeat stands there once. Quotes within text and
    // attributes are escaped, so that only attributes are found.
    let body = text.split_once(">\n").map_or("", |(_, body)| body).trim_end();
    let body = body.strip_suffix("</svg>").unwrap_or(body);
    let body = body.replace(" opacity=\"1\"", "").replace(&format!(" font-family=\"{FAMILY}\""), "");
    Picture::new(title, whole(width), whole(height), body)
}

/// A length as a whole number; lengths here are small.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(length: f64) -> u32 {
    length.round().clamp(0.0, 1e6) as u32
}

/// Tenths of pixels.
#[allow(clippy::cast_possible_truncation)] // what is far outside is cut off
fn tenths(place: f64) -> i32 {
    (place * PIXEL).round().clamp(-1e7, 1e7) as i32
}

/// A point in pixels, from the upper left corner.
pub(crate) type Point = (f64, f64);

fn at((x, y): Point) -> (i32, i32) {
    (tenths(x), tenths(y))
}

/// Why drawing cannot fail: the backend appends to a string.
const DRAWN: &str = "a string takes what is drawn";

impl Canvas<'_> {
    /// A filled rectangle between two corners.
    pub(crate) fn rectangle(&self, from: Point, to: Point, colour: Colour, opacity: f64) {
        let style = colour.rgb().mix(opacity).filled();
        self.area.draw(&Rectangle::new([at(from), at(to)], style)).expect(DRAWN);
    }

    /// A line through all points.
    pub(crate) fn line(&self, points: &[Point], colour: Colour, width: f64) {
        let points: Vec<(i32, i32)> = points.iter().map(|point| at(*point)).collect();
        self.area.draw(&PathElement::new(points, stroke(colour, width))).expect(DRAWN);
    }

    /// A line of dashes.
    pub(crate) fn dashes(&self, points: &[Point], colour: Colour, width: f64) {
        let points: Vec<(i32, i32)> = points.iter().map(|point| at(*point)).collect();
        let dashes = DashedPathElement::new(points, 5.0 * PIXEL, 4.0 * PIXEL, stroke(colour, width));
        self.area.draw(&dashes).expect(DRAWN);
    }

    /// A filled area with these corners.
    pub(crate) fn area(&self, corners: &[Point], colour: Colour, opacity: f64) {
        let corners: Vec<(i32, i32)> = corners.iter().map(|point| at(*point)).collect();
        self.area.draw(&Polygon::new(corners, colour.rgb().mix(opacity).filled())).expect(DRAWN);
    }

    /// The mark of a series: of as many shapes as there are colours, so that no series is told by colour alone.
    pub(crate) fn marker(&self, (x, y): Point, series: usize, radius: f64) {
        let colour = Colour::Series(series);
        let corners = |turns: &[(f64, f64)]| {
            let corners: Vec<Point> =
                turns.iter().map(|(dx, dy)| (x + dx * radius, y + dy * radius)).collect();
            self.area(&corners, colour, 1.0);
        };
        match series % COLOURS {
            0 => {
                let circle = Circle::new(at((x, y)), radius * PIXEL, colour.rgb().filled());
                self.area.draw(&circle).expect(DRAWN);
            }
            1 => corners(&[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]),
            2 => corners(&[(0.0, -1.2), (1.1, 0.8), (-1.1, 0.8)]),
            3 => corners(&[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)]),
            4 => corners(&[(0.0, 1.2), (1.1, -0.8), (-1.1, -0.8)]),
            _ => {
                for tilt in [-1.0, 1.0] {
                    let cross = [(x - radius, y - tilt * radius), (x + radius, y + tilt * radius)];
                    self.line(&cross, colour, 2.0);
                }
            }
        }
    }

    /// A line of text, in the middle of whose height `point` lies.
    pub(crate) fn text(&self, text: &str, point: Point, side: Side, look: Look) {
        let h_pos = match side {
            Side::Start => HPos::Left,
            Side::Middle => HPos::Center,
            Side::End => HPos::Right,
        };
        let weight = if look.bold { FontStyle::Bold } else { FontStyle::Normal };
        // The backend divides sizes by 1.24, which is its estimate of a line's height.
        let font = FontDesc::new(FontFamily::Name(FAMILY), look.size * PIXEL * 1.24, weight);
        let turn = if look.upright { FontTransform::Rotate270 } else { FontTransform::None };
        let colour = look.colour.rgb();
        let style = TextStyle::from(font.transform(turn)).color(&colour).pos(Pos::new(h_pos, VPos::Center));
        let text: String = text.chars().map(|c| if c == '\n' { ' ' } else { printable(c) }).collect();
        self.area.draw(&Text::new(text, at(point), style)).expect(DRAWN);
    }
}

/// How text looks.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    pub(crate) colour: Colour,
    pub(crate) size: f64,
    pub(crate) bold: bool,
    /// Read from below.
    pub(crate) upright: bool,
}

/// Text that is read first.
pub(crate) const PLAIN: Look = Look { colour: Colour::Ink, size: FONT, bold: false, upright: false };
/// Numbers at axes.
pub(crate) const TICK: Look = Look { colour: Colour::Soft, size: FONT - 1.0, ..PLAIN };
/// Titles.
pub(crate) const TITLE: Look = Look { size: FONT + 1.0, bold: true, ..PLAIN };

fn stroke(colour: Colour, width: f64) -> ShapeStyle {
    ShapeStyle { color: colour.rgb().to_rgba(), filled: false, stroke_width: whole(width * PIXEL) }
}
