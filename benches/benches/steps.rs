//! How long a training step of the tutorial's perceptron takes on each executor of this build, ordinary and
//! checked.

#![allow(missing_docs, reason = "criterion's macros make public items without any")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dl_backends::{Session, by_name, compiled_in};
use dl_core::Tensor;
use dl_examples::perceptron::{Perceptron, Recipe};

fn steps(c: &mut Criterion) {
    let program = Perceptron::MNIST.train(&Recipe::TUTORIAL).expect("the program is well formed");
    let mut group = c.benchmark_group("step");
    for batch in [64, 512] {
        group.throughput(Throughput::Elements(batch as u64));
        let (images, labels) = examples(batch);
        for backend in compiled_in() {
            for (checking, how) in [(false, ""), (true, " checked")] {
                let executor = by_name(backend).expect("it is compiled in");
                let mut session = Session::boxed(executor, 1).checking(checking);
                let step = session.compile(&program).expect("every executor runs every program");
                group.bench_function(BenchmarkId::new(format!("{backend}{how}"), batch), |b| {
                    b.iter(|| session.run(&step, &[images.view(), labels.view()]).map(drop));
                });
            }
        }
    }
    group.finish();
}

/// Images of grey noise and classes in turn: what they are does not matter to the clock.
fn examples(batch: usize) -> (Tensor, Tensor) {
    let pixels = (0..batch * 784).map(|i| (i * 7919 % 251) as u8).collect();
    let labels = (0..batch as i64).map(|i| i % 10).collect();
    let images = Tensor::new([batch, 784], pixels).expect("784 pixels an image");
    (images, Tensor::vector::<i64>(labels))
}

criterion_group!(benches, steps);
criterion_main!(benches);
