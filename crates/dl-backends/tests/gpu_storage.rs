//! Values between kernels in 16 bits: how they are rounded, how far that carries, and what stays as it is.
#![cfg(feature = "wgpu")]
// The lint's exemption for tests does not see the functions that they share.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use dl_backends::burn::fidelity;
use dl_backends::{Session, Storage, Wgpu};
use dl_core::nn::{self, Adam, Conv, Mode, Recurrent, Sgd, TransformerEncoderLayer};
use dl_core::{Dims, Expr, F32, Graph, I64, Init, Named, Plan, Program, Schedule, Tensor, TensorRef, U8};

const B: Named = Named("B");
const HALVES: [Storage; 2] = [Storage::F16, Storage::Bf16];

/// Numbers without a pattern, from -1 to 1.
fn array(shape: &[usize], seed: u32) -> Tensor {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    Tensor::new(shape.to_vec(), (0..shape.iter().product()).map(|_| next()).collect()).unwrap()
}

/// Images without a pattern, and labels of which some are more frequent: gradients that are no sums of what cancels.
fn images(rows: usize, shape: &[usize]) -> [Tensor; 2] {
    let shape = [&[rows], shape].concat();
    let pixels = array(&shape, 7).to_f64().iter().map(|x| (x.abs() * 255.0) as u8).collect::<Vec<_>>();
    [Tensor::new(shape, pixels).unwrap(), labels(rows)]
}

fn labels(rows: usize) -> Tensor {
    Tensor::vector((0..rows as i64).map(|i| i * i % 10).collect::<Vec<i64>>())
}

/// How many values lie in 16 bits, as the listing of a run says, and how many bytes there are between kernels.
fn stored(listing: &str) -> (usize, f64) {
    let memory = listing.lines().find_map(|line| line.strip_prefix("memory     ")).unwrap();
    let count = memory.split(" values in ").next().and_then(|text| text.split('(').nth(1));
    let [size, unit] = memory.split(' ').take(2).collect::<Vec<_>>()[..] else { panic!("{memory}") };
    let unit = ["bytes", "KiB", "MiB"].iter().position(|known| *known == unit).unwrap();
    let bytes = size.parse::<f64>().unwrap() * 1024f64.powi(unit as i32);
    (count.map_or(0, |count| count.parse().unwrap()), bytes)
}

/// Runs a program twice with values in 16 bits and by the interpreter: what comes of it differs by no more than each
/// of the values that are stored may add, relative to the largest element of a result; of a result that vanishes,
/// relative to a hundredth of the largest of all. How it ran.
fn agree(storage: Storage, program: &Program, rows: usize, inputs: &[Tensor]) -> String {
    let plan = Arc::new(Plan::new(program));
    let schedule = Schedule::new(&plan, &Dims::new().with("B", rows)).unwrap();
    let mut session = Session::new(Wgpu::default().storing(storage), 7);
    let handle = session.compile(program).unwrap();
    let views: Vec<TensorRef<'_>> = inputs.iter().map(Tensor::view).collect();
    let mut listing = String::new();
    for run in 0..2u64 {
        let names: Vec<_> = plan.parameters().iter().map(|p| p.decl.name.clone()).collect();
        let before: Vec<Tensor> = names.iter().map(|name| session.get(name).unwrap()).collect();
        let before: Vec<TensorRef<'_>> = before.iter().map(Tensor::view).collect();
        let want = schedule.interpret(&views, &before, (7, run)).unwrap();
        let outputs = session.run(&handle, &views).unwrap();
        listing = outputs.listing();
        let (count, _) = stored(&listing);
        assert!(count > 0, "{listing}");
        let bound = count as f64 * fidelity::stored(storage).relative;
        let least =
            want.outputs.iter().chain(want.updates.iter().flatten()).map(largest).fold(0.0, f64::max) / 100.0;
        for (slot, want) in plan.outputs().iter().zip(&want.outputs) {
            compare((storage, &slot.name), &outputs.read(&slot.name).unwrap(), want, (bound, least));
        }
        for (name, want) in names.iter().zip(&want.updates) {
            if let Some(want) = want {
                compare((storage, name), &session.get(name).unwrap(), want, (bound, least));
            }
        }
    }
    listing
}

fn largest(tensor: &Tensor) -> f64 {
    tensor.to_f64().iter().fold(0.0, |most, x| most.max(x.abs()))
}

fn compare((storage, name): (Storage, &str), got: &Tensor, want: &Tensor, (bound, least): (f64, f64)) {
    let scale = largest(want).max(least);
    for (i, (got, want)) in got.to_f64().into_iter().zip(want.to_f64()).enumerate() {
        let off = (got - want).abs() / scale;
        assert!(
            off <= bound || got == want,
            "{storage:?} {name}[{i}]: {got}, not {want}: {off:e} > {bound:e}"
        );
    }
}

/// The loss and its gradients.
fn gradients<'g>(g: &'g Graph, loss: Expr<'g>) -> Program {
    let declared = g.parameter_decls();
    let parameters: Vec<Expr<'_>> = declared.iter().map(|p| g.get_parameter(&p.name)).collect();
    let mut program = Program::builder(g).output("J", loss);
    for (parameter, gradient) in declared.iter().zip(loss.grad(&parameters)) {
        program = program.output(&parameter.name, gradient);
    }
    program.compile().unwrap()
}

/// `x` itself, by way of a number between two kernels.
fn through(storage: Storage, x: &[f32]) -> Vec<f32> {
    let g = Graph::new();
    let [a, b] = ["a", "b"].map(|name| g.parameter(name, F32, [1, 1], Init::Constant(1.0)));
    let y = g.input("x", F32, (B, 1)).dot(a).dot(b);
    let program = Program::builder(&g).output("y", y).without_rewriting().compile().unwrap();
    let mut session = Session::new(Wgpu::default().storing(storage), 7);
    let handle = session.compile(&program).unwrap();
    let x = Tensor::new([x.len(), 1], x.to_vec()).unwrap();
    session.run(&handle, &[x.view()]).unwrap().read("y").unwrap().get::<f32>().unwrap().to_vec()
}

/// All numbers of 16 bits, the numbers halfway between two, and their neighbours.
#[test]
fn what_is_stored_is_the_nearest_number() {
    for storage in HALVES {
        let stored = fidelity::stored(storage);
        let (digits, least) = if storage == Storage::F16 { (10, -14) } else { (7, -126) };
        let (mut all, mut x) = (vec![], 1.5 * 2f64.powi(if storage == Storage::F16 { -30 } else { -120 }));
        while x < f64::from(f32::MAX) && x < 1e6 {
            let unit = 2f64.powi((x.log2().floor() as i32).max(least) - digits);
            let half = ((x / unit).floor() + 0.5) * unit;
            let half = half as f32;
            all.extend([x as f32, half, half.next_up(), half.next_down()]);
            x *= 1.003;
        }
        all.extend([0.0, f32::INFINITY, 65_519.0, 65_520.0, 1e38]);
        all.extend(all.clone().iter().map(|x| -x));
        all.push(f32::NAN);
        for (x, got) in all.iter().zip(through(storage, &all)) {
            let exact = f64::from(*x);
            let unit = 2f64.powi((exact.abs().log2().floor() as i32).max(least) - digits);
            let right = (exact / unit).round_ties_even() * unit;
            let right = if right.abs() > stored.most { f64::INFINITY.copysign(exact) } else { right };
            let same = f64::from(got) == right || (x.is_nan() && got.is_nan()) || (*x == 0.0 && got == 0.0);
            assert!(same || (x.is_infinite() && got == *x), "{storage:?}: {x:e} as {got:e}, not {right:e}");
            let off = (f64::from(got) - exact).abs();
            assert!(off <= stored.error(exact) || got == *x || x.is_nan(), "{storage:?}: {x:e} as {got:e}");
        }
    }
    let x = [0.1, 1e-30, 3e38, f32::NAN, 65_537.5];
    assert_eq!(format!("{:?}", through(Storage::F32, &x)), format!("{x:?}"));
}

type Activation = for<'g> fn(Expr<'g>) -> Expr<'g>;

/// What is close to a kink may be beyond it when it is rounded, and its gradient another one: gradients of smooth
/// networks are held to the bound, others by what a step makes of the weights.
const SMOOTH: Activation = |x| x.tanh();
const KINKED: Activation = |x| x.relu();

fn perceptron(g: &Graph, hidden: usize, activation: Activation) -> Expr<'_> {
    let (x, y) = (g.input("x", U8, (B, 784)).cast(F32) / 255.0, g.input("y", I64, B));
    let logits = nn::dense(activation(nn::dense(x, "fc1", hidden)), "fc2", 10);
    nn::cross_entropy(logits, y).mean(..).named("J")
}

#[test]
fn perceptrons_and_their_optimizers() {
    for storage in HALVES {
        let inputs = images(50, &[784]);
        let g = Graph::new();
        agree(storage, &gradients(&g, perceptron(&g, 128, SMOOTH)), 50, &inputs);
        for optimized in 0..4 {
            let g = Graph::new();
            let loss = if optimized == 0 { perceptron(&g, 128, KINKED) } else { perceptron(&g, 32, SMOOTH) };
            let step = match optimized {
                0 | 1 => loss.minimize(Sgd::new(0.01)),
                2 => loss.minimize(Sgd::new(0.1).momentum(0.9)),
                // A step that is the sign of a gradient, which may be another one where that is about 0.
                _ => loss.minimize(Adam::new(1e-5)),
            };
            let listing = agree(storage, &step.unwrap(), 50, &inputs);
            assert!(listing.contains(&format!(", {}\n", storage.name())), "{listing}");
        }
    }
}

fn lenet(g: &Graph, activation: Activation, pool: Activation) -> Expr<'_> {
    let (x, y) = (g.input("x", U8, (B, 28, 28)).cast(F32) / 255.0, g.input("y", I64, B));
    let h = activation(Conv::new([5, 5], 6).padding(2).apply(x.unsqueeze(3), "conv1"));
    let h = pool(activation(Conv::new([5, 5], 16).apply(pool(h), "conv2")));
    let h = activation(nn::dense(nn::flatten(h), "fc1", 120));
    let h = activation(nn::dense(h, "fc2", 84));
    nn::cross_entropy(nn::dense(h, "fc3", 10), y).mean(..).named("J")
}

#[test]
fn convolutions_and_pooling() {
    for storage in HALVES {
        let inputs = images(6, &[28, 28]);
        let g = Graph::new();
        let loss = lenet(&g, SMOOTH, |x| nn::avg_pool(x, [2, 2]));
        agree(storage, &gradients(&g, loss), 6, &inputs);
        let g = Graph::new();
        let loss = lenet(&g, KINKED, |x| nn::max_pool(x, [2, 2]));
        agree(storage, &loss.minimize(Sgd::new(0.01)).unwrap(), 6, &inputs);
    }
}

/// What goes from step to step keeps its digits: small terms add up.
#[test]
fn recurrent_networks_and_their_carries() {
    for storage in HALVES {
        for cell in [Recurrent::lstm(8).bidirectional(), Recurrent::gru(6).layers(2)] {
            let g = Graph::new();
            let run = cell.apply(g.input("x", F32, (B, 7, 3)), "r", Mode::Train);
            let all = (run.outputs * run.outputs).sum([1, 2]);
            let loss = (all + run.hidden[0].sum(1)).mean(..).named("J");
            agree(storage, &gradients(&g, loss), 5, &[array(&[5, 7, 3], 1)]);
        }
    }
    let g = Graph::new();
    let x = g.input("x", F32, (B, 2000, 2)).tanh();
    let run = g.scan(1, &[x], &[x.slice(1, 0, 1).sum(1) * 0.0], |carry, x| {
        let next = carry[0] + x[0];
        ([next], [next.tanh()])
    });
    let program = Program::builder(&g).output("sum", run.finals[0]).output("last", run.outputs[0].max(1));
    let program = program.compile().unwrap();
    let x = Tensor::new([3, 2000, 2], vec![1e-3f32; 12_000]).unwrap();
    let mut session = Session::new(Wgpu::default().storing(Storage::F16), 7);
    let handle = session.compile(&program).unwrap();
    let sum = session.run(&handle, &[x.view()]).unwrap().read("sum").unwrap().to_f64();
    // Beyond 1, each term is half of a unit of 16 bits.
    assert!(sum.iter().all(|sum| (sum - 2.0).abs() < 2.0 * 2f64.powi(-11)), "{sum:?}");
}

#[test]
fn transformers_and_softmax() {
    for storage in HALVES {
        let g = Graph::new();
        let x = g.input("x", F32, (B, 6, 16));
        let h = TransformerEncoderLayer::new(2, 24).pre_norm().dropout(0.0).apply(x, "layer", Mode::Train);
        let loss = (h * h).sum([1, 2]).mean(..).named("J");
        agree(storage, &gradients(&g, loss), 4, &[array(&[4, 6, 16], 1)]);
        let g = Graph::new();
        let (x, y) = (g.input("x", F32, (B, 20)), g.input("y", I64, B));
        let logits = nn::dense(nn::dense(x, "a", 16).tanh(), "b", 10) * 5.0;
        let loss = nn::cross_entropy(logits, y).mean(..).named("J");
        agree(storage, &gradients(&g, loss), 30, &[array(&[30, 20], 2), labels(30)]);
    }
}

/// An element that was the largest still is when kernels look at it later, although it was rounded.
#[test]
fn whoever_reads_a_value_sees_the_same_number() {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 30));
    // One kernel computes it, stores it, and finds the largest of a row.
    let y = x.tanh();
    let most = y.max(1);
    // The sum over all waits between the maximum and the comparison.
    let shift = (most.sum(..) * 0.0).broadcast_to(&y.shape());
    let is_most = (y + shift).eq(most.unsqueeze(1).broadcast_to(&y.shape()) + shift).cast(F32);
    let program = Program::builder(&g)
        .output("found", is_most.sum(1))
        .output("used", nn::dense(y, "b", 3))
        .output("slope", most.sum(..).grad(&[x])[0]);
    let program = program.without_rewriting().compile().unwrap();
    for storage in HALVES {
        let mut session = Session::new(Wgpu::default().storing(storage), 7);
        let handle = session.compile(&program).unwrap();
        let x = array(&[50, 30], 1);
        let outputs = session.run(&handle, &[x.view()]).unwrap();
        assert!(stored(&outputs.listing()).0 > 0, "{}", outputs.listing());
        let found = outputs.read("found").unwrap().to_f64();
        assert!(found.iter().all(|found| *found >= 1.0), "{found:?}");
        let slope = outputs.read("slope").unwrap().to_f64();
        assert!(slope.chunks(30).all(|row| row.iter().any(|x| *x != 0.0)));
    }
}

/// Running sums are burn's operations, which read and write 32 bits.
#[test]
fn what_burn_computes_takes_stored_values() {
    for storage in HALVES {
        let g = Graph::new();
        let x = g.input("x", F32, (B, 20));
        let h = nn::dense(nn::dense(x, "a", 16).tanh(), "b", 12);
        let loss = (h.cumsum(1).tanh() * h.logcumsumexp(1)).sum(1).mean(..).named("J");
        let listing = agree(storage, &gradients(&g, loss), 30, &[array(&[30, 20], 2)]);
        assert!(listing.contains("operations"), "{listing}");
    }
}

#[test]
fn half_of_the_memory_between_kernels() {
    let g = Graph::new();
    let step = perceptron(&g, 128, KINKED).minimize(Sgd::new(0.1)).unwrap();
    let inputs = images(512, &[784]);
    let [words, halves, upper] = [Storage::F32, Storage::F16, Storage::Bf16].map(|storage| {
        let mut session = Session::new(Wgpu::default().storing(storage), 7);
        let handle = session.compile(&step).unwrap();
        let views = [inputs[0].view(), inputs[1].view()];
        stored(&session.run(&handle, &views).unwrap().listing())
    });
    assert_eq!((words.0, halves), (0, upper));
    assert!(halves.1 < 0.75 * words.1, "{halves:?} of {words:?}");
}

/// Inputs, outputs and parameters have all their digits, also where nothing is done with them.
#[test]
fn what_the_caller_sees_is_whole() {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 4));
    let w = g.parameter("w", F32, [4, 4], Init::Uniform { low: -1.0, high: 1.0 });
    let y = x.dot(w);
    let program = Program::builder(&g)
        .output("same", x)
        .output("moved", x.flip(1))
        .output("y", y)
        .output("z", y.dot(w))
        .output("stored", y.dot(w).dot(w).dot(w))
        .update(w, w * 0.7);
    let program = program.compile().unwrap();
    let x = array(&[9, 4], 3);
    let [words, halves] = [Storage::F32, Storage::F16].map(|storage| {
        let mut session = Session::new(Wgpu::default().storing(storage), 7);
        let handle = session.compile(&program).unwrap();
        let outputs = session.run(&handle, &[x.view()]).unwrap();
        assert_eq!(stored(&outputs.listing()).0, usize::from(storage != Storage::F32));
        let mut all = ["same", "moved", "y", "z"].map(|name| outputs.read(name).unwrap().to_f64()).to_vec();
        all.push(session.get("w").unwrap().to_f64());
        all
    });
    assert_eq!(words, halves);
}
