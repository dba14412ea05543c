//! The tiles of a lane, one after the other.
#![allow(unsafe_code)]

use std::sync::Mutex;
use std::time::{Duration, Instant};

use dl_core::TensorRef;

use super::build::{FoldDecl, StepArg, Target, Work};
use super::convert::Converted;
use super::fold::Fold;
use super::lane::{Member, Scene, Span};
use super::place::Phase;
use super::run::Tiled;
use super::slots::{Held, Shared, Slot, typed};
use super::together::Crew;
use crate::cpu::array::Array;
use crate::cpu::elementwise::Term;
use crate::cpu::lanes::Context;
use crate::cpu::matmul::Room;
use crate::cpu::run::Moment;
use crate::cpu::team::Lead;

/// What lanes share.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub values: &'a [Option<Array<'a>>],
    pub inputs: &'a [TensorRef<'a>],
    pub seed: u64,
    pub step: u64,
    /// Whether somebody wants to know how long each phase takes.
    pub timed: bool,
}

/// What a lane works with.
pub(super) struct Lane {
    pub slots: Vec<Slot>,
    /// Where these are, while it is at work.
    pub table: Vec<Shared>,
    /// Who may work on it, the one whose lane it is first.
    pub members: Vec<Member>,
    /// What inputs are converted to, by their list, and by the member of the team.
    pub converted: Vec<Vec<Mutex<Converted>>>,
    /// Counts the tiles.
    pub tile: u64,
    pub folds: Vec<Fold>,
    /// What parts of a tile fold to in a group, where there are parts.
    pub parts: Vec<Mutex<Vec<Fold>>>,
    pub workspace: Room,
    pub context: Context,
    /// The time of each phase of the round, where it is wanted.
    pub spent: Vec<Duration>,
}

/// Tiles that products add one after the other.
pub(super) const TILES: usize = 32;

impl Tiled {
    /// The folds of a round, with their places.
    pub(super) fn folds_of(&self, round: usize) -> impl Iterator<Item = (usize, &FoldDecl)> {
        self.folds.iter().enumerate().filter(move |(_, f)| f.round == round as u32)
    }

    /// All tiles of a lane; an error with its step. Somebody may help where this is the only lane.
    pub(super) fn lane(
        &self,
        round: usize,
        index: usize,
        lane: &mut Lane,
        given: Given<'_>,
        mut lead: Option<Lead<'_>>,
    ) -> std::result::Result<(), (usize, String)> {
        for (k, fold) in self.folds_of(round) {
            let empty = index * self.cut.lane >= self.cut.rows;
            let dtype = self.dtype(fold.value);
            match fold.overwritten && !empty {
                true => lane.folds[k].begin(dtype),
                false => lane.folds[k].reset((fold.kind, dtype)),
            }
        }
        let start = index * self.cut.lane;
        let end = (start + self.cut.lane).min(self.cut.rows);
        let tile = lane.tile;
        // Whatever happens, none is counted twice.
        lane.tile += end.saturating_sub(start).div_ceil(self.cut.tile) as u64;
        let Lane { slots, table, members, converted, folds, parts, workspace, context, spent, .. } = lane;
        table.clear();
        table.extend(slots.iter_mut().map(Shared::of));
        members.iter_mut().for_each(|member| member.look(table));
        let mut scene = Scene {
            homes: &self.homes,
            inputs: given.inputs,
            wholes: given.values,
            known: &self.known,
            packed: &self.packed,
            slots: members[0].table(),
            converts: &self.converts,
            converted,
            tile,
            parts: &[],
            kernels: self.kernels,
            isa: self.isa,
            seed: given.seed,
            step: given.step,
        };
        // One look at the clock from phase to phase: the time between two of them is somebody's.
        let mut begun = given.timed.then(Instant::now);
        for (index, tile) in (start..end).step_by(self.cut.tile).enumerate() {
            let rows = self.cut.tile.min(end - tile);
            let span = Span { start: tile, rows, lane: start, tile, columns: false };
            scene.tile += 1;
            for (i, phase) in self.phases[round].iter().enumerate() {
                match phase {
                    Phase::Group(group) => {
                        let crew = Crew { members, parts, lead: lead.as_mut() };
                        group.run(&scene, span, folds, crew)?;
                    }
                    Phase::Tile(Work::Product(product)) => {
                        product.run(&scene, span, (folds, workspace), index % TILES == 0, lead.as_mut());
                    }
                    Phase::Tile(Work::Step { step, args, out }) => self
                        .step(*step, args, *out, &scene, span, (folds, context))
                        .map_err(|why| (*step, why))?,
                    Phase::Tile(Work::Row(_)) => unreachable!("operations of rows are in groups"),
                }
                if let Some(begun) = &mut begun {
                    spent.resize(self.phases[round].len(), Duration::ZERO);
                    let now = Instant::now();
                    spent[i] += now - *begun;
                    *begun = now;
                }
            }
            if (index + 1) % TILES == 0 || tile + rows == end {
                let written = self.folds_of(round).filter(|(_, f)| f.overwritten);
                written.for_each(|(k, f)| folds[k].flush(self.dtype(f.value)));
            }
        }
        self.folds_of(round).for_each(|(k, f)| folds[k].settle(self.dtype(f.value)));
        Ok(())
    }

    /// A step on a whole tile, as without division.
    fn step(
        &self,
        step: usize,
        args: &[StepArg],
        out: Target,
        scene: &Scene<'_>,
        span: Span,
        (folds, context): (&mut [Fold], &mut Context),
    ) -> std::result::Result<(), String> {
        let plan_step = &self.plan.steps()[step];
        let dtype = self.plan.value(plan_step.result).dtype;
        let many = |shape: &[usize]| -> Vec<usize> {
            shape.iter().enumerate().map(|(i, n)| if i == 0 { n * span.rows } else { *n }).collect()
        };
        let is_fold = matches!(out, Target::Fold(_));
        let shape = &self.rows[plan_step.result.index()];
        let shape = if is_fold { shape.clone() } else { many(shape) };
        let shapes: Vec<Vec<usize>> = plan_step
            .args
            .iter()
            .map(|a| a.value().map_or(vec![], |v| many(&self.rows[v.index()])))
            .collect();
        let terms = args.iter().zip(&shapes).map(|(arg, shape)| match arg {
            StepArg::Number(number) => Term::Number(*number),
            StepArg::Whole(v) => Term::Array(scene.wholes[*v].clone().expect("whole values come first")),
            StepArg::Rows(home) => Term::Array(typed!(scene.homes[*home].dtype, T => {
                let rows = scene.rows::<T>(*home, span, scene.homes[*home].len);
                Array::borrowed(TensorRef::new(shape, rows).expect("rows are as many as the shape says"))
            })),
        });
        let terms = terms.collect();
        let moment = Moment { seed: scene.seed, step: scene.step, dtype, shape: &shape };
        let result = context.step(plan_step, &self.prepared[step], terms, moment)?;
        let result = context.dense_array(result);
        typed!(dtype, T => {
            let elements = <T as Held>::dense(&result).expect("it was made dense").to_vec();
            match out {
                Target::Home(home) => {
                    drop(result);
                    // SAFETY: nobody reads what the step makes before it is done.
                    let out = unsafe { scene.write::<T>(home, span, self.homes[home].len) };
                    out.copy_from_slice(&elements);
                }
                Target::Fold(k) => {
                    let from = <T as Held>::from_vec(elements);
                    folds[k].add((self.folds[k].kind, dtype), &from);
                }
            }
        });
        Ok(())
    }
}
