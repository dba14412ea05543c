//! Batches: a split walked in pieces, in order or shuffled by a seed.

use std::iter::FusedIterator;

use crate::dataset::Split;
use crate::error::{Kind, Result};
use crate::shuffle::permutation;

/// The batches of one pass over a split; made by [`Split::batches`].
///
/// Every image comes exactly once; the last batch holds what is left.
#[derive(Clone, Debug)]
pub struct Batches<'a> {
    split: &'a Split,
    /// The order to walk in; `None` is the split's own.
    order: Option<Vec<usize>>,
    size: usize,
    /// How many images were given out.
    done: usize,
}

/// Some images of a split with their labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// Pixels, image by image: `[len, rows, columns]`.
    pub images: Vec<u8>,
    /// The class of each image: `[len]`.
    pub labels: Vec<i64>,
}

impl Batch {
    /// The number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }
}

impl Split {
    /// Walks the split in batches of `size` images, the last one with what is left.
    ///
    /// ```
    /// let digits = dl_data::digits()?;
    /// for batch in digits.train.batches(64)?.shuffled(7) {
    ///     assert_eq!(batch.images.len(), batch.len() * 8 * 8);
    /// }
    /// # Ok::<(), dl_data::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `size` is zero.
    pub fn batches(&self, size: usize) -> Result<Batches<'_>> {
        if size == 0 {
            return Err(Kind::BatchSize.into());
        }
        Ok(Batches { split: self, order: None, size, done: 0 })
    }

    /// The images at `indices`, in their order.
    ///
    /// # Errors
    ///
    /// An index past the end.
    pub fn gather(&self, indices: &[usize]) -> Result<Batch> {
        let len = self.len();
        if let Some(&index) = indices.iter().find(|&&i| i >= len) {
            return Err(Kind::Index { index, len }.into());
        }
        let mut batch = Batch::default();
        self.gather_into(indices, &mut batch);
        Ok(batch)
    }

    /// Replaces `batch` by the images at `indices`, all inside the split.
    fn gather_into(&self, indices: &[usize], batch: &mut Batch) {
        let (size, pixels) = (self.images().pixels_per_image(), self.images().as_slice());
        batch.images.clear();
        batch.images.reserve(indices.len() * size);
        for &i in indices {
            batch.images.extend_from_slice(&pixels[i * size..(i + 1) * size]);
        }
        let labels = self.labels();
        batch.labels.clear();
        batch.labels.extend(indices.iter().map(|&i| i64::from(labels[i])));
    }
}

impl Batches<'_> {
    /// Starts over in the order of [`permutation`]`(len, seed)`.
    #[must_use]
    pub fn shuffled(self, seed: u64) -> Self {
        Batches { order: Some(permutation(self.split.len(), seed)), done: 0, ..self }
    }

    /// Replaces `batch` by the next one and says whether there was one; what
    /// `batch` had allocated is used again.
    pub fn next_into(&mut self, batch: &mut Batch) -> bool {
        let (from, to) = (self.done, self.split.len().min(self.end()));
        if from == to {
            return false;
        }
        match &self.order {
            Some(order) => self.split.gather_into(&order[from..to], batch),
            None => self.copy_into(from, to, batch),
        }
        self.done = to;
        true
    }

    fn end(&self) -> usize {
        self.done.saturating_add(self.size)
    }

    fn copy_into(&self, from: usize, to: usize, batch: &mut Batch) {
        let images = self.split.images();
        let size = images.pixels_per_image();
        batch.images.clear();
        batch.images.extend_from_slice(&images.as_slice()[from * size..to * size]);
        let labels = &self.split.labels()[from..to];
        batch.labels.clear();
        batch.labels.extend(labels.iter().map(|&y| i64::from(y)));
    }
}

impl Iterator for Batches<'_> {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        let mut batch = Batch::default();
        self.next_into(&mut batch).then_some(batch)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.split.len() - self.done).div_ceil(self.size);
        (left, Some(left))
    }
}

impl ExactSizeIterator for Batches<'_> {}
impl FusedIterator for Batches<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Images;

    /// Image `i` is `[i, i]` with label `i % 3`.
    fn split(n: u8) -> Split {
        let pixels = (0..n).flat_map(|i| [i, i]).collect();
        let images = Images::new(pixels, [n as usize, 1, 2]).unwrap();
        Split::new(images, (0..n).map(|i| i % 3).collect()).unwrap()
    }

    fn firsts(batch: &Batch) -> Vec<u8> {
        batch.images.iter().step_by(2).copied().collect()
    }

    #[test]
    fn the_last_batch_holds_what_is_left() {
        let split = split(7);
        let batches: Vec<Batch> = split.batches(3).unwrap().collect();
        assert_eq!(batches.len(), 3);
        assert_eq!(firsts(&batches[0]), [0, 1, 2]);
        assert_eq!(firsts(&batches[2]), [6]);
        assert_eq!(batches[2].labels, [0]);
        assert!(batches.iter().all(|batch| !batch.is_empty()) && Batch::default().is_empty());
    }

    #[test]
    fn the_length_is_known() {
        for (n, size, expected) in [(0, 1, 0), (6, 3, 2), (7, 3, 3), (7, usize::MAX, 1)] {
            let split = split(n);
            let batches = split.batches(size).unwrap();
            assert_eq!(batches.len(), expected);
            assert_eq!(batches.count(), expected);
        }
    }

    #[test]
    fn shuffled_follows_the_permutation_and_keeps_labels_with_images() {
        let split = split(33);
        let batches: Vec<Batch> = split.batches(4).unwrap().shuffled(9).collect();
        let order: Vec<usize> = batches.iter().flat_map(firsts).map(usize::from).collect();
        assert_eq!(order, permutation(33, 9));
        for batch in &batches {
            let labels: Vec<i64> = firsts(batch).iter().map(|&i| i64::from(i % 3)).collect();
            assert_eq!(batch.labels, labels);
        }
    }

    #[test]
    fn shuffling_starts_over() {
        let split = split(5);
        let mut batches = split.batches(2).unwrap();
        batches.next();
        assert_eq!(batches.shuffled(1).map(|b| b.len()).sum::<usize>(), 5);
    }

    #[test]
    fn next_into_gives_what_the_iterator_gives() {
        let split = split(7);
        let mut batches = split.batches(3).unwrap().shuffled(2);
        let mut batch = Batch::default();
        for expected in split.batches(3).unwrap().shuffled(2) {
            assert!(batches.next_into(&mut batch));
            assert_eq!(batch, expected);
        }
        assert!(!batches.next_into(&mut batch));
        assert!(batches.next().is_none());
    }

    #[test]
    fn an_empty_batch_is_an_error() {
        let error = split(7).batches(0).unwrap_err();
        assert_eq!(error.to_string(), "batch size must be at least 1, got 0");
    }

    #[test]
    fn gather_checks_its_indices() {
        let split = split(5);
        assert_eq!(firsts(&split.gather(&[4, 0, 4]).unwrap()), [4, 0, 4]);
        let error = split.gather(&[0, 5]).unwrap_err();
        assert_eq!(error.to_string(), "index 5 is outside a split of 5 images");
        assert!(split.gather(&[]).unwrap().is_empty());
    }
}
