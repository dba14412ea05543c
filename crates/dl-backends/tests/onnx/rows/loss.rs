//! Losses.

use dl_core::Expr;

use crate::call::{Call, Out, X, sizes};

pub(super) fn apply<'g>(c: &Call<'_, 'g>) -> Option<Out<'g>> {
    Some(match c.op {
        "NegativeLogLikelihoodLoss" => c.x(0).and_then(|x| Ok(vec![x.like(loss(c, x, x.e)?)])),
        "SoftmaxCrossEntropyLoss" => (|| {
            let x = c.x(0)?;
            let logs = x.e.log_softmax(1);
            Ok(vec![x.like(loss(c, x, logs)?), x.like(logs)])
        })(),
        _ => return None,
    })
}

/// Of logarithms of probabilities `[N, C, …]`, by labels `[N, …]`.
fn loss<'g>(c: &Call<'_, 'g>, x: X<'g>, logs: Expr<'g>) -> Result<Expr<'g>, String> {
    let labels = c.x(1)?.e;
    let order: Vec<usize> = [0].into_iter().chain(2..x.rank()).chain([1]).collect();
    let ignored = c.has("ignore_index").then(|| labels.eq(c.int("ignore_index", 0) as f64));
    let safe = ignored.map_or(labels, |i| i.select(0.0, labels));
    let each = -logs.permute(&order).pick(safe);
    let ones = c.g.full(x.e.dtype(), sizes(labels).as_slice(), 1.0);
    let weights = match c.optional(2)? {
        Some(w) => w.e.gather(0, safe),
        None => ones,
    };
    let weights = ignored.map_or(weights, |i| i.select(0.0, weights));
    let all = each * weights;
    Ok(match c.text("reduction", "mean").as_str() {
        "none" => all,
        "sum" => all.sum(..),
        _ => all.sum(..) / weights.sum(..),
    })
}
