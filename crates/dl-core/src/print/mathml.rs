//! Formulas as MathML Core, which browsers draw.

use crate::ops::{Binary, Contraction, Reduce, Unary};
use crate::print::form::{Along, Form, Subscript};
use crate::print::formula::{Equation, Notation, equations};
use crate::print::names::parts;
use crate::print::number::Number;
use crate::print::piece::{Level, Piece, Place, Writer};
use crate::print::roots::Roots;

/// Rows of a table: left side, sign, right side.
pub(super) fn print(mut roots: Roots<'_>) -> String {
    rows(&equations(&mut roots, &mut MathMl))
}

pub(super) fn rows(equations: &[Equation]) -> String {
    equations.iter().map(equation_row).collect()
}

/// Rows as an element `math` in a block.
pub(crate) fn table(rows: &str) -> String {
    format!("<math display=\"block\"><mtable columnalign=\"right center left\">{rows}</mtable></math>")
}

fn equation_row(e: &Equation) -> String {
    let cell = |text: &str, align: &str| {
        format!("<mtd style=\"text-align: {align}; padding: 0.3em 0.2em\"><mrow>{text}</mrow></mtd>")
    };
    let left = e.left.as_ref().map_or("", |left| &left.text);
    let sign = if e.left.is_none() {
        ""
    } else if e.update {
        "<mo>←</mo>"
    } else {
        "<mo>=</mo>"
    };
    format!("<mtr>{}{}{}</mtr>", cell(left, "right"), cell(sign, "center"), cell(&e.right.text, "left"))
}

/// The notation; it remembers nothing.
pub(super) struct MathMl;

fn write(level: Level) -> Writer {
    Writer::new(level, ["<mo>(</mo>", "<mo>)</mo>"])
}

fn sign(text: &str) -> String {
    format!("<mo>{}</mo>", escaped(text))
}

fn word(text: &str) -> String {
    format!("<mi>{}</mi>", escaped(text))
}

fn escaped(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    clean.collect::<String>().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn row(x: &Piece) -> String {
    format!("<mrow>{}</mrow>", x.text)
}

/// What superscripts attach to, in parentheses where it needs them.
fn base(x: &Piece) -> String {
    row(&write(Level::Atom).operand(x, Place::BASE).done())
}

impl Notation for MathMl {
    fn name(&mut self, name: &str) -> Piece {
        let width = name.chars().count();
        if let Some((above, below)) = name.strip_prefix('∂').and_then(|rest| rest.split_once("/∂")) {
            let (above, below) = (self.name(above), self.name(below));
            let partial = |x: &Piece| format!("<mrow><mo>∂</mo>{}</mrow>", x.text);
            let text = format!("<mfrac>{}{}</mfrac>", partial(&above), partial(&below));
            return Piece::atom(text).with(Level::Fraction).width(width / 2 + 1);
        }
        let (letter, subscript) = parts(name);
        let text = match subscript {
            Some(subscript) => format!("<msub>{}{}</msub>", word(&letter), identifier(&subscript)),
            None => word(&letter),
        };
        Piece::atom(text).width(width)
    }

    fn call(&mut self, function: &str, args: &[&Piece]) -> Piece {
        call(&word(function), function.chars().count(), args)
    }

    fn compose(&mut self, form: &Form, xs: &[&Piece]) -> Piece {
        match form {
            Form::Same => xs[0].clone(),
            Form::Name(name) => self.name(name),
            Form::Number(number) => self::number(number),
            Form::Size(dim) => match dim.name() {
                Some(name) => self.name(name),
                None => Piece::atom(word(&dim.to_string())).with(Level::Sum).width(dim.to_string().len()),
            },
            Form::Unary(op) => unary(*op, xs[0]),
            Form::Binary(op) => binary(*op, xs),
            Form::Elementwise => product("⊙", Level::Product, xs),
            Form::Square => power(xs[0], "<mn>2</mn>"),
            Form::Reduce { kind, indices } => reduce(*kind, indices, xs[0]),
            Form::Along { function, indices } => {
                let name = match function {
                    Along::LogSumExp => "logsumexp",
                    Along::LogSoftmax => "log softmax",
                    Along::Softmax => "softmax",
                };
                call(&below(&word(name), indices), name.len(), xs)
            }
            Form::ArgReduce { kind, index } => {
                let name = if *kind == Reduce::Min { "argmin" } else { "argmax" };
                call(&below(&word(name), index), name.len(), xs)
            }
            Form::Mean { indices, count } => {
                let size = self.compose(&Form::Size(count.clone()), &[]);
                let head = format!("<mfrac><mn>1</mn>{}</mfrac>", row(&size));
                let sum = reduce(Reduce::Sum, indices, xs[0]);
                write(Level::Prefix).text(&head, 2).operand(&sum, Place::FREE).done().opened()
            }
            Form::Transpose => power(xs[0], &sign("⊤")),
            Form::Product { transposed } => {
                let operand =
                    |i: usize| if transposed[i] { power(xs[i], &sign("⊤")) } else { xs[i].clone() };
                beside(Level::Matrix, &[&operand(0), &operand(1)])
            }
            Form::Correlation { settings } => {
                let star = match settings.as_slice() {
                    [] => sign("⋆"),
                    settings => format!("<msub>{}{}</msub>", sign("⋆"), identifier(&settings.join(", "))),
                };
                let left = write(Level::Matrix).operand(xs[0], Place::before(Level::Matrix)).text(&star, 3);
                left.operand(xs[1], Place::after(Level::Matrix)).done()
            }
            Form::Inner => {
                let open = write(Level::Atom).text(&sign("⟨"), 1).operand(xs[0], Place::FREE);
                let both = open.text(&sign(","), 2).operand(xs[1], Place::FREE);
                both.text(&sign("⟩"), 1).done()
            }
            Form::Einsum(c) => einsum(c, xs),
            Form::Select => {
                let [c, a, b] = [xs[0], xs[1], xs[2]];
                let cell = |x: &str| format!("<mtd>{x}</mtd>");
                let first = format!(
                    "<mtr>{}{}</mtr>",
                    cell(&row(a)),
                    cell(&format!("<mtext>if&#xa0;</mtext>{}", row(c)))
                );
                let last = format!("<mtr>{}{}</mtr>", cell(&row(b)), cell("<mtext>otherwise</mtext>"));
                let text = format!("<mrow>{}<mtable>{first}{last}</mtable></mrow>", sign("{"));
                Piece::atom(text).with(Level::Prefix).width(a.width.max(b.width) + c.width + 6).opened()
            }
            Form::Indicator => {
                write(Level::Atom).text(&sign("["), 1).operand(xs[0], Place::FREE).text(&sign("]"), 1).done()
            }
            Form::OneHot => match xs {
                [factor, labels] => {
                    product("·", Level::Product, &[factor, &call(&word("one_hot"), 7, &[labels])])
                }
                labels => call(&word("one_hot"), 7, labels),
            },
            Form::At(subscripts) => at(subscripts, xs),
            Form::Step { name, at: None } => self.name(name),
            Form::Step { name, at: Some(at) } => {
                let name = self.name(name);
                let width = name.width + at.len();
                Piece::atom(format!("<msub>{}{}</msub>", row(&name), identifier(at))).width(width)
            }
            Form::Gradient => {
                let head = format!("<msub>{}{}</msub>", sign("∇"), row(xs[1]));
                write(Level::Prefix).text(&head, 2).operand(xs[0], Place::BASE).done().opened()
            }
            Form::Call { name, params } if params.is_empty() => call(&word(name), name.len(), xs),
            Form::Call { name, params } => {
                let head = format!("<msub>{}{}</msub>", word(name), identifier(params));
                call(&head, name.len() + params.len(), xs)
            }
        }
    }
}

fn identifier(text: &str) -> String {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if digits { format!("<mn>{text}</mn>") } else { word(text) }
}

fn number(number: &Number) -> Piece {
    let (minus, x) = match number {
        Number::Plain { minus, digits } => {
            (*minus, Piece::atom(format!("<mn>{digits}</mn>")).width(digits.len()))
        }
        Number::Scientific { minus, digits, exponent } => {
            let ten = format!("<msup><mn>10</mn><mn>{}</mn></msup>", exponent.to_string().replace('-', "−"));
            let x = if digits == "1" {
                Piece::atom(ten).with(Level::Power)
            } else {
                Piece::atom(format!("<mn>{digits}</mn>{}{ten}", sign("·"))).with(Level::Product)
            };
            (*minus, x.width(digits.len() + 5))
        }
        Number::Infinite { minus } => (*minus, Piece::atom("<mi>∞</mi>").width(1)),
        Number::Nan | Number::Truth(_) => (false, Piece::atom(word(&number.ascii())).width(4)),
    };
    if minus { negative(&x, Place::FREE) } else { x }
}

fn negative(x: &Piece, place: Place) -> Piece {
    let piece = write(Level::Product).text("<mo>−</mo>", 1).operand(x, place).done();
    Piece { minus: true, ..piece }
}

fn unary(op: Unary, x: &Piece) -> Piece {
    match op {
        Unary::Neg => negative(x, Place::after(Level::Sum)),
        Unary::Abs => {
            write(Level::Atom).text(&sign("|"), 1).operand(x, Place::FREE).text(&sign("|"), 1).done()
        }
        Unary::Exp => power(&Piece::atom("<mi>e</mi>").width(1), &row(x)).width(x.width + 1),
        Unary::Expm1 => {
            let power = unary(Unary::Exp, x);
            write(Level::Sum).operand(&power, Place::FREE).text("<mo>−</mo><mn>1</mn>", 4).done()
        }
        Unary::Log1p => {
            let inside =
                write(Level::Sum).text("<mn>1</mn><mo>+</mo>", 4).operand(x, Place::after(Level::Sum));
            call(&word("log"), 3, &[&inside.done()])
        }
        Unary::Sqrt => Piece::atom(format!("<msqrt>{}</msqrt>", row(x))).width(x.width + 1),
        Unary::Sigmoid => call(&word("σ"), 1, &[x]),
        Unary::Floor => {
            write(Level::Atom).text(&sign("⌊"), 1).operand(x, Place::FREE).text(&sign("⌋"), 1).done()
        }
        Unary::Ceil => {
            write(Level::Atom).text(&sign("⌈"), 1).operand(x, Place::FREE).text(&sign("⌉"), 1).done()
        }
        Unary::Exp2 => power(&Piece::atom("<mn>2</mn>").width(1), &row(x)).width(x.width + 1),
        Unary::Digamma => call(&word("ψ"), 1, &[x]),
        Unary::Not => write(Level::Power).text(&sign("¬"), 1).operand(x, Place::BASE).done(),
        other => call(&word(other.row().name), other.row().name.len(), &[x]),
    }
}

fn binary(op: Binary, xs: &[&Piece]) -> Piece {
    let (x, y) = (xs[0], xs[1]);
    let between = |text: &str, level: Level| {
        let left = write(level).operand(x, Place::before(level)).text(&sign(text), 3);
        left.operand(y, Place::after(level)).done()
    };
    match op {
        Binary::Add => between("+", Level::Sum),
        Binary::Sub => between("−", Level::Sum),
        Binary::Mul => product("·", Level::Product, xs),
        Binary::Div => {
            let text = format!("<mfrac>{}{}</mfrac>", row(x), row(y));
            Piece::atom(text).with(Level::Fraction).width(x.width.max(y.width) + 1)
        }
        Binary::Pow => power(x, &row(y)).width(x.width + y.width),
        Binary::Max => call(&word("max"), 3, xs),
        Binary::Min => call(&word("min"), 3, xs),
        Binary::Eq => between("=", Level::Comparison),
        Binary::Ne => between("≠", Level::Comparison),
        Binary::Lt => between("<", Level::Comparison),
        Binary::Le => between("≤", Level::Comparison),
        Binary::Gt => between(">", Level::Comparison),
        Binary::Ge => between("≥", Level::Comparison),
        Binary::And => between("∧", Level::And),
        Binary::Or => between("∨", Level::Or),
        Binary::Atan2 | Binary::FloorDivide | Binary::Remainder | Binary::Ierfcx | Binary::Polygamma => {
            call(&word(op.row().name), op.row().name.len(), xs)
        }
    }
}

fn product(between: &str, level: Level, xs: &[&Piece]) -> Piece {
    joined(&sign(between), level, xs)
}

/// A product without a sign.
fn beside(level: Level, xs: &[&Piece]) -> Piece {
    joined("<mspace width=\"0.15em\"></mspace>", level, xs)
}

fn joined(between: &str, level: Level, xs: &[&Piece]) -> Piece {
    let left = write(level).operand(xs[0], Place::before(level)).text(between, 1);
    left.operand(xs[1], Place::after(level)).done()
}

fn power(x: &Piece, exponent: &str) -> Piece {
    Piece::atom(format!("<msup>{}{exponent}</msup>", base(x))).with(Level::Power).width(x.width + 1)
}

fn below(what: &str, indices: &[String]) -> String {
    format!("<msub>{what}{}</msub>", letters(indices))
}

fn letters(indices: &[String]) -> String {
    format!("<mrow>{}</mrow>", indices.iter().map(|i| word(i)).collect::<Vec<_>>().join("<mo>,</mo>"))
}

fn reduce(kind: Reduce, indices: &[String], x: &Piece) -> Piece {
    let sum = match kind {
        Reduce::Sum => "∑",
        Reduce::Prod => "∏",
        Reduce::Max => return call(&below(&word("max"), indices), 4, &[x]),
        Reduce::Min => return call(&below(&word("min"), indices), 4, &[x]),
    };
    let head = format!("<munder><mo>{sum}</mo>{}</munder>", letters(indices));
    write(Level::Prefix).text(&head, 2).operand(x, Place::after(Level::Sum)).done().opened()
}

fn at(subscripts: &[Subscript], xs: &[&Piece]) -> Piece {
    let inside: Vec<String> = subscripts
        .iter()
        .map(|subscript| match subscript {
            Subscript::Letter(text) | Subscript::Range(text) => word(text),
            Subscript::Operand(along) if along.is_empty() => row(xs[1]),
            Subscript::Operand(along) => format!("<msub>{}{}</msub>", row(xs[1]), letters(along)),
        })
        .collect();
    let text = format!("<msub>{}<mrow>{}</mrow></msub>", base(xs[0]), inside.join("<mo>,</mo>"));
    Piece::atom(text).width(xs[0].width + 2 * subscripts.len())
}

fn call(head: &str, width: usize, xs: &[&Piece]) -> Piece {
    // Between a function and what it is applied to, a mark that is not drawn.
    let mut text = write(Level::Atom).text(head, width).text("<mo>&#x2061;</mo><mo>(</mo>", 1);
    for (i, x) in xs.iter().enumerate() {
        text = if i > 0 { text.text("<mo>,</mo>", 2) } else { text };
        text = text.operand(x, Place::FREE);
    }
    text.text("<mo>)</mo>", 1).done()
}

/// A contraction in index notation.
fn einsum(c: &Contraction, xs: &[&Piece]) -> Piece {
    let indices = |labels: &[u8]| labels.iter().map(|l| char::from(*l).to_string()).collect::<Vec<_>>();
    let operand = |x: &Piece, labels: &[u8]| {
        Piece::atom(format!("<msub>{}{}</msub>", base(x), letters(&indices(labels))))
            .width(x.width + labels.len())
    };
    let (x, y) = (operand(xs[0], &c.lhs), operand(xs[1], &c.rhs));
    let summed: Vec<u8> = c.summed().collect();
    let both = beside(Level::Product, &[&x, &y]);
    let sum = if summed.is_empty() { both } else { reduce(Reduce::Sum, &indices(&summed), &both) };
    if c.out.is_empty() {
        return sum;
    }
    let text =
        format!("<msub><mrow><mo>[</mo>{}<mo>]</mo></mrow>{}</msub>", sum.text, letters(&indices(&c.out)));
    Piece::atom(text).width(sum.width + 3)
}
