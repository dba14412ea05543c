//! Gradient rules of an author's own, in place of what the chain rule gives.

use rustc_hash::FxHashMap;

use crate::graph::{Expr, Node, NodeId};
use crate::ops::{Op, Signature};

/// What [`Op::WithGradient`] has before its variables: the value, the value as the rule sees it, and the
/// cotangent as the rule sees it.
pub(crate) const BEFORE_VARIABLES: usize = 3;

/// How many variables a rule is for.
pub(crate) fn variables(arguments: usize) -> usize {
    arguments.saturating_sub(BEFORE_VARIABLES) / 2
}

pub(crate) fn signature(args: &[&Node]) -> Result<Signature, String> {
    let n = variables(args.len());
    if args.len() != BEFORE_VARIABLES + 2 * n {
        return Err(format!("with_gradient of {} arguments", args.len()));
    }
    let y = args[0];
    if !y.dtype.is_float() {
        return Err(format!("with_gradient of {} {}: only floats have gradients", y.dtype, y.shape));
    }
    for (x, dx) in args[BEFORE_VARIABLES..].iter().zip(&args[BEFORE_VARIABLES + n..]).take(n) {
        if !x.dtype.is_float() {
            return Err(format!("with_gradient by {} {}: only floats have gradients", x.dtype, x.shape));
        }
        if (x.dtype, &x.shape) != (dx.dtype, &dx.shape) {
            return Err(format!(
                "with_gradient: the rule gives {} {} for a variable {} {}",
                dx.dtype, dx.shape, x.dtype, x.shape
            ));
        }
    }
    Ok((y.dtype, y.shape.clone()))
}

impl<'g> Expr<'g> {
    /// The same value with a gradient rule of your own: `rule` takes the cotangent `c` of the value, of its
    /// shape, and gives what flows back to each of `wrt`, of the shapes of these. Nothing flows back in any
    /// other way, to other values that `self` is computed from neither. (JAX's `custom_vjp`.)
    ///
    /// The rule is part of the formula: it is differentiated for second derivatives, in which `self` stands
    /// for the value with its rule, and printed where the gradient is. Forward mode is made of it, so it has
    /// to be linear in `c` where that or a second derivative is wanted.
    ///
    /// # Errors
    /// Recorded when the rule does not give one expression for each of `wrt`, or one of another shape or
    /// element type, or when `self` or one of `wrt` holds no floats.
    ///
    /// The cube root as the solution `y` of `y³ = x`, by whatever way it was found, and its derivative by
    /// the theorem of implicit functions:
    ///
    /// ```
    /// use dl_core::{Expr, F64, Graph, Tensor, interp};
    /// fn cube_root<'g>(x: Expr<'g>) -> Expr<'g> {
    ///     let newton = |y: Expr<'g>| y - (y * y * y - x) / (3.0 * y * y);
    ///     let y = (0..40).fold(x, |y, _| newton(y)).stop_gradient();
    ///     y.with_gradient(&[x], |c| [c / (3.0 * y * y)])
    /// }
    /// let g = Graph::new();
    /// let x = g.input("x", F64, ());
    /// let slope = cube_root(x).grad(&[x])[0];
    /// let curvature = slope.grad(&[x])[0];
    /// let at = [("x", Tensor::scalar(8.0))];
    /// assert!((interp::eval_expr(slope, &at)?.item()? - 1.0 / 12.0).abs() < 1e-12);
    /// assert!((interp::eval_expr(curvature, &at)?.item()? + 1.0 / 144.0).abs() < 1e-12);
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    #[track_caller]
    pub fn with_gradient<R>(self, wrt: &[Expr<'g>], rule: impl FnOnce(Expr<'g>) -> R) -> Expr<'g>
    where
        R: IntoIterator<Item = Expr<'g>>,
    {
        let (g, wrt) = (self.graph(), self.beside_all(wrt));
        if self.is_poison() || wrt.iter().any(|x| x.is_poison()) {
            return g.poison();
        }
        if !self.dtype().is_float() {
            return self.fail(format!("with_gradient of {}: only floats have gradients", self.dtype()));
        }
        let zeros = g.full(self.dtype(), self.shape(), 0.0);
        let cotangent = zeros.apply(Op::Variable(g.next_variable()), &[]);
        let value = self.apply(Op::Variable(g.next_variable()), &[]);
        let given: Vec<Expr<'g>> = rule(cotangent).into_iter().collect();
        let gradients = self.beside_all(&given);
        if gradients.len() != wrt.len() {
            return g.fail(format!(
                "with_gradient: the rule gives {} gradients for {} variables",
                gradients.len(),
                wrt.len()
            ));
        }
        // The rule's own value has the rule, too; where it is a variable, the rule means that.
        let mut own: FxHashMap<NodeId, Expr<'g>> = FxHashMap::default();
        if !wrt.contains(&self) {
            own.insert(self.id(), value);
        }
        let ids: Vec<NodeId> = gradients.iter().map(|e| e.id()).collect();
        let mut rest = vec![value, cotangent];
        rest.extend(wrt);
        rest.extend(g.substituted(&ids, &own));
        self.apply(Op::WithGradient, &rest)
    }

    /// The same value with the gradient of `surrogate`, an expression of the same shape: estimators such as
    /// straight-through, where the value is a step and its derivative that of something smooth.
    ///
    /// Bengio, Léonard, Courville: "Estimating or propagating gradients through stochastic neurons for
    /// conditional computation", 2013, arXiv:1308.3432.
    ///
    /// # Errors
    /// Recorded when shapes or element types differ, or are no floats.
    ///
    /// ```
    /// use dl_core::{F64, Graph, Tensor, interp};
    /// let g = Graph::new();
    /// let x = g.input("x", F64, ());
    /// let y = x.floor().with_gradient_of(x).square();
    /// let slope = y.grad(&[x])[0];
    /// let at = [("x", Tensor::scalar(2.25))];
    /// assert_eq!(interp::eval_expr(y, &at)?.item()?, 4.0);
    /// assert_eq!(interp::eval_expr(slope, &at)?.item()?, 4.0);
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    #[track_caller]
    pub fn with_gradient_of(self, surrogate: Expr<'g>) -> Expr<'g> {
        self.with_gradient(&[surrogate], |cotangent| [cotangent])
    }
}

#[cfg(test)]
mod tests {
    use crate::nn::Sgd;
    use crate::testing::{faults, gradient, near, value};
    use crate::{Expr, F32, F64, Graph, I64, Init, Program, Tensor, print};
    use expect_test::expect;

    fn vector(values: &[f64]) -> Tensor {
        Tensor::vector(values.to_vec())
    }

    fn check(f: impl for<'g> Fn(Expr<'g>) -> Expr<'g>, x: &[f64], values: &[f64], slopes: &[f64]) {
        let g = Graph::new();
        let variable = g.input("x", F64, [x.len()]);
        let y = f(variable);
        let data = [("x", vector(x))];
        near(&value(y, &data), values);
        near(&gradient(y.sum(..), variable, &data), slopes);
        let slope = y.sum(..).grad(&[variable])[0];
        let program = Program::builder(&g).output("slope", slope).without_rewriting().compile().unwrap();
        let inputs: Vec<_> = program.inputs().iter().map(|d| (&*d.name, data[0].1.view())).collect();
        let found = crate::interp::evaluate(&program, &inputs, &[], 0, 0).unwrap();
        near(&found.output("slope").unwrap().to_f64(), slopes);
    }

    #[test]
    fn values_have_the_gradient_of_the_rule() {
        check(|x| x.floor().with_gradient_of(x), &[0.4, 2.6], &[0.0, 2.0], &[1.0, 1.0]);
        check(|x| x.sign().with_gradient_of(x.tanh()).exp(), &[0.0], &[1.0], &[1.0]);
        check(|x| x.square().with_gradient(&[x], |c| [-3.0 * c]), &[2.0, 5.0], &[4.0, 25.0], &[-3.0; 2]);
        check(|x| x.with_gradient(&[x], |c| [-c]).square(), &[2.0], &[4.0], &[-4.0]);
        check(
            |x| x.sum(0).with_gradient(&[x], |c| [c.broadcast_to(&x.shape()) * x]),
            &[2.0, 3.0],
            &[5.0],
            &[2.0, 3.0],
        );
    }

    #[test]
    fn what_a_rule_makes_of_its_cotangent_is_not_known_before() {
        // Nothing may be concluded from what stands for the cotangent until there is one.
        check(|x| 5.0 * x.with_gradient(&[x], |c| [c.clip(-1.0, 1.0)]), &[2.0], &[10.0], &[1.0]);
        check(|x| -5.0 * x.with_gradient(&[x], |c| [c.abs()]), &[2.0], &[-10.0], &[5.0]);
        check(|x| x.with_gradient(&[x], |c| [c.gt(0.0).select(x, 7.0)]), &[2.0], &[2.0], &[2.0]);
    }

    #[test]
    fn second_derivatives_go_by_the_rule() {
        let g = Graph::new();
        let x = g.input("x", F64, ());
        // As the rule says, y' = 2y, and so y″ = 4y.
        let y = x.exp();
        let y = y.with_gradient(&[x], |c| [2.0 * c * y]);
        let slope = y.grad(&[x])[0];
        let data = [("x", Tensor::scalar(1.0))];
        near(&value(slope, &data), &[2.0 * 1f64.exp()]);
        near(&gradient(slope, x, &data), &[4.0 * 1f64.exp()]);
        near(&value(y.jvp(&[x], &[g.constant(F64, 3.0)]), &data), &[6.0 * 1f64.exp()]);
        near(&value((y * y).hvp(&[x], &[g.constant(F64, 1.0)])[0], &data), &[16.0 * 2f64.exp()]);
        // An intermediate value as the variable.
        let u = x * x;
        let z = (u + 1.0).with_gradient(&[u], |c| [10.0 * c]);
        near(&value(z.grad(&[u])[0], &data), &[10.0]);
        near(&gradient(z, x, &data), &[20.0]);
    }

    #[test]
    fn a_masked_rule_gives_exactly_nothing() {
        let root = |x: Expr<'_>| -> Vec<f64> {
            let y = x.sqrt().with_gradient(&[x], |c| [c / (2.0 * x.sqrt())]);
            let safe = x.gt(0.0).select(y, 0.0);
            gradient(safe.sum(..), x, &[("x", vector(&[0.0, 4.0]))])
        };
        let g = Graph::new();
        near(&root(g.input("x", F64, [2])), &[0.0, 0.25]);
    }

    #[test]
    fn nothing_flows_to_what_the_rule_leaves_out() {
        let g = Graph::new();
        let (a, b) = (g.parameter("a", F64, (), Init::ones()), g.parameter("b", F64, (), Init::ones()));
        let y = (a * b).with_gradient(&[a], |c| [c]);
        near(&gradient(y, b, &[("a", Tensor::scalar(2.0)), ("b", Tensor::scalar(3.0))]), &[0.0]);
        let error = y.square().minimize(Sgd::new(0.1)).unwrap_err().to_string();
        let why = "parameter b is not trained: the objective depends on it only through with_gradient, whose rule leaves it out";
        assert!(error.contains(why), "{error}");
    }

    #[test]
    fn formulas_show_the_value_and_gradients_the_rule() {
        let g = Graph::new();
        let w = g.parameter("w", F64, (), Init::ones());
        let y = w.floor().with_gradient_of(w.tanh());
        expect![[r#"y = \left\lfloor w\right\rfloor"#]].assert_eq(&print::latex(&[("y", y)]));
        let step = y.square().minimize(Sgd::new(0.1)).unwrap();
        expect![[r#"
            ∂J/∂w = 8·(σ(-2·w)·σ(2·w)·⌊w⌋)
            J = ⌊w⌋²
            w ← w - 0.8·(σ(-2·w)·σ(2·w)·⌊w⌋)"#]]
        .assert_eq(&step.math());
        assert!(Program::from_json(&step.to_json().unwrap()).is_ok());
    }

    #[test]
    fn rules_that_do_not_fit_are_refused_at_their_line() {
        let g = Graph::new();
        let (x, n) = (g.input("x", F64, [2]), g.input("n", I64, [2]));
        let line = line!() + 1;
        x.sum(0).with_gradient(&[x], |c| [c]);
        x.with_gradient(&[x], |c| [c, c]);
        x.with_gradient(&[x], |_| [g.full(F32, [2], 0.0)]);
        x.with_gradient(&[n], |c| [c]);
        n.with_gradient(&[x], |c| [c]);
        x.floor().with_gradient_of(x.sum(0));
        let error = g.check().unwrap_err();
        let lines = error.faults().iter().map(|f| f.site.as_ref().unwrap().line);
        assert!(lines.eq(line..line + 6), "{error}");
        expect![[r#"
            with_gradient: the rule gives f64 [] for a variable f64 [2]
            with_gradient: the rule gives 2 gradients for 1 variables
            with_gradient: the rule gives f32 [2] for a variable f64 [2]
            with_gradient by i64 [2]: only floats have gradients
            with_gradient of i64: only floats have gradients
            with_gradient: the rule gives f64 [2] for a variable f64 []"#]]
        .assert_eq(&faults(&g));
    }
}
