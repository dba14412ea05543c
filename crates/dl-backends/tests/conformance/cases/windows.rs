//! Windows and their transpose.

use crate::case::{Case, case};
use crate::scene::Fill::{Ties, Uniform};

/// Length, window, stride, dilation.
const FORMS: [[usize; 4]; 7] =
    [[7, 3, 1, 1], [7, 1, 1, 1], [7, 7, 1, 1], [33, 3, 2, 1], [33, 4, 3, 2], [33, 2, 5, 7], [8, 2, 2, 1]];

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![];
    for [n, size, stride, dilation] in FORMS {
        let about = format!("{size} of {n} by {stride}, {dilation} apart");
        cases.push(case("unfold", about.clone(), move |s| {
            let x = s.float(&[2, n], Uniform);
            s.output(x.unfold(1, size, stride, dilation));
            s.output(x.transpose().unfold(0, size, stride, dilation) * 2.0);
            // Of whole numbers, sums are exact.
            s.output(s.float(&[2, n], Ties).flip(1).unfold(1, size, stride, dilation).sum(-1));
        }));
        // The transpose arises as a gradient.
        cases.push(case("fold", about, move |s| {
            for (axis, shape) in [(1, [2, n]), (0, [n, 2])] {
                let x = s.float(&shape, Uniform);
                let windows = x.unfold(axis, size, stride, dilation);
                let sizes: Vec<usize> = windows.shape().iter().filter_map(dl_core::Dim::size).collect();
                let weights = s.float(&sizes, Uniform);
                s.output((windows * weights).sum(..).grad(&[x])[0]);
            }
        }));
    }
    cases
}
