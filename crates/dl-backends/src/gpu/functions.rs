//! Elementwise operations, numbers, casts and terms of reductions in WGSL.

use dl_core::ops::{Binary, Reduce, Unary};
use dl_core::{DType, Scalar};

use super::library::Called;

/// What a value of this type is in registers.
pub(super) fn register_type(dtype: DType) -> &'static str {
    match dtype {
        DType::F32 | DType::F64 => "f32",
        DType::I64 | DType::U8 => "i32",
        DType::Bool => "bool",
    }
}

/// What an element of this type is in memory.
pub(super) fn memory_type(dtype: DType) -> &'static str {
    match dtype {
        DType::Bool => "u32",
        other => register_type(other),
    }
}

/// A number.
pub(super) fn number(value: Scalar, dtype: DType, called: &mut Called) -> Option<String> {
    Some(match dtype {
        DType::F32 | DType::F64 => float(value.as_f64() as f32, called),
        DType::I64 | DType::U8 => match value {
            Scalar::Int(n) => int(i32::try_from(n).ok()?),
            Scalar::Bool(b) => int(i32::from(b)),
            Scalar::Float(x) if x == x.trunc() && x.abs() < 2e9 => int(x as i32),
            Scalar::Float(_) => return None,
        },
        DType::Bool => (value.as_f64() != 0.0).to_string(),
    })
}

fn int(n: i32) -> String {
    if n == i32::MIN { "(-2147483647i - 1i)".into() } else { format!("{n}i") }
}

fn float(x: f32, called: &mut Called) -> String {
    if x.is_normal() || x.to_bits() == 0 {
        return format!("{x:?}f");
    }
    // What a constant of the language must not be: infinite, NaN, subnormal, -0.
    called.insert("bits");
    format!("bits({}u)", x.to_bits())
}

/// `op` of a value of type `of`.
pub(super) fn unary(op: Unary, of: DType, x: &str, called: &mut Called) -> Option<String> {
    let mut call = |name: &'static str| {
        called.insert(name);
        format!("{name}({x})")
    };
    Some(match (op, of) {
        (Unary::Neg, _) => format!("(-{x})"),
        (Unary::Abs, _) => format!("abs({x})"),
        (Unary::Sign, DType::I64) => format!("sign({x})"),
        (Unary::Not, _) => format!("(!{x})"),
        (Unary::Sign, _) => call("sign_"),
        (Unary::Exp, _) => call("exp_"),
        (Unary::Expm1, _) => call("expm1_"),
        (Unary::Log, _) => call("log_"),
        (Unary::Log1p, _) => call("log1p_"),
        (Unary::Sqrt, _) => format!("sqrt({x})"),
        (Unary::Sin, _) => call("sin_"),
        (Unary::Cos, _) => call("cos_"),
        (Unary::Tanh, _) => call("tanh_"),
        (Unary::Sigmoid, _) => call("sigmoid_"),
        (Unary::Softplus, _) => call("softplus_"),
        (Unary::Relu, _) => format!("select({x}, 0.0f, {x} < 0.0f)"),
        (Unary::Erf, _) => call("erf_"),
        (Unary::Floor, _) => format!("floor({x})"),
        (Unary::IsFinite, _) => call("is_finite_"),
        (Unary::Ceil, _) => format!("ceil({x})"),
        // To the even number, as WGSL says.
        (Unary::Round, _) => format!("round({x})"),
        (Unary::Log2, _) => call("log2_"),
        (Unary::Exp2, _) => call("exp2_"),
        (Unary::Tan, _) => call("tan_"),
        (Unary::Sinh, _) => call("sinh_"),
        (Unary::Cosh, _) => call("cosh_"),
        (Unary::Asin, _) => call("asin_"),
        (Unary::Acos, _) => call("acos_"),
        (Unary::Atan, _) => call("atan_"),
        (Unary::Erfc, _) => call("erfc_"),
        (Unary::Erfcx, _) => call("erfcx_"),
        (Unary::Erfinv, _) => call("erfinv_"),
        (Unary::LogNdtr, _) => call("log_ndtr_"),
        // Single precision has too few digits beside their zeros.
        (Unary::Lgamma | Unary::Digamma, _) => return None,
    })
}

/// `op` of two values of type `of`.
pub(super) fn binary(op: Binary, of: DType, x: &str, y: &str, called: &mut Called) -> Option<String> {
    let sign = match op {
        Binary::Add => "+",
        Binary::Sub => "-",
        Binary::Mul => "*",
        Binary::Div if of.is_float() => "/",
        Binary::Div => return None,
        Binary::Eq => "==",
        Binary::Lt => "<",
        Binary::Le => "<=",
        Binary::Gt => ">",
        Binary::Ge => ">=",
        // On some devices NaN does not differ from NaN.
        Binary::Ne => return Some(format!("(!({x} == {y}))")),
        Binary::And => return Some(format!("({x} && {y})")),
        Binary::Or => return Some(format!("({x} || {y})")),
        Binary::Max | Binary::Min if of == DType::Bool => return None,
        Binary::Max | Binary::Min if !of.is_float() => {
            return Some(format!("{}({x}, {y})", if op == Binary::Max { "max" } else { "min" }));
        }
        Binary::Max | Binary::Min => {
            let name = if op == Binary::Max { "max_" } else { "min_" };
            called.insert(name);
            return Some(format!("{name}({x}, {y})"));
        }
        Binary::Pow | Binary::Atan2 => {
            let name = if op == Binary::Pow { "pow_" } else { "atan2_" };
            called.insert(name);
            return Some(format!("{name}({x}, {y})"));
        }
        Binary::FloorDivide | Binary::Remainder if !of.is_float() => {
            let name = if op == Binary::Remainder { "remainder_" } else { "floor_divide_" };
            called.insert(name);
            return Some(format!("{name}({x}, {y})"));
        }
        // Of floats, the quotient would have to be exact.
        Binary::FloorDivide | Binary::Remainder | Binary::Ierfcx | Binary::Polygamma => return None,
    };
    if of == DType::Bool && sign != "==" {
        // false < true.
        return Some(match op {
            Binary::Lt => format!("(!{x} && {y})"),
            Binary::Le => format!("(!{x} || {y})"),
            Binary::Gt => format!("({x} && !{y})"),
            Binary::Ge => format!("({x} || !{y})"),
            _ => return None,
        });
    }
    Some(format!("({x} {sign} {y})"))
}

/// A value of type `from` in type `to`.
pub(super) fn cast(from: DType, to: DType, x: &str, called: &mut Called) -> String {
    match (register_type(from), register_type(to)) {
        _ if to == DType::U8 && from == DType::I64 => format!("clamp({x}, 0i, 255i)"),
        ("f32", "i32") => {
            called.insert("byte_");
            format!("byte_({x})")
        }
        ("f32", "bool") => format!("(!({x} == 0.0f))"),
        ("i32", "bool") => format!("({x} != 0i)"),
        ("bool", "i32") => format!("select(0i, 1i, {x})"),
        ("bool", "f32") => format!("select(0.0f, 1.0f, {x})"),
        ("i32", "f32") => format!("f32({x})"),
        _ => x.into(),
    }
}

/// The neutral element of a reduction.
pub(super) fn identity(kind: Reduce, dtype: DType, called: &mut Called) -> String {
    match (kind, dtype.is_float()) {
        (Reduce::Max, false) => "(-2147483647i - 1i)".into(),
        (Reduce::Min, false) => "2147483647i".into(),
        (kind, true) => float(kind.identity() as f32, called),
        (kind, false) => int(kind.identity() as i32),
    }
}

/// Two terms of a reduction.
pub(super) fn combine(kind: Reduce, dtype: DType, x: &str, y: &str, called: &mut Called) -> Option<String> {
    let op = match kind {
        Reduce::Sum => Binary::Add,
        Reduce::Prod => Binary::Mul,
        Reduce::Max => Binary::Max,
        Reduce::Min => Binary::Min,
    };
    binary(op, dtype, x, y, called)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_no_constants_are_bits() {
        let mut called = Called::new();
        assert_eq!(number(Scalar::Float(0.1), DType::F32, &mut called).as_deref(), Some("0.1f"));
        assert!(called.is_empty());
        let least = number(Scalar::Float(f64::NEG_INFINITY), DType::F32, &mut called);
        assert_eq!(least.as_deref(), Some("bits(4286578688u)"));
        assert_eq!(number(Scalar::Int(1 << 40), DType::I64, &mut called), None);
    }
}
