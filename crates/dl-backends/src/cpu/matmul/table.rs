//! A vector unit's functions, compiled for its instructions, in a table to choose from at run time.

use super::column::ColumnKernel;
use super::pack::{PackF32, PackU8};
use super::sparse::RowKernel;
use super::tile::Kernel;
use super::windows::AddWindows;

/// What one vector unit offers. Everything in it may be called only where its instructions are.
pub(super) struct Unit {
    /// Elements of a vector.
    pub width: usize,
    /// Kernels by vectors of columns, less one, and by rows, less one.
    pub kernels: &'static [&'static [Kernel]],
    /// For a right operand of one column.
    pub column: ColumnKernel,
    pub pack_f32: PackF32,
    pub pack_u8: PackU8,
    pub add_windows: AddWindows,
    /// For a left operand of one row.
    pub row: RowKernel,
}

/// Defines the [`Unit`] of a `Simd`: for each number of vectors, kernels for the given numbers of rows.
macro_rules! unit {
    ($simd:ident $([$features:literal])?, $($vectors:literal: [$($rows:literal),*],)*) => {
        $(#[target_feature(enable = $features)])?
        /// # Safety
        /// As for [`Kernel`](super::tile::Kernel).
        unsafe fn kernel<const M: usize, const V: usize>(tile: &super::tile::Tile<'_>) {
            // SAFETY: the promise is the same, and the instructions are enabled here.
            unsafe { super::tile::tile::<$simd, M, V>(tile) }
        }

        $(#[target_feature(enable = $features)])?
        /// # Safety
        /// As for [`ColumnKernel`](super::column::ColumnKernel).
        unsafe fn column(job: &super::column::Column) {
            // SAFETY: the promise is the same, and the instructions are enabled here.
            unsafe { super::column::column::<$simd>(job) }
        }

        $(#[target_feature(enable = $features)])?
        /// # Safety
        /// As for [`PackF32`](super::pack::PackF32).
        unsafe fn pack_f32(job: &super::pack::Pack, from: *const f32) {
            // SAFETY: the promise is the same.
            unsafe { super::pack::pack(job, from, |x| x) }
        }

        $(#[target_feature(enable = $features)])?
        /// # Safety
        /// As for [`PackU8`](super::pack::PackU8).
        unsafe fn pack_u8(job: &super::pack::Pack, from: *const u8, scale: f32) {
            // SAFETY: the promise is the same.
            unsafe { super::pack::pack(job, from, |x| f32::from(x) * scale) }
        }

        $(#[target_feature(enable = $features)])?
        /// # Safety
        /// As for [`AddWindows`](super::windows::AddWindows).
        unsafe fn add_windows(job: &super::windows::Added<'_>, image: *mut f32) {
            // SAFETY: the promise is the same.
            unsafe { super::windows::add(job, image) }
        }

        $(#[target_feature(enable = $features)])?
        /// # Safety
        /// As for [`RowKernel`](super::sparse::RowKernel).
        unsafe fn row(job: &super::sparse::Row<'_>) {
            // SAFETY: the promise is the same, and the instructions are enabled here.
            unsafe { super::sparse::row::<$simd>(job) }
        }

        pub(super) const UNIT: super::table::Unit = super::table::Unit {
            width: <$simd as super::simd::Simd>::WIDTH,
            kernels: &[$(&[$(kernel::<$rows, $vectors>),*]),*],
            column,
            pack_f32,
            pack_u8,
            add_windows,
            row,
        };
    };
}
pub(super) use unit;
