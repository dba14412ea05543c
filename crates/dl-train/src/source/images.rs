//! Folders of images as sources.

use dl_data::ImageFolder;
use rayon::prelude::*;

use super::{Batch, Source, digest_of, in_range};
use crate::error::{Error, Result};

/// Feeds `x`, the pixels `u8` `[n, rows·columns·channels]`, and `y`, the classes `i64` `[n]`. Images are decoded when
/// they are asked for, by as many threads as there are.
impl Source for ImageFolder {
    fn len(&self) -> usize {
        ImageFolder::len(self)
    }

    fn fill(&self, rows: &[usize], batch: &mut Batch) -> Result<()> {
        in_range(rows, ImageFolder::len(self))?;
        batch.set("y", &[rows.len()], |y| {
            y.extend(rows.iter().filter_map(|i| self.label(*i)).map(|c| c as i64))
        })?;
        if !batch.takes("x") {
            return Ok(());
        }
        let read: Vec<_> = rows.par_iter().map(|row| self.read(*row)).collect();
        // The first error by row, whichever thread was first.
        let images: Vec<Vec<u8>> = read.into_iter().collect::<dl_data::Result<_>>().map_err(|e| {
            let cause = std::error::Error::source(&e).map(|cause| format!(": {cause}")).unwrap_or_default();
            Error::value(format!("{e}{cause}"))
        })?;
        let size = self.shape().iter().product::<usize>();
        batch.set("x", &[rows.len(), size], |x| images.iter().for_each(|image| x.extend_from_slice(image)))
    }

    /// Of the names and lengths of the files, not of what they show: that would have to be read.
    fn digest(&self) -> Option<u64> {
        let one = |before: u64, i: usize| {
            let file = self.file(i)?;
            let name = file.file_name()?.to_string_lossy().into_owned();
            let (class, bytes) = (self.label(i)?, file.metadata().ok()?.len());
            Some(digest_of(format!("{class} {name} {bytes}").as_bytes(), before))
        };
        let how = digest_of(format!("{:?} {:?}", self.shape(), self.classes()).as_bytes(), 0);
        (0..ImageFolder::len(self)).try_fold(how, one)
    }
}
