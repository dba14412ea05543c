//! Rows of images.

use crate::dim::Dim;
use crate::graph::Expr;
use crate::shape::Shape;

/// Images `[B, …, C]` as rows `[B, n]`, as [`reshape`](Expr::reshape) makes them: the channels of a place stand
/// side by side.
///
/// PyTorch's channels are an axis before the places, so the rows of its `Flatten` are in another order, and so
/// are the inputs of the dense layer behind them. A dense layer behind this function knows that
/// ([`Role`](crate::graph::Role)), and weights that are loaded from PyTorch are put in order.
///
/// # Errors
/// Recorded when `x` is a scalar or its sizes cannot be counted.
///
/// ```
/// use dl_core::{F32, Graph, Named, nn};
/// let g = Graph::new();
/// let x = g.input("x", F32, (Named("B"), 5, 5, 16));
/// assert_eq!(nn::flatten(x).shape().to_string(), "[B, 400]");
/// ```
#[track_caller]
pub fn flatten<'g>(x: Expr<'g>) -> Expr<'g> {
    if x.is_poison() {
        return x;
    }
    let shape = x.shape();
    let Some((first, rest)) = shape.split_first() else {
        return x.fail("flatten of a scalar: a first axis is needed".into());
    };
    let count = rest.iter().fold(Dim::from(1), |n, size| &n * size);
    let rows = x.reshape(Shape::from([first.clone(), count]));
    let sizes: Option<Vec<usize>> = rest.iter().map(Dim::size).collect();
    if let Some(sizes) = sizes.filter(|sizes| sizes.len() > 1 && !rows.is_poison()) {
        x.graph().note_images(rows, sizes);
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Role;
    use crate::nn::{self, Mode};
    use crate::{F32, Graph, Named};

    const B: Named = Named("B");

    fn role_behind(between: impl for<'g> Fn(Expr<'g>) -> Expr<'g>) -> Role {
        let g = Graph::new();
        let x = between(g.input("x", F32, (B, 3, 4, 2)));
        nn::dense(x, "fc", 5);
        g.check().unwrap();
        let decls = g.parameter_decls();
        decls.into_iter().find(|decl| &*decl.name == "fc.weight").unwrap().role
    }

    #[test]
    fn a_dense_layer_behind_it_knows_the_images() {
        let images = Role::Weight { images: vec![3, 4, 2] };
        assert_eq!(role_behind(flatten), images);
        assert_eq!(role_behind(|x| nn::dropout(flatten(x).relu() * 2.0, 0.5, Mode::Train)), images);
        assert_eq!(role_behind(|x| nn::BatchNorm::new().apply(flatten(x), "bn", Mode::Train)), images);
    }

    #[test]
    fn nothing_is_known_behind_other_layers_and_shapes() {
        assert_eq!(role_behind(|x| x.reshape((B, 24))), Role::WEIGHT);
        assert_eq!(role_behind(|x| nn::dense(flatten(x), "fc0", 24)), Role::WEIGHT);
        assert_eq!(role_behind(|x| flatten(x).reshape((B, 2, 12))), Role::WEIGHT);
        assert_eq!(role_behind(|x| flatten(x.sum([1, 2]))), Role::WEIGHT);
    }
}
