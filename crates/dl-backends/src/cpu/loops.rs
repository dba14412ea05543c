//! Loops over elements: runs of one, two or three operands into a dense result, shared by threads.

use std::sync::Arc;

use smallvec::smallvec;

use super::array::{Item, View};
use super::layout::{Axes, Loops};
use super::pool::Pool;
use super::team::Team;
use super::vector::{Isa, Operand};

/// What every step works with.
pub(super) struct Context {
    /// Freed vectors.
    pub pool: Pool,
    /// The threads that may work; without them, the calling one.
    pub team: Option<Arc<Team>>,
}

/// Elements of a part of work: fixed, so that results cannot depend on the number of threads.
pub(super) const CHUNK: usize = 1 << 15;

/// Calls `work` with parts of `out`, `chunk` long, and how far each is from the start.
///
/// A `dyn` function, so that the machinery of threads is compiled once for each element type.
pub(super) fn share<T: Send>(
    team: Option<&Team>,
    out: &mut [T],
    chunk: usize,
    work: &(dyn Fn(usize, &mut [T]) + Sync),
) {
    match team.filter(|_| out.len() > chunk) {
        Some(team) => team.chunks(out, chunk, work),
        None => out.chunks_mut(chunk.max(1)).enumerate().for_each(|(i, part)| work(i * chunk, part)),
    }
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
enum Run<'s, T> {
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

fn run<T: Item>(stored: &[T], at: isize, step: isize, len: usize) -> Run<'_, T> {
    match step {
        1 => Run::Slice(&stored[at as usize..at as usize + len]),
        0 => Run::Splat(stored[at as usize]),
        _ => Run::Strided(stored, at, step),
    }
}

impl<T: Copy> Run<'_, T> {
    fn get(&self, i: usize) -> T {
        match self {
            Run::Slice(s) => s[i],
            Run::Splat(x) => *x,
            Run::Strided(s, at, step) => s[(at + i as isize * step) as usize],
        }
    }
}

/// Elements of a strided run that are gathered for a kernel at a time.
const PIECE: usize = 256;

impl<T: Copy> Run<'_, T> {
    /// Part of the run as kernels take it, by way of `gathered` where the elements lie apart.
    fn part<'p>(&'p self, from: usize, len: usize, gathered: &'p mut [T; PIECE]) -> Operand<'p, T> {
        match self {
            Run::Slice(s) => Operand::Slice(&s[from..from + len]),
            Run::Splat(x) => Operand::Number(*x),
            Run::Strided(..) => {
                gathered[..len].iter_mut().zip(from..).for_each(|(gathered, i)| *gathered = self.get(i));
                Operand::Slice(&gathered[..len])
            }
        }
    }

    /// How many elements a part may have.
    fn reach(&self) -> usize {
        if matches!(self, Run::Strided(..)) { PIECE } else { usize::MAX }
    }
}

/// `kernel(out, a)` for runs of elements.
pub(super) fn runs1<R: Item, A: Item>(
    team: Option<&Team>,
    out: &mut [R],
    shape: &[usize],
    a: Source<'_, A>,
    kernel: &(dyn Fn(&mut [R], Operand<'_, A>) + Sync),
) {
    let nothing = A::default();
    runs2(team, out, shape, a, Source::Number(&nothing), &|out, a, _| kernel(out, a));
}

/// A kernel of two operands, as a `dyn` function for the same reason as in [`share`].
pub(super) type Kernel2<'k, R, A, B> = &'k (dyn Fn(&mut [R], Operand<'_, A>, Operand<'_, B>) + Sync);

/// `kernel(out, a, b)` for runs of elements.
pub(super) fn runs2<R: Item, A: Item, B: Item>(
    team: Option<&Team>,
    out: &mut [R],
    shape: &[usize],
    a: Source<'_, A>,
    b: Source<'_, B>,
    kernel: Kernel2<'_, R, A, B>,
) {
    let zeros: Axes<isize> = smallvec![0; shape.len()];
    let loops = Loops::new(shape, [a.strides(&zeros), b.strides(&zeros)]);
    let (x, y) = (a.stored(), b.stored());
    share(team, out, CHUNK, &|start, out| {
        let (mut gathered_a, mut gathered_b) = ([A::default(); PIECE], [B::default(); PIECE]);
        loops.rows(start..start + out.len(), &mut |place, len, at| {
            let a = run(x, at[0], loops.steps[0], len);
            let b = run(y, at[1], loops.steps[1], len);
            let reach = a.reach().min(b.reach());
            for (i, out) in out[place..place + len].chunks_mut(reach).enumerate() {
                let (from, len) = (i * reach, out.len());
                kernel(out, a.part(from, len, &mut gathered_a), b.part(from, len, &mut gathered_b));
            }
        });
    });
}

/// `f(out, a)` for each element.
pub(super) fn each1<R: Item, A: Item>(
    team: Option<&Team>,
    out: &mut [R],
    shape: &[usize],
    a: Source<'_, A>,
    f: impl Fn(&mut R, A) + Sync,
) {
    let zeros: Axes<isize> = smallvec![0; shape.len()];
    let loops = Loops::new(shape, [a.strides(&zeros)]);
    let x = a.stored();
    share(team, out, CHUNK, &|start, out| {
        loops.rows(start..start + out.len(), &mut |place, len, [at]| {
            let out = &mut out[place..place + len];
            match run(x, at, loops.steps[0], len) {
                Run::Slice(a) => out.iter_mut().zip(a).for_each(|(o, a)| f(o, *a)),
                Run::Splat(a) => out.iter_mut().for_each(|o| f(o, a)),
                strided => out.iter_mut().enumerate().for_each(|(i, o)| f(o, strided.get(i))),
            }
        });
    });
}

/// `f(out, a, b)` for each element.
pub(super) fn each2<R: Item, A: Item, B: Item>(
    team: Option<&Team>,
    out: &mut [R],
    shape: &[usize],
    a: Source<'_, A>,
    b: Source<'_, B>,
    f: impl Fn(&mut R, A, B) + Sync,
) {
    let zeros: Axes<isize> = smallvec![0; shape.len()];
    let loops = Loops::new(shape, [a.strides(&zeros), b.strides(&zeros)]);
    let (x, y) = (a.stored(), b.stored());
    share(team, out, CHUNK, &|start, out| {
        loops.rows(start..start + out.len(), &mut |place, len, at| {
            let out = &mut out[place..place + len];
            let a = run(x, at[0], loops.steps[0], len);
            let b = run(y, at[1], loops.steps[1], len);
            match (a, b) {
                (Run::Slice(a), Run::Slice(b)) => {
                    out.iter_mut().zip(a).zip(b).for_each(|((o, a), b)| f(o, *a, *b));
                }
                (Run::Slice(a), Run::Splat(b)) => out.iter_mut().zip(a).for_each(|(o, a)| f(o, *a, b)),
                (Run::Splat(a), Run::Slice(b)) => out.iter_mut().zip(b).for_each(|(o, b)| f(o, a, *b)),
                (a, b) => out.iter_mut().enumerate().for_each(|(i, o)| f(o, a.get(i), b.get(i))),
            }
        });
    });
}

/// `out = if c { a } else { b }` for each element.
pub(super) fn choose<T: Item>(
    team: Option<&Team>,
    out: &mut [T],
    shape: &[usize],
    c: Source<'_, bool>,
    a: Source<'_, T>,
    b: Source<'_, T>,
) {
    let zeros: Axes<isize> = smallvec![0; shape.len()];
    let loops = Loops::new(shape, [c.strides(&zeros), a.strides(&zeros), b.strides(&zeros)]);
    let (condition, x, y) = (c.stored(), a.stored(), b.stored());
    let isa = Isa::widest();
    share(team, out, CHUNK, &|start, out| {
        let (mut gathered_a, mut gathered_b) = ([T::default(); PIECE], [T::default(); PIECE]);
        let mut gathered_c = [false; PIECE];
        loops.rows(start..start + out.len(), &mut |place, len, at| {
            let c = run(condition, at[0], loops.steps[0], len);
            let a = run(x, at[1], loops.steps[1], len);
            let b = run(y, at[2], loops.steps[2], len);
            let reach = c.reach().min(a.reach()).min(b.reach());
            for (i, out) in out[place..place + len].chunks_mut(reach).enumerate() {
                let (from, len) = (i * reach, out.len());
                let a = a.part(from, len, &mut gathered_a);
                let b = b.part(from, len, &mut gathered_b);
                match c.part(from, len, &mut gathered_c) {
                    Operand::Slice(c) => isa.select(c, a, b, out),
                    Operand::Number(c) => match if c { a } else { b } {
                        Operand::Slice(chosen) => out.copy_from_slice(chosen),
                        Operand::Number(chosen) => out.fill(chosen),
                    },
                }
            }
        });
    });
}

/// Adds or writes runs of `a` into places of a larger dense array: `f(out, a)` where `places` says.
pub(super) fn into_places<T: Item, O>(
    out: &mut [O],
    places: (&[isize], isize),
    a: &View<'_, T>,
    f: impl Fn(&mut O, T),
) {
    let from = (a.layout.strides.as_slice(), a.layout.offset);
    let loops = Loops::new(&a.layout.shape, [places, from]);
    let stored = a.stored();
    loops.rows(0..a.layout.len(), &mut |_, len, [to, from]| {
        let a = run(stored, from, loops.steps[1], len);
        match (loops.steps[0], a) {
            (1, Run::Slice(a)) => {
                out[to as usize..to as usize + len].iter_mut().zip(a).for_each(|(o, a)| f(o, *a));
            }
            (step, a) => (0..len).for_each(|i| f(&mut out[(to + i as isize * step) as usize], a.get(i))),
        }
    });
}

impl Context {
    /// The threads that may work with the calling one.
    pub(super) fn team(&self) -> Option<&Team> {
        self.team.as_deref()
    }

    /// A new array of `f(a)`.
    pub(super) fn map<'a, A: Item, R: Item>(
        &mut self,
        a: View<'_, A>,
        f: impl Fn(A) -> R + Sync,
    ) -> View<'a, R> {
        let mut out = self.pool.take(a.layout.len());
        each1(self.team(), &mut out, &a.layout.shape, Source::View(&a), |o, a| *o = f(a));
        let result = self.pool.dense(out, &a.layout.shape);
        self.pool.free(a);
        result
    }

    /// A new array of a kernel's results.
    pub(super) fn map_runs<'a, A: Item, R: Item>(
        &mut self,
        a: View<'_, A>,
        kernel: impl Fn(&[A], &mut [R]) + Sync,
    ) -> View<'a, R> {
        let a = self.dense(a);
        let mut out = self.pool.take(a.layout.len());
        let x = a.as_dense().expect("it was made dense");
        share(self.team(), &mut out, CHUNK, &|start, out| kernel(&x[start..start + out.len()], out));
        let result = self.pool.dense(out, &a.layout.shape);
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
            Some(x) => share(self.team(), x, CHUNK, &|_, x| x.iter_mut().for_each(|x| *x = f(*x))),
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
