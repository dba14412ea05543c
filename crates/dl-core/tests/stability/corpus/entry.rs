//! A formula of the corpus, and what it is tried at.

use crate::class::Formula;

/// A formula with points.
pub(super) struct Entry {
    pub(super) name: &'static str,
    /// The shape of each input.
    pub(super) shapes: &'static [&'static [usize]],
    /// For each point the elements of all inputs, one after the other.
    pub(super) points: &'static [&'static [f64]],
    pub(super) formula: Formula,
    /// The same by a form that has a value at every point, where the formula itself has none.
    pub(super) truth: Option<Formula>,
}

macro_rules! entry {
    ($name:literal, [$($x:ident: $shape:expr),+], [$($point:expr),+ $(,)?], $body:expr) => {
        entry!(@ $name, [$($shape),+], [$($point),+], crate::class::formula!(($($x),+) $body), None)
    };
    ($name:literal, [$($x:ident: $shape:expr),+], [$($point:expr),+ $(,)?], $body:expr, means $truth:expr) => {
        entry!(@ $name, [$($shape),+], [$($point),+], crate::class::formula!(($($x),+) $body),
            Some(crate::class::formula!(($($x),+) $truth)))
    };
    (@ $name:literal, [$($shape:expr),+], [$($point:expr),+], $formula:expr, $truth:expr) => {
        $crate::corpus::entry::Entry {
            name: $name,
            shapes: &[$(&$shape),+],
            points: &[$(&$point),+],
            formula: $formula,
            truth: $truth,
        }
    };
}

pub(super) use entry;
