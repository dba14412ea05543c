//! From tables to what a network takes: numbers standardized, categories encoded, missing values filled, all by what
//! the training part says.

use std::collections::HashMap;

use crate::error::Result;
use crate::table::{Column, Table, Values, setting, sorted};

/// What becomes of each column; [`fit`](Preparation::fit) learns from the training part what that takes.
///
/// ```
/// use dl_data::{Parts, Preparation, Table, Values};
/// let table = Table::new()
///     .column("size", Values::Floats(vec![1.0, 3.0, 5.0, 100.0]))?
///     .column("colour", Values::text(["red", "blue", "red", "blue"]))?
///     .column("kind", Values::text(["b", "a", "b", "a"]))?;
/// let plan = Preparation::new().standardize(["size"]).one_hot(["colour"]).target_classes("kind");
/// let prepared = plan.fit(&table.rows(&[0, 1, 2])?)?;
/// assert_eq!(prepared.names(), ["size", "colour=blue", "colour=red"]);
/// let all = prepared.apply(&table)?;
/// assert_eq!(all.x[..3], [-1.2247449, 0.0, 1.0]);
/// assert_eq!(all.classes, Some(vec![1, 0, 1, 0]));
/// # Ok::<(), dl_data::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preparation {
    columns: Vec<(String, How)>,
    target: Option<(String, Target)>,
    fill: Fill,
    unknown: Unknown,
}

/// What becomes of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Standardize,
    Scale,
    Keep,
    OneHot,
    Code,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
enum Target {
    Classes,
    Number,
}

/// What stands for a missing number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Fill {
    /// It is an error, with its column and row.
    #[default]
    Refuse,
    /// The mean of the training part.
    Mean,
    /// The median of the training part, for which its numbers are kept while fitting.
    Median,
    /// This number.
    Constant(f64),
}

/// What becomes of a category that the training part has not, and of a missing one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Unknown {
    /// It is an error, with its column and row.
    #[default]
    Refuse,
    /// It has a code of its own, behind those of the others.
    Reserve,
}

impl Preparation {
    /// Of no column.
    pub fn new() -> Self {
        Preparation::default()
    }

    fn with<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>, how: How) -> Self {
        self.columns.extend(names.into_iter().map(|name| (name.into(), how)));
        self
    }

    /// Numbers less their mean, over their deviation (of all, not of a sample; 1 where all are equal).
    #[must_use]
    pub fn standardize<S: Into<String>>(self, names: impl IntoIterator<Item = S>) -> Self {
        self.with(names, How::Standardize)
    }

    /// Numbers from 0 for the smallest to 1 for the largest of the training part.
    #[must_use]
    pub fn scale<S: Into<String>>(self, names: impl IntoIterator<Item = S>) -> Self {
        self.with(names, How::Scale)
    }

    /// Numbers as they are.
    #[must_use]
    pub fn keep<S: Into<String>>(self, names: impl IntoIterator<Item = S>) -> Self {
        self.with(names, How::Keep)
    }

    /// Categories, text or whole numbers, as a column of 0 and 1 for each.
    #[must_use]
    pub fn one_hot<S: Into<String>>(self, names: impl IntoIterator<Item = S>) -> Self {
        self.with(names, How::OneHot)
    }

    /// Categories by their numbers in order, from 0 on: for embeddings, each an input of its own.
    #[must_use]
    pub fn code<S: Into<String>>(self, names: impl IntoIterator<Item = S>) -> Self {
        self.with(names, How::Code)
    }

    /// What is to be told: the class, text or whole numbers, by its number in order.
    #[must_use]
    pub fn target_classes(self, name: &str) -> Self {
        Preparation { target: Some((name.into(), Target::Classes)), ..self }
    }

    /// What is to be told: a number.
    #[must_use]
    pub fn target_number(self, name: &str) -> Self {
        Preparation { target: Some((name.into(), Target::Number)), ..self }
    }

    /// What stands for missing numbers.
    #[must_use]
    pub fn fill(self, fill: Fill) -> Self {
        Preparation { fill, ..self }
    }

    /// What becomes of unknown categories. A target's are refused whatever this says.
    #[must_use]
    pub fn unknown(self, unknown: Unknown) -> Self {
        Preparation { unknown, ..self }
    }

    /// Learns from the training part, and from nothing else.
    ///
    /// # Errors
    /// When a column is not there, is named twice or of another kind, a number is missing (without a
    /// [fill](Preparation::fill)) or not finite, or there are no rows.
    pub fn fit(&self, train: &Table) -> Result<Prepared> {
        self.fit_chunks([Ok(train.clone())])
    }

    /// The same from a training part that comes in tables, such as those of a [`CsvFile`](crate::CsvFile).
    ///
    /// # Errors
    /// As for [`fit`](Preparation::fit); also the first error of the tables.
    pub fn fit_chunks(&self, train: impl IntoIterator<Item = Result<Table>>) -> Result<Prepared> {
        let target = self.target.iter().map(|(name, target)| {
            (
                name,
                match target {
                    Target::Classes => How::Code,
                    Target::Number => How::Keep,
                },
            )
        });
        let columns: Vec<(&String, How)> =
            self.columns.iter().map(|(name, how)| (name, *how)).chain(target).collect();
        for (i, (name, _)) in columns.iter().enumerate() {
            if columns[..i].iter().any(|(other, _)| other == name) {
                return Err(setting(format!("column {name} is prepared twice")));
            }
        }
        let mut learnt: Vec<Learnt> = columns.iter().map(|(_, how)| Learnt::new(*how, self.fill)).collect();
        let mut rows = 0;
        for table in train {
            let table = table?;
            for ((name, _), learnt) in columns.iter().zip(&mut learnt) {
                learnt.add(table.get(name)?, rows)?;
            }
            rows += table.len();
        }
        if rows == 0 {
            return Err(setting("a preparation cannot be fitted to no rows"));
        }
        let mut fitted =
            columns.iter().zip(learnt).map(|((name, how), learnt)| learnt.finish(name, *how, self.fill));
        let columns = fitted.by_ref().take(self.columns.len()).collect::<Result<_>>()?;
        let target = fitted.next().transpose()?;
        let unknown = self.unknown;
        Ok(Prepared { columns, target, unknown })
    }
}

/// What is learnt of a column.
enum Learnt {
    Numbers { count: f64, mean: f64, squares: f64, least: f64, most: f64, kept: Option<Vec<f64>> },
    Categories(Vec<String>),
}

impl Learnt {
    fn new(how: How, fill: Fill) -> Learnt {
        match how {
            How::OneHot | How::Code => Learnt::Categories(vec![]),
            _ => Learnt::Numbers {
                count: 0.0,
                mean: 0.0,
                squares: 0.0,
                least: f64::INFINITY,
                most: f64::NEG_INFINITY,
                kept: (fill == Fill::Median).then(Vec::new),
            },
        }
    }

    /// Welford: "Note on a method for calculating corrected sums of squares and products", 1962: one value after the
    /// other, so that the parts in which they come do not matter.
    fn add(&mut self, column: &Column, before: usize) -> Result<()> {
        match self {
            Learnt::Numbers { count, mean, squares, least, most, kept } => {
                for (row, value) in numbers(column)?.enumerate() {
                    let Some(value) = value else { continue };
                    finite(value, column, before + row)?;
                    *count += 1.0;
                    let off = value - *mean;
                    *mean += off / *count;
                    *squares += off * (value - *mean);
                    (*least, *most) = (least.min(value), most.max(value));
                    if let Some(kept) = kept {
                        kept.push(value);
                    }
                }
            }
            Learnt::Categories(all) => {
                let with: Vec<String> = used(column)?.into_iter().chain(std::mem::take(all)).collect();
                *all = sorted(with);
            }
        }
        Ok(())
    }

    fn finish(self, name: &str, how: How, fill: Fill) -> Result<Fitted> {
        let name = name.to_owned();
        match self {
            Learnt::Categories(categories) if how == How::OneHot => Ok(Fitted::OneHot { name, categories }),
            Learnt::Categories(categories) => Ok(Fitted::Code { name, categories }),
            Learnt::Numbers { count, mean, squares, least, most, kept } => {
                if count == 0.0 {
                    return Err(setting(format!("column {name} has no value to be fitted to")));
                }
                let filled = match fill {
                    Fill::Refuse => None,
                    Fill::Mean => Some(mean),
                    Fill::Median => kept.map(median),
                    Fill::Constant(value) => Some(value),
                };
                let whole = |size: f64| if size > 0.0 { size } else { 1.0 };
                let (offset, scale) = match how {
                    How::Standardize => (mean, whole((squares / count).sqrt())),
                    How::Scale => (least, whole(most - least)),
                    _ => (0.0, 1.0),
                };
                if !(offset.is_finite() && scale.is_finite()) {
                    return Err(setting(format!("column {name} has numbers too large to be fitted to")));
                }
                Ok(Fitted::Number { name, offset, scale, fill: filled })
            }
        }
    }
}

/// The middle one, or the mean of the two; there is one at least.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (before, after) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
    before + (after - before) / 2.0
}

/// The numbers of a column, none where one is missing.
fn numbers(column: &Column) -> Result<Box<dyn Iterator<Item = Option<f64>> + '_>> {
    let lacks = |row: &usize| column.missing().binary_search(row).is_ok();
    let there = move |(row, value): (usize, f64)| (!lacks(&row)).then_some(value);
    match column.values() {
        Values::Floats(values) => Ok(Box::new(values.iter().copied().enumerate().map(there))),
        Values::Integers(values) => Ok(Box::new(values.iter().map(|v| *v as f64).enumerate().map(there))),
        Values::Text(_) => Err(setting(format!("{}, expected numbers", column.described()))),
    }
}

fn finite(value: f64, column: &Column, row: usize) -> Result<()> {
    match value.is_finite() {
        true => Ok(()),
        false => {
            let name = column.name();
            Err(setting(format!("column {name}: row {row} has {value}, expected a finite number")))
        }
    }
}

/// The categories that rows have.
fn used(column: &Column) -> Result<Vec<String>> {
    let mut all = std::collections::BTreeSet::new();
    for category in categories(column)?.flatten() {
        if !all.contains(&*category) {
            all.insert(category.into_owned());
        }
    }
    Ok(all.into_iter().collect())
}

type Category<'a> = std::borrow::Cow<'a, str>;

/// The category of each row, none where it is missing.
fn categories(column: &Column) -> Result<Box<dyn Iterator<Item = Option<Category<'_>>> + '_>> {
    let lacks = |row: &usize| column.missing().binary_search(row).is_ok();
    match column.values() {
        Values::Text(texts) => Ok(Box::new(
            texts
                .iter()
                .enumerate()
                .map(move |(row, text)| (!lacks(&row)).then_some(Category::Borrowed(text))),
        )),
        Values::Integers(values) => Ok(Box::new(
            values
                .iter()
                .enumerate()
                .map(move |(row, value)| (!lacks(&row)).then(|| Category::Owned(value.to_string()))),
        )),
        Values::Floats(_) => {
            Err(setting(format!("{}, expected text or whole numbers as categories", column.described())))
        }
    }
}

/// A [`Preparation`] that was fitted: it prepares any table of the same columns, for training, for the test, and
/// where a model is served. With the feature `serde` it is plain data that can be stored beside the weights.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Prepared {
    columns: Vec<Fitted>,
    target: Option<Fitted>,
    unknown: Unknown,
}

/// What was learnt of a column.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case", deny_unknown_fields))]
enum Fitted {
    /// `(x - offset) / scale`
    Number {
        name: String,
        offset: f64,
        scale: f64,
        fill: Option<f64>,
    },
    OneHot {
        name: String,
        categories: Vec<String>,
    },
    Code {
        name: String,
        categories: Vec<String>,
    },
}

/// A table as a network takes it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Features {
    /// The number of rows.
    pub rows: usize,
    /// `[rows, columns]`: numbers and one-hot columns, called [`Prepared::names`].
    pub x: Vec<f32>,
    /// `[rows]` each: the codes of categories, by the name of the column.
    pub codes: Vec<(String, Vec<i64>)>,
    /// `[rows]`: the classes to be told, where the table has them.
    pub classes: Option<Vec<i64>>,
    /// `[rows]`: the numbers to be told, where the table has them.
    pub numbers: Option<Vec<f32>>,
}

impl Prepared {
    /// The names of the columns of `x`; `colour=red` for a category, `colour=?` for unknown ones.
    pub fn names(&self) -> Vec<String> {
        self.columns.iter().flat_map(|column| column.names(self.unknown)).collect()
    }

    /// The categories of the target, in the order of their classes; none if it is a number.
    pub fn classes(&self) -> Option<&[String]> {
        match &self.target {
            Some(Fitted::Code { categories, .. }) => Some(categories),
            _ => None,
        }
    }

    /// How many codes a column of codes has, the reserved one included.
    pub fn codes(&self, name: &str) -> Option<usize> {
        self.columns.iter().find_map(|column| match column {
            Fitted::Code { name: own, categories } if own == name => {
                Some(categories.len() + usize::from(self.unknown == Unknown::Reserve))
            }
            _ => None,
        })
    }

    /// Prepares a table. Columns that were not asked for do not matter, nor does the target where it is not there.
    ///
    /// # Errors
    /// When a column is not there or of another kind, a number is missing or not finite, or a category unknown, as
    /// far as the [`Preparation`] does not say otherwise.
    pub fn apply(&self, table: &Table) -> Result<Features> {
        let (rows, width) = (table.len(), self.names().len());
        let mut features = Features { rows, x: vec![0.0; rows * width], ..Features::default() };
        let mut at = 0;
        for column in &self.columns {
            match column {
                Fitted::Number { name, .. } => {
                    for (row, value) in column.numbers(table.get(name)?)?.into_iter().enumerate() {
                        features.x[row * width + at] = value;
                    }
                }
                Fitted::OneHot { name, .. } => {
                    for (row, code) in column.codes(table.get(name)?, self.unknown)?.into_iter().enumerate() {
                        features.x[row * width + at + code as usize] = 1.0;
                    }
                }
                Fitted::Code { name, .. } => {
                    features.codes.push((name.clone(), column.codes(table.get(name)?, self.unknown)?));
                }
            }
            at += column.names(self.unknown).len();
        }
        let target = self.target.as_ref().filter(|target| table.names().contains(&target.name()));
        match target {
            Some(target @ Fitted::Number { name, .. }) => {
                features.numbers = Some(target.numbers(table.get(name)?)?);
            }
            Some(target) => {
                features.classes = Some(target.codes(table.get(target.name())?, Unknown::Refuse)?);
            }
            None => {}
        }
        Ok(features)
    }
}

impl Fitted {
    fn name(&self) -> &str {
        let (Fitted::Number { name, .. } | Fitted::OneHot { name, .. } | Fitted::Code { name, .. }) = self;
        name
    }

    /// Of the columns of `x`.
    fn names(&self, unknown: Unknown) -> Vec<String> {
        match self {
            Fitted::Number { name, .. } => vec![name.clone()],
            Fitted::Code { .. } => vec![],
            Fitted::OneHot { name, categories } => {
                let reserved = (unknown == Unknown::Reserve).then_some("?");
                let all = categories.iter().map(String::as_str).chain(reserved);
                all.map(|category| format!("{name}={category}")).collect()
            }
        }
    }

    fn numbers(&self, column: &Column) -> Result<Vec<f32>> {
        let Fitted::Number { name, offset, scale, fill } = self else {
            return Err(setting(format!("column {} is one of categories", self.name())));
        };
        let number = |(row, value): (usize, Option<f64>)| {
            let value = value.or(*fill);
            let value = value.ok_or_else(|| {
                setting(format!("column {name}: row {row} has no value, expected a number"))
            })?;
            finite(value, column, row)?;
            Ok(((value - offset) / scale) as f32)
        };
        numbers(column)?.enumerate().map(number).collect()
    }

    fn codes(&self, column: &Column, unknown: Unknown) -> Result<Vec<i64>> {
        let (Fitted::OneHot { name, categories: known } | Fitted::Code { name, categories: known }) = self
        else {
            return Err(setting(format!("column {} is one of numbers", self.name())));
        };
        let place: HashMap<&str, i64> = known.iter().map(String::as_str).zip(0..).collect();
        let code = |(row, category): (usize, Option<Category<'_>>)| {
            let code = category.as_deref().and_then(|category| place.get(category).copied());
            match (code, unknown, category) {
                (Some(code), ..) => Ok(code),
                (None, Unknown::Reserve, _) => Ok(known.len() as i64),
                (None, _, None) => {
                    Err(setting(format!("column {name}: row {row} has no value, expected a category")))
                }
                (None, _, Some(category)) => Err(setting(format!(
                    "column {name}: row {row} has {category:?}, which the training part has not: expected {}",
                    few(known)
                ))),
            }
        };
        categories(column)?.enumerate().map(code).collect()
    }
}

/// The first categories, for a message.
fn few(known: &[String]) -> String {
    let more = if known.len() > 10 { ", …" } else { "" };
    format!("{}{more}", known[..known.len().min(10)].join(", "))
}

#[cfg(test)]
mod tests;
