//! What is known of a formula before it is trained: the rules that made it stable, and, over ranges of its inputs,
//! its condition and what still loses digits.
//!
//! [`Expr::stability`] says which rules were used and what is computed in the end. [`Stability::over`] then computes
//! that at many points of stated ranges and follows each operation's own rounding to the result, to first order
//! (Higham, *Accuracy and Stability of Numerical Algorithms*, 2002, section 3.8, with derivatives by reverse mode). Where
//! the roundings together weigh far more than those of the inputs would, the formula is doubtful there, and the
//! place is named.

mod inspect;
mod judge;
mod points;
mod text;

#[cfg(test)]
mod tests;

use std::ops::RangeInclusive;

pub use self::judge::{Doubt, Examination, Flaw};

use crate::dim::Name;
use crate::error::{Error, Result};
use crate::graph::{Expr, Origin};
use crate::program::Program;
use crate::rewrite::{Phase, Trace, rules};

/// A formula as it is computed, and what made it so.
#[derive(Clone, Debug)]
pub struct Stability {
    program: Program,
    recognised: Vec<Recognised>,
}

/// A rule that replaced something by a stable form.
#[derive(Clone, Debug, PartialEq)]
pub struct Recognised {
    /// The rule's name, as [`docs/rules.md`](crate::rewrite::rules) lists it.
    pub rule: &'static str,
    /// What it replaces, in letters; of a rule in code, a typical instance.
    pub left: &'static str,
    /// By what.
    pub right: &'static str,
    /// The values that were replaced, each once.
    pub places: Vec<Origin>,
}

impl<'g> Expr<'g> {
    /// What the compiler makes of a value or a gradient, of any shape, and which rules it used for digits and
    /// range.
    ///
    /// ```
    /// use dl_core::{F32, Graph, stability::Flaw};
    /// let g = Graph::new();
    /// let (p, q) = (g.input("p", F32, ()), g.input("q", F32, ()));
    /// let naive = (p.exp() + q.exp()).log();
    /// assert!(!naive.stability()?.recognised().is_empty());
    ///
    /// // Near 0 both are nearly p, and what is left of them is their roundings.
    /// let found = (p.tanh() - p.sin()).stability()?.over(&[("p", -1.0..=1.0)])?;
    /// assert_eq!(found.doubts()[0].flaw, Flaw::Cancels);
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// What was wrong when the graph was built; a value that holds no floats.
    pub fn stability(self) -> Result<Stability> {
        let graph = self.graph();
        graph.check()?;
        if !self.dtype().is_float() {
            let (dtype, shape) = (self.dtype(), self.shape());
            return Err(Error::value(format!("stability of {dtype} {shape}: expected floats")));
        }
        let name = graph.origin(self.id()).name.unwrap_or_else(|| "y".into());
        let program = Program::builder(graph).output(&name, self).compile()?;
        let recognised = recognised(program.trace());
        Ok(Stability { program, recognised })
    }
}

impl Stability {
    /// The rules that made the formula stable, in the order in which they were first used. A rule that looks at
    /// more than one place has an entry with all of them.
    pub fn recognised(&self) -> &[Recognised] {
        &self.recognised
    }

    /// What is computed, as Unicode text: everything in it that no rule recognised is as it was written.
    pub fn math(&self) -> String {
        self.program.math()
    }

    /// Whether the formula, as it is computed, needs an input or a parameter of this name.
    pub fn takes(&self, name: &str) -> bool {
        let inputs = self.program.inputs().iter().map(|d| &d.name);
        inputs.chain(self.program.parameters().iter().map(|d| &d.name)).any(|own| **own == *name)
    }

    /// Its condition, its range, and what loses digits, where inputs and parameters are within these ranges. An error of
    /// an array's element counts beside the largest element.
    ///
    /// Each input and parameter that the formula needs has a range, by name; named dimensions have size 3. The points
    /// are the same in every run: ends of the ranges, numbers of all magnitudes, and numbers near each other. They are
    /// samples: what is doubtful at one of them is doubtful, but a place that none of them is near is not seen. Nor are the operations inside a loop (`Graph::scan`), whose results
    /// count as they come.
    ///
    /// # Errors
    /// A name that the formula does not have, or one of its own without a range; a range without numbers; what only a
    /// run can find, such as an index outside its axis.
    pub fn over(&self, ranges: &[(&str, RangeInclusive<f64>)]) -> Result<Examination> {
        judge::examine(&self.program, ranges)
    }
}

/// The firings of rules that are for digits and range, by rule.
pub(crate) fn recognised(trace: &Trace) -> Vec<Recognised> {
    let mut found: Vec<Recognised> = vec![];
    for firing in trace.firings() {
        let Some(rule) = rules().find(|rule| rule.name == firing.rule) else { continue };
        if rule.phase != Phase::Stabilize {
            continue;
        }
        let known = found.iter().position(|known| known.rule == rule.name);
        let place = known.unwrap_or_else(|| {
            let (left, right) = (rule.left, rule.right);
            found.push(Recognised { rule: rule.name, left, right, places: vec![] });
            found.len() - 1
        });
        if !found[place].places.contains(&firing.origin) {
            found[place].places.push(firing.origin.clone());
        }
    }
    found
}

/// An input or a parameter at a point.
pub(crate) type Given = (Name, crate::tensor::Tensor);
