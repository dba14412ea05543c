//! The rows of a group, shared by a team: in parts that depend on their number alone, so that they
//! reduce to the same whoever takes which.
#![allow(unsafe_code)]

use std::sync::{Mutex, PoisonError};

use crate::cpu::matmul::part;
use crate::cpu::team::Lead;
use crate::cpu::tiles::data::home::{Home, Span};
use crate::cpu::tiles::data::phase::{Group, Repeated};
use crate::cpu::tiles::data::slots::typed;
use crate::cpu::tiles::run::fold::Fold;
use crate::cpu::tiles::run::scene::{Member, Scene};

/// Rows of a part, at least.
const ROWS: usize = 32;
/// Most parts.
pub(crate) const PARTS: usize = 8;
/// Elements of results that are worth waking other threads.
const ALONE: usize = 1 << 13;

/// The members of a team that work on a group.
pub(crate) struct Workers<'c, 'l> {
    /// At least one.
    pub members: &'c [Member],
    /// For each part, the reductions of its rows.
    pub parts: &'c [Mutex<Vec<Fold>>],
    pub lead: Option<&'c mut Lead<'l>>,
}

/// A mistake: the step and the message.
type Fault = (usize, String);

impl Repeated {
    /// Fills the line that the rows of a span share.
    fn run(self, scene: &Scene<'_>, span: Span) {
        let Home { dtype, len, .. } = scene.homes[self.to];
        typed!(dtype, T => {
            let from = scene.whole::<T>(self.from);
            // SAFETY: the line is this member's own, and no instruction is at work.
            let line = unsafe { scene.write::<T>(self.to, Span { rows: 1, ..span }, len) };
            line.chunks_exact_mut(from.len()).for_each(|place| place.copy_from_slice(from));
        });
    }
}

impl Group {
    /// The number of parts in which `rows` are computed, where `most` are possible: one where nobody is woken
    /// to share them.
    fn parts(&self, rows: usize, most: usize) -> usize {
        let shared = self.folded.is_some() && self.is_large(rows);
        if shared { (rows / ROWS).clamp(1, most.max(1)) } else { 1 }
    }

    /// Whether `rows` are worth waking other threads.
    fn is_large(&self, rows: usize) -> bool {
        self.instrs.iter().map(|i| i.len * i.lines).sum::<usize>().saturating_mul(rows) >= ALONE
    }

    /// How many of a team compute `rows`.
    pub(crate) fn sharers(&self, rows: usize, most: usize, members: usize) -> usize {
        self.parts(rows, most).min(members)
    }

    /// All rows of the span; an error with its step.
    pub(crate) fn run(
        &self,
        scene: &Scene<'_>,
        span: Span,
        folds: &mut [Fold],
        workers: Workers<'_, '_>,
    ) -> Result<(), Fault> {
        let span = span.in_lines(self.lines());
        let count = self.parts(span.rows, workers.parts.len());
        let Some(own) = self.folded.as_ref().filter(|_| count > 1) else {
            return self.rows(scene, span, folds);
        };
        // The first part's mistake counts, whichever comes first.
        let failed: Mutex<Option<(usize, Fault)>> = Mutex::new(None);
        let work = |scene: &Scene<'_>, index: usize| {
            let rows = part(span.start..span.start + span.rows, index, count);
            let span = Span { start: rows.start, rows: rows.len(), ..span };
            let mut folds = workers.parts[index].lock().unwrap_or_else(PoisonError::into_inner);
            own.iter().for_each(|f| folds[f.fold].reset((f.kind, f.dtype)));
            if let Err(fault) = self.rows(scene, span, &mut folds) {
                let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                if failed.as_ref().is_none_or(|(first, _)| index < *first) {
                    *failed = Some((index, fault));
                }
            }
            own.iter().for_each(|f| folds[f.fold].settle(f.dtype));
        };
        match workers.lead {
            None => (0..count).for_each(|index| work(scene, index)),
            Some(lead) => lead.parts(count, &|member, index| {
                work(&Scene { slots: workers.members[member].table(), ..*scene }, index);
            }),
        }
        if let Some((_, fault)) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(fault);
        }
        for part in &workers.parts[..count] {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            own.iter().for_each(|f| folds[f.fold].add((f.kind, f.dtype), &part[f.fold].now));
        }
        Ok(())
    }

    /// Rows of a block.
    pub(crate) fn block(&self, scene: &Scene<'_>, block: Span, folds: &mut [Fold]) -> Result<(), Fault> {
        let rows = Span { transposed: false, ..block };
        self.takes.iter().for_each(|taken| taken.take(scene, rows));
        for unit in self.units() {
            match unit.segment {
                Some(segment) => segment.run(scene, block, folds),
                None => {
                    let instr = &self.instrs[unit.range.start];
                    instr.run(scene, block, folds).map_err(|why| (instr.step, why))?;
                }
            }
        }
        self.keeps.iter().for_each(|kept| kept.keep(scene, rows));
        Ok(())
    }

    /// Rows of a span, block by block; an error with its step.
    fn rows(&self, scene: &Scene<'_>, span: Span, folds: &mut [Fold]) -> Result<(), Fault> {
        let end = span.start + span.rows;
        self.repeated.iter().for_each(|repeated| repeated.run(scene, span));
        for start in (span.start..end).step_by(self.rows) {
            self.inputs.iter().for_each(|home| scene.prefetch(*home, start, self.rows));
            let block = Span { start, rows: self.rows.min(end - start), transposed: self.transposed, ..span };
            self.block(scene, block, folds)?;
        }
        Ok(())
    }
}
