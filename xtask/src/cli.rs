//! What the command line asks for.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use lexopt::{Arg, Parser};

use crate::help::{
    ACCURACY_HELP, BENCH_HELP, DATA_HELP, FUZZ_HELP, HELP, LINT_HELP, MUTATE_HELP, PEERS_HELP, TEST_HELP,
    TIDY_HELP,
};
use crate::process::Failure;

/// One parsed command line.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Accuracy { quick: bool },
    Help(&'static str),
    Data(Vec<String>),
    Bench(BenchOptions),
    Fuzz(FuzzOptions),
    Lint { all: bool },
    Mutate,
    Peers,
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
        "fuzz" => fuzz(args),
        "lint" => lint(args),
        "mutate" => alone(args, Command::Mutate, MUTATE_HELP),
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
        "fuzz" => Ok(Command::Help(FUZZ_HELP)),
        "lint" => Ok(Command::Help(LINT_HELP)),
        "mutate" => Ok(Command::Help(MUTATE_HELP)),
        "peers" => Ok(Command::Help(PEERS_HELP)),
        "test" => Ok(Command::Help(TEST_HELP)),
        "tidy" => Ok(Command::Help(TIDY_HELP)),
        other => Err(unknown(other)),
    }
}

fn accuracy(mut args: Parser) -> Result<Command, Failure> {
    let mut quick = false;
    while let Some(arg) = args.next()? {
        match arg {
            Arg::Long("quick") => quick = true,
            other => return help_or_unexpected(&other, ACCURACY_HELP),
        }
    }
    Ok(Command::Accuracy { quick })
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
                return Err(Failure::usage(format!("no dataset {other:?}: expected mnist, fashion or all")));
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
const OF_BENCH: [(&str, Takes); 8] = [
    ("quick", Takes::Nothing),
    ("peers", Takes::Nothing),
    ("network", Takes::Network),
    ("profile", Takes::Nothing),
    ("threads", Takes::Sizes),
    ("backends", Takes::Any),
    ("batches", Takes::Sizes),
    ("out", Takes::Any),
];

#[derive(Clone, Copy)]
enum Takes {
    Nothing,
    /// Numbers from 1 on, separated by commas.
    Sizes,
    /// One of [`NETWORKS`].
    Network,
    Any,
}

/// Those that the benchmark program knows.
const NETWORKS: [&str; 3] = ["perceptron", "deep", "regression"];

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
                    Takes::Any => options.rest.push(args.value()?),
                }
            }
            arg => return help_or_unexpected(&arg, BENCH_HELP),
        }
    }
    let given = |option: &str| options.rest.iter().any(|word| *word == *option);
    match NOT_OF_PROFILES.into_iter().find(|option| given(option)) {
        Some(option) if given("--profile") => {
            Err(Failure::usage(format!("{option} goes with a table of rows, not with --profile")))
        }
        _ => Ok(Command::Bench(options)),
    }
}

/// Options of the benchmark program that a profile has no use for.
const NOT_OF_PROFILES: [&str; 3] = ["--peers", "--backends", "--out"];

fn network(name: OsString) -> Result<OsString, Failure> {
    if NETWORKS.iter().any(|known| name == *known) {
        return Ok(name);
    }
    let (name, known) = (name.to_string_lossy(), NETWORKS.join(", "));
    Err(Failure::usage(format!("no network {name:?}; expected one of {known}")))
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
            let arg = spell(arg);
            Err(Failure::usage(format!("unexpected argument {arg:?}\n\n{help}")))
        }
    }
}

fn unknown(command: &str) -> Failure {
    Failure::usage(format!("no command {command:?}\n\n{HELP}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, Failure> {
        parse(Parser::from_args(line.split_whitespace()))
    }

    #[track_caller]
    fn check_usage_error(line: &str, part: &str) {
        let failure = parsed(line).expect_err("a usage error");
        assert_eq!(failure.exit_code(), 2);
        assert!(failure.to_string().contains(part), "{failure}");
    }

    #[test]
    fn wrong_commands_and_flags_are_usage_errors() {
        check_usage_error("", "expected a command");
        check_usage_error("bnech", "no command \"bnech\"");
        check_usage_error("help bnech", "no command \"bnech\"");
        check_usage_error("--quick", "--quick");
        check_usage_error("accuracy --fast", "unexpected argument");
        check_usage_error("lint --quick", "unexpected argument \"--quick\"");
        check_usage_error("mutate --quick", "unexpected argument \"--quick\"");
        check_usage_error("mutate rules", "unexpected argument \"rules\"");
        check_usage_error("peers --upgrade", "unexpected argument \"--upgrade\"");
        check_usage_error("peers torch", "unexpected argument \"torch\"");
        check_usage_error("tidy all", "unexpected argument \"all\"");
        check_usage_error("data cifar", "expected mnist, fashion or all");
        check_usage_error("test --features", "--features");
        check_usage_error("fuzz --quick", "unexpected argument \"--quick\"");
        check_usage_error("fuzz --cases many", "--cases many: expected a whole number");
        check_usage_error("fuzz --cases 0", "at least one");
        check_usage_error("fuzz --seed=-1", "--seed -1: expected a whole number");
        check_usage_error("fuzz 100", "unexpected argument \"100\"");
        check_usage_error("test --gpu=yes", "gpu");
    }

    #[test]
    fn help_is_found_everywhere() {
        for command in ["accuracy", "bench", "data", "fuzz", "lint", "mutate", "peers", "test", "tidy"] {
            let by_flag = parsed(&format!("{command} --help")).ok();
            assert!(matches!(by_flag, Some(Command::Help(_))), "{command}");
            assert_eq!(by_flag, parsed(&format!("help {command}")).ok());
        }
        assert_eq!(parsed("help").ok(), Some(Command::Help(HELP)));
    }

    #[test]
    fn some_commands_take_nothing() {
        assert_eq!(parsed("mutate").ok(), Some(Command::Mutate));
        assert_eq!(parsed("peers").ok(), Some(Command::Peers));
        assert_eq!(parsed("tidy").ok(), Some(Command::Tidy));
    }

    #[test]
    fn data_defaults_to_mnist_and_knows_all() {
        assert_eq!(parsed("data").ok(), Some(Command::Data(vec!["mnist".into()])));
        let all = vec!["mnist".into(), FASHION.into()];
        assert_eq!(parsed("data all").ok(), Some(Command::Data(all)));
    }

    #[test]
    fn bench_keeps_its_own_and_passes_the_rest() {
        let line = "bench --quick --peers --network deep --features ndarray --threads=1,2 --data d --out o";
        let rest = ["--quick", "--peers", "--network", "deep", "--threads", "1,2", "--out", "o"];
        let expected = BenchOptions {
            features: Some("ndarray".into()),
            data: Some("d".into()),
            rest: rest.map(OsString::from).into(),
        };
        assert_eq!(parsed(line).ok(), Some(Command::Bench(expected)));
    }

    #[test]
    fn bench_refuses_before_anything_is_built() {
        check_usage_error("bench --fast", "unexpected argument \"--fast\"");
        check_usage_error("bench cpu", "unexpected argument \"cpu\"");
        check_usage_error("bench --threads 1,0", "--threads 1,0: expected numbers from 1 on");
        check_usage_error("bench --batches", "--batches");
        check_usage_error("bench --network wide", "no network \"wide\"; expected one of perceptron, deep");
        check_usage_error("bench --quick=yes", "quick");
        check_usage_error("bench --peers=torch", "peers");
        check_usage_error("bench --profile=cpu", "profile");
        check_usage_error("bench --profile --peers", "--peers goes with a table of rows, not with --profile");
    }

    #[test]
    fn the_options_of_bench_are_those_of_its_program() {
        let source = include_str!("../../benches/src/cli.rs");
        let (code, _) = source.split_once("#[cfg(test)]").expect("it has tests");
        let mut theirs: Vec<&str> =
            code.split("Arg::Long(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        theirs.retain(|name| !["help", "data"].contains(name));
        assert_eq!(theirs.len(), OF_BENCH.len());
        for (name, takes) in OF_BENCH {
            assert!(theirs.contains(&name), "{name}");
            let arm =
                code.split(&format!("Arg::Long(\"{name}\") =>")).nth(1).and_then(|arm| arm.lines().next());
            let arm = arm.expect("each option has an arm");
            assert_eq!(matches!(takes, Takes::Nothing), !arm.contains("parser"), "{arm}");
            assert_eq!(matches!(takes, Takes::Sizes), arm.contains("sizes("), "{arm}");
            assert_eq!(matches!(takes, Takes::Network), arm.contains("Network::named("), "{arm}");
        }
        let networks = include_str!("../../benches/src/network.rs");
        assert!(networks.contains(&format!("const NAMES: [&str; {}] = {NETWORKS:?};", NETWORKS.len())));
    }

    #[test]
    fn fuzz_knows_how_many_and_which() {
        let expected = FuzzOptions { cases: Some(1), seed: Some(157), ..FuzzOptions::default() };
        assert_eq!(parsed("fuzz --seed 157 --cases 1").ok(), Some(Command::Fuzz(expected)));
        assert_eq!(parsed("fuzz").ok(), Some(Command::Fuzz(FuzzOptions::default())));
    }

    #[test]
    fn test_passes_a_name_to_the_runner() {
        let expected = TestOptions { features: None, gpu: true, rest: vec!["rewriting".into()] };
        assert_eq!(parsed("test rewriting --gpu").ok(), Some(Command::Test(expected)));
    }
}
