//! Updates of parameters after the last kernel: those that no kernel has made, all in one launch where it has room.

use std::collections::HashSet;

use dl_core::schedule::{Accumulation, Method};

use super::elements::{Formed, assigned};
use super::lower::{Lowering, Work};
use super::memory::{Home, SlotId};
use super::pointwise::groups;
use super::shader::{GROUP, Shader};

/// Elements of an invocation.
const EACH: usize = 4;

/// Adds the updates that are not among those `done`.
///
/// # Errors
/// When a new value is nowhere.
pub(super) fn updates(
    lowering: &mut Lowering<'_>,
    done: &HashSet<usize>,
    works: &mut Vec<Work>,
) -> Result<(), String> {
    let schedule = lowering.schedule;
    let plan = schedule.plan();
    let (mut shader, mut launches) = (Shader::default(), vec![]);
    for update in schedule.updates().iter().filter(|u| !done.contains(&u.parameter.index())) {
        let index = update.parameter.index();
        let slot = &plan.parameters()[index];
        let into = lowering.parameter(index);
        let nowhere = || format!("the new value of {} is nowhere", slot.decl.name);
        if shader.binding_count() + 2 > lowering.device.bindings {
            launches.push(std::mem::take(&mut shader));
        }
        let (len, dtype) = (lowering.slots[into.0].len, slot.decl.dtype);
        match &update.method {
            Method::Accumulate { of, .. } => {
                let addend = lowering.slot_of_value(of.addend).ok_or_else(nowhere)?;
                let name = of.text(&slot.decl);
                accumulate(&mut shader, of, (lowering.formed(addend, dtype), into), len, name);
            }
            Method::InPlace(_) | Method::Replace(_) => {
                let mut from =
                    slot.update.and_then(|value| lowering.slot_of_value(value)).ok_or_else(nowhere)?;
                // What the caller brought along may be written over by another update.
                if matches!(lowering.slots[from.0].home, Home::Input(_) | Home::Parameter(_)) {
                    let between = lowering.scratch(len);
                    let both = (lowering.formed(from, dtype), lowering.formed(between, dtype));
                    works.push(Work::Launch(copy(both, len)));
                    from = between;
                }
                let name = format!("{} ← its new value", slot.decl.name);
                let both = (lowering.formed(from, dtype), lowering.formed(into, dtype));
                copied(&mut shader, both, len, name);
            }
        }
    }
    if !shader.is_empty() {
        launches.push(shader);
    }
    works.extend(launches.into_iter().map(Work::Launch));
    Ok(())
}

/// A launch that copies elements from the first slot into the second.
pub(super) fn copy(both: (Formed, Formed), len: usize) -> Shader {
    let mut shader = Shader::default();
    copied(&mut shader, both, len, "copy".into());
    shader
}

fn copied(shader: &mut Shader, (from, into): (Formed, Formed), len: usize, name: String) {
    let line = assigned(shader, (into, "at"), (from, "at"));
    each(shader, len, &line, name);
}

fn accumulate(
    shader: &mut Shader,
    of: &Accumulation,
    ((addend, form), into): (Formed, SlotId),
    len: usize,
    name: String,
) {
    let addend = form.wide(&format!("{}[at]", shader.read(addend, form.element(1))), 1);
    let into = shader.write(into, "f32");
    let (alpha, beta) = (of.alpha as f32, of.beta as f32);
    let old = if beta == 1.0 { format!("{into}[at]") } else { format!("{beta:?}f * {into}[at]") };
    each(shader, len, &format!("{into}[at] = {old} + {alpha:?}f * {addend};"), name);
}

/// A part that does the same for each element `at`.
fn each(shader: &mut Shader, len: usize, line: &str, name: String) {
    let per_group = GROUP as usize * EACH;
    let body = format!(
        "  for (var i = 0u; i < {EACH}u; i = i + 1u) {{\n    let at = group * {per_group}u + i * {GROUP}u + local;\n    if (at < {len}u) {{ {line} }}\n  }}\n"
    );
    shader.part(name, &body, groups(len.div_ceil(EACH)));
}
