//! What can go wrong in a benchmark, as one line for the person who ran it.

use std::fmt;

/// A message that says what failed and what was expected.
#[derive(Debug)]
pub struct Fault(String);

/// A result with a [`Fault`].
pub type Result<T> = std::result::Result<T, Fault>;

impl Fault {
    /// A message that stands for itself.
    pub fn new(message: impl fmt::Display) -> Self {
        Fault(message.to_string())
    }

    /// The same with what was being done in front.
    pub fn during(self, what: impl fmt::Display) -> Self {
        Fault(format!("{what}: {}", self.0))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Fault {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !message.contains(&cause_text) {
                message = format!("{message}: {cause_text}");
            }
            source = cause.source();
        }
        Fault(message)
    }
}
