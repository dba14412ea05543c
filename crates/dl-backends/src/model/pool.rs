//! Instances that nobody uses at the moment, by the sizes of their inputs.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use dl_core::TensorRef;

use crate::error::Result;
use crate::executor::{Buffer, Call, Executable};

/// Memory and code for one call at a time, with inputs of given sizes.
pub(super) struct Instance {
    place: Arc<Place>,
    work: Work,
}

/// What it works with. It does not know its place: that would keep both for ever.
struct Work {
    executable: Box<dyn Executable>,
    /// Shared with all other instances where the executor can.
    weights: Vec<Buffer>,
    slots: Vec<usize>,
}

/// Where instances for inputs of the same sizes wait.
pub(super) struct Place {
    /// Of all inputs, one after the other.
    sizes: Box<[usize]>,
    free: Mutex<Vec<Work>>,
    /// The number of places that had been made when it was last used.
    used: AtomicU64,
}

/// All instances that wait.
pub(super) struct Pool {
    places: RwLock<Vec<Arc<Place>>>,
    made: AtomicU64,
    most: AtomicUsize,
}

/// For how many sets of sizes instances are kept, where nobody says otherwise.
const SIZES: usize = 16;

impl Instance {
    pub(super) fn new(place: Arc<Place>, executable: Box<dyn Executable>, weights: Vec<Buffer>) -> Self {
        Instance { place, work: Work { executable, slots: (0..weights.len()).collect(), weights } }
    }

    /// Whether it is for inputs of these sizes.
    pub(super) fn fits(&self, inputs: &[TensorRef<'_>]) -> bool {
        self.place.fits(inputs)
    }

    pub(super) fn run(&mut self, inputs: &[TensorRef<'_>], seed: u64) -> Result<()> {
        let Work { executable, weights, slots } = &mut self.work;
        let (parameters, slots) = (&mut weights[..], &slots[..]);
        // Every run is the first one: a model is a function.
        executable.run(Call { inputs, rows: None, parameters, slots, seed, step: 0, run: 0 })
    }

    /// What the last run left.
    pub(super) fn executable(&self) -> &dyn Executable {
        &*self.work.executable
    }

    /// Lets others use it.
    pub(super) fn give_back(self) {
        self.place.free.lock().unwrap_or_else(PoisonError::into_inner).push(self.work);
    }
}

impl Place {
    fn fits(&self, inputs: &[TensorRef<'_>]) -> bool {
        self.sizes.iter().eq(inputs.iter().flat_map(|input| input.shape()))
    }
}

impl Default for Pool {
    fn default() -> Self {
        Pool { places: RwLock::default(), made: AtomicU64::new(0), most: AtomicUsize::new(SIZES) }
    }
}

impl Pool {
    /// An instance that waits, of inputs whose types and numbers of axes were checked.
    pub(super) fn take(&self, inputs: &[TensorRef<'_>]) -> Option<Instance> {
        let places = self.places.read().unwrap_or_else(PoisonError::into_inner);
        let place = places.iter().find(|place| place.fits(inputs))?;
        let now = self.made.load(Ordering::Relaxed);
        // Only then written, so that threads do not take it from each other's caches.
        if place.used.load(Ordering::Relaxed) != now {
            place.used.store(now, Ordering::Relaxed);
        }
        let work = place.free.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        Some(Instance { place: place.clone(), work })
    }

    /// Where instances of these sizes wait; the least recently used place goes if there are too many.
    pub(super) fn place(&self, inputs: &[TensorRef<'_>]) -> Arc<Place> {
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = places.iter().find(|place| place.fits(inputs)) {
            return place.clone();
        }
        leave(&mut places, self.most.load(Ordering::Relaxed).saturating_sub(1));
        let made = self.made.fetch_add(1, Ordering::Relaxed) + 1;
        let sizes = inputs.iter().flat_map(|input| input.shape().iter().copied()).collect();
        let place = Arc::new(Place { sizes, free: Mutex::default(), used: AtomicU64::new(made) });
        places.push(place.clone());
        place
    }

    /// Keeps places for `most` sets of sizes.
    pub(super) fn keep(&self, most: usize) {
        self.most.store(most.max(1), Ordering::Relaxed);
        leave(&mut self.places.write().unwrap_or_else(PoisonError::into_inner), most.max(1));
    }
}

/// Lets places go until `most` are left, with what waits there; an instance in use is the last to know its place.
fn leave(places: &mut Vec<Arc<Place>>, most: usize) {
    while places.len() > most {
        let used = |i: &usize| places[*i].used.load(Ordering::Relaxed);
        let Some(oldest) = (0..places.len()).min_by_key(used) else { return };
        places.swap_remove(oldest);
    }
}
