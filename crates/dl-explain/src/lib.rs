//! A page about a program: its derivation, its graph, its kernels, and what a run of it came to.
//!
//! The page is one HTML file that needs nothing from elsewhere ([`dl_report::Page`]). What stands for what is found by a
//! run: a line of the derivation stands for those values of the plan that are equal to it.

mod graph;
mod page;
mod run;

use dl_core::derive::Derivation;
use dl_core::{Plan, Program, Tensor};
pub use dl_report::Language;
use dl_report::Page;

use crate::run::Ran;

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A run of the program failed, or its sizes do not fit.
    #[error(transparent)]
    Run(#[from] dl_backends::Error),
    /// The interpreter refused a value.
    #[error(transparent)]
    Core(#[from] dl_core::Error),
}

/// The result of everything that can fail here.
pub type Result<T> = std::result::Result<T, Error>;

/// What is known of a program for its page.
#[derive(Debug)]
pub struct Explanation {
    title: String,
    language: Language,
    about: Vec<String>,
    derivation: Derivation,
    program: Program,
    plan: Plan,
    ran: Option<Ran>,
}

impl Explanation {
    /// Of a derivation and the program that computes it. [Name](Derivation::name_values) the values before the program is
    /// compiled: then the page has one name for each.
    pub fn new(title: &str, derivation: Derivation, program: Program) -> Explanation {
        let plan = Plan::new(&program);
        let title = title.to_owned();
        Explanation {
            title,
            language: Language::English,
            about: vec![],
            derivation,
            program,
            plan,
            ran: None,
        }
    }

    /// A line of text below the title.
    #[must_use]
    pub fn about(mut self, text: &str) -> Explanation {
        self.about.push(text.to_owned());
        self
    }

    /// The language in which the page speaks; English otherwise.
    #[must_use]
    pub fn language(mut self, language: Language) -> Explanation {
        self.language = language;
        self
    }

    /// Runs the program once in double precision, for the statistics of its values and for what stands for what, and some
    /// times on the `cpu` executor, for the times of its kernels. Parameters are as a session with this seed has them.
    ///
    /// # Errors
    /// When an input is missing or does not fit; what only a run can find.
    pub fn run(mut self, inputs: &[(&str, Tensor)], seed: u64) -> Result<Explanation> {
        self.ran = Some(Ran::new(&self.program, &self.plan, &self.derivation, inputs, seed)?);
        Ok(self)
    }

    /// The page. Without a [run](Explanation::run) it has neither kernels nor statistics.
    pub fn page(&self) -> Page {
        page::page(self)
    }
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
