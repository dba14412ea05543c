//! Programs as people read them: derivation and outputs, then the updates.

use crate::dim::Name;
use crate::graph::{Expr, Graph, NodeId};
use crate::print::roots::Roots;
use crate::print::{dot, latex, math, mathml, sexpr};
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

    /// The same equations as an element `math` in a block, an equation a row: MathML Core.
    pub fn mathml(&self) -> String {
        mathml::table(&self.mathml_rows())
    }

    pub(crate) fn mathml_rows(&self) -> String {
        self.roots(&self.to_graph(), mathml::print)
    }

    /// The same values as s-expressions with element types and shapes, one a line.
    pub fn listing(&self) -> String {
        self.roots(&self.to_graph(), |roots| sexpr::print(&roots))
    }

    /// The graph in Graphviz's language.
    pub fn graphviz(&self) -> String {
        self.roots(&self.to_graph(), |roots| dot::print(&roots))
    }

    /// One of its values, by the names of the others: its own line of the equations.
    pub(crate) fn line(&self, graph: &Graph, node: NodeId) -> String {
        let outputs = self.shown(graph);
        let name = outputs.iter().find(|(_, e)| e.id() == node).map(|(name, _)| name.clone());
        let mut roots = Roots::program(&outputs, &[]);
        if name.is_none() {
            roots.add(self.expr(graph, node));
        }
        let text = math::print(roots);
        let lead = name.map(|name| format!("{name} = "));
        let own = |line: &&str| lead.as_ref().is_none_or(|lead| line.starts_with(lead.as_str()));
        text.lines().rfind(own).unwrap_or_default().to_owned()
    }

    /// The name under which a value is shown.
    pub(crate) fn shown_name(&self, node: NodeId) -> Option<&Name> {
        self.derivation().iter().chain(self.outputs()).find(|o| o.node == node).map(|o| &o.name)
    }

    fn shown<'g>(&self, graph: &'g Graph) -> Vec<(Name, Expr<'g>)> {
        let shown = self.derivation().iter().chain(self.outputs());
        shown.map(|o| (o.name.clone(), self.expr(graph, o.node))).collect()
    }

    fn roots(&self, graph: &Graph, print: impl Fn(Roots<'_>) -> String) -> String {
        let outputs = self.shown(graph);
        let updates: Vec<(Name, Expr<'_>)> =
            self.updates().iter().map(|u| (u.parameter.clone(), self.expr(graph, u.value))).collect();
        print(Roots::program(&outputs, &updates))
    }
}
