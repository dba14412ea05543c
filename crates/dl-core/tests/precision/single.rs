//! Single precision: every result rounded, as an executor does; and double precision as it is.

use dl_core::ops::{Binary, Unary};

use super::evaluate::Arithmetic;

/// `f32`: functions are computed exactly enough and rounded; sums are rounded after each addition.
pub(crate) struct Single;

/// `f64` as the interpreter computes.
pub(crate) struct Double;

macro_rules! floats {
    ($name:ident $round:expr) => {
        impl Arithmetic for $name {
            type Real = f64;

            fn real(&self, x: f64) -> f64 {
                $round(x)
            }

            fn unary(&self, op: Unary, x: &f64) -> f64 {
                $round((op.row().value)(*x))
            }

            fn binary(&self, op: Binary, x: &f64, y: &f64) -> f64 {
                $round((op.row().value)(*x, *y))
            }

            fn compare(&self, op: Binary, x: &f64, y: &f64) -> Option<bool> {
                op.compare(x, y)
            }

            fn is_finite(&self, x: &f64) -> Option<bool> {
                Some(x.is_finite())
            }

            fn unknown(&self) -> f64 {
                f64::NAN
            }
        }
    };
}

floats!(Single |x: f64| f64::from(x as f32));
floats!(Double |x: f64| x);
