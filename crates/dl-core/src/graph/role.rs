//! What the axes of a parameter mean, for those who keep parameters in another order.

use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

use crate::dtype::DType;
use crate::graph::{Expr, Graph, ParameterDecl};
use crate::init::Init;
use crate::ops::Op;
use crate::shape::Shape;

/// What the axes of a parameter mean. Layers say so when they declare it, so that a file of another
/// framework's weights is put in order by what the program says, not by what names look like.
///
/// ```
/// use dl_core::{F32, Graph, Named, graph::Role, nn};
/// let g = Graph::new();
/// nn::dense(g.input("x", F32, (Named("B"), 784)), "fc1", 128);
/// let roles: Vec<Role> = g.parameter_decls().into_iter().map(|decl| decl.role).collect();
/// assert_eq!(roles, [Role::Weight { images: vec![] }, Role::Other]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Role {
    /// Nothing that others have in another order: biases, scales, tables of embeddings.
    #[default]
    Other,
    /// A weight `[…receptive field, in, out]`, of a dense, convolutional or recurrent layer. (That of a
    /// transposed convolution is the weight of the convolution whose gradient it is.)
    Weight {
        /// The sizes `[…, channels]` of the images whose elements `in` counts, where
        /// [`flatten`](crate::nn::flatten) made rows of them; otherwise none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        images: Vec<usize>,
    },
}

impl Role {
    /// A weight whose inputs are no flattened images.
    pub(crate) const WEIGHT: Role = Role::Weight { images: vec![] };

    /// True for the role of parameters of which nothing is said.
    pub fn is_other(&self) -> bool {
        *self == Role::Other
    }

    /// Whether a parameter of this shape can have it.
    pub(crate) fn check(&self, shape: &[usize]) -> Result<(), String> {
        let Role::Weight { images } = self else {
            return Ok(());
        };
        let [.., inputs, _] = shape else {
            return Err(format!("shape {shape:?} has no two axes, in and out"));
        };
        let count = images.iter().try_fold(1usize, |n, size| n.checked_mul(*size));
        if images.is_empty() || (shape.len() == 2 && count == Some(*inputs)) {
            return Ok(());
        }
        Err(format!("shape {shape:?} has not as many inputs as images {images:?} have elements"))
    }
}

impl Graph {
    /// Declares a parameter as [`parameter`](Graph::parameter) does, with what its axes mean: for layers of one's
    /// own whose weights others have in another order.
    ///
    /// ```
    /// use dl_core::{F32, Graph, Init, graph::Role};
    /// let g = Graph::new();
    /// let weight = Role::Weight { images: vec![] };
    /// g.parameter_as(weight, "head.weight", F32, [128, 10], Init::Zeros);
    /// ```
    #[track_caller]
    pub fn parameter_as(
        &self,
        role: Role,
        name: &str,
        dtype: DType,
        shape: impl Into<Shape>,
        init: Init,
    ) -> Expr<'_> {
        self.declare(ParameterDecl { role, ..ParameterDecl::new(name, dtype, shape.into(), init) })
    }

    /// Notes that `rows` are images of these sizes.
    pub(crate) fn note_images(&self, rows: Expr<'_>, sizes: Vec<usize>) {
        self.inner.borrow_mut().images.insert(rows.id(), sizes);
    }

    /// The sizes of the images of which `x` is the rows, if it is: also after elementwise operations.
    pub(crate) fn images_of(&self, x: Expr<'_>) -> Vec<usize> {
        let inner = self.inner.borrow();
        let shape = &inner.nodes[x.id().index()].shape;
        let (mut todo, mut seen) = (vec![x.id()], FxHashSet::default());
        while let Some(id) = todo.pop() {
            let node = &inner.nodes[id.index()];
            if node.shape != *shape || !seen.insert(id) {
                continue;
            }
            match (inner.images.get(&id), &node.op) {
                (Some(sizes), _) => return sizes.clone(),
                (None, Op::Unary(_) | Op::Binary(_) | Op::Select | Op::Cast | Op::Assume(_)) => {
                    todo.extend(&node.args);
                }
                // The value itself; what follows is the rule.
                (None, Op::WithGradient) => todo.extend(node.args.first()),
                (None, _) => {}
            }
        }
        vec![]
    }
}
