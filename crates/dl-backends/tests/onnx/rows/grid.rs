//! Sampling at coordinates: gathers by computed indices.

use dl_core::{Expr, I64};

use super::elementwise::truncate;
use crate::call::{Call, Out, X, sizes};

pub(super) fn apply<'g>(c: &Call<'_, 'g>) -> Option<Out<'g>> {
    Some(match c.op {
        "GridSample" => sample(c),
        "AffineGrid" => (|| {
            let (theta, size) = (c.x(0)?, c.ints(1)?.ok_or("a size is needed")?);
            let shape: Vec<usize> = size[2..].iter().map(|n| *n as usize).collect();
            let n = shape.len();
            let corners = c.int("align_corners", 0) == 1;
            let dtype = theta.e.dtype();
            let along = |a: usize| {
                let (i, d) = (c.g.iota(dtype, a, shape.as_slice()), shape[a] as f64);
                if corners { i * (2.0 / (d - 1.0)) - 1.0 } else { (i * 2.0 + 1.0) / d - 1.0 }
            };
            // The last axis comes first.
            let mut parts: Vec<Expr<'g>> = (0..n).rev().map(along).collect();
            parts.push(c.g.full(dtype, shape.as_slice(), 1.0));
            Ok(vec![theta.like(c.g.einsum("nij,...j->n...i", &[theta.e, c.g.stack(n, &parts)]))])
        })(),
        _ => return None,
    })
}

fn sample<'g>(c: &Call<'_, 'g>) -> Out<'g> {
    let (x, grid) = (c.x(0)?, c.x(1)?);
    let (own, at) = (x.sizes(), grid.sizes());
    let n = own.len() - 2;
    let corners = c.int("align_corners", 0) == 1;
    let (mode, padding) = (c.text("mode", "linear"), c.text("padding_mode", "zeros"));
    let place: Vec<usize> = at[1..=n].to_vec();
    let batch = at[0];
    // Coordinates in elements, the first axis first.
    let mut all: Vec<(Expr<'g>, f64, f64, usize)> = vec![];
    for a in 0..n {
        let size = own[a + 2];
        let g = grid.e.slice(n + 1, n - 1 - a, n - a).reshape(&at[..=n]);
        let d = size as f64;
        let e = if corners { (g + 1.0) * ((d - 1.0) / 2.0) } else { ((g + 1.0) * d - 1.0) * 0.5 };
        let (low, high) = if corners { (0.0, d - 1.0) } else { (-0.5, d - 0.5) };
        let e = if mode == "nearest" { e.round() } else { e };
        let e = match padding.as_str() {
            "border" => e.lt(low).or(e.gt(high)).select(e.clip(0.0, d - 1.0), e),
            "reflection" => reflected(e, low, high),
            _ => e,
        };
        all.push((e, low, high, size));
    }
    // For each axis: the neighbours, and their weights.
    let neighbours = |(e, _, _, _): &(Expr<'g>, f64, f64, usize)| -> Vec<(Expr<'g>, Option<Expr<'g>>)> {
        let low = e.floor();
        let t = *e - low;
        match mode.as_str() {
            "nearest" => vec![(*e, None)],
            "linear" | "bilinear" => vec![(low, Some(1.0 - t)), (low + 1.0, Some(t))],
            _ => (-1..3).map(|k| (low + f64::from(k), Some(cubic((t - f64::from(k)).abs())))).collect(),
        }
    };
    let mut terms: Vec<(Vec<Expr<'g>>, Option<Expr<'g>>, Option<Expr<'g>>)> = vec![(vec![], None, None)];
    for axis in &all {
        let size = axis.3 as f64;
        let mut next = vec![];
        for (index, weight) in neighbours(axis) {
            let inside = index.ge(0.0).and(index.lt(size));
            let index = match padding.as_str() {
                "reflection" => truncate(reflected(index, axis.1, axis.2)),
                _ => index,
            };
            let index = index.clip(0.0, size - 1.0).cast(I64);
            for (places, w, live) in &terms {
                let both = |a: Option<Expr<'g>>,
                            b: Option<Expr<'g>>,
                            f: fn(Expr<'g>, Expr<'g>) -> Expr<'g>| match (a, b) {
                    (Some(a), Some(b)) => Some(f(a, b)),
                    (a, b) => a.or(b),
                };
                let mut places = places.clone();
                places.push(index);
                next.push((
                    places,
                    both(*w, weight, |a, b| a * b),
                    both(*live, Some(inside), |a, b| a.and(b)),
                ));
            }
        }
        terms = next;
    }
    let last: Vec<usize> = [0].into_iter().chain(2..n + 2).chain([1]).collect();
    let image = x.e.permute(&last);
    let mut first = vec![1; n + 1];
    first[0] = batch;
    let of_batch = c.g.iota(I64, 0, first.as_slice());
    let mut sum: Option<Expr<'g>> = None;
    for (places, weight, live) in terms {
        let picked = image.index(&[&[of_batch], places.as_slice()].concat());
        let picked = match live {
            Some(live) if padding == "zeros" => {
                live.unsqueeze(n + 1).broadcast_to(&picked.shape()).select(picked, 0.0)
            }
            _ => picked,
        };
        let term = weight.map_or(picked, |w| picked * w.unsqueeze(n + 1));
        sum = Some(sum.map_or(term, |sum| sum + term));
    }
    let y = sum.ok_or("no axes")?;
    let back: Vec<usize> = [0, n + 1].into_iter().chain(1..=n).collect();
    let _ = (&place, sizes(y));
    Ok(vec![X::new(y.permute(&back), x.ty).like(y.permute(&back))])
}

/// Keys' kernel at a distance.
fn cubic(x: Expr<'_>) -> Expr<'_> {
    const A: f64 = -0.75;
    let near = ((x * (A + 2.0)) - (A + 3.0)) * x * x + 1.0;
    let far = ((x * A - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A;
    x.le(1.0).select(near, far)
}

/// Turned back at both ends, as often as needed.
fn reflected(e: Expr<'_>, low: f64, high: f64) -> Expr<'_> {
    let span = (high - low).max(f64::MIN_POSITIVE);
    let beyond = (e - low).abs();
    let turns = (beyond / span).floor();
    let rest = beyond - turns * span;
    let even = (turns * 0.5).floor().eq(turns * 0.5);
    let inside = e.ge(low).and(e.le(high));
    inside.select(e, even.select(rest + low, -rest + high))
}
