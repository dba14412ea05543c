//! From a plan's steps to rounds: whole values, then phases of a tile, each a product (or another step
//! that needs whole tiles) or a group of operations that go row by row.

use dl_core::dtype::Scalar;
use dl_core::ops::{Op, Reduce};
use dl_core::plan::{Arg, Division, Part, Step, ValueId};
use dl_core::{Dims, Plan};

use super::bytes::Mapped;
use super::group::{Index, Instr, Kind, Operand};
use super::lane::{Home, Place};
use super::movement::{is_identity, places};
use super::product::{Pack, Product};
use crate::cpu::array::Array;
use crate::cpu::compile::{Prepared, number, prepare, size_of};
use crate::cpu::matmul::Kernels;

/// A piece of work on rows, and when it can be done.
pub(super) struct Item {
    pub round: u32,
    /// How many products and the like come before.
    pub rank: usize,
    pub work: Work,
}

pub(super) enum Work {
    /// One of a group.
    Row(Instr),
    /// On whole tiles.
    Product(Product),
    /// Another step on whole tiles: its operands' homes, and where the result goes.
    Step { step: usize, args: Vec<StepArg>, out: Target },
}

pub(super) enum StepArg {
    Rows(usize),
    Whole(usize),
    Number(Scalar),
}

/// Where a result goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    Home(usize),
    Fold(usize),
}

/// A reduction over rows.
pub(super) struct FoldDecl {
    pub value: usize,
    pub kind: Reduce,
    pub round: u32,
    /// Written, not only added to, in a lane's first tile.
    pub overwritten: bool,
    /// Terms that a row contributes to one element, at most.
    pub terms: usize,
}

/// What a plan's rows come to.
#[derive(Default)]
pub(super) struct Built {
    pub homes: Vec<Home>,
    pub items: Vec<Item>,
    pub folds: Vec<FoldDecl>,
    pub known: Vec<Array<'static>>,
    /// Whole matrices that products want in panels.
    pub packs: Vec<Pack>,
    /// Rows that are outputs, by the plan's list.
    pub outputs: Vec<Option<usize>>,
    /// Shapes with one element along the divided dimension.
    pub shapes: Vec<Vec<usize>>,
    /// What is known of steps on whole tiles.
    pub prepared: Vec<Prepared>,
    /// Whether operations may be done together by machine code.
    pub code: bool,
}

pub(super) struct Builder<'p> {
    pub plan: &'p Plan,
    pub division: &'p Division,
    pub dims: &'p Dims,
    pub kernels: Kernels,
    pub built: Built,
    /// What each value of the plan is along rows.
    operands: Vec<Option<Operand>>,
    /// For each home, the products that come before, and the round.
    ready: Vec<(u32, usize)>,
    /// How many steps and ends of the plan read each value.
    pub readers: Vec<usize>,
    pub mapped: Mapped,
    pub step: usize,
}

pub(super) fn build(
    plan: &Plan,
    division: &Division,
    dims: &Dims,
    kernels: Kernels,
) -> Result<Built, String> {
    // `with` keeps an earlier size: bound again from nothing.
    let one = dims
        .iter()
        .fold(Dims::new(), |one, (name, size)| one.with(name, if *name == division.dim { 1 } else { size }));
    let shapes = plan.values().iter().map(|v| v.shape.eval(&one)).collect::<Result<Vec<_>, _>>()?;
    let prepared = plan.steps().iter().map(|s| prepare(plan, &shapes, dims, s)).collect::<Result<_, _>>()?;
    let built = Built { shapes, prepared, ..Built::default() };
    let operands = vec![None; plan.values().len()];
    let (ready, readers, mapped) = (vec![], plan.readers(), Mapped::new());
    let mut builder =
        Builder { plan, division, dims, kernels, built, operands, ready, readers, mapped, step: 0 };
    builder.sources();
    for (i, step) in plan.steps().iter().enumerate() {
        builder.step = i;
        if !matches!(division.part(step.result), Part::Whole(_)) {
            builder.add(step)?;
        }
    }
    builder.outputs();
    Ok(builder.built)
}

impl Built {
    /// The whole values that rows read.
    pub(super) fn wholes(&self) -> Vec<usize> {
        let by_rows = self.homes.iter().filter_map(|h| match h.place {
            Place::Whole(value) => Some(value),
            _ => None,
        });
        by_rows.chain(self.packs.iter().map(|p| p.value)).collect()
    }
}

impl Builder<'_> {
    fn sources(&mut self) {
        for (i, input) in self.plan.inputs().iter().enumerate() {
            if matches!(self.division.part(input.value), Part::Rows(_)) {
                let home = self.home(Place::Input(i), input.value, (0, 0));
                self.operands[input.value.index()] = Some(Operand::Rows(home));
            }
        }
    }

    /// A home for a value of the plan, or one of its shape and type.
    pub(super) fn home(&mut self, place: Place, like: ValueId, ready: (u32, usize)) -> usize {
        let len = self.row(like).iter().product();
        self.home_of(Home { place, dtype: self.plan.value(like).dtype, len }, ready)
    }

    fn home_of(&mut self, home: Home, ready: (u32, usize)) -> usize {
        self.built.homes.push(home);
        self.ready.push(ready);
        self.built.homes.len() - 1
    }

    /// The shape of a row (or of a whole value).
    pub(super) fn row(&self, value: ValueId) -> &[usize] {
        &self.built.shapes[value.index()]
    }

    pub(super) fn is_rows(&self, value: ValueId) -> bool {
        matches!(self.division.part(value), Part::Rows(_))
    }

    pub(super) fn round(&self) -> u32 {
        self.division.part(self.plan.steps()[self.step].result).round()
    }

    /// Whether all rows, `m` for each of the plan's, are too few for an operand to be packed.
    pub(super) fn few(&self, m: usize) -> bool {
        self.dims.get(&self.division.dim).is_some_and(|rows| rows.saturating_mul(m) < FEW)
    }

    /// The place of a matrix among those that are packed.
    pub(super) fn pack(&mut self, pack: Pack) -> usize {
        let packs = &mut self.built.packs;
        packs.iter().position(|p| *p == pack).unwrap_or_else(|| {
            packs.push(pack);
            packs.len() - 1
        })
    }

    /// When something that reads these homes can be done.
    fn rank(&self, inputs: &[usize]) -> usize {
        let round = self.round();
        inputs.iter().map(|h| self.ready[*h]).filter(|(r, _)| *r == round).map(|(_, n)| n).max().unwrap_or(0)
    }

    /// Adds an operation of a group; its result is `like` the value, `len` elements a row.
    pub(super) fn emit(&mut self, kind: Kind, like: ValueId, len: usize) -> usize {
        let rank = self.rank(&kind.inputs());
        let dtype = self.plan.value(like).dtype;
        let out = self.home_of(Home { place: Place::Open, dtype, len }, (self.round(), rank));
        self.push(rank, Work::Row(Instr { kind, dtype, out, len, step: self.step }));
        out
    }

    fn push(&mut self, rank: usize, work: Work) {
        let item = Item { round: self.round(), rank, work };
        self.built.items.push(item);
    }

    /// The home of a whole value, as an operand of rows.
    pub(super) fn whole(&mut self, value: ValueId) -> usize {
        self.home(Place::Whole(value.index()), value, (0, 0))
    }

    pub(super) fn operand(&self, arg: &Arg) -> Result<Operand, String> {
        match arg {
            Arg::Value(v) => self.operands[v.index()].ok_or_else(|| format!("%{} has no rows", v.0)),
            Arg::Constant(value) => Ok(Operand::Number(*value)),
            Arg::Extent(dim) => {
                let step = &self.plan.steps()[self.step];
                Ok(Operand::Number(size_of(dim, self.dims, number(self.plan, step))?))
            }
        }
    }

    /// A value's rows, element by element.
    pub(super) fn dense(&mut self, value: ValueId) -> Result<usize, String> {
        let operand = self.operand(&Arg::Value(value))?;
        if let Operand::Rows(home) = operand {
            return Ok(home);
        }
        let len = self.row(value).iter().product();
        let home = self.emit(Kind::Copy(operand), value, len);
        // A copy of a later round is not there yet for others of the value's own.
        if self.division.part(value).round() == self.round() {
            self.operands[value.index()] = Some(Operand::Rows(home));
        }
        Ok(home)
    }

    fn add(&mut self, step: &Step) -> Result<(), String> {
        if let Part::Fold(_, kind) = self.division.part(step.result) {
            return self.fold(step, kind);
        }
        let result = step.result;
        if let Some(operand) = self.mapped(step) {
            self.operands[result.index()] = Some(operand);
            return Ok(());
        }
        let len: usize = self.row(result).iter().product();
        let operand = match &step.op {
            Op::Unary(op) => {
                let x = self.operand(&step.args[0])?;
                Operand::Rows(self.emit(Kind::Unary(*op, x), result, len))
            }
            Op::Binary(op) => {
                let (x, y) = (self.operand(&step.args[0])?, self.operand(&step.args[1])?);
                let beside = step.args.iter().find_map(Arg::value).unwrap_or(result);
                let dtype = self.plan.value(beside).dtype;
                Operand::Rows(self.emit(Kind::Binary(*op, dtype, x, y), result, len))
            }
            Op::Select => {
                let of = |i: usize| self.operand(&step.args[i]);
                let (c, a, b) = (of(0)?, of(1)?, of(2)?);
                Operand::Rows(self.emit(Kind::Select(c, a, b), result, len))
            }
            Op::Cast => {
                let from = step.args[0].value().map(|v| self.plan.value(v).dtype);
                let x = self.operand(&step.args[0])?;
                let dtype = from.unwrap_or(self.plan.value(result).dtype);
                let kind =
                    if dtype == self.plan.value(result).dtype { Kind::Copy(x) } else { Kind::Cast(dtype, x) };
                Operand::Rows(self.emit(kind, result, len))
            }
            Op::Constant(value) => Operand::Number(*value),
            Op::Extent(dim) => Operand::Number(size_of(dim, self.dims, self.plan.value(result).dtype)?),
            Op::Reshape => self.operand(&step.args[0])?,
            Op::Random { stream } => Operand::Rows(self.emit(Kind::Random(*stream), result, len)),
            Op::Iota(axis) => self.iota(*axis, result),
            Op::Broadcast(_)
            | Op::Permute(_)
            | Op::Flip(_)
            | Op::Slice { .. }
            | Op::Unfold { .. }
            | Op::Pad { .. } => self.moved(step)?,
            Op::Concat(axis) => self.concat(step, *axis)?,
            Op::Reduce { kind, axes } => {
                let x = self.dense(value_of(step, 0))?;
                let shape = self.row(value_of(step, 0)).to_vec();
                Operand::Rows(self.reduced(*kind, axes, x, &shape, result))
            }
            Op::Gather { .. } | Op::ScatterAdd { .. } => self.indexed(step)?,
            Op::Contract(spec) => match Product::rows(self, spec, step)? {
                Some(product) => self.product(product, result),
                None => self.step(step)?,
            },
            _ => self.step(step)?,
        };
        self.operands[result.index()] = Some(operand);
        Ok(())
    }

    fn product(&mut self, mut product: Product, result: ValueId) -> Operand {
        let rank = self.rank(&product.inputs()) + 1;
        let home = self.home(Place::Open, result, (self.round(), rank));
        product.out = Target::Home(home);
        self.push(rank, Work::Product(product));
        Operand::Rows(home)
    }

    /// A step on whole tiles, as it is done without division.
    fn step(&mut self, step: &Step) -> Result<Operand, String> {
        let args = self.step_args(step)?;
        let rank = self.rank(&inputs(&args)) + 1;
        let home = self.home(Place::Open, step.result, (self.round(), rank));
        self.push(rank, Work::Step { step: self.step, args, out: Target::Home(home) });
        Ok(Operand::Rows(home))
    }

    fn step_args(&mut self, step: &Step) -> Result<Vec<StepArg>, String> {
        let mut args = vec![];
        for arg in &step.args {
            args.push(match arg {
                Arg::Value(v) if self.is_rows(*v) => StepArg::Rows(self.dense(*v)?),
                Arg::Value(v) => StepArg::Whole(v.index()),
                other => match self.operand(other)? {
                    Operand::Number(number) => StepArg::Number(number),
                    _ => return Err("a number is no value".into()),
                },
            });
        }
        Ok(args)
    }

    /// `kind` along axes of a row, which are brought to its end first.
    fn reduced(&mut self, kind: Reduce, axes: &[usize], x: usize, shape: &[usize], result: ValueId) -> usize {
        let kept: Vec<usize> = (0..shape.len()).filter(|a| !axes.contains(a)).collect();
        let order = [&kept, axes].concat();
        let total: usize = shape.iter().product();
        let run: usize = axes.iter().map(|a| shape[*a]).product();
        let len = kept.iter().map(|a| shape[*a]).product();
        let moved: Vec<usize> = order.iter().map(|a| shape[*a]).collect();
        let map = places(&Op::Permute(order), shape, &moved, &[]).unwrap_or_default();
        let x = match is_identity(&map, total) {
            true => x,
            false => self.emit(Kind::Gather(map, Operand::Rows(x), total, Scalar::Float(0.0)), result, total),
        };
        self.emit(Kind::Reduce(kind, x, run), result, len)
    }

    fn indexed(&mut self, step: &Step) -> Result<Operand, String> {
        let (x, index, result) = (value_of(step, 0), value_of(step, 1), step.result);
        let len: usize = self.row(result).iter().product();
        match step.op {
            Op::Gather { axis: 0, batch: 0 } if !self.is_rows(x) => {
                let width = self.row(x)[1..].iter().product();
                let (table, index) = (self.whole(x), self.index(index, x, 0)?);
                Ok(Operand::Rows(self.emit(Kind::Lookup { table, index, width }, result, len)))
            }
            Op::Gather { axis, batch } if self.is_rows(x) && self.is_rows(index) => {
                let shape = self.row(x).to_vec();
                let picks = axis == batch && axis + 1 == shape.len() && self.row(index).len() == batch;
                if !picks {
                    return self.step(step);
                }
                let (from, index) = (self.dense(x)?, self.index(index, x, axis)?);
                Ok(Operand::Rows(self.emit(Kind::Pick { from, index }, result, len)))
            }
            Op::ScatterAdd { axis, batch } => {
                let (indices, updates) = (x, index);
                let shape = self.row(result).to_vec();
                let places = axis == batch && axis + 1 == shape.len() && self.row(indices).len() == batch;
                if !places {
                    return self.step(step);
                }
                let (index, update) = (self.index(indices, result, axis)?, self.dense(updates)?);
                Ok(Operand::Rows(self.emit(Kind::Place { index, update }, result, len)))
            }
            _ => self.step(step),
        }
    }

    /// Indices of an axis.
    fn index(&mut self, indices: ValueId, of: ValueId, axis: usize) -> Result<Index, String> {
        let (along, row) = (self.row(of)[axis], self.row(indices).to_vec());
        let shape = self.plan.value(of).shape.to_string();
        Ok(Index { home: self.dense(indices)?, along, row, axis: (axis, shape) })
    }

    fn fold(&mut self, step: &Step, kind: Reduce) -> Result<(), String> {
        let (result, round) = (step.result, self.round());
        let fold = self.built.folds.len();
        let overwritten = matches!(step.op, Op::Contract(_));
        self.built.folds.push(FoldDecl { value: result.index(), kind, round, overwritten, terms: 1 });
        match &step.op {
            Op::Reduce { kind, axes } => {
                let x = value_of(step, 0);
                let shape = self.row(x).to_vec();
                let home = self.dense(x)?;
                let within: Vec<usize> = axes.iter().copied().filter(|a| shape[*a] != 1).collect();
                let home = match within.is_empty() {
                    true => home,
                    false => self.reduced(*kind, axes, home, &shape, result),
                };
                self.emit_fold(Kind::Fold(*kind, home, fold), result);
            }
            Op::ScatterAdd { .. } => {
                let index = self.index(value_of(step, 0), result, 0)?;
                let update = self.dense(value_of(step, 1))?;
                let width = self.row(result)[1..].iter().product();
                let len = self.built.homes[update].len;
                self.built.folds[fold].terms = self.built.homes[index.home].len;
                let rank = self.rank(&[index.home, update]);
                let kind = Kind::Scatter { index, update, width, fold };
                let dtype = self.plan.value(result).dtype;
                self.push(rank, Work::Row(Instr { kind, dtype, out: usize::MAX, len, step: self.step }));
            }
            Op::Contract(spec) => match Product::folded(self, spec, step, fold)? {
                // After all else of the round, for a product may write over a parameter.
                Some(product) => self.push(usize::MAX, Work::Product(product)),
                None => {
                    let args = self.step_args(step)?;
                    let rank = self.rank(&inputs(&args)) + 1;
                    self.push(rank, Work::Step { step: self.step, args, out: Target::Fold(fold) });
                    self.built.folds[fold].overwritten = false;
                }
            },
            _ => return Err(format!("{} does not fold rows", step.op.name())),
        }
        Ok(())
    }

    fn emit_fold(&mut self, kind: Kind, result: ValueId) {
        let rank = self.rank(&kind.inputs());
        let len = self.row(result).iter().product();
        let dtype = self.plan.value(result).dtype;
        self.push(rank, Work::Row(Instr { kind, dtype, out: usize::MAX, len, step: self.step }));
    }

    /// Rows that are outputs, in buffers of the lanes.
    fn outputs(&mut self) {
        for slot in self.plan.outputs() {
            let value = slot.value;
            let home = match (self.is_rows(value), self.operands[value.index()]) {
                (true, Some(Operand::Rows(home))) if self.built.homes[home].place == Place::Open => {
                    Some(home)
                }
                (true, Some(operand)) => {
                    // In the round in which the value is there.
                    let step = self.plan.steps().iter().position(|s| s.result == value).unwrap_or(0);
                    self.step = step;
                    let len = self.row(value).iter().product();
                    let round = self.division.part(value).round();
                    let kind = Kind::Copy(operand);
                    let rank = kind
                        .inputs()
                        .iter()
                        .map(|h| self.ready[*h])
                        .filter(|r| r.0 == round)
                        .map(|r| r.1)
                        .max();
                    let dtype = self.plan.value(value).dtype;
                    let rank = rank.unwrap_or(0);
                    let out = self.home_of(Home { place: Place::Open, dtype, len }, (round, rank));
                    let work = Work::Row(Instr { kind, dtype, out, len, step });
                    self.built.items.push(Item { round, rank, work });
                    Some(out)
                }
                _ => None,
            };
            self.built.outputs.push(home);
        }
    }
}

/// Rows that are not worth packing what they are multiplied by.
const FEW: usize = 16;

/// The homes among the operands of a step.
pub(super) fn inputs(args: &[StepArg]) -> Vec<usize> {
    args.iter().filter_map(|a| if let StepArg::Rows(home) = a { Some(*home) } else { None }).collect()
}

pub(super) fn value_of(step: &Step, place: usize) -> ValueId {
    step.args[place].value().expect("only elementwise steps have numbers for operands")
}
