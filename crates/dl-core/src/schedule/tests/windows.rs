//! Convolutions: windows of images as the operand of a product, and as its result.

use expect_test::expect;

use super::{B, check, program, schedule};
use crate::nn::{self, Sgd};
use crate::schedule::Kernel;
use crate::{Expr, F32, Graph, Init};

#[test]
fn a_convolution_reads_windows_of_the_image() {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 6, 5, 2)).tanh();
    let w = g.parameter("w", F32, [3, 2, 2, 4], Init::Zeros);
    let y = nn::Conv::new([3, 2], 4).padding(1).with_weight(x, w) + g.parameter("b", F32, [4], Init::Zeros);
    check(
        &program(&g, &[("y", y.relu())], &[]),
        expect![[r#"
            rows       B = 8
            0r0        pointwise  each row  (480 operations, 5.4 KiB)
                       r0 = x[row]
                       r1 = tanh r0
                       r2 = move r1 to 112 places
                       %3 ← r2
            0r1        product    result = windows(%3)[288, 12]·w[12, 4] + b  (30 k operations, 8.2 KiB)
                       then r0 = result
                       then r1 = relu r0
                       then %10 ← r1
            output     y = %10
        "#]],
    );
}

#[test]
fn its_gradients_are_products_of_windows_and_windows_that_add_up() {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 6, 5, 2));
    let h = nn::Conv::new([3, 2], 3).without_bias().apply(x, "c1");
    let y = nn::Conv::new([2, 2], 4).stride(2).without_bias().apply(h, "c2");
    check(
        &y.square().mean(..).minimize(Sgd::new(0.5)).expect("it is right"),
        expect![[r#"
            rows       B = 8
            0w0        opaque     %12 = constant()  (0 operations, 4 B)
            0w1        pointwise  each of 1 elements  (1 operations, 8 B)
                       r0 = %12[element]
                       r1 = div r0 128
                       %13 ← r1
            0r0        product    %4 = windows(x)[128, 12]·c1.weight[12, 3]  (9.2 k operations, 3.5 KiB)
            0r1        product    %8 = windows(%4)[32, 12]·c2.weight[12, 4]  (3.1 k operations, 2.2 KiB)
            0r2        pointwise  each row  (520 operations, 1.0 KiB)
                       r0 = %8[row]
                       r1 = mul r0 r0
                       r2 = sum of runs of 16 of r1
                       %10 ← sum over rows of r2
                       r4 = %13
                       r5 = mul r4 r0
                       r6 = mul 2 r5
                       %16 ← r6
            0r3        product    %20 = overlap(%16[32, 4]·c2.weightᵀ[4, 12])  (3.1 k operations, 2.2 KiB)
            0r4        product    %18 = windows(%4)[12, 32]·%16[32, 4]  (3.1 k operations, 2.2 KiB)
            0r5        product    %21 = windows(x)[12, 128]·%20[128, 3]  (9.2 k operations, 3.5 KiB)
            1w0        pointwise  each of 1 elements  (1 operations, 8 B)
                       r0 = %10[element]
                       r1 = div r0 128
                       %11 ← r1
            update     c1.weight ← c1.weight - 0.5·%21, by 0r5 where it takes all rows at once
            update     c2.weight ← c2.weight - 0.5·%18, by 0r4 where it takes all rows at once
            output     J = %11
        "#]],
    );
}

#[test]
fn windows_that_others_read_are_copied() {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 4, 1)).tanh();
    let w = g.parameter("w", F32, [2, 1, 3], Init::Zeros);
    let windows = x.unfold(1, 2, 1, 1);
    let y = windows.contract("bxci,ico->bxo", w);
    check(
        &program(&g, &[("y", y), ("largest", windows.max([2, 3]))], &[]),
        expect![[r#"
        rows       B = 8
        0r0        pointwise  each row  (80 operations, 416 B)
                   r0 = x[row]
                   r1 = tanh r0
                   r2 = move r1 to 6 places
                   %3 ← r2
                   r4 = reduce_max of runs of 2 of r2
                   %5 ← r4
        0r1        product    %4 = %3[24, 2]·w[2, 3]  (288 operations, 504 B)
        output     y = %4
        output     largest = %5
    "#]],
    );
}

#[test]
fn windows_that_are_parts_are_rows() {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 4, 4, 2));
    let w = g.parameter("w", F32, [1, 1, 2, 3], Init::Zeros);
    // Of one element each.
    check(
        &program(&g, &[("y", nn::Conv::new([1, 1], 3).with_weight(x, w))], &[]),
        expect![[r#"
        rows       B = 8
        0r0        product    %4 = x[128, 2]·w[2, 3]  (1.5 k operations, 2.5 KiB)
        output     y = %4
    "#]],
    );
}

/// Kernels of a schedule that copy windows, or contract without being a product.
fn copies(build: impl for<'g> Fn(&'g Graph) -> Expr<'g>) -> usize {
    let g = Graph::new();
    let loss = build(&g).square().mean(..);
    let schedule = schedule(&loss.minimize(Sgd::new(0.5)).expect("it is right"));
    let text = schedule.to_string();
    let opaque = |(_, kernel): &(_, &Kernel)| matches!(kernel, Kernel::Opaque(o) if o.fold.is_some());
    let contracts = text.lines().filter(|l| l.contains("opaque") && l.contains("contract")).count();
    let folds = text.lines().filter(|l| l.contains("opaque") && l.contains("fold(")).count();
    contracts + folds + schedule.kernels().filter(opaque).count()
}

#[test]
fn every_kind_of_convolution_is_products() {
    assert_eq!(copies(|g| nn::conv1d(nn::conv1d(g.input("x", F32, (B, 9, 2)), "a", 3, 3), "b", 2, 3)), 0);
    assert_eq!(
        copies(|g| {
            let h = nn::Conv::new([3, 3], 3).dilation(2).same().apply(g.input("x", F32, (B, 9, 8, 2)), "a");
            nn::Conv::new([3, 3], 3).stride([2, 1]).dilation([1, 2]).padding(1).apply(h, "b")
        }),
        0
    );
    assert_eq!(
        copies(|g| {
            let h = nn::conv3d(g.input("x", F32, (B, 4, 5, 4, 2)), "a", 3, [2, 2, 2]);
            nn::ConvTranspose::new([2, 3, 2], 2).stride(2).apply(h, "b")
        }),
        0
    );
}
