//! The child's side: one row, measured when the parent says so.

use std::io::{self, BufRead, Write};
use std::time::Instant;

use crate::fault::Result;
use crate::memory::{self, Memory};
use crate::protocol::{Reply, Request, RowSpec};
use crate::subject::Subject;

/// Serves requests from standard input until it is closed. `open` makes the subject of the row and hands it to
/// [`Answers::of`].
///
/// # Errors
/// Only where the parent can no longer be told.
pub fn serve(spec: &str, open: impl FnOnce(&RowSpec, Answers<'_>) -> Result<()>) -> Result<()> {
    let mut out = io::stdout().lock();
    let mut say = |reply: &Reply| -> Result<()> {
        let line = serde_json::to_string(reply)?;
        writeln!(out, "{line}")?;
        Ok(out.flush()?)
    };
    let spec = serde_json::from_str(spec).map_err(Into::into);
    match spec.and_then(|spec| open(&spec, Answers { say: &mut say, data_mib: None })) {
        Ok(()) => Ok(()),
        Err(fault) => say(&Reply::Failed { message: fault.to_string() }),
    }
}

/// The answers of one row.
pub struct Answers<'s> {
    say: &'s mut dyn FnMut(&Reply) -> Result<()>,
    data_mib: Option<f64>,
}

impl Answers<'_> {
    /// What memory there is now is the program's and the data's, and no row's doing: reading files takes
    /// more of it than keeping what they hold.
    pub fn data_is_read(&mut self) {
        memory::forget_peak();
        self.data_mib = Memory::Now.mib();
    }

    /// Answers requests about `subject`.
    ///
    /// # Errors
    /// What the subject says, and what the pipe says.
    pub fn of(self, subject: &mut dyn Subject) -> Result<()> {
        let Answers { say, data_mib } = self;
        say(&Reply::Ready { compile_ms: subject.compile_ms(), note: subject.note() })?;
        for line in io::stdin().lock().lines() {
            let reply = match serde_json::from_str(&line?)? {
                Request::Losses { steps } => Reply::Losses { values: losses(subject, steps)? },
                Request::WarmUp { ms } => Reply::Times { ms: warm_up(subject, ms)? },
                Request::Time { steps } => Reply::Times { ms: time(subject, steps)? },
                Request::Peak => Reply::Peak { mib: Memory::Peak.mib(), data_mib },
                Request::Train { epochs } => {
                    let mut failed = None;
                    let mut progress = |share| {
                        failed = say(&Reply::Progress { share }).err();
                    };
                    let trained = subject.train(Request::training(epochs), &mut progress)?;
                    if let Some(fault) = failed {
                        return Err(fault);
                    }
                    Reply::Trained { test: trained.test, curve: trained.curve }
                }
            };
            say(&reply)?;
        }
        Ok(())
    }
}
fn losses(subject: &mut dyn Subject, steps: usize) -> Result<Vec<f64>> {
    let losses = (0..steps).map(|_| subject.loss());
    Ok(losses.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

fn warm_up(subject: &mut dyn Subject, ms: f64) -> Result<Vec<f64>> {
    let started = Instant::now();
    let mut times = Vec::new();
    while times.len() < 2 || millis(started) < ms {
        times.extend(time(subject, 1)?);
    }
    Ok(times)
}

fn time(subject: &mut dyn Subject, steps: usize) -> Result<Vec<f64>> {
    if subject.overlaps() {
        let started = Instant::now();
        for _ in 0..steps {
            subject.step()?;
        }
        subject.settle()?;
        return Ok(vec![millis(started) / steps as f64]);
    }
    let mut times = Vec::with_capacity(steps);
    for _ in 0..steps {
        let started = Instant::now();
        subject.step()?;
        times.push(millis(started));
    }
    Ok(times)
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Counted {
        overlaps: bool,
        steps: usize,
        settled: usize,
    }

    impl Subject for Counted {
        fn step(&mut self) -> Result<()> {
            self.steps += 1;
            Ok(())
        }

        fn overlaps(&self) -> bool {
            self.overlaps
        }

        fn settle(&mut self) -> Result<()> {
            self.settled = self.steps;
            Ok(())
        }
    }

    #[test]
    fn each_step_is_timed_where_it_ends_when_it_returns() {
        let mut subject = Counted::default();
        assert_eq!(time(&mut subject, 5).unwrap().len(), 5);
        assert_eq!((subject.steps, subject.settled), (5, 0));
    }

    #[test]
    fn a_burst_is_timed_to_its_end_where_steps_overlap() {
        let mut subject = Counted { overlaps: true, ..Counted::default() };
        assert_eq!(time(&mut subject, 5).unwrap().len(), 1);
        assert_eq!((subject.steps, subject.settled), (5, 5));
    }

    #[test]
    fn a_warm_up_has_two_steps_however_short_it_is() {
        assert_eq!(warm_up(&mut Counted::default(), 0.0).unwrap().len(), 2);
    }
}
