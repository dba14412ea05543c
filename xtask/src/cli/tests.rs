//! Command lines, right and wrong.

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
    check_usage_error("bnech", "no command \"bnech\"; did you mean bench?\n");
    check_usage_error("help bnech", "no command \"bnech\"; did you mean bench?\n");
    check_usage_error("deploy", "no command \"deploy\"\n");
    check_usage_error("bench --quik", "unexpected argument \"--quik\"; did you mean --quick?\n");
    check_usage_error("data mnsit", "expected mnist, fashion or all; did you mean mnist?");
    check_usage_error("bench --network depe", "transformer; did you mean deep?");
    check_usage_error("--quick", "--quick");
    check_usage_error("accuracy --fast", "unexpected argument");
    check_usage_error("lint --quick", "unexpected argument \"--quick\"");
    check_usage_error("mutate --quick", "unexpected argument \"--quick\"");
    check_usage_error("mutate rules", "unexpected argument \"rules\"");
    check_usage_error("mutate --jobs 2", "go with --code");
    check_usage_error("mutate --code --jobs 0", "at least one");
    check_usage_error("mutate --code --shard 4/4", "--shard 4/4: expected one part of some, such as 0/4");
    check_usage_error("mutate --code --shard all", "--shard all: expected one part");
    check_usage_error("peers --upgrade", "unexpected argument \"--upgrade\"");
    check_usage_error("peers torch", "unexpected argument \"torch\"");
    check_usage_error("devices all", "unexpected argument \"all\"");
    check_usage_error("tidy all", "unexpected argument \"all\"");
    check_usage_error("data cifar", "expected mnist, fashion or all");
    check_usage_error("test --features", "--features");
    check_usage_error("fuzz --quick", "unexpected argument \"--quick\"");
    check_usage_error("fuzz --cases many", "--cases many: expected a whole number");
    check_usage_error("fuzz --cases 0", "at least one");
    check_usage_error("fuzz --seed=-1", "--seed -1: expected a whole number");
    check_usage_error("fuzz 100", "unexpected argument \"100\"");
    check_usage_error("new", "expected a name for the project");
    check_usage_error("new a b", "unexpected argument \"b\"");
    check_usage_error("new a --vresion 1", "did you mean --version?");
    check_usage_error("test --gpu=yes", "gpu");
}

#[test]
fn help_is_found_everywhere() {
    let before_fuzz = ["accuracy", "bench", "data", "devices", "explain"];
    for command in before_fuzz.into_iter().chain(["fuzz", "lint", "mutate", "new", "peers", "test", "tidy"]) {
        let by_flag = parsed(&format!("{command} --help")).ok();
        assert!(matches!(by_flag, Some(Command::Help(_))), "{command}");
        assert_eq!(by_flag, parsed(&format!("help {command}")).ok());
    }
    assert_eq!(parsed("help").ok(), Some(Command::Help(HELP)));
}

#[test]
fn some_commands_take_nothing() {
    assert_eq!(parsed("mutate").ok(), Some(Command::Mutate(None)));
    assert_eq!(parsed("devices").ok(), Some(Command::Devices));
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
    check_usage_error("bench --reach 980", "--reach 980: expected percent, above 0 and at most 100");
    check_usage_error("bench --reach 98 --seeds none", "--seeds none: expected a number from 1 on");
    check_usage_error("bench --seeds 3", "--seeds goes with --reach");
    check_usage_error("bench --reach 98 --quick", "--quick does not go with --reach");
    check_usage_error("bench --compare a.json", "a.json: expected a file, as target/bench/latest.json is");
    check_usage_error("bench --compare Cargo.toml", "missing argument");
    let two = "bench --compare Cargo.toml Cargo.toml";
    check_usage_error(&format!("{two} --quick"), "--quick does not go with --compare, which takes --out");
    check_usage_error(&format!("{two} --data d"), "--data does not go with --compare, which takes --out");
    let whole = std::path::absolute("Cargo.toml").expect("there is a folder").into_os_string();
    let Ok(Command::Bench(options)) = parsed(two) else { panic!("two files are there") };
    assert_eq!(options.rest, ["--compare".into(), whole.clone(), whole]);
    check_usage_error("bench --profile --peers", "--peers goes with a table of rows, not with --profile");
}

#[test]
fn the_options_of_bench_are_those_of_its_program() {
    let source = include_str!("../../../benches/src/cli.rs");
    let (code, _) = source.split_once("#[cfg(test)]").expect("it has tests");
    let mut theirs: Vec<&str> =
        code.split("Arg::Long(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    theirs.retain(|name| !["help", "data", "first"].contains(name));
    assert_eq!(theirs.len(), OF_BENCH.len());
    for (name, takes) in OF_BENCH {
        assert!(theirs.contains(&name), "{name}");
        let arm = code.split(&format!("Arg::Long(\"{name}\") =>")).nth(1).and_then(|arm| arm.lines().next());
        let arm = arm.expect("each option has an arm");
        assert_eq!(matches!(takes, Takes::Nothing), !arm.contains("parser"), "{arm}");
        assert_eq!(matches!(takes, Takes::Sizes), arm.contains("sizes("), "{arm}");
        assert_eq!(matches!(takes, Takes::Files), arm.matches("parser").count() == 2, "{arm}");
        assert_eq!(matches!(takes, Takes::Network), arm.contains("Network::named("), "{arm}");
    }
    let networks = include_str!("../../../benches/src/network/catalog.rs");
    assert!(networks.contains(&format!("const NAMES: [&str; {}] =\n    {NETWORKS:?};", NETWORKS.len())));
    let synthetic = networks.split("Examples::Synthetic,").nth(1).unwrap_or_default();
    assert!(synthetic.split("of_images(\"").nth(1).is_some_and(|name| name.starts_with(SYNTHETIC)));
}

#[test]
fn bench_of_made_up_numbers_needs_no_data() {
    assert!(matches!(parsed("bench --network regression"), Ok(Command::Bench(_))));
    check_usage_error("bench --data d --network regression", "--data goes with a dataset");
}

#[test]
fn code_is_mutated_where_it_is_asked_for() {
    let expected = CodeOptions {
        paths: vec!["crates/dl-train/src".into(), "crates/dl-data/src/idx.rs".into()],
        shard: Some("1/4".into()),
        jobs: Some(2),
        list: true,
    };
    let line = "mutate --code crates/dl-train/src crates/dl-data/src/idx.rs --shard 1/4 --jobs 2 --list";
    assert_eq!(parsed(line).ok(), Some(Command::Mutate(Some(expected))));
    assert_eq!(parsed("mutate --code").ok(), Some(Command::Mutate(Some(CodeOptions::default()))));
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
