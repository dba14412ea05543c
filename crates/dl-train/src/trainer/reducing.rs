//! A learning rate that is reduced when a training does not get better.

use dl_core::DType;
use dl_core::nn::Plateau;
use dl_core::spelling::suggestion;

use crate::error::{Error, Result, listed};
use crate::source::Feed;
use crate::trainer::Trainer;

/// A plateau, and the input that takes its rate.
pub(super) struct Reducing {
    plateau: Plateau,
    feed: Feed,
}

impl Reducing {
    /// What the next batch is given.
    pub(super) fn feed(&self) -> &Feed {
        &self.feed
    }

    /// Takes what the training is judged by.
    pub(super) fn observe(&mut self, score: f64) -> Result<()> {
        self.feed.value = self.plateau.observe(score)?;
        Ok(())
    }

    /// Takes all that it was judged by, where it was resumed.
    pub(super) fn replay(&mut self, scores: &[f64]) -> Result<()> {
        scores.iter().try_for_each(|score| self.observe(*score))
    }
}

impl Trainer<'_> {
    /// Gives the program's input `input` the rate of `plateau`, which sees the [goal](Trainer::goal)'s metric after
    /// every epoch (and evaluation within one); without a goal, the lowest `J`. A [rising](Plateau::rising) plateau
    /// is for a goal of the highest. Where the training is resumed, the plateau sees again what it saw.
    ///
    /// ```
    /// # #[cfg(feature = "cpu")] {
    /// use dl_backends::{Cpu, Session};
    /// use dl_core::nn::{Plateau, Sgd};
    /// use dl_core::{F64, Graph, Init};
    /// let g = Graph::new();
    /// let theta = g.parameter("θ", F64, (), Init::Zeros);
    /// let step = (theta - 2.5).abs().minimize(Sgd::new("rate"))?;
    /// let trainer = dl_train::Trainer::new(Session::new(Cpu::default(), 1), &step)?.epochs(40);
    /// let mut trainer = trainer.reduce_on_plateau("rate", Plateau::new(1.0).patience(2))?;
    /// let history = trainer.fit(&dl_train::from_fn(1, |_, _| Ok(())), None)?;
    /// assert!(history.last().and_then(|epoch| epoch.train.get("J")) < Some(1e-2));
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the training program has no such input, or it is no scalar of floats.
    pub fn reduce_on_plateau(self, input: &str, plateau: Plateau) -> Result<Self> {
        let plan = self.train.handle.plan();
        let Some(slot) = plan.inputs().iter().find(|slot| *slot.decl.name == *input) else {
            let names: Vec<&str> = self.train.handle.inputs().collect();
            let hint = suggestion(input, names.iter().copied());
            return Err(Error::value(format!(
                "unknown input {input}; the program has {}{hint}",
                listed(&names)
            )));
        };
        let decl = &slot.decl;
        if decl.shape.rank() > 0 || !matches!(decl.dtype, DType::F32 | DType::F64) {
            let (dtype, shape) = (decl.dtype, &decl.shape);
            return Err(Error::value(format!(
                "input {input} is {dtype} {shape}, a rate is a scalar of floats"
            )));
        }
        let feed = Feed { input: decl.name.clone(), dtype: decl.dtype, value: plateau.rate() };
        let goal = self.goal.or_else(|| Some("J".into()));
        Ok(Trainer { reducing: Some(Reducing { plateau, feed }), goal, ..self })
    }
}
