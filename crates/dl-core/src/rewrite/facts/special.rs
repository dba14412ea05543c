//! What is known of the functions that formulas use less often.

use std::f64::consts::PI;

use super::Facts;
use crate::ops::{Binary, Unary};

/// The least value of `log Γ` to the right of 0, a little less.
const LEAST_LGAMMA: f64 = -0.121_487;

pub(super) fn unary(op: Unary, x: &Facts) -> Facts {
    let value = op.row().value;
    let size = x.low.abs().max(x.high.abs());
    let rising = || Facts::range(value(x.low), value(x.high), x.finite);
    let falling = || Facts::range(value(x.high), value(x.low), x.finite);
    let inside = |v: f64| v.clamp(-1.0, 1.0);
    match op {
        Unary::Ceil | Unary::Round => rising(),
        Unary::Log2 => Facts {
            finite: x.finite && x.low > 0.0,
            ..Facts::range(value(x.low.max(0.0)), value(x.high.max(0.0)), false)
        },
        // Powers of two beyond are infinite in single precision.
        Unary::Exp2 => Facts { nonzero: true, finite: x.finite && x.high < 120.0, ..rising() },
        Unary::Sinh => Facts { nonzero: x.nonzero, finite: x.finite && size < 80.0, ..rising() },
        Unary::Cosh => Facts::range(1.0, value(size), x.finite && size < 80.0),
        Unary::Asin | Unary::Erfinv => {
            let edge = if op == Unary::Erfinv { size < 1.0 } else { size <= 1.0 };
            let range = Facts::range(value(inside(x.low)), value(inside(x.high)), x.finite && edge);
            Facts { nonzero: x.nonzero, ..range }
        }
        Unary::Acos => Facts::range(value(inside(x.high)), value(inside(x.low)), x.finite && size <= 1.0),
        Unary::Atan => Facts { nonzero: x.nonzero, ..rising() },
        Unary::Erfc => Facts { nonzero: true, ..falling() },
        Unary::Erfcx => Facts { nonzero: true, finite: x.finite && x.low > -9.0, ..falling() },
        // The square of the argument may overflow.
        Unary::LogNdtr => Facts { nonzero: true, finite: x.finite && x.low > -1e15, ..rising() },
        Unary::Lgamma if x.non_negative() => {
            Facts::range(LEAST_LGAMMA, f64::INFINITY, x.finite && x.positive() && x.moderate())
        }
        Unary::Tan => Facts { finite: x.finite, ..Facts::UNKNOWN },
        Unary::Digamma => Facts { finite: x.finite && x.low > 1e-30, ..Facts::UNKNOWN },
        _ => Facts::UNKNOWN,
    }
}

pub(super) fn binary(op: Binary, x: &Facts, y: &Facts) -> Facts {
    match op {
        Binary::Atan2 => {
            let low = if x.non_negative() { 0.0 } else { -PI };
            Facts { nonzero: x.nonzero && low == 0.0, ..Facts::range(low, PI, x.finite && y.finite) }
        }
        Binary::FloorDivide if x.non_negative() && y.non_negative() => {
            Facts::range(0.0, f64::INFINITY, false)
        }
        Binary::Remainder => {
            let apart = y.low > 1e-30 || y.high < -1e-30;
            Facts::range(y.low.min(0.0), y.high.max(0.0), x.finite && y.finite && apart)
        }
        Binary::Ierfcx => Facts { nonzero: true, ..Facts::range(0.0, f64::INFINITY, false) },
        // Of odd orders it is positive everywhere.
        Binary::Polygamma if x.low == x.high && x.low % 2.0 == 1.0 => {
            Facts { nonzero: true, ..Facts::range(0.0, f64::INFINITY, false) }
        }
        _ => Facts::UNKNOWN,
    }
}
