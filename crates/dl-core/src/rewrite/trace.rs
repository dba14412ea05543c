//! The trace: which rules fired, where.

use std::collections::BTreeMap;

use crate::graph::Origin;

/// Which rules fired, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    firings: Vec<Firing>,
}

/// One use of a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Firing {
    /// The rule's name.
    pub rule: &'static str,
    /// The value that was rewritten, by the author's name and line.
    pub origin: Origin,
}

impl Trace {
    /// The uses, in order.
    pub fn firings(&self) -> &[Firing] {
        &self.firings
    }

    /// How often each rule fired, by name.
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for firing in &self.firings {
            *counts.entry(firing.rule).or_insert(0) += 1;
        }
        counts
    }

    pub(crate) fn record(&mut self, rule: &'static str, origin: Origin) {
        self.firings.push(Firing { rule, origin });
    }

    pub(crate) fn len(&self) -> usize {
        self.firings.len()
    }
}
