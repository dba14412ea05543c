//! What is known not to be accurate, with the reason.

/// Class, spelling (`*` for all), how its failures begin, and the reason.
const LIMITS: &[(&str, &str, &str, &str)] = &[
    (
        "(exp(x)-1)/x",
        "*",
        "d0",
        "the derivative is a difference that cancels near 0, for which there is no function",
    ),
    (
        "second derivative of sigmoid",
        "-x.exp() * (x.exp() - 1.0) / (x.exp() + 1.0).pow(3.0)",
        "",
        "higher powers of a sum of exponentials as divisor are not recognised",
    ),
    ("unit vector", "*", "d0", "(1 - u·u)/|x| cancels where one element is nearly all of the norm"),
    (
        "focal loss of classes",
        "-(one_hot(x) * (1.0 - softmax(x)).square() * softmax(x).log()).sum(1)",
        "",
        "one-hot rows are seen to pick from weights and from their logarithms, not from what is made of them",
    ),
    (
        "divergence",
        "(p * p.log()).sum(0) - (p * q.log()).sum(0)",
        "d0",
        "at p = 0 the derivative is -∞; what is taken there is 0 for the term p log p alone",
    ),
];

/// Why a spelling of a class may fail in this way.
pub(crate) fn reason(class: &str, spelling: &str, output: &str) -> Option<&'static str> {
    let fits = |(c, s, o, _): &&(&str, &str, &str, &str)| {
        *c == class && (*s == "*" || *s == spelling) && output.starts_with(o)
    };
    LIMITS.iter().find(fits).map(|limit| limit.3)
}
