//! Plans as data: checked step by step when read.

use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use crate::dim::{Dim, Name};
use crate::error::{Error, Result};
use crate::graph::Node;
use crate::ops::Op;
use crate::plan::{Arg, InputSlot, OutputSlot, ParameterSlot, Plan, Step, Value, ValueId};
use crate::program::distinct;

/// The version of the format; a reader refuses others.
const FORMAT: u32 = 1;

/// What a file says, before anyone believes it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unchecked {
    format: u32,
    values: Vec<Value>,
    inputs: Vec<InputSlot>,
    parameters: Vec<ParameterSlot>,
    outputs: Vec<OutputSlot>,
    steps: Vec<Step>,
}

impl Plan {
    /// The plan as JSON.
    ///
    /// # Errors
    /// Never for a plan made here; the signature is that of a writer.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|e| Error::format("cannot write the plan", e))
    }

    /// Reads what [`to_json`](Plan::to_json) wrote. Every step is checked again.
    ///
    /// # Errors
    /// When the text is cut or edited into something that is not a plan.
    pub fn from_json(text: &str) -> Result<Plan> {
        serde_json::from_str(text).map_err(|e| Error::format(format!("not a plan: {e}"), e))
    }

    /// What every plan is, whether lowering made it or a file; every executor relies on it.
    ///
    /// - Each value is made once: by an input, a parameter or a step. Steps read only values that were
    ///   made before them; outputs and updates are values that are made.
    /// - Steps are operations on values. State and markers never occur, except `Constant`, `Literal`,
    ///   `Extent` and `Step` as sources.
    /// - Results have the element type and shape that the operation gives
    ///   ([`Op::signature`](crate::ops::Op)): all shapes can be counted, and polynomials are in normal form.
    /// - Numbers and sizes are operands of `Binary` and `Select` only, beside a value (of a `Select`, the
    ///   condition), and fit the element type.
    /// - A step frees exactly the values that no later step, output or update needs, each once and never
    ///   an input or a parameter; no step computes what nothing needs.
    /// - Inputs, parameters and outputs have names of their own; inputs and parameters have the type and
    ///   shape that is declared, and updates those of their parameter. Parameters have known sizes, and
    ///   first values that fit them.
    /// - Every named dimension is the size of an axis of some input.
    fn check(&self) -> std::result::Result<(), String> {
        self.check_declarations()?;
        let mut made = vec![false; self.values.len()];
        let sources =
            self.inputs.iter().map(|i| i.value).chain(self.parameters.iter().filter_map(|p| p.value));
        for v in sources {
            make(&mut made, v)?;
        }
        for (i, step) in self.steps.iter().enumerate() {
            self.check_step(step, &made).map_err(|why| format!("step {i}: {why}"))?;
            make(&mut made, step.result).map_err(|why| format!("step {i}: {why}"))?;
        }
        let ends =
            self.outputs.iter().map(|o| o.value).chain(self.parameters.iter().filter_map(|p| p.update));
        for v in ends {
            if !made.get(v.index()).copied().unwrap_or(false) {
                return Err(format!("%{} is needed at the end and is not there", v.0));
            }
        }
        self.check_slots()?;
        self.check_lifetimes()?;
        self.check_names()
    }

    fn check_declarations(&self) -> std::result::Result<(), String> {
        distinct("input", self.inputs.iter().map(|i| &i.decl.name))?;
        distinct("parameter", self.parameters.iter().map(|p| &p.decl.name))?;
        distinct("output", self.outputs.iter().map(|o| &o.name))?;
        self.parameters.iter().try_for_each(|p| p.decl.check())?;
        for (i, value) in self.values.iter().enumerate() {
            value.shape.check().map_err(|why| format!("%{i}: {why}"))?;
        }
        Ok(())
    }

    fn check_slots(&self) -> std::result::Result<(), String> {
        for slot in &self.inputs {
            let v = self.value(slot.value);
            if v.dtype != slot.decl.dtype || v.shape != slot.decl.shape {
                return Err(format!("input {} does not have its declared type", slot.decl.name));
            }
        }
        for slot in &self.parameters {
            for v in slot.value.into_iter().chain(slot.update).map(|v| self.value(v)) {
                if v.dtype != slot.decl.dtype || v.shape != slot.decl.shape {
                    return Err(format!("parameter {} does not have its declared type", slot.decl.name));
                }
            }
        }
        Ok(())
    }

    fn check_lifetimes(&self) -> std::result::Result<(), String> {
        let needed = self.needed();
        for (i, (step, frees)) in self.steps.iter().zip(self.last_uses()).enumerate() {
            if !needed[step.result.index()] {
                return Err(format!("step {i}: nothing needs %{}", step.result.0));
            }
            if step.frees != frees {
                return Err(format!("step {i} frees {}, expected {}", list(&step.frees), list(&frees)));
            }
        }
        Ok(())
    }

    fn check_names(&self) -> std::result::Result<(), String> {
        let axes = self.inputs.iter().flat_map(|i| i.decl.shape.iter());
        let bound: FxHashSet<&Name> = axes.filter_map(Dim::name).collect();
        let splats = self.steps.iter().flat_map(|s| &s.args).filter_map(|arg| match arg {
            Arg::Extent(dim) => Some(dim),
            Arg::Value(_) | Arg::Constant(_) => None,
        });
        let shapes = self.values.iter().flat_map(|v| v.shape.iter());
        let dims = shapes.chain(self.steps.iter().flat_map(|s| s.op.dims())).chain(splats);
        match dims.flat_map(Dim::names).find(|name| !bound.contains(name)) {
            Some(name) => Err(format!("dimension {name} is not the size of any axis of an input")),
            None => Ok(()),
        }
    }

    fn check_step(&self, step: &Step, made: &[bool]) -> std::result::Result<(), String> {
        if !stands_in_plans(&step.op) {
            return Err(format!("{} cannot stand in a plan", step.op.name()));
        }
        let result = self.values.get(step.result.index()).ok_or("the result is not declared")?;
        let mut nodes = vec![];
        for (place, arg) in step.args.iter().enumerate() {
            let (dtype, shape) = match arg {
                Arg::Value(v) if made.get(v.index()).copied().unwrap_or(false) => {
                    let value = self.value(*v);
                    (value.dtype, value.shape.clone())
                }
                Arg::Value(v) => return Err(format!("%{} is not there", v.0)),
                splat => (self.splat_type(step, place, splat)?, result.shape.clone()),
            };
            nodes.push(Node { op: Op::Step, args: vec![], dtype, shape });
        }
        let args: Vec<&Node> = nodes.iter().collect();
        step.op.signature(&args, Some((result.dtype, &result.shape)))?;
        Ok(())
    }

    /// The element type that a splat operand takes from the operand beside it.
    fn splat_type(
        &self,
        step: &Step,
        place: usize,
        splat: &Arg,
    ) -> std::result::Result<crate::DType, String> {
        let beside = match (&step.op, place) {
            (Op::Binary(_), 0 | 1) => step.args.get(1 - place).and_then(Arg::value),
            (Op::Select, 1 | 2) => Some(step.result),
            _ => None,
        };
        let dtype = beside
            .and_then(|v| self.values.get(v.index()))
            .ok_or_else(|| format!("operand {place} must be a value"))?
            .dtype;
        let fits = match splat {
            Arg::Constant(c) => c.fits(dtype),
            Arg::Extent(dim) => {
                dim.check()?;
                dtype.is_numeric()
            }
            Arg::Value(_) => true,
        };
        if fits { Ok(dtype) } else { Err(format!("operand {place} does not fit {dtype}")) }
    }
}

/// State, markers and composite operations are gone once a program is lowered.
fn stands_in_plans(op: &Op) -> bool {
    !matches!(
        op,
        Op::Input(_)
            | Op::Parameter(_)
            | Op::StopGradient
            | Op::WithGradient
            | Op::Variable(_)
            | Op::Assume(_)
            | Op::Grad
            | Op::LogSumExp(_)
            | Op::LogSoftmax(_)
            | Op::Poison
    )
}

fn list(values: &[ValueId]) -> String {
    let values: Vec<String> = values.iter().map(|v| format!("%{}", v.0)).collect();
    format!("[{}]", values.join(", "))
}

fn make(made: &mut [bool], v: ValueId) -> std::result::Result<(), String> {
    match made.get_mut(v.index()) {
        Some(slot) if !*slot => {
            *slot = true;
            Ok(())
        }
        _ => Err(format!("%{} is made twice or not declared", v.0)),
    }
}

impl TryFrom<Unchecked> for Plan {
    type Error = String;
    fn try_from(raw: Unchecked) -> std::result::Result<Plan, String> {
        if raw.format != FORMAT {
            return Err(format!("format {} is unknown, {FORMAT} is expected", raw.format));
        }
        let Unchecked { values, inputs, parameters, outputs, steps, .. } = raw;
        let plan = Plan { values, inputs, parameters, outputs, steps };
        plan.check()?;
        Ok(plan)
    }
}

impl From<Plan> for Unchecked {
    fn from(p: Plan) -> Unchecked {
        Unchecked {
            format: FORMAT,
            values: p.values,
            inputs: p.inputs,
            parameters: p.parameters,
            outputs: p.outputs,
            steps: p.steps,
        }
    }
}
