//! Canonicalization: one form for each meaning, so that the later tables need few rows.

use super::Rule;
use super::When::{Difference, Enlarges, Finite, Nonzero, Shrinks, Sum, Unsigned, Varies};
use super::rows::rows;

/// The table.
pub(super) static RULES: &[Rule] = rows! { Canonicalize
//  name                   left                 right                if
    "neg-neg":             "-(-x)"           => "x";
    "neg-sub":             "-(x - y)"        => "y - x";
    "neg-scale":           "-(c * x)"        => "(-c) * x";
    "neg-quotient":        "-(c / x)"        => "(-c) / x";
    "add-zero":            "x + 0"           => "x";
    "sub-zero":            "x - 0"           => "x";
    "zero-sub":            "0 - x"           => "-x";
    "add-neg":             "x + -y"          => "x - y";
    "sub-neg":             "x - -y"          => "x + y";
    "add-twice":           "x + x"           => "2 * x";
    "sub-itself":          "x - x"           => "0"               if Finite('x');
    "add-constants":       "(x + c) + k"     => "x + (c + k)"  if Sum('c', 'k');
    "add-sub-constants":   "(x - c) + k"     => "x + (k - c)"  if Difference('k', 'c');
    "sub-add-constants":   "(x + c) - k"     => "x + (c - k)"  if Difference('c', 'k');
    "sub-constants":       "(x - c) - k"     => "x - (c + k)"  if Sum('c', 'k');
    "constants-sub":       "c - (x + k)"     => "(c - k) - x"  if Difference('c', 'k');
    "constants-sub-sub":   "c - (k - x)"     => "x + (c - k)"  if Difference('c', 'k');
    "constants-add-sub":   "(c - x) + k"     => "(c + k) - x"  if Sum('c', 'k');
    "constants-sub-from":  "(c - x) - k"     => "(c - k) - x"  if Difference('c', 'k');
    "mul-one":             "x * 1"           => "x";
    "mul-minus-one":       "x * -1"          => "-x";
    "mul-zero":            "x * 0"           => "0"               if Finite('x');
    "mul-neg":             "-x * y"          => "-(x * y)";
    "mul-constants":       "c * (k * x)"     => "(c * k) * x";
    "mul-scaled":          "x * (c * y)"     => "c * (x * y)"     if Varies('x'), Varies('y'), Enlarges('c');
    "mul-quotient":        "c * (k / x)"     => "(c * k) / x";
    "mul-divided":         "c * (x / k)"     => "(c / k) * x";
    "mul-reciprocal":      "x * (1 / y)"     => "x / y";
    "div-one":             "x / 1"           => "x";
    "div-minus-one":       "x / -1"          => "-x";
    "div-itself":          "x / x"           => "1"               if Finite('x'), Nonzero('x');
    "zero-div":            "0 / x"           => "0"               if Finite('x'), Nonzero('x');
    "div-neg":             "-x / y"          => "-(x / y)";
    "neg-div":             "x / -y"          => "-(x / y)";
    "div-constants":       "(x / c) / k"     => "x / (c * k)";
    "div-scaled":          "(c * x) / k"     => "(c / k) * x";
    "scaled-div":          "(c * x) / y"     => "c * (x / y)"     if Varies('x'), Varies('y'), Enlarges('c');
    "div-by-scaled":       "x / (c * y)"     => "(1 / c) * (x / y)" if Varies('x'), Varies('y'), Shrinks('c');
    "pow-zero":            "x ^ 0"           => "1";
    "pow-one":             "x ^ 1"           => "x";
    "pow-two":             "x ^ 2"           => "x * x";
    "pow-three":           "x ^ 3"           => "x * x * x";
    "pow-half":            "x ^ 0.5"         => "sqrt(x)"     if Unsigned('x');
    "pow-minus-half":      "x ^ -0.5"        => "1 / sqrt(x)"  if Unsigned('x');
    "pow-minus-one":       "x ^ -1"          => "1 / x";
    "pow-minus-two":       "x ^ -2"          => "1 / x / x";
    "abs-square":          "abs(x) * abs(x)" => "x * x";
    "abs-abs":             "abs(abs(x))"     => "abs(x)";
    "abs-neg":             "abs(-x)"         => "abs(x)";
    "select-same":         "select(x, y, y)" => "y";
    "select-not":          "select(not(x), y, z)" => "select(x, z, y)";
    "select-within":       "select(x, select(x, y, z), w)" => "select(x, y, w)";
    "select-without":      "select(x, y, select(x, z, w))" => "select(x, y, w)";
    "and-absorbs":         "and(x, or(x, y))" => "x";
    "or-absorbs":          "or(x, and(x, y))" => "x";
    "not-not":             "not(not(x))"     => "x";
    "and-itself":          "and(x, x)"       => "x";
    "or-itself":           "or(x, x)"        => "x";
    "stop-stop":           "stop(stop(x))"   => "stop(x)";
};
