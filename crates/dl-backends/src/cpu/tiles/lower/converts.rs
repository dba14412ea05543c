//! Bytes that only products read leave the groups: each thread converts the bytes for its own part of a
//! product, so that the numbers never travel between two threads' caches.

use crate::cpu::tiles::data::convert::Convert;
use crate::cpu::tiles::data::instr::{Instr, Kind};
use crate::cpu::tiles::data::phase::{Phase, Phases};
use crate::cpu::tiles::data::product::Product;
use crate::cpu::tiles::lower::rows::Lowered;

/// Takes conversions that only products of `f32` read out of the groups.
pub(crate) fn converts(lowered: &Lowered, stages: &mut [Phases]) -> Vec<Convert> {
    let mut converts = vec![];
    for stage in 0..stages.len() {
        for phase in 0..stages[stage].len() {
            let mut at = 0;
            while let Some(found) = candidate(&stages[stage][phase], at) {
                at += 1;
                let free =
                    |out: usize| !lowered.outputs.contains(&Some(out)) && only_products(stages, stage, out);
                let Some((out, convert)) = found.filter(|(out, _)| free(*out)) else { continue };
                for product in products(stages) {
                    product.convert(out, (converts.len(), convert.from));
                }
                converts.push(convert);
                at -= 1;
                if let Phase::Group(group) = &mut stages[stage][phase] {
                    group.instrs.remove(at);
                }
            }
        }
        stages[stage].retain(|p| !matches!(p, Phase::Group(group) if group.instrs.is_empty()));
    }
    converts
}

/// The home of a group's instruction at a place and the function of bytes that it is, if it is one; nothing
/// after the last.
fn candidate(phase: &Phase, at: usize) -> Option<Option<(usize, Convert)>> {
    let Phase::Group(group) = phase else { return None };
    let instr = group.instrs.get(at)?;
    Some(match (&instr.kind, instr.out) {
        (Kind::Bytes(map, from), Some(out)) => {
            let Instr { len, step, work, .. } = *instr;
            let convert = Convert { map: map.clone(), from: *from, len, step, work, room: 0 };
            Some((out, convert))
        }
        _ => None,
    })
}

fn products(stages: &mut [Phases]) -> impl Iterator<Item = &mut Product> {
    stages.iter_mut().flatten().filter_map(|phase| match phase {
        Phase::Product(product) => Some(product),
        _ => None,
    })
}

/// Whether nothing reads a home but products of this stage, as their left operand.
fn only_products(stages: &[Phases], stage: usize, home: usize) -> bool {
    let mut phases = stages.iter().enumerate().flat_map(|(r, phases)| phases.iter().map(move |p| (r, p)));
    phases.all(|(r, phase)| match phase {
        Phase::Product(p) if p.is_plain() => {
            let reads = p.inputs().iter().filter(|h| **h == home).count();
            reads == 0 || r == stage && reads == 1 && p.left() == home
        }
        other => !other.inputs().contains(&home),
    })
}
