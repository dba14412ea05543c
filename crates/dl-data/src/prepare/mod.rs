//! From tables to what a network takes: numbers standardized, categories encoded, missing values filled, all by what
//! the training part says.

mod learnt;
mod prepared;

use self::learnt::Learnt;
pub use self::prepared::{Features, Prepared};
use crate::error::Result;
use crate::table::{Table, setting};

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

#[cfg(test)]
mod tests;
