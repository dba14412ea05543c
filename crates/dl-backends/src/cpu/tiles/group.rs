//! Operations that go row by row, on a block of rows.
#![allow(unsafe_code)]

use dl_core::DType;
use dl_core::dtype::Scalar;
use dl_core::ops::{Binary, Reduce, Unary};

use super::fold::{CHAIN, Fold};
use super::lane::{Scene, Span};
use super::number::{Number, PART};
use super::slots::{Held, typed};
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
    /// Rows turned into columns, or back.
    Turn(usize, Way),
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

/// How elements come to lie.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    Columns,
    Rows,
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
    /// One for each of the result.
    Each(&'s [T]),
    /// One for each line of the result.
    PerLine(&'s [T]),
    /// A line, the same for all.
    SameLine(&'s [T]),
    /// One for all.
    Number(T),
}

impl<'s, T: Held> Elements<'s, T> {
    pub(super) fn of(operand: &Operand, scene: &'s Scene<'_>, span: Span, len: usize) -> Self {
        match (*operand, span.columns) {
            (Operand::Rows(v), _) => Elements::Each(scene.rows(v, span, len)),
            (Operand::PerRow(v), false) => Elements::PerLine(scene.rows(v, span, 1)),
            (Operand::PerRow(v), true) => Elements::SameLine(scene.rows(v, span, 1)),
            (Operand::SameRow(v), false) => Elements::SameLine(scene.whole(v)),
            (Operand::SameRow(v), true) => Elements::PerLine(scene.whole(v)),
            (Operand::Same(v), _) => Elements::Number(scene.whole(v)[0]),
            (Operand::Number(number), _) => Elements::Number(T::number(number)),
        }
    }

    /// All at once, where it is the same in every line or has its own element everywhere.
    pub(super) fn flat(self) -> Option<vector::Operand<'s, T>> {
        match self {
            Elements::Each(x) => Some(vector::Operand::Slice(x)),
            Elements::Number(x) => Some(vector::Operand::Number(x)),
            Elements::PerLine(_) | Elements::SameLine(_) => None,
        }
    }

    /// Those of a line of so many.
    pub(super) fn line(self, index: usize, len: usize) -> vector::Operand<'s, T> {
        match self {
            Elements::Each(x) => vector::Operand::Slice(&x[index * len..][..len]),
            Elements::PerLine(x) => vector::Operand::Number(x[index]),
            Elements::SameLine(x) => vector::Operand::Slice(x),
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
            Kind::Turn(x, _) | Kind::Bytes(_, x) | Kind::Reduce(_, x, _) | Kind::Fold(_, x, _) => vec![*x],
            Kind::Concat(parts) => parts.iter().map(|(x, _)| *x).collect(),
            Kind::Count { .. } | Kind::Random(_) => vec![],
            Kind::Pick { from, index } => vec![*from, index.home],
            Kind::Lookup { table, index, .. } => vec![*table, index.home],
            Kind::Place { index, update } | Kind::Scatter { index, update, .. } => vec![index.home, *update],
        }
    }

    /// Reads other values instead.
    pub(super) fn rename(&mut self, to: impl Fn(usize) -> usize) {
        let home = |v: &mut usize| *v = to(*v);
        let operand = |x: &mut Operand| match x {
            Operand::Rows(v) | Operand::PerRow(v) | Operand::SameRow(v) | Operand::Same(v) => home(v),
            Operand::Number(_) => {}
        };
        match self {
            Kind::Unary(_, x) | Kind::Cast(_, x) | Kind::Copy(x) | Kind::Gather(_, x, ..) => operand(x),
            Kind::Binary(_, _, x, y) => [x, y].into_iter().for_each(operand),
            Kind::Select(c, a, b) => [c, a, b].into_iter().for_each(operand),
            Kind::Turn(x, _) | Kind::Bytes(_, x) | Kind::Reduce(_, x, _) | Kind::Fold(_, x, _) => home(x),
            Kind::Concat(parts) => parts.iter_mut().for_each(|(x, _)| home(x)),
            Kind::Count { .. } | Kind::Random(_) => {}
            Kind::Pick { from, index } => [from, &mut index.home].into_iter().for_each(home),
            Kind::Lookup { table, index, .. } => [table, &mut index.home].into_iter().for_each(home),
            Kind::Place { index, update } | Kind::Scatter { index, update, .. } => {
                [&mut index.home, update].into_iter().for_each(home);
            }
        }
    }
}

impl Instr {
    /// Computes the rows of `span`.
    pub(super) fn run(&self, scene: &Scene<'_>, span: Span, folds: &mut [Fold]) -> Result<(), String> {
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
        typed!(self.dtype, T => {
            // SAFETY: no operand shares its buffer with the result (`Buffers::give`), and the rows are this
            // member's.
            let out = unsafe { scene.write::<T>(self.out, span, self.len) };
            self.write::<T>(scene, span, out)
        })
    }

    fn write<T: Number>(&self, scene: &Scene<'_>, span: Span, out: &mut [T]) -> Result<(), String> {
        let len = self.len;
        let of = |x: &Operand| Elements::<T>::of(x, scene, span, len);
        match &self.kind {
            Kind::Unary(op, x) => T::unary(*op, x, self, scene, span, out),
            Kind::Binary(op, dtype, x, y) => T::binary(*op, *dtype, (x, y), self, scene, span, out),
            Kind::Select(c, a, b) => {
                let c = Elements::<bool>::of(c, scene, span, len);
                select(scene.isa, span.line(len), c, of(a), of(b), out);
            }
            Kind::Cast(from, x) => T::cast(*from, x, self, scene, span, out),
            Kind::Bytes(map, x) => T::bytes(scene.isa, map, scene.rows(*x, span, len), out),
            Kind::Copy(x) => copy(span.line(len), of(x), out),
            Kind::Turn(x, way) => turn(scene.rows(*x, span, len), out, (span, len), *way),
            Kind::Reduce(kind, x, run) => {
                let x = scene.rows::<T>(*x, span, len * run);
                match span.columns {
                    false => T::reduce(*kind, x, *run, out),
                    true => reduce_columns(scene.isa, *kind, x, *run, span.rows, out),
                }
            }
            Kind::Gather(map, x, width, number) => {
                let (x, number) = (Elements::<T>::of(x, scene, span, *width), T::number(*number));
                gather(map, x, *width, number, (span, len), out);
            }
            Kind::Concat(parts) => {
                for (x, map) in parts {
                    let x = scene.rows::<T>(*x, span, map.len());
                    for row in 0..span.rows {
                        for (place, to) in map.iter().enumerate() {
                            out[span.at(row, *to as usize, len)] = x[span.at(row, place, map.len())];
                        }
                    }
                }
            }
            Kind::Count { per_row, times } => {
                for row in 0..span.rows {
                    for place in 0..len {
                        let count = (span.start + row) * per_row + place / (*times).max(1);
                        out[span.at(row, place, len)] = T::number(Scalar::Int(count as i64));
                    }
                }
            }
            Kind::Random(stream) => random(*stream, scene, (span, len), out),
            Kind::Pick { from, index } => {
                let places = index.checked("gather", scene, span)?;
                let along = index.along;
                let x = scene.rows::<T>(*from, span, len * along);
                for row in 0..span.rows {
                    for place in 0..len {
                        let at = span.at(row, place, len);
                        out[at] = x[span.at(row, place * along + places[at] as usize, len * along)];
                    }
                }
            }
            Kind::Lookup { table, index, width } => {
                let (places, x) = (index.checked("gather", scene, span)?, scene.whole::<T>(*table));
                if !span.columns {
                    for (out, i) in out.chunks_exact_mut((*width).max(1)).zip(places) {
                        out.copy_from_slice(&x[*i as usize * width..][..*width]);
                    }
                    return Ok(());
                }
                let count = len / (*width).max(1);
                for row in 0..span.rows {
                    for place in 0..len {
                        let i = places[span.at(row, place / width, count)] as usize;
                        out[span.at(row, place, len)] = x[i * width + place % width];
                    }
                }
            }
            Kind::Place { index, update } => {
                let places = index.checked("scatter_add", scene, span)?;
                let count = index.row.iter().product();
                let x = scene.rows::<T>(*update, span, count);
                out.fill(T::default());
                for row in 0..span.rows {
                    for place in 0..count {
                        let at = span.at(row, place, count);
                        out[span.at(row, place * index.along + places[at] as usize, len)] = x[at];
                    }
                }
            }
            Kind::Fold(..) | Kind::Scatter { .. } => {}
        }
        Ok(())
    }

    fn fold<T: Number>(&self, kind: Reduce, x: usize, scene: &Scene<'_>, span: Span, fold: &mut Fold) {
        let (isa, len) = (scene.isa, fold.now.get::<T>().len());
        let x = scene.rows::<T>(x, span, len);
        if len > 1 && !span.columns {
            for rows in x.chunks(CHAIN * len) {
                let each =
                    |now: &mut [T]| rows.chunks_exact(len).for_each(|row| T::combine(isa, kind, now, row));
                fold.part(isa, each);
            }
            return;
        }
        fold.part(isa, |now: &mut [T]| {
            for (now, column) in now.iter_mut().zip(x.chunks_exact(span.rows.max(1))) {
                let mut part = [T::default()];
                T::reduce(kind, column, column.len(), &mut part);
                T::combine(isa, kind, std::slice::from_mut(now), &part);
            }
        });
    }
}

fn scatter<T: Number>(
    index: &Index,
    (update, width): (usize, usize),
    scene: &Scene<'_>,
    span: Span,
    fold: &mut Fold,
) -> Result<(), String> {
    let places = index.checked("scatter_add", scene, span)?;
    let count: usize = index.row.iter().product();
    let x = scene.rows::<T>(update, span, count * width);
    if !span.columns {
        for (i, x) in places.iter().zip(x.chunks_exact(width.max(1))) {
            fold.place(scene.isa, *i as usize * width, x);
        }
        return Ok(());
    }
    for row in 0..span.rows {
        for place in 0..count * width {
            let i = places[span.at(row, place / width, count)] as usize;
            let x = &x[span.at(row, place, count * width)];
            fold.place(scene.isa, i * width + place % width, std::slice::from_ref(x));
        }
    }
    Ok(())
}

/// Rows into columns, or back.
fn turn<T: Copy>(x: &[T], out: &mut [T], (span, len): (Span, usize), way: Way) {
    for row in 0..span.rows {
        for place in 0..len {
            let (by_rows, by_columns) = (row * len + place, place * span.rows + row);
            let (from, to) = match way {
                Way::Columns => (by_rows, by_columns),
                Way::Rows => (by_columns, by_rows),
            };
            out[to] = x[from];
        }
    }
}

/// Each column of the result from `run` neighbouring ones, one after the other.
fn reduce_columns<T: Number>(isa: Isa, kind: Reduce, x: &[T], run: usize, rows: usize, out: &mut [T]) {
    let rows = rows.max(1);
    for (i, out) in out.chunks_exact_mut(rows).enumerate() {
        let mut columns = x[i * run * rows..][..run * rows].chunks_exact(rows);
        match columns.next() {
            Some(first) => out.copy_from_slice(first),
            None => out.iter_mut().for_each(|o| T::reduce(kind, &[], 0, std::slice::from_mut(o))),
        }
        columns.for_each(|column| T::combine(isa, kind, out, column));
    }
}

fn gather<T: Held>(
    map: &[u32],
    x: Elements<'_, T>,
    width: usize,
    number: T,
    (span, len): (Span, usize),
    out: &mut [T],
) {
    if span.columns {
        for (out, i) in out.chunks_exact_mut(span.rows.max(1)).zip(map) {
            match x {
                _ if *i == u32::MAX => out.fill(number),
                x => match x.line(*i as usize, span.rows) {
                    vector::Operand::Slice(x) => out.copy_from_slice(x),
                    vector::Operand::Number(x) => out.fill(x),
                },
            }
        }
        return;
    }
    for (row, out) in out.chunks_exact_mut(len.max(1)).enumerate() {
        let vector::Operand::Slice(x) = x.line(row, width) else { continue };
        for (o, i) in out.iter_mut().zip(map) {
            *o = if *i == u32::MAX { number } else { x[*i as usize] };
        }
    }
}

fn random<T: Number>(stream: u64, scene: &Scene<'_>, (span, len): (Span, usize), out: &mut [T]) {
    let (key, first) = ([scene.seed, scene.step, stream], (span.start * len) as u64);
    if !span.columns {
        return T::uniform(scene.isa, key, first, out);
    }
    let mut numbers = [T::default(); PART];
    for start in (0..out.len()).step_by(PART) {
        let numbers = &mut numbers[..PART.min(out.len() - start)];
        T::uniform(scene.isa, key, first + start as u64, numbers);
        for (i, number) in (start..).zip(numbers) {
            out[span.at(i / len, i % len, len)] = *number;
        }
    }
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
        // The first by rows, however they lie.
        let order = (0..span.rows).flat_map(|row| (0..per_row).map(move |place| (row, place)));
        let mut places = order.map(|(row, place)| (row, place, span.at(row, place, per_row)));
        let (row, place, wrong) = places.find(|w| !inside(&index[w.2])).unwrap_or((0, 0, 0));
        let mut at = position(&self.row, place);
        at[0] += (span.start + row) * self.row[0];
        let range = if self.along == 0 { "none".into() } else { format!("0 to {}", self.along - 1) };
        Err(format!(
            "{op} by index {} at position {at:?}, outside the {} elements of axis {} of {}: expected {range}",
            index[wrong], self.along, self.axis.0, self.axis.1
        ))
    }
}

pub(super) fn copy<T: Held>(line: usize, x: Elements<'_, T>, out: &mut [T]) {
    let lines = out.chunks_exact_mut(line.max(1));
    match x {
        Elements::Each(x) => out.copy_from_slice(x),
        Elements::Number(x) => out.fill(x),
        Elements::PerLine(x) => lines.zip(x).for_each(|(o, x)| o.fill(*x)),
        Elements::SameLine(x) => lines.for_each(|o| o.copy_from_slice(x)),
    }
}

fn select<T: Held>(
    isa: Isa,
    line: usize,
    c: Elements<'_, bool>,
    a: Elements<'_, T>,
    b: Elements<'_, T>,
    out: &mut [T],
) {
    if let (Elements::Each(c), Some(a), Some(b)) = (c, a.flat(), b.flat()) {
        return isa.select(c, a, b, out);
    }
    for (index, out) in out.chunks_exact_mut(line.max(1)).enumerate() {
        let (a, b) = (a.line(index, line), b.line(index, line));
        match c.line(index, line) {
            vector::Operand::Slice(c) => isa.select(c, a, b, out),
            vector::Operand::Number(c) => match if c { a } else { b } {
                vector::Operand::Slice(x) => out.copy_from_slice(x),
                vector::Operand::Number(x) => out.fill(x),
            },
        }
    }
}
