//! State: parameters, updates, constants, literals, sizes, the step counter and random numbers.

use dl_core::ops::Clock;
use dl_core::{Bool, Fact, I64, Named, Tensor, U8};

use crate::case::{Case, case};
use crate::cases::ODD;
use crate::scene::Fill::{Extreme, Ties, Uniform};

const B: Named = Named("B");

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    leaves(&mut cases);
    updates(&mut cases);
    random(&mut cases);
    cases
}

fn leaves(cases: &mut Vec<Case>) {
    cases.push(case("input", "given back", |s| {
        for t in [s.float, I64, Bool, U8] {
            s.output(s.typed(t, &[7, 3], Ties));
            s.output(s.typed(t, &[], Ties));
            s.output(s.typed(t, &[3, 0], Ties));
        }
    }));
    cases.push(case("parameter", "given back", |s| {
        s.output(s.parameter(&[33], Extreme));
        s.output(s.parameter(&[], Uniform));
        s.output(s.parameter(&[0], Uniform));
        s.output(s.parameter(&[3, 4], Uniform).transpose());
    }));
    cases.push(case("constant", "of every type", |s| {
        for t in [s.float, I64, Bool, U8] {
            s.output(s.g.full(t, [3, 5], 1.0));
            s.output(s.g.constant(t, 0.0));
        }
        s.output(s.g.constant(s.float, f64::INFINITY));
        s.output(s.g.constant(s.float, f64::NAN));
    }));
    cases.push(case("literal", "of every type", |s| {
        let float = Tensor::from_f64(s.float, [2, 2], &[1.5, -0.0, f64::NAN, 1e30]).expect("four");
        s.output(s.g.literal(float));
        s.output(s.g.literal(Tensor::vector(vec![i64::MIN, i64::MAX])).flip(0));
        s.output(s.g.literal(Tensor::vector(vec![true, false])));
        s.output(s.g.literal(Tensor::vector(vec![0u8, 255])));
    }));
    cases.push(case("extent", "of a name", |s| {
        let x = s.input(s.float, (B, 3), &[33, 3], Ties);
        let size = &dl_core::Dim::from(B) * &dl_core::Dim::from(2);
        s.output(s.g.extent(s.float, size.clone()));
        s.output(s.g.extent(I64, size));
        s.output(x * s.g.extent(s.float, B));
    }));
    cases.push(case("step", "counted", |s| {
        let w = s.parameter(&[3], Uniform);
        s.output(s.g.step());
        s.output(s.g.step().cast(s.float) * 0.5);
        s.update(w, w + 1.0);
    }));
    cases.push(case("stop_gradient", "of an input and of a result", |s| {
        let x = s.float(&[7], Uniform);
        s.output(x.stop_gradient());
        s.output((-x).stop_gradient().abs());
    }));
    cases.push(case("assume", "of an input and of a result", |s| {
        let x = s.float(&[7], Uniform);
        s.output(x.assume(Fact::Finite));
        s.output(x.abs().assume(Fact::NonNegative));
    }));
}

fn updates(cases: &mut Vec<Case>) {
    cases.push(case("parameter", "two that swap", |s| {
        let (a, b) = (s.parameter(&[7], Uniform), s.parameter(&[7], Uniform));
        s.output(a);
        s.update(a, b);
        s.update(b, a);
    }));
    cases.push(case("parameter", "updated by views", |s| {
        let (a, b) = (s.parameter(&[4, 4], Uniform), s.parameter(&[4], Uniform));
        let x = s.float(&[4, 4], Uniform);
        let c = s.parameter(&[4, 4], Uniform);
        s.update(a, a.transpose());
        s.update(b, s.g.constant(s.float, 2.0).broadcast_to(&[4].into()));
        s.update(c, x);
    }));
    cases.push(case("composed", "one value into two parameters and an output", |s| {
        let (a, b) = (s.parameter(&[33], Uniform), s.parameter(&[33], Uniform));
        let sum = a + b;
        s.output(sum);
        s.output(a - b);
        s.update(a, sum);
        s.update(b, sum);
    }));
    cases.push(case("composed", "what is read after it was overwritten in place", |s| {
        let x = s.float(&[33], Uniform);
        let y = x * 2.0;
        let z = y + 1.0;
        s.output(z * y);
        s.output((y - z).exp());
        s.output(-(-y));
        s.output(y);
    }));
}

fn random(cases: &mut Vec<Case>) {
    for n in ODD {
        cases.push(case("random", format!("of {n}, the same bits everywhere"), move |s| {
            let w = s.parameter(&[], Uniform);
            s.output(s.g.random(s.float, [n]));
            s.output(s.g.random(s.float, [3, n]).transpose());
            s.output(s.g.random(s.float, [40_001]).slice(0, 39_990, 40_001));
            s.update(w, w);
        }));
    }
    // The second run of a session, in which nothing is updated, sees other numbers.
    cases.push(case("random", "by the run", |s| {
        s.output(s.g.random_by(Clock::Run, s.float, [33]));
        let x = s.input(s.float, (B, 3), &[33, 3], Uniform);
        s.output(s.g.random_by(Clock::Run, s.float, (B, 3)).lt(0.5).select(x, 0.0));
    }));
    cases.push(case("random", "in the shape of a batch", |s| {
        let x = s.input(s.float, (B, 5), &[7, 5], Uniform);
        s.output(s.g.random(s.float, (B, 5)));
        s.output(s.g.random(s.float, (B, 5)).lt(0.5).select(x, 0.0));
    }));
}
