//! Where a training step's time goes: for each kernel of the cpu executor, or of wgpu, the predicted and the
//! measured time, and what bounds it.
//!
//! The machine's ceilings ([`ceilings`]) are measured by this program, in turn with the steps
//! ([`measure`]); the prediction ([`model`]) knows these and what a kernel has to do, nothing else.

mod ceilings;
#[cfg(feature = "wgpu")]
mod device;
mod found;
mod measure;
mod memory;
mod model;
mod operations;
mod plans;
mod products;
mod table;

use dl_core::{Program, TensorRef};

use self::ceilings::{Ceilings, Machine};
pub(crate) use self::found::{Level, Line, Profile, Roof};
use self::measure::Steps;
use crate::cli::Options;
use crate::fault::{Fault, Result};
use crate::host;
use crate::network::Programs;
use crate::progress::Progress;
use crate::protocol::DataAt;
use crate::work::{self, Work};

/// How often ceilings and steps take turns, and seconds of steps in a turn.
const FULL: (usize, f64) = (12, 0.4);
const QUICK: (usize, f64) = (4, 0.1);

/// Profiles a network's training step at each batch size and number of threads; the text for people.
///
/// # Errors
/// No data, or what the executor refuses.
pub(crate) fn text(options: &Options) -> Result<String> {
    let network = &options.network;
    let data = work::find(network, options.data.as_deref())?;
    let at = DataAt { name: data.name, folder: options.data.clone() };
    let mut progress = Progress::new(options.batches().len() * options.threads.len());
    let turns = if options.quick { QUICK } else { FULL };
    let blocks = all(options, &at, turns, &mut progress)?;
    progress.finish();
    let (machine, executor) = (host::Host::here(), if on_device(options) { "wgpu" } else { "cpu" });
    let revision = std::env::var("DL_REVISION").unwrap_or_else(|_| "unknown".into());
    let head = format!(
        "Each kernel of a step on the {executor} executor. {} {network} on {}.\n\
         {}, {} cores, {}; revision {revision}; {}\n",
        network.title,
        at.name,
        machine.cpu,
        machine.cores,
        machine.features.join(" "),
        host::utc_now(),
    );
    Ok(table::text(&head, &blocks))
}

/// Whether kernels of the wgpu executor are wanted.
fn on_device(options: &Options) -> bool {
    options.profile && options.backends == ["wgpu"]
}

/// The same shortly, for the record of a run.
///
/// # Errors
/// As for [`text`].
pub(crate) fn short(options: &Options, at: &DataAt, progress: &mut Progress) -> Result<Vec<Profile>> {
    all(options, at, QUICK, progress)
}

fn all(options: &Options, at: &DataAt, turns: (usize, f64), progress: &mut Progress) -> Result<Vec<Profile>> {
    let network = &options.network;
    let program = network.train()?;
    let mut profiles = vec![];
    for &batch in options.batches() {
        let work = Work::new(work::load(at, network)?, network, batch)?;
        let batches: Vec<Vec<TensorRef<'_>>> = work.ring().iter().map(|b| b.inputs().to_vec()).collect();
        #[cfg(feature = "wgpu")]
        if on_device(options) {
            let title = table::title(work.batch(), 0);
            progress.part(&format!("kernels, {title}"));
            let at = |share| progress.at(share, &title);
            profiles.push(device::profile(&program, &batches, work.batch(), turns, at)?);
            continue;
        }
        for &threads in &options.threads {
            let title = table::title(work.batch(), threads);
            progress.part(&format!("kernels, {title}"));
            let at = |share| progress.at(share, &title);
            profiles.push(profile((&program, &batches), (work.batch(), threads), turns, at)?);
        }
    }
    Ok(profiles)
}

/// Profiles any program on batches of its inputs.
fn profile(
    (program, batches): (&Program, &[Vec<TensorRef<'_>>]),
    (batch, threads): (usize, usize),
    (turns, seconds): (usize, f64),
    progress: impl Fn(f64),
) -> Result<Profile> {
    let mut steps = Steps::new(program, batches, threads)?;
    let operations = steps.operations();
    let (mut machine, mut ceilings) = (Machine::new(threads)?, Ceilings::default());
    for turn in 0..turns {
        progress(turn as f64 / turns as f64);
        machine.measure(&mut steps, &mut ceilings)?;
        steps.burst(seconds)?;
    }
    let nothing = || Fault::new("no step was measured");
    let mut history = model::History::default();
    let line = |(kernel, seconds): (_, _)| {
        let prediction = model::predict(kernel, &history, steps.inputs(), &ceilings);
        history.add(kernel);
        Line::new(kernel, seconds, &prediction)
    };
    Ok(Profile {
        batch,
        threads,
        kernels: steps.kernels().map(line).collect(),
        sum: steps.sum().ok_or_else(nothing)?,
        step: steps.unwatched().ok_or_else(nothing)?,
        roof: Roof::of(&ceilings),
        ceilings: table::ceilings(&ceilings, &operations),
    })
}
