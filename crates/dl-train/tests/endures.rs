//! Long runs: many epochs, many sessions, many threads, each with a session, in memory that does not grow and with
//! the same bits.
//!
//! The suite does a part of it; `DL_TRAIN_ENDURES=1 cargo nextest run --release -p dl-train --test endures
//! --no-capture` does 10,000 epochs, 1,000 sessions and 64 threads, and prints the memory on its way.
#![cfg(feature = "cpu")]
// The lint's exemption for tests does not see the functions that they share.
#![allow(clippy::unwrap_used)]

use std::sync::Barrier;

use dl_backends::{Cpu, Session};
use dl_core::nn::{self, Adam};
use dl_core::{F32, Graph, I64, Named, Program, U8};
use dl_data::Split;
use dl_train::Trainer;

const B: Named = Named("B");

/// A number for the suite, and one for the whole.
fn of(suite: usize, whole: usize) -> usize {
    if std::env::var_os("DL_TRAIN_ENDURES").is_some_and(|x| x == "1") { whole } else { suite }
}

fn program() -> Program {
    let g = Graph::new();
    let x = g.input("x", U8, (B, 64)).cast(F32) / 16.0;
    let h = nn::dropout(nn::dense(x, "fc1", 16).relu(), 0.1, nn::Mode::Train);
    nn::cross_entropy(nn::dense(h, "fc2", 10), g.input("y", I64, B))
        .mean(..)
        .minimize(Adam::new(0.001))
        .unwrap()
}

fn images() -> Split {
    dl_data::digits().unwrap().train.take(96)
}

fn trainer<'a>(program: &Program, seed: u64, epochs: usize) -> Trainer<'a> {
    let session = Session::new(Cpu::with_threads(if seed.is_multiple_of(2) { 1 } else { 2 }), seed);
    Trainer::new(session, program).unwrap().epochs(epochs).batch_size(32).shuffle(seed)
}

/// Every bit of the parameters.
fn bits(session: &Session) -> Vec<u64> {
    let weights = session.weights().unwrap();
    weights.iter().flat_map(|(_, value)| value.to_f64()).map(f64::to_bits).collect()
}

/// Bytes of memory that the process has, where the system tells.
fn resident() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<usize>().ok()? << 10)
}

/// Memory at parts of the way: after the first tenth it grows by no more than 8 MiB.
struct Memory {
    what: &'static str,
    of: usize,
    seen: Vec<usize>,
}

impl Memory {
    fn new(what: &'static str, of: usize) -> Memory {
        Memory { what, of, seen: vec![] }
    }

    /// After `done` of all.
    fn look(&mut self, done: usize) {
        if done.is_multiple_of((self.of / 10).max(1)) {
            self.seen.extend(resident());
        }
    }

    fn is_flat(&self) {
        let shown: Vec<String> =
            self.seen.iter().map(|b| format!("{:.1}", *b as f64 / 1_048_576.0)).collect();
        eprintln!("{} {}: MiB at each tenth: {}", self.of, self.what, shown.join(" "));
        if let [first, .., last] = self.seen[..] {
            assert!(last < first + (8 << 20), "{}: {}", self.what, shown.join(" "));
        }
    }
}

#[test]
fn ten_thousand_epochs() {
    let (program, train, epochs) = (program(), images(), of(60, 10_000));
    let mut memory = Memory::new("epochs", epochs);
    let mut parts = trainer(&program, 4, epochs / 10);
    for part in 1..=10 {
        parts.fit(&train, None).unwrap();
        memory.look(part * (epochs / 10));
    }
    memory.is_flat();
    let mut again = trainer(&program, 4, epochs / 10);
    (0..10).for_each(|_| drop(again.fit(&train, None).unwrap()));
    assert_eq!(bits(parts.session()), bits(again.session()));
}

#[test]
fn a_thousand_sessions_one_after_the_other() {
    let (program, train, sessions) = (program(), images(), of(20, 1_000));
    let mut memory = Memory::new("sessions", sessions);
    let mut first = None;
    for done in 1..=sessions {
        // One and two threads in turn: the seed of both is the same.
        let session = Session::new(Cpu::with_threads(1 + done % 2), 4);
        let mut trainer = Trainer::new(session, &program).unwrap().epochs(2).batch_size(32).shuffle(4);
        trainer.fit(&train, None).unwrap();
        let bits = bits(trainer.session());
        assert_eq!(first.get_or_insert_with(|| bits.clone()), &bits, "session {done}");
        memory.look(done);
    }
    memory.is_flat();
}

#[test]
fn sixty_four_threads_each_with_a_session() {
    let (program, train) = (program(), images());
    let (threads, rounds) = (of(8, 64), of(3, 30));
    let seeds = 4;
    let want: Vec<_> = (0..seeds)
        .map(|seed| {
            let mut trainer = trainer(&program, seed, 2);
            trainer.fit(&train, None).unwrap();
            bits(trainer.session())
        })
        .collect();
    let mut memory = Memory::new("rounds of threads", rounds);
    for round in 1..=rounds {
        let together = Barrier::new(threads);
        std::thread::scope(|scope| {
            for thread in 0..threads {
                let (program, train, want, together) = (&program, &train, &want, &together);
                scope.spawn(move || {
                    let seed = (thread as u64 + round as u64) % seeds;
                    let mut trainer = trainer(program, seed, 2);
                    together.wait();
                    trainer.fit(train, None).unwrap();
                    assert_eq!(
                        bits(trainer.session()),
                        want[seed as usize],
                        "thread {thread} of round {round}"
                    );
                });
            }
        });
        memory.look(round);
    }
    memory.is_flat();
}
