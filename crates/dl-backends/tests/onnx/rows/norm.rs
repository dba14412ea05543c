//! Normalization.

use dl_core::{Expr, nn};

use super::conv::{channels_first, channels_last};

use crate::call::{Call, Out, V, X, axis_of, sizes};

pub(super) fn apply<'g>(c: &Call<'_, 'g>) -> Option<Out<'g>> {
    Some(match c.op {
        "BatchNormalization" => (|| {
            let (x, epsilon, momentum) = (c.x(0)?, c.float("epsilon", 1e-5), c.float("momentum", 0.9));
            let (scale, bias, mean, var) = (c.x(1)?.e, c.x(2)?.e, c.x(3)?.e, c.x(4)?.e);
            let at = |e: Expr<'g>| channel(e, x.rank());
            let normal = |mean: Expr<'g>, var: Expr<'g>| {
                (x.e - at(mean)) / (at(var) + epsilon).sqrt() * at(scale) + at(bias)
            };
            if c.int("training_mode", 0) == 0 {
                return Ok(vec![x.like(normal(mean, var))]);
            }
            let axes: Vec<usize> = (0..x.rank()).filter(|a| *a != 1).collect();
            let now = x.e.mean(axes.clone());
            let spread = (x.e - at(now)).square().mean(axes);
            let running = |old: Expr<'g>, new: Expr<'g>| x.like(old * momentum + new * (1.0 - momentum));
            Ok(vec![x.like(normal(now, spread)), running(mean, now), running(var, spread)])
        })(),
        "InstanceNormalization" => (|| {
            let x = c.x(0)?;
            let layer = nn::InstanceNorm::new().eps(c.float("epsilon", 1e-5));
            let y = channels_first(layer.apply(channels_last(x.e), "instance", nn::Mode::Evaluate));
            Ok(vec![x.like(y * channel(c.x(1)?.e, x.rank()) + channel(c.x(2)?.e, x.rank()))])
        })(),
        "GroupNormalization" => (|| {
            let (x, groups) = (c.x(0)?, c.int("num_groups", 1) as usize);
            let layer = nn::GroupNorm::new(groups).eps(c.float("epsilon", 1e-5)).without_affine();
            let y = channels_first(layer.apply(channels_last(x.e), "group"));
            Ok(vec![x.like(y * channel(c.x(1)?.e, x.rank()) + channel(c.x(2)?.e, x.rank()))])
        })(),
        "LayerNormalization" => (|| {
            let (x, epsilon) = (c.x(0)?, c.float("epsilon", 1e-5));
            let axes: Vec<usize> = (c.axis(-1, x.rank())?..x.rank()).collect();
            let mean = kept(x.e, &axes, |e, a| e.mean(a));
            let inverse = 1.0 / (kept((x.e - mean).square(), &axes, |e, a| e.mean(a)) + epsilon).sqrt();
            let layer = nn::LayerNorm::new().axes(axes.len()).eps(epsilon).without_affine();
            let y = layer.apply(x.e, "layer") * c.x(1)?.e;
            let y = c.optional(2)?.map_or(y, |b| y + b.e);
            Ok(vec![x.like(y), x.like(mean), x.like(inverse)])
        })(),
        "RMSNormalization" => (|| {
            let (x, epsilon) = (c.x(0)?, c.float("epsilon", 1e-5));
            let axes: Vec<usize> = (c.axis(-1, x.rank())?..x.rank()).collect();
            let layer = nn::RmsNorm::new().axes(axes.len()).eps(epsilon).without_affine();
            Ok(vec![x.like(layer.apply(x.e, "rms") * c.x(1)?.e)])
        })(),
        "MeanVarianceNormalization" => (|| {
            let x = c.x(0)?;
            let axes = c.list("axes").unwrap_or(vec![0, 2, 3]).into_iter().map(|a| a as usize).collect();
            Ok(vec![x.like(standard(x.e, axes, 1e-9))])
        })(),
        "LpNormalization" => (|| {
            let (x, p) = (c.x(0)?, c.int("p", 2));
            let axis = vec![axis_of(c.int("axis", -1), x.rank())?];
            let norm =
                kept(x.e, &axis, |e, a| if p == 1 { e.abs().sum(a) } else { e.square().sum(a).sqrt() });
            let norm = norm.broadcast_to(&x.e.shape());
            Ok(vec![x.like(norm.eq(0.0).select(0.0, x.e / norm))])
        })(),
        "LRN" => (|| {
            let (x, size) = (c.x(0)?, c.int("size", 1) as usize);
            let around = x.e.square().pad(1, (size - 1) / 2, size / 2, 0.0).unfold(1, size, 1, 1).sum(-1);
            let (alpha, beta, bias) = (c.float("alpha", 1e-4), c.float("beta", 0.75), c.float("bias", 1.0));
            Ok(vec![x.like(x.e / (around * (alpha / size as f64) + bias).pow(beta))])
        })(),
        "Dropout" => (|| {
            let x = c.x(0)?;
            let training = match c.numbers(2)? {
                Some(mode) => mode[0] != 0.0,
                None => false,
            };
            let ratio = c.numbers(1)?.map_or(c.float("ratio", 0.5), |r| r[0]);
            if training && ratio > 0.0 {
                return Err("random numbers of another generator".into());
            }
            let all = c.g.full(dl_core::Bool, x.sizes().as_slice(), 1.0);
            Ok(vec![x.like(x.e), V::T(X::new(all, crate::types::Ty::Bool))])
        })(),
        _ => return None,
    })
}

/// One number for each channel, along the second of `rank` axes.
fn channel(e: Expr<'_>, rank: usize) -> Expr<'_> {
    let mut shape = vec![1; rank];
    shape[1] = sizes(e)[0];
    e.reshape(shape.as_slice())
}

/// A reduction whose axes stay, of one element each.
pub(super) fn kept<'g>(
    e: Expr<'g>,
    axes: &[usize],
    f: impl FnOnce(Expr<'g>, Vec<usize>) -> Expr<'g>,
) -> Expr<'g> {
    let mut shape = sizes(e);
    axes.iter().for_each(|a| shape[*a] = 1);
    f(e, axes.to_vec()).reshape(shape.as_slice())
}

fn standard(e: Expr<'_>, axes: Vec<usize>, epsilon: f64) -> Expr<'_> {
    let apart = e - kept(e, &axes, |e, a| e.mean(a));
    apart / (kept(apart.square(), &axes, |e, a| e.mean(a)) + epsilon).sqrt()
}
