//! The LaTeX templates of the tables' rows, read for how tightly they bind.

use crate::print::piece::{Level, Place};

/// A template such as `{x} + {y}`, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Template {
    pub(super) parts: Vec<Part>,
    /// How tightly the whole binds.
    pub(super) level: Level,
}

/// A stretch of a template.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(&'static str),
    Slot { operand: usize, place: Place },
}

impl Template {
    /// Reads a row's template; `{x}` and `{y}` stand for the arguments, other braces for themselves.
    pub(super) fn read(latex: &'static str) -> Template {
        let mut parts = vec![];
        let mut rest = latex;
        while let Some((at, operand)) = slot(rest) {
            if at > 0 {
                parts.push(Part::Text(&rest[..at]));
            }
            rest = &rest[at + "{x}".len()..];
            let before = parts.last();
            let after = match before {
                Some(Part::Text(text)) => last_operator(text),
                _ => None,
            };
            let place = Place { after, before: first_operator(rest) };
            parts.push(Part::Slot { operand, place });
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest));
        }
        let level = level(&parts);
        Template { parts, level }
    }

    /// The operator between the two slots of `{x} + {y}`.
    pub(super) fn infix(&self) -> Option<&'static str> {
        match self.parts.as_slice() {
            [Part::Slot { .. }, Part::Text(operator), Part::Slot { .. }] => {
                Some(operator.trim()).filter(|t| operator_level(t).is_some())
            }
            _ => None,
        }
    }

    /// The operator before the slot of `-{x}`.
    pub(super) fn prefix(&self) -> Option<&'static str> {
        match self.parts.as_slice() {
            [Part::Text(operator), Part::Slot { .. }] => {
                Some(operator.trim()).filter(|t| operator_level(t).is_some())
            }
            _ => None,
        }
    }
}

/// Where the next slot starts, and for which operand.
fn slot(text: &str) -> Option<(usize, usize)> {
    let find = |pattern, operand| text.find(pattern).map(|at| (at, operand));
    [find("{x}", 0), find("{y}", 1)].into_iter().flatten().min()
}

/// How tightly an operator holds its operands.
fn operator_level(token: &str) -> Option<Level> {
    Some(match token {
        "\\lor" => Level::Or,
        "\\land" => Level::And,
        "=" | "\\neq" | "<" | "\\le" | ">" | "\\ge" => Level::Comparison,
        "+" | "-" => Level::Sum,
        "\\cdot" => Level::Product,
        "\\neg" => Level::Power,
        _ => return None,
    })
}

fn last_operator(text: &str) -> Option<Level> {
    tokens(text).last().and_then(operator_level)
}

fn first_operator(text: &str) -> Option<Level> {
    let mut tokens = tokens(text);
    let first = tokens.next()?;
    // Braces around the base of a power are not drawn.
    if first == "^" || (first == "}" && tokens.next() == Some("^")) {
        return Some(Level::Atom);
    }
    operator_level(first)
}

/// The loosest operator outside of all delimiters.
fn level(parts: &[Part]) -> Level {
    let mut level = Level::Atom;
    let mut depth = 0i32;
    let mut first = true;
    for part in parts {
        let Part::Text(text) = part else {
            first = false;
            continue;
        };
        for token in tokens(text) {
            let found = match token {
                "{" | "(" | "[" | "\\left" => {
                    depth += 1;
                    None
                }
                "}" | ")" | "]" | "\\right" => {
                    depth -= 1;
                    None
                }
                "^" => Some(Level::Power),
                "\\frac" => Some(Level::Fraction),
                // A sign holds what follows as a product does.
                "-" if first => Some(Level::Product),
                _ => operator_level(token),
            };
            if let (Some(found), 0) = (found, depth) {
                level = level.min(found);
            }
            first = false;
        }
    }
    level
}

/// Commands such as `\cdot`, and single characters; spaces separate and are left out.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let first = rest.chars().next()?;
        let mut length = first.len_utf8();
        if first == '\\' {
            let letters = rest[1..].chars().take_while(char::is_ascii_alphabetic).count();
            // A command is letters, or one character that is none.
            length += if letters > 0 { letters } else { rest[1..].chars().next().map_or(0, char::len_utf8) };
        }
        let (token, tail) = rest.split_at(length);
        rest = tail;
        Some(token)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_of_the_templates() {
        let check = |latex, level| assert_eq!(Template::read(latex).level, level, "{latex}");
        check("{x} + {y}", Level::Sum);
        check("-{x}", Level::Product);
        check("{x} \\cdot {y}", Level::Product);
        check("\\frac{{x}}{{y}}", Level::Fraction);
        check("{{x}}^{{y}}", Level::Power);
        check("e^{{x}}", Level::Power);
        check("\\left(e^{{x}}-1\\right)", Level::Atom);
        check("\\max\\left({x}, {y}\\right)", Level::Atom);
        check("{x} \\le {y}", Level::Comparison);
        check("\\neg {x}", Level::Power);
        check("\\left\\lfloor {x}\\right\\rfloor", Level::Atom);
    }

    #[test]
    fn places_of_the_slots() {
        let places = |latex| -> Vec<Place> {
            let parts = Template::read(latex).parts;
            parts
                .into_iter()
                .filter_map(|p| if let Part::Slot { place, .. } = p { Some(place) } else { None })
                .collect()
        };
        assert_eq!(places("{x} - {y}"), [Place::before(Level::Sum), Place::after(Level::Sum)]);
        assert_eq!(places("{{x}}^{{y}}"), [Place::BASE, Place::FREE]);
        assert_eq!(places("\\log\\left(1+{x}\\right)"), [Place::after(Level::Sum)]);
        assert_eq!(places("\\left|{x}\\right|"), [Place::FREE]);
    }
}
