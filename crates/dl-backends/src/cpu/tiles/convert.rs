//! Bytes that only products read: whoever computes part of a product makes the numbers for itself, once a
//! tile, so that they are never between two threads' caches.

use dl_core::DType;

use super::build::{Built, Work};
use super::group::Kind;
use super::lane::{Scene, Span};
use super::place::{Phase, Phases};
use super::{BLOCK, Cut};
use crate::cpu::vector::ByteMap;

/// A function of an input's bytes.
pub(super) struct Convert {
    map: ByteMap,
    /// The input's home.
    pub from: usize,
    /// Elements of a row.
    pub len: usize,
    /// The plan's step.
    pub step: usize,
}

/// Rows of a tile, as one thread has converted them.
#[derive(Default)]
pub(super) struct Converted {
    elements: Vec<f32>,
    /// Which tile's they are, by the scene's count.
    tile: u64,
}

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
            Some(Convert { map: map.clone(), from: *from, len: instr.len, step: instr.step })
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

impl Convert {
    /// Bytes that a thread's rows of a tile take.
    pub(super) fn row_bytes(&self) -> usize {
        self.len * DType::F32.bytes()
    }

    /// Elements of a thread's rows of a tile.
    pub(super) fn elements(&self, cut: &Cut) -> usize {
        self.len * cut.tile
    }

    /// The rows of a tile; they are converted if that has not been done.
    pub(super) fn rows<'c>(&self, to: &'c mut Converted, scene: &Scene<'_>, span: Span) -> &'c [f32] {
        let all = span.rows * self.len;
        if to.tile != scene.tile {
            to.elements.resize(to.elements.len().max(all), 0.0);
            let block = (BLOCK / self.len.max(1)).max(1);
            for first in (0..span.rows).step_by(block) {
                let (start, rows) = (span.start + first, block.min(span.rows - first));
                scene.prefetch(self.from, start, rows);
                let part = Span { start, rows, ..span };
                let into = &mut to.elements[first * self.len..][..rows * self.len];
                scene.isa.bytes(&self.map, scene.rows(self.from, part, self.len), into);
            }
            to.tile = scene.tile;
        }
        &to.elements[..all]
    }
}
