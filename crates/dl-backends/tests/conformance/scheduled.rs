//! The interpreter of schedules as an executor: a schedule that is wrong fails where the plan is right, and
//! says so under its own name.

use std::sync::Arc;

use dl_backends::{Buffer, Call, Executable, Executor};
use dl_backends::{Error, Result};
use dl_core::{DType, Dims, Plan, Schedule, Tensor, TensorRef};

/// Verifies each schedule, and runs it in double precision.
pub(crate) struct Scheduled;

struct Compiled {
    schedule: Schedule,
    outputs: Vec<Tensor>,
}

impl Executor for Scheduled {
    fn name(&self) -> &'static str {
        "schedule"
    }

    fn compile(&self, plan: &Arc<Plan>, dims: &Dims) -> Result<Box<dyn Executable>> {
        let schedule = Schedule::new(plan, dims)?;
        schedule.verify().unwrap_or_else(|why| panic!("{why}\n{schedule}"));
        Ok(Box::new(Compiled { schedule, outputs: vec![] }))
    }

    fn upload(&self, value: TensorRef<'_>) -> Result<Buffer> {
        Ok(Buffer::new(value.to_owned()))
    }

    fn download(&self, buffer: &Buffer) -> Result<Tensor> {
        Ok(buffer.get::<Tensor>()?.clone())
    }
}

impl Executable for Compiled {
    fn run(&mut self, call: Call<'_>) -> Result<()> {
        self.outputs.clear();
        let plan = self.schedule.plan().clone();
        let mut parameters = vec![];
        for slot in call.slots {
            parameters.push(call.parameters[*slot].get::<Tensor>()?.clone());
        }
        let views: Vec<TensorRef<'_>> = parameters.iter().map(Tensor::view).collect();
        let results = self.schedule.interpret(call.inputs, &views, call.counters())?;
        let outputs = plan.outputs().iter().zip(results.outputs);
        self.outputs = outputs.map(|(slot, value)| rounded(value, plan.value(slot.value).dtype)).collect();
        let updates = results.updates.into_iter().zip(plan.parameters()).zip(call.slots);
        for ((new, parameter), slot) in updates {
            if let Some(new) = new {
                *call.parameters[*slot].get_mut::<Tensor>()? = rounded(new, parameter.decl.dtype);
            }
        }
        Ok(())
    }

    fn output(&self, index: usize) -> Result<Tensor> {
        self.outputs.get(index).cloned().ok_or_else(|| Error::value("no run has finished yet"))
    }
}

fn rounded(value: Tensor, dtype: DType) -> Tensor {
    match dtype {
        DType::F32 => Tensor::from_f64(dtype, value.shape(), &value.to_f64()).expect("the shape is its own"),
        _ => value,
    }
}
