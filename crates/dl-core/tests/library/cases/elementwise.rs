//! The methods of `Expr` by the rows of the elementwise tables.

use dl_core::Expr;
use dl_core::ops::{Binary, Unary};

/// `op(x)`.
pub(crate) fn unary(op: Unary, x: Expr<'_>) -> Expr<'_> {
    match op {
        Unary::Neg => -x,
        Unary::Abs => x.abs(),
        Unary::Sign => x.sign(),
        Unary::Exp => x.exp(),
        Unary::Expm1 => x.expm1(),
        Unary::Log => x.log(),
        Unary::Log1p => x.log1p(),
        Unary::Sqrt => x.sqrt(),
        Unary::Sin => x.sin(),
        Unary::Cos => x.cos(),
        Unary::Tanh => x.tanh(),
        Unary::Sigmoid => x.sigmoid(),
        Unary::Softplus => x.softplus(),
        Unary::Relu => x.relu(),
        Unary::Erf => x.erf(),
        Unary::Floor => x.floor(),
        Unary::Ceil => x.ceil(),
        Unary::Round => x.round(),
        Unary::Log2 => x.log2(),
        Unary::Exp2 => x.exp2(),
        Unary::Tan => x.tan(),
        Unary::Sinh => x.sinh(),
        Unary::Cosh => x.cosh(),
        Unary::Asin => x.asin(),
        Unary::Acos => x.acos(),
        Unary::Atan => x.atan(),
        Unary::Erfc => x.erfc(),
        Unary::Erfcx => x.erfcx(),
        Unary::Erfinv => x.erfinv(),
        Unary::LogNdtr => x.log_ndtr(),
        Unary::Lgamma => x.lgamma(),
        Unary::Digamma => x.digamma(),
        Unary::IsFinite => x.is_finite(),
        Unary::Not => !x,
    }
}

/// `op(x, y)`.
pub(crate) fn binary<'g>(op: Binary, x: Expr<'g>, y: Expr<'g>) -> Expr<'g> {
    match op {
        Binary::Add => x + y,
        Binary::Sub => x - y,
        Binary::Mul => x * y,
        Binary::Div => x / y,
        Binary::Pow => x.pow(y),
        Binary::Max => x.maximum(y),
        Binary::Min => x.minimum(y),
        Binary::Eq => x.eq(y),
        Binary::Ne => x.ne(y),
        Binary::Lt => x.lt(y),
        Binary::Le => x.le(y),
        Binary::Gt => x.gt(y),
        Binary::Ge => x.ge(y),
        Binary::And => x.and(y),
        Binary::Or => x.or(y),
        Binary::Atan2 => x.atan2(y),
        Binary::FloorDivide => x.floor_divide(y),
        Binary::Remainder => x.remainder(y),
        Binary::Ierfcx => y.ierfcx(x),
        Binary::Polygamma => y.polygamma(x),
    }
}
