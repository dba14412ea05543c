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

/// Rows that are read side by side when columns are packed into rows.
const TURN: usize = 8;

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
            match (job.column, job.row) {
                (1, _) if columns == 32 => lines::<T, 32>(job, from, into, f),
                (1, _) if columns == 16 => lines::<T, 16>(job, from, into, f),
                (1, _) => {
                    for i in 0..job.rows {
                        let (from, into) = (from.offset(i as isize * job.row), into.add(i * width));
                        for j in 0..columns {
                            *into.add(j) = f(*from.add(j));
                        }
                        for j in columns..width {
                            *into.add(j) = 0.0;
                        }
                    }
                }
                _ => turned(job, columns, width, from, into, f),
            }
        }
        into = into.wrapping_add(job.rows * width);
    }
}

/// A panel whose rows are `N` neighbours.
///
/// # Safety
/// As for [`pack`].
#[inline(always)]
unsafe fn lines<T: Copy, const N: usize>(job: &Pack, from: *const T, into: *mut f32, f: impl Fn(T) -> f32) {
    for i in 0..job.rows {
        // SAFETY: `N` columns of every row are there, says the caller; arrays ask for no more alignment
        // than their elements.
        unsafe {
            let row: [T; N] = from.offset(i as isize * job.row).cast::<[T; N]>().read_unaligned();
            into.add(i * N).cast::<[f32; N]>().write_unaligned(std::array::from_fn(|j| f(row[j])));
        }
    }
}

/// A panel whose rows are not neighbours, a few of them at a time.
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
    f: impl Fn(T) -> f32,
) {
    for top in (0..job.rows).step_by(TURN) {
        let rows = TURN.min(job.rows - top);
        // SAFETY: only rows and columns of the panel.
        unsafe {
            for j in 0..columns {
                let from = from.offset(top as isize * job.row + j as isize * job.column);
                let into = into.add(top * width + j);
                for i in 0..rows {
                    *into.add(i * width) = f(*from.offset(i as isize * job.row));
                }
            }
            for i in top..top + rows {
                for j in columns..width {
                    *into.add(i * width + j) = 0.0;
                }
            }
        }
    }
}
