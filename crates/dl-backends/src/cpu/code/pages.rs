//! Pages of machine code: written first, then run, never both at once.
#![allow(unsafe_code)]

use std::io;

use memmap2::{Mmap, MmapMut};

/// Code that can be run.
#[derive(Debug)]
pub(super) struct Pages(Mmap);

impl Pages {
    /// # Errors
    /// The system gives no pages that may be run.
    pub(super) fn new(code: &[u8]) -> io::Result<Pages> {
        let mut pages = MmapMut::map_anon(code.len())?;
        pages.copy_from_slice(code);
        Ok(Pages(pages.make_exec()?))
    }

    /// Runs the code that begins at `entry`: see [`emit`](super::emit::emit).
    ///
    /// # Safety
    /// Code of ours begins there. As many lines of so many elements as the call says are behind each address
    /// of the table, as the code's streams go along them, and nobody else writes these elements meanwhile,
    /// or reads those that are written.
    pub(super) unsafe fn call(&self, entry: usize, table: &super::Table, len: usize, lines: usize) {
        let begin = self.0[entry..].as_ptr();
        // SAFETY: a function of this signature begins there: it takes these arguments where the System V
        // convention puts them and keeps the registers that a caller wants back.
        unsafe {
            let code: unsafe extern "sysv64" fn(*const u64, usize, usize) = std::mem::transmute(begin);
            code(table.as_ptr(), len, lines);
        }
    }
}
