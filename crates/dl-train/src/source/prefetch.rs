//! Batches that a thread fills while the step before them runs.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::{Batch, Source, Whole};
use crate::error::{Error, Result};

/// A source whose next batch is filled by a thread while a step runs: for those that read, decode or augment.
///
/// What is fed is what the source feeds, bit for bit: a batch that was not foreseen is filled when it is asked for.
/// Errors of the thread are those of the batch, and a panic there is an error, too. The thread has at most one batch
/// before it, and ends with this value.
///
/// ```
/// use dl_train::{Prefetch, Source, from_fn};
/// let slow = from_fn(100, |rows, batch| batch.set("x", &[rows.len()], |x| x.extend(rows.iter().map(|i| *i as f32))));
/// let train = Prefetch::new(slow)?;
/// assert_eq!(train.len(), 100);
/// # Ok::<(), dl_train::Error>(())
/// ```
///
/// A source that is used elsewhere, too, is shared: `Prefetch::new(Arc::clone(&source))`.
#[derive(Debug)]
pub struct Prefetch<S> {
    source: Arc<S>,
    line: Mutex<Line>,
    thread: Option<JoinHandle<()>>,
}

/// To the thread and back.
#[derive(Debug)]
struct Line {
    /// None when it ends.
    jobs: Option<Sender<Job>>,
    done: Receiver<(Job, Result<()>)>,
    /// What is on its way: the rows, and a batch without values that has its inputs.
    awaited: Option<(Vec<usize>, Batch)>,
    /// What an earlier batch had allocated.
    spare: Option<Batch>,
}

/// A batch to be filled with these rows.
#[derive(Debug)]
struct Job {
    rows: Vec<usize>,
    batch: Batch,
}

impl<S: Source + Send + Sync + 'static> Prefetch<S> {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the operating system has none.
    pub fn new(source: S) -> Result<Self> {
        let source = Arc::new(source);
        let (jobs, queue) = channel::<Job>();
        let (report, done) = channel();
        let filling = Arc::clone(&source);
        let work = move || {
            for mut job in queue {
                let filled = catch_unwind(AssertUnwindSafe(|| job.batch.refill(&*filling, &job.rows)));
                let filled = filled.unwrap_or_else(|panic| Err(panicked(&*panic)));
                if report.send((job, filled)).is_err() {
                    break;
                }
            }
        };
        let thread = std::thread::Builder::new().name("batches".into()).spawn(work);
        let thread = thread.map_err(|e| Error::value(format!("no thread to fill batches: {e}")))?;
        let line = Mutex::new(Line { jobs: Some(jobs), done, awaited: None, spare: None });
        Ok(Prefetch { source, line, thread: Some(thread) })
    }
}

impl<S> Prefetch<S> {
    fn line(&self) -> MutexGuard<'_, Line> {
        // No invariant is broken by a panic in between: what is awaited is taken before it is received.
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// Receives what is awaited, whatever it is.
    fn receive(&mut self) -> Option<(Job, Result<()>)> {
        self.awaited.take()?;
        self.done.recv().ok()
    }
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Error::value(format!("the source panicked while it filled a batch: {}", text.unwrap_or("no message")))
}

impl<S: Source + Send + Sync> Source for Prefetch<S> {
    fn len(&self) -> usize {
        self.source.len()
    }

    fn fill(&self, rows: &[usize], batch: &mut Batch) -> Result<()> {
        let mut line = self.line();
        let foreseen = line.awaited.as_ref().is_some_and(|(r, b)| r == rows && b.is_like(batch));
        if let Some((mut job, filled)) = line.receive()
            && foreseen
        {
            filled?;
            batch.take_from(&mut job.batch);
            line.spare = Some(job.batch);
            return Ok(());
        }
        drop(line);
        self.source.fill(rows, batch)
    }

    fn prepare(&self, next: &[usize], batch: &Batch) {
        let mut line = self.line();
        if line.awaited.as_ref().is_some_and(|(rows, b)| rows == next && b.is_like(batch)) {
            return;
        }
        // One that nobody asked for.
        let _ = line.receive();
        let spare = line.spare.take().filter(|spare| spare.is_like(batch));
        let job = Job { rows: next.to_vec(), batch: spare.unwrap_or_else(|| batch.like(&[])) };
        if line.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok()) {
            line.awaited = Some((next.to_vec(), batch.like(&[])));
        }
    }

    fn whole(&self) -> Option<Whole<'_>> {
        self.source.whole()
    }

    fn digest(&self) -> Option<u64> {
        self.source.digest()
    }
}

/// The thread finishes the batch that it fills.
impl<S> Drop for Prefetch<S> {
    fn drop(&mut self) {
        self.line().jobs = None;
        if let Some(thread) = self.thread.take() {
            // It ends by itself and catches panics.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::from_fn;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    fn batch(epoch: usize) -> Batch {
        Batch::new(["x"].into_iter(), epoch)
    }

    fn values(batch: &Batch) -> Vec<i64> {
        batch.get("x").unwrap().get::<i64>().unwrap().to_vec()
    }

    /// Feeds rows; counts the batches that were filled by another thread than `main`.
    fn watched(main: thread::ThreadId, elsewhere: &'static AtomicUsize) -> impl Source + Send + Sync {
        from_fn(10, move |rows, batch| {
            let other = thread::current().id() != main;
            elsewhere.fetch_add(usize::from(other), Ordering::SeqCst);
            batch.set("x", &[rows.len()], |x| x.extend(rows.iter().map(|i| *i as i64)))
        })
    }

    #[test]
    fn foreseen_batches_are_filled_by_the_thread() {
        static ELSEWHERE: AtomicUsize = AtomicUsize::new(0);
        let source = Prefetch::new(watched(thread::current().id(), &ELSEWHERE)).unwrap();
        let mut own = batch(1);
        for k in 0..4 {
            own.refill(&source, &[k, 9 - k]).unwrap();
            assert_eq!(values(&own), [k as i64, 9 - k as i64]);
            assert_eq!(ELSEWHERE.load(Ordering::SeqCst), k);
            source.prepare(&[k + 1, 8 - k], &own);
            source.prepare(&[k + 1, 8 - k], &own);
        }
    }

    #[test]
    fn other_batches_are_filled_when_they_are_asked_for() {
        static ELSEWHERE: AtomicUsize = AtomicUsize::new(0);
        let source = Prefetch::new(watched(thread::current().id(), &ELSEWHERE)).unwrap();
        let (mut own, mut other) = (batch(1), Batch::new(["x", "z"].into_iter(), 1));
        source.prepare(&[1, 2], &own);
        own.refill(&source, &[3]).unwrap();
        assert_eq!(values(&own), [3]);
        source.prepare(&[4], &own);
        source.prepare(&[5], &own);
        own.refill(&source, &[5]).unwrap();
        assert_eq!((values(&own), ELSEWHERE.load(Ordering::SeqCst)), (vec![5], 3));
        // The same rows for other inputs, or in another epoch, may be other examples.
        source.prepare(&[6], &own);
        other.refill(&source, &[6]).unwrap();
        source.prepare(&[6], &own);
        own = batch(2);
        own.refill(&source, &[6]).unwrap();
        assert_eq!((values(&other), values(&own)), (vec![6], vec![6]));
        // It ends while something is on its way.
        source.prepare(&[7], &own);
    }

    #[test]
    fn errors_and_panics_of_the_thread_are_errors_of_the_batch() {
        let main = thread::current().id();
        let source = Prefetch::new(from_fn(10, move |rows, batch| match rows {
            [8] => Err(Error::value("example 8 is torn")),
            [9] if thread::current().id() != main => panic!("example {} burst", rows[0]),
            _ => batch.set("x", &[rows.len()], |x| x.extend(rows.iter().map(|i| *i as i64))),
        }))
        .unwrap();
        let mut own = batch(1);
        source.prepare(&[8], &own);
        assert_eq!(own.refill(&source, &[8]).unwrap_err().to_string(), "example 8 is torn");
        source.prepare(&[9], &own);
        let why = own.refill(&source, &[9]).unwrap_err().to_string();
        assert_eq!(why, "the source panicked while it filled a batch: example 9 burst");
        // It is as able as before.
        source.prepare(&[1], &own);
        own.refill(&source, &[1]).unwrap();
        assert_eq!(values(&own), [1]);
        source.prepare(&[8], &own);
        own.refill(&source, &[2]).unwrap();
    }
}
