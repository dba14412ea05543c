//! Attention, rotary embedding, linear attention.

use dl_core::{Expr, I64, nn};

use super::indexing::places;
use super::norm::kept;
use crate::call::{Call, Out, V, X, sizes};
use crate::types::Ty;

pub(super) fn apply<'g>(c: &Call<'_, 'g>) -> Option<Out<'g>> {
    Some(match c.op {
        "Attention" => attention(c),
        "RotaryEmbedding" => rotary(c),
        "LinearAttention" => linear(c),
        _ => return None,
    })
}

/// `[B, T, heads·D]` as `[B, heads, T, D]`.
fn by_heads<'g>(x: Expr<'g>, heads: usize) -> Expr<'g> {
    let s = sizes(x);
    x.reshape([s[0], s[1], heads, s[2] / heads]).permute(&[0, 2, 1, 3])
}

/// The other way.
fn together<'g>(x: Expr<'g>) -> Expr<'g> {
    let s = sizes(x);
    x.permute(&[0, 2, 1, 3]).reshape([s[0], s[2], s[1] * s[3]])
}

fn attention<'g>(c: &Call<'_, 'g>) -> Out<'g> {
    let (q, k, v) = (c.x(0)?, c.x(1)?, c.x(2)?);
    let flat = q.rank() == 3;
    let heads = |x: Expr<'g>, name: &str| if flat { by_heads(x, c.int(name, 1) as usize) } else { x };
    let query = heads(q.e, "q_num_heads");
    let (mut key, mut value) = (heads(k.e, "kv_num_heads"), heads(v.e, "kv_num_heads"));
    let past = c.optional(4)?;
    if let (Some(past_key), Some(past_value)) = (past, c.optional(5)?) {
        key = c.g.concat(2, &[past_key.e, key]);
        value = c.g.concat(2, &[past_value.e, value]);
    }
    let present = (key, value);
    let (rows, columns) = (sizes(query)[2], sizes(key)[2]);
    let dtype = query.dtype();
    let least = f64::NEG_INFINITY;
    let mut bias = c.g.full(dtype, [rows, columns], 0.0);
    if let Some(mask) = c.optional(3)? {
        let own = *mask.sizes().last().unwrap_or(&0);
        let last = mask.rank() - 1;
        let added = if mask.ty == Ty::Bool {
            let zero = c.g.full(dtype, mask.sizes().as_slice(), 0.0);
            mask.e.select(zero, least)
        } else {
            mask.e
        };
        bias = bias + added.pad(last, 0, columns - own, least);
    }
    // The place of each query among the keys: one number, or one for each of the batch.
    let lengths = c.optional(6)?;
    let offset = match (past, lengths) {
        (Some(past), _) => c.g.constant(I64, past.sizes()[2] as f64),
        (None, Some(n)) => (n.e - rows as f64).reshape([n.sizes()[0], 1, 1, 1]),
        (None, None) => c.g.constant(I64, 0.0),
    };
    let apart = c.g.iota(I64, 0, [rows, columns]) - c.g.iota(I64, 1, [rows, columns]) + offset;
    let only = |bias: Expr<'g>, allowed: Expr<'g>| {
        bias + allowed.select(c.g.full(dtype, sizes(allowed).as_slice(), 0.0), least)
    };
    if c.int("is_causal", 0) == 1 {
        bias = only(bias, apart.ge(0.0));
    }
    let (left, right) = (c.int("left_window_size", -1), c.int("right_window_size", -1));
    if left >= 0 {
        bias = only(bias, apart.le(left as f64));
    }
    if right >= 0 {
        bias = only(bias, apart.ge(-right as f64));
    }
    if let Some(n) = lengths {
        let at = c.g.iota(I64, 0, [columns]);
        bias = only(bias, at.lt(n.e.reshape([n.sizes()[0], 1, 1, 1])));
    }
    let scale = c.float("scale", 1.0 / (sizes(query)[3] as f64).sqrt());
    let cap = c.float("softcap", 0.0);
    let repeats = sizes(query)[1] / sizes(key)[1];
    let scores = c.g.einsum("bhqd,bhkd->bhqk", &[query * scale, key.repeat(1, repeats)]);
    let capped = if cap > 0.0 { (scores / cap).tanh() * cap } else { scores };
    let biased = capped + bias;
    let layer = nn::Attention::new().scale(scale).mask(bias);
    let (y, weights) = if cap > 0.0 {
        let masked = kept(bias, &[bias.shape().rank() - 1], |e, a| e.max(a)).eq(least);
        let masked = masked.broadcast_to(&biased.shape());
        let weights = masked.select(0.0, masked.select(0.0, biased).softmax(-1));
        (c.g.einsum("bhqk,bhkd->bhqd", &[weights, value.repeat(1, repeats)]), weights)
    } else {
        (layer.apply(query, key, value), layer.weights(query, key))
    };
    let shown = match c.int("qk_matmul_output_mode", 0) {
        0 => scores,
        1 => capped,
        2 => biased,
        _ => weights,
    };
    let y = if flat { together(y) } else { y };
    Ok(vec![q.like(y), q.like(present.0), v.like(present.1), q.like(shown)])
}

fn rotary<'g>(c: &Call<'_, 'g>) -> Out<'g> {
    let (x, mut cos, mut sin) = (c.x(0)?, c.x(1)?.e, c.x(2)?.e);
    let flat = x.rank() == 3;
    let e = if flat { by_heads(x.e, c.int("num_heads", 1) as usize) } else { x.e };
    let size = sizes(e)[3];
    let turned = match c.int("rotary_embedding_dim", 0) as usize {
        0 => size,
        n => n,
    };
    if let Some(at) = c.optional(3)? {
        let n = sizes(cos)[0];
        (cos, sin) = (cos.gather(0, places(at.e, n)), sin.gather(0, places(at.e, n)));
    }
    let (cos, sin) = (cos.unsqueeze(1), sin.unsqueeze(1));
    let (front, rest) = (e.slice(3, 0, turned), e.slice(3, turned, size));
    let interleaved = c.int("interleaved", 0) == 1;
    let (a, b) = match interleaved {
        true => (front.slice_by(3, 0, turned, 2), front.slice_by(3, 1, turned + 1, 2)),
        false => (front.slice(3, 0, turned / 2), front.slice(3, turned / 2, turned)),
    };
    let (real, imaginary) = (cos * a - sin * b, sin * a + cos * b);
    let front = match interleaved {
        true => c.g.stack(4, &[real, imaginary]).reshape(front.shape()),
        false => c.g.concat(3, &[real, imaginary]),
    };
    let y = c.g.concat(3, &[front, rest]);
    Ok(vec![x.like(if flat { together(y) } else { y })])
}

fn linear<'g>(c: &Call<'_, 'g>) -> Out<'g> {
    let (q, k, v) = (c.x(0)?, c.x(1)?, c.x(2)?);
    let (q_heads, heads) = (c.int("q_num_heads", 1) as usize, c.int("kv_num_heads", 1) as usize);
    let (query, key, value) = (by_heads(q.e, q_heads), by_heads(k.e, heads), by_heads(v.e, heads));
    let ([b, _, t, d], m) = (<[usize; 4]>::try_from(sizes(query)).map_err(|_| "four axes")?, sizes(value)[3]);
    let by_width = |x: X<'g>| by_heads(x.e, if x.sizes()[2] % heads == 0 { heads } else { 1 });
    let (decay, beta) = (c.optional(4)?.map(by_width), c.optional(5)?.map(by_width));
    let past = c.optional(3)?;
    let mut state = past.map_or_else(|| c.g.full(q.e.dtype(), [b, heads, d, m], 0.0), |p| p.e);
    let scale = match c.float("scale", 0.0) {
        0.0 => 1.0 / (d as f64).sqrt(),
        s => s,
    };
    let at = |e: Expr<'g>, i: usize| {
        let s = sizes(e);
        e.slice(2, i, i + 1).reshape([s[0], s[1], s[3]])
    };
    let mut outputs = vec![];
    for i in 0..t {
        let (qt, kt, mut vt) = (at(query, i), at(key, i), at(value, i));
        if let Some(decay) = decay {
            state = state * at(decay, i).exp().unsqueeze(3);
        }
        if let Some(beta) = beta {
            vt = at(beta, i) * (vt - c.g.einsum("bhdm,bhd->bhm", &[state, kt]));
        }
        state = state + kt.unsqueeze(3) * vt.unsqueeze(2);
        let read = state.repeat(1, q_heads / heads);
        outputs.push(c.g.einsum("bhd,bhdm->bhm", &[qt, read]) * scale);
    }
    let y = together(c.g.stack(2, &outputs));
    Ok(vec![q.like(y), V::T(X::new(state, past.map_or(q.ty, |p| p.ty)))])
}
