//! The networks of `make/networks.py`, in ours.

use dl_backends::{Cpu, Handle, Session};
use dl_core::nn::{self, BatchNorm, Conv, ConvTranspose, Embedding, LayerNorm, Mode, Recurrent};
use dl_core::{Expr, F32, Graph, I64, Named, Program, Tensor};

const B: Named = Named("B");

/// By its name there.
pub(crate) const NAMES: [&str; 4] = ["perceptron", "lenet", "lstm", "normed"];

/// A session with the network's program, whose seed decides its first weights.
pub(crate) fn session(name: &str, large: bool, seed: u64) -> (Session, Handle) {
    let g = Graph::new();
    let logits = logits(&g, name, large);
    let program = Program::builder(&g).output("logits", logits).compile().unwrap();
    let mut session = Session::new(Cpu::default(), seed);
    let handle = session.compile(&program).unwrap();
    (session, handle)
}

/// The logits of inputs as PyTorch has them.
pub(crate) fn answer(session: &mut Session, handle: &Handle, x: &Tensor) -> Tensor {
    session.run(handle, &[x.view()]).unwrap().read("logits").unwrap()
}

fn logits<'g>(g: &'g Graph, name: &str, large: bool) -> Expr<'g> {
    match name {
        "perceptron" => {
            let [pixels, hidden, classes] = if large { [784, 128, 10] } else { [6, 5, 3] };
            let h = nn::dense(g.input("x", F32, (B, pixels)), "fc1", hidden).relu();
            nn::dense(h, "fc2", classes)
        }
        "lenet" => lenet(g, large),
        "lstm" => {
            let [steps, width, hidden, classes] = if large { [28, 28, 128, 10] } else { [5, 3, 4, 3] };
            let x = g.input("x", F32, (B, steps, width));
            let read = Recurrent::lstm(hidden).layers(2).bidirectional().apply(x, "lstm", Mode::Evaluate);
            let last = read.outputs.slice(1, steps - 1, steps).reshape((B, 2 * hidden));
            nn::dense(last, "fc", classes)
        }
        "normed" => {
            let x = Embedding::new(7, 4).apply(g.input("x", I64, (B, 6)), "words").permute(&[0, 2, 1]);
            let x = ConvTranspose::new([3], 4).groups(2).apply(x, "up");
            let x = BatchNorm::new().apply(x, "bn", Mode::Evaluate);
            let x = Conv::new([3], 6).groups(2).apply(x, "mix").permute(&[0, 2, 1]);
            let x = LayerNorm::new().apply(x, "ln").permute(&[0, 2, 1]);
            nn::dense(nn::flatten(x), "fc", 2)
        }
        other => panic!("no network {other}"),
    }
}

fn lenet(g: &Graph, large: bool) -> Expr<'_> {
    let (maps, units, [height, width]) = match large {
        true => ([6, 16], [120, 84, 10], [28, 24]),
        false => ([2, 3], [6, 5, 4], [16, 12]),
    };
    // PyTorch's images have their one channel first.
    let x = g.input("x", F32, (B, 1, height, width)).permute(&[0, 2, 3, 1]);
    let h = nn::max_pool(Conv::new([5, 5], maps[0]).padding(2).apply(x, "conv1").relu(), [2, 2]);
    let h = nn::max_pool(Conv::new([5, 5], maps[1]).apply(h, "conv2").relu(), [2, 2]);
    let h = nn::dense(nn::flatten(h), "fc1", units[0]).relu();
    nn::dense(nn::dense(h, "fc2", units[1]).relu(), "fc3", units[2])
}
