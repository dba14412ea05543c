//! Where examples come from: images with labels, columns in memory, or a closure.

use dl_backends::weights::{Format, write_into};
use dl_core::tensor::{Data, Element};
use dl_core::{DType, Name, Tensor, TensorRef};
use twox_hash::XxHash3_64;

use crate::error::{Error, Result, listed};

/// Examples, numbered from 0, that programs are fed with.
///
/// [`dl_data::Split`] is one: it feeds `x`, the pixels as `u8` `[n, rows·columns]`, and `y`, the
/// classes as `i64` `[n]`.
pub trait Source {
    /// The number of examples.
    fn len(&self) -> usize;

    /// Sets the inputs of `batch` to the examples at `rows`, in their order.
    ///
    /// # Errors
    /// What the source cannot deliver.
    fn fill(&self, rows: &[usize], batch: &mut Batch) -> Result<()>;

    /// What tells these examples from others, if that is known: the same for the same ones on every machine.
    fn digest(&self) -> Option<u64> {
        None
    }

    /// True when there is no example.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The inputs of one run, by name. What an earlier batch had allocated is used again.
#[derive(Debug)]
pub struct Batch {
    columns: Vec<Column>,
    epoch: usize,
}

/// A scalar of floats that the trainer gives with every batch.
#[derive(Clone, Debug)]
pub(crate) struct Feed {
    pub(crate) input: Name,
    pub(crate) dtype: DType,
    pub(crate) value: f64,
}

#[derive(Debug)]
struct Column {
    name: Name,
    value: Tensor,
    set: bool,
}

impl Batch {
    /// A batch for a program's inputs, in its order.
    pub(crate) fn new<'a>(inputs: impl Iterator<Item = &'a str>, epoch: usize) -> Self {
        let column =
            |name: &str| Column { name: name.into(), value: Tensor::zeros(DType::F32, [0]), set: false };
        Batch { columns: inputs.map(column).collect(), epoch }
    }

    /// The number of the epoch, from 1; 0 in an evaluation. A source whose examples are never quite the same twice
    /// decides by this and by the rows how they differ: so a training that is resumed sees what it would have seen.
    pub fn epoch(&self) -> usize {
        self.epoch
    }

    /// Sets the input called `name` to an array of `shape`, whose elements `write` appends to an
    /// empty vector. An input that the program does not have is passed over: a source may offer
    /// more than a program takes.
    ///
    /// # Errors
    /// When `write` did not append the product of `shape`.
    pub fn set<T: Element>(
        &mut self,
        name: &str,
        shape: &[usize],
        write: impl FnOnce(&mut Vec<T>),
    ) -> Result<()> {
        let Some(column) = self.columns.iter_mut().find(|c| *c.name == *name) else {
            return Ok(());
        };
        let old = std::mem::replace(&mut column.value, Tensor::zeros(DType::F32, [0]));
        let mut data = old.into_data();
        if T::unwrap_mut(&mut data).is_none() {
            data = T::wrap(Vec::new());
        }
        let elements = T::unwrap_mut(&mut data).expect("it has this type");
        elements.clear();
        write(elements);
        column.value = Tensor::from_data(shape.to_vec(), data)
            .map_err(|why| Error::value(format!("input {name}: {why}")))?;
        column.set = true;
        Ok(())
    }

    /// Sets a scalar that the trainer gives.
    pub(crate) fn feed(&mut self, feed: &Feed) -> Result<()> {
        match feed.dtype {
            DType::F64 => self.set(&feed.input, &[], |v| v.push(feed.value)),
            _ => self.set(&feed.input, &[], |v| v.push(feed.value as f32)),
        }
    }

    /// Fills the batch anew from `source`.
    pub(crate) fn refill(&mut self, source: &dyn Source, rows: &[usize]) -> Result<()> {
        self.columns.iter_mut().for_each(|c| c.set = false);
        source.fill(rows, self)
    }

    /// Whether every input has a value.
    pub(crate) fn check(&self) -> Result<()> {
        match self.columns.iter().find(|c| !c.set) {
            None => Ok(()),
            Some(missing) => {
                let fed: Vec<&str> = self.columns.iter().filter(|c| c.set).map(|c| &*c.name).collect();
                Err(Error::value(format!(
                    "input {} is missing: of the program's inputs the source feeds {}",
                    missing.name,
                    listed(&fed)
                )))
            }
        }
    }

    /// The inputs in the program's order.
    pub(crate) fn views(&self) -> Vec<TensorRef<'_>> {
        self.columns.iter().map(|c| c.value.view()).collect()
    }
}

/// A hash of `bytes` after what `before` is the hash of: XXH3.
pub(crate) fn digest_of(bytes: &[u8], before: u64) -> u64 {
    XxHash3_64::oneshot_with_seed(before, bytes)
}

/// A reference to a source is the source.
impl<S: Source + ?Sized> Source for &S {
    fn len(&self) -> usize {
        (**self).len()
    }

    fn fill(&self, rows: &[usize], batch: &mut Batch) -> Result<()> {
        (**self).fill(rows, batch)
    }

    fn digest(&self) -> Option<u64> {
        (**self).digest()
    }
}

impl Source for dl_data::Split {
    fn len(&self) -> usize {
        dl_data::Split::len(self)
    }

    fn fill(&self, rows: &[usize], batch: &mut Batch) -> Result<()> {
        in_range(rows, Source::len(self))?;
        let (size, pixels) = (self.images().pixels_per_image(), self.images().as_slice());
        batch.set("x", &[rows.len(), size], |x| {
            x.reserve(rows.len() * size);
            rows.iter().for_each(|i| x.extend_from_slice(&pixels[i * size..(i + 1) * size]));
        })?;
        let labels = self.labels();
        batch.set("y", &[rows.len()], |y| y.extend(rows.iter().map(|&i| i64::from(labels[i]))))
    }

    fn digest(&self) -> Option<u64> {
        let shape = self.images().shape().map(|size| (size as u64).to_le_bytes()).concat();
        let pixels = digest_of(self.images().as_slice(), digest_of(&shape, 0));
        Some(digest_of(self.labels(), pixels))
    }
}

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

fn in_range(rows: &[usize], len: usize) -> Result<()> {
    match rows.iter().find(|i| **i >= len) {
        Some(i) => Err(Error::value(format!("example {i} is outside a source of {len} examples"))),
        None => Ok(()),
    }
}

/// A source of `len` examples from a closure that does what [`Source::fill`] does.
///
/// ```
/// // The parabola t = x², sampled anew for each batch.
/// let parabola = dl_train::from_fn(100, |rows, batch| {
///     let x = |i: &usize| *i as f32 / 100.0;
///     batch.set("x", &[rows.len()], |v| v.extend(rows.iter().map(x)))?;
///     batch.set("t", &[rows.len()], |v| v.extend(rows.iter().map(|i| x(i) * x(i))))
/// });
/// assert_eq!(dl_train::Source::len(&parabola), 100);
/// ```
pub fn from_fn<F: Fn(&[usize], &mut Batch) -> Result<()>>(len: usize, fill: F) -> FromFn<F> {
    FromFn { len, fill }
}

/// The source that [`from_fn`] makes.
#[derive(Clone, Copy, Debug)]
pub struct FromFn<F> {
    len: usize,
    fill: F,
}

impl<F: Fn(&[usize], &mut Batch) -> Result<()>> Source for FromFn<F> {
    fn len(&self) -> usize {
        self.len
    }

    fn fill(&self, rows: &[usize], batch: &mut Batch) -> Result<()> {
        (self.fill)(rows, batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(source: &dyn Source, inputs: &[&str], rows: &[usize]) -> Result<Vec<Tensor>> {
        let mut batch = Batch::new(inputs.iter().copied(), 0);
        batch.refill(source, rows)?;
        batch.check()?;
        Ok(batch.views().iter().map(TensorRef::to_owned).collect())
    }

    fn fails(result: Result<impl std::fmt::Debug>, want: &str) {
        assert_eq!(result.unwrap_err().to_string(), want);
    }

    #[test]
    fn columns_are_gathered_in_the_programs_order() {
        let source = Columns::new()
            .column("a", Tensor::new([3, 2], vec![0.0f32, 0.5, 1.0, 1.5, 2.0, 2.5]).unwrap())
            .unwrap()
            .column("b", Tensor::vector(vec![10i64, 11, 12]))
            .unwrap();
        let got = filled(&source, &["b", "a"], &[2, 0]).unwrap();
        assert_eq!(got[0], Tensor::vector(vec![12i64, 10]));
        assert_eq!(got[1], Tensor::new([2, 2], vec![2.0f32, 2.5, 0.0, 0.5]).unwrap());
        fails(filled(&source, &["a"], &[3]), "example 3 is outside a source of 3 examples");
        fails(
            filled(&source, &["a", "c"], &[0]),
            "input c is missing: of the program's inputs the source feeds a",
        );
    }

    #[test]
    fn columns_fit_together() {
        let one = Columns::new().column("a", Tensor::vector(vec![1.0f32, 2.0])).unwrap();
        let with = |name, value| one.clone().column(name, value);
        fails(with("b", Tensor::vector(vec![1i64])), "column b has 1 examples, column a has 2");
        fails(with("a", Tensor::vector(vec![1i64, 2])), "column a is given twice");
        fails(
            with("b", Tensor::scalar(1i64)),
            "column b is a scalar, expected examples along its first axis",
        );
    }

    #[test]
    fn a_split_feeds_pixels_and_classes() {
        let images = dl_data::Images::new((0..12).collect(), [3, 2, 2]).unwrap();
        let split = dl_data::Split::new(images, vec![7, 8, 9]).unwrap();
        let got = filled(&split, &["x", "y"], &[1, 1, 0]).unwrap();
        assert_eq!(got[0], Tensor::new([3, 4], vec![4u8, 5, 6, 7, 4, 5, 6, 7, 0, 1, 2, 3]).unwrap());
        assert_eq!(got[1], Tensor::vector(vec![8i64, 8, 7]));
        fails(filled(&split, &["x"], &[3]), "example 3 is outside a source of 3 examples");
    }

    #[test]
    fn examples_are_told_from_others() {
        let of = |name: &str, values: Vec<f32>| {
            Columns::new().column(name, Tensor::vector(values)).unwrap().digest().unwrap()
        };
        let all =
            [of("a", vec![1.0, 2.0]), of("b", vec![1.0, 2.0]), of("a", vec![2.0, 1.0]), of("a", vec![1.0])];
        assert_eq!(of("a", vec![1.0, 2.0]), all[0]);
        assert!((0..4).all(|i| !all[..i].contains(&all[i])));
        let split = |shape: [usize; 3], label: u8| {
            let images = dl_data::Images::new((0..12).collect(), shape).unwrap();
            Source::digest(&dl_data::Split::new(images, vec![label; shape[0]]).unwrap()).unwrap()
        };
        // A constant, so that the digest in an old record is compared with one of today.
        assert_eq!(split([3, 2, 2], 7), split([3, 2, 2], 7));
        assert_ne!(split([3, 2, 2], 7), split([3, 2, 2], 8));
        assert_ne!(split([3, 2, 2], 7), split([3, 1, 4], 7));
    }

    #[test]
    fn an_earlier_batch_stands_in_for_nothing() {
        let once = from_fn(5, |rows, batch| match rows {
            [0] => batch.set("x", &[1], |v| v.push(1.0f32)),
            _ => Ok(()),
        });
        let mut batch = Batch::new(["x"].into_iter(), 0);
        batch.refill(&once, &[0]).unwrap();
        batch.check().unwrap();
        batch.refill(&once, &[1]).unwrap();
        fails(batch.check(), "input x is missing: of the program's inputs the source feeds none");
    }

    #[test]
    fn a_closure_is_held_to_its_shapes() {
        let short =
            from_fn(5, |rows, batch| batch.set("x", &[rows.len(), 2], |v: &mut Vec<f32>| v.push(1.0)));
        fails(filled(&short, &["x"], &[0, 1]), "input x: shape [2, 2] needs 4 elements, got 1");
        assert!(filled(&short, &[], &[0, 1]).unwrap().is_empty());
    }
}
