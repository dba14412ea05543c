//! From an objective and an optimizer to the program of a training step.

use std::panic::Location;

use crate::dim::Name;
use crate::error::Result;
use crate::graph::{Expr, Graph, Origin, Scopes};
use crate::nn::audit::{ancestors, is_trainable, refuse_unused_inputs};
use crate::nn::{Gradient, Optimizer, Parameters, parameters};
use crate::program::Program;

impl<'g> Expr<'g> {
    /// The program of a training step: the objective, its gradient with respect to every trainable
    /// parameter of the graph, the optimizer's updates, and those of state that layers declare for what
    /// the objective computes ([`updating`](Expr::updating)).
    ///
    /// Its outputs are the objective, by its own name or as `J` (as `J′` where something else in the
    /// graph is called so), and every named scalar that the objective is computed from.
    ///
    /// # Errors
    /// Every mistake of the graph's construction at once; or that the objective is not a float scalar,
    /// that there is nothing to train, that the objective does not depend on a parameter (with the
    /// edge that cuts the path), or that nothing uses a scalar input, such as a factor λ.
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
        let graph = self.graph();
        let here = Origin::at(Location::caller());
        let gradients = self.gradients(wrt);
        let updates = graph.attributed(&here, || optimizer.updates(graph, &gradients));
        refuse_unused_inputs(graph);
        let name = graph.origin(self.id()).name.unwrap_or_else(|| free_name(graph));
        let name = &*name;
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
        program.state_updates().compile()
    }

    /// The gradients with respect to the given parameters, each beside its parameter: what
    /// [`minimize`](Expr::minimize) gives to an optimizer, for a driver of one's own.
    ///
    /// # Errors
    /// Recorded as `minimize` does: when the objective is not a float scalar, or does not depend on a
    /// parameter.
    ///
    /// ```
    /// use dl_core::{F64, Graph, Init, Program};
    /// let g = Graph::new();
    /// let theta = g.parameter("θ", F64, (), Init::Zeros);
    /// let j = (theta - 3.0).square();
    /// let gradient = j.gradients(g.parameters())[0].gradient;
    /// let program = Program::builder(&g).output("J", j).output("gradient", gradient).compile()?;
    /// assert_eq!(program.outputs().len(), 2);
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    #[track_caller]
    pub fn gradients(self, wrt: impl Into<Parameters<'g>>) -> Vec<Gradient<'g>> {
        let here = Origin::at(Location::caller());
        let wrt = wrt.into();
        self.graph().attributed(&here, || {
            let wrt = Parameters::new(self.graph(), wrt.iter());
            gradients_of(self, &wrt)
        })
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

/// `J`, with as many primes as it takes to be nobody else's name.
fn free_name(graph: &Graph) -> Name {
    let named = graph.named();
    let mut name = String::from("J");
    while named.iter().any(|(taken, _)| **taken == *name) {
        name.push('′');
    }
    name.into()
}

/// The named scalars that the objective is computed from, itself left out, in the order of naming.
fn named_scalars<'g>(objective: Expr<'g>) -> Vec<(Name, Expr<'g>)> {
    let below = ancestors(objective, |_| true);
    let scopes = Scopes::of(&objective.graph().nodes());
    let reported = |e: Expr<'g>| {
        let outside = scopes.free(e.id()).is_empty();
        e != objective && outside && below.contains(&e.id()) && e.shape().rank() == 0
    };
    objective.graph().named().into_iter().filter(|(_, e)| reported(*e)).collect()
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
    fn names_of_users_and_our_own_never_meet() {
        let g = Graph::new();
        // What Adam called its moments would be these, if their names had no form of their own.
        let paths = ["w", "adam.m.w", "adam.v.w", "adam.t.w", "J", "objective", "step", "∂J/∂w"];
        let sum = paths.map(|path| g.parameter(path, F64, (), Init::Zeros)).into_iter().reduce(|a, b| a + b);
        let j = sum.unwrap().square().named("J") + nn::l2(g.parameters()).named("J′");
        let step = j.minimize(Adam::new("rate")).unwrap();
        let names: Vec<&str> = step.outputs().iter().map(|o| o.name.as_ref()).collect();
        assert_eq!(names, ["J′′", "J", "J′"]);
        assert_eq!(step.updates().len(), 4 * paths.len());
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
