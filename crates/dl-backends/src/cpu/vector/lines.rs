//! Rows whose elements move in runs of neighbours, and reductions over elements that lie at the same distances
//! from each: what padding, pooling and their gradients are made of.

use super::sums::{keep, settled};
use super::{Isa, Kernel, Real};

/// Neighbours that move together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cpu) struct Run {
    pub to: usize,
    pub from: usize,
    pub len: usize,
}

/// The runs of a table of places, of which `u32::MAX` is none; nothing if they are too short to be worth it.
pub(in crate::cpu) fn runs(map: &[u32]) -> Option<Vec<Run>> {
    let mut runs: Vec<Run> = vec![];
    for (to, from) in map.iter().enumerate().filter(|(_, from)| **from != u32::MAX) {
        let from = *from as usize;
        match runs.last_mut() {
            Some(run) if run.to + run.len == to && run.from + run.len == from => run.len += 1,
            _ => runs.push(Run { to, from, len: 1 }),
        }
    }
    (runs.len() * SHORT <= map.len()).then_some(runs)
}

/// Elements of a run, on the average, from which runs are worth it.
const SHORT: usize = 4;

/// What a reduction of some elements of a row is: for each element of the result, those at the same offsets
/// from a place.
#[derive(Clone, Debug)]
pub(in crate::cpu) struct Pattern {
    /// By element of the result, the first of its terms.
    pub runs: Vec<Run>,
    /// From the first of the terms to each.
    pub offsets: Vec<usize>,
}

impl Pattern {
    /// The pattern of a table with `terms` places for each element of the result, if it has one.
    pub(in crate::cpu) fn of(map: &[u32], terms: usize) -> Option<Pattern> {
        let rows = map.chunks_exact(terms.max(1));
        let first = *map.first()?;
        let offset = |place: &u32| place.checked_sub(first);
        let offsets: Vec<u32> = map[..terms].iter().map(offset).collect::<Option<_>>()?;
        let follows = |row: &[u32]| row.iter().zip(&offsets).all(|(p, o)| row[0].checked_add(*o) == Some(*p));
        if map.contains(&u32::MAX) || !rows.clone().all(follows) {
            return None;
        }
        let starts: Vec<u32> = rows.map(|row| row[0]).collect();
        Some(Pattern { runs: runs(&starts)?, offsets: offsets.iter().map(|o| *o as usize).collect() })
    }
}

/// Which numbers a reduction brings together.
pub(in crate::cpu) trait Combine<T> {
    /// Whether it is a sum, of which no more than [`CHAIN`] terms are added one after the other.
    const SUM: bool;
    fn two(a: T, b: T) -> T;
}

/// Terms of a sum that are added one after the other.
const CHAIN: usize = 64;

impl Isa {
    /// Moves runs of a row.
    pub(in crate::cpu) fn moves<T: Copy>(self, runs: &[Run], x: &[T], out: &mut [T]) {
        self.run(Moves { runs, x, out });
    }

    /// Reduces a row by a pattern.
    pub(in crate::cpu) fn pattern<T: Real, C: Combine<T>>(
        self,
        pattern: &Pattern,
        x: &[T],
        out: &mut [T],
        _: C,
    ) {
        self.run(Reduction { pattern, x, out, combine: std::marker::PhantomData::<C> });
    }
}

struct Moves<'a, T> {
    runs: &'a [Run],
    x: &'a [T],
    out: &'a mut [T],
}

impl<T: Copy> Kernel for Moves<'_, T> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        for run in self.runs {
            let (mut x, mut out) = (&self.x[run.from..][..run.len], &mut self.out[run.to..][..run.len]);
            if run.len > LONG {
                out.copy_from_slice(x);
                continue;
            }
            while let (Some((a, rest)), true) = (x.split_first_chunk::<8>(), x.len() >= 8) {
                let (into, others) = out.split_first_chunk_mut::<8>().expect("as long");
                *into = *a;
                (x, out) = (rest, others);
            }
            if let Some((a, rest)) = x.split_first_chunk::<4>() {
                let (into, others) = out.split_first_chunk_mut::<4>().expect("as long");
                *into = *a;
                (x, out) = (rest, others);
            }
            out.iter_mut().zip(x).for_each(|(out, x)| *out = *x);
        }
    }
}

/// Elements from which the system's copy is faster.
const LONG: usize = 64;

struct Reduction<'a, T, C> {
    pattern: &'a Pattern,
    x: &'a [T],
    out: &'a mut [T],
    combine: std::marker::PhantomData<C>,
}

impl<T: Real, C: Combine<T>> Kernel for Reduction<'_, T, C> {
    #[inline(always)]
    fn run<const FMA: bool>(self) {
        let Pattern { runs, offsets } = self.pattern;
        for run in runs {
            let out = &mut self.out[run.to..][..run.len];
            let mut at = 0;
            while run.len - at >= 16 {
                reduce::<T, C, 16>(self.x, run.from + at, offsets, &mut out[at..]);
                at += 16;
            }
            if run.len - at >= 8 {
                reduce::<T, C, 8>(self.x, run.from + at, offsets, &mut out[at..]);
                at += 8;
            }
            if run.len - at >= 4 {
                reduce::<T, C, 4>(self.x, run.from + at, offsets, &mut out[at..]);
                at += 4;
            }
            while run.len > at {
                reduce::<T, C, 1>(self.x, run.from + at, offsets, &mut out[at..]);
                at += 1;
            }
        }
    }
}

/// `N` neighbours of a result.
#[inline(always)]
fn reduce<T: Real, C: Combine<T>, const N: usize>(x: &[T], from: usize, offsets: &[usize], out: &mut [T]) {
    let terms =
        |offset: usize| -> [T; N] { *x[from + offset..].first_chunk().expect("a term inside the row") };
    let chain = |offsets: &[usize]| {
        let mut chain = terms(offsets[0]);
        for offset in &offsets[1..] {
            let x = terms(*offset);
            for i in 0..N {
                chain[i] = C::two(chain[i], x[i]);
            }
        }
        chain
    };
    let into: &mut [T; N] = out.first_chunk_mut().expect("as many elements of the result");
    if !C::SUM || offsets.len() <= CHAIN {
        *into = chain(offsets);
        return;
    }
    let (mut total, mut lost) = ([T::default(); N], [T::default(); N]);
    for offsets in offsets.chunks(CHAIN) {
        let part = chain(offsets);
        for i in 0..N {
            keep(&mut total[i], &mut lost[i], part[i]);
        }
    }
    for i in 0..N {
        into[i] = settled(total[i], lost[i]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sum;

    impl Combine<f32> for Sum {
        const SUM: bool = true;
        fn two(a: f32, b: f32) -> f32 {
            a + b
        }
    }

    #[test]
    fn runs_are_found_and_moved() {
        let map: Vec<u32> = [u32::MAX; 3].into_iter().chain(2..9).chain([u32::MAX]).chain(20..37).collect();
        let runs = runs(&map).expect("long runs");
        assert_eq!(runs, [Run { to: 3, from: 2, len: 7 }, Run { to: 11, from: 20, len: 17 }]);
        let x: Vec<f32> = (0..40).map(|i| i as f32).collect();
        for isa in Isa::all() {
            let mut out = vec![-1.0; map.len()];
            isa.moves(&runs, &x, &mut out);
            let want = map.iter().map(|p| if *p == u32::MAX { -1.0 } else { *p as f32 });
            assert_eq!(out, want.collect::<Vec<_>>());
        }
        assert_eq!(super::runs(&[0, 2, 4, 6]), None);
    }

    #[test]
    fn patterns_are_found_and_reduced() {
        // Of 3 places, 100 apart, sums of 200 elements each, in 21 neighbours.
        for (places, terms, len) in [(3, 4, 6), (2, 200, 21)] {
            let place = |place: usize, i: usize, term: usize| (place * 5000 + i + term * len) as u32;
            let map: Vec<u32> = (0..places)
                .flat_map(|p| (0..len).flat_map(move |i| (0..terms).map(move |t| place(p, i, t))))
                .collect();
            let pattern = Pattern::of(&map, terms).expect("a pattern");
            assert_eq!((pattern.runs.len(), pattern.offsets.len()), (places, terms));
            let x: Vec<f32> = (0..places * 5000 + 5000).map(|i| (i % 97) as f32).collect();
            let want: Vec<f32> =
                map.chunks_exact(terms).map(|row| row.iter().map(|p| x[*p as usize]).sum()).collect();
            for isa in Isa::all() {
                let mut out = vec![0.0; places * len];
                isa.pattern(&pattern, &x, &mut out, Sum);
                assert_eq!(out, want);
            }
        }
        assert!(Pattern::of(&[0, 1, 2, 4], 2).is_none());
    }
}
