//! What an operation needs to know besides its arguments, as short text: `0,1` or `bi,io->bo`.

use std::fmt::Display;

use crate::dim::Dim;
use crate::dtype::{DType, Scalar};
use crate::graph::Node;
use crate::ops::{Op, Order};
use crate::print::number::Number;
use crate::tensor::Literal;

/// Arrays of up to this many elements are shown.
const FEW: usize = 8;

/// An operation, what its result is, and the shape of its first argument.
pub(crate) struct Applied<'a> {
    pub(crate) op: &'a Op,
    pub(crate) dtype: DType,
    pub(crate) shape: &'a [Dim],
    pub(crate) first: Option<&'a [Dim]>,
}

/// Whether the element type and the shape of a result stand beside its operation.
#[derive(Clone, Copy, PartialEq)]
enum Signature {
    Shown,
    Omitted,
}

/// The parameters of a node's operation, and what cannot be inferred of its result; empty for most.
pub(super) fn params(node: &Node, args: &[std::sync::Arc<Node>]) -> String {
    let first = args.first().map(|x| &x.shape[..]);
    Applied { op: &node.op, dtype: node.dtype, shape: &node.shape, first }.text(Signature::Omitted)
}

impl Applied<'_> {
    /// The parameters of the operation, for readers who see the element type and the shape of its result.
    pub(crate) fn params(&self) -> String {
        self.text(Signature::Shown)
    }

    fn text(&self, signature: Signature) -> String {
        let shape = || match signature {
            Signature::Shown => None,
            Signature::Omitted => Some(dims(self.shape)),
        };
        match self.op {
            Op::Constant(value) => Number::new(*value, self.dtype).ascii(),
            Op::Extent(size) => dim(size),
            Op::Cast if signature == Signature::Omitted => self.dtype.to_string(),
            Op::Cast => String::new(),
            Op::Reduce { axes, .. } | Op::LogSumExp(axes) | Op::LogSoftmax(axes) => list(axes),
            Op::Permute(axes) | Op::Flip(axes) => list(axes),
            Op::ArgReduce { axis, .. } | Op::Concat(axis) => axis.to_string(),
            Op::Sort { axis, order } | Op::ArgSort { axis, order } => match order {
                Order::Ascending => axis.to_string(),
                Order::Descending => format!("{axis};descending"),
            },
            Op::Contract(c) => c.to_string(),
            Op::Reshape => shape().unwrap_or_default(),
            Op::Literal(Literal(t)) if t.len() <= FEW => {
                let number = |x| Number::new(Scalar::Float(x), self.dtype).ascii();
                parts([shape(), Some(list(&t.to_f64().into_iter().map(number).collect::<Vec<_>>()))])
            }
            Op::Literal(_) => shape().unwrap_or_default(),
            Op::Broadcast(axes) => parts([Some(list(axes)), shape()]),
            Op::Slice { starts, strides } => match self.first {
                Some(large) => list(&ranges(starts, strides, self.shape, large)),
                None => list(starts),
            },
            Op::Pad { starts, strides, value } => {
                let zero = value.as_f64() == 0.0;
                let dense = strides.iter().all(|s| *s == 1);
                let strides = (!dense || !zero).then(|| list(strides));
                let value = (!zero).then(|| Number::new(*value, self.dtype).ascii());
                parts([Some(dims(starts)), shape(), strides, value])
            }
            Op::Gather { axis, batch } => format!("{axis};{batch}"),
            Op::Scatter { axis, batch, .. } => parts([Some(format!("{axis};{batch}")), shape()]),
            Op::Iota(axis) => parts([Some(axis.to_string()), shape()]),
            Op::Unfold { axis, size, stride, dilation } => format!("{axis};{size};{stride};{dilation}"),
            Op::Fold { axis, stride, dilation } => {
                parts([Some(format!("{axis};{stride};{dilation}")), shape()])
            }
            Op::Cumulative { axis, reverse, .. } | Op::LinearRecurrence { axis, reverse } => match reverse {
                false => axis.to_string(),
                true => format!("{axis};reverse"),
            },
            Op::Random { stream, clock } => {
                parts([Some(stream.to_string()), shape(), (!clock.is_step()).then(|| "run".to_owned())])
            }
            Op::Carry { scan, index } => parts([Some(format!("{scan};{index}")), shape()]),
            Op::Element { scan, axis } => format!("{scan};{axis}"),
            Op::Scan(scan) => {
                let option = |holds: bool, name: &str| holds.then(|| name.to_owned());
                let options = [option(scan.reverse, "reverse"), option(scan.again, "recomputed")];
                let [reverse, again] = options;
                parts([Some(format!("{};{}", scan.id, dim(&scan.length))), reverse, again])
            }
            Op::Final(k) | Op::Stack(k) => k.to_string(),
            Op::Variable(id) => id.to_string(),
            Op::Assume(fact) => fact.name().into(),
            Op::Input(_)
            | Op::Parameter(_)
            | Op::Step
            | Op::Unary(_)
            | Op::Binary(_)
            | Op::Select
            | Op::StopGradient
            | Op::WithGradient
            | Op::Grad
            | Op::Poison => String::new(),
        }
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

/// Joins the parts that are given by semicolons.
fn parts<const N: usize>(parts: [Option<String>; N]) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(";")
}

fn dim(dim: &Dim) -> String {
    dim.to_string().replace(' ', "")
}

fn list<T: Display>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}
