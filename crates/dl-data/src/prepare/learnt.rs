//! What is learnt of a column, row by row.

use super::prepared::Fitted;
use super::{Fill, How};
use crate::error::Result;
use crate::table::{Column, Values, setting, sorted};

/// What is learnt of a column.
pub(super) enum Learnt {
    Numbers { count: f64, mean: f64, squares: f64, least: f64, most: f64, kept: Option<Vec<f64>> },
    Categories(Vec<String>),
}

impl Learnt {
    pub(super) fn new(how: How, fill: Fill) -> Learnt {
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
    pub(super) fn add(&mut self, column: &Column, before: usize) -> Result<()> {
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

    pub(super) fn finish(self, name: &str, how: How, fill: Fill) -> Result<Fitted> {
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
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (before, after) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
    before + (after - before) / 2.0
}

/// The numbers of a column, none where one is missing.
pub(super) fn numbers(column: &Column) -> Result<Box<dyn Iterator<Item = Option<f64>> + '_>> {
    let lacks = |row: &usize| column.missing().binary_search(row).is_ok();
    let there = move |(row, value): (usize, f64)| (!lacks(&row)).then_some(value);
    match column.values() {
        Values::Floats(values) => Ok(Box::new(values.iter().copied().enumerate().map(there))),
        Values::Integers(values) => Ok(Box::new(values.iter().map(|v| *v as f64).enumerate().map(there))),
        Values::Text(_) => Err(setting(format!("{}, expected numbers", column.described()))),
    }
}

pub(super) fn finite(value: f64, column: &Column, row: usize) -> Result<()> {
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

pub(super) type Category<'a> = std::borrow::Cow<'a, str>;

/// The category of each row, none where it is missing.
pub(super) fn categories(column: &Column) -> Result<Box<dyn Iterator<Item = Option<Category<'_>>> + '_>> {
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
