//! The examples' command line.

use std::error::Error;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use dl_backends::Executor;
use dl_core::derive::Derivation;
use dl_core::spelling::suggestion;
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
    /// How many of the training images are held out, to be judged by in place of the test images: `--held-out N`.
    pub held_out: Option<usize>,
    /// The dataset by its name: `--data NAME`.
    pub data: Option<String>,
    /// A text to learn from: `--text FILE`.
    pub text: Option<PathBuf>,
    /// One of several recipes, by its name: `--recipe NAME`.
    pub recipe: Option<String>,
    /// Where a result goes: `--out FILE`.
    pub out: Option<PathBuf>,
    /// Whether a page shows the training while it runs: `--page`.
    pub page: bool,
    /// Where pictures of the training go: `--pictures FOLDER`.
    pub pictures: Option<PathBuf>,
}

/// Every option, and what its line of the help says. An example takes some of them.
const OPTIONS: [(&str, &str); 13] = [
    ("--backend", "NAME  run on this backend (default cpu); others than cpu need --features NAME before --"),
    ("--latex", "print formulas as LaTeX"),
    ("--seed", "N  the seed of weights and shuffling (default 1)"),
    ("--seeds", "N  train for N seeds, from --seed on (default 1)"),
    ("--epochs", "N  train for N epochs in place of the recipe's"),
    ("--batch-size", "N  train on batches of N in place of the practical recipe's"),
    ("--held-out", "N  hold out the last N training images and judge by them: for choosing settings"),
    ("--data", "NAME  another dataset: mnist, fashion-mnist or digits, where the example has a use for it"),
    ("--text", "FILE  learn from this text"),
    ("--recipe", "NAME  the network and how it is trained (default small)"),
    ("--out", "FILE  write to this file"),
    ("--page", "show the training on a page of this machine while it runs; needs --features page before --"),
    ("--pictures", "FOLDER  write pictures of the training there; needs --features pictures before --"),
];

/// What examples take that train nothing at random.
pub const SHOWN: &[&str] = &["--backend", "--latex"];

/// What examples take that train a network.
pub const TRAINED: &[&str] = &["--backend", "--latex", "--seed", "--seeds", "--epochs", "--batch-size"];

/// What examples take that train a network to tell images apart.
pub const CLASSIFIERS: &[&str] = &[
    "--backend",
    "--latex",
    "--seed",
    "--seeds",
    "--epochs",
    "--batch-size",
    "--held-out",
    "--page",
    "--pictures",
];

fn usage(takes: &[&str]) -> String {
    let taken = OPTIONS.iter().filter(|(name, _)| takes.contains(name));
    let lines = taken.map(|(name, what)| format!("  {name} {what}\n"));
    format!("options:\n{}  --help print this", lines.collect::<String>())
}

impl Default for Options {
    fn default() -> Self {
        Options {
            backend: "cpu".into(),
            latex: false,
            seed: 1,
            seeds: 1,
            epochs: None,
            batch_size: None,
            held_out: None,
            data: None,
            text: None,
            recipe: None,
            out: None,
            page: false,
            pictures: None,
        }
    }
}

impl Options {
    /// Reads arguments, without the program's name, of an example that takes the options `takes`; `None`
    /// if they ask for help.
    ///
    /// # Errors
    /// An option that the example has no use for, or a value that does not fit; the message says which.
    pub fn parse(
        arguments: impl IntoIterator<Item = OsString>,
        takes: &[&str],
    ) -> Result<Option<Options>, lexopt::Error> {
        let mut options = Options::default();
        let mut parser = Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                Arg::Long(name) if !takes.iter().any(|taken| taken.strip_prefix("--") == Some(name)) => {
                    return Err(refused(&format!("--{name}"), takes).into());
                }
                Arg::Long("backend") => options.backend = parser.value()?.string()?,
                Arg::Long("latex") => options.latex = true,
                Arg::Long("seed") => options.seed = parser.value()?.parse()?,
                Arg::Long("seeds") => options.seeds = from_1(&mut parser, "--seeds")?,
                Arg::Long("epochs") => options.epochs = Some(parser.value()?.parse()?),
                Arg::Long("batch-size") => options.batch_size = Some(from_1(&mut parser, "--batch-size")?),
                Arg::Long("held-out") => options.held_out = Some(from_1(&mut parser, "--held-out")?),
                Arg::Long("data") => options.data = Some(parser.value()?.string()?),
                Arg::Long("text") => options.text = Some(parser.value()?.into()),
                Arg::Long("recipe") => options.recipe = Some(parser.value()?.string()?),
                Arg::Long("out") => options.out = Some(parser.value()?.into()),
                Arg::Long("page") => options.page = true,
                Arg::Long("pictures") => options.pictures = Some(parser.value()?.into()),
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

    /// A derivation in the notation asked for.
    pub fn show_derivation(&self, derivation: &Derivation) -> String {
        if self.latex { derivation.latex() } else { derivation.math() }
    }

    /// A program's derivation, outputs and updates in the notation asked for.
    pub fn show(&self, program: &dl_core::Program) -> String {
        if self.latex { program.latex() } else { program.math() }
    }
}

/// What the message about an option says that the example does not take.
fn refused(option: &str, takes: &[&str]) -> String {
    let taken = takes.join(", ");
    match OPTIONS.iter().any(|(name, _)| *name == option) {
        true => format!("this example has no use for {option}; it takes {taken}"),
        false => {
            format!("no option {option}; there are {taken}{}", suggestion(option, takes.iter().copied()))
        }
    }
}

/// A whole number that is not 0.
fn from_1<T: FromStr + PartialOrd + From<u8>>(parser: &mut Parser, option: &str) -> Result<T, lexopt::Error> {
    let text = parser.value()?.string()?;
    match text.parse() {
        Ok(number) if number >= T::from(1) => Ok(number),
        _ => Err(format!("{option} {text}: expected a number from 1 on").into()),
    }
}

/// Runs an example's `body`, which takes the options `takes`, on the command line's options: exit code 0 if it ends well, 1 with a
/// message if not, 2 if the command line is wrong.
pub fn run(takes: &[&str], body: impl FnOnce(&Options) -> Result<(), Box<dyn Error>>) -> ExitCode {
    match Options::parse(std::env::args_os().skip(1), takes) {
        Ok(Some(options)) => match body(&options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {error}");
                ExitCode::FAILURE
            }
        },
        Ok(None) => {
            eprintln!("{}", usage(takes));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}\n{}", usage(takes));
            ExitCode::from(2)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Options>, lexopt::Error> {
        Options::parse(line.split_whitespace().map(OsString::from), TRAINED)
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
            ..Options::default()
        };
        assert_eq!(all, Some(want));
        assert_eq!(parse("--help").unwrap(), None);
    }

    #[test]
    fn mistakes_are_named() {
        let fails = |line: &str, want: &str| assert_eq!(parse(line).unwrap_err().to_string(), want);
        let all = TRAINED.join(", ");
        fails("--bakend cpu", &format!("no option --bakend; there are {all}; did you mean --backend?"));
        fails("--quick", &format!("no option --quick; there are {all}"));
        fails("--seed x", "cannot parse argument \"x\": invalid digit found in string");
        fails("--seeds 0", "--seeds 0: expected a number from 1 on");
        fails("--batch-size 0", "--batch-size 0: expected a number from 1 on");
        fails("mnist", "unexpected argument \"mnist\"");
    }

    #[test]
    fn an_option_without_use_is_refused_with_what_the_example_takes() {
        for option in TRAINED.iter().filter(|option| !SHOWN.contains(option)) {
            let line = [OsString::from(option), "3".into()];
            let message = Options::parse(line, SHOWN).unwrap_err().to_string();
            let want = format!("this example has no use for {option}; it takes --backend, --latex");
            assert_eq!(message, want);
            assert!(!usage(SHOWN).contains(&format!("{option} ")));
        }
        let all = OPTIONS.map(|(name, _)| name);
        assert!(all.iter().all(|name| usage(&all).contains(&format!("  {name} "))));
    }

    #[test]
    fn an_unknown_backend_is_an_error_with_the_known_ones() {
        let options = Options { backend: "cuda".into(), ..Options::default() };
        let error = options.executor().err().unwrap().to_string();
        assert!(error.starts_with("unknown backend cuda; compiled in: "), "{error}");
    }
}
