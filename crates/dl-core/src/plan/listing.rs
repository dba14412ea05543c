//! A plan as a listing that people can read: each step, its operands, its result.

use std::fmt;

use crate::dtype::DType;
use crate::plan::{Arg, Plan, Step, ValueId};
use crate::print::constant;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for slot in &self.inputs {
            writeln!(
                f,
                "input      {} = {}: {} {}",
                name(slot.value),
                slot.decl.name,
                slot.decl.dtype,
                slot.decl.shape
            )?;
        }
        for slot in &self.parameters {
            if let Some(value) = slot.value {
                writeln!(
                    f,
                    "parameter  {} = {}: {} {}",
                    name(value),
                    slot.decl.name,
                    slot.decl.dtype,
                    slot.decl.shape
                )?;
            }
        }
        for step in &self.steps {
            writeln!(f, "{}", self.line(step))?;
        }
        for slot in &self.parameters {
            if let Some(update) = slot.update {
                writeln!(f, "update     {} ← {}", slot.decl.name, name(update))?;
            }
        }
        for slot in &self.outputs {
            writeln!(f, "output     {} = {}", slot.name, name(slot.value))?;
        }
        Ok(())
    }
}

impl Plan {
    /// The element type of the numbers that a step computes with.
    fn operands(&self, step: &Step) -> DType {
        let types = step.args.iter().filter_map(|arg| match arg {
            Arg::Value(v) => Some(self.value(*v).dtype),
            _ => None,
        });
        let own = self.value(step.result).dtype;
        std::iter::once(own).chain(types).find(|dtype| dtype.is_float()).unwrap_or(own)
    }

    fn line(&self, step: &Step) -> String {
        let args: Vec<String> = step
            .args
            .iter()
            .map(|arg| match arg {
                Arg::Value(v) => name(*v),
                Arg::Constant(c) => constant(*c, self.operands(step)),
                Arg::Extent(dim) => dim.to_string(),
            })
            .collect();
        let value = self.value(step.result);
        let frees: Vec<String> = step.frees.iter().map(|v| name(*v)).collect();
        let frees = if frees.is_empty() { String::new() } else { format!("  frees {}", frees.join(" ")) };
        let label = step.op.name();
        format!(
            "{} = {label}({}): {} {}{frees}",
            name(step.result),
            args.join(", "),
            value.dtype,
            value.shape
        )
    }
}

fn name(id: ValueId) -> String {
    format!("%{}", id.0)
}
