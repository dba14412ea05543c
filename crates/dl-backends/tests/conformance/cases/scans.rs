//! Scans: carries, elements, results; by rows and as a whole; inside each other, forwards and backwards.

use dl_core::ops::scan::Scan;
use dl_core::{I64, Named};

use crate::case::{Case, case};
use crate::scene::Fill::{Below, Ties, Uniform};

const B: Named = Named("B");

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for (n, steps) in [(1, 1), (7, 3), (33, 5), (3, 0)] {
        for op in ["carry", "element", "scan", "final", "stack"] {
            // Whole numbers, so that sums are exact.
            cases.push(case(op, format!("running sums of {n} rows, {steps} steps"), move |s| {
                let x = s.input(s.float, (B, steps, 2), &[n, steps, 2], Ties);
                let zero = s.g.full(s.float, (B, 2), 0.0);
                for scan in [Scan::along(1), Scan::along(1).reverse()] {
                    let run = scan.run(s.g, &[x], &[zero, zero], |carry, x| {
                        ([carry[0] + x[0], carry[0]], [carry[1], x[0]])
                    });
                    run.finals.into_iter().chain(run.outputs).for_each(|e| s.output(e));
                }
                let kinds = s.input(I64, (B, steps), &[n, steps], Below(3));
                let run = s.g.scan(1, &[kinds], &[s.g.full(I64, B, 1.0)], |carry, x| {
                    ([carry[0] + x[0]], [carry[0].eq(x[0])])
                });
                run.finals.into_iter().chain(run.outputs).for_each(|e| s.output(e));
            }));
        }
        cases.push(case("composed", format!("a recurrence of {n} rows, {steps} steps"), move |s| {
            let x = s.input(s.float, (B, steps, 4), &[n, steps, 4], Uniform);
            let (w, u) = (s.parameter(&[4, 5], Uniform), s.parameter(&[5, 5], Uniform));
            let b = s.parameter(&[5], Uniform);
            let run = s.g.scan(1, &[x], &[s.g.full(s.float, (B, 5), 0.0)], |h, x| {
                let next = (x[0].dot(w) + h[0].dot(u) + b).tanh();
                ([next], [next])
            });
            let j = run.outputs[0].square().sum([1, 2]).mean(..) + run.finals[0].sum(1).mean(..);
            s.output(j);
            s.output(run.outputs[0]);
            for (p, g) in [w, u, b].into_iter().zip(j.grad(&[w, u, b])) {
                s.update(p, p - 0.25 * g);
            }
        }));
    }
    cases.push(case("composed", "scans inside each other".to_owned(), |s| {
        let x = s.input(s.float, (B, 3, 4), &[7, 3, 4], Uniform);
        let start = s.g.full(s.float, B, 0.5);
        for outer in [Scan::along(1), Scan::along(1).recomputed().reverse()] {
            let run = outer.run(s.g, &[x], &[start], |carry, row| {
                let inner = s.g.scan(1, row, &[carry[0]], |h, e| {
                    let next = (h[0] * e[0] + carry[0]).sin();
                    ([next], [next])
                });
                ([inner.finals[0]], [inner.outputs[0]])
            });
            let j = (run.outputs[0].square().sum([1, 2]) * run.finals[0]).mean(..);
            s.output(j);
            s.output(j.grad(&[x])[0]);
        }
    }));
    for (n, width) in [(5, 3), (33, 40)] {
        cases.push(case(
            "composed",
            format!("carries that change places, of {n} rows of {width}"),
            move |s| {
                let x = s.input(s.float, (B, 2, 3, width), &[n, 2, 3, width], Uniform);
                let first = s.input(s.float, (B, 2, width), &[n, 2, width], Uniform);
                let w = s.parameter(&[width, width], Uniform);
                let kept = s.input(I64, (B, 3), &[n, 3], Below(2)).eq(1.0);
                for scan in [Scan::along(2), Scan::along(2).reverse()] {
                    // The axis of the steps is the second in one sequence and the third in the other.
                    let kept = kept.broadcast_along(&[0, 2], &x.sum(3).shape());
                    let run = scan.run(s.g, &[x, kept], &[first, first + 1.0], |carry, x| {
                        let here = x[1].broadcast_along(&[0, 1], &x[0].shape());
                        let next = here.select((x[0] + carry[0].dot(w)).sin(), carry[0]);
                        ([carry[1], next], [next, carry[1], first, x[0]])
                    });
                    let j = run.outputs[0].square().mean(..) + (run.finals[0] * run.finals[1]).mean(..);
                    run.finals.into_iter().chain(run.outputs).for_each(|e| s.output(e));
                    s.output(j);
                    for gradient in j.grad(&[x, first, w]) {
                        s.output(gradient);
                    }
                }
            },
        ));
    }
    cases.push(case("composed", "a table read in a scan".to_owned(), |s| {
        let (table, labels) = (s.parameter(&[6, 3], Uniform), s.input(I64, (B, 4), &[7, 4], Below(6)));
        let run = s.g.scan(1, &[labels], &[s.g.full(s.float, (B, 3), 0.0)], |h, x| {
            let next = (h[0] + table.gather(0, x[0])).tanh();
            ([next], [next])
        });
        let j = run.outputs[0].square().sum([1, 2]).mean(..);
        s.output(j);
        s.update(table, table - 0.25 * j.grad(&[table])[0]);
    }));
    cases
}
