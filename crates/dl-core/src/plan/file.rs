//! Plans as data: checked step by step when read.

use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use crate::dim::{Dim, Name};
use crate::error::{Error, Result};
use crate::graph::{MAX_DEPTH, Node};
use crate::ops::Op;
use crate::plan::{Arg, InputSlot, OutputSlot, ParameterSlot, Plan, Repeat, Step, Value, ValueId};
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

    /// Reads what [`to_json`](Plan::to_json) wrote. Every step is checked again. The limits are those of
    /// [`Program::from_json`](crate::Program::from_json).
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
    /// - A scan takes from outside all that it says, and nothing else; its results and the values of its
    ///   body have the types that its parts give. Nothing outside reads a value of a body.
    /// - Every named dimension is the size of an axis of some input.
    fn check(&self) -> std::result::Result<(), String> {
        self.check_declarations()?;
        let mut made = Made::of(self.values.len());
        let sources =
            self.inputs.iter().map(|i| i.value).chain(self.parameters.iter().filter_map(|p| p.value));
        for v in sources {
            made.make(v)?;
        }
        self.check_steps(&self.steps, &mut made, 0)?;
        let ends =
            self.outputs.iter().map(|o| o.value).chain(self.parameters.iter().filter_map(|p| p.update));
        for v in ends {
            if !made.has(v) {
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
            if let Some(v) = step.results().find(|v| !needed[v.index()]) {
                return Err(format!("step {i}: nothing needs %{}", v.0));
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
        let steps = self.all_steps();
        let splats = steps.iter().flat_map(|s| &s.args).filter_map(|arg| match arg {
            Arg::Extent(dim) => Some(dim),
            Arg::Value(_) | Arg::Constant(_) => None,
        });
        let shapes = self.values.iter().flat_map(|v| v.shape.iter());
        let dims = shapes.chain(steps.iter().flat_map(|s| s.op.dims())).chain(splats);
        match dims.flat_map(Dim::names).find(|name| !bound.contains(name)) {
            Some(name) => Err(format!("dimension {name} is not the size of any axis of an input")),
            None => Ok(()),
        }
    }

    fn check_steps(&self, steps: &[Step], made: &mut Made, depth: usize) -> std::result::Result<(), String> {
        for (i, step) in steps.iter().enumerate() {
            let checked = match &step.repeat {
                Some(repeat) => self.check_scan(step, repeat, made, depth),
                None => self.check_step(step, made),
            };
            let kept = |()| step.results().try_for_each(|v| made.make(v));
            checked.and_then(kept).map_err(|why| format!("step {i}: {why}"))?;
        }
        Ok(())
    }

    fn check_scan(
        &self,
        step: &Step,
        repeat: &Repeat,
        made: &mut Made,
        depth: usize,
    ) -> std::result::Result<(), String> {
        let Op::Scan(scan) = &step.op else {
            return Err(format!("{} repeats nothing", step.op.name()));
        };
        if depth == MAX_DEPTH {
            return Err(format!("more than {MAX_DEPTH} scans inside each other"));
        }
        let fits = scan.length == repeat.length
            && scan.reverse == repeat.reverse
            && scan.carries == repeat.carries.len();
        if !fits || repeat.results().next() != Some(step.result) {
            return Err("the scan is not that of its body".into());
        }
        repeat.length.check()?;
        // What is made in a body is gone after it, and nothing makes it again.
        repeat.begins().try_for_each(|v| made.make(v))?;
        self.check_parts(repeat, made)?;
        self.check_steps(&repeat.steps, made, depth + 1)?;
        if let Some(v) = repeat.ends().find(|v| !made.has(*v)) {
            return Err(format!("%{} is needed after a step and is not there", v.0));
        }
        let reads: Vec<Arg> = repeat.reads().into_iter().map(Arg::Value).collect();
        if reads != step.args {
            return Err("a scan takes other values than its body reads".into());
        }
        for (i, (step, frees)) in repeat.steps.iter().zip(repeat.last_uses()).enumerate() {
            if step.frees != frees {
                return Err(format!("step {i} frees {}, expected {}", list(&step.frees), list(&frees)));
            }
        }
        repeat.makes().for_each(|v| made.forget(v));
        Ok(())
    }

    /// Whether the parts of a scan have types that go together; the values of its body are declared.
    fn check_parts(&self, repeat: &Repeat, made: &Made) -> std::result::Result<(), String> {
        let value =
            |v: ValueId| self.values.get(v.index()).ok_or_else(|| format!("%{} is not declared", v.0));
        let mut own: FxHashSet<ValueId> = repeat.begins().collect();
        own.extend(repeat.results());
        for carry in &repeat.carries {
            let first = value(carry.first)?;
            for other in [carry.value, Some(carry.next), carry.last].into_iter().flatten() {
                let other = value(other)?;
                if other.dtype != first.dtype || other.shape != first.shape {
                    return Err(format!("a carry is {} at first and {} later", first.shape, other.shape));
                }
            }
        }
        let before = repeat.carries.iter().map(|c| c.first).chain(repeat.elements.iter().map(|e| e.from));
        if let Some(v) = before.into_iter().find(|v| own.contains(v) || !made.has(*v)) {
            return Err(format!("%{} is not there", v.0));
        }
        for element in &repeat.elements {
            let (from, of) = (value(element.from)?, value(element.value)?);
            let fits = from.shape.get(element.axis) == Some(&repeat.length)
                && from.shape.without(&[element.axis]) == of.shape
                && from.dtype == of.dtype;
            if !fits {
                return Err(format!(
                    "{} is no element of {} along axis {}",
                    of.shape, from.shape, element.axis
                ));
            }
        }
        for stack in &repeat.stacks {
            let (all, of) = (value(stack.result)?, value(stack.value)?);
            let fits = all.shape.get(stack.axis) == Some(&repeat.length)
                && all.shape.without(&[stack.axis]) == of.shape
                && all.dtype == of.dtype;
            if !fits {
                return Err(format!("{} are not all of {} along axis {}", all.shape, of.shape, stack.axis));
            }
        }
        Ok(())
    }

    fn check_step(&self, step: &Step, made: &Made) -> std::result::Result<(), String> {
        if !stands_in_plans(&step.op) {
            return Err(format!("{} cannot stand in a plan", step.op.name()));
        }
        let result = self.values.get(step.result.index()).ok_or("the result is not declared")?;
        let mut nodes = vec![];
        for (place, arg) in step.args.iter().enumerate() {
            let (dtype, shape) = match arg {
                Arg::Value(v) if made.has(*v) => {
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

/// State, markers and composite operations are gone once a program is lowered; a scan is a step with a body.
fn stands_in_plans(op: &Op) -> bool {
    !matches!(
        op,
        Op::Input(_)
            | Op::Parameter(_)
            | Op::StopGradient
            | Op::WithGradient
            | Op::Variable(_)
            | Op::Assume(_)
            | Op::Carry { .. }
            | Op::Element { .. }
            | Op::Scan(_)
            | Op::Final(_)
            | Op::Stack(_)
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

/// Which values were made, and which of them are there.
struct Made {
    made: Vec<bool>,
    there: Vec<bool>,
}

impl Made {
    fn of(values: usize) -> Made {
        Made { made: vec![false; values], there: vec![false; values] }
    }

    fn has(&self, v: ValueId) -> bool {
        self.there.get(v.index()).copied().unwrap_or(false)
    }

    fn make(&mut self, v: ValueId) -> std::result::Result<(), String> {
        match self.made.get_mut(v.index()) {
            Some(slot) if !*slot => {
                *slot = true;
                self.there[v.index()] = true;
                Ok(())
            }
            _ => Err(format!("%{} is made twice or not declared", v.0)),
        }
    }

    fn forget(&mut self, v: ValueId) {
        self.there[v.index()] = false;
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
