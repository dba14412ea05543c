//! Fusion of steps on whole values.

use expect_test::expect;

use super::{B, check, program};
use crate::nn::{self, Adam};
use crate::{F32, Graph, Init};

#[test]
fn an_optimizer_is_a_kernel_for_each_shape() {
    let g = Graph::new();
    let (x, y) = (g.input("x", F32, (B, 3)), g.input("y", F32, (B, 2)));
    let loss = nn::mse(nn::dense(x, "layer", 2), y).mean(..);
    check(
        &loss.minimize(Adam::new(0.01)).expect("it is right"),
        expect![[r#"
            rows       B = 8
            0w0        opaque     %11 = constant()  (0 operations, 4 B)
            0w1        pointwise  each of 1 elements  (1 operations, 8 B)
                       r0 = %11[element]
                       r1 = div r0 16
                       %12 ← r1
            0r0        product    %3 = x[8, 3]·layer.weight[3, 2]  (96 operations, 184 B)
            0r1        pointwise  each row  (120 operations, 216 B)
                       r0 = %3[row]
                       r1 = layer.bias
                       r2 = add r0 r1
                       r3 = y[row]
                       r4 = sub r2 r3
                       r5 = mul r4 r4
                       r6 = sum of runs of 2 of r5
                       %9 ← sum over rows of r6
                       r8 = %12
                       r9 = mul r8 r4
                       r10 = mul 2 r9
                       %15 ← r10
                       %16 ← sum over rows of r9
            0r2        product    %18 = xᵀ[3, 8]·%15[8, 2]  (96 operations, 184 B)
            1w0        pointwise  each of 1 elements  (5 operations, 12 B)
                       r0 = adam.t(layer.weight)[element]
                       r1 = add r0 1
                       %22 ← r1
                       r3 = mul r1 -0.0010005003
                       r4 = expm1 r3
                       r5 = neg r4
                       r6 = sqrt r5
                       %34 ← r6
            1w1        pointwise  each of 1 elements  (3 operations, 8 B)
                       r0 = %22[element]
                       r1 = mul r0 -0.105360515
                       r2 = expm1 r1
                       r3 = div -0.01 r2
                       %40 ← r3
            1w2        pointwise  each of 6 elements  (78 operations, 176 B)
                       r0 = adam.m(layer.weight)[element]
                       r1 = mul 0.9 r0
                       r2 = %18[element]
                       r3 = mul 0.1 r2
                       r4 = add r1 r3
                       %25 ← r4
                       r6 = adam.v(layer.weight)[element]
                       r7 = mul 0.999 r6
                       r8 = mul r2 r2
                       r9 = mul 0.001 r8
                       r10 = add r7 r9
                       %29 ← r10
                       r12 = sqrt r10
                       r13 = %34
                       r14 = div r12 r13
                       r15 = add r14 1e-8
                       r16 = div r4 r15
                       r17 = %40
                       r18 = mul r17 r16
                       r19 = layer.weight[element]
                       r20 = sub r19 r18
                       %44 ← r20
            1w3        pointwise  each of 1 elements  (5 operations, 12 B)
                       r0 = adam.t(layer.bias)[element]
                       r1 = add r0 1
                       %48 ← r1
                       r3 = mul r1 -0.0010005003
                       r4 = expm1 r3
                       r5 = neg r4
                       r6 = sqrt r5
                       %60 ← r6
            1w4        pointwise  each of 1 elements  (4 operations, 16 B)
                       r0 = %9[element]
                       r1 = div r0 16
                       %10 ← r1
                       r3 = %48[element]
                       r4 = mul r3 -0.105360515
                       r5 = expm1 r4
                       r6 = div -0.01 r5
                       %66 ← r6
            1w5        pointwise  each of 2 elements  (26 operations, 64 B)
                       r0 = adam.m(layer.bias)[element]
                       r1 = mul 0.9 r0
                       r2 = %16[element]
                       r3 = mul 0.2 r2
                       r4 = add r1 r3
                       %51 ← r4
                       r6 = adam.v(layer.bias)[element]
                       r7 = mul 0.999 r6
                       r8 = mul r2 r2
                       r9 = mul 0.004 r8
                       r10 = add r7 r9
                       %55 ← r10
                       r12 = sqrt r10
                       r13 = %60
                       r14 = div r12 r13
                       r15 = add r14 1e-8
                       r16 = div r4 r15
                       r17 = %66
                       r18 = mul r17 r16
                       r19 = layer.bias[element]
                       r20 = sub r19 r18
                       %70 ← r20
            update     layer.weight, in place by 1w2
            update     layer.bias, in place by 1w5
            update     adam.m(layer.weight), in place by 1w2
            update     adam.v(layer.weight), in place by 1w2
            update     adam.t(layer.weight) ← %22, not in place: it is read elsewhere, too
            update     adam.m(layer.bias), in place by 1w5
            update     adam.v(layer.bias), in place by 1w5
            update     adam.t(layer.bias) ← %48, not in place: it is read elsewhere, too
            output     J = %10
        "#]],
    );
}

#[test]
fn a_number_for_all_is_read_as_one() {
    let g = Graph::new();
    let (w, rate) = (g.parameter("w", F32, [3], Init::Zeros), g.parameter("rate", F32, (), Init::Zeros));
    check(
        &program(&g, &[], &[(w, w.exp() * rate.broadcast_to(&w.shape()))]),
        expect![[r#"
        no rows    no input's first axis has a name
        0w0        pointwise  each of 3 elements  (6 operations, 28 B)
                   r0 = w[element]
                   r1 = exp r0
                   r2 = rate
                   r3 = mul r1 r2
                   %4 ← r3
        update     w, in place by 0w0
    "#]],
    );
}

#[test]
fn shapes_are_not_mixed() {
    let g = Graph::new();
    let (w, v) = (g.parameter("w", F32, [3], Init::Zeros), g.parameter("v", F32, [2], Init::Zeros));
    check(
        &program(&g, &[], &[(w, w.exp() + 1.0), (v, v.exp() + 1.0)]),
        expect![[r#"
        no rows    no input's first axis has a name
        0w0        pointwise  each of 3 elements  (6 operations, 24 B)
                   r0 = w[element]
                   r1 = exp r0
                   r2 = add r1 1
                   %3 ← r2
        0w1        pointwise  each of 2 elements  (4 operations, 16 B)
                   r0 = v[element]
                   r1 = exp r0
                   r2 = add r1 1
                   %5 ← r2
        update     w, in place by 0w0
        update     v, in place by 0w1
    "#]],
    );
}

#[test]
fn a_reader_between_divides_the_chain() {
    let g = Graph::new();
    let w = g.parameter("w", F32, [3], Init::Zeros);
    let e = w.exp() + 1.0;
    // The sum has to be there for the quotient: the first two steps cannot wait for it.
    check(
        &program(&g, &[("p", e / e.sum(..).broadcast_to(&e.shape()) - 1.0)], &[]),
        expect![[r#"
            no rows    no input's first axis has a name
            0w0        pointwise  each of 3 elements  (6 operations, 24 B)
                       r0 = w[element]
                       r1 = exp r0
                       r2 = add r1 1
                       %2 ← r2
            0w1        opaque     %3 = sum(%2)  (3 operations, 16 B)
            0w2        pointwise  each of 3 elements  (6 operations, 28 B)
                       r0 = %3
                       r1 = %2[element]
                       r2 = div r1 r0
                       r3 = sub r2 1
                       %6 ← r3
            output     p = %6
        "#]],
    );
}

#[test]
fn a_step_for_a_later_stage_waits_for_it() {
    let g = Graph::new();
    let (x, w) = (g.input("x", F32, (B, 3)), g.parameter("w", F32, [3], Init::Zeros));
    // `exp` could be computed before the rows, and is read after them.
    check(
        &program(&g, &[], &[(w, w.exp() * x.sum(0))]),
        expect![[r#"
        rows       B = 8
        0r0        pointwise  each row  (24 operations, 108 B)
                   r0 = x[row]
                   %3 ← sum over rows of r0
        1w0        pointwise  each of 3 elements  (6 operations, 36 B)
                   r0 = w[element]
                   r1 = exp r0
                   r2 = %3[element]
                   r3 = mul r1 r2
                   %4 ← r3
        update     w, in place by 1w0
    "#]],
    );
}
