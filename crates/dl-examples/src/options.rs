//! The examples' command line.

use std::error::Error;
use std::ffi::OsString;
use std::process::ExitCode;

use dl_backends::Executor;
use lexopt::{Arg, Parser, ValueExt};

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The executor's name: `--backend NAME`.
    pub backend: String,
    /// Whether to print LaTeX in place of plain text: `--latex`.
    pub latex: bool,
    /// The first seed: `--seed N`.
    pub seed: u64,
    /// How many seeds from there on, each a training of its own: `--seeds N`.
    pub seeds: u64,
    /// Another number of epochs than the recipe's: `--epochs N`.
    pub epochs: Option<usize>,
    /// Another batch size than the practical recipe's: `--batch-size N`.
    pub batch_size: Option<usize>,
}

const USAGE: &str = "\
options:
  --backend NAME  run on this backend (default cpu); others than cpu need --features NAME before --
  --latex         print formulas as LaTeX
  --seed N        the seed of weights and shuffling (default 1), where there are any
  --seeds N       train for N seeds, from --seed on (default 1)
  --epochs N      train for N epochs in place of the recipe's
  --batch-size N  train on batches of N in place of the practical recipe's
  --help          print this";

impl Default for Options {
    fn default() -> Self {
        Options { backend: "cpu".into(), latex: false, seed: 1, seeds: 1, epochs: None, batch_size: None }
    }
}

impl Options {
    /// Reads arguments, without the program's name; `None` if they ask for help.
    ///
    /// # Errors
    /// An option that there is not, or a value that does not fit; the message says which.
    pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Options>, lexopt::Error> {
        let mut options = Options::default();
        let mut parser = Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("backend") => options.backend = parser.value()?.string()?,
                Arg::Long("latex") => options.latex = true,
                Arg::Long("seed") => options.seed = parser.value()?.parse()?,
                Arg::Long("seeds") => options.seeds = parser.value()?.parse()?,
                Arg::Long("epochs") => options.epochs = Some(parser.value()?.parse()?),
                Arg::Long("batch-size") => options.batch_size = Some(parser.value()?.parse()?),
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                other => return Err(other.unexpected()),
            }
        }
        Ok(Some(options))
    }

    /// A new executor of the backend asked for.
    ///
    /// # Errors
    /// When there is no such backend, or it is not compiled in.
    pub fn executor(&self) -> dl_backends::Result<Box<dyn Executor>> {
        dl_backends::by_name(&self.backend)
    }

    /// A program's derivation, outputs and updates in the notation asked for.
    pub fn show(&self, program: &dl_core::Program) -> String {
        if self.latex { program.latex() } else { program.math() }
    }
}

/// Runs an example's `body` on the command line's options: exit code 0 if it ends well, 1 with a
/// message if not, 2 if the command line is wrong.
pub fn run(body: impl FnOnce(&Options) -> Result<(), Box<dyn Error>>) -> ExitCode {
    match Options::parse(std::env::args_os().skip(1)) {
        Ok(Some(options)) => match body(&options) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Options>, lexopt::Error> {
        Options::parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn options_have_defaults() {
        assert_eq!(parse("").unwrap(), Some(Options::default()));
        let all = parse("--backend flex --latex --seed 7 --seeds=5 --epochs 3 --batch-size 32").unwrap();
        let want = Options {
            backend: "flex".into(),
            latex: true,
            seed: 7,
            seeds: 5,
            epochs: Some(3),
            batch_size: Some(32),
        };
        assert_eq!(all, Some(want));
        assert_eq!(parse("--help").unwrap(), None);
    }

    #[test]
    fn mistakes_are_named() {
        let fails = |line: &str, want: &str| assert_eq!(parse(line).unwrap_err().to_string(), want);
        fails("--bakend cpu", "invalid option '--bakend'");
        fails("--seed x", "cannot parse argument \"x\": invalid digit found in string");
        fails("mnist", "unexpected argument \"mnist\"");
    }

    #[test]
    fn an_unknown_backend_is_an_error_with_the_known_ones() {
        let options = Options { backend: "cuda".into(), ..Options::default() };
        let error = options.executor().err().unwrap().to_string();
        assert!(error.starts_with("unknown backend cuda; compiled in: "), "{error}");
    }
}
