//! Elementwise functions.

use dl_core::{Expr, F64};

use super::numbers::{integer_quotient, wrapped};
use crate::call::{Call, Out, V, X, one};
use crate::types::Ty;

pub(super) fn apply<'g>(c: &Call<'_, 'g>) -> Option<Out<'g>> {
    Some(match c.op {
        "Abs" => unary(c, |x| x.abs()),
        "Neg" => unary(c, |x| -x),
        "Sign" => unary(c, |x| x.sign()),
        "Exp" => unary(c, |x| x.exp()),
        "Log" => unary(c, |x| x.log()),
        "Sqrt" => unary(c, |x| x.sqrt()),
        "Sin" => unary(c, |x| x.sin()),
        "Cos" => unary(c, |x| x.cos()),
        "Tan" => unary(c, |x| x.tan()),
        "Tanh" => unary(c, |x| x.tanh()),
        "Sinh" => unary(c, |x| x.sinh()),
        "Cosh" => unary(c, |x| x.cosh()),
        "Asinh" => unary(c, |x| x.sign() * (x.abs() + (x * x + 1.0).sqrt()).log()),
        "Acosh" => unary(c, |x| (x + (x * x - 1.0).sqrt()).log()),
        "Atanh" => unary(c, |x| (x.log1p() - (-x).log1p()) * 0.5),
        "Atan" => unary(c, |x| x.atan()),
        "Asin" => unary(c, |x| x.asin()),
        "Acos" => unary(c, |x| x.acos()),
        "Sigmoid" => unary(c, |x| x.sigmoid()),
        "Softplus" => unary(c, |x| x.softplus()),
        "Relu" => unary(c, |x| x.maximum(0.0)),
        "Erf" => unary(c, |x| x.erf()),
        "Floor" => unary(c, |x| x.floor()),
        "Ceil" => unary(c, |x| x.ceil()),
        "Round" => unary(c, |x| x.round()),
        "Reciprocal" => unary(c, |x| 1.0 / x),
        "Identity" | "OptionalGetElement" => c.value(0).map(|v| vec![v]),
        "Not" => unary(c, |x| !x),
        "IsNaN" => c.x(0).and_then(|x| one(x.e.ne(x.e), Ty::Bool)),
        "IsInf" => c.x(0).and_then(|x| {
            let (up, down) = (c.int("detect_positive", 1) == 1, c.int("detect_negative", 1) == 1);
            let never = x.e.lt(x.e);
            let up = if up { x.e.eq(f64::INFINITY) } else { never };
            let down = if down { x.e.eq(f64::NEG_INFINITY) } else { never };
            one(up.or(down), Ty::Bool)
        }),
        "Elu" => unary(c, |x| x.gt(0.0).select(x, x.expm1() * c.float("alpha", 1.0))),
        "Celu" => {
            let a = c.float("alpha", 1.0);
            unary(c, |x| x.gt(0.0).select(x, (x / a).expm1() * a))
        }
        "Selu" => {
            let (a, g) = (c.float("alpha", 1.6732632423543772), c.float("gamma", 1.0507009873554805));
            unary(c, |x| x.gt(0.0).select(x, x.expm1() * a) * g)
        }
        "LeakyRelu" => unary(c, |x| x.lt(0.0).select(x * c.float("alpha", 0.01), x)),
        "PRelu" => binary(c, |x, slope| {
            let slope = slope.broadcast_to(&x.shape());
            x.lt(0.0).select(x * slope, x)
        }),
        "ThresholdedRelu" => unary(c, |x| x.gt(c.float("alpha", 1.0)).select(x, 0.0)),
        "HardSigmoid" => unary(c, |x| (x * c.float("alpha", 0.2) + c.float("beta", 0.5)).clip(0.0, 1.0)),
        "HardSwish" => unary(c, |x| x * (x / 6.0 + 0.5).clip(0.0, 1.0)),
        "Mish" => unary(c, |x| x * x.softplus().tanh()),
        "Softsign" => unary(c, |x| x / (x.abs() + 1.0)),
        "Swish" => unary(c, |x| x * (x * c.float("alpha", 1.0)).sigmoid()),
        "SwiGLU" => binary(c, |x, y| x * (x * c.float("alpha", 1.0)).sigmoid() * y),
        "Gelu" => unary(c, |x| match c.text("approximate", "none").as_str() {
            "tanh" => {
                x * 0.5 * (((x * x * x * 0.044715 + x) * (2.0 / std::f64::consts::PI).sqrt()).tanh() + 1.0)
            }
            _ => x * 0.5 * ((x / 2f64.sqrt()).erf() + 1.0),
        }),
        "Shrink" => {
            let (bias, l) = (c.float("bias", 0.0), c.float("lambd", 0.5));
            typed(c, |x| Ok(exactly(x, |x| x.lt(-l).select(x + bias, x.gt(l).select(x - bias, 0.0)))))
        }
        "Clip" => clip(c),
        "ai.onnx.ml.Binarizer" => {
            let t = c.float("threshold", 0.0);
            c.x(0).map(|x| vec![x.like(x.e.gt(t).cast(x.e.dtype()))])
        }

        "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Mod" => arithmetic(c),
        "Max" => folded(c, |a, b| a.maximum(b)),
        "Min" => folded(c, |a, b| a.minimum(b)),
        "Sum" => folded(c, |a, b| a + b),
        "Mean" => folded(c, |a, b| a + b).map(|v| match v.first() {
            Some(V::T(x)) => vec![x.like(x.e / c.inputs.len() as f64)],
            _ => v,
        }),
        "And" => binary(c, |x, y| x.and(y)),
        "Or" => binary(c, |x, y| x.or(y)),
        "Xor" => binary(c, |x, y| x.ne(y)),
        "Equal" => compared(c, |x, y| x.eq(y)),
        "Greater" => compared(c, |x, y| x.gt(y)),
        "GreaterOrEqual" => compared(c, |x, y| x.ge(y)),
        "Less" => compared(c, |x, y| x.lt(y)),
        "LessOrEqual" => compared(c, |x, y| x.le(y)),
        "Where" => (|| {
            let (p, x, y) = (c.x(0)?, c.x(1)?, c.x(2)?);
            if x.ty == Ty::Bool {
                return Ok(vec![x.like((p.e.and(x.e)).or((!p.e).and(y.e)))]);
            }
            Ok(vec![x.like(p.e.select(x.e, y.e))])
        })(),
        _ => return None,
    })
}

fn unary<'g>(c: &Call<'_, 'g>, f: impl FnOnce(Expr<'g>) -> Expr<'g>) -> Out<'g> {
    let x = c.x(0)?;
    Ok(vec![x.like(f(x.e))])
}

fn typed<'g>(c: &Call<'_, 'g>, f: impl FnOnce(X<'g>) -> Result<Expr<'g>, String>) -> Out<'g> {
    let x = c.x(0)?;
    Ok(vec![x.like(f(x)?)])
}

fn binary<'g>(c: &Call<'_, 'g>, f: impl FnOnce(Expr<'g>, Expr<'g>) -> Expr<'g>) -> Out<'g> {
    let (x, y) = (c.x(0)?, c.x(1)?);
    Ok(vec![x.like(f(x.e, y.e))])
}

fn compared<'g>(c: &Call<'_, 'g>, f: impl FnOnce(Expr<'g>, Expr<'g>) -> Expr<'g>) -> Out<'g> {
    let (x, y) = (c.x(0)?, c.x(1)?);
    one(f(x.e, y.e), Ty::Bool)
}

fn folded<'g>(c: &Call<'_, 'g>, f: impl Fn(Expr<'g>, Expr<'g>) -> Expr<'g>) -> Out<'g> {
    let first = c.x(0)?;
    let mut all = first.e;
    for i in 1..c.inputs.len() {
        all = f(all, c.x(i)?.e);
    }
    Ok(vec![first.like(all)])
}

/// Of integers by way of doubles, which hold those of 32 bits and less.
pub(super) fn exactly<'g>(x: X<'g>, f: impl FnOnce(Expr<'g>) -> Expr<'g>) -> Expr<'g> {
    if x.ty.is_float() { f(x.e) } else { f(x.e.cast(F64)).cast(x.e.dtype()) }
}

pub(super) fn truncate(x: Expr<'_>) -> Expr<'_> {
    x.lt(0.0).select(x.ceil(), x.floor())
}

fn clip<'g>(c: &Call<'_, 'g>) -> Out<'g> {
    let x = c.x(0)?;
    let mut y = x.e;
    let bound = |i: usize, name: &str| -> Result<Option<Expr<'g>>, String> {
        let attribute = c.attributes[name].as_f64().map(|v| c.g.constant(x.e.dtype(), v));
        Ok(attribute.or(c.optional(i)?.map(|b| b.e)))
    };
    if let Some(low) = bound(1, "min")? {
        y = y.maximum(low.reshape(()));
    }
    if let Some(high) = bound(2, "max")? {
        y = y.minimum(high.reshape(()));
    }
    Ok(vec![x.like(y)])
}

/// Of the quotient rounded towards zero; numbers less than the divisor are their own.
fn remainder<'g>(x: Expr<'g>, y: Expr<'g>) -> Expr<'g> {
    let y = y.broadcast_to(&x.shape());
    let quotient = truncate(x / y);
    quotient.eq(0.0).select(x, x - quotient * y)
}

fn arithmetic<'g>(c: &Call<'_, 'g>) -> Out<'g> {
    let (x, y) = (c.x(0)?, c.x(1)?);
    let fmod = c.int("fmod", 0) == 1;
    let e = match (c.op, x.ty) {
        ("Add", ty) => wrapped(x.e + y.e, ty),
        ("Sub", ty) => wrapped(x.e - y.e, ty),
        ("Mul", ty) => wrapped(x.e * y.e, ty),
        ("Div", Ty::Int(..)) => integer_quotient(x.e, y.e, true),
        ("Div", _) => x.e / y.e,
        ("Mod", Ty::Int(..)) if !fmod => x.e.remainder(y.e),
        ("Mod", Ty::Int(..)) => x.e - integer_quotient(x.e, y.e, fmod) * y.e,
        ("Mod", _) if fmod => remainder(x.e, y.e),
        ("Mod", _) => x.e.remainder(y.e),
        (_, ty) if ty.is_float() => x.e.pow(y.e.cast(x.e.dtype())),
        (_, ty) => wrapped(truncate(x.e.cast(F64).pow(y.e.cast(F64))).cast(x.e.dtype()), ty),
    };
    Ok(vec![x.like(e)])
}
