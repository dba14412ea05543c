//! Plans as data: checked step by step when read.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::graph::Node;
use crate::ops::Op;
use crate::plan::{Arg, InputSlot, OutputSlot, ParameterSlot, Plan, Step, Value, ValueId};

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

    /// Each value is made once, before it is used and not after it is freed.
    fn check(&self) -> std::result::Result<(), String> {
        let mut alive = vec![false; self.values.len()];
        let sources =
            self.inputs.iter().map(|i| i.value).chain(self.parameters.iter().filter_map(|p| p.value));
        for v in sources {
            make(&mut alive, v)?;
        }
        for (i, step) in self.steps.iter().enumerate() {
            self.check_step(step, &alive).map_err(|why| format!("step {i}: {why}"))?;
            make(&mut alive, step.result).map_err(|why| format!("step {i}: {why}"))?;
            for v in &step.frees {
                match alive.get_mut(v.index()) {
                    Some(slot) if *slot => *slot = false,
                    _ => return Err(format!("step {i} frees %{}, which is not there", v.0)),
                }
            }
        }
        let kept =
            self.outputs.iter().map(|o| o.value).chain(self.parameters.iter().filter_map(|p| p.update));
        for v in kept {
            if !alive.get(v.index()).copied().unwrap_or(false) {
                return Err(format!("%{} is needed at the end and is not there", v.0));
            }
        }
        self.check_slots()
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

    fn check_step(&self, step: &Step, alive: &[bool]) -> std::result::Result<(), String> {
        if matches!(step.op, Op::Input(_) | Op::Parameter(_) | Op::Grad | Op::Poison) {
            return Err(format!("{} cannot stand in a plan", step.op.name()));
        }
        let result = self.values.get(step.result.index()).ok_or("the result is not declared")?;
        let mut nodes = vec![];
        for (place, arg) in step.args.iter().enumerate() {
            let (dtype, shape) = match arg {
                Arg::Value(v) if alive.get(v.index()).copied().unwrap_or(false) => {
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
            Arg::Extent(_) => dtype.is_numeric(),
            Arg::Value(_) => true,
        };
        if fits { Ok(dtype) } else { Err(format!("operand {place} does not fit {dtype}")) }
    }
}

fn make(alive: &mut [bool], v: ValueId) -> std::result::Result<(), String> {
    match alive.get_mut(v.index()) {
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
