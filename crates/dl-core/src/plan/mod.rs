//! Plans: a program lowered to a list of steps over values, ready for an executor.

mod checks;
mod diagnosis;
pub(crate) mod expand;
mod file;
mod listing;
mod lower;
mod repeat;
mod together;

use serde::{Deserialize, Serialize};

pub use self::checks::Checks;
pub use self::diagnosis::{Diagnosis, Finding, Place};
pub use self::repeat::{Carried, Repeat, Stacked, Taken};

use crate::dim::{Dim, Name};
use crate::dtype::{DType, Scalar};
use crate::graph::{InputDecl, Origin, ParameterDecl};
use crate::ops::Op;
use crate::program::Program;
use crate::shape::Shape;

/// A list of steps. Everything that an executor has to know: it never sees a graph.
///
/// All steps run, in order; then the updates replace their parameters together; then outputs can
/// be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "file::Unchecked", into = "file::Unchecked")]
pub struct Plan {
    values: Vec<Value>,
    inputs: Vec<InputSlot>,
    parameters: Vec<ParameterSlot>,
    outputs: Vec<OutputSlot>,
    steps: Vec<Step>,
}

/// A place in a plan's list of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ValueId(pub u32);

impl ValueId {
    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What is known of a value before a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Value {
    /// Its element type.
    pub dtype: DType,
    /// Its shape; names are bound when an executor compiles the plan.
    pub shape: Shape,
    /// Where it comes from.
    pub origin: Origin,
}

/// An input of the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputSlot {
    /// Its name, element type and shape.
    pub decl: InputDecl,
    /// The value that it becomes.
    pub value: ValueId,
}

/// A parameter of the plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ParameterSlot {
    /// Its name, element type, shape and first value.
    pub decl: ParameterDecl,
    /// The value that it becomes, if any step reads it.
    pub value: Option<ValueId>,
    /// The value that replaces it after the steps, if there is an update.
    pub update: Option<ValueId>,
}

/// A named result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputSlot {
    /// By which it is read.
    pub name: Name,
    /// The value.
    pub value: ValueId,
}

/// One operation on values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What is computed. State and markers never occur, except `Constant`, `Literal`, `Extent` and
    /// `Step` as sources.
    pub op: Op,
    /// From what.
    pub args: Vec<Arg>,
    /// Into which value.
    pub result: ValueId,
    /// The values that no later step, output or update needs.
    pub frees: Vec<ValueId>,
    /// Of a scan, what is repeated; `args` are all values that it takes from outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat: Option<Box<Repeat>>,
}

/// An operand of a step. Only `Binary` and `Select` steps have operands that are not values, and
/// never in every place (of a `Select`, never the condition).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arg {
    /// A value of an earlier step, an input or a parameter.
    Value(ValueId),
    /// The same number in every element.
    Constant(Scalar),
    /// The size of a dimension in every element.
    Extent(Dim),
}

impl Plan {
    /// Lowers a program. The plan is the same for every executor and every number of threads.
    pub fn new(program: &Program) -> Plan {
        lower::lower(program, program.outputs(), program.updates())
    }

    /// All values.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// One value.
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.index()]
    }

    /// The inputs, in the order in which a run binds them.
    pub fn inputs(&self) -> &[InputSlot] {
        &self.inputs
    }

    /// The parameters that are read or updated.
    pub fn parameters(&self) -> &[ParameterSlot] {
        &self.parameters
    }

    /// The named results.
    pub fn outputs(&self) -> &[OutputSlot] {
        &self.outputs
    }

    /// The steps, in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The element type of a step's operands that are numbers: that of the values beside them.
    pub fn number_type(&self, step: &Step) -> DType {
        let beside = step.args.iter().find_map(Arg::value);
        match step.op {
            // Beside a select's branches stands its condition.
            Op::Select => self.value(step.result).dtype,
            _ => beside.map_or(self.value(step.result).dtype, |v| self.value(v).dtype),
        }
    }

    /// For each value, how many steps read it (each operand counts), and outputs and updates.
    pub fn readers(&self) -> Vec<usize> {
        let mut readers = vec![0; self.values.len()];
        let steps = self.steps.iter().flat_map(|s| s.args.iter().filter_map(Arg::value));
        let ends = self.outputs.iter().map(|o| o.value);
        for value in steps.chain(ends).chain(self.parameters.iter().filter_map(|p| p.update)) {
            readers[value.index()] += 1;
        }
        readers
    }

    /// True when running it changes parameters.
    pub fn has_updates(&self) -> bool {
        self.parameters.iter().any(|p| p.update.is_some())
    }
}
