//! What a run leaves to be read.

use dl_core::spelling::suggestion;
use dl_core::tensor::Element;
use dl_core::{Plan, Tensor};

use super::listed;
use crate::error::{Error, Result};
use crate::executor::{Executable, Reading};

/// The outputs of the last run; each is fetched from the device when it is read.
pub struct Outputs<'s> {
    plan: &'s Plan,
    executable: &'s dyn Executable,
}

impl<'s> Outputs<'s> {
    pub(crate) fn new(plan: &'s Plan, executable: &'s dyn Executable) -> Self {
        Outputs { plan, executable }
    }

    /// The output called `name`.
    ///
    /// # Errors
    /// When there is none, or the device refuses.
    pub fn read(&self, name: &str) -> Result<Tensor> {
        self.executable.output(self.place(name)?)
    }

    /// Begins to read the output called `name`: a device delivers it while later runs go on, which do not change
    /// what is read.
    ///
    /// # Errors
    /// When there is none, or the device refuses.
    pub fn begin_reading(&self, name: &str) -> Result<Reading> {
        self.executable.begin_reading(self.place(name)?)
    }

    /// The same at a place found by [`Handle::output`](crate::Handle::output).
    ///
    /// # Errors
    /// When there is none, or the device refuses.
    pub fn begin_reading_at(&self, place: usize) -> Result<Reading> {
        self.check(place)?;
        self.executable.begin_reading(place)
    }

    /// Copies the output called `name` into `into`, row by row; on `cpu` nothing is allocated for it.
    ///
    /// # Errors
    /// When there is none, it has other elements or another number of them, or the device refuses.
    ///
    #[cfg_attr(feature = "cpu", doc = "```")]
    #[cfg_attr(not(feature = "cpu"), doc = "```ignore")]
    /// use dl_backends::{Cpu, Session};
    /// use dl_core::{F32, Graph, Named, Program, Tensor};
    /// let g = Graph::new();
    /// let x = g.input("x", F32, Named("B"));
    /// let program = Program::builder(&g).output("double", 2.0 * x).compile()?;
    /// let mut session = Session::new(Cpu::default(), 7);
    /// let double = session.compile(&program)?;
    /// let mut all = [0.0f32; 2];
    /// session.run(&double, &[Tensor::vector(vec![1.5f32, 3.0]).view()])?.read_into("double", &mut all)?;
    /// assert_eq!(all, [3.0, 6.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn read_into<T: Element>(&self, name: &str, into: &mut [T]) -> Result<()> {
        self.read_at_into(self.place(name)?, into)
    }

    fn place(&self, name: &str) -> Result<usize> {
        let mut outputs = self.plan.outputs().iter();
        outputs.position(|o| *o.name == *name).ok_or_else(|| {
            let names: Vec<&str> = self.plan.outputs().iter().map(|o| o.name.as_ref()).collect();
            let hint = suggestion(name, names.iter().copied());
            Error::value(format!("unknown output {name}; the program has {}{hint}", listed(&names)))
        })
    }

    /// How the executor ran: on `cpu` the cut into tiles and lanes, each kernel with its operations and
    /// bytes, and which updates were made in place, or why the plan was not divided.
    pub fn listing(&self) -> String {
        self.executable.listing()
    }

    /// The output at a place found by [`Handle::output`](crate::Handle::output).
    ///
    /// # Errors
    /// When there is none, or the device refuses.
    pub fn read_at(&self, place: usize) -> Result<Tensor> {
        self.check(place)?;
        self.executable.output(place)
    }

    /// The same as [`read_into`](Outputs::read_into) at a place.
    ///
    /// # Errors
    /// As for [`read_into`](Outputs::read_into).
    pub fn read_at_into<T: Element>(&self, place: usize, into: &mut [T]) -> Result<()> {
        self.check(place)?;
        let mut result = Ok(());
        self.executable.show(place, &mut |value| {
            result = match value.get::<T>() {
                Ok(elements) if elements.len() == into.len() => {
                    into.copy_from_slice(elements);
                    Ok(())
                }
                Ok(elements) => {
                    let name = &self.plan.outputs()[place].name;
                    let (there, room) = (elements.len(), into.len());
                    Err(Error::value(format!(
                        "output {name} has {there} elements {:?}, the slice {room}",
                        value.shape()
                    )))
                }
                Err(other) => {
                    Err(Error::value(format!("output {}: {other}", self.plan.outputs()[place].name)))
                }
            };
        })?;
        result
    }

    fn check(&self, place: usize) -> Result<()> {
        match self.plan.outputs().len() {
            all if place < all => Ok(()),
            all => Err(Error::value(format!("output {place} of {all}"))),
        }
    }
}
