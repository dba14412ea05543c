//! The training loop: epochs, batches, evaluation, checkpoints, metrics, history, progress.
//!
//! # Should I use this?
//!
//! Yes, if you would write the loop that everybody writes: shuffle, take a batch, run the training
//! program, add up the loss, evaluate after each epoch. No, if your loop is something else: a
//! [`Session`](dl_backends::Session) runs programs one step at a time, and needs nothing from here.
//!
//! ```
//! # #[cfg(feature = "cpu")] {
//! use dl_backends::{Cpu, Session};
//! use dl_core::{F32, Graph, Init, Named, Program, Tensor};
//! use dl_train::{Columns, Trainer};
//!
//! // t ≈ w·x + b by least squares.
//! const B: Named = Named("B");
//! let g = Graph::new();
//! let (x, t) = (g.input("x", F32, B), g.input("t", F32, B));
//! let (w, b) = (g.parameter("w", F32, (), Init::Zeros), g.parameter("b", F32, (), Init::Zeros));
//! let error = w * x + b - t;
//! let j = (error * error).mean(..);
//! let grad = j.grad(&[w, b]);
//! let step = Program::builder(&g)
//!     .output("J", j)
//!     .update(w, w - 0.5 * grad[0])
//!     .update(b, b - 0.5 * grad[1])
//!     .compile()?;
//!
//! let line = Columns::new()
//!     .column("x", Tensor::vector(vec![0.0f32, 0.5, 1.0, 1.5]))?
//!     .column("t", Tensor::vector(vec![1.0f32, 2.0, 3.0, 4.0]))?;
//! let mut trainer = Trainer::new(Session::new(Cpu::default(), 7), &step)?.epochs(200).batch_size(3).shuffle(7);
//! let history = trainer.fit(&line, None)?;
//! assert!(history.last().and_then(|epoch| epoch.train.get("J")) < Some(1e-6));
//! assert!((trainer.session().get("w")?.item()? - 2.0).abs() < 1e-3);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A training that people rely on survives and can be compared:
//!
//! ```no_run
//! # #[cfg(feature = "cpu")] {
//! # fn run(step: dl_core::Program, evaluation: dl_core::Program) -> Result<(), Box<dyn std::error::Error>> {
//! use dl_backends::{Cpu, Session};
//! use dl_train::{Goal, Interrupt, Journal, Keep, Metric, Progress, Trainer, held_out};
//!
//! let mnist = dl_data::mnist()?;
//! let (train, validation) = held_out(&mnist.train, 0.1, 7)?;
//! let mut trainer = Trainer::new(Session::new(Cpu::default(), 7), &step)?
//!     .evaluate_with(&evaluation)?
//!     .report_evaluation([Metric::mean("J"), Metric::accuracy("logits", "y")])?
//!     .epochs(100)
//!     .shuffle(7)
//!     .checkpoint("runs/a", Keep::best(Goal::highest("accuracy")))
//!     .patience(5)
//!     .resume("runs/a")?                         // goes on, bit for bit, where it was killed
//!     .interrupt(&Interrupt::on_ctrl_c()?)       // once: after the step, saved; twice: at once
//!     .ledger_every(1000)                        // two runs compare by one line
//!     .observe(Journal::csv("runs/a.csv"))
//!     .observe(Progress::stderr());
//! trainer.fit(&train, Some(&validation))?;
//! trainer.restore_best()?;
//! trainer.session().save("runs/a.safetensors")?;
//! # Ok(()) }
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What goes in is a [`Source`]: images with labels ([`dl_data::Split`], or a folder of them with the
//! feature `images`), named [`Columns`] in memory or [`Stored`] in files, what a table was prepared to
//! ([`Columns::features`]), or any closure ([`from_fn`]). Around it: [`Augmented`] and [`Mixup`] change
//! its examples, [`divided`] and [`held_out`] divide it, [`Prefetch`] fills batches ahead, and
//! [`Sampling`] says which examples an epoch has. What comes out is a [`History`]; an [`Observer`] watches
//! on the way, and [`Progress`] is the one that people look at.
//!
//! Where all examples fit into one run and digits count, [`Lbfgs`] and [`NewtonCg`] minimize an
//! [`Objective`] to the end.

mod checkpoint;
mod error;
mod full_batch;
mod history;
mod interrupt;
mod journal;
mod late;
mod ledger;
mod metrics;
mod observer;
#[cfg(feature = "page")]
mod page;
mod part;
mod pass;
#[cfg(feature = "pictures")]
pub mod pictures;
mod progress;
mod sampling;
mod source;
mod trainer;

pub use checkpoint::{Goal, Keep, Saved};
pub use error::{Error, Result};
pub use full_batch::{Lbfgs, NewtonCg, Objective, Report, Stop};
pub use history::{Ended, Epoch, Evaluation, History, Run};
pub use interrupt::Interrupt;
pub use journal::{EventFile, Journal};
pub use ledger::{Identity, Mark};
pub use metrics::{Confusion, Metric, Metrics};
pub use observer::{BatchEnd, Observer};
#[cfg(feature = "page")]
pub use page::LivePage;
pub use part::{Part, divided, held_out};
pub use progress::Progress;
pub use sampling::Sampling;
pub use source::{Augmented, Batch, Columns, FromFn, Mixup, Prefetch, Source, Stored, Whole, from_fn};
pub use trainer::Trainer;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
