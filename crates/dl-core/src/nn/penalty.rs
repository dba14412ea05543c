//! Regularizers: penalties on parameters, as terms of an objective.

use crate::graph::Expr;
use crate::nn::Parameters;

/// `Σ |θ|` over all elements of all parameters: a scalar. Its gradient at 0 is 0.
///
/// Tibshirani: "Regression shrinkage and selection via the lasso", J. R. Stat. Soc. B 58, 1996.
///
/// # Errors
/// Recorded when there are no parameters, or their element types differ.
///
/// ```
/// use dl_core::{F64, Graph, Init, Tensor, interp, nn};
/// let g = Graph::new();
/// let w = g.parameter("w", F64, [2], Init::Zeros);
/// let w_is = [("w", Tensor::vector(vec![3.0, -4.0]))];
/// assert_eq!(interp::eval_expr(nn::l1(w), &w_is)?.item()?, 7.0);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn l1<'g>(parameters: impl Into<Parameters<'g>>) -> Expr<'g> {
    sum_of("l1", &parameters.into(), Expr::abs)
}

/// `Σ θ²` over all elements of all parameters: a scalar, **without** the factor 1/2 that some texts
/// put there. So `J(θ) = (θ - 3)² + λ·l2(θ)` has its minimum at `3/(1 + λ)`, and `λ·l2` is a
/// weight decay of `2λ` in the sense of PyTorch's SGD.
///
/// Hoerl, Kennard: "Ridge regression", Technometrics 12, 1970.
///
/// # Errors
/// Recorded when there are no parameters, or their element types differ.
///
/// ```
/// use dl_core::{F64, Graph, Init, Tensor, interp, nn};
/// let g = Graph::new();
/// let w = g.parameter("w", F64, [2], Init::Zeros);
/// let w_is = [("w", Tensor::vector(vec![3.0, -4.0]))];
/// assert_eq!(interp::eval_expr(nn::l2(w), &w_is)?.item()?, 25.0);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn l2<'g>(parameters: impl Into<Parameters<'g>>) -> Expr<'g> {
    sum_of("l2", &parameters.into(), Expr::square)
}

/// `ratio·l1 + (1 - ratio)·l2`: the lasso at 1, ridge regression at 0. A scalar.
///
/// Zou, Hastie: "Regularization and variable selection via the elastic net", J. R. Stat. Soc. B 67,
/// 2005, whose `1 - α` is our `ratio`; [`l2`] has no factor 1/2 (scikit-learn has it).
///
/// # Errors
/// Recorded when `ratio` is outside `[0, 1]`, when there are no parameters, or when their element
/// types differ.
///
/// ```
/// use dl_core::{F64, Graph, Init, Tensor, interp, nn};
/// let g = Graph::new();
/// let w = g.parameter("w", F64, [2], Init::Zeros);
/// let w_is = [("w", Tensor::vector(vec![3.0, -4.0]))];
/// assert_eq!(interp::eval_expr(nn::elastic_net(w, 0.5), &w_is)?.item()?, 16.0);
/// # Ok::<(), dl_core::Error>(())
/// ```
#[track_caller]
pub fn elastic_net<'g>(parameters: impl Into<Parameters<'g>>, ratio: f64) -> Expr<'g> {
    let parameters = parameters.into();
    if !(0.0..=1.0).contains(&ratio) {
        return parameters
            .graph()
            .fail(format!("elastic_net with ratio {ratio}: a number in [0, 1] is needed"));
    }
    let first = sum_of("elastic_net", &parameters, Expr::abs);
    if first.is_poison() {
        return first;
    }
    ratio * first + (1.0 - ratio) * l2(parameters)
}

/// The sum of all elements of `f` of every parameter.
#[track_caller]
fn sum_of<'g>(what: &str, parameters: &Parameters<'g>, f: fn(Expr<'g>) -> Expr<'g>) -> Expr<'g> {
    let Some((first, rest)) = parameters.as_slice().split_first() else {
        return parameters.graph().fail(format!("{what} of no parameters"));
    };
    let mut total = f(*first).sum(..);
    for parameter in rest {
        total = total + f(*parameter).sum(..);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::testing::{faults, gradient, near, value};
    use crate::{F32, F64, Graph, Init, Tensor};
    use expect_test::expect;

    #[test]
    fn penalties_of_several_parameters() {
        let g = Graph::new();
        let w = g.parameter("w", F64, [2, 2], Init::Zeros);
        let b = g.parameter("b", F64, [1], Init::Zeros);
        let data = [
            ("w", Tensor::new([2, 2], vec![1.0, -2.0, 0.0, 3.0]).unwrap()),
            ("b", Tensor::vector(vec![-4.0])),
        ];
        near(&value(l1([w, b]), &data), &[10.0]);
        near(&value(l2(g.parameters()), &data), &[30.0]);
        near(&value(elastic_net([w, b], 0.25), &data), &[0.25 * 10.0 + 0.75 * 30.0]);
        near(&gradient(l2([w, b]), w, &data), &[2.0, -4.0, 0.0, 6.0]);
        near(&gradient(l1([w, b]), w, &data), &[1.0, -1.0, 0.0, 1.0]);
        near(&gradient(elastic_net([w, b], 0.25), b, &data), &[-0.25 - 0.75 * 8.0]);
    }

    #[test]
    fn the_tutorials_minimum_has_no_half() {
        let g = Graph::new();
        let theta = g.parameter("θ", F64, (), Init::Zeros);
        let lambda = 0.01;
        let j = (theta - 3.0).square() + lambda * l2(theta);
        near(&gradient(j, theta, &[("θ", Tensor::scalar(3.0 / (1.0 + lambda)))]), &[0.0]);
    }

    #[test]
    fn misuse_is_recorded() {
        let g = Graph::new();
        l2(g.parameters());
        let w = g.parameter("w", F64, [2], Init::Zeros);
        elastic_net(w, 1.5);
        elastic_net(w, f64::NAN);
        l1([w, g.parameter("v", F32, [2], Init::Zeros)]);
        expect![[r#"
            l2 of no parameters
            elastic_net with ratio 1.5: a number in [0, 1] is needed
            elastic_net with ratio NaN: a number in [0, 1] is needed
            add of f64 and f32: element types differ, cast one of them"#]]
        .assert_eq(&faults(&g));
    }
}
