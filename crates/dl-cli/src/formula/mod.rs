//! The language of formulas: what people write on paper, in the signs of a keyboard.
//!
//! ```text
//! log(1 + exp(-y * dot(x, w))) + lambda * sum(w^2)
//! sum(i, (y[i] - sum(j, X[i,j] * w[j]))^2)
//! z = X @ W + b; J = mean(cross_entropy(z, y))
//! ```
//!
//! Statements are divided by `;` or lines: definitions `name = value`, declarations `name: [B, 3]` (`int [B]` of
//! whole numbers), values; the last one is the objective. Operators are `+ - * / @ ^ '` and comparisons, with `·`,
//! `×`, `⊙`, `²` and `ᵀ` as well; `@` is the product of matrices and vectors, `'` transposes. `x[i,j]` is an element,
//! for an index of a sum around it (`sum(i, …)`, also `mean`, `prod`, `max`, `min`) or a number from 0 on. `#` begins
//! a comment.
//!
//! What a formula does not define is an input. Its shape is declared, or follows from what is done with it; what
//! nothing is known of is a number. Greek letters may be written by their names: `lambda` is `λ`.

mod build;
mod function;
mod mistake;
mod parse;
mod shape;
mod token;
mod tree;
mod types;

use dl_core::{DType, Dim, Expr, Graph, I64, Shape};
use dl_report::Language;
pub use mistake::{Mistake, Span};
use shape::Known;
pub(crate) use token::letter;
use tree::{Says, Statement};

/// A formula that was read, with the shapes of its inputs.
#[derive(Clone, Debug)]
pub struct Formula {
    text: String,
    statements: Vec<Statement>,
    inputs: Vec<(String, Known)>,
    /// The file that the text stands in, and its first line there.
    file: Option<(String, usize)>,
}

impl Formula {
    /// Reads a formula. `shapes` are declarations such as `x: [B, 3]` from outside of it.
    ///
    /// # Errors
    /// What is wrong first, with its place.
    pub fn parse(text: &str, shapes: &[&str]) -> Result<Formula, Mistake> {
        let statements = parse::parse(text)?;
        let mut given = vec![];
        for declaration in shapes {
            for statement in parse::parse(declaration)? {
                match statement {
                    Statement { name: Some((name, _)), says: Says::Shape(shape) } => {
                        given.push((name, shape))
                    }
                    _ => {
                        return Err(Mistake::new(
                            declaration,
                            0..declaration.len(),
                            "expected a shape: x: [B, 3]",
                        ));
                    }
                }
            }
        }
        let inputs = shape::infer(text, &statements, &given)?;
        Ok(Formula { text: text.to_owned(), statements, inputs, file: None })
    }

    /// The same as a part of a file that begins at a line: messages about values have their line there.
    #[must_use]
    pub(crate) fn in_file(self, file: &str, first: usize) -> Formula {
        Formula { file: Some((file.to_owned(), first)), ..self }
    }

    /// The names of the inputs, in the order in which the formula uses them.
    pub fn inputs(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().map(|(name, _)| &**name)
    }

    /// The names of the inputs that are real numbers, by which an objective can be differentiated.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.inputs.iter().filter(|(_, known)| !known.integers).map(|(name, _)| &**name)
    }

    /// The value of the last statement in a graph, in real numbers of type `f32` or `f64`; definitions have their
    /// names there.
    ///
    /// # Errors
    /// What does not go together, with its place.
    pub fn build<'g>(&self, graph: &'g Graph, real: DType) -> Result<Expr<'g>, Mistake> {
        self.build_with(graph, real, &|name, dtype, shape| graph.input(name, dtype, shape))
    }

    /// The same with something else than an input for some names: parameters, constants. `leaf` makes what stands
    /// for a name, of this type and shape.
    ///
    /// # Errors
    /// As for [`build`](Formula::build).
    pub(crate) fn build_with<'g>(
        &self,
        graph: &'g Graph,
        real: DType,
        leaf: &dyn Fn(&str, DType, &Shape) -> Expr<'g>,
    ) -> Result<Expr<'g>, Mistake> {
        let leaf = |(name, known): &(String, Known)| {
            let dtype = if known.integers { I64 } else { real };
            let shape: Shape = known.dims.iter().cloned().collect();
            (name.clone(), leaf(name, dtype, &shape))
        };
        let leaves = self.inputs.iter().map(leaf).collect();
        build::build(graph, &self.text, &self.statements, leaves, real, self.file.as_ref())
    }

    /// Where a name stands first in the text, however it is spelled there.
    pub(crate) fn place_of(&self, name: &str) -> Span {
        let all = token::tokens(&self.text).unwrap_or_default();
        let is_it =
            |(token, _): &(token::Token, Span)| matches!(token, token::Token::Name(own) if own == name);
        all.into_iter().find(is_it).map_or(0..0, |(_, span)| span)
    }

    /// The shape of an input, and whether its elements are whole numbers.
    pub(crate) fn input(&self, name: &str) -> Option<(&[Dim], bool)> {
        let (_, known) = self.inputs.iter().find(|(other, _)| other == name)?;
        Some((&known.dims, known.integers))
    }

    /// The same, which must be a single real number.
    ///
    /// # Errors
    /// As for [`build`](Formula::build); also when the value is no number.
    pub fn objective<'g>(&self, graph: &'g Graph, real: DType) -> Result<Expr<'g>, Mistake> {
        self.scalar(self.build(graph, real)?)
    }

    /// The value, if it is a single real number.
    ///
    /// # Errors
    /// When it is none.
    pub(crate) fn scalar<'g>(&self, value: Expr<'g>) -> Result<Expr<'g>, Mistake> {
        let whole = 0..self.text.len();
        if value.shape().rank() > 0 {
            let what = format!(
                "the value has the shape {}; an objective is one number: sum(…) or mean(…)",
                value.shape()
            );
            return Err(Mistake::new(&self.text, whole, what));
        }
        if !value.dtype().is_float() {
            let what = format!("the value is {}; an objective is a real number", value.dtype());
            return Err(Mistake::new(&self.text, whole, what));
        }
        Ok(value)
    }

    /// `x ∈ ℝⁿ`-like descriptions of the inputs: `x: [n]`, `y: int [B]`, `λ: number`.
    pub fn described(&self, language: Language) -> Vec<String> {
        let describe = |(name, known): &(String, Known)| {
            let dims: Vec<String> = known.dims.iter().map(ToString::to_string).collect();
            let of = if known.integers { "int " } else { "" };
            match dims.as_slice() {
                [] if known.integers => format!("{name}: {}", language.pick("whole number", "整数")),
                [] => format!("{name}: {}", language.pick("number", "数")),
                dims => format!("{name}: {of}[{}]", dims.join(", ")),
            }
        };
        self.inputs.iter().map(describe).collect()
    }
}
