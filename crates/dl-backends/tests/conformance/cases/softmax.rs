//! Logarithms of sums of exponentials, in every form in which plans spell them out.

use dl_core::{F64, I64, Named};

use crate::case::{Case, case};
use crate::cases::ODD;
use crate::scene::Fill::{self, Below, Uniform};

const B: Named = Named("B");

/// Rows of which nothing, something and everything is left out.
const MASKED: Fill =
    Fill::These(&[f64::NEG_INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY, 2.0, f64::NEG_INFINITY, -1.0]);

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for (m, n) in ODD.into_iter().flat_map(|m| ODD.map(|n| (m, n))) {
        cases.push(case("logsumexp", format!("[{m}, {n}] along either and both"), move |s| {
            let x = s.float(&[m, n], Uniform);
            s.output(x.logsumexp(0));
            s.output(x.logsumexp(1));
            s.output(x.logsumexp(..));
        }));
        cases.push(case("log_softmax", format!("[{m}, {n}] along either and both"), move |s| {
            let x = s.float(&[m, n], Uniform);
            s.output(x.log_softmax(0));
            s.output(x.log_softmax(1));
            s.output(x.softmax(..));
        }));
    }
    for fill in [Uniform, MASKED] {
        cases.push(case("logsumexp", format!("and its gradient, {fill:?}"), move |s| {
            let x = s.input(s.float, (B, 3), &[33, 3], fill);
            let logs = x.logsumexp(1);
            s.output(logs);
            s.output(logs.sum(..).grad(&[x])[0]);
        }));
        cases.push(case("log_softmax", format!("and everything beside it, {fill:?}"), move |s| {
            let x = s.input(s.float, (B, 3), &[33, 3], fill);
            s.output(x.log_softmax(1));
            s.output(x.softmax(1));
            s.output(x.logsumexp(1));
            s.output(x.softmax(1).square().sum(..).grad(&[x])[0]);
        }));
        cases.push(case("log_softmax", format!("at labels, {fill:?}"), move |s| {
            let x = s.input(s.float, (B, 3), &[33, 3], fill);
            let y = s.input(I64, B, &[33], Below(3));
            let loss = -x.log_softmax(1).pick(y);
            s.output(loss);
            s.output(loss.sum(..).grad(&[x])[0]);
        }));
    }
    cases.push(case("log_softmax", "at labels and elsewhere", |s| {
        let x = s.input(s.float, (B, 7), &[33, 7], Uniform);
        let (y, w) = (s.input(I64, B, &[33], Below(7)), s.input(s.float, B, &[33], Uniform));
        let loss = -w * x.log_softmax(1).pick(y) - 0.25 * x.log_softmax(1).mean(1);
        s.output(loss);
        s.output(loss.mean(..).grad(&[x])[0]);
        s.output((x.softmax(1) - y.one_hot(s.float, 7)).square().sum(1));
    }));
    cases.push(case("logsumexp", "of what was shifted by hand", |s| {
        let x = s.float(&[7, 33], Uniform);
        let shifted = x - x.max(1).unsqueeze(1);
        s.output(shifted.logsumexp(1));
        s.output(shifted.log_softmax(1));
        s.output(shifted.logsumexp(1).cast(F64).sum(..).grad(&[x])[0]);
    }));
    cases
}
