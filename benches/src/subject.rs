//! What can be measured, behind one interface.

use dl_core::spelling::suggestion;

use crate::fault::{Fault, Result};
use crate::network::Network;
use crate::protocol::RowSpec;
use crate::work::Work;

/// The seed of first values and of the order of examples.
pub(crate) const SEED: u64 = 1;

/// A training step that can be run again and again.
///
/// A step takes the next batch of the ring, which lies in memory in the form that the
/// subject likes best, and ends when the parameters are updated; the loss is not read.
pub(crate) trait Subject {
    /// How long it took to compile the step, in milliseconds; `None` where nothing is compiled.
    fn compile_ms(&self) -> Option<f64> {
        None
    }

    /// How it runs, for a footnote.
    fn note(&self) -> Option<String> {
        None
    }

    /// One training step; where [`overlaps`](Subject::overlaps), it is at least under way.
    fn step(&mut self) -> Result<()>;

    /// One training step without dropout; the loss before it, where there is one.
    fn loss(&mut self) -> Result<Option<f64>> {
        Ok(None)
    }

    /// Whether a step may return before the device has done it.
    fn overlaps(&self) -> bool {
        false
    }

    /// Waits until the device has done every step.
    fn settle(&mut self) -> Result<()> {
        Ok(())
    }

    /// Trains from the first values on; what is then found on the test split: the share of images
    /// classified right, or the mean squared error. `progress` hears which share of the training is done.
    fn train(&mut self, _: Training, _progress: &mut dyn FnMut(f64)) -> Result<Option<f64>> {
        Ok(None)
    }
}

/// What to train before the test split is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Training {
    /// The tutorial's loop: ten full-batch steps.
    FullBatch,
    /// The recipe on shuffled mini-batches.
    Recipe { epochs: usize },
}

impl Training {
    pub(crate) fn epochs(self) -> usize {
        match self {
            Training::FullBatch => 10,
            Training::Recipe { epochs } => epochs,
        }
    }

    /// The network with the optimizer that is then used, the same for every row.
    pub(crate) fn of(self, network: &Network, batch: usize) -> Network {
        match self {
            Training::FullBatch => network.clone(),
            Training::Recipe { .. } => network.by_recipe(batch),
        }
    }
}

/// The name of the matrix products alone.
pub(crate) const FLOOR: &str = "floor";

/// Whether a row is burn itself.
pub(crate) fn is_burn(name: &str) -> bool {
    name.starts_with("burn-")
}

/// Every subject of this build but the floor, ours first.
pub(crate) fn names() -> Vec<&'static str> {
    let all = [
        (cfg!(feature = "cpu"), "cpu"),
        (cfg!(feature = "ndarray"), "ndarray"),
        (cfg!(feature = "flex"), "flex"),
        (cfg!(feature = "wgpu"), "wgpu"),
        (cfg!(feature = "ndarray"), "burn-ndarray"),
        (cfg!(feature = "flex"), "burn-flex"),
        (cfg!(feature = "wgpu"), "burn-wgpu"),
    ];
    all.into_iter().filter_map(|(built, name)| built.then_some(name)).collect()
}

/// Makes the subject of a row, ready for its first step.
///
/// # Errors
/// No such subject in this build, or it cannot start here.
#[cfg_attr(feature = "ndarray", allow(deprecated, reason = "burn deprecates ndarray, and users have it"))]
pub(crate) fn open<'w>(spec: &RowSpec, work: &'w Work) -> Result<Box<dyn Subject + 'w>> {
    let (network, threads) = (&spec.network, spec.threads);
    Ok(match &*spec.backend {
        FLOOR => Box::new(crate::floor::Floor::new(network, work, threads)?),
        ours if dl_backends::compiled_in().contains(&ours) => {
            Box::new(crate::ours::Ours::new(ours, network, work, threads)?)
        }
        #[cfg(feature = "candle")]
        crate::peers::CANDLE => Box::new(crate::candle::Candle::new(network, work)?),
        #[cfg(feature = "ndarray")]
        "burn-ndarray" => {
            Box::new(crate::baseline::Baseline::<burn_ndarray::NdArray>::new(network, work, false)?)
        }
        #[cfg(feature = "flex")]
        "burn-flex" => Box::new(crate::baseline::Baseline::<burn_flex::Flex>::new(network, work, false)?),
        #[cfg(feature = "wgpu")]
        "burn-wgpu" => Box::new(crate::baseline::Baseline::<burn_wgpu::Wgpu>::new(network, work, true)?),
        other => return Err(unknown(other)),
    })
}

/// What the message about a name says that is no subject.
pub(crate) fn unknown(name: &str) -> Fault {
    let (known, hint) = (names().join(", "), suggestion(name, names()));
    Fault::new(format!("no backend {name:?} in this build; expected one of {known}{hint}"))
}
