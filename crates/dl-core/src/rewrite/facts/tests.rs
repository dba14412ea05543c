//! What is known of values.

use super::*;
use crate::dim::Named;

fn check(build: impl for<'g> Fn(&'g Graph, Expr<'g>) -> Expr<'g>, holds: impl Fn(Facts) -> bool) {
    let g = Graph::new();
    let x = g.input("x", DType::F32, (Named("B"), 10));
    let e = build(&g, x);
    g.check().unwrap();
    let facts = Known::new(&g).of(e);
    assert!(holds(facts), "{e}: {facts:?}");
}

#[test]
fn signs() {
    check(|_, x| x.exp(), |f| f.positive() && !f.finite);
    check(|_, x| 1.0 + x.exp(), |f| f.positive() && f.low >= 1.0);
    check(|_, x| x * x, |f| f.non_negative() && !f.positive());
    check(|_, x| x * x.exp(), |f| !f.non_negative());
    check(|_, x| x.exp().sum(1), |f| f.positive());
    check(|_, x| x.exp() / x.exp().sum(1).broadcast_along(&[0], &x.shape()), |f| f.positive());
    check(|_, x| -x.sigmoid(), |f| f.high <= 0.0 && f.nonzero);
    check(|_, x| x.log(), |f| f.low == f64::NEG_INFINITY);
    check(|_, x| x.log_softmax(1), |f| f.high == 0.0 && !f.finite);
    check(|_, x| x.softmax(1), |f| f.positive() && f.high == 1.0 && !f.distribution);
    check(|_, x| x.sigmoid().logsumexp(1), |f| f.low == 0.0 && f.high == f64::INFINITY);
    check(|g, _| g.input("e", DType::F32, [0]).sigmoid().logsumexp(0), |f| f.low == f64::NEG_INFINITY);
    check(|_, x| x.sigmoid() - 1.0, |f| f.high <= 0.0 && f.low >= -1.0);
}

#[test]
fn rows_that_sum_to_one() {
    check(
        |g, _| g.input("y", DType::I64, Named("B")).one_hot(DType::F32, 10),
        |f| f.distribution && f.binary,
    );
    check(|_, x| x.assume(Fact::Distribution), |f| f.distribution && !f.binary);
    check(|_, x| x.assume(Fact::Distribution).sum(1), |f| f.low == 1.0 && f.high == 1.0);
    check(|_, x| x.assume(Fact::Distribution).sum(0), |f| f.low == 0.0);
}

#[test]
fn finiteness() {
    check(
        |g, _| g.input("i", DType::U8, (Named("B"), 10)).cast(DType::F32) / 255.0,
        |f| f.finite && f.low == 0.0,
    );
    check(|_, x| x.tanh(), |f| !f.finite);
    check(|_, x| x.assume(Fact::Finite).tanh(), |f| f.finite);
    check(|_, x| x.assume(Fact::Finite).tanh().logsumexp(1), |f| f.finite);
    check(|_, x| x.assume(Fact::Finite).logsumexp(1), |f| !f.finite);
    check(|_, x| x.assume(Fact::Finite) * x.assume(Fact::Finite), |f| !f.finite);
}
