//! Measures a network on each backend and prints one table.
//!
//! `cargo xtask bench` fetches the data, builds this program and runs it. It starts
//! itself again for every row ([`child`], [`subject`]), lets the rows take turns
//! ([`rounds`]), and keeps what it found as a table and as JSON.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

#[cfg(any(feature = "ndarray", feature = "flex", feature = "wgpu"))]
mod baseline;
mod child;
mod cli;
mod compare;
mod floor;
mod host;
mod network;
mod ours;
mod page;
mod peers;
mod profile;
mod progress;
mod reach;
mod record;
mod rounds;
mod stats;
mod subject;
mod summary;
mod table;
mod work;

use cli::{Command, Compared, Options};
use compare::Comparison;
use dl_bench_row::{fault, protocol};
use dl_report::Page;
use fault::Result;
use peers::Peers;
use progress::Progress;
use protocol::DataAt;
use protocol::RowSpec;
use record::Record;
use rounds::{Budget, Role};

fn main() -> ExitCode {
    let result = match cli::parse(std::env::args_os().skip(1)) {
        Ok(Command::Help) => print(cli::HELP).map(|()| true),
        Ok(Command::Serve(spec)) => subject::serve(&spec).map(|()| true),
        Ok(Command::TrainOnce(task)) => reach::train_once(&task).map(|()| true),
        Ok(Command::Compare(compared)) => compare(&compared).map(|()| true),
        Ok(Command::Run(options)) if options.profile => {
            profile::text(&options).and_then(|text| print(&text)).map(|()| true)
        }
        Ok(Command::Run(options)) if options.reach.is_some() => {
            let accuracy = options.reach.unwrap_or_default();
            reach::text(&options, accuracy).and_then(|text| print(&text)).map(|()| true)
        }
        Ok(Command::Run(options)) => run(&options),
        Err(fault) => {
            eprintln!("bench: {fault}\n\n{}", cli::HELP);
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            eprintln!("bench: {fault}");
            ExitCode::FAILURE
        }
    }
}

/// Measures everything; whether no row failed.
fn run(options: &Options) -> Result<bool> {
    let began = Instant::now();
    let data = work::find(&options.network, options.data.as_deref())?;
    let mut record = summary::begin(options, &data);
    let examples = data.train.len();
    let at = DataAt { name: data.name, folder: options.data.clone() };
    drop((data.train, data.test));

    let peers = if options.peers { peers::find() } else { Peers::default() };
    record.skipped = peers.skipped;

    let budget = match (&options.first, options.quick) {
        (Some(_), _) => Budget::FIRST,
        (None, true) => Budget::QUICK,
        (None, false) => Budget::FULL,
    };
    let budget = if options.steps { budget.of_steps() } else { budget };
    let profiled = options.first.is_none() && options.backends.iter().any(|name| name == "cpu");
    let profiles = if profiled { options.batches().len() * options.threads.len() } else { 0 };
    let batches = batches(options, examples);
    let mut progress = Progress::new(batches.len() + profiles);
    for &batch in &batches {
        progress.part(&format!("batches of {batch}"));
        let batch = batch.min(examples);
        let given = match peers.present.is_empty() {
            true => None,
            false => Some(peers::give(&options.network, &at, batch)?),
        };
        let mut rows = rows(options, batch, &at);
        rows.extend(peer_rows(options, &peers.present, batch, &at, given.as_ref().map(|dir| dir.path())));
        let (runners, failed) = rounds::measure(rows, examples, budget, &mut progress);
        summary::add(&mut record, runners, failed);
    }
    if profiled {
        // The table is not lost for want of the kernels.
        match profile::short(options, &at, &mut progress) {
            Ok(profiles) => record.profiles = profiles,
            Err(fault) => eprintln!("bench: the report has no kernels: {fault}"),
        }
    }
    progress.finish();
    record.seconds = began.elapsed().as_secs_f64();
    if options.first.is_some() {
        // The part that compiles steps is not optimized in that build.
        record.rows.iter_mut().for_each(|row| row.compile_ms = None);
    }
    finish(&record, options)
}

/// Batch sizes to measure; steps over all examples at once take longer than a first look may.
fn batches(options: &Options, examples: usize) -> Vec<usize> {
    let all = options.batches();
    let small: Vec<usize> = all.iter().copied().filter(|batch| *batch < examples).collect();
    if options.first.is_some() && !small.is_empty() { small } else { all.to_vec() }
}

/// The floor, every backend, and the first of them once more, for each thread count.
fn rows(options: &Options, batch: usize, data: &DataAt) -> Vec<(Role, RowSpec)> {
    let mut rows = vec![];
    for &threads in &options.threads {
        let row = |role: Role, name: &str| (role, spec(options, name, batch, threads, data));
        rows.push(row(Role::Floor, subject::FLOOR));
        rows.extend(options.backends.iter().map(|name| row(Role::Row, name)));
        rows.extend(options.backends.first().map(|name| row(Role::Control, name)));
    }
    rows
}

/// Every peer, for each thread count.
fn peer_rows(
    options: &Options,
    peers: &[&str],
    batch: usize,
    data: &DataAt,
    given: Option<&Path>,
) -> Vec<(Role, RowSpec)> {
    let row = |threads: usize, name: &str| {
        let peer = given.map(Path::to_owned);
        (Role::Peer, RowSpec { peer, ..spec(options, name, batch, threads, data) })
    };
    let rows = options.threads.iter().flat_map(|&threads| peers.iter().map(move |&name| (threads, name)));
    rows.map(|(threads, name)| row(threads, name)).collect()
}

fn spec(options: &Options, name: &str, batch: usize, threads: usize, data: &DataAt) -> RowSpec {
    let (backend, network, data) = (name.into(), options.network.clone(), data.clone());
    RowSpec { backend, network, batch, threads, data, peer: None }
}

fn finish(record: &Record, options: &Options) -> Result<bool> {
    if let Some(others) = &options.first {
        let head = format!(
            "\nfirst figures: cpu alone, measured shortly by a program that was compiled in haste (how long \
             its compiler takes is not told). {others} are being built, and all follows."
        );
        print(&format!("{head}\n{}\n", table::text(record)))?;
        return Ok(record.failed.is_empty());
    }
    let report = options.out.with_extension("html");
    record.write(&options.out)?;
    write_page(&page::page(record), &report)?;
    print(&table::text(record))?;
    print(&format!("\nwritten to {}\nreport in  {}\n", options.out.display(), report.display()))?;
    Ok(record.failed.is_empty())
}

/// Two records, read before anything is written.
fn compare(Compared { records: [a, b], out }: &Compared) -> Result<()> {
    let comparison = Comparison::read(a, b)?;
    write_page(&compare::page(&comparison), out)?;
    print(&compare::text(&comparison))?;
    print(&format!("\nreport in  {}\n", out.display()))
}

fn write_page(page: &Page, path: &Path) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let made = folder.map_or(Ok(()), std::fs::create_dir_all).and_then(|()| page.write(path));
    made.map_err(|error| fault::Fault::from(error).during(format!("cannot write {}", path.display())))
}

fn print(text: &str) -> Result<()> {
    Ok(io::stdout().lock().write_all(text.as_bytes())?)
}
