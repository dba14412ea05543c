//! Matrix products: recognition, prologues, epilogues.

use expect_test::expect;

use super::{B, check, program};
use crate::{F32, Graph, Init, U8};

#[test]
fn a_chain_from_an_input_to_products_is_their_prologue() {
    let g = Graph::new();
    let x = g.input("x", U8, (B, 6)).cast(F32) / 255.0 - 0.5;
    let (w, v) = (g.parameter("w", F32, [6, 2], Init::Zeros), g.parameter("v", F32, [6, 3], Init::Zeros));
    check(
        &program(&g, &[("a", x.dot(w)), ("b", x.dot(v))], &[]),
        expect![[r#"
        rows       B = 8
        0r0        product    %6 = f(x)[8, 6]·w[6, 2]  (336 operations, 160 B)
                   left r0 = x[row]
                   left r1 = cast r0 to f32
                   left r2 = div r1 255
                   left r3 = sub r2 0.5
        0r1        product    %7 = f(x)[8, 6]·v[6, 3]  (432 operations, 216 B)
                   left r0 = x[row]
                   left r1 = cast r0 to f32
                   left r2 = div r1 255
                   left r3 = sub r2 0.5
        output     a = %6
        output     b = %7
    "#]],
    );
}

#[test]
fn a_chain_that_others_read_is_computed_once() {
    let g = Graph::new();
    let x = g.input("x", U8, (B, 6)).cast(F32) / 255.0;
    let w = g.parameter("w", F32, [6, 2], Init::Zeros);
    check(
        &program(&g, &[("a", x.dot(w)), ("b", x.sum(1))], &[]),
        expect![[r#"
        rows       B = 8
        0r0        pointwise  each row  (144 operations, 272 B)
                   r0 = x[row]
                   r1 = cast r0 to f32
                   r2 = div r1 255
                   %2 ← r2
                   r4 = sum of runs of 6 of r2
                   %5 ← r4
        0r1        product    %4 = %2[8, 6]·w[6, 2]  (192 operations, 304 B)
        output     a = %4
        output     b = %5
    "#]],
    );
}

#[test]
fn elementwise_steps_on_a_product_are_its_epilogue() {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 6));
    let (w, b) = (g.parameter("w", F32, [6, 2], Init::Zeros), g.parameter("b", F32, [2], Init::Zeros));
    let z = x.dot(w) + b;
    // The product itself is an output, too: it is stored, and the epilogue goes on from it.
    check(
        &program(&g, &[("z", x.dot(w)), ("h", z.tanh()), ("s", z.relu().sum(0))], &[]),
        expect![[r#"
        rows       B = 8
        0r0        product    %3 = x[8, 6]·w[6, 2]  (256 operations, 384 B)
                   then r0 = result
                   then r1 = b
                   then r2 = add r0 r1
                   then r3 = tanh r2
                   then %6 ← r3
                   then r5 = relu r2
                   then %8 ← sum over rows of r5
        output     z = %3
        output     h = %6
        output     s = %8
    "#]],
    );
}

#[test]
fn steps_along_a_row_are_no_epilogue() {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 6));
    let w = g.parameter("w", F32, [6, 2], Init::Zeros);
    check(
        &program(&g, &[("p", x.dot(w).softmax(1))], &[]),
        expect![[r#"
        rows       B = 8
        0r0        product    %2 = x[8, 6]·w[6, 2]  (192 operations, 304 B)
        0r1        pointwise  each row  (112 operations, 128 B)
                   r0 = %2[row]
                   r1 = reduce_max of runs of 2 of r0
                   r2 = is_finite r1
                   r3 = select r2 r1 0
                   r4 = sub r0 r3
                   r5 = exp r4
                   r6 = sum of runs of 2 of r5
                   r7 = eq r6 0
                   r8 = select r7 1 r6
                   r9 = div r5 r8
                   %13 ← r9
        output     p = %13
    "#]],
    );
}

#[test]
fn two_products_of_a_level_share_what_follows() {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 6));
    let (w, v) = (g.parameter("w", F32, [6, 2], Init::Zeros), g.parameter("v", F32, [6, 2], Init::Zeros));
    check(
        &program(&g, &[("y", x.dot(w).sigmoid() * x.dot(v))], &[]),
        expect![[r#"
        rows       B = 8
        0r0        product    %3 = x[8, 6]·w[6, 2]  (192 operations, 304 B)
        0r1        product    %5 = x[8, 6]·v[6, 2]  (192 operations, 304 B)
        0r2        pointwise  each row  (32 operations, 192 B)
                   r0 = %3[row]
                   r1 = sigmoid r0
                   r2 = %5[row]
                   r3 = mul r1 r2
                   %6 ← r3
        output     y = %6
    "#]],
    );
}

#[test]
fn whole_products_are_recognised() {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 3));
    let (a, b) = (g.parameter("a", F32, [3, 4], Init::Zeros), g.parameter("b", F32, [5, 4], Init::Zeros));
    check(
        &program(&g, &[("y", x.dot(a.dot(b.transpose())))], &[]),
        expect![[r#"
            rows       B = 8
            0w0        opaque     %3 = permute(b)  (0 operations, 160 B)
            0w1        product    %4 = a[3, 4]·%3[4, 5]  (120 operations, 188 B)
            0r0        product    %5 = x[8, 3]·%4[3, 5]  (240 operations, 316 B)
            output     y = %5
        "#]],
    );
}
