//! `dl check` on formulas of textbooks: it names those that overflow or cancel, and no others.
#![allow(clippy::unwrap_used)]

mod said;
mod textbook;

use dl_cli::check::Report;
use dl_cli::formula::Formula;
use dl_report::Language;
use expect_test::expect;
use said::said;
use textbook::{HARMED, HEALTHY};

fn report(formula: &str) -> Report {
    Report::of(&Formula::parse(formula, &[]).unwrap()).unwrap()
}

const ENDS: &str = "Where it has a limit and no value of its own:";

/// What is said of the ends of intervals.
fn ends(formula: &str) -> String {
    let text = report(formula).text(Language::English);
    text.split_once(ENDS).map_or("", |(_, rest)| rest.split("\n\n").next().unwrap()).trim().to_owned()
}

/// The limit on both sides of a hole, or on the one side of an end.
#[test]
fn formulas_are_tried_at_the_ends_of_intervals() {
    let entropy = "-p*log(p) - (1-p)*log(1-p)";
    // The rule for x·log(x) has mended the other end.
    assert!(report(entropy).text(Language::English).contains("NaN where 0 is right (at 0)"));
    assert_eq!(ends(entropy), "p = 1: NaN as it stands, NaN by what runs; the limit is 0");
    let [mended, not] = ["3 + (2.375 - x)*log(2.375 - x)", "3 + (2.375 - x)/sqrt(2.375 - x)"];
    assert!(
        report(mended).text(Language::English).contains("NaN where 3 is right (at 2.38)"),
        "{}",
        report(mended).text(Language::English)
    );
    assert_eq!(ends(not), "x = 2.38: NaN as it stands, NaN by what runs; the limit is 3");
    assert_eq!(ends("sin(x)/x"), "x = 0: NaN as it stands, NaN by what runs; the limit is 1");
    // Of an array, where its least element meets the end: another one with other values.
    let moved = ends("sum(p/sqrt(p))");
    assert!(moved.starts_with("t·p = 0: NaN") && moved.matches("p + t = ").count() == 2, "{moved}");
    for none in ["log(x)", "1/x", "sqrt(1 - x^2)", "x/abs(x)", "tan(x)"] {
        assert_eq!(ends(none), "", "{none}");
    }
}

#[test]
fn what_is_harmed_is_named_and_nothing_else() {
    let mut wrong = vec![];
    for (set, expected) in [(&HARMED[..], true), (&HEALTHY[..], false)] {
        for (name, formula) in set {
            let report = report(formula);
            // What is healthy has its values everywhere, also at the ends of intervals.
            if report.is_harmed() != expected || !expected && report.text(Language::English).contains(ENDS) {
                wrong.push(format!("{name}: {}", report.text(Language::English)));
            }
        }
    }
    assert!(wrong.is_empty(), "{} are judged wrongly:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn where_and_instead_of_what() {
    let text = report("log(1 + exp(x))").text(Language::English);
    // Errors of single roundings are another machine's own.
    let (said, plot) = text.split_once("relative error").unwrap();
    expect![[r#"
        J = log(1 + exp(x))

        Computed as it stands in f32, with x from -10⁴ to 10⁴, it is
          0 where 4.62·10⁻¹² is right (at -26.1); the like from -82.5 to -8.25
          ∞ where 1000 is right (at 1000); the like from 100 to 10000

        What runs, by the rules log-of-exponentials:

          J = softplus(x)

        It is right wherever the formula has a value.

    "#]]
    .assert_eq(said);
    let highest = plot.lines().find(|line| line.contains("not finite")).unwrap();
    assert!(highest.ends_with("××××××××"), "{plot}");
    assert_eq!(plot.lines().filter(|line| line.contains('│')).count(), 10);
    expect![[r#"
        J = (θ - 3)²

        Computed as it stands in f32, no digits are lost (θ from -10⁴ to 10⁴).
    "#]]
    .assert_eq(&report("(theta - 3)^2").text(Language::English));
    let text = report("mean(x^2) - mean(x)^2").text(Language::English);
    for part in
        ["with x + t from", "by the rules difference-of-moments", "right wherever the formula has a value"]
    {
        assert!(text.contains(part), "{text}");
    }
    let text = report("sqrt(x + 1) - sqrt(x)").text(Language::English);
    assert!(text.contains("It is no better everywhere"), "{text}");
}

#[test]
fn ranges_are_examined() {
    let text = said(&["check", "tanh(x) - sin(x)", "--over", "x: -2..2"]).unwrap();
    let (_, over) = text.split_once("Over these ranges, what runs:\n").unwrap();
    let lines: Vec<&str> = over.lines().collect();
    assert!(lines[0].starts_with("  J: -"), "{over}");
    assert!(lines[1].starts_with("    tanh(x) - sin(x) cancels at x = "), "{over}");
    assert!(lines[2].starts_with("  ∂J/∂x: "), "{over}");

    let text = said(&["check", "log(1 + exp(x))", "--over", "x: -50..50", "--lang", "zh"]).unwrap();
    assert!(
        text.contains("在这些取值范围内，实际运行的：\n  J: ") && text.contains("没有可疑之处"),
        "{text}"
    );

    let told = |range: &str| said(&["check", "x*y", "--over", range]).unwrap_err();
    assert!(told("x 1..2").contains("--over x 1..2: expected a name and two numbers, as in 'x: -5..5'"));
    assert!(told("x: 1..2").contains("y (f32 []) has no range"));
    assert!(told("z: 1..2").contains("range of z: the formula has no z"));
}
