//! The examples of a training that a file describes: read, divided, and put in order for its inputs.

use std::path::Path;

use dl_backends::weights::ArrayFile;
use dl_core::spelling::suggestion;
use dl_core::tensor::Data as Elements;
use dl_core::{DType, Tensor};
use dl_data::{CsvOptions, Parts, Preparation, Table, Values};
use dl_train::Columns;

use super::file::{Cell, Data, From, Input};
use crate::command::Failure;

/// The name of the size that all examples have.
pub(super) const EXAMPLES: &str = "B";

/// What was read.
pub(super) struct Examples {
    held: Held,
    /// The columns for each input that has some of its own.
    inputs: Vec<(String, Input)>,
    /// The share that is held out.
    test: Option<f64>,
    seed: u64,
}

enum Held {
    Table(Table),
    /// Arrays by name; of what has a test part of its own, that many examples at their end.
    Arrays(Vec<(String, Tensor)>, Option<usize>),
}

/// Examples to train on, and those that were held out.
pub(super) struct Divided {
    pub train: Columns,
    pub test: Option<Columns>,
}

impl Examples {
    /// Reads what a description says; files stand beside it, in `folder`.
    ///
    /// # Errors
    /// What cannot be read.
    pub(super) fn read(
        data: &Data,
        inputs: &[(String, Input)],
        folder: &Path,
        seed: u64,
    ) -> Result<Examples, Failure> {
        let held = match &data.from {
            From::Digits => digits()?,
            From::Columns(columns) => Held::Table(table(columns)?),
            From::File(name) => {
                let path = folder.join(name);
                let failed = |e: String| Failure::other(format!("data file {}: {e}", path.display()));
                let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase());
                match ending.as_deref() {
                    Some("csv" | "tsv" | "txt") => {
                        let tab = ending.as_deref() == Some("tsv");
                        let options = CsvOptions::new().delimiter(if tab { b'\t' } else { b',' });
                        let table = Table::read_csv(&path, &options);
                        // With what the system says.
                        Held::Table(table.map_err(|e| failed(format!("{e:?}")))?)
                    }
                    Some("npz" | "npy" | "safetensors") => {
                        let mut file = ArrayFile::open(&path).map_err(|e| failed(format!("{e:?}")))?;
                        let names: Vec<String> =
                            file.entries().iter().map(|entry| entry.name().to_owned()).collect();
                        let mut arrays = vec![];
                        for (place, name) in names.into_iter().enumerate() {
                            arrays.push((name, file.read_at(place).map_err(|e| failed(e.to_string()))?));
                        }
                        Held::Arrays(arrays, None)
                    }
                    _ => {
                        let what = "expected a file that ends in .csv, .tsv, .npz, .npy or .safetensors";
                        return Err(failed(what.into()));
                    }
                }
            }
        };
        Ok(Examples { held, inputs: inputs.to_vec(), test: data.test, seed })
    }

    /// The names of its columns or arrays.
    fn names(&self) -> Vec<&str> {
        match &self.held {
            Held::Table(table) => table.names(),
            Held::Arrays(arrays, _) => arrays.iter().map(|(name, _)| &**name).collect(),
        }
    }

    /// What an input is made of; a column of its name if nothing was said.
    fn columns_of(&self, input: &str) -> Result<Input, Failure> {
        let known = self.names();
        let said = self.inputs.iter().find(|(name, _)| name == input).map(|(_, made)| made.clone());
        let own = || Input { columns: vec![input.to_owned()], is_list: false, standardize: false };
        let is_said = said.is_some();
        let made = said.unwrap_or_else(own);
        match made.columns.iter().find(|column| !known.contains(&&***column)) {
            None => Ok(made),
            Some(column) => {
                let hint = suggestion(column, known.iter().copied());
                let known = known.join(", ");
                let what = if is_said {
                    format!("input {input}: the data has no {column}{hint}; it has {known}")
                } else {
                    format!(
                        "{input} is no parameter, no constant, and the data has no column of that name{hint}; it has {known}"
                    )
                };
                Err(Failure::other(what))
            }
        }
    }

    /// The shape of an input as a declaration: `X: [B, 3]`.
    ///
    /// # Errors
    /// When the data has no such columns.
    pub(super) fn declared(&self, input: &str) -> Result<String, Failure> {
        let made = self.columns_of(input)?;
        let sizes: Vec<String> = match &self.held {
            Held::Table(_) if made.is_list => vec![made.columns.len().to_string()],
            Held::Table(_) => vec![],
            Held::Arrays(arrays, _) => {
                let shape = arrays.iter().find(|(name, _)| *name == made.columns[0]).map(|(_, t)| t.shape());
                shape.unwrap_or_default().iter().skip(1).map(usize::to_string).collect()
            }
        };
        let all: Vec<String> = std::iter::once(EXAMPLES.to_owned()).chain(sizes).collect();
        Ok(format!("{input}: [{}]", all.join(", ")))
    }

    /// The examples for inputs, each with whether it has whole numbers, in numbers of this type.
    ///
    /// # Errors
    /// What does not fit.
    pub(super) fn divided(&self, inputs: &[(&str, bool)], real: DType) -> Result<Divided, Failure> {
        let len = match &self.held {
            Held::Table(table) => table.len(),
            Held::Arrays(arrays, _) => arrays.first().map_or(0, |(_, t)| t.shape().first().map_or(0, |n| *n)),
        };
        let (train, test) = self.rows(len, inputs)?;
        let (mut into, mut out) = (Columns::new(), Columns::new());
        for &(input, is_whole) in inputs {
            let made = self.columns_of(input)?;
            let failed = |e: String| Failure::other(format!("input {input}: {e}"));
            let [a, b] = match &self.held {
                Held::Table(table) => of_table(table, &made, is_whole, real, [&train, &test]),
                Held::Arrays(arrays, _) => of_arrays(arrays, &made, is_whole, real, [&train, &test]),
            }
            .map_err(failed)?;
            into = into.column(input, a).map_err(|e| failed(e.to_string()))?;
            out = out.column(input, b).map_err(|e| failed(e.to_string()))?;
        }
        Ok(Divided { train: into, test: (!test.is_empty()).then_some(out) })
    }

    /// Which rows train, and which are held out.
    fn rows(&self, len: usize, inputs: &[(&str, bool)]) -> Result<(Vec<usize>, Vec<usize>), Failure> {
        if let Held::Arrays(_, Some(own)) = &self.held {
            return Ok(((0..len - own).collect(), (len - own..len).collect()));
        }
        let Some(share) = self.test else { return Ok(((0..len).collect(), vec![])) };
        let shares = [1.0 - share, 0.0, share];
        let label = inputs.iter().find(|(_, is_whole)| *is_whole);
        let parts = match (&self.held, label) {
            // The classes in the same shares on both sides.
            (Held::Table(table), Some((input, _))) => {
                let column = &self.columns_of(input)?.columns[0];
                table.classes(column).and_then(|classes| Parts::stratified(&classes, shares, self.seed))
            }
            _ => Parts::random(len, shares, self.seed),
        };
        let parts = parts.map_err(|e| Failure::other(format!("test = {share}: {e}")))?;
        Ok((parts.train, parts.test))
    }
}

/// 8×8 digits: `x` `[B, 64]` from 0 to 1, and `y`.
fn digits() -> Result<Held, Failure> {
    let set = dl_data::digits().map_err(|e| Failure::other(e.to_string()))?;
    let (mut x, mut y): (Vec<f32>, Vec<i64>) = (vec![], vec![]);
    for part in [&set.train, &set.test] {
        x.extend(part.images().as_slice().iter().map(|pixel| f32::from(*pixel) / 16.0));
        y.extend(part.labels().iter().map(|label| i64::from(*label)));
    }
    let x = Tensor::new([y.len(), x.len() / y.len().max(1)], x)?;
    Ok(Held::Arrays(vec![("x".into(), x), ("y".into(), Tensor::vector(y))], Some(set.test.len())))
}

/// Columns that stand in the description.
fn table(columns: &[(String, Vec<Cell>)]) -> Result<Table, Failure> {
    let mut table = Table::new();
    for (name, cells) in columns {
        let whole = |cell: &Cell| if let Cell::Whole(n) = cell { Some(*n) } else { None };
        let real = |cell: &Cell| match cell {
            Cell::Whole(n) => Some(*n as f64),
            Cell::Real(x) => Some(*x),
            Cell::Text(_) => None,
        };
        let values = if let Some(all) = cells.iter().map(whole).collect() {
            Values::Integers(all)
        } else if let Some(all) = cells.iter().map(real).collect() {
            Values::Floats(all)
        } else {
            Values::text(cells.iter().map(|cell| match cell {
                Cell::Whole(n) => n.to_string(),
                Cell::Real(x) => x.to_string(),
                Cell::Text(text) => text.clone(),
            }))
        };
        table = table.column(name, values).map_err(|e| Failure::other(format!("data: {e}")))?;
    }
    Ok(table)
}

/// An input of both parts, from columns of a table.
fn of_table(
    table: &Table,
    made: &Input,
    is_whole: bool,
    real: DType,
    parts: [&[usize]; 2],
) -> Result<[Tensor; 2], String> {
    let train = table.rows(parts[0]).map_err(|e| e.to_string())?;
    if is_whole {
        let [column] = &made.columns[..] else {
            return Err("whole numbers come from one column".into());
        };
        // Classes are what all examples have: one that was held out is none the less one.
        let classes = table.classes(column).map_err(|e| e.to_string())?;
        let of = |rows: &[usize]| Tensor::vector(rows.iter().map(|row| classes[*row] as i64).collect());
        return Ok([of(parts[0]), of(parts[1])]);
    }
    let preparation = Preparation::new();
    let preparation = match made.standardize {
        true => preparation.standardize(made.columns.iter().map(String::as_str)),
        false => preparation.keep(made.columns.iter().map(String::as_str)),
    };
    let prepared = preparation.fit(&train).map_err(|e| e.to_string())?;
    let of = |rows: &[usize]| {
        let features = table.rows(rows).and_then(|part| prepared.apply(&part)).map_err(|e| e.to_string())?;
        let mut shape = vec![rows.len()];
        shape.extend(made.is_list.then_some(made.columns.len()));
        let values = match real {
            DType::F64 => Tensor::new(shape, features.x.iter().map(|x| f64::from(*x)).collect::<Vec<_>>()),
            _ => Tensor::new(shape, features.x),
        };
        values.map_err(|e| e.to_string())
    };
    Ok([of(parts[0])?, of(parts[1])?])
}

/// An input of both parts, from an array.
fn of_arrays(
    arrays: &[(String, Tensor)],
    made: &Input,
    is_whole: bool,
    real: DType,
    parts: [&[usize]; 2],
) -> Result<[Tensor; 2], String> {
    let [name] = &made.columns[..] else {
        return Err("several arrays: an input is one of them".into());
    };
    if made.standardize {
        return Err("arrays are not standardized: columns of a .csv file are".into());
    }
    let (_, array) = arrays.iter().find(|(other, _)| other == name).ok_or("no such array")?;
    let of = |rows: &[usize]| {
        let size: usize = array.shape().iter().skip(1).product();
        let mut shape = array.shape().to_vec();
        let first = shape.first_mut().ok_or("a single number: expected examples along the first axis")?;
        *first = rows.len();
        let all: Vec<f64> = match array.data() {
            Elements::F32(v) => v.iter().map(|x| f64::from(*x)).collect(),
            Elements::F64(v) => v.clone(),
            Elements::I64(v) => v.iter().map(|x| *x as f64).collect(),
            Elements::U8(v) => v.iter().map(|x| f64::from(*x)).collect(),
            Elements::Bool(v) => v.iter().map(|x| f64::from(u8::from(*x))).collect(),
        };
        let mut taken = Vec::with_capacity(rows.len() * size);
        for row in rows {
            let values = all.get(row * size..(row + 1) * size);
            taken.extend_from_slice(values.ok_or("fewer examples than another array")?);
        }
        if is_whole {
            if let Some(value) = taken.iter().find(|x| x.fract() != 0.0) {
                return Err(format!("{value} is no whole number"));
            }
            return Tensor::new(shape, taken.iter().map(|x| *x as i64).collect::<Vec<_>>())
                .map_err(|e| e.to_string());
        }
        let values = match real {
            DType::F64 => Tensor::new(shape, taken),
            _ => Tensor::new(shape, taken.iter().map(|x| *x as f32).collect::<Vec<_>>()),
        };
        values.map_err(|e| e.to_string())
    };
    Ok([of(parts[0])?, of(parts[1])?])
}
