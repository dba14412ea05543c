//! What a divided plan does, kernel by kernel, with what each has to do.

use std::time::Duration;

use super::build::{StepArg, Target, Work as TileWork};
use super::fused::wanted;
use super::group::{Instr, Kind, Operand};
use super::lane::{Base, Place};
use super::place::{Group, Phase};
use super::product::Product;
use super::run::Tiled;
use super::update::Direct;
use super::watch::Watch;
use super::whole::Work;
use crate::cpu::run::operation;
use crate::profile::{Amount, Kernel, Operation};

/// Bytes of a kernel: of inputs, of other values, and of both at a time.
#[derive(Clone, Copy, Default)]
struct Bytes {
    inputs: usize,
    others: usize,
    footprint: usize,
}

impl Tiled {
    /// Every kernel in order, with its time if there is a watch. Updates that a product makes have none.
    pub(super) fn kernels(&self, watch: Option<&Watch>) -> Vec<Kernel> {
        let mut kernels = vec![];
        for (round, phases) in self.phases.iter().enumerate() {
            let times = watch.map(|w| &w.rounds[round]);
            let mut place = 0;
            let fused = |work: &Work| matches!(work, Work::Fused(_));
            // Steps that follow each other are one kernel; those that are taken together are one of theirs.
            for works in self.wholes[round].chunk_by(|a, b| !fused(a) && !fused(b)) {
                let time = times.map(|t| t.wholes[place..][..works.len()].iter().sum());
                kernels.push(timed(self.wholes_kernel(works), time));
                place += works.len();
            }
            for (index, (pack, _)) in self.packed.iter().enumerate() {
                if pack.round as usize == round {
                    kernels.push(timed(self.pack_kernel(index), times.map(|t| t.packs[index])));
                }
            }
            for (index, phase) in phases.iter().enumerate() {
                let kernel = self.phase_kernel(phase);
                kernels.extend(kernel.map(|k| timed(k, times.map(|t| t.phases[index]))));
            }
            if self.lanes.len() > 1 {
                kernels.extend(self.combining(round).map(|k| timed(k, times.map(|t| t.combine))));
            }
        }
        for (index, update) in self.updates.iter().enumerate() {
            if update.direct.is_none() {
                kernels.push(timed(self.update_kernel(index), watch.map(|w| w.updates[index])));
            }
        }
        kernels
    }

    fn wholes_kernel(&self, works: &[Work]) -> Kernel {
        let fused = works.iter().any(|w| matches!(w, Work::Fused(_)));
        let steps: Vec<usize> = works.iter().flat_map(Work::steps).copied().collect();
        let names: Vec<String> = steps.iter().map(|s| self.step_name(*s)).collect();
        let kind = if fused { "fused" } else { "whole" };
        let mut kernel = kernel(format!("{kind:10} {}", names.join(" ")), Bytes::default());
        for work in works {
            match work {
                Work::Step(_) => kernel.amounts.extend(work.steps().iter().map(|s| self.step_amount(*s))),
                Work::Fused(fused) => {
                    let calls = fused.len().div_ceil(fused.group.rows.max(1));
                    let of = |i: &Instr| Amount { operation: i.operation(), elements: fused.len(), calls };
                    kernel.amounts.extend(fused.group.instrs.iter().map(of));
                }
            }
        }
        let mut values: Vec<usize> = steps.iter().flat_map(|s| self.outside(*s, &steps)).collect();
        values.sort_unstable();
        values.dedup();
        kernel.bytes = values.iter().map(|v| self.bytes_of(*v)).sum();
        kernel.footprint = kernel.bytes;
        kernel
    }

    /// The values that a step reads or makes and that its companions do not keep to themselves.
    fn outside(&self, step: usize, companions: &[usize]) -> Vec<usize> {
        let step = &self.plan.steps()[step];
        let made = |v: dl_core::plan::ValueId| companions.iter().any(|c| self.plan.steps()[*c].result == v);
        let result = wanted(&self.plan, companions).contains(&step.result).then_some(step.result);
        let read = step.args.iter().filter_map(|a| a.value()).filter(|v| !made(*v));
        read.chain(result).map(|v| v.index()).collect()
    }

    fn bytes_of(&self, value: usize) -> usize {
        self.shapes[value].iter().product::<usize>() * self.dtype(value).bytes()
    }

    fn step_amount(&self, step: usize) -> Amount {
        let step = &self.plan.steps()[step];
        let elements = self.shapes[step.result.index()].iter().product();
        Amount { operation: operation(&step.op), elements, calls: 1 }
    }

    fn pack_kernel(&self, index: usize) -> Kernel {
        let pack = &self.packed[index].0;
        let kept = self.updates.iter().any(|u| u.direct == Some(Direct::Panels(index)));
        let when = if kept { "kept in panels" } else { "packed" };
        let elements = if kept { 0 } else { self.rows[pack.value].iter().product() };
        let bytes = elements * self.dtype(pack.value).bytes() * 2;
        let bytes = Bytes { others: bytes, footprint: bytes, ..Bytes::default() };
        let amount = Amount { operation: Operation::Pack, elements, calls: usize::from(!kept) };
        with(kernel(format!("pack       %{} {pack} {when}", pack.value), bytes), amount)
    }

    fn phase_kernel(&self, phase: &Phase) -> Option<Kernel> {
        match phase {
            Phase::Group(group) => Some(self.group_kernel(group)),
            Phase::Tile(TileWork::Product(product)) => Some(self.product_kernel(product)),
            Phase::Tile(TileWork::Step { step, args, .. }) => {
                let rows = args.iter().filter(|a| matches!(a, StepArg::Rows(_))).count();
                let name = format!("step       {} of {rows} rows", self.step_name(*step));
                let kernel = kernel(name, self.bytes(&phase.inputs()));
                Some(with(kernel, self.step_amount(*step)))
            }
            Phase::Tile(TileWork::Row(_)) => None,
        }
    }

    fn product_kernel(&self, product: &Product) -> Kernel {
        let value = match product.out {
            Target::Fold(fold) => self.folds[fold].value,
            Target::Home(_) => self.plan.steps()[product.step].result.index(),
        };
        let cost = product.cost(self.cut.rows);
        let footprint = product.cost(self.cut.tile.min(self.cut.rows)).bytes;
        let bytes = Bytes { inputs: 0, others: cost.bytes, footprint };
        let elements = cost.multiplications;
        let calls = self.tiles_of_lanes();
        let products = self.phases.iter().flatten().filter_map(|phase| match phase {
            Phase::Tile(TileWork::Product(product)) => Some(product),
            _ => None,
        });
        // What one converts, later ones find done, unless it was too much to keep.
        let place = product.converted().filter(|place| {
            let mut same = products.filter(|p| p.converted() == Some(*place));
            let first = same.next().is_some_and(|first| std::ptr::eq(first, product));
            first || !self.converts[*place].by_tiles(&self.cut)
        });
        let kernel = match place {
            None => kernel(format!("product    %{value} {product}"), bytes),
            Some(place) => {
                let convert = &self.converts[place];
                let name = format!("product    {} %{value} {product}", self.step_name(convert.step));
                let inputs = self.bytes(&[convert.from]).inputs;
                let elements = convert.len * self.cut.rows;
                let amount = Amount { operation: Operation::Bytes, elements, calls: self.cut.rows };
                with(kernel(name, Bytes { inputs, ..bytes }), amount)
            }
        };
        let kernel = with(kernel, Amount { operation: Operation::Multiply, elements, calls });
        match product.packs(self.cut.rows) {
            0 => kernel,
            elements => with(kernel, Amount { operation: Operation::Pack, elements, calls }),
        }
    }

    /// How many tiles there are in all.
    fn tiles_of_lanes(&self) -> usize {
        self.lanes.len() * self.cut.lane.div_ceil(self.cut.tile.max(1))
    }

    fn group_kernel(&self, group: &Group) -> Kernel {
        let mut names: Vec<String> = vec![];
        for instr in &group.instrs {
            if !matches!(instr.kind, Kind::Turn(..)) {
                names.push(self.step_name(instr.step));
            }
        }
        // A step that takes several operations is named once.
        names.dedup();
        let turned = if group.columns { ", turned" } else { "" };
        let name = format!("group      {}  {} rows at a time{turned}", names.join(" "), group.rows);
        let in_blocks = |home: &usize| matches!(self.homes[*home].place, Place::Slot(_, Base::Block));
        let mut homes: Vec<usize> = group.instrs.iter().flat_map(|i| i.kind.inputs()).collect();
        homes.extend(group.instrs.iter().map(|i| i.out).filter(|o| *o != usize::MAX));
        homes.retain(|home| !in_blocks(home));
        homes.sort_unstable();
        homes.dedup();
        let mut kernel = kernel(name, self.bytes(&homes));
        kernel.amounts = group.instrs.iter().map(|i| self.instr_amount(i, group)).collect();
        kernel
    }

    fn bytes(&self, homes: &[usize]) -> Bytes {
        let mut bytes = Bytes::default();
        for home in homes {
            let home = &self.homes[*home];
            let row = home.len * home.dtype.bytes();
            match home.place {
                Place::Whole(_) | Place::Known(_) => {
                    bytes.others += row;
                    bytes.footprint += row;
                }
                place => {
                    let sum =
                        if matches!(place, Place::Input(_)) { &mut bytes.inputs } else { &mut bytes.others };
                    *sum += row * self.cut.rows;
                    bytes.footprint += row * self.cut.tile.min(self.cut.rows);
                }
            }
        }
        bytes
    }

    fn instr_amount(&self, instr: &Instr, group: &Group) -> Amount {
        let rows = self.cut.rows;
        let blocks = self.tiles_of_lanes() * self.cut.tile.div_ceil(group.rows.max(1));
        let lines = if group.columns { blocks * instr.len } else { rows };
        let row = match instr.kind {
            Kind::Reduce(_, _, run) => instr.len * run,
            Kind::Fold(_, x, _) => self.homes[x].len,
            _ => instr.len,
        };
        let calls = if instr.by_lines(group.columns) { lines } else { blocks };
        Amount { operation: instr.operation(), elements: rows * row, calls }
    }

    /// Combining what the lanes of a round fold to; `None` if they fold nothing.
    fn combining(&self, round: usize) -> Option<Kernel> {
        let made = self.folds.iter().filter(|f| f.round as usize == round);
        let values: Vec<usize> = made.map(|f| f.value).collect();
        let names: Vec<String> = values.iter().map(|v| format!("%{v}")).collect();
        let others = (self.lanes.len() - 1) * values.iter().map(|v| 3 * self.bytes_of(*v)).sum::<usize>();
        let bytes = Bytes { inputs: 0, others, footprint: others };
        let elements = values.iter().map(|v| self.shapes[*v].iter().product::<usize>()).sum::<usize>();
        let calls = values.len() * (self.lanes.len() - 1);
        let amount =
            Amount { operation: Operation::Reduce, elements: elements * (self.lanes.len() - 1), calls };
        (!values.is_empty()).then(|| with(kernel(format!("combine    {}", names.join(" ")), bytes), amount))
    }

    fn update_kernel(&self, index: usize) -> Kernel {
        let value = self.updates[index].of.addend.index();
        let others = 3 * self.bytes_of(value);
        let bytes = Bytes { inputs: 0, others, footprint: others };
        let elements = self.shapes[value].iter().product();
        let multiply = Amount { operation: Operation::Binary(dl_core::ops::Binary::Add), elements, calls: 1 };
        with(kernel(format!("update     {}", self.update_text(index)), bytes), multiply)
    }

    /// An update as a formula.
    pub(super) fn update_text(&self, index: usize) -> String {
        let update = &self.updates[index];
        let name = &self.plan.parameters()[update.of.parameter].decl.name;
        let (alpha, beta) = (update.of.alpha, update.of.beta);
        let old = if beta == 1.0 { name.to_string() } else { format!("{beta}·{name}") };
        let (sign, factor) = if alpha < 0.0 { ("-", -alpha) } else { ("+", alpha) };
        format!("{name} ← {old} {sign} {factor}·%{}", update.of.addend.0)
    }

    fn step_name(&self, step: usize) -> String {
        let step = &self.plan.steps()[step];
        format!("%{}={}", step.result.0, step.op.name())
    }
}

fn kernel(name: String, bytes: Bytes) -> Kernel {
    Kernel {
        name,
        amounts: vec![],
        input_bytes: bytes.inputs,
        bytes: bytes.others,
        footprint: bytes.footprint,
        seconds: 0.0,
    }
}

fn with(mut kernel: Kernel, amount: Amount) -> Kernel {
    kernel.amounts.push(amount);
    kernel
}

fn timed(kernel: Kernel, time: Option<Duration>) -> Kernel {
    Kernel { seconds: time.map_or(0.0, |t| t.as_secs_f64()), ..kernel }
}

impl Instr {
    fn operation(&self) -> Operation {
        match &self.kind {
            Kind::Unary(op, _) => Operation::Unary(*op),
            Kind::Binary(op, ..) => Operation::Binary(*op),
            Kind::Select(..) => Operation::Select,
            Kind::Cast(..) => Operation::Cast,
            Kind::Bytes(..) => Operation::Bytes,
            Kind::Copy(_) | Kind::Turn(..) | Kind::Gather(..) | Kind::Concat(_) | Kind::Count { .. } => {
                Operation::Move
            }
            Kind::Reduce(..) | Kind::Fold(..) => Operation::Reduce,
            Kind::Random(_) => Operation::Random,
            Kind::Pick { .. } | Kind::Lookup { .. } | Kind::Place { .. } | Kind::Scatter { .. } => {
                Operation::Index
            }
        }
    }

    /// Whether it takes its lines one by one.
    fn by_lines(&self, columns: bool) -> bool {
        let line = |x: &Operand| matches!(x, Operand::PerRow(_) | Operand::SameRow(_));
        match &self.kind {
            Kind::Unary(_, x) | Kind::Cast(_, x) | Kind::Copy(x) => line(x),
            Kind::Binary(_, _, x, y) => line(x) || line(y),
            Kind::Select(c, a, b) => line(c) || line(a) || line(b),
            Kind::Reduce(..) | Kind::Fold(..) | Kind::Turn(..) | Kind::Gather(..) => true,
            _ => columns,
        }
    }
}
