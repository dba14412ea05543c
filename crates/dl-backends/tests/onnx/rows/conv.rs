//! Convolutions: windows and contractions.

use dl_core::Expr;

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
            let y = convolved(x.e, w.e, &windows(c, x, Some(&w.sizes()[2..]))?, c.int("group", 1) as usize);
            Ok(vec![x.like(biased(c, y, 2)?)])
        })(),
        "ConvInteger" => (|| {
            let (x, w) = (c.x(0)?, c.x(1)?);
            let shifted = |v: X<'g>, i: usize| -> Result<Expr<'g>, String> {
                Ok(c.optional(i)?.map_or(v.e, |z| v.e - zero_point(z.e, v.e, 1)))
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
            let y = biased(c, convolved(padded, w.e, &at, ch), 2)?;
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
        } else if c.int("ceil_mode", 0) == 1 {
            // The last window may begin inside the padded input and reach beyond.
            let (n, s) = (own[a] as i64 + before[a] + after[a], strides[a] as i64);
            let mut out = (n - reach + s - 1).div_euclid(s) + 1;
            if (out - 1) * s >= own[a] as i64 + before[a] {
                out -= 1;
            }
            after[a] += ((out - 1) * s + reach - n).max(0);
        }
    }
    Ok(Windows { kernel, strides, dilations, before, after })
}

impl Windows {
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
    // The input with its elements `stride` apart, seen by the kernel turned round.
    let mut spread = x.e;
    for a in 0..n {
        let (s, size) = (strides[a] as usize, own[a + 2]);
        let mut shape = sizes(spread);
        let apart = spread.unsqueeze(a + 3).pad(a + 3, 0, s - 1, 0.0);
        shape[a + 2] = size * s;
        spread = apart.reshape(shape.as_slice()).slice(a + 2, 0, (size - 1) * s + 1);
    }
    let turned: Vec<usize> = (2..n + 2).collect();
    let [ci, m] = [kernel[0] / groups, kernel[1]];
    let grouped: Vec<usize> = [groups, ci, m].into_iter().chain(kernel[2..].iter().copied()).collect();
    let order: Vec<usize> = [0, 2, 1].into_iter().chain(3..n + 3).collect();
    let flat: Vec<usize> = [groups * m, ci].into_iter().chain(kernel[2..].iter().copied()).collect();
    let w = w.e.flip(turned).reshape(grouped.as_slice()).permute(&order).reshape(flat.as_slice());
    let at = Windows {
        kernel: kernel[2..].to_vec(),
        strides: vec![1; n],
        dilations: dilations.iter().map(|d| *d as usize).collect(),
        before: (0..n).map(|a| reach(a) - 1 - pads[a]).collect(),
        after: (0..n).map(|a| reach(a) - 1 - pads[a + n] + extra[a]).collect(),
    };
    Ok(vec![x.like(biased(c, convolved(spread, w, &at, groups), 2)?)])
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
