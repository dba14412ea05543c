//! Formulas as LaTeX, for mathematics mode.

use rustc_hash::FxHashMap;

use crate::dim::{Dim, Name};
use crate::ops::{Binary, Contraction, Reduce};
use crate::print::form::{Along, Form, Subscript};
use crate::print::formula::{Equation, Notation, equations};
use crate::print::math::size_level;
use crate::print::names::{escape, exact, pretty, upright};
use crate::print::number::Number;
use crate::print::piece::{Level, Piece, Place, Writer};
use crate::print::roots::Roots;
use crate::print::template::{Part, Template, tokens};

/// One equation by itself, several of them aligned.
pub(super) fn print(mut roots: Roots<'_>) -> String {
    let equations = equations(&mut roots, &mut Latex::default());
    let line = |e: &Equation, align: &str| match &e.left {
        Some(left) => {
            format!("{} {align}{} {}", left.text, if e.update { "\\leftarrow" } else { "=" }, e.right.text)
        }
        None => format!("{align}{}", e.right.text),
    };
    match equations.as_slice() {
        [] => String::new(),
        [one] => line(one, ""),
        more => {
            let lines: Vec<String> = more.iter().map(|e| line(e, "&")).collect();
            format!("\\begin{{aligned}}\n{}\n\\end{{aligned}}", lines.join(" \\\\\n"))
        }
    }
}

/// Remembers which name has which spelling, so that two never look the same.
#[derive(Default)]
pub(super) struct Latex {
    spelled: FxHashMap<String, Name>,
}

fn write(level: Level) -> Writer {
    Writer::new(level, ["\\left(", "\\right)"])
}

impl Notation for Latex {
    fn name(&mut self, name: &str) -> Piece {
        let piece = pretty(name);
        let owner = self.spelled.entry(piece.text.clone()).or_insert_with(|| name.into());
        if **owner == *name { piece } else { exact(name) }
    }

    fn call(&mut self, function: &str, args: &[&Piece]) -> Piece {
        apply(&upright_function(function), function.chars().count(), args)
    }

    fn compose(&mut self, form: &Form, xs: &[&Piece]) -> Piece {
        match form {
            Form::Same => xs[0].clone(),
            Form::Name(name) => self.name(name),
            Form::Number(number) => self::number(number),
            Form::Size(dim) => self.size(dim),
            Form::Unary(op) => fill(op.row().latex, xs),
            Form::Binary(op) => fill(op.row().latex, xs),
            Form::Elementwise => fill(Binary::Mul.row().latex, xs),
            Form::Square => superscript(xs[0], "2"),
            Form::Reduce { kind, indices } => self.reduce(*kind, indices, xs[0]),
            Form::Along { function, indices } => {
                let letters = self.letters(indices);
                let head = |name: &str| format!("\\operatorname{{{name}}}_{{{letters}}}");
                match function {
                    Along::LogSumExp => apply(&head("logsumexp"), 10, xs),
                    Along::Softmax => apply(&head("softmax"), 8, xs),
                    Along::LogSoftmax => {
                        apply(&format!("\\log {}", head("softmax")), 12, xs).with(Level::Prefix)
                    }
                }
            }
            Form::ArgReduce { kind, index } => {
                let name = if *kind == Reduce::Min { "argmin" } else { "argmax" };
                let name = format!("\\operatorname{{{name}}}_{{{}}}", self.letters(index));
                apply(&name, 6, xs)
            }
            Form::Mean { indices, count } => {
                let size = self.size(count);
                let head =
                    write(Level::Prefix).text("\\frac{1}{", 0).operand(&size, Place::FREE).text("} ", 1);
                let sum = self.reduce(Reduce::Sum, indices, xs[0]);
                head.operand(&sum, Place::FREE).done().opened()
            }
            Form::Transpose => superscript(xs[0], "\\top"),
            Form::Product { transposed } => {
                let operand =
                    |i: usize| if transposed[i] { superscript(xs[i], "\\top") } else { xs[i].clone() };
                let left =
                    write(Level::Matrix).operand(&operand(0), Place::before(Level::Matrix)).text("\\,", 1);
                left.operand(&operand(1), Place::after(Level::Matrix)).done()
            }
            Form::Correlation { settings } => {
                let sign = match settings.as_slice() {
                    [] => " \\star ".into(),
                    settings => format!(" \\star_{{{}}} ", settings.join(", ")),
                };
                let left = write(Level::Matrix).operand(xs[0], Place::before(Level::Matrix));
                let width = 3 + settings.iter().map(String::len).sum::<usize>();
                left.text(&sign, width).operand(xs[1], Place::after(Level::Matrix)).done()
            }
            Form::Inner => {
                let inside = write(Level::Atom).text("\\left\\langle ", 1).list(xs.iter().copied());
                inside.text("\\right\\rangle", 1).done()
            }
            Form::Einsum(c) => einsum(c, xs),
            Form::Select => {
                let [c, a, b] = [xs[0], xs[1], xs[2]];
                let first = write(Level::Prefix).text("\\begin{cases} ", 2).operand(a, Place::FREE);
                let condition = first.text(" & \\text{if } ", 4).operand(c, Place::FREE).text(" \\\\ ", 0);
                let last = condition.operand(b, Place::FREE).text(" & \\text{otherwise} \\end{cases}", 10);
                last.done().opened()
            }
            Form::Indicator => {
                write(Level::Atom).text("\\left[", 1).operand(xs[0], Place::FREE).text("\\right]", 1).done()
            }
            Form::OneHot => {
                let one_hot = |labels| apply("\\operatorname{one\\_hot}", 7, labels);
                match xs {
                    [factor, labels] => fill(Binary::Mul.row().latex, &[factor, &one_hot(&[labels])]),
                    labels => one_hot(labels),
                }
            }
            Form::At(subscripts) => self.at(subscripts, xs),
            Form::Step { name, at: None } => self.name(name),
            Form::Step { name, at: Some(at) } => {
                subscripted(&self.name(name), &Piece::atom(at.replace(' ', "")).width(at.len()))
            }
            Form::Gradient => {
                let head =
                    write(Level::Prefix).text("\\nabla_{", 1).operand(xs[1], Place::FREE).text("} ", 1);
                head.operand(xs[0], Place::BASE).done().opened()
            }
            Form::Call { name, params } => {
                let mut head = upright_function(name);
                if !params.is_empty() {
                    head.push_str(&format!("_{{{}}}", upright(&params.replace("->", "→"))));
                }
                apply(&head, name.len() + params.len(), xs)
            }
        }
    }
}

impl Latex {
    fn size(&mut self, dim: &Dim) -> Piece {
        if let Some(name) = dim.name() {
            return self.name(name);
        }
        let Dim::Poly(terms) = dim else { return Piece::atom(dim.to_string()) };
        let mut text = String::new();
        // Highest powers first, as one writes polynomials.
        for (i, term) in terms.iter().rev().enumerate() {
            let sign = match (i, term.coefficient < 0) {
                (0, true) => "-",
                (0, false) => "",
                (_, true) => " - ",
                (_, false) => " + ",
            };
            let mut factors: Vec<String> = vec![];
            if term.coefficient.abs() != 1 || term.factors.is_empty() {
                factors.push(term.coefficient.unsigned_abs().to_string());
            }
            for (name, power) in &term.factors {
                let base = self.name(name).text;
                factors.push(if *power == 1 { base } else { format!("{base}^{{{power}}}") });
            }
            text.push_str(sign);
            text.push_str(&factors.join(" \\cdot "));
        }
        Piece::atom(text).with(size_level(dim)).width(dim.to_string().chars().count())
    }

    fn reduce(&mut self, kind: Reduce, indices: &[String], x: &Piece) -> Piece {
        let letters = self.letters(indices);
        let sign = match kind {
            Reduce::Sum => "\\sum",
            Reduce::Prod => "\\prod",
            Reduce::Max => return apply(&format!("\\max_{{{letters}}}"), 4, &[x]),
            Reduce::Min => return apply(&format!("\\min_{{{letters}}}"), 4, &[x]),
        };
        let head = write(Level::Prefix).text(&format!("{sign}_{{{letters}}} "), 2);
        head.operand(x, Place::after(Level::Sum)).done().opened()
    }

    fn at(&mut self, subscripts: &[Subscript], xs: &[&Piece]) -> Piece {
        let mut inside = write(Level::Atom);
        for (i, subscript) in subscripts.iter().enumerate() {
            inside = if i > 0 { inside.text(", ", 1) } else { inside };
            inside = match subscript {
                Subscript::Letter(letter) => inside.text(&self.letters(std::slice::from_ref(letter)), 1),
                Subscript::Range(range) => inside.text(&range.replace('·', "\\cdot "), range.len()),
                Subscript::Operand(along) if along.is_empty() => inside.operand(xs[1], Place::FREE),
                Subscript::Operand(along) => {
                    let letters = self.letters(along);
                    inside.operand(&subscripted(xs[1], &Piece::atom(letters)), Place::FREE)
                }
            };
        }
        subscripted(xs[0], &inside.done())
    }

    /// Indices between commas; long ones upright.
    fn letters(&self, indices: &[String]) -> String {
        indices.iter().map(|i| pretty(i).text).collect::<Vec<_>>().join(", ")
    }
}

/// A function's name as an operator.
fn upright_function(name: &str) -> String {
    format!("\\operatorname{{{}}}", escape(name))
}

/// The operands in the slots of a row's template.
fn fill(latex: &'static str, xs: &[&Piece]) -> Piece {
    let template = Template::read(latex);
    template.parts.iter().fold(write(template.level), fill_part(xs)).done()
}

fn fill_part<'a>(xs: &'a [&'a Piece]) -> impl Fn(Writer, &Part) -> Writer + 'a {
    |writer, part| match part {
        Part::Text(text) => {
            let drawn =
                |t: &&str| !["{", "}", "^", "\\left", "\\right", "\\frac", "\\operatorname"].contains(t);
            writer.text(text, tokens(text).filter(drawn).count() + text.matches(' ').count())
        }
        Part::Slot { operand, place } => writer.operand(xs[*operand], *place),
    }
}

fn number(number: &Number) -> Piece {
    let (minus, x) = match number {
        Number::Plain { minus, digits } => (*minus, Piece::atom(digits)),
        Number::Scientific { minus, digits, exponent } => {
            let power = format!("10^{{{exponent}}}");
            let x = if digits == "1" {
                Piece::atom(power).with(Level::Power)
            } else {
                Piece::atom(format!("{digits} \\cdot {power}")).with(Level::Product)
            };
            (*minus, x.width(digits.len() + 5))
        }
        Number::Infinite { minus } => (*minus, Piece::atom("\\infty").width(1)),
        Number::Nan | Number::Truth(_) => (false, Piece::atom(upright(&number.ascii())).width(4)),
    };
    if minus { write(Level::Product).text("-", 1).operand(&x, Place::FREE).done() } else { x }
}

fn superscript(x: &Piece, mark: &str) -> Piece {
    write(Level::Power).operand(x, Place::BASE).text(&format!("^{{{mark}}}"), 1).done()
}

/// `x_{…}`; what has a subscript already is held together by braces.
fn subscripted(x: &Piece, subscript: &Piece) -> Piece {
    let held = x.fits(Place::BASE) && x.text.contains('_');
    let base = write(Level::Atom).text(if held { "{" } else { "" }, 0).operand(x, Place::BASE);
    let open = base.text(if held { "}_{" } else { "_{" }, 0).operand(subscript, Place::FREE);
    open.text("}", 0).done()
}

fn apply(head: &str, width: usize, xs: &[&Piece]) -> Piece {
    let head = write(Level::Atom).text(head, width);
    if xs.is_empty() {
        return head.done();
    }
    head.text("\\left(", 1).list(xs.iter().copied()).text("\\right)", 1).done()
}

/// A contraction in index notation; the indices of the result stand outside of brackets.
fn einsum(c: &Contraction, xs: &[&Piece]) -> Piece {
    let letters =
        |s: &[u8]| Piece::atom(s.iter().map(|l| char::from(*l).to_string()).collect::<Vec<_>>().join(" "));
    let summed: Vec<u8> = c.summed().collect();
    let mut product = write(Level::Prefix);
    if !summed.is_empty() {
        product = product.text(&format!("\\sum_{{{}}} ", letters(&summed).text), 2);
    }
    let (left, right) = (subscripted(xs[0], &letters(&c.lhs)), subscripted(xs[1], &letters(&c.rhs)));
    let product =
        product.operand(&left, Place::FREE).text("\\,", 1).operand(&right, Place::FREE).done().opened();
    if c.out.is_empty() {
        return product;
    }
    let held = write(Level::Atom).text("\\left[", 1).operand(&product, Place::FREE).text("\\right]_{", 1);
    held.operand(&letters(&c.out), Place::FREE).text("}", 0).done()
}
