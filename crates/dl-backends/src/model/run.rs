//! Calls of a model and what they give.

use std::sync::Arc;

use dl_core::tensor::Element;
use dl_core::{Tensor, TensorRef};

use super::Shared;
use super::pool::Instance;
use crate::error::Result;
use crate::session::Outputs;

/// The outputs of one call of a [`Model`](super::Model). Other calls have their own; when this one is dropped, its
/// memory is used again.
pub struct Answer<'m> {
    model: &'m Shared,
    /// There until it is dropped.
    instance: Option<Instance>,
}

impl<'m> Answer<'m> {
    pub(super) fn new(model: &'m Shared, instance: Instance) -> Self {
        Answer { model, instance: Some(instance) }
    }

    /// The output called `name`.
    ///
    /// # Errors
    /// When there is none, or the device refuses.
    pub fn read(&self, name: &str) -> Result<Tensor> {
        self.outputs().read(name)
    }

    /// Copies the output called `name` into `into`, row by row; on `cpu` nothing is allocated for it.
    ///
    /// # Errors
    /// When there is none, it has other elements or another number of them, or the device refuses.
    pub fn read_into<T: Element>(&self, name: &str, into: &mut [T]) -> Result<()> {
        self.outputs().read_into(name, into)
    }

    /// All ways to read outputs.
    pub fn outputs(&self) -> Outputs<'_> {
        let instance = self.instance.as_ref().expect("it is there until the answer is dropped");
        Outputs::new(&self.model.plan, instance.executable())
    }
}

impl Drop for Answer<'_> {
    fn drop(&mut self) {
        if let Some(instance) = self.instance.take() {
            instance.give_back();
        }
    }
}

/// Calls a [`Model`](super::Model) from one thread at a time, with memory of its own.
pub struct Runner {
    model: Arc<Shared>,
    instance: Option<Instance>,
}

impl Runner {
    pub(super) fn new(model: Arc<Shared>) -> Self {
        Runner { model, instance: None }
    }

    /// Runs the program once with `inputs` in its order ([`Model::inputs`](super::Model::inputs)).
    ///
    /// # Errors
    /// When an input does not fit its declaration, an index is outside its axis, or the device refuses.
    pub fn run(&mut self, inputs: &[TensorRef<'_>]) -> Result<Outputs<'_>> {
        let instance = match self.instance.take() {
            Some(own) if self.model.typed(inputs) && own.fits(inputs) => self.instance.insert(own),
            other => {
                other.into_iter().for_each(Instance::give_back);
                self.instance.insert(self.model.instance(inputs)?)
            }
        };
        instance.run(inputs, self.model.seed)?;
        Ok(Outputs::new(&self.model.plan, instance.executable()))
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        self.instance.take().into_iter().for_each(Instance::give_back);
    }
}
