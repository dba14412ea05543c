//! What a steady step of the `cpu` executor takes from the heap: nothing.
#![cfg(feature = "cpu")]

use std::alloc::System;

use dl_backends::{Cpu, Session};
use dl_core::nn::{self, Adam, Optimizer, Sgd};
use dl_core::{F32, Graph, I64, Named, Program, Tensor, U8};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const B: Named = Named("B");

fn training(optimizer: impl Optimizer) -> Program {
    let g = Graph::new();
    let (x, y) = (g.input("x", U8, (B, 40)).cast(F32) / 255.0, g.input("y", I64, B));
    let hidden = nn::dense(x, "fc1", 150).relu();
    nn::cross_entropy(nn::dense(hidden, "fc2", 7), y).mean(..).minimize(optimizer).expect("it is sound")
}

/// Steps after which all that a session reuses is there: the first runs make it, and hand it on.
const WARM_UP: usize = 4;
/// Steps after these, each of which must be clean.
const STEADY: usize = 30;

/// One test, since threads of others would be counted, too.
#[test]
fn a_steady_step_allocates_nothing() {
    let programs = [training(Sgd::new(0.1).momentum(0.9)), training(Sgd::new(0.1)), training(Adam::new(0.1))];
    // One tile, several, and several lanes.
    for (rows, tile) in [(20, 64), (60, 32), (600, 50)] {
        let x = Tensor::new([rows, 40], vec![3u8; rows * 40]).expect("as many as rows");
        let y = Tensor::vector::<i64>((0..rows as i64).map(|i| i % 7).collect());
        for (program, threads) in programs.iter().flat_map(|p| [(p, 1), (p, 2)]) {
            let mut session = Session::new(Cpu::with_threads(threads).with_tile(tile), 7);
            let step = session.compile(program).expect("it can be compiled");
            let mut run = || session.run(&step, &[x.view(), y.view()]).map(drop).expect("it runs");
            (0..WARM_UP).for_each(|_| run());
            let mut counted = || {
                let region = Region::new(ALLOCATOR);
                run();
                let change = region.change();
                change.allocations + change.reallocations
            };
            let allocations: Vec<usize> = (0..STEADY).map(|_| counted()).collect();
            assert_eq!(allocations, [0; STEADY], "{rows} rows, tiles of {tile}, {threads} threads");
        }
    }
}
