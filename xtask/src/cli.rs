//! What the command line asks for.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use lexopt::{Arg, Parser};

use crate::help::{
    ACCURACY_HELP, BENCH_HELP, DATA_HELP, DEVICES_HELP, EXPLAIN_HELP, FUZZ_HELP, HELP, LINT_HELP,
    MUTATE_HELP, NEW_HELP, PEERS_HELP, TEST_HELP, TIDY_HELP,
};
use crate::process::Failure;
use crate::spelling::did_you_mean;

/// One parsed command line.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Accuracy {
        quick: bool,
        /// Of a device, in place of the vector kernels.
        device: bool,
    },
    Help(&'static str),
    Data(Vec<String>),
    Devices,
    Bench(BenchOptions),
    Fuzz(FuzzOptions),
    Lint {
        all: bool,
    },
    Mutate(Option<CodeOptions>),
    New(NewOptions),
    Peers,
    /// What the program that writes pages is given.
    Explain(Vec<OsString>),
    Tidy,
    Test(TestOptions),
}

/// What `bench` keeps for itself; the rest, checked, goes to the benchmark program.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct BenchOptions {
    pub(crate) features: Option<String>,
    /// Where the data lies already; nothing is fetched then.
    pub(crate) data: Option<PathBuf>,
    pub(crate) rest: Vec<OsString>,
}

/// What `fuzz` is asked for.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct FuzzOptions {
    pub(crate) features: Option<String>,
    /// How many seeds.
    pub(crate) cases: Option<u64>,
    /// The first of them.
    pub(crate) seed: Option<u64>,
    /// Only the parsers of files.
    pub(crate) files: bool,
}

/// What `new` is asked for.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct NewOptions {
    pub(crate) name: String,
    /// Where its folder is made; beside this repository if none is given.
    pub(crate) folder: Option<PathBuf>,
    /// Of `dl-objective` in the registry; none takes this checkout's.
    pub(crate) version: Option<String>,
}

/// What `mutate --code` is asked for.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct CodeOptions {
    /// Files and folders to put mistakes into; those of [`crate::mutate::CODE`] if none are given.
    pub(crate) paths: Vec<String>,
    /// One part of the mutants, as `0/4`.
    pub(crate) shard: Option<String>,
    /// How many are tried at a time.
    pub(crate) jobs: Option<u64>,
    /// Only list them.
    pub(crate) list: bool,
}

/// What `test` keeps for itself; the rest goes to the test runner.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct TestOptions {
    pub(crate) features: Option<String>,
    pub(crate) gpu: bool,
    pub(crate) rest: Vec<OsString>,
}

/// What `dl-data` calls `fashion`.
const FASHION: &str = "fashion-mnist";

/// Reads one command line; what it cannot read is a usage error (exit code 2).
pub(crate) fn parse(mut args: Parser) -> Result<Command, Failure> {
    let name = match args.next()? {
        None => {
            return Err(Failure::usage(format!("expected a command, found none\n\n{HELP}")));
        }
        Some(Arg::Long("help") | Arg::Short('h')) => return Ok(Command::Help(HELP)),
        Some(Arg::Value(name)) => name.to_string_lossy().into_owned(),
        Some(other) => return Err(other.unexpected().into()),
    };
    match name.as_str() {
        "help" => help(args),
        "accuracy" => accuracy(args),
        "bench" => bench(args),
        "data" => data(args),
        "devices" => alone(args, Command::Devices, DEVICES_HELP),
        "explain" => explain(args),
        "fuzz" => fuzz(args),
        "lint" => lint(args),
        "mutate" => mutate(args),
        "new" => new(args),
        "peers" => alone(args, Command::Peers, PEERS_HELP),
        "test" => test(args),
        "tidy" => alone(args, Command::Tidy, TIDY_HELP),
        other => Err(unknown(other)),
    }
}

/// A command that takes nothing.
fn alone(mut args: Parser, command: Command, help: &'static str) -> Result<Command, Failure> {
    match args.next()? {
        None => Ok(command),
        Some(arg) => help_or_unexpected(&arg, help),
    }
}

/// Everything but a call for help goes to the program.
fn explain(mut args: Parser) -> Result<Command, Failure> {
    let rest: Vec<OsString> = args.raw_args()?.collect();
    match rest.iter().any(|arg| arg == "--help" || arg == "-h") {
        true => Ok(Command::Help(EXPLAIN_HELP)),
        false => Ok(Command::Explain(rest)),
    }
}

fn help(mut args: Parser) -> Result<Command, Failure> {
    let Some(arg) = args.next()? else {
        return Ok(Command::Help(HELP));
    };
    let Arg::Value(topic) = arg else {
        return help_or_unexpected(&arg, HELP);
    };
    let topic = topic.to_string_lossy();
    match &*topic {
        "accuracy" => Ok(Command::Help(ACCURACY_HELP)),
        "bench" => Ok(Command::Help(BENCH_HELP)),
        "data" => Ok(Command::Help(DATA_HELP)),
        "devices" => Ok(Command::Help(DEVICES_HELP)),
        "fuzz" => Ok(Command::Help(FUZZ_HELP)),
        "lint" => Ok(Command::Help(LINT_HELP)),
        "mutate" => Ok(Command::Help(MUTATE_HELP)),
        "new" => Ok(Command::Help(NEW_HELP)),
        "peers" => Ok(Command::Help(PEERS_HELP)),
        "explain" => Ok(Command::Help(EXPLAIN_HELP)),
        "test" => Ok(Command::Help(TEST_HELP)),
        "tidy" => Ok(Command::Help(TIDY_HELP)),
        other => Err(unknown(other)),
    }
}

fn accuracy(mut args: Parser) -> Result<Command, Failure> {
    let (mut quick, mut device) = (false, false);
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("quick") => quick = true,
            Arg::Long("device") => device = true,
            other => return help_or_unexpected(&other, ACCURACY_HELP),
        }
    }
    Ok(Command::Accuracy { quick, device })
}

fn data(mut args: Parser) -> Result<Command, Failure> {
    let mut sets = Vec::new();
    while let Some(arg) = args.next()? {
        let Arg::Value(set) = &arg else {
            return help_or_unexpected(&arg, DATA_HELP);
        };
        match &*set.to_string_lossy() {
            "all" => sets.extend(["mnist".to_owned(), FASHION.to_owned()]),
            "mnist" => sets.push("mnist".to_owned()),
            "fashion" | FASHION => sets.push(FASHION.to_owned()),
            other => {
                let hint = did_you_mean(other, ["mnist", "fashion", FASHION, "all"]);
                let expected = "expected mnist, fashion or all";
                return Err(Failure::usage(format!("no dataset {other:?}: {expected}{hint}")));
            }
        }
    }
    if sets.is_empty() {
        sets.push("mnist".to_owned());
    }
    Ok(Command::Data(sets))
}

/// An option of the benchmark program: read here as well, so that a mistake is found before
/// anything is fetched and built. A test holds them to that program's own.
const OF_BENCH: [(&str, Takes); 12] = [
    ("quick", Takes::Nothing),
    ("steps", Takes::Nothing),
    ("peers", Takes::Nothing),
    ("network", Takes::Network),
    ("profile", Takes::Nothing),
    ("reach", Takes::Percent),
    ("seeds", Takes::Number),
    ("threads", Takes::Sizes),
    ("backends", Takes::Any),
    ("batches", Takes::Sizes),
    ("compare", Takes::Files),
    ("out", Takes::Any),
];

#[derive(Clone, Copy)]
enum Takes {
    Nothing,
    /// Numbers from 1 on, separated by commas.
    Sizes,
    /// One of [`NETWORKS`].
    Network,
    /// Above 0 and at most 100.
    Percent,
    /// From 1 on.
    Number,
    Any,
    /// Two of them, which are there.
    Files,
}

/// Those that the benchmark program knows.
const NETWORKS: [&str; 7] = ["perceptron", "deep", "regression", "lenet", "resnet", "lstm", "transformer"];

/// The one that learns from numbers which the program makes.
const SYNTHETIC: &str = "regression";

fn bench(mut args: Parser) -> Result<Command, Failure> {
    let mut options = BenchOptions::default();
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("features") => options.features = Some(text(args.value()?)?),
            Arg::Long("data") => options.data = Some(args.value()?.into()),
            Arg::Long(name) if let Some(&(name, takes)) = OF_BENCH.iter().find(|(n, _)| *n == name) => {
                options.rest.push(format!("--{name}").into());
                match takes {
                    Takes::Nothing => {}
                    Takes::Sizes => options.rest.push(sizes(name, args.value()?)?),
                    Takes::Network => options.rest.push(network(args.value()?)?),
                    Takes::Percent => options.rest.push(percent(args.value()?)?),
                    Takes::Number => options.rest.push(from_1(name, args.value()?)?),
                    Takes::Any => options.rest.push(args.value()?),
                    Takes::Files => options.rest.extend([file(args.value()?)?, file(args.value()?)?]),
                }
            }
            arg => return help_or_unexpected(&arg, BENCH_HELP),
        }
    }
    let synthetic = options.rest.windows(2).any(|pair| pair[0] == "--network" && pair[1] == SYNTHETIC);
    if synthetic && options.data.is_some() {
        let message = format!("--data goes with a dataset; the network {SYNTHETIC} makes its examples");
        return Err(Failure::usage(message));
    }
    let given = |option: &str| options.rest.iter().any(|word| *word == *option);
    let wrong = |names: &[&'static str]| names.iter().copied().find(|option| given(option));
    if let (true, Some(option)) = (given("--profile"), wrong(&NOT_OF_PROFILES)) {
        return Err(Failure::usage(format!("{option} goes with a table of rows, not with --profile")));
    }
    if let (true, Some(option)) = (given("--reach"), wrong(&NOT_OF_REACHING)) {
        let takes = "--seeds, --threads, --data";
        return Err(Failure::usage(format!("{option} does not go with --reach, which takes {takes}")));
    }
    let others = OF_BENCH
        .iter()
        .map(|(name, _)| format!("--{name}"))
        .find(|option| given(option) && !["--compare", "--out"].contains(&&**option));
    let others = others.or_else(|| options.data.as_ref().map(|_| "--data".to_owned()));
    if let (true, Some(option)) = (given("--compare"), others) {
        return Err(Failure::usage(format!("{option} does not go with --compare, which takes --out")));
    }
    match given("--seeds") && !given("--reach") {
        true => Err(Failure::usage("--seeds goes with --reach".to_owned())),
        false => Ok(Command::Bench(options)),
    }
}

/// Options of the benchmark program that a profile has no use for.
const NOT_OF_PROFILES: [&str; 3] = ["--steps", "--peers", "--out"];

/// Options that trainings to an accuracy have no use for.
const NOT_OF_REACHING: [&str; 8] =
    ["--quick", "--steps", "--peers", "--network", "--profile", "--backends", "--batches", "--out"];

fn percent(text: OsString) -> Result<OsString, Failure> {
    let number = text.to_str().and_then(|text| text.trim_end_matches('%').parse::<f64>().ok());
    match number.is_some_and(|percent| percent > 0.0 && percent <= 100.0) {
        true => Ok(text),
        false => {
            let text = text.to_string_lossy();
            Err(Failure::usage(format!("--reach {text}: expected percent, above 0 and at most 100")))
        }
    }
}

/// The program runs elsewhere, so the whole path.
fn file(path: OsString) -> Result<OsString, Failure> {
    let shown = path.to_string_lossy().into_owned();
    match std::path::absolute(&path) {
        Ok(path) if path.is_file() => Ok(path.into_os_string()),
        _ => {
            Err(Failure::usage(format!("--compare {shown}: expected a file, as target/bench/latest.json is")))
        }
    }
}

fn from_1(option: &str, text: OsString) -> Result<OsString, Failure> {
    match text.to_str().and_then(|text| text.parse::<u64>().ok()) {
        Some(number) if number > 0 => Ok(text),
        _ => {
            let text = text.to_string_lossy();
            Err(Failure::usage(format!("--{option} {text}: expected a number from 1 on")))
        }
    }
}

fn network(name: OsString) -> Result<OsString, Failure> {
    if NETWORKS.iter().any(|known| name == *known) {
        return Ok(name);
    }
    let (name, known) = (name.to_string_lossy(), NETWORKS.join(", "));
    let hint = did_you_mean(&name, NETWORKS);
    Err(Failure::usage(format!("no network {name:?}; expected one of {known}{hint}")))
}

fn sizes(option: &str, list: OsString) -> Result<OsString, Failure> {
    let is_size = |word: &str| word.trim().parse::<usize>().is_ok_and(|n| n > 0);
    match list.to_str() {
        Some(text) if text.split(',').all(is_size) => Ok(list),
        _ => {
            let list = list.to_string_lossy();
            let expected = "expected numbers from 1 on, separated by commas";
            Err(Failure::usage(format!("--{option} {list}: {expected}")))
        }
    }
}

fn fuzz(mut args: Parser) -> Result<Command, Failure> {
    let mut options = FuzzOptions::default();
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("cases") => options.cases = Some(whole("--cases", args.value()?)?),
            Arg::Long("files") => options.files = true,
            Arg::Long("seed") => options.seed = Some(whole("--seed", args.value()?)?),
            Arg::Long("features") => options.features = Some(text(args.value()?)?),
            arg => return help_or_unexpected(&arg, FUZZ_HELP),
        }
    }
    if options.cases == Some(0) {
        return Err(Failure::usage("--cases 0: expected at least one".to_owned()));
    }
    Ok(Command::Fuzz(options))
}

fn mutate(mut args: Parser) -> Result<Command, Failure> {
    let (mut code, mut options) = (false, CodeOptions::default());
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("code") => code = true,
            Arg::Long("list") => options.list = true,
            Arg::Long("shard") => options.shard = Some(text(args.value()?)?),
            Arg::Long("jobs") => options.jobs = Some(whole("--jobs", args.value()?)?),
            Arg::Value(path) if code => options.paths.push(text(path)?),
            arg => return help_or_unexpected(&arg, MUTATE_HELP),
        }
    }
    if let Some(shard) = &options.shard {
        let parts = shard.split_once('/').map(|(k, n)| (k.parse::<u32>(), n.parse::<u32>()));
        if !matches!(parts, Some((Ok(k), Ok(n))) if k < n) {
            return Err(Failure::usage(format!("--shard {shard}: expected one part of some, such as 0/4")));
        }
    }
    if options.jobs == Some(0) {
        return Err(Failure::usage("--jobs 0: expected at least one".to_owned()));
    }
    match code {
        true => Ok(Command::Mutate(Some(options))),
        false if options == CodeOptions::default() => Ok(Command::Mutate(None)),
        false => Err(Failure::usage("--list, --shard and --jobs go with --code".to_owned())),
    }
}

fn new(mut args: Parser) -> Result<Command, Failure> {
    let (mut options, mut name) = (NewOptions::default(), None);
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("in") => options.folder = Some(args.value()?.into()),
            Arg::Long("version") => options.version = Some(text(args.value()?)?),
            Arg::Value(value) if name.is_none() => name = Some(text(value)?),
            arg => return help_or_unexpected(&arg, NEW_HELP),
        }
    }
    let name =
        name.ok_or_else(|| Failure::usage(format!("expected a name for the project\n\n{NEW_HELP}")))?;
    Ok(Command::New(NewOptions { name, ..options }))
}

fn lint(mut args: Parser) -> Result<Command, Failure> {
    let mut all = false;
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("all") => all = true,
            arg => return help_or_unexpected(&arg, LINT_HELP),
        }
    }
    Ok(Command::Lint { all })
}

fn test(mut args: Parser) -> Result<Command, Failure> {
    let mut options = TestOptions::default();
    loop {
        if take_after_dashes(&mut args, &mut options.rest) {
            break;
        }
        match args.next()? {
            None => break,
            Some(Arg::Long("help") | Arg::Short('h')) => return Ok(Command::Help(TEST_HELP)),
            Some(Arg::Long("features")) => options.features = Some(text(args.value()?)?),
            Some(Arg::Long("gpu")) => options.gpu = true,
            Some(arg) => {
                let start = spell(&arg);
                pass_on(start, &mut args, &mut options.rest);
            }
        }
    }
    Ok(Command::Test(options))
}

/// Moves everything from a `--` on, the dashes included, to `rest`.
fn take_after_dashes(args: &mut Parser, rest: &mut Vec<OsString>) -> bool {
    let Some(raw) = args.try_raw_args() else {
        return false;
    };
    if raw.peek() != Some(OsStr::new("--")) {
        return false;
    }
    rest.extend(raw);
    true
}

/// The argument as it was written, without the value that may hang on it.
fn spell(arg: &Arg<'_>) -> OsString {
    match arg {
        Arg::Long(name) => format!("--{name}").into(),
        Arg::Short(letter) => format!("-{letter}").into(),
        Arg::Value(value) => value.clone(),
    }
}

/// Adds an argument that is somebody else's to `rest`, with its `=value`.
fn pass_on(mut arg: OsString, args: &mut Parser, rest: &mut Vec<OsString>) {
    if let Some(value) = args.optional_value() {
        if arg.to_string_lossy().starts_with("--") {
            arg.push("=");
        }
        arg.push(value);
    }
    rest.push(arg);
}

fn whole(flag: &str, value: OsString) -> Result<u64, Failure> {
    let value = text(value)?;
    let number = value.parse();
    number.map_err(|_| Failure::usage(format!("{flag} {value}: expected a whole number")))
}

fn text(value: OsString) -> Result<String, Failure> {
    value.into_string().map_err(|value| Failure::usage(format!("expected UTF-8, found {value:?}")))
}

fn help_or_unexpected(arg: &Arg<'_>, help: &'static str) -> Result<Command, Failure> {
    match arg {
        Arg::Long("help") | Arg::Short('h') => Ok(Command::Help(help)),
        _ => {
            let arg = spell(arg).to_string_lossy().into_owned();
            // A help names every option.
            let hint = did_you_mean(&arg, help.split_whitespace().filter(|word| word.starts_with("--")));
            Err(Failure::usage(format!("unexpected argument {arg:?}{hint}\n\n{help}")))
        }
    }
}

fn unknown(command: &str) -> Failure {
    let commands = HELP.lines().filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next());
    let hint = did_you_mean(command, commands);
    Failure::usage(format!("no command {command:?}{hint}\n\n{HELP}"))
}

#[cfg(test)]
mod tests;
