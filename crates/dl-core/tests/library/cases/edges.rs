//! Edges: what the library gives for nothing, and where roots have no derivative.

use dl_core::{DType, Dims, Expr, Graph, I64, Named, Program, Shape, Tensor, nn};

const B: Named = Named("B");
const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

/// A function of one array at one point, its value, and the gradient of its sum.
pub(crate) struct Edge {
    pub(crate) name: &'static str,
    /// As declared.
    shape: Shape,
    /// In a run.
    sizes: Vec<usize>,
    x: &'static [f64],
    function: Box<dyn for<'g> Fn(Expr<'g>) -> Expr<'g>>,
    pub(crate) value: &'static [f64],
    pub(crate) gradient: &'static [f64],
}

/// The outputs `value`, `gradient`, and `second`, the gradient of the gradient's sum of squares.
pub(crate) struct Ready {
    pub(crate) program: Program,
    pub(crate) x: Tensor,
}

impl Edge {
    pub(crate) fn ready(&self, dtype: DType, rewriting: bool) -> Ready {
        let g = Graph::new();
        let x = g.input("x", dtype, &self.shape);
        let value = (self.function)(x);
        let gradient = value.sum(..).grad(&[x])[0];
        let second = gradient.square().sum(..).grad(&[x])[0];
        let builder = Program::builder(&g);
        let builder = builder.output("value", value).output("gradient", gradient).output("second", second);
        let builder = if rewriting { builder } else { builder.without_rewriting() };
        let program = builder.compile().unwrap_or_else(|e| panic!("{}: {e}", self.name));
        let x = Tensor::from_f64(dtype, self.sizes.clone(), self.x).expect("as many as the sizes say");
        Ready { program, x }
    }

    /// What is wrong with what a run gave for an output.
    pub(crate) fn judge(&self, output: &str, got: &Tensor) -> Option<String> {
        let close = |a: f64, b: f64| a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-6 * b.abs();
        let (name, got) = (self.name, got.to_f64());
        let want = match output {
            "value" => self.value,
            "gradient" => self.gradient,
            // Where the value is a number, so are all its derivatives.
            _ if self.value.iter().any(|v| v.is_nan()) || got.iter().all(|x| x.is_finite()) => return None,
            _ => return Some(format!("{name}, {output}: {got:?} is not finite")),
        };
        let fits = got.len() == want.len() && got.iter().zip(want).all(|(a, b)| close(*a, *b));
        (!fits).then(|| format!("{name}, {output}: got {got:?}, expected {want:?}"))
    }
}

fn edge(
    name: &'static str,
    shape: impl Into<Shape>,
    x: &'static [f64],
    function: impl for<'g> Fn(Expr<'g>) -> Expr<'g> + 'static,
    value: &'static [f64],
    gradient: &'static [f64],
) -> Edge {
    let shape = shape.into();
    let sizes = shape.eval(&Dims::new().with("B", 1)).expect("only B has no size");
    Edge { name, shape, sizes, x, function: Box::new(function), value, gradient }
}

/// All rows but the first.
fn rest<'g>(x: Expr<'g>) -> Expr<'g> {
    let rows = x.shape()[0].clone();
    x.slice(0, 1, rows)
}

/// Zeros like `x`.
fn zeros<'g>(x: Expr<'g>) -> Expr<'g> {
    x.graph().full(x.dtype(), x.shape(), 0.0)
}

/// The labels 0, 1, … for the rows of `x`.
fn labels<'g>(x: Expr<'g>) -> Expr<'g> {
    x.graph().iota(I64, 0, x.shape().without(&[1]))
}

/// Weights that are 0 for the first two of three classes.
fn no_weight<'g>(x: Expr<'g>) -> Expr<'g> {
    x.graph().literal(Tensor::from_f64(x.dtype(), [3], &[0.0, 0.0, 1.0]).expect("three"))
}

fn triplet(p: f64) -> nn::TripletMargin {
    nn::TripletMargin::new().p(p).eps(0.0)
}

pub(crate) fn edges() -> Vec<Edge> {
    let mut all = of_nothing();
    all.extend(means_of_nothing());
    all.extend(roots_at_zero());
    all.extend(layers());
    all
}

/// Statistics of what does not vary, and attention to nothing.
#[rustfmt::skip]
fn layers() -> Vec<Edge> {
    vec![
        edge("layer_norm of equal numbers", (B, 2), &[3.0, 3.0], |x| nn::LayerNorm::new().without_affine().apply(x, "n"), &[0.0; 2], &[0.0; 2]),
        edge("rms_norm of zeros", (B, 2), &[0.0; 2], |x| nn::RmsNorm::new().eps(0.25).without_affine().apply(x, "n"), &[0.0; 2], &[2.0; 2]),
        edge("batch_norm of one row", (B, 2), &[3.0, 4.0], |x| nn::BatchNorm::new().without_affine().apply(x, "n", nn::Mode::Train), &[0.0; 2], &[0.0; 2]),
        edge("group_norm of one place", (B, 2), &[3.0, 3.0], |x| nn::GroupNorm::new(2).without_affine().apply(x, "n"), &[0.0; 2], &[0.0; 2]),
        edge("attention to nothing", [2, 1], &[3.0, 4.0], |x| nn::Attention::new().mask(x.gt(9.0)).apply(x, x, x), &[0.0; 2], &[0.0; 2]),
    ]
}

#[rustfmt::skip]
fn of_nothing() -> Vec<Edge> {
    vec![
        edge("norm of no elements", [0], &[], |x| nn::norm(x, ..), &[0.0], &[]),
        edge("norm of empty rows", [2, 0], &[], |x| nn::norm(x, 1), &[0.0, 0.0], &[]),
        edge("norm of no rows", [0, 2], &[], |x| nn::norm(x, 0), &[0.0, 0.0], &[]),
        edge("norm of no differences", (B, 2), &[3.0, 4.0], |x| nn::norm(rest(x), 0), &[0.0, 0.0], &[0.0; 2]),
        edge("root of the sum of no squares", [0, 2], &[], |x| x.square().sum(..).sqrt(), &[0.0], &[]),
        edge("root of the sum of no differences", (B, 2), &[3.0, 4.0], |x| rest(x).square().sum(..).sqrt(), &[0.0], &[0.0; 2]),
        edge("l1 of nothing", [0, 2], &[], |x| nn::l1(x), &[0.0], &[]),
        edge("l2 of nothing", [0, 2], &[], |x| nn::l2(x), &[0.0], &[]),
        edge("elastic net of nothing", [0, 2], &[], |x| nn::elastic_net(x, 0.5), &[0.0], &[]),
        edge("group lasso of no groups", [0, 2], &[], |x| nn::group_lasso(x, 1), &[0.0], &[]),
        edge("group lasso of empty groups", [0, 2], &[], |x| nn::group_lasso(x, 0), &[0.0], &[]),
        edge("orthogonality of no columns", [2, 0], &[], |x| nn::orthogonality(x), &[0.0], &[]),
        edge("orthogonality of no rows", [0, 2], &[], |x| nn::orthogonality(x), &[2.0], &[]),
        edge("max norm of no rows", [0, 2], &[], |x| nn::max_norm(x, 1.0, 0).sum(..), &[0.0], &[]),
        edge("total variation of nothing", [0], &[], |x| nn::total_variation(x, ..), &[0.0], &[]),
        edge("total variation of no columns", [2, 0], &[], |x| nn::total_variation(x, ..), &[0.0], &[]),
        edge("isotropic variation of nothing", [0], &[], |x| nn::isotropic_total_variation(x, ..), &[0.0], &[]),
        edge("isotropic variation of no columns", [2, 0], &[], |x| nn::isotropic_total_variation(x, ..), &[0.0], &[]),
        edge("isotropic variation along nothing", [2, 0], &[], |x| nn::isotropic_total_variation(x, 1), &[0.0, 0.0], &[]),
        edge("triplets of no numbers, p = 1", [2, 0], &[], |x| triplet(1.0).each(x, x, x), &[1.0, 1.0], &[]),
        edge("triplets of no numbers, p = 2", [2, 0], &[], |x| triplet(2.0).each(x, x, x), &[1.0, 1.0], &[]),
        edge("triplets of no numbers, p = 3", [2, 0], &[], |x| triplet(3.0).each(x, x, x), &[1.0, 1.0], &[]),
        edge("triplets of no numbers, p = ∞", [2, 0], &[], |x| triplet(INF).each(x, x, x), &[1.0, 1.0], &[]),
        edge("cosines of no numbers", [2, 0], &[], |x| {
            nn::cosine_embedding(x, x, x.graph().full(x.dtype(), [2], 1.0), 0.0)
        }, &[1.0, 1.0], &[]),
        edge("triplets of no differences, p = ∞", (2, B), &[3.0, 4.0], |x| {
            let x = rest(x.transpose()).transpose();
            triplet(INF).each(x, x, x)
        }, &[1.0, 1.0], &[0.0; 2]),
        edge("total variation along one row", (B, 2), &[3.0, 4.0], |x| nn::total_variation(x, 0), &[0.0; 2], &[0.0; 2]),
        edge("isotropic variation along one row", (B, 2), &[3.0, 4.0], |x| nn::isotropic_total_variation(x, 0), &[0.0; 2], &[0.0; 2]),
        edge("critic of no numbers", [2, 0], &[], |x| nn::gradient_penalty(x.square().sum(1), x), &[1.0, 1.0], &[]),
        edge("input gradients of no numbers", [2, 0], &[], |x| {
            nn::input_gradient_penalty(x.square().sum(1), x)
        }, &[0.0, 0.0], &[]),
    ]
}

#[rustfmt::skip]
fn means_of_nothing() -> Vec<Edge> {
    let cross = |s: f64| nn::CrossEntropy::new().label_smoothing(s);
    vec![
        edge("mse of nothing", [0, 2], &[], |x| nn::mse(x, zeros(x)).mean(..), &[NAN], &[]),
        edge("rmse of nothing", [0, 2], &[], |x| nn::rmse(x, zeros(x)), &[NAN], &[]),
        edge("rmse of no columns", [2, 0], &[], |x| nn::rmse(x, zeros(x)), &[NAN], &[]),
        edge("KL divergence of nothing", [0, 2], &[], |x| {
            nn::KlDivergence::new().log_target().batch_mean(x, x)
        }, &[NAN], &[]),
        edge("cross entropy of nothing", [0, 3], &[], move |x| cross(0.1).mean(x, labels(x)), &[NAN], &[]),
        edge("cross entropy of no probabilities", [0, 3], &[], move |x| cross(0.1).mean(x, x.softmax(1)), &[NAN], &[]),
        edge("nll of nothing", [0, 3], &[], |x| nn::Nll::new().ignore_index(0).mean(x, labels(x)), &[NAN], &[]),
        edge("cross entropy of no label that counts", [1, 3], &[1.0, 2.0, 4.0], move |x| {
            cross(0.1).ignore_index(0).mean(x, labels(x))
        }, &[NAN], &[0.0; 3]),
        edge("cross entropy of labels without weight", [2, 3], &[1.0, 2.0, 4.0, 0.0, 0.0, 0.0], move |x| {
            cross(0.0).weight(no_weight(x)).mean(x, labels(x))
        }, &[NAN], &[NAN; 6]),
        edge("smoothed cross entropy of labels without weight", [2, 3], &[1.0, 2.0, 4.0, 0.0, 0.0, 0.0], move |x| {
            cross(0.1).weight(no_weight(x)).mean(x, labels(x))
        }, &[NAN], &[NAN; 6]),
        edge("the same where some are ignored", [2, 3], &[1.0, 2.0, 4.0, 0.0, 0.0, 0.0], move |x| {
            cross(0.1).weight(no_weight(x)).ignore_index(0).mean(x, labels(x))
        }, &[NAN], &[0.0, 0.0, 0.0, NAN, NAN, NAN]),
        edge("nll of labels without weight", [2, 3], &[1.0, 2.0, 4.0, 0.0, 0.0, 0.0], |x| {
            nn::Nll::new().weight(no_weight(x)).mean(x, labels(x))
        }, &[NAN], &[NAN, 0.0, 0.0, 0.0, NAN, 0.0]),
    ]
}

#[rustfmt::skip]
fn roots_at_zero() -> Vec<Edge> {
    vec![
        edge("norm at 0", [3], &[0.0; 3], |x| nn::norm(x, ..), &[0.0], &[0.0; 3]),
        edge("norms of rows, one at 0", [2, 2], &[0.0, 0.0, 3.0, 4.0], |x| nn::norm(x, 1), &[0.0, 5.0], &[0.0, 0.0, 0.6, 0.8]),
        edge("hypotenuse at 0", [1], &[0.0], |x| nn::hypot(x, x), &[0.0], &[0.0]),
        edge("rmse at 0", [2], &[0.0; 2], |x| nn::rmse(x, zeros(x)), &[0.0], &[0.0; 2]),
        edge("group lasso at 0", [2, 1], &[0.0; 2], |x| nn::group_lasso(x, 0), &[0.0], &[0.0; 2]),
        edge("isotropic variation at 0", [2, 2], &[1.0; 4], |x| nn::isotropic_total_variation(x, ..), &[0.0], &[0.0; 4]),
        edge("critic without slope", [1, 2], &[0.0; 2], |x| nn::gradient_penalty(x.square().sum(1), x), &[1.0], &[0.0; 2]),
        edge("max norm at 0", [2], &[0.0; 2], |x| nn::max_norm(x, 1.0, ..), &[0.0; 2], &[1.0; 2]),
        edge("equal triplets, p = 1", [1, 2], &[0.0; 2], |x| triplet(1.0).each(x, zeros(x), zeros(x)), &[1.0], &[0.0; 2]),
        edge("equal triplets, p = 1.5", [1, 2], &[0.0; 2], |x| triplet(1.5).each(x, zeros(x), zeros(x)), &[1.0], &[0.0; 2]),
        edge("equal triplets, p = 2", [1, 2], &[0.0; 2], |x| triplet(2.0).each(x, zeros(x), zeros(x)), &[1.0], &[0.0; 2]),
        edge("equal triplets, p = 2.5", [1, 2], &[0.0; 2], |x| triplet(2.5).each(x, zeros(x), zeros(x)), &[1.0], &[0.0; 2]),
        edge("equal triplets, p = 3", [1, 2], &[0.0; 2], |x| triplet(3.0).each(x, zeros(x), zeros(x)), &[1.0], &[0.0; 2]),
        edge("equal triplets, p = 4", [1, 2], &[0.0; 2], |x| triplet(4.0).swap().each(x, zeros(x), zeros(x)), &[1.0], &[0.0; 2]),
        edge("equal triplets, p = ∞", [1, 2], &[0.0; 2], |x| triplet(INF).each(x, zeros(x), zeros(x)), &[1.0], &[0.0; 2]),
        // The negative is at 0 and the positive at 2: |x - 2|ₚ - |x|ₚ + 1, of which the second has no slope.
        edge("a negative at the anchor, p = 3", [1, 1], &[0.0], |x| triplet(3.0).each(x, zeros(x) + 2.0, zeros(x)), &[3.0], &[-1.0]),
        edge("cubes that overflow", [1, 2], &[1e30, 0.0], |x| triplet(3.0).each(x, zeros(x), x), &[1e30], &[1.0, 0.0]),
        edge("cubes that underflow", [1, 2], &[1e-30, 0.0], |x| triplet(3.0).each(x, zeros(x), x), &[1.0], &[1.0, 0.0]),
        edge("cosine of nothing but zeros", [1, 2], &[0.0; 2], |x| {
            nn::cosine_embedding(x, zeros(x), x.graph().full(x.dtype(), [1], 1.0), 0.0)
        }, &[1.0], &[0.0; 2]),
        edge("focal loss of what is sure, γ = 1/2", [2], &[1000.0, -1000.0], |x| {
            nn::Focal::new().gamma(0.5).without_alpha().each(x, x.gt(0.0).cast(x.dtype()))
        }, &[0.0; 2], &[0.0; 2]),
        edge("focal loss of what is sure, γ = 0", [2], &[1000.0, -1000.0], |x| {
            nn::Focal::new().gamma(0.0).without_alpha().each(x, x.gt(0.0).cast(x.dtype()))
        }, &[0.0; 2], &[0.0; 2]),
        edge("focal loss of what is sure, γ = 2", [2], &[1000.0, -1000.0], |x| {
            nn::Focal::new().without_alpha().each(x, x.gt(0.0).cast(x.dtype()))
        }, &[0.0; 2], &[0.0; 2]),
        edge("focal loss of a sure class", [1, 2], &[1000.0, 0.0], |x| nn::Focal::new().gamma(0.5).each(x, labels(x)), &[0.0], &[0.0; 2]),
    ]
}
