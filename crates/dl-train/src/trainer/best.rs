//! The parameters that training is for: the best so far, and averages.

use dl_backends::Session;
use dl_core::{Name, Tensor};

use crate::checkpoint::{Goal, Store};
use crate::error::{Error, Result};
use crate::history::History;
use crate::trainer::Trainer;

/// The best parameters so far, with the step that they are of.
#[derive(Default)]
pub(super) struct Best(Option<(u64, Vec<(Name, Tensor)>)>);

impl Best {
    /// After an evaluation: keeps the parameters if they are the best by `goal`.
    pub(super) fn note(&mut self, goal: Option<&Goal>, history: &History, session: &Session) -> Result<()> {
        if goal.is_some_and(|goal| history.since_best(goal) == 0) {
            self.0 = Some((session.step(), session.weights()?));
        }
        Ok(())
    }
}

impl Trainer<'_> {
    /// Keeps a copy of the best parameters in memory, as judged by `goal`, for
    /// [`restore_best`](Trainer::restore_best): where there is no folder of [checkpoints](Trainer::checkpoint).
    ///
    /// ```
    /// # #[cfg(feature = "cpu")] {
    /// use dl_backends::{Cpu, Session};
    /// use dl_core::{F64, Graph, Init, nn::Sgd};
    /// let g = Graph::new();
    /// let theta = g.parameter("θ", F64, (), Init::Constant(1.0));
    /// let step = theta.square().minimize(Sgd::new(2.0))?; // from bad to worse
    /// let mut trainer = dl_train::Trainer::new(Session::new(Cpu::default(), 1), &step)?.epochs(9).keep_best("J");
    /// trainer.fit(&dl_train::from_fn(1, |_, _| Ok(())), None)?;
    /// assert_eq!(trainer.restore_best()?, 1);
    /// assert_eq!(trainer.session().get("θ")?.item()?, -3.0);
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn keep_best(self, goal: impl Into<Goal>) -> Self {
        Trainer { goal: Some(goal.into()), best: Some(Best::default()), ..self }
    }

    /// Sets the parameters to the best by the [goal](Trainer::goal), kept [in memory](Trainer::keep_best) or in a
    /// [checkpoint](crate::Keep::best), and says of which step they are; counters and history stay.
    ///
    /// # Errors
    /// When none is kept, or the checkpoint is damaged.
    pub fn restore_best(&mut self) -> Result<u64> {
        if let Some(Best(Some((step, weights)))) = &self.best {
            weights.iter().try_for_each(|(name, value)| self.session.set(name, value))?;
            return Ok(*step);
        }
        let none = || Error::value("there is no best to restore: see Trainer::keep_best and Keep::best");
        let (Some(checkpoints), Some(goal)) = (&self.checkpoints, &self.goal) else {
            return Err(none());
        };
        let store = Store::new(&checkpoints.folder);
        let step = store.best(goal)?.ok_or_else(none)?;
        for (name, value) in store.read(step)?.1 {
            self.session.set(&name, &value)?;
        }
        Ok(step)
    }

    /// Sets the weights to the averages that the training step keeps ([`Ema`](dl_core::nn::Ema),
    /// [`Swa`](dl_core::nn::Swa)), as before they are saved; how many there are. For evaluations of averages on
    /// the way, [evaluate with](Trainer::evaluate_with) the program that [`averaged`](dl_core::nn::averaged) makes.
    ///
    /// # Errors
    /// When it keeps none.
    pub fn take_averages(&mut self) -> Result<usize> {
        Ok(self.session.take_averages(&self.train.handle)?)
    }
}
