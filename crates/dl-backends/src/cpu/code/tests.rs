//! Code against the loops, bit by bit.
#![allow(unsafe_code)]

use dl_core::ops::{Binary, Unary};

use super::{Access, Element, NUMBERS, Stream, TAIL, Tape, Writer, functions, is_supported};
use crate::cpu::vector::{Isa, Operand, Real};

const EACH: Stream = Stream { access: Access::Each, element: Element::Lane };
const BYTES: Stream = Stream { access: Access::Each, element: Element::Byte };

const UNARY: [Unary; 20] = [
    Unary::Neg,
    Unary::Abs,
    Unary::Sign,
    Unary::Exp,
    Unary::Expm1,
    Unary::Log,
    Unary::Log1p,
    Unary::Sqrt,
    Unary::Sin,
    Unary::Cos,
    Unary::Tanh,
    Unary::Sigmoid,
    Unary::Softplus,
    Unary::Relu,
    Unary::Erf,
    Unary::Floor,
    Unary::Ceil,
    Unary::Round,
    Unary::IsFinite,
    Unary::Not,
];
const BINARY: [Binary; 15] = [
    Binary::Add,
    Binary::Sub,
    Binary::Mul,
    Binary::Div,
    Binary::Pow,
    Binary::Max,
    Binary::Min,
    Binary::Eq,
    Binary::Ne,
    Binary::Lt,
    Binary::Le,
    Binary::Gt,
    Binary::Ge,
    Binary::And,
    Binary::Or,
];

/// Elements of each type.
trait Lane: Real + PartialEq + std::fmt::Debug {
    const WIDE: bool;
    fn of(bits: u64) -> Self;
    fn bits(self) -> u64;
    fn fused(self, b: Self, c: Self) -> Self;
    /// Any number, special ones often.
    fn any(random: &mut u64) -> Self;
}

macro_rules! lane {
    ($($t:ident $uint:ident $wide:expr;)*) => {$(
        impl Lane for $t {
            const WIDE: bool = $wide;
            fn of(bits: u64) -> Self { $t::from_bits(bits as $uint) }
            fn bits(self) -> u64 { self.to_bits().into() }
            fn fused(self, b: Self, c: Self) -> Self { self.mul_add(b, c) }
            fn any(random: &mut u64) -> Self {
                let special = [
                    0.0, -0.0, 1.0, -1.0, 0.625, -0.625, 0.925, 0.5, -0.5, 2.0, 89.0, -88.0, 104.0, -104.0, 710.0, -746.0,
                    $t::NAN, $t::INFINITY, $t::NEG_INFINITY, $t::MAX, $t::MIN, $t::MIN_POSITIVE,
                    -$t::MIN_POSITIVE, $t::MIN_POSITIVE / 2.0, $t::from_bits(1), -$t::from_bits(1), $t::EPSILON,
                ];
                let bits = next(random);
                match bits % 8 {
                    0 | 1 => special[(bits >> 8) as usize % special.len()],
                    2 | 3 => Lane::of(bits >> 3),
                    4 | 5 => (bits >> 11) as $t / (1_u64 << 52) as $t * 20.0 - 20.0,
                    _ => (bits >> 11) as $t / (1_u64 << 52) as $t - 1.0,
                }
            }
        }
    )*};
}
lane! {
    f32 u32 false;
    f64 u64 true;
}

fn next(random: &mut u64) -> u64 {
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    *random
}

fn numbers<T: Lane>(seed: u64, len: usize) -> Vec<T> {
    let mut random = seed * 2 + 0x9e37_79b9_7f4a_7c15;
    (0..len).map(|_| T::any(&mut random)).collect()
}

/// Equal to the bit, but for the bits of a NaN: which of two a sum hands on, a compiler may choose.
fn same<T: Lane>(a: &[T], b: &[T]) -> bool {
    #[expect(clippy::eq_op, reason = "only a NaN differs from itself")]
    let alike = |(a, b): (&T, &T)| a.bits() == b.bits() || a != a && b != b;
    a.len() == b.len() && a.iter().zip(b).all(alike)
}

/// An array that code goes over, by its address.
fn address<T>(x: &[T]) -> u64 {
    x.as_ptr() as u64
}

/// Runs what is recorded; `None` if the machine has no code.
fn run(
    wide: bool,
    streams: &[Stream],
    record: impl FnOnce(&Tape),
    (addresses, values): (&[u64], &[u64]),
    (len, lines): (usize, usize),
) -> Option<()> {
    if !is_supported(Isa::widest()) {
        return None;
    }
    let tape = Tape::new(wide);
    record(&tape);
    let mut writer = Writer::default();
    let entry = writer.add(tape, streams).expect("registers suffice");
    let code = writer.finish().expect("the system lets code run");
    let mut table = [0; TAIL + 1];
    table[..addresses.len()].copy_from_slice(addresses);
    table[super::FIRST_NUMBER..][..values.len()].copy_from_slice(values);
    assert!(values.len() <= NUMBERS);
    // SAFETY: the tests give arrays of these lengths.
    unsafe { code.call(entry, &mut table, len, lines) };
    Some(())
}

fn unary<T: Lane>(op: Unary) {
    let probe = Tape::new(T::WIDE);
    if functions::unary(T::WIDE, op, probe.load(0)).is_none() {
        return;
    }
    for len in (0..70).chain([256, 1000, 4099]) {
        let x: Vec<T> = numbers(len as u64, len);
        let (mut by_loop, mut by_code) = (vec![T::default(); len], vec![T::of(!0); len + 1]);
        Isa::widest().unary(op, &x, &mut by_loop);
        let record = |tape: &Tape| {
            let y = functions::unary(T::WIDE, op, tape.load(0)).expect("it was just there");
            tape.store(1, y);
        };
        let addresses = [address(&x), address(&by_code)];
        if run(T::WIDE, &[EACH, EACH], record, (&addresses, &[]), (len, 1)).is_none() {
            return;
        }
        let by_code = std::mem::take(&mut by_code);
        assert!(same(&by_code[..len], &by_loop), "{op:?} of {len}: {x:?} {by_code:?} {by_loop:?}");
        assert_eq!(by_code[len].bits(), T::of(!0).bits(), "{op:?} of {len} writes behind the end");
    }
}

fn binary<T: Lane>(op: Binary) {
    let probe = Tape::new(T::WIDE);
    if functions::binary(T::WIDE, op, probe.load(0), probe.load(1)).is_none() {
        return;
    }
    for len in (0..40).chain([1000, 4099]) {
        let (x, y): (Vec<T>, Vec<T>) = (numbers(len as u64, len), numbers(len as u64 + 1000, len));
        // Each operand an array, a number of the table, and a constant.
        for (first, second) in (0..3).flat_map(|a| (0..3).map(move |b| (a, b))).filter(|(a, b)| a * b != 4) {
            let one = |x: &[T], how: usize| x.first().filter(|_| how > 0).copied();
            let operand = |x: &[T], how: usize| one(x, how).is_some();
            let (mut by_loop, by_code) = (vec![T::default(); len], vec![T::of(!0); len + 1]);
            let a = if operand(&x, first) { Operand::Number(x[0]) } else { Operand::Slice(&x) };
            let b = if operand(&y, second) { Operand::Number(y[0]) } else { Operand::Slice(&y) };
            Isa::widest().binary(op, a, b, &mut by_loop);
            let record = |tape: &Tape| {
                let of = |stream: usize, x: &[T], how: usize| match one(x, how) {
                    Some(_) if how == 1 => tape.number(stream),
                    Some(x) => tape.constant(x.bits()),
                    None => tape.load(stream),
                };
                let (a, b) = (of(0, &x, first), of(1, &y, second));
                tape.store(2, functions::binary(T::WIDE, op, a, b).expect("it was just there"));
            };
            let values = [x.first().map_or(0, |x| x.bits()), y.first().map_or(0, |y| y.bits())];
            let addresses = [address(&x), address(&y), address(&by_code)];
            if run(T::WIDE, &[EACH; 3], record, (&addresses, &values), (len, 1)).is_none() {
                return;
            }
            assert!(same(&by_code[..len], &by_loop), "{op:?} of {len}, {first} {second}");
            assert_eq!(by_code[len].bits(), T::of(!0).bits(), "{op:?} of {len} writes behind the end");
        }
    }
}

#[test]
fn functions_of_one_argument_give_the_bits_of_the_loops() {
    UNARY.into_iter().for_each(unary::<f32>);
    UNARY.into_iter().for_each(unary::<f64>);
}

#[test]
fn functions_of_two_arguments_give_the_bits_of_the_loops() {
    BINARY.into_iter().for_each(binary::<f32>);
    BINARY.into_iter().for_each(binary::<f64>);
}

/// A fused multiply-add writes over one of its operands: whichever of them is wanted again is kept.
fn fused<T: Lane>() {
    let sets: Vec<Vec<T>> = (0..3).map(|i| numbers(i, 100)).collect();
    // By bits: the operands that come from arrays (others are constants), and those wanted again.
    for (arrays, again) in (1..8_usize).flat_map(|a| (0..8_usize).map(move |b| (a, b))) {
        for order in [[0, 1, 2], [0, 0, 2], [0, 1, 1], [0, 1, 0], [0, 0, 0]] {
            let outs: Vec<Vec<T>> = vec![vec![T::default(); 100]; 4];
            let constant = |i: usize| T::any(&mut (i as u64 + 77));
            let record = |tape: &Tape| {
                let of = |i: usize| {
                    if arrays >> i & 1 == 1 { tape.load(i) } else { tape.constant(constant(i).bits()) }
                };
                let [a, b, c] = order.map(of);
                let fused = crate::cpu::vector::primitive::Lane::<f32>::fused(a, b, c);
                tape.store(6, fused);
                for i in (0..3).filter(|i| again >> i & 1 == 1 && arrays >> i & 1 == 1) {
                    tape.store(3 + i, of(i) + fused);
                }
            };
            let addresses: Vec<u64> =
                sets.iter().map(|x| address(x)).chain(outs.iter().map(|x| address(x))).collect();
            if run(T::WIDE, &[EACH; 7], record, (&addresses, &[]), (100, 1)).is_none() {
                return;
            }
            let of = |i: usize| if arrays >> i & 1 == 1 { sets[i].clone() } else { vec![constant(i); 100] };
            let [a, b, c] = order.map(of);
            let right: Vec<T> = (0..100).map(|i| a[i].fused(b[i], c[i])).collect();
            assert!(same(&outs[3], &right), "{arrays} {again} {order:?}");
            for i in (0..3).filter(|i| again >> i & 1 == 1 && arrays >> i & 1 == 1) {
                let mut sum = vec![T::default(); 100];
                Isa::widest().binary(Binary::Add, Operand::Slice(&of(i)), Operand::Slice(&right), &mut sum);
                assert!(same(&outs[i], &sum), "{arrays} {again} {order:?} {i}");
            }
        }
    }
}

#[test]
fn fused_operands_that_are_wanted_again_are_kept() {
    fused::<f32>();
    fused::<f64>();
}

/// Streams of every kind, line by line: `out ← (where given a + row else byte · column)`, and whether that is
/// below the row's.
fn lines<T: Lane + From<u8> + std::ops::Add<Output = T> + std::ops::Mul<Output = T> + PartialOrd>() {
    for (len, lines) in (1..40).flat_map(|len| (1..4).map(move |lines| (len, lines))) {
        let n = len * lines;
        let (x, row, column): (Vec<T>, Vec<T>, Vec<T>) = (numbers(1, n), numbers(2, len), numbers(3, lines));
        let given: Vec<bool> = (0..n).map(|i| i * 7 % 3 == 0).collect();
        let bytes: Vec<u8> = (0..n).map(|i| (i * 37 % 256) as u8).collect();
        let (out, truths) = (vec![T::default(); n + 1], vec![0xee_u8; n + 1]);
        let stream = |access, element| Stream { access, element };
        let streams = [
            EACH,
            stream(Access::SameLine, Element::Lane),
            stream(Access::PerLine, Element::Lane),
            BYTES,
            BYTES,
            EACH,
            BYTES,
        ];
        let record = |tape: &Tape| {
            let byte = functions::of_int(tape.load(4));
            let (a, b) = (tape.load(0) + tape.load(1), byte * tape.load(2));
            let out = functions::choose(tape.test(3), a, b);
            tape.store(5, out);
            let below = functions::compare(T::WIDE, Binary::Lt, out, tape.load(1)).expect("it compares");
            tape.store_truth(6, below);
        };
        let addresses = [
            address(&x),
            address(&row),
            address(&column),
            address(&given),
            address(&bytes),
            address(&out),
            address(&truths),
        ];
        if run(T::WIDE, &streams, record, (&addresses, &[]), (len, lines)).is_none() {
            return;
        }
        let of = |i: usize| if given[i] { x[i] + row[i % len] } else { T::from(bytes[i]) * column[i / len] };
        let right: Vec<T> = (0..n).map(of).collect();
        assert!(same(&out[..n], &right), "{lines} lines of {len}");
        let below: Vec<u8> = (0..n).map(|i| u8::from(right[i] < row[i % len])).collect();
        assert_eq!(truths[..n], below, "{lines} lines of {len}");
        assert_eq!((out[n].bits(), truths[n]), (0, 0xee), "{lines} lines of {len} end where they should");
    }
}

#[test]
fn streams_go_along_the_lines() {
    lines::<f32>();
    lines::<f64>();
}
