//! Simplification: fewer or cheaper operations, with what is known of the values.

use super::Rule;
use super::When::{Decay, Distribution, NonNegative, Whole};
use super::rows::rows;

/// The table.
pub(super) static RULES: &[Rule] = rows! { Simplify
//  name                     left                          right                              if
    "sum-of-distribution":   "sum[r](x)"                => "1"                             if Distribution('x', 'r');
    "sum-of-neg":            "sum[r](-x)"               => "-sum[r](x)";
    "sum-of-scaled":         "sum[r](c * x)"            => "c * sum[r](x)"  if Whole('c');
    "empty-sum-mask":        "select(bc[r](not(sum[r](x) = 0)), bc[r](select(sum[r](x) = 0, 0, y)) * x, 0)"
                                                        => "bc[r](select(sum[r](x) = 0, 0, y)) * x"
                                                                                               if NonNegative('x');
    "decay-into-scale":      "x - c * (y + k * x)"      => "(1 - c * k) * x - c * y"  if Decay('c', 'k');
    "decay-alone":           "x - c * x"                => "(1 - c) * x";
    "factor-constant-diff":  "c * x - c * y"            => "c * (x - y)"  if Whole('c');
    "factor-constant-sum":   "c * x + c * y"            => "c * (x + y)"  if Whole('c');
};
