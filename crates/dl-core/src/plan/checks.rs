//! Checking a run: a program's plan with more outputs, of what authors assumed and of gradients, and the
//! verdict on each.

use crate::dim::Name;
use crate::error::{Error, Fault, Result};
use crate::finite::Statistics;
use crate::graph::{Node, NodeId, Origin, Scopes};
use crate::interp;
use crate::ops::{Binary, Fact, Op, Reduce, Unary};
use crate::plan::{Plan, lower};
use crate::program::{Output, Program};
use crate::tensor::TensorRef;

/// A program's plan, and what has to hold in a run of it. What is to be looked at comes after the
/// program's own outputs, computed by the same steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Checks {
    plan: Plan,
    /// How many outputs are the program's own.
    own: usize,
    /// Of the outputs after these.
    watched: Vec<(What, Origin)>,
    /// What is assumed of inputs, by their places.
    inputs: Vec<(usize, Fact, Origin)>,
}

#[derive(Clone, Debug, PartialEq)]
enum What {
    Assumed(Fact),
    Gradient(Name),
}

impl Checks {
    /// The checks of a program.
    pub fn new(program: &Program) -> Checks {
        let mut outputs = program.outputs().to_vec();
        let (mut watched, mut inputs) = (vec![], vec![]);
        let scopes = Scopes::of(program.nodes());
        // What is in the body of a scan is there step by step only, and not looked at.
        for id in program.assumed().filter(|id| scopes.free(*id).is_empty()) {
            let node = &program.nodes()[id.index()];
            let Op::Assume(fact) = node.op else { continue };
            let origin = origin(program, id, node.args[0]);
            match &program.nodes()[node.args[0].index()].op {
                Op::Input(name) => {
                    let place = program.inputs().iter().position(|d| d.name == *name);
                    inputs.push((place.expect("a program lists what it reads"), fact, origin));
                }
                _ => {
                    outputs.push(Output { name: fact.name().into(), node: node.args[0] });
                    watched.push((What::Assumed(fact), origin));
                }
            }
        }
        for gradient in hidden_gradients(program).into_iter().filter(|g| scopes.free(g.node).is_empty()) {
            let origin = program.origins()[gradient.node.index()].clone();
            watched.push((What::Gradient(gradient.name.clone()), origin));
            outputs.push(gradient);
        }
        let plan = lower::lower(program, &outputs, program.updates());
        Checks { plan, own: program.outputs().len(), watched, inputs }
    }

    /// Computes what the program computes, and what is to be looked at.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How many of the plan's outputs are the program's own.
    pub fn own(&self) -> usize {
        self.own
    }

    /// Whether the inputs, in the program's order, are what was assumed of them.
    ///
    /// # Errors
    /// When one is not: with the author's line, the name of the value, the fact and the first place.
    pub fn verify_inputs(&self, inputs: &[TensorRef<'_>]) -> Result<()> {
        self.inputs.iter().try_for_each(|(place, fact, origin)| verify(*fact, origin, inputs[*place]))
    }

    /// Whether the plan's output at `place`, after the program's own, is what was assumed, as the
    /// interpreter judges it (values in `f32` may be off by 1e-5 instead of 1e-6), or a finite gradient.
    ///
    /// # Errors
    /// When it is not: with the author's line, the name of the value, the fact and the first place.
    pub fn verify(&self, place: usize, value: TensorRef<'_>) -> Result<()> {
        match &self.watched[place - self.own] {
            (What::Assumed(fact), origin) => verify(*fact, origin, value),
            (What::Gradient(_), _) if value.is_finite() => Ok(()),
            (What::Gradient(name), origin) => {
                let message = format!("gradient {name} is not finite: {}", Statistics::of(value));
                Err(Error::value(Fault { site: origin.site.clone(), message }.to_string()))
            }
        }
    }

    /// Whether the plan's output at `place` is there because of an assumption.
    pub fn is_assumed(&self, place: usize) -> bool {
        place.checked_sub(self.own).is_some_and(|i| matches!(self.watched[i].0, What::Assumed(_)))
    }
}

fn verify(fact: Fact, origin: &Origin, value: TensorRef<'_>) -> Result<()> {
    interp::check_tensor(fact, value).map_err(|why| {
        let message = origin.name.as_ref().map_or_else(|| why.clone(), |name| format!("{name}: {why}"));
        Error::value(Fault { site: origin.site.clone(), message }.to_string())
    })
}

/// The line of the assumption, with the best name that there is for the value.
fn origin(program: &Program, assumption: NodeId, value: NodeId) -> Origin {
    let leaf: Option<Name> = match &program.nodes()[value.index()].op {
        Op::Input(name) | Op::Parameter(name) => Some(name.clone()),
        _ => None,
    };
    let own = program.origins()[assumption.index()].clone();
    let name = own.name.or(leaf).or_else(|| program.origins()[value.index()].name.clone());
    Origin { name, ..own }
}

/// The gradients of the derivation that a run computes, and that may be infinite or NaN where all outputs
/// and new parameters are finite, as behind a bound or a sign.
fn hidden_gradients(program: &Program) -> Vec<Output> {
    let nodes = program.nodes();
    let ends = program.outputs().iter().map(|o| o.node).chain(program.updates().iter().map(|u| u.value));
    let (mut runs, mut shown) = (vec![false; nodes.len()], vec![false; nodes.len()]);
    for end in ends {
        (runs[end.index()], shown[end.index()]) = (true, true);
    }
    for (i, node) in nodes.iter().enumerate().rev() {
        for (place, arg) in node.args.iter().enumerate() {
            runs[arg.index()] |= runs[i];
            shown[arg.index()] |= shown[i] && shows(node, place);
        }
    }
    let gradient = |o: &&Output| o.name.starts_with('∂') && runs[o.node.index()] && !shown[o.node.index()];
    program.derivation().iter().filter(gradient).cloned().collect()
}

/// Whether an operation's result is not finite wherever that argument is not.
fn shows(node: &Node, place: usize) -> bool {
    match node.op {
        Op::Binary(Binary::Add | Binary::Sub | Binary::Mul) => true,
        Op::Binary(Binary::Div) => place == 0,
        Op::Unary(Unary::Neg | Unary::Abs | Unary::Sqrt) => true,
        Op::Reduce { kind: Reduce::Sum, .. } | Op::LogSoftmax(_) | Op::Contract(_) => true,
        Op::Reshape | Op::Permute(_) | Op::Flip(_) | Op::Concat(_) | Op::Pad { .. } => true,
        Op::Assume(_) | Op::StopGradient | Op::Variable(_) => true,
        Op::Cast => node.dtype.is_float(),
        _ => false,
    }
}
