//! Bytes that only products read, converted: once a tile where all of it is made at a time, or as many as the
//! product takes.

use std::ops::Range;

use crate::cpu::tiles::BLOCK;
use crate::cpu::tiles::data::convert::{Convert, Converted};
use crate::cpu::tiles::data::home::Span;
use crate::cpu::tiles::run::scene::Scene;

impl Convert {
    /// Some elements of a tile, counted row by row.
    pub(crate) fn elements<'c>(
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
    pub(crate) fn columns<'c>(
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
