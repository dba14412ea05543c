//! What random numbers mean: a function of seed, step or run, stream and the element's place.

use super::array::{Values, Values::Float};
use crate::ops::random::uniform;

/// Uniform numbers in `[0, 1)` of a seed, a counter and a stream.
pub(super) fn random([seed, counter, stream]: [u64; 3], shape: &[usize]) -> Values {
    let len: usize = shape.iter().product();
    Float((0..len as u64).map(|i| f64::from(uniform(seed, counter, stream, i))).collect())
}
