//! Mutants of files: of bytes, of JSON and of text, each a function of the file and of a seed.

use serde_json::Value;

use crate::mutate::{Random, extremes, mutated};
use crate::parsers::Form;

/// A file as those who change it see it.
pub(crate) struct Subject {
    bytes: Vec<u8>,
    form: Form,
    json: Value,
}

impl Subject {
    pub(crate) fn new(bytes: Vec<u8>, form: Form) -> Subject {
        let json = match form {
            Form::Json => serde_json::from_slice(&bytes).expect("the file is JSON"),
            Form::Bytes | Form::Text => Value::Null,
        };
        Subject { bytes, form, json }
    }

    /// The file as it was.
    pub(crate) fn file(&self) -> &[u8] {
        &self.bytes
    }

    /// One mutant.
    pub(crate) fn mutant(&self, random: &mut Random) -> Vec<u8> {
        match self.form {
            Form::Bytes => binary(&self.bytes, random),
            Form::Json => {
                let text = std::str::from_utf8(&self.bytes).expect("JSON is text");
                mutated(text, &self.json, random).into_bytes()
            }
            Form::Text if random.below(8) == 0 => binary(&self.bytes, random),
            Form::Text => text(&self.bytes, random),
        }
    }
}

/// One to three changes of bytes: cut, flipped, copied, removed, or made huge.
fn binary(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(3) {
        let len = bytes.len();
        if len == 0 {
            break;
        }
        let at = random.below(len);
        // Headers are at the start, and the directory of an archive is at the end.
        let at = match random.below(4) {
            0 => at,
            1 => at % 16,
            2 => at % 512,
            _ => len - 1 - at % 512,
        };
        match random.below(7) {
            0 => bytes.truncate(at),
            1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = random.below(256) as u8,
            3 => {
                let part = bytes[at..at + random.below(len - at).min(64)].to_vec();
                let to = random.below(len);
                bytes.splice(to..to, part);
            }
            4 => drop(bytes.drain(at..at + random.below(9).min(len - at))),
            5 => {
                let huge = [u64::MAX, 1 << 62, 1 << 40, 1 << 31, len as u64, 0];
                let huge = random.pick(&huge);
                let huge = if random.below(2) == 0 { huge.to_le_bytes() } else { huge.to_be_bytes() };
                let n = [1, 2, 4, 8][random.below(4)].min(len - at);
                bytes[at..at + n].copy_from_slice(&huge[..n]);
            }
            _ => {
                let digits: Vec<usize> = (0..len).filter(|i| bytes[*i].is_ascii_digit()).collect();
                if !digits.is_empty() {
                    let at = random.pick(&digits);
                    let more: Vec<u8> =
                        (0..random.below(20)).map(|_| b'0' + random.below(10) as u8).collect();
                    bytes.splice(at..=at, more);
                }
            }
        }
    }
    bytes
}

/// One to three changes of what a text is made of: numbers, words and marks.
fn text(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut tokens = tokens(bytes);
    for _ in 0..=random.below(3) {
        if tokens.is_empty() {
            break;
        }
        let numbers: Vec<usize> = (0..tokens.len()).filter(|i| is_number(&tokens[*i])).collect();
        let (at, to) = (random.below(tokens.len()), random.below(tokens.len()));
        match random.below(8) {
            0..4 if !numbers.is_empty() => {
                let (place, other) = (random.pick(&numbers), random.pick(&numbers));
                let number = match random.below(3) {
                    0 => random.below(9).to_string().into_bytes(),
                    1 => tokens[other].clone(),
                    _ => random.pick(&extremes()).to_string().into_bytes(),
                };
                tokens[place] = number;
            }
            4 => tokens.swap(at, to),
            5 => drop(tokens.remove(at)),
            6 => {
                let part = tokens[at..(at + random.below(40)).min(tokens.len())].to_vec();
                tokens.splice(to..to, part);
            }
            _ => {
                tokens[at] =
                    random.pick(&[&b"\""[..], b",", b"\n", b"null", b"[", b"}", b"\xff", b""]).to_vec()
            }
        }
    }
    tokens.concat()
}

fn is_number(token: &[u8]) -> bool {
    token.first().is_some_and(|c| c.is_ascii_digit() || *c == b'-')
}

/// Numbers and words whole, everything else byte by byte.
fn tokens(bytes: &[u8]) -> Vec<Vec<u8>> {
    let of_one = |a: &u8, b: &u8| [a, b].iter().all(|c| c.is_ascii_alphanumeric() || b"-+._".contains(c));
    bytes.chunk_by(of_one).map(<[u8]>::to_vec).collect()
}
