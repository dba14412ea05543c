//! Columns that stay in files and are read row by row.

use std::fs::File;
use std::io;
use std::path::Path;

use bytemuck::Pod;
use dl_backends::weights::{ArrayFile, Entry};
use dl_core::tensor::Element;
use dl_core::{DType, Name};

use super::{Batch, Source, in_range};
use crate::error::{Error, Result};

/// Named arrays in `.npy` and `.safetensors` files, for those that are larger than memory: of each batch its rows are
/// read where they lie, and nothing else. Behind [`Prefetch`](super::Prefetch) they are read while a step runs.
///
/// Rows are read by their position, not through a map of the file into memory: a file that is cut while it is read is
/// then an error, where a map would end the process. What the operating system keeps of files is as good for both.
///
/// ```
/// use dl_backends::weights::write;
/// use dl_core::Tensor;
/// use dl_train::{Source, Stored};
/// # let folder = tempfile::tempdir().unwrap();
/// # let (x, y) = (folder.path().join("x.npy"), folder.path().join("y.npy"));
/// write(&x, &[("", Tensor::new([3, 2], vec![0.0f32, 0.1, 1.0, 1.1, 2.0, 2.1])?.view())])?;
/// write(&y, &[("", Tensor::vector(vec![7i64, 8, 9]).view())])?;
/// let stored = Stored::new().column("x", &x)?.column("y", &y)?;
/// assert_eq!(stored.len(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Stored {
    columns: Vec<Column>,
}

#[derive(Debug)]
struct Column {
    name: Name,
    /// For messages.
    path: String,
    file: File,
    /// The byte at which the elements begin.
    start: u64,
    dtype: DType,
    shape: Vec<usize>,
}

impl Stored {
    /// No columns yet.
    pub fn new() -> Self {
        Stored::default()
    }

    /// Adds the array of an `.npy` file, `[examples, …]`, as the input called `name`.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged; when its elements cannot be taken as they lie (of a type that
    /// arrays of ours have not, or in Fortran's order); when it is a scalar, or has more or fewer examples than the
    /// columns before it; when the name was given before.
    pub fn column(self, name: &str, path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = ArrayFile::open(path)?;
        match file.entries() {
            [entry] => self.with(name, path, entry),
            several => {
                Err(Error::value(format!("{}: {} arrays, expected one", path.display(), several.len())))
            }
        }
    }

    /// Adds every array of a file under its own name.
    ///
    /// # Errors
    /// As for [`column`](Stored::column); an `.npz` file is packed, and read by [`Columns`](super::Columns::read).
    pub fn all(self, path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = ArrayFile::open(path)?;
        file.entries().iter().try_fold(self, |stored, entry| stored.with(entry.name(), path, entry))
    }

    fn with(mut self, name: &str, path: &Path, entry: &Entry) -> Result<Self> {
        let place = path.display().to_string();
        let refuse = |what: String| Err(Error::value(format!("{place}: {what}")));
        let (Some(start), Some(dtype)) = (entry.in_place(), entry.dtype()) else {
            return refuse(format!(
                "{entry} cannot be read in place: expected unpacked bool, u8, i64, f32 or f64 in row-major order"
            ));
        };
        let Some(&len) = entry.shape().first() else {
            return refuse(format!("{entry} is a scalar, expected examples along its first axis"));
        };
        if !self.columns.is_empty() && len != self.len() {
            return refuse(format!("{entry} has {len} examples, the columns before it have {}", self.len()));
        }
        if self.columns.iter().any(|old| *old.name == *name) {
            return refuse(format!("column {name} is given twice"));
        }
        let file = File::open(path).map_err(|e| Error::value(format!("{place}: cannot open: {e}")))?;
        let (name, shape) = (name.into(), entry.shape().to_vec());
        self.columns.push(Column { name, path: place, file, start, dtype, shape });
        Ok(self)
    }
}

impl Source for Stored {
    fn len(&self) -> usize {
        self.columns.first().map_or(0, |column| column.shape[0])
    }

    fn fill(&self, rows: &[usize], batch: &mut Batch) -> Result<()> {
        in_range(rows, self.len())?;
        self.columns
            .iter()
            .filter(|column| batch.takes(&column.name))
            .collect::<Vec<_>>()
            .into_iter()
            .try_for_each(|column| match column.dtype {
                DType::F32 => column.fill::<f32>(rows, batch),
                DType::F64 => column.fill::<f64>(rows, batch),
                DType::I64 => column.fill::<i64>(rows, batch),
                DType::U8 => column.fill::<u8>(rows, batch),
                DType::Bool => column.fill_truths(rows, batch),
            })
    }
}

impl Column {
    fn fill<T: Element + Pod>(&self, rows: &[usize], batch: &mut Batch) -> Result<()> {
        let mut read = Ok(());
        batch.set(&self.name, &self.of(rows), |values: &mut Vec<T>| {
            values.resize(self.size() * rows.len(), T::zeroed());
            read = self.read(rows, values);
        })?;
        read
    }

    fn fill_truths(&self, rows: &[usize], batch: &mut Batch) -> Result<()> {
        let mut bytes = vec![0u8; self.size() * rows.len()];
        self.read(rows, &mut bytes)?;
        if let Some(other) = bytes.iter().find(|byte| **byte > 1) {
            return Err(Error::value(format!("{}: a truth value is {other}, expected 0 or 1", self.path)));
        }
        batch.set(&self.name, &self.of(rows), |values| values.extend(bytes.iter().map(|byte| *byte == 1)))
    }

    /// The shape of these rows.
    fn of(&self, rows: &[usize]) -> Vec<usize> {
        let mut shape = self.shape.clone();
        shape[0] = rows.len();
        shape
    }

    /// Elements of a row.
    fn size(&self) -> usize {
        self.shape[1..].iter().product()
    }

    /// Reads rows into their place; those that follow each other in the file at once.
    fn read<T: Pod>(&self, rows: &[usize], values: &mut [T]) -> Result<()> {
        let size = self.size();
        if size == 0 {
            return Ok(());
        }
        let mut left = values;
        for run in rows.chunk_by(|a, b| a + 1 == *b) {
            let (values, rest) = left.split_at_mut(size * run.len());
            left = rest;
            let start = self.start + (run[0] * size * size_of::<T>()) as u64;
            let bytes: &mut [u8] = bytemuck::cast_slice_mut(values);
            read_exact_at(&self.file, bytes, start).map_err(|e| {
                Error::value(format!("{}: example {} cannot be read: {e}", self.path, run[0]))
            })?;
            if cfg!(target_endian = "big") {
                bytes.chunks_exact_mut(size_of::<T>()).for_each(<[u8]>::reverse);
            }
        }
        Ok(())
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], start: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, start)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut start: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, start)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => (bytes, start) = (&mut bytes[read..], start + read as u64),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Columns;
    use dl_backends::weights::write;
    use dl_core::Tensor;

    fn fails(result: Result<impl std::fmt::Debug>, folder: &Path, want: &str) {
        let why = result.unwrap_err().to_string().replace(&folder.display().to_string(), "f");
        assert!(why.starts_with(want), "{why}");
    }

    fn filled(source: &dyn Source, inputs: &[&str], rows: &[usize]) -> Result<Vec<Tensor>> {
        let mut batch = Batch::new(inputs.iter().copied(), 0);
        batch.refill(source, rows)?;
        batch.check()?;
        Ok(batch.views().iter().map(dl_core::TensorRef::to_owned).collect())
    }

    #[test]
    fn files_feed_what_memory_feeds() {
        let folder = tempfile::tempdir().unwrap();
        let values = [
            ("f", Tensor::new([5, 2], (0..10u8).map(f32::from).collect()).unwrap()),
            ("d", Tensor::vector((0..5u8).map(f64::from).collect())),
            ("i", Tensor::new([5, 1, 2], (0..10i64).collect()).unwrap()),
            ("u", Tensor::vector((0..5u8).collect())),
            ("b", Tensor::vector(vec![true, false, true, true, false])),
            ("e", Tensor::new([5, 0], Vec::<f32>::new()).unwrap()),
        ];
        let (mut stored, mut columns) = (Stored::new(), Columns::new());
        for (name, value) in &values {
            let path = folder.path().join(format!("{name}.npy"));
            write(&path, &[("", value.view())]).unwrap();
            stored = stored.column(name, &path).unwrap();
            columns = columns.column(name, value.clone()).unwrap();
        }
        let names: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
        for rows in [&[0, 1, 2, 3, 4][..], &[4, 0, 1, 3, 3], &[2], &[]] {
            assert_eq!(filled(&stored, &names, rows).unwrap(), filled(&columns, &names, rows).unwrap());
        }
        // All in one file, and an archive in memory.
        let views: Vec<_> = values.iter().map(|(name, value)| (*name, value.view())).collect();
        let one = folder.path().join("all.safetensors");
        write(&one, &views).unwrap();
        let stored = Stored::new().all(&one).unwrap();
        assert_eq!(filled(&stored, &names, &[3, 1]).unwrap(), filled(&columns, &names, &[3, 1]).unwrap());
        let packed = folder.path().join("all.npz");
        write(&packed, &views).unwrap();
        let read = Columns::read(&packed).unwrap();
        assert_eq!(filled(&read, &names, &[3, 1]).unwrap(), filled(&columns, &names, &[3, 1]).unwrap());
        fails(Stored::new().all(&packed), folder.path(), "f/all.npz: f f32 [5, 2] cannot be read in place");
    }

    #[test]
    fn what_cannot_be_read_in_place_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        write(path("x.npy"), &[("", Tensor::vector(vec![1.0f32, 2.0, 3.0]).view())]).unwrap();
        write(path("s.npy"), &[("", Tensor::scalar(1.0f32).view())]).unwrap();
        write(path("b.npy"), &[("", Tensor::vector(vec![true, false]).view())]).unwrap();
        let x = || Stored::new().column("x", path("x.npy")).unwrap();
        fails(x().column("x", path("x.npy")), folder.path(), "f/x.npy: column x is given twice");
        fails(x().column("b", path("b.npy")), folder.path(), "f/b.npy: b bool [2] has 2 examples");
        fails(Stored::new().column("s", path("s.npy")), folder.path(), "f/s.npy: s f32 [] is a scalar");
        fails(x().column("n", path("n.npy")), folder.path(), "f/n.npy: ");
        fails(filled(&x(), &["x"], &[3]), folder.path(), "example 3 is outside a source of 3 examples");
        // What happens to a file after it was opened.
        let (stored, mut truths) = (x(), std::fs::read(path("b.npy")).unwrap());
        let bytes = std::fs::read(path("x.npy")).unwrap();
        std::fs::OpenOptions::new()
            .write(true)
            .open(path("x.npy"))
            .unwrap()
            .set_len(bytes.len() as u64 - 6)
            .unwrap();
        assert!(filled(&stored, &["x"], &[0]).is_ok());
        fails(filled(&stored, &["x"], &[0, 1, 2]), folder.path(), "f/x.npy: example 0 cannot be read");
        *truths.last_mut().unwrap() = 7;
        std::fs::write(path("b.npy"), truths).unwrap();
        let stored = Stored::new().column("b", path("b.npy")).unwrap();
        fails(filled(&stored, &["b"], &[1]), folder.path(), "f/b.npy: a truth value is 7, expected 0 or 1");
    }
}
