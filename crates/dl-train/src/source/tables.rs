//! Tables as sources: in memory, or in files that are made of them piece by piece.

#[cfg(feature = "csv")]
use std::io;
#[cfg(feature = "csv")]
use std::path::Path;

#[cfg(feature = "csv")]
use dl_backends::weights::write_rows;
#[cfg(feature = "csv")]
use dl_core::DType;
use dl_core::Tensor;
use dl_data::Features;
#[cfg(feature = "csv")]
use dl_data::{CsvFile, Prepared};

use super::Columns;
#[cfg(feature = "csv")]
use super::Stored;
#[cfg(feature = "csv")]
use crate::error::Error;
use crate::error::Result;

impl Columns {
    /// What a table was [prepared](dl_data::Preparation) to: `x`, `f32` `[rows, columns]`; `y`, classes `i64`
    /// `[rows]` or numbers `f32` `[rows]`, where the table has a target; and codes, `i64` `[rows]`, each by the name
    /// of its column.
    ///
    /// ```
    /// use dl_data::{Preparation, Table, Values};
    /// use dl_train::{Columns, Source};
    /// let table = Table::new()
    ///     .column("size", Values::Floats(vec![1.0, 2.0, 3.0]))?
    ///     .column("kind", Values::text(["a", "b", "a"]))?;
    /// let prepared = Preparation::new().standardize(["size"]).target_classes("kind").fit(&table)?;
    /// let train = Columns::features(prepared.apply(&table)?)?;
    /// assert_eq!(train.len(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When a column of codes is called `x` or `y`.
    pub fn features(features: Features) -> Result<Columns> {
        let Features { rows, x, codes, classes, numbers, .. } = features;
        let width = x.len() / rows.max(1);
        let mut columns = Columns::new().column("x", Tensor::new([rows, width], x)?)?;
        if let Some(classes) = classes {
            columns = columns.column("y", Tensor::vector(classes))?;
        }
        if let Some(numbers) = numbers {
            columns = columns.column("y", Tensor::vector(numbers))?;
        }
        codes
            .into_iter()
            .try_fold(columns, |columns, (name, codes)| columns.column(&name, Tensor::vector(codes)))
    }
}

/// Rows of a CSV file that are in memory at a time.
#[cfg(feature = "csv")]
const ROWS: usize = 1 << 13;

#[cfg(feature = "csv")]
impl Stored {
    /// Makes `.npy` files in `folder` of a CSV file that may be larger than memory, and opens them: what
    /// [`Columns::features`] would have in memory, under the same names. The file is read once for each array, and no
    /// more than 8,192 rows are in memory.
    ///
    /// # Errors
    /// As for reading the file and for [preparing](Prepared::apply) its rows; also when a file cannot be written. Each
    /// file is there whole or not at all.
    pub fn from_csv(csv: &CsvFile, prepared: &Prepared, folder: impl AsRef<Path>) -> Result<Stored> {
        let folder = folder.as_ref();
        // What there is to write: the arrays of no rows say it.
        let first = csv.chunks(1).map_err(value)?.next();
        let sample = match first {
            Some(table) => prepared.apply(&table.map_err(value)?).map_err(value)?,
            None => return Err(Error::value("a CSV file without rows cannot be stored")),
        };
        let mut arrays: Vec<(String, DType, Vec<usize>)> =
            vec![("x".into(), DType::F32, vec![csv.len(), sample.x.len()])];
        if sample.classes.is_some() {
            arrays.push(("y".into(), DType::I64, vec![csv.len()]));
        }
        if sample.numbers.is_some() {
            arrays.push(("y".into(), DType::F32, vec![csv.len()]));
        }
        for (name, _) in &sample.codes {
            if name.contains(['/', '\\']) || arrays.iter().any(|(other, ..)| other == name) {
                return Err(Error::value(format!(
                    "a column called {name} cannot be stored in a file of that name"
                )));
            }
            arrays.push((name.clone(), DType::I64, vec![csv.len()]));
        }
        let mut stored = Stored::new();
        for (name, dtype, shape) in arrays {
            let path = folder.join(format!("{name}.npy"));
            write_rows(&path, dtype, &shape, |append| {
                for table in csv.chunks(ROWS).map_err(io::Error::other)? {
                    let features =
                        table.and_then(|table| prepared.apply(&table)).map_err(io::Error::other)?;
                    append(array(&name, &features, &shape)?.view())?;
                }
                Ok(())
            })?;
            stored = stored.column(&name, &path)?;
        }
        Ok(stored)
    }
}

/// One of the arrays of some rows.
#[cfg(feature = "csv")]
fn array(name: &str, features: &Features, shape: &[usize]) -> io::Result<Tensor> {
    let mut shape = shape.to_vec();
    shape[0] = features.rows;
    let coded = features.codes.iter().find(|(other, _)| other == name);
    let made = match (name, &features.classes, &features.numbers, coded) {
        (_, _, _, Some((_, codes))) => Tensor::new(shape, codes.clone()),
        ("y", Some(classes), ..) => Tensor::new(shape, classes.clone()),
        ("y", _, Some(numbers), _) => Tensor::new(shape, numbers.clone()),
        _ => Tensor::new(shape, features.x.clone()),
    };
    made.map_err(|e| io::Error::other(e.to_string()))
}

#[cfg(feature = "csv")]
fn value(error: dl_data::Error) -> Error {
    Error::value(error.to_string())
}
