//! Max-norm: weights are projected back to a ball after each update.

use crate::graph::{Axes, Expr, Graph};
use crate::nn::{Gradient, Optimizer, glob, norm, parameters, require_float};

/// `w`, with the vectors along `axes` that are longer than the bound shortened to it: the projection
/// onto the balls `‖w‖₂ ≤ bound`. Shape in, shape out. Vectors within the bound stay to the bit.
///
/// # Errors
/// Recorded when the bound is not above 0, or `w` holds no floats or has no such axis.
///
/// ```
/// use dl_core::{F64, Graph, Init, Tensor, interp, nn};
/// let g = Graph::new();
/// let w = g.parameter("w", F64, [2, 2], Init::Zeros);
/// let w_is = [("w", Tensor::new([2, 2], vec![3.0, 0.25, 4.0, 0.5])?)];
/// assert_eq!(interp::eval_expr(nn::max_norm(w, 2.5, 0), &w_is)?.to_f64(), [1.5, 0.25, 2.0, 0.5]);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn max_norm<'g>(w: Expr<'g>, bound: f64, axes: impl Axes) -> Expr<'g> {
    if let Err(poison) = require_float("max_norm", w) {
        return poison;
    }
    let shape = w.shape();
    if let Some(message) = misfit(bound) {
        return w.graph().fail(message);
    }
    let axes = match axes.resolve(shape.rank()) {
        Ok(axes) => axes,
        Err(message) => return w.graph().fail(format!("max_norm {message} of {shape}")),
    };
    let kept: Vec<usize> = (0..shape.rank()).filter(|a| !axes.contains(a)).collect();
    let length = norm(w, axes);
    let scale = length.gt(bound).select(bound / length, 1.0);
    w * scale.broadcast_along(&kept, &shape)
}

/// An optimizer whose new weights are projected by [`max_norm`]: the vector of weights that reaches a
/// unit (all axes but the last) never gets longer than the bound. Only parameters of two or more axes
/// are projected, so biases are free, unless a pattern selects them.
///
/// Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov: "Dropout", JMLR 15, 2014, who take bounds
/// of 3 to 4.
///
/// # Errors
/// Recorded when the bound is not above 0, or there is nothing to project.
///
/// ```
/// use dl_core::{F32, Graph, I64, Named};
/// use dl_core::nn::{self, MaxNorm, Sgd};
/// const B: Named = Named("B");
/// let g = Graph::new();
/// let logits = nn::dense(g.input("x", F32, (B, 784)), "fc", 10);
/// let j = nn::cross_entropy(logits, g.input("y", I64, B)).mean(..);
/// let step = j.minimize(MaxNorm::new(Sgd::new(0.1).momentum(0.9), 3.0))?;
/// assert_eq!(step.updates().len(), 4);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct MaxNorm<O> {
    optimizer: O,
    bound: f64,
    pattern: Option<String>,
}

impl<O: Optimizer> MaxNorm<O> {
    /// `optimizer`, followed by the projection.
    pub fn new(optimizer: O, bound: f64) -> Self {
        MaxNorm { optimizer, bound, pattern: None }
    }

    /// Projects the parameters whose path matches, and no others: `*` stands for any characters. A
    /// parameter of one axis is one vector.
    pub fn matching(self, pattern: &str) -> Self {
        MaxNorm { pattern: Some(pattern.into()), ..self }
    }

    fn projects(&self, parameter: Expr<'_>) -> bool {
        match &self.pattern {
            Some(pattern) => parameters::path(parameter).is_some_and(|path| glob::matches(pattern, &path)),
            None => parameter.shape().rank() > 1,
        }
    }
}

impl<O: Optimizer> Optimizer for MaxNorm<O> {
    fn updates<'g>(&self, graph: &'g Graph, gradients: &[Gradient<'g>]) -> Vec<(Expr<'g>, Expr<'g>)> {
        let mut updates = self.optimizer.updates(graph, gradients);
        if let Some(message) = misfit(self.bound) {
            graph.fail(message);
            return updates;
        }
        let trained = gradients.iter().map(|of| of.parameter);
        let projected: Vec<Expr<'g>> = trained.filter(|p| self.projects(*p)).collect();
        if projected.is_empty() {
            let why = match &self.pattern {
                Some(pattern) => format!("no trained parameter matches {pattern}"),
                None => "no trained parameter has two axes".into(),
            };
            graph.fail(format!("max_norm of nothing: {why}"));
        }
        for (parameter, new) in updates.iter_mut().filter(|(p, _)| projected.contains(p)) {
            let rank = parameter.shape().rank();
            let incoming: Vec<usize> = (0..rank.max(2) - 1).filter(|axis| *axis < rank).collect();
            *new = max_norm(*new, self.bound, incoming);
        }
        updates
    }
}

fn misfit(bound: f64) -> Option<String> {
    let fits = bound.is_finite() && bound > 0.0;
    (!fits).then(|| format!("max_norm with bound {bound}: a number above 0 is needed"))
}
