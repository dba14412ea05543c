//! A transformer that reads a book character by character, and writes on: "Around the World in 80 Days", or with
//! `--text FILE` any text.
#![allow(clippy::print_stdout)]

use std::process::ExitCode;

use dl_examples::options::{TRAINED, run};
use dl_examples::text::{Text, Writer, at_hand, windows};
use dl_train::{Progress, Source};

/// Passes over the text, and windows of a batch.
const COURSE: (usize, usize) = (10, 64);

fn main() -> ExitCode {
    let takes: Vec<&str> =
        TRAINED.iter().copied().filter(|name| *name != "--seeds").chain(["--text"]).collect();
    run(&takes, |options| {
        let executor = options.executor()?;
        let path = options.text.clone().map_or_else(at_hand, Ok)?;
        let text = Text::read(&path)?;
        println!("{}: {text}", path.display());
        let (train, test) = (windows(&text.train), windows(&text.test));
        let course = (options.epochs.unwrap_or(COURSE.0), options.batch_size.unwrap_or(COURSE.1));
        let writer = Writer::of(&text);
        let trainer = writer.trainer(executor, train.len(), course, options.seed)?;
        let mut trainer = trainer.observe(Progress::stderr());
        let history = trainer.fit(&train, Some(&test))?;
        let bits = trainer.evaluate(&test)?.get("bits").unwrap_or(f64::NAN);
        println!(
            "{}: {bits:.3} bits a character of the rest after {:.1} s\n",
            history.run.backend,
            history.seconds()
        );
        let written = writer.write(trainer.session_mut(), &text.places("Mr. Fogg "), 400, options.seed)?;
        println!("{}", text.spelled(&written));
        Ok(())
    })
}
