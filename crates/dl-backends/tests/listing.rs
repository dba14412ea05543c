//! How the `cpu` executor says that it runs a plan.
#![cfg(feature = "cpu")]

use std::sync::Arc;

use dl_backends::{Cpu, Session};
use dl_core::nn::{self, Adam, Mode, Sgd};
use dl_core::{Dims, F32, Graph, I64, Named, Plan, Program, Schedule, Tensor, U8};
use expect_test::{Expect, expect};

const B: Named = Named("B");

fn check(program: &Program, cpu: Cpu, inputs: &[Tensor], want: Expect) {
    let mut session = Session::new(cpu, 7);
    let step = session.compile(program).expect("it can be compiled");
    let views: Vec<_> = inputs.iter().map(Tensor::view).collect();
    want.assert_eq(&session.run(&step, &views).expect("it runs").listing());
}

fn training() -> Program {
    let g = Graph::new();
    let (x, y) = (g.input("x", U8, (B, 40)).cast(F32) / 255.0, g.input("y", I64, B));
    let loss = nn::cross_entropy(nn::dense(x, "layer", 3), y).mean(..).named("J");
    loss.minimize(Sgd::new(0.5)).expect("it is right")
}

fn images(n: usize) -> [Tensor; 2] {
    let pixels = Tensor::new([n, 40], vec![7u8; n * 40]).expect("as many as the shape says");
    [pixels, Tensor::vector(vec![2i64; n])]
}

#[test]
fn one_tile_updates_its_parameters() {
    check(
        &training(),
        Cpu::with_threads(1).with_tile(32),
        &images(20),
        expect![[r#"
            20 rows: 1 × 20 in shards, 20 in a tile
            whole      %34=constant  4 B
            whole      %35=div  1 operations, 8 B
            pack       %4 [40, 3] kept in panels
            product    %1=cast %5 [r, 40]·[40, 3]  6.4 k operations, 4.6 KiB
            group      %8=add %11=eq %12=select %13=add %14=reduce_max %15=is_finite %16=select %18=sub %19=exp %20=sum %21=eq %22=select %23=gather %24=ne %25=and %26=log %27=sub %28=sub %29=select %30=add %31=softplus %32=sum %37=sigmoid %38=mul %39=scatter_add %40=div %42=mul %43=sub %44=sum  682 rows at a time, transposed  980 operations, 680 B
            product    %45 [40, r]·[r, 3]  4.8 k operations, 4.3 KiB
            whole      %33=div  1 operations, 8 B
            update     layer.bias ← layer.bias - 0.5·%44  6 operations, 36 B
            update     layer.weight ← layer.weight - 0.5·%45 by the product
        "#]],
    );
}

#[test]
fn tiles_and_lanes_sum_their_gradients() {
    check(
        &training(),
        Cpu::with_threads(2).with_tile(8),
        &images(100),
        expect![[r#"
            100 rows: 6 × 17 in shards, 8 in a tile
            whole      %34=constant  4 B
            whole      %35=div  1 operations, 8 B
            pack       %4 [40, 3] packed  960 B
            product    %1=cast %5 [r, 40]·[40, 3]  32 k operations, 29 KiB
            group      %8=add %11=eq %12=select %13=add %14=reduce_max %15=is_finite %16=select %18=sub %19=exp %20=sum %21=eq %22=select %23=gather %24=ne %25=and %26=log %27=sub %28=sub %29=select %30=add %31=softplus %32=sum %37=sigmoid %38=mul %39=scatter_add %40=div %42=mul %43=sub %44=sum  682 rows at a time, transposed  4.9 k operations, 3.2 KiB
            product    %45 [40, r]·[r, 3]  24 k operations, 31 KiB
            wait       for the threads that have a shard
            combine    %32 %44 %45  620 operations, 7.3 KiB
            whole      %33=div  1 operations, 8 B
            update     layer.weight ← layer.weight - 0.5·%45  240 operations, 1.4 KiB
            update     layer.bias ← layer.bias - 0.5·%44  6 operations, 36 B
        "#]],
    );
}

#[test]
fn what_is_not_divided_says_why() {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 2));
    let program = Program::builder(&g).output("y", x.flip(0).sum(1)).compile().expect("it is right");
    let x = Tensor::new([3, 2], vec![1.0f32; 6]).expect("as many as the shape says");
    check(
        &program,
        Cpu::with_threads(1),
        &[x],
        expect![[r#"
            whole values only: %1 = flip of [B, 2] mixes rows of B
            whole      %1=flip %2=sum  6 operations, 36 B
        "#]],
    );
}

/// The operations of a step by the schedule, and by the executor's kernels but for what it adds itself.
fn operations(program: &Program, cpu: Cpu, inputs: &[Tensor]) -> [usize; 2] {
    let (plan, rows) = (Arc::new(Plan::new(program)), inputs[0].shape()[0]);
    let schedule = Schedule::new(&plan, &Dims::new().with("B", rows)).expect("the sizes fit");
    let mut session = Session::new(cpu, 7);
    let step = session.compile(program).expect("it can be compiled");
    let views: Vec<_> = inputs.iter().map(Tensor::view).collect();
    let kernels = session.profile(&step, &views).expect("it runs");
    let own = |k: &&dl_backends::Kernel| !["combine", "update"].iter().any(|own| k.name.starts_with(own));
    [
        schedule.kernels().map(|(_, kernel)| schedule.cost(kernel).operations).sum(),
        kernels.iter().filter(own).map(|k| k.operations).sum(),
    ]
}

#[test]
fn operations_are_those_of_the_schedule() {
    let g = Graph::new();
    let (x, y) = (g.input("x", F32, (B, 5)), g.input("y", I64, B));
    let hidden = nn::dropout(nn::dense(x, "hidden", 37).tanh(), 0.2, Mode::Train);
    let loss = nn::cross_entropy(nn::dense(hidden, "out", 3), y).mean(..);
    let deep = loss.minimize(Adam::new(1e-3)).expect("it is right");
    let of = |n: usize| [Tensor::new([n, 5], vec![0.5f32; n * 5]).unwrap(), Tensor::vector(vec![2i64; n])];
    for cpu in
        [Cpu::with_threads(1), Cpu::with_threads(2).with_tile(8), Cpu::with_threads(1).with_code(false)]
    {
        let [schedule, kernels] = operations(&deep, cpu, &of(50));
        assert_eq!(kernels, schedule);
        assert!(schedule > 50 * 6 * 5 * 37);
    }
    // A product's operand made of bytes, a sum that goes row by row and one of whole values.
    let g = Graph::new();
    let x = g.input("x", U8, (B, 40)).cast(F32) / 255.0;
    let w = g.parameter("w", F32, [40, 3], dl_core::Init::Zeros);
    let program = Program::builder(&g).output("y", x.dot(w).sum(1)).output("z", w.sum(..));
    let [schedule, kernels] = operations(&program.compile().unwrap(), Cpu::with_threads(1), &images(20)[..1]);
    assert_eq!(kernels, schedule);
    assert_eq!(schedule, 20 * (40 * 2 + 2 * 40 * 3 + 3) + 40 * 3);
}
