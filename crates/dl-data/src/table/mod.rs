//! Tables: named columns of numbers or text in memory.

#[cfg(feature = "csv")]
pub(crate) mod csv;
#[cfg(feature = "parquet")]
mod parquet;

use std::collections::HashMap;
use std::fmt;

use crate::error::{Error, Kind, Result};

/// Columns of equal length, each with a name.
///
/// ```
/// use dl_data::{Table, Values};
/// let table = Table::new()
///     .column("size", Values::Floats(vec![1.5, 2.0, 0.5]))?
///     .column("kind", Values::text(["a", "b", "a"]))?;
/// assert_eq!((table.len(), table.names()), (3, vec!["size", "kind"]));
/// assert_eq!(table.rows(&[2, 0])?.get("size")?.values(), &Values::Floats(vec![0.5, 1.5]));
/// assert_eq!(table.classes("kind")?, [0, 1, 0]);
/// # Ok::<(), dl_data::Error>(())
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct Table {
    columns: Vec<Column>,
    len: usize,
}

/// A column of a [`Table`].
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    name: String,
    values: Values,
    /// The rows without a value, ascending.
    missing: Vec<usize>,
    /// Of a column of text that begins with numbers: where the first text is.
    note: Option<String>,
}

/// The values of a column. Where one is missing, there is NaN, 0 or the empty text.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Real numbers.
    Floats(Vec<f64>),
    /// Whole numbers.
    Integers(Vec<i64>),
    /// Texts.
    Text(Texts),
}

/// Texts, each kept once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Texts {
    /// In the order in which they appear.
    names: Vec<String>,
    codes: Vec<u32>,
}

impl Texts {
    /// The number of values.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }

    /// The text of a row; `None` past the end.
    pub fn get(&self, row: usize) -> Option<&str> {
        self.codes.get(row).map(|code| self.names[*code as usize].as_str())
    }

    /// All texts, row by row.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.codes.iter().map(|code| self.names[*code as usize].as_str())
    }
}

/// Collects texts.
#[derive(Debug, Default)]
pub(crate) struct TextsBuilder {
    texts: Texts,
    known: HashMap<String, u32>,
}

impl TextsBuilder {
    /// Adds a text; false if there are more different ones than can be numbered.
    pub(crate) fn push(&mut self, text: &str) -> bool {
        let code = match self.known.get(text) {
            Some(code) => *code,
            None => {
                let Ok(code) = u32::try_from(self.texts.names.len()) else {
                    return false;
                };
                self.texts.names.push(text.to_owned());
                self.known.insert(text.to_owned(), code);
                code
            }
        };
        self.texts.codes.push(code);
        true
    }

    pub(crate) fn finish(self) -> Texts {
        self.texts
    }
}

impl Values {
    /// A column of texts.
    pub fn text<S: AsRef<str>>(texts: impl IntoIterator<Item = S>) -> Values {
        let mut builder = TextsBuilder::default();
        // Memory ends before the numbers of 32 bits do.
        for text in texts {
            let _ = builder.push(text.as_ref());
        }
        Values::Text(builder.finish())
    }

    /// The number of values.
    pub fn len(&self) -> usize {
        match self {
            Values::Floats(values) => values.len(),
            Values::Integers(values) => values.len(),
            Values::Text(values) => values.len(),
        }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn rows(&self, rows: &[usize]) -> Values {
        match self {
            Values::Floats(values) => Values::Floats(rows.iter().map(|row| values[*row]).collect()),
            Values::Integers(values) => Values::Integers(rows.iter().map(|row| values[*row]).collect()),
            Values::Text(Texts { names, codes }) => {
                let codes = rows.iter().map(|row| codes[*row]).collect();
                Values::Text(Texts { names: names.clone(), codes })
            }
        }
    }

    /// What they are, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Values::Floats(_) => "real numbers",
            Values::Integers(_) => "whole numbers",
            Values::Text(_) => "text",
        }
    }
}

impl Column {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its values.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// The rows without a value, ascending.
    pub fn missing(&self) -> &[usize] {
        &self.missing
    }

    /// `is text, from line 7 on ("n.a.")`, for messages.
    pub(crate) fn described(&self) -> String {
        let note = self.note.as_ref().map(|note| format!(", {note}")).unwrap_or_default();
        format!("column {} is {}{note}", self.name, self.values.kind())
    }

    /// The rows with their categories as texts; numbers as they are written.
    pub(crate) fn categories(&self) -> Result<Vec<String>> {
        match &self.values {
            Values::Text(texts) => Ok(texts.names.clone()),
            Values::Integers(values) => {
                let mut all = values.clone();
                all.sort_unstable();
                all.dedup();
                Ok(all.into_iter().map(|value| value.to_string()).collect())
            }
            Values::Floats(_) => {
                Err(setting(format!("{}, expected text or whole numbers as categories", self.described())))
            }
        }
    }
}

/// `3000 rows of hour (real numbers), wind (real numbers, 1 missing), street (text, 3 different)`
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows of ", self.len)?;
        for (i, Column { name, values, missing, .. }) in self.columns.iter().enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            write!(f, "{comma}{name} ({}", values.kind())?;
            if let Values::Text(texts) = values {
                write!(f, ", {} different", texts.names.len())?;
            }
            match missing.len() {
                0 => write!(f, ")")?,
                many => write!(f, ", {many} missing)")?,
            }
        }
        if self.columns.is_empty() { write!(f, "no columns") } else { Ok(()) }
    }
}

/// What it is, not all its values.
impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({self})")
    }
}

pub(crate) fn setting(what: impl Into<String>) -> Error {
    Kind::Setting(what.into()).into()
}

/// Sorts categories: as numbers, if all are whole numbers, else as texts; each once.
pub(crate) fn sorted(mut categories: Vec<String>) -> Vec<String> {
    let numbers: Option<Vec<i64>> = categories.iter().map(|text| text.parse().ok()).collect();
    match numbers {
        Some(_) => categories.sort_by_cached_key(|text| text.parse::<i64>().unwrap_or(0)),
        None => categories.sort(),
    }
    categories.dedup();
    categories
}

impl Table {
    /// No columns yet.
    pub fn new() -> Self {
        Table::default()
    }

    /// Adds a column.
    ///
    /// # Errors
    /// When it has more or fewer rows than those before it, or its name was given before.
    pub fn column(self, name: &str, values: Values) -> Result<Self> {
        self.with(Column { name: name.into(), values, missing: vec![], note: None })
    }

    /// Adds a column some of whose rows have no value.
    ///
    /// # Errors
    /// As for [`column`](Table::column); also when such a row is not there.
    pub fn column_with_missing(self, name: &str, values: Values, mut missing: Vec<usize>) -> Result<Self> {
        missing.sort_unstable();
        missing.dedup();
        self.with(Column { name: name.into(), values, missing, note: None })
    }

    fn with(mut self, column: Column) -> Result<Self> {
        let (name, len) = (&column.name, column.values.len());
        if !self.columns.is_empty() && len != self.len {
            return Err(setting(format!("column {name} has {len} rows, those before it have {}", self.len)));
        }
        if self.columns.iter().any(|other| other.name == *name) {
            return Err(setting(format!("column {name} is given twice")));
        }
        if let Some(row) = column.missing.last().filter(|row| **row >= len) {
            return Err(setting(format!("row {row} of column {name} is outside its {len} rows")));
        }
        self.len = len;
        self.columns.push(column);
        Ok(self)
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The columns, in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Their names.
    pub fn names(&self) -> Vec<&str> {
        self.columns.iter().map(|column| column.name.as_str()).collect()
    }

    /// The column of a name.
    ///
    /// # Errors
    /// When there is none; the message lists those that there are.
    pub fn get(&self, name: &str) -> Result<&Column> {
        self.columns.iter().find(|column| column.name == name).ok_or_else(|| {
            let there = self.names();
            let more = if there.len() > 20 { ", …" } else { "" };
            let there = there[..there.len().min(20)].join(", ");
            setting(format!("there is no column {name}; there are {there}{more}"))
        })
    }

    /// The rows at these places, in this order.
    ///
    /// # Errors
    /// When there is no such row.
    pub fn rows(&self, rows: &[usize]) -> Result<Table> {
        if let Some(row) = rows.iter().find(|row| **row >= self.len) {
            return Err(setting(format!("row {row} is outside a table of {} rows", self.len)));
        }
        let column = |column: &Column| {
            let lacks = |row: &usize| column.missing.binary_search(row).is_ok();
            let missing = if column.missing.is_empty() {
                vec![]
            } else {
                rows.iter().enumerate().filter(|(_, row)| lacks(row)).map(|(at, _)| at).collect()
            };
            Column { values: column.values.rows(rows), missing, ..column.clone_name() }
        };
        Ok(Table { columns: self.columns.iter().map(column).collect(), len: rows.len() })
    }

    /// The class of each row by a column of text or whole numbers, numbered in the order of its categories.
    ///
    /// # Errors
    /// When there is no such column, it has real numbers, or a row has no value.
    pub fn classes(&self, name: &str) -> Result<Vec<usize>> {
        let column = self.get(name)?;
        if let Some(row) = column.missing.first() {
            return Err(setting(format!("column {name}: row {row} has no value, expected a class")));
        }
        let order = sorted(column.categories()?);
        let place: HashMap<&str, usize> =
            order.iter().enumerate().map(|(i, name)| (name.as_str(), i)).collect();
        let class = |text: &str| place.get(text).copied().unwrap_or(0);
        Ok(match &column.values {
            Values::Text(Texts { names, codes }) => {
                let by_code: Vec<usize> = names.iter().map(|name| class(name)).collect();
                codes.iter().map(|code| by_code[*code as usize]).collect()
            }
            Values::Integers(values) => values.iter().map(|value| class(&value.to_string())).collect(),
            Values::Floats(_) => vec![],
        })
    }
}

impl Column {
    /// The same without values.
    fn clone_name(&self) -> Column {
        let values = Values::Floats(vec![]);
        Column { name: self.name.clone(), values, missing: vec![], note: self.note.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(result: Result<impl std::fmt::Debug>, want: &str) {
        assert_eq!(result.unwrap_err().to_string(), want);
    }

    fn table() -> Table {
        let table = Table::new().column("n", Values::Integers(vec![10, -2, 9, 10])).unwrap();
        table.column_with_missing("t", Values::text(["b", "", "a", "b"]), vec![1]).unwrap()
    }

    #[test]
    fn a_table_says_what_it_is() {
        let numbers = Values::Floats(vec![1.5, 2.5, 0.0]);
        let table = Table::new()
            .column_with_missing("wind", numbers, vec![2])
            .and_then(|table| table.column("street", Values::text(["ring", "park", "ring"])))
            .unwrap();
        let want = "3 rows of wind (real numbers, 1 missing), street (text, 2 different)";
        assert_eq!((table.to_string(), format!("{table:?}")), (want.into(), format!("Table({want})")));
        assert_eq!(Table::new().to_string(), "0 rows of no columns");
    }

    #[test]
    fn rows_take_their_missing_values_along() {
        let some = table().rows(&[1, 3, 1]).unwrap();
        assert_eq!(some.get("n").unwrap().values(), &Values::Integers(vec![-2, 10, -2]));
        assert_eq!(some.get("t").unwrap().missing(), [0, 2]);
        let Values::Text(texts) = some.get("t").unwrap().values() else { panic!("text") };
        assert_eq!(texts.iter().collect::<Vec<_>>(), ["", "b", ""]);
        assert_eq!((texts.get(1), texts.get(3)), (Some("b"), None));
        fails(table().rows(&[4]), "row 4 is outside a table of 4 rows");
    }

    #[test]
    fn classes_are_in_the_order_of_their_values() {
        assert_eq!(table().classes("n").unwrap(), [2, 0, 1, 2]);
        assert_eq!(
            table().rows(&[0, 2]).unwrap().classes("t").unwrap(),
            [1, 0].map(|i| i + 1),
            "of all categories"
        );
        fails(table().classes("t"), "column t: row 1 has no value, expected a class");
        fails(table().classes("m"), "there is no column m; there are n, t");
        let floats = Table::new().column("x", Values::Floats(vec![0.5])).unwrap();
        fails(floats.classes("x"), "column x is real numbers, expected text or whole numbers as categories");
    }

    #[test]
    fn columns_fit_together() {
        fails(table().column("n", Values::Floats(vec![0.0; 4])), "column n is given twice");
        fails(table().column("m", Values::Floats(vec![])), "column m has 0 rows, those before it have 4");
        fails(
            table().column_with_missing("m", Values::Floats(vec![0.0; 4]), vec![4]),
            "row 4 of column m is outside its 4 rows",
        );
    }
}
