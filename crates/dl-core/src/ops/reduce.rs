//! Reductions: sum, product, maximum, minimum, and the index of an extreme element.

use serde::{Deserialize, Serialize};

use crate::dim::Dim;
use crate::dtype::DType;
use crate::graph::{Axes, Expr, Node};
use crate::ops::{Op, Signature, check_axes, check_axis};

macro_rules! reductions {
    ($($(#[$doc:meta])* $kind:ident $name:literal $identity:expr;)*) => {
        /// What a reduction computes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Reduce { $($(#[$doc])* $kind),* }

        impl Reduce {
            /// All of them.
            pub const ALL: &[Reduce] = &[$(Reduce::$kind),*];

            /// The name in listings.
            pub fn name(self) -> &'static str {
                match self { $(Reduce::$kind => $name),* }
            }

            /// The result over nothing.
            pub fn identity(self) -> f64 {
                match self { $(Reduce::$kind => $identity),* }
            }
        }
    };
}

reductions! {
    /// The sum; 0 over nothing.
    Sum  "sum"        0.0;
    /// The product; 1 over nothing.
    Prod "prod"       1.0;
    /// The maximum; `-∞` over nothing, NaN if one is.
    Max  "reduce_max" f64::NEG_INFINITY;
    /// The minimum; `∞` over nothing, NaN if one is.
    Min  "reduce_min" f64::INFINITY;
}

impl Reduce {
    pub(crate) fn signature(self, axes: &[usize], x: &Node) -> Result<Signature, String> {
        check_axes(self.name(), axes, &x.shape)?;
        if !x.dtype.is_numeric() {
            return Err(format!("{} needs numbers, got {}: cast it first", self.name(), x.dtype));
        }
        if x.dtype == DType::I64
            && matches!(self, Reduce::Max | Reduce::Min)
            && axes.iter().any(|&a| x.shape[a] == Dim::Size(0))
        {
            return Err(format!("{} of {} over nothing: i64 has no infinity", self.name(), x.shape));
        }
        Ok((x.dtype, x.shape.without(axes)))
    }

    pub(crate) fn arg_signature(self, axis: usize, x: &Node) -> Result<Signature, String> {
        check_axis("argmax", axis, &x.shape)?;
        if !matches!(self, Reduce::Max | Reduce::Min) {
            return Err(format!("the index of a {} does not exist", self.name()));
        }
        if !x.dtype.is_numeric() {
            return Err(format!("argmax needs numbers, got {}: cast it first", x.dtype));
        }
        if x.shape[axis] == Dim::Size(0) {
            return Err(format!("argmax along axis {axis} of {}, which is empty", x.shape));
        }
        Ok((DType::I64, x.shape.without(&[axis])))
    }
}

impl<'g> Expr<'g> {
    /// Sum along `axes`, which disappear.
    #[track_caller]
    pub fn sum(self, axes: impl Axes) -> Expr<'g> {
        self.reduce(Reduce::Sum, axes)
    }

    /// Product along `axes`, which disappear.
    #[track_caller]
    pub fn prod(self, axes: impl Axes) -> Expr<'g> {
        self.reduce(Reduce::Prod, axes)
    }

    /// Maximum along `axes`, which disappear; ties share the gradient equally.
    #[track_caller]
    pub fn max(self, axes: impl Axes) -> Expr<'g> {
        self.reduce(Reduce::Max, axes)
    }

    /// Minimum along `axes`, which disappear; ties share the gradient equally.
    #[track_caller]
    pub fn min(self, axes: impl Axes) -> Expr<'g> {
        self.reduce(Reduce::Min, axes)
    }

    /// Arithmetic mean along `axes`, which disappear; NaN over nothing.
    #[track_caller]
    pub fn mean(self, axes: impl Axes) -> Expr<'g> {
        let axes = match axes.resolve(self.shape().rank()) {
            Ok(axes) => axes,
            Err(message) => return self.fail(format!("mean {message} of {}", self.shape())),
        };
        let count = axes.iter().fold(Dim::Size(1), |n, &a| &n * &self.shape()[a]);
        let sum = self.reduce(Reduce::Sum, axes);
        sum / self.graph().extent(self.dtype(), count)
    }

    /// Index (`i64`) of the first maximum along `axis`, which disappears.
    #[track_caller]
    pub fn argmax(self, axis: isize) -> Expr<'g> {
        self.arg_reduce(Reduce::Max, axis)
    }

    /// Index (`i64`) of the first minimum along `axis`, which disappears.
    #[track_caller]
    pub fn argmin(self, axis: isize) -> Expr<'g> {
        self.arg_reduce(Reduce::Min, axis)
    }

    /// A reduction along `axes`, which disappear.
    #[track_caller]
    pub fn reduce(self, kind: Reduce, axes: impl Axes) -> Expr<'g> {
        match axes.resolve(self.shape().rank()) {
            Ok(axes) if axes.is_empty() => self,
            Ok(axes) => self.apply(Op::Reduce { kind, axes }, &[]),
            Err(message) => self.fail(format!("{} {message} of {}", kind.name(), self.shape())),
        }
    }

    #[track_caller]
    fn arg_reduce(self, kind: Reduce, axis: isize) -> Expr<'g> {
        match axis.resolve(self.shape().rank()) {
            Ok(axes) => self.apply(Op::ArgReduce { kind, axis: axes[0] }, &[]),
            Err(message) => self.fail(format!("arg{} {message} of {}", kind.name(), self.shape())),
        }
    }
}
