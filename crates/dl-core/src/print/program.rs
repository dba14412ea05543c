//! Programs as people read them: derivation and outputs, then the updates.

use crate::dim::Name;
use crate::graph::{Expr, Graph};
use crate::print::roots::Roots;
use crate::print::{dot, latex, math, sexpr};
use crate::program::Program;

impl Program {
    /// What will run, as aligned LaTeX equations for mathematics mode: the derivation's lines, the
    /// outputs, and the updates as `θ ← …`.
    pub fn latex(&self) -> String {
        self.roots(&self.to_graph(), latex::print)
    }

    /// The same equations as Unicode text for terminals, one a line.
    ///
    /// ```
    /// use dl_core::{F64, Graph, Init, Program};
    /// let g = Graph::new();
    /// let theta = g.parameter("θ", F64, (), Init::Zeros);
    /// let j = (theta - 3.0).square();
    /// let builder = Program::builder(&g).output("J", j).update(theta, theta - 0.1 * theta);
    /// let step = builder.without_rewriting().compile()?;
    /// assert_eq!(step.math(), "J = (θ - 3)²\nθ ← θ - 0.1·θ");
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    pub fn math(&self) -> String {
        self.roots(&self.to_graph(), math::print)
    }

    /// The same values as s-expressions with element types and shapes, one a line.
    pub fn listing(&self) -> String {
        self.roots(&self.to_graph(), |roots| sexpr::print(&roots))
    }

    /// The graph in Graphviz's language.
    pub fn graphviz(&self) -> String {
        self.roots(&self.to_graph(), |roots| dot::print(&roots))
    }

    fn roots(&self, graph: &Graph, print: impl Fn(Roots<'_>) -> String) -> String {
        let outputs: Vec<(Name, Expr<'_>)> = self
            .derivation()
            .iter()
            .chain(self.outputs())
            .map(|o| (o.name.clone(), self.expr(graph, o.node)))
            .collect();
        let updates: Vec<(Name, Expr<'_>)> =
            self.updates().iter().map(|u| (u.parameter.clone(), self.expr(graph, u.value))).collect();
        print(Roots::program(&outputs, &updates))
    }
}
