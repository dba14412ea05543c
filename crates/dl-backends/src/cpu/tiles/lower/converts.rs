//! Bytes that only products read leave the groups: whoever computes part of a product makes the numbers for
//! itself, so that they are never between two threads' caches.

use dl_core::DType;

use crate::cpu::tiles::data::convert::Convert;
use crate::cpu::tiles::data::instr::Kind;
use crate::cpu::tiles::data::phase::{Phase, Phases, Work};
use crate::cpu::tiles::data::product::Product;
use crate::cpu::tiles::lower::rows::Lowered;

/// Takes what is only converted for products of `f32` out of the groups.
pub(super) fn converts(built: &Built, rounds: &mut [Phases]) -> Vec<Convert> {
    let mut converts = vec![];
    for round in 0..rounds.len() {
        for phase in 0..rounds[round].len() {
            let mut at = 0;
            while let Some((out, convert)) = candidate(&rounds[round][phase], at) {
                at += 1;
                let kept = built.outputs.contains(&Some(out));
                let Some(convert) = convert.filter(|_| !kept && only_products(rounds, round, out)) else {
                    continue;
                };
                for product in products(rounds) {
                    product.convert(out, (converts.len(), convert.from));
                }
                converts.push(convert);
                at -= 1;
                if let Phase::Group(group) = &mut rounds[round][phase] {
                    group.instrs.remove(at);
                }
            }
        }
        rounds[round].retain(|p| !matches!(p, Phase::Group(group) if group.instrs.is_empty()));
    }
    converts
}

/// The result of a group's operation at a place, and what it converts, if it does.
fn candidate(phase: &Phase, at: usize) -> Option<(usize, Option<Convert>)> {
    let Phase::Group(group) = phase else { return None };
    let instr = group.instrs.get(at)?;
    let convert = match &instr.kind {
        Kind::Bytes(map, from) => {
            Some(Convert { map: map.clone(), from: *from, len: instr.len, step: instr.step, room: 0 })
        }
        _ => None,
    };
    Some((instr.out, convert))
}

fn products(rounds: &mut [Phases]) -> impl Iterator<Item = &mut super::product::Product> {
    rounds.iter_mut().flatten().filter_map(|phase| match phase {
        Phase::Tile(Work::Product(product)) => Some(product),
        _ => None,
    })
}

/// Whether all that reads a home is products of this round, on their left.
fn only_products(rounds: &[Phases], round: usize, home: usize) -> bool {
    let mut phases = rounds.iter().enumerate().flat_map(|(r, phases)| phases.iter().map(move |p| (r, p)));
    phases.all(|(r, phase)| match phase {
        Phase::Tile(Work::Product(p)) if p.dtype == DType::F32 => {
            let reads = p.inputs().iter().filter(|h| **h == home).count();
            reads == 0 || r == round && reads == 1 && p.left() == home
        }
        other => !other.inputs().contains(&home),
    })
}

