//! Groups of parameters, each with an optimizer of its own.

use std::fmt;

use crate::graph::{Expr, Graph};
use crate::nn::{Gradient, Optimizer, Parameters, glob, parameters};

/// One optimizer for some parameters, others for those whose paths match a pattern.
///
/// Patterns are those of [`Parameters::matching`]. The first one that matches a parameter decides, in
/// the order in which they were given; what none matches goes to the optimizer of
/// [`new`](Groups::new). An optimizer sees the gradients of its group only: [`ClipNorm`](crate::nn::ClipNorm)
/// around the groups takes the norm over all of them, inside it over one.
///
/// # Errors
/// Recorded when a pattern matches no parameter, or only such as an earlier one has taken.
///
/// ```
/// use dl_core::{F64, Graph, Init};
/// use dl_core::nn::{self, Adam, Groups, Sgd};
/// let g = Graph::new();
/// let w = g.parameter("fc.weight", F64, [2], Init::Zeros);
/// let b = g.parameter("fc.bias", F64, [2], Init::Zeros);
/// let optimizer = Groups::new(Sgd::new(0.1).weight_decay(1e-4)).with("*.bias", Adam::new(0.2));
/// let step = nn::l2(w + b).minimize(optimizer)?;
/// assert_eq!(step.updates().len(), 5);
/// # Ok::<(), dl_core::Error>(())
/// ```
pub struct Groups {
    others: Box<dyn Optimizer>,
    groups: Vec<(String, Box<dyn Optimizer>)>,
}

impl Groups {
    /// No group yet: all parameters go to `optimizer`.
    pub fn new(optimizer: impl Optimizer + 'static) -> Groups {
        Groups { others: Box::new(optimizer), groups: vec![] }
    }

    /// Parameters that match `pattern`, and no pattern before it, go to `optimizer`.
    pub fn with(mut self, pattern: &str, optimizer: impl Optimizer + 'static) -> Groups {
        self.groups.push((pattern.into(), Box::new(optimizer)));
        self
    }
}

impl Optimizer for Groups {
    fn updates<'g>(&self, graph: &'g Graph, gradients: &[Gradient<'g>]) -> Vec<(Expr<'g>, Expr<'g>)> {
        let all = Parameters::new(graph, gradients.iter().map(|of| of.parameter));
        let mut left = gradients.to_vec();
        let mut updates = vec![];
        for (pattern, optimizer) in &self.groups {
            let (group, rest): (Vec<_>, Vec<_>) = left.iter().partition(|of| matches(pattern, of));
            if group.is_empty() && !all.matching(pattern).iter().any(|e| e.is_poison()) {
                graph.fail(format!("group {pattern} is empty: earlier groups have all that it matches"));
            }
            updates.extend(optimizer.updates(graph, &group));
            left = rest;
        }
        updates.extend(self.others.updates(graph, &left));
        updates
    }
}

fn matches(pattern: &str, of: &Gradient<'_>) -> bool {
    parameters::path(of.parameter).is_some_and(|path| glob::matches(pattern, &path))
}

impl fmt::Debug for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let groups = self.groups.iter().map(|(pattern, optimizer)| (pattern, optimizer));
        f.debug_map().entry(&"others", &self.others).entries(groups).finish()
    }
}

#[cfg(test)]
mod tests {
    use crate::nn::{self, Adam, ClipNorm, Groups, Sgd};
    use crate::testing::faults;
    use crate::{F64, Graph, Init};
    use expect_test::{Expect, expect};

    /// Which state a step of `optimizer` has, over two layers.
    fn state(optimizer: Groups, want: Expect) {
        let g = Graph::new();
        let paths = ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"];
        let sum = paths.map(|path| g.parameter(path, F64, [2], Init::Zeros)).into_iter().reduce(|a, b| a + b);
        let found = match nn::l2(sum.unwrap()).minimize(optimizer) {
            Ok(step) => step.updates().iter().map(|u| u.parameter.to_string()).collect::<Vec<_>>().join(" "),
            Err(_) => faults(&g),
        };
        want.assert_eq(&found);
    }

    #[test]
    fn the_first_pattern_that_matches_decides() {
        state(
            Groups::new(Sgd::new(0.1))
                .with("fc1.*", Sgd::new(0.1).momentum(0.9))
                .with("*.bias", Adam::new(0.1)),
            expect![
                "sgd.v(fc1.weight) fc1.weight sgd.v(fc1.bias) fc1.bias adam.m(fc2.bias) adam.v(fc2.bias) adam.t(fc2.bias) fc2.bias fc2.weight"
            ],
        );
        state(
            Groups::new(Sgd::new(0.1)).with("*", ClipNorm::new(1.0, Sgd::new(0.1).momentum(0.9))),
            expect![
                "sgd.v(fc1.weight) fc1.weight sgd.v(fc1.bias) fc1.bias sgd.v(fc2.weight) fc2.weight sgd.v(fc2.bias) fc2.bias"
            ],
        );
    }

    #[test]
    fn empty_groups_are_refused() {
        state(
            Groups::new(Sgd::new(0.1)).with("*.wieght", Adam::new(-1.0)),
            expect![[r#"
            no parameter matches *.wieght: there are fc1.weight, fc1.bias, fc2.weight, fc2.bias
            adam with learning rate -1: at least 0 is needed"#]],
        );
        state(
            Groups::new(Sgd::new(-0.1)).with("fc?.*", Sgd::new(0.1)).with("*.bias", Adam::new(0.1)),
            expect![[r#"
                group *.bias is empty: earlier groups have all that it matches
                sgd with learning rate -0.1: at least 0 is needed"#]],
        );
    }
}
