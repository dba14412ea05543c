//! Reductions: sums, products, extremes, and where the extremes stand.

use dl_core::ops::Reduce;
use dl_core::{I64, Named};

use crate::case::{Case, case};
use crate::cases::ODD;
use crate::scene::Fill::{self, Extreme, Positive, Ties, Uniform};

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for &kind in Reduce::ALL {
        shapes(&mut cases, kind);
        values(&mut cases, kind);
    }
    firsts(&mut cases);
    cases
}

fn shapes(cases: &mut Vec<Case>, kind: Reduce) {
    for m in ODD {
        for n in ODD {
            cases.push(case(kind.name(), format!("[{m}, {n}] along either and both"), move |s| {
                let x = s.float(&[m, n], Positive);
                s.output(x.reduce(kind, 0));
                s.output(x.reduce(kind, 1));
                s.output(x.reduce(kind, ..));
            }));
        }
    }
    for axes in [
        vec![0],
        vec![1],
        vec![2],
        vec![3],
        vec![0, 2],
        vec![1, 3],
        vec![1, 2],
        vec![0, 1, 3],
        vec![0, 1, 2, 3],
    ] {
        cases.push(case(kind.name(), format!("four axes along {axes:?}"), move |s| {
            let x = s.float(&[3, 4, 5, 6], Uniform);
            s.output(x.reduce(kind, axes.clone()));
            s.output(x.permute(&[2, 0, 3, 1]).reduce(kind, axes.clone()));
            s.output(x.slice_by(3, 1, 6, 2).flip([0, 2]).reduce(kind, axes.clone()));
        }));
    }
    cases.push(case(kind.name(), "of broadcasts", move |s| {
        let x = s.float(&[7], Positive);
        s.output(x.broadcast_to(&[3, 7].into()).reduce(kind, 0));
        s.output(x.unsqueeze(1).broadcast_to(&[7, 5].into()).reduce(kind, ..));
        s.output(s.g.full(s.float, [33], 1.5).reduce(kind, ..));
    }));
    // Long enough for several blocks and several threads.
    cases.push(case(kind.name(), "long", move |s| {
        const B: Named = Named("B");
        let fill = match kind {
            Reduce::Sum => Positive,
            Reduce::Prod => Fill::These(&[1.0, 1.0, 0.5, 2.0, -1.0]),
            Reduce::Max | Reduce::Min => Uniform,
        };
        let x = s.input(s.float, (B, 17), &[4099, 17], fill);
        let y = s.float(&[5, 40_001], fill);
        for x in [x, y] {
            s.output(x.reduce(kind, 0));
            s.output(x.reduce(kind, 1));
            s.output(x.reduce(kind, ..));
        }
    }));
}

fn values(cases: &mut Vec<Case>, kind: Reduce) {
    cases.push(case(kind.name(), "i64, wrapping", move |s| {
        let x = s.typed(I64, &[7, 33], Fill::Wide);
        s.output(x.reduce(kind, 0));
        s.output(x.reduce(kind, 1));
        s.output(x.transpose().reduce(kind, 1));
    }));
    if kind == Reduce::Sum {
        cases.push(case(kind.name(), "infinities and NaN", move |s| {
            let x = s.float(
                &[4, 33],
                Fill::These(&[1.0, f64::INFINITY, 2.0, 3.0, f64::NAN, -1.0, f64::NEG_INFINITY]),
            );
            s.output(x.reduce(kind, 1));
            s.output(x.slice(1, 0, 3).reduce(kind, ..));
        }));
    } else {
        cases.push(case(kind.name(), "extreme", move |s| {
            let x = s.float(&[23, 3], Extreme);
            s.output(x.reduce(kind, 0));
            s.output(x.reduce(kind, 1));
            s.output(x.slice(0, 7, 16).reduce(kind, ..));
        }));
    }
}

fn firsts(cases: &mut Vec<Case>) {
    for (op, max) in [("argmax", true), ("argmin", false)] {
        for (what, fill) in [("ties", Ties), ("extreme", Extreme), ("uniform", Uniform)] {
            cases.push(case(op, what, move |s| {
                for x in [s.float(&[23, 7], fill), s.float(&[33, 1, 5], fill), s.float(&[1, 33], fill)] {
                    for axis in 0..x.shape().rank() as isize {
                        s.output(if max { x.argmax(axis) } else { x.argmin(axis) });
                    }
                }
            }));
        }
        cases.push(case(op, "integers, transposed, and nothing", move |s| {
            let x = s.typed(I64, &[7, 33], Fill::Wide);
            let empty = s.float(&[0, 3], Uniform);
            for x in [x, x.transpose().flip(0), empty] {
                s.output(if max { x.argmax(1) } else { x.argmin(1) });
            }
        }));
    }
}
