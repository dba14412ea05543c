//! An LSTM that reads MNIST row by row.

use std::process::ExitCode;

use dl_data::Store;
use dl_examples::options::{CLASSIFIERS, run};
use dl_examples::{classifier, row_lstm};

fn main() -> ExitCode {
    run(CLASSIFIERS, |options| {
        options.executor()?;
        let mnist = Store::from_env().mnist(&mut |line| eprintln!("{line}"))?;
        classifier::report(options, &mnist, row_lstm::logits, row_lstm::COURSE)
    })
}
