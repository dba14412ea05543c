//! A page on this machine that shows a training while it runs: behind the feature `page`.

mod server;
mod show;

use std::io;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dl_backends::Session;

use self::server::Server;
use crate::error::Result;
use crate::history::{Epoch, Evaluation, History};
use crate::metrics::Metrics;
use crate::observer::{BatchEnd, Observer};

/// How often a training tells where it is, at most: what is done in between costs a look at the clock.
const BETWEEN: Duration = Duration::from_millis(100);
/// When a curve within epochs has more points, every second one goes.
const MOST_POINTS: usize = 2000;

/// An observer that serves a page with the learning curves, the place within the training, its metrics and the time
/// that is left; the page renews itself. When the training has ended it says so, and stays as it is.
///
/// It is served to this machine alone: on `127.0.0.1`, at a port that the system chooses, to requests that name
/// that address, so that no page from elsewhere reads it by another name. Clients do not touch the training: what they
/// are told is a copy, and slow ones are left behind. The server ends with the last clone of this.
///
/// ```
/// # #[cfg(feature = "cpu")] {
/// # use dl_backends::{Cpu, Session};
/// # use dl_core::nn::{self, Sgd};
/// # use dl_core::{F32, Graph, I64, Named, U8};
/// use dl_train::{LivePage, Trainer};
/// # const B: Named = Named("B");
/// # let g = Graph::new();
/// # let logits = nn::dense(g.input("x", U8, (B, 64)).cast(F32) / 16.0, "fc", 10);
/// # let step = nn::cross_entropy(logits, g.input("y", I64, B)).mean(..).minimize(Sgd::new(0.1))?;
/// # let digits = dl_data::digits()?;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("training.html");
///
/// let page = LivePage::serve()?;
/// eprintln!("watch it at {}", page.address()); // http://127.0.0.1:41234/
/// let mut trainer = Trainer::new(Session::new(Cpu::default(), 7), &step)?.epochs(3).observe(page.clone());
/// trainer.fit(&digits.train, None)?;
/// page.write(path)?; // keeps it as a file
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct LivePage {
    server: Arc<Server>,
    /// When the board was last told.
    told: Option<Instant>,
    own: Own,
}

/// What the training told its observer, and the board has not all of yet.
#[derive(Clone, Debug, Default)]
struct Own {
    history: History,
    /// Whether the board has another history.
    changed: bool,
    curve: Vec<(f64, f64)>,
    now: Option<Now>,
    done: usize,
}

impl LivePage {
    /// Serves from now on.
    ///
    /// # Errors
    /// When the system has no port, or no thread.
    pub fn serve() -> io::Result<LivePage> {
        Ok(LivePage { server: Arc::new(Server::start()?), told: None, own: Own::default() })
    }

    /// The address to open: `http://127.0.0.1:41234/`.
    pub fn address(&self) -> String {
        format!("http://{}/", self.socket())
    }

    /// Where it listens.
    pub fn socket(&self) -> SocketAddr {
        self.server.address
    }

    /// Writes the page as it is now to a file, which appears whole or not at all.
    ///
    /// # Errors
    /// What the file system said.
    pub fn write(&self, path: impl AsRef<Path>) -> io::Result<()> {
        show::page(&self.server.board.now(), false).write(path)
    }

    /// Whether it is time to tell: so seldom that copies cost the training nothing that is felt.
    fn is_due(&self, at: Instant) -> bool {
        self.told.is_none_or(|told| at.duration_since(told) >= BETWEEN)
    }

    fn tell(&mut self, at: Instant) {
        self.told = Some(at);
        let history = std::mem::take(&mut self.own.changed).then(|| Arc::new(self.own.history.clone()));
        let (curve, now, done) = (Arc::new(self.own.curve.clone()), self.own.now.clone(), self.own.done);
        self.server.board.change(|snapshot| {
            if let Some(history) = history {
                (snapshot.history, snapshot.epochs) = (history, snapshot.epochs + 1);
            }
            (snapshot.curve, snapshot.now, snapshot.done) = (curve, now, done);
        });
    }
}

/// What is known of a training at some moment. Copies share what is large.
#[derive(Clone, Debug, Default)]
struct Snapshot {
    /// Counts changes.
    version: u64,
    /// Counts those of the history.
    epochs: u64,
    history: Arc<History>,
    begun: Option<Instant>,
    /// Batches that were trained since then.
    done: usize,
    now: Option<Now>,
    /// The first metric's mean over the epoch so far, by epochs.
    curve: Arc<Vec<(f64, f64)>>,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Waiting,
    Running,
    Finished,
}

/// A batch that was trained on.
#[derive(Clone, Debug)]
struct Now {
    epoch: usize,
    number: usize,
    of: usize,
    metrics: Metrics,
    at: Instant,
}

/// Where the training writes and the clients read. Whoever holds the lock does nothing that takes time.
#[derive(Debug, Default)]
struct Board {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    snapshot: Arc<Snapshot>,
    closed: bool,
}

impl Board {
    /// Nobody panics with the lock; if somebody did, the last snapshot would still be right.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Arc<Snapshot> {
        Arc::clone(&self.lock().snapshot)
    }

    fn change(&self, change: impl FnOnce(&mut Snapshot)) {
        let mut next = Snapshot::clone(&self.now());
        next.version += 1;
        change(&mut next);
        self.lock().snapshot = Arc::new(next);
        self.changed.notify_all();
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Waits for a snapshot after `version`, or the end; and whether it is the end. None after `most` without news.
    fn after(&self, version: Option<u64>, most: Duration) -> (Option<Arc<Snapshot>>, bool) {
        let old = |inner: &mut Inner| Some(inner.snapshot.version) == version && !inner.closed;
        let waited = self.changed.wait_timeout_while(self.lock(), most, old);
        let (inner, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let news = Some(inner.snapshot.version) != version;
        (news.then(|| Arc::clone(&inner.snapshot)), inner.closed)
    }

    /// Waits so long, or until the end.
    fn pause(&self, time: Duration) {
        drop(self.changed.wait_timeout_while(self.lock(), time, |inner| !inner.closed));
    }
}

impl Observer for LivePage {
    fn begin(&mut self, history: &History) -> Result<()> {
        self.told = None;
        self.own = Own { history: history.clone(), ..Own::default() };
        let history = Arc::new(history.clone());
        self.server.board.change(|snapshot| {
            let (version, epochs) = (snapshot.version, snapshot.epochs + 1);
            let (begun, state) = (Some(Instant::now()), State::Running);
            *snapshot = Snapshot { version, epochs, history, begun, state, ..Snapshot::default() };
        });
        Ok(())
    }

    fn batch(&mut self, batch: &BatchEnd<'_>) {
        let at = Instant::now();
        if !self.is_due(at) {
            return;
        }
        let BatchEnd { epoch, number, of, .. } = *batch;
        let metrics = batch.metrics();
        let run = &self.own.history.run;
        let before = epoch.saturating_sub(run.finished + 1).saturating_mul(of);
        self.own.done = before.saturating_add(number).saturating_sub(run.resumed);
        if let Some((_, value)) = metrics.iter().next() {
            let place = epoch as f64 - 1.0 + number as f64 / of.max(1) as f64;
            self.own.curve.push((place, value));
            if self.own.curve.len() > MOST_POINTS {
                let mut keep = false;
                self.own.curve.retain(|_| {
                    keep = !keep;
                    keep
                });
            }
        }
        self.own.now = Some(Now { epoch, number, of, metrics, at });
        self.tell(at);
    }

    fn epoch(&mut self, epoch: &Epoch, _: &Session) -> ControlFlow<()> {
        self.own.history.epochs.push(epoch.clone());
        self.own.changed = true;
        let at = Instant::now();
        if self.is_due(at) {
            self.tell(at);
        }
        ControlFlow::Continue(())
    }

    fn evaluated(&mut self, evaluation: &Evaluation, _: &Session) {
        self.own.history.evaluations.push(evaluation.clone());
        self.own.changed = true;
    }

    fn end(&mut self, history: &History) -> Result<()> {
        let history = Arc::new(history.clone());
        self.server.board.change(|snapshot| {
            snapshot.epochs += 1;
            snapshot.history = history;
            snapshot.state = State::Finished;
        });
        Ok(())
    }
}
