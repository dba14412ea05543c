//! Scans: the steps of a body over slices of sequences, whose values are put together at the end.

use burn_backend::{Backend, Slice};
use dl_core::plan;

use super::executable::compute;
use super::machine::Machine;
use super::step::{Env, Step};
use super::value::{Value, extents};

/// A scan for fixed sizes.
pub(super) struct Repeat<B: Backend> {
    pub(super) plan: plan::Repeat,
    /// The number of steps.
    pub(super) length: usize,
    /// The body.
    pub(super) steps: Vec<Step<B>>,
    /// Of the values of all steps.
    pub(super) shapes: Vec<Vec<usize>>,
}

impl<B: Backend> Step<B> {
    /// The step and those of its body.
    pub(super) fn all(&self) -> Vec<&Step<B>> {
        let inside = self.repeat.iter().flat_map(|r| r.steps.iter().flat_map(Step::all));
        std::iter::once(self).chain(inside).collect()
    }
}

impl<B: Backend> Repeat<B> {
    /// The results are among the values afterwards, those of the body are not.
    pub(super) fn run(
        &self,
        m: &Machine<B>,
        values: &mut [Option<Value<B>>],
        env: &Env<'_>,
    ) -> Result<(), (usize, String)> {
        let plan = &self.plan;
        let missing = |place: usize| (place, "a scan needs a value that is not there".to_owned());
        let at = |values: &[Option<Value<B>>], id: plan::ValueId| {
            values[id.index()].clone().ok_or_else(|| missing(id.index()))
        };
        let mut carries = vec![];
        for carry in &plan.carries {
            carries.push(at(values, carry.first)?);
        }
        let mut stacked: Vec<Vec<Value<B>>> = vec![vec![]; plan.stacks.len()];
        for step in 0..self.length {
            let place = if plan.reverse { self.length - 1 - step } else { step };
            for (carry, value) in plan.carries.iter().zip(carries) {
                if let Some(id) = carry.value {
                    values[id.index()] = Some(value);
                }
            }
            for element in &plan.elements {
                let value = at(values, element.from)?.element(element.axis, place);
                values[element.value.index()] = Some(value);
            }
            compute(m, &self.steps, values, env)?;
            for ((stack, shape), all) in plan.stacks.iter().zip(&self.shapes).zip(&mut stacked) {
                let mut shape = shape.clone();
                shape[stack.axis] = 1;
                let mut own = shape.clone();
                own.remove(stack.axis);
                all.push(at(values, stack.value)?.whole(&own).reshape(&shape));
            }
            carries = plan.carries.iter().map(|c| at(values, c.next)).collect::<Result<_, _>>()?;
            for made in plan.makes() {
                values[made.index()] = None;
            }
        }
        for (carry, value) in plan.carries.iter().zip(carries) {
            if let Some(id) = carry.last {
                values[id.index()] = Some(value);
            }
        }
        for (stack, mut all) in plan.stacks.iter().zip(stacked) {
            if plan.reverse {
                all.reverse();
            }
            let all = Value::concat(all, stack.axis);
            values[stack.result.index()] = Some(all);
        }
        Ok(())
    }
}

impl<B: Backend> Value<B> {
    /// The elements at one place along an axis, which disappears.
    fn element(self, axis: usize, place: usize) -> Self {
        if self.is_empty() {
            return self;
        }
        let mut shape = self.shape();
        // Along an axis of 1 values may repeat.
        let place = if shape[axis] == 1 { 0 } else { place };
        let whole = |n: &usize| Slice::new(0, Some(*n as isize), 1);
        let mut slices: Vec<Slice> = shape.iter().map(whole).collect();
        slices[axis] = Slice::new(place as isize, Some(place as isize + 1), 1);
        shape.remove(axis);
        self.slice(&slices).reshape(&extents(&shape))
    }
}
