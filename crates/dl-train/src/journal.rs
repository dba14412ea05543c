//! Journals: what each epoch came to, in files for other programs.

use std::fs::File;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use dl_backends::Session;

use crate::error::{Error, Result};
use crate::history::{Epoch, Evaluation, History};
use crate::metrics::Metrics;
use crate::observer::Observer;

/// Writes a line for each epoch, as it ends, to a file. Where a training is resumed, the lines of the epochs before
/// come first, so that the file is as if it had never ended.
///
/// A file that cannot be made is an error before anything is trained; a line that cannot be written is one at the end.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    form: Form,
    out: Option<File>,
    /// The names in the first line of a CSV file.
    columns: Vec<String>,
    error: Option<io::Error>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Csv,
    Json,
}

impl Journal {
    /// Comma-separated values: number, steps, seconds, and the metrics of the first epoch, each with `train` or
    /// `test` before its name.
    pub fn csv(path: impl AsRef<Path>) -> Journal {
        Journal::new(path.as_ref(), Form::Csv)
    }

    /// An object of JSON in each line, with all that an [`Epoch`] has.
    pub fn json(path: impl AsRef<Path>) -> Journal {
        Journal::new(path.as_ref(), Form::Json)
    }

    fn new(path: &Path, form: Form) -> Journal {
        Journal { path: path.to_owned(), form, out: None, columns: vec![], error: None }
    }

    fn line(&mut self, epoch: &Epoch) -> io::Result<()> {
        let mut text = String::new();
        match self.form {
            Form::Json => text = serde_json::to_string(epoch)? + "\n",
            Form::Csv => {
                let named = [("train", &epoch.train), ("test", &epoch.test)];
                let named: Vec<(String, f64)> = named
                    .iter()
                    .flat_map(|(of, metrics)| {
                        metrics.iter().map(move |(name, x)| (format!("{of} {name}"), x))
                    })
                    .collect();
                if self.columns.is_empty() {
                    self.columns = named.iter().map(|(name, _)| name.clone()).collect();
                    let names: Vec<String> = self.columns.iter().map(|name| quoted(name)).collect();
                    text += &format!("epoch,steps,seconds{}\n", prefixed(&names));
                }
                let value = |column: &String| named.iter().find(|(name, _)| name == column).map(|(_, x)| x);
                let values: Vec<String> =
                    self.columns.iter().map(|c| value(c).map_or(String::new(), f64::to_string)).collect();
                let Epoch { number, steps, seconds, test_seconds, .. } = epoch;
                text += &format!("{number},{steps},{:.3}{}\n", seconds + test_seconds, prefixed(&values));
            }
        }
        self.out.as_mut().map_or(Ok(()), |out| out.write_all(text.as_bytes()))
    }
}

fn prefixed(fields: &[String]) -> String {
    fields.iter().map(|field| format!(",{field}")).collect()
}

/// A field as RFC 4180 has it.
fn quoted(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.into()
    }
}

impl Observer for Journal {
    fn begin(&mut self, history: &History) -> Result<()> {
        let begun = File::create(&self.path).and_then(|file| {
            self.out = Some(file);
            self.columns.clear();
            history.epochs.iter().try_for_each(|epoch| self.line(epoch))
        });
        begun.map_err(|e| Error::value(format!("{}: {e}", self.path.display())))
    }

    fn end(&mut self, _: &History) -> Result<()> {
        let error = self.error.take();
        error.map_or(Ok(()), |e| Err(Error::value(format!("{}: {e}", self.path.display()))))
    }

    fn epoch(&mut self, epoch: &Epoch, _: &Session) -> ControlFlow<()> {
        if let Err(error) = self.line(epoch) {
            self.error.get_or_insert(error);
        }
        ControlFlow::Continue(())
    }
}

/// Writes metrics as scalars to an event file that TensorBoard shows: `train/J` and `test/J` for every epoch and
/// evaluation, by steps.
#[derive(Debug)]
pub struct EventFile {
    folder: PathBuf,
    out: Option<File>,
    error: Option<io::Error>,
}

impl EventFile {
    /// In a folder, which may have files of other runs; each training begins one of its own.
    pub fn new(folder: impl AsRef<Path>) -> EventFile {
        EventFile { folder: folder.as_ref().to_owned(), out: None, error: None }
    }

    fn failed(&self, e: &io::Error) -> Error {
        Error::value(format!("event file in {}: {e}", self.folder.display()))
    }

    fn scalars(&mut self, of: &str, step: u64, metrics: &Metrics) {
        let values: Vec<Vec<u8>> = metrics
            .iter()
            .map(|(name, value)| {
                let tag = format!("{of}/{name}");
                let mut scalar = field(1, tag.as_bytes());
                scalar.push(2 << 3 | 5);
                scalar.extend((value as f32).to_le_bytes());
                field(1, &scalar)
            })
            .collect();
        if !values.is_empty() {
            self.event(step, &field(5, &values.concat()));
        }
    }

    fn event(&mut self, step: u64, what: &[u8]) {
        let mut event = vec![1 << 3 | 1];
        event.extend(now().to_le_bytes());
        event.push(2 << 3);
        event.extend(varint(step));
        event.extend(what);
        let written = self.out.as_mut().map_or(Ok(()), |out| out.write_all(&record(&event)));
        if let Err(error) = written {
            self.error.get_or_insert(error);
        }
    }
}

impl Observer for EventFile {
    fn begin(&mut self, _: &History) -> Result<()> {
        let path = self.folder.join(format!("events.out.tfevents.{:.6}.dl.{}", now(), std::process::id()));
        let file = std::fs::create_dir_all(&self.folder).and_then(|()| File::create_new(path));
        self.out = Some(file.map_err(|e| self.failed(&e))?);
        self.event(0, &field(3, b"brain.Event:2"));
        Ok(())
    }

    fn end(&mut self, _: &History) -> Result<()> {
        let error = self.error.take();
        error.map_or(Ok(()), |e| Err(self.failed(&e)))
    }

    fn evaluated(&mut self, evaluation: &Evaluation, _: &Session) {
        self.scalars("test", evaluation.steps, &evaluation.metrics);
    }

    fn epoch(&mut self, epoch: &Epoch, _: &Session) -> ControlFlow<()> {
        self.scalars("train", epoch.steps, &epoch.train);
        self.scalars("test", epoch.steps, &epoch.test);
        ControlFlow::Continue(())
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}

/// A field of bytes in Protocol Buffers' encoding.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut all = vec![number << 3 | 2];
    all.extend(varint(bytes.len() as u64));
    all.extend(bytes);
    all
}

fn varint(mut x: u64) -> Vec<u8> {
    let mut all = vec![];
    while x >= 128 {
        all.push(x as u8 | 128);
        x >>= 7;
    }
    all.push(x as u8);
    all
}

/// A record of TensorFlow's: length and content, each with a checksum.
fn record(content: &[u8]) -> Vec<u8> {
    let len = (content.len() as u64).to_le_bytes();
    [&len[..], &masked(&len), content, &masked(content)].concat()
}

fn masked(bytes: &[u8]) -> [u8; 4] {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

/// CRC-32C, Castagnoli's polynomial: of some dozens of bytes, bit by bit.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_those_of_tensorflow() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        // The first record of every event file: its length, and what TensorFlow writes behind it.
        let len = 24u64.to_le_bytes();
        assert_eq!(masked(&len), [0xa3, 0x7f, 0x4b, 0x22]);
        assert_eq!(varint(300), [0xac, 0x02]);
        assert_eq!(field(3, b"ab"), [0x1a, 2, b'a', b'b']);
    }

    #[test]
    fn fields_with_commas_are_quoted() {
        assert_eq!(quoted("J₁"), "J₁");
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
    }
}
