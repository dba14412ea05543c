//! Programs of several operations, such as people write them.

use dl_core::ops::{Order, Scatter};
use dl_core::{I64, Named, U8, nn};

use crate::case::{Case, case};
use crate::cases::ODD;
use crate::scene::Fill::{Below, Uniform};

const B: Named = Named("B");

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    cases.push(case("composed", "distributions", |s| {
        s.output(s.g.normal(s.float, [3, 33]));
        s.output(s.g.exponential(s.float, [33]));
        s.output(s.g.bernoulli(0.3, [33]));
    }));
    cases.push(case("composed", "arrangements and selections", |s| {
        let x = s.float(&[4, 4, 3], Uniform);
        let parts: Vec<_> = x.split(1, &[1, 2, 1]).into_iter().map(|p| p.sum(1)).collect();
        s.output(s.g.stack(1, &parts));
        s.output(x.tile(&[2, 1, 2]).repeat(1, 3).roll(2, -1).diff(0));
        s.output(x.diagonal(0, 1).tril(0) + x.slice(0, 0, 3).diagonal(0, 2).triu(1).sum(..));
        let (values, places) = x.top_k(2, 1, Order::Descending);
        s.output(values);
        s.output(places);
        let i = s.typed(I64, &[5], Below(4));
        s.output(x.index(&[i, i]));
        s.output(x.index_put(Scatter::Set, &[i, i], s.float(&[5, 3], Uniform)));
    }));
    cases.push(case("composed", "einsums", |s| {
        let (a, b, c) = (s.float(&[4, 4, 3], Uniform), s.float(&[3, 7], Uniform), s.float(&[7, 2], Uniform));
        s.output(s.g.einsum("iij,jk,kl", &[a, b, c]));
        s.output(s.g.einsum("...j,jk->k...", &[a, b]));
    }));
    for n in [1, 7, 33] {
        cases.push(case("composed", format!("softmax of {n} rows"), move |s| {
            let x = s.input(s.float, (B, 10), &[n, 10], Uniform);
            let shifted = x - x.max(1).unsqueeze(1);
            let logits = shifted - shifted.exp().sum(1).log().unsqueeze(1);
            s.output(logits);
            s.output(logits.exp().sum(1));
            s.output(logits.pick(s.input(I64, B, &[n], Below(10))).mean(..));
        }));
        cases.push(case("composed", format!("a projection after a step on {n} rows"), move |s| {
            let (x, w) = (s.input(s.float, (B, 9), &[n, 9], Uniform), s.parameter(&[9, 5], Uniform));
            let gradient = x.dot(w).tanh().square().mean(..).grad(&[w])[0];
            s.update(w, nn::max_norm(w - 0.25 * gradient, 1.5, 0));
        }));
        cases.push(case("composed", format!("a layer on {n} images"), move |s| {
            let x = s.input(U8, (B, 49), &[n, 49], Below(256)).cast(s.float) / 255.0;
            let (w, b) = (s.parameter(&[49, 12], Uniform), s.parameter(&[12], Uniform));
            let h = (x.dot(w) + b).relu();
            let error = h - 0.5;
            let masked = h.gt(0.0).select(error, 0.0);
            s.output((error * error).mean(..));
            s.update(w, w - 0.25 * x.contract("bi,bo->io", masked));
            s.update(b, b - 0.25 * masked.sum(0));
        }));
    }
    for n in ODD {
        cases.push(case("composed", format!("moments of {n}"), move |s| {
            let (w, m) = (s.parameter(&[n], Uniform), s.parameter(&[n], Uniform));
            let v = s.parameter(&[n], crate::scene::Fill::Positive);
            let g = s.float(&[n], Uniform);
            let (m1, v1) = (m * 0.5 + g * 0.5, v * 0.75 + g * g * 0.25);
            s.update(m, m1);
            s.update(v, v1);
            s.update(w, w - 0.125 * m1 / (v1.sqrt() + 0.125));
        }));
    }
    cases
}
