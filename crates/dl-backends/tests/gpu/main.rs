//! Generated kernels of the `wgpu` executor against the interpreter of schedules, at sizes where kernels change
//! their form.
#![cfg(feature = "wgpu")]

use std::f32::consts::{FRAC_PI_2, FRAC_PI_4, PI};
use std::sync::Arc;

use dl_backends::{Session, Wgpu};
use dl_core::nn::{self, Adam, Conv, LayerNorm, Mode, Recurrent, Sgd};
use dl_core::{Dims, Expr, F32, Graph, I64, Init, Named, Plan, Program, Schedule, Tensor, TensorRef, U8};

mod rows;

const B: Named = Named("B");

/// Numbers without a pattern, from -1 to 1.
fn numbers(len: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

fn array(shape: &[usize], seed: u32) -> Tensor {
    let values = numbers(shape.iter().product(), seed);
    Tensor::new(shape.to_vec(), values).expect("as many as the shape says")
}

/// Runs a program on the device, with operations between the invocations of a subgroup and without, and by the
/// interpreter; outputs and parameters agree. How it ran with them.
fn agree(program: &Program, rows: usize, inputs: &[Tensor], tolerance: f64) -> String {
    agrees_on(Wgpu::default().without_subgroups(), program, rows, inputs, tolerance);
    agrees_on(Wgpu::default(), program, rows, inputs, tolerance)
}

/// On the second run too, which finds the memory of the first one.
fn agrees_on(device: Wgpu, program: &Program, rows: usize, inputs: &[Tensor], tolerance: f64) -> String {
    let plan = Arc::new(Plan::new(program));
    let schedule = Schedule::new(&plan, &Dims::new().with("B", rows)).expect("sizes fit");
    let mut session = Session::new(device, 7);
    let handle = session.compile(program).expect("it can be compiled");
    let views: Vec<TensorRef<'_>> = inputs.iter().map(Tensor::view).collect();
    let mut listing = String::new();
    for run in 0..2u64 {
        let names: Vec<_> = plan.parameters().iter().map(|p| p.decl.name.clone()).collect();
        let get = |session: &Session, name: &str| session.get(name).expect("there is one");
        let before: Vec<Tensor> = names.iter().map(|name| get(&session, name)).collect();
        let before: Vec<TensorRef<'_>> = before.iter().map(Tensor::view).collect();
        let want = schedule.interpret(&views, &before, (7, run)).expect("it runs");
        let outputs = session.run(&handle, &views).expect("it runs");
        listing = outputs.listing();
        for (slot, want) in plan.outputs().iter().zip(&want.outputs) {
            compare(&slot.name, &outputs.read(&slot.name).expect("an output"), want, tolerance);
        }
        for (name, want) in names.iter().zip(&want.updates) {
            if let Some(want) = want {
                compare(name, &get(&session, name), want, tolerance);
            }
        }
    }
    listing
}

fn compare(name: &str, got: &Tensor, want: &Tensor, tolerance: f64) {
    let scale = want.to_f64().iter().fold(1.0f64, |most, x| most.max(x.abs()));
    for (i, (got, want)) in got.to_f64().into_iter().zip(want.to_f64()).enumerate() {
        let near = (got - want).abs() <= tolerance * scale || got == want || (got.is_nan() && want.is_nan());
        assert!(near, "{name}, element {i}: {got}, not {want}");
    }
}

/// How many kernels a run launches, as its listing says; none of its work is burn's but for constants.
fn launches(listing: &str) -> usize {
    let other = listing.lines().find(|line| line.starts_with("operations"));
    assert_eq!(other, None, "{listing}");
    let first = listing.split(' ').next().and_then(|number| number.parse().ok());
    first.expect("a listing begins with a number")
}

/// A product, and its gradients, which are the other two layouts.
fn product<'g>(g: &'g Graph, x: Expr<'g>, w: Expr<'g>, y: Expr<'g>) -> Program {
    let loss = (y * y).sum(..);
    let [dx, dw] = loss.grad(&[x, w])[..] else { panic!("two gradients") };
    Program::builder(g).output("y", y).output("dx", dx).output("dw", dw).compile().expect("it is right")
}

#[test]
fn products_of_odd_sizes() {
    let sizes =
        [(1, 1, 1), (3, 5, 7), (17, 33, 9), (16, 8, 32), (5, 4, 40), (20, 12, 6), (33, 784, 10), (2, 260, 3)];
    for (m, k, n) in sizes {
        for transposed in [false, true] {
            let g = Graph::new();
            let x = g.input("x", F32, (B, k));
            let w = if transposed { [n, k] } else { [k, n] };
            let w = g.parameter("w", F32, w, Init::Uniform { low: -1.0, high: 1.0 });
            let y = x.dot(if transposed { w.transpose() } else { w });
            launches(&agree(&product(&g, x, w, y), m, &[array(&[m, k], 1)], 1e-5));
        }
    }
}

#[test]
fn long_products_are_divided() {
    for (m, k, n) in [(2, 70_000, 3), (1, 1 << 20, 1), (70_000, 3, 2)] {
        let g = Graph::new();
        let x = g.input("x", F32, (B, k));
        let w = g.parameter("w", F32, [k, n], Init::Uniform { low: -1.0, high: 1.0 });
        let y = x.dot(w);
        launches(&agree(&product(&g, x, w, y), m, &[array(&[m, k], 1)], 1e-5));
    }
}

#[test]
fn products_of_each_row_and_of_whole_values() {
    let g = Graph::new();
    let (x, z) = (g.input("x", F32, (B, 3, 5)), g.input("z", F32, (B, 4, 5)));
    let (v, w) = (g.input("v", F32, [6, 7]), g.input("w", F32, [6, 9]));
    let program = Program::builder(&g)
        .output("heads", x.contract("bik,bjk->bij", z))
        .output("whole", v.contract("ki,kj->ij", w))
        .compile()
        .expect("it is right");
    let inputs = [array(&[6, 3, 5], 1), array(&[6, 4, 5], 2), array(&[6, 7], 3), array(&[6, 9], 4)];
    launches(&agree(&program, 6, &inputs, 1e-5));
}

#[test]
fn reductions_of_rows_columns_and_all() {
    for (rows, columns) in [(1, 1), (3, 7), (70_000, 3), (5, 5_000), (300, 100)] {
        let g = Graph::new();
        let x = g.input("x", F32, (B, columns));
        let program = Program::builder(&g)
            .output("rows", x.sum(1))
            .output("most", x.max(1))
            .output("columns", x.sum(0))
            .output("least", x.min(0))
            .output("all", (x * x).sum(..))
            .output("normed", x / (x * x).sum(1).sqrt().unsqueeze(1))
            .compile()
            .expect("it is right");
        launches(&agree(&program, rows, &[array(&[rows, columns], 5)], 1e-5));
    }
}

#[test]
fn whole_values_are_reduced_and_moved() {
    let g = Graph::new();
    let w = g.parameter("w", F32, [40, 30], Init::Uniform { low: -1.0, high: 1.0 });
    let program = Program::builder(&g)
        .output("norm", (w * w).sum(..).sqrt())
        .output("columns", w.sum(0))
        .output("softmax", nn::softmax(w, 1))
        .output("moved", w.transpose() + 1.0)
        .compile()
        .expect("it is right");
    launches(&agree(&program, 1, &[], 1e-5));
}

#[test]
fn elements_are_broadcast_and_moved() {
    let g = Graph::new();
    let (x, y) = (g.input("x", F32, (B, 3, 4)), g.input("y", F32, [4]));
    let z = g.input("z", F32, [3, 1]);
    let program = Program::builder(&g)
        .output("sum", x * y + z)
        .output("permuted", x.permute(&[0, 2, 1]))
        .output("flipped", x.flip(2) - y)
        .output("padded", x.pad(1, 1, 2, -3.0))
        .output("sliced", x.slice_by(2, 1, 4, 2))
        .output("joined", g.concat(1, &[x, x.exp()]))
        .output("masked", x.gt(0.0).select(x, f64::NAN))
        .compile()
        .expect("it is right");
    launches(&agree(&program, 33, &[array(&[33, 3, 4], 1), array(&[4], 2), array(&[3, 1], 3)], 1e-6));
}

#[test]
fn bytes_integers_and_truths() {
    let g = Graph::new();
    let (x, y) = (g.input("x", U8, (B, 20)), g.input("y", I64, B));
    let table = g.parameter("table", F32, [7, 4], Init::Uniform { low: -1.0, high: 1.0 });
    let wide = x.cast(F32);
    let program = Program::builder(&g)
        .output("scaled", wide / 255.0)
        .output("counted", x.cast(I64).sum(1))
        .output("picked", wide.gather(1, y.unsqueeze(1)))
        .output("rows", table.gather(0, y))
        .output("large", wide.gt(100.0))
        .output("hot", y.one_hot(F32, 7))
        .compile()
        .expect("it is right");
    let x =
        Tensor::new([50, 20], (0..1000).map(|i| (i * 37 % 256) as u8).collect::<Vec<_>>()).expect("it fits");
    let y = Tensor::vector((0..50).map(|i| i % 7).collect::<Vec<i64>>());
    agree(&program, 50, &[x, y], 1e-6);
}

#[test]
fn updates_in_place_read_the_old_parameters() {
    let g = Graph::new();
    let parameter = |name: &str, x: f64| g.parameter(name, F32, [300], Init::Constant(x));
    let (a, b, c, d) = (parameter("a", 2.0), parameter("b", 3.0), parameter("c", 5.0), parameter("d", 7.0));
    let x = g.input("x", F32, (B, 300));
    let program = Program::builder(&g)
        .output("old", a)
        .update(a, b)
        .update(b, a)
        .update(c, 0.5 * c - 0.25 * x.sum(0))
        .update(d, (d * 0.5).exp() + c)
        .compile()
        .expect("it is right");
    launches(&agree(&program, 9, &[array(&[9, 300], 1)], 1e-5));
}

/// An integer that leaves 32 bits, found long after the first updates could have been made.
#[test]
fn what_fails_on_the_way_has_changed_nothing() {
    let g = Graph::new();
    let (x, y) = (g.input("x", F32, (B, 5)), g.input("y", F32, (B, 4)));
    let (v, w) = (
        g.parameter("v", F32, [5, 4], Init::Constant(0.5)),
        g.parameter("w", F32, [300], Init::Constant(0.5)),
    );
    // Each turn waits for a sum of all that the one before made.
    let late = (0..4).fold(x.sum(0), |v, _| (v - v.sum(..)).tanh()).sum(..).clip(-1e-3, 1e-3);
    let scale = g.input("scale", F32, ());
    let program = Program::builder(&g)
        .output("large", ((late + 1.0) * scale).cast(I64))
        .update(v, v - 0.1 * x.contract("bi,bj->ij", y))
        .update(w, (w * 0.5 + 0.25).exp())
        .compile()
        .expect("it is right");
    let mut session = Session::new(Wgpu::default(), 7);
    let handle = session.compile(&program).expect("it can be compiled");
    let (x, y) = (array(&[6, 5], 2), array(&[6, 4], 3));
    let mut run = |scale: f32| {
        let scale = Tensor::scalar(scale);
        let done = session.run(&handle, &[x.view(), y.view(), scale.view()]).map(drop);
        (done, ["v", "w"].map(|name| session.get(name).expect("there is one").to_f64()))
    };
    let (done, once) = run(1e6);
    done.expect("it fits");
    assert!((once[1][0] - 0.5f64.exp()).abs() < 1e-6 && once[0][0] != 0.5, "{once:?}");
    let (failed, still) = run(1e12);
    let why = failed.expect_err("it does not fit").to_string();
    assert!(why.contains("32-bit"), "{why}");
    assert_eq!(still, once);
}

/// A network with labels, and what a step of it reads.
fn perceptron() -> (Graph, [Tensor; 2]) {
    let pixels = Tensor::new([50, 784], (0..50 * 784).map(|i| (i * 7919 % 251) as u8).collect::<Vec<_>>());
    let labels = Tensor::vector((0..50).map(|i| i % 10).collect::<Vec<i64>>());
    (Graph::new(), [pixels.expect("it fits"), labels])
}

#[test]
fn a_step_of_the_perceptron_is_ten_launches() {
    let (g, inputs) = perceptron();
    let (x, y) = (g.input("x", U8, (B, 784)).cast(F32) / 255.0, g.input("y", I64, B));
    let logits = nn::dense(nn::dense(x, "fc1", 128).relu(), "fc2", 10);
    let loss = nn::cross_entropy(logits, y).mean(..).named("J");
    let listing = agree(&loss.minimize(Sgd::new(0.1)).expect("it is right"), 50, &inputs, 1e-5);
    assert!(launches(&listing) <= 10, "{listing}");
}

#[test]
fn state_of_optimizers_stays_on_the_device() {
    let (g, inputs) = perceptron();
    let (x, y) = (g.input("x", U8, (B, 784)).cast(F32) / 255.0, g.input("y", I64, B));
    let logits = nn::dense(nn::dense(x, "fc1", 32).tanh(), "fc2", 10);
    let loss = nn::cross_entropy(logits, y).mean(..).named("J");
    for step in [loss.minimize(Sgd::new(0.1).momentum(0.9)), loss.minimize(Adam::new(0.01))] {
        launches(&agree(&step.expect("it is right"), 50, &inputs, 1e-4));
    }
}

#[test]
fn a_step_of_lenet_is_thirty_launches() {
    let g = Graph::new();
    let (x, y) = (g.input("x", U8, (B, 28, 28)).cast(F32) / 255.0, g.input("y", I64, B));
    let h = Conv::new([5, 5], 6).padding(2).apply(x.unsqueeze(3), "conv1").relu();
    let h = nn::max_pool(h, [2, 2]);
    let h = nn::max_pool(Conv::new([5, 5], 16).apply(h, "conv2").relu(), [2, 2]);
    let h = nn::dense(nn::flatten(h), "fc1", 120).relu();
    let h = nn::dense(h, "fc2", 84).relu();
    let loss = nn::cross_entropy(nn::dense(h, "fc3", 10), y).mean(..).named("J");
    let step = loss.minimize(Sgd::new(0.1)).expect("it is right");
    let pixels = (0..6 * 784).map(|i| (i * 7919 % 251) as u8).collect::<Vec<_>>();
    let inputs =
        [Tensor::new([6, 28, 28], pixels).expect("it fits"), Tensor::vector(vec![3i64, 1, 4, 1, 5, 9])];
    let listing = agree(&step, 6, &inputs, 1e-4);
    assert!(launches(&listing) <= 30, "{listing}");
}

#[test]
fn convolutions_norms_and_dropout() {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 8, 8));
    let h = Conv::new([3, 3], 4).padding(1).apply(x.unsqueeze(3), "conv1").relu();
    let h = nn::max_pool(h, [2, 2]);
    let h = Conv::new([3, 3], 6).apply(h, "conv2").relu();
    let h = LayerNorm::new().apply(nn::flatten(h), "norm");
    let h = nn::dropout(h, 0.5, Mode::Train);
    let y = nn::dense(h, "fc", 3);
    let loss = (y * y).mean(..).named("J");
    let step = loss.minimize(Sgd::new(0.1)).expect("it is right");
    agree(&step, 10, &[array(&[10, 8, 8], 1)], 1e-4);
}

/// In both directions and in layers, with the gradient through time; the loss takes the last states, too.
#[test]
fn loops_are_launches_once_for_each_step() {
    for cell in [
        Recurrent::rnn(5).bidirectional(),
        Recurrent::lstm(8).bidirectional(),
        Recurrent::gru(6).layers(2),
        Recurrent::lstm(3).layers(2).bidirectional(),
    ] {
        let g = Graph::new();
        let x = g.input("x", F32, (B, 7, 3));
        let run = cell.apply(x, "r", Mode::Train);
        let all = (run.outputs * run.outputs).sum([1, 2]);
        let loss = (all + run.hidden[0].sum(1)).mean(..).named("J");
        let step = loss.minimize(Sgd::new(0.1).momentum(0.9)).expect("it is right");
        let listing = agree(&step, 5, &[array(&[5, 7, 3], 1)], 1e-5);
        assert!(listing.contains("loop       7 times") && launches(&listing) > 14, "{listing}");
    }
}

/// What a step finds is kept as well as what it leaves, and integers and truths go along.
#[test]
fn states_before_and_after_a_step_are_kept() {
    let g = Graph::new();
    let (x, n) = (g.input("x", F32, (B, 4, 3)), g.input("n", U8, (B, 4)));
    fn odd(n: Expr<'_>) -> Expr<'_> {
        n.cast(F32).gt(100.0)
    }
    let first = [x.slice(1, 0, 1).sum(1), odd(n.slice(1, 0, 1)).cast(F32).sum(1).gt(0.5)];
    let run = g.scan(1, &[x, n], &first, |carry, element| {
        let next = (carry[0] * 0.5 + element[0]).tanh();
        let odd = carry[1].or(odd(element[1]));
        ([next, odd], [carry[0], next, carry[1].cast(F32).unsqueeze(1) * element[0], odd.cast(F32)])
    });
    let mut program = Program::builder(&g);
    for (name, value) in ["before", "after", "product", "odd"].into_iter().zip(&run.outputs) {
        program = program.output(name, *value);
    }
    let program = program.output("last", run.finals[0]).compile().expect("it is right");
    let bytes = Tensor::new([6, 4], (0..24).map(|i| (i * 37 % 251) as u8).collect::<Vec<_>>());
    let listing = agree(&program, 6, &[array(&[6, 4, 3], 1), bytes.expect("it fits")], 1e-6);
    assert!(listing.contains("loop       4 times"), "{listing}");
}

/// Also where a number is thousands of turns, or close to a multiple of a right angle.
#[test]
fn sines_of_any_size() {
    let g = Graph::new();
    let x = g.input("x", F32, B);
    let program = Program::builder(&g).output("sin", x.sin()).output("cos", x.cos());
    let program = program.compile().expect("it is right");
    let mut numbers = vec![0.0, 0.5, FRAC_PI_4, FRAC_PI_4.next_up(), FRAC_PI_2, PI, 355.0, 1e4, 16_367_173.0];
    numbers.extend([1e10, 5.630_807_6e9, 3.009_185_6e14, 1e22, 1.701_411_8e38, f32::MAX, f32::MIN_POSITIVE]);
    numbers.extend(numbers.clone().iter().map(|x| -x));
    numbers.extend([f32::INFINITY, f32::NAN]);
    launches(&agree(&program, numbers.len(), &[Tensor::vector(numbers)], 3e-7));
}

/// A scan in each step of another one, and what is kept under two names.
#[test]
fn loops_go_into_each_other() {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 3, 4));
    let zero = x.sum([1, 2]) * 0.0;
    let outer = g.scan(1, &[x], &[zero], |carry, row| {
        let inner = g.scan(1, &[row[0]], &[carry[0]], |carry, number| {
            let next = (carry[0] * 0.5 + number[0]).tanh();
            ([next], [next, next * number[0]])
        });
        let last = inner.finals[0];
        ([last], [last, last, inner.outputs[1].sum(1)])
    });
    let mut program = Program::builder(&g).output("last", outer.finals[0]);
    for (name, value) in ["kept", "again", "sums"].into_iter().zip(&outer.outputs) {
        program = program.output(name, *value);
    }
    let program = program.compile().expect("it is right");
    let listing = agree(&program, 6, &[array(&[6, 3, 4], 1)], 1e-6);
    assert!(listing.contains("loop       3 times") && listing.contains("loop       4 times"), "{listing}");
}

/// A watched step does what another one does, and counts what the schedule counts.
#[test]
fn kernels_tell_how_long_they_took() {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 7, 3));
    let run = Recurrent::rnn(5).apply(x, "r", Mode::Train);
    let loss = (run.outputs * run.outputs).sum([1, 2]).mean(..).named("J");
    let step = loss.minimize(Sgd::new(0.1)).expect("it is right");
    let plan = Arc::new(Plan::new(&step));
    let schedule = Schedule::new(&plan, &Dims::new().with("B", 5)).expect("sizes fit");
    let x = array(&[5, 7, 3], 1);
    let [watched, unwatched] = [true, false].map(|watch| {
        let mut session = Session::new(Wgpu::default(), 7);
        let handle = session.compile(&step).expect("it can be compiled");
        let mut kernels = vec![];
        for _ in 0..3 {
            if watch {
                kernels = session.profile(&handle, &[x.view()]).expect("it tells");
            } else {
                session.run(&handle, &[x.view()]).expect("it runs");
            }
        }
        (kernels, session.get("r.weight_hh_l0").expect("there is one").to_f64())
    });
    assert_eq!(watched.1, unwatched.1);
    let kernels = watched.0;
    assert!(kernels.iter().all(|kernel| kernel.seconds >= 0.0 && kernel.bytes + kernel.input_bytes > 0));
    assert!(kernels.iter().any(|kernel| kernel.seconds > 0.0 && kernel.parts == 7));
    // Constants are computed in the first run.
    let counted: usize = kernels.iter().map(|kernel| kernel.operations).sum();
    let all: usize = schedule.kernels().map(|(_, kernel)| schedule.cost(kernel).operations).sum();
    assert!(counted <= all && 2 * counted > all, "{counted} of {all}");
}

/// What the largest buffer of the device does not hold is one only in the plan: bytes lie four in a word, and
/// numbers that a product takes are computed as it reads.
#[test]
fn what_kernels_do_not_store_may_be_large() {
    let g = Graph::new();
    let x = g.input("x", U8, (B, 1000)).cast(F32) / 255.0;
    let w = g.parameter("w", F32, [1000, 2], Init::Uniform { low: -1.0, high: 1.0 });
    let loss = x.dot(w).tanh().mean(..).named("J");
    let step = loss.minimize(Sgd::new(0.1)).expect("it is right");
    // As numbers, 160 MB; Mesa's software Vulkan has buffers of 128 MiB.
    let rows = 40_000;
    let pixels = Tensor::new([rows, 1000], vec![7u8; rows * 1000]).expect("it fits");
    let mut session = Session::new(Wgpu::default(), 7);
    let handle = session.compile(&step).expect("it can be compiled");
    let w = session.get("w").expect("there is one").to_f64();
    let want = [0, 1].map(|j| (w.iter().skip(j).step_by(2).sum::<f64>() * 7.0 / 255.0).tanh());
    let outputs = session.run(&handle, &[pixels.view()]).expect("it runs");
    launches(&outputs.listing());
    let loss = outputs.read("J").expect("an output").item().expect("a number");
    let want = want.iter().sum::<f64>() / 2.0;
    assert!((loss - want).abs() < 1e-5, "{loss}, not {want}");
}
