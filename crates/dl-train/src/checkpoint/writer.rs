//! The thread that writes checkpoints while training goes on.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, channel, sync_channel};
use std::thread::JoinHandle;

use dl_core::{Name, Tensor};
use tracing::{Dispatch, Span, dispatcher, info_span};

use super::{Keep, Record, Saved, Store};
use crate::error::{Error, Result};

/// A snapshot of a training.
type Snapshot = (Record, Vec<(Name, Tensor)>);

/// Writes snapshots in the order in which they come. At most one waits while another is written.
pub(crate) struct Writer {
    jobs: Option<SyncSender<Snapshot>>,
    done: Receiver<io::Result<Saved>>,
    thread: Option<JoinHandle<Store>>,
}

impl Writer {
    /// A writer to a store that was opened.
    pub(crate) fn new(store: Store, keep: Keep) -> Result<Writer> {
        let (jobs, queue) = sync_channel::<Snapshot>(1);
        let (report, done) = channel();
        let (within, listener) = (Span::current(), dispatcher::get_default(Dispatch::clone));
        let write_all = move || {
            for (record, arrays) in queue {
                let _span = info_span!(parent: &within, "checkpoint", step = record.standing.step).entered();
                let written = store.write(record, &arrays);
                let written = written.and_then(|saved| store.prune(&keep, saved.step).map(|()| saved));
                if report.send(written).is_err() {
                    break;
                }
            }
            store
        };
        let work = move || dispatcher::with_default(&listener, write_all);
        let thread = std::thread::Builder::new().name("checkpoints".into()).spawn(work);
        let thread = thread.map_err(|e| Error::value(format!("no thread to write checkpoints: {e}")))?;
        Ok(Writer { jobs: Some(jobs), done, thread: Some(thread) })
    }

    /// Hands over a snapshot; waits if two are on their way.
    pub(crate) fn write(&self, snapshot: Snapshot) -> Result<()> {
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send(snapshot).is_ok());
        if sent { Ok(()) } else { Err(Error::value("the writer of checkpoints has ended")) }
    }

    /// What has become safe since this was last asked.
    ///
    /// # Errors
    /// Why a checkpoint could not be written.
    pub(crate) fn saved(&self) -> Result<Vec<Saved>> {
        let mut all = vec![];
        loop {
            match self.done.try_recv() {
                Ok(saved) => all.push(saved.map_err(failed)?),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return Ok(all),
            }
        }
    }

    /// Waits until all is written; what became safe, and the store.
    ///
    /// # Errors
    /// As for [`saved`](Writer::saved).
    pub(crate) fn finish(mut self) -> (Result<Vec<Saved>>, Option<Store>) {
        let store = self.join();
        (self.saved(), store)
    }

    fn join(&mut self) -> Option<Store> {
        self.jobs = None;
        self.thread.take().and_then(|thread| thread.join().ok())
    }
}

/// A training that ends by an error still writes what it has handed over.
impl Drop for Writer {
    fn drop(&mut self) {
        self.join();
    }
}

fn failed(e: io::Error) -> Error {
    Error::value(format!("a checkpoint could not be written: {e}; those before it are whole"))
}
