//! The command `dl`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let done = dl_cli::command::run(std::env::args_os().skip(1), &mut std::io::stdout().lock());
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.code())
        }
    }
}
