//! Simplification: fewer or cheaper operations, with what is known of the values.

use super::Rule;
use super::When::Distribution;
use super::rows::rows;

/// The table.
pub(super) static RULES: &[Rule] = rows! { Simplify
//  name                     left                          right                              if
    "sum-of-distribution":   "sum[r](x)"                => "1"                             if Distribution('x', 'r');
    "decay-into-scale":      "x - c * (y + k * x)"      => "(1 - c * k) * x - c * y";
    "decay-alone":           "x - c * x"                => "(1 - c) * x";
    "factor-difference":     "x * z - y * z"            => "(x - y) * z";
    "factor-constant-sum":   "c * x + c * y"            => "c * (x + y)";
    "factor-constant-diff":  "c * x - c * y"            => "c * (x - y)";
};
