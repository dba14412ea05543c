//! The characters of a formula as tokens.

use super::mistake::{Mistake, Span};

/// A piece of a formula.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A number as it is written.
    Number(f64),
    /// A name of a value, a function or an index.
    Name(String),
    /// An operator or a bracket, by the one sign that stands for all of its spellings.
    Sign(&'static str),
    /// The end of a statement.
    Break,
}

/// Spellings of operators, the longest first, and what they mean.
const SIGNS: [(&str, &str); 37] = [
    ("**", "^"),
    ("<=", "<="),
    (">=", ">="),
    ("==", "=="),
    ("!=", "!="),
    ("≤", "<="),
    ("≥", ">="),
    ("≠", "!="),
    ("^T", "'"),
    ("ᵀ", "'"),
    ("'", "'"),
    ("²", "²"),
    ("³", "³"),
    ("+", "+"),
    ("-", "-"),
    ("−", "-"),
    ("–", "-"),
    ("*", "*"),
    ("·", "*"),
    ("×", "*"),
    ("⊙", "*"),
    ("⋅", "*"),
    ("/", "/"),
    ("÷", "/"),
    ("@", "@"),
    ("^", "^"),
    ("(", "("),
    (")", ")"),
    ("[", "["),
    ("]", "]"),
    (",", ","),
    ("=", "="),
    (":", ":"),
    ("<", "<"),
    (">", ">"),
    ("（", "("),
    ("）", ")"),
];

/// Greek letters by their names.
const GREEK: [(&str, &str); 24] = [
    ("alpha", "α"),
    ("beta", "β"),
    ("gamma", "γ"),
    ("delta", "δ"),
    ("epsilon", "ε"),
    ("zeta", "ζ"),
    ("eta", "η"),
    ("theta", "θ"),
    ("iota", "ι"),
    ("kappa", "κ"),
    ("lambda", "λ"),
    ("mu", "μ"),
    ("nu", "ν"),
    ("xi", "ξ"),
    ("pi", "π"),
    ("rho", "ρ"),
    ("sigma", "σ"),
    ("tau", "τ"),
    ("upsilon", "υ"),
    ("phi", "φ"),
    ("chi", "χ"),
    ("psi", "ψ"),
    ("omega", "ω"),
    ("ell", "ℓ"),
];

/// A name as formulas have it: `lambda` is `λ`.
pub(crate) fn letter(name: &str) -> &str {
    GREEK.iter().find(|(spelled, _)| *spelled == name).map_or(name, |(_, letter)| letter)
}

/// The tokens of a formula, each with its place.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, Span)>, Mistake> {
    let mut all = vec![];
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let rest = &text[at..];
        if c == '#' {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        if c == ';' || c == '\n' {
            all.push((Token::Break, at..at + 1));
            at += 1;
            continue;
        }
        if c.is_whitespace() {
            at += c.len_utf8();
            continue;
        }
        let (token, len) = if c.is_ascii_digit()
            || c == '.' && rest[1..].starts_with(|d: char| d.is_ascii_digit())
        {
            number(text, at)?
        } else if let Some((spelled, sign)) = SIGNS.iter().find(|(spelled, _)| is_sign(rest, spelled)) {
            (Token::Sign(sign), spelled.len())
        } else if c.is_alphabetic() || c == '_' {
            let len = rest.char_indices().find(|(_, c)| !is_of_name(*c)).map_or(rest.len(), |(end, _)| end);
            // A full stop at the end is one.
            let name = rest[..len].trim_end_matches('.');
            (Token::Name(letter(name).to_owned()), name.len())
        } else {
            let what = match c {
                '|' => "no sign |: absolute values are written abs(x), norms norm(x)".to_owned(),
                '{' | '}' => format!("no sign {c}: brackets are ( ) and, for indices, [ ]"),
                '∑' => "no sign ∑: sums are written sum(x) or sum(i, x[i])".to_owned(),
                '√' => "no sign √: roots are written sqrt(x)".to_owned(),
                _ => format!("no sign {c:?} in formulas"),
            };
            return Err(Mistake::new(text, at..at + c.len_utf8(), what));
        };
        all.push((token, at..at + len));
        at += len;
    }
    Ok(all)
}

/// Whether the text begins with a sign; `x^Tx` does not transpose, `x^T` and `x^T·y` do.
fn is_sign(rest: &str, sign: &str) -> bool {
    rest.strip_prefix(sign).is_some_and(|after| sign != "^T" || !after.starts_with(is_of_name))
}

fn is_of_name(c: char) -> bool {
    (c.is_alphanumeric() || "_.".contains(c)) && !"ᵀ²³".contains(c)
}

fn number(text: &str, at: usize) -> Result<(Token, usize), Mistake> {
    let rest = &text.as_bytes()[at..];
    let digits = |from: usize| from + rest[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let mut end = digits(0);
    if rest.get(end) == Some(&b'.') {
        end = digits(end + 1);
    }
    if matches!(rest.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(rest.get(end + 1), Some(b'+' | b'-')));
        let after = digits(end + 1 + sign);
        if after > end + 1 + sign {
            end = after;
        }
    }
    let written = &text[at..at + end];
    if text[at + end..].starts_with(|c: char| c.is_alphabetic() || c == '_') {
        let name: String = text[at + end..].chars().take_while(|c| is_of_name(*c)).collect();
        let what = format!("a number and a name without a sign between: {written}*{name}?");
        return Err(Mistake::new(text, at..at + end + name.len(), what));
    }
    match written.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok((Token::Number(value), end)),
        _ => Err(Mistake::new(text, at..at + end, format!("the number {written} is too large"))),
    }
}
