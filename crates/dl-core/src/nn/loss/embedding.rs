//! Losses of embeddings: what belongs together is to be near, what does not, far.

use crate::dtype::DType;
use crate::graph::Expr;
use crate::nn::loss::{Checked, require_alike, require_non_negative, require_positive, require_setting};
use crate::nn::{cross_entropy, require_float};
use crate::shape::Shape;
use crate::stable::p_norm;

/// `max(0, d(anchor, positive) - d(anchor, negative) + margin)`: the positive is to be nearer to the
/// anchor than the negative, by the margin. PyTorch's `triplet_margin_loss`.
///
/// The distance is `‖a - b + ε‖ₚ` along the last axis. Balntas, Riba, Ponsa, Mikolajczyk: "Learning local
/// feature descriptors with triplets and shallow convolutional neural networks", BMVC 2016.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let (a, p, n) = (g.input("a", F64, [2]), g.input("p", F64, [2]), g.input("n", F64, [2]));
/// let at = |x, y| Tensor::vector(vec![x, y]);
/// let data = [("a", at(0.0, 0.0)), ("p", at(3.0, 4.0)), ("n", at(0.0, 2.0))];
/// let j = interp::eval_expr(nn::TripletMargin::new().each(a, p, n), &data)?.item()?;
/// assert!((j - 4.0).abs() < 1e-5);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TripletMargin {
    margin: f64,
    p: f64,
    eps: f64,
    swap: bool,
}

impl Default for TripletMargin {
    fn default() -> Self {
        TripletMargin { margin: 1.0, p: 2.0, eps: 1e-6, swap: false }
    }
}

impl TripletMargin {
    /// A margin of 1 and the Euclidean distance, with `ε = 10⁻⁶`.
    pub fn new() -> Self {
        TripletMargin::default()
    }

    /// With another margin, above 0.
    pub fn margin(self, margin: f64) -> Self {
        TripletMargin { margin, ..self }
    }

    /// With another norm, `p ≥ 1`.
    pub fn p(self, p: f64) -> Self {
        TripletMargin { p, ..self }
    }

    /// With another `ε`.
    pub fn eps(self, eps: f64) -> Self {
        TripletMargin { eps, ..self }
    }

    /// With the negative's distance to the anchor or to the positive, whichever is smaller.
    pub fn swap(self) -> Self {
        TripletMargin { swap: true, ..self }
    }

    /// All three `[…, D]` give `[…]`. At the hinge the gradient is 0.
    ///
    /// # Errors
    /// Recorded when the shapes or element types differ, or are no floats, when the margin is not above
    /// 0, `p` below 1, or `ε` negative.
    #[track_caller]
    pub fn each<'g>(&self, anchor: Expr<'g>, positive: Expr<'g>, negative: Expr<'g>) -> Expr<'g> {
        if let Err(poison) = self.check(anchor, positive, negative) {
            return poison;
        }
        let far = self.distance(anchor, negative);
        let far = if self.swap { far.minimum(self.distance(positive, negative)) } else { far };
        let each = (self.margin + self.distance(anchor, positive) - far).relu();
        each.called("triplet_margin", &[anchor, positive, negative])
    }

    #[track_caller]
    fn distance<'g>(&self, a: Expr<'g>, b: Expr<'g>) -> Expr<'g> {
        p_norm(a - b + self.eps, self.p, -1)
    }

    #[track_caller]
    fn check<'g>(&self, anchor: Expr<'g>, positive: Expr<'g>, negative: Expr<'g>) -> Checked<'g> {
        let what = "triplet_margin";
        let margin = require_positive(anchor, "triplet_margin with margin", self.margin);
        let p = require_setting(anchor, "triplet_margin with p", self.p, self.p >= 1.0, "at least 1");
        let eps = require_non_negative(anchor, "triplet_margin with eps", self.eps);
        require_vectors(what, anchor)?;
        require_alike(what, anchor, positive)?;
        require_alike(what, anchor, negative)?;
        margin.and(p).and(eps)
    }
}

/// `1 - cos(a, b)` where the target is 1, `max(0, cos(a, b) - margin)` where it is -1, and 0 elsewhere,
/// for the cosine of the angle between vectors along the last axis. At the hinge the gradient is 0.
///
/// As PyTorch's `cosine_embedding_loss` with `reduction='none'`; its default is `margin = 0`. `10⁻¹²` is
/// added to the square of each norm, so that the cosine of a zero vector is 0.
///
/// Shapes: vectors `[…, D]`, target `[…]` of their element type, result `[…]`.
///
/// # Errors
/// Recorded when the vectors' shapes or element types differ, or are no floats, when the target does not
/// go with them, or when the margin is outside `[-1, 1]`.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp, nn};
/// let g = Graph::new();
/// let (a, b, t) = (g.input("a", F64, [2]), g.input("b", F64, [2]), g.input("t", F64, ()));
/// let data = [
///     ("a", Tensor::vector(vec![1.0, 0.0])),
///     ("b", Tensor::vector(vec![0.0, 2.0])),
///     ("t", Tensor::scalar(1.0)),
/// ];
/// assert_eq!(interp::eval_expr(nn::cosine_embedding(a, b, t, 0.0), &data)?.item()?, 1.0);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn cosine_embedding<'g>(a: Expr<'g>, b: Expr<'g>, target: Expr<'g>, margin: f64) -> Expr<'g> {
    if let Err(poison) = check_cosine(a, b, target, margin) {
        return poison;
    }
    let size = |x: Expr<'g>| (x.square().sum(-1) + SMALL).sqrt();
    let cosine = (a * b).sum(-1) / (size(a) * size(b));
    let apart = target.eq(-1.0).select((cosine - margin).relu(), 0.0);
    target.eq(1.0).select(1.0 - cosine, apart).called("cosine_embedding", &[a, b, target])
}

/// PyTorch writes this number in single precision, 4e-9 off.
const SMALL: f64 = 1e-12f32 as f64;

#[track_caller]
fn check_cosine<'g>(a: Expr<'g>, b: Expr<'g>, target: Expr<'g>, margin: f64) -> Checked<'g> {
    let (what, fits) = ("cosine_embedding", (-1.0..=1.0).contains(&margin));
    let fits = require_setting(a, "cosine_embedding with margin", margin, fits, "a number in [-1, 1]");
    let leading = require_vectors(what, a)?;
    require_alike(what, a, b)?;
    if target.is_poison() {
        return Err(target);
    }
    if (target.dtype(), target.shape()) != (a.dtype(), leading.clone()) {
        return Err(a.graph().fail(format!(
            "{what} of {} and targets {} {}: targets {} {leading} are needed",
            a.shape(),
            target.dtype(),
            target.shape(),
            a.dtype()
        )));
    }
    fits
}

/// Floats `[…, D]`; the shape `[…]`.
#[track_caller]
fn require_vectors<'g>(what: &str, x: Expr<'g>) -> Result<Shape, Expr<'g>> {
    require_float(what, x)?;
    match x.shape().rank() {
        0 => Err(x.graph().fail(format!("{what} of []: vectors along a last axis are needed"))),
        rank => Ok(x.shape().without(&[rank - 1])),
    }
}

/// The contrastive loss InfoNCE: the cross entropy with which the query `i` finds the key `i` among all
/// keys, `-log (exp(qᵢ·kᵢ/τ) / Σⱼ exp(qᵢ·kⱼ/τ))`, for each query.
///
/// van den Oord, Li, Vinyals: "Representation learning with contrastive predictive coding", 2018, with
/// the temperature `τ` of Wu, Xiong, Yu, Lin: "Unsupervised feature learning via non-parametric instance
/// discrimination", CVPR 2018. PyTorch has no such loss. The similarity is the inner product: for cosines,
/// divide the rows by their norms before; for both directions, add the loss with the two exchanged.
///
/// Shapes: both `[B, D]`, result `[B]`.
///
/// # Errors
/// Recorded when the shapes or element types differ, or are no floats, or are no matrices, or when the
/// temperature is not above 0.
///
/// ```
/// use dl_core::{F64, Graph, Named, Tensor, interp, nn};
/// let g = Graph::new();
/// let (q, k) = (g.input("q", F64, (Named("B"), 2)), g.input("k", F64, (Named("B"), 2)));
/// let j = nn::info_nce(q, k, 0.5).mean(..);
/// let rows = Tensor::new([2, 2], vec![1.0, 0.0, 0.0, 1.0])?;
/// let found = interp::eval_expr(j, &[("q", rows.clone()), ("k", rows)])?.item()?;
/// assert!((found - (-2f64).exp().ln_1p()).abs() < 1e-15);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn info_nce<'g>(queries: Expr<'g>, keys: Expr<'g>, temperature: f64) -> Expr<'g> {
    let fits = require_positive(queries, "info_nce with temperature", temperature);
    if let Err(poison) = require_alike("info_nce", queries, keys).and(fits) {
        return poison;
    }
    let (g, shape) = (queries.graph(), queries.shape());
    if shape.rank() != 2 {
        return g.fail(format!("info_nce of {shape}: vectors [B, D] are needed"));
    }
    let own = g.iota(DType::I64, 0, shape.without(&[1]));
    cross_entropy(queries.dot(keys.transpose()) / temperature, own).called("info_nce", &[queries, keys])
}
