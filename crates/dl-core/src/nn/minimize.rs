//! From an objective and an optimizer to the program of a training step.

use std::collections::HashSet;
use std::panic::Location;

use crate::error::Result;
use crate::graph::{Expr, NodeId, Origin};
use crate::nn::{Gradient, Optimizer, Parameters, parameters};
use crate::ops::{Binary, Op};
use crate::program::Program;

impl<'g> Expr<'g> {
    /// The program of a training step: the objective, its gradient with respect to every trainable
    /// parameter of the graph, and the optimizer's updates.
    ///
    /// Its outputs are the objective, by its own name or as `J`, and every named scalar that the
    /// objective is computed from.
    ///
    /// # Errors
    /// Every mistake of the graph's construction at once; or that the objective is not a float scalar,
    /// that there is nothing to train, or that the objective does not depend on a parameter.
    ///
    /// ```
    /// use dl_core::{F64, Graph, Init};
    /// use dl_core::nn::{self, Sgd};
    /// let g = Graph::new();
    /// let theta = g.parameter("θ", F64, (), Init::Zeros);
    /// let j1 = (theta - 3.0).square().named("J₁");
    /// let j2 = nn::l2(g.parameters()).named("J₂");
    /// let step = (j1 + 0.01 * j2).minimize(Sgd::new(0.1))?;
    /// let outputs: Vec<&str> = step.outputs().iter().map(|o| o.name.as_ref()).collect();
    /// assert_eq!(outputs, ["J", "J₁", "J₂"]);
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    #[track_caller]
    pub fn minimize(self, optimizer: impl Optimizer) -> Result<Program> {
        self.minimize_over(self.graph().parameters(), optimizer)
    }

    /// As [`minimize`](Expr::minimize), training the given parameters only.
    ///
    /// # Errors
    /// As `minimize`, and when something other than a parameter is given.
    ///
    /// ```
    /// use dl_core::{F64, Graph, Init};
    /// use dl_core::nn::Sgd;
    /// let g = Graph::new();
    /// let a = g.parameter("a", F64, (), Init::Zeros);
    /// let b = g.parameter("b", F64, (), Init::Zeros);
    /// let step = (a - b - 1.0).square().minimize_over(a, Sgd::new(0.1))?;
    /// assert_eq!(step.updates().len(), 1);
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    #[track_caller]
    pub fn minimize_over(self, wrt: impl Into<Parameters<'g>>, optimizer: impl Optimizer) -> Result<Program> {
        let (graph, wrt) = (self.graph(), wrt.into());
        let here = Origin { site: Some(Location::caller().into()), name: None };
        let gradients = graph.attributed(&here, || gradients_of(self, &wrt));
        let updates = graph.attributed(&here, || optimizer.updates(graph, &gradients));
        let name = graph.origin(self.id()).name;
        let name = name.as_deref().unwrap_or("J");
        let mut program = Program::builder(graph).output(name, self);
        for (own, value) in named_scalars(self) {
            program = program.output(&own, value);
        }
        for of in &gradients {
            let path = parameters::path(of.parameter).unwrap_or_default();
            program = program.derive(&format!("∂{name}/∂{path}"), of.gradient);
        }
        for (parameter, value) in updates {
            program = program.update(parameter, value);
        }
        program.compile()
    }
}

/// The requests; after a mistake poison, so that it is reported once and the optimizer's settings are
/// checked all the same.
fn gradients_of<'g>(objective: Expr<'g>, wrt: &Parameters<'g>) -> Vec<Gradient<'g>> {
    let parameters: Vec<Expr<'g>> = wrt.iter().filter(|e| parameters::path(*e).is_some()).collect();
    let gradients = if is_trainable(objective, wrt) {
        objective.grad(&parameters)
    } else {
        vec![objective.graph().poison(); parameters.len()]
    };
    let pair = |(parameter, gradient)| Gradient { parameter, gradient };
    parameters.into_iter().zip(gradients).map(pair).collect()
}

/// The named scalars that the objective is computed from, itself left out, in the order of naming.
fn named_scalars<'g>(objective: Expr<'g>) -> Vec<(crate::Name, Expr<'g>)> {
    let below = ancestors(objective, |_| true);
    let reported = |e: Expr<'g>| e != objective && below.contains(&e.id()) && e.shape().rank() == 0;
    objective.graph().named().into_iter().filter(|(_, e)| reported(*e)).collect()
}

/// Whether there is something to train; records why not, and which parameters are out of reach.
fn is_trainable<'g>(objective: Expr<'g>, wrt: &Parameters<'g>) -> bool {
    let graph = objective.graph();
    if objective.is_poison() || wrt.iter().any(Expr::is_poison) {
        return false;
    }
    if objective.shape().rank() != 0 || !objective.dtype().is_float() {
        let (dtype, shape) = (objective.dtype(), objective.shape());
        graph.fail(format!(
            "cannot minimize {dtype} {shape}: a float scalar is needed, sum or average it first"
        ));
        return false;
    }
    if wrt.is_empty() {
        graph.fail("nothing to train: no trainable parameter is declared".into());
        return false;
    }
    let reached = ancestors(objective, differentiable);
    let mut fine = true;
    for parameter in wrt.iter() {
        let message = match parameters::path(parameter) {
            Some(_) if reached.contains(&parameter.id()) => continue,
            Some(path) => unreached(objective, &reached, &path, parameter.id()),
            None => format!("only parameters can be trained, got {}", parameter.node().op.name()),
        };
        graph.fail(message);
        fine = false;
    }
    fine
}

/// Why the objective has no gradient with respect to a parameter: where its path is cut, if it has one.
fn unreached(objective: Expr<'_>, reached: &HashSet<NodeId>, path: &str, parameter: NodeId) -> String {
    let graph = objective.graph();
    let cuts = |id: &&NodeId| {
        let e = graph.expr(**id);
        !differentiable(e) && ancestors(e, |_| true).contains(&parameter)
    };
    let Some(cut) = reached.iter().filter(cuts).min() else {
        return format!("parameter {path} is not trained: the objective does not depend on it");
    };
    let op = match graph.get(*cut).op {
        Op::Binary(Binary::Mul) => "a product with 0",
        ref op => op.name(),
    };
    let place = graph.origin(*cut).site.map_or(String::new(), |site| format!(" at {site}"));
    format!("parameter {path} is not trained: the objective depends on it only through {op}{place}")
}

/// False for what no gradient passes: ops without a derivative, integers, and products with a zero
/// that stands in the formula.
fn differentiable(expr: Expr<'_>) -> bool {
    let node = expr.node();
    match &node.op {
        Op::StopGradient => false,
        Op::Binary(Binary::Mul) => node.args.iter().all(|a| zero(expr.graph().expr(*a)).is_none()),
        Op::Unary(op) => op.row().derivative.is_some(),
        _ => node.dtype.is_float(),
    }
}

/// Something if this is the constant 0, repeated or not.
fn zero(expr: Expr<'_>) -> Option<()> {
    match expr.node().op {
        Op::Broadcast(_) | Op::Reshape => zero(expr.graph().expr(expr.node().args[0])),
        _ => expr.as_constant().filter(|c| *c == 0.0).map(|_| ()),
    }
}

/// Everything that `root` is computed from, itself included, not going on below nodes that `passes`
/// refuses.
fn ancestors<'g>(root: Expr<'g>, passes: impl Fn(Expr<'g>) -> bool) -> HashSet<NodeId> {
    let mut seen = HashSet::from([root.id()]);
    let mut todo = vec![root.id()];
    while let Some(id) = todo.pop() {
        let expr = root.graph().expr(id);
        if passes(expr) {
            todo.extend(expr.node().args.iter().filter(|a| seen.insert(**a)));
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use crate::nn::{self, Adam, Sgd};
    use crate::{F64, Graph, Init, Named, Program};
    use expect_test::{Expect, expect};

    const B: Named = Named("B");

    fn messages(result: crate::Result<Program>, want: Expect) {
        let error = result.unwrap_err();
        let text = |f: &crate::Fault| f.message.split(" at crates").next().unwrap().to_owned();
        want.assert_eq(&error.faults().iter().map(text).collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn outputs_are_the_objective_and_its_named_terms() {
        let g = Graph::new();
        let theta = g.parameter("θ", F64, (), Init::Zeros);
        (theta * 2.0).named("not below");
        (g.input("x", F64, B) * theta).named("no scalar");
        let j1 = (theta - 3.0).square().named("J₁");
        let j = (j1 + 0.5 * nn::l2(theta).named("J₂")).named("loss");
        let step = j.minimize(Sgd::new(0.1)).unwrap();
        let names: Vec<&str> = step.outputs().iter().map(|o| o.name.as_ref()).collect();
        assert_eq!(names, ["loss", "J₁", "J₂"]);
        let names: Vec<&str> = step.derivation().iter().map(|o| o.name.as_ref()).collect();
        assert_eq!(names, ["∂loss/∂θ"]);
    }

    #[test]
    fn parameters_out_of_reach_are_named() {
        let g = Graph::new();
        let a = g.parameter("a", F64, (), Init::Zeros);
        let b = g.parameter("b", F64, (), Init::Zeros);
        g.parameter("c", F64, (), Init::Zeros);
        let d = g.parameter("d", F64, (), Init::Zeros);
        let j = (a * b.stop_gradient()).square() + d.floor() + d.gt(0.0).select(a, 0.0);
        messages(
            j.minimize(Sgd::new(0.1)),
            expect![[r#"
                parameter b is not trained: the objective depends on it only through stop_gradient
                parameter c is not trained: the objective does not depend on it
                parameter d is not trained: the objective depends on it only through floor"#]],
        );
    }

    #[test]
    fn a_literal_zero_cuts_the_path_unless_the_parameter_is_frozen() {
        let g = Graph::new();
        let a = g.parameter("a", F64, [2], Init::Zeros);
        let b = g.parameter("b", F64, [2], Init::Zeros);
        let c = g.parameter("c", F64, [2], Init::Zeros);
        g.parameter("d", F64, [2], Init::Zeros);
        let j = nn::l2(a) + (b * 0.0).sum(..) + a.gather(0, c.argmax(0)) + a.pick(c.sum(..).cast(crate::I64));
        g.parameters().matching("d").freeze();
        messages(
            j.minimize(Sgd::new(0.1)),
            expect![[r#"
                parameter b is not trained: the objective depends on it only through a product with 0
                parameter c is not trained: the objective depends on it only through argmax"#]],
        );
    }

    #[test]
    fn what_cannot_be_minimized_is_refused() {
        let g = Graph::new();
        let x = g.input("x", F64, B);
        messages(
            x.sum(..).minimize(Sgd::new(0.1)),
            expect!["nothing to train: no trainable parameter is declared"],
        );
        let g = Graph::new();
        let w = g.parameter("w", F64, [2], Init::Zeros);
        messages(
            (w * 2.0).minimize(Sgd::new(0.1)),
            expect!["cannot minimize f64 [2]: a float scalar is needed, sum or average it first"],
        );
        let g = Graph::new();
        let w = g.parameter("w", F64, [2], Init::Zeros);
        messages(
            nn::l2(w).minimize_over(w * 2.0, Sgd::new(0.1)),
            expect!["only parameters can be trained, got mul"],
        );
    }

    #[test]
    fn settings_are_checked_together() {
        let check = |optimizer: Box<dyn Fn(crate::Expr<'_>) -> crate::Result<Program>>, want: Expect| {
            let g = Graph::new();
            messages(optimizer(nn::l2(g.parameter("w", F64, [2], Init::Zeros))), want);
        };
        check(
            Box::new(|j| j.minimize(Sgd::new(-0.1).momentum(f64::NAN).nesterov())),
            expect![[r#"
                sgd with learning rate -0.1: at least 0 is needed
                sgd with momentum NaN: at least 0 is needed
                sgd in nesterov's form needs momentum and no dampening"#]],
        );
        check(
            Box::new(|j| j.minimize(Sgd::new(0.1).momentum(0.9).dampening(0.1).nesterov())),
            expect!["sgd in nesterov's form needs momentum and no dampening"],
        );
        check(
            Box::new(|j| j.minimize(Adam::new(f64::NAN).betas(0.9, 1.0).eps(-1.0).weight_decay(-1.0))),
            expect![[r#"
                adam with learning rate NaN: at least 0 is needed
                adam with betas (0.9, 1.0): numbers in [0, 1) are needed
                adam with eps -1: at least 0 is needed
                adam with weight decay -1: at least 0 is needed"#]],
        );
    }

    #[test]
    fn earlier_mistakes_and_settings_are_reported_together() {
        let g = Graph::new();
        let (x, y) = (g.input("x", F64, (B, 3)), g.input("y", F64, (B, 2)));
        let j = nn::mse(nn::dense(x, "fc", 4), y).mean(..);
        messages(
            j.minimize(Adam::new(-1.0)),
            expect![[r#"
            mse of [B, 4] and [B, 2]: shapes differ
            adam with learning rate -1: at least 0 is needed"#]],
        );
    }

    #[test]
    fn faults_point_at_the_line_that_minimizes() {
        let g = Graph::new();
        let w = g.parameter("w", F64, [2], Init::Zeros);
        let line = line!() + 1;
        let error = nn::l2(w).minimize(Sgd::new(-1.0)).unwrap_err();
        assert_eq!(error.faults()[0].site.as_ref().unwrap().line, line);
    }
}
