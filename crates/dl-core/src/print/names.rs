//! Authors' names in LaTeX: `θ` as `\theta`, `J₁` as `J_{1}`, `fc1.weight` as `W_{\mathrm{fc1}}`.

use crate::print::piece::{Level, Piece};

/// Greek letters and what LaTeX calls them; capitals that look Latin have no command.
const GREEK: [(char, &str); 34] = [
    ('α', "alpha"),
    ('β', "beta"),
    ('γ', "gamma"),
    ('δ', "delta"),
    ('ε', "varepsilon"),
    ('ζ', "zeta"),
    ('η', "eta"),
    ('θ', "theta"),
    ('ι', "iota"),
    ('κ', "kappa"),
    ('λ', "lambda"),
    ('μ', "mu"),
    ('ν', "nu"),
    ('ξ', "xi"),
    ('π', "pi"),
    ('ρ', "rho"),
    ('σ', "sigma"),
    ('τ', "tau"),
    ('υ', "upsilon"),
    ('φ', "varphi"),
    ('χ', "chi"),
    ('ψ', "psi"),
    ('ω', "omega"),
    ('Γ', "Gamma"),
    ('Δ', "Delta"),
    ('Θ', "Theta"),
    ('Λ', "Lambda"),
    ('Ξ', "Xi"),
    ('Π', "Pi"),
    ('Σ', "Sigma"),
    ('Φ', "Phi"),
    ('Ψ', "Psi"),
    ('Ω', "Omega"),
    ('ℓ', "ell"),
];

/// The readable form of a name; not every two names differ in it, see [`exact`].
pub(super) fn pretty(name: &str) -> Piece {
    let width = name.chars().count();
    if let Some((above, below)) = name.strip_prefix('∂').and_then(|rest| rest.split_once("/∂")) {
        let text = format!("\\frac{{\\partial {}}}{{\\partial {}}}", pretty(above).text, pretty(below).text);
        return Piece::atom(text).with(Level::Fraction).width(width / 2 + 1);
    }
    Piece::atom(word(name).unwrap_or_else(|| upright(name))).width(width)
}

/// A form that is different for every name.
pub(super) fn exact(name: &str) -> Piece {
    Piece::atom(upright(name)).width(name.chars().count())
}

/// A name as a letter and a subscript: `theta_1` as `θ` and `1`, `fc1.weight` as `W` and `fc1`.
pub(super) fn parts(name: &str) -> (String, Option<String>) {
    let letter = |text: &str| {
        let spelled =
            |(_, command): &&(char, &str)| command.trim_start_matches("var") == text && text.len() > 1;
        GREEK.iter().find(spelled).map_or_else(|| text.to_owned(), |(greek, _)| greek.to_string())
    };
    if let Some((layer, last @ ("weight" | "bias"))) = name.rsplit_once('.')
        && !layer.is_empty()
    {
        return (if last == "weight" { "W" } else { "b" }.into(), Some(layer.to_owned()));
    }
    if let Some((base, digits)) = numbered(name) {
        return (letter(base), Some(digits));
    }
    match name.rsplit_once('_') {
        Some((base, subscript)) if symbol(base).is_some() && !subscript.is_empty() => {
            (letter(base), Some(letter(subscript)))
        }
        _ => (letter(name), None),
    }
}

/// Text in upright letters, for mathematics mode.
pub(super) fn upright(text: &str) -> String {
    format!("\\mathrm{{{}}}", escape(text))
}

/// A symbol, perhaps with a subscript; none where the name is something else.
fn word(name: &str) -> Option<String> {
    if let Some(symbol) = symbol(name) {
        return Some(symbol);
    }
    if let Some((layer, last)) = name.rsplit_once('.')
        && !layer.is_empty()
    {
        let letter = match last {
            "weight" => "W",
            "bias" => "b",
            _ => return None,
        };
        return Some(format!("{letter}_{{{}}}", symbol(layer).unwrap_or_else(|| upright(layer))));
    }
    let (base, subscript) = match name.rsplit_once('_') {
        Some((base, subscript)) => (base, subscript.to_string()),
        None => numbered(name)?,
    };
    let base = symbol(base)?;
    let digits = !subscript.is_empty() && subscript.bytes().all(|b| b.is_ascii_digit());
    let subscript = if digits { subscript } else { symbol(&subscript).or_else(|| plain(&subscript))? };
    Some(format!("{base}_{{{subscript}}}"))
}

/// One letter, a Greek letter or its name, with primes.
fn symbol(name: &str) -> Option<String> {
    let base = name.trim_end_matches('\'');
    let primes = &name[base.len()..];
    let mut letters = base.chars();
    let text = match (letters.next(), letters.next()) {
        (Some(c), None) if c.is_ascii_alphabetic() => c.to_string(),
        (Some(c), None) => format!("\\{}", greek(c)?),
        _ => {
            let spelled =
                |(_, command): &&(char, &str)| command.trim_start_matches("var") == base && base.len() > 1;
            format!("\\{}", GREEK.iter().find(spelled)?.1)
        }
    };
    Some(text + primes)
}

/// `J₁₂` as `J` and `12`.
fn numbered(name: &str) -> Option<(&str, String)> {
    let is_digit = |c: char| ('₀'..='₉').contains(&c);
    let base = name.trim_end_matches(is_digit);
    let digits = name[base.len()..]
        .chars()
        .filter_map(|c| char::from_digit(c as u32 - '₀' as u32, 10))
        .collect::<String>();
    (!digits.is_empty()).then_some((base, digits))
}

fn plain(text: &str) -> Option<String> {
    let letters = !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric());
    letters.then(|| upright(text))
}

fn greek(letter: char) -> Option<&'static str> {
    GREEK.iter().find(|(c, _)| *c == letter).map(|(_, command)| *command)
}

/// Text without anything that LaTeX would take for a command.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '_' | '{' | '}' | '#' | '$' | '%' | '&' => out.extend(['\\', c]),
            '\\' => out.push_str("\\backslash "),
            '~' => out.push_str("\\sim "),
            '^' => out.push_str("\\wedge "),
            '·' => out.push_str("\\cdot "),
            '∂' => out.push_str("\\partial "),
            '∇' => out.push_str("\\nabla "),
            '→' => out.push_str("\\to "),
            ' ' => out.push_str("\\ "),
            '₀'..='₉' => out.push_str(&format!("_{{{}}}", c as u32 - '₀' as u32)),
            _ if c.is_control() => out.push_str("\\ "),
            _ => match greek(c) {
                Some(command) => out.push_str(&format!("\\{command} ")),
                None if c.is_ascii() => out.push(c),
                None => out.push_str(&format!("\\text{{{c}}}")),
            },
        }
    }
    // Two subscripts in a row are an error.
    out.replace("}_{", "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_symbols() {
        let check = |name: &str, want: &str| assert_eq!(pretty(name).text, want, "{name}");
        check("x", "x");
        check("θ", "\\theta");
        check("theta", "\\theta");
        check("lambda_1", "\\lambda_{1}");
        check("J₁₂", "J_{12}");
        check("x_max", "x_{\\mathrm{max}}");
        check("w'", "w'");
        check("fc1.weight", "W_{\\mathrm{fc1}}");
        check("net.fc_1.bias", "b_{\\mathrm{net.fc\\_1}}");
        check("fc1.weight.momentum", "\\mathrm{fc1.weight.momentum}");
        check("logits", "\\mathrm{logits}");
        check("∂J₁/∂θ", "\\frac{\\partial J_{1}}{\\partial \\theta}");
        check("a_b_c", "\\mathrm{a\\_b\\_c}");
        check("50% \\x{}", "\\mathrm{50\\%\\ \\backslash x\\{\\}}");
        check("loss₁₂", "\\mathrm{loss_{12}}");
        check("größe", "\\mathrm{gr\\text{ö}\\text{ß}e}");
    }
}
