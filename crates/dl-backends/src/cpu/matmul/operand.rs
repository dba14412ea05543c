//! Where the elements of the operands and of the result lie.

use std::marker::PhantomData;

/// Rows and columns of the product, and the size that is summed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Rows of the left operand.
    pub m: usize,
    /// Columns of the right operand.
    pub n: usize,
    /// Columns of the left operand, rows of the right one.
    pub k: usize,
}

/// A matrix at any strides in a slice: element `(i, j)` stands at `offset + i·row + j·column`.
#[derive(Clone, Copy, Debug)]
pub struct Strided<'a, T> {
    /// What it lies in.
    pub data: &'a [T],
    /// Where its first element stands.
    pub offset: isize,
    /// Distance between rows.
    pub row: isize,
    /// Distance between columns.
    pub column: isize,
}

impl<'a, T> Strided<'a, T> {
    /// Row by row, `stride` elements from one row to the next.
    pub fn rows(data: &'a [T], stride: usize) -> Self {
        Strided { data, offset: 0, row: stride as isize, column: 1 }
    }

    /// The transposed matrix; nothing is moved.
    pub fn t(self) -> Self {
        Strided { row: self.column, column: self.row, ..self }
    }

    /// The address of the first element of a matrix of `rows × columns`, none of which lies outside.
    pub(super) fn checked(&self, rows: usize, columns: usize) -> *const T {
        let ends = (rows != 0 && columns != 0).then(|| {
            let reach = |n: usize, stride: isize| (n as isize - 1).checked_mul(stride);
            let (down, across) = (reach(rows, self.row)?, reach(columns, self.column)?);
            let low = self.offset.checked_add(down.min(0))?.checked_add(across.min(0))?;
            let high = self.offset.checked_add(down.max(0))?.checked_add(across.max(0))?;
            Some(low >= 0 && (high as usize) < self.data.len())
        });
        assert!(ends != Some(None) && ends != Some(Some(false)), "an operand lies inside its slice");
        self.data.as_ptr().wrapping_offset(self.offset)
    }
}

/// The elements of an operand before it is packed.
#[derive(Clone, Copy, Debug)]
pub enum Operand<'a> {
    /// As they are.
    F32(Strided<'a, f32>),
    /// Converted, each times the scale.
    U8(Strided<'a, u8>, f32),
}

impl<'a> Operand<'a> {
    /// The rest of the slice and the stride, where rows of `f32` are contiguous.
    pub(super) fn contiguous_rows(&self) -> Option<(&'a [f32], usize)> {
        match self {
            Operand::F32(Strided { data, offset, row, column: 1 }) => {
                let rest = data.get(usize::try_from(*offset).ok()?..)?;
                Some((rest, usize::try_from(*row).ok()?))
            }
            _ => None,
        }
    }

    /// The transposed matrix; nothing is moved.
    pub fn t(self) -> Self {
        match self {
            Operand::F32(x) => Operand::F32(x.t()),
            Operand::U8(x, scale) => Operand::U8(x.t(), scale),
        }
    }

    /// Whether it lies column by column.
    pub(super) fn by_columns(&self) -> bool {
        match self {
            Operand::F32(x) => x.row == 1,
            Operand::U8(x, _) => x.row == 1,
        }
    }
}

/// The right operand.
#[derive(Clone, Copy, Debug)]
pub enum Right<'a> {
    /// In panels, as [`super::Kernels::pack_panels`] leaves them.
    Panels(&'a [f32]),
    /// Row by row, with this stride. The slice reaches to the end of the last row's last vector: what is
    /// there beyond the last column is read, and comes to nothing.
    Rows(&'a [f32], usize),
    /// The only column, contiguous. Of the left operand one stride should be 1.
    Column(&'a [f32]),
}

/// How a result is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Row by row, with this stride.
    Rows(usize),
    /// In panels, of a matrix with this many rows: the layout of a packed right operand.
    Panels(usize),
}

/// Where the result goes.
#[derive(Debug)]
pub struct Out<'a> {
    pub(super) data: *mut f32,
    pub(super) len: usize,
    pub(super) layout: Layout,
    borrow: PhantomData<&'a mut [f32]>,
}

impl<'a> Out<'a> {
    /// Row by row, `stride` elements from one row to the next.
    pub fn rows(data: &'a mut [f32], stride: usize) -> Self {
        Out { data: data.as_mut_ptr(), len: data.len(), layout: Layout::Rows(stride), borrow: PhantomData }
    }

    /// In panels with all of `rows` rows. What pads the last panel is left as it is.
    pub fn panels(data: &'a mut [f32], rows: usize) -> Self {
        Out { data: data.as_mut_ptr(), len: data.len(), layout: Layout::Panels(rows), borrow: PhantomData }
    }

    /// For threads that share a result and each compute other rows of it.
    ///
    /// # Safety
    /// For `'a`, `len` elements from `data` can be read and written, and nothing else touches the rows
    /// that are computed through this.
    pub unsafe fn shared(data: *mut f32, len: usize, layout: Layout) -> Self {
        Out { data, len, layout, borrow: PhantomData }
    }
}
