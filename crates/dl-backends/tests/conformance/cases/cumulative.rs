//! Cumulative operations and linear recurrences, along each axis and both ways.

use dl_core::ops::{Cumulative, Prefix};
use dl_core::{I64, Named};

use crate::case::{Case, case};
use crate::cases::ODD;
use crate::scene::Fill::{Extreme, Positive, Ties, Uniform, Wide};

const B: Named = Named("B");

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for kind in Cumulative::ALL.iter().copied() {
        for n in ODD {
            cases.push(case(kind.name(), format!("of {n}"), move |s| {
                let x = s.float(&[3, n, 2], if kind == Cumulative::Prod { Positive } else { Uniform });
                for (reverse, exclusive) in [(false, false), (true, false), (false, true), (true, true)] {
                    s.output(x.cumulative(kind, 1, Prefix { reverse, exclusive }));
                }
                s.output(x.transpose().cumulative(kind, 2, Prefix::INCLUSIVE));
                s.output(x.cumulative(kind, 0, Prefix::INCLUSIVE.reverse()));
            }));
        }
        cases.push(case(kind.name(), "rows of a batch, and along it", move |s| {
            let x = s.input(s.float, (B, 7), &[33, 7], Positive);
            s.output((x + 0.5).cumulative(kind, 1, Prefix::INCLUSIVE) * 2.0);
            s.output(x.cumulative(kind, 0, Prefix::INCLUSIVE.reverse()));
        }));
        if kind != Cumulative::Prod {
            cases.push(case(kind.name(), "not finite", move |s| {
                s.output(s.float(&[31, 3], Extreme).cumulative(kind, 0, Prefix::INCLUSIVE));
            }));
        }
        if kind != Cumulative::LogSumExp {
            cases.push(case(kind.name(), "of integers", move |s| {
                s.output(s.typed(I64, &[5, 7], Ties).cumulative(kind, 1, Prefix::INCLUSIVE));
                s.output(s.typed(I64, &[9], Wide).cumulative(kind, 0, Prefix::INCLUSIVE.reverse()));
            }));
        }
    }
    for n in ODD {
        cases.push(case("linear_recurrence", format!("of {n}"), move |s| {
            let (a, b) = (s.float(&[3, n, 2], Uniform) * 0.5, s.float(&[3, n, 2], Uniform));
            for reverse in [false, true] {
                s.output(a.linear_recurrence(1, reverse, b));
                s.output(a.transpose().linear_recurrence(2, reverse, b.transpose()));
            }
        }));
    }
    cases.push(case("linear_recurrence", "rows of a batch", |s| {
        let (a, b) =
            (s.input(s.float, (B, 7), &[33, 7], Uniform), s.input(s.float, (B, 7), &[33, 7], Uniform));
        s.output((a * 0.5).linear_recurrence(1, false, b + 1.0));
    }));
    cases
}
