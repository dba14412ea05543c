//! Machine code gives the bits of the loops: every program that the `cpu` executor runs with it gives the
//! same without.
#![cfg(feature = "cpu")]

use dl_backends::{Cpu, Session};
use dl_core::nn::{self, Adam, Mode, Sgd};
use dl_core::{Expr, F32, F64, Graph, I64, Init, Named, Program, Tensor, U8};

const B: Named = Named("B");

/// Numbers of both signs, some of them special.
fn numbers(len: usize, seed: usize) -> Vec<f64> {
    let special = [0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e-40, -1e-40, 3e38, 1.0, -1.0];
    let of = |i: usize| match i.wrapping_mul(2_654_435_761).wrapping_add(seed * 977) >> 7 {
        n if n % 13 == 0 => special[n / 13 % special.len()],
        n => (n % 4001) as f64 / 500.0 - 4.0,
    };
    (0..len).map(of).collect()
}

fn tensor(shape: [usize; 2], wide: bool, seed: usize) -> Tensor {
    let values = numbers(shape[0] * shape[1], seed);
    if wide {
        return Tensor::new(shape, values).expect("as many as the shape says");
    }
    Tensor::new(shape, values.into_iter().map(|x| x as f32).collect()).expect("as many as the shape says")
}

/// What a program gives in a few steps, bit by bit; all NaNs are one.
fn results(cpu: Cpu, program: &Program, inputs: &[Tensor]) -> Vec<Vec<u64>> {
    let mut session = Session::new(cpu, 7);
    let step = session.compile(program).expect("it can be compiled");
    let views: Vec<_> = inputs.iter().map(Tensor::view).collect();
    let mut all = vec![];
    let bits = |t: Tensor| -> Vec<u64> {
        t.to_f64().into_iter().map(|x| if x.is_nan() { u64::MAX } else { x.to_bits() }).collect()
    };
    for _ in 0..3 {
        let outputs = session.run(&step, &views).expect("it runs");
        let names: Vec<String> = program.outputs().iter().map(|o| o.name.to_string()).collect();
        all.extend(names.iter().map(|name| bits(outputs.read(name).expect("it has one"))));
    }
    all.extend(session.weights().expect("they are here").into_iter().map(|(_, w)| bits(w)));
    all
}

#[track_caller]
fn check(program: &Program, inputs: &[Tensor], what: &str) {
    let right = results(Cpu::with_threads(1).with_code(false), program, inputs);
    assert!(results(Cpu::with_threads(1), program, inputs) == right, "{what}, one thread");
    assert!(results(Cpu::with_threads(3), program, inputs) == right, "{what}, three threads");
    // Many lanes, and lanes with more rows than are added one after the other.
    for tile in [5, 100] {
        let without = Cpu::with_threads(1).with_tile(tile).with_code(false);
        let right = results(without, program, inputs);
        let with = results(Cpu::with_threads(2).with_tile(tile), program, inputs);
        assert!(with == right, "{what}, tiles of {tile} rows");
    }
}

/// Operands of every kind: rows, one number a row, the same row for all, one number for all, constants,
/// bytes, truth values that stay inside and that others read; and functions of all kinds.
fn every_operand<'g>(g: &'g Graph, wide: bool, columns: usize) -> (Expr<'g>, Expr<'g>, Expr<'g>) {
    let dtype = if wide { F64 } else { F32 };
    let x = g.input("x", dtype, (B, columns));
    let y = g.input("y", dtype, (B, columns));
    let bytes = g.input("bytes", U8, (B, columns)).cast(dtype);
    let row = g.parameter("row", dtype, [columns], Init::Constant(0.75));
    let number = g.parameter("number", dtype, [1], Init::Constant(1.25)) * 2.0;
    let each = x.sum(1).unsqueeze(1);
    let inside = x.gt(0.5).and(y.le(row)).or(x.eq(y));
    let a = (x + row).tanh() * each + bytes / 7.0 - number;
    let b = inside.select(a.abs().sqrt(), (y - each).sigmoid());
    let c = (b * x + y).relu() + inside.cast(dtype) * x.floor() + y.maximum(0.0).minimum(row);
    // What goes by loops in between.
    let d = (c.sin() + a.softplus()) / (1.0 + x * x) + b.sign() * a.expm1() + (c * c).log1p();
    (d, inside.cast(dtype), c.exp())
}

/// A step of a network of images whose channels are normalized over all places, before and after a
/// convolution.
fn norms(g: &Graph, wide: bool) -> Program {
    let x = g.input("x", if wide { F64 } else { F32 }, (B, 720)).reshape((B, 12, 10, 6));
    let x = nn::BatchNorm::new().apply(x, "bn1", Mode::Train).relu();
    let y = nn::BatchNorm::new().apply(nn::conv2d(x, "conv", 16, [4, 2]), "bn2", Mode::Train).relu();
    nn::dense(y.mean([1, 2]), "fc", 3).square().mean(..).minimize(Sgd::new(0.05)).expect("it is right")
}

#[test]
fn images_line_by_line() {
    for wide in [false, true] {
        let program = norms(&Graph::new(), wide);
        // Odd, so that lines of several rows come to no whole number of what is added one after the other.
        let x = (0..70 * 720).map(|i| (i * 37 % 101) as f64 / 101.0 - 0.4).collect::<Vec<_>>();
        let x = match wide {
            true => Tensor::new([70, 720], x),
            false => Tensor::new([70, 720], x.into_iter().map(|x| x as f32).collect()),
        };
        check(&program, &[x.expect("as many as the shape says")], "norms of images");
    }
}

#[test]
fn rows_give_the_same_bits() {
    for wide in [false, true] {
        // Turned, one vector, vectors and a rest, rows as long as a few blocks.
        for (rows, columns) in [(1, 1), (40, 1), (37, 3), (40, 10), (3, 16), (33, 33), (70, 100), (2, 3000)] {
            let g = Graph::new();
            let (d, truths, c) = every_operand(&g, wide, columns);
            let program = Program::builder(&g)
                .output("d", d)
                .output("truths", truths)
                .output("sum", (c * d).sum(0))
                .output("rows", c.sum(1))
                .compile()
                .expect("it is well formed");
            let bytes = (0..rows * columns).map(|i| (i * 7919 % 256) as u8).collect();
            let bytes = Tensor::new([rows, columns], bytes).expect("as many as the shape says");
            let shape = [rows, columns];
            let named = |name: &str| match name {
                "x" => tensor(shape, wide, 1),
                "y" => tensor(shape, wide, 2),
                _ => bytes.clone(),
            };
            let inputs: Vec<Tensor> = program.inputs().iter().map(|input| named(&input.name)).collect();
            check(&program, &inputs, &format!("{rows} × {columns}, wide: {wide}"));
        }
    }
}

#[test]
fn training_steps_give_the_same_bits() {
    for rows in [1, 50, 300, 900] {
        let g = Graph::new();
        let x = g.input("x", U8, (B, 60)).cast(F32) / 255.0;
        let hidden = nn::dropout(nn::dense(x, "fc1", 90).relu(), 0.2, Mode::Train);
        let loss = nn::cross_entropy(nn::dense(hidden, "fc2", 7), g.input("y", I64, B)).mean(..);
        let adam = loss.minimize(Adam::new(1e-2)).expect("it is sound");
        let images = (0..rows * 60).map(|i| (i * 7919 % 256) as u8).collect();
        let images = Tensor::new([rows, 60], images).expect("as many as the shape says");
        let labels = Tensor::vector((0..rows as i64).map(|i| i % 7).collect::<Vec<i64>>());
        check(&adam, &[images, labels], &format!("Adam, {rows} rows"));

        let g = Graph::new();
        let hidden = nn::dense(g.input("x", F32, (B, 13)), "fc1", 64).tanh();
        let outputs = nn::dense(nn::dense(hidden, "fc2", 64).tanh(), "fc3", 1);
        let loss = nn::mse(outputs, g.input("y", F32, (B, 1))).mean(..);
        let sgd = loss.minimize(Sgd::new(0.01).momentum(0.9)).expect("it is sound");
        let one = |columns: usize| {
            let x = (0..rows * columns).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect();
            Tensor::new([rows, columns], x).expect("as many as the shape says")
        };
        check(&sgd, &[one(13), one(1)], &format!("momentum, {rows} rows"));
    }
}

/// More operands, results and sums than a body has room for, and more values than registers: it ends in
/// between.
#[test]
fn a_body_ends_where_there_is_no_more_room() {
    for (count, columns) in [(3, 40), (9, 40), (14, 40), (14, 3), (40, 33)] {
        let g = Graph::new();
        let names: Vec<String> = (0..count).map(|i| format!("x{i:02}")).collect();
        let x: Vec<Expr<'_>> = names.iter().map(|name| g.input(name, F32, (B, columns))).collect();
        let pairs: Vec<Expr<'_>> = (0..count).map(|i| x[i] * x[(i + 1) % count] + 0.5).collect();
        let tests = (0..count).map(|i| x[i].gt(pairs[i])).collect::<Vec<_>>();
        let mut builder = Program::builder(&g);
        let mut total = pairs[0];
        for (i, pair) in pairs.iter().enumerate() {
            builder = builder.output(&format!("sum{i}"), pair.sum(0));
            total = tests[count - 1 - i].select(total + *pair, total - *pair);
        }
        let program = builder.output("total", total).compile().expect("it is well formed");
        let rows = 70;
        let inputs: Vec<Tensor> =
            (0..program.inputs().len()).map(|i| tensor([rows, columns], false, i)).collect();
        check(&program, &inputs, &format!("{count} operands of {columns}"));
    }
}

/// Parameters that are written over by values of each other: none reads what another one has just got.
#[test]
fn parameters_change_places() {
    for len in [4096, 5001, 40_000] {
        let g = Graph::new();
        let start = |name: &str, x: f64| g.parameter(name, F32, [len], Init::Constant(x));
        let (p, q, r) = (start("p", 0.5), start("q", 2.0), start("r", -1.0));
        // Rows, without which nothing is taken together.
        let one = g.input("x", F32, (B, 2)).mean(..);
        let program = Program::builder(&g)
            .update(p, q * 1.5 + r * one)
            .update(q, (p * one - r).tanh())
            // The sine by loops, between two bodies.
            .update(r, ((p + q * one).sin() + q).abs() * p)
            .compile()
            .expect("it is well formed");
        let ones = Tensor::new([3, 2], vec![1.0_f32; 6]).expect("as many as the shape says");
        check(&program, std::slice::from_ref(&ones), &format!("{len} elements"));
        // 0.5, 2, -1 in turn.
        let mut session = Session::new(Cpu::with_threads(1), 7);
        let step = session.compile(&program).expect("it can be compiled");
        session.run(&step, &[ones.view()]).expect("it runs");
        let of = |name: &str| session.get(name).expect("it is there").to_f64()[len - 1];
        assert_eq!(of("p"), 2.0);
        assert!((of("q") - 1.5_f64.tanh()).abs() < 1e-6);
        assert!((of("r") - (2.5_f64.sin() + 2.0) * 0.5).abs() < 1e-6);
    }
}

/// Rows of several tiles and shards, whose size is not asked for: it is the same with code and without, and
/// so is the order of sums.
#[test]
fn tiles_do_not_depend_on_code() {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 37));
    let (a, gate) = (nn::dense(x, "a", 23).tanh(), nn::dense(x, "gate", 23).sigmoid());
    let h = a * gate + (1.0 - gate);
    let centred = h - h.mean(0).broadcast_to(&h.shape());
    let q = nn::dense(nn::dropout(centred, 0.25, Mode::Train), "q", 5);
    let rough = (q.slice(1, 1, 5) - q.slice(1, 0, 4)).relu().pow(2.0).mean(..);
    let program = (q.abs().mean(..) + 0.3 * rough).minimize(Adam::new(0.01)).expect("it is right");
    for rows in [700, 3000] {
        let x: Vec<f32> = (0..rows * 37).map(|i| (i as f32 * 0.37).sin()).collect();
        let x = Tensor::new([rows, 37], x).expect("as many as the shape says");
        check(&program, &[x], &format!("{rows} rows"));
    }
}
