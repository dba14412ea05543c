//! What this program can measure.

pub(crate) use dl_bench_row::subject::{Subject, Trained, Training};
use dl_core::spelling::suggestion;

use crate::fault::{Fault, Result};
use crate::protocol::RowSpec;
use crate::work::{self, Work};

/// The seed of first values and of the order of examples.
pub(crate) const SEED: u64 = 1;

/// The name of the matrix products alone.
pub(crate) const FLOOR: &str = "floor";

/// The `wgpu` executor with products cut as measurements say; a row only where somebody names it.
pub(crate) const TUNED: &str = "wgpu-tuned";

/// Whether a row is burn itself.
pub(crate) fn is_burn(name: &str) -> bool {
    name.starts_with("burn-")
}

/// The `wgpu` executor with values between kernels in 16 bits, or tuned.
const BESIDE: [&str; 3] = ["wgpu-f16", "wgpu-bf16", TUNED];

/// Every subject of this build but the floor, ours first; the last ones only where they are asked for.
pub(crate) fn known() -> Vec<&'static str> {
    let beside = if cfg!(feature = "wgpu") { &BESIDE[..] } else { &[] };
    names().into_iter().chain(beside.iter().copied()).collect()
}

/// The subjects that are measured where nobody says which.
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

/// Serves one row, of this program, to a parent.
///
/// # Errors
/// Only where the parent can no longer be told.
pub(crate) fn serve(spec: &str) -> Result<()> {
    dl_bench_row::serve::serve(spec, |spec, mut answers| {
        let data = work::load(&spec.data, &spec.network)?;
        let work = Work::new(data, &spec.network, spec.batch)?;
        answers.data_is_read();
        let mut subject = open(spec, &work)?;
        answers.of(&mut *subject)
    })
}

/// Makes the subject of a row, ready for its first step.
///
/// # Errors
/// No such subject in this build, or it cannot start here.
#[cfg_attr(feature = "ndarray", allow(deprecated, reason = "burn deprecates ndarray, and users have it"))]
fn open<'w>(spec: &RowSpec, work: &'w Work) -> Result<Box<dyn Subject + 'w>> {
    let (network, threads) = (&spec.network, spec.threads);
    Ok(match &*spec.backend {
        FLOOR => Box::new(crate::floor::Floor::new(network, work, threads)?),
        ours if dl_backends::compiled_in().contains(&ours)
            || cfg!(feature = "wgpu") && BESIDE.contains(&ours) =>
        {
            Box::new(crate::ours::Ours::new(ours, network, work, threads)?)
        }
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
    let (known, hint) = (known().join(", "), suggestion(name, known()));
    Fault::new(format!("no backend {name:?} in this build; expected one of {known}{hint}"))
}
