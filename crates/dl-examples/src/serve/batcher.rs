//! Batches of examples that come one by one: a bounded queue, and workers that run what is in it.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use dl_core::tensor::{Data, DataRef};
use dl_core::{Tensor, TensorRef};

use super::Limits;

/// What answers a batch `[n, …]`: one array `[n, …]` for each output.
pub type Work = dyn Fn(TensorRef<'_>) -> Result<Vec<Tensor>, String> + Send + Sync;

/// What becomes of the outputs for one job, or why there are none.
pub type Reply = Box<dyn FnOnce(Result<Vec<Tensor>, Refusal>) + Send>;

/// Why examples are not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// So many examples wait already.
    Full(usize),
    /// They waited for too long.
    Late,
    /// The service ends.
    Closed,
    /// What the model says of them.
    Failed(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Full(waiting) => write!(f, "{waiting} examples are waiting: try again later"),
            Refusal::Late => f.write_str("the examples were not answered in time"),
            Refusal::Closed => f.write_str("the service ends"),
            Refusal::Failed(why) => f.write_str(why),
        }
    }
}

/// Examples of one request.
struct Job {
    /// `[n, …]`, all jobs of one type and shape but for `n`.
    examples: Tensor,
    arrived: Instant,
    /// From here on, nobody wants the answer.
    until: Instant,
    reply: Reply,
}

impl Job {
    fn rows(&self) -> usize {
        self.examples.shape().first().copied().unwrap_or(0)
    }
}

/// A queue of jobs and the workers that empty it. Dropped, it answers what waits, and ends.
pub struct Batcher {
    queue: Arc<Queue>,
    workers: Vec<JoinHandle<()>>,
}

struct Queue {
    limits: Limits,
    state: Mutex<State>,
    changed: Condvar,
    observe: Box<dyn Fn(usize) + Send + Sync>,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Examples of all jobs.
    rows: usize,
    closed: bool,
}

impl Batcher {
    /// Workers that answer by `work`; `observe` hears how many examples each batch has.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub fn new(
        limits: Limits,
        work: Arc<Work>,
        observe: impl Fn(usize) + Send + Sync + 'static,
    ) -> std::io::Result<Batcher> {
        let observe = Box::new(observe);
        let queue = Queue { limits, state: Mutex::default(), changed: Condvar::new(), observe };
        let mut batcher = Batcher { queue: Arc::new(queue), workers: vec![] };
        for index in 0..limits.workers.max(1) {
            let (queue, work) = (batcher.queue.clone(), work.clone());
            let worker = thread::Builder::new().name(format!("batch-{index}"));
            batcher.workers.push(worker.spawn(move || queue.work(&*work))?);
        }
        Ok(batcher)
    }

    /// Queues examples `[n, …]`. `reply` is called once, by a worker; here where they are refused.
    pub fn submit(&self, examples: Tensor, until: Instant, reply: Reply) {
        let job = Job { examples, arrived: Instant::now(), until, reply };
        let (rows, mut state) = (job.rows(), self.queue.state());
        let refusal = match () {
            () if state.closed => Refusal::Closed,
            () if rows > self.queue.limits.batch => {
                let most = self.queue.limits.batch;
                Refusal::Failed(format!("{rows} examples, at most {most} are taken at once"))
            }
            () if state.rows + rows > self.queue.limits.queue => Refusal::Full(state.rows),
            () => {
                state.rows += rows;
                state.jobs.push_back(job);
                drop(state);
                self.queue.changed.notify_one();
                return;
            }
        };
        drop(state);
        (job.reply)(Err(refusal));
    }

    /// Examples that wait.
    pub fn waiting(&self) -> usize {
        self.queue.state().rows
    }

    /// Takes no more jobs; what waits is answered.
    pub fn close(&self) {
        self.queue.state().closed = true;
        self.queue.changed.notify_all();
    }
}

impl Drop for Batcher {
    fn drop(&mut self) {
        self.close();
        for worker in self.workers.drain(..) {
            // What made it panic is on the terminal.
            let _ = worker.join();
        }
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, work: &Work) {
        let mut batch = Batch::default();
        while let Some(jobs) = self.take() {
            let now = Instant::now();
            let (jobs, late): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(|job| job.until > now);
            late.into_iter().for_each(|job| (job.reply)(Err(Refusal::Late)));
            if !jobs.is_empty() {
                (self.observe)(jobs.iter().map(Job::rows).sum());
                batch.run(jobs, work);
            }
        }
    }

    /// The jobs of the next batch; none when the queue is closed and empty.
    fn take(&self) -> Option<Vec<Job>> {
        let mut state = self.state();
        while state.jobs.is_empty() {
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        while state.rows < self.limits.batch && !state.closed {
            let Some(first) = state.jobs.front() else { break };
            let left = (first.arrived + self.limits.wait).saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let mut jobs = vec![];
        let mut rows = 0;
        while let Some(job) = state.jobs.pop_front_if(|job| rows + job.rows() <= self.limits.batch) {
            rows += job.rows();
            state.rows -= job.rows();
            jobs.push(job);
        }
        if !state.jobs.is_empty() {
            self.changed.notify_one(); // Another worker may begin with the rest.
        }
        Some(jobs)
    }
}

/// The examples of several jobs, one after the other, in memory that is used again.
#[derive(Default)]
struct Batch {
    elements: Option<Data>,
    shape: Vec<usize>,
}

impl Batch {
    fn run(&mut self, jobs: Vec<Job>, work: &Work) {
        if let [job] = &jobs[..] {
            let outputs = guarded(work, job.examples.view());
            return reply(jobs, outputs);
        }
        let outputs = self.gather(&jobs).and_then(|examples| guarded(work, examples));
        match outputs {
            Err(_) => {
                // One of them is at fault: each alone, so that the others are answered.
                for job in jobs {
                    let outputs = guarded(work, job.examples.view());
                    reply(vec![job], outputs);
                }
            }
            whole => reply(jobs, whole),
        }
    }

    fn gather(&mut self, jobs: &[Job]) -> Result<TensorRef<'_>, String> {
        let first = jobs.first().ok_or("no examples")?.examples.view();
        self.shape.clear();
        self.shape.extend(first.shape());
        self.shape[0] = jobs.iter().map(Job::rows).sum();
        let elements = self.elements.get_or_insert_with(|| Tensor::zeros(first.dtype(), [0]).into_data());
        if elements.dtype() != first.dtype() {
            *elements = Tensor::zeros(first.dtype(), [0]).into_data();
        }
        clear(elements);
        for job in jobs {
            if job.examples.shape()[1..] != self.shape[1..] || !append(elements, job.examples.view().data()) {
                return Err("examples of several shapes or types".into());
            }
        }
        let view = match elements {
            Data::F32(all) => TensorRef::new(&self.shape, all),
            Data::F64(all) => TensorRef::new(&self.shape, all),
            Data::I64(all) => TensorRef::new(&self.shape, all),
            Data::Bool(all) => TensorRef::new(&self.shape, all),
            Data::U8(all) => TensorRef::new(&self.shape, all),
        };
        view.map_err(|e| e.to_string())
    }
}

/// A panic is a bug, but no reason to stop answering others.
fn guarded(work: &Work, examples: TensorRef<'_>) -> Result<Vec<Tensor>, String> {
    let panicked = |_| Err("the model panicked; the message is on the service's terminal".to_owned());
    catch_unwind(AssertUnwindSafe(|| work(examples))).unwrap_or_else(panicked)
}

fn clear(elements: &mut Data) {
    match elements {
        Data::F32(all) => all.clear(),
        Data::F64(all) => all.clear(),
        Data::I64(all) => all.clear(),
        Data::Bool(all) => all.clear(),
        Data::U8(all) => all.clear(),
    }
}

/// False if they are of another type.
fn append(elements: &mut Data, more: DataRef<'_>) -> bool {
    match (elements, more) {
        (Data::F32(all), DataRef::F32(more)) => all.extend(more),
        (Data::F64(all), DataRef::F64(more)) => all.extend(more),
        (Data::I64(all), DataRef::I64(more)) => all.extend(more),
        (Data::Bool(all), DataRef::Bool(more)) => all.extend(more),
        (Data::U8(all), DataRef::U8(more)) => all.extend(more),
        _ => return false,
    }
    true
}

/// Gives each job its rows.
fn reply(jobs: Vec<Job>, outputs: Result<Vec<Tensor>, String>) {
    let total: usize = jobs.iter().map(Job::rows).sum();
    let mut begin = 0;
    for job in jobs {
        let rows = begin..begin + job.rows();
        begin = rows.end;
        let own = outputs.as_ref().map_err(Clone::clone).and_then(|outputs| {
            outputs.iter().map(|output| part(output, rows.clone(), total)).collect::<Result<Vec<_>, _>>()
        });
        (job.reply)(own.map_err(Refusal::Failed));
    }
}

/// Some of an array's rows.
fn part(all: &Tensor, rows: std::ops::Range<usize>, total: usize) -> Result<Tensor, String> {
    let mut shape = all.shape().to_vec();
    match shape.first_mut() {
        Some(first) if *first == total => *first = rows.len(),
        _ => return Err(format!("the model gave {shape:?} for {total} examples")),
    }
    let each: usize = shape[1..].iter().product();
    let elements = rows.start * each..rows.end * each;
    let data = match all.view().data() {
        DataRef::F32(all) => Data::F32(all[elements].to_vec()),
        DataRef::F64(all) => Data::F64(all[elements].to_vec()),
        DataRef::I64(all) => Data::I64(all[elements].to_vec()),
        DataRef::Bool(all) => Data::Bool(all[elements].to_vec()),
        DataRef::U8(all) => Data::U8(all[elements].to_vec()),
    };
    Tensor::from_data(shape, data).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::Duration;

    /// Twice every number, once the test has let the batch begin; numbers below 0 are a mistake.
    fn doubling(limits: Limits) -> (Batcher, Sender<()>, Receiver<usize>) {
        let ((go, gate), (sizes, batches)) = (channel::<()>(), channel());
        let gate = Mutex::new(gate);
        let work = move |x: TensorRef<'_>| {
            let _ = gate.lock().unwrap().recv();
            let x = x.to_owned();
            match x.to_f64().iter().any(|x| *x < 0.0) {
                true => Err("a number below 0".to_owned()),
                false => Ok(vec![
                    Tensor::from_f64(x.dtype(), x.shape(), &x.to_f64().map_each(|x| 2.0 * x)).unwrap(),
                ]),
            }
        };
        let sizes = Mutex::new(sizes);
        let batcher = Batcher::new(limits, Arc::new(work), move |n| sizes.lock().unwrap().send(n).unwrap());
        (batcher.unwrap(), go, batches)
    }

    trait MapEach {
        fn map_each(&self, of: impl Fn(f64) -> f64) -> Vec<f64>;
    }

    impl MapEach for Vec<f64> {
        fn map_each(&self, of: impl Fn(f64) -> f64) -> Vec<f64> {
            self.iter().map(|x| of(*x)).collect()
        }
    }

    fn submit(batcher: &Batcher, numbers: &[f32]) -> Receiver<Result<Vec<f64>, Refusal>> {
        let (to, from) = channel();
        let examples = Tensor::new([numbers.len(), 1], numbers.to_vec()).unwrap();
        let reply = move |answer: Result<Vec<Tensor>, Refusal>| {
            let _ = to.send(answer.map(|outputs| outputs[0].to_f64()));
        };
        batcher.submit(examples, Instant::now() + Duration::from_secs(3600), Box::new(reply));
        from
    }

    fn limits(batch: usize, queue: usize) -> Limits {
        Limits { batch, queue, ..Limits::default() }
    }

    #[test]
    fn what_waits_is_one_batch_and_everybody_gets_their_own() {
        let (batcher, go, sizes) = doubling(limits(4, 100));
        let first = submit(&batcher, &[1.0]);
        assert_eq!(sizes.recv(), Ok(1), "the worker is at work, and the rest waits");
        let rest: Vec<_> = [&[2.0, 3.0][..], &[4.0], &[5.0, 6.0], &[7.0]].map(|x| submit(&batcher, x)).into();
        assert_eq!(batcher.waiting(), 6);
        (0..3).for_each(|_| go.send(()).unwrap());
        assert_eq!(first.recv().unwrap(), Ok(vec![2.0]));
        let all: Vec<_> = rest.iter().map(|answer| answer.recv().unwrap().unwrap()).collect();
        assert_eq!(all, [vec![4.0, 6.0], vec![8.0], vec![10.0, 12.0], vec![14.0]]);
        // Two and one make three, and two more would be five.
        assert_eq!(sizes.try_iter().collect::<Vec<_>>(), [3, 3]);
    }

    #[test]
    fn more_than_the_queue_holds_is_refused_and_then_it_goes_on() {
        let (batcher, go, sizes) = doubling(limits(4, 3));
        let first = submit(&batcher, &[1.0]);
        sizes.recv().unwrap();
        let waiting = submit(&batcher, &[2.0, 3.0, 4.0]);
        assert_eq!(submit(&batcher, &[5.0]).recv().unwrap(), Err(Refusal::Full(3)));
        let many = submit(&batcher, &[1.0; 5]).recv().unwrap().unwrap_err();
        assert_eq!(many.to_string(), "5 examples, at most 4 are taken at once");
        (0..2).for_each(|_| go.send(()).unwrap());
        assert_eq!(first.recv().unwrap(), Ok(vec![2.0]));
        assert_eq!(waiting.recv().unwrap(), Ok(vec![4.0, 6.0, 8.0]));
        let after = submit(&batcher, &[5.0]);
        go.send(()).unwrap();
        assert_eq!(after.recv().unwrap(), Ok(vec![10.0]));
    }

    #[test]
    fn a_mistake_of_one_is_no_mistake_of_the_others() {
        let (batcher, go, sizes) = doubling(limits(4, 100));
        let first = submit(&batcher, &[1.0]);
        sizes.recv().unwrap();
        let answers: Vec<_> = [2.0, -3.0, 4.0].map(|x| submit(&batcher, &[x])).into();
        (0..5).for_each(|_| go.send(()).unwrap());
        first.recv().unwrap().unwrap();
        let answers: Vec<_> = answers.iter().map(|answer| answer.recv().unwrap()).collect();
        let wrong = Err(Refusal::Failed("a number below 0".into()));
        assert_eq!(answers, [Ok(vec![4.0]), wrong, Ok(vec![8.0])]);
    }

    #[test]
    fn what_waits_is_answered_at_the_end_and_what_is_late_is_told() {
        let (batcher, go, sizes) = doubling(limits(4, 100));
        let first = submit(&batcher, &[1.0]);
        sizes.recv().unwrap();
        let (to, late) = channel();
        let reply: Reply = Box::new(move |answer| to.send(answer).unwrap());
        batcher.submit(Tensor::zeros(dl_core::DType::F32, [1, 1]), Instant::now(), reply);
        let last = submit(&batcher, &[2.0]);
        batcher.close();
        assert_eq!(submit(&batcher, &[3.0]).recv().unwrap(), Err(Refusal::Closed));
        (0..2).for_each(|_| go.send(()).unwrap());
        drop(batcher);
        assert_eq!(first.recv().unwrap(), Ok(vec![2.0]));
        assert_eq!(last.recv().unwrap(), Ok(vec![4.0]));
        assert_eq!(late.recv().unwrap(), Err(Refusal::Late));
        assert_eq!(sizes.try_iter().collect::<Vec<_>>(), [1]);
    }
}
