//! Operations that go row by row, on a block of rows.
#![allow(unsafe_code)]

use dl_core::dtype::Scalar;
use dl_core::ops::{Clock, Reduce};

use crate::cpu::layout::position;
use crate::cpu::tiles::data::home::Span;
use crate::cpu::tiles::data::instr::{Index, Instr, Kind, Operand, Way};
use crate::cpu::tiles::data::slots::{Held, typed};
use crate::cpu::tiles::run::elements::{Elements, copy};
use crate::cpu::tiles::run::fold::{CHAIN, Fold};
use crate::cpu::tiles::run::number::{Number, PART};
use crate::cpu::tiles::run::scene::Scene;
use crate::cpu::vector::{self, Isa};

impl Instr {
    /// Computes the rows of `span`.
    pub(crate) fn run(&self, scene: &Scene<'_>, span: Span, folds: &mut [Fold]) -> Result<(), String> {
        let span = span.in_lines(self.lines);
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
        let out = self.out.expect("an instruction that reduces nothing has a result");
        typed!(self.dtype, T => {
            // SAFETY: no operand shares its buffer with the result (`Buffers::give`), and the rows are this
            // member's.
            let out = unsafe { scene.write::<T>(out, span, self.len) };
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
            Kind::Transpose(x, way) => turn(scene.rows(*x, span, len), out, (span, len), *way),
            Kind::Reduce(kind, x, run) => {
                let x = scene.rows::<T>(*x, span, len * run);
                match span.transposed {
                    false => T::reduce(*kind, x, *run, out),
                    true => reduce_columns(scene.isa, *kind, x, *run, span.rows, out),
                }
            }
            Kind::Pattern(kind, x, pattern, width) => {
                let x = scene.rows::<T>(*x, span, *width);
                for (x, out) in x.chunks_exact(*width).zip(out.chunks_exact_mut(len.max(1))) {
                    T::pattern(scene.isa, *kind, pattern, x, out);
                }
            }
            Kind::Gather(map, x, width, number, runs) => {
                let (x, number) = (Elements::<T>::of(x, scene, span, *width), T::number(*number));
                match runs {
                    Some(runs) if !span.transposed => {
                        let filled = runs.iter().map(|run| run.len).sum::<usize>() < len;
                        for (row, out) in out.chunks_exact_mut(len.max(1)).enumerate() {
                            let vector::Operand::Slice(x) = x.line(row, *width) else { continue };
                            if filled {
                                out.fill(number);
                            }
                            scene.isa.moves(runs, x, out);
                        }
                    }
                    _ => gather(map, x, *width, number, (span, len), out),
                }
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
            Kind::Random(stream, clock) => random((*stream, *clock), scene, (span, len), out),
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
                if !span.transposed {
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
            Kind::Fold(..) | Kind::Scatter { .. } => {
                unreachable!("reductions over rows have no rows to write")
            }
        }
        Ok(())
    }

    fn fold<T: Number>(&self, kind: Reduce, x: usize, scene: &Scene<'_>, span: Span, fold: &mut Fold) {
        let (isa, len) = (scene.isa, fold.width::<T>());
        let x = scene.rows::<T>(x, span, len);
        if len > 1 && !span.transposed {
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
    if !span.transposed {
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
    if span.transposed {
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

fn random<T: Number>(
    (stream, clock): (u64, Clock),
    scene: &Scene<'_>,
    (span, len): (Span, usize),
    out: &mut [T],
) {
    let (key, first) = (scene.counters.key(stream, clock), (span.start * len) as u64);
    if !span.transposed {
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
