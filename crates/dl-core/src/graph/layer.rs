//! Layers as the author sees them: which operations belong to which, and what each gives.

use std::panic::Location;

use serde::{Deserialize, Serialize};

use crate::dim::Name;
use crate::graph::{Expr, Graph};
use crate::shape::Shape;

/// A layer that was built: what [`Graph::summary`] has a line for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerNote {
    /// Its path, such as `fc1`.
    pub path: Name,
    /// What it is, such as `dense`.
    pub kind: Name,
    /// The shape of its result.
    pub output: Shape,
}

/// A layer that is being built, until this is dropped; see [`Graph::layer`].
pub struct Layer<'g> {
    graph: &'g Graph,
    path: Name,
    kind: Name,
    before: Option<Name>,
    line: Option<Line<'g>>,
}

/// Attributes what is built, while this lives, to one line of the user's program.
pub(crate) struct Line<'g> {
    graph: &'g Graph,
    before: Option<&'static Location<'static>>,
}

impl Graph {
    /// Begins a layer: what is built while the result lives belongs to it (to the innermost one, where
    /// layers are inside each other). The layers of [`nn`](crate::nn) do this themselves; a layer of your
    /// own does it to have its line in a [`summary`](Graph::summary).
    ///
    /// ```
    /// use dl_core::{Expr, F32, Graph, nn};
    /// fn highway<'g>(x: Expr<'g>, path: &str) -> Expr<'g> {
    ///     let layer = x.graph().layer("highway", path);
    ///     let gate = nn::dense(x, &format!("{path}.gate"), 8).sigmoid();
    ///     let y = gate * nn::dense(x, &format!("{path}.value"), 8).relu() + (1.0 - gate) * x;
    ///     layer.output(y)
    /// }
    /// let g = Graph::new();
    /// highway(g.input("x", F32, (3, 8)), "first");
    /// let paths: Vec<_> = g.layers().iter().map(|layer| layer.path.to_string()).collect();
    /// assert_eq!(paths, ["first", "first.gate", "first.value"]);
    /// ```
    pub fn layer(&self, kind: &str, path: &str) -> Layer<'_> {
        let mut inner = self.inner.borrow_mut();
        let (path, kind): (Name, Name) = (path.into(), kind.into());
        let before = inner.layer.replace(path.clone());
        let note = LayerNote { path: path.clone(), kind: kind.clone(), output: Shape::scalar() };
        if !inner.layers.iter().any(|other| other.path == path && other.kind == kind) {
            inner.layers.push(note);
        }
        Layer { graph: self, path, kind, before, line: None }
    }

    /// The same for a layer of the library: all of it is attributed to the caller's line.
    #[track_caller]
    pub(crate) fn library_layer(&self, kind: &str, path: &str) -> Layer<'_> {
        let mut layer = self.layer(kind, path);
        layer.line = Some(self.caller_line());
        layer
    }

    /// Attributes what is built, while the result lives, to the caller's line: closures do not know it. The
    /// line of an outer one stays.
    #[track_caller]
    pub(crate) fn caller_line(&self) -> Line<'_> {
        let mut inner = self.inner.borrow_mut();
        let before = inner.line;
        inner.line = before.or(Some(Location::caller()));
        Line { graph: self, before }
    }

    /// The layers that were built, in the order in which they began.
    pub fn layers(&self) -> Vec<LayerNote> {
        self.inner.borrow().layers.clone()
    }
}

impl<'g> Layer<'g> {
    /// `value`, which is the layer's result.
    pub fn output(self, value: Expr<'g>) -> Expr<'g> {
        let shape = value.shape();
        let mut inner = self.graph.inner.borrow_mut();
        let own = inner.layers.iter_mut().find(|note| note.path == self.path && note.kind == self.kind);
        if let Some(note) = own {
            note.output = shape;
        }
        drop(inner);
        value
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.graph.inner.borrow_mut().line = self.before;
    }
}

impl Drop for Layer<'_> {
    fn drop(&mut self) {
        self.line.take();
        self.graph.inner.borrow_mut().layer = self.before.take();
    }
}
