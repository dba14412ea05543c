//! All examples of a source as arrays, and batches that a device gathers of them by itself.

use dl_backends::{Handle, Outputs, Preloaded, Session, Values};
use dl_core::{Name, TensorRef};

use super::Source;
use crate::error::Result;

/// All examples of a source as they lie in memory: what [`Source::whole`] says.
pub struct Whole<'a> {
    columns: Vec<(Name, Values<'a>)>,
    /// The row of each example, where they are not all rows in order.
    rows: Option<Vec<usize>>,
}

impl<'a> Whole<'a> {
    /// Columns `[examples, …]` under the names of inputs.
    pub fn new(columns: impl IntoIterator<Item = (Name, Values<'a>)>) -> Self {
        Whole { columns: columns.into_iter().collect(), rows: None }
    }

    /// The examples at `rows` only, in this order; none where one is outside.
    #[must_use]
    pub fn at(self, rows: &[usize]) -> Option<Self> {
        let rows = match &self.rows {
            None => Some(rows.to_vec()),
            Some(before) => rows.iter().map(|row| before.get(*row).copied()).collect(),
        };
        Some(Whole { columns: self.columns, rows: Some(rows?) })
    }
}

/// The examples of a source on a device of its own.
pub(crate) struct OnDevice<'a> {
    columns: Preloaded<'a>,
    rows: Option<Vec<usize>>,
}

impl<'a> OnDevice<'a> {
    /// What a program takes of a source, where there is a device that holds it.
    pub(crate) fn new(session: &Session, handle: &Handle, source: &'a dyn Source) -> Result<Option<Self>> {
        if !session.preloads() {
            return Ok(None);
        }
        let Some(Whole { columns, rows }) = source.whole() else { return Ok(None) };
        let wanted: Vec<&str> = handle.inputs().collect();
        let columns = columns.into_iter().filter(|(name, _)| wanted.contains(&&**name));
        let columns = session.preload(columns)?;
        let of = rows.as_ref().map_or(columns.len(), Vec::len);
        // A source that says otherwise than it feeds is fed.
        let usable = columns.is_on_device() && of == source.len();
        Ok(usable.then_some(OnDevice { columns, rows }))
    }

    /// Whether it has every input of a program but `other`.
    pub(crate) fn covers(&self, handle: &Handle, other: Option<&str>) -> bool {
        handle.inputs().all(|name| self.columns.has(name) || other == Some(name))
    }

    /// Runs a program on some examples.
    pub(crate) fn run<'s>(
        &self,
        session: &'s mut Session,
        handle: &Handle,
        examples: &[usize],
        others: &[(&str, TensorRef<'_>)],
    ) -> dl_backends::Result<Outputs<'s>> {
        match &self.rows {
            None => session.run_rows(handle, &self.columns, examples, others),
            Some(rows) => {
                let examples: Vec<usize> = examples.iter().map(|example| rows[*example]).collect();
                session.run_rows(handle, &self.columns, &examples, others)
            }
        }
    }
}
