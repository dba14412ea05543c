//! What a listener to `tracing` hears of a training.
#![cfg(feature = "cpu")]
// The lint's exemption for tests does not see the functions that they share.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use dl_backends::{Cpu, Session};
use dl_core::{F64, Graph, Init, Program};
use dl_train::{Keep, Trainer, from_fn};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber, subscriber};
use tracing_core::span::Current;

/// Writes down the names of spans, each behind the one that it began in.
#[derive(Clone, Default)]
struct Names(Arc<Mutex<(Vec<Heard>, Vec<usize>)>>);

type Heard = (String, &'static Metadata<'static>);

impl Subscriber for Names {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let (heard, open) = &mut *self.0.lock().unwrap();
        let around = if span.is_contextual() { open.last().copied() } else { span.parent().map(place) };
        let before = around.map(|i| format!("{} ", heard[i].0)).unwrap_or_default();
        heard.push((before + span.metadata().name(), span.metadata()));
        Id::from_u64(heard.len() as u64)
    }

    fn current_span(&self) -> Current {
        let (heard, open) = &*self.0.lock().unwrap();
        open.last().map_or(Current::none(), |i| Current::new(Id::from_u64(*i as u64 + 1), heard[*i].1))
    }

    fn enter(&self, span: &Id) {
        self.0.lock().unwrap().1.push(place(span));
    }

    fn exit(&self, span: &Id) {
        self.0.lock().unwrap().1.retain(|open| *open != place(span));
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
}

fn place(id: &Id) -> usize {
    id.into_u64() as usize - 1
}

#[test]
fn a_training_is_a_tree_of_spans() {
    let g = Graph::new();
    let theta = g.parameter("θ", F64, (), Init::Zeros);
    let step = Program::builder(&g).output("J", theta).update(theta, theta + 1.0).compile().unwrap();
    let look = Program::builder(&g).output("J", theta).compile().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut trainer = Trainer::new(Session::new(Cpu::default(), 7), &step)
        .unwrap()
        .evaluate_with(&look)
        .unwrap()
        .batch_size(2)
        .checkpoint(folder.path(), Keep::last_ones(1));
    let source = from_fn(4, |_, _| Ok(()));
    let names = Names::default();
    subscriber::with_default(names.clone(), || trainer.fit(&source, Some(&source))).unwrap();
    let heard = std::mem::take(&mut names.0.lock().unwrap().0);
    let mut heard: Vec<String> = heard.into_iter().map(|(name, _)| name).collect();
    heard.sort();
    let want = [
        "fit",
        "fit checkpoint",
        "fit epoch",
        "fit epoch batch",
        "fit epoch batch",
        "fit epoch batch compile",
        "fit epoch evaluation",
        "fit epoch evaluation batch",
        "fit epoch evaluation batch compile",
    ];
    assert_eq!(heard, want);
}
