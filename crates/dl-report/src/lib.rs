//! Charts as SVG, and pages that stand alone: what draws and writes HTML in this project does it here.

mod axis;
mod bars;
mod heat;
mod histogram;
mod language;
mod page;
mod palette;
mod picture;
mod plot;
mod text;
#[cfg(feature = "images")]
mod tiles;
mod write;

pub use bars::Bars;
pub use heat::HeatMap;
pub use histogram::Histogram;
pub use language::Language;
pub use page::Page;
pub use picture::Picture;
pub use plot::Plot;
pub use text::{escape, number};
#[cfg(feature = "images")]
pub use tiles::{Tile, Tiles};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
