//! Lowering: from a program's nodes to steps, with splats as operands and the last use of each value.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::dim::Name;
use crate::graph::{Level, Levels, Loop, Node, NodeId};
use crate::ops::Op;
use crate::plan::expand;
use crate::plan::{
    Arg, Carried, InputSlot, OutputSlot, ParameterSlot, Plan, Repeat, Stacked, Step, Taken, Value, ValueId,
};
use crate::program::{Output, Program, Update};

/// One step per operation; markers vanish, composite operations are spelled out, and constants become
/// operands where a step takes them.
pub(crate) fn lower(program: &Program, outputs: &[Output], updates: &[Update]) -> Plan {
    match expand::expand(program, outputs, updates) {
        Some(expanded) => steps(&expanded, expanded.outputs(), expanded.updates()),
        None => steps(program, outputs, updates),
    }
}

fn steps(program: &Program, outputs: &[Output], updates: &[Update]) -> Plan {
    let nodes = program.nodes();
    let ends: Vec<NodeId> = outputs.iter().map(|o| o.node).chain(updates.iter().map(|u| u.value)).collect();
    let levels = Levels::new(nodes, &ends);
    let mut lowering = Lowering {
        program,
        values: vec![],
        steps: vec![],
        outside: None,
        done: vec![None; nodes.len()],
        inputs: FxHashMap::default(),
        parameters: FxHashMap::default(),
    };
    lowering.level(&levels.outside());
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
    /// While a body is lowered: the steps before its scan, outside of every scan.
    outside: Option<Vec<Step>>,
    /// What became of each node so far.
    done: Vec<Option<Arg>>,
    inputs: FxHashMap<Name, ValueId>,
    parameters: FxHashMap<Name, ValueId>,
}

impl Lowering<'_> {
    fn level(&mut self, level: &Level) {
        for id in &level.order {
            let node = &self.program.nodes()[id.index()];
            match level.loops.get(id) {
                Some(scan) => self.scan(node, scan),
                // These are made with their scan.
                None if matches!(node.op, Op::Final(_) | Op::Stack(_)) => {}
                None => {
                    let arg = self.node(*id, node);
                    self.done[id.index()] = Some(arg);
                }
            }
        }
    }

    fn done(&self, id: NodeId) -> &Arg {
        self.done[id.index()].as_ref().expect("a level makes what its nodes need before them")
    }

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
                self.done(node.args[0]).clone()
            }
            Op::Broadcast(_) | Op::Reshape | Op::Permute(_) | Op::Flip(_) | Op::Slice { .. }
                if !matches!(self.done(node.args[0]), Arg::Value(_)) =>
            {
                self.done(node.args[0]).clone()
            }
            _ => self.step(id, node),
        }
    }

    /// A scan with everything that is wanted of it, as one step.
    fn scan(&mut self, node: &Node, own: &Loop) {
        let Op::Scan(scan) = &node.op else { unreachable!("only scans have bodies") };
        if own.results().next().is_none() {
            return;
        }
        let nodes = self.program.nodes();
        let (first, next) = node.args.split_at(scan.carries);
        let first: Vec<ValueId> = first.iter().map(|v| self.materialize(*v)).collect();
        let from = |leaf: &NodeId| nodes[leaf.index()].args[0];
        let from: Vec<ValueId> = own.elements.iter().map(|leaf| self.materialize(from(leaf))).collect();
        let outer = std::mem::take(&mut self.steps);
        let outermost = self.outside.is_none();
        let around = if outermost {
            self.outside.replace(outer);
            None
        } else {
            Some(outer)
        };
        let mut carries: Vec<Carried> = first
            .iter()
            .map(|first| Carried { first: *first, value: None, next: *first, last: None })
            .collect();
        for leaf in &own.carries {
            let value = self.value(*leaf);
            self.done[leaf.index()] = Some(Arg::Value(value));
            if let Op::Carry { index, .. } = nodes[leaf.index()].op {
                carries[index].value = Some(value);
            }
        }
        let mut elements = vec![];
        for (leaf, from) in own.elements.iter().zip(from) {
            let value = self.value(*leaf);
            self.done[leaf.index()] = Some(Arg::Value(value));
            if let Op::Element { axis, .. } = nodes[leaf.index()].op {
                elements.push(Taken { from, axis, value });
            }
        }
        self.level(&own.body);
        for (carry, next) in carries.iter_mut().zip(next) {
            carry.next = self.materialize(*next);
        }
        let stacked: Vec<ValueId> =
            own.stacks.iter().map(|s| self.materialize(nodes[s.index()].args[1])).collect();
        let steps = std::mem::take(&mut self.steps);
        self.steps = around.or_else(|| self.outside.take()).unwrap_or_default();
        for id in &own.finals {
            let last = self.value(*id);
            self.done[id.index()] = Some(Arg::Value(last));
            if let Op::Final(k) = nodes[id.index()].op {
                carries[k].last = Some(last);
            }
        }
        let mut stacks = vec![];
        for (id, value) in own.stacks.iter().zip(stacked) {
            let result = self.value(*id);
            self.done[id.index()] = Some(Arg::Value(result));
            if let Op::Stack(axis) = nodes[id.index()].op {
                stacks.push(Stacked { value, axis, result });
            }
        }
        let (length, reverse) = (scan.length.clone(), scan.reverse);
        let mut repeat = Repeat { length, reverse, carries, elements, steps, stacks };
        repeat.mark_last_uses();
        let args = repeat.reads().into_iter().map(Arg::Value).collect();
        let result = repeat.results().next().expect("something is wanted of it");
        let op = Op::Scan(scan.clone());
        self.steps.push(Step { op, args, result, frees: vec![], repeat: Some(Box::new(repeat)) });
    }

    fn step(&mut self, id: NodeId, node: &Node) -> Arg {
        // A step needs at least one operand with a shape; a select, its condition.
        let splats_allowed = |place: usize| match node.op {
            Op::Binary(_) => place > 0 || matches!(self.done(node.args[1]), Arg::Value(_)),
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
                    if allowed { self.done(*a).clone() } else { Arg::Value(self.materialize(*a)) }
                },
            )
            .collect();
        let result = self.value(id);
        self.steps.push(Step { op: node.op.clone(), args, result, frees: vec![], repeat: None });
        Arg::Value(result)
    }

    /// The node's value; a splat is filled in by a step of its own.
    fn materialize(&mut self, id: NodeId) -> ValueId {
        let op = match self.done(id).clone() {
            Arg::Value(value) => return value,
            Arg::Constant(value) => Op::Constant(value),
            Arg::Extent(dim) => Op::Extent(dim),
        };
        let result = self.value(id);
        let step = Step { op, args: vec![], result, frees: vec![], repeat: None };
        // The same in every step of a scan.
        self.outside.as_mut().unwrap_or(&mut self.steps).push(step);
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
        self.steps.retain(|s| s.results().any(|v| needed[v.index()]));
    }

    /// For each value, whether something that outlives the steps is computed from it.
    pub(super) fn needed(&self) -> Vec<bool> {
        let mut needed = vec![false; self.values.len()];
        self.kept().for_each(|v| needed[v.index()] = true);
        for step in self.steps.iter().rev() {
            if step.results().any(|v| needed[v.index()]) {
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
        last_uses(&self.steps, self.kept().collect())
    }
}

impl Repeat {
    fn mark_last_uses(&mut self) {
        let frees = self.last_uses();
        self.steps.iter_mut().zip(frees).for_each(|(step, frees)| step.frees = frees);
    }

    /// For each step of the body, the values that nothing needs after it before the next step of the scan.
    pub(super) fn last_uses(&self) -> Vec<Vec<ValueId>> {
        last_uses(&self.steps, self.ends().chain(self.reads()).collect())
    }
}

/// For each of some steps, the values that nothing needs after it, if these outlive all.
fn last_uses(steps: &[Step], kept: FxHashSet<ValueId>) -> Vec<Vec<ValueId>> {
    let mut seen = kept;
    let mut frees = vec![vec![]; steps.len()];
    for (step, frees) in steps.iter().zip(&mut frees).rev() {
        let used = step.args.iter().filter_map(Arg::value).chain(step.results());
        frees.extend(used.filter(|v| seen.insert(*v)));
    }
    frees
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
