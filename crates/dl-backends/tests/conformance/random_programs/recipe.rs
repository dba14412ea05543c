//! What a random program is made of: a list of picks, each an operation on two earlier values.

use dl_core::ops::Order;
use dl_core::ops::scan::Scan;
use dl_core::{Dim, Expr, I64, Shape};
use proptest::collection::vec;
use proptest::prelude::*;

/// A program, before it is built.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// The number of rows is a name, known only when it runs.
    pub(crate) named: bool,
    pub(crate) picks: Vec<Pick>,
}

/// One operation on two earlier values.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pick {
    pub(crate) op: u8,
    pub(crate) a: usize,
    pub(crate) b: usize,
}

/// How many operations [`combine`] knows.
const OPS: u8 = 71;

/// Any program of up to so many rows and columns.
pub(crate) fn recipes(most: usize) -> impl Strategy<Value = Recipe> {
    let pick = (0..OPS, 0usize..40, 0usize..40).prop_map(|(op, a, b)| Pick { op, a, b });
    let sizes = (1..most + 1, 1..most + 1, any::<bool>());
    (sizes, vec(pick, 1..12)).prop_map(|((rows, columns, named), picks)| Recipe {
        rows,
        columns,
        named,
        picks,
    })
}

/// What a pick may use besides earlier values.
pub(crate) struct Kitchen<'g> {
    pub(crate) rows: Dim,
    pub(crate) columns: usize,
    pub(crate) shape: Shape,
    /// `[columns, columns]`.
    pub(crate) w: Expr<'g>,
    /// A column for each row.
    pub(crate) labels: Expr<'g>,
}

/// Values of `[rows, columns]` from values of the same shape; none grows without bound.
pub(crate) fn combine<'g>(k: &Kitchen<'g>, op: u8, a: Expr<'g>, b: Expr<'g>) -> Expr<'g> {
    match op {
        0..30 => elementwise(op, a, b),
        30..47 => moving(k, op, a, b),
        _ => textbook(k, op, a, b),
    }
}

fn elementwise<'g>(op: u8, a: Expr<'g>, b: Expr<'g>) -> Expr<'g> {
    let truth = |condition: Expr<'g>| condition.cast(a.dtype());
    match op {
        0 => a.tanh(),
        1 => a.sin(),
        2 => a.sigmoid() - b.softplus().tanh(),
        3 => -a,
        4 => a.relu(),
        5 => a.abs().sqrt(),
        6 => a.erf(),
        7 => (a + b).tanh(),
        8 => a - b.cos(),
        9 => (a * b).tanh(),
        10 => a.maximum(b),
        11 => a.minimum(b),
        12 => a.gt(b).select(a, b),
        13 => a.le(b).select(b.sin(), 0.5 * a),
        14 => truth(a.lt(b).and(b.ge(0.5))) - b,
        15 => truth(!(a.gt(0.0).or(b.lt(0.0)))) * a,
        16 => a.eq(b).select(a, -b) + truth(a.ne(0.0)),
        17 => b.floor() - b + a.sign(),
        18 => (0.5 + a.abs()).pow(b.tanh()).tanh(),
        19 => a.square() / (1.0 + a.square()),
        20 => a.tanh().expm1(),
        21 => a.square().log1p() - b.clip(-1.5, 0.5),
        22 => (1.25 + a.cos()).log(),
        23 => (a / (1.0 + b.abs())).clip(-1.0, 1.5),
        24 => a.is_finite().select(a, 0.0) * b.tanh(),
        25 => a.stop_gradient().sigmoid() * b.tanh(),
        26 => a.tanh().pow(3.0) + b.clip(-2.0, 2.0).exp() / 8.0,
        27 => a.graph().random(a.dtype(), a.shape()) * a.tanh(),
        28 => (a - a.graph().step().cast(a.dtype())).cos(),
        _ => a.sqrt().is_finite().select(a.maximum(0.0).sqrt(), b.tanh()),
    }
}

fn moving<'g>(k: &Kitchen<'g>, op: u8, a: Expr<'g>, b: Expr<'g>) -> Expr<'g> {
    let (rows, g) = (&k.rows, a.graph());
    let wide = |column: Expr<'g>| column.unsqueeze(1).broadcast_to(&k.shape);
    match op {
        30 => a.transpose().reshape(k.shape.clone()),
        31 => a.flip(0),
        32 => a.transpose().flip([0, 1]).transpose(),
        33 => a - a.mean(0).broadcast_to(&k.shape),
        34 => wide(a.max(1)) - b,
        35 => (a.contract("ik,jk->ij", b).contract("ij,jk->ik", a) * 0.1).tanh(),
        36 => (a.contract("ki,kj->ji", b).contract("ij,kj->ki", a) * 0.1).tanh(),
        37 => a.slice(0, 1, rows).pad(0, 0, 1, 0.5),
        38 => g.concat(1, &[a, b]).slice(1, 1, k.columns + 1),
        39 => a.sort(1, Order::Descending),
        40 => a.gather(1, (b.mean(0) + k.w.sum(0)).argsort(0, Order::Ascending)),
        41 => a
            .reshape([rows * &Dim::from(k.columns)])
            .slice_by(0, 0, rows * &Dim::from(k.columns), 1)
            .reshape(k.shape.clone()),
        42 => a.gather(0, g.iota(I64, 0, [rows.clone()])) + b.sum(..).tanh(),
        43 => (a.pad(1, 1, 0, 0.25).unfold(1, 2, 1, 1).sum(-1) * b).cos(),
        44 => a.sum(1).scatter_add(1, 1, k.labels, &k.shape).tanh() - b,
        45 => wide(a.pick(b.argmax(1))) - wide(b.pick(k.labels)),
        _ => a.min(0).broadcast_to(&k.shape) + wide(b.prod(1).tanh()),
    }
}

/// Formulas as people write them, which rewriting knows.
fn textbook<'g>(k: &Kitchen<'g>, op: u8, a: Expr<'g>, b: Expr<'g>) -> Expr<'g> {
    let wide = |column: Expr<'g>| column.unsqueeze(1).broadcast_to(&k.shape);
    let count = a.graph().extent(a.dtype(), &k.rows);
    match op {
        47 => (a - a.max(1).unsqueeze(1)).exp(),
        48 => a.exp() / wide(a.exp().sum(1)),
        49 => (a.exp() / wide(a.exp().sum(1))).log() / 4.0,
        50 => wide(a.exp().sum(1).log()) - b,
        51 => (1.0 + a.exp()).log() - 1.0 / (1.0 + (-b).exp()),
        52 => -(1.0 / (1.0 + (-a).exp())).log(),
        53 => (a.exp() - (-a).exp()) / (a.exp() + (-a).exp()),
        54 => a / wide((0.5 + a.square().sum(1)).sqrt()),
        55 => wide(a.square().mean(1) - a.mean(1).square()).tanh(),
        56 => (a * b + a * 2.0 - a * b) / 2.0,
        57 => a.dot(k.w).tanh(),
        58 => wide(a.contract("ij,ij->i", b)).tanh() - a.sum(0).broadcast_to(&k.shape).tanh() / count,
        59 => wide((1.0 + b.abs()).log().sum(1).exp().log()) / 4.0 - a,
        60 => k.labels.one_hot(a.dtype(), k.columns) - a.log_softmax(1).exp(),
        61 => a * wide(a.logsumexp(1)) / 4.0 - b.log_softmax(0) / 8.0,
        62 => (a / 2.0).softmax(0) - b.softmax(1),
        63 => wide(a.log_softmax(1).pick(k.labels)) / 4.0 + b,
        64 => (a.softmax(1) * b).tanh() - wide((b.softmax(1) * b.log_softmax(1)).sum(1)),
        65 => wide(a.log_softmax(1).pick(k.labels) / 4.0) - a.softmax(1),
        66 => running(k, Scan::along(0), a, b),
        67 => running(k, Scan::along(1).reverse(), a, b),
        68 => running(k, Scan::along(1).recomputed(), a, b),
        69 => a.graph().map(1, &[a, b], |x| [(x[0] * x[1]).tanh()])[0],
        _ => (a.square() * b.square()).sqrt().tanh() + (0.5 * b.exp() + 2.0 * a.exp()).log(),
    }
}

/// A recurrence along an axis, whose elements are rows or columns.
fn running<'g>(k: &Kitchen<'g>, scan: Scan, a: Expr<'g>, b: Expr<'g>) -> Expr<'g> {
    let rows = a.contract("ij,jk->ik", k.w) * 0.25;
    let first = if scan == Scan::along(0) { b.mean(0) } else { b.mean(1) };
    let run = scan.run(a.graph(), &[a, rows], &[first], |h, x| {
        let next = (x[0] + 0.5 * h[0] * x[1].sin()).tanh();
        ([next], [next - h[0] * x[0].cos()])
    });
    run.outputs[0]
}
