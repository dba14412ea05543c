//! Where a training step's time goes: for each kernel of the cpu executor the predicted and the measured
//! time, and what bounds it.
//!
//! The machine's ceilings ([`ceilings`]) are measured by this program, in turn with the steps
//! ([`measure`]); the prediction ([`model`]) knows these and what a kernel has to do, nothing else.

mod ceilings;
mod measure;
mod memory;
mod model;
mod operations;
mod plans;
mod products;
mod table;

use dl_core::{Program, TensorRef};

use self::ceilings::{Ceilings, Machine};
use self::measure::Steps;
use self::table::{Block, Line};
use crate::cli::Options;
use crate::fault::{Fault, Result};
use crate::host;
use crate::progress::Progress;
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
    let program = network.train()?;
    let mut progress = Progress::new(options.batches().len() * options.threads.len());
    let (mut blocks, mut data_name) = (vec![], String::new());
    for &batch in options.batches() {
        let data = work::find(network, options.data.as_deref())?;
        data_name.clone_from(&data.name);
        let work = Work::new(data, network, batch)?;
        let batches: Vec<Vec<TensorRef<'_>>> = work.ring().iter().map(|b| b.inputs().to_vec()).collect();
        for &threads in &options.threads {
            let title = table::title(work.batch(), threads);
            progress.part(&title);
            let turns = if options.quick { QUICK } else { FULL };
            blocks.push(block(title, (&program, &batches), threads, turns, &progress)?);
        }
    }
    progress.finish();
    let machine = host::Host::here();
    let revision = std::env::var("DL_REVISION").unwrap_or_else(|_| "unknown".into());
    let head = format!(
        "Each kernel of a step on the cpu executor. {} {network} on {data_name}.\n\
         {}, {} cores, {}; revision {revision}; {}\n",
        network.title,
        machine.cpu,
        machine.cores,
        machine.features.join(" "),
        host::utc_now(),
    );
    Ok(table::text(&head, &blocks))
}

/// Profiles any program on batches of its inputs.
fn block(
    title: String,
    (program, batches): (&Program, &[Vec<TensorRef<'_>>]),
    threads: usize,
    (turns, seconds): (usize, f64),
    progress: &Progress,
) -> Result<Block> {
    let mut steps = Steps::new(program, batches, threads)?;
    let operations = steps.operations();
    let (mut machine, mut ceilings) = (Machine::new(threads)?, Ceilings::default());
    for turn in 0..turns {
        progress.at(turn as f64 / turns as f64, &title);
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
    Ok(Block {
        title,
        lines: steps.kernels().map(line).collect(),
        sum: steps.sum().ok_or_else(nothing)?,
        step: steps.unwatched().ok_or_else(nothing)?,
        ceilings: table::ceilings(&ceilings, &operations),
    })
}
