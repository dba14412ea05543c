//! What a divided plan does, kernel by kernel, with what each has to do.

use std::time::Duration;

use dl_core::DType;
use dl_core::ops::{Binary, Reduce};

use super::BLOCK;
use super::build::{StepArg, Target, Work as TileWork};
use super::fused::wanted;
use super::group::{Instr, Kind, Operand};
use super::lane::{Base, Place};
use super::place::{Group, Phase};
use super::product::Product;
use super::run::Tiled;
use super::together::PARTS;
use super::update::Direct;
use super::watch::Watch;
use super::whole::Work;
use crate::cpu::lanes::CHUNK;
use crate::cpu::matmul::Sizes;
use crate::cpu::run::operation;
use crate::cpu::team::Team;
use crate::profile::{Amount, Kernel, Operation};

/// Bytes of a kernel: of inputs, of other values, and of both at a time.
#[derive(Clone, Copy, Default)]
struct Bytes {
    inputs: usize,
    others: usize,
    footprint: usize,
    far: usize,
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
                let kernel = self.phase_kernel(phase).map(|kernel| self.by_tiles(kernel));
                kernels.extend(kernel.map(|k| timed(k, times.map(|t| t.phases[index]))));
            }
            if self.together() > 1 && !phases.is_empty() {
                let name = "wait       for the threads that have a lane".to_owned();
                let amount = self.amount(Operation::Wait, self.lanes.len(), 1);
                let kernel = with(kernel(name, Bytes::default()), amount);
                kernels.push(timed(kernel, times.map(|t| t.wait)));
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
        // What is done once a run.
        for kernel in kernels.iter_mut().filter(|k| k.distance == 0) {
            kernel.distance = self.distance();
            kernel.footprint = self.whole_bytes() + self.lanes.len() * self.fold_bytes();
        }
        kernels
    }

    /// Bytes that a run touches.
    pub(super) fn distance(&self) -> usize {
        let inputs = self.plan.inputs().iter().map(|i| self.bytes_of(i.value.index()));
        let tiles = self.lanes.len() * (self.tile_bytes() + self.fold_bytes());
        tiles + self.whole_bytes() + inputs.sum::<usize>()
    }

    /// Bytes of a lane's rows that a tile touches, with those of inputs.
    fn tile_bytes(&self) -> usize {
        let rows = self
            .homes
            .iter()
            .filter(|h| matches!(h.place, Place::Input(_) | Place::Slot(_, Base::Tile | Base::Lane)));
        let row: usize = rows.map(|h| h.len * h.dtype.bytes()).sum::<usize>()
            + self.converts.iter().map(|c| c.row_bytes()).sum::<usize>();
        row * self.cut.tile.min(self.cut.rows)
    }

    /// Bytes of a lane's sums.
    fn fold_bytes(&self) -> usize {
        self.folds.iter().map(|f| self.bytes_of(f.value)).sum()
    }

    /// Bytes of parameters, as they lie and in panels.
    fn whole_bytes(&self) -> usize {
        let parameters = self.plan.parameters().iter().filter_map(|p| p.value.or(p.update));
        let packed = self.packed.iter().map(|(pack, _)| pack.len(&self.kernels) * DType::F32.bytes());
        parameters.map(|v| self.bytes_of(v.index())).chain(packed).sum()
    }

    /// Done tile by tile.
    fn by_tiles(&self, kernel: Kernel) -> Kernel {
        // From tile to tile, the lane's sums and all whole values are touched, too.
        let distance = self.tile_bytes() + self.fold_bytes() + self.whole_bytes();
        let parts = self.tiles_of_lanes();
        let kernel = Kernel { parts, distance, ..kernel };
        // Threads that share a lane wait for each other in every kernel.
        match self.lanes.len() == 1 && kernel.threads > 1 {
            true => with(kernel, one(Operation::Wait, 0, parts)),
            false => kernel,
        }
    }

    fn wholes_kernel(&self, works: &[Work]) -> Kernel {
        let fused = works.iter().any(|w| matches!(w, Work::Fused(_)));
        let steps: Vec<usize> = works.iter().flat_map(Work::steps).copied().collect();
        let names: Vec<String> = steps.iter().map(|s| self.step_name(*s)).collect();
        let kind = if fused { "fused" } else { "whole" };
        let mut kernel = kernel(format!("{kind:10} {}", names.join(" ")), Bytes::default());
        for work in works {
            match work {
                Work::Step(whole) => {
                    let threads = if whole.large { self.threads } else { 1 };
                    let own = Amount { threads, ..self.step_amount(whole.step) };
                    kernel.amounts.extend([own, one(Operation::Step, 1, 1)]);
                }
                Work::Fused(fused) => {
                    let (elements, calls) = (fused.len(), fused.len().div_ceil(fused.group.rows.max(1)));
                    let threads = if elements > CHUNK { self.members() } else { 1 };
                    let of = |i: &Instr| Amount { threads, ..one(i.operation(), elements, calls) };
                    kernel.amounts.extend(fused.group.amounts(of));
                    kernel.amounts.push(one(Operation::Step, 1, 1));
                }
            }
        }
        kernel.threads = kernel.amounts.iter().map(|a| a.threads).max().unwrap_or(1);
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
        let elements = |v: usize| self.shapes[v].iter().product::<usize>();
        let result = elements(step.result.index());
        match operation(&step.op) {
            Operation::Reduce => {
                let read = step.args.iter().filter_map(|a| a.value()).map(|v| elements(v.index()));
                one(Operation::Reduce, read.max().unwrap_or(0), result)
            }
            operation => one(operation, result, 1),
        }
    }

    fn pack_kernel(&self, index: usize) -> Kernel {
        let pack = &self.packed[index].0;
        let kept = self.updates.iter().any(|u| u.direct == Some(Direct::Panels(index)));
        let when = if kept { "kept in panels" } else { "packed" };
        let (rows, columns, turned) = pack.sizes();
        let elements = if kept { 0 } else { rows * columns };
        let bytes = elements * self.dtype(pack.value).bytes() * 2;
        let bytes = Bytes { others: bytes, footprint: bytes, ..Bytes::default() };
        let operation = if turned { Operation::PackTurned } else { Operation::Pack };
        let lines = if kept { 0 } else { rows * columns.div_ceil(self.kernels.panel()) };
        let amount = one(operation, elements, lines);
        with(kernel(format!("pack       %{} {pack} {when}", pack.value), bytes), amount)
    }

    fn phase_kernel(&self, phase: &Phase) -> Option<Kernel> {
        match phase {
            Phase::Group(group) => Some(self.group_kernel(group)),
            Phase::Tile(TileWork::Product(product)) => Some(self.product_kernel(product)),
            Phase::Tile(TileWork::Step { step, args, .. }) => {
                let rows = args.iter().filter(|a| matches!(a, StepArg::Rows(_))).count();
                let name = format!("step       {} of {rows} rows", self.step_name(*step));
                let kernel = Kernel { threads: self.together(), ..kernel(name, self.bytes(&phase.inputs())) };
                let own = Amount { threads: self.together(), ..self.step_amount(*step) };
                Some(with(with(kernel, own), self.amount(Operation::Step, 1, self.tiles_of_lanes())))
            }
            Phase::Tile(TileWork::Row(_)) => None,
        }
    }

    fn product_kernel(&self, product: &Product) -> Kernel {
        let value = match product.out {
            Target::Fold(fold) => self.folds[fold].value,
            Target::Home(_) => self.plan.steps()[product.step].result.index(),
        };
        let (tiles, tile) = (self.tiles_of_lanes(), self.cut.tile.min(self.cut.rows));
        let (cost, sizes) = (product.cost(), product.sizes(tile));
        // Sums that go from tile to tile are read and written in each; the first only writes them.
        let times = match product.out {
            Target::Home(_) => tiles,
            Target::Fold(_) if product.scale.1 == 0.0 => 2 * tiles - self.lanes.len(),
            Target::Fold(_) => 2 * tiles,
        };
        let others = cost.row * self.cut.rows + cost.whole * times;
        let result = match product.out {
            Target::Home(home) => self.bytes(&[home]).others,
            Target::Fold(_) => 0,
        };
        // Whole matrices and the buffers of results are as the last tile left them.
        let far = cost.whole * times + result;
        let bytes = Bytes { inputs: 0, others, footprint: cost.row * tile + cost.whole, far };
        let together = match self.lanes.len() {
            1 if product.dtype == DType::F32 => self.kernels.share(sizes, self.members()).parts,
            _ => self.together(),
        };
        let Sizes { m, n, k } = product.sizes(self.cut.rows);
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
                let calls = tiles * tile.div_ceil((BLOCK / convert.len.max(1)).max(1));
                // Threads that share a product have each a copy.
                with(kernel(name, Bytes { inputs, ..bytes }), self.amount(Operation::Bytes, elements, calls))
            }
        };
        let multiply = Amount { threads: together, ..one(Operation::Multiply, m * n * k, tiles) };
        let kernel = Kernel {
            product: Some([sizes.m, sizes.n, sizes.k]),
            threads: together,
            ..with(kernel, multiply)
        };
        match product.packs(self.cut.rows) {
            (0, _) => kernel,
            (rows, columns) => {
                let lines = rows * columns.div_ceil(self.kernels.panel());
                with(kernel, self.amount(Operation::Pack, rows * columns, lines))
            }
        }
    }

    /// An amount of which every lane has its part.
    fn amount(&self, operation: Operation, elements: usize, calls: usize) -> Amount {
        Amount { threads: self.together(), ..one(operation, elements, calls) }
    }

    /// How many tiles there are in all.
    fn tiles_of_lanes(&self) -> usize {
        self.lanes.len() * self.cut.lane.div_ceil(self.cut.tile.max(1))
    }

    fn group_kernel(&self, group: &Group) -> Kernel {
        let steps = group.instrs.iter().filter(|i| !matches!(i.kind, Kind::Turn(..))).map(|i| i.step);
        // In the plan's order, whatever that of the bodies is; a step that takes several operations is named
        // once.
        let mut steps: Vec<usize> = steps.collect();
        steps.sort_unstable();
        steps.dedup();
        let names: Vec<String> = steps.into_iter().map(|step| self.step_name(step)).collect();
        let turned = if group.columns { ", turned" } else { "" };
        let name = format!("group      {}  {} rows at a time{turned}", names.join(" "), group.rows);
        let in_blocks =
            |home: &usize| matches!(self.homes[*home].place, Place::Slot(_, Base::Block) | Place::Open);
        let mut homes: Vec<usize> = group.instrs.iter().flat_map(|i| i.kind.inputs()).collect();
        homes.extend(group.instrs.iter().map(|i| i.out).filter(|o| *o != usize::MAX));
        homes.retain(|home| !in_blocks(home));
        homes.sort_unstable();
        homes.dedup();
        let made: Vec<usize> =
            homes.iter().copied().filter(|h| group.instrs.iter().any(|i| i.out == *h)).collect();
        let bytes = Bytes { far: self.bytes(&made).others, ..self.bytes(&homes) };
        let threads = match self.lanes.len() {
            1 => group.sharers(self.cut.tile, PARTS, self.members()),
            _ => self.together(),
        };
        let amounts = group.amounts(|i| Amount { threads, ..self.instr_amount(i, group) });
        Kernel { threads, amounts, ..kernel(name, bytes) }
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
        let lines = |len: usize| if group.columns { blocks * len } else { rows };
        let (operation, row, calls) = match instr.kind {
            Kind::Reduce(kind, _, run) if group.columns => {
                (combining(kind), instr.len * run, blocks * instr.len * run)
            }
            Kind::Reduce(_, _, run) => (Operation::Reduce, instr.len * run, rows * instr.len),
            Kind::Fold(kind, x, _) => match self.homes[x].len {
                len if len > 1 && !group.columns => (combining(kind), len, rows),
                len => (Operation::Reduce, len, blocks * len),
            },
            Kind::Lookup { width, .. } => (Operation::Move, instr.len, rows * instr.len / width.max(1)),
            Kind::Place { ref index, .. } => (Operation::Index, index.row.iter().product(), blocks),
            Kind::Scatter { ref index, width, .. } => {
                let count: usize = index.row.iter().product();
                (combining(Reduce::Sum), count * width, rows * count)
            }
            _ if instr.by_lines(group.columns) => (instr.operation(), instr.len, lines(instr.len)),
            _ => (instr.operation(), instr.len, blocks),
        };
        self.amount(operation, rows * row, calls)
    }

    /// Combining what the lanes of a round fold to; `None` if they fold nothing.
    fn combining(&self, round: usize) -> Option<Kernel> {
        let made: Vec<_> = self.folds.iter().filter(|f| f.round as usize == round).collect();
        let names: Vec<String> = made.iter().map(|f| format!("%{}", f.value)).collect();
        let times = self.lanes.len() - 1;
        let bytes: usize = made.iter().map(|f| self.bytes_of(f.value)).sum();
        let bytes = Bytes { others: 3 * times * bytes, ..Bytes::default() };
        let mut kernel = kernel(format!("combine    {}", names.join(" ")), bytes);
        for fold in &made {
            let elements = self.shapes[fold.value].iter().product();
            let threads = Team::sharers(elements, self.members());
            let operation = combining(fold.kind);
            kernel.amounts.push(Amount { threads, ..one(operation, times * elements, times) });
            kernel.threads = kernel.threads.max(threads);
        }
        (!made.is_empty()).then_some(kernel)
    }

    fn update_kernel(&self, index: usize) -> Kernel {
        let value = self.updates[index].of.addend.index();
        let others = 3 * self.bytes_of(value);
        let bytes = Bytes { others, footprint: others, ..Bytes::default() };
        let elements = self.shapes[value].iter().product();
        let threads = Team::sharers(elements, self.members());
        let amount = Amount { threads, ..one(Operation::Accumulate, elements, 1) };
        let kernel = kernel(format!("update     {}", self.update_text(index)), bytes);
        Kernel { threads, far: self.bytes_of(value), ..with(kernel, amount) }
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
        product: None,
        input_bytes: bytes.inputs,
        bytes: bytes.others,
        footprint: bytes.footprint,
        far: bytes.far,
        parts: 1,
        distance: 0,
        threads: 1,
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

/// Of one thread.
fn one(operation: Operation, elements: usize, calls: usize) -> Amount {
    Amount { operation, elements, calls, threads: 1, in_registers: false }
}

/// What brings two parts of a reduction together.
fn combining(kind: Reduce) -> Operation {
    Operation::Binary(match kind {
        Reduce::Sum => Binary::Add,
        Reduce::Prod => Binary::Mul,
        Reduce::Max => Binary::Max,
        Reduce::Min => Binary::Min,
    })
}

impl Group {
    /// What each operation is an amount of, in one call where several are a body.
    fn amounts(&self, of: impl Fn(&Instr) -> Amount) -> Vec<Amount> {
        let mut amounts = vec![];
        for unit in self.units() {
            for (i, instr) in self.instrs[unit.range.clone()].iter().enumerate() {
                let amount = of(instr);
                let calls = if i == 0 { amount.calls } else { 0 };
                amounts.push(Amount { calls, in_registers: unit.body.is_some(), ..amount });
            }
        }
        amounts
    }
}

impl Instr {
    fn operation(&self) -> Operation {
        match &self.kind {
            Kind::Unary(op, _) => Operation::Unary(*op),
            Kind::Binary(op, ..) => Operation::Binary(*op),
            Kind::Select(..) => Operation::Select,
            Kind::Cast(..) => Operation::Cast,
            Kind::Bytes(..) => Operation::Bytes,
            Kind::Copy(_) | Kind::Count { .. } => Operation::Move,
            Kind::Turn(..) | Kind::Gather(..) | Kind::Concat(_) => Operation::Turn,
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
            // Whole columns are copied.
            Kind::Gather(..) => columns,
            _ => false,
        }
    }
}
