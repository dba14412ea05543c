//! A team of threads for work of microseconds: between two pieces it stays awake for a while, where a
//! pool would have gone to sleep. Nobody waits for a member that the system keeps from coming: what it
//! would have done, others do.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::{self, JoinHandle};
use std::{hint, io};

/// How often a thread looks for work before it goes to sleep: some tens of microseconds.
const PATIENCE: usize = 1 << 13;

/// Elements that make it worth to ask for help.
const PART: usize = 1 << 13;

/// The calling thread and its helpers.
pub(super) struct Team {
    shared: Arc<Shared>,
    /// Held by whoever gives the team work.
    leading: Mutex<()>,
    helpers: Vec<JoinHandle<()>>,
}

type Job = *const (dyn Fn(usize) + Sync);

struct Shared {
    /// Counts the jobs: a new number is a new job.
    epoch: AtomicUsize,
    job: UnsafeCell<Option<Job>>,
    /// A latch: how many helpers are at the job, or find out that it is [`CLOSED`].
    latch: AtomicUsize,
    panicked: AtomicBool,
    stopped: AtomicBool,
    sleepers: AtomicUsize,
    /// Counts the helpers whose threads have begun; held to go to sleep and to wake sleepers.
    begun: Mutex<usize>,
    /// Tells of new jobs, and of helpers that have begun.
    changed: Condvar,
}

/// Of the latch: helpers that come now are too late.
const CLOSED: usize = 1 << (usize::BITS - 1);

// SAFETY: `job` is written only while the latch is closed and counts no helper; helpers read it while they
// are counted, once they found it open. What it points to is shared (`Sync`), and outlives the job:
// `Lead::all` closes the latch and returns when no helper is counted any more.
unsafe impl Sync for Shared {}
// SAFETY: as above; the pointer is only ever followed during a job.
unsafe impl Send for Shared {}

impl Team {
    /// A team of so many, the caller among them, all of whose threads have begun: they take nothing more
    /// from the heap.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub(super) fn new(members: usize) -> io::Result<Team> {
        let shared = Arc::new(Shared {
            epoch: AtomicUsize::new(0),
            job: UnsafeCell::new(None),
            latch: AtomicUsize::new(CLOSED),
            panicked: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            sleepers: AtomicUsize::new(0),
            begun: Mutex::new(0),
            changed: Condvar::new(),
        });
        let mut team = Team { shared, leading: Mutex::new(()), helpers: vec![] };
        for index in 1..members {
            let shared = team.shared.clone();
            let helper = thread::Builder::new().name(format!("cpu-{index}"));
            team.helpers.push(helper.spawn(move || shared.help(index))?);
        }
        team.shared.await_helpers(members.saturating_sub(1));
        Ok(team)
    }

    /// How many they are.
    pub(super) fn members(&self) -> usize {
        self.helpers.len() + 1
    }

    /// Calls `work` with the numbers below `count`, each once, by whichever member is free; alone, if the
    /// team has work already.
    ///
    /// # Panics
    /// When `work` does.
    pub(super) fn each(&self, count: usize, work: &(dyn Fn(usize) + Sync)) {
        let Some(mut lead) = self.lead() else { return (0..count).for_each(work) };
        let next = AtomicUsize::new(0);
        lead.all(&|_| {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= count {
                    return;
                }
                work(index);
            }
        });
    }

    /// Makes the caller the one who gives the team work, unless somebody is already, or there are no
    /// others.
    pub(super) fn lead(&self) -> Option<Lead<'_>> {
        let leading = match self.leading.try_lock() {
            Ok(leading) => leading,
            // Somebody's work panicked; the team is well.
            Err(TryLockError::Poisoned(leading)) => leading.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        (!self.helpers.is_empty()).then_some(Lead { team: self, _leading: leading })
    }

    /// Calls `work` with parts of `out`, `chunk` long, and where each begins.
    ///
    /// # Panics
    /// When `work` does.
    pub(super) fn chunks<T: Send>(
        &self,
        out: &mut [T],
        chunk: usize,
        work: &(dyn Fn(usize, &mut [T]) + Sync),
    ) {
        struct Start<T>(*mut T);
        // SAFETY: the threads take parts that do not overlap, of elements that may be sent.
        unsafe impl<T: Send> Sync for Start<T> {}
        let (start, len, chunk) = (Start(out.as_mut_ptr()), out.len(), chunk.max(1));
        let start = &start;
        self.each(len.div_ceil(chunk), &|index| {
            let first = index * chunk;
            // SAFETY: inside `out`, which is borrowed until all are done; each index comes once.
            let part = unsafe { std::slice::from_raw_parts_mut(start.0.add(first), chunk.min(len - first)) };
            work(first, part);
        });
    }

    /// Calls `work` with all of `out`, or where that is long and there is a team, with parts of it.
    pub(super) fn share<T: Send>(
        team: Option<&Team>,
        out: &mut [T],
        work: &(dyn Fn(usize, &mut [T]) + Sync),
    ) {
        match team {
            Some(team) if Team::sharers(out.len(), team.members()) > 1 => team.chunks(out, PART, work),
            _ => work(0, out),
        }
    }

    /// How many of so many members [`Team::share`] gives a part of so many elements.
    pub(super) fn sharers(len: usize, members: usize) -> usize {
        if len >= 2 * PART { members.min(len.div_ceil(PART)) } else { 1 }
    }
}

/// Whoever gives a team work.
pub(super) struct Lead<'t> {
    team: &'t Team,
    _leading: MutexGuard<'t, ()>,
}

impl Lead<'_> {
    /// How many the members are.
    pub(super) fn members(&self) -> usize {
        self.team.members()
    }

    /// Calls `work` with a member and the numbers below `count`, each once: member `i` begins with part `i`
    /// of them, so that it finds in its caches what it had there the last time, and goes on with what nobody
    /// has begun.
    ///
    /// # Panics
    /// When `work` does, or there are more than 64 numbers.
    pub(super) fn parts(&mut self, count: usize, work: &(dyn Fn(usize, usize) + Sync)) {
        assert!(count <= 64, "{count} parts: at most 64 can be told apart");
        let (begun, members) = (AtomicU64::new(0), self.members());
        self.all(&|member| {
            let first = member * count / members;
            for number in (first..count).chain(0..first) {
                let bit = 1 << number;
                if begun.load(Ordering::Relaxed) & bit == 0
                    && begun.fetch_or(bit, Ordering::Relaxed) & bit == 0
                {
                    work(member, number);
                }
            }
        });
    }

    /// Calls `work` on the caller, whose number is 0, and on every other member that comes before the
    /// caller is done with it.
    ///
    /// # Panics
    /// When `work` does.
    fn all(&mut self, work: &(dyn Fn(usize) + Sync)) {
        let Team { shared, .. } = self.team;
        // SAFETY: only the lifetime is lengthened; see `Shared`.
        let job: Job = unsafe { std::mem::transmute::<*const (dyn Fn(usize) + Sync + '_), Job>(work) };
        // SAFETY: the latch is closed, and the last job waited until it counted no helper.
        unsafe { *shared.job.get() = Some(job) };
        shared.latch.fetch_and(!CLOSED, Ordering::Release);
        shared.epoch.fetch_add(1, Ordering::SeqCst);
        shared.wake();
        let own = catch_unwind(AssertUnwindSafe(|| work(0)));
        let mut inside = shared.latch.fetch_or(CLOSED, Ordering::Acquire);
        let mut looks = 0;
        while inside & !CLOSED != 0 {
            pause(&mut looks);
            inside = shared.latch.load(Ordering::Acquire);
        }
        let panicked = shared.panicked.swap(false, Ordering::Relaxed);
        if let Err(panic) = own {
            resume_unwind(panic);
        }
        assert!(!panicked, "a thread of the team panicked; the message stands above");
    }
}

/// Waits a moment; where that takes long, lets others have the processor.
fn pause(looks: &mut usize) {
    *looks += 1;
    if *looks < PATIENCE { hint::spin_loop() } else { thread::yield_now() }
}

impl Shared {
    fn wake(&self) {
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            // A helper that has found nothing new and does not sleep yet holds the lock.
            drop(self.lock());
            self.changed.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, usize> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until so many helpers have begun.
    fn await_helpers(&self, count: usize) {
        let mut begun = self.lock();
        while *begun < count {
            begun = self.changed.wait(begun).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What a helper's thread does.
    fn help(&self, index: usize) {
        *self.lock() += 1;
        self.changed.notify_all();
        let mut seen = 0;
        loop {
            self.wait(seen);
            // Before the latch: a job that comes after this is another one.
            seen = self.epoch.load(Ordering::Acquire);
            if self.stopped.load(Ordering::Acquire) {
                return;
            }
            if self.latch.fetch_add(1, Ordering::Acquire) & CLOSED == 0 {
                // SAFETY: the job stands while the latch counts this helper.
                let job = unsafe { (*self.job.get()).map(|job| &*job) };
                let done = catch_unwind(AssertUnwindSafe(|| job.map(|job| job(index))));
                if done.is_err() {
                    self.panicked.store(true, Ordering::Relaxed);
                }
            }
            self.latch.fetch_sub(1, Ordering::Release);
        }
    }

    /// Until the epoch is another one.
    fn wait(&self, seen: usize) {
        for _ in 0..PATIENCE {
            if self.epoch.load(Ordering::Acquire) != seen {
                return;
            }
            hint::spin_loop();
        }
        let mut begun = self.lock();
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        while self.epoch.load(Ordering::SeqCst) == seen {
            begun = self.changed.wait(begun).unwrap_or_else(PoisonError::into_inner);
        }
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        self.shared.epoch.fetch_add(1, Ordering::SeqCst);
        self.shared.wake();
        for helper in self.helpers.drain(..) {
            // Panics of a job were told to the caller.
            let _ = helper.join();
        }
    }
}

impl std::fmt::Debug for Team {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Team({})", self.members())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_comes_once() {
        for members in [1, 2, 5] {
            let team = Team::new(members).expect("threads");
            for count in [0, 1, 3, 1000] {
                let calls: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
                team.each(count, &|i| {
                    calls[i].fetch_add(1, Ordering::Relaxed);
                });
                assert!(calls.iter().all(|n| n.load(Ordering::Relaxed) == 1), "{members} for {count}");
            }
        }
    }

    #[test]
    fn parts_come_once_whoever_takes_them() {
        for members in [1, 2, 5] {
            let team = Team::new(members).expect("threads");
            for count in (0..200).map(|i| i % 65) {
                let calls: Vec<AtomicUsize> = (0..count).map(|_| AtomicUsize::new(0)).collect();
                let work = |member: usize, number: usize| {
                    assert!(member < members);
                    calls[number].fetch_add(1, Ordering::Relaxed);
                };
                match team.lead() {
                    Some(mut lead) => lead.parts(count, &work),
                    None => (0..count).for_each(|number| work(0, number)),
                }
                assert!(calls.iter().all(|n| n.load(Ordering::Relaxed) == 1), "{members} for {count}");
            }
        }
    }

    #[test]
    fn nobody_waits_for_a_member_that_does_not_come() {
        let team = Team::new(2).expect("threads");
        team.shared.stopped.store(true, Ordering::Release);
        team.shared.epoch.fetch_add(1, Ordering::SeqCst);
        team.shared.wake();
        while !team.helpers[0].is_finished() {
            thread::yield_now();
        }
        let done = AtomicUsize::new(0);
        team.lead().expect("nobody else leads").parts(7, &|member, number| {
            done.fetch_add(number + 100 * member, Ordering::Relaxed);
        });
        assert_eq!(done.into_inner(), 21);
    }

    #[test]
    fn chunks_are_parts_of_the_slice() {
        let team = Team::new(3).expect("threads");
        let mut places = vec![0; 1000];
        for _ in 0..200 {
            team.chunks(&mut places, 7, &|start, part| {
                part.iter_mut().enumerate().for_each(|(i, x)| *x += start + i);
            });
        }
        assert!(places.iter().enumerate().all(|(i, x)| *x == 200 * i));
    }

    #[test]
    fn work_inside_work_is_done_by_one() {
        let team = Team::new(2).expect("threads");
        let total = AtomicUsize::new(0);
        team.each(4, &|_| {
            team.each(5, &|_| {
                total.fetch_add(1, Ordering::Relaxed);
            });
        });
        assert_eq!(total.into_inner(), 20);
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_team_goes_on() {
        let team = Team::new(2).expect("threads");
        let fails = catch_unwind(AssertUnwindSafe(|| team.each(8, &|i| assert_ne!(i, 5))));
        assert!(fails.is_err());
        all_come(&team);
    }

    #[test]
    fn helpers_that_fell_asleep_wake_up() {
        let team = Team::new(2).expect("threads");
        for _ in 0..3 {
            while team.shared.sleepers.load(Ordering::SeqCst) == 0 {
                thread::yield_now();
            }
            all_come(&team);
        }
    }

    /// Ends only if every member comes.
    fn all_come(team: &Team) {
        let met = AtomicUsize::new(0);
        let come = AtomicBool::new(true);
        team.lead().expect("nobody else leads").all(&|_| {
            met.fetch_add(1, Ordering::SeqCst);
            for look in 0.. {
                if met.load(Ordering::SeqCst) >= team.members() {
                    return;
                }
                if look > 1 << 24 {
                    come.store(false, Ordering::SeqCst);
                    return;
                }
                thread::yield_now();
            }
        });
        assert!(come.into_inner(), "members stay away");
    }
}
