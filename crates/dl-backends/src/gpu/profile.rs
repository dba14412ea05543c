//! How long each kernel of a run took, by the device's clock where it has one.

use cubecl::profile::ProfileDuration;

use super::executable::Executable;
use super::launch::Launch;
use super::lower::Work;
use super::memory::{Home, SlotId};
use super::perform::Watch;
use crate::profile::Kernel;

impl Executable {
    /// The kernels of a run that was watched, in order; what a loop does in all of its turns is one.
    pub(super) fn kernels(&self, mut watch: Watch) -> Vec<Kernel> {
        let mut kernels = vec![];
        for work in self.works() {
            self.add(work, &mut watch, &mut kernels);
        }
        kernels
    }

    fn add(&self, work: &Work<Launch>, watch: &mut Watch, kernels: &mut Vec<Kernel>) {
        let (name, operations, slots) = match work {
            Work::Loop(turns) => return turns.works.iter().for_each(|work| self.add(work, watch, kernels)),
            Work::Launch(launch) => (launch.name.clone(), launch.operations, launch.bindings.clone()),
            Work::Steps(recipe) => (self.names(recipe), 0, recipe.slots().collect()),
        };
        let Some(took) = watch.remove(&std::ptr::from_ref(work)) else { return };
        let times = took.len();
        let (inputs, others): (Vec<SlotId>, Vec<SlotId>) =
            slots.into_iter().partition(|slot| matches!(self.slot(*slot).home, Home::Input(_)));
        let bytes =
            |slots: &[SlotId]| slots.iter().map(|slot| self.slot(*slot).bytes()).sum::<usize>() * times;
        kernels.push(Kernel {
            name,
            amounts: vec![],
            operations: operations * times,
            product: None,
            input_bytes: bytes(&inputs),
            bytes: bytes(&others),
            footprint: bytes(&others) / times,
            far: 0,
            code: 0,
            parts: times,
            distance: 0,
            threads: 1,
            seconds: took.into_iter().map(seconds).sum(),
        });
    }
}

/// Waits for the device; zero if it fails.
pub(super) fn seconds(took: ProfileDuration) -> f64 {
    cubecl::future::block_on(took.into_future()).map_or(0.0, |ticks| ticks.duration().as_secs_f64())
}
