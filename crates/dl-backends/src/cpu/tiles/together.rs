//! The rows of a group, shared by a team: in parts that depend on their number alone, so that what they fold
//! to is the same whoever takes which.

use std::sync::{Mutex, PoisonError};

use dl_core::DType;
use dl_core::ops::Reduce;

use super::fold::Fold;
use super::group::Kind;
use super::lane::{Member, Scene, Span};
use super::place::Group;
use crate::cpu::matmul::part;
use crate::cpu::team::Lead;

/// Rows that are worth a part.
const ROWS: usize = 32;
/// Most parts.
pub(super) const PARTS: usize = 8;
/// Elements of results that are worth waking others.
const ALONE: usize = 1 << 13;

/// Who works on a group.
pub(super) struct Crew<'c, 'l> {
    /// At least one.
    pub members: &'c [Member],
    /// By the part, what its rows fold to, by the list of folds.
    pub parts: &'c [Mutex<Vec<Fold>>],
    pub lead: Option<&'c mut Lead<'l>>,
}

/// What rows of a group fold to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Folded {
    /// By the list of folds.
    pub fold: usize,
    kind: Reduce,
    dtype: DType,
}

/// A mistake: the step, and what is wrong.
type Fault = (usize, String);

impl Group {
    /// What the operations fold to, if parts of rows can do so, each for itself.
    pub(super) fn folds(&self) -> Option<Vec<Folded>> {
        let mut folds = vec![];
        for instr in &self.instrs {
            match instr.kind {
                Kind::Fold(kind, _, fold) => folds.push(Folded { fold, kind, dtype: instr.dtype }),
                // A table's rows may be many.
                Kind::Scatter { .. } => return None,
                _ => {}
            }
        }
        Some(folds)
    }

    /// In how many parts so many rows are taken, where `most` are possible.
    fn parts(&self, rows: usize, most: usize) -> usize {
        if self.folded.is_some() { (rows / ROWS).clamp(1, most.max(1)) } else { 1 }
    }

    /// Whether so many rows are worth waking others.
    fn is_large(&self, rows: usize) -> bool {
        self.instrs.iter().map(|i| i.len).sum::<usize>().saturating_mul(rows) >= ALONE
    }

    /// How many of a team take part in so many rows.
    pub(super) fn sharers(&self, rows: usize, most: usize, members: usize) -> usize {
        if self.is_large(rows) { self.parts(rows, most).min(members) } else { 1 }
    }

    /// All rows of the span; an error with its step.
    pub(super) fn run(
        &self,
        scene: &Scene<'_>,
        span: Span,
        folds: &mut [Fold],
        crew: Crew<'_, '_>,
    ) -> Result<(), Fault> {
        let count = self.parts(span.rows, crew.parts.len());
        let Some(own) = self.folded.as_ref().filter(|_| count > 1) else {
            return self.rows(scene, span, folds);
        };
        // The first part's mistake counts, whichever comes first.
        let failed: Mutex<Option<(usize, Fault)>> = Mutex::new(None);
        let work = |scene: &Scene<'_>, index: usize| {
            let rows = part(span.start..span.start + span.rows, index, count);
            let span = Span { start: rows.start, rows: rows.len(), ..span };
            let mut folds = crew.parts[index].lock().unwrap_or_else(PoisonError::into_inner);
            own.iter().for_each(|f| folds[f.fold].reset((f.kind, f.dtype)));
            if let Err(fault) = self.rows(scene, span, &mut folds) {
                let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
                if failed.as_ref().is_none_or(|(first, _)| index < *first) {
                    *failed = Some((index, fault));
                }
            }
            own.iter().for_each(|f| folds[f.fold].settle(f.dtype));
        };
        match crew.lead.filter(|_| self.is_large(span.rows)) {
            None => (0..count).for_each(|index| work(scene, index)),
            Some(lead) => lead.parts(count, &|member, index| {
                work(&Scene { slots: crew.members[member].table(), ..*scene }, index);
            }),
        }
        if let Some((_, fault)) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(fault);
        }
        for part in &crew.parts[..count] {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            own.iter().for_each(|f| folds[f.fold].add((f.kind, f.dtype), &part[f.fold].now));
        }
        Ok(())
    }

    /// Rows of a block.
    pub(super) fn block(&self, scene: &Scene<'_>, block: Span, folds: &mut [Fold]) -> Result<(), Fault> {
        for unit in self.units() {
            match unit.body {
                Some(body) => body.run(scene, block, folds),
                None => {
                    let instr = &self.instrs[unit.range.start];
                    instr.run(scene, block, folds).map_err(|why| (instr.step, why))?;
                }
            }
        }
        Ok(())
    }

    /// Rows of a span, block by block; an error with its step.
    fn rows(&self, scene: &Scene<'_>, span: Span, folds: &mut [Fold]) -> Result<(), Fault> {
        let end = span.start + span.rows;
        for start in (span.start..end).step_by(self.rows) {
            self.inputs.iter().for_each(|home| scene.prefetch(*home, start, self.rows));
            let block = Span { start, rows: self.rows.min(end - start), columns: self.columns, ..span };
            self.block(scene, block, folds)?;
        }
        Ok(())
    }
}
