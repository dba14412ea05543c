//! Progress for people: a bar on a terminal, a line for each epoch elsewhere.

use std::fmt;
use std::io::{IsTerminal, Write};
use std::ops::ControlFlow;

use dl_backends::Session;
use indicatif::{ProgressBar, ProgressStyle};

use crate::error::Result;
use crate::history::{Epoch, Evaluation, History};
use crate::observer::{BatchEnd, Observer};

/// Shows how far a training is.
pub struct Progress {
    show: Show,
    epochs: usize,
}

enum Show {
    Bar(ProgressBar),
    Lines(Box<dyn Write>),
}

impl Progress {
    /// On standard error: a bar if that is a terminal, else a line for each epoch.
    pub fn stderr() -> Self {
        if std::io::stderr().is_terminal() {
            let bar = Show::Bar(ProgressBar::new(0).with_style(style()));
            Progress { show: bar, epochs: 0 }
        } else {
            Progress::lines(std::io::stderr())
        }
    }

    /// A line for each epoch, to `writer`. A line that cannot be written is lost; training goes on.
    pub fn lines(writer: impl Write + 'static) -> Self {
        Progress { show: Show::Lines(Box::new(writer)), epochs: 0 }
    }

    fn line(&mut self, line: &str) {
        match &mut self.show {
            Show::Bar(bar) => bar.println(line),
            Show::Lines(writer) => {
                let _ = writeln!(writer, "{line}");
            }
        }
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template(
        "{elapsed_precise} [{bar:32}] {pos}/{len} batches, {per_sec}, {eta} left  {msg}",
    )
    .expect("the template is well-formed")
    .progress_chars("=> ")
}

impl Observer for Progress {
    fn begin(&mut self, History { run, .. }: &History) -> Result<()> {
        self.epochs = run.finished.saturating_add(run.epochs);
        if let Show::Bar(bar) = &self.show {
            bar.reset();
            bar.set_length(run.epochs.saturating_mul(run.batches) as u64);
            bar.set_position(run.resumed as u64);
        }
        Ok(())
    }

    fn batch(&mut self, batch: &BatchEnd<'_>) {
        if let Show::Bar(bar) = &self.show {
            bar.inc(1);
            // The bar itself draws rarely; so should the text be made.
            if batch.number.is_multiple_of(16) || batch.of < 16 {
                bar.set_message(format!("epoch {}/{}  {}", batch.epoch, self.epochs, batch.metrics()));
            }
        }
    }

    fn epoch(&mut self, epoch: &Epoch, _: &Session) -> ControlFlow<()> {
        let width = self.epochs.to_string().len();
        let line = format!("epoch {:>width$}/{}{}", epoch.number, self.epochs, epoch.results());
        self.line(&line);
        ControlFlow::Continue(())
    }

    fn evaluated(&mut self, evaluation: &Evaluation, _: &Session) {
        self.line(&format!("step {}  test {}", evaluation.steps, evaluation.metrics));
    }

    fn ledger(&mut self, line: &str) {
        self.line(line);
    }

    fn end(&mut self, _: &History) -> Result<()> {
        if let Show::Bar(bar) = &self.show {
            bar.finish_and_clear();
        }
        Ok(())
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = match self.show {
            Show::Bar(_) => "bar",
            Show::Lines(_) => "lines",
        };
        f.debug_struct("Progress").field("show", &show).finish_non_exhaustive()
    }
}
