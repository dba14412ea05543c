//! Movement: index maps alone, one on another, and under arithmetic.

use dl_core::{Bool, DType, Dim, Expr, I64, Named, U8};

use crate::case::{Case, case};
use crate::cases::ODD;
use crate::scene::Fill::{Ties, Uniform, Wide};
use crate::scene::Scene;

const B: Named = Named("B");

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for dtype in [None, Some(I64), Some(Bool), Some(U8)] {
        each_type(&mut cases, dtype);
    }
    reshapes(&mut cases);
    pads(&mut cases);
    named(&mut cases);
    cases
}

fn each_type(cases: &mut Vec<Case>, dtype: Option<DType>) {
    let name = dtype.map_or("float".into(), |d| d.to_string());
    let mut add = |op, build: for<'g> fn(Expr<'g>, &Scene<'g>)| {
        cases.push(case(op, name.clone(), move |s| {
            let t = dtype.unwrap_or(s.float);
            build(s.typed(t, &[3, 4, 5], if t == I64 { Wide } else { Ties }), s);
        }));
    };
    add("reshape", |x, s| s.output(x.reshape([5, 12])));
    add("permute", |x, s| {
        s.output(x.permute(&[2, 0, 1]));
        s.output(x.permute(&[1, 0, 2]).permute(&[0, 2, 1]));
    });
    add("broadcast", |x, s| {
        s.output(x.broadcast_to(&[2, 3, 4, 5].into()));
        s.output(x.broadcast_along(&[0, 2, 3], &[3, 2, 4, 5].into()));
        s.output(x.unsqueeze(3).broadcast_to(&[3, 4, 5, 2].into()));
    });
    add("slice", |x, s| {
        s.output(x.slice(0, 1, 3));
        s.output(x.slice(1, 2, 2));
        s.output(x.slice_by(2, 1, 5, 3).slice_by(1, 0, 4, 2));
    });
    add("pad", |x, s| {
        s.output(x.pad(0, 1, 2, 0.0));
        s.output(x.pad(2, 0, 3, 1.0).pad(1, 2, 0, 0.0));
    });
    add("concat", |x, s| {
        for axis in 0..3 {
            s.output(s.g.concat(axis, &[x, x.flip(0), x.slice(axis, 1, 3), x.slice(axis, 0, 0)]));
        }
        s.output(s.g.concat(0, &[x.permute(&[1, 0, 2]), x.permute(&[1, 0, 2])]));
    });
    add("flip", |x, s| {
        s.output(x.flip(0));
        s.output(x.flip([1, 2]));
        s.output(x.flip(..).flip(1));
    });
}

fn reshapes(cases: &mut Vec<Case>) {
    cases.push(case("reshape", "after what does not lie row by row", |s| {
        let x = s.float(&[4, 6], Uniform);
        s.output(x.transpose().reshape([24]));
        s.output(x.transpose().reshape([3, 2, 4]));
        s.output(x.slice(1, 0, 4).reshape([2, 8]));
        s.output(x.slice(1, 0, 4).reshape([2, 2, 2, 2]));
        s.output(x.flip(0).reshape([24]));
        s.output(x.broadcast_to(&[2, 4, 6].into()).reshape([8, 6]));
        s.output(x.broadcast_to(&[2, 4, 6].into()).reshape([2, 24]));
        s.output(x.slice(0, 1, 2).reshape([6, 1, 1]));
    }));
    for n in ODD {
        cases.push(case("reshape", format!("of {n}"), move |s| {
            let x = s.float(&[n, 6], Uniform);
            s.output(x.reshape([2, n, 3]));
            s.output(x.transpose().reshape([n, 6]));
        }));
    }
}

fn pads(cases: &mut Vec<Case>) {
    cases.push(case("pad", "with values of all kinds", |s| {
        let x = s.float(&[3, 4], Uniform);
        s.output(x.pad(0, 2, 0, f64::NEG_INFINITY));
        s.output(x.transpose().pad(0, 0, 1, -1.5));
        s.output(s.g.full(s.float, [2, 2], 3.0).pad(0, 1, 1, 0.0));
    }));
    cases.push(case("pad", "with strides, as the gradient of a slice", |s| {
        let x = s.float(&[8, 9], Uniform);
        let picked = x.slice_by(0, 1, 8, 3).slice_by(1, 0, 9, 2);
        let weights = s.float(&[3, 5], Uniform);
        s.output((picked * weights).sum(..).grad(&[x])[0]);
    }));
    for n in ODD {
        cases.push(case("pad", format!("of {n}"), move |s| {
            s.output(s.float(&[n, 3], Uniform).pad(0, 2, 1, 0.5));
        }));
    }
}

fn named(cases: &mut Vec<Case>) {
    cases.push(case("slice", "up to a name", |s| {
        let x = s.input(s.float, (B, 3), &[7, 3], Uniform);
        let last = &Dim::from(B) - &Dim::from(1);
        s.output(x.slice(0, 1, B) - x.slice(0, 0, last.clone()));
        s.output(x.slice(0, last, B));
    }));
    cases.push(case("composed", "concatenated names", |s| {
        let x = s.input(s.float, (B, 3), &[7, 3], Uniform);
        let both = s.g.concat(0, &[x, x * 2.0]);
        s.output(both.sum(0));
        s.output(both.reshape((2, B, 3)).sum(0));
        s.output(x.pad(0, B, 1, 0.0));
    }));
    cases.push(case("broadcast", "to a name", |s| {
        let x = s.input(s.float, (B, 3), &[33, 3], Uniform);
        let w = s.parameter(&[3], Uniform);
        s.output(x + w);
        s.output(w.broadcast_to(&(B, 3).into()));
    }));
}
