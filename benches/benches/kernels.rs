//! How fast the vector kernels are, in the nearest cache and from memory, on the widest vectors.

#![allow(missing_docs, reason = "criterion's macros make public items without any")]

use std::hint::black_box;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use dl_backends::cpu::vector::{Isa, Operand};
use dl_core::ops::Binary;
use dl_core::ops::unary::{Takes, UNARY};

fn kernels(c: &mut Criterion) {
    for len in [1024, 1 << 20] {
        let mut group = c.benchmark_group("kernel");
        let x: Vec<f32> = (0..len).map(|i| (i * 7919 % 16_381) as f32 / 1024.0 - 7.5).collect();
        let positive: Vec<f32> = x.iter().map(|x| x.abs() + 0.01).collect();
        let condition: Vec<bool> = x.iter().map(|x| *x > 0.0).collect();
        let bytes: Vec<u8> = (0..len).map(|i| (i * 7919 % 251) as u8).collect();
        let (isa, mut y) = (Isa::widest(), vec![0.0_f32; len]);

        for row in UNARY.iter().filter(|row| row.takes == Takes::Floats) {
            let x = if (row.value)(-7.5).is_nan() { &positive } else { &x };
            bench(&mut group, row.name, len, || isa.unary(row.op, black_box(x), &mut y));
        }
        let (a, b) = (Operand::Slice(&x[..]), Operand::Slice(&positive[..]));
        for op in [Binary::Add, Binary::Pow] {
            bench(&mut group, op.row().name, len, || isa.binary(op, b, black_box(a), &mut y));
        }
        bench(&mut group, "select", len, || isa.select(&condition, a, black_box(b), &mut y));
        bench(&mut group, "cast-u8", len, || isa.cast(black_box(&bytes), &mut y));
        group.finish();
    }
}

fn bench(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, len: usize, mut kernel: impl FnMut()) {
    group.throughput(Throughput::Elements(len as u64));
    group.bench_function(BenchmarkId::new(name, len), |b| b.iter(&mut kernel));
}

criterion_group!(benches, kernels);
criterion_main!(benches);
