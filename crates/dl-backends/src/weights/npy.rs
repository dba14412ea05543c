//! NumPy's `.npy`: a header that is a Python dictionary, then the elements.
//!
//! NumPy: "NEP 1: a simple file format for NumPy arrays", and `numpy.lib.format`.

use std::io::{self, Read, Write};

use dl_core::DType;

use super::elements::{Kind, invalid};
use super::{MOST_AXES, product};

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// What is read of a header; those that NumPy writes have a few hundred bytes.
const LONGEST_HEADER: u32 = 1 << 16;

/// What a header says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    /// As NumPy writes it, such as `<f4`.
    pub(super) descr: String,
    /// Whether the first axis is the innermost.
    pub(super) fortran: bool,
    pub(super) shape: Vec<usize>,
    /// Bytes up to the elements.
    pub(super) len: u64,
}

impl Header {
    pub(super) fn read(from: &mut dyn Read) -> io::Result<Header> {
        let mut start = [0; 8];
        from.read_exact(&mut start)?;
        if start[..6] != *MAGIC {
            return Err(invalid("the first bytes are not those of an .npy file"));
        }
        let (len, before) = match start[6] {
            1 => {
                let mut len = [0; 2];
                from.read_exact(&mut len)?;
                (u16::from_le_bytes(len).into(), 10)
            }
            2 | 3 => {
                let mut len = [0; 4];
                from.read_exact(&mut len)?;
                (u32::from_le_bytes(len), 12)
            }
            other => return Err(invalid(format!("version {other} of the format, expected 1, 2 or 3"))),
        };
        if len > LONGEST_HEADER {
            return Err(invalid(format!("a header of {len} bytes, at most {LONGEST_HEADER} are read")));
        }
        let mut text = vec![];
        // As much as is there, whatever the length says.
        if Read::take(&mut *from, len.into()).read_to_end(&mut text)? < len as usize {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let text = String::from_utf8(text).map_err(|_| invalid("the header is no text"))?;
        let (descr, fortran, shape) =
            dictionary(&text).map_err(|why| invalid(format!("{why} in the header {:?}", text.trim_end())))?;
        let header = Header { descr, fortran, shape, len: before + u64::from(len) };
        product(&header.shape).map_err(invalid)?;
        Ok(header)
    }

    /// The elements' type, if arrays can be made of it.
    pub(super) fn kind(&self) -> Option<Kind> {
        Some(match self.descr.as_str() {
            "|b1" => Kind::Bool,
            "|u1" => Kind::U8,
            "|i1" => Kind::I8,
            "<u2" => Kind::U16,
            "<i2" => Kind::I16,
            "<u4" => Kind::U32,
            "<i4" => Kind::I32,
            "<i8" => Kind::I64,
            "<f2" => Kind::F16,
            "<f4" => Kind::F32,
            "<f8" => Kind::F64,
            _ => return None,
        })
    }

    /// Writes the header of an array in row-major order.
    pub(super) fn write(dtype: DType, shape: &[usize], out: &mut dyn Write) -> io::Result<()> {
        let descr = match dtype {
            DType::F32 => "<f4",
            DType::F64 => "<f8",
            DType::I64 => "<i8",
            DType::Bool => "|b1",
            DType::U8 => "|u1",
        };
        let sizes: String = shape.iter().map(|size| format!("{size}, ")).collect();
        let sizes = if shape.len() == 1 { sizes.trim_end() } else { sizes.trim_end_matches(", ") };
        let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({sizes}), }}");
        // Elements begin at a multiple of 64 bytes.
        let len = (10 + text.len() + 1).next_multiple_of(64) - 10;
        text.extend(std::iter::repeat_n(' ', len - text.len() - 1));
        text.push('\n');
        let len = u16::try_from(len).map_err(|_| invalid(format!("{} axes are too many", shape.len())))?;
        out.write_all(MAGIC)?;
        out.write_all(&[1, 0])?;
        out.write_all(&len.to_le_bytes())?;
        out.write_all(text.as_bytes())
    }
}

/// The three entries, each once and in any order.
fn dictionary(text: &str) -> Result<(String, bool, Vec<usize>), String> {
    let mut rest = Rest(text.trim());
    rest.expect("{")?;
    let (mut descr, mut fortran, mut shape) = (None, None, None);
    while !rest.take("}") {
        let key = rest.string()?;
        rest.expect(":")?;
        let again = match key {
            "descr" => descr.replace(rest.string()?.to_owned()).is_some(),
            "fortran_order" => fortran.replace(rest.truth()?).is_some(),
            "shape" => shape.replace(rest.sizes()?).is_some(),
            other => return Err(format!("an entry {other:?}")),
        };
        if again {
            return Err(format!("two entries {key:?}"));
        }
        if !rest.take(",") {
            rest.expect("}")?;
            break;
        }
    }
    match (descr, fortran, shape) {
        _ if !rest.0.is_empty() => Err(format!("{:?} behind the dictionary", rest.0)),
        (Some(descr), Some(fortran), Some(shape)) => Ok((descr, fortran, shape)),
        _ => Err("descr, fortran_order or shape is missing".into()),
    }
}

/// What is left of a header.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn take(&mut self, token: &str) -> bool {
        match self.0.strip_prefix(token) {
            Some(rest) => {
                self.0 = rest.trim_start();
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, token: &str) -> Result<(), String> {
        if self.take(token) { Ok(()) } else { Err(format!("no {token:?} where it should be")) }
    }

    fn string(&mut self) -> Result<&'a str, String> {
        let quote = ["'", "\""].into_iter().find(|quote| self.0.starts_with(quote));
        let inside = quote.and_then(|quote| self.0[1..].split_once(quote));
        let (inside, rest) =
            inside.ok_or("no string where one should be (arrays of records are not read)")?;
        self.0 = rest.trim_start();
        Ok(inside)
    }

    fn truth(&mut self) -> Result<bool, String> {
        if self.take("True") {
            return Ok(true);
        }
        self.expect("False").map(|()| false)
    }

    fn sizes(&mut self) -> Result<Vec<usize>, String> {
        self.expect("(")?;
        let mut sizes = vec![];
        while !self.take(")") {
            let digits = self.0.len() - self.0.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, rest) = self.0.split_at(digits);
            sizes.push(number.parse().map_err(|_| format!("a size {:?}", number))?);
            self.0 = rest.strip_prefix('L').unwrap_or(rest).trim_start(); // Python 2 wrote 3L
            if sizes.len() > MOST_AXES {
                return Err(format!("more than {MOST_AXES} axes"));
            }
            if !self.take(",") {
                self.expect(")")?;
                break;
            }
        }
        Ok(sizes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_text(text: &str) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend([1, 0]);
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes
    }

    #[test]
    fn headers_are_read_as_numpy_writes_them() {
        for (shape, text) in [(vec![], "()"), (vec![7], "(7,)"), (vec![2, 3], "(2, 3)")] {
            let mut bytes = vec![];
            Header::write(DType::F32, &shape, &mut bytes).unwrap();
            assert_eq!(bytes.len() % 64, 0);
            let header = Header::read(&mut &bytes[..]).unwrap();
            let want = Header { descr: "<f4".into(), fortran: false, shape, len: bytes.len() as u64 };
            assert_eq!(header, want);
            let text = format!("'shape': {text}, }}");
            assert!(String::from_utf8_lossy(&bytes).contains(&text), "{text}");
        }
        let old = with_text("{\"shape\": (3L, 4L), 'fortran_order': True, 'descr': '|u1'}");
        let header = Header::read(&mut &old[..]).unwrap();
        assert_eq!((header.shape, header.fortran), (vec![3, 4], true));
    }

    #[test]
    fn other_headers_are_refused_with_the_reason() {
        let fails = |bytes: &[u8], want: &str| {
            let why = Header::read(&mut &bytes[..]).unwrap_err().to_string();
            assert!(why.starts_with(want), "{why}");
        };
        let text = |text: &str, want: &str| fails(&with_text(text), want);
        fails(b"PK\x03\x04aaaaaaaa", "the first bytes are not those of an .npy file");
        fails(b"\x93NUMPY\x09\x00aaaa", "version 9 of the format, expected 1, 2 or 3");
        fails(b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "a header of 4294967295 bytes, at most 65536 are read");
        text("{'descr': '<f4', 'shape': (2,)}", "descr, fortran_order or shape is missing");
        text("{'descr': '<f4', 'descr': '<f4'}", "two entries \"descr\"");
        text("{'descr': [('a', '<f4')]}", "no string where one should be");
        text("{'shape': (-1,)}", "a size \"\"");
        text("{'order': 3}", "an entry \"order\"");
        text("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} 3", "\"3\" behind the dictionary");
        let huge = "{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999999, 9999999999999)}";
        text(huge, "shape [9999999999999, 9999999999999] has more elements than can be counted");
        text(&format!("{{'shape': ({})}}", "1,".repeat(100)), "more than 64 axes");
    }
}
