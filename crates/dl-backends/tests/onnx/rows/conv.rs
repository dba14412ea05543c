//! Convolutions: windows and contractions.

use dl_core::{Expr, nn};

use super::linear::zero_point;
use crate::call::{Call, Out, X, one, sizes};
use crate::types::Ty;

/// Along each spatial axis.
#[derive(Clone, Debug)]
pub(super) struct Windows {
    pub kernel: Vec<usize>,
    pub strides: Vec<usize>,
    pub dilations: Vec<usize>,
    pub before: Vec<i64>,
    pub after: Vec<i64>,
}

pub(super) fn apply<'g>(c: &Call<'_, 'g>) -> Option<Out<'g>> {
    Some(match c.op {
        "Conv" => (|| {
            let (x, w) = (c.x(0)?, c.x(1)?);
            let at = windows(c, x, Some(&w.sizes()[2..]))?;
            let y = layer(x.e, w.e, &at, c.int("group", 1) as usize)?;
            Ok(vec![x.like(biased(c, y, 2)?)])
        })(),
        "ConvInteger" => (|| {
            let (x, w) = (c.x(0)?, c.x(1)?);
            let shifted = |v: X<'g>, i: usize| -> Result<Expr<'g>, String> {
                Ok(match (c.optional(i)?, i) {
                    (Some(z), 3) if z.sizes().first().is_some_and(|n| *n > 1) => {
                        let mut each = vec![1; v.rank()];
                        each[0] = z.sizes()[0];
                        v.e - z.e.reshape(each.as_slice())
                    }
                    (Some(z), _) => v.e - zero_point(z.e, 1),
                    (None, _) => v.e,
                })
            };
            let at = windows(c, x, Some(&w.sizes()[2..]))?;
            one(convolved(shifted(x, 2)?, shifted(w, 3)?, &at, c.int("group", 1) as usize), Ty::Int(32, true))
        })(),
        "ConvTranspose" => transposed(c),
        "CausalConvWithState" => (|| {
            let (x, w) = (c.x(0)?, c.x(1)?);
            let ([b, ch, _], k) =
                (<[usize; 3]>::try_from(x.sizes()).map_err(|_| "three axes are needed")?, w.sizes()[2]);
            let past = match c.optional(3)? {
                Some(past) => past.e,
                None => c.g.full(x.e.dtype(), [b, ch, k - 1], 0.0),
            };
            let padded = c.g.concat(2, &[past, x.e]);
            let n = sizes(padded)[2];
            let at = Windows {
                kernel: vec![k],
                strides: vec![1],
                dilations: vec![1],
                before: vec![0],
                after: vec![0],
            };
            let y = biased(c, layer(padded, w.e, &at, ch)?, 2)?;
            let y = if c.text("activation", "none") == "none" { y } else { y * y.sigmoid() };
            Ok(vec![x.like(y), x.like(padded.slice(2, n + 1 - k, n))])
        })(),
        "Col2Im" => col2im(c),
        _ => return None,
    })
}

/// A bias, operand `i`, along the second axis.
pub(super) fn biased<'g>(c: &Call<'_, 'g>, y: Expr<'g>, i: usize) -> Result<Expr<'g>, String> {
    let Some(b) = c.optional(i)? else { return Ok(y) };
    let mut shape = vec![1; y.shape().rank()];
    shape[1] = sizes(b.e)[0];
    Ok(y + b.e.reshape(shape.as_slice()))
}

/// The attributes of a convolution or a pooling of `x`.
pub(super) fn windows<'g>(c: &Call<'_, 'g>, x: X<'g>, kernel: Option<&[usize]>) -> Result<Windows, String> {
    let mut at = whole_windows(c, x, kernel)?;
    if c.int("ceil_mode", 0) == 0 || c.text("auto_pad", "NOTSET") != "NOTSET" {
        return Ok(at);
    }
    for (a, own) in x.sizes()[2..].iter().enumerate() {
        // The last window may begin inside the padded input and reach beyond.
        let reach = ((at.kernel[a] - 1) * at.dilations[a] + 1) as i64;
        let (n, s) = (*own as i64 + at.before[a] + at.after[a], at.strides[a] as i64);
        let mut out = (n - reach + s - 1).div_euclid(s) + 1;
        if (out - 1) * s >= *own as i64 + at.before[a] {
            out -= 1;
        }
        at.after[a] += ((out - 1) * s + reach - n).max(0);
    }
    Ok(at)
}

/// The same without a last window that reaches beyond the padding.
pub(super) fn whole_windows<'g>(
    c: &Call<'_, 'g>,
    x: X<'g>,
    kernel: Option<&[usize]>,
) -> Result<Windows, String> {
    let own = &x.sizes()[2..];
    let list =
        |name: &str| -> Option<Vec<usize>> { Some(c.list(name)?.into_iter().map(|n| n as usize).collect()) };
    let kernel = list("kernel_shape").or(kernel.map(<[usize]>::to_vec)).ok_or("a kernel is needed")?;
    let ones = vec![1; own.len()];
    let (strides, dilations) = (list("strides").unwrap_or(ones.clone()), list("dilations").unwrap_or(ones));
    let pads = c.list("pads").unwrap_or(vec![0; 2 * own.len()]);
    let (mut before, mut after) = (pads[..own.len()].to_vec(), pads[own.len()..].to_vec());
    let auto = c.text("auto_pad", "NOTSET");
    for a in 0..own.len() {
        let reach = ((kernel[a] - 1) * dilations[a] + 1) as i64;
        if auto.starts_with("SAME") {
            let out = own[a].div_ceil(strides[a]) as i64;
            let all = ((out - 1) * strides[a] as i64 + reach - own[a] as i64).max(0);
            let less = all / 2;
            (before[a], after[a]) =
                if auto == "SAME_UPPER" { (less, all - less) } else { (all - less, less) };
        } else if auto == "VALID" {
            (before[a], after[a]) = (0, 0);
        }
    }
    Ok(Windows { kernel, strides, dilations, before, after })
}

impl Windows {
    /// Padding by axes, which is not negative.
    pub(super) fn pads(&self) -> Vec<(usize, usize)> {
        let sides = self.before.iter().zip(&self.after);
        sides.map(|(a, b)| ((*a).max(0) as usize, (*b).max(0) as usize)).collect()
    }

    /// Images `[N, C, …]` with windows: `[N, C, windows…, places in them…]`.
    pub(super) fn of<'g>(&self, x: Expr<'g>, fill: f64) -> Expr<'g> {
        let mut y = x;
        for a in 0..self.kernel.len() {
            y = y.pad(a + 2, self.before[a].max(0) as usize, self.after[a].max(0) as usize, fill);
            let n = sizes(y)[a + 2];
            y = y.slice(a + 2, (-self.before[a]).max(0) as usize, n - (-self.after[a]).max(0) as usize);
            y = y.unfold(a + 2, self.kernel[a], self.strides[a], self.dilations[a]);
        }
        y
    }
}

/// Letters for `n` axes from `first` on.
fn letters(first: u8, n: usize) -> String {
    (first..).take(n).map(char::from).collect()
}

pub(super) fn convolved<'g>(x: Expr<'g>, w: Expr<'g>, at: &Windows, groups: usize) -> Expr<'g> {
    let seen = at.of(x, 0.0);
    let (shape, kernel) = (sizes(seen), sizes(w));
    let (n, (o, k)) = (at.kernel.len(), (letters(b'p', at.kernel.len()), letters(b'h', at.kernel.len())));
    let split = |shape: &[usize], axis: usize| -> Vec<usize> {
        let mut s = shape.to_vec();
        s.splice(axis..=axis, [groups, shape[axis] / groups]);
        s
    };
    let seen = seen.reshape(split(&shape, 1).as_slice());
    let w = w.reshape(split(&kernel, 0).as_slice());
    let y = x.graph().einsum(&format!("ngc{o}{k},gmc{k}->ngm{o}"), &[seen, w]);
    let out: Vec<usize> = [shape[0], kernel[0]].into_iter().chain(shape[2..2 + n].iter().copied()).collect();
    y.reshape(out.as_slice())
}

fn transposed<'g>(c: &Call<'_, 'g>) -> Out<'g> {
    let (x, w) = (c.x(0)?, c.x(1)?);
    let (own, kernel) = (x.sizes(), w.sizes());
    let (n, groups) = (own.len() - 2, c.int("group", 1) as usize);
    let list = |name: &str, otherwise: i64| c.list(name).unwrap_or(vec![otherwise; n]);
    let (strides, dilations, extra) = (list("strides", 1), list("dilations", 1), list("output_padding", 0));
    let reach = |a: usize| (kernel[a + 2] as i64 - 1) * dilations[a] + 1;
    let mut pads = c.list("pads").unwrap_or(vec![0; 2 * n]);
    let full = |a: usize| strides[a] * (own[a + 2] as i64 - 1) + extra[a] + reach(a);
    let wanted = c.list("output_shape").map(|s| s[s.len() - n..].to_vec());
    let auto = c.text("auto_pad", "NOTSET");
    for a in 0..n {
        let size = match &wanted {
            Some(sizes) => sizes[a],
            None if auto.starts_with("SAME") => own[a + 2] as i64 * strides[a],
            None => continue,
        };
        let all = full(a) - size;
        let (less, more) = (all.div_euclid(2), all - all.div_euclid(2));
        (pads[a], pads[a + n]) = if auto == "SAME_UPPER" { (less, more) } else { (more, less) };
    }
    let natural = |list: Vec<i64>| list.into_iter().map(|n| n as usize).collect::<Vec<usize>>();
    // Padding that is negative, or more than a result's end, stays outside of the layer.
    let (mut inner, mut cut) = (vec![], vec![]);
    for a in 0..n {
        let (before, after) = (pads[a], pads[a + n] - extra[a]);
        inner.push((before.max(0) as usize, after.max(0) as usize));
        cut.push(((-before).max(0) as usize, (-after).max(0) as usize));
    }
    let (images, weights) = (channels_last(x.e), kernel_last(w.e, n));
    let at = (natural(kernel[2..].iter().map(|k| *k as i64).collect()), natural(strides), natural(dilations));
    let y = match n {
        1 => transposed_by::<1>(images, weights, &at, groups, &inner)?,
        2 => transposed_by::<2>(images, weights, &at, groups, &inner)?,
        3 => transposed_by::<3>(images, weights, &at, groups, &inner)?,
        _ => return Err("more than three spatial axes".into()),
    };
    let mut y = channels_first(y);
    for (a, (before, after)) in cut.into_iter().enumerate() {
        y = y.pad(a + 2, before, after, 0.0);
    }
    Ok(vec![x.like(biased(c, y, 2)?)])
}

/// `nn::ConvTranspose` of so many spatial axes.
fn transposed_by<'g, const N: usize>(
    x: Expr<'g>,
    w: Expr<'g>,
    (kernel, strides, dilations): &(Vec<usize>, Vec<usize>, Vec<usize>),
    groups: usize,
    pads: &[(usize, usize)],
) -> Result<Expr<'g>, String> {
    let out = sizes(w)[N] * groups;
    let layer = nn::ConvTranspose::new(by_axes::<N>(kernel)?, out)
        .stride(by_axes::<N>(strides)?)
        .dilation(by_axes::<N>(dilations)?)
        .groups(groups)
        .padding(pads.to_vec());
    Ok(layer.with_weight(x, w))
}

/// As many numbers as there are axes.
pub(super) fn by_axes<const N: usize>(numbers: &[usize]) -> Result<[usize; N], String> {
    numbers.try_into().map_err(|_| format!("{} numbers for {N} axes", numbers.len()))
}

/// `[N, C, …]` as `[N, …, C]`.
pub(super) fn channels_last(x: Expr<'_>) -> Expr<'_> {
    let order: Vec<usize> = [0].into_iter().chain(2..x.shape().rank()).chain([1]).collect();
    x.permute(&order)
}

/// `[N, …, C]` as `[N, C, …]`.
pub(super) fn channels_first(x: Expr<'_>) -> Expr<'_> {
    let last = x.shape().rank() - 1;
    let order: Vec<usize> = [0, last].into_iter().chain(1..last).collect();
    x.permute(&order)
}

/// `[in, out/groups, …]` as `[…, out/groups, in]`.
fn kernel_last(w: Expr<'_>, n: usize) -> Expr<'_> {
    let order: Vec<usize> = (2..n + 2).chain([1, 0]).collect();
    w.permute(&order)
}

/// `nn::Conv` with a weight `[out, in/groups, …]`.
fn layer<'g>(x: Expr<'g>, w: Expr<'g>, at: &Windows, groups: usize) -> Result<Expr<'g>, String> {
    let n = at.kernel.len();
    let order: Vec<usize> = (2..n + 2).chain([1, 0]).collect();
    let (x, w) = (channels_last(x), w.permute(&order));
    let y = match n {
        1 => layer_by::<1>(x, w, at, groups),
        2 => layer_by::<2>(x, w, at, groups),
        3 => layer_by::<3>(x, w, at, groups),
        _ => Err("more than three spatial axes".into()),
    };
    Ok(channels_first(y?))
}

fn layer_by<'g, const N: usize>(
    x: Expr<'g>,
    w: Expr<'g>,
    at: &Windows,
    groups: usize,
) -> Result<Expr<'g>, String> {
    let layer = nn::Conv::new(by_axes::<N>(&at.kernel)?, sizes(w)[N + 1])
        .stride(by_axes::<N>(&at.strides)?)
        .dilation(by_axes::<N>(&at.dilations)?)
        .groups(groups)
        .padding(at.pads());
    Ok(layer.with_weight(x, w))
}

/// Columns added up where their windows overlap: by the index of each element.
fn col2im<'g>(c: &Call<'_, 'g>) -> Out<'g> {
    let x = c.x(0)?;
    let (image, block) = (c.ints(1)?.ok_or("a shape is needed")?, c.ints(2)?.ok_or("a block is needed")?);
    let n = image.len();
    let list = |name: &str, otherwise: i64| c.list(name).unwrap_or(vec![otherwise; n]);
    let (strides, dilations) = (list("strides", 1), list("dilations", 1));
    let pads = c.list("pads").unwrap_or(vec![0; 2 * n]);
    let padded: Vec<i64> = (0..n).map(|a| image[a] + pads[a] + pads[a + n]).collect();
    let windows: Vec<i64> =
        (0..n).map(|a| (padded[a] - (block[a] - 1) * dilations[a] - 1) / strides[a] + 1).collect();
    let (inner, outer): (i64, i64) = (block.iter().product(), windows.iter().product());
    let unravel = |mut at: i64, sizes: &[i64]| -> Vec<i64> {
        let mut index = vec![0; sizes.len()];
        for a in (0..sizes.len()).rev() {
            index[a] = at % sizes[a];
            at /= sizes[a];
        }
        index
    };
    let mut targets = vec![];
    for k in 0..inner {
        for o in 0..outer {
            let (k, o) = (unravel(k, &block), unravel(o, &windows));
            targets.push((0..n).fold(0, |at, a| at * padded[a] + o[a] * strides[a] + k[a] * dilations[a]));
        }
    }
    let own = x.sizes();
    let (batch, channels) = (own[0], own[1] / inner as usize);
    let all: i64 = padded.iter().product();
    let flat = x.e.reshape([batch, channels, (inner * outer) as usize]);
    let to = c.indices(&[targets.len()], targets);
    let sum = flat.scatter_add(2, 0, to, &[batch, channels, all as usize].into());
    let shape: Vec<usize> = [batch, channels].into_iter().chain(padded.iter().map(|d| *d as usize)).collect();
    let mut y = sum.reshape(shape.as_slice());
    for a in 0..n {
        y = y.slice(a + 2, pads[a] as usize, (pads[a] + image[a]) as usize);
    }
    Ok(vec![x.like(y)])
}
