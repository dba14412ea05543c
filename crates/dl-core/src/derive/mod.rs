//! The derivation of a gradient as a lecture note writes it: the objective as it was written, the values between,
//! then the chain rule from the objective back to each variable.

mod cut;
mod draft;
mod evaluate;
mod letters;
mod markdown;
mod tidy;

#[cfg(test)]
mod optimizer_tests;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::dim::Name;
use crate::dtype::DType::{self, F64};
use crate::error::Result;
use crate::graph::{Expr, Graph, NodeId};
use crate::nn::Optimizer;
use crate::print::{Called, Scribe, Sides, Style, Writing, mathml_table};
use crate::program::{Output, Program};
use crate::shape::Shape;
use letters::Variable;

/// What a line of a [`Derivation`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// What the objective is.
    Objective,
    /// What a value on the way is.
    Value,
    /// The derivative with respect to a value on the way.
    Inner,
    /// The derivative with respect to a variable that was asked for.
    Gradient,
    /// What a step makes of a variable, or of what an optimizer remembers.
    Update,
    /// The value of a setting.
    Setting,
}

/// In a word or two, for tables.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Objective => "objective",
            Kind::Value => "value",
            Kind::Inner => "chain rule",
            Kind::Gradient => "gradient",
            Kind::Update => "update",
            Kind::Setting => "setting",
        })
    }
}

/// An equation of a [`Derivation`].
#[derive(Clone, Debug)]
pub struct Line {
    kind: Kind,
    node: NodeId,
    name: Name,
    /// Its only output or update is the left side; its inputs are what stands on the right.
    program: Program,
    /// The function that made the value.
    called: Option<Called>,
    style: Style,
}

/// The derivation of an objective's gradients: first the objective as it was written, then the values on the way
/// and what they are, then derivatives by the chain rule, each by those before it.
///
/// Values that the author [named](Expr::named) have their names; others have one where a textbook gives them one:
/// what goes into an activation (`z`), what goes into a product that is differentiated on both sides (`h`), and what
/// is used more than once (`u`). Each derivative is made stable and small by the compiler's rules, and written with
/// common factors once.
///
/// ```
/// use dl_core::{F64, Graph, derive::Derivation};
/// let g = Graph::new();
/// let (x, w, y) = (g.input("x", F64, [3]), g.input("w", F64, [3]), g.input("y", F64, ()));
/// let j = (1.0 + (-y * x.dot(w)).exp()).log().named("J");
/// assert_eq!(
///     Derivation::of(j, &[w])?.math(),
///     "J = log(1 + exp(z))\n\
///      z = -y·xᵀ·w\n\
///      ∂J/∂z = σ(z)\n\
///      ∂J/∂w = -∂J/∂z·y·x"
/// );
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Derivation {
    lines: Vec<Line>,
}

impl Derivation {
    /// Of `objective`, a float scalar, with respect to inputs or parameters.
    ///
    /// # Errors
    /// What was wrong when the graph was built; an objective that is no float scalar; a variable that is neither an
    /// input nor a parameter of floats.
    pub fn of<'g>(objective: Expr<'g>, wrt: &[Expr<'g>]) -> Result<Derivation> {
        Ok(Derivation { lines: draft::lines(objective, wrt)? })
    }

    /// The lines, in the order in which they are read.
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// The same with what an optimizer makes of each variable: of the variable, if there is one; else of any of them,
    /// called `θ`. Settings have letters, and lines of their own that say their values; each line of an optimizer with
    /// a memory sees what those before it made, as papers write it. An optimizer that does not
    /// [say its letters](Optimizer::lettered) has numbers, and parentheses in the names of what it remembers.
    ///
    /// ```
    /// use dl_core::{F64, Graph, Init, derive::Derivation, nn::Sgd};
    /// let g = Graph::new();
    /// let theta = g.parameter("θ", F64, (), Init::Zeros);
    /// let derivation = Derivation::of((theta - 3.0).square(), &[theta])?.with_updates(&Sgd::new(0.1))?;
    /// assert_eq!(derivation.math(), "J = (θ - 3)²\n∂J/∂θ = 2·(θ - 3)\nθ ← θ - α·∂J/∂θ\nα = 0.1");
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// A setting that the optimizer refuses.
    pub fn with_updates(mut self, optimizer: &impl Optimizer) -> Result<Derivation> {
        let variables: Vec<&Line> = self.lines.iter().filter(|line| line.kind == Kind::Gradient).collect();
        let Some(first) = variables.first() else { return Ok(self) };
        let objective = self.lines[0].name.clone();
        let shape = &first.program.nodes()[first.output().node.index()].shape;
        // What stands for all has elements, whatever it is.
        let (name, shape) = match variables.as_slice() {
            [one] => (one.name.split_once("/∂").map_or("θ", |(_, name)| name).to_owned(), shape.clone()),
            _ => ("θ".to_owned(), Shape::from(2)),
        };
        let fixed = shape.iter().all(|dim| dim.size().is_some());
        let shape = if fixed { shape } else { Shape::from(2) };
        let gradient = format!("∂{objective}/∂{name}");
        let variable = Variable { name: &name, gradient: &gradient, shape: &shape };
        let written = match letters::by_letters(optimizer, &variable, &self.names()) {
            Some(written) => written,
            None => letters::by_numbers(optimizer, &variable)?,
        };
        let node = first.node;
        for (name, program) in written.lines {
            self.lines.push(Line {
                kind: Kind::Update,
                node,
                name,
                program,
                called: None,
                style: Style::Arrays,
            });
        }
        for (name, value) in written.settings {
            let paper = Graph::new();
            let value = paper.constant(F64, value);
            let program = Program::builder(&paper).output(&name, value).without_rewriting().compile()?;
            self.lines.push(Line {
                kind: Kind::Setting,
                node,
                name,
                program,
                called: None,
                style: Style::Arrays,
            });
        }
        Ok(self)
    }

    /// The same, written by the elements of arrays, with an index for every axis. A line that cannot be written so, or
    /// would be long, stays as it is. [`read_latex`](crate::print::read_latex) does not read it.
    ///
    /// ```
    /// use dl_core::{F64, Graph, Named, derive::Derivation};
    /// let (g, n) = (Graph::new(), Named("N"));
    /// let (x, y, w) = (g.input("x", F64, (n, 3)), g.input("y", F64, n), g.input("w", F64, [3]));
    /// let j = (x.dot(w) - y).square().sum(..).named("J");
    /// assert_eq!(
    ///     Derivation::of(j, &[w])?.by_elements().math(),
    ///     "J = Σ_n z[n]²\n\
    ///      z[n] = Σ_j x[n,j]·w[j] - y[n]\n\
    ///      (∂J/∂z)[n] = 2·z[n]\n\
    ///      (∂J/∂w)[i] = Σ_n x[n,i]·(∂J/∂z)[n]"
    /// );
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    pub fn by_elements(mut self) -> Derivation {
        let names: Arc<[String]> = self.names().iter().map(ToString::to_string).collect();
        self.lines.iter_mut().for_each(|line| line.style = Style::Elements(names.clone()));
        self
    }

    /// Gives values of the graph in which the objective was written the names that they have here, unless they have
    /// one: a program that is compiled afterwards knows them by these.
    pub fn name_values(&self, graph: &Graph) {
        for line in self.lines.iter().filter(|line| line.kind == Kind::Value) {
            if graph.origin(line.node).name.is_none() {
                graph.expr(line.node).named(&line.name);
            }
        }
    }

    /// All names that its lines have.
    fn names(&self) -> FxHashSet<Name> {
        let mut names: FxHashSet<Name> = self.lines.iter().map(|line| line.name.clone()).collect();
        for Line { program, .. } in &self.lines {
            names.extend(program.inputs().iter().map(|d| d.name.clone()));
            names.extend(program.parameters().iter().map(|d| d.name.clone()));
        }
        names
    }

    /// As Unicode text for terminals, an equation a line.
    pub fn math(&self) -> String {
        let mut scribe = Scribe::default();
        self.lines.iter().map(|line| line.text(&mut scribe)).collect::<Vec<_>>().join("\n")
    }

    /// As aligned equations in LaTeX, for mathematics mode.
    pub fn latex(&self) -> String {
        let mut scribe = Scribe::default();
        aligned(&self.lines.iter().flat_map(|line| scribe.latex(line.writing())).collect::<Vec<_>>())
    }
}

impl Derivation {
    /// As an element `math` in a block, an equation a row, as browsers draw it: MathML Core.
    pub fn mathml(&self) -> String {
        mathml_table(&self.mathml_rows().concat())
    }

    /// Each line as an element `math` in a block; the names of parts that are used more than once go on from line to
    /// line.
    pub fn mathml_lines(&self) -> Vec<String> {
        self.mathml_rows().iter().map(|rows| mathml_table(rows)).collect()
    }

    fn mathml_rows(&self) -> Vec<String> {
        let mut scribe = Scribe::default();
        self.lines.iter().map(|line| scribe.mathml(line.writing())).collect()
    }
}

impl Line {
    /// As LaTeX for mathematics mode: one equation, or several that are aligned.
    pub fn latex(&self) -> String {
        match Scribe::default().latex(self.writing()).as_slice() {
            [one] => format!("{} {} {}", one.left, if one.update { "\\leftarrow" } else { "=" }, one.right),
            several => aligned(several),
        }
    }

    /// As an element `math` in a block: MathML Core.
    pub fn mathml(&self) -> String {
        mathml_table(&Scribe::default().mathml(self.writing()))
    }

    pub(crate) fn writing(&self) -> Writing<'_> {
        Writing { program: &self.program, called: self.called.as_ref(), style: &self.style }
    }

    fn text(&self, scribe: &mut Scribe) -> String {
        let text = |s: Sides| format!("{} {} {}", s.left, if s.update { "←" } else { "=" }, s.right);
        scribe.unicode(self.writing()).into_iter().map(text).collect::<Vec<_>>().join("\n")
    }

    /// What it says.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The node that it is about, of the graph in which the objective was written.
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// The left side: the name of a value, `∂J/∂` and that, or what an update changes.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// The function that made the value, if one [said so](Expr::called): `cross_entropy`.
    pub fn function(&self) -> Option<&Name> {
        self.called.as_ref().map(|called| &called.function)
    }

    /// The shape of the value.
    pub fn shape(&self) -> &Shape {
        let node = self.program.updates().first().map_or_else(|| self.output().node, |update| update.value);
        &self.program.nodes()[node.index()].shape
    }

    /// As Unicode text; several lines where it has long parts that are used more than once.
    pub fn math(&self) -> String {
        self.text(&mut Scribe::default())
    }

    /// The right side as a program, whose only output or update is the value: its inputs are the names that stand there, those
    /// of other lines among them.
    pub fn program(&self) -> &Program {
        &self.program
    }

    fn output_type(&self) -> Option<DType> {
        let output = self.program.outputs().first()?;
        Some(self.program.nodes()[output.node.index()].dtype)
    }

    fn output(&self) -> &Output {
        self.program.outputs().first().expect("a line has one output")
    }
}

fn aligned(equations: &[Sides]) -> String {
    let line = |Sides { left, update, right }: &Sides| {
        format!("{left} &{} {right}", if *update { "\\leftarrow" } else { "=" })
    };
    let lines: Vec<String> = equations.iter().map(line).collect();
    format!("\\begin{{aligned}}\n{}\n\\end{{aligned}}", lines.join(" \\\\\n"))
}
