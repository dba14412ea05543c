//! Indexing: gather and its transpose, iota, sorting.

use dl_core::ops::Order::{Ascending, Descending};
use dl_core::ops::Scatter;
use dl_core::{Bool, I64, Named, U8};

use crate::case::{Case, case};
use crate::cases::ODD;
use crate::scene::Fill::{Below, Extreme, Ties, Uniform, Wide};

const B: Named = Named("B");

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    gathers(&mut cases);
    scatters(&mut cases);
    updates(&mut cases);
    counts(&mut cases);
    sorts(&mut cases);
    cases
}

fn gathers(cases: &mut Vec<Case>) {
    cases.push(case("gather", "along each axis, by indices of each rank", |s| {
        let x = s.float(&[3, 4, 5], Uniform);
        for axis in 0..3 {
            for shape in [&[][..], &[7], &[2, 3], &[0]] {
                s.output(x.gather(axis, s.typed(I64, shape, Below(axis + 3))));
            }
        }
    }));
    cases.push(case("gather", "of other types", |s| {
        let i = s.typed(I64, &[7], Below(4));
        for t in [I64, Bool, U8] {
            s.output(s.typed(t, &[4, 3], Ties).gather(0, i));
        }
    }));
    cases.push(case("gather", "truth values, negated", |s| {
        let truths = s.float(&[4, 3], Ties).gt(0.0);
        s.output(!truths.gather(0, s.typed(I64, &[5], Below(4))));
        s.output(!truths.gather(1, s.typed(I64, &[2], Below(3))));
        s.output(!truths.pick(s.typed(I64, &[4], Below(3))));
    }));
    cases.push(case("gather", "classes of a batch", |s| {
        let x = s.input(s.float, (B, 10), &[33, 10], Uniform);
        let y = s.input(I64, B, &[33], Below(10));
        s.output(x.pick(y));
        s.output(x.gather(0, y.slice(0, 0, 7)));
        s.output((x * 2.0).transpose().gather(1, y).transpose());
    }));
    cases.push(case("gather", "from views, by views", |s| {
        let x = s.float(&[6, 8], Uniform);
        let i = s.typed(I64, &[4, 3], Below(6));
        s.output(x.transpose().gather(1, i.transpose()));
        s.output(x.flip(0).gather(0, i.slice(0, 1, 3)));
        s.output(x.slice(1, 2, 4).gather(0, i));
        s.output(
            x.slice(0, 0, 1).reshape([8]).broadcast_to(&[6, 8].into()).pick(i.reshape([12]).slice(0, 0, 6)),
        );
    }));
    for n in ODD {
        cases.push(case("gather", format!("of {n}"), move |s| {
            s.output(s.float(&[n.max(1), 3], Uniform).gather(0, s.typed(I64, &[n], Below(n.max(1)))));
        }));
    }
}

fn scatters(cases: &mut Vec<Case>) {
    cases.push(case("scatter_add", "with many on one place", |s| {
        let i = s.typed(I64, &[33], Below(5));
        let u = s.float(&[33, 3], Uniform);
        s.output(u.scatter_add(0, 0, i, &[5, 3].into()));
        s.output(u.transpose().scatter_add(1, 0, i, &[3, 5].into()));
        s.output(s.float(&[2, 33, 3], Uniform).scatter_add(1, 0, i, &[2, 5, 3].into()));
    }));
    cases.push(case("scatter_add", "in step with a batch", |s| {
        let y = s.input(I64, B, &[33], Below(10));
        let u = s.input(s.float, B, &[33], Uniform);
        s.output(u.scatter_add(1, 1, y, &(B, 10).into()));
        s.output(y.one_hot(s.float, 10));
        s.output(y.one_hot(I64, 10));
    }));
    // Without rows of a batch, each block has indices of its own, whatever stands before the axis.
    cases.push(case("scatter_add", "in step with blocks", |s| {
        for n in [5, 70] {
            let i = s.typed(I64, &[3, n], Below(4));
            s.output(s.float(&[3, n], Uniform).scatter_add(1, 1, i, &[3, 4].into()));
            s.output(s.float(&[3, 2, n, 2], Uniform).scatter_add(2, 1, i, &[3, 2, 4, 2].into()));
        }
    }));
    cases.push(case("scatter_add", "of integers, scalars and nothing", |s| {
        let i = s.typed(I64, &[7], Below(3));
        s.output(s.typed(I64, &[7, 2], Wide).scatter_add(0, 0, i, &[3, 2].into()));
        s.output(s.float(&[4], Uniform).scatter_add(0, 0, s.typed(I64, &[], Below(2)), &[2, 4].into()));
        s.output(s.float(&[0, 4], Uniform).scatter_add(0, 0, s.typed(I64, &[0], Below(2)), &[2, 4].into()));
    }));
}

/// Updates of which one stands: several of a place, none, integers, in step with a batch.
fn updates(cases: &mut Vec<Case>) {
    for (op, kind) in
        [("scatter_set", Scatter::Set), ("scatter_max", Scatter::Max), ("scatter_min", Scatter::Min)]
    {
        cases.push(case(op, "along each axis", move |s| {
            let (x, i) = (s.float(&[5, 3], Uniform), s.typed(I64, &[33], Below(4)));
            s.output(x.scatter(kind, 0, i, s.float(&[33, 3], Uniform)));
            s.output(x.transpose().scatter(kind, 1, i, s.float(&[3, 33], Ties)));
            s.output(s.float(&[2, 5, 3], Uniform).scatter(kind, 1, i, s.float(&[2, 33, 3], Extreme)));
        }));
        cases.push(case(op, "in step with a batch", move |s| {
            let x = s.input(s.float, (B, 10), &[33, 10], Uniform);
            let i = s.input(I64, (B, 4), &[33, 4], Below(10));
            let u = s.input(s.float, (B, 4), &[33, 4], Ties);
            s.output(x.scatter_along_axis(kind, 1, i, u));
        }));
        cases.push(case(op, "of integers and nothing", move |s| {
            let (x, i) = (s.typed(I64, &[3, 2], Wide), s.typed(I64, &[7], Below(3)));
            s.output(x.scatter(kind, 0, i, s.typed(I64, &[7, 2], Ties)));
            s.output(s.float(&[2, 4], Uniform).scatter(
                kind,
                0,
                s.typed(I64, &[0], Below(2)),
                s.float(&[0, 4], Uniform),
            ));
        }));
    }
}

fn counts(cases: &mut Vec<Case>) {
    cases.push(case("iota", "along each axis", |s| {
        for t in [s.float, I64] {
            s.output(s.g.iota(t, 0, [7]));
            s.output(s.g.iota(t, 0, [3, 4]));
            s.output(s.g.iota(t, 1, [3, 4]) + s.g.iota(t, 0, [3, 4]));
            s.output(s.g.iota(t, 1, [3, 0]));
        }
    }));
    cases.push(case("iota", "up to a name", |s| {
        let x = s.input(s.float, B, &[33], Uniform);
        s.output(x * s.g.iota(s.float, 0, B));
    }));
}

fn sorts(cases: &mut Vec<Case>) {
    for order in [Ascending, Descending] {
        for (what, fill) in [("ties", Ties), ("extreme", Extreme), ("uniform", Uniform)] {
            for op in ["sort", "argsort"] {
                cases.push(case(op, format!("{what}, {order:?}"), move |s| {
                    for x in [s.float(&[23, 7], fill), s.float(&[33], fill), s.float(&[1, 0], fill)] {
                        for axis in 0..x.shape().rank() as isize {
                            s.output(if op == "sort" { x.sort(axis, order) } else { x.argsort(axis, order) });
                        }
                    }
                    let n = s.typed(I64, &[5, 7], if op == "sort" { Wide } else { Ties });
                    let n = n.transpose().flip(0);
                    s.output(if op == "sort" { n.sort(0, order) } else { n.argsort(0, order) });
                }));
            }
        }
    }
}
