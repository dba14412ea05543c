//! Recurrent networks, unrolled.

use dl_core::Expr;

use crate::call::{Call, Out, X, sizes};

pub(super) fn apply<'g>(c: &Call<'_, 'g>) -> Option<Out<'g>> {
    Some(match c.op {
        "RNN" => run(c, 1),
        "GRU" => run(c, 3),
        "LSTM" => run(c, 4),
        _ => return None,
    })
}

/// Weights of one direction.
struct Weights<'g> {
    w: Expr<'g>,
    r: Expr<'g>,
    /// Biases of the input's and of the state's product.
    b: (Expr<'g>, Expr<'g>),
    peep: Option<Expr<'g>>,
    hidden: usize,
}

fn run<'g>(c: &Call<'_, 'g>, gates: usize) -> Out<'g> {
    let (x, w, r) = (c.x(0)?, c.x(1)?, c.x(2)?);
    if c.has("activations") && c.list("activation_alpha").is_none() && c.op == "RNN" {
        let names = c.attributes["activations"].as_array().cloned().unwrap_or_default();
        if names.iter().any(|n| n.as_str().is_some_and(|n| !n.eq_ignore_ascii_case("tanh"))) {
            return Err("recurrence with other activations".into());
        }
    }
    let batch_first = c.int("layout", 0) == 1;
    let swap = |e: Expr<'g>, order: &[usize]| if batch_first { e.permute(order) } else { e };
    let input = swap(x.e, &[1, 0, 2]);
    let [t, batch, _] = <[usize; 3]>::try_from(sizes(input)).map_err(|_| "three axes are needed")?;
    let hidden = r.sizes()[2];
    let directions = w.sizes()[0];
    let first = |i: usize, d: usize| -> Result<Expr<'g>, String> {
        Ok(match c.optional(i)? {
            Some(h) => swap(h.e, &[1, 0, 2]).slice(0, d, d + 1).reshape([batch, hidden]),
            None => c.g.full(x.e.dtype(), [batch, hidden], 0.0),
        })
    };
    let lengths = c.optional(4)?;
    let (mut all, mut last, mut cells) = (vec![], vec![], vec![]);
    for d in 0..directions {
        let of = |e: Expr<'g>| {
            let s = sizes(e);
            e.slice(0, d, d + 1).reshape(&s[1..])
        };
        let bias = match c.optional(3)? {
            Some(b) => of(b.e),
            None => c.g.full(x.e.dtype(), [2 * gates * hidden], 0.0),
        };
        let half = gates * hidden;
        let weights = Weights {
            w: of(w.e),
            r: of(r.e),
            b: (bias.slice(0, 0, half), bias.slice(0, half, 2 * half)),
            peep: if c.op == "LSTM" { c.optional(7)?.map(|p| of(p.e)) } else { None },
            hidden,
        };
        let reverse = c.text("direction", "forward") == "reverse" || d == 1;
        let (mut h, mut cell) = (first(5, d)?, if c.op == "LSTM" { first(6, d)? } else { first(99, d)? });
        let mut outputs = vec![];
        for k in 0..t {
            let at = if reverse { t - 1 - k } else { k };
            let xt = input.slice(0, at, at + 1).reshape([batch, sizes(input)[2]]);
            let (mut next, mut next_cell) = weights.step(c, xt, h, cell);
            let mut shown = next;
            if let Some(n) = lengths {
                let live = n.e.gt(at as f64).unsqueeze(1).broadcast_to(&next.shape());
                (next, next_cell) = (live.select(next, h), live.select(next_cell, cell));
                shown = live.select(next, 0.0);
            }
            (h, cell) = (next, next_cell);
            outputs.push(shown);
        }
        if reverse {
            outputs.reverse();
        }
        all.push(c.g.stack(0, &outputs));
        last.push(h);
        cells.push(cell);
    }
    let y = c.g.stack(1, &all);
    let ends = |parts: &[Expr<'g>]| swap(c.g.stack(0, parts), &[1, 0, 2]);
    let results = [swap(y, &[2, 0, 1, 3]), ends(&last), ends(&cells)];
    Ok(results.into_iter().map(|e| X::new(e, x.ty).like(e)).collect())
}

impl<'g> Weights<'g> {
    fn step(&self, c: &Call<'_, 'g>, x: Expr<'g>, h: Expr<'g>, cell: Expr<'g>) -> (Expr<'g>, Expr<'g>) {
        let gate = |e: Expr<'g>, k: usize| {
            let axis = e.shape().rank() - 1;
            e.slice(axis, k * self.hidden, (k + 1) * self.hidden)
        };
        let from_x = x.dot(self.w.transpose()) + self.b.0;
        let from_h = h.dot(self.r.transpose());
        let clip = c.float("clip", f64::INFINITY);
        let bound = |e: Expr<'g>| if clip.is_finite() { e.clip(-clip, clip) } else { e };
        match c.op {
            "RNN" => (bound(from_x + from_h + self.b.1).tanh(), cell),
            "GRU" => {
                let both = from_x + from_h + self.b.1;
                let (z, r) = (bound(gate(both, 0)).sigmoid(), bound(gate(both, 1)).sigmoid());
                let inner = match c.int("linear_before_reset", 0) {
                    0 => {
                        let rows = self.r.slice(0, 2 * self.hidden, 3 * self.hidden);
                        (r * h).dot(rows.transpose()) + gate(self.b.1, 2)
                    }
                    _ => r * (gate(from_h, 2) + gate(self.b.1, 2)),
                };
                let new = bound(gate(from_x, 2) + inner).tanh();
                ((1.0 - z) * new + z * h, cell)
            }
            _ => {
                let both = from_x + from_h + self.b.1;
                let peep =
                    |e: Expr<'g>, k: usize, cell: Expr<'g>| self.peep.map_or(e, |p| e + gate(p, k) * cell);
                let i = bound(peep(gate(both, 0), 0, cell)).sigmoid();
                let f = bound(peep(gate(both, 2), 2, cell)).sigmoid();
                let next = f * cell + i * bound(gate(both, 3)).tanh();
                let o = bound(peep(gate(both, 1), 1, next)).sigmoid();
                (o * next.tanh(), next)
            }
        }
    }
}
