//! Fetches datasets into the cache, or finds them there: `fetch [mnist] [fashion-mnist] [digits]`.
#![allow(clippy::print_stdout)]

use std::error::Error;
use std::process::ExitCode;

use dl_data::{Dataset, Store};

fn main() -> ExitCode {
    let mut sets: Vec<String> = std::env::args().skip(1).collect();
    if sets.is_empty() {
        sets.push("mnist".into());
    }
    let mut code = ExitCode::SUCCESS;
    for set in &sets {
        match load(set) {
            Ok(dataset) => println!("{dataset}, from {}", dataset.origin),
            Err(error) => {
                eprintln!("error: {error}");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

fn load(set: &str) -> Result<Dataset, Box<dyn Error>> {
    let store = Store::from_env();
    let report = &mut |line: &str| eprintln!("{line}");
    match set {
        "mnist" => Ok(store.mnist(report)?),
        "fashion-mnist" => Ok(store.fashion_mnist(report)?),
        "digits" => Ok(dl_data::digits()?),
        _ => Err(format!("unknown dataset `{set}`: expected mnist, fashion-mnist or digits").into()),
    }
}
