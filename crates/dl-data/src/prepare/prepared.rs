//! What was fitted, and what tables become by it.

use std::collections::HashMap;

use super::Unknown;
use super::learnt::{Category, categories, finite, numbers};
use crate::error::Result;
use crate::table::{Column, Table, setting};

/// A [`Preparation`](super::Preparation) that was fitted: it prepares any table of the same columns, for training,
/// for the test, and where a model is served. With the feature `serde` it is plain data that can be stored beside the weights.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Prepared {
    pub(super) columns: Vec<Fitted>,
    pub(super) target: Option<Fitted>,
    pub(super) unknown: Unknown,
}

/// What was learnt of a column.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case", deny_unknown_fields))]
pub(super) enum Fitted {
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
    /// far as the [`Preparation`](super::Preparation) does not say otherwise.
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
