//! Reading formulas back from the LaTeX that this crate prints: strictly, letter by letter.

mod array;
mod build;
mod names;
mod parse;
mod split;
mod syntax;

#[cfg(test)]
mod tests;

use crate::graph::{Expr, Graph};
use crate::shape::Shape;
use build::Builder;
use names::{Known, names};
use parse::Parser;

/// Bytes of a text at most.
const LONGEST: usize = 64 << 10;

/// What cannot be read, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("LaTeX, byte {at}: {what}")]
pub struct LatexError {
    at: usize,
    what: String,
}

impl LatexError {
    /// The place in the text, in bytes from its beginning.
    pub fn at(&self) -> usize {
        self.at
    }
}

type Result<T> = std::result::Result<T, LatexError>;

fn error<T>(at: usize, what: impl Into<String>) -> Result<T> {
    Err(LatexError { at, what: what.into() })
}

/// An equation that was read.
#[derive(Clone, Copy, Debug)]
pub struct Equation<'t, 'g> {
    /// The left side as it stands there; none for an expression by itself.
    pub left: Option<&'t str>,
    /// Whether it says `left ← value`.
    pub update: bool,
    /// The right side.
    pub value: Expr<'g>,
}

/// Reads what [`latex`](super::latex()) prints, and [`Program::latex`](crate::Program::latex) and
/// [`Expr::latex`] with it: one equation, or several that are aligned.
///
/// Names are those of the inputs and parameters of `graph`, of the dimensions in their shapes, and of the left sides
/// so far. The values are made in `graph`; where formulas leave something to the reader, it follows from shapes: which
/// axes an index means, along which axes a smaller array repeats (one place, or it is an error), and how many classes
/// `one_hot` has. `shape`, if it is known, is that of the last value.
///
/// What a [derivation](crate::derive::Derivation) says of where a value comes from, `\operatorname{f}\left(…\right) =`
/// before the right side, is passed over.
///
/// Everything else is an error: what is not written as the printer writes it, down to the spaces; names that look
/// alike; and operations of which formulas show less than they are (convolutions, sorting, scans, random numbers).
/// Texts of more than 64 KiB and formulas nested more than 100 deep are refused.
///
/// ```
/// use dl_core::{F64, Graph, print::read_latex};
/// let g = Graph::new();
/// g.input("x", F64, [3]);
/// g.input("w", F64, [3]);
/// let text = r"J = \log\left(1 + e^{-x^{\top}\,w}\right)";
/// let read = read_latex(&g, text, None)?;
/// assert_eq!(read[0].value.latex(), text[4..]);
///
/// let e = read_latex(&g, r"J = x^{\top}\,v", None).unwrap_err();
/// assert_eq!(e.to_string(), r"LaTeX, byte 14: expected a name, a number or a function, found v");
/// # Ok::<(), dl_core::print::LatexError>(())
/// ```
///
/// # Errors
/// The first place that cannot be read, and what was expected there.
pub fn read_latex<'t, 'g>(
    graph: &'g Graph,
    text: &'t str,
    shape: Option<&Shape>,
) -> Result<Vec<Equation<'t, 'g>>> {
    if text.len() > LONGEST {
        return error(LONGEST, format!("the text has {} bytes: expected at most {LONGEST}", text.len()));
    }
    let mut read = error(0, "nothing was read");
    // Values that do not fit leave no faults in the graph.
    graph.attempt(|| {
        read = equations(graph, text, shape);
        Some(())
    });
    read
}

fn equations<'t, 'g>(
    graph: &'g Graph,
    text: &'t str,
    shape: Option<&Shape>,
) -> Result<Vec<Equation<'t, 'g>>> {
    let mut parser = Parser::new(text, names(graph));
    let builder = Builder::new(graph);
    let mut equations: Vec<Equation<'t, 'g>> = vec![];
    let aligned = parser.eat("\\begin{aligned}\n");
    loop {
        let (start, sides) = (parser.place(), parser.left(aligned)?);
        if sides.is_some() {
            parser.call()?;
        }
        let formula = parser.formula()?;
        let ends = if aligned { parser.eat("\n\\end{aligned}") } else { parser.is_done() };
        let value = builder.value(&formula, shape.filter(|_| ends))?;
        if let Some((left, false)) = sides {
            match parser.names.get(left) {
                None => parser.names.insert(left.to_owned(), Known::Value(value)),
                // A result may be called as a size is, until someone asks for one of them.
                Some(Known::Size(_)) => parser.names.insert(left.to_owned(), Known::Ambiguous),
                Some(_) => {
                    return error(start, format!("{left} has two meanings: expected another name"));
                }
            };
        }
        equations.push(Equation {
            left: sides.map(|(left, _)| left),
            update: sides.is_some_and(|(_, update)| update),
            value,
        });
        if ends {
            break;
        }
        parser.expect(if aligned { " \\\\\n" } else { "the end" })?;
    }
    if !parser.is_done() {
        return parser.unexpected("the end");
    }
    Ok(equations)
}
