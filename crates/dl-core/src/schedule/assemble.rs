//! Assembly: phases become kernels, with bodies of registers, loads and stores. An elementwise chain from an
//! input that only products read becomes their prologue; elementwise instructions that follow one product
//! become its epilogue.

use std::collections::{HashMap, HashSet};

use crate::schedule::draft::Draft;
use crate::schedule::group::Phase;
use crate::schedule::item::{Level, Looped, Matrices, OpaqueStep, RowArgument, RowId, Target, Work};
use crate::schedule::{
    Access, Argument, Body, Content, Domain, Factor, Instr, Kernel, Opaque, Operation, Pointwise, Product,
    Register, Source, StepId,
};

type Group = Vec<(Instr<RowId>, Option<RowId>)>;

/// A kernel to be.
enum Unit {
    Group(Group),
    Product(Matrices, Option<Group>),
    Opaque(OpaqueStep),
    Loop(Looped),
}

/// The kernels of each stage's rows.
pub(super) fn assemble(draft: &mut Draft<'_>, mut stages: Vec<Vec<Phase>>) -> Vec<Vec<Kernel>> {
    let prologues = prologues(draft, &mut stages);
    let units: Vec<Vec<Unit>> = stages.into_iter().map(|phases| units(draft, phases)).collect();
    // By value: the kernel that defines it, and whether another reads it.
    let mut made: HashMap<RowId, usize> = HashMap::new();
    let mut leaves: HashSet<RowId> = draft.outputs.iter().flatten().copied().collect();
    for (index, unit) in units.iter().flatten().enumerate() {
        made.extend(unit.defines().into_iter().map(|row| (row, index)));
        leaves.extend(unit.reads().into_iter().filter(|row| made.get(row) != Some(&index)));
    }
    leaves.retain(|row| !prologues.contains_key(row));
    let mut assembly = Assembly { draft, prologues, leaves };
    units.into_iter().map(|units| units.into_iter().map(|unit| assembly.kernel(unit)).collect()).collect()
}

struct Assembly<'d, 'p> {
    draft: &'d mut Draft<'p>,
    /// By value, the instructions that lead to it from an input.
    prologues: HashMap<RowId, Vec<(Instr<RowId>, RowId)>>,
    /// The values that leave the kernel that defines them.
    leaves: HashSet<RowId>,
}

/// A body that is being built.
#[derive(Default)]
struct Building {
    body: Body,
    registers: HashMap<RowId, Register>,
}

impl Assembly<'_, '_> {
    fn kernel(&mut self, unit: Unit) -> Kernel {
        match unit {
            Unit::Group(group) => {
                let mut building = Building::default();
                self.fill(&mut building, group);
                Kernel::Pointwise(Pointwise { domain: Domain::Rows, body: building.body })
            }
            Unit::Product(product, epilogue) => Kernel::Product(self.product(product, epilogue)),
            Unit::Opaque(OpaqueStep { step, args, outs, fold }) => {
                let argument = |arg: &RowArgument| match arg {
                    RowArgument::Row(row) => Argument::Buffer(self.draft.buffer_of_rows(*row)),
                    RowArgument::Buffer(buffer) => Argument::Buffer(*buffer),
                    RowArgument::Number(number) => Argument::Number(*number),
                };
                let args = args.iter().map(argument).collect();
                let out = |out: &Target| match out {
                    Target::Row(row) => self.draft.buffer_of_rows(*row),
                    Target::Fold(buffer) => *buffer,
                };
                let outs = outs.iter().map(out).collect();
                Kernel::Opaque(Opaque { step, args, outs, fold })
            }
            Unit::Loop(looped) => Kernel::Loop(looped.kernel),
        }
    }

    fn product(&mut self, product: Matrices, epilogue: Option<Group>) -> Product {
        let Matrices { step, dtype, sizes, along, left, right, bias, overlap, loops, out } = product;
        let [rows, columns] = left.1;
        let left = Factor { source: self.source(left.0), rows, columns };
        let source = match right.0 {
            RowArgument::Row(row) => self.source(row),
            RowArgument::Buffer(buffer) => Source::Buffer(buffer),
            RowArgument::Number(_) => unreachable!("the operands of a product are matrices"),
        };
        let [rows, columns] = right.1;
        let right = Factor { source, rows, columns };
        let (out, epilogue) = match out {
            Target::Fold(buffer) => (Some(buffer), None),
            Target::Row(row) => {
                let epilogue = epilogue.map(|group| {
                    let (len, mut building) = (self.draft.value(row).len, Building::default());
                    let result = Instr { operation: Operation::Result, dtype, len, step };
                    let register = building.body.push(result);
                    building.registers.insert(row, register);
                    self.fill(&mut building, group);
                    building.body
                });
                let kept = epilogue.is_none() || self.leaves.contains(&row);
                (kept.then(|| self.draft.buffer_of_rows(row)), epilogue)
            }
        };
        Product { step, dtype, sizes, along, left, right, out, bias, overlap, loops, epilogue }
    }

    /// A product's operand: the prologue that computes it, or its buffer.
    fn source(&mut self, row: RowId) -> Source {
        let Some(chain) = self.prologues.get(&row).cloned() else {
            return Source::Buffer(self.draft.buffer_of_rows(row));
        };
        let mut building = Building::default();
        self.fill(&mut building, chain.into_iter().map(|(instr, out)| (instr, Some(out))).collect());
        Source::Prologue(building.body)
    }

    fn fill(&mut self, building: &mut Building, group: Group) {
        for (instr, out) in group {
            let step = instr.step;
            for row in instr.operation.registers() {
                if !building.registers.contains_key(&row) {
                    let register = self.load(building, row, step);
                    building.registers.insert(row, register);
                }
            }
            let operation = instr.operation.map(|row| building.registers[&row]);
            let (dtype, len) = (instr.dtype, instr.len);
            let register = building.body.push(Instr { operation, dtype, len, step });
            let Some(out) = out else { continue };
            building.registers.insert(out, register);
            if self.leaves.contains(&out) {
                let operation = Operation::Store { buffer: self.draft.buffer_of_rows(out), of: register };
                building.body.push(Instr { operation, dtype, len, step });
            }
        }
    }

    fn load(&mut self, building: &mut Building, row: RowId, step: StepId) -> Register {
        let buffer = self.draft.buffer_of_rows(row);
        let value = self.draft.value(row);
        let (dtype, len) = (value.dtype, value.len);
        let access = value.load.map_or(Access::rows(len), |(_, access)| access);
        building.body.push(Instr { operation: Operation::Load { buffer, access }, dtype, len, step })
    }
}

impl Unit {
    fn defines(&self) -> Vec<RowId> {
        let of_group = |group: &Group| group.iter().filter_map(|(_, out)| *out).collect::<Vec<_>>();
        let row = |target: &Target| if let Target::Row(row) = target { vec![*row] } else { vec![] };
        match self {
            Unit::Group(group) => of_group(group),
            Unit::Product(product, epilogue) => {
                let own = row(&product.out);
                own.into_iter().chain(epilogue.iter().flat_map(of_group)).collect()
            }
            Unit::Opaque(step) => step.outs.iter().flat_map(row).collect(),
            Unit::Loop(looped) => looped.outs.clone(),
        }
    }

    fn reads(&self) -> Vec<RowId> {
        let of_group = |group: &Group| -> Vec<RowId> {
            group.iter().flat_map(|(instr, _)| instr.operation.registers()).collect()
        };
        match self {
            Unit::Group(group) => of_group(group),
            Unit::Product(product, epilogue) => {
                product.reads().into_iter().chain(epilogue.iter().flat_map(of_group)).collect()
            }
            Unit::Opaque(step) => super::item::rows(&step.args),
            Unit::Loop(looped) => looped.reads.clone(),
        }
    }
}

/// Joins each product with the group that follows it, where that is its epilogue.
fn units(draft: &Draft<'_>, phases: Vec<Phase>) -> Vec<Unit> {
    let mut at: HashMap<u32, usize> = HashMap::new();
    for phase in &phases {
        if let Phase::Tile(_, Level::After(level)) = phase {
            *at.entry(*level).or_default() += 1;
        }
    }
    let mut units: Vec<Unit> = vec![];
    let mut last = None;
    for phase in phases {
        match phase {
            Phase::Tile(work, level) => {
                last = Some(level);
                units.push(match work {
                    Work::Product(product) => Unit::Product(product, None),
                    Work::Opaque(step) => Unit::Opaque(step),
                    Work::Loop(looped) => Unit::Loop(looped),
                    Work::Row(..) => unreachable!("instructions are in groups"),
                });
            }
            Phase::Group(group, level) => {
                let alone = matches!(level, Level::After(level) if at.get(&level) == Some(&1));
                match units.last_mut() {
                    Some(Unit::Product(product, epilogue))
                        if alone && last == Some(level) && follows(draft, product, &group) =>
                    {
                        *epilogue = Some(group);
                    }
                    _ => units.push(Unit::Group(group)),
                }
            }
        }
    }
    units
}

/// Whether all instructions go element by element over the product's result, and some read it.
fn follows(draft: &Draft<'_>, product: &Matrices, group: &Group) -> bool {
    let Target::Row(result) = product.out else { return false };
    let len = draft.value(result).len;
    let fits = |(instr, out): &(Instr<RowId>, Option<RowId>)| match &instr.operation {
        Operation::Random { .. } => instr.len == len,
        Operation::Fold { of, .. } => out.is_none() && draft.value(*of).len == len,
        operation => operation.is_elementwise() && instr.len == len,
    };
    group.iter().all(fits) && group.iter().any(|(i, _)| i.operation.registers().contains(&result))
}

/// Takes elementwise chains from an input's elements, of which only products of the stage read the end, out
/// of the groups.
fn prologues(draft: &Draft<'_>, stages: &mut [Vec<Phase>]) -> HashMap<RowId, Vec<(Instr<RowId>, RowId)>> {
    let mut made: HashMap<RowId, (usize, Instr<RowId>)> = HashMap::new();
    let mut readers: HashMap<RowId, Vec<Option<usize>>> = HashMap::new();
    for (stage, phase) in stages.iter().enumerate().flat_map(|(s, phases)| phases.iter().map(move |p| (s, p)))
    {
        match phase {
            Phase::Group(group, _) => {
                for (instr, out) in group {
                    let reads: HashSet<RowId> = instr.operation.registers().into_iter().collect();
                    reads.into_iter().for_each(|row| readers.entry(row).or_default().push(None));
                    made.extend(out.map(|out| (out, (stage, instr.clone()))));
                }
            }
            Phase::Tile(work, _) => {
                let product = matches!(work, Work::Product(_)).then_some(stage);
                work.reads().into_iter().for_each(|row| readers.entry(row).or_default().push(product));
            }
        }
    }
    let kept: HashSet<RowId> = draft.outputs.iter().flatten().copied().collect();
    let mut found = HashMap::new();
    for (row, (stage, _)) in &made {
        let products = readers.get(row).is_some_and(|by| by.iter().all(|r| *r == Some(*stage)));
        if !products || kept.contains(row) {
            continue;
        }
        let (mut chain, mut at) = (vec![], *row);
        let complete = loop {
            let Some((_, instr)) = made.get(&at) else { break draft.value(at).load.is_some() };
            let reads: HashSet<RowId> = instr.operation.registers().into_iter().collect();
            let alone = at == *row || readers.get(&at).is_some_and(|by| by.len() == 1) && !kept.contains(&at);
            let mut reads = reads.into_iter();
            let (Some(next), None) = (reads.next(), reads.next()) else { break false };
            if !alone || !instr.operation.is_elementwise() || draft.value(next).len != instr.len {
                break false;
            }
            chain.push((instr.clone(), at));
            at = next;
        };
        let from_input = draft.value(at).load.is_some_and(|(buffer, access)| {
            let is_input = |v| draft.plan.inputs().iter().any(|i| i.value == v);
            let content = &draft.buffers[buffer.index()].content;
            access.row != 0 && matches!(content, Content::Value(v) if is_input(*v))
        });
        if complete && from_input && !chain.is_empty() {
            chain.reverse();
            found.insert(*row, chain);
        }
    }
    let taken: HashSet<RowId> = found.values().flatten().map(|(_, row)| *row).collect();
    for phases in stages {
        for phase in phases.iter_mut() {
            if let Phase::Group(group, _) = phase {
                group.retain(|(_, out)| out.is_none_or(|out| !taken.contains(&out)));
            }
        }
        phases.retain(|phase| !matches!(phase, Phase::Group(group, _) if group.is_empty()));
    }
    found
}
