//! Images that are never quite the same twice.

use std::fmt;

use dl_core::{DType, Init};
use dl_data::Split;
use dl_train::{Batch, Result, Source};

/// How an image may change before it is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Augmentation {
    /// It is moved by up to so many pixels, up or down and to either side; zeros come in at the edges.
    pub shift: usize,
    /// Half of the images are mirrored, left to right.
    pub flips: bool,
}

/// What follows a recipe in words; nothing where nothing changes.
impl fmt::Display for Augmentation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.shift > 0 {
            write!(f, ", images moved by up to {}", self.shift)?;
        }
        f.write_str(if self.flips { ", half of them mirrored" } else { "" })
    }
}

/// Images with their labels, changed anew in every epoch; `seed`, the epoch and the batch's images decide how, so that a
/// training that is resumed sees the same ones.
pub struct Augmented<'a> {
    split: &'a Split,
    how: Augmentation,
    seed: u64,
}

impl<'a> Augmented<'a> {
    /// The images of `split`.
    pub fn new(split: &'a Split, how: Augmentation, seed: u64) -> Self {
        Augmented { split, how, seed }
    }
}

impl Source for Augmented<'_> {
    fn len(&self) -> usize {
        self.split.len()
    }

    fn fill(&self, rows: &[usize], batch: &mut Batch) -> Result<()> {
        if self.how == Augmentation::default() {
            return self.split.fill(rows, batch);
        }
        let [_, height, width] = self.split.images().shape();
        // Of an epoch, every batch has another first image.
        let stream = format!("augment {} {}", batch.epoch(), rows.first().copied().unwrap_or(0));
        let uniform = Init::Uniform { low: 0.0, high: 1.0 };
        let drawn = uniform.sample(DType::F64, &[rows.len(), 3], self.seed, &stream)?;
        let mut drawn = drawn.to_f64().into_iter();
        let mut draw = |choices: usize| (drawn.next().unwrap_or(0.0) * choices as f64) as usize;
        batch.set("y", &[rows.len()], |y| {
            y.extend(rows.iter().filter_map(|&row| self.split.label(row)).map(i64::from));
        })?;
        batch.set("x", &[rows.len(), height * width], |x| {
            for image in rows.iter().filter_map(|&row| self.split.image(row)) {
                let [down, right] = [(); 2].map(|()| draw(2 * self.how.shift + 1));
                let mirrored = draw(2) == 1 && self.how.flips;
                changed(image, [height, width], [down, right], self.how.shift, mirrored, x);
            }
        })
    }
}

/// Appends `image` with what is moved from `offsets` less `shift`, after it was mirrored.
fn changed(
    image: &[u8],
    [height, width]: [usize; 2],
    [down, right]: [usize; 2],
    shift: usize,
    mirrored: bool,
    into: &mut Vec<u8>,
) {
    // The place of the result in the image, where there is one.
    let from =
        |to: usize, offset: usize, size: usize| (to + shift).checked_sub(offset).filter(|at| *at < size);
    for row in 0..height {
        for column in 0..width {
            let at = from(row, down, height).zip(from(column, right, width));
            into.push(at.map_or(0, |(row, column)| {
                image[row * width + if mirrored { width - 1 - column } else { column }]
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(offsets: [usize; 2], shift: usize, mirrored: bool) -> Vec<u8> {
        let mut result = vec![];
        changed(&[1, 2, 3, 4, 5, 6], [2, 3], offsets, shift, mirrored, &mut result);
        result
    }

    #[test]
    fn images_are_moved_and_mirrored() {
        assert_eq!(of([1, 1], 1, false), [1, 2, 3, 4, 5, 6]);
        assert_eq!(of([1, 1], 1, true), [3, 2, 1, 6, 5, 4]);
        assert_eq!(of([2, 1], 1, false), [0, 0, 0, 1, 2, 3]);
        assert_eq!(of([1, 0], 1, false), [2, 3, 0, 5, 6, 0]);
    }
}
