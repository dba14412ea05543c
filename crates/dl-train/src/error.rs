//! The crate's error: what the loop refuses, and where training went wrong.

use std::fmt;

use dl_core::error::fmt_with_causes;

use crate::checkpoint::Saved;

/// The result of everything that can fail here.
pub type Result<T> = std::result::Result<T, Error>;

/// Why training could not start or go on.
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
pub(crate) enum Kind {
    #[error(transparent)]
    Backend(#[from] dl_backends::Error),
    #[error(transparent)]
    Core(#[from] dl_core::Error),
    #[error("{place}: {source}")]
    Batch { place: String, source: dl_backends::Error },
    #[error("{place}: {output} is {value}, expected a finite number")]
    Diverged { place: String, output: String, value: f64 },
    #[error("{cause}; the training before it is saved: {at}")]
    Saved { cause: Error, at: Saved },
    #[error("{0}")]
    Value(String),
}

impl Error {
    /// A value that does not fit, as a [`Source`](crate::Source) of your own may find one: the
    /// message says what, where and what was expected.
    pub fn value(message: impl Into<String>) -> Self {
        Kind::Value(message.into()).into()
    }

    /// Whether a reported output became NaN or infinite, or, in a session that
    /// [checks](dl_backends::Session::checking), whatever else has to be finite: so that a search over learning
    /// rates may pass over this one.
    pub fn is_divergence(&self) -> bool {
        match &*self.0 {
            Kind::Diverged { .. } => true,
            Kind::Backend(source) | Kind::Batch { source, .. } => source.is_not_finite(),
            Kind::Saved { cause, .. } => cause.is_divergence(),
            _ => false,
        }
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Error(Box::new(kind))
    }
}

impl From<dl_backends::Error> for Error {
    fn from(error: dl_backends::Error) -> Self {
        Kind::from(error).into()
    }
}

impl From<dl_core::Error> for Error {
    fn from(error: dl_core::Error) -> Self {
        Kind::from(error).into()
    }
}

/// Names for a message.
pub(crate) fn listed(names: &[&str]) -> String {
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_what_people_read() {
        let shown = |error: Error| format!("{error:?}");
        assert_eq!(shown(Error::value("no examples")), "no examples");
        assert_eq!(shown(dl_core::Error::value("too large").into()), "too large");
        let (place, source) = ("epoch 1, batch 2 of 3".into(), dl_backends::Error::value("no memory"));
        assert_eq!(shown(Kind::Batch { place, source }.into()), "epoch 1, batch 2 of 3: no memory");
        let (place, output) = ("epoch 1".into(), "J".into());
        let diverged = Kind::Diverged { place, output, value: f64::NAN };
        assert_eq!(shown(diverged.into()), "epoch 1: J is NaN, expected a finite number");
    }
}
