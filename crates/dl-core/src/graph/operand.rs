//! What stands beside an expression: numbers as operands, and the ways to name axes.

use std::ops::RangeFull;

use crate::dtype::DType;
use crate::graph::Expr;

/// The other side of an operator: an expression, or a number that becomes a constant.
pub trait Operand<'g>: Copy {
    /// As an expression; numbers take the element type and shape of `like`.
    #[track_caller]
    fn expr(self, like: Expr<'g>) -> Expr<'g>;

    /// The expression, if it is one.
    fn known(self) -> Option<Expr<'g>> {
        None
    }
}

impl<'g> Operand<'g> for Expr<'g> {
    #[track_caller]
    fn expr(self, like: Expr<'g>) -> Expr<'g> {
        like.beside(self)
    }

    fn known(self) -> Option<Expr<'g>> {
        Some(self)
    }
}

impl<'g> Operand<'g> for f64 {
    #[track_caller]
    fn expr(self, like: Expr<'g>) -> Expr<'g> {
        if like.is_poison() {
            return like;
        }
        like.graph().full(like.dtype(), like.shape(), self)
    }
}

/// Both branches of a select on `condition`; if both are numbers they are `f32`.
#[track_caller]
pub(crate) fn pair<'g>(
    condition: Expr<'g>,
    a: impl Operand<'g>,
    b: impl Operand<'g>,
) -> (Expr<'g>, Expr<'g>) {
    let like = a.known().or(b.known());
    let like = like.unwrap_or_else(|| condition.graph().full(DType::F32, condition.shape(), 0.0));
    (a.expr(like), b.expr(like))
}

/// Axes of a value: `1`, `-1` (counted from the end), `[0, 2]`, a `&[usize]`, or `..` for all.
pub trait Axes {
    /// Sorted indices below `rank`, or what is wrong.
    fn resolve(&self, rank: usize) -> Result<Vec<usize>, String>;
}

impl Axes for isize {
    fn resolve(&self, rank: usize) -> Result<Vec<usize>, String> {
        let signed = if *self < 0 { self.checked_add_unsigned(rank) } else { Some(*self) };
        match signed.and_then(|a| usize::try_from(a).ok()).filter(|a| *a < rank) {
            Some(axis) => Ok(vec![axis]),
            None => Err(format!("along axis {self}")),
        }
    }
}

impl<const N: usize> Axes for [isize; N] {
    fn resolve(&self, rank: usize) -> Result<Vec<usize>, String> {
        let mut axes = self.iter().map(|a| a.resolve(rank).map(|v| v[0])).collect::<Result<Vec<_>, _>>()?;
        axes.sort_unstable();
        if axes.windows(2).any(|w| w[0] == w[1]) {
            return Err(format!("along axes {self:?}, one of them twice"));
        }
        Ok(axes)
    }
}

impl Axes for Vec<usize> {
    fn resolve(&self, rank: usize) -> Result<Vec<usize>, String> {
        self.as_slice().resolve(rank)
    }
}

impl Axes for &[usize] {
    fn resolve(&self, rank: usize) -> Result<Vec<usize>, String> {
        let mut axes = self.to_vec();
        axes.sort_unstable();
        if axes.windows(2).any(|w| w[0] == w[1]) || axes.iter().any(|a| *a >= rank) {
            return Err(format!("along axes {self:?}"));
        }
        Ok(axes)
    }
}

impl Axes for RangeFull {
    fn resolve(&self, rank: usize) -> Result<Vec<usize>, String> {
        Ok((0..rank).collect())
    }
}

/// Ok if `x` holds floats; otherwise the fault is recorded and the poison returned.
#[track_caller]
pub(crate) fn require_float<'g>(what: &str, x: Expr<'g>) -> Result<(), Expr<'g>> {
    if x.is_poison() {
        return Err(x);
    }
    if !x.dtype().is_float() {
        let message =
            format!("{what} needs a float (f32 or f64), got {} {}: cast it first", x.dtype(), x.shape());
        return Err(x.graph().fail(message));
    }
    Ok(())
}
