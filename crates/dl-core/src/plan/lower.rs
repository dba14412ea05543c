//! Lowering: from a program's nodes to steps, with splats as operands and the last use of each value.

use rustc_hash::FxHashMap;

use crate::dim::Name;
use crate::graph::{Node, NodeId};
use crate::ops::Op;
use crate::plan::expand;
use crate::plan::{Arg, InputSlot, OutputSlot, ParameterSlot, Plan, Step, Value, ValueId};
use crate::program::{Output, Program, Update};

/// One step per operation; markers vanish, composite operations are spelled out, and
/// constants become operands where a step
/// takes them.
pub(crate) fn lower(program: &Program, outputs: &[Output], updates: &[Update]) -> Plan {
    match expand::expand(program, outputs, updates) {
        Some(expanded) => steps(&expanded, expanded.outputs(), expanded.updates()),
        None => steps(program, outputs, updates),
    }
}

fn steps(program: &Program, outputs: &[Output], updates: &[Update]) -> Plan {
    let mut lowering = Lowering {
        program,
        values: vec![],
        steps: vec![],
        done: vec![],
        inputs: FxHashMap::default(),
        parameters: FxHashMap::default(),
    };
    for (i, node) in program.nodes().iter().enumerate() {
        let arg = lowering.node(NodeId(i as u32), node);
        lowering.done.push(arg);
    }
    let inputs: Vec<InputSlot> = program
        .inputs()
        .iter()
        .map(|decl| InputSlot {
            value: *lowering.inputs.get(&decl.name).expect("a program lists only inputs that it reads"),
            decl: decl.clone(),
        })
        .collect();
    let outputs: Vec<OutputSlot> = outputs
        .iter()
        .map(|o| OutputSlot { name: o.name.clone(), value: lowering.materialize(o.node) })
        .collect();
    let updates: FxHashMap<&Name, NodeId> = updates.iter().map(|u| (&u.parameter, u.value)).collect();
    let parameters: Vec<ParameterSlot> = program
        .parameters()
        .iter()
        .map(|decl| ParameterSlot {
            value: lowering.parameters.get(&decl.name).copied(),
            update: updates.get(&decl.name).map(|value| lowering.materialize(*value)),
            decl: decl.clone(),
        })
        .collect();
    let mut plan = Plan { values: lowering.values, inputs, parameters, outputs, steps: lowering.steps };
    plan.prune();
    plan.mark_last_uses();
    plan
}

struct Lowering<'a> {
    program: &'a Program,
    values: Vec<Value>,
    steps: Vec<Step>,
    /// What became of each node so far.
    done: Vec<Arg>,
    inputs: FxHashMap<Name, ValueId>,
    parameters: FxHashMap<Name, ValueId>,
}

impl Lowering<'_> {
    fn node(&mut self, id: NodeId, node: &Node) -> Arg {
        match &node.op {
            Op::Input(name) => {
                let value = self.value(id);
                Arg::Value(*self.inputs.entry(name.clone()).or_insert(value))
            }
            Op::Parameter(name) => {
                let value = self.value(id);
                Arg::Value(*self.parameters.entry(name.clone()).or_insert(value))
            }
            Op::Constant(value) => Arg::Constant(*value),
            Op::Extent(dim) => Arg::Extent(dim.clone()),
            Op::StopGradient | Op::Variable(_) | Op::Assume(_) | Op::WithGradient => {
                self.done[node.args[0].index()].clone()
            }
            Op::Broadcast(_) | Op::Reshape | Op::Permute(_) | Op::Flip(_) | Op::Slice { .. }
                if !matches!(self.done[node.args[0].index()], Arg::Value(_)) =>
            {
                self.done[node.args[0].index()].clone()
            }
            _ => self.step(id, node),
        }
    }

    fn step(&mut self, id: NodeId, node: &Node) -> Arg {
        // A step needs at least one operand with a shape; a select, its condition.
        let splats_allowed = |place: usize| match node.op {
            Op::Binary(_) => place > 0 || matches!(self.done[node.args[1].index()], Arg::Value(_)),
            Op::Select => place > 0,
            _ => false,
        };
        let allowed: Vec<bool> = (0..node.args.len()).map(splats_allowed).collect();
        let args = node
            .args
            .iter()
            .zip(allowed)
            .map(
                |(a, allowed)| {
                    if allowed { self.done[a.index()].clone() } else { Arg::Value(self.materialize(*a)) }
                },
            )
            .collect();
        let result = self.value(id);
        self.steps.push(Step { op: node.op.clone(), args, result, frees: vec![] });
        Arg::Value(result)
    }

    /// The node's value; a splat is filled in by a step of its own.
    fn materialize(&mut self, id: NodeId) -> ValueId {
        let op = match self.done[id.index()].clone() {
            Arg::Value(value) => return value,
            Arg::Constant(value) => Op::Constant(value),
            Arg::Extent(dim) => Op::Extent(dim),
        };
        let result = self.value(id);
        self.steps.push(Step { op, args: vec![], result, frees: vec![] });
        result
    }

    fn value(&mut self, id: NodeId) -> ValueId {
        let node = &self.program.nodes()[id.index()];
        let origin = self.program.origins()[id.index()].clone();
        self.values.push(Value { dtype: node.dtype, shape: node.shape.clone(), origin });
        ValueId((self.values.len() - 1) as u32)
    }
}

impl Plan {
    /// Values that outlive the steps.
    fn kept(&self) -> impl Iterator<Item = ValueId> {
        let parameters = self.parameters.iter().flat_map(|p| p.value.into_iter().chain(p.update));
        self.outputs.iter().map(|o| o.value).chain(parameters).chain(self.inputs.iter().map(|i| i.value))
    }

    /// Drops steps that only the derivation needs.
    fn prune(&mut self) {
        let needed = self.needed();
        self.steps.retain(|s| needed[s.result.index()]);
    }

    /// For each value, whether something that outlives the steps is computed from it.
    pub(super) fn needed(&self) -> Vec<bool> {
        let mut needed = vec![false; self.values.len()];
        self.kept().for_each(|v| needed[v.index()] = true);
        for step in self.steps.iter().rev() {
            if needed[step.result.index()] {
                step.args.iter().filter_map(Arg::value).for_each(|v| needed[v.index()] = true);
            }
        }
        needed
    }

    fn mark_last_uses(&mut self) {
        let frees = self.last_uses();
        self.steps.iter_mut().zip(frees).for_each(|(step, frees)| step.frees = frees);
    }

    /// For each step, the values that nothing needs after it.
    pub(super) fn last_uses(&self) -> Vec<Vec<ValueId>> {
        let mut seen = vec![false; self.values.len()];
        self.kept().for_each(|v| seen[v.index()] = true);
        let mut frees = vec![vec![]; self.steps.len()];
        for (step, frees) in self.steps.iter().zip(&mut frees).rev() {
            let used = step.args.iter().filter_map(Arg::value).chain([step.result]);
            frees.extend(used.filter(|v| !std::mem::replace(&mut seen[v.index()], true)));
        }
        frees
    }
}

impl Arg {
    /// The value, if it is one.
    pub fn value(&self) -> Option<ValueId> {
        match self {
            Arg::Value(id) => Some(*id),
            Arg::Constant(_) | Arg::Extent(_) => None,
        }
    }
}
