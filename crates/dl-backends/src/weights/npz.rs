//! NumPy's `.npz`: a ZIP archive of `.npy` files.

use std::io::{self, Read, Seek, Write};

use dl_core::DType;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::elements::invalid;
use super::npy::Header;
use super::{Entry, Place};

/// No byte of a deflated stream stands for more than this many.
const MOST_FROM_A_BYTE: u64 = 1032;

/// What the headers of all arrays say.
pub(super) fn read<R: Read + Seek>(archive: &mut ZipArchive<R>) -> io::Result<Vec<Entry>> {
    let mut entries: Vec<Entry> = vec![];
    for index in 0..archive.len() {
        let mut file = archive.by_index(index)?;
        let name = file.name()?.into_owned();
        let Some(name) = name.strip_suffix(".npy") else {
            return Err(invalid(format!("it holds {name:?}, which is no .npy file")));
        };
        let whole = |e: io::Error| invalid(format!("{name}: {e}"));
        let header = Header::read(&mut file).map_err(whole)?;
        let entry = Entry::of_npy(name, &header, Place::In(index));
        if let Some(bytes) = entry.bytes() {
            let (there, packed) = (file.size().saturating_sub(header.len), file.compressed_size());
            if bytes != there || there > packed.saturating_mul(MOST_FROM_A_BYTE) {
                let why = format!("{there} bytes of elements ({packed} packed), its header promises {bytes}");
                return Err(invalid(format!("{name}: {why}")));
            }
        }
        entries.push(entry);
    }
    Ok(entries)
}

/// The elements of an array, from the first on.
pub(super) fn elements<R: Read + Seek, T>(
    archive: &mut ZipArchive<R>,
    index: usize,
    read: impl FnOnce(&mut dyn Read) -> io::Result<T>,
) -> io::Result<T> {
    let mut file = archive.by_index(index)?;
    Header::read(&mut file)?;
    let value = read(&mut file)?;
    // To the end, where the checksum is compared.
    match io::copy(&mut file, &mut io::sink())? {
        0 => Ok(value),
        more => Err(invalid(format!("{more} bytes behind the elements"))),
    }
}

/// Writes an archive of arrays, not packed; `write` writes the elements of one.
pub(super) fn write(
    arrays: &[(String, DType, Vec<usize>)],
    mut write: impl FnMut(usize, &mut dyn Write) -> io::Result<()>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut archive = ZipWriter::new_stream(out);
    for (i, (name, dtype, shape)) in arrays.iter().enumerate() {
        let large = shape.iter().product::<usize>().saturating_mul(dtype.bytes()) > 1 << 31;
        let options =
            SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(large);
        archive.start_file(format!("{name}.npy"), options)?;
        Header::write(*dtype, shape, &mut archive)?;
        write(i, &mut archive)?;
    }
    archive.finish()?;
    Ok(())
}
