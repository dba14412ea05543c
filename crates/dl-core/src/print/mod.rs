//! Showing expressions and programs: s-expressions, mathematics for terminals, LaTeX, Graphviz; and reading LaTeX back.
//!
//! Everything is printed in the author's order of operands and outputs. What the author named is
//! shown under that name, once; what is long and used more than once gets a name of its own.
//!
//! ```
//! use dl_core::{F64, Graph, Init, print};
//! let g = Graph::new();
//! let theta = g.parameter("θ", F64, (), Init::Zeros);
//! let j = (theta - 3.0).square();
//! let step = theta - 0.1 * (2.0 * (theta - 3.0));
//! assert_eq!(print::math(&[("J", j), ("θ", step)]), "J = (θ - 3)²\nθ ← θ - 0.1·(2·(θ - 3))");
//! ```

mod dot;
mod elements;
mod form;
mod formula;
mod index;
mod latex;
mod math;
mod mathml;
mod names;
mod number;
mod params;
mod piece;
mod program;
mod read;
mod roots;
pub(crate) mod sexpr;
mod steps;
mod summary;
mod template;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::dim::Name;
use crate::dtype::{DType, Scalar};
use crate::graph::{Expr, NodeId};
use crate::program::{Output, Program, Update};
pub(crate) use form::is_invisible;
pub(crate) use formula::subscript_digits;
pub(crate) use mathml::table as mathml_table;
pub(crate) use params::Applied;
pub use read::{Equation, LatexError, read_latex};
use roots::Roots;
pub(crate) use roots::walk;
pub use summary::{Row, Summary};

/// Aligned equations in LaTeX, for mathematics mode: one for every root, and one for every named
/// or repeated value before its first use.
///
/// A root with the name of a parameter of the graph is its update and printed as `θ ← …`. Roots of
/// several graphs are printed graph by graph.
pub fn latex<'g, N: AsRef<str>>(roots: &[(N, Expr<'g>)]) -> String {
    Roots::each_graph(roots, latex::print)
}

/// The same equations as Unicode text for terminals, one a line.
pub fn math<'g, N: AsRef<str>>(roots: &[(N, Expr<'g>)]) -> String {
    Roots::each_graph(roots, math::print)
}

/// The same values as s-expressions with their element types and shapes, one a line, after the
/// inputs and parameters that they need: exact, where the formulas leave out what readers infer.
pub fn sexpr<'g, N: AsRef<str>>(roots: &[(N, Expr<'g>)]) -> String {
    Roots::each_graph(roots, |own| sexpr::print(&own))
}

/// `left = right`, or `left ← right`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sides {
    pub(crate) left: String,
    pub(crate) update: bool,
    pub(crate) right: String,
}

/// A function of values: its name, and a program whose outputs they are.
#[derive(Clone, Debug)]
pub(crate) struct Called {
    pub(crate) function: Name,
    pub(crate) args: Program,
}

/// How values of arrays are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Style {
    /// As wholes: `z = x·W`.
    #[default]
    Arrays,
    /// By their elements: `z[b,j] = Σ_i x[b,i]·W[i,j]`; no index has one of these names.
    Elements(Arc<[String]>),
}

/// A line to be written.
#[derive(Clone, Copy)]
pub(crate) struct Writing<'a> {
    pub(crate) program: &'a Program,
    /// The function that made the value.
    pub(crate) called: Option<&'a Called>,
    pub(crate) style: &'a Style,
}

/// Writes values one by one, of several graphs, in one spelling of names; a name that it makes means one thing.
#[derive(Default)]
pub(crate) struct Scribe {
    latex: latex::Latex,
    /// How many names were made so far.
    numbered: usize,
}

impl Scribe {
    /// The equations of a program's outputs and updates as Unicode text, the last one with the function that made
    /// its value: `left = function(…) = right`.
    pub(crate) fn unicode(&mut self, line: Writing<'_>) -> Vec<Sides> {
        sides(write(line, " = ", &mut math::Unicode, &mut self.numbered))
    }

    /// The same as LaTeX.
    pub(crate) fn latex(&mut self, line: Writing<'_>) -> Vec<Sides> {
        sides(write(line, " = ", &mut self.latex, &mut self.numbered))
    }

    /// The same as rows of a table in MathML.
    pub(crate) fn mathml(&mut self, line: Writing<'_>) -> String {
        mathml::rows(&write(line, "<mo>=</mo>", &mut mathml::MathMl, &mut self.numbered))
    }
}

fn sides(equations: Vec<formula::Equation>) -> Vec<Sides> {
    let sides = |e: formula::Equation| Sides {
        left: e.left.map(|left| left.text).unwrap_or_default(),
        update: e.update,
        right: e.right.text,
    };
    equations.into_iter().map(sides).collect()
}

fn write(
    line: Writing<'_>,
    equals: &str,
    notation: &mut impl formula::Notation,
    numbered: &mut usize,
) -> Vec<formula::Equation> {
    let Writing { program, called, style } = line;
    let graph = program.to_graph();
    let output = |o: &Output| (o.name.clone(), program.expr(&graph, o.node));
    let outputs: Vec<(Name, Expr<'_>)> = program.outputs().iter().map(output).collect();
    let update = |u: &Update| (u.parameter.clone(), program.expr(&graph, u.value));
    let updates: Vec<(Name, Expr<'_>)> = program.updates().iter().map(update).collect();
    let mut roots = Roots::program(&outputs, &updates);
    roots.numbered = *numbered;
    let mut equations = match style {
        Style::Arrays => formula::equations(&mut roots, notation),
        Style::Elements(names) => elements::equations(&mut roots, names, notation),
    };
    *numbered = roots.numbered;
    let call = called.and_then(|called| written(called, notation));
    if let (Some(mut call), Some(last), Some((_, value))) = (call, equations.last_mut(), outputs.first()) {
        if let (Style::Elements(names), true) = (style, value.shape().rank() > 0) {
            let letters = index::indices_beside(&value.shape(), names).into_iter();
            let at = letters.map(form::Subscript::Letter).collect();
            call = notation.compose(&form::Form::At(at), &[&call]);
        }
        if call.text != last.right.text {
            last.right.text.insert_str(0, &(call.text + equals));
        }
    }
    equations
}

/// A call with its arguments; none where one of them is too long for a line.
fn written(called: &Called, notation: &mut impl formula::Notation) -> Option<piece::Piece> {
    let program = &called.args;
    let graph = program.to_graph();
    let args: Vec<Expr<'_>> = program.outputs().iter().map(|o| program.expr(&graph, o.node)).collect();
    let mut distinct: Vec<NodeId> = vec![];
    args.iter().map(|arg| arg.id()).for_each(|id| {
        if !distinct.contains(&id) {
            distinct.push(id)
        }
    });
    let equations = formula::equations(&mut Roots::unnamed(&args), notation);
    let fits = equations.iter().all(|e| e.left.is_none()) && distinct.len() == equations.len();
    let piece = |arg: &Expr<'_>| {
        let place = distinct.iter().position(|id| *id == arg.id())?;
        equations.get(place).map(|e| &e.right)
    };
    let pieces: Vec<&piece::Piece> = args.iter().map(piece).collect::<Option<_>>()?;
    fits.then(|| notation.call(&called.function, &pieces))
}

/// A constant of an element type in the fewest digits that mean it.
pub(crate) fn constant(value: Scalar, dtype: DType) -> String {
    number::Number::new(value, dtype).ascii()
}

/// The graph below the roots in Graphviz's language.
pub fn dot<'g, N: AsRef<str>>(roots: &[(N, Expr<'g>)]) -> String {
    Roots::each_graph(roots, |own| dot::print(&own))
}

impl Expr<'_> {
    /// As LaTeX for mathematics mode; see [`print::latex`](latex).
    ///
    /// ```
    /// use dl_core::{F64, Graph};
    /// let g = Graph::new();
    /// let x = g.input("x", F64, ());
    /// assert_eq!((1.0 / (1.0 + (-x).exp())).latex(), r"\frac{1}{1 + e^{-x}}");
    /// ```
    pub fn latex(self) -> String {
        latex::print(Roots::single(self))
    }

    /// As Unicode text for terminals; see [`print::math`](math).
    ///
    /// ```
    /// use dl_core::{F64, Graph};
    /// let g = Graph::new();
    /// let x = g.input("x", F64, ());
    /// assert_eq!(((x + 1.0) / x).square().named("y").math(), "y = ((x + 1)/x)²");
    /// ```
    pub fn math(self) -> String {
        math::print(Roots::single(self))
    }

    /// As s-expressions, one value a line; see [`print::sexpr`](sexpr). `to_string` gives one line.
    ///
    /// ```
    /// use dl_core::{F64, Graph};
    /// let g = Graph::new();
    /// let x = g.input("x", F64, [2]);
    /// let y = x.sum(..).named("y");
    /// assert_eq!(y.listing(), "input x : f64 [2]\ny = (sum[0] x) : f64 []");
    /// ```
    pub fn listing(self) -> String {
        sexpr::print(&Roots::single(self))
    }

    /// The graph below it in Graphviz's language; see [`print::dot`](dot).
    pub fn graphviz(self) -> String {
        dot::print(&Roots::single(self))
    }
}
