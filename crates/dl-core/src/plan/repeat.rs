//! What a scan repeats: the steps of its body, what they take from outside, and what becomes of it.

use serde::{Deserialize, Serialize};

use crate::dim::Dim;
use crate::ops::Op;
use crate::plan::{Arg, Plan, Step, ValueId};

/// The body of a scan. Its values are there in each step only; what stays are the results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// How many times.
    pub length: Dim,
    /// Whether the first step takes the last elements.
    pub reverse: bool,
    /// What goes from step to step.
    pub carries: Vec<Carried>,
    /// Parts of sequences.
    pub elements: Vec<Taken>,
    /// What each step computes, in order.
    pub steps: Vec<Step>,
    /// What is kept of each step.
    pub stacks: Vec<Stacked>,
}

/// A value that goes from step to step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Carried {
    /// Its value before the first step, from outside.
    pub first: ValueId,
    /// The value that a step finds, if one reads it.
    pub value: Option<ValueId>,
    /// The value that a step leaves.
    pub next: ValueId,
    /// Its value after the last step, if that is wanted.
    pub last: Option<ValueId>,
}

/// A part of a sequence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taken {
    /// The sequence, from outside.
    pub from: ValueId,
    /// Its axis that disappears.
    pub axis: usize,
    /// The elements at one place.
    pub value: ValueId,
}

/// The values of all steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stacked {
    /// The value in each step.
    pub value: ValueId,
    /// The new axis.
    pub axis: usize,
    /// All of them.
    pub result: ValueId,
}

impl Repeat {
    /// The results, the step's own first.
    pub fn results(&self) -> impl Iterator<Item = ValueId> {
        self.carries.iter().filter_map(|c| c.last).chain(self.stacks.iter().map(|s| s.result))
    }

    /// The values that each step begins with.
    pub fn begins(&self) -> impl Iterator<Item = ValueId> {
        self.carries.iter().filter_map(|c| c.value).chain(self.elements.iter().map(|e| e.value))
    }

    /// The values that a step is made for.
    pub fn ends(&self) -> impl Iterator<Item = ValueId> {
        self.carries.iter().map(|c| c.next).chain(self.stacks.iter().map(|s| s.value))
    }

    /// The values that are made in a step, and whatever it begins with.
    pub fn makes(&self) -> impl Iterator<Item = ValueId> {
        self.begins().chain(self.steps.iter().flat_map(Step::results))
    }

    /// What is read of outside, each value once.
    pub(super) fn reads(&self) -> Vec<ValueId> {
        let first = self.carries.iter().map(|c| c.first);
        let steps = self.steps.iter().flat_map(|s| s.args.iter().filter_map(Arg::value));
        let all = first.chain(self.elements.iter().map(|e| e.from)).chain(steps).chain(self.ends());
        let mut own: Vec<ValueId> = self.makes().collect();
        own.sort_unstable();
        let mut found: indexmap::IndexSet<ValueId> = indexmap::IndexSet::new();
        found.extend(all.filter(|v| own.binary_search(v).is_err()));
        found.into_iter().collect()
    }
}

impl Plan {
    /// The steps, each followed by those that it repeats.
    pub fn all_steps(&self) -> Vec<&Step> {
        let mut all = vec![];
        let mut left: Vec<&Step> = self.steps().iter().rev().collect();
        while let Some(step) = left.pop() {
            all.push(step);
            left.extend(step.repeat.iter().flat_map(|r| r.steps.iter().rev()));
        }
        all
    }
}

impl Step {
    /// Everything that it makes, its result first.
    pub fn results(&self) -> impl Iterator<Item = ValueId> {
        let more = self.repeat.iter().flat_map(|r| r.results()).filter(|v| *v != self.result);
        std::iter::once(self.result).chain(more)
    }

    /// Whether it may find a wrong index when it runs.
    pub(crate) fn may_fail(&self) -> bool {
        let inside = self.repeat.iter().flat_map(|r| &r.steps).any(Step::may_fail);
        inside || matches!(self.op, Op::Gather { .. } | Op::Scatter { .. })
    }
}
