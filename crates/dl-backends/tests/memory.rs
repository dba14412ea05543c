//! What a session takes from the heap however many sizes its inputs have had: a few times what the largest
//! needs.
#![cfg(feature = "cpu")]

use std::alloc::System;

use dl_backends::{Cpu, Session};
use dl_core::nn::{self, Sgd};
use dl_core::{F32, Graph, I64, Named, Program, Tensor, U8};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const B: Named = Named("B");

fn training() -> Program {
    let g = Graph::new();
    let (x, y) = (g.input("x", U8, (B, 20)).cast(F32) / 255.0, g.input("y", I64, B));
    let hidden = nn::dense(x, "fc1", 64).relu();
    nn::cross_entropy(nn::dense(hidden, "fc2", 7), y).mean(..).minimize(Sgd::new(0.1)).expect("it is sound")
}

/// The bytes that a session holds after runs with batches of these sizes, and its weights.
fn held(
    program: &Program,
    tile: Option<usize>,
    most: Option<usize>,
    sizes: impl Iterator<Item = usize>,
) -> (isize, Session) {
    let region = Region::new(ALLOCATOR);
    let cpu = Cpu::with_threads(1);
    let mut session = Session::new(tile.map_or(Cpu::with_threads(1), |tile| cpu.with_tile(tile)), 7);
    session = most.into_iter().fold(session, Session::keeping_sizes);
    let step = session.compile(program).expect("it can be compiled");
    for rows in sizes {
        let x = Tensor::new([rows, 20], vec![3u8; rows * 20]).expect("as many as rows");
        let y = Tensor::vector::<i64>((0..rows as i64).map(|i| i % 7).collect());
        session.run(&step, &[x.view(), y.view()]).expect("it runs");
    }
    let change = region.change();
    (change.bytes_allocated as isize - change.bytes_deallocated as isize, session)
}

/// One test, since what others allocate would be counted, too.
#[test]
fn a_thousand_sizes_take_a_few_times_the_memory_of_the_largest() {
    let program = training();
    for (tile, most, step) in
        [(None, None, 1), (Some(1000), None, 50), (None, Some(1), 50), (None, Some(6), 50)]
    {
        // What nobody holds twice, such as the plan, counts with the largest.
        // Which size needs the most depends on the machine's caches, by which rows are divided.
        let each =
            (1..=1000).step_by(50).chain([1000]).map(|rows| held(&program, tile, None, [rows].into_iter()));
        let each: Vec<(isize, Session)> = each.collect();
        let largest = each.iter().map(|(bytes, _)| *bytes).max().expect("there are sizes");
        let (all, _many) = held(&program, tile, most, (1..=1000).step_by(step));
        let times = most.unwrap_or(4) as isize;
        assert!(all < times * largest + largest / 2, "{all} bytes, {largest} for the largest, {times} kept");
    }
}
