//! Kernels on rows as phases: homes for buffers, panels for matrices, and where a product's result goes.

use std::collections::HashMap;

use dl_core::DType;
use dl_core::Schedule;
use dl_core::ops::Reduce;
use dl_core::schedule::{
    self, Along, Argument as ScheduledArgument, Axes, Body, BufferId, Content, Factor, Kernel, Layout,
    Opaque, Product as ScheduledProduct, Source,
};

use crate::cpu::array::Array;
use crate::cpu::matmul::{self, Each, Kernels, Lines, Overlap, Places, Windows};
use crate::cpu::tiles::data::home::Target;
use crate::cpu::tiles::data::home::{Home, Place};
use crate::cpu::tiles::data::instr::Work;
use crate::cpu::tiles::data::phase::{
    Argument, Carry, FoldDecl, Group, Loop, OpaqueStep, Phase, Phases, Taken,
};
use crate::cpu::tiles::data::product::{Form, Left, Pack, Product, View, Weights};

/// Rows that are not worth packing the matrix that they are multiplied by.
const FEW: usize = 16;

/// What the rows of a schedule come to, beside phases.
#[derive(Default)]
pub(crate) struct Lowered {
    pub homes: Vec<Home>,
    pub folds: Vec<FoldDecl>,
    pub known: Vec<Array<'static>>,
    /// Whole matrices that products want in panels.
    pub packs: Vec<Pack>,
    /// Rows that are outputs, by the plan's list.
    pub outputs: Vec<Option<usize>>,
}

/// The state of lowering.
pub(crate) struct Lowering<'s> {
    pub schedule: &'s Schedule,
    kernels: Kernels,
    pub lowered: Lowered,
    /// By the schedule's buffer.
    homes: HashMap<BufferId, usize>,
    folds: HashMap<BufferId, usize>,
    /// The prologues that a stage's products share, with the homes of their results.
    prologues: Vec<(Body, usize)>,
    stage: usize,
    phases: Phases,
}

impl Lowered {
    /// The kernels on rows of each stage as phases.
    ///
    /// # Errors
    /// Why the plan has to run one step at a time.
    pub(crate) fn new(schedule: &Schedule, kernels: Kernels) -> Result<(Lowered, Vec<Phases>), String> {
        let mut lowering = Lowering {
            schedule,
            kernels,
            lowered: Lowered::default(),
            homes: HashMap::new(),
            folds: HashMap::new(),
            prologues: vec![],
            stage: 0,
            phases: vec![],
        };
        let mut stages = vec![];
        for (stage, kernels) in schedule.stages().iter().enumerate() {
            lowering.stage = stage;
            lowering.prologues.clear();
            for kernel in &kernels.rows {
                lowering.kernel(kernel)?;
            }
            stages.push(std::mem::take(&mut lowering.phases));
        }
        for output in schedule.outputs() {
            let rows = matches!(schedule.buffer(*output).layout, Layout::Rows(_));
            let home = rows.then(|| lowering.home(*output)).transpose()?;
            lowering.lowered.outputs.push(home);
        }
        Ok((lowering.lowered, stages))
    }
}

impl Lowering<'_> {
    fn kernel(&mut self, kernel: &Kernel) -> Result<(), String> {
        match kernel {
            Kernel::Pointwise(pointwise) => self.group(&pointwise.body, None).map(drop),
            Kernel::Product(product) => self.product(product),
            Kernel::Opaque(opaque) => {
                let operations = self.schedule.cost(kernel).operations;
                self.opaque(opaque, Work { terms: self.schedule.terms(opaque), operations })
            }
            Kernel::Loop(looped) => self.looped(looped),
        }
    }

    /// A body as a group; the home of its last register.
    fn group(&mut self, body: &Body, result: Option<usize>) -> Result<Option<usize>, String> {
        let (instrs, last) = self.instructions(body, result)?;
        self.phases.push(Phase::Group(Group { instrs, ..Group::default() }));
        Ok(last)
    }

    fn opaque(&mut self, opaque: &Opaque, work: Work) -> Result<(), String> {
        let step = opaque.step.index();
        let mut args = vec![];
        for arg in &opaque.args {
            args.push(match arg {
                ScheduledArgument::Number(number) => Argument::Number(*number),
                ScheduledArgument::Buffer(buffer) => match self.schedule.buffer(*buffer).layout {
                    Layout::Rows(_) => Argument::Rows(self.home(*buffer)?),
                    Layout::Whole(_) => Argument::Whole(self.value(*buffer)?),
                },
            });
        }
        let mut outs = vec![];
        for out in &opaque.outs {
            outs.push(match opaque.fold {
                Some(kind) => Target::Fold(self.fold(*out, kind, false, 1)?),
                None => Target::Home(self.home(*out)?),
            });
        }
        self.phases.push(Phase::Opaque(OpaqueStep { step, args, outs, work }));
        Ok(())
    }

    /// A loop; what its products' prologues make is its own.
    fn looped(&mut self, looped: &schedule::Loop) -> Result<(), String> {
        let mut carries = vec![];
        for carry in &looped.carries {
            let mut home = |buffer: Option<BufferId>| buffer.map(|b| self.home(b)).transpose();
            let (value, last) = (home(carry.value)?, home(carry.last)?);
            carries.push(Carry { first: self.home(carry.first)?, value, next: self.home(carry.next)?, last });
        }
        let elements = self.taken(&looped.elements, looped.length)?;
        let outside = (std::mem::take(&mut self.phases), self.prologues.clone());
        looped.body.iter().try_for_each(|kernel| self.kernel(kernel))?;
        let phases = std::mem::replace(&mut self.phases, outside.0);
        self.prologues = outside.1;
        let stacks = self.taken(&looped.stacks, looped.length)?;
        let (step, length, reverse) = (looped.step.index(), looped.length, looped.reverse);
        let mut looped = Loop { step, length, reverse, carries, elements, phases, stacks };
        looped.by_blocks();
        self.phases.push(Phase::Loop(looped));
        Ok(())
    }

    fn taken(&mut self, of: &[schedule::Taken], length: usize) -> Result<Vec<Taken>, String> {
        let taken = |t: &schedule::Taken| {
            Ok(Taken { all: self.home(t.all)?, one: self.home(t.one)?, runs: t.runs, length, run: t.run })
        };
        of.iter().map(taken).collect()
    }

    fn product(&mut self, product: &ScheduledProduct) -> Result<(), String> {
        let (sizes, dtype, step) = (product.sizes, product.dtype, product.step.index());
        let each = product.along == Along::Each;
        let a = Left::Home(if each {
            self.operand(&product.left)?.0
        } else {
            self.factor(&product.left.source)?
        });
        let view = if each { View::Dense } else { self.view(product) };
        let bias = product.bias.map(|bias| self.whole(bias)).transpose()?;
        let dense = matches!(view, View::Dense);
        let (form, out) = match product.along {
            Along::M => {
                let Source::Buffer(buffer) = product.right.source else {
                    return Err("a prologue of a whole matrix".into());
                };
                let distance = |axes: &Axes| axes.distance().ok_or("windows of a whole matrix");
                let down = if sizes.k == 1 { sizes.n } else { distance(&product.right.rows)? };
                let strides = (down as isize, distance(&product.right.columns)? as isize);
                let (value, stage) = (self.value(buffer)?, self.stage);
                let padded = !dense && sizes.n == 1;
                let pack = Pack { value, stage, k: sizes.k, n: sizes.n, strides, padded };
                let weights = match dtype {
                    DType::F32 if !dense || self.is_packed(&pack, sizes.m) => {
                        Weights::Packed(self.pack(pack))
                    }
                    _ => Weights::Whole(self.whole(buffer)?, strides),
                };
                let home = match product.out {
                    Some(out) => self.home(out)?,
                    None => self.open(dtype, product.out_len()),
                };
                (Form::Rows { m: sizes.m, sizes: (sizes.k, sizes.n), weights }, Target::Home(home))
            }
            Along::K => {
                let b = self.factor(&product.right.source)?;
                let out = product.out.ok_or("a sum over rows has a buffer")?;
                let fold = self.fold(out, Reduce::Sum, true, 1)?;
                (Form::Fold { b, sizes: (sizes.m, sizes.n), k: sizes.k }, Target::Fold(fold))
            }
            Along::Each => {
                let (left, right) = (self.operand(&product.left)?, self.operand(&product.right)?);
                let loops = product.loops.as_ref().ok_or("products of each row have loops")?;
                let starts = |axes: &Axes| (0..loops.count).map(|i| axes.place(i)).collect::<Vec<_>>();
                let places = |rows: &Axes, columns: &Axes, starts: Vec<usize>, each: usize| {
                    let distance = |axes: &Axes| axes.distance().ok_or("axes at several distances");
                    Ok::<_, String>(Places { starts, row: distance(rows)?, column: distance(columns)?, each })
                };
                let out = (product.out_len(), &loops.rows, &loops.columns);
                let each = Each {
                    sizes: matmul::Sizes { m: sizes.m, n: sizes.n, k: sizes.k },
                    left: places(&product.left.rows, &product.left.columns, starts(&loops.left), left.1)?,
                    right: places(
                        &product.right.rows,
                        &product.right.columns,
                        starts(&loops.right),
                        right.1,
                    )?,
                    out: places(out.1, out.2, starts(&loops.out), out.0)?,
                };
                if !loops.covers() || sizes.n > 1 && each.out.column != 1 {
                    return Err("results that cannot be written row by row".into());
                }
                let home = match product.out {
                    Some(out) => self.home(out)?,
                    None => self.open(dtype, product.out_len()),
                };
                (Form::Each { b: right.0, each: Box::new(each) }, Target::Home(home))
            }
            Along::Nothing => return Err("a product of whole values among the rows".into()),
        };
        self.phases.push(Phase::Product(Product {
            dtype,
            a,
            view,
            bias,
            out,
            form,
            scale: (1.0, 0.0),
            panels: None,
            step,
        }));
        if let Some(epilogue) = &product.epilogue {
            self.group(epilogue, out.home())?;
        }
        Ok(())
    }

    /// An operand of products of each row: its home, and the elements of a row, none of a whole value.
    fn operand(&mut self, factor: &Factor) -> Result<(usize, usize), String> {
        if let Source::Buffer(buffer) = &factor.source
            && matches!(self.schedule.buffer(*buffer).layout, Layout::Whole(_))
        {
            return Ok((self.whole(*buffer)?, 0));
        }
        let home = self.factor(&factor.source)?;
        Ok((home, self.lowered.homes[home].len))
    }

    /// How the left operand or the result of a product lies in its rows.
    fn view(&self, product: &ScheduledProduct) -> View {
        let lines = |axes: &Axes| {
            let axes: Vec<_> = axes.axes().iter().map(|axis| (axis.size, axis.distance)).collect();
            Lines::new(&axes)
        };
        if let Some(overlap) = &product.overlap {
            return View::Overlap(Overlap::new(lines(&overlap.rows), lines(&overlap.columns), overlap.len));
        }
        let (left, sizes) = (&product.left, product.sizes);
        let dense = match product.along {
            Along::K => (Axes::plain(sizes.m, 1), Axes::plain(sizes.k, sizes.m)),
            _ => (Axes::plain(sizes.m, sizes.k), Axes::plain(sizes.k, 1)),
        };
        if (&left.rows, &left.columns) == (&dense.0, &dense.1) && product.bias.is_none() {
            return View::Dense;
        }
        let len = match &left.source {
            Source::Buffer(buffer) => self.schedule.buffer(*buffer).layout.len(),
            Source::Prologue(body) => body.instrs.last().map_or(0, |last| last.len),
        };
        View::Windows(Windows::new(lines(&left.rows), lines(&left.columns), (len, sizes.n), &self.kernels))
    }

    /// Whether a product's matrix is worth packing.
    fn is_packed(&self, pack: &Pack, m: usize) -> bool {
        let few = self.schedule.row_count().saturating_mul(m) < FEW;
        !few || pack.strides.1 != 1 || !pack.n.is_multiple_of(self.kernels.vector())
    }

    /// The place of a matrix among those that are packed.
    fn pack(&mut self, pack: Pack) -> usize {
        let packs = &mut self.lowered.packs;
        packs.iter().position(|p| *p == pack).unwrap_or_else(|| {
            packs.push(pack);
            packs.len() - 1
        })
    }

    /// The home of a product's operand; the first product that reads it computes its prologue.
    fn factor(&mut self, source: &Source) -> Result<usize, String> {
        let body = match source {
            Source::Buffer(buffer) => return self.home(*buffer),
            Source::Prologue(body) => body,
        };
        if let Some((_, home)) = self.prologues.iter().find(|(known, _)| known == body) {
            return Ok(*home);
        }
        let home = self.group(body, None)?.ok_or("a prologue computes something")?;
        self.prologues.push((body.clone(), home));
        Ok(home)
    }

    /// A new home for rows.
    pub(crate) fn open(&mut self, dtype: DType, len: usize) -> usize {
        self.lowered.homes.push(Home { place: Place::Open, dtype, len });
        self.lowered.homes.len() - 1
    }

    /// The home of a buffer of rows.
    pub(crate) fn home(&mut self, buffer: BufferId) -> Result<usize, String> {
        if let Some(home) = self.homes.get(&buffer) {
            return Ok(*home);
        }
        let known = self.schedule.buffer(buffer);
        let Layout::Rows(len) = known.layout else { return Err("a whole value taken for rows".into()) };
        let inputs = self.schedule.plan().inputs();
        let input = match known.content {
            Content::Value(value) => inputs.iter().position(|i| i.value == value),
            _ => None,
        };
        let place = input.map_or(Place::Open, Place::Input);
        self.lowered.homes.push(Home { place, dtype: known.dtype, len });
        let home = self.lowered.homes.len() - 1;
        self.homes.insert(buffer, home);
        Ok(home)
    }

    /// The home of a whole value that rows read.
    pub(crate) fn whole(&mut self, buffer: BufferId) -> Result<usize, String> {
        if let Some(home) = self.homes.get(&buffer) {
            return Ok(*home);
        }
        let known = self.schedule.buffer(buffer);
        let (dtype, len) = (known.dtype, known.layout.len());
        let place = match &known.content {
            Content::Known(tensor) => {
                self.lowered.known.push(Array::owned(tensor.clone()));
                Place::Known(self.lowered.known.len() - 1)
            }
            _ => Place::Whole(self.value(buffer)?),
        };
        self.lowered.homes.push(Home { place, dtype, len });
        let home = self.lowered.homes.len() - 1;
        self.homes.insert(buffer, home);
        Ok(home)
    }

    /// The value of the plan that a buffer holds.
    fn value(&self, buffer: BufferId) -> Result<usize, String> {
        match self.schedule.buffer(buffer).content {
            Content::Value(value) => Ok(value.index()),
            _ => Err("a buffer that holds no value".into()),
        }
    }

    /// The place of a reduction over rows.
    pub(crate) fn fold(
        &mut self,
        buffer: BufferId,
        kind: Reduce,
        overwritten: bool,
        terms: usize,
    ) -> Result<usize, String> {
        if let Some(fold) = self.folds.get(&buffer) {
            return Ok(*fold);
        }
        let (value, stage) = (self.value(buffer)?, self.stage);
        let width = self.schedule.row_shapes()[value].iter().product();
        self.lowered.folds.push(FoldDecl { value, kind, stage, overwritten, terms, width });
        let fold = self.lowered.folds.len() - 1;
        self.folds.insert(buffer, fold);
        Ok(fold)
    }
}
