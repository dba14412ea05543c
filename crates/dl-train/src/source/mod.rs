//! Where examples come from: images with labels, columns in memory, or a closure.

mod augmented;
mod columns;
#[cfg(feature = "images")]
mod images;
mod mixup;
mod prefetch;
mod stored;
mod tables;
mod whole;

use std::sync::Arc;

use dl_backends::Values;
use dl_core::tensor::Element;
use dl_core::{DType, Name, Tensor, TensorRef};
use twox_hash::XxHash3_64;

pub use self::augmented::Augmented;
pub use self::columns::Columns;
pub use self::mixup::Mixup;
pub use self::prefetch::Prefetch;
pub use self::stored::Stored;
pub(crate) use self::whole::OnDevice;
pub use self::whole::Whole;
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

    /// Hears which rows come next, while a batch of these inputs is run: [`Prefetch`] fills it meanwhile. A hint, which
    /// may be wrong, or not be followed.
    fn prepare(&self, next: &[usize], batch: &Batch) {
        let _ = (next, batch);
    }

    /// All examples as arrays, if they lie in memory and [`fill`](Source::fill) feeds them as they are: a device of its
    /// own is then given them once, and gathers batches by itself
    /// ([`Trainer::preloading`](crate::Trainer::preloading)).
    fn whole(&self) -> Option<Whole<'_>> {
        None
    }

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

impl Feed {
    /// The scalar as an array.
    pub(crate) fn tensor(&self) -> Tensor {
        match self.dtype {
            DType::F64 => Tensor::scalar(self.value),
            _ => Tensor::scalar(self.value as f32),
        }
    }
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

    /// Changes the elements of an input that has been set. An input that the program does not have is passed over.
    ///
    /// # Errors
    /// When the input is not set yet, or has another element type; and the error of `change`, which is given the
    /// shape, too.
    pub fn change<T: Element>(
        &mut self,
        name: &str,
        change: impl FnOnce(&[usize], &mut [T]) -> Result<()>,
    ) -> Result<()> {
        let Some(column) = self.columns.iter_mut().find(|c| *c.name == *name) else {
            return Ok(());
        };
        if !column.set {
            return Err(Error::value(format!("input {name} is not set, so that it cannot be changed")));
        }
        let (dtype, shape) = (column.value.dtype(), column.value.shape().to_vec());
        match T::unwrap_mut(column.value.data_mut()) {
            Some(elements) => change(&shape, elements),
            None => Err(Error::value(format!("input {name} is {dtype}, expected {}", T::DTYPE))),
        }
    }

    /// An input that has been set.
    pub fn get(&self, name: &str) -> Option<TensorRef<'_>> {
        self.columns.iter().find(|c| c.set && *c.name == *name).map(|c| c.value.view())
    }

    /// Whether the program has an input of this name: what it has not need not be made.
    pub fn takes(&self, name: &str) -> bool {
        self.columns.iter().any(|c| *c.name == *name)
    }

    /// A batch of the same inputs and these, none set, in the same epoch.
    pub fn like(&self, more: &[&str]) -> Batch {
        let more = more.iter().copied().filter(|name| !self.takes(name));
        Batch::new(self.columns.iter().map(|c| &*c.name).chain(more), self.epoch)
    }

    /// Takes over what is set in another batch; what was here before is there then.
    pub(crate) fn take_from(&mut self, other: &mut Batch) {
        for column in &mut self.columns {
            if let Some(theirs) = other.columns.iter_mut().find(|c| c.set && c.name == column.name) {
                std::mem::swap(&mut column.value, &mut theirs.value);
                (column.set, theirs.set) = (true, false);
            }
        }
    }

    /// Whether it has the same inputs in the same epoch.
    pub(crate) fn is_like(&self, other: &Batch) -> bool {
        let names = |batch: &Batch| batch.columns.iter().map(|c| c.name.clone()).collect::<Vec<_>>();
        self.epoch == other.epoch && names(self) == names(other)
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
        self.clear();
        source.fill(rows, self)
    }

    /// Nothing is set any more.
    pub(crate) fn clear(&mut self) {
        self.columns.iter_mut().for_each(|c| c.set = false);
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

/// What points to a source is the source.
macro_rules! forwarded {
    ($($pointer:ty),+) => {$(
        impl<S: Source + ?Sized> Source for $pointer {
            fn len(&self) -> usize {
                (**self).len()
            }

            fn fill(&self, rows: &[usize], batch: &mut Batch) -> Result<()> {
                (**self).fill(rows, batch)
            }

            fn prepare(&self, next: &[usize], batch: &Batch) {
                (**self).prepare(next, batch);
            }

            fn whole(&self) -> Option<Whole<'_>> {
                (**self).whole()
            }

            fn digest(&self) -> Option<u64> {
                (**self).digest()
            }
        }
    )+};
}

forwarded!(&S, Arc<S>);

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

    fn whole(&self) -> Option<Whole<'_>> {
        let pixels =
            Values::new([Source::len(self), self.images().pixels_per_image()], self.images().as_slice());
        let labels = Tensor::vector(self.labels().iter().map(|y| i64::from(*y)).collect());
        Some(Whole::new([("x".into(), pixels.ok()?), ("y".into(), labels.into())]))
    }

    fn digest(&self) -> Option<u64> {
        let shape = self.images().shape().map(|size| (size as u64).to_le_bytes()).concat();
        let pixels = digest_of(self.images().as_slice(), digest_of(&shape, 0));
        Some(digest_of(self.labels(), pixels))
    }
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
mod tests;
