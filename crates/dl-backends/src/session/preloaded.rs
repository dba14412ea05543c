//! Examples that lie where the executor computes, and runs on rows of them.

use dl_core::tensor::{Data, DataRef, Element};
use dl_core::{DType, Name, Tensor, TensorRef};

use super::loaded::Form;
use super::{Handle, Outputs, Session, find, listed};
use crate::error::{Error, Result};
use crate::executor::{Call, DeviceColumn, Executor, Rows};

/// Columns of examples that a session has taken to where its executor computes ([`Session::preload`]): each an array
/// `[examples, …]`.
pub struct Preloaded<'a> {
    columns: Vec<Column<'a>>,
    len: usize,
}

struct Column<'a> {
    name: Name,
    value: Values<'a>,
    /// On the device; without it, rows are gathered by the host.
    there: Option<DeviceColumn>,
}

/// An array whose elements may be somebody else's.
pub struct Values<'a> {
    shape: Vec<usize>,
    elements: Elements<'a>,
}

enum Elements<'a> {
    Borrowed(DataRef<'a>),
    Owned(Data),
}

impl<'a> Values<'a> {
    /// An array of `shape` whose elements are borrowed, in row-major order.
    ///
    /// # Errors
    /// When their number is not the product of `shape`.
    pub fn new<T: Element>(shape: impl Into<Vec<usize>>, elements: &'a [T]) -> Result<Self> {
        let shape = shape.into();
        TensorRef::new(&shape, elements)?;
        Ok(Values { shape, elements: Elements::Borrowed(T::wrap_ref(elements)) })
    }

    /// The array.
    pub fn view(&self) -> TensorRef<'_> {
        let elements = match &self.elements {
            Elements::Borrowed(elements) => *elements,
            Elements::Owned(elements) => elements.view(),
        };
        TensorRef::from_data(&self.shape, elements).expect("they are as many as when it was made")
    }

    /// The number of examples; none of a scalar.
    fn examples(&self) -> Option<usize> {
        self.shape.first().copied()
    }
}

impl<'a> From<TensorRef<'a>> for Values<'a> {
    fn from(value: TensorRef<'a>) -> Self {
        Values { shape: value.shape().to_vec(), elements: Elements::Borrowed(value.data()) }
    }
}

impl From<Tensor> for Values<'_> {
    fn from(value: Tensor) -> Self {
        Values { shape: value.shape().to_vec(), elements: Elements::Owned(value.into_data()) }
    }
}

impl<'a> Preloaded<'a> {
    fn new(columns: impl IntoIterator<Item = (Name, Values<'a>)>, executor: &dyn Executor) -> Result<Self> {
        let mut made: Vec<Column<'a>> = vec![];
        for (name, value) in columns {
            let Some(len) = value.examples() else {
                let message = format!("column {name} is a scalar, expected examples along its first axis");
                return Err(Error::value(message));
            };
            if let Some((other, has)) =
                made.first().and_then(|first| Some((&first.name, first.value.examples()?)))
                && has != len
            {
                let message = format!("column {name} has {len} examples, column {other} has {has}");
                return Err(Error::value(message));
            }
            if made.iter().any(|column| column.name == name) {
                return Err(Error::value(format!("column {name} is given twice")));
            }
            let there = executor.preload(value.view())?;
            made.push(Column { name, value, there });
        }
        let len = made.first().and_then(|column| column.value.examples()).unwrap_or(0);
        Ok(Preloaded { columns: made, len })
    }

    /// The number of examples.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no example.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether all columns are on a device, so that runs need nothing of the host but the numbers of rows.
    pub fn is_on_device(&self) -> bool {
        self.columns.iter().all(|column| column.there.is_some())
    }

    /// Whether there is a column for the input called `name`.
    pub fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|column| *column.name == *name)
    }

    fn find(&self, name: &str) -> Option<&Column<'a>> {
        self.columns.iter().find(|column| *column.name == *name)
    }
}

/// What an input of a run is.
enum Given<'a, 'c> {
    Rows(&'c Column<'a>),
    Whole(TensorRef<'c>),
}

impl Given<'_, '_> {
    fn value(&self) -> TensorRef<'_> {
        match self {
            Given::Rows(column) => column.value.view(),
            Given::Whole(value) => *value,
        }
    }
}

impl Session {
    /// Whether the executor has a device with memory of its own, so that [`preload`](Session::preload) spares runs
    /// uploads.
    pub fn preloads(&self) -> bool {
        self.executor.preloads()
    }

    /// Takes columns of examples, each `[examples, …]` under the name of an input, to where the executor computes: on
    /// a device of its own they are uploaded once, bytes as bytes, and [runs](Session::run_rows) gather rows of them
    /// there. What the device cannot hold, and all on the processor, stays where it is.
    ///
    /// # Errors
    /// When a column is a scalar, columns have different numbers of examples, a name is given twice, or the device
    /// refuses.
    pub fn preload<'a, V: Into<Values<'a>>>(
        &self,
        columns: impl IntoIterator<Item = (impl Into<Name>, V)>,
    ) -> Result<Preloaded<'a>> {
        let columns = columns.into_iter().map(|(name, value)| (name.into(), value.into()));
        Preloaded::new(columns, &*self.executor)
    }

    /// Runs a program once on some rows of columns, in this order; inputs that are no columns are among `others`, by
    /// name. The results are, to the bit, those of [`run`](Session::run) with these rows as inputs.
    ///
    #[cfg_attr(feature = "cpu", doc = "```")]
    #[cfg_attr(not(feature = "cpu"), doc = "```ignore")]
    /// use dl_backends::{Cpu, Session};
    /// use dl_core::{F32, Graph, Named, Program, Tensor};
    /// let g = Graph::new();
    /// let x = g.input("x", F32, Named("B"));
    /// let program = Program::builder(&g).output("sum", x.sum(..)).compile()?;
    /// let mut session = Session::new(Cpu::default(), 7);
    /// let sum = session.compile(&program)?;
    /// let data = session.preload([("x", Tensor::vector(vec![1.0f32, 2.0, 4.0, 8.0]))])?;
    /// assert_eq!(session.run_rows(&sum, &data, &[3, 0], &[])?.read("sum")?.item()?, 9.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As for [`run`](Session::run); also when a row is outside the columns, or an input is missing, unknown, given
    /// twice, or both a column and among `others`.
    pub fn run_rows(
        &mut self,
        handle: &Handle,
        data: &Preloaded<'_>,
        rows: &[usize],
        others: &[(&str, TensorRef<'_>)],
    ) -> Result<Outputs<'_>> {
        if let Some(row) = rows.iter().find(|row| **row >= data.len) {
            let message = format!("row {row} is outside columns of {} examples", data.len);
            return Err(Error::value(message));
        }
        let given = given(handle, data, others)?;
        if !given.iter().any(|given| matches!(given, Given::Rows(c) if c.there.is_some())) {
            return self.run_gathered(handle, &given, rows);
        }
        let forms = given.iter().map(|given| match given {
            Given::Rows(_) => Form { rows: Some(rows.len()), ..Form::of(given.value()) },
            Given::Whole(value) => Form::of(*value),
        });
        let (next, program) = (self.next(handle)?, find(&mut self.programs, handle)?);
        let found = program.find(forms).filter(|_| program.watch.is_none());
        let taking = found.filter(|variant| program.variants.get(*variant).takes_rows());
        let Some(variant) = taking else { return self.run_gathered(handle, &given, rows) };
        // What lies on the host is gathered there.
        let fetched: Vec<Option<Tensor>> = given
            .iter()
            .map(|given| match given {
                Given::Rows(column) if column.there.is_none() => Some(rows_of(column.value.view(), rows)),
                _ => None,
            })
            .collect();
        let values = given.iter().zip(&fetched);
        let inputs: Vec<TensorRef<'_>> =
            values.map(|(given, fetched)| fetched.as_ref().map_or(given.value(), Tensor::view)).collect();
        let columns: Vec<Option<&DeviceColumn>> = given
            .iter()
            .map(|given| match given {
                Given::Rows(column) => column.there.as_ref(),
                Given::Whole(_) => None,
            })
            .collect();
        let call = Call {
            inputs: &inputs,
            rows: Some(Rows { rows, columns: &columns }),
            parameters: &mut self.buffers,
            slots: &program.slots,
            seed: self.seed,
            step: self.step,
            run: self.run,
        };
        program.variants.get_mut(variant).run(call)?;
        self.step = next;
        self.run = self.run.wrapping_add(1);
        let program = &self.programs[handle.place];
        Ok(Outputs::new(&program.plan, program.executable(variant)))
    }

    /// The same with rows that the host has gathered.
    fn run_gathered(
        &mut self,
        handle: &Handle,
        given: &[Given<'_, '_>],
        rows: &[usize],
    ) -> Result<Outputs<'_>> {
        let gathered: Vec<Option<Tensor>> = given
            .iter()
            .map(|given| match given {
                Given::Rows(column) => Some(rows_of(column.value.view(), rows)),
                Given::Whole(_) => None,
            })
            .collect();
        let values = given.iter().zip(&gathered);
        let inputs: Vec<TensorRef<'_>> =
            values.map(|(given, gathered)| gathered.as_ref().map_or(given.value(), Tensor::view)).collect();
        self.run(handle, &inputs)
    }
}

/// What each input of a program is.
fn given<'a, 'c>(
    handle: &Handle,
    data: &'c Preloaded<'a>,
    others: &[(&str, TensorRef<'c>)],
) -> Result<Vec<Given<'a, 'c>>> {
    let names: Vec<&str> = handle.inputs().collect();
    for (place, (name, _)) in others.iter().enumerate() {
        if !names.contains(name) {
            let known = listed(&names);
            return Err(Error::value(format!("unknown input {name}; the program has {known}")));
        }
        if data.has(name) || others[..place].iter().any(|(before, _)| before == name) {
            return Err(Error::value(format!("input {name} is given twice")));
        }
    }
    let input = |name: &str| {
        let column = data.find(name).map(Given::Rows);
        let other = || others.iter().find(|(other, _)| *other == name).map(|(_, value)| Given::Whole(*value));
        column.or_else(other).ok_or_else(|| {
            let message = format!("input {name} is missing; the program has {}", listed(&names));
            Error::value(message)
        })
    };
    names.iter().map(|name| input(name)).collect()
}

/// Some rows of a column, all within it.
pub(crate) fn rows_of(column: TensorRef<'_>, rows: &[usize]) -> Tensor {
    fn picked<T: Element>(from: &[T], shape: Vec<usize>, rows: &[usize]) -> Tensor {
        let size: usize = shape[1..].iter().product();
        let mut elements = Vec::with_capacity(rows.len() * size);
        rows.iter().for_each(|row| elements.extend_from_slice(&from[row * size..(row + 1) * size]));
        let dtype = T::DTYPE;
        Tensor::new(shape, elements).unwrap_or_else(|_| Tensor::zeros(dtype, [0]))
    }
    let mut shape = column.shape().to_vec();
    match shape.first_mut() {
        Some(first) => *first = rows.len(),
        None => return Tensor::zeros(DType::F32, [0]),
    }
    match column.data() {
        DataRef::F32(from) => picked(from, shape, rows),
        DataRef::F64(from) => picked(from, shape, rows),
        DataRef::I64(from) => picked(from, shape, rows),
        DataRef::Bool(from) => picked(from, shape, rows),
        DataRef::U8(from) => picked(from, shape, rows),
    }
}
