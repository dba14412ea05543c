//! Sizes and their polynomials beyond the integers.

use dl_core::{Dim, Expr, F32, Graph, I64, Init, Named, Shape, Tensor};

use crate::refused;

const B: Named = Named("B");

/// `make`, which stands on the line of the call, is refused with `says`.
#[track_caller]
fn check(says: &str, make: impl for<'g> FnOnce(&'g Graph, Expr<'g>) -> Expr<'g>) {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 3));
    let at = std::panic::Location::caller();
    let poison = make(&g, x);
    refused(&g, at.file(), at.line(), &[says]);
    assert_eq!(poison.to_string(), "(poison)");
}

#[test]
#[rustfmt::skip] // each mistake on the line of its check
fn of_what_cannot_be_counted() {
    check("too many elements", |g, _| g.full(F32, [1i64 << 40, 1 << 40], 0.0));
    check("too many elements", |g, _| g.random(F32, [1i64 << 31, 1 << 31]));
    check("too many elements", |g, _| g.iota(I64, 0, [i64::MAX]));
    check("size is beyond integers", |_, x| x.pad(1, i64::MAX, 0, 0.0));
    check("too many elements", |_, x| x.pad(1, i64::MAX - 3, 0, 0.0));
    check("size is beyond integers", |_, x| x.pad(0, &Dim::from(B) * &Dim::from(i64::MAX), 0, 0.0));
    check("size is beyond integers", |_, x| x.pad(0, u64::MAX, 0, 0.0));
    check("is negative", |_, x| x.pad(1, -1, 0, 0.0));
    check("is negative", |_, x| x.pad(1, 0, -4, 0.0));
    check("cannot slice", |_, x| x.slice(1, i64::MIN, i64::MAX));
    check("size -1 is negative", |_, x| x.slice(1, -1, 2));
    check("reaches element", |_, x| x.slice_by(1, 0, i64::MAX, 1usize << 62));
    check("too many elements", |_, x| x.slice(1, 2, i64::MAX));
    check("slice reaches element", |_, x| x.slice(1, 2, 1i64 << 50));
    check("does not fit into axis 1", |_, x| x.unfold(1, usize::MAX, 1, 1));
    check("does not fit into axis 1", |_, x| x.unfold(1, 2, 1, usize::MAX));
    check("does not fit into axis 1", |_, x| x.unfold(1, usize::MAX, 1, usize::MAX));
    check("too many elements", |_, x| x.broadcast_to(&Shape::from((i64::MAX, B, 3))));
}

#[test]
#[rustfmt::skip]
fn of_what_is_no_size() {
    check("size -3 is negative", |g, _| g.input("y", F32, (B, -3)));
    check("size -3 is negative", |g, _| g.parameter("w", F32, [-3], Init::Zeros));
    check("size -3 is negative", |g, _| g.full(F32, [-3], 0.0));
    check("size is beyond integers", |g, _| g.extent(F32, u64::MAX));
    check("size -3 is negative", |g, _| g.extent(F32, -3));
    check("at most 64 are allowed", |g, _| g.input("y", F32, [1; 65]));
    check("size -1 is negative", |g, _| g.full(I64, (), 0.0).one_hot(F32, -1));
    check("too many elements", |g, _| g.full(I64, [9], 0.0).one_hot(F32, i64::MAX));
}

#[test]
fn of_a_reshape_of_nothing() {
    let g = Graph::new();
    let line = line!() + 1;
    let huge = g.full(F32, [1i64 << 40, 1 << 40], 0.0);
    huge.reshape([0]);
    refused(&g, file!(), line, &["constant of shape [1099511627776, 1099511627776] has too many elements"]);
}

#[test]
fn of_a_product_of_sums() {
    let g = Graph::new();
    let names: Vec<String> = (0..20).map(|i| format!("N{i}")).collect();
    let sums: Vec<Dim> = names.iter().map(|n| &Dim::named(n) + &Dim::from(1)).collect();
    let line = line!() + 1;
    g.input("x", F32, sums).reshape([3]);
    refused(&g, file!(), line, &["has too many elements"]);
}

#[test]
fn of_tensors() {
    assert!(Tensor::new([usize::MAX, 2], vec![0u8; 4]).is_err());
    assert!(Tensor::try_zeros(dl_core::U8, [usize::MAX, 2]).is_err());
}
