//! Files of named arrays: opened, listed, read one array at a time, and written.

use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use dl_core::{DType, Tensor, TensorRef};
use zip::ZipArchive;

use super::elements::{self, Kind, invalid};
use super::npy::Header;
use super::permute::permuted;
use super::{Note, npz, product, replace, safetensors};
use crate::error::{Error, Result};

/// The formats of files of arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// `.safetensors`; `.dlm` as well, the file of a [`Model`](crate::Model)
    Safetensors,
    /// `.npy`, one array without a name.
    Npy,
    /// `.npz`
    Npz,
}

impl Format {
    /// By the end of a file's name.
    ///
    /// # Errors
    /// When it is another.
    pub fn of(path: &Path) -> Result<Format> {
        match path.extension().and_then(|end| end.to_str()) {
            Some("safetensors" | "dlm") => Ok(Format::Safetensors),
            Some("npy") => Ok(Format::Npy),
            Some("npz") => Ok(Format::Npz),
            Some("pt" | "pth" | "bin" | "pkl") => Err(Error::value(format!(
                "{}: pickled objects are not read; in Python, safetensors.torch.save_file writes a state dict",
                path.display()
            ))),
            _ => Err(Error::value(format!(
                "{}: a name that ends in .safetensors, .npz or .npy is needed",
                path.display()
            ))),
        }
    }
}

/// A file of named arrays, open for reading. Opening it reads what it says of them; elements are read one array
/// at a time.
///
/// What is refused, before memory is taken for it: a header of more than 100 MB (safetensors) or 64 KiB (npy),
/// arrays of more than 64 axes or more bytes than the file has (packed, than a packed file of its size can have),
/// and bytes that belong to no array. Types that arrays of ours have not are widened where that is exact (half
/// precision to `f32`, integers to `i64`), and can otherwise not be read; the file can.
///
/// ```
/// use dl_backends::weights::{ArrayFile, write};
/// use dl_core::Tensor;
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("w.safetensors");
/// write(&path, &[("bias", Tensor::vector(vec![0.5f32, 2.0]).view())])?;
/// let mut file = ArrayFile::open(&path)?;
/// assert_eq!(file.entries()[0].to_string(), "bias f32 [2]");
/// assert_eq!(file.read("bias")?.to_f64(), [0.5, 2.0]);
/// # Ok::<(), dl_backends::Error>(())
/// ```
pub struct ArrayFile {
    name: String,
    entries: Vec<Entry>,
    notes: Vec<Note>,
    source: Source,
}

enum Source {
    Plain(Box<dyn Seekable>),
    Zip(Box<ZipArchive<Box<dyn Seekable>>>),
}

/// What a file can be read from.
trait Seekable: Read + Seek {}

impl<T: Read + Seek> Seekable for T {}

/// What a file says of one array.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub(super) name: String,
    pub(super) shape: Vec<usize>,
    /// The type as the file calls it.
    pub(super) element: String,
    pub(super) kind: Option<Kind>,
    /// Whether the first axis is the innermost.
    pub(super) fortran: bool,
    pub(super) place: Place,
}

/// Where the elements of an array are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// From this byte on.
    At(u64),
    /// In this file of an archive.
    In(usize),
}

impl Entry {
    pub(super) fn of_npy(name: &str, header: &Header, place: Place) -> Entry {
        let Header { descr, fortran, shape, .. } = header.clone();
        Entry { name: name.to_owned(), shape, element: descr, kind: header.kind(), fortran, place }
    }

    /// Its name; that of an `.npy` file without its end.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The sizes of its axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The element type of the array that is read; none if it cannot be.
    pub fn dtype(&self) -> Option<DType> {
        self.kind.map(Kind::dtype)
    }

    /// The byte of the file at which its elements begin, where they lie as an array of ours has them: unpacked, in
    /// row-major order, little-endian, of a type that is not widened.
    pub fn in_place(&self) -> Option<u64> {
        let ours = self.kind.is_some_and(|kind| Kind::of(kind.dtype()) == kind);
        match self.place {
            Place::At(byte) if ours && (!self.fortran || self.shape.len() < 2) => Some(byte),
            _ => None,
        }
    }

    /// Bytes of its elements, if their size is known.
    pub(super) fn bytes(&self) -> Option<u64> {
        let count = self.shape.iter().map(|size| *size as u64).product::<u64>();
        self.kind.and_then(|kind| count.checked_mul(kind.bytes()))
    }
}

/// `fc1.weight f32 [784, 128]`, or with the type as the file calls it.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Some(kind) if Kind::of(kind.dtype()) == kind => write!(f, "{} {}", self.name, kind.dtype())?,
            _ => write!(f, "{} {}", self.name, self.element)?,
        }
        write!(f, " {:?}", self.shape)
    }
}

impl ArrayFile {
    /// Opens a file, whose format its name says.
    ///
    /// # Errors
    /// When it cannot be read, or is not what its name says.
    pub fn open(path: impl AsRef<Path>) -> Result<ArrayFile> {
        let path = path.as_ref();
        let format = Format::of(path)?;
        let name = path.display().to_string();
        let file = File::open(path).map_err(|e| Error::file(&name, e))?;
        ArrayFile::of(format, &name, BufReader::with_capacity(1 << 16, file))
    }

    /// Reads from anything that is not a file; `name` is what errors call it.
    ///
    /// # Errors
    /// When it is not of the format.
    pub fn of(format: Format, name: &str, from: impl Read + Seek + 'static) -> Result<ArrayFile> {
        ArrayFile::parse(format, name, Box::new(from)).map_err(|e| Error::file(name, e))
    }

    fn parse(format: Format, name: &str, mut from: Box<dyn Seekable>) -> io::Result<ArrayFile> {
        let len = from.seek(SeekFrom::End(0))?;
        from.rewind()?;
        let (entries, notes, source) = match format {
            Format::Safetensors => {
                let (entries, notes) = safetensors::read(&mut from, len)?;
                (entries, notes, Source::Plain(from))
            }
            Format::Npy => {
                let header = Header::read(&mut from)?;
                let name = Path::new(name).file_stem().and_then(|stem| stem.to_str()).unwrap_or(name);
                let entry = Entry::of_npy(name, &header, Place::At(header.len));
                let there = len.saturating_sub(header.len);
                if let Some(promised) = entry.bytes().filter(|bytes| *bytes != there) {
                    return Err(invalid(format!(
                        "{there} bytes of elements, its header promises {promised}"
                    )));
                }
                (vec![entry], vec![], Source::Plain(from))
            }
            Format::Npz => {
                let mut archive = ZipArchive::new(from)?;
                let entries = npz::read(&mut archive)?;
                (entries, vec![], Source::Zip(Box::new(archive)))
            }
        };
        Ok(ArrayFile { name: name.to_owned(), entries, notes, source })
    }

    /// What there is, in the file's order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What the file says besides, by name.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Reads one array.
    ///
    /// # Errors
    /// When there is none of the name, its type cannot be read, or the file is damaged.
    pub fn read(&mut self, name: &str) -> Result<Tensor> {
        let Some(place) = self.entries.iter().position(|entry| entry.name == name) else {
            return Err(Error::value(format!("{}: there is no {name}", self.name)));
        };
        self.read_at(place)
    }

    /// Reads the array at a place among the [entries](ArrayFile::entries).
    ///
    /// # Errors
    /// As for [`read`](ArrayFile::read).
    pub fn read_at(&mut self, place: usize) -> Result<Tensor> {
        let Some(entry) = self.entries.get(place) else {
            return Err(Error::value(format!("{}: array {place} of {}", self.name, self.entries.len())));
        };
        let read = read(&mut self.source, entry).and_then(|value| ordered(value, entry));
        read.map_err(|e| Error::file(&format!("{}: {}", self.name, entry.name), e))
    }

    /// What errors call it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

fn read(source: &mut Source, entry: &Entry) -> io::Result<Tensor> {
    let Some(kind) = entry.kind else {
        return Err(invalid(format!("elements of {} are not read", entry.element)));
    };
    let mut shape = entry.shape.clone();
    if entry.fortran {
        shape.reverse();
    }
    match (source, entry.place) {
        (Source::Plain(from), Place::At(byte)) => {
            from.seek(SeekFrom::Start(byte))?;
            kind.read(from, &shape, true)
        }
        // How much there is of a packed array is known when it is unpacked.
        (Source::Zip(archive), Place::In(index)) => {
            npz::elements(archive, index, |from| kind.read(from, &shape, false))
        }
        _ => Err(invalid("its place is in another file")),
    }
}

/// In row-major order.
fn ordered(value: Tensor, entry: &Entry) -> io::Result<Tensor> {
    if !entry.fortran {
        return Ok(value);
    }
    let axes: Vec<usize> = (0..entry.shape.len()).rev().collect();
    Ok(permuted(&value, &axes))
}

/// Writes arrays to a file, whole or not at all (see [`replace`]); its name says the format.
///
/// # Errors
/// When a name is given twice, the file cannot be written, or several arrays are to be an `.npy` file.
pub fn write(path: impl AsRef<Path>, arrays: &[(&str, TensorRef<'_>)]) -> Result<()> {
    let path = path.as_ref();
    let format = Format::of(path)?;
    replace(path, |out| write_into(format, out, arrays))
        .map_err(|e| Error::file(&path.display().to_string(), e))
}

/// Writes an `.npy` file of an array that never is in memory as a whole: `rows` is given a function that appends
/// elements, of any shape and this type, in row-major order. The file is written whole or not at all.
///
/// ```
/// use dl_backends::weights::{ArrayFile, write_rows};
/// use dl_core::{DType, Tensor};
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("x.npy");
/// write_rows(&path, DType::I64, &[4, 2], |append| {
///     (0..4i64).try_for_each(|row| append(Tensor::vector(vec![row, row * row]).view()))
/// })?;
/// assert_eq!(ArrayFile::open(&path)?.read("x")?.shape(), [4, 2]);
/// # Ok::<(), dl_backends::Error>(())
/// ```
///
/// # Errors
/// What `rows` or the file system reports; also when elements of another type, or more or fewer than those of
/// `shape` are appended.
pub fn write_rows(
    path: impl AsRef<Path>,
    dtype: DType,
    shape: &[usize],
    rows: impl FnOnce(&mut dyn FnMut(TensorRef<'_>) -> io::Result<()>) -> io::Result<()>,
) -> Result<()> {
    let path = path.as_ref();
    let write = |out: &mut dyn Write| {
        let mut left = product(shape).map_err(invalid)?;
        Header::write(dtype, shape, out)?;
        rows(&mut |values| {
            if values.dtype() != dtype {
                return Err(invalid(format!("elements of {} in a file of {dtype}", values.dtype())));
            }
            left = left
                .checked_sub(values.data().len())
                .ok_or_else(|| invalid(format!("more elements than those of {shape:?}")))?;
            elements::write(values, out)
        })?;
        if left == 0 { Ok(()) } else { Err(invalid(format!("{left} elements of {shape:?} are missing"))) }
    };
    replace(path, write).map_err(|e| Error::file(&path.display().to_string(), e))
}

/// Writes what a file of these arrays is.
///
/// # Errors
/// As for [`write`](fn@write).
pub fn write_into(format: Format, out: &mut dyn Write, arrays: &[(&str, TensorRef<'_>)]) -> io::Result<()> {
    let header =
        |(name, value): &(&str, TensorRef<'_>)| ((*name).to_owned(), value.dtype(), value.shape().to_vec());
    let headers: Vec<_> = arrays.iter().map(header).collect();
    write_to(format, out, &headers, &[], |i, out| elements::write(arrays[i].1, out))
}

/// Writes arrays of these names, types and shapes, and notes where the format has room for them; `write` writes
/// the elements of one.
pub(crate) fn write_to(
    format: Format,
    out: &mut dyn Write,
    arrays: &[(String, DType, Vec<usize>)],
    notes: &[Note],
    mut write: impl FnMut(usize, &mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    for (i, (name, _, shape)) in arrays.iter().enumerate() {
        product(shape).map_err(invalid)?;
        if arrays[..i].iter().any(|(other, ..)| other == name) {
            return Err(invalid(format!("two arrays are named {name}")));
        }
    }
    match (format, arrays) {
        (Format::Safetensors, _) => {
            safetensors::write(arrays, notes, out)?;
            safetensors::order(arrays).into_iter().try_for_each(|i| write(i, out))
        }
        (Format::Npz, _) => npz::write(arrays, write, out),
        (Format::Npy, [(_, dtype, shape)]) => {
            Header::write(*dtype, shape, out)?;
            write(0, out)
        }
        (Format::Npy, _) => Err(invalid(format!("{} arrays, an .npy file holds one", arrays.len()))),
    }
}
