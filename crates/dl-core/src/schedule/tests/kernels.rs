//! Kernels on rows: groups and their levels, opaque steps, stages.

use expect_test::expect;

use super::{B, check, program, schedule};
use crate::nn::{self, Sgd};
use crate::ops::Order;
use crate::{F32, Graph, I64, Init, U8};

#[test]
fn a_later_stage_computes_anew_what_costs_little() {
    let g = Graph::new();
    let h = g.input("x", F32, (B, 3)).exp();
    let centred = h - h.mean(0);
    let y = centred / centred.square().mean(0);
    let listing = schedule(&program(&g, &[("y", y)], &[])).to_string();
    // What is centred is so in the stage of its squares and in the last one; exponentials are kept.
    let count = |of: &str| listing.matches(of).count();
    assert_eq!((count("= sub"), count("= exp"), count("← sum")), (2, 1, 2), "{listing}");
    // Of what is wanted there is a buffer.
    let wanted = schedule(&program(&g, &[("centred", centred), ("y", y)], &[])).to_string();
    assert_eq!(wanted.matches("= sub").count(), 1, "{wanted}");
}

#[test]
fn the_perceptron() {
    let g = Graph::new();
    let (x, y) = (g.input("x", U8, (B, 784)).cast(F32) / 255.0, g.input("y", I64, B));
    let h = nn::dense(x, "fc1", 128).relu();
    let loss = nn::cross_entropy(nn::dense(h, "fc2", 10), y).mean(..).named("J");
    check(
        &loss.minimize(Sgd::new(0.01)).expect("it is right"),
        expect![[r#"
            rows       B = 8
            0w0        opaque     %40:J = constant()  (0 operations, 4 B)
            0w1        pointwise  each of 1 elements  (1 operations, 8 B)
                       r0 = %40:J[element]
                       r1 = div r0 8
                       %41:J ← r1
            0r0        product    result = f(x)[8, 784]·fc1.weight[784, 128]  (1.6 M operations, 404 KiB)
                       left r0 = x[row]
                       left r1 = cast r0 to f32
                       left r2 = div r1 255
                       then r0 = result
                       then r1 = fc1.bias
                       then r2 = add r0 r1
                       then r3 = relu r2
                       then %9 ← r3
                       then r5 = gt r2 0
                       then %53 ← r5
            0r1        product    %11 = %9[8, 128]·fc2.weight[128, 10]  (20 k operations, 9.3 KiB)
            0r2        pointwise  each row  (1.0 k operations, 872 B)
                       r0 = %11[row]
                       r1 = fc2.bias
                       r2 = add r0 r1
                       r3 = known[1, 10]
                       r4 = y[row]
                       r5 = eq r3 r4
                       r6 = select r5 -inf 0
                       r7 = add r2 r6
                       r8 = reduce_max of runs of 10 of r7
                       r9 = is_finite r8
                       r10 = select r9 r8 0
                       r11 = sub r7 r10
                       r12 = exp r11
                       r13 = sum of runs of 10 of r12
                       r14 = eq r13 0
                       r15 = select r14 1 r13
                       r16 = pick from r2 at r4
                       r17 = ne r16 -inf
                       r18 = and r14 r17
                       r19 = log r15
                       r20 = sub r16 r10
                       r21 = sub r19 r20
                       r22 = select r18 -inf 0
                       r23 = add r21 r22
                       r24 = softplus r23
                       %38 ← sum over rows of r24
                       r26 = sigmoid r23
                       r27 = %41:J
                       r28 = mul r27 r26
                       r29 = place r28 at r4
                       r30 = div r28 r15
                       r31 = mul r12 r30
                       r32 = sub r29 r31
                       %49 ← r32
                       %50 ← sum over rows of r32
            0r3        product    result = %49[8, 10]·fc2.weightᵀ[10, 128]  (23 k operations, 11 KiB)
                       then r0 = result
                       then r1 = %53[row]
                       then r2 = select r1 r0 0
                       then %54 ← r2
                       then %55 ← sum over rows of r2
            0r4        product    %52 = %9ᵀ[128, 8]·%49[8, 10]  (20 k operations, 9.3 KiB)
            0r5        product    %56 = f(x)ᵀ[784, 8]·%54[8, 128]  (1.6 M operations, 402 KiB)
                       left r0 = x[row]
                       left r1 = cast r0 to f32
                       left r2 = div r1 255
            1w0        pointwise  each of 1 elements  (1 operations, 8 B)
                       r0 = %38[element]
                       r1 = div r0 8
                       %39:J ← r1
            update     fc1.weight ← fc1.weight - 0.01·%56, by 0r5 where it takes all rows at once
            update     fc1.bias ← fc1.bias - 0.01·%55, in one pass: its maker cannot write over the old value
            update     fc2.weight ← fc2.weight - 0.01·%52, by 0r4 where it takes all rows at once
            update     fc2.bias ← fc2.bias - 0.01·%50, in one pass: its maker cannot write over the old value
            output     J = %39:J
        "#]],
    );
}

#[test]
fn a_step_waits_for_the_group_of_its_reader() {
    let g = Graph::new();
    let (x, m) = (g.input("x", F32, (B, 4)), g.input("m", F32, (B, 2)));
    let (w, v) = (g.parameter("w", F32, [4, 2], Init::Zeros), g.parameter("v", F32, [2, 2], Init::Zeros));
    // `exp` reads an input only, and stands beside the product that comes after the second one.
    check(
        &program(&g, &[("y", x.dot(w).dot(v) * m.exp())], &[]),
        expect![[r#"
        rows       B = 8
        0r0        product    %4 = x[8, 4]·w[4, 2]  (128 operations, 224 B)
        0r1        product    result = %4[8, 2]·v[2, 2]  (96 operations, 208 B)
                   then r0 = result
                   then r1 = m[row]
                   then r2 = exp r1
                   then r3 = mul r0 r2
                   then %7 ← r3
        output     y = %7
    "#]],
    );
}

#[test]
fn a_late_reader_keeps_the_value_of_an_early_group() {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 4));
    let (w, v) = (g.parameter("w", F32, [4, 2], Init::Zeros), g.parameter("v", F32, [2, 4], Init::Zeros));
    let h = x.dot(w).relu();
    // `h` is read by the product after its group, and by the sum over rows at the very end.
    check(
        &program(&g, &[("s", h.contract("bi,bo->io", h.dot(v).relu()))], &[]),
        expect![[r#"
            rows       B = 8
            0r0        product    result = x[8, 4]·w[4, 2]  (144 operations, 224 B)
                       then r0 = result
                       then r1 = relu r0
                       then %4 ← r1
            0r1        product    result = %4[8, 2]·v[2, 4]  (160 operations, 224 B)
                       then r0 = result
                       then r1 = relu r0
                       then %6 ← r1
            0r2        product    %7 = %4ᵀ[2, 8]·%6[8, 4]  (128 operations, 224 B)
            output     s = %7
        "#]],
    );
}

#[test]
fn rows_that_need_a_reduction_are_in_the_next_stage() {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 3));
    let centred = x - x.mean(0).broadcast_to(&x.shape());
    check(
        &program(&g, &[("s", (centred * centred).sum(0))], &[]),
        expect![[r#"
            rows       B = 8
            0r0        pointwise  each row  (24 operations, 108 B)
                       r0 = x[row]
                       %1 ← sum over rows of r0
            1w0        pointwise  each of 3 elements  (3 operations, 24 B)
                       r0 = %1[element]
                       r1 = div r0 8
                       %2 ← r1
            1r0        pointwise  each row  (72 operations, 120 B)
                       r0 = x[row]
                       r1 = %2
                       r2 = sub r0 r1
                       r3 = mul r2 r2
                       %6 ← sum over rows of r3
            output     s = %6
        "#]],
    );
}

#[test]
fn nobody_fuses_a_sort() {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 3));
    check(
        &program(&g, &[("y", (x + 1.0).sort(1, Order::Ascending) * 2.0)], &[]),
        expect![[r#"
        rows       B = 8
        0r0        pointwise  each row  (24 operations, 192 B)
                   r0 = x[row]
                   r1 = add r0 1
                   %1 ← r1
        0r1        opaque     %2 = sort(%1)  (24 operations, 192 B)
        0r2        pointwise  each row  (24 operations, 192 B)
                   r0 = %2[row]
                   r1 = mul r0 2
                   %3 ← r1
        output     y = %3
    "#]],
    );
}

#[test]
fn movement_inside_a_row_and_indices() {
    let g = Graph::new();
    let (x, i) = (g.input("x", F32, (B, 3)), g.input("i", I64, B));
    let table = g.parameter("table", F32, [5, 3], Init::Zeros);
    let y = table.gather(0, i) + x.flip(1);
    check(
        &program(
            &g,
            &[("y", y), ("z", x.pad(1, 1, 1, 0.0))],
            &[(table, table - y.sum(0).broadcast_to(&table.shape()))],
        ),
        expect![[r#"
            rows       B = 8
            0r0        pointwise  each row  (48 operations, 488 B)
                       r0 = i[row]
                       r1 = rows of table at r0
                       r2 = x[row]
                       r3 = move r2 to 3 places
                       r4 = add r1 r3
                       %5 ← r4
                       r6 = move r2 to 5 places
                       %6 ← r6
                       %7 ← sum over rows of r4
            1w0        opaque     %8 = broadcast(%7)  (0 operations, 72 B)
            1w1        pointwise  each of 15 elements  (15 operations, 180 B)
                       r0 = table[element]
                       r1 = %8[element]
                       r2 = sub r0 r1
                       %9 ← r2
            update     table, in place by 1w1
            output     y = %5
            output     z = %6
        "#]],
    );
}

#[test]
fn without_a_batch_everything_is_whole() {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 2));
    check(
        &program(&g, &[("y", x.flip(0).exp() + 1.0)], &[]),
        expect![[r#"
            no rows    %1 = flip of [B, 2] mixes rows of B
            0w0        opaque     %1 = flip(x)  (0 operations, 128 B)
            0w1        pointwise  each of 16 elements  (32 operations, 128 B)
                       r0 = %1[element]
                       r1 = exp r0
                       r2 = add r1 1
                       %3 ← r2
            output     y = %3
        "#]],
    );
}
