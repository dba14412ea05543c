//! Drivers for full-batch problems: L-BFGS and Newton-CG, on the host around compiled programs.
//!
//! The session computes values and derivatives, by programs that are compiled once; the vectors of the
//! method are the host's, in double precision.

mod descent;
mod lbfgs;
mod newton;
mod objective;
mod wolfe;

pub use descent::{Report, Stop};
pub use lbfgs::Lbfgs;
pub use newton::NewtonCg;
pub use objective::Objective;

use crate::error::{Error, Result};

/// The scalar product.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}

/// `y ← y + a·x`.
fn add_scaled(y: &mut [f64], a: f64, x: &[f64]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += a * x);
}

/// The largest magnitude; NaN if there is one.
fn largest(x: &[f64]) -> f64 {
    x.iter().fold(0.0, |largest, x| if x.is_nan() { f64::NAN } else { x.abs().max(largest) })
}

/// A tolerance that may be reached: with NaN nothing ever is.
fn tolerance(what: &str, value: f64) -> Result<()> {
    match value >= 0.0 {
        true => Ok(()),
        false => Err(Error::value(format!("{what} {value}: at least 0 is needed"))),
    }
}
