//! `dl check` on formulas of textbooks: it names those that overflow or cancel, and no others.
#![allow(clippy::unwrap_used)]

mod textbook;

use dl_cli::check::Report;
use dl_cli::formula::Formula;
use expect_test::expect;
use textbook::{HARMED, HEALTHY};

fn report(formula: &str) -> Report {
    Report::of(&Formula::parse(formula, &[]).unwrap()).unwrap()
}

#[test]
fn what_is_harmed_is_named_and_nothing_else() {
    let mut wrong = vec![];
    for (set, expected) in [(&HARMED[..], true), (&HEALTHY[..], false)] {
        for (name, formula) in set {
            let report = report(formula);
            if report.is_harmed() != expected {
                wrong.push(format!("{name}: {}", report.text()));
            }
        }
    }
    assert!(wrong.is_empty(), "{} are judged wrongly:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn where_and_instead_of_what() {
    let text = report("log(1 + exp(x))").text();
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
    .assert_eq(&report("(theta - 3)^2").text());
    let text = report("mean(x^2) - mean(x)^2").text();
    for part in
        ["with x + t from", "by the rules difference-of-moments", "right wherever the formula has a value"]
    {
        assert!(text.contains(part), "{text}");
    }
    let text = report("sqrt(x + 1) - sqrt(x)").text();
    assert!(text.contains("It is no better everywhere"), "{text}");
}
