//! What each element type does in a group: functions, comparisons, conversions, reductions.

use dl_core::DType;
use dl_core::ops::{Binary, Reduce, Unary};

use crate::cpu::array::Item;
use crate::cpu::real::Arithmetic;
use crate::cpu::reduce::fold_elements;
use crate::cpu::tiles::data::home::Span;
use crate::cpu::tiles::data::instr::{Instr, Operand};
use crate::cpu::tiles::data::slots::{Held, typed};
use crate::cpu::tiles::run::elements::{Elements, copy};
use crate::cpu::tiles::run::scene::Scene;
use crate::cpu::vector::{self, ByteMap, Combine, Isa, Pattern};

/// Random numbers that are made at a time where they don't go where they belong at once.
pub(crate) const PART: usize = 256;

/// What results of each element type need.
pub(crate) trait Number: Held {
    fn unary(op: Unary, x: &Operand, i: &Instr, scene: &Scene<'_>, span: Span, out: &mut [Self]);
    fn binary(
        op: Binary,
        dtype: DType,
        operands: (&Operand, &Operand),
        i: &Instr,
        scene: &Scene<'_>,
        span: Span,
        out: &mut [Self],
    );
    fn cast(from: DType, x: &Operand, i: &Instr, scene: &Scene<'_>, span: Span, out: &mut [Self]);
    /// A function of bytes; only `f32` results have one.
    fn bytes(_isa: Isa, _map: &ByteMap, _x: &[u8], _out: &mut [Self]) {
        unreachable!("lowering makes functions of bytes for f32 only")
    }
    /// Random numbers by seed, step and stream, from an element on; only floats have them.
    fn uniform(_isa: Isa, _key: [u64; 3], _first: u64, _out: &mut [Self]) {
        unreachable!("random numbers are floats, as a plan's check says")
    }
    /// `kind` of each run.
    fn reduce(kind: Reduce, x: &[Self], run: usize, out: &mut [Self]);
    /// `kind` of a row's elements at a pattern's places; of floats.
    fn pattern(_: Isa, _: Reduce, _: &Pattern, _: &[Self], _: &mut [Self]) {
        unreachable!("patterns are of floats")
    }
    /// `into ← kind(into, x)`, element by element.
    fn combine(isa: Isa, kind: Reduce, into: &mut [Self], x: &[Self]);
    /// `total ← total + x`, with the rounding error added to `lost`; integers have none.
    fn keep(isa: Isa, total: &mut [Self], _lost: &mut [Self], x: &[Self]) {
        Self::combine(isa, Reduce::Sum, total, x);
    }
    /// `total ← total + lost`.
    fn settle(_isa: Isa, _total: &mut [Self], _lost: &[Self]) {}
}

/// `f` on all elements at once where the operands allow it, otherwise line by line.
fn both<T: Held, R>(
    line: usize,
    x: Elements<'_, T>,
    y: Elements<'_, T>,
    out: &mut [R],
    mut f: impl FnMut(vector::Operand<'_, T>, vector::Operand<'_, T>, &mut [R]),
) {
    if let (Some(x), Some(y)) = (x.flat(), y.flat()) {
        return f(x, y, out);
    }
    for (index, out) in out.chunks_exact_mut(line.max(1)).enumerate() {
        f(x.line(index, line), y.line(index, line), out);
    }
}

macro_rules! combinations {
    ($($name:ident $sum:literal $function:ident;)*) => {$(
        struct $name;

        impl<T: Arithmetic> Combine<T> for $name {
            const SUM: bool = $sum;
            #[inline(always)]
            fn two(a: T, b: T) -> T {
                Arithmetic::$function(a, b)
            }
        }
    )*};
}
combinations! { Sum true plus; Max false maximum; Min false minimum; }

fn combine<T: Arithmetic>(kind: Reduce, into: &mut [T], x: &[T]) {
    let both = into.iter_mut().zip(x);
    match kind {
        Reduce::Sum => both.for_each(|(a, b)| *a = a.plus(*b)),
        Reduce::Prod => both.for_each(|(a, b)| *a = a.times(*b)),
        Reduce::Max => both.for_each(|(a, b)| *a = a.maximum(*b)),
        Reduce::Min => both.for_each(|(a, b)| *a = a.minimum(*b)),
    }
}

fn reduce<T: Arithmetic>(kind: Reduce, x: &[T], run: usize, out: &mut [T]) {
    for (i, o) in out.iter_mut().enumerate() {
        *o = fold_elements(kind, &x[i * run..][..run]);
    }
}

macro_rules! floats {
    ($($t:ty { $($more:item)* })*) => {$(
        impl Number for $t {
            fn unary(op: Unary, x: &Operand, i: &Instr, scene: &Scene<'_>, span: Span, out: &mut [Self]) {
                match Elements::<$t>::of(x, scene, span, i.len) {
                    Elements::Each(x) => scene.isa.unary(op, x, out),
                    other => {
                        copy(span.line(i.len), other, out);
                        scene.isa.unary_in_place(op, out);
                    }
                }
            }
            fn binary(
                op: Binary,
                _: DType,
                (x, y): (&Operand, &Operand),
                i: &Instr,
                scene: &Scene<'_>,
                span: Span,
                out: &mut [Self],
            ) {
                let of = |x: &Operand| Elements::<$t>::of(x, scene, span, i.len);
                both(span.line(i.len), of(x), of(y), out, |x, y, out| scene.isa.binary(op, x, y, out));
            }
            fn cast(from: DType, x: &Operand, i: &Instr, scene: &Scene<'_>, span: Span, out: &mut [Self]) {
                typed!(from, A => match Elements::<A>::of(x, scene, span, i.len) {
                    Elements::Each(x) => scene.isa.cast(x, out),
                    Elements::Number(x) => { let mut one = [<$t>::default()]; scene.isa.cast(&[x], &mut one); out.fill(one[0]) }
                    Elements::PerLine(x) => for (out, x) in out.chunks_exact_mut(span.line(i.len).max(1)).zip(x) {
                        let mut one = [<$t>::default()];
                        scene.isa.cast(&[*x], &mut one);
                        out.fill(one[0]);
                    },
                    Elements::SameLine(x) => out.chunks_exact_mut(span.line(i.len).max(1)).for_each(|o| scene.isa.cast(x, o)),
                });
            }
            fn reduce(kind: Reduce, x: &[Self], run: usize, out: &mut [Self]) { reduce(kind, x, run, out) }
            fn combine(isa: Isa, kind: Reduce, into: &mut [Self], x: &[Self]) {
                let op = match kind {
                    Reduce::Sum => Binary::Add,
                    Reduce::Prod => Binary::Mul,
                    Reduce::Max => Binary::Max,
                    Reduce::Min => Binary::Min,
                };
                isa.binary_in_place(op, into, vector::Operand::Slice(x));
            }
            fn pattern(isa: Isa, kind: Reduce, pattern: &Pattern, x: &[Self], out: &mut [Self]) {
                match kind {
                    Reduce::Sum => isa.pattern(pattern, x, out, Sum),
                    Reduce::Max => isa.pattern(pattern, x, out, Max),
                    Reduce::Min => isa.pattern(pattern, x, out, Min),
                    Reduce::Prod => unreachable!("products have no pattern"),
                }
            }
            fn keep(isa: Isa, total: &mut [Self], lost: &mut [Self], x: &[Self]) { isa.add_keeping(total, lost, x) }
            fn settle(isa: Isa, total: &mut [Self], lost: &[Self]) { isa.settle(total, lost) }
            $($more)*
        }
    )*};
}
floats! {
    f32 {
        fn bytes(isa: Isa, map: &ByteMap, x: &[u8], out: &mut [f32]) { isa.bytes(map, x, out) }
        fn uniform(isa: Isa, key: [u64; 3], first: u64, out: &mut [f32]) { isa.uniform(key, first, out) }
    }
    f64 {
        fn uniform(isa: Isa, key: [u64; 3], first: u64, out: &mut [f64]) {
            let mut numbers = [0.0; PART];
            for (first, out) in (first..).step_by(PART).zip(out.chunks_mut(PART)) {
                let numbers = &mut numbers[..out.len()];
                isa.uniform(key, first, numbers);
                isa.cast(numbers, out);
            }
        }
    }
}

/// Everything but zero is, NaN too.
fn is_true<T: Item>(x: &T) -> bool {
    *x != T::default()
}

impl Number for bool {
    fn unary(op: Unary, x: &Operand, i: &Instr, scene: &Scene<'_>, span: Span, out: &mut [Self]) {
        if op == Unary::Not {
            copy(span.line(i.len), Elements::<bool>::of(x, scene, span, i.len), out);
            return out.iter_mut().for_each(|x| *x = !*x);
        }
        // Whether a float is finite; which float, the operand's home says.
        match scene.dtype(x) {
            DType::F64 => finite::<f64>(x, i, scene, span, out, |x, out| scene.isa.is_finite(x, out)),
            _ => finite::<f32>(x, i, scene, span, out, |x, out| scene.isa.is_finite(x, out)),
        }
    }
    fn binary(
        op: Binary,
        dtype: DType,
        (x, y): (&Operand, &Operand),
        i: &Instr,
        scene: &Scene<'_>,
        span: Span,
        out: &mut [Self],
    ) {
        if matches!(op, Binary::And | Binary::Or) {
            let of = |x: &Operand| Elements::<bool>::of(x, scene, span, i.len);
            return both(span.line(i.len), of(x), of(y), out, |x, y, out| {
                each(x, y, out, |x, y| if op == Binary::And { x & y } else { x | y });
            });
        }
        typed!(dtype, A => {
            let of = |x: &Operand| Elements::<A>::of(x, scene, span, i.len);
            both(span.line(i.len), of(x), of(y), out, |x, y, out| scene.isa.compare(op, x, y, out));
        });
    }
    fn cast(from: DType, x: &Operand, i: &Instr, scene: &Scene<'_>, span: Span, out: &mut [Self]) {
        typed!(from, A => convert::<A, bool>(x, i, scene, span, out, is_true));
    }
    fn reduce(_: Reduce, _: &[Self], _: usize, _: &mut [Self]) {
        unreachable!("no reduction takes truth values, as a plan's check says")
    }
    fn combine(_: Isa, _: Reduce, _: &mut [Self], _: &[Self]) {
        unreachable!("no reduction takes truth values, as a plan's check says")
    }
}

fn finite<T: Held>(
    x: &Operand,
    i: &Instr,
    scene: &Scene<'_>,
    span: Span,
    out: &mut [bool],
    f: impl Fn(&[T], &mut [bool]),
) {
    match Elements::<T>::of(x, scene, span, i.len) {
        Elements::Each(x) => f(x, out),
        other => {
            for (row, out) in out.chunks_exact_mut(span.line(i.len).max(1)).enumerate() {
                match other.line(row, span.line(i.len)) {
                    vector::Operand::Slice(x) => f(x, out),
                    vector::Operand::Number(x) => {
                        out.iter_mut().for_each(|o| f(&[x], std::slice::from_mut(o)))
                    }
                }
            }
        }
    }
}

/// `f(x, y)` for each element.
fn each<T: Copy, R>(
    x: vector::Operand<'_, T>,
    y: vector::Operand<'_, T>,
    out: &mut [R],
    f: impl Fn(T, T) -> R,
) {
    use vector::Operand::{Number, Slice};
    match (x, y) {
        (Slice(x), Slice(y)) => out.iter_mut().zip(x.iter().zip(y)).for_each(|(o, (x, y))| *o = f(*x, *y)),
        (Slice(x), Number(y)) => out.iter_mut().zip(x).for_each(|(o, x)| *o = f(*x, y)),
        (Number(x), Slice(y)) => out.iter_mut().zip(y).for_each(|(o, y)| *o = f(x, *y)),
        (Number(x), Number(y)) => out.iter_mut().for_each(|o| *o = f(x, y)),
    }
}

/// `f(x)` for each element of another type.
fn convert<A: Held, R: Held>(
    x: &Operand,
    i: &Instr,
    scene: &Scene<'_>,
    span: Span,
    out: &mut [R],
    f: impl Fn(&A) -> R,
) {
    let x = Elements::<A>::of(x, scene, span, i.len);
    for (row, out) in out.chunks_exact_mut(span.line(i.len).max(1)).enumerate() {
        match x.line(row, span.line(i.len)) {
            vector::Operand::Slice(x) => out.iter_mut().zip(x).for_each(|(o, x)| *o = f(x)),
            vector::Operand::Number(x) => out.fill(f(&x)),
        }
    }
}

macro_rules! integers {
    ($($t:ident)*) => {$(
        impl Number for $t {
            fn unary(op: Unary, x: &Operand, i: &Instr, scene: &Scene<'_>, span: Span, out: &mut [Self]) {
                copy(span.line(i.len), Elements::<$t>::of(x, scene, span, i.len), out);
                $t::apply(op, out);
            }
            fn binary(
                op: Binary,
                _: DType,
                (x, y): (&Operand, &Operand),
                i: &Instr,
                scene: &Scene<'_>,
                span: Span,
                out: &mut [Self],
            ) {
                let of = |x: &Operand| Elements::<$t>::of(x, scene, span, i.len);
                both(span.line(i.len), of(x), of(y), out, |x, y, out| $t::apply2(op, x, y, out));
            }
            fn cast(from: DType, x: &Operand, i: &Instr, scene: &Scene<'_>, span: Span, out: &mut [Self]) {
                typed!(from, A => convert::<A, $t>(x, i, scene, span, out, |x| <$t as Whole>::from_number(*x)));
            }
            fn reduce(kind: Reduce, x: &[Self], run: usize, out: &mut [Self]) { $t::reduced(kind, x, run, out) }
            fn combine(_: Isa, kind: Reduce, into: &mut [Self], x: &[Self]) { $t::combined(kind, into, x) }
        }
    )*};
}
integers!(i64 u8);

/// The operations that the tables define for integers.
trait Whole: Held {
    fn apply(op: Unary, x: &mut [Self]);
    fn apply2(op: Binary, x: vector::Operand<'_, Self>, y: vector::Operand<'_, Self>, out: &mut [Self]);
    fn reduced(kind: Reduce, x: &[Self], run: usize, out: &mut [Self]);
    fn combined(kind: Reduce, into: &mut [Self], x: &[Self]);
    fn from_number<A: Convert>(x: A) -> Self;
}

/// Conversion to integers as `as` does it; a byte saturates.
trait Convert: Copy {
    fn integer(self) -> i64;
    fn byte(self) -> u8;
}

macro_rules! convert {
    ($($t:ty: $x:ident $integer:expr, $byte:expr;)*) => {$(
        impl Convert for $t {
            fn integer(self) -> i64 { let $x = self; $integer }
            fn byte(self) -> u8 { let $x = self; $byte }
        }
    )*};
}
convert! {
    f32: x x as i64, x as u8;
    f64: x x as i64, x as u8;
    i64: x x, x.clamp(0, 255) as u8;
    bool: x i64::from(x), u8::from(x);
    u8: x i64::from(x), x;
}

impl Whole for i64 {
    fn apply(op: Unary, x: &mut [Self]) {
        let f = op.value_i64().expect("a plan's element types were checked");
        x.iter_mut().for_each(|x| *x = f(*x));
    }
    fn apply2(op: Binary, x: vector::Operand<'_, Self>, y: vector::Operand<'_, Self>, out: &mut [Self]) {
        let f = op.value_i64().expect("a plan's element types were checked");
        each(x, y, out, f);
    }
    fn reduced(kind: Reduce, x: &[Self], run: usize, out: &mut [Self]) {
        reduce(kind, x, run, out);
    }
    fn combined(kind: Reduce, into: &mut [Self], x: &[Self]) {
        combine(kind, into, x);
    }
    fn from_number<A: Convert>(x: A) -> Self {
        x.integer()
    }
}

impl Whole for u8 {
    fn apply(_: Unary, _: &mut [Self]) {
        unreachable!("bytes have no arithmetic, as a plan's check says")
    }
    fn apply2(_: Binary, _: vector::Operand<'_, Self>, _: vector::Operand<'_, Self>, _: &mut [Self]) {
        unreachable!("bytes have no arithmetic, as a plan's check says")
    }
    fn reduced(_: Reduce, _: &[Self], _: usize, _: &mut [Self]) {
        unreachable!("no reduction takes bytes, as a plan's check says")
    }
    fn combined(_: Reduce, _: &mut [Self], _: &[Self]) {
        unreachable!("no reduction takes bytes, as a plan's check says")
    }
    fn from_number<A: Convert>(x: A) -> Self {
        x.byte()
    }
}
