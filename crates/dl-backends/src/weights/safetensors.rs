//! safetensors: a header of JSON with names, types, shapes and places, then the elements.
//!
//! The format: <https://github.com/huggingface/safetensors>. The crate reads and checks the header; elements
//! are streamed here.

use std::io::{self, Read, Write};

use dl_core::DType;
use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use super::Note;
use super::elements::{Kind, invalid};
use super::{Entry, Place, product};

/// The longest header that is read: the format's own limit.
const LONGEST_HEADER: u64 = 100_000_000;

/// What the header of a file of `len` bytes says.
pub(super) fn read(from: &mut dyn Read, len: u64) -> io::Result<(Vec<Entry>, Vec<Note>)> {
    let mut size = [0; 8];
    from.read_exact(&mut size).map_err(|_| invalid(format!("{len} bytes are no safetensors file")))?;
    let size = u64::from_le_bytes(size);
    let left = len.saturating_sub(8);
    if size > LONGEST_HEADER || size > left {
        return Err(invalid(format!(
            "a header of {size} bytes, of which {left} are there and at most {LONGEST_HEADER} are read"
        )));
    }
    let mut header = vec![0; size as usize];
    from.read_exact(&mut header)?;
    let metadata: Metadata =
        serde_json::from_slice(&header).map_err(|e| invalid(format!("its header: {e}")))?;
    let (promised, there) = (metadata.data_len() as u64, left - size);
    if promised != there {
        return Err(invalid(format!("{there} bytes of elements, its header promises {promised}")));
    }
    let mut entries = vec![];
    for name in metadata.offset_keys() {
        if let Some(info) = metadata.info(&name) {
            product(&info.shape).map_err(|why| invalid(format!("{name}: {why}")))?;
            entries.push(Entry {
                shape: info.shape.clone(),
                element: info.dtype.to_string(),
                kind: kind(info.dtype),
                fortran: false,
                place: Place::At(8 + size + info.data_offsets.0 as u64),
                name,
            });
        }
    }
    let mut notes: Vec<Note> =
        metadata.metadata().iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect();
    notes.sort();
    Ok((entries, notes))
}

fn kind(dtype: Dtype) -> Option<Kind> {
    Some(match dtype {
        Dtype::BOOL => Kind::Bool,
        Dtype::U8 => Kind::U8,
        Dtype::I8 => Kind::I8,
        Dtype::U16 => Kind::U16,
        Dtype::I16 => Kind::I16,
        Dtype::U32 => Kind::U32,
        Dtype::I32 => Kind::I32,
        Dtype::I64 => Kind::I64,
        Dtype::F16 => Kind::F16,
        Dtype::BF16 => Kind::Bf16,
        Dtype::F32 => Kind::F32,
        Dtype::F64 => Kind::F64,
        _ => return None,
    })
}

/// In which order elements are written: the widest first, so that all are aligned.
pub(super) fn order(arrays: &[(String, DType, Vec<usize>)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..arrays.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(arrays[i].1.bytes()), &arrays[i].0));
    order
}

/// Writes the header for arrays whose elements follow in that order.
pub(super) fn write(
    arrays: &[(String, DType, Vec<usize>)],
    notes: &[Note],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut end = 0usize;
    let mut infos = vec![];
    for i in order(arrays) {
        let (name, dtype, shape) = &arrays[i];
        let begin = end;
        let bytes = product(shape).ok().and_then(|n| n.checked_mul(dtype.bytes()));
        end = bytes.and_then(|n| begin.checked_add(n)).ok_or_else(|| invalid("too many elements"))?;
        let dtype = match dtype {
            DType::F32 => Dtype::F32,
            DType::F64 => Dtype::F64,
            DType::I64 => Dtype::I64,
            DType::Bool => Dtype::BOOL,
            DType::U8 => Dtype::U8,
        };
        infos.push((name.clone(), TensorInfo { dtype, shape: shape.clone(), data_offsets: (begin, end) }));
    }
    let kept = (!notes.is_empty()).then(|| notes.iter().cloned().collect());
    let metadata = Metadata::new(kept, infos).map_err(|e| invalid(e.to_string()))?;
    let mut header = match notes {
        // By name: the crate has several in an order that differs from run to run.
        [_, _, ..] => serde_json::to_vec(&serde_json::to_value(&metadata)?)?,
        _ => serde_json::to_vec(&metadata)?,
    };
    header.resize(header.len().next_multiple_of(8), b' ');
    out.write_all(&(header.len() as u64).to_le_bytes())?;
    out.write_all(&header)
}
