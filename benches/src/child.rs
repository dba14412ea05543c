//! The parent's side: a process for each row, so that thread pools, memory and caches
//! of allocators are a row's own.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use crate::fault::{Fault, Result};
use crate::peers;
use crate::protocol::{Reply, Request, RowSpec};
use crate::subject::Trained;

/// The hidden subcommand that a child is started with.
pub(crate) const SERVE: &str = "serve-row";

/// What sizes the thread pools of the crates that keep one per process.
const THREADS: [&str; 5] =
    ["RAYON_NUM_THREADS", "MATMUL_NUM_THREADS", "LP_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"];

/// A running child; it is ended when dropped.
pub(crate) struct Child {
    process: std::process::Child,
    requests: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
    pub(crate) compile_ms: Option<f64>,
    pub(crate) note: Option<String>,
}

impl Child {
    /// Starts this program, or a peer's, for one row, and waits until it is ready.
    ///
    /// # Errors
    /// It cannot be started, or the row cannot run here.
    pub(crate) fn start(spec: &RowSpec) -> Result<Self> {
        let mut command = match peers::command(spec) {
            Some(command) => command,
            None => ours()?,
        };
        command.arg(serde_json::to_string(spec)?);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        for variable in THREADS {
            command.env(variable, spec.threads.to_string());
        }
        let mut process = command.spawn()?;
        let requests = process.stdin.take();
        let replies = process.stdout.take().expect("standard output was piped above");
        let replies = BufReader::new(replies);
        let (compile_ms, note) = (None, None);
        let mut child = Child { process, requests, replies, compile_ms, note };
        match child.reply()? {
            Reply::Ready { compile_ms, note } => (child.compile_ms, child.note) = (compile_ms, note),
            other => return Err(unexpected(&other)),
        }
        Ok(child)
    }

    /// The losses of the first steps, without dropout, from the first values on; empty where the row has none.
    pub(crate) fn losses(&mut self, steps: usize) -> Result<Vec<f64>> {
        self.ask(Request::Losses { steps });
        match self.reply()? {
            Reply::Losses { values } => Ok(values),
            other => Err(unexpected(&other)),
        }
    }

    /// Steps for about `ms` milliseconds; how long each took.
    pub(crate) fn warm_up(&mut self, ms: f64) -> Result<Vec<f64>> {
        self.times(Request::WarmUp { ms })
    }

    /// A burst of steps; how long each took, in milliseconds.
    pub(crate) fn time(&mut self, steps: usize) -> Result<Vec<f64>> {
        self.times(Request::Time { steps })
    }

    /// The most memory that the row has used, and what its data takes of it, in MiB.
    pub(crate) fn peak(&mut self) -> Result<(Option<f64>, Option<f64>)> {
        self.ask(Request::Peak);
        match self.reply()? {
            Reply::Peak { mib, data_mib } => Ok((mib, data_mib)),
            other => Err(unexpected(&other)),
        }
    }

    /// Trains (full-batch steps, or the recipe for so many epochs) and evaluates.
    pub(crate) fn train(&mut self, epochs: Option<usize>, progress: &mut dyn FnMut(f64)) -> Result<Trained> {
        self.ask(Request::Train { epochs });
        loop {
            match self.reply()? {
                Reply::Progress { share } => progress(share),
                Reply::Trained { test, curve } => return Ok(Trained { test, curve }),
                other => return Err(unexpected(&other)),
            }
        }
    }

    fn times(&mut self, request: Request) -> Result<Vec<f64>> {
        self.ask(request);
        match self.reply()? {
            Reply::Times { ms } if !ms.is_empty() => Ok(ms),
            other => Err(unexpected(&other)),
        }
    }

    fn ask(&mut self, request: Request) {
        let line = serde_json::to_string(&request).expect("numbers and names become JSON");
        let pipe = self.requests.as_mut().expect("the pipe is closed by drop alone");
        // A child that is gone has left its last word, which the next reply is.
        let _ = writeln!(pipe, "{line}");
    }

    fn reply(&mut self) -> Result<Reply> {
        let mut line = String::new();
        if self.replies.read_line(&mut line)? == 0 {
            let status = self.process.wait()?;
            return Err(Fault::new(format!("the row's process ended early ({status})")));
        }
        match serde_json::from_str(&line)? {
            Reply::Failed { message } => Err(Fault::new(message)),
            reply => Ok(reply),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.requests = None;
        // Whatever it is doing, its answer is no longer wanted.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn ours() -> Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(SERVE);
    Ok(command)
}

fn unexpected(reply: &Reply) -> Fault {
    Fault::new(format!("the row's process answered out of turn: {reply:?}"))
}
