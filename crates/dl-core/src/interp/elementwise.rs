//! What elementwise functions, `select` and `cast` mean.

use super::array::{Array, Values, Values::*, saturate};
use crate::dtype::DType;
use crate::ops::unary::{Takes, truth};
use crate::ops::{Binary, Unary};

/// `f(x)` for every element.
pub(super) fn unary(op: Unary, x: &Array) -> Result<Values, String> {
    let row = op.row();
    Ok(match (&x.data, row.takes) {
        (Float(v), Takes::Floats | Takes::Numbers) => Float(v.iter().map(|&x| (row.value)(x)).collect()),
        (Float(v), Takes::FloatsToBool) => Bool(v.iter().map(|&x| (row.value)(x) != 0.0).collect()),
        (Bool(v), Takes::Bools) => Bool(v.iter().map(|&x| (row.value)(truth(x)) != 0.0).collect()),
        (Int(v), Takes::Numbers) => {
            let f = op.value_i64().ok_or_else(|| format!("{} is not defined for integers", row.name))?;
            Int(v.iter().map(|&x| f(x)).collect())
        }
        (v, _) => return Err(format!("{} of {}", row.name, v.kind())),
    })
}

/// `f(x, y)` for every pair of elements.
pub(super) fn binary(op: Binary, x: &Array, y: &Array) -> Result<Values, String> {
    let name = op.row().name;
    match (&x.data, &y.data) {
        (Float(a), Float(b)) => Ok(compared(op, a, b).unwrap_or_else(|| Float(zip(a, b, op.row().value)))),
        (Int(a), Int(b)) => match (compared(op, a, b), op.value_i64()) {
            (Some(truths), _) => Ok(truths),
            (None, Some(f)) => Ok(Int(zip(a, b, f))),
            (None, None) => Err(format!("{name} is not defined for integers")),
        },
        (Bool(a), Bool(b)) => {
            let logic = |x, y| (op.row().value)(truth(x), truth(y)) != 0.0;
            Ok(compared(op, a, b).unwrap_or_else(|| Bool(zip(a, b, logic))))
        }
        (a, b) => Err(format!("{name} of {} and {}", a.kind(), b.kind())),
    }
}

/// The truth of a comparison for every pair; nothing if `op` is none.
fn compared<T: PartialOrd>(op: Binary, a: &[T], b: &[T]) -> Option<Values> {
    let truths: Option<Vec<bool>> = a.iter().zip(b).map(|(x, y)| op.compare(x, y)).collect();
    // Without elements there is nothing to ask, except whether it is a comparison at all.
    op.compare(&0, &0)?;
    truths.map(Bool)
}

fn zip<T: Copy>(a: &[T], b: &[T], f: impl Fn(T, T) -> T) -> Vec<T> {
    a.iter().zip(b).map(|(x, y)| f(*x, *y)).collect()
}

/// Elements of `a` where the condition holds, else of `b`.
pub(super) fn select(condition: &Array, a: &Array, b: &Array) -> Result<Values, String> {
    let Bool(c) = &condition.data else {
        return Err(format!("select needs truth values, got {}", condition.data.kind()));
    };
    let n = a.data.len();
    let both = a.data.clone().append(&b.data)?;
    Ok(both.pick(&c.iter().enumerate().map(|(i, &c)| if c { i } else { n + i }).collect::<Vec<_>>()))
}

/// The same values in another element type.
pub(super) fn cast(x: &Array, to: DType) -> Values {
    match (&x.data, to) {
        (Float(v), DType::F32 | DType::F64) => Float(v.clone()),
        (Int(v), DType::F32 | DType::F64) => Float(v.iter().map(|&n| n as f64).collect()),
        (Bool(v), DType::F32 | DType::F64) => Float(v.iter().map(|&b| truth(b)).collect()),
        // `as` truncates, saturates and takes NaN to 0, which is what a cast is here.
        (Float(v), DType::I64) => Int(v.iter().map(|&x| x as i64).collect()),
        (Float(v), DType::U8) => Int(v.iter().map(|&x| i64::from(x as u8)).collect()),
        (Int(v), DType::I64) => Int(v.clone()),
        (Int(v), DType::U8) => Int(v.iter().map(|&n| i64::from(saturate(n))).collect()),
        (Bool(v), DType::I64 | DType::U8) => Int(v.iter().map(|&b| i64::from(b)).collect()),
        (Float(v), DType::Bool) => Bool(v.iter().map(|&x| x != 0.0).collect()),
        (Int(v), DType::Bool) => Bool(v.iter().map(|&n| n != 0).collect()),
        (Bool(v), DType::Bool) => Bool(v.clone()),
    }
}
