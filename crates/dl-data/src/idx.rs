//! The IDX format of MNIST, parsed with bounds: a big-endian header, then bytes.
//!
//! A file says how much it holds before it holds it. Nothing here believes that
//! number: it is compared with the file's length, and the file's own bytes become
//! the result, so that nothing is allocated for a promise. The limits are those of
//! the format: sizes below 2³², and as many bytes behind them as they multiply to.

use std::path::Path;

use crate::dataset::{Images, Split};
use crate::error::{Error, Kind, Result};

/// Parses an IDX file of grey images (magic `0x00000803`).
///
/// `file` names the bytes in errors.
///
/// # Errors
///
/// Another magic, a header that is cut, images without pixels, and fewer or
/// more bytes than the header promises.
pub fn images(bytes: Vec<u8>, file: &str) -> Result<Images> {
    let ([count, rows, columns], pixels) = body::<3>(bytes, IMAGES, file)?;
    for (side, value, offset) in [("rows", rows, 8), ("columns", columns, 12)] {
        if value == 0 {
            return Err(format_error(file, offset, format!("expected at least 1 {side}, got 0")));
        }
    }
    Images::new(pixels, [count, rows, columns])
}

/// Parses an IDX file of labels (magic `0x00000801`).
///
/// `file` names the bytes in errors.
///
/// # Errors
///
/// Another magic, a header that is cut, and fewer or more bytes than the
/// header promises.
pub fn labels(bytes: Vec<u8>, file: &str) -> Result<Vec<u8>> {
    let ([_], labels) = body::<1>(bytes, LABELS, file)?;
    Ok(labels)
}

/// Reads a split from two IDX files of your own, which nothing vouches for.
///
/// # Errors
///
/// A file that cannot be read, those of [`images`] and [`labels`], and fewer or
/// more labels than images.
pub fn split(images_file: impl AsRef<Path>, labels_file: impl AsRef<Path>) -> Result<Split> {
    let read = |path: &Path| -> Result<(Vec<u8>, String)> {
        let bytes = std::fs::read(path).map_err(|e| Kind::io(path, "read", e))?;
        Ok((bytes, path.display().to_string()))
    };
    let (image_bytes, image_name) = read(images_file.as_ref())?;
    let (label_bytes, label_name) = read(labels_file.as_ref())?;
    Split::new(images(image_bytes, &image_name)?, labels(label_bytes, &label_name)?)
}

/// Two zero bytes, the code of unsigned bytes, the number of dimensions.
const IMAGES: u32 = 0x0000_0803;
const LABELS: u32 = 0x0000_0801;

/// Checks the header and cuts it off: the `N` sizes and what they describe.
fn body<const N: usize>(mut bytes: Vec<u8>, magic: u32, file: &str) -> Result<([usize; N], Vec<u8>)> {
    let got = word(&bytes, 0, "magic", file)?;
    if got != magic {
        let what = format!("bad magic: expected {magic:#010x}, got {got:#010x}");
        return Err(format_error(file, 0, what));
    }
    let mut sizes = [0; N];
    for (i, size) in sizes.iter_mut().enumerate() {
        *size = word(&bytes, 4 + 4 * i, "size", file)? as usize;
    }
    let header = 4 + 4 * N;
    check_length(&sizes, header, bytes.len(), file)?;
    bytes.drain(..header);
    Ok((sizes, bytes))
}

fn word(bytes: &[u8], offset: usize, what: &str, file: &str) -> Result<u32> {
    match bytes.get(offset..offset + 4) {
        Some(&[a, b, c, d]) => Ok(u32::from_be_bytes([a, b, c, d])),
        _ => {
            let what = format!("{what}: expected 4 bytes, got {}", bytes.len() - offset.min(bytes.len()));
            Err(format_error(file, offset, what))
        }
    }
}

fn check_length(sizes: &[usize], header: usize, length: usize, file: &str) -> Result<()> {
    // Three 32-bit sizes can promise more than 64 bits; 128 hold any promise.
    let promised: u128 = sizes.iter().map(|&n| n as u128).product();
    let held = length - header;
    if promised == held as u128 {
        return Ok(());
    }
    let (what, offset) = if promised > held as u128 {
        ("truncated", length)
    } else {
        ("trailing bytes", header + promised as usize)
    };
    let what = format!("{what}: expected {promised} bytes for sizes {sizes:?}, got {held}");
    Err(format_error(file, offset, what))
}

fn format_error(file: &str, offset: usize, what: String) -> Error {
    let file = file.into();
    Kind::Format { file, offset, what }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(magic: u32, sizes: &[u32], body: &[u8]) -> Vec<u8> {
        let words = std::iter::once(magic).chain(sizes.iter().copied());
        let mut bytes: Vec<u8> = words.flat_map(u32::to_be_bytes).collect();
        bytes.extend_from_slice(body);
        bytes
    }

    #[track_caller]
    fn check_images(sizes: &[u32], body: &[u8], message: &str) {
        let error = images(file(IMAGES, sizes, body), "f").unwrap_err();
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn well_formed_files_are_read() {
        let two = images(file(IMAGES, &[2, 1, 3], &[1, 2, 3, 4, 5, 6]), "f").unwrap();
        assert_eq!(two.shape(), [2, 1, 3]);
        assert_eq!(two.get(1), Some(&[4, 5, 6][..]));
        assert_eq!(labels(file(LABELS, &[2], &[7, 0]), "f").unwrap(), [7, 0]);
        assert!(images(file(IMAGES, &[0, 1, 3], &[]), "f").unwrap().is_empty());
    }

    #[test]
    fn every_cut_is_an_error() {
        let whole = file(IMAGES, &[2, 1, 3], &[1, 2, 3, 4, 5, 6]);
        for length in 0..whole.len() {
            let error = images(whole[..length].to_vec(), "f").unwrap_err().to_string();
            assert!(error.starts_with("f: byte "), "{length}: {error}");
        }
        let whole = file(LABELS, &[3], &[1, 2, 3]);
        for length in 0..whole.len() {
            assert!(labels(whole[..length].to_vec(), "f").is_err(), "{length}");
        }
    }

    #[test]
    fn a_cut_says_where_and_what_was_expected() {
        let error = images(vec![0, 0], "f").unwrap_err();
        assert_eq!(error.to_string(), "f: byte 0: magic: expected 4 bytes, got 2");
        let error = images(file(IMAGES, &[1], &[0]), "f").unwrap_err();
        assert_eq!(error.to_string(), "f: byte 8: size: expected 4 bytes, got 1");
    }

    #[test]
    fn a_promise_of_more_than_the_file_holds_is_an_error() {
        check_images(
            &[2, 1, 3],
            &[1, 2, 3, 4, 5],
            "f: byte 21: truncated: expected 6 bytes for sizes [2, 1, 3], got 5",
        );
        check_images(
            &[u32::MAX; 3],
            &[1],
            "f: byte 17: truncated: expected 79228162458924105385300197375 bytes \
             for sizes [4294967295, 4294967295, 4294967295], got 1",
        );
    }

    #[test]
    fn a_promise_that_wraps_to_the_files_length_is_an_error() {
        // The product is 2^64, which is 0 in 64 bits.
        check_images(
            &[1 << 31, 1 << 31, 4],
            &[],
            "f: byte 16: truncated: expected 18446744073709551616 bytes \
             for sizes [2147483648, 2147483648, 4], got 0",
        );
    }

    #[test]
    fn trailing_bytes_are_an_error() {
        check_images(
            &[1, 1, 3],
            &[1, 2, 3, 4, 5],
            "f: byte 19: trailing bytes: expected 3 bytes for sizes [1, 1, 3], got 5",
        );
    }

    #[test]
    fn images_without_pixels_are_an_error() {
        check_images(&[u32::MAX, 0, 3], &[], "f: byte 8: expected at least 1 rows, got 0");
        check_images(&[7, 3, 0], &[], "f: byte 12: expected at least 1 columns, got 0");
    }

    #[test]
    fn another_magic_is_an_error() {
        let error = images(file(LABELS, &[1], &[0]), "f").unwrap_err();
        assert_eq!(error.to_string(), "f: byte 0: bad magic: expected 0x00000803, got 0x00000801");
        assert!(labels(file(IMAGES, &[1, 1, 1], &[0]), "f").is_err());
    }

    #[test]
    fn a_split_is_read_from_two_files() {
        let folder = tempfile::tempdir().unwrap();
        let (x, y) = (folder.path().join("x"), folder.path().join("y"));
        std::fs::write(&x, file(IMAGES, &[2, 1, 1], &[8, 9])).unwrap();
        std::fs::write(&y, file(LABELS, &[2], &[1, 0])).unwrap();
        assert_eq!(split(&x, &y).unwrap().labels(), [1, 0]);
        let error = split(&y, &x).unwrap_err().to_string();
        assert!(error.contains("y: byte 0: bad magic"), "{error}");
        let error = split(folder.path().join("z"), &y).unwrap_err().to_string();
        assert!(error.ends_with("z: cannot read"), "{error}");
    }
}
