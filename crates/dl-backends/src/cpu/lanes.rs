//! Loops over elements: runs of one, two or three operands into a dense result, shared by threads.

use rayon::prelude::*;

use super::array::{Item, View};
use super::layout::Loops;
use super::pool::Pool;

/// What every step works with.
pub(super) struct Context {
    /// Freed vectors.
    pub pool: Pool,
    /// How many threads may work; 1 means the calling one.
    pub threads: usize,
}

/// Elements per share of work: fixed, so that results cannot depend on the number of threads.
pub(super) const CHUNK: usize = 1 << 15;

/// Calls `work` with parts of `out`, `chunk` long, and how far each is from the start.
///
/// A `dyn` function, so that the machinery of threads is compiled once for each element type.
pub(super) fn share<T: Send>(
    threads: usize,
    out: &mut [T],
    chunk: usize,
    work: &(dyn Fn(usize, &mut [T]) + Sync),
) {
    if threads == 1 || out.len() <= chunk {
        return out.chunks_mut(chunk.max(1)).enumerate().for_each(|(i, part)| work(i * chunk, part));
    }
    out.par_chunks_mut(chunk).enumerate().for_each(|(i, part)| work(i * chunk, part));
}

/// An operand of an elementwise loop.
#[derive(Clone, Copy)]
pub(super) enum Source<'s, T> {
    /// Elements of a view.
    View(&'s View<'s, T>),
    /// The same number everywhere.
    Number(&'s T),
}

/// One operand along the innermost loop.
enum Lane<'s, T> {
    Slice(&'s [T]),
    Splat(T),
    Strided(&'s [T], isize, isize),
}

impl<'s, T: Item> Source<'s, T> {
    fn stored(&self) -> &'s [T] {
        match self {
            Source::View(view) => view.stored(),
            Source::Number(number) => std::slice::from_ref(number),
        }
    }

    fn strides<'z>(&'z self, zeros: &'z [isize]) -> (&'z [isize], isize) {
        match self {
            Source::View(view) => (&view.layout.strides, view.layout.offset),
            Source::Number(_) => (zeros, 0),
        }
    }
}

fn lane<T: Item>(stored: &[T], at: isize, step: isize, len: usize) -> Lane<'_, T> {
    match step {
        1 => Lane::Slice(&stored[at as usize..at as usize + len]),
        0 => Lane::Splat(stored[at as usize]),
        _ => Lane::Strided(stored, at, step),
    }
}

impl<T: Copy> Lane<'_, T> {
    fn get(&self, i: usize) -> T {
        match self {
            Lane::Slice(s) => s[i],
            Lane::Splat(x) => *x,
            Lane::Strided(s, at, step) => s[(at + i as isize * step) as usize],
        }
    }
}

/// `f(out, a)` for each element.
pub(super) fn each1<R: Item, A: Item>(
    threads: usize,
    out: &mut [R],
    shape: &[usize],
    a: Source<'_, A>,
    f: impl Fn(&mut R, A) + Sync,
) {
    let zeros = vec![0; shape.len()];
    let loops = Loops::new(shape, [a.strides(&zeros)]);
    let x = a.stored();
    share(threads, out, CHUNK, &|start, out| {
        loops.rows(start..start + out.len(), &mut |place, len, [at]| {
            let out = &mut out[place..place + len];
            match lane(x, at, loops.steps[0], len) {
                Lane::Slice(a) => out.iter_mut().zip(a).for_each(|(o, a)| f(o, *a)),
                Lane::Splat(a) => out.iter_mut().for_each(|o| f(o, a)),
                strided => out.iter_mut().enumerate().for_each(|(i, o)| f(o, strided.get(i))),
            }
        });
    });
}

/// `f(out, a, b)` for each element.
pub(super) fn each2<R: Item, A: Item, B: Item>(
    threads: usize,
    out: &mut [R],
    shape: &[usize],
    a: Source<'_, A>,
    b: Source<'_, B>,
    f: impl Fn(&mut R, A, B) + Sync,
) {
    let zeros = vec![0; shape.len()];
    let loops = Loops::new(shape, [a.strides(&zeros), b.strides(&zeros)]);
    let (x, y) = (a.stored(), b.stored());
    share(threads, out, CHUNK, &|start, out| {
        loops.rows(start..start + out.len(), &mut |place, len, at| {
            let out = &mut out[place..place + len];
            let a = lane(x, at[0], loops.steps[0], len);
            let b = lane(y, at[1], loops.steps[1], len);
            match (a, b) {
                (Lane::Slice(a), Lane::Slice(b)) => {
                    out.iter_mut().zip(a).zip(b).for_each(|((o, a), b)| f(o, *a, *b));
                }
                (Lane::Slice(a), Lane::Splat(b)) => out.iter_mut().zip(a).for_each(|(o, a)| f(o, *a, b)),
                (Lane::Splat(a), Lane::Slice(b)) => out.iter_mut().zip(b).for_each(|(o, b)| f(o, a, *b)),
                (a, b) => out.iter_mut().enumerate().for_each(|(i, o)| f(o, a.get(i), b.get(i))),
            }
        });
    });
}

/// `out = if c { a } else { b }` for each element.
pub(super) fn choose<T: Item>(
    threads: usize,
    out: &mut [T],
    shape: &[usize],
    c: Source<'_, bool>,
    a: Source<'_, T>,
    b: Source<'_, T>,
) {
    let zeros = vec![0; shape.len()];
    let loops = Loops::new(shape, [c.strides(&zeros), a.strides(&zeros), b.strides(&zeros)]);
    let (condition, x, y) = (c.stored(), a.stored(), b.stored());
    share(threads, out, CHUNK, &|start, out| {
        loops.rows(start..start + out.len(), &mut |place, len, at| {
            let out = &mut out[place..place + len];
            let c = lane(condition, at[0], loops.steps[0], len);
            let a = lane(x, at[1], loops.steps[1], len);
            let b = lane(y, at[2], loops.steps[2], len);
            match (c, a, b) {
                (Lane::Slice(c), Lane::Slice(a), Lane::Slice(b)) => {
                    let operands = c.iter().zip(a).zip(b);
                    out.iter_mut().zip(operands).for_each(|(o, ((c, a), b))| *o = if *c { *a } else { *b });
                }
                (Lane::Slice(c), Lane::Slice(a), Lane::Splat(b)) => {
                    out.iter_mut().zip(c.iter().zip(a)).for_each(|(o, (c, a))| *o = if *c { *a } else { b });
                }
                (Lane::Slice(c), Lane::Splat(a), Lane::Slice(b)) => {
                    out.iter_mut().zip(c.iter().zip(b)).for_each(|(o, (c, b))| *o = if *c { a } else { *b });
                }
                (c, a, b) => {
                    let pick = |i| if c.get(i) { a.get(i) } else { b.get(i) };
                    out.iter_mut().enumerate().for_each(|(i, o)| *o = pick(i));
                }
            }
        });
    });
}

/// Adds or writes runs of `a` into places of a larger dense array: `f(out, a)` where `places` says.
pub(super) fn into_places<T: Item>(
    out: &mut [T],
    places: (&[isize], isize),
    a: &View<'_, T>,
    f: impl Fn(&mut T, T),
) {
    let from = (a.layout.strides.as_slice(), a.layout.offset);
    let loops = Loops::new(&a.layout.shape, [places, from]);
    let stored = a.stored();
    loops.rows(0..a.layout.len(), &mut |_, len, [to, from]| {
        let a = lane(stored, from, loops.steps[1], len);
        match (loops.steps[0], a) {
            (1, Lane::Slice(a)) => {
                out[to as usize..to as usize + len].iter_mut().zip(a).for_each(|(o, a)| f(o, *a));
            }
            (step, a) => (0..len).for_each(|i| f(&mut out[(to + i as isize * step) as usize], a.get(i))),
        }
    });
}

impl Context {
    /// A new array of `f(a)`.
    pub(super) fn map<'a, A: Item, R: Item>(
        &mut self,
        a: View<'_, A>,
        f: impl Fn(A) -> R + Sync,
    ) -> View<'a, R> {
        let mut out = self.pool.take(a.layout.len());
        each1(self.threads, &mut out, &a.layout.shape, Source::View(&a), |o, a| *o = f(a));
        let result = View::dense(out, &a.layout.shape);
        self.pool.free(a);
        result
    }

    /// `f(a)` of the same type, in place where nobody else sees `a`.
    pub(super) fn remap<'a, T: Item>(
        &mut self,
        mut a: View<'a, T>,
        f: impl Fn(T) -> T + Sync,
    ) -> View<'a, T> {
        match a.unique() {
            Some(x) => share(self.threads, x, CHUNK, &|_, x| x.iter_mut().for_each(|x| *x = f(*x))),
            None => return self.map(a, f),
        }
        a
    }

    /// The elements row by row; copied only where they lie otherwise.
    pub(super) fn dense<'a, T: Item>(&mut self, a: View<'a, T>) -> View<'a, T> {
        if a.layout.is_dense() { a } else { self.map(a, |x| x) }
    }

    /// The elements row by row in a vector of their own, as parameters are kept.
    pub(super) fn whole<T: Item>(&mut self, a: View<'_, T>) -> View<'static, T> {
        if a.is_whole() { a.into_owned() } else { self.map(a, |x| x) }
    }
}
