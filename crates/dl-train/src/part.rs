//! Parts of a source: what is held out of a training to judge it by.

use dl_data::Parts;

use crate::error::{Error, Result};
use crate::source::{Batch, Source, Whole};

/// Some of the examples of a source.
#[derive(Clone, Debug)]
pub struct Part<S> {
    source: S,
    rows: Vec<usize>,
}

impl<S: Source> Part<S> {
    /// The examples at `rows`, in this order.
    ///
    /// # Errors
    /// When there is no such example.
    pub fn new(source: S, rows: Vec<usize>) -> Result<Part<S>> {
        let len = source.len();
        match rows.iter().find(|row| **row >= len) {
            Some(row) => Err(Error::value(format!("example {row} is outside a source of {len} examples"))),
            None => Ok(Part { source, rows }),
        }
    }
}

/// Divides a source: to train on, and to evaluate on, the latter with the nearest number of examples to this share
/// of all, chosen by the seed.
///
/// ```
/// use dl_core::Tensor;
/// use dl_train::{Columns, Source, held_out};
/// let all = Columns::new().column("x", Tensor::vector((0..10).map(f64::from).collect()))?;
/// let (train, validation) = held_out(&all, 0.2, 7)?;
/// assert_eq!((train.len(), validation.len()), (8, 2));
/// # Ok::<(), dl_train::Error>(())
/// ```
///
/// # Errors
/// When the share is not between 0 and 1, or leaves either part empty.
pub fn held_out<S: Source + ?Sized>(source: &S, share: f64, seed: u64) -> Result<(Part<&S>, Part<&S>)> {
    let len = source.len();
    let out = (share * len as f64).round();
    if !(share > 0.0 && share < 1.0) || out < 1.0 || out >= len as f64 {
        return Err(Error::value(format!(
            "{share} of {len} examples cannot be held out: both parts need some"
        )));
    }
    let mut rows = dl_data::permutation(len, seed);
    let mut validation = rows.split_off(len - out as usize);
    // In the source's order, which may be that of its memory.
    rows.sort_unstable();
    validation.sort_unstable();
    Ok((Part { source, rows }, Part { source, rows: validation }))
}

/// The parts of a source: to train on, to choose by, and to judge by.
///
/// A source that is not borrowed, as [`Prefetch`](crate::Prefetch) wants one, is shared: `divided(Arc::new(all), …)`.
///
/// ```
/// use dl_data::Parts;
/// use dl_train::{Source, divided};
/// let all = dl_data::digits()?.train;
/// let classes: Vec<usize> = all.labels().iter().map(|y| usize::from(*y)).collect();
/// let [train, validation, test] = divided(&all, Parts::stratified(&classes, [0.8, 0.1, 0.1], 7)?)?;
/// assert_eq!([train.len(), validation.len(), test.len()], [1149, 144, 144]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// When a row is not in the source.
pub fn divided<S: Source + Clone>(source: S, parts: Parts) -> Result<[Part<S>; 3]> {
    let Parts { train, validation, test } = parts;
    let part = |rows: Vec<usize>| Part::new(source.clone(), rows);
    Ok([part(train)?, part(validation)?, part(test)?])
}

impl<S: Source> Source for Part<S> {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn fill(&self, rows: &[usize], batch: &mut Batch) -> Result<()> {
        let of = |row: &usize| self.rows.get(*row).copied();
        let rows: Option<Vec<usize>> = rows.iter().map(of).collect();
        let rows = rows.ok_or_else(|| Error::value("an example outside of a part of a source"))?;
        self.source.fill(&rows, batch)
    }

    fn prepare(&self, next: &[usize], batch: &Batch) {
        let rows: Option<Vec<usize>> = next.iter().map(|row| self.rows.get(*row).copied()).collect();
        if let Some(rows) = rows {
            self.source.prepare(&rows, batch);
        }
    }

    fn whole(&self) -> Option<Whole<'_>> {
        self.source.whole()?.at(&self.rows)
    }

    fn digest(&self) -> Option<u64> {
        let rows = self.rows.iter().flat_map(|row| (*row as u64).to_le_bytes());
        Some(crate::source::digest_of(rows.collect::<Vec<u8>>().as_slice(), self.source.digest()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Columns;
    use dl_core::Tensor;

    fn numbers(n: usize) -> Columns {
        Columns::new().column("x", Tensor::vector((0..n as i64).collect())).unwrap()
    }

    fn all(source: &dyn Source) -> Vec<i64> {
        let mut batch = Batch::new(["x"].into_iter(), 0);
        let rows: Vec<usize> = (0..source.len()).collect();
        batch.refill(source, &rows).unwrap();
        batch.views()[0].get::<i64>().unwrap().to_vec()
    }

    #[test]
    fn every_example_is_in_one_part() {
        let source = numbers(11);
        let (train, validation) = held_out(&source, 0.25, 7).unwrap();
        let (a, b) = (all(&train), all(&validation));
        assert_eq!((a.len(), b.len()), (8, 3));
        let mut both = [a, b.clone()].concat();
        both.sort_unstable();
        assert_eq!(both, (0..11).collect::<Vec<i64>>());
        assert_eq!(all(&held_out(&source, 0.25, 7).unwrap().1), b);
        assert_ne!(all(&held_out(&source, 0.25, 8).unwrap().1), b);
        assert_eq!(all(&Part::new(&source, vec![3, 3, 0]).unwrap()), [3, 3, 0]);
    }

    #[test]
    fn parts_that_are_none_are_refused() {
        let fails = |share: f64, n: usize| held_out(&numbers(n), share, 1).unwrap_err().to_string();
        assert_eq!(fails(0.0, 10), "0 of 10 examples cannot be held out: both parts need some");
        assert_eq!(fails(0.99, 10), "0.99 of 10 examples cannot be held out: both parts need some");
        assert!(fails(f64::NAN, 10).starts_with("NaN of 10"));
        assert!(fails(0.5, 0).starts_with("0.5 of 0"));
        let outside = Part::new(numbers(2), vec![2]).unwrap_err().to_string();
        assert_eq!(outside, "example 2 is outside a source of 2 examples");
    }
}
