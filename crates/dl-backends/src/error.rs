//! The crate's error: what a session or an executor refuses, and why.

use std::fmt;

use dl_core::error::fmt_with_causes;
use dl_core::graph::Origin;

/// The result of everything that can fail here.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a program could not be compiled or run.
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

#[derive(Debug, thiserror::Error)]
enum Kind {
    #[error(transparent)]
    Core(#[from] dl_core::Error),
    #[error("{0}")]
    Value(String),
    #[error("{0}")]
    NotFinite(String),
    #[error("{name}: {source}")]
    File { name: String, source: std::io::Error },
    #[error("{executor}: {message}")]
    Executor { executor: &'static str, message: String },
    #[cfg(any(feature = "ndarray", feature = "flex", feature = "wgpu"))]
    #[error("{message}: {advice}")]
    Device { message: String, advice: &'static str },
}

impl Error {
    /// A value that does not fit: its message says what, where and what was expected.
    pub fn value(message: impl Into<String>) -> Self {
        Error(Box::new(Kind::Value(message.into())))
    }

    /// What an executor cannot do, or what its library reported.
    pub fn executor(executor: &'static str, message: impl Into<String>) -> Self {
        Error(Box::new(Kind::Executor { executor, message: message.into() }))
    }

    /// What a device reported, with the adapter's name and what can be done about it.
    #[cfg(any(feature = "ndarray", feature = "flex", feature = "wgpu"))]
    pub(crate) fn device(adapter: &str, error: Error, advice: &'static str) -> Self {
        let message = match *error.0 {
            Kind::Executor { executor, message } => format!("{executor} on {adapter}: {message}"),
            Kind::Device { .. } => return error,
            _ => format!("{adapter}: {error}"),
        };
        Error(Box::new(Kind::Device { message, advice }))
    }

    /// Whether an executor's library reported it.
    #[cfg(any(feature = "ndarray", feature = "flex", feature = "wgpu"))]
    pub(crate) fn is_executor(&self) -> bool {
        matches!(*self.0, Kind::Executor { .. })
    }

    /// What is wrong with a file, or what the system reports of it.
    pub fn file(name: &str, source: std::io::Error) -> Self {
        Error(Box::new(Kind::File { name: name.into(), source }))
    }

    /// A fault found while running the step that came from `origin`.
    pub fn at(origin: &Origin, message: impl fmt::Display) -> Self {
        Error::value(located(origin, message))
    }

    /// Numbers of a [checked](crate::Session::checking) run that are not finite.
    pub(crate) fn not_finite(origin: &Origin, message: impl fmt::Display) -> Self {
        Error(Box::new(Kind::NotFinite(located(origin, message))))
    }

    /// Whether a [checked](crate::Session::checking) run was stopped by numbers that are not finite.
    pub fn is_not_finite(&self) -> bool {
        matches!(*self.0, Kind::NotFinite(_))
    }
}

fn located(origin: &Origin, message: impl fmt::Display) -> String {
    match &origin.site {
        Some(site) => format!("{site}: {message}"),
        None => message.to_string(),
    }
}

impl From<dl_core::Error> for Error {
    fn from(error: dl_core::Error) -> Self {
        Error(Box::new(Kind::Core(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_what_people_read() {
        let shown = |error: Error| format!("{error:?}");
        assert_eq!(shown(dl_core::Error::value("too large").into()), "too large");
        assert_eq!(shown(Error::value("too small")), "too small");
        assert_eq!(shown(Error::executor("cpu", "no memory")), "cpu: no memory");
        let broken = dl_core::Program::from_json("x").expect_err("no program");
        let whole = format!("{broken:?}");
        assert_eq!(shown(broken.into()), whole);
    }
}
