//! Finding where numbers stopped being finite, at the price of a copy of the parameters every so many steps.

use dl_backends::Session;
use dl_core::Program;

use crate::checkpoint::Sum;
use crate::error::{Error, Result};
use crate::ledger::Ledger;
use crate::pass::Pass;
use crate::source::Feed;
use crate::trainer::Trainer;

/// Copies of the parameters are that many steps apart.
const APART: usize = 32;

/// Where a training can go back to, within an epoch.
pub(super) struct Anchors {
    last: Option<Anchor>,
    /// Whether something was recorded since, behind which no training goes back.
    stale: bool,
}

struct Anchor {
    batches: usize,
    sums: Vec<Sum>,
    examples: f64,
    ledger: Ledger,
}

/// Why a training stopped.
pub(super) struct Stopped {
    pub(super) error: Error,
    /// Whether the session and the pass are as they were before the batch that failed.
    pub(super) before: bool,
}

impl Trainer<'_> {
    /// Whether numbers that are not finite are traced to where they began. Off at first.
    ///
    /// On, the training keeps a copy of the parameters every 32 steps, and whenever it records something: an
    /// evaluation, a checkpoint, a line of the ledger. When a reported output or a parameter is found that is not
    /// finite, it goes back to the last copy and takes the steps since then once more in a session that
    /// [checks](Session::checking): the error names the first value that is not finite, with its formula, its line,
    /// the step and the batch, and the statistics of what it was computed from. Parameters are then those before
    /// that step, and so is the last checkpoint, where there are any.
    ///
    /// A session that checks finds more (what was assumed, and gradients that are not finite behind a bound), in
    /// the step in which it happens, and takes longer for every one. It needs none of this.
    ///
    /// ```
    /// # #[cfg(feature = "cpu")] {
    /// use dl_backends::{Cpu, Session};
    /// use dl_core::{F64, Graph, Init, nn::Sgd};
    /// let g = Graph::new();
    /// let theta = g.parameter("θ", F64, (), Init::Constant(1.0));
    /// let step = (theta.square().square()).named("far").minimize(Sgd::new(1.0))?; // from bad to worse
    /// let trainer = dl_train::Trainer::new(Session::new(Cpu::default(), 1), &step)?.epochs(40);
    /// let mut trainer = trainer.tracing_not_finite(true);
    /// let error = trainer.fit(&dl_train::from_fn(1, |_, _| Ok(())), None).unwrap_err();
    /// assert!(error.is_divergence() && error.to_string().contains("is not finite"));
    /// assert!(trainer.session().get("θ")?.view().is_finite());
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn tracing_not_finite(self, on: bool) -> Self {
        Trainer { tracing: on, ..self }
    }
}

impl Anchors {
    /// At the beginning of an epoch, or of what is left of it.
    pub(super) fn new() -> Self {
        Anchors { last: None, stale: true }
    }

    /// From here on, no training goes back behind what is before.
    pub(super) fn renew(&mut self) {
        self.stale = true;
    }

    /// Before something is recorded: looks at the parameters.
    ///
    /// # Errors
    /// When they are not finite.
    fn look(&self, session: &mut Session, pass: &Pass<'_>) -> Result<()> {
        if self.stale {
            session.check_parameters(pass.handle())?;
        }
        Ok(())
    }

    /// Before a batch: where it is time, looks at the parameters and keeps a copy. What is recorded belongs to it.
    ///
    /// # Errors
    /// When the parameters are not finite.
    fn keep(&mut self, session: &mut Session, pass: &Pass<'_>, ledger: &Ledger) -> Result<()> {
        let old = self.last.as_ref().is_none_or(|last| pass.done() - last.batches >= APART);
        if old || self.stale {
            session.check_parameters(pass.handle())?;
            session.anchor()?;
            let (sums, examples) = (pass.tally().sums(), pass.tally().examples());
            self.last = Some(Anchor { batches: pass.done(), sums, examples, ledger: ledger.clone() });
            self.stale = false;
        }
        Ok(())
    }
}

/// Takes the next batch, or, with `last`, only looks whether all is well; how many examples it had.
pub(super) fn advance(
    (session, program): (&mut Session, &Program),
    anchors: &mut Option<Anchors>,
    pass: &mut Pass<'_>,
    feed: Option<&Feed>,
    ledger: (&mut Ledger, bool),
    last: bool,
) -> std::result::Result<Option<usize>, Stopped> {
    let before = session.step();
    let kept = anchors.as_mut().map_or(Ok(()), |anchors| match last {
        true => anchors.look(session, pass),
        false => anchors.keep(session, pass, ledger.0),
    });
    let found = match kept {
        Ok(()) if last => return Ok(None),
        Ok(()) => pass.step(session, feed),
        // What could be gone back to is traced below; parameters that were so from the beginning are not.
        Err(error) if anchors.as_ref().is_none_or(|anchors| anchors.last.is_none()) => {
            return Err(Stopped { error, before: false });
        }
        Err(error) => Err(error),
    };
    let error = match found {
        Ok(examples) => return Ok(examples),
        Err(error) => error,
    };
    if error.is_divergence()
        && let Some(anchor) = anchors.as_mut().and_then(|anchors| anchors.last.take())
    {
        let wanted = pass.done() + usize::from(!last);
        let again = retrace((session, program), &anchor, pass, feed, ledger, wanted);
        // What does not happen again is told as it was found.
        return Err(again.map_or(Stopped { error, before: false }, |error| Stopped { error, before: true }));
    }
    Err(Stopped { before: session.step() == before, error })
}

/// Goes back, and takes the steps up to the batch `wanted` while checking; what the first that fails says.
fn retrace(
    (session, program): (&mut Session, &Program),
    anchor: &Anchor,
    pass: &mut Pass<'_>,
    feed: Option<&Feed>,
    (ledger, kept): (&mut Ledger, bool),
    wanted: usize,
) -> Option<Error> {
    session.go_back().ok()?;
    session.check(pass.handle(), program).ok()?;
    pass.go_on(anchor.batches, |tally| tally.go_on(&anchor.sums, anchor.examples)).ok()?;
    *ledger = anchor.ledger.clone();
    while pass.done() < wanted {
        match pass.step(session, feed) {
            Ok(None) => break,
            Ok(Some(_)) => {
                if let (true, Some(losses)) = (kept, pass.read()) {
                    ledger.losses(session.step(), losses);
                }
            }
            Err(error) => return Some(error),
        }
    }
    None
}
