//! First values that are the norms of another parameter's.

use crate::dtype::DType;
use crate::error::Result;
use crate::init::Init;

impl Init {
    /// The Euclidean norms, for each place on the last axis, of the first value of the parameter `of`, which
    /// has the given shape and initialiser.
    ///
    /// ```
    /// use dl_core::{F64, Init};
    /// let lengths = Init::norms("v", &[4, 2], Init::ones());
    /// assert_eq!(lengths.sample(F64, &[2], 7, "g")?.to_f64(), [2.0, 2.0]);
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    pub fn norms(of: &str, shape: &[usize], init: Init) -> Init {
        Init::Norms { of: of.into(), shape: shape.to_vec(), init: Box::new(init) }
    }
}

/// The parameter whose columns' norms are first values.
#[derive(Clone, Copy)]
pub(super) struct Columns<'a> {
    pub(super) of: &'a str,
    pub(super) shape: &'a [usize],
    pub(super) init: &'a Init,
}

impl Columns<'_> {
    /// Whether norms of `dtype` and `shape` come of it.
    pub(super) fn check(self, dtype: DType, shape: &[usize]) -> std::result::Result<(), String> {
        if shape.len() != 1 || self.shape.last() != shape.last() {
            return Err(format!("the norms of the columns of {:?} as {shape:?}", self.shape));
        }
        if matches!(self.init, Init::Norms { .. }) {
            return Err("norms of norms".into());
        }
        self.init.check(dtype, self.shape)
    }

    /// The norms.
    pub(super) fn sample(self, dtype: DType, seed: u64) -> Result<Vec<f64>> {
        let values = self.init.sample(dtype, self.shape, seed, self.of)?.to_f64();
        let columns = self.shape.last().copied().unwrap_or(1).max(1);
        let mut norms = vec![0.0; self.shape.last().copied().unwrap_or(1)];
        for (i, value) in values.into_iter().enumerate() {
            norms[i % columns] = libm::hypot(norms[i % columns], value);
        }
        Ok(norms)
    }
}
