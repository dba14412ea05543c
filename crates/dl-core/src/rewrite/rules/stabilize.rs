//! Stabilization: forms that neither overflow nor cancel, in value and in gradient.

use super::Rule;
use super::When::{AtLeast, NonNegative, Whole};
use super::rows::rows;

/// The table of patterns. What a sum of exponentials comes down to is in `exponential.rs`.
pub(super) static RULES: &[Rule] = rows! { Stabilize
//  name                       left                                 right                                if
    "log-exp":                 "log(exp(x))"                     => "x";
    "exp-log":                 "exp(log(x))"                     => "x"                               if NonNegative('x');
    "exp-log-scaled":          "exp(c * log(x))"                 => "x ^ c"                           if NonNegative('x');
    "exp-log1p":               "exp(log1p(x))"                       => "1 + x"                           if AtLeast('x', -1.0);
    "log1p":                   "log(1 + x)"                      => "log1p(x)";
    "log1p-of-difference":     "log(1 - x)"                      => "log1p(-x)";
    "log-reciprocal":          "log(1 / x)"                      => "-log(x)";
    "log-reciprocal-less-one": "log(1 / x - 1)"                  => "log(1 - x) - log(x)";
    "log-sqrt":                "log(sqrt(x))"                    => "0.5 * log(x)";
    "log-size-of-one-plus":    "log(abs(1 + x))"                 => "log1p(max(x, -2 - x))";
    "log-size-of-one-minus":   "log(abs(1 - x))"                 => "log1p(max(-x, x - 2))";
    "log-sigmoid":             "log(sigmoid(x))"                 => "-softplus(-x)";
    "log1p-neg-sigmoid":       "log1p(-sigmoid(x))"              => "-softplus(x)";
    "expm1":                   "exp(x) - 1"                      => "expm1(x)";
    "relu-and-expm1":          "relu(x) + expm1(-relu(-x))"      => "select(x > 0, x, expm1(x))";
    "relu-and-expm1-of-min":   "relu(x) + expm1(min(x, 0))"      => "select(x > 0, x, expm1(x))";
    "excess-over-min":         "x - min(x, c)"                   => "max(x - c, 0)";
    "excess-under-max":        "x - max(x, c)"                   => "min(x - c, 0)";
    "neg-expm1":               "1 - exp(x)"                      => "-expm1(x)";
    "exp-product":             "exp(x) * exp(y)"                 => "exp(x + y)";
    "exp-quotient":            "exp(x) / exp(y)"                 => "exp(x - y)";
    "exp-reciprocal":          "1 / exp(x)"                      => "exp(-x)";
    "exp-divisor":             "c / exp(x)"                      => "c * exp(-x)"  if Whole('c');
    "exp-power":               "exp(x) ^ c"                      => "exp(c * x)";
    "exp-sqrt":                "sqrt(exp(x))"                    => "exp(0.5 * x)";
    "exp-neg-softplus":        "exp(-softplus(x))"               => "sigmoid(-x)";
    "sub-softplus":            "x - softplus(x)"                 => "-softplus(-x)";
    "softplus-sub":            "softplus(x) - x"                 => "softplus(-x)";
    "softplus-add":            "x + softplus(-x)"                => "softplus(x)";
    "one-minus-sigmoid":       "1 - sigmoid(x)"                  => "sigmoid(-x)";
    "scaled-one-minus-sigmoid": "c - c * sigmoid(x)"             => "c * sigmoid(-x)";
    "scaled-sigmoid-minus":    "c * sigmoid(x) - c"              => "(-c) * sigmoid(-x)";
    "part-of-sigmoid":         "y - y * sigmoid(x)"              => "y * sigmoid(-x)";
    "sigmoid-minus-one":       "sigmoid(x) - 1"                  => "-sigmoid(-x)";
    "tanh-of-sigmoid":         "2 * sigmoid(x) - 1"              => "tanh(0.5 * x)";
    "tanh-of-complement":      "1 - 2 * sigmoid(x)"              => "-tanh(0.5 * x)";
    "one-minus-tanh":          "1 - tanh(x)"                     => "2 * sigmoid(-2 * x)";
    "one-plus-tanh":           "1 + tanh(x)"                     => "2 * sigmoid(2 * x)";
    "scaled-one-plus-tanh":    "c + c * tanh(x)"                 => "(2 * c) * sigmoid(2 * x)";
    "scaled-one-minus-tanh":   "c - c * tanh(x)"                 => "(2 * c) * sigmoid(-2 * x)";
    "scaled-tanh-minus":       "c * tanh(x) - c"                 => "(-2 * c) * sigmoid(-2 * x)";
    "tanh-minus-one":          "tanh(x) - 1"                     => "-2 * sigmoid(-2 * x)";
    "one-minus-tanh-square":   "1 - tanh(x) * tanh(x)"           => "4 * sigmoid(2 * x) * sigmoid(-2 * x)";
    "sqrt-square":             "sqrt(x * x)"                     => "abs(x)";
    "sqrt-one-plus-minus-one": "sqrt(1 + x) - 1"                 => "x / (sqrt(1 + x) + 1)";
};
