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

#[test]
fn attention_is_products_of_each_row_on_operands_as_they_lie() {
    let g = Graph::new();
    // Two heads of three places with four units, apart in the last axis of each operand.
    let heads = |name: &str| g.input(name, F32, (B, 3, 8)).reshape((B, 3, 2, 4)).permute(&[0, 2, 1, 3]);
    let (q, k, v) = (heads("q"), heads("k"), heads("v"));
    let y = q.dot(k.transpose()).tanh().dot(v).permute(&[0, 2, 1, 3]).reshape((B, 3, 8));
    check(
        &program(&g, &[("y", y)], &[]),
        expect![[r#"
            rows       B = 8
            0r0        product    result = 16 of q[3, 4]·kᵀ[4, 3]  (1.3 k operations, 2.1 KiB)
                       then r0 = result
                       then r1 = tanh r0
                       then %11 ← r1
            0r1        product    %13 = 16 of %11[3, 3]·v[3, 4]  (1.2 k operations, 2.1 KiB)
            output     y = %13
        "#]],
    );
}

#[test]
fn axes_in_step_are_loops_around_products() {
    let g = Graph::new();
    let (x, y) = (g.input("x", F32, (B, 3, 4)), g.input("y", F32, (B, 4, 5)));
    let (a, b) =
        (g.parameter("a", F32, [2, 3, 4], Init::Zeros), g.parameter("b", F32, [2, 4, 5], Init::Zeros));
    // The heads of a whole operand; the result's last axis first; and whole values.
    let heads = x.contract("bij,hkj->bhik", a);
    let apart = g.input("z", F32, (B, 2, 3)).contract("bhi,hij->bhj", a);
    let turned = x.contract("bij,bjk->bki", y);
    let outputs = [("rows", x.contract("bij,bjk->bik", y)), ("turned", turned), ("apart", apart)];
    check(
        &program(&g, &[&outputs[..], &[("heads", heads), ("whole", a.dot(b))]].concat(), &[]),
        expect![[r#"
            rows       B = 8
            0w0        product    %9 = 2 of a[3, 4]·b[4, 5]  (240 operations, 376 B)
            0r0        product    %4 = 16 of x[3, 4]·aᵀ[4, 3]  (1.2 k operations, 1.0 KiB)
            0r1        product    %6 = 16 of z[1, 3]·a[3, 4]  (384 operations, 544 B)
            0r2        product    %7 = 8 of yᵀ[5, 4]·xᵀ[4, 3]  (960 operations, 1.5 KiB)
            0r3        product    %8 = 8 of x[3, 4]·y[4, 5]  (960 operations, 1.5 KiB)
            output     rows = %8
            output     turned = %7
            output     apart = %6
            output     heads = %4
            output     whole = %9
        "#]],
    );
}

#[test]
fn results_whose_neighbours_are_of_several_products_are_no_products() {
    let g = Graph::new();
    let (x, y) = (g.input("x", F32, (B, 3, 2)), g.input("y", F32, (B, 4, 2)));
    check(
        &program(&g, &[("y", x.contract("bih,bjh->bijh", y))], &[]),
        expect![[r#"
        rows       B = 8
        0r0        opaque     %2 = contract(x, y)  (192 operations, 1.2 KiB)
        output     y = %2
    "#]],
    );
}

/// A number that is added to a product is no bias: it has no axis.
#[test]
fn a_number_added_to_a_product_is_no_bias() {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 2));
    let (v, c) = (g.parameter("v", F32, [2], Init::Zeros), g.parameter("c", F32, (), Init::Zeros));
    check(
        &program(&g, &[("y", x.dot(v) + c)], &[]),
        expect![[r#"
        rows       B = 8
        0r0        product    result = x[8, 2]·v[2, 1]  (40 operations, 108 B)
                   then r0 = result
                   then r1 = c
                   then r2 = add r0 r1
                   then %5 ← r2
        output     y = %5
    "#]],
    );
}
