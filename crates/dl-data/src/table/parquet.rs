//! Tables in Parquet files: flat columns of numbers, truth values and text.

use std::fs::File;
use std::path::Path;

use parquet::basic::{ConvertedType, LogicalType, Type as Physical};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use super::{Column, Table, TextsBuilder, Values};
use crate::error::{Error, Kind, Result};

/// Rows that are decoded at a time.
const ROWS: usize = 1 << 13;

/// More columns than this are refused.
const MOST_COLUMNS: usize = 1 << 14;

impl Table {
    /// Reads a Parquet file: integers of at most 64 bits and what is stored as such (dates and times in their units),
    /// real numbers, truth values as 0 and 1, and UTF-8 text; packed by Snappy, gzip, or not at all. Nulls are missing
    /// values, which a [`Preparation`](crate::Preparation) fills or refuses.
    ///
    /// At most 16,384 columns are read. Memory is taken for what is decoded, page by page, not for what the file
    /// promises.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged; with its column, when one is nested, of another type, packed
    /// otherwise, or its text is not UTF-8.
    pub fn read_parquet(path: impl AsRef<Path>) -> Result<Table> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let file = File::open(path).map_err(|e| Kind::io(path, "open", e))?;
        read(file).map_err(|(place, what)| Error::from(Kind::Place { file: name, place, what }))
    }
}

/// Where, and what.
type Wrong = (String, String);

fn read(file: File) -> std::result::Result<Table, Wrong> {
    let whole = |e: ParquetError| ("the file".to_string(), e.to_string());
    let reader = SerializedFileReader::new(file).map_err(whole)?;
    let schema = reader.metadata().file_metadata().schema_descr_ptr();
    if schema.num_columns() > MOST_COLUMNS {
        let what = format!("{} columns, at most {MOST_COLUMNS} are read", schema.num_columns());
        return Err(("the file".into(), what));
    }
    let mut table = Table::new();
    for (index, described) in schema.columns().iter().enumerate() {
        let name = described.name();
        let place = |what: String| (format!("column {name}"), what);
        let mut builder = Builder::of(described).map_err(place)?;
        for group in 0..reader.num_row_groups() {
            let group = reader.get_row_group(group).map_err(|e| place(e.to_string()))?;
            let rows = usize::try_from(group.metadata().num_rows())
                .map_err(|_| place("fewer than no rows".into()))?;
            let column = group.get_column_reader(index).map_err(|e| place(e.to_string()))?;
            builder.read(column, described.max_def_level() > 0, rows).map_err(place)?;
        }
        let (values, missing) = builder.finish();
        let column = Column { name: name.to_owned(), values, missing, note: None };
        table = table.with(column).map_err(|e| ("the file".into(), e.to_string()))?;
    }
    Ok(table)
}

/// The values of a column as they are read.
struct Builder {
    values: Building,
    missing: Vec<usize>,
    len: usize,
    unsigned: bool,
}

enum Building {
    Integers(Vec<i64>),
    Floats(Vec<f64>),
    Text(TextsBuilder),
}

impl Builder {
    fn of(column: &ColumnDescriptor) -> std::result::Result<Builder, String> {
        if column.max_rep_level() > 0 || column.path().parts().len() > 1 || column.max_def_level() > 1 {
            return Err("nested, expected one value a row".into());
        }
        let logical = column.logical_type_ref();
        let decimal = matches!(logical, Some(LogicalType::Decimal { .. }))
            || column.converted_type() == ConvertedType::DECIMAL;
        let values = match column.physical_type() {
            Physical::BOOLEAN | Physical::INT32 | Physical::INT64 if !decimal => Building::Integers(vec![]),
            Physical::FLOAT | Physical::DOUBLE => Building::Floats(vec![]),
            Physical::BYTE_ARRAY if !decimal => Building::Text(TextsBuilder::default()),
            physical => {
                let logical = logical.map(|logical| format!(" ({logical:?})")).unwrap_or_default();
                return Err(format!("of type {physical}{logical}, expected numbers, truth values or text"));
            }
        };
        let unsigned = matches!(column.converted_type(), ConvertedType::UINT_32 | ConvertedType::UINT_64);
        Ok(Builder { values, missing: vec![], len: 0, unsigned })
    }

    /// Reads the rows of a group.
    fn read(&mut self, column: ColumnReader, optional: bool, rows: usize) -> std::result::Result<(), String> {
        let unsigned = self.unsigned;
        let wide = |x: &i64| match unsigned && *x < 0 {
            true => Err(format!("{}, expected at most {}", *x as u64, i64::MAX)),
            false => Ok(*x),
        };
        match (column, &mut self.values) {
            (ColumnReader::BoolColumnReader(from), Building::Integers(to)) => {
                let to = into(to, 0, |x: &bool| Ok(i64::from(*x)));
                drain(from, optional, rows, &mut self.missing, &mut self.len, to)
            }
            (ColumnReader::Int32ColumnReader(from), Building::Integers(to)) => {
                let narrow = |x: &i32| Ok(if unsigned { i64::from(*x as u32) } else { i64::from(*x) });
                drain(from, optional, rows, &mut self.missing, &mut self.len, into(to, 0, narrow))
            }
            (ColumnReader::Int64ColumnReader(from), Building::Integers(to)) => {
                drain(from, optional, rows, &mut self.missing, &mut self.len, into(to, 0, wide))
            }
            (ColumnReader::FloatColumnReader(from), Building::Floats(to)) => {
                let to = into(to, f64::NAN, |x: &f32| Ok(f64::from(*x)));
                drain(from, optional, rows, &mut self.missing, &mut self.len, to)
            }
            (ColumnReader::DoubleColumnReader(from), Building::Floats(to)) => {
                let to = into(to, f64::NAN, |x: &f64| Ok(*x));
                drain(from, optional, rows, &mut self.missing, &mut self.len, to)
            }
            (ColumnReader::ByteArrayColumnReader(from), Building::Text(to)) => {
                let to = |value: Option<&ByteArray>| {
                    let text = std::str::from_utf8(value.map_or(&[], ByteArray::data));
                    let text = text.map_err(|_| "text that is not UTF-8".to_string())?;
                    if to.push(text) {
                        Ok(())
                    } else {
                        Err("more different texts than can be numbered".into())
                    }
                };
                drain(from, optional, rows, &mut self.missing, &mut self.len, to)
            }
            _ => Err("of another type in a group of rows than in the schema".into()),
        }
    }

    fn finish(self) -> (Values, Vec<usize>) {
        let values = match self.values {
            Building::Integers(values) => Values::Integers(values),
            Building::Floats(values) => Values::Floats(values),
            Building::Text(texts) => Values::Text(texts.finish()),
        };
        (values, self.missing)
    }
}

/// Appends values, and what stands for missing ones.
fn into<T, U: Copy>(
    to: &mut Vec<U>,
    missing: U,
    value: impl Fn(&T) -> std::result::Result<U, String>,
) -> impl FnMut(Option<&T>) -> std::result::Result<(), String> {
    move |from| {
        to.push(from.map_or(Ok(missing), &value)?);
        Ok(())
    }
}

/// Reads all values of a group of rows.
fn drain<T: DataType>(
    mut from: ColumnReaderImpl<T>,
    optional: bool,
    rows: usize,
    missing: &mut Vec<usize>,
    len: &mut usize,
    mut push: impl FnMut(Option<&T::T>) -> std::result::Result<(), String>,
) -> std::result::Result<(), String> {
    let (mut levels, mut values) = (vec![], vec![]);
    let end = len.saturating_add(rows);
    while *len < end {
        levels.clear();
        values.clear();
        let most = ROWS.min(end - *len);
        let read = from.read_records(most, optional.then_some(&mut levels), None, &mut values);
        let (records, ..) = read.map_err(|e| e.to_string())?;
        let there: usize = if optional { levels.iter().filter(|level| **level > 0).count() } else { records };
        if records == 0 || there != values.len() || (optional && levels.len() != records) {
            return Err(format!("{len} rows, the file promises {end}"));
        }
        if !optional {
            levels.resize(records, 1);
        }
        let mut next = values.iter();
        for level in &levels {
            let value = if *level > 0 { next.next() } else { None };
            if value.is_none() {
                missing.push(*len);
            }
            push(value).map_err(|what| format!("row {}: {what}", *len))?;
            *len += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use parquet::basic::Compression;
    use parquet::data_type::{BoolType, ByteArrayType, DoubleType, Int32Type, Int64Type};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;
    use std::sync::Arc;

    /// Two groups of three rows.
    pub(super) fn written(path: &Path, packed: Compression) {
        let schema = "message table { required int32 n; optional double x; optional binary t (UTF8);
            required boolean b; required int64 u (UINT_64); }";
        let schema = Arc::new(parse_message_type(schema).unwrap());
        let properties = Arc::new(WriterProperties::builder().set_compression(packed).build());
        let mut writer = SerializedFileWriter::new(File::create(path).unwrap(), schema, properties).unwrap();
        for group in 0..2 {
            let mut rows = writer.next_row_group().unwrap();
            macro_rules! column {
                ($kind:ty, $values:expr, $levels:expr) => {
                    let mut column = rows.next_column().unwrap().unwrap();
                    column.typed::<$kind>().write_batch(&$values, $levels, None).unwrap();
                    column.close().unwrap();
                };
            }
            column!(Int32Type, [1 + group, -2, 3], None);
            column!(DoubleType, [0.5, 2.5], Some(&[1, 0, 1]));
            column!(ByteArrayType, [ByteArray::from("a"), ByteArray::from("b")], Some(&[1, 1, 0]));
            column!(BoolType, [true, false, true], None);
            column!(Int64Type, [7, 8, 9], None);
            rows.close().unwrap();
        }
        writer.close().unwrap();
    }

    #[test]
    fn flat_columns_are_read() {
        let folder = tempfile::tempdir().unwrap();
        for packed in [Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::GZIP(Default::default())]
        {
            let path = folder.path().join("t.parquet");
            written(&path, packed);
            let table = Table::read_parquet(&path).unwrap();
            assert_eq!((table.names(), table.len()), (vec!["n", "x", "t", "b", "u"], 6));
            let values = |name: &str| table.get(name).unwrap().values().clone();
            assert_eq!(values("n"), Values::Integers(vec![1, -2, 3, 2, -2, 3]));
            assert_eq!(values("b"), Values::Integers(vec![1, 0, 1, 1, 0, 1]));
            assert_eq!(values("u"), Values::Integers(vec![7, 8, 9, 7, 8, 9]));
            assert_eq!(values("t"), Values::text(["a", "b", "", "a", "b", ""]));
            assert_eq!(table.get("t").unwrap().missing(), [2, 5]);
            assert_eq!(table.get("x").unwrap().missing(), [1, 4]);
            let Values::Floats(x) = values("x") else { panic!("floats") };
            assert!(x[0] == 0.5 && x[1].is_nan() && x[5] == 2.5);
        }
    }

    /// Written by pyarrow: `tests/tables/make.py`.
    #[test]
    fn a_file_of_pyarrow_is_read() {
        for version in ["1.0", "2.0"] {
            let file = format!("tests/tables/pyarrow-{version}.parquet");
            let table = Table::read_parquet(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
            assert_eq!(
                (table.names(), table.len()),
                (vec!["whole", "real", "half", "word", "truth", "day"], 1000)
            );
            let Values::Integers(whole) = table.get("whole").unwrap().values() else { panic!("whole") };
            assert!(whole.iter().zip(0..).all(|(x, i)| *x == i * i - 500));
            let Values::Text(words) = table.get("word").unwrap().values() else { panic!("words") };
            let want = ["eins", "zwei", "drei", "vier"];
            assert!(words.iter().enumerate().all(|(i, word)| word == want[i % 4]));
            let missing: Vec<usize> = (0..1000).filter(|i| i % 7 == 3).collect();
            assert_eq!(table.get("real").unwrap().missing(), missing);
            let Values::Floats(half) = table.get("half").unwrap().values() else { panic!("half") };
            assert!(half.iter().enumerate().all(|(i, x)| *x == i as f64 / 2.0));
            let Values::Integers(days) = table.get("day").unwrap().values() else { panic!("days") };
            assert_eq!((days[0], days[999]), (19_723, 19_723 + 999));
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        let fails = |want: &str| {
            let why = Table::read_parquet(&path).unwrap_err().to_string();
            let why = why.rsplit_once("t.parquet: ").unwrap().1.to_owned();
            assert!(why.starts_with(want), "{why}");
        };
        fails("cannot open");
        std::fs::write(&path, "no parquet").unwrap();
        fails("the file: ");
        let schema = "message table { repeated int32 n; }";
        let writer = |schema: &str| {
            let schema = Arc::new(parse_message_type(schema).unwrap());
            SerializedFileWriter::new(File::create(&path).unwrap(), schema, Arc::default()).unwrap()
        };
        writer(schema).close().unwrap();
        fails("column n: nested, expected one value a row");
        writer("message table { required int32 n (DECIMAL(5, 2)); }").close().unwrap();
        fails("column n: of type INT32");
    }
}
