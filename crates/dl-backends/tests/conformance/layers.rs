//! Layers that keep state train on every executor as on the interpreter, running statistics and all; an index
//! outside an embedding's table changes nothing.

use dl_backends::Session;
use dl_core::nn::{
    self, BatchNorm, Dense, Embedding, InstanceNorm, Mode, Schedule, Scoped, Sgd, SpectralNorm,
    TransformerEncoderLayer,
};
use dl_core::{DType, F32, F64, Graph, I64, Named, Program, Tensor};

use crate::case::differences;
use crate::executors::executors;
use crate::fidelity::promised;
use crate::scene::{Fill, Ready, filled};

const B: Named = Named("B");

/// A step of a small network with a layer of each kind that keeps something, on sequences of five words.
fn training(float: DType) -> Program {
    let g = Graph::new();
    let words = g.input("words", I64, (B, 5));
    let x = Embedding::new(7, 4).dtype(float).padding(0).apply(words, "words");
    let x = x + nn::sinusoidal(x);
    let layer = TransformerEncoderLayer::new(2, 6).dropout(0.25).causal().key_mask(words.ne(0.0));
    let x = layer.apply(x, "block", Mode::Train);
    let x = InstanceNorm::new().tracking(0.25).apply(x, "in", Mode::Train);
    let norm = BatchNorm::new().cumulative();
    let x = norm.apply(x, "bn", Mode::Train);
    // Of the same path: its statistics move twice.
    let x = norm.apply(Dense::new(4).weight_norm().apply(x, "fc1").tanh(), "bn", Mode::Train);
    let y =
        Dense::new(3).spectral_norm(SpectralNorm::new().iterations(2), Mode::Train).apply(x.mean(1), "fc2");
    // Some gradients cancel, as those by keys' biases and by what a normalization takes out again. Adam would
    // divide their rounding by itself.
    let optimizer = Scoped::new("main", Sgd::new(Schedule::exponential(0.05, 0.9)).momentum(0.5));
    y.square().mean(..).minimize(optimizer).expect("it is well formed")
}

#[test]
fn layers_with_state_train_on_every_executor() {
    let mut wrong = vec![];
    for float in [F32, F64] {
        let words = filled(I64, &[3, 5], Fill::Below(7), 1);
        let ready =
            Ready { program: training(float), inputs: vec![("words".into(), words)], parameters: vec![] };
        let state = ready.program.updates().iter().map(|u| &*u.parameter).filter(|path| !path.contains('('));
        let state: Vec<&str> =
            state.filter(|path| !path.ends_with("weight") && !path.ends_with("bias")).collect();
        for path in ["in.running_var", "bn.running_mean", "bn.num_batches_tracked", "fc2.u", "fc2.v"] {
            assert!(state.contains(&path), "{path} is not among {state:?}");
        }
        for executor in executors().into_iter().filter(|e| e.supports(float)) {
            let who = format!("{float} on {}", executor.name());
            let found = differences(&ready, executor, promised("composed"), 4);
            wrong.extend(found.into_iter().map(|what| format!("{who}: {what}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A step of a network whose norms go over images: their channels are repeated along lines of several places.
fn images(float: DType) -> Program {
    let g = Graph::new();
    let x = g.input("x", float, (B, 12, 10, 6));
    let x = BatchNorm::new().apply(x, "bn1", Mode::Train).relu();
    let h = BatchNorm::new().apply(nn::conv2d(x, "conv1", 16, [4, 2]), "bn2", Mode::Train);
    let h = nn::conv2d(h.relu(), "conv2", 16, [1, 1]) + h;
    let h = BatchNorm::new().apply(h, "bn3", Mode::Train).relu();
    let y = Dense::new(3).apply(h.mean([1, 2]), "fc");
    y.square().mean(..).minimize(Sgd::new(0.05).momentum(0.5)).expect("it is well formed")
}

#[test]
fn norms_of_images_train_on_every_executor() {
    let mut wrong = vec![];
    for float in [F32, F64] {
        let x = filled(float, &[7, 12, 10, 6], Fill::Uniform, 3);
        let ready = Ready { program: images(float), inputs: vec![("x".into(), x)], parameters: vec![] };
        for executor in executors().into_iter().filter(|e| e.supports(float)) {
            let who = format!("{float} on {}", executor.name());
            let found = differences(&ready, executor, promised("composed"), 3);
            wrong.extend(found.into_iter().map(|what| format!("{who}: {what}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_index_outside_a_table_is_refused_with_its_line() {
    for executor in executors() {
        let name = executor.name();
        let mut session = Session::boxed(executor, 7);
        let step = session.compile(&training(F32)).expect("it can be compiled");
        let before = session.weights().expect("the device answers");
        for index in [7, -1] {
            let words = Tensor::new([1, 5], vec![1i64, 2, index, 3, 4]).expect("five words");
            let error = session.run_named(&step, &[("words", words.view())]).err().expect("it is outside");
            let error = error.to_string();
            for part in ["layers.rs:", &index.to_string()] {
                assert!(error.contains(part), "{name}: {part:?} is not in {error:?}");
            }
            assert_eq!(session.weights().expect("the device answers"), before, "{name}");
        }
    }
}
