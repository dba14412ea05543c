//! Loops around products: contractions of which axes go in step through both operands and the result, or of
//! which both operands are rows, as many small products.

use std::cmp::Reverse;

use crate::ops::{Contraction, Op};
use crate::plan::{Step, ValueId};
use crate::schedule::draft::Draft;
use crate::schedule::item::{Matrices, RowArgument, RowId, Target, value_of};
use crate::schedule::readers::Readers;
use crate::schedule::view::View;
use crate::schedule::{Along, Axes, Axis, Sizes};

/// Products of one size, one for each place of some axes, and where the operands and the result of each begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loops {
    /// How many products there are.
    pub count: usize,
    /// Where the left operands begin.
    pub left: Axes,
    /// Where the right operands begin.
    pub right: Axes,
    /// Where the results begin.
    pub out: Axes,
    /// From there on, where a result's rows stand.
    pub rows: Axes,
    /// And its columns.
    pub columns: Axes,
}

impl Loops {
    /// Checks that the results of products of these sizes are all elements of a value, each once.
    pub(super) fn check(&self, sizes: Sizes) -> Result<(), String> {
        let count = |axes: &Axes, count: usize| axes.size() == count;
        let starts = [&self.left, &self.right, &self.out].into_iter().all(|axes| count(axes, self.count));
        if !starts || !count(&self.rows, sizes.m) || !count(&self.columns, sizes.n) {
            return Err("loops of another size".into());
        }
        if self.covers() { Ok(()) } else { Err("results that share an element, or leave one out".into()) }
    }

    /// Whether each element of the result belongs to one product.
    pub fn covers(&self) -> bool {
        let mut axes: Vec<Axis> =
            [&self.out, &self.rows, &self.columns].iter().flat_map(|axes| axes.axes()).copied().collect();
        axes.sort_by_key(|axis| axis.distance);
        let mut all = 1;
        let dense = |axis: &Axis| {
            let next = axis.distance == all;
            all *= axis.size;
            next
        };
        axes.iter().any(|axis| axis.size == 0) || axes.iter().all(dense)
    }
}

/// A value of a contraction: its letters, and the size and distance of each.
struct Lettered<'a> {
    letters: &'a [u8],
    shape: &'a [usize],
    distances: &'a [usize],
}

impl Lettered<'_> {
    /// The axis of a letter; one that it does not have stays where it is.
    fn axis(&self, letter: u8) -> Option<Axis> {
        let place = self.letters.iter().position(|own| *own == letter)?;
        Some(Axis { size: self.shape[place], distance: self.distances[place] })
    }

    fn distance(&self, letter: u8) -> usize {
        self.axis(letter).map_or(0, |axis| axis.distance)
    }
}

/// A contraction as products in loops.
pub(super) struct Batched {
    /// Whether the contraction's second operand is the left one.
    pub crossed: bool,
    pub sizes: Sizes,
    pub left: [Axes; 2],
    pub right: [Axes; 2],
    pub loops: Loops,
}

impl Batched {
    /// None where a letter of one operand alone is summed, what is summed is no single axis of both operands,
    /// or neighbours in the result belong to several products.
    fn of(x: Lettered<'_>, y: Lettered<'_>, out: &Lettered<'_>) -> Option<Batched> {
        let size = |l: &u8| out.axis(*l).map_or(1, |axis| axis.size);
        let last = |l: &u8| size(l) != 1 && out.distance(*l) == 1;
        let apart = |a: &Lettered<'_>, b: &Lettered<'_>| {
            let own = |l: &u8| a.letters.contains(l) && !b.letters.contains(l);
            out.letters.iter().copied().filter(own).collect::<Vec<u8>>()
        };
        // The columns of the result are neighbours.
        let crossed = apart(&x, &y).iter().any(last) && apart(&y, &x).iter().map(size).product::<usize>() > 1;
        let (x, y) = if crossed { (y, x) } else { (x, y) };
        let (rows, columns) = (apart(&x, &y), apart(&y, &x));
        let both: Vec<u8> =
            out.letters.iter().copied().filter(|l| x.letters.contains(l) && y.letters.contains(l)).collect();
        let mut summed: Vec<u8> = x.letters.iter().copied().filter(|l| !out.letters.contains(l)).collect();
        let alone = |l: &u8| !out.letters.contains(l) && !x.letters.contains(l);
        if !summed.iter().all(|l| y.letters.contains(l)) || y.letters.iter().any(alone) {
            return None;
        }
        summed.sort_by_key(|l| Reverse(x.distance(*l)));
        let mut inner = runs(&summed, &x, &y);
        let inner = if inner.len() > 1 { return None } else { inner.pop().unwrap_or(Run::ONE) };
        let (mut rows, mut columns) = (runs(&rows, &x, out), runs(&columns, &y, out));
        let most = (0..rows.len()).max_by_key(|i| rows[*i].size);
        let m = most.map_or(Run::ONE, |i| rows.remove(i));
        let n = columns.pop().unwrap_or(Run::ONE);
        if n.size != 1 && n.other != 1 {
            return None;
        }
        // Those of the rows alone come last: from one of them to the next the right operand stays.
        let mut loops = runs_of(&both, |l| [x.distance(l), y.distance(l), out.distance(l)], size);
        loops.extend(columns.iter().map(|run| (run.size, [0, run.own, run.other])));
        loops.extend(rows.iter().map(|run| (run.size, [run.own, 0, run.other])));
        let starts =
            |k: usize| Axes::new(loops.iter().map(|(size, at)| Axis { size: *size, distance: at[k] }));
        let sizes = Sizes { m: m.size, k: inner.size, n: n.size };
        Some(Batched {
            crossed,
            sizes,
            left: [Axes::plain(m.size, m.own), Axes::plain(inner.size, inner.own)],
            right: [Axes::plain(inner.size, inner.other), Axes::plain(n.size, n.own)],
            loops: Loops {
                count: loops.iter().map(|(size, _)| size).product(),
                left: starts(0),
                right: starts(1),
                out: starts(2),
                rows: Axes::plain(m.size, m.other),
                columns: Axes::plain(n.size, n.other),
            },
        })
    }
}

/// Letters that are one axis of two values, at a distance in each.
#[derive(Clone, Copy)]
struct Run {
    size: usize,
    own: usize,
    other: usize,
}

impl Run {
    const ONE: Run = Run { size: 1, own: 1, other: 1 };
}

/// Letters that both values have, those that go on where the next one ends as one.
fn runs(letters: &[u8], own: &Lettered<'_>, other: &Lettered<'_>) -> Vec<Run> {
    let mut runs: Vec<Run> = vec![];
    for letter in letters {
        let Some(axis) = own.axis(*letter).filter(|axis| axis.size != 1) else { continue };
        let run = Run { size: axis.size, own: axis.distance, other: other.distance(*letter) };
        match runs.last_mut() {
            Some(last) if last.own == run.own * run.size && last.other == run.other * run.size => {
                *last = Run { size: last.size * run.size, ..run };
            }
            _ => runs.push(run),
        }
    }
    runs
}

/// The sizes and distances of letters.
fn runs_of(
    letters: &[u8],
    distances: impl Fn(u8) -> [usize; 3],
    size: impl Fn(&u8) -> usize,
) -> Vec<(usize, [usize; 3])> {
    letters.iter().map(|l| (size(l), distances(*l))).collect()
}

/// A contraction of whole values as products in loops.
pub(super) fn whole(
    spec: &Contraction,
    step: &Step,
    shape: impl Fn(ValueId) -> Vec<usize>,
) -> Option<Batched> {
    let [x, y, out] = [value_of(step, 0), value_of(step, 1), step.result].map(|value| {
        let shape = shape(value);
        (View::dense(value, &shape).distances, shape)
    });
    let of = |letters, (distances, shape)| Lettered { letters, shape, distances };
    let [x, y, out] = [&x, &y, &out].map(|(distances, shape)| (&distances[..], &shape[..]));
    Batched::of(of(&spec.lhs, x), of(&spec.rhs, y), &of(&spec.out, out))
}

impl Draft<'_> {
    /// Products of each row by itself, if the contraction is that; its result may be a permuted value, which
    /// is beside it.
    pub(super) fn by_each(
        &mut self,
        spec: &Contraction,
        step: &Step,
    ) -> Result<Option<(Matrices, Option<ValueId>)>, String> {
        let dtype = self.plan.value(step.result).dtype;
        if !dtype.is_float() {
            return Ok(None);
        }
        let (x, y) = (value_of(step, 0), value_of(step, 1));
        let (left, right) = (self.lying(x), self.lying(y));
        let of = |out: &View| {
            let (x_shape, y_shape, shape) = (self.row(x), self.row(y), self.row(step.result));
            Batched::of(
                Lettered { letters: &spec.lhs, shape: x_shape, distances: &left.distances },
                Lettered { letters: &spec.rhs, shape: y_shape, distances: &right.distances },
                &Lettered { letters: &spec.out, shape, distances: &out.distances },
            )
        };
        let permuted = self.readers.permuted(step.result, |v| self.row(v));
        let turned = permuted.and_then(|view| Some((of(&view)?, Some(view.of))));
        let dense = || Some((of(&View::dense(step.result, self.row(step.result)))?, None));
        let Some((batched, value)) = turned.or_else(dense) else { return Ok(None) };
        let (a, b) = if batched.crossed { (right.of, left.of) } else { (left.of, right.of) };
        let product = Matrices {
            step: self.step,
            dtype,
            sizes: batched.sizes,
            along: Along::Each,
            left: (self.elements(a)?, batched.left),
            right: (RowArgument::Row(self.elements(b)?), batched.right),
            bias: None,
            overlap: None,
            loops: Some(Box::new(batched.loops)),
            // Where it goes is decided by `product`.
            out: Target::Row(RowId(0)),
        };
        Ok(Some((product, value)))
    }

    /// A value as elements of another one, whole or rows.
    fn lying(&self, value: ValueId) -> View {
        self.views[value.index()].clone().unwrap_or_else(|| View::dense(value, self.row(value)))
    }

    /// All elements of rows, or of a whole value.
    fn elements(&mut self, value: ValueId) -> Result<RowId, String> {
        if self.is_rows(value) { self.dense(value) } else { Ok(self.whole(value)) }
    }

    /// A permuted value that products of each row read where it lies.
    pub(super) fn permuted(&self, step: &Step) -> Option<View> {
        let Op::Permute(permutation) = &step.op else { return None };
        let rows = |v: ValueId| self.is_rows(v);
        self.readers.only_between(step.result, &rows).then_some(())?;
        let view = self.lying(value_of(step, 0));
        Some(View { of: view.of, distances: permutation.iter().map(|axis| view.distances[*axis]).collect() })
    }
}

impl<'p> Readers<'p> {
    /// The permuted value that is the only reader of a value, and the value as a view of it.
    fn permuted(&self, value: ValueId, shape: impl Fn(ValueId) -> &'p [usize]) -> Option<View> {
        let step = self.only(value)?;
        let Op::Permute(permutation) = &step.op else { return None };
        let dense = View::dense(step.result, shape(step.result));
        let mut distances = vec![0; permutation.len()];
        permutation.iter().zip(&dense.distances).for_each(|(axis, distance)| distances[*axis] = *distance);
        Some(View { of: step.result, distances })
    }
}
