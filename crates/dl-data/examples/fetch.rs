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
    // Before anything is fetched: a command line that is wrong in part is wrong.
    if let Some(set) = sets.iter().find(|set| !SETS.contains(&set.as_str())) {
        eprintln!("error: no dataset {set:?}; expected some of {}", SETS.join(", "));
        return ExitCode::from(2);
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
        _ => Ok(dl_data::digits()?),
    }
}

const SETS: [&str; 3] = ["mnist", "fashion-mnist", "digits"];
