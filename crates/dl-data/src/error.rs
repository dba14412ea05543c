//! The error of this crate: what is wrong, where, and what was expected.

use std::fmt::{self, Write as _};
use std::{io, path::Path};

/// What this crate's functions return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a dataset could not be had, parsed or batched.
///
/// The message says what is wrong, where, and what was expected; the operating
/// system's reason, where there is one, is its [`source`](std::error::Error::source).
/// `{:?}` shows both, since that is what a `main` which returns it prints.
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Kind>);

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&with_causes(self))
    }
}

impl Error {
    /// Whether every source of a dataset was tried in vain, so that a test
    /// or an example without network may pass over it.
    pub fn is_unavailable(&self) -> bool {
        matches!(*self.0, Kind::Unavailable { .. })
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Error(Box::new(kind))
    }
}

/// The private side of [`Error`], free to change.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Kind {
    #[error("{path}: cannot {action}")]
    Io { path: String, action: &'static str, source: io::Error },
    #[error("{file}: byte {offset}: {what}")]
    Format { file: String, offset: usize, what: String },
    #[error("{file}: expected {expected} bytes, got {got}")]
    Size { file: String, expected: u64, got: String },
    #[error("{file}: sha-256 does not match: expected {expected}, got {got}")]
    Digest { file: String, expected: String, got: String },
    #[error("{place}: has neither {name} nor {name}.gz")]
    Missing { place: String, name: String },
    #[error("{0}")]
    Unset(&'static str),
    #[cfg(feature = "fetch")]
    #[error("{program} failed ({status}){}{said}", if said.is_empty() { "" } else { ": " })]
    Program { program: String, status: String, said: String },
    #[error("{name} is not available; tried{}", list(tried))]
    Unavailable { name: &'static str, tried: Vec<(String, Error)> },
    #[error("a split needs one label per image: {images} images, {labels} labels")]
    Pairing { images: usize, labels: usize },
    #[error("{name}: {split} label {index}: class {label} is outside the {classes} classes")]
    Label { name: String, split: &'static str, index: usize, label: u8, classes: usize },
    #[error("{name}: train images are {train:?} pixels, test images {test:?}")]
    Sides { name: String, train: [usize; 2], test: [usize; 2] },
    #[error("images of shape {shape:?} need {expected} bytes, got {got}")]
    Pixels { shape: [usize; 3], expected: String, got: usize },
    #[error("images of shape {shape:?} have no pixels: rows and columns must be at least 1")]
    NoPixels { shape: [usize; 3] },
    #[error("{0}")]
    Setting(String),
    #[cfg_attr(not(any(feature = "csv", feature = "parquet")), expect(dead_code))]
    #[error("{file}: {place}: {what}")]
    Place { file: String, place: String, what: String },
    #[error("batch size must be at least 1, got 0")]
    BatchSize,
    #[error("index {index} is outside a split of {len} images")]
    Index { index: usize, len: usize },
}

impl Kind {
    /// The operating system refused `action` on `path`.
    pub(crate) fn io(path: &Path, action: &'static str, source: io::Error) -> Error {
        let path = path.display().to_string();
        Kind::Io { path, action, source }.into()
    }
}

/// An error with all its causes on one line.
pub(crate) fn with_causes(error: &Error) -> String {
    let mut line = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        // Writing into a `String` cannot fail.
        let _ = write!(line, ": {error}");
        cause = error.source();
    }
    line
}

fn list(tried: &[(String, Error)]) -> String {
    let mut lines = String::new();
    for (source, error) in tried {
        let _ = write!(lines, "\n  {source}: {}", with_causes(error));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_what_people_read() {
        let refused = || Kind::io(Path::new("there"), "open", io::Error::other("it is a door"));
        assert_eq!(format!("{:?}", refused()), "there: cannot open: it is a door");
        let boxed: Box<dyn std::error::Error> = refused().into();
        assert_eq!(format!("{boxed:?}"), "there: cannot open: it is a door");
        assert_eq!(format!("{:?}", Error::from(Kind::BatchSize)), "batch size must be at least 1, got 0");
        let unavailable: Error =
            Kind::Unavailable { name: "mnist", tried: vec![("cache".into(), refused())] }.into();
        assert_eq!(
            format!("{unavailable:?}"),
            "mnist is not available; tried\n  cache: there: cannot open: it is a door"
        );
    }
}
