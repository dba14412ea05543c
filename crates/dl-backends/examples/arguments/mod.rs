//! What the programs that measure accuracy are asked for, and how they end.

use std::error::Error;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// The command line.
pub(crate) struct Asked {
    /// A sample.
    pub(crate) quick: bool,
    /// The file that the report goes to as well.
    write: Option<String>,
}

impl Asked {
    /// Prints the report, and writes it where it was asked for.
    ///
    /// # Errors
    /// When that fails.
    pub(crate) fn tell(&self, report: &str) -> Result<(), Box<dyn Error>> {
        if let Some(path) = &self.write {
            std::fs::write(path, report).map_err(|error| format!("{path}: {error}"))?;
        }
        Ok(io::stdout().write_all(report.as_bytes())?)
    }
}

/// Runs what measures: it says whether all errors are within their bounds.
pub(crate) fn run(measure: fn(&Asked) -> Result<bool, Box<dyn Error>>) -> ExitCode {
    match asked().and_then(|asked| measure(&asked)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("accuracy: {error}");
            ExitCode::from(2)
        }
    }
}

fn asked() -> Result<Asked, Box<dyn Error>> {
    let mut asked = Asked { quick: false, write: None };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--quick" => asked.quick = true,
            "--write" => asked.write = Some(args.next().ok_or("expected a file behind --write")?),
            other => return Err(format!("unexpected argument {other:?}").into()),
        }
    }
    Ok(asked)
}
