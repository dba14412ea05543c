//! A small network with everything that has state: moments, a schedule, dropout and running statistics.

use dl_backends::{Cpu, Session};
use dl_core::nn::{self, Adam, BatchNorm, Dropout, Mode, OneCycle};
use dl_core::{Expr, F32, Graph, I64, Named, Program, U8};
use dl_data::Split;
use dl_train::{Goal, Keep, Trainer};

const B: Named = Named("B");

/// 160 images to learn from, and 60 to evaluate on.
pub(crate) fn digits() -> (Split, Split) {
    let digits = dl_data::digits().unwrap();
    (digits.train.take(160), digits.test.take(60))
}

fn objective(g: &Graph, mode: Mode) -> Expr<'_> {
    let x = g.input("x", U8, (B, 64)).cast(F32) / 16.0;
    let h = BatchNorm::new().apply(nn::dense(x, "fc1", 12), "bn", mode).relu();
    let h = Dropout::new(0.2).each_run().apply(nn::dropout(h, 0.1, mode), mode);
    nn::cross_entropy(nn::dense(h, "fc2", 10), g.input("y", I64, B)).mean(..).named("J")
}

pub(crate) fn step(rate: f64) -> Program {
    let g = Graph::new();
    objective(&g, Mode::Train).minimize(Adam::new(OneCycle::new(rate, 60))).unwrap()
}

pub(crate) fn evaluation() -> Program {
    let g = Graph::new();
    let j = objective(&g, Mode::Evaluate);
    Program::builder(&g).output("J", j).compile().unwrap()
}

/// Six epochs of ten batches.
pub(crate) fn trainer<'a>(threads: usize) -> Trainer<'a> {
    trainer_of(threads, 7, 0.01)
}

pub(crate) fn trainer_of<'a>(threads: usize, seed: u64, rate: f64) -> Trainer<'a> {
    let session = Session::new(Cpu::with_threads(threads), seed);
    Trainer::new(session, &step(rate)).unwrap().epochs(6).batch_size(16).shuffle(3)
}

/// What a checkpoint in `folder` is kept for.
pub(crate) fn kept<'a>(trainer: Trainer<'a>, folder: &std::path::Path) -> Trainer<'a> {
    let trainer = trainer.evaluate_with(&evaluation()).unwrap();
    trainer.checkpoint(folder, Keep::best(Goal::lowest("J"))).checkpoint_every(3).unwrap()
}

/// Every bit of every parameter, of the optimizer's and layers' state as well.
pub(crate) fn bits(session: &Session) -> String {
    let mut bits = format!("{} {} ", session.step(), session.runs());
    for (name, value) in session.weights().unwrap() {
        let words = value.to_f64().iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, x| {
            (hash ^ x.to_bits()).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23)
        });
        bits += &format!("{name} {words:016x} ");
    }
    bits.trim_end().replace(' ', ",")
}
