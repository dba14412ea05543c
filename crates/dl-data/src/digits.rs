//! The 1,797 handwritten digits of 8×8 pixels, carried inside this crate.

use crate::dataset::{Dataset, Images, Split};
use crate::error::{Error, Kind, Result};
use crate::verify::{File, read_gzip};

/// The 8×8 digits: 1,437 to train on and 360 to test with, pixels from 0 to 16.
///
/// They are the test set of *Optical Recognition of Handwritten Digits*
/// (Alpaydin and Kaynak, 1998) as scikit-learn ships it. It has no official
/// split: here the first four fifths, in the file's order, are for training.
/// `data/README.md` gives source and licence.
///
/// # Errors
///
/// None while the crate's own copy is intact; it is verified like any other.
pub fn digits() -> Result<Dataset> {
    let csv = read_gzip(&CSV, GZIP, CSV.name)?;
    let (train, test) = parse(&csv)?;
    let names = (0..10).map(|class| class.to_string()).collect();
    let mut digits = Dataset::new("digits", train, test, names)?;
    digits.origin = "the copy inside dl-data".into();
    digits.full_scale = 16;
    Ok(digits)
}

const GZIP: &[u8] = include_bytes!("../data/digits.csv.gz");

const CSV: File = File {
    name: "digits.csv",
    bytes: 264_712,
    sha256: "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8",
};

const TRAIN: usize = 1_437;
const SIDE: usize = 8;
const PIXELS: usize = SIDE * SIDE;

/// Lines of 64 pixels and a class.
fn parse(csv: &[u8]) -> Result<(Split, Split)> {
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    let mut offset = 0;
    for line in csv.split_inclusive(|&byte| byte == b'\n') {
        let row = numbers(line).ok_or_else(|| bad_line(offset))?;
        pixels.extend_from_slice(&row[..PIXELS]);
        labels.push(row[PIXELS]);
        offset += line.len();
    }
    let cut = TRAIN.min(labels.len());
    let (test_pixels, test_labels) = (pixels.split_off(cut * PIXELS), labels.split_off(cut));
    Ok((split(pixels, labels)?, split(test_pixels, test_labels)?))
}

fn split(pixels: Vec<u8>, labels: Vec<u8>) -> Result<Split> {
    Split::new(Images::new(pixels, [labels.len(), SIDE, SIDE])?, labels)
}

fn numbers(line: &[u8]) -> Option<Vec<u8>> {
    let fields = std::str::from_utf8(line).ok()?.trim_end().split(',');
    let numbers: Vec<u8> = fields.map(|field| field.parse().ok()).collect::<Option<_>>()?;
    (numbers.len() == PIXELS + 1).then_some(numbers)
}

fn bad_line(offset: usize) -> Error {
    let what = format!("expected a line of {} numbers from 0 to 255", PIXELS + 1);
    let file = CSV.name.into();
    Kind::Format { file, offset, what }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_are_all_there() {
        let digits = digits().unwrap();
        assert_eq!(digits.to_string(), "digits: 1437 train and 360 test images of 8x8, 10 classes");
        assert_eq!(digits.train.labels()[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(digits.train.image(0).unwrap()[..8], [0, 0, 5, 13, 9, 1, 0, 0]);
        assert_eq!(digits.test.label(359), Some(8));
        let brightest = digits.train.images().as_slice().iter().max();
        assert_eq!(brightest, Some(&digits.full_scale));
    }

    #[test]
    fn a_bad_line_is_named() {
        let good = [["3"; 65].join(","), "\n".into()].concat();
        for bad in ["1,2\n", "", "x\n", "256\n"] {
            let csv = format!("{good}{}{bad}", ["3,"; 64].concat());
            let result = parse(csv.as_bytes());
            let error = result.unwrap_err().to_string();
            assert_eq!(error, "digits.csv: byte 130: expected a line of 65 numbers from 0 to 255");
        }
        assert_eq!(parse(good.as_bytes()).unwrap().0.labels(), [3]);
    }
}
