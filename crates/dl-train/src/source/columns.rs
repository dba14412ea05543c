//! Columns of arrays in memory.

use std::path::Path;

use dl_backends::weights::{ArrayFile, Format, write_into};
use dl_core::tensor::{Data, Element};
use dl_core::{Name, Tensor};

use super::{Batch, Source, Whole, digest_of, in_range};
use crate::error::{Error, Result};

/// Named arrays in memory; along their first axis are the examples.
///
/// ```
/// use dl_core::Tensor;
/// use dl_train::{Columns, Source};
/// let points = Columns::new()
///     .column("x", Tensor::new([3, 2], vec![0.0f32, 0.0, 0.0, 1.0, 1.0, 0.0])?)?
///     .column("t", Tensor::vector(vec![1.0f32, 2.0, 3.0]))?;
/// assert_eq!(points.len(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Columns {
    columns: Vec<(Name, Tensor)>,
}

impl Columns {
    /// No columns yet.
    pub fn new() -> Self {
        Columns::default()
    }

    /// Every array of an `.npz`, `.safetensors` or `.npy` file, each under its name.
    ///
    /// # Errors
    /// When the file cannot be read, an array's type cannot, or they do not have one number of examples.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let mut file = ArrayFile::open(path)?;
        let names: Vec<String> = file.entries().iter().map(|entry| entry.name().to_owned()).collect();
        names
            .iter()
            .enumerate()
            .try_fold(Columns::new(), |columns, (place, name)| columns.column(name, file.read_at(place)?))
    }

    /// Adds the values of the input called `name`: `[examples, …]`.
    ///
    /// # Errors
    /// When the value is a scalar, has more or fewer examples than the columns before it, or the
    /// name was given before.
    pub fn column(mut self, name: &str, value: Tensor) -> Result<Self> {
        let Some(&len) = value.shape().first() else {
            return Err(Error::value(format!(
                "column {name} is a scalar, expected examples along its first axis"
            )));
        };
        if let Some((first, _)) = self.columns.first()
            && len != self.len()
        {
            return Err(Error::value(format!(
                "column {name} has {len} examples, column {first} has {}",
                self.len()
            )));
        }
        if self.columns.iter().any(|(old, _)| **old == *name) {
            return Err(Error::value(format!("column {name} is given twice")));
        }
        self.columns.push((name.into(), value));
        Ok(self)
    }
}

impl Source for Columns {
    fn len(&self) -> usize {
        self.columns.first().map_or(0, |(_, value)| value.shape()[0])
    }

    fn fill(&self, rows: &[usize], batch: &mut Batch) -> Result<()> {
        in_range(rows, self.len())?;
        for (name, value) in &self.columns {
            let mut shape = value.shape().to_vec();
            shape[0] = rows.len();
            match value.data() {
                Data::F32(v) => gather(batch, name, &shape, v, rows),
                Data::F64(v) => gather(batch, name, &shape, v, rows),
                Data::I64(v) => gather(batch, name, &shape, v, rows),
                Data::Bool(v) => gather(batch, name, &shape, v, rows),
                Data::U8(v) => gather(batch, name, &shape, v, rows),
            }?;
        }
        Ok(())
    }

    fn whole(&self) -> Option<Whole<'_>> {
        Some(Whole::new(self.columns.iter().map(|(name, value)| (name.clone(), value.view().into()))))
    }

    fn digest(&self) -> Option<u64> {
        let mut bytes = vec![];
        let column = |before: u64, (name, value): &(Name, Tensor)| {
            bytes.clear();
            write_into(Format::Npy, &mut bytes, &[("", value.view())]).ok()?;
            Some(digest_of(&bytes, digest_of(name.as_bytes(), before)))
        };
        self.columns.iter().try_fold(0, column)
    }
}

fn gather<T: Element>(
    batch: &mut Batch,
    name: &str,
    shape: &[usize],
    from: &[T],
    rows: &[usize],
) -> Result<()> {
    let size: usize = shape[1..].iter().product();
    batch.set(name, shape, |to: &mut Vec<T>| {
        to.reserve(rows.len() * size);
        rows.iter().for_each(|i| to.extend_from_slice(&from[i * size..(i + 1) * size]));
    })
}
