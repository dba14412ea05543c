//! The kernels of a compiled schedule, each with its operations, bytes and time.

use std::time::Duration;

use dl_core::DType;
use dl_core::schedule::{self, BufferId, KernelId};

use super::BLOCK;
use super::amounts::combining;
use super::data::home::Target;
use super::data::home::{Base, Place};
use super::data::instr::{Instr, Kind};
use super::data::phase::{Argument, Group, Loop, OpaqueStep, Phase};
use super::data::product::Product;
use super::run::group::PARTS;
use super::run::update::Direct;
use super::run::watch::Watch;
use super::run::whole::{Whole, Work};
use super::tiled::Tiled;
use crate::cpu::loops::CHUNK;
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
        for (stage, phases) in self.phases.iter().enumerate() {
            let times = watch.map(|w| &w.stages[stage]);
            let mut place = 0;
            let fused = |work: &Work| matches!(work, Work::Fused(_));
            // Steps that follow each other are listed as one kernel; a fused kernel is listed by itself.
            for works in self.wholes[stage].chunk_by(|a, b| !fused(a) && !fused(b)) {
                let time = times.map(|t| t.wholes[place..][..works.len()].iter().sum());
                kernels.push(timed(self.wholes_kernel(works), time));
                place += works.len();
            }
            for (index, (pack, _)) in self.packed.iter().enumerate() {
                if pack.stage == stage {
                    kernels.push(timed(self.pack_kernel(index), times.map(|t| t.packs[index])));
                }
            }
            for (index, phase) in phases.iter().enumerate() {
                let kernel = self.by_tiles(self.phase_kernel(phase));
                kernels.push(timed(kernel, times.map(|t| t.phases[index])));
            }
            if self.together() > 1 && !phases.is_empty() {
                let name = "wait       for the threads that have a shard".to_owned();
                let amount = self.amount(Operation::Wait, self.shards.len(), 1);
                let kernel = with(kernel(name, Bytes::default()), amount);
                kernels.push(timed(kernel, times.map(|t| t.wait)));
            }
            if self.shards.len() > 1 {
                kernels.extend(self.combining(stage).map(|k| timed(k, times.map(|t| t.combine))));
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
            kernel.footprint = self.whole_bytes() + self.shards.len() * self.fold_bytes();
        }
        kernels
    }

    /// Bytes that a run touches.
    pub(super) fn distance(&self) -> usize {
        let inputs = self.schedule.plan().inputs().iter().map(|i| self.bytes_of(i.value.index()));
        let tiles = self.shards.len() * (self.tile_bytes() + self.fold_bytes());
        tiles + self.whole_bytes() + inputs.sum::<usize>()
    }

    /// Bytes of a shard's rows that a tile touches, with those of inputs.
    fn tile_bytes(&self) -> usize {
        let rows = self
            .lowered
            .homes
            .iter()
            .filter(|h| matches!(h.place, Place::Input(_) | Place::Slot(_, Base::Tile | Base::Shard)));
        let row: usize = rows.map(|h| h.len * h.dtype.bytes()).sum::<usize>()
            + self.converts.iter().map(|c| c.row_bytes()).sum::<usize>();
        row * self.tiling.tile.min(self.tiling.rows)
    }

    /// Bytes of a shard's sums.
    fn fold_bytes(&self) -> usize {
        self.lowered.folds.iter().map(|f| self.bytes_of(f.value)).sum()
    }

    /// Bytes of parameters, as they lie and in panels.
    fn whole_bytes(&self) -> usize {
        let parameters = self.schedule.plan().parameters().iter().filter_map(|p| p.value.or(p.update));
        let packed = self.packed.iter().map(|(pack, _)| pack.len(&self.kernels) * DType::F32.bytes());
        parameters.map(|v| self.bytes_of(v.index())).chain(packed).sum()
    }

    /// Done tile by tile.
    fn by_tiles(&self, kernel: Kernel) -> Kernel {
        // From tile to tile, the shard's sums and all whole values are touched, too.
        let distance = self.tile_bytes() + self.fold_bytes() + self.whole_bytes();
        let parts = self.tiles_of_shards();
        let kernel = Kernel { parts, distance, ..kernel };
        // Threads that share a shard wait for each other in every kernel.
        match self.shards.len() == 1 && kernel.threads > 1 {
            true => with(kernel, one(Operation::Wait, 0, parts)),
            false => kernel,
        }
    }

    fn wholes_kernel(&self, works: &[Work]) -> Kernel {
        let fused = works.iter().any(|w| matches!(w, Work::Fused(_)));
        let steps: Vec<usize> = works.iter().flat_map(Work::steps).copied().collect();
        let names: Vec<String> = steps.iter().map(|s| self.step_name(*s)).collect();
        let kind = if fused && steps.len() > 1 { "fused" } else { "whole" };
        let mut kernel = kernel(format!("{kind:10} {}", names.join(" ")), Bytes::default());
        for work in works {
            match work {
                Work::Step(whole) => {
                    let threads = if whole.large { self.threads } else { 1 };
                    let own = Amount { threads, ..self.whole_amount(whole) };
                    // One whose value is known finds nothing and calls nothing.
                    let calls = usize::from(whole.prepared.value.is_none());
                    kernel.amounts.extend([own, one(Operation::Step, 1, calls)]);
                }
                Work::Fused(fused) => {
                    let (elements, calls) = (fused.len(), fused.len().div_ceil(fused.group.rows.max(1)));
                    let threads = if elements > CHUNK { self.members() } else { 1 };
                    let of =
                        |i: &Instr| Amount { threads, ..one(i.operation(), elements * i.work.terms, calls) };
                    kernel.amounts.extend(fused.group.amounts(of));
                    kernel.amounts.push(one(Operation::Body, 1, 1));
                    kernel.code += fused.group.code_bytes();
                }
            }
        }
        kernel.threads = kernel.amounts.iter().map(|a| a.threads).max().unwrap_or(1);
        let cost = |work: &Work| self.schedule.cost(self.schedule.kernel(work.kernel()));
        kernel.operations = works.iter().map(|work| cost(work).operations).sum();
        kernel.bytes = self.outside(works).into_iter().map(|b| self.schedule.bytes(b)).sum();
        kernel.footprint = kernel.bytes;
        kernel
    }

    /// The buffers that kernels read or write and that they do not keep to themselves.
    fn outside(&self, works: &[Work]) -> Vec<BufferId> {
        let ids: Vec<KernelId> = works.iter().map(Work::kernel).collect();
        let touched = ids.iter().map(|id| self.schedule.kernel(*id));
        let mut buffers: Vec<BufferId> = touched.flat_map(|k| [k.reads(), k.writes()].concat()).collect();
        buffers.sort_unstable();
        buffers.dedup();
        let inside = |id: Option<KernelId>| id.is_some_and(|id| ids.contains(&id));
        buffers.retain(|buffer| {
            let lifetime = self.schedule.buffer(*buffer).lifetime;
            !(inside(lifetime.from) && inside(lifetime.until))
        });
        buffers
    }

    fn bytes_of(&self, value: usize) -> usize {
        self.schedule.shapes()[value].iter().product::<usize>() * self.dtype(value).bytes()
    }

    fn whole_amount(&self, whole: &Whole) -> Amount {
        match self.schedule.kernel(whole.kernel) {
            schedule::Kernel::Product(product) => {
                let schedule::Sizes { m, k, n } = product.sizes;
                let count = product.count(1);
                one(Operation::Multiply, m * k * n * count, count)
            }
            schedule::Kernel::Opaque(opaque) => self.step_amount(whole.step, self.schedule.terms(opaque)),
            schedule::Kernel::Pointwise(_) | schedule::Kernel::Loop(_) => {
                unreachable!("bodies are fused kernels, and loops go by rows")
            }
        }
    }

    /// A step that goes through so many elements.
    fn step_amount(&self, step: usize, terms: usize) -> Amount {
        let step = &self.schedule.plan().steps()[step];
        match operation(&step.op) {
            Operation::Reduce => {
                let results = self.schedule.shape(step.result).iter().product();
                one(Operation::Reduce, terms, results)
            }
            operation => one(operation, terms, 1),
        }
    }

    fn pack_kernel(&self, index: usize) -> Kernel {
        let pack = &self.packed[index].0;
        let kept = self.updates.iter().any(|u| u.direct == Some(Direct::Panels(index)));
        let when = if kept { "kept in panels" } else { "packed" };
        let (rows, columns, turned) = match pack.sizes() {
            // As it lies in its panel.
            (rows, 1, turned) => (1, rows, turned),
            sizes => sizes,
        };
        let elements = if kept { 0 } else { rows * columns };
        let bytes = elements * self.dtype(pack.value).bytes() * 2;
        let bytes = Bytes { others: bytes, footprint: bytes, ..Bytes::default() };
        let operation = if turned { Operation::PackTransposed } else { Operation::Pack };
        let lines = if kept { 0 } else { rows * columns.div_ceil(self.kernels.panel()) };
        let amount = one(operation, elements, lines);
        with(kernel(format!("pack       %{} {pack} {when}", pack.value), bytes), amount)
    }

    fn phase_kernel(&self, phase: &Phase) -> Kernel {
        match phase {
            Phase::Group(group) => self.group_kernel(group),
            Phase::Product(product) => self.product_kernel(product),
            Phase::Loop(looped) => self.loop_kernel(looped),
            Phase::Opaque(OpaqueStep { step, args, work, .. }) => {
                let rows = args.iter().filter(|a| matches!(a, Argument::Rows(_))).count();
                let name = format!("step       {} of {rows} rows", self.step_name(*step));
                let (threads, operations) = (self.together(), work.operations);
                let kernel = Kernel { threads, operations, ..kernel(name, self.bytes(&phase.inputs())) };
                let own = Amount { threads, ..self.step_amount(*step, work.terms) };
                with(with(kernel, own), self.amount(Operation::Step, 1, self.tiles_of_shards()))
            }
        }
    }

    /// A loop as one kernel: what a step does, as many times as there are steps.
    fn loop_kernel(&self, looped: &Loop) -> Kernel {
        let inside: Vec<Kernel> = looped.phases.iter().map(|phase| self.phase_kernel(phase)).collect();
        let parts: Vec<&str> = inside.iter().map(|k| k.name.split("  ").next().unwrap_or(&k.name)).collect();
        let step = self.step_name(looped.step);
        let name = format!("loop       {step}  {} steps of {}", looped.length, parts.join(", "));
        let taken: Vec<usize> = looped.taken().chain(looped.kept()).map(|taken| taken.all).collect();
        let mut whole = kernel(name, self.bytes(&taken));
        for kernel in &inside {
            let times = |a: &Amount| Amount {
                elements: a.elements * looped.length,
                calls: a.calls * looped.length,
                ..*a
            };
            whole.amounts.extend(kernel.amounts.iter().map(times));
            whole.operations += kernel.operations * looped.length;
            whole.threads = whole.threads.max(kernel.threads);
            whole.code += kernel.code;
        }
        let moved: usize = taken.iter().map(|home| self.lowered.homes[*home].len * self.tiling.rows).sum();
        let calls = taken.len() * looped.length * self.tiling.rows;
        with(whole, self.amount(Operation::Move, moved, calls))
    }

    fn product_kernel(&self, product: &Product) -> Kernel {
        let value = match product.out {
            Target::Fold(fold) => self.lowered.folds[fold].value,
            Target::Home(_) => self.schedule.plan().steps()[product.step].result.index(),
        };
        let (tiles, tile) = (self.tiles_of_shards(), self.tiling.tile.min(self.tiling.rows));
        let (cost, sizes) = (product.cost(), product.sizes(tile));
        // Sums that go from tile to tile are read and written in each; the first only writes them.
        let times = match product.out {
            Target::Home(_) => tiles,
            Target::Fold(_) if product.scale.1 == 0.0 => 2 * tiles - self.shards.len(),
            Target::Fold(_) => 2 * tiles,
        };
        let others = cost.row * self.tiling.rows + cost.whole * times;
        let result = match product.out {
            Target::Home(home) => self.bytes(&[home]).others,
            Target::Fold(_) => 0,
        };
        // Whole matrices and the buffers of results are as the last tile left them.
        let far = cost.whole * times + result;
        let bytes = Bytes { inputs: 0, others, footprint: cost.row * tile + cost.whole, far };
        let together = match self.shards.len() {
            1 if product.dtype == DType::F32 => self.kernels.share(sizes, self.members()).parts,
            _ => self.together(),
        };
        let Sizes { m, n, k } = product.sizes(self.tiling.rows);
        let products = self.phases.iter().flatten().filter_map(|phase| match phase {
            Phase::Product(product) => Some(product),
            _ => None,
        });
        // What one converts, later ones find done, unless it was too much to keep.
        let place = product.converted().filter(|place| {
            let mut same = products.filter(|p| p.converted() == Some(*place));
            let first = same.next().is_some_and(|first| std::ptr::eq(first, product));
            first || !self.converts[*place].by_tiles(&self.tiling)
        });
        let kernel = match place {
            None => kernel(format!("product    %{value} {product}"), bytes),
            Some(place) => {
                let convert = &self.converts[place];
                let name = format!("product    {} %{value} {product}", self.step_name(convert.step));
                let inputs = self.bytes(&[convert.from]).inputs;
                let elements = convert.work.terms * self.tiling.rows;
                let calls = tiles * tile.div_ceil((BLOCK / convert.len.max(1)).max(1));
                let kernel = Kernel {
                    operations: convert.work.operations * self.tiling.rows,
                    ..kernel(name, Bytes { inputs, ..bytes })
                };
                // Threads that share a product have each a copy.
                with(kernel, self.amount(Operation::Bytes, elements, calls))
            }
        };
        let multiply = Amount { threads: together, ..one(Operation::Multiply, m * n * k, tiles) };
        let kernel = Kernel {
            product: Some([sizes.m, sizes.n, sizes.k]),
            operations: kernel.operations + 2 * m * n * k,
            threads: together,
            ..with(kernel, multiply)
        };
        match product.packs(self.tiling.rows, &self.kernels) {
            (0, _) => kernel,
            (rows, columns) => {
                let lines = rows * columns.div_ceil(self.kernels.panel());
                with(kernel, self.amount(Operation::Pack, rows * columns, lines))
            }
        }
    }

    /// An amount of which every shard has its part.
    pub(super) fn amount(&self, operation: Operation, elements: usize, calls: usize) -> Amount {
        Amount { threads: self.together(), ..one(operation, elements, calls) }
    }

    /// How many tiles there are in all.
    pub(super) fn tiles_of_shards(&self) -> usize {
        self.shards.len() * self.tiling.shard.div_ceil(self.tiling.tile.max(1))
    }

    fn group_kernel(&self, group: &Group) -> Kernel {
        let steps = group.instrs.iter().filter(|i| !matches!(i.kind, Kind::Transpose(..))).map(|i| i.step);
        // In the plan's order, whatever that of the bodies is; a step that takes several operations is named
        // once.
        let mut steps: Vec<usize> = steps.collect();
        steps.sort_unstable();
        steps.dedup();
        let names: Vec<String> = steps.into_iter().map(|step| self.step_name(step)).collect();
        let transposed = if group.transposed { ", transposed" } else { "" };
        let rows = if group.lines() > 1 { "lines" } else { "rows" };
        let name = format!("group      {}  {} {rows} at a time{transposed}", names.join(" "), group.rows);
        let in_blocks = |home: &usize| {
            matches!(self.lowered.homes[*home].place, Place::Slot(_, Base::Block) | Place::Open)
        };
        let mut homes: Vec<usize> = group.instrs.iter().flat_map(|i| i.kind.inputs()).collect();
        homes.extend(group.instrs.iter().filter_map(|i| i.out));
        homes.retain(|home| !in_blocks(home));
        homes.sort_unstable();
        homes.dedup();
        let made: Vec<usize> =
            homes.iter().copied().filter(|h| group.instrs.iter().any(|i| i.out == Some(*h))).collect();
        let bytes = Bytes { far: self.bytes(&made).others, ..self.bytes(&homes) };
        let threads = match self.shards.len() {
            1 => group.sharers(self.tiling.tile * group.lines(), PARTS, self.members()),
            _ => self.together(),
        };
        let amounts = group.amounts(|i| Amount { threads, ..self.instr_amount(i, group) });
        let rows = self.tiling.rows * group.lines();
        let operations = group.instrs.iter().map(|i| i.work.operations * rows).sum();
        Kernel { threads, amounts, operations, code: group.code_bytes(), ..kernel(name, bytes) }
    }

    fn bytes(&self, homes: &[usize]) -> Bytes {
        let mut bytes = Bytes::default();
        for home in homes {
            let home = &self.lowered.homes[*home];
            let row = home.len * home.dtype.bytes();
            match home.place {
                Place::Whole(_) | Place::Known(_) => {
                    bytes.others += row;
                    bytes.footprint += row;
                }
                place => {
                    let sum =
                        if matches!(place, Place::Input(_)) { &mut bytes.inputs } else { &mut bytes.others };
                    *sum += row * self.tiling.rows;
                    bytes.footprint += row * self.tiling.tile.min(self.tiling.rows);
                }
            }
        }
        bytes
    }

    /// The combination of the reductions of a stage's shards; `None` if there are none.
    fn combining(&self, stage: usize) -> Option<Kernel> {
        let made: Vec<_> = self.lowered.folds.iter().filter(|f| f.stage == stage).collect();
        let names: Vec<String> = made.iter().map(|f| format!("%{}", f.value)).collect();
        let times = self.shards.len() - 1;
        let bytes: usize = made.iter().map(|f| self.bytes_of(f.value)).sum();
        let bytes = Bytes { others: 3 * times * bytes, ..Bytes::default() };
        let mut kernel = kernel(format!("combine    {}", names.join(" ")), bytes);
        for fold in &made {
            let elements = self.schedule.shapes()[fold.value].iter().product();
            let threads = Team::sharers(elements, self.members());
            let operation = combining(fold.kind);
            kernel.amounts.push(Amount { threads, ..one(operation, times * elements, times) });
            kernel.operations += times * elements;
            kernel.threads = kernel.threads.max(threads);
        }
        (!made.is_empty()).then_some(kernel)
    }

    fn update_kernel(&self, index: usize) -> Kernel {
        let value = self.updates[index].of.addend.index();
        let others = 3 * self.bytes_of(value);
        let bytes = Bytes { others, footprint: others, ..Bytes::default() };
        let elements = self.schedule.shapes()[value].iter().product();
        let threads = Team::sharers(elements, self.members());
        let amount = Amount { threads, ..one(Operation::Accumulate, elements, 1) };
        let kernel = kernel(format!("update     {}", self.update_text(index)), bytes);
        Kernel { threads, operations: 2 * elements, far: self.bytes_of(value), ..with(kernel, amount) }
    }

    /// An update as a formula.
    pub(super) fn update_text(&self, index: usize) -> String {
        let of = &self.updates[index].of;
        format!("{}%{}", of.text(&self.schedule.plan().parameters()[of.parameter.index()].decl), of.addend.0)
    }

    fn step_name(&self, step: usize) -> String {
        let step = &self.schedule.plan().steps()[step];
        format!("%{}={}", step.result.0, step.op.name())
    }
}

fn kernel(name: String, bytes: Bytes) -> Kernel {
    Kernel {
        name,
        amounts: vec![],
        operations: 0,
        product: None,
        input_bytes: bytes.inputs,
        bytes: bytes.others,
        footprint: bytes.footprint,
        far: bytes.far,
        code: 0,
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
