//! Fourier transforms as products with their matrices, windows.

use std::f64::consts::{PI, TAU};

use dl_core::{Expr, F64};

use crate::call::{Call, Out, axis_of, one, sizes};
use crate::types::Ty;

pub(super) fn apply<'g>(c: &Call<'_, 'g>) -> Option<Out<'g>> {
    Some(match c.op {
        "DFT" => (|| {
            let (x, n) = (c.x(0)?, c.ints(1)?.map(|n| n[0] as usize));
            let axis = match c.ints(2)? {
                Some(axis) => axis_of(axis[0], x.rank())?,
                None => axis_of(c.int("axis", if c.opset >= 20 { -2 } else { 1 }), x.rank())?,
            };
            let (inverse, onesided) = (c.int("inverse", 0) == 1, c.int("onesided", 0) == 1);
            Ok(vec![x.like(transform(c, x.e, axis, n, inverse, onesided))])
        })(),
        "STFT" => (|| {
            let (x, hop) = (c.x(0)?, c.ints(1)?.ok_or("a step is needed")?[0] as usize);
            let window = c.optional(2)?;
            let length = match (c.ints(3)?, window) {
                (Some(n), _) => n[0] as usize,
                (None, Some(w)) => w.sizes()[0],
                (None, None) => x.sizes()[1],
            };
            // [B, T, 1 or 2] as [B, frames, parts, length].
            let frames = x.e.unfold(1, length, hop, 1);
            let frames = window.map_or(frames, |w| frames * w.e);
            let frames = frames.permute(&[0, 1, 3, 2]);
            Ok(vec![x.like(transform(c, frames, 2, None, false, c.int("onesided", 1) == 1))])
        })(),
        "HannWindow" => window(c, |t| 0.5 - 0.5 * (t * TAU).cos()),
        "HammingWindow" => window(c, |t| 25.0 / 46.0 - 21.0 / 46.0 * (t * TAU).cos()),
        "BlackmanWindow" => window(c, |t| 0.42 - 0.5 * (t * TAU).cos() + 0.08 * (t * 4.0 * PI).cos()),
        "MelWeightMatrix" => mel(c),
        _ => return None,
    })
}

/// Numbers with a real and an imaginary part (or the real one alone) along the last axis.
fn transform<'g>(
    c: &Call<'_, 'g>,
    x: Expr<'g>,
    axis: usize,
    n: Option<usize>,
    inverse: bool,
    onesided: bool,
) -> Expr<'g> {
    let last = x.shape().rank() - 1;
    let (own, parts) = (sizes(x)[axis], sizes(x)[last]);
    let real_result = inverse && onesided;
    let n = n.unwrap_or(if real_result { 2 * (own - 1) } else { own });
    let used = if real_result { n / 2 + 1 } else { n };
    let x = if own < used { x.pad(axis, 0, used - own, 0.0) } else { x.slice(axis, 0, used) };
    let real = x.slice(last, 0, 1);
    let imaginary = if parts == 2 { x.slice(last, 1, 2) } else { real * 0.0 };
    let flat = |e: Expr<'g>| e.reshape(&sizes(e)[..last]);
    let (mut real, mut imaginary) = (flat(real), flat(imaginary));
    if real_result {
        // The other half mirrors the one that is given.
        let more = |e: Expr<'g>| e.slice(axis, 1, n - used + 1).flip([axis as isize]);
        let (r, i) =
            (c.g.concat(axis, &[real, more(real)]), c.g.concat(axis, &[imaginary, -more(imaginary)]));
        (real, imaginary) = (r, i);
    }
    let out = if onesided && !inverse { n / 2 + 1 } else { n };
    let scale = if inverse { 1.0 / n as f64 } else { 1.0 };
    let sign = if inverse { 1.0 } else { -1.0 };
    let matrix = |f: fn(f64) -> f64, scale: f64| {
        let angle = |k: usize, t: usize| TAU * ((k * t) % n) as f64 / n as f64;
        let all: Vec<f64> = (0..out).flat_map(|k| (0..n).map(move |t| f(angle(k, t)) * scale)).collect();
        c.literal(x.dtype(), &[out, n], &all)
    };
    let (cos, sin) = (matrix(f64::cos, scale), matrix(f64::sin, scale * sign));
    let letters = |at: char| -> String {
        (0..last).map(|a| if a == axis { at } else { (b'a' + a as u8) as char }).collect()
    };
    let times =
        |e: Expr<'g>, m: Expr<'g>| c.g.einsum(&format!("{},zy->{}", letters('y'), letters('z')), &[e, m]);
    let re = times(real, cos) - times(imaginary, sin);
    if real_result {
        return re.unsqueeze(last);
    }
    c.g.stack(last, &[re, times(real, sin) + times(imaginary, cos)])
}

fn window<'g>(c: &Call<'_, 'g>, f: impl FnOnce(Expr<'g>) -> Expr<'g>) -> Out<'g> {
    let n = c.ints(0)?.ok_or("a size is needed")?[0] as usize;
    let ty = Ty::numbered(c.int("output_datatype", 1))?;
    let period = if c.int("periodic", 1) == 1 { n as f64 } else { n as f64 - 1.0 };
    one(f(c.g.iota(F64, 0, [n]) / period).cast(ty.dtype()), ty)
}

/// Triangles over the bins between edges that are spaced evenly on the mel scale.
fn mel<'g>(c: &Call<'_, 'g>) -> Out<'g> {
    let given = (0..5)
        .map(|i| Ok(c.numbers(i)?.ok_or("five numbers are needed")?[0]))
        .collect::<Result<Vec<_>, String>>()?;
    let [bins, length, rate, low, high] =
        <[f64; 5]>::try_from(given).map_err(|_| "five numbers are needed")?;
    let ty = Ty::numbered(c.int("output_datatype", 1))?;
    let scale = |hertz: f64| 2595.0 * (hertz / 700.0).ln_1p() / 10f64.ln();
    let (count, from) = (bins as usize, scale(low));
    let step = (scale(high) - from) / (bins + 2.0);
    let edge = |i: usize| {
        let hertz = 700.0 * ((i as f64 * step + from) / 2595.0 * 10f64.ln()).exp_m1();
        ((length + 1.0) * hertz / rate).floor()
    };
    let rows = length as usize / 2 + 1;
    let value = |j: f64, i: usize| {
        let (left, center, right) = (edge(i), edge(i + 1), edge(i + 2));
        if center == left && j == center && right <= center {
            1.0
        } else if j < center && j >= left && center > left {
            (j - left) / (center - left)
        } else if j == center {
            1.0
        } else if j > center && j < right {
            (right - j) / (right - center)
        } else {
            0.0
        }
    };
    let all: Vec<f64> = (0..rows).flat_map(|j| (0..count).map(move |i| value(j as f64, i))).collect();
    one(c.literal(ty.dtype(), &[rows, count], &all), ty)
}
