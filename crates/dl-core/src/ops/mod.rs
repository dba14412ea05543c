//! The operations: a small closed set, each defined once, in one table row or one file.

pub mod arrange;
pub mod binary;
pub mod cast;
pub mod contract;
pub mod cumulative;
pub(crate) mod custom;
pub mod einsum;
mod gamma;
pub mod index;
pub mod marker;
pub mod movement;
pub mod noise;
mod normal;
pub mod random;
pub mod reduce;
pub mod scan;
mod segments;
pub mod selection;
pub mod softmax;
pub mod state;
pub mod unary;
pub mod window;

use serde::{Deserialize, Serialize};

pub use self::binary::Binary;
pub use self::contract::Contraction;
pub use self::cumulative::{Cumulative, Prefix, Running};
pub use self::einsum::Einsum;
pub use self::index::{Order, Scatter};
pub use self::marker::Fact;
pub use self::random::{Clock, Counters};
pub use self::reduce::Reduce;
pub use self::scan::Loop;
pub use self::unary::Unary;

use crate::dim::{Dim, Name};
use crate::dtype::{DType, Scalar};
use crate::graph::Node;
use crate::shape::Shape;
use crate::tensor::Literal;

/// What a node computes. The parameters here and the node's arguments, element
/// type and shape are all that there is to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Op {
    // state.rs
    /// A value that every run brings along.
    Input(Name),
    /// A value that a session keeps, and updates may replace.
    Parameter(Name),
    /// One scalar in every element.
    Constant(Scalar),
    /// An array written into the program.
    Literal(Literal),
    /// The size of a dimension, as a number in every element.
    Extent(Dim),
    /// The number of training steps that the session has finished (`i64`, scalar).
    Step,

    // unary.rs, binary.rs, cast.rs
    /// An elementwise function of one argument.
    Unary(Unary),
    /// An elementwise function of two arguments of the same shape.
    Binary(Binary),
    /// `select(condition, a, b)`: elements of `a` where the condition holds, else of `b`.
    Select,
    /// The same values in another element type.
    Cast,

    // reduce.rs
    /// A reduction that removes `axes` (sorted).
    Reduce {
        /// What is computed.
        kind: Reduce,
        /// The axes that disappear.
        axes: Vec<usize>,
    },
    /// The index (`i64`) of the first extreme element along an axis that disappears.
    ArgReduce {
        /// `Max` or `Min`.
        kind: Reduce,
        /// The axis that disappears.
        axis: usize,
    },

    // cumulative.rs
    /// A sum, product, extreme or logarithm of a sum of the elements up to each place along an axis.
    Cumulative {
        /// What is computed.
        kind: Cumulative,
        /// The axis, which stays.
        axis: usize,
        /// From the last element to the first.
        reverse: bool,
    },
    /// `linear_recurrence(a, b)`: `hᵢ = aᵢ·hᵢ₋₁ + bᵢ` along an axis, from 0.
    LinearRecurrence {
        /// The axis, which stays.
        axis: usize,
        /// From the last element to the first.
        reverse: bool,
    },
    // softmax.rs
    /// `log Σ exp(x)` along `axes` (sorted), which disappear; `-∞` over nothing. Composite.
    LogSumExp(Vec<usize>),
    /// `x - log Σ exp(x)` along `axes` (sorted); `-∞` where every element is. Composite.
    LogSoftmax(Vec<usize>),

    // contract.rs
    /// A two-operand einsum: every matrix product there is.
    Contract(Contraction),

    // movement.rs
    /// The same elements in row-major order under another shape.
    Reshape,
    /// Axes in another order: output axis `i` is input axis `permutation[i]`.
    Permute(Vec<usize>),
    /// Input axis `i` becomes output axis `axes[i]` (ascending); along the other axes values repeat.
    Broadcast(Vec<usize>),
    /// Elements `start + i·stride` along each axis.
    Slice {
        /// First index, per axis.
        starts: Vec<Dim>,
        /// Distance between elements, per axis.
        strides: Vec<usize>,
    },
    /// The elements spread out into a larger array of `value`: the transpose of `Slice`.
    Pad {
        /// Index of the first element, per axis.
        starts: Vec<Dim>,
        /// Distance between elements, per axis.
        strides: Vec<usize>,
        /// What stands elsewhere.
        value: Scalar,
    },
    /// Arrays one after the other along an axis.
    Concat(usize),
    /// Axes in reverse order.
    Flip(Vec<usize>),

    // index.rs
    /// `gather(x, indices)`: picks along `axis`, the first `batch` axes going in step.
    Gather {
        /// The axis of `x` that the indices select from.
        axis: usize,
        /// How many leading axes `x` and `indices` share.
        batch: usize,
    },
    /// `scatter(indices, updates)`: updates go to the places that `Gather` would read.
    Scatter {
        /// What becomes of updates of one place.
        kind: Scatter,
        /// The axis of the result that the indices select from.
        axis: usize,
        /// How many leading axes the result and `indices` share.
        batch: usize,
    },
    /// `0, 1, 2, …` along an axis.
    Iota(usize),
    /// Sorted along an axis; stable, NaN last.
    Sort {
        /// The axis.
        axis: usize,
        /// Which way.
        order: Order,
    },
    /// The indices (`i64`) that sort along an axis; stable, NaN last.
    ArgSort {
        /// The axis.
        axis: usize,
        /// Which way.
        order: Order,
    },

    // window.rs
    /// Windows along an axis: it becomes the window's number, and a new last axis the place in it.
    Unfold {
        /// The axis.
        axis: usize,
        /// Elements in a window.
        size: usize,
        /// Distance between windows.
        stride: usize,
        /// Distance between elements of a window.
        dilation: usize,
    },
    /// The transpose of `Unfold`: overlapping windows add up.
    Fold {
        /// The axis.
        axis: usize,
        /// Distance between windows.
        stride: usize,
        /// Distance between elements of a window.
        dilation: usize,
    },

    // random.rs
    /// Uniform numbers in `[0, 1)` from a counter: a function of seed, step or run, stream and element index.
    Random {
        /// Which stream; part of the node's identity.
        stream: u64,
        /// What they change with.
        #[serde(default, skip_serializing_if = "Clock::is_step")]
        clock: Clock,
    },

    // scan.rs
    /// The value of a carry as a step of a scan's body finds it.
    Carry {
        /// Of which scan.
        scan: u64,
        /// Which carry.
        index: usize,
    },
    /// The present step's part of a sequence: its elements at one place along `axis`.
    Element {
        /// Of which scan.
        scan: u64,
        /// The axis of the sequence that disappears.
        axis: usize,
    },
    /// A loop; its arguments are the first values of its carries, then what each step makes of them.
    /// Its own value is the number of steps (`i64`, scalar).
    Scan(Loop),
    /// A carry after the last step of a scan, the argument.
    Final(usize),
    /// The values of the second argument, which is computed in the body of a scan, the first, for all
    /// steps, along this new axis.
    Stack(usize),

    // marker.rs
    /// Identity with no derivative.
    StopGradient,
    /// Identity that rewriting does not see through: what a gradient is taken with respect to.
    Variable(u64),
    /// Identity that states a fact about the value.
    Assume(Fact),
    /// The first argument, with a gradient rule; see [`Expr::with_gradient`](crate::Expr::with_gradient). Then
    /// come the value and the cotangent as the rule sees them, what it is for, and what it gives for each.
    WithGradient,
    /// `grad(objective, wrt)`: a request that differentiation resolves.
    Grad,
    /// Stands where an error was recorded.
    Poison,
}

impl Op {
    /// Element type and shape of the result. `declared` is the node's own, which
    /// ops with a free result shape (reshape, broadcast, …) check and the others must equal.
    pub(crate) fn signature(
        &self,
        args: &[&Node],
        declared: Option<(DType, &Shape)>,
    ) -> Result<Signature, String> {
        if let Some(arity) = self.arity()
            && arity != args.len()
        {
            return Err(format!("{} takes {arity} arguments, got {}", self.name(), args.len()));
        }
        if let Some((_, shape)) = declared {
            self.check_shape(shape)?;
        }
        let found = match self {
            Op::Input(_) | Op::Parameter(_) | Op::Constant(_) | Op::Literal(_) | Op::Extent(_) | Op::Step => {
                state::signature(self, declared)
            }
            Op::Unary(op) => op.signature(args[0]),
            Op::Binary(op) => op.signature(args[0], args[1]),
            Op::Select => cast::select_signature(args),
            Op::Cast => cast::signature(args[0], declared),
            Op::Reduce { kind, axes } => kind.signature(axes, args[0]),
            Op::ArgReduce { kind, axis } => kind.arg_signature(*axis, args[0]),
            Op::Cumulative { kind, axis, .. } => kind.signature(*axis, args[0]),
            Op::LinearRecurrence { axis, .. } => cumulative::recurrence_signature(*axis, args[0], args[1]),
            Op::LogSumExp(_) | Op::LogSoftmax(_) => softmax::signature(self, args[0]),
            Op::Contract(c) => c.signature(args[0], args[1]),
            Op::Reshape
            | Op::Permute(_)
            | Op::Broadcast(_)
            | Op::Slice { .. }
            | Op::Pad { .. }
            | Op::Concat(_)
            | Op::Flip(_) => movement::signature(self, args, declared),
            Op::Gather { .. } | Op::Scatter { .. } | Op::Iota(_) | Op::Sort { .. } | Op::ArgSort { .. } => {
                index::signature(self, args, declared)
            }
            Op::Unfold { .. } | Op::Fold { .. } => window::signature(self, args, declared),
            Op::Random { stream, .. } => random::signature(*stream, declared),
            Op::Carry { .. } | Op::Element { .. } | Op::Scan(_) | Op::Final(_) | Op::Stack(_) => {
                scan::signature(self, args, declared)
            }
            Op::StopGradient | Op::Variable(_) | Op::Assume(_) | Op::Grad => marker::signature(self, args),
            Op::WithGradient => custom::signature(args),
            Op::Poison => Ok((DType::F32, Shape::scalar())),
        }?;
        if declared.is_none() {
            self.check_shape(&found.1)?;
        }
        match declared {
            Some((dtype, shape)) if (dtype, shape) != (found.0, &found.1) => {
                Err(format!("{} gives {} {}, but {dtype} {shape} is declared", self.name(), found.0, found.1))
            }
            _ => Ok(found),
        }
    }

    fn check_shape(&self, shape: &Shape) -> Result<(), String> {
        shape.check().map_err(|why| format!("{} of {why}", self.name()))
    }

    /// The number of arguments, where it is fixed.
    pub fn arity(&self) -> Option<usize> {
        Some(match self {
            Op::Input(_)
            | Op::Parameter(_)
            | Op::Constant(_)
            | Op::Literal(_)
            | Op::Extent(_)
            | Op::Step
            | Op::Iota(_)
            | Op::Random { .. }
            | Op::Carry { .. }
            | Op::Poison => 0,
            Op::Binary(_)
            | Op::Contract(_)
            | Op::LinearRecurrence { .. }
            | Op::Gather { .. }
            | Op::Scatter { .. }
            | Op::Stack(_)
            | Op::Grad => 2,
            Op::Select => 3,
            Op::Scan(scan) => scan.carries.saturating_mul(2),
            Op::Concat(_) | Op::WithGradient => return None,
            _ => 1,
        })
    }

    /// True for what programs say by its name and plans never hold: lowering spells it out.
    pub(crate) fn is_composite(&self) -> bool {
        matches!(self, Op::LogSumExp(_) | Op::LogSoftmax(_))
    }

    /// The dimensions that it needs beside its result's shape.
    pub(crate) fn dims(&self) -> &[Dim] {
        match self {
            Op::Extent(dim) => std::slice::from_ref(dim),
            Op::Slice { starts, .. } | Op::Pad { starts, .. } => starts,
            Op::Scan(scan) => std::slice::from_ref(&scan.length),
            _ => &[],
        }
    }
}

macro_rules! names {
    ($($op:pat => $name:literal,)*) => {
        /// The names of all operations, apart from those of the tables: [`UNARY`](unary::UNARY),
        /// [`BINARY`](binary::BINARY) and [`Reduce::ALL`].
        pub const NAMES: &[&str] = &[$($name),*];

        impl Op {
            /// The name in listings and messages.
            pub fn name(&self) -> &'static str {
                match self {
                    Op::Unary(op) => op.row().name,
                    Op::Binary(op) => op.row().name,
                    Op::Reduce { kind, .. } => kind.name(),
                    $($op => $name,)*
                }
            }
        }
    };
}

names! {
    Op::Input(_) => "input",
    Op::Parameter(_) => "parameter",
    Op::Constant(_) => "constant",
    Op::Literal(_) => "literal",
    Op::Extent(_) => "extent",
    Op::Step => "step",
    Op::Select => "select",
    Op::Cast => "cast",
    Op::ArgReduce { kind: Reduce::Min, .. } => "argmin",
    Op::ArgReduce { .. } => "argmax",
    Op::Cumulative { kind: Cumulative::Prod, .. } => "cumprod",
    Op::Cumulative { kind: Cumulative::Max, .. } => "cummax",
    Op::Cumulative { kind: Cumulative::Min, .. } => "cummin",
    Op::Cumulative { kind: Cumulative::LogSumExp, .. } => "logcumsumexp",
    Op::Cumulative { .. } => "cumsum",
    Op::LinearRecurrence { .. } => "linear_recurrence",
    Op::LogSumExp(_) => "logsumexp",
    Op::LogSoftmax(_) => "log_softmax",
    Op::Contract(_) => "contract",
    Op::Reshape => "reshape",
    Op::Permute(_) => "permute",
    Op::Broadcast(_) => "broadcast",
    Op::Slice { .. } => "slice",
    Op::Pad { .. } => "pad",
    Op::Concat(_) => "concat",
    Op::Flip(_) => "flip",
    Op::Gather { .. } => "gather",
    Op::Scatter { kind: Scatter::Set, .. } => "scatter_set",
    Op::Scatter { kind: Scatter::Max, .. } => "scatter_max",
    Op::Scatter { kind: Scatter::Min, .. } => "scatter_min",
    Op::Scatter { .. } => "scatter_add",
    Op::Iota(_) => "iota",
    Op::Sort { .. } => "sort",
    Op::ArgSort { .. } => "argsort",
    Op::Unfold { .. } => "unfold",
    Op::Fold { .. } => "fold",
    Op::Random { .. } => "random",
    Op::Carry { .. } => "carry",
    Op::Element { .. } => "element",
    Op::Scan(_) => "scan",
    Op::Final(_) => "final",
    Op::Stack(_) => "stack",
    Op::StopGradient => "stop_gradient",
    Op::Variable(_) => "variable",
    Op::Assume(_) => "assume",
    Op::WithGradient => "with_gradient",
    Op::Grad => "grad",
    Op::Poison => "poison",
}

/// Element type and shape.
pub(crate) type Signature = (DType, Shape);

/// The declared signature of an op that cannot do without.
pub(crate) fn required(op: &str, declared: Option<(DType, &Shape)>) -> Result<Signature, String> {
    let (dtype, shape) = declared.ok_or_else(|| format!("{op} needs a declared shape"))?;
    Ok((dtype, shape.clone()))
}

/// `axis < rank`, or what is wrong.
pub(crate) fn check_axis(op: &str, axis: usize, shape: &Shape) -> Result<(), String> {
    if axis < shape.rank() {
        return Ok(());
    }
    Err(format!("{op} along axis {axis} of {shape}, which has {} axes", shape.rank()))
}

/// Sorted, distinct and inside the shape, or what is wrong.
pub(crate) fn check_axes(op: &str, axes: &[usize], shape: &Shape) -> Result<(), String> {
    for axis in axes {
        check_axis(op, *axis, shape)?;
    }
    if axes.windows(2).all(|w| w[0] < w[1]) {
        return Ok(());
    }
    Err(format!("{op} needs distinct axes, got {axes:?}"))
}
