//! Movements.

use dl_core::Expr;

use crate::call::{Call, Out, axis_of, sizes};

pub(super) fn apply<'g>(c: &Call<'_, 'g>) -> Option<Out<'g>> {
    Some(match c.op {
        "Reshape" => (|| {
            let (x, to) = (c.x(0)?, c.ints_or("shape", 1)?.ok_or("a shape is needed")?);
            let own = x.sizes();
            let zero = c.int("allowzero", 0) == 1;
            let mut to: Vec<i64> = to
                .iter()
                .enumerate()
                .map(|(i, n)| if *n == 0 && !zero { own[i] as i64 } else { *n })
                .collect();
            if let Some(free) = to.iter().position(|n| *n < 0) {
                let rest: i64 = to.iter().filter(|n| **n >= 0).product();
                to[free] = own.iter().product::<usize>() as i64 / rest.max(1);
            }
            Ok(vec![x.like(reshaped(x.e, &to))])
        })(),
        "Flatten" => (|| {
            let x = c.x(0)?;
            let own = x.sizes();
            let (a, b) = own.split_at(c.axis(1, own.len())?);
            Ok(vec![x.like(x.e.reshape([a.iter().product::<usize>(), b.iter().product()]))])
        })(),
        "Squeeze" => (|| {
            let x = c.x(0)?;
            let own = x.sizes();
            let gone = match c.ints_or("axes", 1)? {
                Some(axes) => axes.iter().map(|a| axis_of(*a, own.len())).collect::<Result<Vec<_>, _>>()?,
                None => (0..own.len()).filter(|a| own[*a] == 1).collect(),
            };
            let kept: Vec<usize> = (0..own.len()).filter(|a| !gone.contains(a)).map(|a| own[a]).collect();
            Ok(vec![x.like(x.e.reshape(kept.as_slice()))])
        })(),
        "Unsqueeze" => (|| {
            let (x, axes) = (c.x(0)?, c.ints_or("axes", 1)?.ok_or("axes are needed")?);
            let mut shape = x.sizes();
            let rank = shape.len() + axes.len();
            let mut axes = axes.iter().map(|a| axis_of(*a, rank)).collect::<Result<Vec<_>, _>>()?;
            axes.sort_unstable();
            axes.into_iter().for_each(|a| shape.insert(a, 1));
            Ok(vec![x.like(x.e.reshape(shape.as_slice()))])
        })(),
        "Transpose" => (|| {
            let x = c.x(0)?;
            let order = match c.list("perm") {
                Some(order) => order.into_iter().map(|a| a as usize).collect(),
                None => (0..x.rank()).rev().collect::<Vec<_>>(),
            };
            Ok(vec![x.like(x.e.permute(&order))])
        })(),
        "Expand" => (|| {
            let (x, to) = (c.x(0)?, c.ints(1)?.ok_or("a shape is needed")?);
            let to: Vec<usize> = to.into_iter().map(|n| n as usize).collect();
            let shape = x.e.shape().broadcast(&to.as_slice().into())?;
            Ok(vec![x.like(x.e.broadcast_to(&shape))])
        })(),
        "Concat" => (|| {
            let first = c.x(0)?;
            let parts = (0..c.inputs.len()).map(|i| Ok(c.x(i)?.e)).collect::<Result<Vec<_>, String>>()?;
            Ok(vec![first.like(c.g.concat(c.axis(0, first.rank())?, &parts))])
        })(),
        "Split" => (|| {
            let x = c.x(0)?;
            let axis = c.axis(0, x.rank())?;
            let parts = match c.ints_or("split", 1)? {
                Some(sizes) => x.e.split(axis, &sizes.into_iter().map(|n| n as usize).collect::<Vec<_>>()),
                None => x.e.chunks(axis, c.int("num_outputs", c.outputs as i64) as usize),
            };
            Ok(parts.into_iter().map(|p| x.like(p)).collect())
        })(),
        "Slice" => slice(c),
        "Pad" => pad(c),
        "Tile" => (|| {
            let (x, counts) = (c.x(0)?, c.ints(1)?.ok_or("counts are needed")?);
            Ok(vec![x.like(x.e.tile(&counts.into_iter().map(|n| n as usize).collect::<Vec<_>>()))])
        })(),
        "Trilu" => (|| {
            let (x, k) = (c.x(0)?, c.ints(1)?.map_or(0, |k| k[0]));
            Ok(vec![x.like(if c.int("upper", 1) == 1 { x.e.triu(k) } else { x.e.tril(k) })])
        })(),
        "DepthToSpace" => (|| {
            let (x, b) = (c.x(0)?, c.int("blocksize", 1) as usize);
            let [n, ch, h, w] = <[usize; 4]>::try_from(x.sizes()).map_err(|_| "four axes are needed")?;
            let e = match c.text("mode", "DCR").as_str() {
                "DCR" => x.e.reshape([n, b, b, ch / (b * b), h, w]).permute(&[0, 3, 4, 1, 5, 2]),
                _ => x.e.reshape([n, ch / (b * b), b, b, h, w]).permute(&[0, 1, 4, 2, 5, 3]),
            };
            Ok(vec![x.like(e.reshape([n, ch / (b * b), h * b, w * b]))])
        })(),
        "SpaceToDepth" => (|| {
            let (x, b) = (c.x(0)?, c.int("blocksize", 1) as usize);
            let [n, ch, h, w] = <[usize; 4]>::try_from(x.sizes()).map_err(|_| "four axes are needed")?;
            let blocks = x.e.reshape([n, ch, h / b, b, w / b, b]);
            let e = match c.text("mode", "DCR").as_str() {
                "DCR" => blocks.permute(&[0, 3, 5, 1, 2, 4]),
                _ => blocks.permute(&[0, 1, 3, 5, 2, 4]),
            };
            Ok(vec![x.like(e.reshape([n, ch * b * b, h / b, w / b]))])
        })(),
        "CenterCropPad" => (|| {
            let (x, shape) = (c.x(0)?, c.ints(1)?.ok_or("a shape is needed")?);
            let axes = c.list("axes").unwrap_or_else(|| (0..x.rank() as i64).collect());
            let mut e = x.e;
            for (axis, to) in axes.into_iter().zip(shape) {
                let (axis, to) = (axis_of(axis, x.rank())?, to as usize);
                let own = sizes(e)[axis];
                e = match own >= to {
                    true => e.slice(axis, (own - to) / 2, (own - to) / 2 + to),
                    false => e.pad(axis, (to - own) / 2, (to - own).div_ceil(2), 0.0),
                };
            }
            Ok(vec![x.like(e)])
        })(),
        _ => return None,
    })
}

pub(super) fn reshaped<'g>(e: Expr<'g>, to: &[i64]) -> Expr<'g> {
    e.reshape(to.iter().map(|n| *n as usize).collect::<Vec<_>>().as_slice())
}

/// The elements at known places along an axis.
pub(super) fn taken<'g>(c: &Call<'_, 'g>, e: Expr<'g>, axis: usize, places: Vec<i64>) -> Expr<'g> {
    let n = places.len();
    e.gather(axis, c.indices(&[n], places))
}

fn slice<'g>(c: &Call<'_, 'g>) -> Out<'g> {
    let x = c.x(0)?;
    let (starts, ends) = (
        c.ints_or("starts", 1)?.ok_or("starts are needed")?,
        c.ints_or("ends", 2)?.ok_or("ends are needed")?,
    );
    let axes = c.ints_or("axes", 3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = c.ints(4)?.unwrap_or_else(|| vec![1; starts.len()]);
    let mut e = x.e;
    for (k, axis) in axes.iter().enumerate() {
        let axis = axis_of(*axis, x.rank())?;
        let (n, step) = (sizes(e)[axis] as i64, steps[k]);
        let bound = |at: i64| if at < 0 { at.saturating_add(n) } else { at };
        let (start, end) = match step > 0 {
            true => (bound(starts[k]).clamp(0, n), bound(ends[k]).clamp(0, n)),
            false => (bound(starts[k]).clamp(-1, n - 1), bound(ends[k]).clamp(-1, n - 1)),
        };
        if step > 0 {
            e = e.slice_by(axis, start as usize, end.max(start) as usize, step as usize);
        } else {
            let mut places = vec![];
            let mut at = start;
            while at > end {
                places.push(at);
                at += step;
            }
            e = taken(c, e, axis, places);
        }
    }
    Ok(vec![x.like(e)])
}

fn pad<'g>(c: &Call<'_, 'g>) -> Out<'g> {
    let (x, pads) = (c.x(0)?, c.ints_or("pads", 1)?.ok_or("pads are needed")?);
    let axes = match c.ints(3)? {
        Some(axes) => axes.iter().map(|a| axis_of(*a, x.rank())).collect::<Result<Vec<_>, _>>()?,
        None => (0..x.rank()).collect(),
    };
    let mode = c.text("mode", "constant");
    let mut e = x.e;
    let fill = c.numbers(2)?.map_or(c.float("value", 0.0), |v| v[0]);
    for (k, axis) in axes.iter().enumerate() {
        let (before, after, n) = (pads[k], pads[k + axes.len()], sizes(e)[*axis] as i64);
        if mode == "constant" {
            e = e.slice(*axis, (-before).max(0) as usize, (n - (-after).max(0)) as usize);
            e = e.pad(*axis, before.max(0) as usize, after.max(0) as usize, fill);
            continue;
        }
        let place = |at: i64| match mode.as_str() {
            "edge" => at.clamp(0, n - 1),
            "wrap" => at.rem_euclid(n),
            _ => {
                let round = at.rem_euclid((2 * (n - 1)).max(1));
                if round < n { round } else { 2 * (n - 1) - round }
            }
        };
        e = taken(c, e, *axis, (-before..n + after).map(place).collect());
    }
    Ok(vec![x.like(e)])
}
