//! Tiles: small images side by side, each with its captions.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::picture::{Look, PIXEL, PLAIN, Picture, Side, TICK, draw};
use crate::plot::{empty, foot, heading};
use crate::text::{cut, number, width};

/// More tiles are left out, and the picture says so.
const MOST: usize = 400;
/// The most pixels along a side of a tile.
const MOST_PIXELS: usize = 1024;
/// The width of a picture, and what is between tiles.
const WIDTH: f64 = 560.0;
const GAP: f64 = 10.0;
/// Negative, positive, and what is no number: of a tone that stands out from light and dark grounds.
const NEGATIVE: [u8; 3] = [0xD5, 0x5E, 0x00];
const POSITIVE: [u8; 3] = [0x1F, 0x86, 0xCC];
const UNKNOWN: [u8; 4] = [0xCC, 0x79, 0xA7, 0xFF];

/// Small images side by side: examples of a data set, the weights of units, what a network looks at.
///
/// ```
/// use dl_report::{Tile, Tiles};
///
/// let cross = [0.0, 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0];
/// let picture = Tiles::new("Digits").tile(Tile::grey([3, 3], cross).caption("a cross")).picture();
/// assert!(picture.svg().contains("data:image/png;base64,"));
/// ```
#[derive(Clone, Debug)]
pub struct Tiles {
    title: String,
    tiles: Vec<Tile>,
    side: f64,
    notes: Vec<String>,
}

/// An image with what stands below it.
#[derive(Clone, Debug)]
pub struct Tile {
    shape: [usize; 2],
    values: Vec<f64>,
    /// The value of full ink; of signed tiles without one, what is largest in all of them.
    full: Option<f64>,
    signed: bool,
    captions: Vec<String>,
}

impl Tile {
    /// `[rows, columns]` values, row by row, from 0, white, to [`full`](Tile::full), black. Values that are missing
    /// are 0.
    pub fn grey(shape: [usize; 2], values: impl IntoIterator<Item = f64>) -> Tile {
        let shape = shape.map(|size| size.min(MOST_PIXELS));
        let mut values: Vec<f64> = values.into_iter().take(shape[0] * shape[1]).collect();
        values.resize(shape[0] * shape[1], 0.0);
        Tile { shape, values, full: None, signed: false, captions: Vec::new() }
    }

    /// The same for numbers of both signs: blue above 0, orange below, the fuller the farther from it. Tiles of a
    /// picture share a scale.
    pub fn signed(shape: [usize; 2], values: impl IntoIterator<Item = f64>) -> Tile {
        Tile { signed: true, ..Tile::grey(shape, values) }
    }

    /// The value of full ink; without it the largest of the tile, or of all signed tiles.
    pub fn full(mut self, full: f64) -> Tile {
        self.full = Some(full);
        self
    }

    /// A line below the image.
    pub fn caption(mut self, text: &str) -> Tile {
        self.captions.push(text.to_owned());
        self
    }

    fn largest(&self) -> f64 {
        self.values.iter().filter(|v| v.is_finite()).fold(0.0, |most, v| most.max(v.abs()))
    }

    /// The image as PNG.
    fn png(&self, full: f64) -> Vec<u8> {
        let part = |value: f64| (value.abs() / full).clamp(0.0, 1.0);
        let pixel = |value: &f64| -> [u8; 4] {
            match *value {
                value if !value.is_finite() => UNKNOWN,
                value if full <= 0.0 || value == 0.0 => {
                    if self.signed {
                        [0; 4]
                    } else {
                        [255; 4]
                    }
                }
                value if self.signed => {
                    let [red, green, blue] = if value < 0.0 { NEGATIVE } else { POSITIVE };
                    [red, green, blue, byte(part(value))]
                }
                value if value < 0.0 => [255; 4],
                value => {
                    let grey = 255 - byte(part(value));
                    [grey, grey, grey, 255]
                }
            }
        };
        let pixels: Vec<u8> = self.values.iter().flat_map(pixel).collect();
        encode(self.shape, &pixels).expect("a vector takes what is encoded")
    }
}

/// From 0 to 255 for a part.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn byte(part: f64) -> u8 {
    (part * 255.0).round() as u8
}

#[allow(clippy::cast_possible_truncation)] // at most MOST_PIXELS
fn encode([rows, columns]: [usize; 2], pixels: &[u8]) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, columns as u32, rows as u32);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(bytes)
}

impl Tiles {
    /// No tiles yet.
    pub fn new(title: &str) -> Tiles {
        Tiles { title: title.to_owned(), tiles: Vec::new(), side: 80.0, notes: Vec::new() }
    }

    /// Another width of a tile than 80 pixels; from 16 to 500.
    pub fn side(mut self, pixels: u32) -> Tiles {
        self.side = f64::from(pixels.clamp(16, 500));
        self
    }

    /// Adds a tile; one without pixels has its captions alone.
    pub fn tile(mut self, tile: Tile) -> Tiles {
        self.tiles.push(tile);
        self
    }

    /// A line of text below the tiles.
    pub fn note(mut self, text: &str) -> Tiles {
        self.notes.push(text.to_owned());
        self
    }

    /// The picture.
    pub fn picture(&self) -> Picture {
        let shown = self.tiles.get(..MOST).unwrap_or(&self.tiles);
        let mut notes = self.notes.clone();
        if shown.len() < self.tiles.len() {
            notes.push(format!("the first {MOST} of {}", number(self.tiles.len() as f64)));
        }
        let unknown = shown.iter().flat_map(|tile| &tile.values).filter(|v| !v.is_finite()).count();
        if unknown > 0 {
            notes.push(format!("{} not finite, pink", number(unknown as f64)));
        }
        // Captions that are wider than their tiles have room beside them, as far as there is any.
        let captions = shown.iter().flat_map(|tile| &tile.captions).map(|caption| width(caption) * TICK.size);
        let cell = captions.fold(self.side, f64::max).min(self.side.max(WIDTH / 2.0 - 2.0 * GAP));
        let across = ((WIDTH - GAP) / (cell + GAP)).floor().max(1.0);
        let lines = shown.iter().map(|tile| tile.captions.len()).max().unwrap_or(0) as f64;
        let heights = shown.iter().filter(|tile| tile.shape[1] > 0);
        let ratio = heights.map(|tile| tile.shape[0] as f64 / tile.shape[1] as f64).fold(0.0, f64::max);
        let (wide, high) = (self.side, (self.side * ratio).min(600.0));
        let step = high + 15.0 * lines + GAP;
        let down = (shown.len() as f64 / across).ceil();
        let h = (36.0 + down * step + 17.0 * notes.len() as f64 + 4.0).max(100.0);
        let places = (0..)
            .map(|k| k as f64)
            .map(|k: f64| (GAP + (k % across) * (cell + GAP), 36.0 + (k / across).floor() * step));
        let drawn = draw(&self.title, WIDTH, h, |canvas| {
            if shown.is_empty() {
                return empty(canvas, &self.title, (WIDTH, h), &notes);
            }
            heading(canvas, &self.title, &[], WIDTH);
            for (tile, (x, y)) in shown.iter().zip(places.clone()) {
                for (line, caption) in tile.captions.iter().enumerate() {
                    let look = if line == 0 { Look { size: TICK.size, ..PLAIN } } else { TICK };
                    let y = y + high + 9.0 + 15.0 * line as f64;
                    canvas.text(&cut(caption, (cell + 1.0) / TICK.size), (x, y), Side::Start, look);
                }
            }
            foot(canvas, &notes, (WIDTH, h));
        });
        let signed = shown.iter().filter(|tile| tile.signed).map(Tile::largest).fold(0.0, f64::max);
        let mut images = String::new();
        for (tile, (x, y)) in shown.iter().zip(places) {
            if tile.values.is_empty() {
                continue;
            }
            let full = tile.full.unwrap_or_else(|| if tile.signed { signed } else { tile.largest() });
            let place = [x, y, wide, high].map(|length| (length * PIXEL).round());
            let [x, y, wide, high] = place;
            let _ = writeln!(
                images,
                "<image x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{high}\" preserveAspectRatio=\"xMinYMin\" \
                 style=\"image-rendering:pixelated\" href=\"data:image/png;base64,{}\"/>\n\
                 <rect x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{high}\" fill=\"none\" stroke=\"#D5DAE0\" \
                 stroke-width=\"10\"/>",
                STANDARD.encode(tile.png(full))
            );
        }
        drawn.with(&images)
    }
}
