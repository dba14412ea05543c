//! The benchmark program's command line.

use std::ffi::OsString;
use std::path::PathBuf;

use dl_core::spelling::suggestion;
use lexopt::{Arg, Parser, ValueExt};

use crate::child::SERVE;
use crate::fault::{Fault, Result};
use crate::network::{Examples, Known, Network};
use crate::reach::TRAIN;
use crate::{host, subject};

pub(crate) const HELP: &str = "\
usage: cargo xtask bench [--features LIST] [OPTIONS]

Trains a network on each backend of this build and prints one table.

  --quick           fewer rounds and epochs: within two minutes
  --steps           only how long steps take: no row is trained and tested
  --peers           also PyTorch, torch.compile, JAX and candle, if they are installed
  --network NAME    perceptron (the tutorial's, on MNIST; the default), deep (784-300-100-10 with
                    dropout and Adam), regression (13-64-64-1 with momentum, on made-up numbers),
                    lenet (LeNet-5), resnet (ResNet-8 of 16, 32, 64 channels), lstm (128 units, row by
                    row) or transformer (2 layers, width 128, 4 heads, 64 tokens of 4×4 pixels)
  --profile         instead, each kernel of the cpu executor, or with --backends wgpu of that one:
                    predicted and measured time
  --reach PERCENT   instead, the time until the perceptron has this accuracy on the test images, loading
                    included, beside PyTorch's if it is installed
  --seeds N         trainings of each row for --reach; default: 5
  --threads LIST    thread counts to measure, such as 1,2; default: all cores
  --backends LIST   only these rows, such as cpu,burn-flex; there only so: wgpu-f16, wgpu-bf16, and wgpu-tuned,
                    wgpu with products cut as measurements say, which it makes before the first step
  --batches LIST    only these batch sizes; default: 64,512,60000, of the last four 64,256
  --compare A B     instead, two records side by side and what changed beyond noise; writes a page, by
                    default target/bench/compare.html
  --first LIST      a short look at cpu before LIST are built, which `cargo xtask bench` asks for itself;
                    nothing is written
  --data DIR        a folder with the dataset's files
  --out FILE        where to write what was found, and beside it the report as .html; default:
                    target/bench/latest.json
";

/// One parsed command line.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Help,
    /// Measure one row for a parent.
    Serve(String),
    /// Train once for a parent.
    TrainOnce(String),
    Compare(Compared),
    Run(Box<Options>),
}

/// Two records, and where the page goes.
#[derive(Debug, PartialEq)]
pub(crate) struct Compared {
    pub(crate) records: [PathBuf; 2],
    pub(crate) out: PathBuf,
}

/// What to measure.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Options {
    pub(crate) quick: bool,
    /// Nothing is trained.
    pub(crate) steps: bool,
    pub(crate) peers: bool,
    /// A short look, while these are not built.
    pub(crate) first: Option<String>,
    pub(crate) network: Network,
    pub(crate) profile: bool,
    /// The accuracy, from 0 to 1, that trainings are timed to.
    pub(crate) reach: Option<f64>,
    pub(crate) seeds: u64,
    pub(crate) threads: Vec<usize>,
    pub(crate) backends: Vec<String>,
    /// Batch sizes; empty for the network's own.
    batches: Vec<usize>,
    pub(crate) data: Option<PathBuf>,
    pub(crate) out: PathBuf,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            quick: false,
            steps: false,
            peers: false,
            first: None,
            network: Network::perceptron(),
            profile: false,
            reach: None,
            seeds: 5,
            threads: vec![host::cores()],
            backends: subject::names().into_iter().map(str::to_owned).collect(),
            batches: vec![],
            data: None,
            out: "target/bench/latest.json".into(),
        }
    }
}

impl Options {
    /// Batch sizes to measure.
    pub(crate) fn batches(&self) -> &[usize] {
        if self.batches.is_empty() { &self.network.batches } else { &self.batches }
    }
}

/// Reads arguments, without the program's name.
///
/// # Errors
/// An option that there is not, or a value that does not fit.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Command> {
    let mut options = Options::default();
    let (mut given, mut compare): (Vec<String>, Option<[PathBuf; 2]>) = (vec![], None);
    let mut parser = Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        if let Arg::Long(name) = argument {
            given.push(name.to_owned());
        }
        match argument {
            Arg::Long("help") | Arg::Short('h') => return Ok(Command::Help),
            Arg::Value(word) if word == SERVE => {
                return Ok(Command::Serve(parser.value()?.string()?));
            }
            Arg::Value(word) if word == TRAIN => {
                return Ok(Command::TrainOnce(parser.value()?.string()?));
            }
            Arg::Long("quick") => options.quick = true,
            Arg::Long("steps") => options.steps = true,
            Arg::Long("peers") => options.peers = true,
            Arg::Long("network") => options.network = Network::named(&parser.value()?.string()?)?,
            Arg::Long("profile") => options.profile = true,
            Arg::Long("reach") => options.reach = Some(percent(&mut parser)?),
            Arg::Long("seeds") => options.seeds = seeds(&mut parser)?,
            Arg::Long("compare") => compare = Some([parser.value()?.into(), parser.value()?.into()]),
            Arg::Long("first") => options.first = Some(parser.value()?.string()?),
            Arg::Long("threads") => options.threads = sizes(&mut parser, "--threads")?,
            Arg::Long("batches") => options.batches = sizes(&mut parser, "--batches")?,
            Arg::Long("backends") => options.backends = backends(&mut parser)?,
            Arg::Long("data") => options.data = Some(parser.value()?.into()),
            Arg::Long("out") => options.out = parser.value()?.into(),
            Arg::Long(name) => {
                let option = format!("--{name}");
                let hint = suggestion(&option, HELP.split_whitespace().filter(|w| w.starts_with("--")));
                return Err(Fault::new(format!("invalid option '{option}'{hint}")));
            }
            other => return Err(other.unexpected().into()),
        }
    }
    if let Some(records) = compare {
        if let Some(name) = given.iter().find(|name| !["compare", "out"].contains(&name.as_str())) {
            return Err(Fault::new(format!("--{name} does not go with --compare, which takes --out")));
        }
        let out = match given.iter().any(|name| name == "out") {
            true => options.out,
            false => "target/bench/compare.html".into(),
        };
        return Ok(Command::Compare(Compared { records, out }));
    }
    if options.data.is_some() && options.network.examples == Examples::Synthetic {
        let network = &options.network.name;
        return Err(Fault::new(format!(
            "--data goes with a dataset; the network {network} makes its examples"
        )));
    }
    let given = |names: &[&str]| given.iter().find(|name| names.contains(&name.as_str()));
    if let (true, Some(name)) = (options.profile, given(&NOT_OF_PROFILES)) {
        return Err(Fault::new(format!("--{name} goes with a table of rows, not with --profile")));
    }
    let one = options.backends == ["cpu"] || options.backends == ["wgpu"];
    if options.profile && given(&["backends"]).is_some() && !one {
        return Err(Fault::new("--profile takes one of the backends cpu and wgpu"));
    }
    if let (Some(_), Some(name)) = (options.reach, given(&NOT_OF_REACHING)) {
        return Err(Fault::new(format!(
            "--{name} does not go with --reach, which takes --seeds, --threads, --data"
        )));
    }
    if options.reach.is_none() && given(&["seeds"]).is_some() {
        return Err(Fault::new("--seeds goes with --reach"));
    }
    Ok(Command::Run(Box::new(options)))
}

/// Options that a profile, which goes to the terminal, has no use for.
const NOT_OF_PROFILES: [&str; 4] = ["steps", "peers", "first", "out"];

/// What trainings to an accuracy, of one network and recipe on the cpu executor, have no use for.
const NOT_OF_REACHING: [&str; 9] =
    ["quick", "steps", "peers", "first", "network", "profile", "backends", "batches", "out"];

/// A share, from 0 to 1.
fn percent(parser: &mut Parser) -> Result<f64> {
    let text = parser.value()?.string()?;
    match text.trim_end_matches('%').parse::<f64>() {
        Ok(percent) if percent > 0.0 && percent <= 100.0 => Ok(percent / 100.0),
        _ => Err(Fault::new(format!("--reach {text}: expected percent, above 0 and at most 100"))),
    }
}

fn seeds(parser: &mut Parser) -> Result<u64> {
    let text = parser.value()?.string()?;
    match text.parse() {
        Ok(seeds) if seeds > 0 => Ok(seeds),
        _ => Err(Fault::new(format!("--seeds {text}: expected a number from 1 on"))),
    }
}

/// Ascending numbers from 1 on, each once.
fn sizes(parser: &mut Parser, option: &str) -> Result<Vec<usize>> {
    let list = parser.value()?.string()?;
    let size = |word: &str| match word.trim().parse() {
        Ok(0) | Err(_) => {
            Err(Fault::new(format!("{option} {list}: expected numbers from 1 on, separated by commas")))
        }
        Ok(size) => Ok(size),
    };
    let mut sizes = list.split(',').map(size).collect::<Result<Vec<usize>>>()?;
    sizes.sort_unstable();
    sizes.dedup();
    Ok(sizes)
}

/// In the table's order, whatever the command line's.
fn backends(parser: &mut Parser) -> Result<Vec<String>> {
    let list = parser.value()?.string()?;
    let asked: Vec<&str> = list.split(',').map(str::trim).collect();
    let known = subject::known();
    if let Some(name) = asked.iter().find(|name| !known.contains(name)) {
        return Err(subject::unknown(name));
    }
    Ok(known.into_iter().filter(|name| asked.contains(name)).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::catalog::NAMES;

    fn parse_line(line: &str) -> Result<Command> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[track_caller]
    fn fails(line: &str, message: &str) {
        assert_eq!(parse_line(line).unwrap_err().to_string(), message);
    }

    #[test]
    fn options_are_read() {
        assert_eq!(parse_line("").unwrap(), Command::Run(Box::default()));
        let options = Options {
            quick: true,
            steps: true,
            peers: true,
            network: Network::named("deep").unwrap(),
            threads: vec![1, 2],
            batches: vec![64],
            data: Some("d".into()),
            out: "o".into(),
            ..Options::default()
        };
        let line = "--quick --steps --peers --network deep --threads 2,1,2 --batches 64 --data d --out o";
        assert_eq!(parse_line(line).unwrap(), Command::Run(Box::new(options)));
        let options = Options { profile: true, batches: vec![64], ..Options::default() };
        assert_eq!(parse_line("--batches 64 --profile").unwrap(), Command::Run(Box::new(options)));
        let options = Options { reach: Some(0.98), seeds: 3, ..Options::default() };
        assert_eq!(parse_line("--reach 98 --seeds 3").unwrap(), Command::Run(Box::new(options)));
        let compared = |out: &str| {
            Command::Compare(Compared { records: ["a.json".into(), "b.json".into()], out: out.into() })
        };
        assert_eq!(parse_line("--compare a.json b.json").unwrap(), compared("target/bench/compare.html"));
        assert_eq!(parse_line("--compare a.json b.json --out o.html").unwrap(), compared("o.html"));
        assert_eq!(parse_line("--help").unwrap(), Command::Help);
        assert_eq!(parse_line("serve-row {}").unwrap(), Command::Serve("{}".into()));
    }

    #[test]
    fn mistakes_are_named() {
        fails("--swift", "invalid option '--swift'");
        fails("--compare a.json", "missing argument for option '--compare'");
        fails("--quick --compare a b", "--quick does not go with --compare, which takes --out");
        fails("--quik", "invalid option '--quik'; did you mean --quick?");
        let known = NAMES.join(", ");
        fails(
            "--network rgression",
            &format!("no network \"rgression\"; expected one of {known}; did you mean regression?"),
        );
        fails(
            "--data d --network regression",
            "--data goes with a dataset; the network regression makes its examples",
        );
        fails("--reach much", "--reach much: expected percent, above 0 and at most 100");
        fails("--reach 98 --seeds 0", "--seeds 0: expected a number from 1 on");
        fails("--seeds 3", "--seeds goes with --reach");
        let why = "--peers does not go with --reach, which takes --seeds, --threads, --data";
        fails("--reach 98 --peers", why);
        fails("--threads 1,0", "--threads 1,0: expected numbers from 1 on, separated by commas");
        fails("--network wide", &format!("no network \"wide\"; expected one of {known}"));
        fails("--profile --quick --out o", "--out goes with a table of rows, not with --profile");
        fails("--steps --profile", "--steps goes with a table of rows, not with --profile");
        #[cfg(feature = "flex")]
        fails("--profile --backends cpu,flex", "--profile takes one of the backends cpu and wgpu");
        assert!(parse_line("--profile --backends cpu").is_ok());
        fails("--peers --profile", "--peers goes with a table of rows, not with --profile");
        let known = subject::known().join(", ");
        fails("--backends abacus", &format!("no backend \"abacus\" in this build; expected one of {known}"));
        let hint = "did you mean cpu?";
        fails(
            "--backends cqu",
            &format!("no backend \"cqu\" in this build; expected one of {known}; {hint}"),
        );
    }
}
