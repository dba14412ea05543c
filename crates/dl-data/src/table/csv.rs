//! Tables in CSV files: read twice, first to learn the types and the number of rows, then to take the values.

use std::fs::File;
use std::path::{Path, PathBuf};

use csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder, Trim};

use super::{Column, Table, TextsBuilder, Values};
use crate::error::{Error, Kind, Result};

/// How a CSV file is written, and what becomes of missing values.
///
/// ```
/// use dl_data::{CsvOptions, Missing};
/// let german = CsvOptions::new().delimiter(b';').missing(Missing::Keep);
/// # let _ = german;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CsvOptions {
    delimiter: u8,
    header: bool,
    missing: Missing,
    spelled: Vec<String>,
    types: Vec<(String, Type)>,
}

/// What becomes of values that are missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// A missing value is an error, with its place.
    #[default]
    Refuse,
    /// They are kept as missing; a [`Preparation`](crate::Preparation) fills them with what it was fitted to.
    Keep,
    /// Rows without some value are left out.
    Drop,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Type {
    /// Whole numbers, as `i64`.
    Integer,
    /// Real numbers, as `f64`.
    Float,
    /// Text.
    Text,
}

impl Default for CsvOptions {
    fn default() -> Self {
        CsvOptions::new()
    }
}

impl CsvOptions {
    /// Commas between fields, names in the first line, and every value there.
    pub fn new() -> Self {
        let spelled = ["", "NA", "NaN", "nan", "null"].map(String::from).to_vec();
        CsvOptions { delimiter: b',', header: true, missing: Missing::Refuse, spelled, types: vec![] }
    }

    /// Another byte between fields.
    #[must_use]
    pub fn delimiter(self, delimiter: u8) -> Self {
        CsvOptions { delimiter, ..self }
    }

    /// The first line has values: columns are called `0`, `1` and so on.
    #[must_use]
    pub fn without_header(self) -> Self {
        CsvOptions { header: false, ..self }
    }

    /// What becomes of missing values.
    #[must_use]
    pub fn missing(self, missing: Missing) -> Self {
        CsvOptions { missing, ..self }
    }

    /// How a missing value is spelled; without it, as nothing, `NA`, `NaN`, `nan` or `null`.
    #[must_use]
    pub fn spelled<S: Into<String>>(self, missing: impl IntoIterator<Item = S>) -> Self {
        CsvOptions { spelled: missing.into_iter().map(Into::into).collect(), ..self }
    }

    /// What a column is. Without it: whole numbers if all values are, else real numbers if all are, else text.
    #[must_use]
    pub fn column(mut self, name: &str, is: Type) -> Self {
        self.types.push((name.into(), is));
        self
    }
}

/// More columns than this are refused.
const MOST_COLUMNS: usize = 1 << 14;

impl Table {
    /// Reads a CSV file (RFC 4180, UTF-8; blanks around fields do not count).
    ///
    /// At most 16,384 columns are read. Memory is taken for what the file holds and no more; a file that is larger
    /// than memory is read in parts by [`CsvFile`].
    ///
    /// # Errors
    /// With file, line and column: a missing value (unless the options say otherwise), a value that is not of the
    /// column's type, a line with more or fewer fields than the first, bytes that are not UTF-8. Two columns of one
    /// name, and a file that cannot be read.
    pub fn read_csv(path: impl AsRef<Path>, options: &CsvOptions) -> Result<Table> {
        let file = CsvFile::open(path, options)?;
        let rows = file.len().max(1);
        match file.chunks(rows)?.next() {
            Some(table) => table,
            None => file.empty(),
        }
    }
}

/// A CSV file whose types and number of rows are known, read in parts.
///
/// ```
/// use dl_data::{CsvFile, CsvOptions};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("large.csv");
/// # std::fs::write(&path, "x,kind\n1.5,a\n2,b\n3,a\n").unwrap();
/// let file = CsvFile::open(&path, &CsvOptions::new())?;
/// assert_eq!((file.len(), file.names()), (3, &["x".to_string(), "kind".to_string()][..]));
/// for table in file.chunks(2)? {
///     assert!(table?.len() <= 2);
/// }
/// # Ok::<(), dl_data::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CsvFile {
    path: PathBuf,
    options: CsvOptions,
    names: Vec<String>,
    types: Vec<Type>,
    notes: Vec<Option<String>>,
    len: usize,
}

impl CsvFile {
    /// Reads the file once, to learn its types and the number of its rows.
    ///
    /// # Errors
    /// As for [`Table::read_csv`].
    pub fn open(path: impl AsRef<Path>, options: &CsvOptions) -> Result<CsvFile> {
        let path = path.as_ref().to_owned();
        let mut reader = reader(&path, options)?;
        let file = path.display().to_string();
        let mut record = ByteRecord::new();
        let names = names(&mut reader, options, &file)?;
        let mut scan = Scan::new(&names, options, &file)?;
        let mut len = 0;
        while next(&mut reader, &mut record, &file)? {
            len += usize::from(scan.record(&record)?);
        }
        let (types, notes) = scan.finish();
        Ok(CsvFile { path, options: options.clone(), names, types, notes, len })
    }

    /// The number of rows that are read.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The names of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What the columns are.
    pub fn types(&self) -> &[Type] {
        &self.types
    }

    /// Reads the file again, in tables of `rows` rows, the last with what is left.
    ///
    /// # Errors
    /// When it cannot be opened. Each table is an error when the file has changed, or cannot be read on.
    pub fn chunks(&self, rows: usize) -> Result<Chunks<'_>> {
        let mut reader = reader(&self.path, &self.options)?;
        names(&mut reader, &self.options, &self.path.display().to_string())?;
        Ok(Chunks { file: self, reader, record: ByteRecord::new(), rows: rows.max(1), done: false })
    }

    fn empty(&self) -> Result<Table> {
        self.table(self.builders(0).into_iter().map(Builder::finish).collect())
    }

    fn builders(&self, rows: usize) -> Vec<Builder> {
        self.types.iter().map(|is| Builder::new(*is, rows)).collect()
    }

    fn table(&self, columns: Vec<(Values, Vec<usize>)>) -> Result<Table> {
        let columns = columns.into_iter().zip(self.names.iter().zip(&self.notes));
        columns.into_iter().try_fold(Table::new(), |table, ((values, missing), (name, note))| {
            table.with(Column { name: name.clone(), values, missing, note: note.clone() })
        })
    }
}

/// The tables of a [`CsvFile`].
pub struct Chunks<'a> {
    file: &'a CsvFile,
    reader: Reader<File>,
    record: ByteRecord,
    rows: usize,
    done: bool,
}

impl Iterator for Chunks<'_> {
    type Item = Result<Table>;

    fn next(&mut self) -> Option<Result<Table>> {
        if self.done {
            return None;
        }
        let table = self.read();
        self.done |= !matches!(table, Ok(Some(_)));
        table.transpose()
    }
}

impl Chunks<'_> {
    fn read(&mut self) -> Result<Option<Table>> {
        let name = self.file.path.display().to_string();
        let options = &self.file.options;
        let mut columns = self.file.builders(self.rows.min(self.file.len));
        let mut len = 0;
        while len < self.rows {
            if !next(&mut self.reader, &mut self.record, &name)? {
                self.done = true;
                break;
            }
            let place = |column: usize| (name.as_str(), line(&self.record), self.file.names[column].as_str());
            let lacks = |field: &[u8]| options.spelled.iter().any(|spelled| spelled.as_bytes() == field);
            if options.missing == Missing::Drop && self.record.iter().any(lacks) {
                continue;
            }
            for (column, (builder, field)) in columns.iter_mut().zip(&self.record).enumerate() {
                if options.missing == Missing::Keep && lacks(field) {
                    builder.missing(len);
                } else {
                    builder.push(field).map_err(|what| at(place(column), what))?;
                }
            }
            len += 1;
        }
        if len == 0 {
            return Ok(None);
        }
        self.file.table(columns.into_iter().map(Builder::finish).collect()).map(Some)
    }
}

fn reader(path: &Path, options: &CsvOptions) -> Result<Reader<File>> {
    let file = File::open(path).map_err(|e| Kind::io(path, "open", e))?;
    let mut builder = ReaderBuilder::new();
    builder.delimiter(options.delimiter).has_headers(false).trim(Trim::All);
    Ok(builder.from_reader(file))
}

/// The names in the first line, or made up for what it has.
fn names(reader: &mut Reader<File>, options: &CsvOptions, file: &str) -> Result<Vec<String>> {
    let start = reader.position().clone();
    let mut first = ByteRecord::new();
    if !next(reader, &mut first, file)? {
        return Err(at((file, 1, ""), "the file is empty".into()));
    }
    if first.len() > MOST_COLUMNS {
        let what = format!("{} columns, at most {MOST_COLUMNS} are read", first.len());
        return Err(at((file, 1, ""), what));
    }
    if !options.header {
        reader.seek(start).map_err(|e| wrong(e, file))?;
        return Ok((0..first.len()).map(|i| i.to_string()).collect());
    }
    let mut names: Vec<String> = vec![];
    let mut known = std::collections::HashSet::new();
    for field in &first {
        let name = text(field).map_err(|what| at((file, 1, ""), what))?;
        if !known.insert(name) {
            return Err(at((file, 1, name), "a second column of this name".into()));
        }
        names.push(name.to_owned());
    }
    Ok(names)
}

fn next(reader: &mut Reader<File>, record: &mut ByteRecord, file: &str) -> Result<bool> {
    reader.read_byte_record(record).map_err(|e| wrong(e, file))
}

fn line(record: &ByteRecord) -> u64 {
    record.position().map_or(0, csv::Position::line)
}

fn text(field: &[u8]) -> std::result::Result<&str, String> {
    std::str::from_utf8(field).map_err(|_| format!("{:?} is not UTF-8", String::from_utf8_lossy(field)))
}

fn at((file, line, column): (&str, u64, &str), what: String) -> Error {
    let column = if column.is_empty() { String::new() } else { format!(", column {column}") };
    Kind::Place { file: file.into(), place: format!("line {line}{column}"), what }.into()
}

fn wrong(error: csv::Error, file: &str) -> Error {
    let line = error.position().map_or(0, csv::Position::line);
    match error.into_kind() {
        ErrorKind::Io(source) => Kind::io(Path::new(file), "read", source),
        ErrorKind::UnequalLengths { expected_len, len, .. } => {
            at((file, line, ""), format!("{len} fields, expected {expected_len} as in the first line"))
        }
        other => at((file, line, ""), format!("{other:?}")),
    }
}

/// What is learnt of the columns in the first reading.
struct Scan<'a> {
    names: &'a [String],
    options: &'a CsvOptions,
    file: &'a str,
    /// What was said of each; none where it is inferred.
    said: Vec<Option<Type>>,
    seen: Vec<Option<Type>>,
    notes: Vec<Option<String>>,
}

impl<'a> Scan<'a> {
    fn new(names: &'a [String], options: &'a CsvOptions, file: &'a str) -> Result<Self> {
        let mut said = vec![None; names.len()];
        for (name, is) in &options.types {
            match names.iter().position(|other| other == name) {
                Some(column) => said[column] = Some(*is),
                None => return Err(at((file, 1, ""), format!("there is no column {name}"))),
            }
        }
        let (seen, notes) = (said.clone(), vec![None; names.len()]);
        Ok(Scan { names, options, file, said, seen, notes })
    }

    /// Whether the row is read.
    fn record(&mut self, record: &ByteRecord) -> Result<bool> {
        let lacks = |field: &[u8]| self.options.spelled.iter().any(|spelled| spelled.as_bytes() == field);
        let missing = record.iter().position(lacks);
        match (self.options.missing, missing) {
            (Missing::Refuse, Some(column)) => {
                let wants = match self.said[column].or(self.seen[column]) {
                    Some(Type::Text) | None => "a value",
                    Some(_) => "a number",
                };
                let what =
                    format!("no value, expected {wants} (CsvOptions::missing keeps or drops such rows)");
                return Err(at((self.file, line(record), &self.names[column]), what));
            }
            (Missing::Drop, Some(_)) => return Ok(false),
            _ => {}
        }
        for (column, field) in record.iter().enumerate() {
            if self.said[column].is_some() || (missing.is_some() && lacks(field)) {
                continue;
            }
            let place = (self.file, line(record), self.names[column].as_str());
            let text = text(field).map_err(|what| at(place, what))?;
            let is = if text.parse::<i64>().is_ok() {
                Type::Integer
            } else if text.parse::<f64>().is_ok() {
                Type::Float
            } else {
                Type::Text
            };
            let seen = &mut self.seen[column];
            if is == Type::Text && seen.is_some_and(|seen| seen < Type::Text) {
                self.notes[column] = Some(format!("since line {} has {}", line(record), quoted(text)));
            }
            *seen = (*seen).max(Some(is));
        }
        Ok(true)
    }

    fn finish(self) -> (Vec<Type>, Vec<Option<String>>) {
        // Of a column without any value nothing is known: it can be filled as numbers.
        (self.seen.into_iter().map(|seen| seen.unwrap_or(Type::Float)).collect(), self.notes)
    }
}

/// A text in a message, not longer than one should be.
fn quoted(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// The values of a column as they are read.
enum Builder {
    Integers(Vec<i64>, Vec<usize>),
    Floats(Vec<f64>, Vec<usize>),
    Text(TextsBuilder, Vec<usize>),
}

impl Builder {
    fn new(is: Type, rows: usize) -> Builder {
        match is {
            Type::Integer => Builder::Integers(Vec::with_capacity(rows), vec![]),
            Type::Float => Builder::Floats(Vec::with_capacity(rows), vec![]),
            Type::Text => Builder::Text(TextsBuilder::default(), vec![]),
        }
    }

    fn push(&mut self, field: &[u8]) -> std::result::Result<(), String> {
        let text = text(field)?;
        match self {
            Builder::Integers(values, _) => {
                let value = text.parse();
                values.push(value.map_err(|_| format!("{}, expected a whole number", quoted(text)))?);
            }
            Builder::Floats(values, _) => {
                values.push(text.parse().map_err(|_| format!("{}, expected a number", quoted(text)))?);
            }
            Builder::Text(texts, _) => {
                if !texts.push(text) {
                    return Err("more different texts than can be numbered".into());
                }
            }
        }
        Ok(())
    }

    fn missing(&mut self, row: usize) {
        let rows = match self {
            Builder::Integers(values, rows) => {
                values.push(0);
                rows
            }
            Builder::Floats(values, rows) => {
                values.push(f64::NAN);
                rows
            }
            Builder::Text(texts, rows) => {
                texts.push("");
                rows
            }
        };
        rows.push(row);
    }

    fn finish(self) -> (Values, Vec<usize>) {
        match self {
            Builder::Integers(values, missing) => (Values::Integers(values), missing),
            Builder::Floats(values, missing) => (Values::Floats(values), missing),
            Builder::Text(texts, missing) => (Values::Text(texts.finish()), missing),
        }
    }
}

#[cfg(test)]
mod tests;
