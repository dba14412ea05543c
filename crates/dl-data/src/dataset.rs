//! What a dataset is: images of one size, their labels, and a split for training and one for testing.

use std::fmt;
use std::ops::Range;

use crate::error::{Kind, Result};

/// Images with labels, split for training and testing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dataset {
    /// What the data is: `"mnist"`, `"fashion-mnist"`, `"digits"`, or your own set's name.
    pub name: String,
    /// Where these bytes came from, for reports.
    pub origin: String,
    /// The images to learn from.
    pub train: Split,
    /// The images to be judged by.
    pub test: Split,
    /// The name of each class; a label is an index into it.
    pub classes: Vec<String>,
    /// The pixel value of full ink: 255 for MNIST, 16 for the digits. Dividing by it gives `[0, 1]`.
    pub full_scale: u8,
}

impl Dataset {
    /// A dataset of your own; `classes` names its classes in the order of the labels.
    ///
    /// # Errors
    ///
    /// A label that is no index into `classes`, or train and test images of different sizes.
    pub fn new(name: impl Into<String>, train: Split, test: Split, classes: Vec<String>) -> Result<Self> {
        let name = name.into();
        for (split, which) in [(&train, "train"), (&test, "test")] {
            check_labels(&name, which, split.labels(), classes.len())?;
        }
        let [_, train_sides @ ..] = train.images().shape();
        let [_, test_sides @ ..] = test.images().shape();
        if train_sides != test_sides {
            return Err(Kind::Sides { name, train: train_sides, test: test_sides }.into());
        }
        Ok(Dataset { name, origin: "the caller".into(), train, test, classes, full_scale: u8::MAX })
    }

    /// The training images alone, the last `n` of them to be judged by: settings that are chosen by these have not
    /// seen the test images.
    #[must_use]
    pub fn held_out(&self, n: usize) -> Dataset {
        let learnt = self.train.len().saturating_sub(n);
        Dataset { train: self.train.take(learnt), test: self.train.skip(learnt), ..self.clone() }
    }
}

/// `mnist: 60000 train and 10000 test images of 28x28, 10 classes`
impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [train, rows, columns] = self.train.images().shape();
        let (test, classes) = (self.test.len(), self.classes.len());
        write!(
            f,
            "{}: {train} train and {test} test images of {rows}x{columns}, {classes} classes",
            self.name
        )
    }
}

/// Images and the class of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    images: Images,
    labels: Vec<u8>,
}

impl Split {
    /// Pairs `images` with `labels`, image `i` with label `i`.
    ///
    /// # Errors
    ///
    /// Fewer or more labels than images.
    pub fn new(images: Images, labels: Vec<u8>) -> Result<Self> {
        if images.len() != labels.len() {
            return Err(Kind::Pairing { images: images.len(), labels: labels.len() }.into());
        }
        Ok(Split { images, labels })
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// All images, shape `[len, rows, columns]`.
    pub fn images(&self) -> &Images {
        &self.images
    }

    /// The class of each image.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// The pixels of image `i`, row by row; `None` past the end.
    pub fn image(&self, i: usize) -> Option<&[u8]> {
        self.images.get(i)
    }

    /// The class of image `i`; `None` past the end.
    pub fn label(&self, i: usize) -> Option<u8> {
        self.labels.get(i).copied()
    }

    /// A split of the first `n` images, or of all if there are fewer.
    #[must_use]
    pub fn take(&self, n: usize) -> Split {
        self.part(0..n.min(self.len()))
    }

    /// A split of all but the first `n` images; without any if there are fewer.
    #[must_use]
    pub fn skip(&self, n: usize) -> Split {
        self.part(n.min(self.len())..self.len())
    }

    fn part(&self, images: Range<usize>) -> Split {
        let ([_, rows, columns], size) = (self.images.shape, self.images.pixels_per_image());
        let pixels = self.images.pixels[images.start * size..images.end * size].to_vec();
        let shape = [images.len(), rows, columns];
        Split { images: Images { pixels, shape }, labels: self.labels[images].to_vec() }
    }
}

/// Grey images of one size, one byte per pixel, row by row.
#[derive(Clone, PartialEq, Eq)]
pub struct Images {
    pixels: Vec<u8>,
    shape: [usize; 3],
}

impl Images {
    /// Images of `shape` `[count, rows, columns]` from their pixels.
    ///
    /// # Errors
    ///
    /// No rows or no columns, or a number of pixels that is not the shape's product.
    pub fn new(pixels: Vec<u8>, shape: [usize; 3]) -> Result<Self> {
        let [count, rows, columns] = shape;
        if rows == 0 || columns == 0 {
            return Err(Kind::NoPixels { shape }.into());
        }
        let expected = rows.checked_mul(columns).and_then(|n| n.checked_mul(count));
        if expected != Some(pixels.len()) {
            return Err(Kind::Pixels {
                shape,
                expected: expected.map_or("too many".into(), |n| n.to_string()),
                got: pixels.len(),
            }
            .into());
        }
        Ok(Images { pixels, shape })
    }

    /// `[count, rows, columns]`.
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.shape[0]
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of pixels of one image, `rows * columns`.
    pub fn pixels_per_image(&self) -> usize {
        self.shape[1] * self.shape[2]
    }

    /// The pixels of all images, image by image.
    pub fn as_slice(&self) -> &[u8] {
        &self.pixels
    }

    /// The pixels of image `i`, row by row; `None` past the end.
    pub fn get(&self, i: usize) -> Option<&[u8]> {
        let size = self.pixels_per_image();
        (i < self.len()).then(|| &self.pixels[i * size..(i + 1) * size])
    }

    /// Each image in turn.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.pixels.chunks_exact(self.pixels_per_image())
    }
}

/// The shape alone: millions of pixels help nobody.
impl fmt::Debug for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Images(u8, {:?})", self.shape)
    }
}

fn check_labels(name: &str, split: &'static str, labels: &[u8], classes: usize) -> Result<()> {
    match labels.iter().position(|&label| label as usize >= classes) {
        None => Ok(()),
        Some(index) => {
            Err(Kind::Label { name: name.into(), split, index, label: labels[index], classes }.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(count: usize, labels: &[u8]) -> Result<Split> {
        let pixels = (0..4 * count).map(|i| i as u8).collect();
        Split::new(Images::new(pixels, [count, 2, 2])?, labels.to_vec())
    }

    #[track_caller]
    fn check<T: fmt::Debug>(got: Result<T>, message: &str) {
        assert_eq!(got.unwrap_err().to_string(), message);
    }

    #[test]
    fn images_and_labels_are_read_by_index() {
        let split = split(3, &[0, 1, 0]).unwrap();
        assert_eq!(split.image(1), Some(&[4, 5, 6, 7][..]));
        assert_eq!(split.label(1), Some(1));
        assert_eq!(split.image(3), None);
        assert_eq!(split.label(3), None);
        assert_eq!(split.images().iter().len(), 3);
    }

    #[test]
    fn take_keeps_the_first_and_skip_the_others() {
        let three = split(3, &[0, 1, 0]).unwrap();
        let last = three.skip(2);
        assert_eq!((last.image(0), last.labels()), (three.image(2), &[0][..]));
        assert_eq!((three.skip(0), three.skip(9).len()), (three.clone(), 0));
        assert_eq!(three.take(2), split(2, &[0, 1]).unwrap());
        assert_eq!(three.take(9), three);
        assert!(three.take(0).is_empty());
    }

    #[test]
    fn misfits_are_errors() {
        check(split(3, &[0, 1]), "a split needs one label per image: 3 images, 2 labels");
        check(Images::new(vec![0; 5], [1, 2, 2]), "images of shape [1, 2, 2] need 4 bytes, got 5");
        check(
            Images::new(vec![], [usize::MAX, 2, 2]),
            &format!("images of shape [{}, 2, 2] need too many bytes, got 0", usize::MAX),
        );
        check(
            Images::new(vec![], [usize::MAX, 0, 2]),
            &format!(
                "images of shape [{}, 0, 2] have no pixels: rows and columns must be at least 1",
                usize::MAX
            ),
        );
    }

    #[test]
    fn a_label_outside_the_classes_is_an_error() {
        let names = vec!["a".to_string(), "b".to_string()];
        let (train, test) = (split(1, &[1]).unwrap(), split(2, &[0, 2]).unwrap());
        check(
            Dataset::new("mine", train, test, names),
            "mine: test label 1: class 2 is outside the 2 classes",
        );
    }

    #[test]
    fn images_of_two_sizes_are_an_error() {
        let wide = Images::new(vec![0; 6], [1, 2, 3]).unwrap();
        let (train, test) = (split(1, &[0]).unwrap(), Split::new(wide, vec![0]).unwrap());
        check(
            Dataset::new("mine", train, test, vec!["a".into()]),
            "mine: train images are [2, 2] pixels, test images [2, 3]",
        );
    }

    #[test]
    fn images_held_out_are_the_last_to_learn_from() {
        let (three, one) = (split(3, &[0, 1, 0]).unwrap(), split(1, &[0]).unwrap());
        let set = Dataset::new("mine", three.clone(), one, vec!["a".into(), "b".into()]).unwrap();
        let held = set.held_out(2);
        assert_eq!((held.train, held.test), (three.take(1), three.skip(1)));
        assert_eq!(set.held_out(9).test, three);
    }

    #[test]
    fn a_dataset_names_itself() {
        let one = split(1, &[0]).unwrap();
        let set = Dataset::new("mine", one.clone(), one, vec!["a".into()]).unwrap();
        assert_eq!(set.to_string(), "mine: 1 train and 1 test images of 2x2, 1 classes");
    }
}
