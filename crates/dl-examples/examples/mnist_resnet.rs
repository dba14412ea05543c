//! A small residual network with batch normalization on MNIST, or with `--data fashion-mnist` on clothes.

use std::process::ExitCode;

use dl_data::Store;
use dl_examples::options::{CLASSIFIERS, run};
use dl_examples::{classifier, resnet};

fn main() -> ExitCode {
    let takes: Vec<&str> = CLASSIFIERS.iter().copied().chain(["--data"]).collect();
    run(&takes, |options| {
        options.executor()?;
        let (store, mut say) = (Store::from_env(), |line: &str| eprintln!("{line}"));
        let (data, course) = match options.data.as_deref() {
            None | Some("mnist") => (store.mnist(&mut say)?, resnet::COURSE),
            Some("fashion-mnist") => (store.fashion_mnist(&mut say)?, resnet::FASHION),
            Some(other) => return Err(format!("--data {other}: expected mnist or fashion-mnist").into()),
        };
        classifier::report(options, &data, resnet::logits, course)
    })
}
