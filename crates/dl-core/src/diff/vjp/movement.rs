//! What movements pass back: the transposes of their index maps.

use crate::diff::cotangent::{Cotangent, zero};
use crate::diff::vjp::Contributions;
use crate::dim::Dim;
use crate::graph::Expr;
use crate::ops::Op;

pub(super) fn pull_back<'g>(op: &Op, args: &[Expr<'g>], g: Cotangent<'g>) -> Contributions<'g> {
    let shape = args[0].shape();
    let back = match op {
        Op::Reshape => g.moved(|e| e.reshape(shape.clone())),
        Op::Permute(permutation) => {
            let mut inverse = vec![0; permutation.len()];
            permutation.iter().enumerate().for_each(|(to, &from)| inverse[from] = to);
            g.moved(|e| e.permute(&inverse))
        }
        Op::Broadcast(kept) => {
            let added: Vec<usize> = (0..g.value.shape().rank()).filter(|a| !kept.contains(a)).collect();
            g.summed(&added)
        }
        Op::Slice { starts, strides } => g.moved(|e| {
            let (starts, strides) = (starts.clone(), strides.clone());
            let pad = Op::Pad { starts, strides, value: zero(e.dtype()) };
            e.apply_as(pad, &[], e.dtype(), shape.clone())
        }),
        Op::Pad { starts, strides, .. } => g.moved(|e| {
            let slice = Op::Slice { starts: starts.clone(), strides: strides.clone() };
            e.apply_as(slice, &[], e.dtype(), shape.clone())
        }),
        Op::Flip(axes) => g.moved(|e| e.flip(axes.clone())),
        Op::Concat(axis) => return parts(*axis, args, g),
        _ => return vec![],
    };
    vec![(0, back)]
}

fn parts<'g>(axis: usize, args: &[Expr<'g>], g: Cotangent<'g>) -> Contributions<'g> {
    let mut start = Dim::Size(0);
    let mut contributions = Vec::with_capacity(args.len());
    for (i, arg) in args.iter().enumerate() {
        let end = &start + &arg.shape()[axis];
        contributions.push((i, g.moved(|e| e.slice(axis, &start, &end))));
        start = end;
    }
    contributions
}
