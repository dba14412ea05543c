//! The crate's error: what went wrong, at which line of the user's program, and what was expected.

use std::borrow::Cow;
use std::fmt;
use std::panic::Location;

use serde::{Deserialize, Serialize};

/// The result of everything that can fail here.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a program could not be built, checked, read or run.
///
/// `{:?}` shows the message and its causes, since that is what a `main` which returns it prints.
#[derive(thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Kind>);

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_with_causes(self, f)
    }
}

/// An error's message and those of its causes, on from the first that it does not quote itself: the
/// `Debug` of every error of the workspace's crates.
#[doc(hidden)]
pub fn fmt_with_causes(error: &dyn std::error::Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut shown = error.to_string();
    f.write_str(&shown)?;
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !shown.contains(&message) {
            write!(f, ": {message}")?;
        }
        shown = message;
        cause = error.source();
    }
    Ok(())
}

#[derive(Debug, thiserror::Error)]
enum Kind {
    #[error("{}", list(.0))]
    Build(Vec<Fault>),
    #[error("{0}")]
    Value(String),
    #[error("{what}")]
    Format { what: String, source: serde_json::Error },
}

/// One mistake in the construction of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line of the user's program, where it is known.
    pub site: Option<Site>,
    /// What is wrong and what was expected.
    pub message: String,
}

/// A line of source code.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Site {
    /// The file, as the compiler saw it.
    pub file: Cow<'static, str>,
    /// The line, from 1.
    pub line: u32,
}

impl Error {
    /// A value that does not fit: its message says what, where and what was expected.
    pub fn value(message: impl Into<String>) -> Self {
        Error(Box::new(Kind::Value(message.into())))
    }

    /// The mistakes found while building; empty for other errors.
    pub fn faults(&self) -> &[Fault] {
        match &*self.0 {
            Kind::Build(faults) => faults,
            _ => &[],
        }
    }

    pub(crate) fn build(faults: Vec<Fault>) -> Self {
        Error(Box::new(Kind::Build(faults)))
    }

    pub(crate) fn format(what: impl Into<String>, source: serde_json::Error) -> Self {
        Error(Box::new(Kind::Format { what: what.into(), source }))
    }
}

fn list(faults: &[Fault]) -> String {
    faults.iter().map(Fault::to_string).collect::<Vec<_>>().join("\n")
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.site {
            Some(site) => write!(f, "{site}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl From<&'static Location<'static>> for Site {
    fn from(location: &'static Location<'static>) -> Self {
        Site { file: Cow::Borrowed(location.file()), line: location.line() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_what_people_read() {
        let site = Some(Site { file: "model.rs".into(), line: 7 });
        let fault = |message: &str| Fault { site: site.clone(), message: message.into() };
        let built = Error::build(vec![fault("one"), fault("two")]);
        assert_eq!(format!("{built:?}"), "model.rs:7: one\nmodel.rs:7: two");
        assert_eq!(format!("{:?}", Error::value("too large")), "too large");
        let cause = serde_json::from_str::<u8>("x").unwrap_err();
        let broken = Error::format("no program", cause);
        assert_eq!(format!("{broken:?}"), "no program: expected value at line 1 column 1");
        assert_eq!(
            format!("{:?}", Box::<dyn std::error::Error>::from(broken)),
            "no program: expected value at line 1 column 1"
        );
    }
}
