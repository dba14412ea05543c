//! Mistakes in formulas, shown under the characters that they are about.

use std::fmt;
use std::ops::Range;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Where something stands in the text, in bytes.
pub type Span = Range<usize>;

/// What is wrong with a formula, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    text: String,
    span: Span,
    what: String,
}

impl Mistake {
    /// Something wrong at a place of `text`.
    pub(crate) fn new(text: &str, span: Span, what: impl Into<String>) -> Mistake {
        Mistake { text: text.to_owned(), span, what: what.into() }
    }

    /// The same in a text in which the formula's begins at a place.
    pub(crate) fn within(self, text: &str, place: usize) -> Mistake {
        if self.text.is_empty() {
            return self;
        }
        let span = self.span.start + place..self.span.end + place;
        Mistake { text: text.to_owned(), span, what: self.what }
    }

    /// The line of the text, from 1.
    pub(crate) fn line(&self) -> usize {
        let before = &self.text.as_bytes()[..self.span.start.min(self.text.len())];
        1 + before.iter().filter(|byte| **byte == b'\n').count()
    }

    /// What is wrong, without the place.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Where, in bytes of the text.
    pub fn span(&self) -> Span {
        self.span.clone()
    }
}

/// The message, the line, and marks under the characters.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.text.is_empty() {
            return f.write_str(&self.what);
        }
        let start = self.span.start.min(self.text.len());
        let begin = self.text[..start].rfind('\n').map_or(0, |at| at + 1);
        let end = self.text[start..].find('\n').map_or(self.text.len(), |at| start + at);
        let line = &self.text[begin..end];
        let within = &self.text[start..self.span.end.clamp(start, end)];
        let lead: String = self.text[begin..start].chars().filter_map(blank).collect();
        let marks = "^".repeat(within.width().max(1));
        write!(f, "{}\n  {line}\n  {lead}{marks}", self.what)
    }
}

/// What is as wide as a character wherever it is shown, and empty, so that marks stand under what they are about: a tab
/// for a tab, an ideographic space for a character of two columns.
fn blank(c: char) -> Option<char> {
    match c {
        '\t' => Some('\t'),
        _ => match c.width().unwrap_or(1) {
            0 => None,
            1 => Some(' '),
            _ => Some('\u{3000}'),
        },
    }
}

impl std::error::Error for Mistake {}
