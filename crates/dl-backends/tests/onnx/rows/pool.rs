//! Pooling.

use dl_core::ops::Scatter;
use dl_core::{Expr, I64, nn};

use super::conv::{Windows, by_axes, channels_first, channels_last, whole_windows, windows};
use crate::call::{Call, Out, V, X, sizes};
use crate::types::Ty;

pub(super) fn apply<'g>(c: &Call<'_, 'g>) -> Option<Out<'g>> {
    Some(match c.op {
        "MaxPool" => max_pool(c),
        "AveragePool" => pooled(c, |size| match c.int("count_include_pad", 0) {
            1 => Kind::Average(size),
            _ => Kind::OwnAverage(size),
        }),
        "LpPool" => pooled(c, |size| Kind::Norm(size, c.int("p", 2) as f64)),
        "GlobalAveragePool" => c.x(0).map(|x| vec![x.like(global(x, nn::global_avg_pool))]),
        "GlobalMaxPool" => c.x(0).map(|x| vec![x.like(global(x, nn::global_max_pool))]),
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

/// The whole image as one.
fn global<'g>(x: X<'g>, pool: impl FnOnce(Expr<'g>) -> Expr<'g>) -> Expr<'g> {
    let mut shape = x.sizes();
    // Any number of spatial axes is one of two, for a pool of all of it.
    let flat = x.e.reshape([shape[0], shape[1], 1, shape[2..].iter().product::<usize>()]);
    shape[2..].fill(1);
    pool(channels_last(flat)).reshape(shape.as_slice())
}

/// Which of the library's pools, for windows of a size.
enum Kind<'s> {
    Max(&'s [usize]),
    Average(&'s [usize]),
    OwnAverage(&'s [usize]),
    Norm(&'s [usize], f64),
}

fn pooled<'g>(c: &Call<'_, 'g>, kind: impl Fn(&[usize]) -> Kind<'_>) -> Out<'g> {
    let x = c.x(0)?;
    // The layer itself adds a last window where there is one.
    let at = whole_windows(c, x, None)?;
    let images = channels_last(x.e);
    let y = match at.kernel.len() {
        1 => pooled_by::<1>(c, images, &at, kind(&at.kernel))?,
        2 => pooled_by::<2>(c, images, &at, kind(&at.kernel))?,
        3 => pooled_by::<3>(c, images, &at, kind(&at.kernel))?,
        _ => return Err("more than three spatial axes".into()),
    };
    Ok(vec![x.like(channels_first(y))])
}

fn pooled_by<'g, const N: usize>(
    c: &Call<'_, 'g>,
    x: Expr<'g>,
    at: &Windows,
    kind: Kind<'_>,
) -> Result<Expr<'g>, String> {
    let pool = match kind {
        Kind::Max(size) => nn::Pool::max(by_axes::<N>(size)?),
        Kind::Average(size) => nn::Pool::average(by_axes::<N>(size)?),
        Kind::OwnAverage(size) => nn::Pool::average(by_axes::<N>(size)?).uncounted_padding(),
        Kind::Norm(size, p) => nn::Pool::norm(by_axes::<N>(size)?, p),
    };
    let pool =
        pool.stride(by_axes::<N>(&at.strides)?).dilation(by_axes::<N>(&at.dilations)?).padding(at.pads());
    let pool = if c.int("ceil_mode", 0) == 1 { pool.ceil() } else { pool };
    Ok(pool.apply(x))
}

fn max_pool<'g>(c: &Call<'_, 'g>) -> Out<'g> {
    let x = c.x(0)?;
    if c.outputs == 1 && x.ty.is_float() {
        return pooled(c, |size| Kind::Max(size));
    }
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
