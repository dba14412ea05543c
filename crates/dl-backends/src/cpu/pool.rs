//! Freed vectors, kept by type and length, so that a steady step allocates nothing.

use std::sync::Arc;

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

/// Freed vectors of one type.
pub(super) struct Shelf<T> {
    /// Each with the run that freed it.
    vecs: Vec<(Vec<T>, u64)>,
    /// Empty, but ready to be shared.
    shells: Vec<Arc<Vec<T>>>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Shelf { vecs: vec![], shells: vec![] }
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

    /// A vector as an array of `shape`.
    pub(super) fn dense<T: Item>(&mut self, mut vec: Vec<T>, shape: &[usize]) -> View<'static, T> {
        let mut shell = T::shelf(self).shells.pop().unwrap_or_default();
        match Arc::get_mut(&mut shell) {
            Some(inside) => std::mem::swap(inside, &mut vec),
            None => shell = Arc::new(vec),
        }
        View::shared(shell, shape)
    }

    /// Keeps the vector of a view that is no longer needed, if nobody else sees it.
    pub(super) fn free<T: Item>(&mut self, view: View<'_, T>) {
        if let Some(mut shell) = view.into_shared()
            && let Some(inside) = Arc::get_mut(&mut shell)
        {
            self.put(std::mem::take(inside));
            T::shelf(self).shells.push(shell);
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
        let fits = |(vec, _): &&(Vec<T>, u64)| (len..=len.saturating_mul(2)).contains(&vec.len());
        let best = self.vecs.iter().filter(fits).map(|(vec, _)| vec.len()).min()?;
        let place = self.vecs.iter().position(|(vec, _)| vec.len() == best)?;
        let (mut vec, _) = self.vecs.swap_remove(place);
        vec.truncate(len);
        Some(vec)
    }

    fn put(&mut self, vec: Vec<T>, run: u64) {
        if !vec.is_empty() {
            self.vecs.push((vec, run));
        }
    }

    fn let_go(&mut self, run: u64) {
        let many = self.vecs.len();
        self.vecs.retain(|(_, freed)| *freed >= run);
        // As many shells as vectors may want.
        self.shells.truncate(many.max(SHELLS));
    }
}

/// Shells that are kept however few vectors there are.
const SHELLS: usize = 64;

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
        assert!(!pool.f32.vecs.is_empty());
        pool.end_run();
        assert!(pool.f32.vecs.is_empty());
    }
}
