//! Kernels: pointwise bodies, matrix products, and steps that are not fused.

use crate::dtype::{DType, Scalar};
use crate::ops::Reduce;
use crate::schedule::{Axes, Body, BufferId, Loops, Overlap, StageId, StepId};

/// A piece of work that runs without a break.
#[derive(Clone, Debug, PartialEq)]
pub enum Kernel {
    /// A body for every row or element.
    Pointwise(Pointwise),
    /// A matrix product.
    Product(Product),
    /// A step of the plan as it is.
    Opaque(Opaque),
    /// Kernels on rows, once for each step of a scan.
    Loop(Loop),
}

impl Kernel {
    /// The steps of the plan that it computes, each once, in order.
    pub fn steps(&self) -> Vec<StepId> {
        let body = |body: &Body| body.instrs.iter().map(|instr| instr.step).collect::<Vec<_>>();
        let mut steps = match self {
            Kernel::Pointwise(pointwise) => body(&pointwise.body),
            Kernel::Product(product) => {
                let prologues = [&product.left, &product.right].into_iter().filter_map(|f| match &f.source {
                    Source::Prologue(prologue) => Some(body(prologue)),
                    Source::Buffer(_) => None,
                });
                let epilogue = product.epilogue.iter().map(body);
                prologues.chain([vec![product.step]]).chain(epilogue).flatten().collect()
            }
            Kernel::Opaque(opaque) => vec![opaque.step],
            Kernel::Loop(looped) => vec![looped.step],
        };
        steps.sort_unstable();
        steps.dedup();
        steps
    }
}

/// Where a kernel stands in a schedule; earlier kernels are smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KernelId {
    /// Its stage.
    pub stage: StageId,
    /// Before or among the rows.
    pub section: Section,
    /// Its place there.
    pub index: usize,
}

/// A part of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Section {
    /// Kernels on whole values.
    Whole,
    /// Kernels on rows.
    Rows,
}

/// A body for every row or element.
#[derive(Clone, Debug, PartialEq)]
pub struct Pointwise {
    /// The rows or elements for which it runs.
    pub domain: Domain,
    /// The instructions.
    pub body: Body,
}

/// The rows or elements for which a body runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// The rows of the batch.
    Rows,
    /// So many elements of whole values.
    Elements(usize),
}

/// `C[m, n] = A[m, k]·B[k, n]`, the sum of such products over rows, or many of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Product {
    /// The contraction of the plan.
    pub step: StepId,
    /// The element type of all three matrices.
    pub dtype: DType,
    /// For one row of the batch.
    pub sizes: Sizes,
    /// Which of the sizes the number of rows multiplies.
    pub along: Along,
    /// `A`.
    pub left: Factor,
    /// `B`.
    pub right: Factor,
    /// `C`, row by row, or as the loops say; along `k`, a whole value that starts as zeros. None if only the epilogue reads it.
    pub out: Option<BufferId>,
    /// What is added to each row of `C`: a whole value of `n` elements.
    pub bias: Option<BufferId>,
    /// Where the elements of `C` add up, if they do: windows that become an image.
    pub overlap: Option<Box<Overlap>>,
    /// Where there are several products of these sizes in step: for a row of the batch, or of whole values.
    pub loops: Option<Box<Loops>>,
    /// The instructions that follow for each row of the result.
    pub epilogue: Option<Body>,
}

/// Rows, inner size and columns of a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Rows of the result.
    pub m: usize,
    /// Terms of a sum.
    pub k: usize,
    /// Columns of the result.
    pub n: usize,
}

/// Which size of a product goes along the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Along {
    /// The rows of the result: rows by a whole matrix.
    M,
    /// The terms: rows by rows, into a whole value.
    K,
    /// None: each row has products of its own, of which an operand may be whole.
    Each,
    /// None: whole values.
    Nothing,
}

/// An operand of a product: where its rows and columns stand among the elements of the source, of one row of
/// the batch where it has rows. Those of the windows of an image overlap.
#[derive(Clone, Debug, PartialEq)]
pub struct Factor {
    /// Where its elements come from.
    pub source: Source,
    /// Its rows.
    pub rows: Axes,
    /// Its columns.
    pub columns: Axes,
}

/// The elements of a product's operand.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// As they are.
    Buffer(BufferId),
    /// The last register of a body over one load, computed as the product reads.
    Prologue(Body),
}

/// A step of the plan as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Opaque {
    /// The step.
    pub step: StepId,
    /// Its operands.
    pub args: Vec<Argument>,
    /// Its results, in the step's order; only a scan has several.
    pub outs: Vec<BufferId>,
    /// How rows are reduced into the result, where that is a whole value made of rows.
    pub fold: Option<Reduce>,
}

/// A scan of rows: its kernels run once for each step.
#[derive(Clone, Debug, PartialEq)]
pub struct Loop {
    /// The scan.
    pub step: StepId,
    /// How many steps.
    pub length: usize,
    /// Whether the first step takes the last elements.
    pub reverse: bool,
    /// What goes from step to step.
    pub carries: Vec<Carry>,
    /// What each step takes of sequences.
    pub elements: Vec<Taken>,
    /// What each step computes.
    pub body: Vec<Kernel>,
    /// What is kept of each step.
    pub stacks: Vec<Taken>,
}

/// Rows that go from step to step; all nexts are read before any value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carry {
    /// What is there before the first step.
    pub first: BufferId,
    /// What a step finds, if it looks.
    pub value: Option<BufferId>,
    /// What a step leaves.
    pub next: BufferId,
    /// What is there after the last step, if that is wanted.
    pub last: Option<BufferId>,
}

/// The elements of a step among those of all steps: in a row, `runs` times `run` neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Those of all steps.
    pub all: BufferId,
    /// Those of one step.
    pub one: BufferId,
    /// How many runs of neighbours there are.
    pub runs: usize,
    /// How long each is.
    pub run: usize,
}

/// An operand of an opaque kernel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Argument {
    /// The elements of a buffer.
    Buffer(BufferId),
    /// The same number everywhere.
    Number(Scalar),
}

impl Sizes {
    /// The sizes for this number of rows of the batch.
    pub fn of(self, along: Along, rows: usize) -> Sizes {
        match along {
            Along::M => Sizes { m: self.m.saturating_mul(rows), ..self },
            Along::K => Sizes { k: self.k.saturating_mul(rows), ..self },
            Along::Each | Along::Nothing => self,
        }
    }
}

impl Product {
    /// Elements of the result for a row of the batch, or of the whole value.
    pub fn out_len(&self) -> usize {
        let count = self.loops.as_ref().map_or(1, |loops| loops.count);
        self.overlap.as_ref().map_or(count * self.sizes.m * self.sizes.n, |overlap| overlap.len)
    }

    /// How many products there are of [`Sizes::of`] so many rows of the batch.
    pub fn count(&self, rows: usize) -> usize {
        let each = if self.along == Along::Each { rows } else { 1 };
        self.loops.as_ref().map_or(1, |loops| loops.count).saturating_mul(each)
    }
}

impl Loop {
    /// The buffers that each step begins with.
    pub fn begins(&self) -> impl Iterator<Item = BufferId> {
        self.carries.iter().filter_map(|c| c.value).chain(self.elements.iter().map(|e| e.one))
    }

    /// The buffers that only its steps know.
    pub fn inside(&self) -> Vec<BufferId> {
        self.begins().chain(self.body.iter().flat_map(Kernel::writes)).collect()
    }

    /// The buffers of what it leaves.
    pub fn outs(&self) -> Vec<BufferId> {
        self.carries.iter().filter_map(|c| c.last).chain(self.stacks.iter().map(|s| s.all)).collect()
    }

    /// The buffers from outside that it reads.
    fn reads(&self) -> Vec<BufferId> {
        let around = self.carries.iter().map(|c| c.first).chain(self.elements.iter().map(|e| e.all));
        let ends = self.carries.iter().map(|c| c.next).chain(self.stacks.iter().map(|s| s.one));
        let inside = self.inside();
        let all = around.chain(self.body.iter().flat_map(Kernel::reads)).chain(ends);
        all.filter(|buffer| !inside.contains(buffer)).collect()
    }
}

impl Source {
    /// The buffer that is read.
    pub fn buffer(&self) -> Option<BufferId> {
        match self {
            Source::Buffer(buffer) => Some(*buffer),
            Source::Prologue(body) => body.reads().next(),
        }
    }
}

impl Kernel {
    /// The bodies in it.
    pub fn bodies(&self) -> Vec<&Body> {
        match self {
            Kernel::Pointwise(pointwise) => vec![&pointwise.body],
            Kernel::Product(product) => {
                let prologues = [&product.left, &product.right].into_iter().filter_map(|f| match &f.source {
                    Source::Prologue(body) => Some(body),
                    Source::Buffer(_) => None,
                });
                prologues.chain(&product.epilogue).collect()
            }
            Kernel::Opaque(_) => vec![],
            Kernel::Loop(looped) => looped.body.iter().flat_map(Kernel::bodies).collect(),
        }
    }

    /// The buffers that it reads; one that is read twice comes twice.
    pub fn reads(&self) -> Vec<BufferId> {
        match self {
            Kernel::Pointwise(pointwise) => pointwise.body.reads().collect(),
            Kernel::Product(product) => {
                let factors = [&product.left, &product.right].into_iter().filter_map(|f| f.source.buffer());
                factors.chain(product.bias).chain(product.epilogue.iter().flat_map(Body::reads)).collect()
            }
            Kernel::Opaque(opaque) => opaque.args.iter().filter_map(|a| a.buffer()).collect(),
            Kernel::Loop(looped) => looped.reads(),
        }
    }

    /// The buffers that it writes or reduces into.
    pub fn writes(&self) -> Vec<BufferId> {
        match self {
            Kernel::Pointwise(pointwise) => pointwise.body.writes().collect(),
            Kernel::Product(product) => {
                product.out.into_iter().chain(product.epilogue.iter().flat_map(Body::writes)).collect()
            }
            Kernel::Opaque(opaque) => opaque.outs.clone(),
            Kernel::Loop(looped) => [looped.inside(), looped.outs()].concat(),
        }
    }
}

impl Argument {
    /// The buffer, if it is one.
    pub fn buffer(self) -> Option<BufferId> {
        match self {
            Argument::Buffer(buffer) => Some(buffer),
            Argument::Number(_) => None,
        }
    }
}
