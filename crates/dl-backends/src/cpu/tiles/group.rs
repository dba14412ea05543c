//! Operations that go row by row, on a block of rows.

use dl_core::DType;
use dl_core::dtype::Scalar;
use dl_core::ops::random::block;
use dl_core::ops::{Binary, Reduce, Unary};

use super::lane::{Scene, Span};
use super::number::Number;
use super::slots::{Held, Slot, typed};
use crate::cpu::layout::position;
use crate::cpu::vector::{self, ByteMap, Isa};

/// One operation; values are places in the table of homes.
#[derive(Debug)]
pub(super) struct Instr {
    pub kind: Kind,
    /// The element type of the result.
    pub dtype: DType,
    pub out: usize,
    /// Elements of a row of the result.
    pub len: usize,
    /// The plan's step, for errors.
    pub step: usize,
}

/// What an operation computes.
#[derive(Debug)]
pub(super) enum Kind {
    Unary(Unary, Operand),
    /// The operands' element type stands beside.
    Binary(Binary, DType, Operand, Operand),
    Select(Operand, Operand, Operand),
    Cast(DType, Operand),
    /// A function of bytes.
    Bytes(ByteMap, usize),
    /// The operand as rows of elements.
    Copy(Operand),
    /// `kind` of each run of so many elements.
    Reduce(Reduce, usize, usize),
    /// Element `map[i]` of the operand's row of so many; `u32::MAX` for the number.
    Gather(Vec<u32>, Operand, usize, Scalar),
    /// Operands side by side: element `i` of each goes to `map[i]`.
    Concat(Vec<(usize, Vec<u32>)>),
    /// The number of the row (a multiple of it, counted on), each so many times.
    Count {
        per_row: usize,
        times: usize,
    },
    /// Uniform numbers of a stream, counted by element.
    Random(u64),
    /// One element of each run, by index.
    Pick {
        from: usize,
        index: Index,
    },
    /// Rows of so many elements of a whole table, by index.
    Lookup {
        table: usize,
        index: Index,
        width: usize,
    },
    /// An update at its index of each run of zeros.
    Place {
        index: Index,
        update: usize,
    },
    /// Into a fold: all rows by `kind`.
    Fold(Reduce, usize, usize),
    /// Into a fold: rows added to those of a table, by index.
    Scatter {
        index: Index,
        update: usize,
        width: usize,
        fold: usize,
    },
}

/// Indices, and what they are of.
#[derive(Debug)]
pub(super) struct Index {
    pub home: usize,
    /// Elements of the axis.
    pub along: usize,
    /// The shape of a row of indices.
    pub row: Vec<usize>,
    /// The axis and the shape that it is of, for errors.
    pub axis: (usize, String),
}

/// What an operand is along the rows of a block.
#[derive(Clone, Copy, Debug)]
pub(super) enum Operand {
    /// As many elements for each row as the result has.
    Rows(usize),
    /// One element for each row.
    PerRow(usize),
    /// A whole value that is the same for each row.
    SameRow(usize),
    /// A whole value of one element.
    Same(usize),
    /// A number.
    Number(Scalar),
}

/// An operand's elements.
#[derive(Clone, Copy)]
pub(super) enum Elements<'s, T> {
    Rows(&'s [T]),
    PerRow(&'s [T]),
    SameRow(&'s [T]),
    Number(T),
}

impl<'s, T: Held> Elements<'s, T> {
    pub(super) fn of(operand: &Operand, scene: &'s Scene<'_>, span: Span, len: usize) -> Self {
        match *operand {
            Operand::Rows(v) => Elements::Rows(scene.rows(v, span, len)),
            Operand::PerRow(v) => Elements::PerRow(scene.rows(v, span, 1)),
            Operand::SameRow(v) => Elements::SameRow(scene.whole(v)),
            Operand::Same(v) => Elements::Number(scene.whole(v)[0]),
            Operand::Number(number) => Elements::Number(T::number(number)),
        }
    }

    /// All at once, where it is the same in every row or has its own element everywhere.
    pub(super) fn flat(self) -> Option<vector::Operand<'s, T>> {
        match self {
            Elements::Rows(x) => Some(vector::Operand::Slice(x)),
            Elements::Number(x) => Some(vector::Operand::Number(x)),
            Elements::PerRow(_) | Elements::SameRow(_) => None,
        }
    }

    pub(super) fn row(self, row: usize, len: usize) -> vector::Operand<'s, T> {
        match self {
            Elements::Rows(x) => vector::Operand::Slice(&x[row * len..][..len]),
            Elements::PerRow(x) => vector::Operand::Number(x[row]),
            Elements::SameRow(x) => vector::Operand::Slice(x),
            Elements::Number(x) => vector::Operand::Number(x),
        }
    }
}

impl Kind {
    /// The values that are read.
    pub(super) fn inputs(&self) -> Vec<usize> {
        let home = |x: &Operand| match x {
            Operand::Rows(v) | Operand::PerRow(v) | Operand::SameRow(v) | Operand::Same(v) => Some(*v),
            Operand::Number(_) => None,
        };
        match self {
            Kind::Unary(_, x) | Kind::Cast(_, x) | Kind::Copy(x) | Kind::Gather(_, x, ..) => {
                home(x).into_iter().collect()
            }
            Kind::Binary(_, _, x, y) => [x, y].into_iter().filter_map(home).collect(),
            Kind::Select(c, a, b) => [c, a, b].into_iter().filter_map(home).collect(),
            Kind::Bytes(_, x) | Kind::Reduce(_, x, _) | Kind::Fold(_, x, _) => vec![*x],
            Kind::Concat(parts) => parts.iter().map(|(x, _)| *x).collect(),
            Kind::Count { .. } | Kind::Random(_) => vec![],
            Kind::Pick { from, index } => vec![*from, index.home],
            Kind::Lookup { table, index, .. } => vec![*table, index.home],
            Kind::Place { index, update } | Kind::Scatter { index, update, .. } => vec![index.home, *update],
        }
    }
}

impl Instr {
    /// Computes the rows of `span`.
    pub(super) fn run(&self, scene: &mut Scene<'_>, span: Span, folds: &mut [Slot]) -> Result<(), String> {
        match &self.kind {
            Kind::Fold(kind, x, fold) => {
                typed!(self.dtype, T => self.fold::<T>(*kind, *x, scene, span, &mut folds[*fold]));
                return Ok(());
            }
            Kind::Scatter { index, update, width, fold } => {
                let places = (*update, *width);
                return typed!(self.dtype, T => scatter::<T>(index, places, scene, span, &mut folds[*fold]));
            }
            _ => {}
        }
        let (mut slot, start) = scene.take(self.out, span, self.len);
        let end = start + span.rows * self.len;
        let done =
            typed!(self.dtype, T => self.write::<T>(scene, span, &mut slot.get_mut::<T>()[start..end]));
        scene.put(self.out, slot);
        done
    }

    fn write<T: Number>(&self, scene: &Scene<'_>, span: Span, out: &mut [T]) -> Result<(), String> {
        let len = self.len;
        let of = |x: &Operand| Elements::<T>::of(x, scene, span, len);
        match &self.kind {
            Kind::Unary(op, x) => T::unary(*op, x, self, scene, span, out),
            Kind::Binary(op, dtype, x, y) => T::binary(*op, *dtype, (x, y), self, scene, span, out),
            Kind::Select(c, a, b) => {
                let c = Elements::<bool>::of(c, scene, span, len);
                select(scene.isa, len, c, of(a), of(b), out);
            }
            Kind::Cast(from, x) => T::cast(*from, x, self, scene, span, out),
            Kind::Bytes(map, x) => T::bytes(scene.isa, map, scene.rows(*x, span, len), out),
            Kind::Copy(x) => copy(len, of(x), out),
            Kind::Reduce(kind, x, run) => {
                let x = scene.rows::<T>(*x, span, len * run);
                T::reduce(*kind, x, *run, out);
            }
            Kind::Gather(map, x, width, number) => {
                let (x, number) = (Elements::<T>::of(x, scene, span, *width), T::number(*number));
                for (row, out) in out.chunks_exact_mut(len.max(1)).enumerate() {
                    let vector::Operand::Slice(x) = x.row(row, *width) else { continue };
                    for (o, i) in out.iter_mut().zip(map) {
                        *o = if *i == u32::MAX { number } else { x[*i as usize] };
                    }
                }
            }
            Kind::Concat(parts) => {
                for (x, map) in parts {
                    let x = scene.rows::<T>(*x, span, map.len());
                    for (out, x) in out.chunks_exact_mut(len.max(1)).zip(rows_of(x, map.len(), span.rows)) {
                        map.iter().zip(x).for_each(|(i, x)| out[*i as usize] = *x);
                    }
                }
            }
            Kind::Count { per_row, times } => {
                let first = span.start * per_row;
                for (i, out) in out.chunks_exact_mut((*times).max(1)).enumerate() {
                    out.fill(T::number(Scalar::Int((first + i) as i64)));
                }
            }
            Kind::Random(stream) => {
                let first = (span.start * len) as u64;
                let mut words = block(scene.seed, scene.step, *stream, first / 4);
                for (i, o) in (first..).zip(out.iter_mut()) {
                    if i % 4 == 0 {
                        words = block(scene.seed, scene.step, *stream, i / 4);
                    }
                    let uniform = (words[(i % 4) as usize] >> 8) as f32 * (1.0 / 16_777_216.0);
                    *o = T::number(Scalar::Float(f64::from(uniform)));
                }
            }
            Kind::Pick { from, index } => {
                let places = index.checked("gather", scene, span)?;
                let x = scene.rows::<T>(*from, span, len * index.along);
                let runs = x.chunks_exact(index.along.max(1));
                out.iter_mut().zip(places).zip(runs).for_each(|((o, i), x)| *o = x[*i as usize]);
            }
            Kind::Lookup { table, index, width } => {
                let (places, x) = (index.checked("gather", scene, span)?, scene.whole::<T>(*table));
                for (out, i) in out.chunks_exact_mut((*width).max(1)).zip(places) {
                    out.copy_from_slice(&x[*i as usize * width..][..*width]);
                }
            }
            Kind::Place { index, update } => {
                let places = index.checked("scatter_add", scene, span)?;
                let x = scene.rows::<T>(*update, span, index.row.iter().product());
                out.fill(T::default());
                for ((out, i), x) in out.chunks_exact_mut(index.along.max(1)).zip(places).zip(x) {
                    out[*i as usize] = *x;
                }
            }
            Kind::Fold(..) | Kind::Scatter { .. } => {}
        }
        Ok(())
    }

    fn fold<T: Number>(&self, kind: Reduce, x: usize, scene: &Scene<'_>, span: Span, fold: &mut Slot) {
        let total = fold.get_mut::<T>();
        if total.len() == 1 {
            let x = scene.rows::<T>(x, span, 1);
            let mut part = [T::default()];
            T::reduce(kind, x, x.len(), &mut part);
            return T::combine(kind, total, &part);
        }
        let x = scene.rows::<T>(x, span, total.len());
        T::reduce_rows(kind, x, total);
    }
}

fn scatter<T: Number>(
    index: &Index,
    (update, width): (usize, usize),
    scene: &Scene<'_>,
    span: Span,
    fold: &mut Slot,
) -> Result<(), String> {
    let places = index.checked("scatter_add", scene, span)?;
    let x = scene.rows::<T>(update, span, index.row.iter().product::<usize>() * width);
    let total = fold.get_mut::<T>();
    for (i, x) in places.iter().zip(x.chunks_exact(width.max(1))) {
        T::combine(Reduce::Sum, &mut total[*i as usize * width..][..width], x);
    }
    Ok(())
}

/// Rows of `len` elements; empty ones too.
fn rows_of<T>(x: &[T], len: usize, rows: usize) -> impl Iterator<Item = &[T]> {
    (0..rows).map(move |row| &x[row * len..][..len])
}

impl Index {
    /// The indices of the span, if all are inside; otherwise which one is not.
    fn checked<'s>(&self, op: &str, scene: &'s Scene<'_>, span: Span) -> Result<&'s [i64], String> {
        let per_row = self.row.iter().product();
        let index = scene.rows::<i64>(self.home, span, per_row);
        let inside = |i: &i64| usize::try_from(*i).is_ok_and(|i| i < self.along);
        // A pass without branches, since nearly always there is nothing to find.
        if index.iter().fold(true, |all, i| all & inside(i)) {
            return Ok(index);
        }
        let wrong = index.iter().position(|i| !inside(i)).unwrap_or(0);
        let mut at = position(&self.row, wrong % per_row);
        at[0] += (span.start + wrong / per_row) * self.row[0];
        let range = if self.along == 0 { "none".into() } else { format!("0 to {}", self.along - 1) };
        Err(format!(
            "{op} by index {} at position {at:?}, outside the {} elements of axis {} of {}: expected {range}",
            index[wrong], self.along, self.axis.0, self.axis.1
        ))
    }
}

pub(super) fn copy<T: Held>(len: usize, x: Elements<'_, T>, out: &mut [T]) {
    match x {
        Elements::Rows(x) => out.copy_from_slice(x),
        Elements::Number(x) => out.fill(x),
        Elements::PerRow(x) => out.chunks_exact_mut(len.max(1)).zip(x).for_each(|(o, x)| o.fill(*x)),
        Elements::SameRow(x) => out.chunks_exact_mut(len.max(1)).for_each(|o| o.copy_from_slice(x)),
    }
}

fn select<T: Held>(
    isa: Isa,
    len: usize,
    c: Elements<'_, bool>,
    a: Elements<'_, T>,
    b: Elements<'_, T>,
    out: &mut [T],
) {
    if let (Elements::Rows(c), Some(a), Some(b)) = (c, a.flat(), b.flat()) {
        return isa.select(c, a, b, out);
    }
    for (row, out) in out.chunks_exact_mut(len.max(1)).enumerate() {
        let (a, b) = (a.row(row, len), b.row(row, len));
        match c.row(row, len) {
            vector::Operand::Slice(c) => isa.select(c, a, b, out),
            vector::Operand::Number(c) => match if c { a } else { b } {
                vector::Operand::Slice(x) => out.copy_from_slice(x),
                vector::Operand::Number(x) => out.fill(x),
            },
        }
    }
}
