//! Every row of the tables, on every instruction set of this machine, against its definition.

use dl_core::ops::binary::{BINARY, Binary, Class};
use dl_core::ops::unary::{UNARY, Unary};

use super::fidelity::{self, ulps};
use super::{Isa, Operand};

/// Where functions change their nature, and what has no neighbour.
const SPECIAL: [f32; 26] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    2.0,
    -2.0,
    3.0,
    -3.0,
    0.625,
    0.925,
    -0.999_999_94,
    88.722_84,
    88.722_85,
    -87.336_55,
    -100.0,
    -103.972_08,
    -103.972_09,
    f32::MIN_POSITIVE,
    -f32::MIN_POSITIVE,
    1e-45,
    -1e-45,
    f32::MAX,
    f32::INFINITY,
    f32::NEG_INFINITY,
    f32::NAN,
];

/// Where the run over all inputs found the largest errors, in this or an earlier form of a kernel.
const WORST: [f32; 16] = [
    59.306_038,
    -5.853_371,
    0.384_363_8,
    0.376_670_9,
    0.702_981_1,
    0.705_891_2,
    0.422_302_4,
    0.415_925_65,
    0.631_044_2,
    -16.642_534,
    -1.975_850_7,
    -0.754_806_1,
    -1.262_119_7,
    0.933_451_95,
    0.896_668_1,
    2.488_432_8e34,
];

/// Special values, and from each binade and sign some numbers that have nothing in common.
fn stratified(each: u32) -> Vec<f32> {
    let mut state = 0x9e37_79b9_u32;
    let mut x = [&SPECIAL[..], &WORST].concat();
    for high in 0..512_u32 {
        for _ in 0..each {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            x.push(f32::from_bits(high << 23 | state >> 9));
        }
    }
    x
}

fn same<T: Copy + Into<f64>>(a: &[T], b: &[T]) -> bool {
    a.iter().zip(b).all(|(a, b)| {
        let (a, b): (f64, f64) = ((*a).into(), (*b).into());
        a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
    })
}

#[test]
fn functions_of_one_argument_keep_their_bounds() {
    let x = stratified(64);
    let mut y = vec![0.0; x.len()];
    for (isa, row) in Isa::all().into_iter().flat_map(|isa| UNARY.iter().map(move |row| (isa, row))) {
        isa.unary(row.op, &x, &mut y);
        for (x, y) in x.iter().zip(&y) {
            let exact = (row.value)(f64::from(*x));
            let (error, bound) = (ulps(*y, exact), fidelity::unary(row.op));
            assert!(error <= bound, "{isa:?} {}({x:e}) = {y:e}, not {exact:e}: {error} ulp", row.name);
        }
    }
}

#[test]
fn functions_of_two_arguments_keep_their_bounds() {
    let y: Vec<f32> = stratified(1).into_iter().step_by(5).chain(SPECIAL).collect();
    let mut z = vec![0.0; y.len()];
    for (isa, row) in Isa::all().into_iter().flat_map(|isa| BINARY.iter().map(move |row| (isa, row))) {
        for x in SPECIAL.into_iter().chain(y.iter().copied()) {
            isa.binary(row.op, Operand::Number(x), Operand::Slice(&y), &mut z);
            for (y, z) in y.iter().zip(&z) {
                let exact = (row.value)(f64::from(x), f64::from(*y));
                let (error, bound) = (ulps(*z, exact), fidelity::binary(row.op));
                let name = row.name;
                assert!(error <= bound, "{isa:?} {name}({x:e}, {y:e}) = {z:e}, not {exact:e}: {error} ulp");
            }
        }
    }
}

#[test]
fn doubles_are_close_to_the_standard_library() {
    let x: Vec<f64> = stratified(16)
        .into_iter()
        .flat_map(|x| {
            let x = f64::from(x);
            [x, x * 1.000_000_1, x * x * x, 7.0 * x]
        })
        .chain([709.782, 709.79, -745.13, -745.14, -708.4, 5e-324, f64::MAX, f64::MIN_POSITIVE])
        .collect();
    let mut y = vec![0.0_f64; x.len()];
    for (isa, row) in Isa::all().into_iter().flat_map(|isa| UNARY.iter().map(move |row| (isa, row))) {
        isa.unary(row.op, &x, &mut y);
        for (x, y) in x.iter().zip(&y) {
            let exact = (row.value)(*x);
            let ulp = (exact.abs() * f64::EPSILON).max(5e-324);
            let near = y.to_bits() == exact.to_bits() || exact.is_nan() && y.is_nan();
            let near = near || (y - exact).abs() <= 3.0 * ulp && (*y != 0.0 || exact != 0.0);
            assert!(near, "{isa:?} {}({x:e}) = {y:e}, not {exact:e}", row.name);
        }
    }
}

#[test]
fn forms_lengths_and_places_make_no_difference() {
    let (x, y) = (stratified(1), stratified(2));
    for isa in Isa::all() {
        for len in [0, 1, 7, 33, 500] {
            let (x, y) = (&x[3..3 + len], &y[500..500 + len]);
            for row in UNARY {
                let one: Vec<f32> = x.iter().map(|x| unary1(isa, row.op, *x)).collect();
                let mut all = x.to_vec();
                isa.unary_in_place(row.op, &mut all);
                assert!(same(&one, &all), "{isa:?} {} of {len}", row.name);
            }
            for row in BINARY {
                let one: Vec<f32> = x.iter().zip(y).map(|(x, y)| binary1(isa, row.op, *x, *y)).collect();
                let (mut left, mut right) = (x.to_vec(), y.to_vec());
                isa.binary_in_place(row.op, &mut left, Operand::Slice(y));
                isa.binary_in_place_right(row.op, Operand::Slice(x), &mut right);
                assert!(same(&one, &left) && same(&one, &right), "{isa:?} {} of {len}", row.name);
                if len > 0 {
                    numbers(isa, row.op, x, y[0]);
                }
            }
        }
    }
}

/// One number on either side, into a slice and in place.
fn numbers(isa: Isa, op: Binary, x: &[f32], n: f32) {
    let mut out = vec![0.0; x.len()];
    let (mut left, mut right) = (x.to_vec(), x.to_vec());
    isa.binary(op, Operand::Slice(x), Operand::Number(n), &mut out);
    isa.binary_in_place(op, &mut left, Operand::Number(n));
    assert!(same(&left, &out), "{isa:?} {op:?}");
    assert!(same(&out[..1], &[binary1(isa, op, x[0], n)]), "{isa:?} {op:?}");
    isa.binary(op, Operand::Number(n), Operand::Slice(x), &mut out);
    isa.binary_in_place_right(op, Operand::Number(n), &mut right);
    assert!(same(&right, &out), "{isa:?} {op:?}");
    assert!(same(&out[..1], &[binary1(isa, op, n, x[0])]), "{isa:?} {op:?}");
}

fn unary1(isa: Isa, op: Unary, x: f32) -> f32 {
    let mut y = [0.0];
    isa.unary(op, &[x], &mut y);
    y[0]
}

fn binary1(isa: Isa, op: Binary, x: f32, y: f32) -> f32 {
    let mut z = [0.0];
    isa.binary(op, Operand::Number(x), Operand::Number(y), &mut z);
    z[0]
}

#[test]
fn instruction_sets_with_fma_agree_to_the_bit() {
    let x = stratified(8);
    let (mut first, mut other) = (vec![0.0; x.len()], vec![0.0; x.len()]);
    let fused: Vec<Isa> = Isa::all().into_iter().filter(|isa| isa.name() != "portable").collect();
    for (pair, row) in fused.windows(2).flat_map(|pair| UNARY.iter().map(move |row| (pair, row))) {
        pair[0].unary(row.op, &x, &mut first);
        pair[1].unary(row.op, &x, &mut other);
        assert!(same(&first, &other), "{pair:?} {}", row.name);
    }
}

#[test]
fn comparisons_choices_and_casts() {
    let (x, y) = (stratified(1), stratified(2));
    let y = &y[..x.len()];
    let (mut truth, mut chosen) = (vec![false; x.len()], vec![0.0; x.len()]);
    for isa in Isa::all() {
        for row in BINARY.iter().filter(|row| row.class == Class::Comparison) {
            isa.compare(row.op, Operand::Slice(&x), Operand::Slice(y), &mut truth);
            let expected = x.iter().zip(y).map(|(x, y)| row.op.compare(x, y));
            assert!(expected.eq(truth.iter().map(|t| Some(*t))), "{isa:?} {}", row.name);
        }
        let pick = |a: &[f32], b: &[f32]| -> Vec<f32> {
            (0..x.len()).map(|i| if truth[i] { a[i % a.len()] } else { b[i % b.len()] }).collect()
        };
        for a in [Operand::Slice(&x), Operand::Number(7.0)] {
            for b in [Operand::Slice(y), Operand::Number(-7.0)] {
                isa.select(&truth, a, b, &mut chosen);
                let elements = |o| if let Operand::Slice(s) = o { s } else { &[] };
                let (a, b): (&[f32], &[f32]) = (elements(a), elements(b));
                let a = if a.is_empty() { &[7.0] } else { a };
                let b = if b.is_empty() { &[-7.0] } else { b };
                assert!(same(&pick(a, b), &chosen), "{isa:?}");
            }
        }
        isa.is_finite(&x, &mut truth);
        assert!(x.iter().map(|x| x.is_finite()).eq(truth.iter().copied()), "{isa:?}");
        let bytes: Vec<u8> = (0..=255).collect();
        let mut numbers = vec![0.0_f32; 256];
        isa.cast(&bytes, &mut numbers);
        assert!(bytes.iter().map(|b| f32::from(*b)).eq(numbers.iter().copied()), "{isa:?}");
        isa.cast(&[i64::MAX, -3, 16_777_217], &mut numbers[..3]);
        assert_eq!(numbers[..3], [9.223_372e18, -3.0, 16_777_216.0]);
        isa.cast(&[true, false], &mut numbers[..2]);
        assert_eq!(numbers[..2], [1.0, 0.0]);
    }
}
