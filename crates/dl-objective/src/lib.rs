//! A compiler for training objectives: everything that its users need, by one dependency and one `use`.
//!
//! You write a model, a loss and a regularizer as mathematics. The compiler checks the shapes, differentiates,
//! rewrites the result into a form that neither overflows nor cancels, and lowers the whole training step into
//! one plan, which an executor runs.
//!
//! ```
//! # #[cfg(feature = "cpu")] {
//! use dl_objective::prelude::*;
//!
//! const B: Named = Named("B"); // the batch size: one program serves them all
//!
//! let g = Graph::new();
//! let x = g.input("x", U8, (B, 64)).cast(F32) / 16.0;
//! let y = g.input("y", I64, B);
//! let logits = nn::dense(nn::dense(x, "fc1", 32).relu(), "fc2", 10);
//! let j1 = nn::cross_entropy(logits, y).mean(..);
//! let j = j1 + 1e-4 * nn::l2(g.parameters().matching("*.weight"));
//! let step = j.minimize(Sgd::new(0.1).momentum(0.9))?;
//! let evaluation = Program::builder(&g).output("J₁", j1).output("logits", logits).compile()?;
//!
//! let digits = digits()?; // 8×8 pixels, carried in the crate: no network
//! let mut trainer = Trainer::new(Session::new(Cpu::default(), 7), &step)?
//!     .evaluate_with(&evaluation)?
//!     .report_evaluation([Metric::accuracy("logits", "y")])?
//!     .epochs(10)
//!     .shuffle(7);
//! let history = trainer.fit(&digits.train, Some(&digits.test))?;
//! let accuracy = history.last().and_then(|epoch| epoch.test.get("accuracy"));
//! assert!(accuracy > Some(0.85), "{accuracy:?}");
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Should I use this?
//!
//! Yes, if you train: [`prelude`] has what a training program names, and the modules have the rest. No, if you
//! need a part alone (formulas without any executor, datasets without any tensor library): the four crates behind
//! this one are useful by themselves, and this one adds nothing to them.
//!
//! # Modules
//!
//! Each is a crate of its own, whole, under its name without `dl-`: a path `dl_core::nn::Adam` in their
//! documentation is `dl_objective::core::nn::Adam` here.
//!
//! # Features
//!
//! | feature | brings |
//! | --- | --- |
//! | `cpu` (default) | our own fused executor, [`backends::Cpu`] |
//! | `fetch` (default) | fetching of MNIST and Fashion-MNIST; without it only what is on this machine is found |
//! | `csv` | tables from CSV files, [`data::Table`] |
//! | `images` | folders of PNG and JPEG images |
//! | `serde` | preparations as plain data, to store beside weights |
//! | `ndarray`, `flex`, `wgpu` | executors on burn's backends of those names |

pub use dl_backends as backends;
pub use dl_core as core;
pub use dl_data as data;
pub use dl_train as train;

pub mod prelude;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
