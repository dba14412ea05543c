//! The benchmark's row of candle, as a process that the benchmark starts and asks.
//!
//! `bench-candle serve-row SPEC` finds batches and first values in the folder that the specification names,
//! as the peers in Python do, and answers requests from standard input. `bench-candle` alone says its version.

use std::io::{self, Write};
use std::process::ExitCode;

use dl_bench_row::fault::Result;
use dl_bench_row::serve;

mod candle;
mod layers;
mod work;

use self::candle::Candle;
use self::work::Work;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => writeln!(io::stdout().lock(), "{}", candle::VERSION).map_err(Into::into),
        ["serve-row", spec] => row(spec),
        _ => {
            eprintln!(
                "bench-candle: expected `serve-row` and a row, as `cargo xtask bench --peers` gives them"
            );
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("bench-candle: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn row(spec: &str) -> Result<()> {
    serve::serve(spec, |spec, mut answers| {
        let work = Work::read(spec)?;
        answers.data_is_read();
        answers.of(&mut Candle::new(&spec.network, work)?)
    })
}
