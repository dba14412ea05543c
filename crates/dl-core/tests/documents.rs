//! `docs/ops.md`, `docs/kinks.md` and `docs/rules.md` are printed from the tables: `UPDATE_EXPECT=1`
//! renews them.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test may do both

use std::fmt::Write;

use dl_core::ops::binary::BINARY;
use dl_core::ops::unary::UNARY;
use dl_core::rewrite::{Phase, RuleKind, When, rules};
use expect_test::expect_file;

const ORIGIN: &str = "*Printed from the tables in `dl-core` by a test; do not edit.*";

#[test]
fn ops() {
    let mut text = format!("# Elementwise operations\n\n{ORIGIN}\n\n");
    text += "Every other operation is described where it is defined, in `crates/dl-core/src/ops`.\n";
    text += "\n## Of one argument\n\n| op | mathematics | takes | derivative |\n| --- | --- | --- | --- |\n";
    for row in UNARY {
        let takes = format!("{:?}", row.takes);
        let derivative = if row.derivative.is_some() { "yes" } else { "0" };
        line(&mut text, &[&code(row.name), &math(row.latex), &takes, derivative]);
    }
    text += "\n## Of two arguments\n\n| op | mathematics | takes | derivative |\n| --- | --- | --- | --- |\n";
    for row in BINARY {
        let class = format!("{:?}", row.class);
        let derivative = if row.derivative.is_some() { "yes" } else { "0" };
        line(&mut text, &[&code(row.name), &math(row.latex), &class, derivative]);
    }
    expect_file!["../../../docs/ops.md"].assert_eq(&text);
}

#[test]
fn kinks() {
    let mut text = format!("# Kinks and masks\n\n{ORIGIN}\n\n");
    text += "Where a derivative does not exist, each operation takes a fixed element of its Clarke subdifferential:\n\n";
    text += "| op | choice |\n| --- | --- |\n";
    for row in UNARY {
        if let Some(kink) = row.kink {
            line(&mut text, &[&code(row.name), kink]);
        }
    }
    for row in BINARY {
        if let Some(kink) = row.kink {
            line(&mut text, &[&code(row.name), kink]);
        }
    }
    for (op, choice) in COMPOSED {
        line(&mut text, &[op, choice]);
    }
    text += MASKS;
    expect_file!["../../../docs/kinks.md"].assert_eq(&text);
}

/// What is not a row of the elementwise tables.
const COMPOSED: &[(&str, &str)] = &[
    ("`reduce_max`, `reduce_min`", "ties share equally"),
    ("`prod`", "exact with zeros among the factors"),
    ("`sort`", "the permutation that the stable sort takes"),
    ("`clip`", "1 at the bounds: it is made of `select`"),
    ("`nn::hardtanh`, `nn::relu6`, `nn::hardsigmoid`", "0 at both bounds, as `relu`"),
    ("`nn::hardswish`", "0 at -3, 1 at 3"),
    ("`nn::hardshrink`, `nn::softshrink`, `nn::threshold`", "0 at the bounds"),
    ("`nn::leaky_relu`, `nn::elu`, `nn::selu`", "that of the lower side at 0"),
    ("`nn::sparsemax`", "0 for an element exactly at the threshold"),
    ("`nn::norm`, and `sqrt(sum(x·x))`", "0 at the zero vector"),
    ("`nn::logsumexp`, and `log(sum(exp(x)))`", "0 where every element is -∞"),
    ("`sqrt`", "no kink inside the domain: at an unmasked 0 the derivative is +∞, as it is"),
];

const MASKS: &str = "
A cotangent travels with the conditions of the `select`s that mask it. A branch that is not taken
contributes exactly zero, whatever the derivative behind it is: `∂/∂x select(x > 0, sqrt(x), 0)` at 0
is 0, also nested, also through the second derivative. No rule tests whether a cotangent is zero, so a
NaN that the forward computation really has is not hidden.

The policy holds for each operation by itself. `relu(x) - relu(-x)` is `x` everywhere, and its
derivative at 0 comes out as 0 and not 1, unless a rewrite sees the identity.
";

#[test]
fn rewriting() {
    let mut text = format!("# Rewrites\n\n{ORIGIN}\n\n");
    text += "Letters are any expression; `c` and `k` are constants; `sum[r]` removes the axes of the frame `r`, and\n";
    text +=
        "`bc[r]` repeats a value back along them. A rule marked *code* stands for more than its instance.\n";
    text += "\nEach use of a rule lowers its phase's measure: what is unstable, the work on what varies, how deep signs and\n";
    text += "constants stand, the constants; and a mistake put into any of them is caught (`cargo xtask mutate`).\n";
    text += "\n**No constant moves unless it may.** Constants are numbers of their type and are folded as a run would compute\n";
    text += "them. A rule does not apply where a constant that it makes would leave the type's normal numbers, or come nearer\n";
    text += "to its ends than the constants that it is made of. Two constants are added where their sum is exact. A factor moves\n";
    text += "behind a product, a ratio or a sum where that can neither overflow nor underflow before the author's order does.\n";
    text += "Rewritten, a value or gradient may be off by 64 units of the last place times its condition, twice its logarithm,\n";
    text += "the logarithm of the largest weight of an exponential,\n";
    text += "and 8 times the error of the formula as written, with constants up to 1e300 and down to 1e-300 and arguments up to a\n";
    text += "ten-thousandth of the largest number; what is excepted is listed with its reason in `rewrite/tests/extremes.rs`.\n";
    for phase in [Phase::Canonicalize, Phase::Stabilize, Phase::Simplify] {
        write!(text, "\n## {phase:?}\n\n| rule | from | to | if |\n| --- | --- | --- | --- |\n").unwrap();
        for rule in rules().filter(|r| r.phase == phase) {
            let mut when: Vec<String> = rule.when.iter().map(condition).collect();
            if matches!(rule.kind, RuleKind::Code(..)) {
                when.push("*code*".into());
            }
            line(&mut text, &[rule.name, &code(rule.left), &code(rule.right), &when.join(", ")]);
        }
    }
    expect_file!["../../../docs/rules.md"].assert_eq(&text);
}

fn condition(when: &When) -> String {
    match when {
        When::Positive(l) => format!("{l} > 0"),
        When::NonNegative(l) => format!("{l} ≥ 0"),
        When::Unsigned(l) => format!("{l} ≥ 0, not -0"),
        When::Nonzero(l) => format!("{l} ≠ 0"),
        When::Finite(l) => format!("{l} is finite"),
        When::OneHot(l) => format!("rows of {l} are one-hot"),
        When::AtMost(l, bound) => format!("{l} ≤ {bound}"),
        When::AtLeast(l, bound) => format!("{l} ≥ {bound}"),
        When::Count(l, frame) => format!("{l} counts what {frame} removes"),
        When::Distribution(l, frame) => format!("{l} sums to 1 along {frame}"),
        When::Varies(l) => format!("{l} varies"),
        When::Unbounded(l) => format!("{l} has no bound above"),
        When::Enlarges(l) => format!("1 ≤ |{l}| ≤ 8"),
        When::Shrinks(l) => format!("1/8 ≤ |{l}| ≤ 1"),
        When::Whole(l) => format!("|{l}| ≥ 1"),
        When::Sum(c, k) => format!("{c} + {k} is exact"),
        When::Difference(c, k) => format!("{c} - {k} is exact"),
        When::Decay(c, k) => format!("|{c}| ≤ 1, |{c}·{k}| ≤ 1/2"),
    }
}

fn line(text: &mut String, cells: &[&str]) {
    let cells: Vec<String> = cells.iter().map(|c| c.replace('|', "\\|")).collect();
    writeln!(text, "| {} |", cells.join(" | ").trim_end()).unwrap();
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn math(latex: &str) -> String {
    format!("${}$", latex.replace("{x}", "x").replace("{y}", "y"))
}
