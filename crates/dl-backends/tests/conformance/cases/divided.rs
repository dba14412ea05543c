//! Programs whose rows go in rounds, in turned groups, through bytes and into parameters.

use dl_core::{Dim, Expr, I64, Named, U8};

use crate::case::{Case, case};
use crate::scene::Fill::{Below, Positive, Uniform};

const B: Named = Named("B");

pub(crate) fn cases() -> Vec<Case> {
    let rows = [1, 7, 33, 200].into_iter();
    let by_rows = rows.flat_map(|n| {
        let steps = [updates(n), late_updates(n), wanted_twice(n), wanted_long(n), halves(n)];
        [rounds(n), kept_rows(n), short_rows(n), bytes(n), bent_bytes(n)].into_iter().chain(steps)
    });
    let long = [5000, 70_000].into_iter().flat_map(|n| [moments(n, false), moments(n, true)]);
    let lines = [1, 5, 40].into_iter().flat_map(|n| [heads(n, 3), heads(n, 32), contracted(n), lines(n)]);
    by_rows.chain(long).chain(lines).chain([waiting_reader(), many_bytes()]).collect()
}

/// Long whole values, taken through many steps at once: sums and scalars between them, a sum that another
/// kind of step reads before the last of them, and results that are no updates. Interrupted where such a
/// step reads what one of them makes.
fn moments(n: usize, interrupted: bool) -> Case {
    let name = if interrupted { "interrupted moments" } else { "moments" };
    case("composed", format!("{name} of {n} elements by rows"), move |s| {
        let x = s.input(s.float, (B, n), &[3, n], Uniform);
        let (w, m) = (s.parameter(&[n], Uniform), s.parameter(&[n], Uniform));
        let v = s.parameter(&[n], Positive);
        let scale = (w * w).max(..) + 1.5;
        let g = x.sum(0);
        let (m1, v1) = (m * 0.5 + g * 0.5, v * 0.75 + g * g * 0.25);
        let seen = if interrupted { m1 } else { g };
        s.output(seen.flip(0).slice(0, 1, 4));
        let ratio = m1 / (v1.sqrt() + scale.broadcast_to(&w.shape()));
        let sign = ratio.gt(0.0).select(ratio, -0.5 * w);
        s.output(sign);
        s.output(ratio.is_finite().cast(s.float).min(..));
        s.update(m, m1);
        s.update(v, v1);
        s.update(w, w - 0.125 * sign.tanh());
    })
}

/// Whole values that rows of several rounds read, and copies of them.
fn rounds(n: usize) -> Case {
    case("composed", format!("two rounds of {n} rows"), move |s| {
        let (x, row) = (s.input(s.float, (B, 3), &[n, 3], Uniform), s.float(&[3], Positive));
        let (sum, root) = (x.sum(0), row.sqrt());
        let (rows, roots) = (row.broadcast_to(&x.shape()), root.broadcast_to(&x.shape()));
        let late = x - sum.broadcast_to(&x.shape());
        // The copy of `rows` that is put beside rows of the second round is not there in the first.
        s.output(s.g.concat(1, &[rows, late]));
        s.output((rows + x).sum(1));
        // The last whole value that reads the root comes before rows that read what it was broadcast to.
        s.output((sum + root).sum(..));
        s.output((roots * late).sum(0));
        s.output((late * late).mean(..));
    })
}

/// Rows that a product makes in one round, and that the next one reads beside their sum.
fn kept_rows(n: usize) -> Case {
    case("composed", format!("{n} rows from round to round"), move |s| {
        let (x, w) = (s.input(s.float, (B, 3), &[n, 3], Uniform), s.parameter(&[3, 4], Uniform));
        let h = x.dot(w).tanh();
        let late = h - h.mean(0).broadcast_to(&h.shape());
        s.output(late);
        s.output((late * late * h).mean(0));
    })
}

/// Every kind of operation that a group may hold, on rows of a few elements.
fn short_rows(n: usize) -> Case {
    case("composed", format!("{n} short rows"), move |s| {
        let x = s.input(s.float, (B, 5), &[n, 5], Uniform);
        let (row, table) = (s.float(&[5], Uniform), s.float(&[4, 3], Uniform));
        let (i, j) = (s.input(I64, B, &[n], Below(5)), s.input(I64, (B, 2), &[n, 2], Below(4)));
        let max = x.max(1);
        let shifted = (x - max.unsqueeze(1)) * row;
        let (picked, hot) = (shifted.exp().pick(i), i.one_hot(s.float, 5));
        s.output(shifted.exp().sum(1).log() - picked);
        s.output(picked.scatter_add(1, 1, i, &x.shape()));
        s.output((hot * x).sum(0) + x.min(1).sum(..));
        s.output(table.gather(0, j).sum([1, 2]));
        s.output(s.g.concat(1, &[x.flip(1), x.slice(1, 1, 3)]).pad(1, 1, 2, 0.5));
        s.output(x.lt(0.0).select(s.g.random(s.float, x.shape()), row.broadcast_to(&x.shape())));
        s.output(s.g.iota(I64, 0, (B, 5)) + s.g.iota(I64, 1, (B, 5)));
        s.output(x.reshape((B, 5, 1)).permute(&[0, 2, 1]).prod(2).sum(0));
        s.output(x.cast(U8).cast(I64).sum(1));
    })
}

/// Attention of two heads, which lie beside each other in every operand and in the result, and its gradients.
fn heads(n: usize, width: usize) -> Case {
    case("composed", format!("two heads of {width} for {n} rows"), move |s| {
        let of = |places: usize| s.input(s.float, (B, places, 2 * width), &[n, places, 2 * width], Uniform);
        let (q, k, v, error) = (of(9), of(20), of(20), of(9));
        let [q, k, v, error] = [(q, 9), (k, 20), (v, 20), (error, 9)]
            .map(|(x, places)| x.reshape((B, places, 2, width)).permute(&[0, 2, 1, 3]));
        let weights = (0.3 * q.dot(k.transpose())).softmax(3);
        s.output(together(weights.dot(v)));
        let scores = weights * (error.dot(v.transpose()) - 0.5);
        s.output(together(weights.transpose().dot(error)));
        s.output(together(scores.dot(k)).sum([0, 1]));
        s.output(together(scores.transpose().dot(q)) + 1.0);
    })
}

/// Heads `[B, 2, L, E]` beside each other: `[B, L, 2·E]`.
fn together(x: Expr<'_>) -> Expr<'_> {
    let shape = x.shape();
    x.permute(&[0, 2, 1, 3]).reshape([shape[0].clone(), shape[2].clone(), &shape[3] * &Dim::from(2)])
}

/// Contractions of rows by rows, and of axes in step.
fn contracted(n: usize) -> Case {
    case("composed", format!("contractions of {n} rows by rows"), move |s| {
        let x = s.input(s.float, (B, 3, 16), &[n, 3, 16], Uniform);
        let y = s.input(s.float, (B, 16, 5), &[n, 16, 5], Uniform);
        let z = s.input(s.float, (B, 3), &[n, 3], Uniform);
        let w = s.float(&[3, 16, 7], Uniform);
        s.output(x.contract("bij,bjk->bik", y));
        s.output(x.contract("bij,bjk->bki", y).tanh());
        s.output(x.contract("bij,bjk->bik", y).permute(&[0, 2, 1]) * 2.0);
        s.output(x.contract("bhj,hjk->bhk", w));
        s.output(w.contract("hjk,bhj->bkh", x));
        s.output(x.contract("bih,bjh->bij", x));
        s.output(x.contract("bih,bjh->bijh", x));
        s.output(z.contract("bi,bi->b", z));
        s.output(z.contract("bi,bj->bij", z));
        s.output(z.contract("bi,bij->bj", x));
        s.output(x.contract("bhj,bhk->hjk", x));
        s.output(x.slice(2, 0, 0).contract("bij,bkj->bik", x.slice(2, 0, 0)));
    })
}

/// Rows of many lines, each normalized, weighted and reduced by itself, and what lines of all rows add up to.
fn lines(n: usize) -> Case {
    case("composed", format!("{n} rows of many lines"), move |s| {
        let x = s.input(s.float, (B, 24, 40), &[n, 24, 40], Uniform);
        let (scale, shift) = (s.parameter(&[40], Uniform), s.parameter(&[40], Uniform));
        let (places, each) = (s.float(&[24, 40], Uniform), s.input(s.float, B, &[n], Uniform));
        let moved = x + all(places, x);
        let mean = moved.mean(2).unsqueeze(2);
        let centred = moved - all(mean, x);
        let size = ((centred * centred).mean(2) + 0.1).sqrt().unsqueeze(2);
        let normal = centred / all(size, x);
        let y = normal * all(scale, x) + all(shift, x);
        s.output(y);
        s.output((y * all(each.reshape((B, 1, 1)), x)).max(2));
        s.output((y * y).sum([0, 1]));
        s.output((normal * moved).sum(0));
        s.output(y.flip(2).softmax(2) + y.erf().permute(&[0, 2, 1]).reshape((B, 24, 40)));
        s.update(scale, scale - 0.125 * (normal * x).sum([0, 1]));
        s.update(shift, shift - 0.125 * x.tanh().sum([0, 1]));
    })
}

fn all<'g>(value: Expr<'g>, like: Expr<'g>) -> Expr<'g> {
    value.broadcast_to(&like.shape())
}

/// Functions of bytes, one of which something else reads half-way.
fn bytes(n: usize) -> Case {
    case("composed", format!("functions of {n} rows of bytes"), move |s| {
        let x = s.input(U8, (B, 30), &[n, 30], Below(256));
        let scaled = x.cast(s.float) / 255.0;
        s.output(((scaled - 0.1307) / 0.3081).sum(0));
        s.output(scaled.sum(1));
        let bytes = x.cast(s.float);
        s.output((0.5 - (bytes * 0.25).sqrt()).exp().sum(1));
        s.output((bytes + bytes).sum(0));
    })
}

/// Bytes that are too many to be numbers all at once, on the left of both products of a layer.
fn many_bytes() -> Case {
    let (n, pixels) = (700, 301);
    case("composed", "products of many bytes", move |s| {
        let x = s.input(U8, (B, pixels), &[n, pixels], Below(256)).cast(s.float) / 255.0;
        let y = s.input(s.float, (B, 5), &[n, 5], Uniform);
        let w = s.parameter(&[pixels, 5], Uniform);
        let error = x.dot(w) - y;
        s.output((error * error).mean(..));
        s.update(w, w - 0.001 * x.contract("bi,bo->io", error));
    })
}

/// Updates that products can make themselves, and some that must wait.
fn updates(n: usize) -> Case {
    case("composed", format!("updates by {n} rows"), move |s| {
        let (x, y) = (s.input(s.float, (B, 9), &[n, 9], Uniform), s.input(s.float, (B, 4), &[n, 4], Uniform));
        let parameter = |sizes: &[usize]| s.parameter(sizes, Uniform);
        let (w, v, u) = (parameter(&[9, 4]), parameter(&[4, 9]), parameter(&[9]));
        let (b, kept, read) = (parameter(&[4]), parameter(&[9, 4]), parameter(&[9, 4]));
        let error = x.dot(w) + b + x.dot(v.transpose()) + x.dot(u).unsqueeze(1) - y;
        let gradient = x.contract("bi,bo->io", error);
        s.output((error * error).sum(..) + (w * w).sum(..));
        s.update(w, 0.75 * w - 0.125 * gradient);
        s.update(v, v - 0.125 * x.contract("bi,bo->oi", error));
        s.update(u, u - 0.25 * x.contract("bi,b->i", error.sum(1)));
        s.update(b, b - 0.5 * error.sum(0));
        s.output(kept);
        s.update(kept, kept + 0.125 * x.contract("bi,bo->io", y));
        // Read as it was when the rows are done: by whole values, and by another parameter's update.
        s.output((read * x.sum(..)).sum(..));
        s.update(read, read - 0.125 * x.contract("bi,bo->io", y * 0.5));
        let other = parameter(&[9, 4]);
        s.update(other, read);
    })
}

/// Values that are outputs and make updates, make several, or are outputs several times; parameters and
/// inputs that are outputs, and parameters that become what something else is.
fn wanted_twice(n: usize) -> Case {
    case("composed", format!("what {n} rows make, wanted more than once"), move |s| {
        let (x, y) = (s.input(s.float, (B, 9), &[n, 9], Uniform), s.input(s.float, (B, 4), &[n, 4], Uniform));
        let parameter = |sizes: &[usize]| s.parameter(sizes, Uniform);
        let whole = s.float(&[9, 4], Uniform);
        let (w, v, u, m) = (parameter(&[9, 4]), parameter(&[9, 4]), parameter(&[9, 4]), parameter(&[9, 4]));
        let (b, c, d) = (parameter(&[4]), parameter(&[4]), parameter(&[4]));
        let (i, k, l) = (parameter(&[9, 4]), parameter(&[9, 4]), parameter(&[9, 4]));
        let error = x.dot(w) + b - y;
        let (gradient, sum) = (x.contract("bi,bo->io", error), error.sum(0));
        s.output(gradient);
        s.output(gradient);
        s.output(gradient.transpose());
        s.update(w, w - 0.125 * gradient);
        s.update(v, 0.5 * v + gradient);
        s.update(u, gradient);
        let moment = 0.5 * m + gradient;
        s.output(moment);
        s.update(m, moment);
        s.output(sum);
        s.output(b - 0.5 * sum);
        s.update(b, b - 0.5 * sum);
        s.update(c, c - 0.5 * sum);
        s.update(d, sum);
        for end in [w, v, b, x, whole, error] {
            s.output(end);
            s.output(end);
        }
        // Nothing of these may be written over: an input, and another parameter.
        s.update(i, i - 0.5 * whole);
        s.update(k, k - l);
        s.output(l);
        let q = parameter(&[9, 4]);
        s.update(q, x.contract("bi,bo->io", y) - 0.5 * q);
    })
}

/// The same where the parameters are taken through many steps at once.
fn wanted_long(n: usize) -> Case {
    case("composed", format!("long parameters by {n} rows, wanted more than once"), move |s| {
        let x = s.input(s.float, (B, 90), &[n, 90], Uniform);
        let y = s.input(s.float, (B, 70), &[n, 70], Uniform);
        let (w, m, v) = (
            s.parameter(&[90, 70], Uniform),
            s.parameter(&[90, 70], Uniform),
            s.parameter(&[90, 70], Positive),
        );
        let gradient = x.contract("bi,bo->io", x.dot(w) - y) * (1.0 / n as f64);
        let (m1, v1) = (0.5 * m + 0.5 * gradient, 0.75 * v + 0.25 * gradient.square());
        let step = m1 / (v1.sqrt() + 0.5);
        for end in [gradient, m1, v1, step, w, m] {
            s.output(end);
        }
        s.update(m, m1);
        s.update(v, v1);
        s.update(w, w - 0.125 * step);
    })
}

/// Rows of twice as many rows: a half of them are not the rows of the batch.
fn halves(n: usize) -> Case {
    case("composed", format!("halves of twice {n} rows"), move |s| {
        let twice = &dl_core::Dim::from(B) * &dl_core::Dim::from(2);
        let (x, y) = (
            s.input(s.float, (twice.clone(), 3), &[2 * n, 3], Uniform),
            s.input(s.float, (B, 3), &[n, 3], Uniform),
        );
        s.output(x.slice(0, 0, B) + y);
        s.output(x.slice(0, B, twice) * y);
        s.output(x.slice(0, 0, B).sum(0));
        s.output(y.pad(0, 0, B, 0.5) + x);
        s.output((x.reshape((B, 6)).slice(1, 0, 3) + y).sum(1));
    })
}

/// Functions of bytes that are straight up to some byte and not beyond, for a product and elsewhere.
fn bent_bytes(n: usize) -> Case {
    case("composed", format!("bent functions of {n} rows of bytes"), move |s| {
        for bend in [1.0, 127.0, 128.0, 200.0, 254.0] {
            let x = s.input(U8, (B, 30), &[n, 30], Below(256)).cast(s.float);
            let w = s.parameter(&[30, 3], Uniform);
            s.output(((x - bend).relu() / 64.0).dot(w));
            s.output((x / 64.0 - bend / 64.0).abs().dot(w));
            s.output(x.minimum(bend).sum(1));
        }
    })
}

/// Parameters that rows of a later round read.
fn late_updates(n: usize) -> Case {
    case("composed", format!("updates before the last of {n} rows"), move |s| {
        let x = s.input(s.float, (B, 9), &[n, 9], Uniform);
        let w = s.parameter(&[9, 4], Uniform);
        let centred = x - x.mean(0).broadcast_to(&x.shape());
        let late = centred.dot(w);
        s.output((late * late).sum(0));
        s.update(w, w - 0.125 * x.contract("bi,bo->io", x.dot(w)));
    })
}

/// A long whole value of a parameter, which waits for the second round, while a product could update the
/// parameter in the first.
fn waiting_reader() -> Case {
    case("composed", "a reader that waits while its parameter is updated", move |s| {
        let x = s.input(s.float, (B, 90), &[20, 90], Uniform);
        let y = s.input(s.float, (B, 60), &[20, 60], Uniform);
        let w = s.parameter(&[90, 60], Uniform);
        let sum = y.square().sum(..);
        s.output((w.abs() * sum.broadcast_to(&w.shape())).sum(..));
        s.output(x.dot(w).sum(1));
        s.update(w, w - 0.125 * x.contract("bi,bo->io", y));
    })
}
