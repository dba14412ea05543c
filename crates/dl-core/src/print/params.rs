//! What an operation needs to know besides its arguments, as short text: `0,1` or `bi,io->bo`.

use std::fmt::Display;

use crate::dim::Dim;
use crate::dtype::Scalar;
use crate::graph::Node;
use crate::ops::{Op, Order};
use crate::print::number::Number;
use crate::tensor::Literal;

/// Arrays of up to this many elements are shown.
const FEW: usize = 8;

/// The operation's own parameters and what cannot be inferred of its result; empty for most.
pub(super) fn params(node: &Node, args: &[std::sync::Arc<Node>]) -> String {
    let shape = || dims(&node.shape);
    match &node.op {
        Op::Cast => node.dtype.to_string(),
        Op::Reduce { axes, .. } | Op::Permute(axes) | Op::Flip(axes) => list(axes),
        Op::ArgReduce { axis, .. } | Op::Concat(axis) => axis.to_string(),
        Op::Sort { axis, order } | Op::ArgSort { axis, order } => match order {
            Order::Ascending => axis.to_string(),
            Order::Descending => format!("{axis};descending"),
        },
        Op::Contract(c) => c.to_string(),
        Op::Reshape => shape(),
        Op::Literal(Literal(t)) if t.len() <= FEW => {
            let values = t.to_f64().into_iter().map(|x| Number::new(Scalar::Float(x), node.dtype).ascii());
            format!("{};{}", shape(), values.collect::<Vec<_>>().join(","))
        }
        Op::Literal(_) => shape(),
        Op::Broadcast(axes) => format!("{};{}", list(axes), shape()),
        Op::Slice { starts, strides } => match args.first() {
            Some(x) => list(&ranges(starts, strides, &node.shape, &x.shape)),
            None => list(starts),
        },
        Op::Pad { starts, strides, value } => {
            let mut text = format!("{};{}", dims(starts), shape());
            let zero = value.as_f64() == 0.0;
            if strides.iter().any(|s| *s != 1) || !zero {
                text.push_str(&format!(";{}", list(strides)));
            }
            if !zero {
                text.push_str(&format!(";{}", Number::new(*value, node.dtype).ascii()));
            }
            text
        }
        Op::Gather { axis, batch } => format!("{axis};{batch}"),
        Op::ScatterAdd { axis, batch } => format!("{axis};{batch};{}", shape()),
        Op::Iota(axis) => format!("{axis};{}", shape()),
        Op::Unfold { axis, size, stride, dilation } => format!("{axis};{size};{stride};{dilation}"),
        Op::Fold { axis, stride, dilation } => format!("{axis};{stride};{dilation};{}", shape()),
        Op::Random { stream } => format!("{stream};{}", shape()),
        Op::Variable(id) => id.to_string(),
        Op::Assume(fact) => fact.name().into(),
        Op::Input(_)
        | Op::Parameter(_)
        | Op::Constant(_)
        | Op::Extent(_)
        | Op::Step
        | Op::Unary(_)
        | Op::Binary(_)
        | Op::Select
        | Op::StopGradient
        | Op::Grad
        | Op::Poison => String::new(),
    }
}

/// Which elements a slice takes, as Python writes it: `:`, `0:3`, `1::2`.
pub(super) fn ranges(starts: &[Dim], strides: &[usize], small: &[Dim], large: &[Dim]) -> Vec<String> {
    let axis = |i: usize| {
        let (start, stride, count) = (&starts[i], strides[i], &small[i]);
        if *start == Dim::Size(0) && stride == 1 && *count == large[i] {
            return ":".into();
        }
        let last = &(count - &Dim::Size(1)) * &Dim::from(stride);
        let end = if *count == Dim::Size(0) { start.clone() } else { &(start + &last) + &Dim::Size(1) };
        let step = if stride == 1 { String::new() } else { format!(":{stride}") };
        format!("{}:{}{step}", dim(start), dim(&end))
    };
    (0..starts.len().min(small.len()).min(large.len())).map(axis).collect()
}

/// Dimensions between commas, without spaces.
pub(super) fn dims(dims: &[Dim]) -> String {
    list(&dims.iter().map(dim).collect::<Vec<_>>())
}

/// The scalar of a constant, as text.
pub(super) fn scalar(value: Scalar, node: &Node) -> String {
    Number::new(value, node.dtype).ascii()
}

fn dim(dim: &Dim) -> String {
    dim.to_string().replace(' ', "")
}

fn list<T: Display>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}
