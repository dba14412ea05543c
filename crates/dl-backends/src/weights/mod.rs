//! Weights in files: safetensors and NumPy's formats, in our order of axes or PyTorch's.
//!
//! A session writes and reads its own with [`Session::save`](crate::Session::save),
//! [`export`](crate::Session::export) and [`load`](crate::Session::load). What is here besides reads and writes
//! any arrays: [`ArrayFile`] opens a file, [`write()`] makes one.
//!
//! Every file is written whole or not at all ([`replace`]). What is read is believed as far as the file's length
//! bears it out: limits stand at [`ArrayFile`].

mod elements;
mod file;
mod layout;
mod load;
mod npy;
mod npz;
mod permute;
mod replace;
mod safetensors;

pub(crate) use self::elements::write as write_elements;
use self::file::Place;
pub(crate) use self::file::write_to;
pub use self::file::{ArrayFile, Entry, Format, write, write_into, write_rows};
pub use self::layout::Layout;
pub(crate) use self::layout::{Arrangement, NOTE};
pub use self::load::{Load, LoadReport};
pub use self::replace::{remove_unfinished, replace};

/// What a file says besides its arrays: a name and a text.
pub type Note = (String, String);

/// The most axes of an array.
const MOST_AXES: usize = 64;

/// The number of elements of an array of this shape.
fn product(shape: &[usize]) -> Result<usize, String> {
    if shape.len() > MOST_AXES {
        return Err(format!("{} axes, at most {MOST_AXES} are read", shape.len()));
    }
    let count = shape.iter().try_fold(1usize, |n, size| n.checked_mul(*size));
    // As many bytes as can be addressed, whatever the type.
    let count = count.filter(|n| *n <= isize::MAX as usize / 8);
    count.ok_or_else(|| format!("shape {shape:?} has more elements than can be counted"))
}
