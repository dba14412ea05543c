//! How a divided plan runs, for people to read.

use std::fmt::{self, Write};

use super::build::{StepArg, Target, Work};
use super::group::Kind;
use super::lane::Place;
use super::place::{Group, Phase};
use super::product::Product;
use super::run::Tiled;
use super::update::Direct;
use super::whole;

impl Tiled {
    /// A line for each piece of work: what it computes (by the plan's values), with how many operations
    /// and how many bytes of the nearer memory it reads and writes, for all rows.
    pub(in crate::cpu) fn listing(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("a string takes everything");
        text
    }

    fn write(&self, text: &mut String) -> fmt::Result {
        let cut = &self.cut;
        let (lanes, lane, tile) = (self.lanes.len(), cut.lane.min(cut.rows), cut.tile);
        writeln!(text, "{} rows: {lanes} × {lane} in lanes, {tile} in a tile", cut.rows)?;
        for (round, phases) in self.phases.iter().enumerate() {
            let fused = |work: &whole::Work| matches!(work, whole::Work::Fused(_));
            // Steps that follow each other share a line; those that are taken together have one of theirs.
            for works in self.wholes[round].chunk_by(|a, b| !fused(a) && !fused(b)) {
                let kind = if works.iter().any(fused) { "fused " } else { "whole " };
                let names: Vec<String> =
                    works.iter().flat_map(whole::Work::steps).map(|s| self.step_name(*s)).collect();
                writeln!(text, "{kind}     {}", names.join(" "))?;
            }
            for (index, (pack, _)) in self.packed.iter().enumerate() {
                if pack.round as usize == round {
                    let kept = self.updates.iter().any(|u| u.direct == Some(Direct::Panels(index)));
                    let when = if kept { "kept in panels" } else { "packed" };
                    writeln!(text, "pack       %{} {pack} {when}", pack.value)?;
                }
            }
            for phase in phases {
                self.phase(text, phase)?;
            }
        }
        for update in &self.updates {
            let name = &self.plan.parameters()[update.of.parameter].decl.name;
            let how = if update.direct.is_some() { " by the product" } else { "" };
            let (alpha, beta) = (update.of.alpha, update.of.beta);
            let old = if beta == 1.0 { name.to_string() } else { format!("{beta}·{name}") };
            let (sign, factor) = if alpha < 0.0 { ("-", -alpha) } else { ("+", alpha) };
            writeln!(text, "update     {name} ← {old} {sign} {factor}·%{}{how}", update.of.addend.0)?;
        }
        Ok(())
    }

    fn phase(&self, text: &mut String, phase: &Phase) -> fmt::Result {
        match phase {
            Phase::Group(group) => self.group(text, group),
            Phase::Tile(Work::Product(product)) => {
                let (operations, bytes) = product.cost(self.cut.rows);
                let cost = format!("{} FLOP, {}", count(operations), size(bytes));
                writeln!(text, "product    {} {product}  {cost}", self.product_name(product))
            }
            Phase::Tile(Work::Step { step, args, .. }) => {
                let rows = args.iter().filter(|a| matches!(a, StepArg::Rows(_))).count();
                writeln!(text, "step       {} of {rows} rows", self.step_name(*step))
            }
            Phase::Tile(Work::Row(_)) => Ok(()),
        }
    }

    fn group(&self, text: &mut String, group: &Group) -> fmt::Result {
        let turned = if group.columns { ", turned" } else { "" };
        let mut names: Vec<String> = vec![];
        for instr in &group.instrs {
            if !matches!(instr.kind, Kind::Turn(..)) {
                names.push(self.step_name(instr.step));
            }
        }
        // A step that takes several operations is named once.
        names.dedup();
        let outside =
            |home: &usize| !matches!(self.homes[*home].place, Place::Slot(_, super::lane::Base::Block));
        let mut homes: Vec<usize> = group.instrs.iter().flat_map(|i| i.kind.inputs()).collect();
        homes.extend(group.instrs.iter().map(|i| i.out).filter(|o| *o != usize::MAX));
        homes.retain(outside);
        homes.sort_unstable();
        homes.dedup();
        let bytes = |home: &usize| {
            let home = &self.homes[*home];
            let rows =
                if matches!(home.place, Place::Whole(_) | Place::Known(_)) { 1 } else { self.cut.rows };
            home.len * home.dtype.bytes() * rows
        };
        let total = homes.iter().map(bytes).sum();
        writeln!(
            text,
            "group      {}  {} rows at a time{turned}, {}",
            names.join(" "),
            group.rows,
            size(total)
        )
    }

    fn product_name(&self, product: &Product) -> String {
        let value = match product.out {
            Target::Fold(fold) => self.folds[fold].value,
            Target::Home(_) => self.plan.steps()[product.step].result.index(),
        };
        format!("%{value}")
    }

    fn step_name(&self, step: usize) -> String {
        let step = &self.plan.steps()[step];
        format!("%{}={}", step.result.0, step.op.name())
    }
}

/// A number of operations.
fn count(n: usize) -> String {
    scaled(n, 1000.0, ["", " k", " M", " G"])
}

/// A number of bytes.
fn size(n: usize) -> String {
    scaled(n, 1024.0, [" B", " KiB", " MiB", " GiB"])
}

fn scaled(n: usize, base: f64, units: [&str; 4]) -> String {
    let mut x = n as f64;
    let mut units = units.into_iter();
    let mut unit = units.next().unwrap_or("");
    for next in units {
        if x < base {
            break;
        }
        (x, unit) = (x / base, next);
    }
    if x < 10.0 && unit != " B" && !unit.is_empty() {
        format!("{x:.1}{unit}")
    } else {
        format!("{x:.0}{unit}")
    }
}
