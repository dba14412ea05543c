//! What random numbers mean: a function of seed, step, stream and the element's place.

use super::Env;
use super::array::{Values, Values::Float};
use crate::ops::random::uniform;

/// Uniform numbers in `[0, 1)`.
pub(super) fn random(stream: u64, shape: &[usize], env: &Env) -> Values {
    let len: usize = shape.iter().product();
    Float((0..len as u64).map(|i| f64::from(uniform(env.seed, env.step, stream, i))).collect())
}
