//! The derivation of a gradient as a lecture note writes it: the objective as it was written, the values between,
//! then the chain rule from the objective back to each variable.

mod cut;
mod evaluate;
mod letters;
mod markdown;
mod tidy;

#[cfg(test)]
mod optimizer_tests;
#[cfg(test)]
mod tests;

use std::fmt;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::dim::Name;
use crate::dtype::DType::{self, F64};
use crate::error::{Error, Result};
use crate::graph::{Expr, Graph, NodeId, Rebuild};
use crate::nn::Optimizer;
use crate::ops::{Binary, Op, Unary};
use crate::print::{Scribe, Sides, mathml_table};
use crate::program::{Output, Program};
use crate::shape::Shape;
use cut::{Cut, cuts, is_variable};
use letters::Variable;
use tidy::tidy;

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
        let graph = objective.graph();
        graph.check()?;
        if objective.shape().rank() > 0 || !objective.dtype().is_float() {
            let (dtype, shape) = (objective.dtype(), objective.shape());
            return Err(Error::value(format!("derivation of {dtype} {shape}: expected a float scalar")));
        }
        for variable in wrt {
            if !std::ptr::eq(variable.graph(), graph) || !is_variable(&variable.node()) {
                return Err(Error::value(format!(
                    "derivation by {variable:?}: expected an input or parameter of floats of the same graph"
                )));
            }
        }
        let ids: Vec<NodeId> = wrt.iter().map(|e| e.id()).collect();
        let draft = Draft {
            graph,
            objective: objective.id(),
            name: graph.origin(objective.id()).name.unwrap_or_else(|| free_name(graph, "J")),
            cuts: cuts(graph, objective.id(), &ids),
            through: vec![],
            wrt: ids,
            lines: vec![],
        };
        draft.finish()
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
            self.lines.push(Line { kind: Kind::Update, node, name, program });
        }
        for (name, value) in written.settings {
            let paper = Graph::new();
            let value = paper.constant(F64, value);
            let program = Program::builder(&paper).output(&name, value).without_rewriting().compile()?;
            self.lines.push(Line { kind: Kind::Setting, node, name, program });
        }
        Ok(self)
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
        self.lines.iter().map(Line::math).collect::<Vec<_>>().join("\n")
    }

    /// As aligned equations in LaTeX, for mathematics mode.
    pub fn latex(&self) -> String {
        let mut scribe = Scribe::default();
        let mut all = vec![];
        for line in &self.lines {
            for Sides { left, update, right } in scribe.latex(&line.program) {
                all.push(format!("{left} &{} {right}", if update { "\\leftarrow" } else { "=" }));
            }
        }
        format!("\\begin{{aligned}}\n{}\n\\end{{aligned}}", all.join(" \\\\\n"))
    }
}

impl Derivation {
    /// As an element `math` in a block, an equation a row, as browsers draw it: MathML Core.
    pub fn mathml(&self) -> String {
        mathml_table(&self.lines.iter().map(|line| line.program.mathml_rows()).collect::<String>())
    }
}

impl Line {
    /// As an element `math` in a block: MathML Core.
    pub fn mathml(&self) -> String {
        self.program.mathml()
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

    /// The shape of the value.
    pub fn shape(&self) -> &Shape {
        let node = self.program.updates().first().map_or_else(|| self.output().node, |update| update.value);
        &self.program.nodes()[node.index()].shape
    }

    /// As Unicode text; several lines where it has long parts that are used more than once.
    pub fn math(&self) -> String {
        let text = |s: Sides| format!("{} {} {}", s.left, if s.update { "←" } else { "=" }, s.right);
        Scribe::default().unicode(&self.program).into_iter().map(text).collect::<Vec<_>>().join("\n")
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

/// The summands of an objective, as the author wrote them.
fn summands<'p>(value: Expr<'p>, minus: bool, all: &mut Vec<Expr<'p>>) {
    let (node, arg) = (value.node(), |i: usize| value.graph().expr(value.node().args[i]));
    match &node.op {
        Op::Binary(Binary::Add) => (0..2).for_each(|i| summands(arg(i), minus, all)),
        Op::Binary(Binary::Sub) => (0..2).for_each(|i| summands(arg(i), minus != (i == 1), all)),
        Op::Unary(Unary::Neg) => summands(arg(0), !minus, all),
        _ => all.push(if minus { -value } else { value }),
    }
}

struct Draft<'g> {
    graph: &'g Graph,
    objective: NodeId,
    name: Name,
    cuts: Vec<Cut>,
    /// Those at which derivatives do not stop, once they were told apart.
    through: Vec<Cut>,
    wrt: Vec<NodeId>,
    lines: Vec<Line>,
}

impl Draft<'_> {
    /// How the derivative of the objective by a value is called.
    fn label(&self, name: &str) -> Name {
        format!("∂{}/∂{name}", self.name).into()
    }

    fn finish(mut self) -> Result<Derivation> {
        self.value(Kind::Objective, self.objective, &self.name.clone())?;
        for Cut { id, name, .. } in self.top_down() {
            self.value(Kind::Value, id, &name)?;
        }
        (self.cuts, self.through) =
            self.cuts.into_iter().filter(|cut| cut.id != self.objective).partition(|cut| cut.stops);
        let mut asked: Vec<NodeId> = self.wrt.clone();
        for place in (0..=self.cuts.len()).rev() {
            // What only values with a derivative so far use.
            let below: Vec<NodeId> = self.cuts[..place].iter().map(|cut| cut.id).collect();
            let (ready, later): (Vec<_>, Vec<_>) =
                asked.into_iter().partition(|id| !below.iter().any(|cut| self.uses(*cut, *id)));
            asked = later;
            for id in ready {
                self.derivative(Kind::Gradient, id, &leaf_name(self.graph, id))?;
            }
            if let Some(Cut { id, name, .. }) = place.checked_sub(1).map(|i| self.cuts[i].clone()) {
                self.derivative(Kind::Inner, id, &name)?;
            }
        }
        Ok(Derivation { lines: self.lines })
    }

    /// The cuts, each after all in which it stands, in the order in which they are met.
    fn top_down(&self) -> Vec<Cut> {
        let mut left: Vec<&Cut> = self.cuts.iter().filter(|cut| cut.id != self.objective).collect();
        let (mut met, mut order): (Vec<NodeId>, Vec<Cut>) = (vec![], vec![]);
        let mut next = self.objective;
        while !left.is_empty() {
            let new = left.iter().map(|cut| cut.id).filter(|id| !met.contains(id) && self.uses(next, *id));
            met.extend(new.collect::<Vec<_>>());
            let ready = |id: &&NodeId| {
                let is_left = left.iter().any(|cut| cut.id == **id);
                is_left && !left.iter().any(|cut| cut.id != **id && self.uses(cut.id, **id))
            };
            // The last of the arena stands in no other.
            let chosen = met.iter().find(ready).copied().unwrap_or(left[left.len() - 1].id);
            order.extend(left.iter().filter(|cut| cut.id == chosen).map(|cut| (*cut).clone()));
            left.retain(|cut| cut.id != chosen);
            next = chosen;
        }
        order
    }

    /// Whether a value is computed from another without a cut between.
    fn uses(&self, value: NodeId, of: NodeId) -> bool {
        // An objective may be the variable itself.
        if value == of {
            return true;
        }
        let cuts: FxHashSet<NodeId> = self.cuts.iter().map(|cut| cut.id).collect();
        let (mut todo, mut seen) = (self.graph.get(value).args.clone(), FxHashSet::default());
        while let Some(id) = todo.pop() {
            if id == of {
                return true;
            }
            if !cuts.contains(&id) && seen.insert(id) {
                todo.extend(&self.graph.get(id).args);
            }
        }
        false
    }

    /// The line of a value, in which others that have names stand by these.
    fn value(&mut self, kind: Kind, id: NodeId, name: &Name) -> Result<()> {
        let paper = Graph::new();
        let mut copy = Copy::new(self.graph, &paper, self.objective);
        let by = copy.leaves(self.cuts.iter().filter(|cut| cut.id != id));
        let value = copy.with(id, &by);
        self.add(kind, id, name, value)
    }

    fn add(&mut self, kind: Kind, node: NodeId, name: &str, value: Expr<'_>) -> Result<()> {
        let program = Program::builder(value.graph()).output(name, value).without_rewriting().compile()?;
        self.lines.push(Line { kind, node, name: name.into(), program });
        Ok(())
    }

    /// The line of a derivative, by those of what is computed from the value.
    fn derivative(&mut self, kind: Kind, id: NodeId, name: &Name) -> Result<()> {
        let paper = Graph::new();
        let mut copy = Copy::new(self.graph, &paper, self.objective);
        let mut by = copy.leaves(self.cuts.iter());
        let variable = by.get(&copy.get(id).id()).copied().unwrap_or_else(|| copy.get(id));
        let (mut parts, mut users, mut names): (Vec<Expr<'_>>, Vec<Expr<'_>>, Vec<Name>) =
            (vec![], vec![], vec![]);
        for cut in self.cuts.iter().filter(|cut| cut.id != id && self.uses(cut.id, id)).rev() {
            let own = copy.get(cut.id).id();
            let leaf = by.remove(&own).expect("every cut has a leaf");
            let value = copy.with(cut.id, &by);
            by.insert(own, leaf);
            let outer = paper.input(&self.label(&cut.name), value.dtype(), value.shape());
            parts.push((outer * value).sum(..));
            users.push(value);
            names.push(cut.name.clone());
        }
        if self.uses(self.objective, id) {
            summands(copy.with(self.objective, &by), false, &mut parts);
        }
        if parts.is_empty() {
            parts.push(paper.constant(variable.dtype(), 0.0));
        }
        // Each part by itself: what the author wrote as a sum has a sum as its derivative.
        let mut builder = Program::builder(&paper);
        for (i, part) in parts.iter().enumerate() {
            builder = builder.output(&i.to_string(), part.grad(&[variable])[0]);
        }
        for cut in self.through.iter().filter(|cut| self.uses(cut.id, id)) {
            users.push(copy.with(cut.id, &by));
            names.push(cut.name.clone());
        }
        // What has a name, where it comes out again: `1 - h²` for the slope of `h = tanh(z)`.
        for (i, value) in users.iter().enumerate() {
            builder = builder.output(&format!("value {i}"), *value);
        }
        let program = builder.compile()?;
        let result = program.to_graph();
        let mut all: Vec<Expr<'_>> =
            program.outputs().iter().map(|o| program.expr(&result, o.node)).collect();
        let values = all.split_off(all.len() - users.len());
        let zero = || result.full(all[0].dtype(), all[0].shape(), 0.0);
        let value = tidy(&all).unwrap_or_else(zero);
        let known = values.iter().zip(&names).filter(|(value, _)| !matches!(value.node().op, Op::Input(_)));
        let by = known.map(|(value, name)| (value.id(), result.input(name, value.dtype(), value.shape())));
        let value = result.substituted(&[value.id()], &by.collect())[0];
        self.add(kind, id, &self.label(name), value)
    }
}

/// The graph below an objective on a sheet of its own.
struct Copy<'a, 'p> {
    paper: &'p Graph,
    nodes: Rebuild<'a, 'p>,
}

impl<'a, 'p> Copy<'a, 'p> {
    fn new(graph: &'a Graph, paper: &'p Graph, objective: NodeId) -> Self {
        let mut nodes = Rebuild::new(graph, paper);
        nodes.run(&[objective], |copy, _, node, args| copy.copy(node, args));
        Copy { paper, nodes }
    }

    fn get(&self, id: NodeId) -> Expr<'p> {
        // What the objective does not depend on has no place below it.
        self.nodes.get(id).unwrap_or_else(|| self.nodes.copy(&self.nodes.from.get(id), &[]))
    }

    /// A letter for each value that has a name, by the value's place on paper.
    fn leaves<'c>(&mut self, cuts: impl Iterator<Item = &'c Cut>) -> FxHashMap<NodeId, Expr<'p>> {
        let leaf = |cut: &Cut| {
            let value = self.get(cut.id);
            (value.id(), self.paper.input(&cut.name, value.dtype(), value.shape()))
        };
        cuts.map(leaf).collect()
    }

    /// A value with letters for others.
    fn with(&self, id: NodeId, by: &FxHashMap<NodeId, Expr<'p>>) -> Expr<'p> {
        self.paper.substituted(&[self.get(id).id()], by)[0]
    }
}

fn leaf_name(graph: &Graph, id: NodeId) -> Name {
    match &graph.get(id).op {
        Op::Input(name) | Op::Parameter(name) => name.clone(),
        _ => unreachable!("variables were checked"),
    }
}

/// A name that the graph does not have.
fn free_name(graph: &Graph, name: &str) -> Name {
    let inputs = graph.input_decls().into_iter().map(|d| d.name);
    let parameters = graph.parameter_decls().into_iter().map(|d| d.name);
    let taken: FxHashSet<Name> =
        inputs.chain(parameters).chain(graph.named().into_iter().map(|n| n.0)).collect();
    let candidates = std::iter::once(name.to_owned()).chain((1..).map(|n| format!("{name}{n}")));
    candidates.map(Name::from).find(|name| !taken.contains(name)).expect("numbers do not end")
}
