//! Which scans are loops of kernels, and what the verifier asks of them.

use expect_test::expect;

use super::*;
use crate::F32;
use crate::schedule::{Kernel, Loop};

/// A recurrence of one product and one function.
fn recurrence() -> Program {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 5, 3));
    let w = g.parameter("w", F32, [3, 3], crate::Init::Zeros);
    let run = g.scan(1, &[x], &[g.full(F32, (B, 3), 0.0)], |h, x| {
        let next = (x[0] + h[0].dot(w)).tanh();
        ([next], [next])
    });
    program(&g, &[("h", run.outputs[0]), ("last", run.finals[0])], &[])
}

#[test]
fn a_scan_of_instructions_and_products_is_a_loop() {
    check(
        &recurrence(),
        expect![[r#"
        rows       B = 8
        0r0        pointwise  each row  (0 operations, 96 B)
                   r0 = copy 0
                   %2 ← r0
        0r1        loop       5 steps: %3 ← %2, %7 → %8; %4 of x; %9 of all %7  (960 operations, 1.2 KiB)
        0r1.0      product    result = %3[8, 3]·w[3, 3]  (192 operations, 324 B)
                   then r0 = result
                   then r1 = %4[row]
                   then r2 = add r1 r0
                   then r3 = tanh r2
                   then %7 ← r3
        output     h = %9
        output     last = %8
    "#]],
    );
}

#[test]
fn a_scan_with_an_opaque_step_is_opaque() {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 5, 3));
    let run = g.scan(1, &[x], &[g.full(F32, (B, 3), 0.0)], |h, x| {
        let next = (x[0] + h[0]).sort(1, crate::ops::Order::Ascending);
        ([next], [])
    });
    check(
        &program(&g, &[("last", run.finals[0])], &[]),
        expect![[r#"
        rows       B = 8
        0r0        pointwise  each row  (0 operations, 96 B)
                   r0 = copy 0
                   %1 ← r0
        0r1        opaque     %6 = scan(%1, x)  (240 operations, 672 B)
        output     last = %6
    "#]],
    );
}

/// What the verifier says of a loop in which something is changed.
fn broken(change: impl FnOnce(&mut Loop)) -> String {
    let mut schedule = schedule(&recurrence());
    let kernels = schedule.stages.iter_mut().flat_map(|s| &mut s.rows);
    let looped =
        kernels.into_iter().find_map(|k| if let Kernel::Loop(looped) = k { Some(looped) } else { None });
    change(looped.expect("a loop"));
    schedule.verify().expect_err("it is broken")
}

#[test]
fn a_loop_has_the_steps_of_its_scan() {
    let why = broken(|l| l.length += 1);
    assert!(why.contains("another number of steps"), "{why}");
}

#[test]
fn a_loop_takes_elements_of_its_sequences() {
    let why = broken(|l| l.elements[0].run -= 1);
    assert!(why.contains("elements of another number"), "{why}");
}

#[test]
fn carries_keep_their_layout() {
    let why = broken(|l| l.carries[0].next = l.elements[0].all);
    assert!(why.contains("a carry changes"), "{why}");
}

#[test]
fn kernels_of_a_loop_read_what_is_there() {
    let why = broken(|l| l.carries[0].value = None);
    assert!(why.contains("is read before it is made"), "{why}");
}

#[test]
fn a_loop_makes_each_buffer_once() {
    let why = broken(|l| l.body.push(l.body[0].clone()));
    assert!(why.contains("is made twice"), "{why}");
}
