//! Bytes that only products read: whoever computes part of a product makes the numbers for itself, so that
//! they are never between two threads' caches: once a tile, where they fit beside everything else, or as
//! many as the product takes at a time.

use std::ops::Range;

use dl_core::DType;

use super::build::{Built, Work};
use super::group::Kind;
use super::lane::{Scene, Span};
use super::place::{Phase, Phases};
use super::{BLOCK, Cut};
use crate::cpu::matmul::Caches;
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
    /// How many elements are made at a time; all of a tile's where there are that many.
    pub room: usize,
}

/// What one thread has converted.
#[derive(Default)]
pub(super) struct Converted {
    elements: Vec<f32>,
    /// Which tile's all of them are, by the scene's count; 0 for part of one.
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

/// What of the second cache numbers made of bytes may fill.
const SHARE: usize = 4;

/// Columns at a time are a multiple of this: of whole vectors, and of the rows that micro-kernels take.
const COLUMNS: usize = 48;

impl Convert {
    /// Bytes of a row, once it is converted.
    pub(super) fn row_bytes(&self) -> usize {
        self.len * DType::F32.bytes()
    }

    /// Decides how many elements are made at a time: as many as fit into the cache's share, but no less than
    /// a row, or [`COLUMNS`] of a tile; all of a tile's, if it has no more.
    pub(super) fn settle(&mut self, cut: &Cut, caches: Caches) {
        let share = caches.l2 / SHARE / DType::F32.bytes();
        let tile = self.len * cut.tile;
        self.room = share.max(self.len).max(COLUMNS * cut.tile).min(tile);
    }

    /// Whether all of a tile's elements are made at once.
    pub(super) fn by_tiles(&self, cut: &Cut) -> bool {
        self.room == self.len * cut.tile
    }

    /// Rows of a left operand that are made at a time, each of `k` elements, of a product with `m` rows.
    pub(super) fn at_a_time(&self, (m, k): (usize, usize)) -> usize {
        let rows = self.room / k.max(1);
        if rows >= m { m } else { (rows / COLUMNS * COLUMNS).max(1) }
    }

    /// Some elements of a tile, counted row by row.
    pub(super) fn elements<'c>(
        &self,
        to: &'c mut Converted,
        scene: &Scene<'_>,
        span: Span,
        range: Range<usize>,
    ) -> &'c [f32] {
        let all = span.rows * self.len;
        if all <= self.room {
            return &self.tile(to, scene, span)[range];
        }
        let into = to.part(range.len());
        scene.isa.bytes(&self.map, &scene.rows(self.from, span, self.len)[range], into);
        into
    }

    /// Some columns of a tile, which is seen as rows of `stride` elements; and how far apart its rows are.
    pub(super) fn columns<'c>(
        &self,
        to: &'c mut Converted,
        scene: &Scene<'_>,
        (span, stride): (Span, usize),
        range: Range<usize>,
    ) -> (&'c [f32], usize) {
        let all = span.rows * self.len;
        if all <= self.room {
            return (&self.tile(to, scene, span)[range.start..], stride);
        }
        let into = to.part(all / stride.max(1) * range.len());
        let x = scene.rows(self.from, span, self.len);
        scene.isa.byte_columns(&self.map, (x, stride), range.clone(), into);
        (into, range.len())
    }

    /// All of a tile; converted if that has not been done.
    fn tile<'c>(&self, to: &'c mut Converted, scene: &Scene<'_>, span: Span) -> &'c [f32] {
        let all = span.rows * self.len;
        if to.tile != scene.tile {
            let elements = to.part(all);
            let block = (BLOCK / self.len.max(1)).max(1);
            for first in (0..span.rows).step_by(block) {
                let (start, rows) = (span.start + first, block.min(span.rows - first));
                scene.prefetch(self.from, start, rows);
                let part = Span { start, rows, ..span };
                let into = &mut elements[first * self.len..][..rows * self.len];
                scene.isa.bytes(&self.map, scene.rows(self.from, part, self.len), into);
            }
            to.tile = scene.tile;
        }
        &to.elements[..all]
    }
}

impl Converted {
    /// Room for so many elements, which are no tile's.
    fn part(&mut self, len: usize) -> &mut [f32] {
        self.tile = 0;
        self.elements.resize(self.elements.len().max(len), 0.0);
        &mut self.elements[..len]
    }
}
