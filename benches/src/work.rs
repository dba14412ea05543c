//! What every row works on: the dataset, and the batches that its timed steps take in turn.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use dl_data::{Dataset, Store};
use serde::{Deserialize, Serialize};

use crate::fault::{Fault, Result};

/// Pixels of an image: the perceptron's inputs.
pub(crate) const PIXELS: usize = 784;
/// The perceptron's hidden units.
pub(crate) const HIDDEN: usize = 128;
/// The perceptron's outputs.
pub(crate) const CLASSES: usize = 10;

/// Floating-point operations of a step for one image: the five products, two
/// (a multiplication and an addition) for each weight they touch.
pub(crate) const FLOPS_PER_IMAGE: u64 = 2 * (2 * PIXELS * HIDDEN + 3 * HIDDEN * CLASSES) as u64;

/// Mini-batches that timed steps take in turn: few, so that they stay in the last
/// cache for rows that keep floats as for rows that keep bytes.
const RING: usize = 8;

/// The same batches for every row: they are drawn by one seed.
const RING_SEED: u64 = 1;

/// Where a child finds the dataset that its parent chose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DataAt {
    pub(crate) name: String,
    pub(crate) folder: Option<PathBuf>,
}

/// The dataset and the batches of a row.
pub(crate) struct Work {
    data: Dataset,
    batch: usize,
    ring: Vec<Batch<'static>>,
}

/// Images with labels, borrowed where they are the whole training split.
pub(crate) struct Batch<'a> {
    pub(crate) images: Cow<'a, [u8]>,
    pub(crate) labels: Cow<'a, [i64]>,
    full_scale: u8,
}

/// MNIST, or Fashion-MNIST where that alone is on this machine.
///
/// # Errors
/// Neither is there: the sources of MNIST with the reason of each.
pub(crate) fn find(folder: Option<&Path>) -> Result<Dataset> {
    let store = store(folder);
    let error = match store.mnist(&mut |line| eprintln!("{line}")) {
        Ok(data) => return Ok(data),
        Err(error) => error,
    };
    let other = store.offline().fashion_mnist(&mut |_| ());
    let data = other.map_err(|_| Fault::from(error))?;
    eprintln!("MNIST is not to be had; measuring on {} instead", data.name);
    Ok(data)
}

fn store(folder: Option<&Path>) -> Store {
    let store = Store::from_env();
    match folder {
        Some(folder) => store.data_dir(folder),
        None => store,
    }
}

impl DataAt {
    /// # Errors
    /// The files were there a moment ago and are no more.
    pub(crate) fn load(&self) -> Result<Dataset> {
        let store = store(self.folder.as_deref()).offline();
        let data = match &*self.name {
            "mnist" => store.mnist(&mut |_| ()),
            "fashion-mnist" => store.fashion_mnist(&mut |_| ()),
            other => return Err(Fault::new(format!("no dataset {other:?}"))),
        };
        Ok(data?)
    }
}

impl Work {
    /// # Errors
    /// An empty batch, or images of another size than 28×28.
    pub(crate) fn new(data: Dataset, batch: usize) -> Result<Self> {
        let pixels = data.train.images().pixels_per_image();
        if pixels != PIXELS || data.classes.len() != CLASSES {
            let classes = data.classes.len();
            return Err(Fault::new(format!(
                "{}: expected {PIXELS} pixels and {CLASSES} classes, got {pixels} and {classes}",
                data.name
            )));
        }
        let full_scale = data.full_scale;
        let ring = match batch >= data.train.len() {
            // The whole split is borrowed when it is asked for.
            true => vec![],
            false => {
                let batches = data.train.batches(batch)?.shuffled(RING_SEED);
                let own = |b: dl_data::Batch| Batch {
                    images: b.images.into(),
                    labels: b.labels.into(),
                    full_scale,
                };
                batches.filter(|b| b.len() == batch).take(RING).map(own).collect()
            }
        };
        Ok(Work { batch: batch.min(data.train.len()), data, ring })
    }

    pub(crate) fn data(&self) -> &Dataset {
        &self.data
    }

    /// Images in a batch.
    pub(crate) fn batch(&self) -> usize {
        self.batch
    }

    /// The batches that timed steps take in turn.
    pub(crate) fn ring(&self) -> Vec<Batch<'_>> {
        if self.ring.is_empty() {
            let labels = self.data.train.labels().iter().map(|&y| i64::from(y)).collect();
            let images = Cow::Borrowed(self.data.train.images().as_slice());
            return vec![Batch { images, labels, full_scale: self.data.full_scale }];
        }
        self.ring.iter().map(Batch::borrowed).collect()
    }
}

impl Batch<'_> {
    fn borrowed(&self) -> Batch<'_> {
        Batch {
            images: Cow::Borrowed(&*self.images),
            labels: Cow::Borrowed(&*self.labels),
            full_scale: self.full_scale,
        }
    }

    /// Pixels in `[0, 1]`, shape `[len, 784]`.
    pub(crate) fn scaled(&self) -> Vec<f32> {
        scaled(&self.images, self.full_scale)
    }
}

/// Pixels in `[0, 1]`.
pub(crate) fn scaled(images: &[u8], full_scale: u8) -> Vec<f32> {
    let full = f32::from(full_scale);
    images.iter().map(|&p| f32::from(p) / full).collect()
}

#[cfg(test)]
impl Work {
    /// `n` training images in one batch, each of its own grey, labelled in turn.
    pub(crate) fn synthetic(n: usize) -> Self {
        let split = || {
            let pixels = (0..n).flat_map(|i| [(i * 37 % 256) as u8; PIXELS]).collect();
            let images = dl_data::Images::new(pixels, [n, 28, 28])?;
            dl_data::Split::new(images, (0..n).map(|i| (i % CLASSES) as u8).collect())
        };
        let classes = (0..CLASSES).map(|c| c.to_string()).collect();
        let data = Dataset::new("synthetic", split().unwrap(), split().unwrap(), classes);
        Work::new(data.unwrap(), n).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_split_is_one_batch_and_stays_where_it_is() {
        let work = Work::synthetic(30);
        let ring = work.ring();
        assert_eq!(ring.len(), 1);
        assert!(matches!(ring[0].images, Cow::Borrowed(_)));
        assert_eq!(ring[0].labels.len(), 30);
        assert_eq!(ring[0].scaled()[PIXELS], 37.0 / 255.0);
    }

    #[test]
    fn mini_batches_are_full_and_differ() {
        let work = Work::new(Work::synthetic(30).data, 7).unwrap();
        let ring = work.ring();
        assert_eq!(ring.len(), 4);
        assert!(ring.iter().all(|batch| batch.labels.len() == 7));
        assert_ne!(ring[0].labels, ring[1].labels);
    }

    #[test]
    fn a_dataset_of_another_shape_is_refused() {
        let error = Work::new(dl_data::digits().unwrap(), 64).err().unwrap();
        let expected = "digits: expected 784 pixels and 10 classes, got 64 and 10";
        assert_eq!(error.to_string(), expected);
    }
}
