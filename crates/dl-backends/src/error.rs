//! The crate's error: what a session or an executor refuses, and why.

use dl_core::graph::Origin;

/// The result of everything that can fail here.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a program could not be compiled or run.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Box<Kind>);

#[derive(Debug, thiserror::Error)]
enum Kind {
    #[error(transparent)]
    Core(#[from] dl_core::Error),
    #[error("{0}")]
    Value(String),
    #[error("{executor}: {message}")]
    Executor { executor: &'static str, message: String },
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

    /// A fault found while running the step that came from `origin`.
    pub fn at(origin: &Origin, message: impl std::fmt::Display) -> Self {
        match &origin.site {
            Some(site) => Error::value(format!("{site}: {message}")),
            None => Error::value(message.to_string()),
        }
    }
}

impl From<dl_core::Error> for Error {
    fn from(error: dl_core::Error) -> Self {
        Error(Box::new(Kind::Core(error)))
    }
}
