//! A perceptron 784-800-10 on MNIST with elastic distortions: what 99.2 % take without convolutions.

use std::process::ExitCode;

use dl_data::Store;
use dl_examples::options::{TRAINED, run};
use dl_examples::{bent, classifier};

fn main() -> ExitCode {
    run(TRAINED, |options| {
        // Before the data is fetched: a backend that is not there needs none.
        options.executor()?;
        let mnist = Store::from_env().mnist(&mut |line| eprintln!("{line}"))?;
        classifier::report(options, &mnist, bent::logits, bent::COURSE)
    })
}
