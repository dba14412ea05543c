//! What stands around a product in a plan: windows that only contractions read, folds of a result, a bias.

use crate::ops::{Binary, Op};
use crate::plan::{Plan, Step, ValueId};
use crate::schedule::view::View;

/// Who reads the values of a plan.
#[derive(Clone)]
pub(super) struct Readers<'p> {
    /// By value, the step that makes it, and those that read it.
    made: Vec<Option<&'p Step>>,
    of: Vec<Vec<&'p Step>>,
    /// By value, whether it is wanted for itself.
    wanted: Vec<bool>,
}

impl<'p> Readers<'p> {
    pub(super) fn new(plan: &'p Plan) -> Self {
        let (mut of, mut wanted) = (vec![vec![]; plan.values().len()], vec![false; plan.values().len()]);
        let mut made = vec![None; plan.values().len()];
        for step in plan.all_steps() {
            made[step.result.index()] = Some(step);
            for value in step.args.iter().filter_map(|a| a.value()) {
                of[value.index()].push(step);
            }
        }
        let updates = plan.parameters().iter().filter_map(|p| p.update);
        let ends = plan.all_steps().into_iter().flat_map(|s| &s.repeat).flat_map(|r| r.ends());
        let outputs = plan.outputs().iter().map(|o| o.value);
        updates.chain(outputs).chain(ends).for_each(|v| wanted[v.index()] = true);
        Readers { made, of, wanted }
    }

    /// Whether only contractions read the windows that a value is.
    pub(super) fn only_contractions(&self, value: ValueId) -> bool {
        let reads = |step: &&Step| match step.op {
            Op::Contract(_) => true,
            Op::Unfold { .. } => self.only_contractions(step.result),
            _ => false,
        };
        !self.wanted[value.index()] && self.of[value.index()].iter().all(reads)
    }

    /// Whether only contractions of two values of the rows, into rows, read a value or what permutes it.
    pub(super) fn only_between(&self, value: ValueId, rows: &dyn Fn(ValueId) -> bool) -> bool {
        let between = |step: &&Step| match step.op {
            Op::Permute(_) => self.only_between(step.result, rows),
            Op::Contract(_) => step.args.iter().filter_map(|a| a.value()).chain([step.result]).all(rows),
            _ => false,
        };
        !self.wanted[value.index()] && self.of[value.index()].iter().all(between)
    }

    /// The step that is the only reader of a value that is not wanted for itself.
    pub(super) fn only(&self, value: ValueId) -> Option<&'p Step> {
        match self.of[value.index()].as_slice() {
            [step] if !self.wanted[value.index()] => Some(step),
            _ => None,
        }
    }

    /// The images that a value's windows add up to and nothing else reads, and the value as a view of them.
    pub(super) fn folded(&self, value: ValueId, shape: impl Fn(ValueId) -> &'p [usize]) -> Option<View> {
        let (mut at, mut folds) = (value, vec![]);
        while let ([step], false) = (self.of[at.index()].as_slice(), self.wanted[at.index()]) {
            let Op::Fold { axis, stride, dilation } = step.op else { break };
            folds.push((axis, stride, dilation));
            at = step.result;
        }
        let dense = View::dense(at, shape(at));
        let unfolded = |view: View, (axis, stride, dilation)| view.unfolded(axis, stride, dilation);
        (!folds.is_empty()).then(|| folds.into_iter().rev().fold(dense, unfolded))
    }

    /// The values that lead from one to what it becomes: images that its windows add up to, or a permuted one.
    pub(super) fn steps_to(&self, value: ValueId, becomes: ValueId) -> Vec<ValueId> {
        let (mut at, mut all) = (value, vec![]);
        while at != becomes {
            let [step] = self.of[at.index()].as_slice() else { break };
            at = step.result;
            all.push(at);
        }
        all
    }

    /// The sum of a contraction that nothing else reads and a vector along the last axis, which is repeated
    /// for it alone: the sum, the vector, and the vector repeated.
    pub(super) fn biased(&self, value: ValueId) -> Option<Biased> {
        let add = self.only(value).filter(|step| step.op == Op::Binary(Binary::Add))?;
        let (x, y) = (add.args[0].value()?, add.args[1].value()?);
        let repeated = if x == value { y } else { x };
        self.only(repeated)?;
        let step = self.made[repeated.index()]?;
        // A number that is repeated has no axis.
        let Op::Broadcast(axes) = &step.op else { return None };
        let [axis] = axes[..] else { return None };
        let vector = step.args[0].value()?;
        matches!(self.made[value.index()]?.op, Op::Contract(_)).then_some(())?;
        Some(Biased { sum: add.result, vector, repeated, axis })
    }

    /// The step that makes a value, if one does.
    pub(super) fn maker(&self, value: ValueId) -> Option<&'p Step> {
        self.made[value.index()]
    }

    /// Whether a value is wanted for itself.
    pub(super) fn is_wanted(&self, value: ValueId) -> bool {
        self.wanted[value.index()]
    }
}

/// A contraction with a bias.
pub(super) struct Biased {
    pub sum: ValueId,
    pub vector: ValueId,
    pub repeated: ValueId,
    /// The vector's axis.
    pub axis: usize,
}
