//! `dl check` on formulas of textbooks: it names those that overflow or cancel, and no others.
#![allow(clippy::unwrap_used)]

use dl_cli::check::Report;
use dl_cli::formula::Formula;
use expect_test::expect;

/// They overflow or lose digits when they are computed as they stand.
const HARMED: [(&str, &str); 19] = [
    ("softplus", "log(1 + exp(x))"),
    ("logistic loss", "log(1 + exp(-y * dot(x, w)))"),
    ("logistic function", "exp(x) / (1 + exp(x))"),
    ("log of the logistic function", "log(1 / (1 + exp(-x)))"),
    ("log of its complement", "log(1 - 1/(1 + exp(-x)))"),
    ("log-sum-exp", "log(sum(exp(x)))"),
    ("log of a softmax", "log(exp(x[0]) / sum(exp(x)))"),
    ("binary cross entropy of a logit", "-(y*log(1/(1 + exp(-z))) + (1 - y)*log(1 - 1/(1 + exp(-z))))"),
    ("hyperbolic tangent", "(exp(x) - exp(-x)) / (exp(x) + exp(-x))"),
    ("exponential less one", "exp(x) - 1"),
    ("logarithm beside one", "log(1 + x)"),
    ("variance by two means", "mean(x^2) - mean(x)^2"),
    ("hyperbolic sine", "(exp(x) - exp(-x)) / 2"),
    ("log of a hyperbolic cosine", "log((exp(x) + exp(-x)) / 2)"),
    ("versine", "1 - cos(x)"),
    ("difference of roots", "sqrt(x + 1) - sqrt(x)"),
    ("length of the hypotenuse", "sqrt(x^2 + y^2) - y"),
    // 0·∞ at 0.
    ("entropy term", "-x*log(x)"),
    ("discount", "(exp(x) - 1) / x"),
];

/// They are right as they stand.
const HEALTHY: [(&str, &str); 17] = [
    ("square", "(theta - 3)^2"),
    ("ridge", "(theta - 3)^2 + lambda*theta^2"),
    ("least squares", "sum(i, (y[i] - sum(j, X[i,j] * w[j]))^2)"),
    ("mean absolute error", "mean(abs(x - y))"),
    ("hinge", "max(0, 1 - y*x)"),
    ("Huber", "where(abs(r) <= 1, r²/2, abs(r) - 1/2)"),
    ("quadratic form", "x' @ A @ x / 2 - b @ x"),
    ("Gaussian density", "exp(-(x - μ)^2 / 2)"),
    ("logistic function, built in", "sigmoid(x)"),
    ("softplus, built in", "softplus(x)"),
    ("log-sum-exp, built in", "logsumexp(x)"),
    ("cross entropy, built in", "mean(cross_entropy(Z, y))"),
    ("variance about the mean", "m = mean(x); mean((x - m)^2)"),
    ("norm", "norm(x)"),
    ("cosine", "dot(x, y) / (norm(x) * norm(y))"),
    ("lasso", "sum((X @ w - y)^2)/2 + λ*norm1(w)"),
    ("Poisson loss with a positive rate", "sum(r - y*log(r))"),
];

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
