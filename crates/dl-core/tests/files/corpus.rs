//! Programs that are written, mutated and read: between them, every kind of node and step.

use dl_core::nn::{self, Adam, ClipNorm, Schedule, Sgd};
use dl_core::ops::scan::Scan;
use dl_core::ops::{Clock, Cumulative, Order, Prefix, Scatter};
use dl_core::{Dim, F32, F64, Fact, Graph, I64, Init, Named, Plan, Program, Tensor, U8};
use serde_json::Value;

const B: Named = Named("B");
const C: Named = Named("C");

/// The programs as files.
pub(crate) fn program_files() -> Vec<String> {
    programs().iter().map(|p| without_sites(&p.to_json().expect("it was made here"))).collect()
}

/// Their plans as files.
pub(crate) fn plan_files() -> Vec<String> {
    let lower = |p: &Program| Plan::new(p).to_json().expect("it was made here");
    programs().iter().map(|p| without_sites(&lower(p))).collect()
}

/// Lines of source code would be most of a file.
fn without_sites(text: &str) -> String {
    fn clear(value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(clear),
            Value::Object(fields) => fields
                .iter_mut()
                .for_each(|(key, value)| if key == "site" { *value = Value::Null } else { clear(value) }),
            _ => {}
        }
    }
    let mut json = serde_json::from_str(text).expect("it was written as JSON");
    clear(&mut json);
    json.to_string()
}

/// Some small programs, compiled.
fn programs() -> Vec<Program> {
    vec![
        perceptron(),
        regression(),
        optimizer(),
        windows(),
        indices(),
        movements(),
        attention(),
        facts(),
        running(),
        recurrence(),
        nested(),
    ]
}

fn recurrence() -> Program {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 3, 2));
    let run = nn::Recurrent::gru(2).apply(x, "gru", nn::Mode::Train);
    (run.outputs.square().mean(..) + run.hidden[0].sum(1).mean(..))
        .minimize(Sgd::new(0.1))
        .expect("it is right")
}

fn nested() -> Program {
    let g = Graph::new();
    let (x, w) = (g.input("x", F64, (B, 2, 3)), g.parameter("w", F64, [2], Init::Zeros));
    let outer = Scan::along(1).recomputed().reverse();
    let run = outer.run(&g, &[x], &[g.full(F64, B, 0.5)], |carry, row| {
        let inner = g.scan(1, row, carry, |h, e| ([(h[0] * e[0]).sin() + w.sum(..)], [h[0]]));
        (inner.finals, inner.outputs)
    });
    let j = run.outputs[0].square().mean(..) + run.finals[0].mean(..);
    Program::builder(&g).output("J", j).update(w, w - 0.1 * j.grad(&[w])[0]).compile().expect("it is right")
}

fn perceptron() -> Program {
    let g = Graph::new();
    let (x, y) = (g.input("x", U8, (B, 6)).cast(F32) / 255.0, g.input("y", I64, B));
    let h = nn::dropout(nn::dense(x, "fc1", 5).relu(), 0.25, nn::Mode::Train);
    let w = g.parameter("w", F32, [5, 3], Init::XavierUniform { gain: 1.0 });
    let j1 = nn::cross_entropy(h.dot(w), y).mean(..).named("J₁");
    (j1 + 1e-3 * nn::l2(w)).minimize(Sgd::new(0.1)).expect("it is right")
}

fn regression() -> Program {
    let g = Graph::new();
    let (x, y) = (g.input("x", F64, (B, 4)), g.input("y", F64, (B, 1)));
    let lambda = g.input("λ", F64, ());
    let j = nn::mse(nn::dense(x, "fc", 1), y).mean(..) + lambda * nn::l1(g.parameters());
    j.minimize(Sgd::new(Schedule::step(0.1, 3, 0.5)).momentum(0.9)).expect("it is right")
}

fn optimizer() -> Program {
    let g = Graph::new();
    let (x, w) = (g.input("x", F32, (B, 2)), g.parameter("w", F32, [2, 2], Init::Orthogonal { gain: 1.0 }));
    let j = x.dot(w).square().mean(..);
    j.minimize(ClipNorm::new(1.0, Adam::new(0.01))).expect("it is right")
}

fn windows() -> Program {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 8));
    let w = g.parameter("w", F32, [3], Init::Uniform { low: -1.0, high: 1.0 });
    let convolved = x.pad(1, 1, 1, 0.0).unfold(1, 3, 1, 1).contract("bwk,k->bw", w);
    let pooled = convolved.unfold(1, 2, 2, 1).max(2);
    let along = x.unfold(0, 1, 1, 1).sum(2);
    let j = pooled.square().mean(..) + along.abs().mean(..);
    let grad = j.grad(&[w])[0];
    Program::builder(&g).output("J", j).update(w, w - 0.1 * grad).compile().expect("it is right")
}

fn indices() -> Program {
    let g = Graph::new();
    let (i, k) = (g.input("i", I64, (B, 2)), g.input("k", I64, B));
    let table = g.parameter("table", F32, [5, 3], Init::Normal { mean: 0.0, std: 1.0 });
    let rows = table.gather(0, i).sum(1);
    let picked = rows.sort(1, Order::Descending).pick(k);
    let places = rows.argsort(1, Order::Ascending) + g.iota(I64, 1, (B, 3));
    let hot = k.one_hot(F32, 3) * rows;
    let j = (picked + hot.prod(1) + hot.min(1)).mean(..);
    let grad = j.grad(&[table])[0];
    let built = Program::builder(&g).output("places", places).output("best", rows.argmax(1)).output("J", j);
    built.update(table, table - grad).compile().expect("it is right")
}

fn running() -> Program {
    let g = Graph::new();
    let (x, i) = (g.input("x", F32, (B, 4)), g.input("i", I64, (B, 4)));
    let w = g.parameter("w", F32, [4], Init::Uniform { low: -1.0, high: 1.0 });
    let noisy = x * w + g.random_by(Clock::Run, F32, (B, 4));
    let sums = noisy.cumsum(1) + noisy.cumprod(1) + noisy.logcumsumexp(1);
    let ends = noisy.cummax(1) - noisy.cumulative(Cumulative::Min, 1, Prefix::INCLUSIVE.reverse());
    let decayed = w.broadcast_to(&(B, 4).into()).linear_recurrence(1, false, sums);
    let set = decayed.scatter_along_axis(Scatter::Set, 1, i, ends);
    let most = set.scatter_along_axis(Scatter::Max, 1, i, x).scatter_along_axis(Scatter::Min, 1, i, noisy);
    let j = most.square().mean(..);
    let grad = j.grad(&[w])[0];
    Program::builder(&g).output("J", j).update(w, w - grad).compile().expect("it is right")
}

fn movements() -> Program {
    let g = Graph::new();
    let (x, y) = (g.input("x", F32, (B, 3, 2)), g.input("y", F32, (C, 6)));
    let flat = x.reshape((B, 6));
    let both = g.concat(0, &[flat, y]);
    let tail = both.slice(0, B, &Dim::from(B) + &Dim::from(C));
    let padded = tail.pad(0, B, 1, -1.0).slice_by(1, 0, 6, 2).flip([0, 1]);
    let literal = g.literal(Tensor::new([2, 3], vec![1.0f32, -2.0, 0.5, f32::INFINITY, 0.0, 4.0]).unwrap());
    let moved = x.permute(&[2, 0, 1]) * literal.unsqueeze(1);
    let built = Program::builder(&g).output("both", both.sum(0)).output("padded", padded);
    built.output("moved", moved.gt(0.5).select(moved, 0.0)).compile().expect("it is right")
}

fn attention() -> Program {
    let g = Graph::new();
    let x = g.input("x", F32, (B, C, 4));
    let (q, k) = (nn::dense(x, "q", 2), nn::dense(x, "k", 2));
    let scores = q.contract("btk,bsk->bts", k) / 2f64.sqrt();
    let mixed = scores.softmax(2).dot(x);
    let j = (mixed - x.stop_gradient()).square().mean(..) + scores.logsumexp(2).mean(..);
    j.minimize(Sgd::new(0.1)).expect("it is right")
}

fn facts() -> Program {
    let g = Graph::new();
    let x = g.input("x", F64, (B, 3)).assume(Fact::Positive);
    let count = g.state("count", I64, (), Init::Zeros);
    let noise = g.random(F64, (B, 3));
    let scaled = (x + noise).log() / g.step().cast(F64).maximum(1.0);
    let built = Program::builder(&g).output("mean", scaled.mean(0)).output("n", g.extent(I64, B));
    built.update(count, count + g.extent(I64, B)).without_rewriting().compile().expect("it is right")
}
