//! Resizing: along each axis a product with a matrix that sizes and scales decide.

use dl_core::Expr;

use super::elementwise::exactly;
use crate::call::{Call, Out, X, axis_of, sizes};

pub(super) fn apply<'g>(c: &Call<'_, 'g>) -> Option<Out<'g>> {
    Some(match c.op {
        "Resize" => resize(c, 2, c.opset < 11),
        "Upsample" => resize(c, 1, true),
        _ => return None,
    })
}

/// What is fixed for all axes.
struct How {
    mode: String,
    nearest: String,
    coordinates: String,
    antialias: bool,
    exclude: bool,
    a: f64,
    fill: f64,
}

fn resize<'g>(c: &Call<'_, 'g>, scales_at: usize, old: bool) -> Out<'g> {
    let x = c.x(0)?;
    let (own, rank) = (x.sizes(), x.rank());
    let how = How {
        mode: c.text("mode", "nearest"),
        nearest: if old { "floor".into() } else { c.text("nearest_mode", "round_prefer_floor") },
        coordinates: if old {
            "asymmetric".into()
        } else {
            c.text("coordinate_transformation_mode", "half_pixel")
        },
        antialias: c.int("antialias", 0) == 1,
        exclude: c.int("exclude_outside", 0) == 1,
        a: c.float("cubic_coeff_a", -0.75),
        fill: c.float("extrapolation_value", 0.0),
    };
    let axes = match c.list("axes") {
        Some(axes) => axes.iter().map(|a| axis_of(*a, rank)).collect::<Result<Vec<_>, _>>()?,
        None => (0..rank).collect(),
    };
    let given =
        |i: usize| -> Result<Option<Vec<f64>>, String> { Ok(c.numbers(i)?.filter(|v| !v.is_empty())) };
    let roi = if old { None } else { given(1)? };
    let (scales, wanted) = (given(scales_at)?, given(3)?);
    let mut y = x.e;
    let policy = c.text("keep_aspect_ratio_policy", "stretch");
    for (k, axis) in axes.iter().enumerate() {
        let n = own[*axis];
        let (scale, to) = match (&scales, &wanted) {
            (Some(s), _) => (s[k], (s[k] * n as f64).floor() as usize),
            (None, Some(to)) => {
                let all = axes.iter().zip(to).map(|(a, t)| t / own[*a] as f64);
                match policy.as_str() {
                    "stretch" => (to[k] / n as f64, to[k] as usize),
                    "not_larger" => kept(all.fold(f64::INFINITY, f64::min), n),
                    _ => kept(all.fold(0.0, f64::max), n),
                }
            }
            _ => return Err("a size is needed".into()),
        };
        let region = roi.as_ref().map(|r| (r[k], r[k + axes.len()])).filter(|r| *r != (0.0, 1.0));
        if scale == 1.0 && to == n && region.is_none() {
            continue;
        }
        let (matrix, filled) = how.matrix(n, to, scale, region);
        y = exactly(X::new(y, x.ty), |y| along(c, y, *axis, &matrix, &filled, how.fill));
    }
    Ok(vec![x.like(y)])
}

fn kept(scale: f64, n: usize) -> (f64, usize) {
    (scale, (scale * n as f64 + 0.5) as usize)
}

/// The product along an axis, and what stands where there is nothing.
fn along<'g>(
    c: &Call<'_, 'g>,
    y: Expr<'g>,
    axis: usize,
    matrix: &[Vec<f64>],
    filled: &[f64],
    fill: f64,
) -> Expr<'g> {
    let (rank, n) = (y.shape().rank(), sizes(y)[axis]);
    let flat: Vec<f64> = matrix.iter().flatten().copied().collect();
    let m = c.literal(y.dtype(), &[matrix.len(), n], &flat);
    let letters = |at: u8| -> String {
        (0..rank).map(|a| if a == axis { at as char } else { (b'a' + a as u8) as char }).collect()
    };
    let out = c.g.einsum(&format!("{},yx->{}", letters(b'x'), letters(b'y')), &[y, m]);
    if filled.iter().all(|f| *f == 0.0) {
        return out;
    }
    let mut column = vec![1; rank];
    column[axis] = filled.len();
    let nothing = c.literal(y.dtype(), &column, filled).gt(0.0).broadcast_to(&out.shape());
    nothing.select(fill, out)
}

impl How {
    /// Weights of the elements for each element of the result; and which lie outside.
    fn matrix(&self, n: usize, to: usize, scale: f64, roi: Option<(f64, f64)>) -> (Vec<Vec<f64>>, Vec<f64>) {
        let width = scale * n as f64;
        let last = n as f64 - 1.0;
        let (from, end) = roi.unwrap_or((0.0, 1.0));
        let mut outside = vec![0.0; to];
        let rows = (0..to).map(|i| {
            let y = i as f64;
            let at = match self.coordinates.as_str() {
                "align_corners" if width == 1.0 => 0.0,
                "align_corners" => y * last / (width - 1.0),
                "asymmetric" => y / scale,
                "tf_crop_and_resize" if width == 1.0 => (end - from) * last / 2.0 + from * last,
                "tf_crop_and_resize" => y * (end - from) * last / (width - 1.0) + from * last,
                "pytorch_half_pixel" if width == 1.0 => -0.5,
                "half_pixel_symmetric" => {
                    n as f64 / 2.0 * (1.0 - to as f64 / width) + (y + 0.5) / scale - 0.5
                }
                _ => (y + 0.5) / scale - 0.5,
            };
            if self.coordinates == "tf_crop_and_resize" && !(0.0..=last).contains(&at) {
                outside[i] = 1.0;
            }
            self.row(at, n, scale)
        });
        let rows = rows.collect();
        (rows, outside)
    }

    fn row(&self, at: f64, n: usize, scale: f64) -> Vec<f64> {
        let low = at.floor();
        let ratio = if at == low { 1.0 } else { at - low };
        // Beside the coordinate, the element on its left is preferred where it is one itself.
        let left = if at == low { low - 1.0 } else { low };
        let (first, mut weights) = self.weights(ratio, scale);
        if self.exclude {
            for (k, w) in weights.iter_mut().enumerate() {
                let place = left + first as f64 + k as f64;
                if place < 0.0 || place >= n as f64 {
                    *w = 0.0;
                }
            }
            let sum: f64 = weights.iter().sum();
            weights.iter_mut().for_each(|w| *w /= sum);
        }
        let mut row = vec![0.0; n];
        for (k, w) in weights.into_iter().enumerate() {
            let place = left + first as f64 + k as f64;
            row[place.clamp(0.0, n as f64 - 1.0) as usize] += w;
        }
        row
    }

    /// Weights from `left + first` on, for a coordinate `ratio` to the right of `left`.
    fn weights(&self, ratio: f64, scale: f64) -> (i64, Vec<f64>) {
        let scale = scale.min(1.0);
        let cubic = |x: f64| {
            let (x, a) = (x.abs(), self.a);
            if x <= 1.0 {
                ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0
            } else if x < 2.0 {
                ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a
            } else {
                0.0
            }
        };
        let normal = |start: i64, end: i64, f: &dyn Fn(f64) -> f64| {
            let all: Vec<f64> = (start..end).map(|i| f((i as f64 - ratio) * scale)).collect();
            let sum: f64 = all.iter().sum();
            (start, all.into_iter().map(|w| w / sum).collect())
        };
        match (self.mode.as_str(), self.antialias) {
            ("nearest", _) => {
                let right = match self.nearest.as_str() {
                    _ if ratio == 1.0 => true,
                    "round_prefer_floor" => ratio > 0.5,
                    "round_prefer_ceil" => ratio >= 0.5,
                    "ceil" => true,
                    _ => false,
                };
                (0, if right { vec![0.0, 1.0] } else { vec![1.0, 0.0] })
            }
            ("cubic", true) => {
                let start = (-2.0 / scale).floor() as i64 + 1;
                normal(start, 2 - start, &cubic)
            }
            ("cubic", false) => (-1, (-1..3).map(|i| cubic(i as f64 - ratio)).collect()),
            (_, true) => {
                let start = (-1.0 / scale).floor() as i64 + 1;
                normal(start, 2 - start, &|x| (1.0 - x.abs()).clamp(0.0, 1.0))
            }
            _ => (0, vec![1.0 - ratio, ratio]),
        }
    }
}
