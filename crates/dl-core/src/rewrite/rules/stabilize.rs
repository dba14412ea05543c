//! Stabilization: forms that neither overflow nor cancel, in value and in gradient.

use super::Rule;
use super::rows::rows;

/// The table.
pub(super) static RULES: &[Rule] = rows! { Stabilize
//  name                     left                          right                              if
    "log-exp":               "log(exp(x))"              => "x";
    "log1p":                 "log(1 + x)"               => "log1p(x)";
    "expm1":                 "exp(x) - 1"               => "expm1(x)";
    "neg-expm1":             "1 - exp(x)"               => "-expm1(x)";
    "softplus":              "log1p(exp(x))"            => "softplus(x)";
    "log-sigmoid":           "log(sigmoid(x))"          => "-softplus(-x)";
    "one-minus-sigmoid":     "1 - sigmoid(x)"           => "sigmoid(-x)";
};
