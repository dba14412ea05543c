//! Scans: the steps of a body over views of sequences, and what is kept of each.

use dl_core::ops::Counters;
use dl_core::plan::{Plan, Repeat, Step, ValueId};

use super::array::{Array, Item, View, each};
use super::compile::Prepared;
use super::frame::Values;
use super::layout::Layout;
use super::loops::{Context, into_places};
use super::run::{Moment, take};

/// What is known of a scan before a run.
pub(super) struct PreparedRepeat {
    /// The number of steps.
    pub length: usize,
    /// Of the steps of the body.
    pub steps: Vec<Prepared>,
}

/// Where a scan runs: the values of the plan that are there, and the shapes of all.
pub(super) struct Around<'v, 'a> {
    pub plan: &'v Plan,
    pub shapes: &'v [Vec<usize>],
    pub values: &'v mut Values<'a>,
    /// What decides random numbers.
    pub counters: Counters,
}

/// What went wrong, and in the computation of which value.
pub(super) type Wrong = (ValueId, String);

impl Context {
    /// A scan: its results are among the values afterwards, those of its body are not.
    pub(super) fn repeat(
        &mut self,
        repeat: &Repeat,
        prepared: &PreparedRepeat,
        around: &mut Around<'_, '_>,
    ) -> Result<(), Wrong> {
        let present = "a plan makes values before it uses them";
        let mut carries: Vec<_> = repeat
            .carries
            .iter()
            .map(|carry| around.values[carry.first.index()].clone().expect(present))
            .collect();
        let mut stacked: Vec<_> = vec![];
        for stack in &repeat.stacks {
            let dtype = around.plan.value(stack.result).dtype;
            stacked.push(self.empty(dtype, &around.shapes[stack.result.index()]));
        }
        for step in 0..prepared.length {
            let place = if repeat.reverse { prepared.length - 1 - step } else { step };
            for (carry, value) in repeat.carries.iter().zip(carries.drain(..)) {
                match carry.value {
                    Some(id) => around.values[id.index()] = Some(value),
                    None => self.pool.recycle(value),
                }
            }
            for element in &repeat.elements {
                let from = around.values[element.from.index()].clone().expect(present);
                let layout = from.layout().element(element.axis, place);
                around.values[element.value.index()] = Some(from.with(layout));
            }
            for (step, prepared) in repeat.steps.iter().zip(&prepared.steps) {
                self.inner(step, prepared, around)?;
            }
            for (stack, all) in repeat.stacks.iter().zip(&mut stacked) {
                let part = around.values[stack.value.index()].as_ref().expect(present);
                write(all, (stack.axis, place), part);
            }
            carries.extend(
                repeat.carries.iter().map(|carry| around.values[carry.next.index()].clone().expect(present)),
            );
            for made in repeat.makes() {
                if let Some(value) = around.values[made.index()].take() {
                    self.pool.recycle(value);
                }
            }
        }
        for (carry, value) in repeat.carries.iter().zip(carries) {
            match carry.last {
                Some(id) => around.values[id.index()] = Some(value),
                None => self.pool.recycle(value),
            }
        }
        for (stack, all) in repeat.stacks.iter().zip(stacked) {
            around.values[stack.result.index()] = Some(all);
        }
        Ok(())
    }

    /// A step of a body.
    fn inner(&mut self, step: &Step, prepared: &Prepared, around: &mut Around<'_, '_>) -> Result<(), Wrong> {
        if let (Some(inner), Some(prepared)) = (&step.repeat, &prepared.repeat) {
            self.repeat(inner, prepared, around)?;
        } else {
            let args = take(prepared, around.values);
            let (dtype, shape) = (around.plan.value(step.result).dtype, &around.shapes[step.result.index()]);
            let moment = Moment { counters: around.counters, dtype, shape };
            let result = self.step(step, prepared, args, moment).map_err(|why| (step.result, why))?;
            around.values[step.result.index()] = Some(result);
        }
        for freed in &step.frees {
            if let Some(value) = around.values[freed.index()].take() {
                self.pool.recycle(value);
            }
        }
        Ok(())
    }

    /// Room for the values of all steps.
    fn empty<'a>(&mut self, dtype: dl_core::DType, shape: &[usize]) -> Array<'a> {
        fn room<'a, T: Item>(context: &mut Context, shape: &[usize]) -> Array<'a> {
            let all = context.pool.take::<T>(shape.iter().product());
            T::wrap_view(context.pool.dense(all, shape))
        }
        match dtype {
            dl_core::DType::F32 => room::<f32>(self, shape),
            dl_core::DType::F64 => room::<f64>(self, shape),
            dl_core::DType::I64 => room::<i64>(self, shape),
            dl_core::DType::Bool => room::<bool>(self, shape),
            dl_core::DType::U8 => room::<u8>(self, shape),
        }
    }
}

/// Writes the elements at one place along an axis.
fn write(all: &mut Array<'_>, at: (usize, usize), part: &Array<'_>) {
    fn typed<T: Item>(all: &mut View<'_, T>, (axis, place): (usize, usize), part: &Array<'_>) {
        let part = part.clone().of::<T>();
        let places = all.layout.element(axis, place);
        let out = all.unique().expect("nobody else sees what is being made");
        into_places(out, (&places.strides, places.offset), &part, |o, x| *o = x);
    }
    each!(all, all => typed(all, at, part));
}

impl Layout {
    /// The elements at one place along an axis, which disappears.
    fn element(&self, axis: usize, place: usize) -> Layout {
        let mut element = self.clone();
        element.offset += place as isize * element.strides[axis];
        element.strides.remove(axis);
        element.shape.remove(axis);
        element
    }
}
