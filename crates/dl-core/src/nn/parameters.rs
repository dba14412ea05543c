//! Selections of parameters: all that are trained, or those whose path matches a pattern.

use std::fmt;

use crate::graph::{Expr, Graph};
use crate::nn::glob;
use crate::ops::Op;

/// Some values of one graph, usually its parameters, in order of declaration.
///
/// ```
/// use dl_core::{F32, Graph, Init, nn};
/// let g = Graph::new();
/// let w = g.parameter("fc1.weight", F32, [784, 128], Init::Zeros);
/// let b = g.parameter("fc1.bias", F32, [128], Init::Zeros);
/// assert_eq!(g.parameters().len(), 2);
/// assert!(g.parameters().matching("*.weight").iter().eq([w]));
/// ```
#[derive(Clone)]
pub struct Parameters<'g> {
    graph: &'g Graph,
    items: Vec<Expr<'g>>,
}

impl Graph {
    /// The trainable parameters declared so far; state such as an optimizer's moments is not among
    /// them.
    #[track_caller]
    pub fn parameters(&self) -> Parameters<'_> {
        let mut items = vec![];
        for decl in self.parameter_decls().iter().filter(|d| d.trainable) {
            items.push(self.get_parameter(&decl.name));
        }
        Parameters { graph: self, items }
    }
}

impl<'g> Parameters<'g> {
    /// A selection by hand.
    ///
    /// # Errors
    /// Recorded when one belongs to another graph.
    #[track_caller]
    pub fn new(graph: &'g Graph, items: impl IntoIterator<Item = Expr<'g>>) -> Self {
        let mut own = vec![];
        for item in items {
            own.push(graph.own(item));
        }
        Parameters { graph, items: own }
    }

    /// Those whose whole path matches `pattern`, where `*` stands for any characters (dots too) and
    /// `?` for one.
    ///
    /// # Errors
    /// Recorded when none does, with the paths that there are.
    #[track_caller]
    pub fn matching(&self, pattern: &str) -> Parameters<'g> {
        let mut items = vec![];
        for item in &self.items {
            if path(*item).is_some_and(|path| glob::matches(pattern, &path)) {
                items.push(*item);
            }
        }
        if items.is_empty() {
            items.push(self.nothing_matches(pattern));
        }
        Parameters { graph: self.graph, items }
    }

    #[track_caller]
    fn nothing_matches(&self, pattern: &str) -> Expr<'g> {
        // After another mistake the layer that declares them may be missing: that one is reported.
        if self.graph.check().is_err() {
            return self.graph.poison();
        }
        let paths: Vec<String> = self.items.iter().filter_map(|e| path(*e)).collect();
        let declared = if paths.is_empty() {
            "none are declared".into()
        } else {
            format!("there are {}", paths.join(", "))
        };
        self.graph.fail(format!("no parameter matches {pattern}: {declared}"))
    }

    /// Declares them frozen: objectives may read them, and need not reach them; nothing trains them.
    ///
    /// ```
    /// use dl_core::{F32, Graph, Init};
    /// let g = Graph::new();
    /// g.parameter("encoder.weight", F32, [4, 4], Init::Zeros);
    /// g.parameter("head.weight", F32, [4, 2], Init::Zeros);
    /// g.parameters().matching("encoder.*").freeze();
    /// assert_eq!(g.parameters().len(), 1);
    /// ```
    pub fn freeze(&self) {
        for path in self.items.iter().filter_map(|e| path(*e)) {
            self.graph.freeze_parameter(&path);
        }
    }

    /// The graph that holds them.
    pub fn graph(&self) -> &'g Graph {
        self.graph
    }

    /// Them as a slice.
    pub fn as_slice(&self) -> &[Expr<'g>] {
        &self.items
    }

    /// Them one by one.
    pub fn iter(&self) -> impl Iterator<Item = Expr<'g>> + '_ {
        self.items.iter().copied()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

impl fmt::Debug for Parameters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.items).finish()
    }
}

impl<'g> IntoIterator for Parameters<'g> {
    type Item = Expr<'g>;
    type IntoIter = std::vec::IntoIter<Expr<'g>>;
    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

impl<'g> From<Expr<'g>> for Parameters<'g> {
    fn from(one: Expr<'g>) -> Self {
        Parameters { graph: one.graph(), items: vec![one] }
    }
}

impl<'g, const N: usize> From<[Expr<'g>; N]> for Parameters<'g> {
    fn from(items: [Expr<'g>; N]) -> Self {
        const { assert!(N > 0, "an empty selection belongs to no graph") };
        Parameters::new(items[0].graph(), items)
    }
}

impl<'g> From<&Parameters<'g>> for Parameters<'g> {
    fn from(parameters: &Parameters<'g>) -> Self {
        parameters.clone()
    }
}

/// The path of a parameter; nothing for other values.
pub(super) fn path(expr: Expr<'_>) -> Option<String> {
    match &expr.node().op {
        Op::Parameter(name) => Some(name.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::faults;
    use crate::{F32, Init};
    use expect_test::expect;

    fn declared() -> Graph {
        let g = Graph::new();
        for path in ["fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"] {
            g.parameter(path, F32, [2], Init::Zeros);
        }
        g.state("fc1.m", F32, [2], Init::Zeros);
        g
    }

    #[test]
    fn patterns_select_in_order_of_declaration() {
        let g = declared();
        let check = |pattern: &str, want: &str| {
            let paths: Vec<String> = g.parameters().matching(pattern).iter().filter_map(path).collect();
            assert_eq!(paths.join(" "), want);
        };
        check("*", "fc1.weight fc1.bias fc2.weight fc2.bias");
        check("*.weight", "fc1.weight fc2.weight");
        check("fc?.bias", "fc1.bias fc2.bias");
        check("fc2.weight", "fc2.weight");
        g.check().unwrap();
    }

    #[test]
    fn a_pattern_that_matches_nothing_is_recorded_once() {
        let g = declared();
        crate::nn::l2(g.parameters().matching("*.wieght"));
        g.parameters().matching("fc1.m");
        expect!["no parameter matches *.wieght: there are fc1.weight, fc1.bias, fc2.weight, fc2.bias"]
            .assert_eq(&faults(&g));
        let empty = Graph::new();
        empty.parameters().matching("*");
        expect!["no parameter matches *: none are declared"].assert_eq(&faults(&empty));
    }
}
