//! Products cut as measurements say: the candidates of each are run on the device when a program is compiled, on
//! memory of their own, and what was fastest is kept in a file.
//!
//! A machine may be noisy, so candidates take turns, and the model's cut stays unless another one is faster in nearly
//! every round. Tiles are tried first, each with the shares that the model gives it, then other shares of the best.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cubecl::bytes::Bytes;
use cubecl::server::Handle;
use dl_core::schedule::Product;
use twox_hash::XxHash3_64;

use super::body::Result;
use super::cut::Whole;
use super::launch::Launch;
use super::lower::{Device, Lowering};
use super::memory::{Home, Slot};
use super::product::{self, Accumulates};
use super::profile::seconds;
use crate::burn::bridge::Steps;
use crate::tuning::{Choice, Choices, Cut, Key, Timed};

/// After so long no further candidate of a product is begun, and no further round.
const TRYING: Duration = Duration::from_secs(3);
const LIMIT: Duration = Duration::from_secs(6);
/// Rounds in which all that are left take turns.
const ROUNDS: usize = 9;
/// How many are left, beside the model's.
const FINALISTS: usize = 3;
/// What each turn takes at least, by as many runs as that needs.
const TURN: f64 = 2e-3;
/// Of the model's time, what a cut must stay below to be taken, in the median of the rounds.
const GAIN: f64 = 0.97;
/// Bytes that the buffers of a product's candidates may take.
const ROOM: usize = 1 << 30;

/// What is known of a device's products, and the file that keeps it.
pub(crate) struct Tuning {
    path: PathBuf,
    device: String,
    driver: String,
    choices: Mutex<Choices>,
}

impl Tuning {
    pub(crate) fn new(path: PathBuf, choices: Choices, device: String, driver: String) -> Self {
        Tuning { path, device, driver, choices: Mutex::new(choices) }
    }

    fn choices(&self) -> MutexGuard<'_, Choices> {
        self.choices.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who chose how a product is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Model,
    Measurement,
    Known,
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            By::Model => "the model",
            By::Measurement => "measurement",
            By::Known => "an earlier measurement",
        })
    }
}

/// Measures the products of one program.
pub(super) struct Tuner<'a> {
    steps: &'a Steps,
    tuning: &'a Tuning,
    /// By kernel. A program may have one product several times.
    found: RefCell<HashMap<String, (Cut, By)>>,
    measured: RefCell<Vec<Choice>>,
}

impl<'a> Tuner<'a> {
    pub(super) fn new(steps: &'a Steps, tuning: &'a Tuning) -> Self {
        Tuner { steps, tuning, found: RefCell::default(), measured: RefCell::default() }
    }

    /// How a product is cut; none where the model decides.
    pub(super) fn cut(
        &self,
        lowering: &Lowering<'_>,
        product: &Product,
        accumulates: Accumulates<'_>,
    ) -> (Option<Cut>, By) {
        let trial = |cut| Trial::new(lowering, product, accumulates, cut);
        // Its error is that of the product, which is made once more.
        let Ok(model) = trial(None) else { return (None, By::Model) };
        let kernel = model.digest();
        if let Some((cut, by)) = self.found.borrow().get(&kernel) {
            return (Some(*cut), *by);
        }
        let Tuning { device, driver, .. } = self.tuning;
        let key = Key { device: device.clone(), driver: driver.clone(), kernel: kernel.clone() };
        let known = self.tuning.choices().get(&key).map(|choice| choice.best.cut);
        let (cut, by) = match known.filter(|cut| model.whole.allows(*cut)) {
            Some(cut) => (cut, By::Known),
            None => {
                let (text, model_cut) = (model.whole.text(), model.cut);
                let race =
                    Race { steps: self.steps, device: lowering.device, pool: vec![], began: Instant::now() };
                match race.run(model, &trial) {
                    Some((best, model)) => {
                        self.measured.borrow_mut().push(Choice { key, product: text, best, model });
                        (best.cut, By::Measurement)
                    }
                    None => (model_cut, By::Model),
                }
            }
        };
        self.found.borrow_mut().insert(kernel, (cut, by));
        (Some(cut), by)
    }

    /// Keeps what was measured; a line that says how much that was.
    pub(super) fn finish(self) -> String {
        let Tuning { path, .. } = self.tuning;
        let (found, measured) = (self.found.into_inner(), self.measured.into_inner());
        let count = |by| found.values().filter(|(_, other)| *other == by).count();
        let line = format!(
            "tuning     {} products measured, {} known, {} as the model says",
            count(By::Measurement),
            count(By::Known),
            count(By::Model)
        );
        if measured.is_empty() {
            return line;
        }
        // What the device's pool holds for candidates goes back to the device; refused, it is used again later.
        let _ = self.steps.client().memory_cleanup();
        let mut choices = self.tuning.choices();
        measured.iter().for_each(|choice| choices.add(choice.clone()));
        match Choices::add_to(path, &measured) {
            Ok(all) => {
                *choices = all;
                line
            }
            // The program can run: only the next process has to measure again.
            Err(why) => {
                tracing::warn!("measured cuts of products could not be kept: {why}");
                format!("{line}; they could not be kept: {why}")
            }
        }
    }
}

/// A product with one of its cuts.
struct Trial {
    whole: Whole,
    cut: Cut,
    launches: Vec<Launch>,
    slots: Vec<Slot>,
    /// By slot, whether its elements are floats, if a launch is bound to it.
    floats: Vec<Option<bool>>,
    memory: Vec<Option<Handle>>,
    /// The least that a run took so far.
    seconds: f64,
}

impl Trial {
    fn new(
        lowering: &Lowering<'_>,
        product: &Product,
        accumulates: Accumulates<'_>,
        cut: Option<Cut>,
    ) -> Result<Trial> {
        // Nothing of it stays.
        let mut lowering = lowering.clone();
        let made = product::made(&mut lowering, product, "", accumulates, cut)?;
        let slots = lowering.slots;
        let mut floats = vec![None; slots.len()];
        for (slot, element) in made.launches.iter().flat_map(|shader| shader.bindings()) {
            floats[slot.0] = Some(element.contains('f'));
        }
        let memory = vec![None; slots.len()];
        let launches = made.launches.into_iter().map(|shader| shader.launch()).collect();
        let (whole, cut) = (made.sized.whole(), made.sized.cut());
        Ok(Trial { whole, cut, launches, slots, floats, memory, seconds: f64::INFINITY })
    }

    /// Of its kernels' texts and how they are launched.
    fn digest(&self) -> String {
        let mut all = String::new();
        for launch in &self.launches {
            all += &format!(
                "{} × {}\n{}\n",
                launch.groups,
                launch.source.size,
                unnumbered(launch.source.text())
            );
        }
        let [a, b] = [7, 13].map(|seed| XxHash3_64::oneshot_with_seed(seed, all.as_bytes()));
        format!("{a:016x}{b:016x}")
    }
}

/// A text without the numbers that it computes with: a rate may be another one.
fn unnumbered(text: &str) -> String {
    let of_number = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '_';
    let (mut all, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(first) = rest.chars().next() {
        let mut len = rest.find(|c| !of_number(c)).unwrap_or(rest.len()).max(first.len_utf8());
        if first.is_ascii_digit() && rest[..len].ends_with('e') {
            // 1e-7f
            let more = rest[len..].strip_prefix(['-', '+']).unwrap_or_default();
            len = rest.len() - more.trim_start_matches(of_number).len();
        }
        let token = &rest[..len];
        let number = first.is_ascii_digit() && token.contains(['.', 'e']) && token.ends_with(['f', 'h']);
        all += if number { "#" } else { token };
        rest = &rest[len..];
    }
    all
}

/// The candidates of one product, one against the other.
struct Race<'a> {
    steps: &'a Steps,
    device: Device,
    pool: Vec<Pooled>,
    began: Instant,
}

/// Memory that candidates have one after the other.
struct Pooled {
    bytes: usize,
    /// What is only read must stay as it is, since it may be indices.
    kind: (bool, bool),
    handle: Handle,
    taken: bool,
}

impl Race<'_> {
    /// The fastest cut and the model's, with their times; none where nothing could be measured.
    fn run(mut self, model: Trial, trial: &dyn Fn(Option<Cut>) -> Result<Trial>) -> Option<(Timed, Timed)> {
        let (whole, first, device) = (model.whole, model.cut, self.device);
        let mut all = vec![self.tried(model, f64::INFINITY)?];
        let more = |race: &mut Self, all: &mut Vec<Trial>, cuts: Vec<Cut>| {
            for cut in cuts {
                if race.began.elapsed() < TRYING && all.iter().all(|other| other.cut != cut) {
                    let best = all.iter().map(|other| other.seconds).fold(f64::INFINITY, f64::min);
                    all.extend(trial(Some(cut)).ok().and_then(|trial| race.tried(trial, best)));
                }
            }
        };
        more(&mut self, &mut all, whole.other_tiles(device, first));
        let mut tiles: Vec<(f64, Cut)> = all.iter().map(|trial| (trial.seconds, trial.cut)).collect();
        tiles.sort_by(|a, b| a.0.total_cmp(&b.0));
        let shares = |(_, cut): &(f64, Cut)| whole.other_shares(device, *cut);
        let shares: Vec<Cut> = tiles.iter().take(2).flat_map(shares).collect();
        more(&mut self, &mut all, shares);
        all[1..].sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        all.truncate(1 + FINALISTS);
        let mut rounds = vec![];
        // What is too slow for these keeps the model's cut, and is not measured again.
        while rounds.is_empty() || rounds.len() < ROUNDS && self.began.elapsed() < LIMIT {
            let mut round = vec![0.0; all.len()];
            for turn in 0..all.len() {
                let at = (turn + rounds.len()) % all.len();
                round[at] = self.turn(&all[at])?;
            }
            rounds.push(round);
        }
        let timed = |at: usize| {
            let seconds = median(rounds.iter().map(|round| round[at]));
            seconds.map(|seconds| Timed { cut: all[at].cut, seconds })
        };
        Some((timed(fastest(&rounds))?, timed(0)?))
    }

    /// A candidate that has run, unless it takes more than twice of the best.
    fn tried(&mut self, mut trial: Trial, best: f64) -> Option<Trial> {
        self.place(&mut trial).ok()?;
        // The driver compiles in the first run.
        for _ in 0..2 {
            trial.seconds = self.runs(&trial, 1)?;
        }
        if trial.seconds > 4.0 * best {
            return None;
        }
        for _ in 0..2 {
            trial.seconds = trial.seconds.min(self.turn(&trial)?);
        }
        (trial.seconds <= 2.0 * best).then_some(trial)
    }

    fn turn(&self, trial: &Trial) -> Option<f64> {
        self.runs(trial, (TURN / trial.seconds).clamp(1.0, 50.0) as usize)
    }

    /// Seconds of one of so many runs, by the device's clock where it has one.
    fn runs(&self, trial: &Trial, times: usize) -> Option<f64> {
        let client = self.steps.client();
        let window = client.profile_start().ok()?;
        let submitted = (0..times)
            .flat_map(|_| &trial.launches)
            .try_for_each(|launch| launch.submit(&client, &trial.memory));
        let took = seconds(client.profile_end(window).ok()?);
        submitted.ok().filter(|()| took > 0.0).map(|()| took / times as f64)
    }

    /// Gives a candidate memory: tables as they are, other integers zeros, floats some number.
    fn place(&mut self, trial: &mut Trial) -> Result<()> {
        self.pool.iter_mut().for_each(|pooled| pooled.taken = false);
        let largest = self.steps.largest();
        for (i, slot) in trial.slots.iter().enumerate() {
            let Some(float) = trial.floats[i] else { continue };
            if let Home::Known(tensor) = &slot.home {
                trial.memory[i] = Some(self.steps.upload(tensor.view())?);
                continue;
            }
            let bytes = slot.bytes();
            let written = trial.launches.iter().any(|launch| launch.writes.iter().any(|slot| slot.0 == i));
            let kind = (float, written);
            let is_free =
                |pooled: &&mut Pooled| !pooled.taken && (pooled.bytes, pooled.kind) == (bytes, kind);
            if let Some(pooled) = self.pool.iter_mut().find(is_free) {
                pooled.taken = true;
                trial.memory[i] = Some(pooled.handle.clone());
                continue;
            }
            let all: usize = self.pool.iter().map(|pooled| pooled.bytes).sum();
            if bytes > largest || all.saturating_add(bytes) > ROOM {
                return Err("too large to be measured".into());
            }
            // 0.747 in 32 bits, 1.81 in 16: neither zero nor subnormal, which processors may treat in another way.
            let fill = if float { 0x3f } else { 0 };
            let handle = self.steps.client().create(Bytes::from_bytes_vec(vec![fill; bytes]));
            trial.memory[i] = Some(handle.clone());
            self.pool.push(Pooled { bytes, kind, handle, taken: true });
        }
        Ok(())
    }
}

/// Who is taken, of those that had a turn in each round: the first, unless another is clearly faster.
fn fastest(rounds: &[Vec<f64>]) -> usize {
    let all = rounds.first().map_or(0, Vec::len);
    let ratios = |at: usize| rounds.iter().map(move |round| round[at] / round[0]);
    let clearly = |at: &usize| {
        let faster = ratios(*at).filter(|ratio| *ratio < 1.0).count();
        rounds.len() * 2 > ROUNDS && 9 * faster >= 8 * rounds.len()
    };
    let found = (1..all).filter(clearly).filter_map(|at| Some((median(ratios(at))?, at)));
    let found = found.filter(|(ratio, _)| *ratio <= GAIN);
    found.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(0, |(_, at)| at)
}

fn median(of: impl Iterator<Item = f64>) -> Option<f64> {
    let mut all: Vec<f64> = of.collect();
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_stays_unless_another_is_clearly_faster() {
        // A machine that is twice as slow in some rounds.
        let slow = [1.0, 2.0, 1.0, 1.5, 2.0, 1.0, 1.0, 1.7, 1.0];
        let rounds = |times: &dyn Fn(usize) -> Vec<f64>, count: usize| -> Vec<Vec<f64>> {
            (0..count).map(|i| times(i).into_iter().map(|time| slow[i] * time).collect()).collect()
        };
        let steady = rounds(&|_| vec![1.0, 0.9, 0.8, 1.1], 9);
        assert_eq!(fastest(&steady), 2);
        assert_eq!(fastest(&rounds(&|_| vec![1.0, 0.98], 9)), 0, "too little");
        assert_eq!(fastest(&rounds(&|i| vec![1.0, if i % 4 == 0 { 1.2 } else { 0.5 }], 9)), 0, "not always");
        assert_eq!(
            fastest(&rounds(&|i| vec![1.0, if i == 3 { 1.2 } else { 0.5 }], 9)),
            1,
            "once by accident"
        );
        assert_eq!(fastest(&steady[..4]), 0, "too few rounds");
        assert_eq!(fastest(&steady[..5]), 2);
        assert_eq!(fastest(&[]), 0);
    }

    #[test]
    fn rates_are_no_part_of_a_kernel() {
        let text = |number: &str| format!("b0[v1e] = 0.5f * s4 + {number} * f(16u, 1.5, x_2);");
        assert_eq!(unnumbered(&text("-0.25f")), unnumbered(&text("-1e-7f")));
        assert_eq!(unnumbered(&text("0.1f")), "b0[v1e] = # * s4 + # * f(16u, 1.5, x_2);");
        assert_ne!(unnumbered(&text("16u")), unnumbered(&text("32u")));
    }
}
