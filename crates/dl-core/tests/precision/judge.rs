//! The verdict: how far a computed number is from the truth, in units that the function itself sets.
//!
//! Inputs are only known to half a unit in their last place, and the function makes of that
//! `ε · Σ |xᵢ · ∂f/∂xᵢ|`: its condition. An error is measured in `ε · (|f| + Σ |xᵢ · ∂f/∂xᵢ|)`.

use dl_core::ops::{Binary, Unary};
use dl_core::{DType, Program, Tensor};

use super::ball::Ball;
use super::evaluate::{Arithmetic, Values, evaluate, inputs};
use super::extended::Extended;

/// A true number and what its inputs' last digits make of it.
#[derive(Clone, Debug)]
pub(crate) struct Truth {
    pub(crate) value: Ball,
    /// `Σ |xᵢ · ∂f/∂xᵢ|`.
    pub(crate) sensitivity: Ball,
}

/// Digits that are tried, one after the other.
const DIGITS: [usize; 2] = [320, 1600];
/// Known digits that a reference needs.
const NEEDED: i64 = 150;

/// The true outputs of a program that was compiled without rewriting, element by element.
pub(crate) fn truth(program: &Program, given: &[(&str, Tensor)]) -> Vec<Vec<Truth>> {
    let (a, truths) = insensitive(program, given);
    with_sensitivity(&a, program, given, truths)
}

/// The same as if every last digit of the inputs were known: sooner there, and enough where what is
/// computed is right even so.
#[allow(dead_code)]
pub(crate) fn exact_truth(program: &Program, given: &[(&str, Tensor)]) -> Vec<Vec<Truth>> {
    insensitive(program, given).1
}

fn insensitive(program: &Program, given: &[(&str, Tensor)]) -> (Extended, Vec<Vec<Truth>>) {
    let exactly = |o: &Values<Ball>| {
        o.reals().into_iter().map(|v| Truth { value: v.clone(), sensitivity: Ball::exact(0.0) }).collect()
    };
    let mut best = vec![];
    for digits in DIGITS {
        let a = Extended::new(digits);
        let outputs = evaluate(&a, program, given, &[]);
        let known = outputs.iter().flat_map(Values::reals).all(|b| b.has_digits(NEEDED));
        best = outputs;
        if known || digits == DIGITS[DIGITS.len() - 1] {
            return (a, best.iter().map(exactly).collect());
        }
    }
    unreachable!("the last try returns: {best:?}")
}

fn with_sensitivity(
    a: &Extended,
    program: &Program,
    given: &[(&str, Tensor)],
    mut truths: Vec<Vec<Truth>>,
) -> Vec<Vec<Truth>> {
    for decl in program.inputs().iter().filter(|d| d.dtype.is_float()) {
        let name: &str = &decl.name;
        // A step of one unit in the last place, so that what is of second order counts as well.
        let step = if decl.dtype == DType::F32 { f64::from(f32::EPSILON) } else { f64::EPSILON };
        let tensor = &given.iter().find(|(n, _)| *n == name).expect("every input is given").1;
        for (i, x) in tensor.to_f64().into_iter().enumerate().filter(|(_, x)| *x != 0.0 && x.is_finite()) {
            let mut values = inputs(a, tensor);
            values.cells[i] =
                super::evaluate::Cell::Real(a.binary(Binary::Mul, &a.real(x), &a.real(1.0 + step)));
            let moved = evaluate(a, program, given, &[(name, values)]);
            for (truths, moved) in truths.iter_mut().zip(&moved) {
                for (truth, moved) in truths.iter_mut().zip(moved.reals()) {
                    let change = a.unary(Unary::Abs, &a.binary(Binary::Sub, moved, &truth.value));
                    let change = a.binary(Binary::Mul, &change, &a.real(step.recip()));
                    // A change that drowns in the error bound is none.
                    if change.negative() == Some(false) {
                        truth.sensitivity = a.binary(Binary::Add, &truth.sensitivity, &change);
                    }
                }
            }
        }
    }
    truths
}

/// The errors of computed elements; `None` where the truth is unknown or no number of the type.
pub(crate) fn errors(dtype: DType, truth: &[Truth], computed: &[f64]) -> Vec<Option<f64>> {
    assert_eq!(truth.len(), computed.len());
    truth.iter().zip(computed).map(|(t, c)| error(dtype, t, *c)).collect()
}

fn error(dtype: DType, truth: &Truth, computed: f64) -> Option<f64> {
    // Numbers below the smallest normal one have fewer digits, and some devices take them for zero.
    let (epsilon, largest, tiny) = match dtype {
        DType::F32 => (f64::from(f32::EPSILON), f64::from(f32::MAX), f64::from(f32::MIN_POSITIVE) / 4.0),
        _ => (f64::EPSILON, f64::MAX, f64::MIN_POSITIVE / 4.0),
    };
    if !truth.value.has_digits(100) {
        return None;
    }
    if let Ball::Infinite(negative) = truth.value {
        let same = computed.is_infinite() && (computed < 0.0) == negative;
        return Some(if same { 0.0 } else { f64::INFINITY });
    }
    let a = Extended::new(320);
    let size = a.unary(Unary::Abs, &truth.value);
    if a.compare(Binary::Gt, &size, &a.real(largest)) != Some(false) && size.to_f64() > largest * 0.999 {
        return None;
    }
    if !computed.is_finite() {
        return Some(f64::INFINITY);
    }
    let off = a.unary(Unary::Abs, &a.binary(Binary::Sub, &a.real(computed), &truth.value));
    let scale = a.binary(Binary::Add, &size, &truth.sensitivity);
    let unit = a.binary(Binary::Add, &a.binary(Binary::Mul, &scale, &a.real(epsilon)), &a.real(tiny));
    Some(a.binary(Binary::Div, &off, &unit).to_f64())
}
