//! Pictures of a training and of what it came to, each by one call: behind the feature `pictures`.
//!
//! Each is a [`Picture`], which `write` makes an SVG file of; [`report`] is a page with all of them. Learning curves
//! need a [`History`], a confusion matrix needs a [`Confusion`]. What is seen of
//! single examples, weights and gradients needs a [`Study`]: a program that is run over a source once.
//!
//! ```
//! # #[cfg(feature = "cpu")] {
//! use dl_backends::{Cpu, Session};
//! use dl_core::nn::{self, Sgd};
//! use dl_core::{F32, Graph, I64, Named, U8};
//! use dl_train::{Trainer, pictures};
//!
//! const B: Named = Named("B");
//! let g = Graph::new();
//! let x = g.input("x", U8, (B, 64)).cast(F32) / 16.0;
//! let logits = nn::dense(x, "fc", 10);
//! let j = nn::cross_entropy(logits, g.input("y", I64, B)).mean(..);
//!
//! let digits = dl_data::digits()?;
//! let mut trainer = Trainer::new(Session::new(Cpu::default(), 7), &j.minimize(Sgd::new(0.1))?)?.epochs(3);
//! let history = trainer.fit(&digits.train, None)?;
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = |name: &str| folder.path().join(name);
//! pictures::learning_curves(&history).write(path("curves.svg"))?;
//! let study = pictures::Study::new(x, logits, j)?.shape([8, 8]).classes(&digits.classes);
//! let findings = study.run(trainer.session_mut(), &digits.test)?;
//! findings.worst().write(path("worst.svg"))?;
//! pictures::report("Digits", &history, Some(&findings)).write(path("digits.html"))?;
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod curves;
mod findings;
mod study;

use dl_report::HeatMap;
pub use dl_report::{Page, Picture};

pub use self::curves::learning_curves;
#[cfg(feature = "page")]
pub(crate) use self::curves::table as epochs;
pub use self::findings::{Example, Findings};
pub use self::study::Study;
use crate::history::History;
use crate::metrics::Confusion;

/// How often each class, a row, was taken for each, a column. Cells are the fuller the larger their part of the row.
/// Classes without a name have their number.
///
/// ```
/// use dl_core::Tensor;
/// use dl_train::{Confusion, pictures};
/// let logits = Tensor::new([3, 2], vec![2.0f32, 1.0, 0.0, 1.0, 3.0, 0.0])?;
/// let confusion = Confusion::between(logits.view(), Tensor::vector(vec![0i64, 1, 1]).view())?;
/// assert!(pictures::confusion(&confusion, &["cat", "dog"]).svg().contains("dog"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn confusion(confusion: &Confusion, classes: &[impl AsRef<str>]) -> Picture {
    let all = 0..confusion.classes();
    let names = || all.clone().map(|class| name_of(class, classes));
    let row = |label| all.clone().map(|prediction| confusion.count(label, prediction) as f64).collect();
    let right: u64 = all.clone().map(|class| confusion.count(class, class)).sum();
    let examples: u64 = all.clone().flat_map(|a| all.clone().map(move |b| confusion.count(a, b))).sum();
    HeatMap::new("Confusion matrix", all.clone().map(row))
        .rows("label", names())
        .columns("prediction", names())
        .by_row()
        .numbers()
        .note(&format!("{right} of {examples} right"))
        .picture()
}

/// A class's name, or its number.
fn name_of(class: usize, names: &[impl AsRef<str>]) -> String {
    names.get(class).map_or_else(|| class.to_string(), |name| name.as_ref().to_owned())
}

/// A page with every picture of a training, and a table of its epochs.
pub fn report(title: &str, history: &History, findings: Option<&Findings>) -> Page {
    let run = &history.run;
    let told = format!(
        "{} epochs of {} examples in batches of {} on {}, {:.1} s",
        history.epochs.len(),
        run.examples,
        run.batch_size.min(run.examples),
        run.backend,
        history.seconds()
    );
    let mut page =
        Page::new(title).paragraph(&told).section("Learning curves").picture(&learning_curves(history));
    page = curves::table(page, history);
    let Some(findings) = findings else { return page };
    page = page.section("What is taken for what").picture(&findings.confusion());
    page = page.section("The worst").picture(&findings.worst());
    page = page.section("What decides").picture(&findings.saliency());
    page = page.section("Weights of the first layer").picture(&findings.first_layer());
    page = page.section("Weights and gradients").picture(&findings.weights());
    page.picture(&findings.gradients())
}
