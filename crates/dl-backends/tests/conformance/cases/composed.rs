//! Programs of several operations, such as people write them.

use dl_core::{I64, Named, U8, nn};

use crate::case::{Case, case};
use crate::cases::ODD;
use crate::scene::Fill::{Below, Uniform};

const B: Named = Named("B");

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![];
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
