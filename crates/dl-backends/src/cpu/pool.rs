//! Freed vectors, kept by type and capacity, so that a steady step allocates nothing large.

use std::collections::BTreeMap;

use super::array::{Array, Item, View, each};

/// Freed vectors of all element types.
#[derive(Default)]
pub(super) struct Pool {
    pub(super) f32: Shelf<f32>,
    pub(super) f64: Shelf<f64>,
    pub(super) i64: Shelf<i64>,
    pub(super) bool: Shelf<bool>,
    pub(super) u8: Shelf<u8>,
    run: u64,
}

/// Freed vectors of one type, by length, each with the run that freed it.
pub(super) struct Shelf<T>(BTreeMap<usize, Vec<(Vec<T>, u64)>>);

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Shelf(BTreeMap::new())
    }
}

impl Pool {
    /// A vector of `len` elements; what is in them is left over.
    pub(super) fn take<T: Item>(&mut self, len: usize) -> Vec<T> {
        T::shelf(self).take(len).unwrap_or_else(|| vec![T::default(); len])
    }

    /// A vector of `len` times `value`.
    pub(super) fn filled<T: Item>(&mut self, value: T, len: usize) -> Vec<T> {
        let mut vec = self.take(len);
        vec.fill(value);
        vec
    }

    /// Keeps a vector for later.
    pub(super) fn put<T: Item>(&mut self, mut vec: Vec<T>) {
        let run = self.run;
        if cfg!(debug_assertions) {
            vec.fill(T::POISON);
        }
        T::shelf(self).put(vec, run);
    }

    /// Keeps the vector of a view that is no longer needed, if nobody else sees it.
    pub(super) fn free<T: Item>(&mut self, view: View<'_, T>) {
        if let Some(vec) = view.into_vec() {
            self.put(vec);
        }
    }

    /// The same for any element type.
    pub(super) fn recycle(&mut self, array: Array<'_>) {
        each!(array, v => self.free(v));
    }

    /// Ends a run: what nobody took in the course of it is let go.
    pub(super) fn end_run(&mut self) {
        let run = self.run;
        self.f32.let_go(run);
        self.f64.let_go(run);
        self.i64.let_go(run);
        self.bool.let_go(run);
        self.u8.let_go(run);
        self.run += 1;
    }
}

impl<T> Shelf<T> {
    /// One that is long enough and not much too long, shortened.
    fn take(&mut self, len: usize) -> Option<Vec<T>> {
        if len == 0 {
            return None;
        }
        let (&size, _) = self.0.range(len..=len.saturating_mul(2)).next()?;
        let stack = self.0.get_mut(&size)?;
        let (mut vec, _) = stack.pop()?;
        if stack.is_empty() {
            self.0.remove(&size);
        }
        vec.truncate(len);
        Some(vec)
    }

    fn put(&mut self, vec: Vec<T>, run: u64) {
        if !vec.is_empty() {
            self.0.entry(vec.len()).or_default().push((vec, run));
        }
    }

    fn let_go(&mut self, run: u64) {
        self.0.retain(|_, stack| {
            stack.retain(|(_, freed)| *freed >= run);
            !stack.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freed_vectors_come_back_poisoned_and_are_let_go() {
        let mut pool = Pool::default();
        assert!(pool.take::<f32>(0).is_empty());
        let first: Vec<f32> = pool.take(100);
        let place = first.as_ptr();
        pool.put(first);
        let again: Vec<f32> = pool.take(90);
        assert_eq!((again.as_ptr(), again.len()), (place, 90));
        assert!(!cfg!(debug_assertions) || again.iter().all(|x| x.is_nan()));
        pool.put(again);
        for misfit in [10, 91] {
            let other: Vec<f32> = pool.take(misfit);
            assert_ne!(other.as_ptr(), place);
        }
        pool.end_run();
        assert!(!pool.f32.0.is_empty());
        pool.end_run();
        assert!(pool.f32.0.is_empty());
    }
}
