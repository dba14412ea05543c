//! Trust: a file is read no further than its known size and believed only by its SHA-256.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use crate::error::{Error, Kind, Result};

/// A file that is known beforehand; size and digest are of its plain form.
#[derive(Clone, Copy, Debug)]
pub(crate) struct File {
    pub(crate) name: &'static str,
    pub(crate) bytes: u64,
    /// Lower-case hexadecimal.
    pub(crate) sha256: &'static str,
}

/// Reads `file`, plain or as `.gz`, from the first of `folders` that has it.
pub(crate) fn read_from(folders: &[PathBuf], file: &File) -> Result<Vec<u8>> {
    for folder in folders {
        let plain = folder.join(file.name);
        if plain.exists() {
            return read_plain(file, open(&plain)?, &plain.display().to_string());
        }
        let gzip = folder.join(format!("{}.gz", file.name));
        if gzip.exists() {
            return read_gzip(file, open(&gzip)?, &gzip.display().to_string());
        }
    }
    let places: Vec<String> = folders.iter().map(|f| f.display().to_string()).collect();
    Err(Kind::Missing { place: places.join(", "), name: file.name.into() }.into())
}

/// Reads all four files of a collection.
pub(crate) fn read_all(folders: &[PathBuf], files: &[File; 4]) -> Result<[Vec<u8>; 4]> {
    let [a, b, c, d] = files;
    let read = |file| read_from(folders, file);
    Ok([read(a)?, read(b)?, read(c)?, read(d)?])
}

/// Reads `file` from its plain bytes; `place` names them in errors.
pub(crate) fn read_plain(file: &File, reader: impl Read, place: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more than known is enough to see that there is more.
    reader.take(file.bytes + 1).read_to_end(&mut bytes).map_err(|source| read_error(place, source))?;
    check(file, &bytes, place)?;
    Ok(bytes)
}

/// Reads `file` from its gzip form, inflating no further than its known size.
pub(crate) fn read_gzip(file: &File, reader: impl Read, place: &str) -> Result<Vec<u8>> {
    read_plain(file, GzDecoder::new(reader), place)
}

/// The SHA-256 of `bytes` in lower-case hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        // Writing into a `String` cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

fn check(file: &File, bytes: &[u8], place: &str) -> Result<()> {
    let got = bytes.len() as u64;
    if got != file.bytes {
        let more = got > file.bytes;
        return Err(Kind::Size {
            file: place.into(),
            expected: file.bytes,
            got: if more { "more".into() } else { got.to_string() },
        }
        .into());
    }
    let got = sha256(bytes);
    if got != file.sha256 {
        return Err(Kind::Digest { file: place.into(), expected: file.sha256.into(), got }.into());
    }
    Ok(())
}

fn open(path: &Path) -> Result<BufReader<fs::File>> {
    let file = fs::File::open(path).map_err(|e| Kind::io(path, "open", e))?;
    Ok(BufReader::new(file))
}

fn read_error(place: &str, source: io::Error) -> Error {
    Kind::io(Path::new(place), "read", source)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    const ABC: File = File {
        name: "abc",
        bytes: 3,
        sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    };

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn the_right_bytes_are_believed() {
        assert_eq!(read_plain(&ABC, &b"abc"[..], "p").unwrap(), b"abc");
        assert_eq!(read_gzip(&ABC, &gzip(b"abc")[..], "p").unwrap(), b"abc");
    }

    #[test]
    fn other_bytes_are_not() {
        let error = read_plain(&ABC, &b"abd"[..], "p").unwrap_err().to_string();
        assert!(error.starts_with("p: sha-256 does not match: expected ba7816bf"), "{error}");
        assert!(error.ends_with(&sha256(b"abd")), "{error}");
        let error = read_plain(&ABC, &b"ab"[..], "p").unwrap_err();
        assert_eq!(error.to_string(), "p: expected 3 bytes, got 2");
        let error = read_plain(&ABC, &b"abcd"[..], "p").unwrap_err();
        assert_eq!(error.to_string(), "p: expected 3 bytes, got more");
    }

    #[test]
    fn inflating_stops_one_byte_past_the_known_size() {
        struct Count<R>(R, u64);
        impl<R: Read> Read for Count<R> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                let n = self.0.read(buffer)?;
                self.1 += n as u64;
                Ok(n)
            }
        }
        let bomb = gzip(&vec![0; 1 << 24]);
        let mut inflated = Count(GzDecoder::new(&bomb[..]), 0);
        let error = read_plain(&ABC, &mut inflated, "p").unwrap_err();
        assert_eq!(error.to_string(), "p: expected 3 bytes, got more");
        assert_eq!(inflated.1, 4);
    }

    #[test]
    fn every_cut_of_a_gzip_file_is_an_error() {
        let whole = gzip(b"abc");
        for length in 0..whole.len() {
            assert!(read_gzip(&ABC, &whole[..length], "p").is_err(), "{length}");
        }
    }

    #[test]
    fn folders_are_searched_in_order_plain_before_gzip() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let folders = [first.path().to_path_buf(), second.path().to_path_buf()];
        let error = read_from(&folders, &ABC).unwrap_err().to_string();
        assert!(error.ends_with("has neither abc nor abc.gz"), "{error}");
        fs::write(second.path().join("abc.gz"), gzip(b"abc")).unwrap();
        assert_eq!(read_from(&folders, &ABC).unwrap(), b"abc");
        fs::write(first.path().join("abc"), b"xyz").unwrap();
        let error = read_from(&folders, &ABC).unwrap_err().to_string();
        assert!(error.contains("sha-256 does not match"), "{error}");
    }
}
