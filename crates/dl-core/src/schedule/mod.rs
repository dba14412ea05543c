//! Schedules: a plan for given sizes, fused and ordered, as data that every executor reads.
//!
//! A schedule says how a plan is computed, as far as all executors agree: which values live in buffers and
//! for how long, which operations share a kernel, and in which order kernels come. It knows nothing of
//! caches, vectors, threads or devices. The passes come in this order:
//!
//! 1. `batch`: which values go row by row along the batch;
//! 2. `select`, `reduce`, `renew`, `products`, `each`, `looped`: the rows' steps become instructions, matrix
//!    products and loops of both, with the tables and sizes that they need; what costs little is computed anew
//!    in later stages;
//! 3. `group`: instructions are gathered between the products that they wait for;
//! 4. `assemble`: groups become kernels with registers, loads and stores; an elementwise chain from an input
//!    that only products read becomes their prologue, elementwise instructions that follow one product its
//!    epilogue;
//! 5. `fuse`: elementwise steps on whole values share a kernel;
//! 6. `updates`: which parameters may be updated in place, and why others may not;
//! 7. `lifetimes`: from which kernel to which a buffer is needed;
//! 8. `cost`: operations and bytes of each kernel.
//!
//! `verify` says which invariant a schedule breaks, `interpret` runs it in double precision, and `print`
//! shows it.

mod accumulate;
mod assemble;
mod batch;
mod body;
mod buffer;
mod cost;
mod draft;
mod each;
mod evaluate;
mod fuse;
mod group;
mod interpret;
mod item;
mod kernel;
mod lifetimes;
mod looped;

mod maps;
mod new;
mod operation;
mod print;
mod products;
mod readers;
mod reduce;
mod renew;
mod repeat;
mod select;
mod updates;
mod verify;
mod view;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use self::accumulate::Accumulation;
pub use self::batch::{Batch, Part};
pub use self::body::{Access, Body, Index, Instr, Operand, Register};
pub use self::buffer::{Buffer, Content, Layout, Lifetime};
pub use self::cost::Cost;
pub use self::each::Loops;
pub use self::interpret::Results;
pub use self::kernel::{
    Along, Argument, Carry, Domain, Factor, Kernel, KernelId, Loop, Opaque, Pointwise, Product, Section,
    Sizes, Source, Taken,
};
pub use self::operation::Operation;
pub use self::updates::{Method, Reason, Update};
pub use self::view::{Axes, Axis, Overlap};

use crate::dim::{Dims, Name};
use crate::error::Error;
use crate::graph::Origin;
use crate::plan::{Plan, ValueId};

/// A plan for given sizes: buffers, kernels in stages, updates. It prints as a listing.
///
/// ```
/// use std::sync::Arc;
/// use dl_core::nn::{self, Sgd};
/// use dl_core::{Dims, F32, Graph, Named, Plan, Schedule};
/// const B: Named = Named("B");
/// let g = Graph::new();
/// let (x, y) = (g.input("x", F32, (B, 3)), g.input("y", F32, (B, 2)));
/// let step = nn::mse(nn::dense(x, "layer", 2), y).mean(..).minimize(Sgd::new(0.1))?;
/// let schedule = Schedule::new(&Arc::new(Plan::new(&step)), &Dims::new().with("B", 64))?;
/// assert!(schedule.verify().is_ok());
/// assert!(schedule.to_string().contains("product    %3 = x[64, 3]·layer.weight[3, 2]"));
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Schedule {
    plan: Arc<Plan>,
    dims: Dims,
    rows: Result<Rows, String>,
    shapes: Vec<Vec<usize>>,
    row_shapes: Vec<Vec<usize>>,
    buffers: Vec<Buffer>,
    stages: Vec<Stage>,
    updates: Vec<Update>,
    /// By the plan's list.
    outputs: Vec<BufferId>,
    /// By the plan's values.
    held: Vec<Option<BufferId>>,
    /// The values that nothing needs after a kernel, in the kernels' order.
    last_uses: Vec<(KernelId, ValueId)>,
}

/// The batch: its dimension and its size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// The dimension along which kernels go row by row.
    pub dim: Name,
    /// How many rows there are.
    pub count: usize,
}

/// One stage: kernels on whole values, then kernels on the rows of the batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stage {
    /// Each runs once.
    pub whole: Vec<Kernel>,
    /// Each runs for all rows, in any parts; their reductions are complete at the stage's end.
    pub rows: Vec<Kernel>,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);

        impl $name {
            /// As an index.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }
    )*};
}
ids! {
    /// A place in a schedule's list of buffers.
    BufferId
    /// A place in a schedule's list of stages.
    StageId
    /// A place in a plan's list of steps.
    StepId
    /// A place in a plan's list of parameters.
    ParameterId
}

impl StageId {
    /// The first stage.
    pub const FIRST: StageId = StageId(0);

    /// The one after it.
    pub fn next(self) -> StageId {
        StageId(self.0 + 1)
    }
}

impl Schedule {
    /// The plan that it computes.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// The sizes of the named dimensions.
    pub fn dims(&self) -> &Dims {
        &self.dims
    }

    /// The batch.
    ///
    /// # Errors
    /// Why the plan cannot be divided along one; then all kernels are on whole values.
    pub fn rows(&self) -> Result<&Rows, &str> {
        self.rows.as_ref().map_err(String::as_str)
    }

    /// Rows of the batch; 0 if there is none.
    pub fn row_count(&self) -> usize {
        self.rows.as_ref().map_or(0, |rows| rows.count)
    }

    /// The sizes of a value's axes.
    pub fn shape(&self, value: ValueId) -> &[usize] {
        &self.shapes[value.index()]
    }

    /// The same for all values, by the plan's list.
    pub fn shapes(&self) -> &[Vec<usize>] {
        &self.shapes
    }

    /// The same for a batch of one row, by the plan's list.
    pub fn row_shapes(&self) -> &[Vec<usize>] {
        &self.row_shapes
    }

    /// The sizes of a value's axes for a batch of one row.
    pub fn row_shape(&self, value: ValueId) -> &[usize] {
        &self.row_shapes[value.index()]
    }

    /// All buffers.
    pub fn buffers(&self) -> &[Buffer] {
        &self.buffers
    }

    /// One buffer.
    pub fn buffer(&self, id: BufferId) -> &Buffer {
        &self.buffers[id.index()]
    }

    /// The buffer of a value, if it has one.
    pub fn buffer_of(&self, value: ValueId) -> Option<BufferId> {
        self.held[value.index()]
    }

    /// The stages, in order.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The updates of parameters, in the plan's order.
    pub fn updates(&self) -> &[Update] {
        &self.updates
    }

    /// The buffers of the outputs, by the plan's list.
    pub fn outputs(&self) -> &[BufferId] {
        &self.outputs
    }

    /// One kernel.
    pub fn kernel(&self, id: KernelId) -> &Kernel {
        let stage = &self.stages[id.stage.index()];
        match id.section {
            Section::Whole => &stage.whole[id.index],
            Section::Rows => &stage.rows[id.index],
        }
    }

    /// All kernels in order.
    pub fn kernels(&self) -> impl Iterator<Item = (KernelId, &Kernel)> {
        self.stages.iter().enumerate().flat_map(|(stage, kernels)| {
            let of = move |section, index| KernelId { stage: StageId(stage as u32), section, index };
            let whole = kernels.whole.iter().enumerate().map(move |(i, k)| (of(Section::Whole, i), k));
            let rows = kernels.rows.iter().enumerate().map(move |(i, k)| (of(Section::Rows, i), k));
            whole.chain(rows)
        })
    }
}

/// An error with the line that it is from.
fn located(origin: &Origin, why: String) -> Error {
    Error::value(match &origin.site {
        Some(site) => format!("{site}: {why}"),
        None => why,
    })
}
