//! Updates: how each parameter gets its new value, and whether that may happen in place.

use std::fmt;

use crate::plan::ValueId;
use crate::schedule::{
    Accumulation, Along, Body, BufferId, Domain, Kernel, KernelId, Operation, ParameterId, Schedule, Section,
};

/// The update of a parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Update {
    /// Which.
    pub parameter: ParameterId,
    /// How it gets its new value.
    pub method: Method,
}

/// How a parameter gets its new value.
#[derive(Clone, Debug, PartialEq)]
pub enum Method {
    /// `w ← β·w + α·addend`, in one pass over `w` after the last stage.
    Accumulate {
        /// Factors, addend, and the steps that are left out.
        of: Accumulation,
        /// The product that may add to `w` itself instead, as its last kernel, where an executor takes all
        /// rows at once; or the reason why none may.
        product: Result<KernelId, Reason>,
    },
    /// A pointwise kernel may write the new elements over the old ones.
    InPlace(KernelId),
    /// The new value replaces the old one after the last stage.
    Replace(Reason),
}

/// Why an update is not made in place.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The kernel that makes its addend, or its new value, cannot write over the old one.
    Maker,
    /// The old value is read once the kernel has begun.
    Read(KernelId),
    /// The old value is needed after the last stage.
    Kept,
    /// The addend, or the new value, is read elsewhere, too.
    Shared,
    /// Rows are computed later.
    Rows,
    /// A later kernel may find a wrong index; then nothing may have changed.
    MayFail(KernelId),
}

/// The updates of a schedule's parameters.
pub(super) fn updates(schedule: &Schedule, accumulations: Vec<Accumulation>) -> Vec<Update> {
    let mut updates = vec![];
    for (i, slot) in schedule.plan.parameters().iter().enumerate() {
        let parameter = ParameterId(i as u32);
        let Some(value) = slot.update else { continue };
        let method = match accumulations.iter().find(|a| a.parameter == parameter) {
            Some(of) => Method::Accumulate { of: of.clone(), product: accumulating_product(schedule, of) },
            None => match written_over(schedule, slot.value, value) {
                Ok(kernel) => Method::InPlace(kernel),
                Err(reason) => Method::Replace(reason),
            },
        };
        updates.push(Update { parameter, method });
    }
    updates
}

/// The product that may add to the parameter itself.
fn accumulating_product(schedule: &Schedule, of: &Accumulation) -> Result<KernelId, Reason> {
    let (addend, from) = (schedule.buffer_of(of.addend), schedule.buffer_of(of.from));
    let makes =
        |kernel: &Kernel| matches!(kernel, Kernel::Product(p) if p.along == Along::K && p.out == addend);
    let (id, _) = schedule.kernels().find(|(_, kernel)| makes(kernel)).ok_or(Reason::Maker)?;
    if !of.alone {
        return Err(Reason::Shared);
    }
    for (later, kernel) in schedule.kernels().filter(|(other, _)| *other >= id) {
        if later.section == Section::Rows && later.stage > id.stage {
            return Err(Reason::Rows);
        }
        if from.is_some_and(|from| kernel.reads().contains(&from)) {
            return Err(Reason::Read(later));
        }
        if later > id && may_fail(schedule, kernel) {
            return Err(Reason::MayFail(later));
        }
    }
    if is_kept(schedule, of.from) { Err(Reason::Kept) } else { Ok(id) }
}

/// The pointwise kernel that may write a new value over the old one.
fn written_over(schedule: &Schedule, old: Option<ValueId>, new: ValueId) -> Result<KernelId, Reason> {
    let plan = &schedule.plan;
    let old = old.ok_or(Reason::Maker)?;
    let (Some(before), Some(after)) = (schedule.buffer_of(old), schedule.buffer_of(new)) else {
        return Err(Reason::Maker);
    };
    let writes = |(_, kernel): &(KernelId, &Kernel)| kernel.writes().contains(&after);
    let (id, kernel) = schedule.kernels().find(writes).ok_or(Reason::Maker)?;
    let Kernel::Pointwise(pointwise) = kernel else { return Err(Reason::Maker) };
    let elements = matches!(pointwise.domain, Domain::Elements(_));
    if !elements || plan.value(old).dtype != plan.value(new).dtype {
        return Err(Reason::Maker);
    }
    // One element that all read would change under them.
    if !reads_own_elements(&pointwise.body, before) {
        return Err(Reason::Read(id));
    }
    let parameters = plan.parameters().iter().filter(|p| p.update == Some(new)).count();
    if parameters > 1 || plan.outputs().iter().any(|o| o.value == new) {
        return Err(Reason::Shared);
    }
    if is_kept(schedule, old) {
        return Err(Reason::Kept);
    }
    for (other, kernel) in schedule.kernels() {
        if other != id && kernel.reads().contains(&after) {
            return Err(Reason::Shared);
        }
        if other <= id {
            continue;
        }
        if other.section == Section::Rows {
            return Err(Reason::Rows);
        }
        if kernel.reads().contains(&before) {
            return Err(Reason::Read(other));
        }
        if may_fail(schedule, kernel) {
            return Err(Reason::MayFail(other));
        }
    }
    Ok(id)
}

/// Whether each element of a body reads no other element of a buffer than its own.
fn reads_own_elements(body: &Body, buffer: BufferId) -> bool {
    body.instrs.iter().all(|instr| match &instr.operation {
        Operation::Load { buffer: read, access } => *read != buffer || access.row != 0,
        operation => operation.read() != Some(buffer),
    })
}

/// Whether the old value of a parameter is needed after the last stage.
fn is_kept(schedule: &Schedule, old: ValueId) -> bool {
    let plan = &schedule.plan;
    plan.outputs().iter().any(|o| o.value == old) || plan.parameters().iter().any(|p| p.update == Some(old))
}

/// Whether a kernel may find something wrong when it runs.
fn may_fail(schedule: &Schedule, kernel: &Kernel) -> bool {
    match kernel {
        Kernel::Opaque(opaque) => schedule.plan.steps()[opaque.step.index()].may_fail(),
        _ => kernel.bodies().iter().any(|body| body.instrs.iter().any(|i| i.operation.may_fail())),
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Maker => f.write_str("its maker cannot write over the old value"),
            Reason::Read(kernel) => write!(f, "{kernel} reads the old value"),
            Reason::Kept => f.write_str("the old value is needed at the end"),
            Reason::Shared => f.write_str("it is read elsewhere, too"),
            Reason::Rows => f.write_str("rows are computed later"),
            Reason::MayFail(kernel) => write!(f, "{kernel} may find a wrong index"),
        }
    }
}
