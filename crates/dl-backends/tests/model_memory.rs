//! What calls of a model take from the heap: nothing once they are warm, and weights are there once.
#![cfg(feature = "cpu")]
#![allow(clippy::unwrap_used)]

use std::alloc::System;

use dl_backends::{Cpu, Model, Session};
use dl_core::{F32, Graph, Named, Program, Tensor, nn};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// One test, since what others allocate would be counted, too.
#[test]
fn warm_calls_take_nothing_and_instances_share_weights() {
    let g = Graph::new();
    let h = nn::dense(g.input("x", F32, (Named("B"), 300)), "fc1", 500).relu();
    let y = nn::dense(h, "fc2", 7);
    let outputs = Program::builder(&g).output("y", y).output("p", nn::softmax(y, -1));
    let program = outputs.output("class", y.argmax(-1)).compile().unwrap();
    let mut session = Session::new(Cpu::with_threads(1), 7);
    session.compile(&program).unwrap();
    let weights = 4 * (300 * 500 + 500 + 500 * 7 + 7);
    let held = |region: &Region<'_, System>| {
        let change = region.change();
        change.bytes_allocated as isize - change.bytes_deallocated as isize
    };
    // Tables that the process makes once are there before.
    Model::new(&program, &session).unwrap().warm(&[("B", 3)], 1).unwrap();
    let before = Region::new(ALLOCATOR);
    let model = Model::new(&program, &session).unwrap();
    for rows in [1, 20] {
        model.warm(&[("B", rows)], 1).unwrap();
        let region = Region::new(ALLOCATOR);
        model.warm(&[("B", rows)], 9).unwrap();
        let more = held(&region);
        // Eight times the values of 20 rows, and what describes them, but not the weights.
        assert!(more < 2 * weights, "{more} bytes for 8 instances beside {weights} of weights");
        let (x, mut y) = (Tensor::zeros(dl_core::DType::F32, [rows, 300]), vec![0.0f32; rows * 7]);
        let mut runner = model.runner();
        let allocations: Vec<usize> = (0..30)
            .map(|call| {
                let region = Region::new(ALLOCATOR);
                if call % 2 == 0 {
                    runner.run(&[x.view()]).unwrap().read_into("y", &mut y).unwrap();
                } else {
                    model.run(&[x.view()]).unwrap().read_into("y", &mut y).unwrap();
                }
                let change = region.change();
                change.allocations + change.reallocations
            })
            .collect();
        assert_eq!(allocations, [0; 30], "{rows} rows");
    }
    // Sizes are let go but for the last ones.
    for rows in (1..300).step_by(7) {
        model.run(&[Tensor::zeros(dl_core::DType::F32, [rows, 300]).view()]).unwrap();
    }
    model.keep_sizes(1);
    let left = held(&before);
    assert!(left < 5 * weights, "{left} bytes");
    drop(model);
    let left = held(&before);
    assert!(left < 4096, "{left} bytes are left of a model that is gone");
}
