//! A variational autoencoder on MNIST: what it costs to tell an image by 20 numbers, and images that nobody wrote.
#![allow(clippy::print_stdout)]

use std::process::ExitCode;

use dl_data::Store;
use dl_examples::autoencoder::Autoencoder;
use dl_examples::options::run;
use dl_train::Progress;

fn main() -> ExitCode {
    run(&["--backend", "--latex", "--seed", "--epochs"], |options| {
        options.executor()?;
        let mnist = Store::from_env().mnist(&mut |line| eprintln!("{line}"))?;
        let model = Autoencoder::of(&mnist);
        println!("{mnist}, from {}", mnist.origin);
        let epochs = options.epochs.unwrap_or(10);
        let mut trainer =
            model.trainer(options.executor()?, epochs, options.seed)?.observe(Progress::stderr());
        let history = trainer.fit(&mnist.train, Some(&mnist.test))?;
        let test = trainer.evaluate(&mnist.test)?;
        println!("{}: {test} on the test images after {:.1} s\n", history.run.backend, history.seconds());
        let dreamt = model.dream(trainer.session_mut(), 6, options.seed)?;
        println!("{}", model.drawn(&dreamt));
        Ok(())
    })
}
