//! Formulas as Unicode text for terminals.

use crate::dim::Dim;
use crate::ops::{Binary, Reduce, Unary};
use crate::print::form::{Along, Form, Subscript};
use crate::print::formula::{Equation, Notation, equations};
use crate::print::number::Number;
use crate::print::piece::{Level, Piece, Place, Writer};
use crate::print::roots::Roots;
use crate::print::template::{Part, Template};

/// One equation a line.
pub(super) fn print(mut roots: Roots<'_>) -> String {
    let line = |e: &Equation| match &e.left {
        Some(left) => format!("{} {} {}", left.text, if e.update { "←" } else { "=" }, e.right.text),
        None => e.right.text.clone(),
    };
    equations(&mut roots, &mut Unicode).iter().map(line).collect::<Vec<_>>().join("\n")
}

pub(super) struct Unicode;

fn write(level: Level) -> Writer {
    Writer::new(level, ["(", ")"])
}

impl Notation for Unicode {
    fn name(&mut self, name: &str) -> Piece {
        let text: String = name.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let level = match text.strip_prefix('∂').and_then(|rest| rest.split_once("/∂")) {
            Some(_) => Level::Fraction,
            // What reads like a formula must stay one thing among operators.
            None if text.chars().any(|c| " +-*/·=<>()[],^".contains(c)) => Level::Or,
            None => Level::Atom,
        };
        Piece::atom(text).with(level)
    }

    fn call(&mut self, function: &str, args: &[&Piece]) -> Piece {
        call(&self.name(function).text, args)
    }

    fn compose(&mut self, form: &Form, xs: &[&Piece]) -> Piece {
        match form {
            Form::Same => xs[0].clone(),
            Form::Name(name) => self.name(name),
            Form::Number(number) => self::number(number),
            Form::Size(dim) => size(dim),
            Form::Unary(op) => unary(*op, xs[0]),
            Form::Binary(op) => binary(*op, xs[0], xs[1]),
            Form::Elementwise => product(Level::Product, " ⊙ ", xs),
            Form::Square => superscript(xs[0], "²"),
            Form::Reduce { kind, indices } => reduce(*kind, indices, xs[0]),
            Form::Along { function, indices } => {
                let name = match function {
                    Along::LogSumExp => "logsumexp",
                    Along::LogSoftmax => "log_softmax",
                    Along::Softmax => "softmax",
                };
                call(&format!("{name}_{}", braced(indices)), xs)
            }
            Form::ArgReduce { kind, index } => {
                let name = if *kind == Reduce::Min { "argmin" } else { "argmax" };
                call(&format!("{name}_{}", braced(index)), xs)
            }
            Form::Mean { indices, .. } => call(&format!("mean_{}", braced(indices)), xs),
            Form::Transpose => superscript(xs[0], "ᵀ"),
            Form::Product { transposed } => {
                let operand =
                    |i: usize| if transposed[i] { superscript(xs[i], "ᵀ") } else { xs[i].clone() };
                product(Level::Matrix, "·", &[&operand(0), &operand(1)])
            }
            Form::Correlation { settings } if settings.is_empty() => product(Level::Matrix, " ⋆ ", xs),
            Form::Correlation { settings } => {
                product(Level::Matrix, &format!(" ⋆[{}] ", settings.join(",")), xs)
            }
            Form::Inner => write(Level::Atom).text("⟨", 1).list(xs.iter().copied()).text("⟩", 1).done(),
            Form::Einsum(c) => call(&format!("einsum[{c}]"), xs),
            Form::Select => {
                let [c, a, b] = [xs[0], xs[1], xs[2]];
                let chosen = write(Level::Atom).text("(", 1).operand(a, Place::FREE).text(" if ", 4);
                chosen.operand(c, Place::FREE).text(" else ", 6).operand(b, Place::FREE).text(")", 1).done()
            }
            Form::Indicator => {
                write(Level::Atom).text("[", 1).operand(xs[0], Place::FREE).text("]", 1).done()
            }
            Form::OneHot => match xs {
                [factor, labels] => product(Level::Product, "·", &[factor, &call("one_hot", &[labels])]),
                labels => call("one_hot", labels),
            },
            Form::At(subscripts) => at(subscripts, xs),
            Form::Step { name, at: None } => self.name(name),
            Form::Step { name, at: Some(step) } => {
                let name = self.name(name);
                at(&[Subscript::Letter(step.replace(' ', ""))], &[&name])
            }
            Form::Gradient => {
                let head = write(Level::Prefix).text("∇_", 2).operand(xs[1], Place::BASE).text(" ", 1);
                head.operand(xs[0], Place::BASE).done().opened()
            }
            Form::Call { name, params } if params.is_empty() => call(name, xs),
            Form::Call { name, params } => call(&format!("{name}[{params}]"), xs),
        }
    }
}

fn number(number: &Number) -> Piece {
    match number {
        Number::Scientific { minus, digits, exponent } => {
            let power = format!("10{}", superscripts(&exponent.to_string()).unwrap_or_default());
            let (text, level) = if digits == "1" {
                (power, Level::Power)
            } else {
                (format!("{digits}·{power}"), Level::Product)
            };
            signed(*minus, Piece::atom(text).with(level))
        }
        Number::Plain { minus, digits } => signed(*minus, Piece::atom(digits)),
        Number::Infinite { minus } => signed(*minus, Piece::atom("∞")),
        Number::Nan | Number::Truth(_) => Piece::atom(number.ascii()),
    }
}

fn signed(minus: bool, x: Piece) -> Piece {
    if minus { write(Level::Product).text("-", 1).operand(&x, Place::FREE).done() } else { x }
}

fn size(dim: &Dim) -> Piece {
    Piece::atom(dim.to_string()).with(size_level(dim))
}

/// How tightly a polynomial of sizes binds.
pub(super) fn size_level(dim: &Dim) -> Level {
    match dim {
        Dim::Size(n) if *n >= 0 => Level::Atom,
        Dim::Poly(_) if dim.name().is_some() => Level::Atom,
        Dim::Poly(terms) if terms.len() == 1 && terms[0].coefficient > 0 => Level::Product,
        _ => Level::Sum,
    }
}

fn unary(op: Unary, x: &Piece) -> Piece {
    let template = Template::read(op.row().latex);
    if let (Some(operator), [_, Part::Slot { place, .. }]) = (template.prefix(), template.parts.as_slice()) {
        return write(template.level).text(symbol(operator), 1).operand(x, *place).done();
    }
    let around = |open, close| write(Level::Atom).text(open, 1).operand(x, Place::FREE).text(close, 1).done();
    match op {
        Unary::Abs => around("|", "|"),
        Unary::Floor => around("⌊", "⌋"),
        Unary::Ceil => around("⌈", "⌉"),
        Unary::Digamma => call("ψ", &[x]),
        Unary::Sqrt => write(Level::Power).text("√", 1).operand(x, Place::BASE).done(),
        Unary::Sigmoid => call("σ", &[x]),
        _ => call(op.row().name, &[x]),
    }
}

fn binary(op: Binary, x: &Piece, y: &Piece) -> Piece {
    let template = Template::read(op.row().latex);
    match (op, template.infix()) {
        (Binary::Div, _) => product(Level::Product, "/", &[x, y]),
        (Binary::Pow, _) => power(x, y),
        (Binary::Mul, _) => product(Level::Product, "·", &[x, y]),
        (_, Some(operator)) => {
            let left = write(template.level).operand(x, Place::before(template.level));
            let middle = left.text(" ", 1).text(symbol(operator), 1).text(" ", 1);
            middle.operand(y, Place::after(template.level)).done()
        }
        _ => call(op.row().name, &[x, y]),
    }
}

fn product(level: Level, operator: &str, xs: &[&Piece]) -> Piece {
    write(level)
        .operand(xs[0], Place::before(level))
        .text(operator, 1)
        .operand(xs[1], Place::after(level))
        .done()
}

fn power(x: &Piece, y: &Piece) -> Piece {
    match superscripts(&y.text) {
        Some(exponent) => superscript(x, &exponent),
        None => write(Level::Power).operand(x, Place::BASE).text("^", 1).operand(y, Place::BASE).done(),
    }
}

fn superscript(x: &Piece, mark: &str) -> Piece {
    write(Level::Power).operand(x, Place::BASE).text(mark, 1).done()
}

/// An integer in superscript digits.
fn superscripts(integer: &str) -> Option<String> {
    const DIGITS: [char; 10] = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let mark = |c: char| match c {
        '-' => Some('⁻'),
        _ => c.to_digit(10).map(|d| DIGITS[d as usize]),
    };
    integer.chars().map(mark).collect()
}

fn reduce(kind: Reduce, indices: &[String], x: &Piece) -> Piece {
    let sign = match kind {
        Reduce::Sum => "Σ",
        Reduce::Prod => "Π",
        Reduce::Max => return call(&format!("max_{}", braced(indices)), &[x]),
        Reduce::Min => return call(&format!("min_{}", braced(indices)), &[x]),
    };
    let subscript = format!("_{} ", braced(indices));
    let head = write(Level::Prefix).text(sign, 1).text(&subscript, subscript.len());
    head.operand(x, Place::after(Level::Sum)).done().opened()
}

fn at(subscripts: &[Subscript], xs: &[&Piece]) -> Piece {
    let mut text = write(Level::Atom).operand(xs[0], Place::BASE).text("[", 1);
    for (i, subscript) in subscripts.iter().enumerate() {
        text = if i > 0 { text.text(",", 1) } else { text };
        text = match subscript {
            Subscript::Letter(s) | Subscript::Range(s) => text.text(s, s.len()),
            Subscript::Operand(along) if along.is_empty() => text.operand(xs[1], Place::FREE),
            Subscript::Operand(along) => {
                let along = format!("[{}]", along.join(","));
                text.operand(xs[1], Place::BASE).text(&along, along.len())
            }
        };
    }
    text.text("]", 1).done()
}

fn call(name: &str, xs: &[&Piece]) -> Piece {
    let width = name.chars().count();
    let name = write(Level::Atom).text(name, width);
    if xs.is_empty() { name.done() } else { name.text("(", 1).list(xs.iter().copied()).text(")", 1).done() }
}

/// `b`, or `{b,j}`.
fn braced(indices: &[String]) -> String {
    match indices {
        [one] => one.clone(),
        more => format!("{{{}}}", more.join(",")),
    }
}

/// The Unicode sign of a LaTeX operator.
fn symbol(latex: &str) -> &str {
    match latex {
        "\\cdot" => "·",
        "\\neq" => "≠",
        "\\le" => "≤",
        "\\ge" => "≥",
        "\\land" => "∧",
        "\\lor" => "∨",
        "\\neg" => "¬",
        other => other,
    }
}
