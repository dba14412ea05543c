//! Random small programs in `f64`: whatever is composed, executors and interpreter agree.
//!
//! Every operation here is continuous and every value stays bounded, so that a rounding difference
//! stays one.

use dl_core::ops::Order;
use dl_core::{Expr, F64, Graph};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::case::differences;
use crate::executors::executors;
use crate::fidelity::Row;
use crate::scene::{Fill, Ready, Scene};

/// Rounding differences may grow from step to step, far less than any mistake would be.
static ROW: Row = Row { op: "composed", ulps: [1e6; 4], floor: 1.0 };

/// One operation on two earlier values.
#[derive(Clone, Copy, Debug)]
struct Pick {
    op: u8,
    a: usize,
    b: usize,
}

/// How many operations [`combine`] knows.
const OPS: u8 = 28;

fn program(rows: usize, columns: usize, picks: &[Pick]) -> Ready {
    let g = Graph::new();
    let s = Scene::new(&g, F64);
    let w = s.parameter(&[rows, columns], Fill::Uniform);
    let row = s.float(&[columns], Fill::Ties);
    let mut values = vec![s.float(&[rows, columns], Fill::Uniform), w, row.broadcast_to(&w.shape())];
    for pick in picks {
        let (a, b) = (values[pick.a % values.len()], values[pick.b % values.len()]);
        values.push(combine(&s, pick.op, a, b, rows, columns));
    }
    let last = values[values.len() - 1];
    s.output(last);
    s.output((last * 0.5).sum(0));
    s.output(values[values.len() / 2]);
    s.update(w, w * 0.5 + last);
    s.ready().unwrap_or_else(|e| panic!("{picks:?}: {e}"))
}

/// Values of `[rows, columns]` from values of the same shape.
fn combine<'g>(s: &Scene<'g>, op: u8, a: Expr<'g>, b: Expr<'g>, rows: usize, columns: usize) -> Expr<'g> {
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
        13 => a.transpose().reshape([rows, columns]),
        14 => a.flip(0),
        15 => a.transpose().flip([0, 1]).transpose(),
        16 => a - a.mean(0).broadcast_to(&a.shape()),
        17 => a.max(1).unsqueeze(1) - b,
        18 => (a.contract("ik,jk->ij", b).contract("ij,jk->ik", a) * 0.1).tanh(),
        19 => (a.contract("ki,kj->ji", b).contract("ij,kj->ki", a) * 0.1).tanh(),
        20 => a.slice(0, 1, rows).pad(0, 0, 1, 0.5),
        21 => s.g.concat(1, &[a, b]).slice(1, 1, columns + 1),
        22 => a.sort(1, Order::Descending),
        23 => (a - a.max(1).unsqueeze(1)).exp(),
        24 => a.reshape([columns * rows]).slice_by(0, 0, rows * columns, 1).reshape([rows, columns]),
        25 => a.gather(0, s.g.iota(dl_core::I64, 0, [rows])) + b.sum(..).tanh(),
        26 => (a.unfold(1, 1, 1, 1).sum(-1) * b).cos(),
        _ => (a / (1.0 + b.abs())).clip(-1.0, 1.5),
    }
}

fn picks() -> impl Strategy<Value = Vec<Pick>> {
    vec((0..OPS, 0usize..40, 0usize..40).prop_map(|(op, a, b)| Pick { op, a, b }), 1..16)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn executors_agree_with_the_interpreter(rows in 1usize..9, columns in 1usize..9, picks in picks()) {
        let ready = program(rows, columns, &picks);
        for executor in executors().into_iter().filter(|e| e.supports(F64)) {
            let name = executor.name();
            let found = differences(&ready, executor, &ROW);
            prop_assert!(found.is_empty(), "{}: {}", name, found.join("\n"));
        }
    }
}
