//! Quantization.

use dl_core::{Expr, F32, F64};

use super::conv::{convolved, windows};
use super::linear::product;
use crate::call::{Call, Out, V, X, axis_of, one, sizes};
use crate::types::Ty;

pub(super) fn apply<'g>(c: &Call<'_, 'g>) -> Option<Out<'g>> {
    Some(match c.op {
        "QuantizeLinear" => (|| {
            let (x, scale, zero) = (c.x(0)?, c.x(1)?, c.optional(2)?);
            let ty = match zero {
                Some(zero) => zero.ty,
                None if c.has("output_dtype") => Ty::numbered(c.int("output_dtype", 2))?,
                None => Ty::Int(8, false),
            };
            let y = x.e / spread(c, scale.e.cast(x.e.dtype()), x)?;
            let zero = zero.map(|z| spread(c, z.e, x)).transpose()?;
            one(quantized(y, zero, ty)?, ty)
        })(),
        "DequantizeLinear" => (|| {
            let (x, scale, zero) = (c.x(0)?, c.x(1)?, c.optional(2)?);
            let e = match zero {
                Some(zero) => x.e - spread(c, zero.e, x)?,
                None => x.e,
            };
            Ok(vec![scale.like(e.cast(F32) * spread(c, scale.e, x)?)])
        })(),
        "DynamicQuantizeLinear" => (|| {
            let x = c.x(0)?.e;
            let (high, low) = (x.max(..).maximum(0.0), x.min(..).minimum(0.0));
            let scale = high.eq(low).select(high * 0.0 + 1.0, high - low) / 255.0;
            let zero = (-low / scale).clip(0.0, 255.0).round();
            let ty = Ty::Int(8, false);
            let y = ((x / scale).round() + zero).clip(0.0, 255.0).cast(ty.dtype());
            Ok(vec![
                V::T(X::new(y, ty)),
                V::T(X::new(scale, Ty::Float)),
                V::T(X::new(zero.cast(ty.dtype()), ty)),
            ])
        })(),
        "QLinearMatMul" => (|| {
            let part = |i: usize| -> Result<(Expr<'g>, Expr<'g>), String> {
                Ok((c.x(i)?.e - c.x(i + 2)?.e, c.x(i + 1)?.e.cast(F64)))
            };
            let ((a, a_scale), (b, b_scale)) = (part(0)?, part(3)?);
            let zero = c.x(7)?;
            let y = product(a, b).cast(F64) * (a_scale * b_scale / c.x(6)?.e.cast(F64));
            one(quantized_with(y, zero.e.cast(F64), zero.ty)?, zero.ty)
        })(),
        "QLinearConv" => (|| {
            let (x, w) = (c.x(0)?, c.x(3)?);
            let weights = w.e - per_channel(c.x(5)?.e, w.rank(), 0);
            let at = windows(c, x, Some(&w.sizes()[2..]))?;
            let mut y = convolved(x.e - c.x(2)?.e, weights, &at, c.int("group", 1) as usize);
            if let Some(bias) = c.optional(8)? {
                y = y + per_channel(bias.e, y.shape().rank(), 1);
            }
            let scale = c.x(1)?.e.cast(F64) * c.x(4)?.e.cast(F64) / c.x(6)?.e.cast(F64);
            let zero = c.x(7)?;
            let y = y.cast(F64) * per_channel(scale, y.shape().rank(), 1);
            one(quantized_with(y, zero.e.cast(F64), zero.ty)?, zero.ty)
        })(),
        _ => return None,
    })
}

fn per_channel<'g>(e: Expr<'g>, rank: usize, axis: usize) -> Expr<'g> {
    match sizes(e).as_slice() {
        [n] if *n > 1 => {
            let mut shape = vec![1; rank];
            shape[axis] = *n;
            e.reshape(shape.as_slice())
        }
        [_] => e.reshape(()),
        _ => e,
    }
}

/// A scale or zero point beside the elements that it is for: one, one a slice, or one a block.
fn spread<'g>(c: &Call<'_, 'g>, e: Expr<'g>, x: X<'g>) -> Result<Expr<'g>, String> {
    let own = sizes(e);
    if own.is_empty() || own == [1] {
        return Ok(e.reshape(()));
    }
    let axis = axis_of(c.int("axis", 1), x.rank())?;
    Ok(match c.int("block_size", 0) as usize {
        0 => {
            let mut shape = vec![1; x.rank()];
            shape[axis] = own[0];
            e.reshape(shape.as_slice())
        }
        block => e.repeat(axis, block).slice(axis, 0, x.sizes()[axis]),
    })
}

fn quantized<'g>(y: Expr<'g>, zero: Option<Expr<'g>>, ty: Ty) -> Result<Expr<'g>, String> {
    let (low, high) = ty.range().ok_or("quantization to other types than integers")?;
    let y = y.round();
    let y = zero.map_or(y, |z| y + z.cast(y.dtype()));
    Ok(y.clip(low, high).cast(ty.dtype()))
}

/// Rounded behind the zero point.
fn quantized_with<'g>(y: Expr<'g>, zero: Expr<'g>, ty: Ty) -> Result<Expr<'g>, String> {
    let (low, high) = ty.range().ok_or("quantization to other types than integers")?;
    Ok((y + zero.reshape(())).round().clip(low, high).cast(ty.dtype()))
}
