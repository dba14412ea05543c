//! First values of parameters: a distribution by name, sampled from an explicit seed.

use serde::{Deserialize, Serialize};

/// How a parameter starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Init {
    /// All zero.
    Zeros,
    /// All the same.
    Constant(#[serde(with = "crate::float")] f64),
}
