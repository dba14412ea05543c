//! Calls: which functions made values, and of what, for people who read a derivation.

use crate::dim::Name;
use crate::graph::{Expr, Graph, NodeId};

/// A function's name and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What the function is called: `cross_entropy`.
    pub function: Name,
    /// What it was called with, in the order in which it is written.
    pub args: Vec<NodeId>,
}

impl Graph {
    /// The function that made a value, if one said so; see [`Expr::called`].
    pub fn call(&self, id: NodeId) -> Option<Call> {
        self.inner.borrow().calls.get(&id).cloned()
    }
}

impl<'g> Expr<'g> {
    /// Remembers that the value is a function of others, by the function's name: a
    /// [derivation](crate::derive::Derivation) gives it a line of its own, which says so. Activations, losses and
    /// normalizations of [`nn`](crate::nn) do this themselves; one of your own does it to be seen as what it is. Nothing
    /// else changes. Of several functions that made the same value, the last one is remembered.
    ///
    /// ```
    /// use dl_core::{Expr, F64, Graph, derive::Derivation};
    /// fn charbonnier<'g>(a: Expr<'g>, b: Expr<'g>) -> Expr<'g> {
    ///     ((a - b).square() + 1e-6).sqrt().called("charbonnier", &[a, b])
    /// }
    /// let g = Graph::new();
    /// let (x, y, w) = (g.input("x", F64, [3]), g.input("y", F64, [3]), g.input("w", F64, ()));
    /// let j = charbonnier(w * x, y).mean(..).named("J");
    /// let text = Derivation::of(j, &[w])?.math();
    /// assert!(text.starts_with("J = mean_i(ℓ)\nℓ = charbonnier(w·x, y) = √((w·x - y)² + 10⁻⁶)\n"), "{text}");
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    pub fn called(self, function: &str, args: &[Expr<'g>]) -> Expr<'g> {
        let own = |arg: &Expr<'g>| std::ptr::eq(arg.graph(), self.graph()) && !arg.is_poison();
        if !self.is_poison() && args.iter().all(own) {
            let call = Call { function: function.into(), args: args.iter().map(|arg| arg.id()).collect() };
            self.graph().inner.borrow_mut().calls.insert(self.id(), call);
        }
        self
    }
}
