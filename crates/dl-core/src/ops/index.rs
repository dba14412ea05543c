//! Indexing: gather and its transpose, iota, sorting.

use serde::{Deserialize, Serialize};

use crate::dtype::{DType, Scalar};
use crate::graph::{Axes, Expr, Graph, Node};
use crate::ops::{Op, Signature, check_axis, required};
use crate::shape::{IntoDim, Shape};

/// Which way to sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// What [`Expr::scatter`] makes of updates: one of a place, and several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scatter {
    /// They add up, in row-major order.
    Add,
    /// The last one in row-major order stands.
    Set,
    /// The largest one stands; equal ones share the gradient equally.
    Max,
    /// The smallest one stands; equal ones share the gradient equally.
    Min,
}

impl Scatter {
    /// What [`Op::Scatter`] leaves where no update goes: as an element of `dtype`.
    pub fn nothing(self, dtype: DType) -> Scalar {
        match (self, dtype) {
            (Scatter::Max, DType::I64) => Scalar::Int(i64::MIN),
            (Scatter::Min, DType::I64) => Scalar::Int(i64::MAX),
            (Scatter::Max, _) => Scalar::of(dtype, f64::NEG_INFINITY),
            (Scatter::Min, _) => Scalar::of(dtype, f64::INFINITY),
            (Scatter::Add | Scatter::Set, _) => Scalar::of(dtype, 0.0),
        }
    }
}

pub(crate) fn signature(
    op: &Op,
    args: &[&Node],
    declared: Option<(DType, &Shape)>,
) -> Result<Signature, String> {
    match op {
        Op::Gather { axis, batch } => {
            let (x, indices) = (args[0], args[1]);
            let shape = gathered(&x.shape, indices, *axis, *batch)?;
            Ok((x.dtype, shape))
        }
        Op::Scatter { kind, axis, batch } => {
            let (indices, updates) = (args[0], args[1]);
            let (dtype, shape) = required(op.name(), declared)?;
            if !dtype.is_numeric() || dtype != updates.dtype {
                return Err(format!(
                    "{} of {} into {dtype}: the same number type is needed",
                    op.name(),
                    updates.dtype
                ));
            }
            if *kind != Scatter::Add && dtype == DType::U8 {
                return Err(format!("{} of {dtype}: cast it first", op.name()));
            }
            let want = gathered(&shape, indices, *axis, *batch)?;
            if want != updates.shape {
                return Err(format!(
                    "{} into {shape} needs updates {want}, got {}",
                    op.name(),
                    updates.shape
                ));
            }
            Ok((dtype, shape))
        }
        Op::Iota(axis) => {
            let (dtype, shape) = required("iota", declared)?;
            check_axis("iota", *axis, &shape)?;
            if !dtype.is_numeric() {
                return Err(format!("iota of {dtype}: a number type is needed"));
            }
            Ok((dtype, shape))
        }
        Op::Sort { axis, .. } | Op::ArgSort { axis, .. } => {
            let x = args[0];
            check_axis(op.name(), *axis, &x.shape)?;
            if !x.dtype.is_numeric() {
                return Err(format!("{} needs numbers, got {}", op.name(), x.dtype));
            }
            let dtype = if matches!(op, Op::Sort { .. }) { x.dtype } else { DType::I64 };
            Ok((dtype, x.shape.clone()))
        }
        _ => Err(format!("{} does not index", op.name())),
    }
}

/// The batch axes, then the axes up to `axis`, then the indices' own, then the rest.
fn gathered(x: &Shape, indices: &Node, axis: usize, batch: usize) -> Result<Shape, String> {
    check_axis("gather", axis, x)?;
    if indices.dtype != DType::I64 {
        return Err(format!("gather needs i64 indices, got {}: cast them", indices.dtype));
    }
    let rank = indices.shape.rank();
    if batch > axis || batch > rank || x[..batch] != indices.shape[..batch] {
        return Err(format!(
            "gather from {x} along axis {axis} by {}: the first {batch} axes must agree",
            indices.shape
        ));
    }
    Ok(x[..axis].iter().chain(&indices.shape[batch..]).chain(&x[axis + 1..]).cloned().collect())
}

impl<'g> Expr<'g> {
    /// Picks slices along `axis` by `indices` (`i64`): `[V, D]` by `[B, T]` along 0 gives `[B, T, D]`.
    /// An index outside the axis is an error of the run.
    #[track_caller]
    pub fn gather(self, axis: usize, indices: Expr<'g>) -> Expr<'g> {
        self.apply(Op::Gather { axis, batch: 0 }, &[indices])
    }

    /// Picks one element of the last axis for every index (`i64`) of the shape before it:
    /// `[B, C]` by `[B]` gives `[B]`. An index outside the axis is an error of the run.
    #[track_caller]
    pub fn pick(self, indices: Expr<'g>) -> Expr<'g> {
        let rank = self.shape().rank();
        if rank == 0 {
            return self.fail("cannot pick from a scalar".into());
        }
        self.apply(Op::Gather { axis: rank - 1, batch: rank - 1 }, &[indices])
    }

    /// The transpose of [`gather`](Expr::gather) with `batch` shared axes: adds `self` at the indices
    /// onto zeros of `shape`.
    #[track_caller]
    pub fn scatter_add(self, axis: usize, batch: usize, indices: Expr<'g>, shape: &Shape) -> Expr<'g> {
        self.scattered(Scatter::Add, (axis, batch), indices, shape)
    }

    /// `self` at the indices of an array of `shape`, and [`nothing`](Scatter::nothing) elsewhere.
    #[track_caller]
    pub(crate) fn scattered(
        self,
        kind: Scatter,
        (axis, batch): (usize, usize),
        indices: Expr<'g>,
        shape: &Shape,
    ) -> Expr<'g> {
        let op = Op::Scatter { kind, axis, batch };
        self.beside(indices).apply_as(op, &[self], self.dtype(), shape.clone())
    }

    /// 1 at each index (`i64`), 0 elsewhere, along a new last axis of `classes`.
    /// An index outside is an error of the run.
    #[track_caller]
    pub fn one_hot(self, dtype: DType, classes: impl IntoDim) -> Expr<'g> {
        let shape = self.shape();
        let wide: Shape = shape.iter().cloned().chain([classes.into_dim()]).collect();
        let ones = self.graph().full(dtype, shape.clone(), 1.0);
        ones.scatter_add(shape.rank(), shape.rank(), self, &wide)
    }

    /// Sorted along `axis`; stable, NaN last.
    #[track_caller]
    pub fn sort(self, axis: isize, order: Order) -> Expr<'g> {
        match axis.resolve(self.shape().rank()) {
            Ok(axes) => self.apply(Op::Sort { axis: axes[0], order }, &[]),
            Err(message) => self.fail(format!("sort {message} of {}", self.shape())),
        }
    }

    /// The indices (`i64`) that sort along `axis`; stable, NaN last.
    #[track_caller]
    pub fn argsort(self, axis: isize, order: Order) -> Expr<'g> {
        match axis.resolve(self.shape().rank()) {
            Ok(axes) => self.apply(Op::ArgSort { axis: axes[0], order }, &[]),
            Err(message) => self.fail(format!("argsort {message} of {}", self.shape())),
        }
    }
}

impl Graph {
    /// `0, 1, 2, …` along `axis` of `shape`.
    #[track_caller]
    pub fn iota(&self, dtype: DType, axis: usize, shape: impl Into<Shape>) -> Expr<'_> {
        self.leaf(Op::Iota(axis), dtype, shape.into())
    }
}
