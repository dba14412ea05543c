//! Elements as bytes: little-endian, read and written in pieces, types of other programs widened to ours.

use std::io::{self, Read, Write};

use dl_core::tensor::{Data, DataRef};
use dl_core::{DType, Tensor, TensorRef};

/// The element types of files. Those that arrays of ours have not are widened, which is exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    U8,
    I8,
    U16,
    I16,
    U32,
    I32,
    I64,
    F16,
    Bf16,
    F32,
    F64,
}

/// How many elements are read at once: what a file promises is believed in small pieces.
const PIECE: usize = 1 << 18;

impl Kind {
    pub(super) fn of(dtype: DType) -> Kind {
        match dtype {
            DType::F32 => Kind::F32,
            DType::F64 => Kind::F64,
            DType::I64 => Kind::I64,
            DType::Bool => Kind::Bool,
            DType::U8 => Kind::U8,
        }
    }

    /// The type of the array that is made of them.
    pub(super) fn dtype(self) -> DType {
        match self {
            Kind::Bool => DType::Bool,
            Kind::U8 => DType::U8,
            Kind::I8 | Kind::U16 | Kind::I16 | Kind::U32 | Kind::I32 | Kind::I64 => DType::I64,
            Kind::F16 | Kind::Bf16 | Kind::F32 => DType::F32,
            Kind::F64 => DType::F64,
        }
    }

    pub(super) fn bytes(self) -> u64 {
        match self {
            Kind::Bool | Kind::U8 | Kind::I8 => 1,
            Kind::U16 | Kind::I16 | Kind::F16 | Kind::Bf16 => 2,
            Kind::U32 | Kind::I32 | Kind::F32 => 4,
            Kind::I64 | Kind::F64 => 8,
        }
    }

    /// An array of `shape`, from its bytes in row-major order. `trusted` says that the file is long enough:
    /// only then is all the memory taken at once.
    pub(super) fn read(self, from: &mut dyn Read, shape: &[usize], trusted: bool) -> io::Result<Tensor> {
        let count = shape.iter().product();
        let data = match self {
            Kind::F32 => Data::F32(numbers(from, count, trusted)?),
            Kind::F64 => Data::F64(numbers(from, count, trusted)?),
            Kind::I64 => Data::I64(numbers(from, count, trusted)?),
            Kind::U8 => Data::U8(numbers(from, count, trusted)?),
            Kind::Bool => {
                let bytes: Vec<u8> = numbers(from, count, trusted)?;
                if let Some(other) = bytes.iter().find(|x| **x > 1) {
                    return Err(invalid(format!("a truth value is {other}, expected 0 or 1")));
                }
                Data::Bool(bytes.into_iter().map(|x| x == 1).collect())
            }
            Kind::I8 => Data::I64(widened(from, count, trusted, |x: i8| x.into())?),
            Kind::U16 => Data::I64(widened(from, count, trusted, |x: u16| x.into())?),
            Kind::I16 => Data::I64(widened(from, count, trusted, |x: i16| x.into())?),
            Kind::U32 => Data::I64(widened(from, count, trusted, |x: u32| x.into())?),
            Kind::I32 => Data::I64(widened(from, count, trusted, |x: i32| x.into())?),
            Kind::F16 => Data::F32(widened(from, count, trusted, half)?),
            Kind::Bf16 => {
                Data::F32(widened(from, count, trusted, |x: u16| f32::from_bits(u32::from(x) << 16))?)
            }
        };
        Tensor::from_data(shape.to_vec(), data).map_err(|why| invalid(why.to_string()))
    }
}

/// Elements as they are.
fn numbers<T: bytemuck::Pod>(from: &mut dyn Read, count: usize, trusted: bool) -> io::Result<Vec<T>> {
    let mut all = reserved(count, trusted)?;
    while all.len() < count {
        let before = all.len();
        all.resize(count.min(before + PIECE), T::zeroed());
        fill(from, &mut all[before..])?;
    }
    Ok(all)
}

/// Elements of another type, widened piece by piece.
fn widened<T: bytemuck::Pod, U>(
    from: &mut dyn Read,
    count: usize,
    trusted: bool,
    widen: impl Fn(T) -> U,
) -> io::Result<Vec<U>> {
    let mut all = reserved(count, trusted)?;
    let mut piece = vec![T::zeroed(); PIECE.min(count)];
    while all.len() < count {
        let piece = &mut piece[..PIECE.min(count - all.len())];
        fill(from, piece)?;
        all.extend(piece.iter().map(|x| widen(*x)));
    }
    Ok(all)
}

/// Room for all elements, if the file has them.
fn reserved<T>(count: usize, trusted: bool) -> io::Result<Vec<T>> {
    let mut all = vec![];
    if trusted {
        let why = |_| invalid(format!("{count} elements do not fit into memory"));
        all.try_reserve_exact(count).map_err(why)?;
    }
    Ok(all)
}

fn fill<T: bytemuck::Pod>(from: &mut dyn Read, piece: &mut [T]) -> io::Result<()> {
    let bytes: &mut [u8] = bytemuck::cast_slice_mut(piece);
    from.read_exact(bytes)?;
    reorder::<T>(bytes);
    Ok(())
}

/// From the order of bytes in files to that of the machine, or back.
fn reorder<T>(bytes: &mut [u8]) {
    if cfg!(target_endian = "big") {
        bytes.chunks_exact_mut(size_of::<T>()).for_each(<[u8]>::reverse);
    }
}

/// A number of half precision: IEEE 754, binary16.
fn half(bits: u16) -> f32 {
    let (exponent, fraction) = (bits >> 10 & 31, f32::from(bits & 1023));
    let size = match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f32.powi(i32::from(exponent) - 15),
    };
    if bits >> 15 == 1 { -size } else { size }
}

/// Writes the elements of an array.
pub(crate) fn write(value: TensorRef<'_>, out: &mut dyn Write) -> io::Result<()> {
    fn numbers<T: bytemuck::NoUninit>(elements: &[T], out: &mut dyn Write) -> io::Result<()> {
        if cfg!(target_endian = "little") {
            return out.write_all(bytemuck::cast_slice(elements));
        }
        elements.chunks(PIECE).try_for_each(|piece| {
            let mut bytes = bytemuck::cast_slice(piece).to_vec();
            reorder::<T>(&mut bytes);
            out.write_all(&bytes)
        })
    }
    match value.data() {
        DataRef::F32(v) => numbers(v, out),
        DataRef::F64(v) => numbers(v, out),
        DataRef::I64(v) => numbers(v, out),
        DataRef::Bool(v) => numbers(v, out),
        DataRef::U8(v) => numbers(v, out),
    }
}

/// What is wrong with the contents of a file.
pub(super) fn invalid(why: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: Kind, bytes: &[u8]) -> Tensor {
        let count = bytes.len() / kind.bytes() as usize;
        let both = [false, true].map(|trusted| kind.read(&mut &*bytes, &[count], trusted).unwrap());
        assert_eq!(format!("{both:?}"), format!("{:?}", [&both[1], &both[0]]), "also where it is NaN");
        both.into_iter().next().unwrap()
    }

    #[test]
    fn elements_of_other_types_are_widened() {
        let half = |bits: [u16; 6]| bits.map(u16::to_le_bytes).concat();
        let bits = [0x3c00, 0xc000, 0x0001, 0x7bff, 0x3555, 0xfc00];
        let want = [1.0, -2.0, 2f32.powi(-24), 65504.0, 0.333_251_95, f32::NEG_INFINITY];
        assert_eq!(read(Kind::F16, &half(bits)), Tensor::vector(want.to_vec()));
        assert!(read(Kind::F16, &0x7c01u16.to_le_bytes()).item().unwrap().is_nan());
        assert_eq!(
            read(Kind::Bf16, &half([0x3f80, 0xc000, 0, 0x7f80, 0x0001, 0x4049])).get::<f32>().unwrap()[..4],
            [1.0, -2.0, 0.0, f32::INFINITY]
        );
        assert_eq!(read(Kind::I8, &[255, 128, 1]), Tensor::vector(vec![-1i64, -128, 1]));
        assert_eq!(read(Kind::I16, &[254, 255]), Tensor::vector(vec![-2i64]));
        assert_eq!(read(Kind::U16, &[254, 255]), Tensor::vector(vec![65534i64]));
        assert_eq!(read(Kind::I32, &[255; 4]), Tensor::vector(vec![-1i64]));
        assert_eq!(read(Kind::U32, &[255; 4]), Tensor::vector(vec![0xffff_ffffi64]));
    }

    #[test]
    fn what_is_written_is_read() {
        let arrays = [
            Tensor::vector((0..600_000).map(|i| i as f32 * 0.5).collect()),
            Tensor::vector(vec![1.5f64, -0.0, f64::MIN_POSITIVE]),
            Tensor::vector(vec![i64::MIN, 3]),
            Tensor::vector(vec![true, false]),
            Tensor::vector(vec![7u8, 255]),
            Tensor::new([0, 3], Vec::<f32>::new()).unwrap(),
        ];
        for array in arrays {
            let mut bytes = vec![];
            write(array.view(), &mut bytes).unwrap();
            for trusted in [false, true] {
                let kind = Kind::of(array.dtype());
                assert_eq!(kind.read(&mut &bytes[..], array.shape(), trusted).unwrap(), array);
            }
        }
    }

    #[test]
    fn other_truth_values_and_cut_files_are_refused() {
        let error = Kind::Bool.read(&mut &[0u8, 2][..], &[2], true).unwrap_err();
        assert_eq!(error.to_string(), "a truth value is 2, expected 0 or 1");
        assert!(Kind::F32.read(&mut &[0u8; 7][..], &[2], true).is_err());
        // Nothing is taken for what is not there.
        assert!(Kind::F64.read(&mut &[0u8; 7][..], &[1 << 40], false).is_err());
    }
}
