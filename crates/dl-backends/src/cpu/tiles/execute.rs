//! A compiled schedule at work: stages, then updates and outputs.

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use dl_core::{Tensor, TensorRef};

use super::data::home::{Home, Place};
use super::data::slots::typed;
use super::run::fused::Around;
use super::run::update::Direct;
use super::run::watch::Watch;
use super::run::whole::Work;
use super::tiled::Tiled;
use crate::cpu::array::{Array, each};
use crate::cpu::frame::Values;
use crate::cpu::parameter::Parameter;
use crate::error::Result;
use crate::executor::{Call, Executable};
use crate::profile::Kernel;

impl Executable for Tiled {
    fn run(&mut self, call: Call<'_>) -> Result<()> {
        self.watched(call, &mut None)
    }

    fn profile(&mut self, call: Call<'_>) -> Result<Vec<Kernel>> {
        let mut watch = Some(self.watch());
        let begun = Instant::now();
        self.watched(call, &mut watch)?;
        let all = begun.elapsed();
        let mut kernels = self.kernels(watch.as_ref());
        let around = Kernel::around(&kernels, self.schedule.plan().values().len(), all);
        // Every stage, and every shard, comes to code and data that nothing has touched since the last run.
        let shards = if self.together() > 1 { 0 } else { self.shards.len() };
        let parts = 1 + self.phases.len() + shards;
        kernels.push(Kernel { parts, distance: self.distance(), ..around });
        Ok(kernels)
    }

    fn listing(&self) -> String {
        Tiled::listing(self)
    }

    fn output(&self, index: usize) -> Result<Tensor> {
        let output = self.frame.output(index)?;
        match (output, self.lowered.outputs[index]) {
            (Some(array), _) => Ok(array.to_tensor()),
            (None, Some(home)) => Ok(self.rows_of(index, home)),
            (None, None) => unreachable!("what rows do not keep, the frame does"),
        }
    }

    fn show(&self, index: usize, to: &mut dyn FnMut(TensorRef<'_>)) -> Result<()> {
        let output = self.frame.output(index)?;
        let shape = &self.schedule.shapes()[self.schedule.plan().outputs()[index].value.index()];
        match (output, self.lowered.outputs[index], &self.shards[..]) {
            (Some(array), ..) => {
                match each!(array, v => v.as_dense().map(|all| TensorRef::new(shape, all))) {
                    Some(whole) => to(whole?),
                    None => to(array.to_tensor().view()),
                }
            }
            // The rows of a shard lie one after the other.
            (None, Some(home), [shard]) => {
                let Home { place: Place::Slot(slot, _), dtype, len } = self.lowered.homes[home] else {
                    unreachable!("outputs have buffers");
                };
                let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
                typed!(dtype, T => {
                    let rows = &shard.slots[slot].get::<T>()[..self.tiling.rows * len];
                    to(TensorRef::new(shape, rows)?);
                });
            }
            _ => to(self.output(index)?.view()),
        }
        Ok(())
    }
}

impl Tiled {
    fn watched(&mut self, mut call: Call<'_>, watch: &mut Option<Watch>) -> Result<()> {
        let plan = Arc::clone(self.schedule.plan());
        let (updates, packed) = (&self.updates, &self.packed);
        let stays = |i: usize, parameter: &Parameter| {
            updates.iter().any(|u| match u.direct {
                Some(Direct::Panels(index)) => {
                    u.of.parameter.index() == i && packed[index].0.is_in(parameter)
                }
                _ => false,
            })
        };
        for line in &mut self.lines {
            line.look(call.parameters[call.slots[line.parameter]].get::<Parameter>()?);
        }
        let mut values = self.frame.begin(&mut self.context, &plan, &mut call, stays)?;
        for stage in 0..self.phases.len() {
            self.whole(stage, &mut values, &mut call, watch)?;
            self.tiles(stage, &mut values, &mut call, watch)?;
        }
        for (update, addend) in self.updates.iter().zip(&mut self.addends) {
            let value = &mut values[update.of.addend.index()];
            // What others want at the end, outputs as well, stays.
            let addend_of = if update.of.alone { value.take() } else { value.clone() };
            *addend = addend_of.map(Array::into_owned);
        }
        let (kept, updates) = (&self.lowered.outputs, &self.updates);
        let wanted = |i: usize| kept[i].is_none();
        let replaced = &self.replaced;
        let done = |i: usize| updates.iter().any(|u| u.of.parameter.index() == i) || replaced.contains(&i);
        self.frame.end(&mut self.context, &plan, values, &mut call, wanted, done)?;
        for (i, update) in self.updates.iter().enumerate() {
            if let Some(addend) = self.addends[i].take() {
                let parameter = update.parameter(&mut call)?;
                let (context, team) = (&mut self.context, self.team.as_deref());
                let apply = || update.apply(parameter.array(), &addend, context, team);
                Watch::time(watch, |w| &mut w.updates[i], apply);
                self.context.pool.recycle(addend);
            }
        }
        Ok(())
    }

    /// An output's rows, shard after shard.
    fn rows_of(&self, index: usize, home: usize) -> Tensor {
        let Home { place: Place::Slot(slot, _), dtype, len } = self.lowered.homes[home] else {
            unreachable!("outputs have buffers");
        };
        let shape = self.schedule.shapes()[self.schedule.plan().outputs()[index].value.index()].clone();
        typed!(dtype, T => {
            let mut all: Vec<T> = Vec::with_capacity(self.tiling.rows * len);
            for (i, shard) in self.shards.iter().enumerate() {
                let rows = self.tiling.shard.min(self.tiling.rows - (i * self.tiling.shard).min(self.tiling.rows));
                let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
                all.extend(&shard.slots[slot].get::<T>()[..rows * len]);
            }
            Tensor::new(shape, all).expect("a shard has as many elements as its rows")
        })
    }

    /// The whole values of a stage.
    pub(super) fn whole<'a>(
        &mut self,
        stage: usize,
        values: &mut Values<'a>,
        call: &mut Call<'a>,
        watch: &mut Option<Watch>,
    ) -> Result<()> {
        for (i, work) in self.wholes[stage].iter().enumerate() {
            let begun = watch.is_some().then(Instant::now);
            match work {
                Work::Step(whole) => {
                    self.context.team = self.team.clone().filter(|_| whole.large);
                    whole.run(
                        self.schedule.plan(),
                        self.schedule.shapes(),
                        values,
                        call,
                        &mut self.context,
                    )?;
                }
                Work::Fused(fused) => {
                    let (isa, kernels, team) = (self.isa, self.kernels, self.team.as_deref());
                    let shape =
                        &self.schedule.shapes()[self.schedule.plan().steps()[fused.steps[0]].result.index()];
                    let to = (&mut *call, &mut self.context.pool);
                    fused.run(self.schedule.plan(), values, shape, to, Around { isa, kernels, team })?;
                }
            }
            if let (Some(watch), Some(begun)) = (&mut *watch, begun) {
                watch.stages[stage].wholes[i] += begun.elapsed();
            }
        }
        Ok(())
    }
}

impl Tiled {
    fn watch(&self) -> Watch {
        let stages = self.wholes.iter().zip(&self.phases).map(|(w, p)| (w.len(), p.len()));
        Watch::new(stages, self.packed.len(), self.updates.len())
    }
}
