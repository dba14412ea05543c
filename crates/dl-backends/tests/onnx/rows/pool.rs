//! Pooling.

use dl_core::ops::Scatter;
use dl_core::{Expr, I64};

use super::conv::windows;
use crate::call::{Call, Out, V, X, sizes};
use crate::types::Ty;

pub(super) fn apply<'g>(c: &Call<'_, 'g>) -> Option<Out<'g>> {
    Some(match c.op {
        "MaxPool" => max_pool(c),
        "AveragePool" => (|| {
            let x = c.x(0)?;
            let at = windows(c, x, None)?;
            let sum = inside(at.of(x.e, 0.0)).sum(-1);
            let ones = c.g.full(x.e.dtype(), x.sizes().as_slice(), 1.0);
            let counted = if c.int("count_include_pad", 0) == 1 {
                // What was padded counts, but nothing beyond it.
                let pads = c.list("pads").unwrap_or(vec![0; 2 * at.kernel.len()]);
                let (mut ones, mut beyond) = (ones, at.clone());
                for a in 0..at.kernel.len() {
                    let after = if c.has("pads") { pads[a + at.kernel.len()] } else { at.after[a] };
                    ones = ones.pad(a + 2, at.before[a] as usize, after as usize, 1.0);
                    beyond.before[a] = 0;
                    beyond.after[a] = at.after[a] - after;
                }
                inside(beyond.of(ones, 0.0)).sum(-1)
            } else {
                inside(at.of(ones, 0.0)).sum(-1)
            };
            Ok(vec![x.like(sum / counted)])
        })(),
        "LpPool" => (|| {
            let (x, p) = (c.x(0)?, c.int("p", 2) as f64);
            let at = windows(c, x, None)?;
            Ok(vec![x.like(inside(at.of(x.e, 0.0)).abs().pow(p).sum(-1).pow(1.0 / p))])
        })(),
        "GlobalAveragePool" => global(c, |x, axes| x.mean(axes)),
        "GlobalMaxPool" => global(c, |x, axes| x.max(axes)),
        "MaxUnpool" => (|| {
            let (x, i) = (c.x(0)?, c.x(1)?);
            let own = x.sizes();
            let n = own.len() - 2;
            let (kernel, strides) = (
                c.list("kernel_shape").ok_or("a kernel is needed")?,
                c.list("strides").unwrap_or(vec![1; n]),
            );
            let pads = c.list("pads").unwrap_or(vec![0; 2 * n]);
            let inner = |a: usize| (own[a + 2] as i64 - 1) * strides[a] + kernel[a] - pads[a] - pads[a + n];
            let natural: Vec<usize> =
                [own[0], own[1]].into_iter().chain((0..n).map(|a| inner(a) as usize)).collect();
            let wanted = match c.ints(2)? {
                Some(shape) => shape.into_iter().map(|d| d as usize).collect(),
                None => natural.clone(),
            };
            let all = natural.iter().product::<usize>();
            let flat = |e: Expr<'g>| e.reshape([own.iter().product::<usize>()]);
            let zeros = c.g.full(x.e.dtype(), [all], 0.0);
            let mut y = zeros.scatter(Scatter::Set, 0, flat(i.e), flat(x.e)).reshape(natural.as_slice());
            for a in 0..n {
                y = y.pad(a + 2, 0, wanted[a + 2] - natural[a + 2], 0.0);
            }
            Ok(vec![x.like(y)])
        })(),
        _ => return None,
    })
}

/// The places in windows as one axis.
fn inside(seen: Expr<'_>) -> Expr<'_> {
    let shape = sizes(seen);
    let n = (shape.len() - 2) / 2;
    let flat: Vec<usize> =
        shape[..2 + n].iter().copied().chain([shape[2 + n..].iter().product::<usize>()]).collect();
    seen.reshape(flat.as_slice())
}

fn global<'g>(c: &Call<'_, 'g>, f: impl FnOnce(Expr<'g>, Vec<usize>) -> Expr<'g>) -> Out<'g> {
    let x = c.x(0)?;
    let mut shape = x.sizes();
    let y = f(x.e, (2..shape.len()).collect());
    shape[2..].fill(1);
    Ok(vec![x.like(y.reshape(shape.as_slice()))])
}

fn max_pool<'g>(c: &Call<'_, 'g>) -> Out<'g> {
    let x = c.x(0)?;
    let at = windows(c, x, None)?;
    // Integers have no infinity, but their values fit into doubles here.
    let values = if x.ty.is_float() { x.e } else { x.e.cast(dl_core::F64) };
    let seen = inside(at.of(values, f64::NEG_INFINITY));
    let largest = seen.max(-1).cast(x.e.dtype());
    if c.outputs == 1 {
        return Ok(vec![x.like(largest)]);
    }
    // Each element's own place in the whole array, found where the largest one is.
    let shape = x.sizes();
    let column = c.int("storage_order", 0) == 1;
    let n = shape.len() - 2;
    let weights = |a: usize| -> usize {
        match (a < 2, column) {
            (false, true) => shape[2..a].iter().product(),
            _ => shape[a + 1..].iter().product(),
        }
    };
    let mut place = c.g.full(I64, shape.as_slice(), 0.0);
    for a in 0..n + 2 {
        place = place + c.g.iota(I64, a, shape.as_slice()) * weights(a) as f64;
    }
    let places = inside(at.of(place, 0.0)).pick(seen.argmax(-1));
    Ok(vec![x.like(largest), V::T(X::new(places, Ty::Int(64, true)))])
}
