//! Losses of two classes that stand for -1 and 1, and of pairs to be ranked.

use crate::graph::Expr;
use crate::nn::loss::{require_alike, require_non_negative};

/// The hinge loss `max(0, 1 - target·score)`, element by element, for targets -1 and 1; its gradient at
/// the hinge is 0.
///
/// Cortes, Vapnik: "Support-vector networks", Machine Learning 20, 1995. PyTorch has it only for
/// several classes: [`MultiMargin`](crate::nn::MultiMargin).
///
/// Shapes: both the same, and so is the result.
///
/// # Errors
/// Recorded when the shapes or element types differ, or are no floats.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let j = nn::hinge(g.input("x", F64, [3]), g.input("t", F64, [3]));
/// let data = [("x", Tensor::vector(vec![0.5, 2.0, 2.0])), ("t", Tensor::vector(vec![1.0, 1.0, -1.0]))];
/// assert_eq!(interp::eval_expr(j, &data)?.to_f64(), [0.5, 0.0, 3.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn hinge<'g>(score: Expr<'g>, target: Expr<'g>) -> Expr<'g> {
    match require_alike("hinge", score, target) {
        Ok(()) => (1.0 - target * score).relu().called("hinge", &[score, target]),
        Err(poison) => poison,
    }
}

/// The square of the [`hinge`] loss, which has no kink: `max(0, 1 - target·score)²`, element by element.
///
/// Chang, Hsieh, Lin: "Coordinate descent method for large-scale L2-loss linear support vector
/// machines", JMLR 9, 2008. PyTorch has no such loss.
///
/// Shapes: both the same, and so is the result.
///
/// # Errors
/// Recorded when the shapes or element types differ, or are no floats.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let j = nn::squared_hinge(g.input("x", F64, [2]), g.input("t", F64, [2]));
/// let data = [("x", Tensor::vector(vec![0.5, 2.0])), ("t", Tensor::vector(vec![1.0, -1.0]))];
/// assert_eq!(interp::eval_expr(j, &data)?.to_f64(), [0.25, 9.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn squared_hinge<'g>(score: Expr<'g>, target: Expr<'g>) -> Expr<'g> {
    match require_alike("squared_hinge", score, target) {
        Ok(()) => (1.0 - target * score).relu().square().called("squared_hinge", &[score, target]),
        Err(poison) => poison,
    }
}

/// The logistic loss `log(1 + exp(-target·score))`, element by element, for targets -1 and 1: a hinge
/// without a kink, which does not overflow.
///
/// As PyTorch's `soft_margin_loss` with `reduction='none'`.
///
/// Shapes: both the same, and so is the result.
///
/// # Errors
/// Recorded when the shapes or element types differ, or are no floats.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let j = nn::soft_margin(g.input("x", F64, [2]), g.input("t", F64, [2]));
/// let data = [("x", Tensor::vector(vec![0.0, 1000.0])), ("t", Tensor::vector(vec![1.0, -1.0]))];
/// assert_eq!(interp::eval_expr(j, &data)?.to_f64(), [2f64.ln(), 1000.0]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn soft_margin<'g>(score: Expr<'g>, target: Expr<'g>) -> Expr<'g> {
    match require_alike("soft_margin", score, target) {
        Ok(()) => (-(target * score)).softplus().called("soft_margin", &[score, target]),
        Err(poison) => poison,
    }
}

/// `max(0, -target·(first - second) + margin)`, element by element: `first` is to be above `second` by
/// the margin where the target is 1, and below where it is -1; its gradient
/// at the hinge is 0.
///
/// As PyTorch's `margin_ranking_loss` with `reduction='none'`; its default is `margin = 0`.
///
/// Shapes: all three the same, and so is the result.
///
/// # Errors
/// Recorded when the shapes or element types differ, or are no floats, or when the margin is negative.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let (a, b, t) = (g.input("a", F64, ()), g.input("b", F64, ()), g.input("t", F64, ()));
/// let data = [("a", Tensor::scalar(1.0)), ("b", Tensor::scalar(0.5)), ("t", Tensor::scalar(1.0))];
/// assert_eq!(interp::eval_expr(nn::margin_ranking(a, b, t, 2.0), &data)?.item()?, 1.5);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn margin_ranking<'g>(first: Expr<'g>, second: Expr<'g>, target: Expr<'g>, margin: f64) -> Expr<'g> {
    let fits = require_non_negative(first, "margin_ranking with margin", margin);
    let alike = require_alike("margin_ranking", first, second);
    match alike.and_then(|()| require_alike("margin_ranking", first, target)).and(fits) {
        Ok(()) => {
            (margin - target * (first - second)).relu().called("margin_ranking", &[first, second, target])
        }
        Err(poison) => poison,
    }
}
