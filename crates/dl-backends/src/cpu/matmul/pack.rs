//! Packing: a strided matrix, of `f32` or of scaled `u8`, copied into panels of columns.

/// What to pack: `rows × columns` elements at the given strides, into panels one after the other, each with
/// all rows of `width` columns; the last one only as wide as whole vectors need, the rest of it zero.
pub(super) struct Pack {
    pub rows: usize,
    pub columns: usize,
    /// Distance between rows of the source.
    pub row: isize,
    /// Distance between its columns.
    pub column: isize,
    pub into: *mut f32,
    /// Columns of a panel.
    pub width: usize,
    /// Columns of a vector.
    pub vector: usize,
}

/// Packs `f32`.
///
/// # Safety
/// The CPU has the unit's instructions; all elements at the strides can be read, and `into` has room for
/// the panels.
pub(super) type PackF32 = unsafe fn(&Pack, *const f32);

/// Packs `u8`, each times the scale.
///
/// # Safety
/// As for [`PackF32`].
pub(super) type PackU8 = unsafe fn(&Pack, *const u8, f32);

/// Columns that the panel from `first` takes in memory.
pub(super) fn panel_width(columns: usize, first: usize, width: usize, vector: usize) -> usize {
    (columns - first).next_multiple_of(vector).min(width)
}

/// Packs with a function of each element.
///
/// # Safety
/// As for [`PackF32`].
#[inline(always)]
pub(super) unsafe fn pack<T: Copy>(job: &Pack, from: *const T, f: impl Fn(T) -> f32 + Copy) {
    let mut into = job.into;
    for first in (0..job.columns).step_by(job.width) {
        let width = panel_width(job.columns, first, job.width, job.vector);
        let columns = (job.columns - first).min(width);
        let from = from.wrapping_offset(first as isize * job.column);
        // SAFETY: the panel's rows and columns are inside the source, and the panel has room for
        // `rows · width` elements.
        unsafe {
            match job.column {
                1 => {
                    for i in 0..job.rows {
                        line(from.offset(i as isize * job.row), into.add(i * width), columns, width, f);
                    }
                }
                _ => turned(job, columns, width, from, into, f),
            }
        }
        into = into.wrapping_add(job.rows * width);
    }
}

/// Elements that are copied together.
const TOGETHER: usize = 16;

/// A row whose elements are neighbours, and zeros up to the width.
///
/// # Safety
/// As for [`pack`].
#[inline(always)]
unsafe fn line<T: Copy>(from: *const T, into: *mut f32, columns: usize, width: usize, f: impl Fn(T) -> f32) {
    let whole = columns / TOGETHER * TOGETHER;
    // SAFETY: the source has `columns` elements, the panel's row `width`; arrays ask for no more alignment
    // than their elements.
    unsafe {
        for j in (0..whole).step_by(TOGETHER) {
            let x = from.add(j).cast::<[T; TOGETHER]>().read_unaligned();
            into.add(j).cast::<[f32; TOGETHER]>().write_unaligned(std::array::from_fn(|i| f(x[i])));
        }
        for j in whole..columns {
            *into.add(j) = f(*from.add(j));
        }
        for j in columns..width {
            *into.add(j) = 0.0;
        }
    }
}

/// A panel whose rows are not neighbours, a square of it at a time: read down its columns, which are where
/// it was transposed, so that the lines of all columns are on their way at once; written along its rows.
///
/// # Safety
/// As for [`pack`].
#[inline(always)]
unsafe fn turned<T: Copy>(
    job: &Pack,
    columns: usize,
    width: usize,
    from: *const T,
    into: *mut f32,
    f: impl Fn(T) -> f32 + Copy,
) {
    for top in (0..job.rows).step_by(TOGETHER) {
        let rows = TOGETHER.min(job.rows - top);
        for left in (0..width).step_by(TOGETHER) {
            let (there, across) = (columns.saturating_sub(left), TOGETHER.min(width - left));
            let mut square = [[0.0; TOGETHER]; TOGETHER];
            // SAFETY: only rows and columns of the panel; a whole column where its elements are neighbours.
            unsafe {
                for (j, column) in square.iter_mut().enumerate().take(there) {
                    let from = from.offset(top as isize * job.row + (left + j) as isize * job.column);
                    if job.row == 1 && rows == TOGETHER {
                        *column = from.cast::<[T; TOGETHER]>().read_unaligned().map(f);
                    } else {
                        for (i, x) in column.iter_mut().enumerate().take(rows) {
                            *x = f(*from.offset(i as isize * job.row));
                        }
                    }
                }
                for i in 0..rows {
                    let into = into.add((top + i) * width + left);
                    for (j, column) in square.iter().enumerate().take(across) {
                        *into.add(j) = column[i];
                    }
                }
            }
        }
    }
}
