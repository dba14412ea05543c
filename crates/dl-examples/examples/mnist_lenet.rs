//! LeNet-5 on MNIST: convolutions and pooling.

use std::process::ExitCode;

use dl_data::Store;
use dl_examples::options::{CLASSIFIERS, run};
use dl_examples::{classifier, lenet};

fn main() -> ExitCode {
    run(CLASSIFIERS, |options| {
        // Before the data is fetched: a backend that is not there needs none.
        options.executor()?;
        let mnist = Store::from_env().mnist(&mut |line| eprintln!("{line}"))?;
        classifier::report(options, &mnist, lenet::logits, lenet::COURSE)
    })
}
