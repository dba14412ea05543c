//! Elementwise functions, `select` and `cast`, each as the backend's own operation where it has one
//! that is accurate.

use burn_backend::tensor::{BoolTensor, FloatTensor, IntTensor};
use burn_backend::{Backend, Scalar as BurnScalar};
use dl_core::ops::{Binary, Unary};
use dl_core::{DType, Scalar};

use super::host;
use super::machine::Machine;
use super::step::{Operand, Step};
use super::value::{Value, extents};

type Result<T> = std::result::Result<T, String>;

/// A function of one argument.
pub(super) fn unary<B: Backend>(m: &Machine<B>, step: &Step<B>, op: Unary, x: Value<B>) -> Result<Value<B>> {
    match x {
        Value::Float(x) => unary_float(m, step, op, x),
        Value::Int(x) if step.exact => Ok(Value::Int(match op {
            Unary::Neg => B::int_neg(x),
            Unary::Abs => B::int_abs(x),
            _ => B::int_sign(x),
        })),
        Value::Int(x) => {
            let f = op.value_i64().ok_or_else(|| format!("{} of integers", op.row().name))?;
            host::map_ints(m, Value::Int(x), &step.shape, f)
        }
        Value::Bool(x) => Ok(Value::Bool(B::bool_not(x))),
        Value::Empty => Ok(Value::Empty),
    }
}

fn unary_float<B: Backend>(m: &Machine<B>, step: &Step<B>, op: Unary, x: FloatTensor<B>) -> Result<Value<B>> {
    let dtype = step.args[0].dtype;
    if !m.on_host
        && let Some(y) = super::device::unary::<B>(op, x.clone(), m.bool, m.rough)
    {
        return Ok(Value::Float(y));
    }
    Ok(Value::Float(match op {
        Unary::Neg => B::float_neg(x),
        Unary::Abs => B::float_abs(x),
        Unary::Sign => {
            let nan = B::float_is_nan(x.clone(), m.bool);
            B::float_mask_where(B::float_sign(x.clone()), nan, x)
        }
        Unary::Exp => B::float_exp(x),
        Unary::Log => B::float_log(x),
        Unary::Log1p => B::float_log1p(x),
        Unary::Sqrt => B::float_sqrt(x),
        Unary::Sin => B::float_sin(x),
        Unary::Cos => B::float_cos(x),
        Unary::Tanh => B::float_tanh(x),
        Unary::Relu => B::float_clamp_min(x, BurnScalar::Float(0.0)),
        Unary::Erf => B::float_erf(x),
        Unary::Floor => B::float_floor(x),
        Unary::IsFinite => {
            let largest = if dtype == DType::F64 { f64::MAX } else { f64::from(f32::MAX) };
            return Ok(Value::Bool(B::float_lower_equal_elem(
                B::float_abs(x),
                BurnScalar::Float(largest),
                m.bool,
            )));
        }
        Unary::Ceil => B::float_ceil(x),
        // burn has none of these that keeps its accuracy at both ends.
        Unary::Expm1
        | Unary::Sigmoid
        | Unary::Softplus
        | Unary::Round
        | Unary::Log2
        | Unary::Exp2
        | Unary::Tan
        | Unary::Sinh
        | Unary::Cosh
        | Unary::Asin
        | Unary::Acos
        | Unary::Atan
        | Unary::Erfc
        | Unary::Erfcx
        | Unary::Erfinv
        | Unary::LogNdtr
        | Unary::Lgamma
        | Unary::Digamma => {
            let shape = Value::<B>::Float(x.clone()).shape();
            return host::map_floats(m, Value::Float(x), dtype, &shape, op.row().value);
        }
        Unary::Not => return Err("not of floats".into()),
    }))
}

/// A function of two arguments, one of which may be a scalar.
pub(super) fn binary<B: Backend>(
    m: &Machine<B>,
    step: &Step<B>,
    op: Binary,
    x: Operand<B>,
    y: Operand<B>,
) -> Result<Value<B>> {
    match (x, y) {
        (Operand::Value(x), Operand::Value(y)) => both(m, step, op, x, y),
        (Operand::Value(x), Operand::Scalar(c)) => with_scalar(m, step, op, x, c),
        (Operand::Scalar(c), Operand::Value(y)) => match flipped(op) {
            Some(op) => with_scalar(m, step, op, y, c),
            None => scalar_first(m, step, op, c, y),
        },
        (Operand::Scalar(_), Operand::Scalar(_)) => Err(format!("{} of two scalars", op.row().name)),
    }
}

fn both<B: Backend>(
    m: &Machine<B>,
    step: &Step<B>,
    op: Binary,
    x: Value<B>,
    y: Value<B>,
) -> Result<Value<B>> {
    // Only these are known to broadcast on every backend.
    let broadcasts = !matches!(op, Binary::Max | Binary::Min | Binary::Pow) && !on_the_host(op);
    let (x, y) = match (x, y) {
        (Value::Float(x), Value::Float(y)) if broadcasts => (Value::Float(x), Value::Float(y)),
        (x, y) => (x.whole(&step.shape), y.whole(&step.shape)),
    };
    match (x, y) {
        (x @ Value::Float(_), y @ Value::Float(_)) if on_the_host(op) => {
            host::zip_floats(m, x, y, step.dtype, &step.shape, op.row().value)
        }
        (Value::Float(x), Value::Float(y)) => floats(m, op, x, y),
        (Value::Int(x), Value::Int(y)) => ints(m, step, op, x, y),
        (Value::Bool(x), Value::Bool(y)) => bools::<B>(op, x, y),
        (Value::Empty, _) => Ok(Value::Empty),
        (x, y) => Err(format!("{} of {} and {}", op.row().name, x.kind(), y.kind())),
    }
}

/// Whether burn has no such function of floats.
fn on_the_host(op: Binary) -> bool {
    matches!(op, Binary::Atan2 | Binary::FloorDivide | Binary::Remainder | Binary::Ierfcx | Binary::Polygamma)
}

fn floats<B: Backend>(m: &Machine<B>, op: Binary, x: FloatTensor<B>, y: FloatTensor<B>) -> Result<Value<B>> {
    Ok(match op {
        Binary::Add => Value::Float(B::float_add(x, y)),
        Binary::Sub => Value::Float(B::float_sub(x, y)),
        Binary::Mul => Value::Float(B::float_mul(x, y)),
        Binary::Div => Value::Float(B::float_div(x, y)),
        Binary::Pow if !m.on_host => Value::Float(super::device::pow::<B>(x, y, m.bool, m.rough)),
        Binary::Pow => Value::Float(B::float_powf(x, y)),
        Binary::Max | Binary::Min => {
            let wins = match op {
                Binary::Max => B::float_greater(x.clone(), y.clone(), m.bool),
                _ => B::float_lower(x.clone(), y.clone(), m.bool),
            };
            // Where y is NaN, x does not win; where x is, it must.
            let wins = B::bool_or(wins, B::float_is_nan(x.clone(), m.bool));
            Value::Float(B::float_mask_where(y, wins, x))
        }
        Binary::Eq => Value::Bool(B::float_equal(x, y, m.bool)),
        // On some devices NaN does not differ from NaN.
        Binary::Ne => Value::Bool(B::bool_not(B::float_equal(x, y, m.bool))),
        Binary::Lt => Value::Bool(B::float_lower(x, y, m.bool)),
        Binary::Le => Value::Bool(B::float_lower_equal(x, y, m.bool)),
        Binary::Gt => Value::Bool(B::float_greater(x, y, m.bool)),
        Binary::Ge => Value::Bool(B::float_greater_equal(x, y, m.bool)),
        Binary::And | Binary::Or => return Err(format!("{} of floats", op.row().name)),
        op => return Err(format!("{} of floats on a device", op.row().name)),
    })
}

fn ints<B: Backend>(
    m: &Machine<B>,
    step: &Step<B>,
    op: Binary,
    x: IntTensor<B>,
    y: IntTensor<B>,
) -> Result<Value<B>> {
    Ok(match op {
        Binary::Max | Binary::Min => {
            let wins = match op {
                Binary::Max => B::int_greater(x.clone(), y.clone(), m.bool),
                _ => B::int_lower(x.clone(), y.clone(), m.bool),
            };
            Value::Int(B::int_mask_where(y, wins, x))
        }
        Binary::Eq => Value::Bool(B::int_equal(x, y, m.bool)),
        Binary::Ne => Value::Bool(B::int_not_equal(x, y, m.bool)),
        Binary::Lt => Value::Bool(B::int_lower(x, y, m.bool)),
        Binary::Le => Value::Bool(B::int_lower_equal(x, y, m.bool)),
        Binary::Gt => Value::Bool(B::int_greater(x, y, m.bool)),
        Binary::Ge => Value::Bool(B::int_greater_equal(x, y, m.bool)),
        Binary::Add if step.exact => Value::Int(B::int_add(x, y)),
        Binary::Sub if step.exact => Value::Int(B::int_sub(x, y)),
        Binary::Mul if step.exact => Value::Int(B::int_mul(x, y)),
        _ => {
            let f = op.value_i64().ok_or_else(|| format!("{} of integers", op.row().name))?;
            return host::zip_ints(m, Value::Int(x), Value::Int(y), &step.shape, f);
        }
    })
}

fn bools<B: Backend>(op: Binary, x: BoolTensor<B>, y: BoolTensor<B>) -> Result<Value<B>> {
    Ok(Value::Bool(match op {
        Binary::And => B::bool_and(x, y),
        Binary::Or => B::bool_or(x, y),
        Binary::Eq => B::bool_equal(x, y),
        Binary::Ne => B::bool_not(B::bool_equal(x, y)),
        // false < true.
        Binary::Lt => B::bool_and(B::bool_not(x), y),
        Binary::Le => B::bool_or(B::bool_not(x), y),
        Binary::Gt => B::bool_and(x, B::bool_not(y)),
        Binary::Ge => B::bool_or(x, B::bool_not(y)),
        _ => return Err(format!("{} of truth values", op.row().name)),
    }))
}

fn with_scalar<B: Backend>(
    m: &Machine<B>,
    step: &Step<B>,
    op: Binary,
    x: Value<B>,
    c: Scalar,
) -> Result<Value<B>> {
    match x {
        Value::Float(x) => float_with_scalar(m, step, op, x, c.as_f64()),
        Value::Int(x) => int_with_scalar(m, step, op, x, c),
        Value::Bool(x) => {
            let c = m.full(DType::Bool, &step.shape, c)?.bool()?;
            bools::<B>(op, Value::<B>::Bool(x).whole(&step.shape).bool()?, c)
        }
        Value::Empty => Ok(Value::Empty),
    }
}

fn float_with_scalar<B: Backend>(
    m: &Machine<B>,
    step: &Step<B>,
    op: Binary,
    x: FloatTensor<B>,
    value: f64,
) -> Result<Value<B>> {
    let c = BurnScalar::Float(value);
    Ok(match op {
        Binary::Add => Value::Float(B::float_add_scalar(x, c)),
        Binary::Sub => Value::Float(B::float_sub_scalar(x, c)),
        Binary::Mul => Value::Float(B::float_mul_scalar(x, c)),
        Binary::Div => Value::Float(B::float_div_scalar(x, c)),
        Binary::Max if !value.is_nan() => {
            let below = B::float_lower_elem(x.clone(), c, m.bool);
            Value::Float(B::float_mask_fill(x, below, c))
        }
        Binary::Min if !value.is_nan() => {
            let above = B::float_greater_elem(x.clone(), c, m.bool);
            Value::Float(B::float_mask_fill(x, above, c))
        }
        Binary::Pow if value == 2.0 => Value::Float(B::float_mul(x.clone(), x)),
        Binary::Eq => Value::Bool(B::float_equal_elem(x, c, m.bool)),
        Binary::Ne => Value::Bool(B::bool_not(B::float_equal_elem(x, c, m.bool))),
        Binary::Lt => Value::Bool(B::float_lower_elem(x, c, m.bool)),
        Binary::Le => Value::Bool(B::float_lower_equal_elem(x, c, m.bool)),
        Binary::Gt => Value::Bool(B::float_greater_elem(x, c, m.bool)),
        Binary::Ge => Value::Bool(B::float_greater_equal_elem(x, c, m.bool)),
        Binary::Pow
        | Binary::Max
        | Binary::Min
        | Binary::Atan2
        | Binary::FloorDivide
        | Binary::Remainder
        | Binary::Ierfcx
        | Binary::Polygamma => {
            let c = m.full(step.args[0].dtype, &step.shape, Scalar::Float(value))?;
            return both(m, step, op, Value::Float(x), c);
        }
        Binary::And | Binary::Or => return Err(format!("{} of floats", op.row().name)),
    })
}

fn int_with_scalar<B: Backend>(
    m: &Machine<B>,
    step: &Step<B>,
    op: Binary,
    x: IntTensor<B>,
    value: Scalar,
) -> Result<Value<B>> {
    let c = m.scalar(value)?;
    Ok(match op {
        Binary::Add if step.exact => Value::Int(B::int_add_scalar(x, c)),
        Binary::Sub if step.exact => Value::Int(B::int_sub_scalar(x, c)),
        Binary::Mul if step.exact => Value::Int(B::int_mul_scalar(x, c)),
        Binary::Max => {
            let below = B::int_lower_elem(x.clone(), c, m.bool);
            Value::Int(B::int_mask_fill(x, below, c))
        }
        Binary::Min => {
            let above = B::int_greater_elem(x.clone(), c, m.bool);
            Value::Int(B::int_mask_fill(x, above, c))
        }
        Binary::Eq => Value::Bool(B::int_equal_elem(x, c, m.bool)),
        Binary::Ne => Value::Bool(B::int_not_equal_elem(x, c, m.bool)),
        Binary::Lt => Value::Bool(B::int_lower_elem(x, c, m.bool)),
        Binary::Le => Value::Bool(B::int_lower_equal_elem(x, c, m.bool)),
        Binary::Gt => Value::Bool(B::int_greater_elem(x, c, m.bool)),
        Binary::Ge => Value::Bool(B::int_greater_equal_elem(x, c, m.bool)),
        _ => {
            let (f, Scalar::Int(c)) = (op.value_i64(), value) else {
                return Err(format!("{} of integers and {value}", op.row().name));
            };
            let f = f.ok_or_else(|| format!("{} of integers", op.row().name))?;
            return host::map_ints(m, Value::Int(x), &step.shape, |n| f(n, c));
        }
    })
}

/// The functions that are not symmetric and have no mirror image.
fn scalar_first<B: Backend>(
    m: &Machine<B>,
    step: &Step<B>,
    op: Binary,
    c: Scalar,
    y: Value<B>,
) -> Result<Value<B>> {
    match (op, y) {
        // As exact as a subtraction, and needs no second array.
        (Binary::Sub, Value::Float(y)) => {
            Ok(Value::Float(B::float_add_scalar(B::float_neg(y), BurnScalar::Float(c.as_f64()))))
        }
        (_, Value::Float(y)) => {
            let ones = vec![1; extents(&step.shape).len()];
            let c = m.full(step.dtype, &ones, c)?;
            both(m, step, op, c, Value::Float(y))
        }
        (_, Value::Empty) => Ok(Value::Empty),
        (_, y) => {
            let c = m.full(step.dtype, &step.shape, c)?;
            both(m, step, op, c, y)
        }
    }
}

/// The function `f` with `f(x, c) = op(c, x)`, where there is one.
fn flipped(op: Binary) -> Option<Binary> {
    Some(match op {
        Binary::Add
        | Binary::Mul
        | Binary::Max
        | Binary::Min
        | Binary::Eq
        | Binary::Ne
        | Binary::And
        | Binary::Or => op,
        Binary::Lt => Binary::Gt,
        Binary::Le => Binary::Ge,
        Binary::Gt => Binary::Lt,
        Binary::Ge => Binary::Le,
        Binary::Sub | Binary::Div | Binary::Pow | Binary::Atan2 => return None,
        Binary::FloorDivide | Binary::Remainder | Binary::Ierfcx | Binary::Polygamma => return None,
    })
}

/// Elements of `a` where the condition holds, else of `b`.
pub(super) fn select<B: Backend>(
    m: &Machine<B>,
    step: &Step<B>,
    condition: BoolTensor<B>,
    a: Operand<B>,
    b: Operand<B>,
) -> Result<Value<B>> {
    let shape = &step.shape;
    match (a, b) {
        (Operand::Scalar(a), b) => {
            let b = match b {
                Operand::Value(b) => b.whole(shape),
                Operand::Scalar(b) => m.full(step.dtype, shape, b)?,
            };
            fill(m, step, b, condition, a)
        }
        (Operand::Value(a), Operand::Scalar(b)) => fill(m, step, a.whole(shape), B::bool_not(condition), b),
        (Operand::Value(a), Operand::Value(b)) => match (a.whole(shape), b.whole(shape)) {
            (Value::Float(a), Value::Float(b)) => Ok(Value::Float(B::float_mask_where(b, condition, a))),
            (Value::Int(a), Value::Int(b)) => Ok(Value::Int(B::int_mask_where(b, condition, a))),
            (Value::Bool(a), Value::Bool(b)) => Ok(Value::Bool(B::bool_mask_where(b, condition, a))),
            (a, b) => Err(format!("select between {} and {}", a.kind(), b.kind())),
        },
    }
}

fn fill<B: Backend>(
    m: &Machine<B>,
    step: &Step<B>,
    x: Value<B>,
    mask: BoolTensor<B>,
    c: Scalar,
) -> Result<Value<B>> {
    Ok(match x {
        Value::Float(x) => Value::Float(B::float_mask_fill(x, mask, BurnScalar::Float(c.as_f64()))),
        Value::Int(x) => Value::Int(B::int_mask_fill(x, mask, m.scalar(c)?)),
        Value::Bool(x) => {
            let c = m.full(DType::Bool, &step.shape, c)?.bool()?;
            Value::Bool(B::bool_mask_where(x, mask, c))
        }
        Value::Empty => Value::Empty,
    })
}

/// The same values in another element type.
pub(super) fn cast<B: Backend>(m: &Machine<B>, step: &Step<B>, x: Value<B>) -> Result<Value<B>> {
    let zero = BurnScalar::Float(0.0);
    let (from, to) = (step.args[0].dtype, step.dtype);
    Ok(match (x, to) {
        (Value::Empty, _) => Value::Empty,
        (Value::Float(x), DType::F32 | DType::F64) => Value::Float(B::float_cast(x, m.float_dtype(to))),
        (Value::Int(x), DType::F32 | DType::F64) => Value::Float(B::int_into_float(x, m.float_dtype(to))),
        (Value::Bool(x), DType::F32 | DType::F64) => Value::Float(B::bool_into_float(x, m.float_dtype(to))),
        (Value::Float(x), DType::Bool) => Value::Bool(B::bool_not(B::float_equal_elem(x, zero, m.bool))),
        (Value::Int(x), DType::Bool) => Value::Bool(B::int_not_equal_elem(x, BurnScalar::Int(0), m.bool)),
        (Value::Bool(x), DType::Bool) => Value::Bool(x),
        (Value::Bool(x), _) => Value::Int(B::bool_into_int(x, m.int_dtype(to))),
        (Value::Int(x), DType::I64) => Value::Int(B::int_cast(x, m.int)),
        (Value::Int(x), _) if from == DType::U8 => Value::Int(x),
        (Value::Int(x), _) => {
            let byte = B::int_clamp(x, BurnScalar::Int(0), BurnScalar::Int(255));
            Value::Int(B::int_cast(byte, m.byte))
        }
        // burn's conversions panic outside the integer's range, or leave it open what comes out.
        (x @ Value::Float(_), _) => host::truncate(m, x, from, to, &step.shape)?,
    })
}
