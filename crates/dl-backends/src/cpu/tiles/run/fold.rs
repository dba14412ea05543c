//! What tiles add up to: each shard has its own, shards are combined in a fixed tree. Where terms are many,
//! the rounding error of a sum is kept beside it.

use dl_core::dtype::Scalar;
use dl_core::ops::Reduce;

use crate::cpu::array::Item;
use crate::cpu::team::Team;
use crate::cpu::tiles::data::slots::{Slot, typed};
use crate::cpu::tiles::run::number::Number;
use crate::cpu::vector::Isa;
use dl_core::DType;

/// Terms of a sum that are added one after the other.
pub(crate) const CHAIN: usize = 64;

/// What rows fold to.
pub(crate) struct Fold {
    /// What is summed at the moment; in the end, everything.
    pub now: Slot,
    /// What terms are first added to where they are lines that bring several for each element.
    lines: Option<Slot>,
    /// The sum so far and its rounding error, where terms are many.
    kept: Option<(Slot, Slot)>,
}

impl Fold {
    /// With `len` elements, to which terms of `width` are added; with `many`, sums of floats keep their rounding
    /// errors.
    pub(crate) fn new(
        now: Slot,
        (kind, dtype): (Reduce, DType),
        (len, width): (usize, usize),
        many: bool,
    ) -> Fold {
        let many = many && kind == Reduce::Sum && dtype.is_float();
        let lines = (width != len).then(|| Slot::new(dtype, width));
        Fold { now, lines, kept: many.then(|| (Slot::new(dtype, len), Slot::new(dtype, len))) }
    }

    /// Elements of a term.
    pub(crate) fn width<T: Number>(&self) -> usize {
        self.lines.as_ref().unwrap_or(&self.now).get::<T>().len()
    }

    /// Has `f` fold some terms, no more than [`CHAIN`] one after the other.
    pub(crate) fn part<T: Number>(&mut self, isa: Isa, f: impl FnOnce(&mut [T])) {
        f(self.begin_part());
        self.end_part::<T>(isa);
    }

    /// The elements that no more than [`CHAIN`] terms are folded into, one after the other.
    pub(crate) fn begin_part<T: Number>(&mut self) -> &mut [T] {
        if let Some(lines) = &mut self.lines {
            let lines = lines.get_mut::<T>();
            lines.fill(T::default());
            return lines;
        }
        let now = self.now.get_mut::<T>();
        if self.kept.is_some() {
            now.fill(T::default());
        }
        now
    }

    /// Ends what [`Fold::begin_part`] began.
    pub(crate) fn end_part<T: Number>(&mut self, isa: Isa) {
        if let Some(lines) = &self.lines {
            let now = self.now.get_mut::<T>();
            if self.kept.is_some() {
                now.fill(T::default());
            }
            let lines = lines.get::<T>().chunks_exact(now.len().max(1));
            lines.for_each(|line| T::combine(isa, Reduce::Sum, now, line));
        }
        if let Some((total, lost)) = &mut self.kept {
            T::keep(isa, total.get_mut(), lost.get_mut(), self.now.get::<T>());
        }
    }

    /// Folds one term into some of the elements.
    pub(crate) fn place<T: Number>(&mut self, isa: Isa, first: usize, x: &[T]) {
        let elements = first..first + x.len();
        match &mut self.kept {
            Some((total, lost)) => {
                let (total, lost) = (total.get_mut::<T>(), lost.get_mut::<T>());
                T::keep(isa, &mut total[elements.clone()], &mut lost[elements], x);
            }
            None => T::combine(isa, Reduce::Sum, &mut self.now.get_mut::<T>()[elements], x),
        }
    }

    /// Folds a term.
    pub(crate) fn add(&mut self, (kind, dtype): (Reduce, DType), x: &Slot) {
        match &mut self.kept {
            Some((total, lost)) => {
                typed!(dtype, T => T::keep(Isa::widest(), total.get_mut(), lost.get_mut(), x.get::<T>()));
            }
            None => combine(kind, dtype, &mut self.now, x, None),
        }
    }

    /// Adds a partial sum to the total; the caller begins the next partial sum from 0.
    pub(crate) fn flush(&mut self, dtype: DType) {
        if let Some((total, lost)) = &mut self.kept {
            typed!(dtype, T => T::keep(Isa::widest(), total.get_mut(), lost.get_mut(), self.now.get::<T>()));
        }
    }

    /// What everything came to, once there are no more terms.
    pub(crate) fn settle(&mut self, dtype: DType) {
        if let Some((total, lost)) = &self.kept {
            typed!(dtype, T => {
                let now = self.now.get_mut::<T>();
                now.copy_from_slice(total.get());
                T::settle(Isa::widest(), now, lost.get());
            });
        }
    }

    /// Fills it with the reduction's identity.
    pub(crate) fn reset(&mut self, (kind, dtype): (Reduce, DType)) {
        reset(kind, dtype, &mut self.now);
        self.begin(dtype);
    }

    /// Forgets the sum so far.
    pub(crate) fn begin(&mut self, dtype: DType) {
        if let Some((total, lost)) = &mut self.kept {
            typed!(dtype, T => [total, lost].into_iter().for_each(|x| x.get_mut::<T>().fill(T::default())));
        }
    }
}

/// Fills elements with the reduction's identity.
fn reset(kind: Reduce, dtype: DType, fold: &mut Slot) {
    let identity = match (kind, dtype) {
        // As the reduction over nothing has it.
        (Reduce::Max, DType::I64) => Scalar::Int(i64::MIN),
        (Reduce::Min, DType::I64) => Scalar::Int(i64::MAX),
        (kind, DType::I64 | DType::U8) => Scalar::Int(kind.identity() as i64),
        (kind, _) => Scalar::Float(kind.identity()),
    };
    typed!(dtype, T => fold.get_mut::<T>().fill(T::number(identity)));
}

/// `into ← kind(into, from)`.
pub(crate) fn combine(kind: Reduce, dtype: DType, into: &mut Slot, from: &Slot, team: Option<&Team>) {
    let isa = Isa::widest();
    typed!(dtype, T => {
        let (into, from) = (into.get_mut::<T>(), from.get::<T>());
        Team::share(team, into, &|start, into| T::combine(isa, kind, into, &from[start..][..into.len()]));
    });
}
