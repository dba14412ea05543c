//! A model over HTTP: `POST /predict`, `GET /health`, `GET /metrics`; Ctrl-C answers what has begun, and ends.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use dl_backends::Model;
use dl_examples::serve::Limits;
use dl_examples::serve::http::{Service, serve};
use lexopt::{Arg, Parser, ValueExt};
use tokio::net::TcpListener;

const USAGE: &str = "usage: serve [OPTIONS] MODEL.dlm
  --address A:P     where it listens (default 127.0.0.1:8080; port 0 takes a free one)
  --batch N         most examples of a batch (default 64)
  --wait MICROS     how long an example waits for others (default 0)
  --queue N         examples that wait at most (default 1024)
  --workers N       threads that run batches (default 1)
  --body BYTES      longest body of a request (default 1048576)
  --timeout MILLIS  longest time for a request to come, and for its answer (default 5000)
  --connections N   connections at once (default 1024)
  --threads N       threads that talk HTTP (default 1)";

struct Options {
    model: String,
    address: String,
    threads: usize,
    limits: Limits,
}

fn parse() -> Result<Option<Options>, lexopt::Error> {
    let (mut model, mut address, mut threads) = (None, "127.0.0.1:8080".to_owned(), 1);
    let mut limits = Limits::default();
    let mut parser = Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            Arg::Long("address") => address = parser.value()?.string()?,
            Arg::Long("batch") => limits.batch = parser.value()?.parse::<usize>()?.max(1),
            Arg::Long("wait") => limits.wait = Duration::from_micros(parser.value()?.parse()?),
            Arg::Long("queue") => limits.queue = parser.value()?.parse()?,
            Arg::Long("workers") => limits.workers = parser.value()?.parse::<usize>()?.max(1),
            Arg::Long("body") => limits.body = parser.value()?.parse()?,
            Arg::Long("timeout") => limits.timeout = Duration::from_millis(parser.value()?.parse()?),
            Arg::Long("connections") => limits.connections = parser.value()?.parse::<usize>()?.max(1),
            Arg::Long("threads") => threads = parser.value()?.parse::<usize>()?.max(1),
            Arg::Value(path) if model.is_none() => model = Some(path.string()?),
            other => return Err(other.unexpected()),
        }
    }
    let model = model.ok_or("a model is missing")?;
    Ok(Some(Options { model, address, threads, limits }))
}

fn main() -> ExitCode {
    match parse() {
        Ok(Some(options)) => match example(&options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        },
        Ok(None) => {
            eprintln!("{USAGE}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn example(options: &Options) -> Result<(), Box<dyn Error>> {
    let service = Service::new(Model::load(&options.model)?, options.limits)?;
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(options.threads).enable_all().build()?.block_on(async {
        let listener = TcpListener::bind(&options.address).await?;
        println!("{} on http://{}", options.model, listener.local_addr()?);
        let end = async {
            if tokio::signal::ctrl_c().await.is_err() {
                // Without signals it runs until it is killed.
                std::future::pending::<()>().await;
            }
        };
        serve(listener, service, end).await;
        println!("everything that had begun is answered");
        Ok(())
    })
}
