//! Checking what authors assumed of values: a plan of these values alone, and the verdict on each.

use crate::dim::Name;
use crate::error::{Error, Fault, Result};
use crate::graph::{NodeId, Origin};
use crate::interp;
use crate::ops::{Fact, Op};
use crate::plan::{Plan, Target, lower};
use crate::program::{Output, Program};
use crate::tensor::TensorRef;

/// The assumptions of a program as a plan of their own, which changes no parameter: run it before
/// the program's plan, with the same inputs, seed and step.
#[derive(Clone, Debug, PartialEq)]
pub struct Checks {
    plan: Plan,
    assumed: Vec<(Fact, Origin)>,
}

impl Checks {
    /// The checks of a program; nothing if it assumes nothing.
    pub fn new(program: &Program, target: &Target) -> Option<Checks> {
        let (mut values, mut assumed) = (vec![], vec![]);
        for id in program.assumed() {
            let node = &program.nodes()[id.index()];
            if let Op::Assume(fact) = node.op {
                values.push(Output { name: fact.name().into(), node: node.args[0] });
                assumed.push((fact, origin(program, id, node.args[0])));
            }
        }
        let plan = lower::lower(program, &values, &[], target);
        (!assumed.is_empty()).then_some(Checks { plan, assumed })
    }

    /// Computes the assumed values as its outputs.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Whether the plan's output at `place` is what was assumed, as the interpreter judges it; values
    /// in `f32` may be off by 1e-5 instead of 1e-6.
    ///
    /// # Errors
    /// When it is not: with the author's line, the name of the value, the fact and the first place.
    pub fn verify(&self, place: usize, value: TensorRef<'_>) -> Result<()> {
        let (fact, origin) = &self.assumed[place];
        interp::check_tensor(*fact, value).map_err(|why| {
            let message = origin.name.as_ref().map_or_else(|| why.clone(), |name| format!("{name}: {why}"));
            Error::value(Fault { site: origin.site.clone(), message }.to_string())
        })
    }
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
