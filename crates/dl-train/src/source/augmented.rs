//! Images that are never quite the same twice.

use dl_core::DType;
use dl_data::augment::Pixel;
use dl_data::{Augmenter, Random};
use rayon::prelude::*;

use super::{Batch, Source, digest_of};
use crate::error::{Error, Result};

/// A source whose images change anew in every epoch.
///
/// How an image changes is decided by the seed, the epoch and its place in the source, and by nothing else: neither
/// the batch that it is in nor the number of threads. So a training that is resumed sees what it would have seen. In
/// an evaluation images stay as they are.
///
/// ```
/// use dl_data::Augmentation;
/// use dl_train::{Augmented, Prefetch, Source};
/// let digits = dl_data::digits()?;
/// let bent = Augmentation::new().shift(1).elastic(4.0, 1.5).on([8, 8, 1])?;
/// // Filled while the step before it runs.
/// let train = Prefetch::new(Augmented::new(digits.train, bent, 7))?;
/// assert_eq!(train.len(), 1437);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Augmented<S> {
    source: S,
    augmenter: Augmenter,
    seed: u64,
    input: String,
}

/// Images that a thread changes at a time.
const SHARE: usize = 16;

impl<S: Source> Augmented<S> {
    /// The images of the input `x`: each `[rows, columns, channels]` one after the other, bytes or `f32`.
    pub fn new(source: S, augmenter: Augmenter, seed: u64) -> Self {
        Augmented { source, augmenter, seed, input: "x".into() }
    }

    /// Images that another input is fed with.
    #[must_use]
    pub fn input(self, name: &str) -> Self {
        Augmented { input: name.into(), ..self }
    }

    fn change<P: Pixel + Send>(&self, rows: &[usize], epoch: usize, pixels: &mut [P]) -> Result<()> {
        let (seed, augmenter) = (self.seed, &self.augmenter);
        let size = augmenter.len();
        if pixels.len() != rows.len() * size {
            return Err(Error::value(format!(
                "input {} has {} values for {} images of {:?}",
                self.input,
                pixels.len(),
                rows.len(),
                self.augmenter.shape()
            )));
        }
        let shares = pixels.par_chunks_mut(SHARE * size).zip(rows.par_chunks(SHARE));
        shares.for_each(|(images, rows)| {
            let random = |row: &usize| Random::of(seed, &[epoch as u64, *row as u64]);
            augmenter.apply_all(images, rows.iter().map(random));
        });
        Ok(())
    }
}

impl<S: Source> Source for Augmented<S> {
    fn len(&self) -> usize {
        self.source.len()
    }

    fn fill(&self, rows: &[usize], batch: &mut Batch) -> Result<()> {
        self.source.fill(rows, batch)?;
        let epoch = batch.epoch();
        if epoch == 0 {
            return Ok(());
        }
        match batch.get(&self.input).map(|images| images.dtype()) {
            Some(DType::F32) => batch.change(&self.input, |_, x: &mut [f32]| self.change(rows, epoch, x)),
            _ => batch.change(&self.input, |_, x: &mut [u8]| self.change(rows, epoch, x)),
        }
    }

    fn prepare(&self, next: &[usize], batch: &Batch) {
        self.source.prepare(next, batch);
    }

    fn digest(&self) -> Option<u64> {
        let how = format!("{} {} {}", self.augmenter.how(), self.seed, self.input);
        Some(digest_of(how.as_bytes(), self.source.digest()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dl_core::Tensor;
    use dl_data::Augmentation;

    fn filled(source: &dyn Source, epoch: usize, rows: &[usize]) -> Tensor {
        let mut batch = Batch::new(["x", "y"].into_iter(), epoch);
        batch.refill(source, rows).unwrap();
        batch.check().unwrap();
        batch.views()[0].to_owned()
    }

    fn bent() -> Augmented<dl_data::Split> {
        let how = Augmentation::new().shift(1).rotate(10.0).elastic(5.0, 1.5).flip();
        Augmented::new(dl_data::digits().unwrap().train, how.on([8, 8, 1]).unwrap(), 7)
    }

    #[test]
    fn images_depend_on_their_place_and_the_epoch_alone() {
        let source = bent();
        let rows: Vec<usize> = (0..100).rev().collect();
        let all = filled(&source, 3, &rows);
        let one = filled(&source, 3, &[42]);
        let at = (99 - 42) * 64;
        assert_eq!(one.get::<u8>().unwrap(), &all.get::<u8>().unwrap()[at..at + 64]);
        assert_ne!(filled(&source, 4, &[42]), one);
        assert_ne!(filled(&Augmented { seed: 8, ..source.clone() }, 3, &[42]), one);
        assert_eq!(
            filled(&source, 0, &rows),
            filled(&source.source, 3, &rows),
            "evaluations see them as they are"
        );
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let source = bent();
        let rows: Vec<usize> = (0..500).collect();
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| filled(&source, 1, &rows))
        };
        let one = with(1);
        assert!(one == with(2) && one == with(3));
    }

    #[test]
    fn images_of_another_size_or_type_are_refused() {
        let digits = dl_data::digits().unwrap().test;
        let fails = |source: &dyn Source, want: &str| {
            let mut batch = Batch::new(["x"].into_iter(), 1);
            assert_eq!(batch.refill(source, &[0, 1]).unwrap_err().to_string(), want);
        };
        let how = Augmentation::new().flip().on([9, 8, 1]).unwrap();
        let other = Augmented::new(&digits, how.clone(), 1);
        fails(&other, "input x has 128 values for 2 images of [9, 8, 1]");
        let doubles = crate::Columns::new().column("x", Tensor::zeros(DType::F64, [2, 72])).unwrap();
        fails(&Augmented::new(doubles, how, 1), "input x is f64, expected u8");
    }

    #[test]
    fn changed_images_are_told_from_others() {
        let one = bent();
        let other = Augmented { seed: 8, ..one.clone() };
        let digests = [one.digest(), other.digest(), one.source.digest()];
        assert!(digests.iter().all(Option::is_some));
        assert!(digests[0] != digests[1] && digests[1] != digests[2] && digests[0] != digests[2]);
    }
}
