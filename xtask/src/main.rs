//! The project's own commands: `cargo xtask accuracy | bench | data | devices | explain | fuzz | lint | mutate | new | peers | test | tidy`.

use std::process::ExitCode;

mod accuracy;
mod bench;
mod cli;
mod data;
mod devices;
mod explain;
mod features;
mod fuzz;
mod help;
mod lint;
mod mutate;
mod new;
mod package;
mod peers;
mod process;
mod spelling;
mod test;
mod tidy;
mod workspace;

use cli::Command;
use process::Failure;
use workspace::Workspace;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run() -> Result<(), Failure> {
    let workspace = Workspace::here();
    match cli::parse(lexopt::Parser::from_env())? {
        Command::Help(text) => process::print(text),
        Command::Data(sets) => data::fetch(&workspace, &sets),
        Command::Accuracy { quick, device } => accuracy::run(&workspace, quick, device),
        Command::Bench(options) => bench::run(&workspace, options),
        Command::Devices => devices::run(&workspace),
        Command::Explain(rest) => explain::run(&workspace, rest),
        Command::Fuzz(options) => fuzz::run(&workspace, &options),
        Command::Lint { all } => lint::run(&workspace, all),
        Command::Mutate(None) => mutate::rules(&workspace),
        Command::Mutate(Some(options)) => mutate::code(&workspace, &options),
        Command::New(options) => new::run(&workspace, &options),
        Command::Peers => peers::install(&workspace),
        Command::Tidy => tidy::run(&workspace),
        Command::Test(options) => test::run(&workspace, &options),
    }
}
