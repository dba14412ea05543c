//! Indexing: gather and its transpose, and sorting.

use std::cmp::Ordering;

use dl_core::ops::{Op, Order, Scatter};

use super::array::{Array, Item, View, each};
use super::layout::position;
use super::loops::{CHUNK, Context, share};
use super::real::Arithmetic;
use super::team::Team;

/// Updates of one place that are added up without keeping what rounding takes.
const FEW: usize = 64;

/// An array as `[batch, before, along the axis, after]`.
struct Rows {
    batch: usize,
    before: usize,
    along: usize,
    after: usize,
}

impl Rows {
    fn new(shape: &[usize], axis: usize, batch: usize) -> Self {
        let product = |s: &[usize]| s.iter().product();
        Rows {
            batch: product(&shape[..batch]),
            before: product(&shape[batch..axis]),
            along: shape[axis],
            after: product(&shape[axis + 1..]),
        }
    }
}

impl Context {
    /// Elements of `x` at `indices` along `axis`, the first `batch` axes going in step.
    pub(super) fn gather<'a>(
        &mut self,
        (axis, batch): (usize, usize),
        x: Array<'a>,
        indices: View<'a, i64>,
        shape: &[usize],
    ) -> Result<Array<'a>, String> {
        let indices = self.dense(indices);
        check("gather", axis, x.shape(), &indices)?;
        each!(x, x => {
            let x = self.dense(x);
            let rows = Rows::new(&x.layout.shape, axis, batch);
            let mut out = self.pool.take(shape.iter().product());
            pick(&mut out, &x, &indices, &rows, self.team());
            self.pool.free(x);
            self.pool.free(indices);
            Ok(Item::wrap_view(self.pool.dense(out, shape)))
        })
    }

    /// Updates at the indices; several of one place add up in order, or one of them stands.
    pub(super) fn scatter<'a>(
        &mut self,
        kind: Scatter,
        (axis, batch): (usize, usize),
        indices: View<'a, i64>,
        updates: Array<'a>,
        shape: &[usize],
    ) -> Result<Array<'a>, String> {
        let indices = self.dense(indices);
        check(Op::Scatter { kind, axis, batch }.name(), axis, shape, &indices)?;
        let places = (axis, batch);
        Ok(match updates {
            Array::F32(u) => Array::F32(self.scattered(kind, places, indices, u, shape)),
            Array::F64(u) => Array::F64(self.scattered(kind, places, indices, u, shape)),
            other => Array::I64(self.scattered(kind, places, indices, other.of::<i64>(), shape)),
        })
    }

    fn scattered<'a, T: Arithmetic>(
        &mut self,
        kind: Scatter,
        (axis, batch): (usize, usize),
        indices: View<'_, i64>,
        updates: View<'_, T>,
        shape: &[usize],
    ) -> View<'a, T> {
        let updates = self.dense(updates);
        let rows = Rows::new(shape, axis, batch);
        let mut out = self.pool.filled(T::number(kind.nothing(T::DTYPE)), shape.iter().product());
        let block = rows.along * rows.after;
        let (i, u) = (indices.as_dense().unwrap_or(&[]), updates.as_dense().unwrap_or(&[]));
        if !out.is_empty() && !u.is_empty() {
            let own = i.len() / rows.batch;
            // Within a block the updates add up in order; blocks are independent.
            let part = CHUNK.div_ceil(block) * block;
            share(self.team(), &mut out, part, &|start, out| {
                let mut lost = if own > FEW && kind == Scatter::Add { vec![T::ZERO; block] } else { vec![] };
                for (b, out) in out.chunks_exact_mut(block).enumerate() {
                    let b = start / block + b;
                    let i = &i[b / rows.before * own..][..own];
                    let u = &u[b * own * rows.after..][..own * rows.after];
                    for (i, u) in i.iter().zip(u.chunks_exact(rows.after)) {
                        let place = *i as usize * rows.after..(*i as usize + 1) * rows.after;
                        let out = &mut out[place.clone()];
                        match lost.get_mut(place) {
                            Some(lost) => {
                                out.iter_mut().zip(lost).zip(u).for_each(|((o, l), u)| T::keep(o, l, *u));
                            }
                            None => combine(kind, out, u),
                        }
                    }
                    out.iter_mut().zip(&mut lost).for_each(|(o, l)| *o = o.settled(std::mem::take(l)));
                }
            });
        }
        self.pool.free(updates);
        self.pool.free(indices);
        self.pool.dense(out, shape)
    }

    /// Sorted along `axis`, or the indices that sort.
    pub(super) fn sort<'a>(&mut self, op: &Op, x: Array<'a>) -> Array<'a> {
        let (axis, order, values) = match op {
            Op::Sort { axis, order } => (*axis, *order, true),
            Op::ArgSort { axis, order } => (*axis, *order, false),
            _ => return x,
        };
        match x {
            Array::F32(x) => self.sort_typed(axis, order, values, x),
            Array::F64(x) => self.sort_typed(axis, order, values, x),
            other => self.sort_typed(axis, order, values, other.of::<i64>()),
        }
    }

    fn sort_typed<'a, T: Arithmetic>(
        &mut self,
        axis: usize,
        order: Order,
        values: bool,
        x: View<'a, T>,
    ) -> Array<'a> {
        // The axis goes last, is sorted there, and goes back as a view.
        let rank = x.layout.shape.len();
        let last: Vec<usize> = (0..rank).filter(|a| *a != axis).chain([axis]).collect();
        let mut back: Vec<usize> = (0..rank - 1).collect();
        back.insert(axis, rank - 1);
        let layout = x.layout.permute(&last);
        let x = self.dense(x.with(layout));
        let shape = x.layout.shape.clone();
        let n = shape[rank - 1].max(1);
        let elements = x.as_dense().unwrap_or(&[]);
        let part = (CHUNK / n).max(1) * n;
        let sorted = |start: usize| {
            let row = &elements[start..start + n];
            let mut along: Vec<usize> = (0..n).collect();
            along.sort_by(|a, b| compare(order, row[*a], row[*b]));
            along
        };
        let result = if values {
            let mut out = self.pool.take(elements.len());
            share(self.team(), &mut out, part, &|start, out| {
                for (r, out) in out.chunks_exact_mut(n).enumerate() {
                    let row = start + r * n;
                    out.iter_mut().zip(sorted(row)).for_each(|(o, k)| *o = elements[row + k]);
                }
            });
            T::wrap_view(self.pool.dense(out, &shape))
        } else {
            let mut out = self.pool.take(elements.len());
            share(self.team(), &mut out, part, &|start, out| {
                for (r, out) in out.chunks_exact_mut(n).enumerate() {
                    out.iter_mut().zip(sorted(start + r * n)).for_each(|(o, k)| *o = k as i64);
                }
            });
            Array::I64(self.pool.dense(out, &shape))
        };
        self.pool.free(x);
        let layout = result.layout().permute(&back);
        result.with(layout)
    }
}

fn pick<T: Item>(out: &mut [T], x: &View<'_, T>, indices: &View<'_, i64>, rows: &Rows, team: Option<&Team>) {
    let (x, i) = (x.as_dense().unwrap_or(&[]), indices.as_dense().unwrap_or(&[]));
    if out.is_empty() {
        return;
    }
    let (own, after) = (i.len() / rows.batch, rows.after);
    share(team, out, CHUNK.div_ceil(after) * after, &|start, out| {
        for (r, out) in out.chunks_exact_mut(after).enumerate() {
            let r = start / after + r;
            let (block, place) = (r / own, r % own);
            let index = i[block / rows.before * own + place] as usize;
            out.copy_from_slice(&x[(block * rows.along + index) * after..][..after]);
        }
    });
}

fn combine<T: Arithmetic>(kind: Scatter, out: &mut [T], updates: &[T]) {
    let pairs = out.iter_mut().zip(updates);
    match kind {
        Scatter::Add => pairs.for_each(|(o, u)| *o = o.plus(*u)),
        Scatter::Set => out.copy_from_slice(updates),
        Scatter::Max => pairs.for_each(|(o, u)| *o = o.maximum(*u)),
        Scatter::Min => pairs.for_each(|(o, u)| *o = o.minimum(*u)),
    }
}

/// Every index must lie inside the axis, even one by which no element is picked.
fn check(op: &str, axis: usize, indexed: &[usize], indices: &View<'_, i64>) -> Result<(), String> {
    let n = indexed[axis];
    let elements = indices.as_dense().unwrap_or(&[]);
    let inside = |i: &i64| usize::try_from(*i).is_ok_and(|i| i < n);
    // A pass without branches, since nearly always there is nothing to find.
    if elements.iter().fold(true, |all, i| all & inside(i)) {
        return Ok(());
    }
    let wrong = elements.iter().position(|i| !inside(i)).unwrap_or(0);
    let at = position(&indices.layout.shape, wrong);
    let range = if n == 0 { "none".into() } else { format!("0 to {}", n - 1) };
    Err(format!(
        "{op} by index {} at position {at:?}, outside the {n} elements of axis {axis} of {indexed:?}: expected {range}",
        elements[wrong]
    ))
}

/// Which of two elements comes first; NaN after everything else, whichever the order.
fn compare<T: Arithmetic>(order: Order, a: T, b: T) -> Ordering {
    match (a.partial_cmp(&b), order) {
        (None, _) => a.is_nan().cmp(&b.is_nan()),
        (Some(ordering), Order::Ascending) => ordering,
        (Some(ordering), Order::Descending) => ordering.reverse(),
    }
}
