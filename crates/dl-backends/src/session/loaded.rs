//! A program of a session, and its executables: one for each set of input sizes, as many as are wanted.

use std::collections::HashMap;
use std::sync::Arc;

use dl_core::plan::Plan;
use dl_core::program::bind;
use dl_core::{DType, Dims, TensorRef};
use tracing::debug_span;

use super::watch::Watch;
use crate::error::Result;
use crate::executor::{Executable, Executor};

/// A program, ready to run.
pub(super) struct Loaded {
    /// What the author of the program sees.
    pub(super) plan: Arc<Plan>,
    /// For each parameter of the plan, its place in the session.
    pub(super) slots: Vec<usize>,
    /// What is looked at in each run, while the session checks.
    pub(super) watch: Option<Watch>,
    pub(super) variants: Variants,
}

/// Executables by the sizes of the inputs. The least recently used goes when another one is needed.
#[derive(Default)]
pub(super) struct Variants {
    all: Vec<Variant>,
    /// By the sizes of all inputs, one after the other: their places among `all`.
    places: HashMap<Box<[usize]>, usize>,
    /// Room for the sizes that are looked up.
    sizes: Vec<usize>,
    runs: u64,
}

struct Variant {
    sizes: Box<[usize]>,
    executable: Box<dyn Executable>,
    /// The last run that used it.
    used: u64,
}

/// An input's element type and shape.
#[derive(Clone, Copy)]
pub(super) struct Form<'a> {
    pub(super) dtype: DType,
    pub(super) shape: &'a [usize],
    /// How long the first axis is, where the shape is that of a column.
    pub(super) rows: Option<usize>,
}

impl<'a> Form<'a> {
    pub(super) fn of(input: TensorRef<'a>) -> Self {
        Form { dtype: input.dtype(), shape: input.shape(), rows: None }
    }
}

impl Loaded {
    pub(super) fn new(plan: Arc<Plan>, slots: Vec<usize>, watch: Option<Watch>) -> Self {
        Loaded { plan, slots, watch, variants: Variants::default() }
    }

    /// What runs: the plan, while checking with more outputs.
    pub(super) fn runs(&self) -> &Arc<Plan> {
        self.watch.as_ref().map_or(&self.plan, Watch::plan)
    }

    /// The place of the executable for inputs of these sizes, compiled unless it is there; `most` are kept.
    pub(super) fn variant(
        &mut self,
        executor: &dyn Executor,
        inputs: &[TensorRef<'_>],
        most: usize,
    ) -> Result<usize> {
        if let Some(place) = self.find(inputs.iter().map(|input| Form::of(*input))) {
            return Ok(place);
        }
        let dims = self.dims(inputs)?;
        self.variants.leave(most.saturating_sub(1));
        let _span = debug_span!("compile", executor = executor.name(), sizes = ?dims).entered();
        let executable = executor.compile(self.runs(), &dims)?;
        Ok(self.variants.add(inputs, executable))
    }

    /// The place of the executable for inputs of these forms, if it is there.
    pub(super) fn find<'f>(
        &mut self,
        forms: impl ExactSizeIterator<Item = Form<'f>> + Clone,
    ) -> Option<usize> {
        let slots = self.plan.inputs();
        let typed = slots.len() == forms.len()
            && slots.iter().zip(forms.clone()).all(|(slot, form)| {
                slot.decl.dtype == form.dtype && slot.decl.shape.len() == form.shape.len()
            });
        if typed { self.variants.find(forms) } else { None }
    }

    /// The sizes of the named dimensions.
    pub(super) fn dims(&self, inputs: &[TensorRef<'_>]) -> Result<Dims> {
        let decls: Vec<_> = self.plan.inputs().iter().map(|s| s.decl.clone()).collect();
        Ok(bind(&decls, inputs)?)
    }

    pub(super) fn executable(&self, place: usize) -> &dyn Executable {
        self.variants.get(place)
    }

    /// Lets the least recently used go until `most` are left.
    pub(super) fn leave(&mut self, most: usize) {
        self.variants.leave(most);
    }
}

impl Variants {
    pub(super) fn get(&self, place: usize) -> &dyn Executable {
        &*self.all[place].executable
    }

    pub(super) fn get_mut(&mut self, place: usize) -> &mut dyn Executable {
        &mut *self.all[place].executable
    }

    fn find<'f>(&mut self, forms: impl Iterator<Item = Form<'f>>) -> Option<usize> {
        self.sizes.clear();
        for Form { shape, rows, .. } in forms {
            let first = self.sizes.len();
            self.sizes.extend(shape);
            if let (Some(rows), Some(size)) = (rows, self.sizes.get_mut(first)) {
                *size = rows;
            }
        }
        let place = *self.places.get(&self.sizes[..])?;
        self.runs += 1;
        self.all[place].used = self.runs;
        Some(place)
    }

    fn add(&mut self, inputs: &[TensorRef<'_>], executable: Box<dyn Executable>) -> usize {
        let sizes: Box<[usize]> = inputs.iter().flat_map(|t| t.shape().iter().copied()).collect();
        self.runs += 1;
        self.places.insert(sizes.clone(), self.all.len());
        self.all.push(Variant { sizes, executable, used: self.runs });
        self.all.len() - 1
    }

    fn leave(&mut self, most: usize) {
        while self.all.len() > most {
            let oldest =
                (0..self.all.len()).min_by_key(|i| self.all[*i].used).expect("there is one too many");
            let gone = self.all.swap_remove(oldest);
            self.places.remove(&gone.sizes);
            if let Some(moved) = self.all.get(oldest) {
                self.places.insert(moved.sizes.clone(), oldest);
            }
        }
    }
}
