//! Element types, bits, and constants.

use dl_core::{Expr, F32, F64, I64};

use super::elementwise::truncate;
use crate::call::{Call, Out, V, X, axis_of, one};
use crate::types::Ty;

pub(super) fn apply<'g>(c: &Call<'_, 'g>) -> Option<Out<'g>> {
    Some(match c.op {
        "Cast" => {
            (|| Ok(vec![V::T(cast(c.x(0)?, Ty::numbered(c.int("to", 0))?, c.int("saturate", 1) == 1)?)]))()
        }
        "CastLike" => (|| Ok(vec![V::T(cast(c.x(0)?, c.x(1)?.ty, true)?)]))(),
        "BitShift" => (|| {
            let (x, by) = (c.x(0)?, c.x(1)?);
            let Ty::Int(bits, _) = x.ty else { return Err("bits of floats".into()) };
            // Beyond the width, and before 0, nothing is left but the sign.
            let inside = by.e.ge(0.0).and(by.e.lt(f64::from(bits)));
            let safe = inside.select(by.e, 0.0);
            let factor = c.g.constant(F64, 2.0).broadcast_to(&by.e.shape()).pow(safe.cast(F64)).cast(I64);
            let e = match c.text("direction", "LEFT").as_str() {
                "LEFT" => inside.select(wrapped(x.e * factor, x.ty), 0.0),
                _ => inside
                    .select(integer_quotient(x.e, factor, false), x.e.lt(0.0).select(x.e * 0.0 - 1.0, 0.0)),
            };
            Ok(vec![x.like(e)])
        })(),
        "BitwiseAnd" => bitwise(c, |a, b| a * b),
        "BitwiseOr" => bitwise(c, |a, b| a + b - a * b),
        "BitwiseXor" => bitwise(c, |a, b| a + b - a * b * 2.0),
        "BitwiseNot" => c.x(0).and_then(|x| match x.ty {
            Ty::Int(_, true) => Ok(vec![x.like(-x.e - 1.0)]),
            ty => match ty.range() {
                Some((_, high)) => Ok(vec![x.like(-x.e + high)]),
                None => Err("bits of 64-bit integers without sign".into()),
            },
        }),
        "Constant" => constant(c),
        "ConstantOfShape" => (|| {
            let shape = c.ints(0)?.ok_or("a shape is needed")?;
            let (value, ty) = if c.has("value") {
                c.tensor("value")?
            } else {
                (dl_core::Tensor::vector(vec![0f32]), Ty::Float)
            };
            let shape: Vec<usize> = shape.into_iter().map(|n| n as usize).collect();
            one(
                c.g.literal(value)
                    .reshape(())
                    .broadcast_to(&shape.into_iter().collect::<Vec<_>>().as_slice().into()),
                ty,
            )
        })(),
        "Shape" => (|| {
            let x = c.x(0)?;
            let rank = x.rank() as i64;
            let bound = |at: i64| (if at < 0 { at + rank } else { at }).clamp(0, rank) as usize;
            let (start, end) = (bound(c.int("start", 0)), bound(c.int("end", rank)));
            let all: Vec<f64> = x.sizes()[start..end.max(start)].iter().map(|n| *n as f64).collect();
            one(c.literal(I64, &[all.len()], &all), Ty::Int(64, true))
        })(),
        "Size" => {
            (|| one(c.g.constant(I64, c.x(0)?.sizes().iter().product::<usize>() as f64), Ty::Int(64, true)))()
        }
        "Range" => (|| {
            let (start, delta) = (c.x(0)?, c.x(2)?);
            let ends: Vec<f64> = (0..3)
                .map(|i| Ok(c.known(c.x(i)?.e)?.item().map_err(|e| e.to_string())?))
                .collect::<Result<_, String>>()?;
            let n = ((ends[1] - ends[0]) / ends[2]).ceil().max(0.0) as usize;
            let e = c.g.iota(start.e.dtype(), 0, [n]) * delta.e.reshape(()) + start.e.reshape(());
            Ok(vec![start.like(e)])
        })(),
        "EyeLike" => (|| {
            let x = c.x(0)?;
            let ty = if c.has("dtype") { Ty::numbered(c.int("dtype", 1))? } else { x.ty };
            let count = |axis| c.g.iota(I64, axis, x.e.shape());
            one((count(1) - count(0)).eq(c.int("k", 0) as f64).cast(ty.dtype()), ty)
        })(),
        "OneHot" => (|| {
            let (x, depth, values) = (c.x(0)?, c.numbers(1)?.ok_or("a depth is needed")?[0], c.x(2)?);
            let rank = x.rank();
            let axis = axis_of(c.int("axis", -1), rank + 1)?;
            let wide: Vec<usize> = {
                let mut s = x.sizes();
                s.insert(axis, depth as usize);
                s
            };
            let i = if x.ty.is_float() { x.e.cast(I64) } else { x.e };
            let i = i.lt(0.0).select(i + depth, i).unsqueeze(axis);
            let hot = i.eq(c.g.iota(I64, axis, wide.as_slice()));
            let value = |k: usize| values.e.slice(0, k, k + 1).reshape(());
            Ok(vec![values.like(hot.select(value(1), value(0)))])
        })(),
        _ => return None,
    })
}

/// Into the range of an integer type, round and round.
pub(super) fn wrapped<'g>(e: Expr<'g>, ty: Ty) -> Expr<'g> {
    let Some((low, high)) = ty.range() else { return e };
    let span = high - low + 1.0;
    let turns = ((e.cast(F64) - low) / span).floor().cast(I64);
    e - turns * span
}

/// Quotients of integers that doubles hold, towards zero or down.
pub(super) fn integer_quotient<'g>(x: Expr<'g>, y: Expr<'g>, to_zero: bool) -> Expr<'g> {
    let q = x.cast(F64) / y.cast(F64);
    (if to_zero { truncate(q) } else { q.floor() }).cast(I64)
}

pub(super) fn cast<'g>(x: X<'g>, to: Ty, saturate: bool) -> Result<X<'g>, String> {
    let _ = saturate;
    let e = match (x.ty, to) {
        (from, to) if from == to => x.e,
        // Half precision is held in single; a program rounds where it is asked to.
        (_, Ty::Half(_)) => x.e.cast(F32),
        (from, Ty::Int(..)) if from.is_float() => wrapped(x.e.cast(I64), to),
        (Ty::Int(..), Ty::Int(..)) => wrapped(x.e, to),
        (_, to) => x.e.cast(to.dtype()),
    };
    Ok(X::new(e, to))
}

/// `f` of the single bits, put together again.
fn bitwise<'g>(c: &Call<'_, 'g>, f: impl Fn(Expr<'g>, Expr<'g>) -> Expr<'g>) -> Out<'g> {
    let (x, y) = (c.x(0)?, c.x(1)?);
    let Ty::Int(bits @ ..=32, signed) = x.ty else { return Err("bits of 64-bit integers".into()) };
    let span = 2f64.powi(bits as i32);
    let positive = |e: Expr<'g>| e.lt(0.0).select(e + span, e);
    let bit = |e: Expr<'g>, k: u32| {
        let down = |n: i32| (positive(e).cast(F64) * 2f64.powi(-n)).floor();
        (down(k as i32) - down(k as i32 + 1) * 2.0).cast(I64)
    };
    let mut all = f(bit(x.e, 0), bit(y.e, 0));
    for k in 1..bits {
        all = all + f(bit(x.e, k), bit(y.e, k)) * 2f64.powi(k as i32);
    }
    Ok(vec![x.like(if signed { wrapped(all, x.ty) } else { all })])
}

fn constant<'g>(c: &Call<'_, 'g>) -> Out<'g> {
    if c.has("value") {
        let (tensor, ty) = c.tensor("value")?;
        return one(c.g.literal(tensor), ty);
    }
    let many = |name: &str| -> Option<Vec<f64>> {
        Some(c.attributes[name].as_array()?.iter().map(|v| v.as_f64().unwrap_or(0.0)).collect())
    };
    if let Some(v) = c.attributes["value_float"].as_f64() {
        return one(c.g.constant(F32, v), Ty::Float);
    }
    if let Some(v) = c.attributes["value_int"].as_i64() {
        return one(c.g.constant(I64, v as f64), Ty::Int(64, true));
    }
    if let Some(v) = many("value_floats") {
        return one(c.literal(F32, &[v.len()], &v), Ty::Float);
    }
    if let Some(v) = many("value_ints") {
        return one(c.literal(I64, &[v.len()], &v), Ty::Int(64, true));
    }
    Err("constants of strings".into())
}
