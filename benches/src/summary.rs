//! From what the rows' processes found to the record.

use std::env;

use crate::cli::Options;
use crate::host::{self, Host};
use crate::network::{Loss, Network, words};
use crate::record::{Control, DataUsed, FORMAT, Failed, FloorRow, PeerRatio, Record, Row};
use crate::rounds::{Role, Runner};
use crate::stats::{self, Spread};
use crate::subject;
use crate::work::Set;

/// What lies inside the timed region, of every row.
fn step(network: &Network) -> String {
    let Network { layers, loss, l2, optimizer, .. } = network;
    let (loss, taken) = match loss {
        Loss::CrossEntropy => ("cross entropy", "bytes and class indices"),
        Loss::SquaredError => ("mean squared error", "numbers"),
    };
    let part = |there: bool, text: String| if there { text } else { String::new() };
    let penalty = part(*l2 > 0.0, format!(" with {l2} of the squared weights"));
    format!(
        "from a batch in memory to updated parameters: bind or upload, forward ({}, \
         {loss}{penalty}), gradient, {optimizer}; the loss is not read. Our rows take {taken} as they lie \
         in memory, burn's and the peers' float tensors made beforehand. Mini-batches are 8, in turn.",
        words(layers)
    )
}

/// A record without rows.
pub(crate) fn begin(options: &Options, data: &Set) -> Record {
    let command: Vec<String> =
        env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    Record {
        format: FORMAT,
        host: Host::here(),
        revision: env::var("DL_REVISION").ok(),
        date: host::utc_now(),
        seconds: 0.0,
        command: format!("bench {}", command.join(" ")).trim_end().to_owned(),
        quick: options.quick,
        network: options.network.clone(),
        data: DataUsed::of(data),
        step: step(&options.network),
        flops_per_image: options.network.flops_per_example(),
        rows: vec![],
        floor: vec![],
        control: vec![],
        peers: vec![],
        skipped: vec![],
        profiles: vec![],
        failed: vec![],
    }
}

/// Adds the rows of one batch size.
pub(crate) fn add(record: &mut Record, runners: Vec<Runner>, failed: Vec<Failed>) {
    for runner in &runners {
        // A row that was started and never timed failed before its first round.
        let Some(step_ms) = Spread::of(&runner.found.steps) else { continue };
        match runner.role {
            Role::Floor => record.floor.push(floor(runner, step_ms)),
            Role::Row => record.rows.push(row(runner, step_ms, &runners)),
            Role::Peer => {
                record.rows.push(row(runner, step_ms, &runners));
                record.peers.extend(peer(runner, &runners));
            }
            Role::Control => record.control.extend(control(runner, &runners)),
        }
    }
    record.failed.extend(failed);
}

fn floor(runner: &Runner, step_ms: Spread) -> FloorRow {
    let (images_per_s, gflops) = rates(runner, step_ms);
    FloorRow {
        batch: runner.spec.batch,
        threads: runner.spec.threads,
        step_ms,
        images_per_s,
        gflops,
        scheme: runner.found.note.clone(),
    }
}

fn row(runner: &Runner, step_ms: Spread, all: &[Runner]) -> Row {
    let (images_per_s, gflops) = rates(runner, step_ms);
    let beside = || all.iter().filter(|other| other.spec.threads == runner.spec.threads);
    let rounds = &runner.found.rounds;
    let floor = beside().find(|other| other.role == Role::Floor);
    let floor_ratio_spread = floor.and_then(|floor| stats::ratio(rounds, &floor.found.rounds));
    let burn = beside().filter(|other| subject::is_burn(&other.spec.backend));
    let burn = burn.min_by(|a, b| typical(a).total_cmp(&typical(b)));
    let burn_ratio_spread = burn.and_then(|burn| stats::ratio(&burn.found.rounds, rounds));
    let classifies = runner.spec.network.loss == Loss::CrossEntropy;
    Row {
        backend: runner.spec.backend.clone(),
        batch: runner.spec.batch,
        threads: runner.spec.threads,
        step_ms,
        floor_ratio: floor_ratio_spread.map(|ratio| ratio.median),
        floor_ratio_spread,
        burn_ratio: burn_ratio_spread.map(|ratio| ratio.median),
        burn_ratio_spread,
        images_per_s,
        gflops,
        compile_ms: runner.found.compile_ms,
        peak_mib: runner.found.peak_mib,
        data_mib: runner.found.data_mib,
        test_accuracy: runner.found.test.filter(|_| classifies),
        test_error: runner.found.test.filter(|_| !classifies),
        trained: runner.found.trained.clone(),
        losses: runner.found.losses.clone(),
        curve: runner.found.curve.clone(),
        rounds: rounds.len(),
        steps: runner.found.steps.len(),
    }
}

fn control(runner: &Runner, all: &[Runner]) -> Option<Control> {
    let same = |other: &&Runner| {
        other.role == Role::Row
            && other.spec.backend == runner.spec.backend
            && other.spec.threads == runner.spec.threads
    };
    let first = all.iter().find(same)?;
    let ratio = |above: Option<f64>, below: Option<f64>| Some(above? / below?).filter(|r| r.is_finite());
    let (found, of) = (&runner.found, &first.found);
    Some(Control {
        backend: runner.spec.backend.clone(),
        batch: runner.spec.batch,
        threads: runner.spec.threads,
        ratio: stats::ratio(&found.rounds, &of.rounds)?,
        compile_ratio: ratio(found.compile_ms, of.compile_ms),
        peak_ratio: ratio(found.peak_mib, of.peak_mib),
    })
}

/// The first of our rows with as many threads against this peer.
fn peer(runner: &Runner, all: &[Runner]) -> Option<PeerRatio> {
    let beside = |other: &&Runner| other.role == Role::Row && other.spec.threads == runner.spec.threads;
    let first = all.iter().find(beside)?;
    Some(PeerRatio {
        backend: first.spec.backend.clone(),
        peer: runner.spec.backend.clone(),
        batch: runner.spec.batch,
        threads: runner.spec.threads,
        ratio: stats::ratio(&runner.found.rounds, &first.found.rounds)?,
        note: runner.found.note.clone(),
    })
}

/// Examples and billions of floating-point operations per second.
fn rates(runner: &Runner, step_ms: Spread) -> (f64, f64) {
    let images_per_s = runner.spec.batch as f64 / (step_ms.median / 1e3);
    (images_per_s, images_per_s * runner.spec.network.flops_per_example() as f64 / 1e9)
}

fn typical(runner: &Runner) -> f64 {
    stats::median(&runner.found.rounds).unwrap_or(f64::INFINITY)
}
