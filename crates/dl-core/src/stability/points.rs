//! The points of an examination: ends of ranges, numbers of all magnitudes, numbers near each other.

use std::ops::RangeInclusive;

use super::Given;
use crate::dim::{Dims, Name};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::ops::random::uniform;
use crate::program::Program;
use crate::shape::Shape;
use crate::spelling::suggestion;
use crate::tensor::Tensor;

/// The size of a named dimension.
const SIZE: usize = 3;

/// How small numbers become beside the end of a range that holds zero.
const LEAST: f64 = 1e-12;

/// How points are drawn, in turn.
const WAYS: u64 = 8;

/// An input or a parameter, and where it may be.
pub(super) struct Variable {
    pub(super) name: Name,
    pub(super) dtype: DType,
    pub(super) shape: Vec<usize>,
    pub(super) is_parameter: bool,
    low: f64,
    high: f64,
}

/// What a program needs, each with its range, and the sizes of its dimensions.
pub(super) fn variables(
    program: &Program,
    ranges: &[(&str, RangeInclusive<f64>)],
) -> Result<(Vec<Variable>, Dims)> {
    let inputs = program.inputs().iter().map(|d| (&d.name, d.dtype, &d.shape, false));
    let parameters = program.parameters().iter().map(|d| (&d.name, d.dtype, &d.shape, true));
    let all: Vec<(&Name, DType, &Shape, bool)> = inputs.chain(parameters).collect();
    for (name, range) in ranges {
        if !all.iter().any(|(known, ..)| ***known == **name) {
            let hint = suggestion(name, all.iter().map(|(known, ..)| &***known));
            return Err(Error::value(format!("range of {name}: the formula has no {name}{hint}")));
        }
        let (low, high) = (*range.start(), *range.end());
        if !(low <= high && low.is_finite() && high.is_finite()) {
            return Err(Error::value(format!(
                "range of {name}: {low:?}..={high:?} has no numbers; expected two finite ends, the lower one first"
            )));
        }
    }
    let mut dims = Dims::new();
    let named = all.iter().flat_map(|(_, _, shape, _)| shape.iter()).flat_map(|dim| dim.names());
    for name in named {
        // All have the same size.
        let _ = dims.bind(&name, SIZE);
    }
    let mut found = vec![];
    for (name, dtype, shape, is_parameter) in all {
        let range = ranges.iter().find(|(given, _)| **given == **name).map(|(_, range)| range);
        let (low, high) = match (range, dtype) {
            (Some(range), _) => (*range.start(), *range.end()),
            (None, DType::Bool) => (0.0, 1.0),
            (None, _) => {
                return Err(Error::value(format!(
                    "{name} ({dtype} {shape}) has no range: expected one by its name"
                )));
            }
        };
        check(name, dtype, low, high)?;
        let shape = shape.eval(&dims).map_err(|why| Error::value(format!("{name}: {why}")))?;
        found.push(Variable { name: name.clone(), dtype, shape, is_parameter, low, high });
    }
    Ok((found, dims))
}

/// Whether the element type has all that is drawn between the ends.
fn check(name: &str, dtype: DType, low: f64, high: f64) -> Result<()> {
    let wrong = match dtype {
        DType::F64 => return Ok(()),
        DType::F32 if low >= f64::from(f32::MIN) && high <= f64::from(f32::MAX) => return Ok(()),
        DType::F32 => "f32 has no numbers so large",
        _ if low.ceil() <= high.floor() => return Ok(()),
        _ => "there is no whole number in it",
    };
    Err(Error::value(format!("range of {name}: {low:?}..={high:?}: {wrong}")))
}

impl Variable {
    /// Its value at a point; `stream` is its own number.
    pub(super) fn at(&self, point: u64, stream: u64) -> Given {
        let len: usize = self.shape.iter().product();
        let values: Vec<f64> = (0..len as u64).map(|e| self.element(point, stream, e)).collect();
        // What the element type cannot hold is drawn as what it can.
        let tensor = Tensor::from_f64(self.dtype, self.shape.clone(), &values);
        (self.name.clone(), tensor.expect("a value for each element"))
    }

    fn element(&self, point: u64, stream: u64, e: u64) -> f64 {
        let random = |salt: u64, index: u64| f64::from(uniform(salt, point, stream, index));
        let common = |salt: u64, index: u64| f64::from(uniform(salt, point, u64::from(u32::MAX), index));
        if !self.dtype.is_float() {
            let (first, last) = (self.low.ceil(), self.high.floor());
            return (first + (random(0, e) * (last - first + 1.0)).floor()).min(last);
        }
        let value = match point % WAYS {
            0 => self.end(random(1, 0) < 0.5, random(2, e)),
            1 => self.end(random(1, e) < 0.5, random(2, e)),
            2 => self.between(random(0, e)),
            // All elements of all that is given are near each other, where ranges allow it.
            3 => self.sized(common(1, 0), common(2, 0)) * (1.0 + 1e-2 * (random(3, e) - 0.5)),
            4 => self.sized(common(1, 0), common(2, 0)) * (1.0 + 1e-5 * (random(3, e) - 0.5)),
            // All elements of one are of one magnitude.
            5 => self.sized(random(1, 0), random(2, e)) * (0.5 + random(3, e)),
            _ => self.sized(random(1, e), random(2, e)),
        };
        value.clamp(self.low, self.high)
    }

    /// An end; elements of arrays are beside it, since what is equal in all of them cancels as it does nowhere else.
    fn end(&self, low: bool, beside: f64) -> f64 {
        let beside = if self.shape.is_empty() { 0.0 } else { beside / 16.0 };
        self.between(if low { beside } else { 1.0 - beside })
    }

    /// The number at a share of the way from the lower end to the other, whose difference may be infinite.
    fn between(&self, share: f64) -> f64 {
        self.low * (1.0 - share) + self.high * share
    }

    /// A number whose magnitude is anywhere, and whose sign is one that the range has.
    fn sized(&self, magnitude: f64, sign: f64) -> f64 {
        let negative = self.high <= 0.0 || (self.low < 0.0 && sign < 0.5);
        let most = if negative { -self.low } else { self.high };
        let least = if negative { (-self.high).max(0.0) } else { self.low.max(0.0) };
        let least = if least > 0.0 { least } else { LEAST * most.min(1.0 / LEAST.sqrt()) };
        if most <= 0.0 {
            return 0.0;
        }
        let size = least * (most / least).powf(magnitude);
        if negative { -size } else { size }
    }
}
