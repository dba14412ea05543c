//! Sessions: parameters on an executor, and the programs that share them.

mod anchor;
mod keep;
mod loaded;
mod outputs;
mod preloaded;
mod watch;

use std::collections::HashMap;
use std::sync::Arc;

use dl_core::graph::ParameterDecl;
use dl_core::ops::Counters;
use dl_core::spelling::suggestion;
use dl_core::{Name, Plan, Program, Tensor, TensorRef};

use self::anchor::Anchor;
use self::loaded::Loaded;
pub use self::outputs::Outputs;
#[cfg(feature = "wgpu")]
pub(crate) use self::preloaded::rows_of;
pub use self::preloaded::{Preloaded, Values};
use self::watch::{Moment, Watch};
use crate::error::{Error, Result};
use crate::executor::{Buffer, Call, Executable, Executor, check_types};
use crate::profile::Kernel;

/// Parameters, the programs over them, and the executor that runs these.
///
#[cfg_attr(feature = "cpu", doc = "```")]
#[cfg_attr(not(feature = "cpu"), doc = "```ignore")]
/// use dl_backends::{Cpu, Session};
/// use dl_core::{F64, Graph, Init, Program};
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// let j = (theta - 3.0) * (theta - 3.0);
/// let program = Program::builder(&g).output("J", j).update(theta, theta - 0.1 * j.grad(&[theta])[0]).compile()?;
///
/// let mut session = Session::new(Cpu::default(), 7);
/// let step = session.compile(&program)?;
/// for _ in 0..100 {
///     session.run(&step, &[])?;
/// }
/// assert!((session.get("θ")?.item()? - 3.0).abs() < 1e-8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Session {
    executor: Box<dyn Executor>,
    seed: u64,
    step: u64,
    run: u64,
    decls: Vec<ParameterDecl>,
    /// By name, their places among the declarations and the buffers.
    places: HashMap<Name, usize>,
    buffers: Vec<Buffer>,
    /// While checking: what parameters were before the last run that updated them.
    kept: Vec<Option<Buffer>>,
    anchor: Anchor,
    programs: Vec<Loaded>,
    /// How many executables are kept for each program.
    sizes: usize,
    checking: bool,
    /// The inputs that may be infinite while checking.
    infinite: Vec<Name>,
}

/// How many executables are kept for each program, where nobody says otherwise.
const SIZES: usize = 4;

/// The last step that can be counted: programs see the number as `i64`.
const LAST: u64 = i64::MAX as u64;

/// A program of a session, ready to run. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    place: usize,
    plan: Arc<Plan>,
}

impl Session {
    /// A session without programs. The seed decides first values and random numbers.
    pub fn new(executor: impl Executor + 'static, seed: u64) -> Self {
        Session::boxed(Box::new(executor), seed)
    }

    /// The same for an executor that is chosen at run time.
    pub fn boxed(executor: Box<dyn Executor>, seed: u64) -> Self {
        Session {
            executor,
            seed,
            step: 0,
            run: 0,
            decls: vec![],
            places: HashMap::new(),
            buffers: vec![],
            kept: vec![],
            anchor: Anchor::default(),
            programs: vec![],
            sizes: SIZES,
            checking: false,
            infinite: vec![],
        }
    }

    /// For how many sets of input sizes each program is kept ready, with the memory that its runs use
    /// again: 4 at first, at least 1. A run with other sizes lets the least recently used go, and has the
    /// executor compile the program for the new ones, which takes milliseconds and changes no result.
    pub fn keeping_sizes(mut self, most: usize) -> Self {
        self.sizes = most.max(1);
        self.programs.iter_mut().for_each(|program| program.leave(self.sizes));
        self
    }

    /// Whether runs of programs that are compiled from now on are checked. Off at first, and then free of
    /// cost; on, a step takes a little longer (it keeps a copy of the parameters that it updates).
    ///
    /// A checked run stops with an error, and parameters are as before, when
    ///
    /// - an input of floats holds NaN or an infinity (see [`with_infinite`](Session::with_infinite)),
    /// - something is not as an author assumed ([`assume`](dl_core::Expr::assume)),
    /// - an output or an updated parameter, or a gradient of [`minimize`](dl_core::Expr::minimize), is not
    ///   finite.
    ///
    /// What is infinite on the way and leaves no trace in these is no mistake: scores that are masked with
    /// -∞ before a softmax, or a branch that a select does not take. Of what does reach them, the error
    /// names the first in the order in which the author wrote operands, with its line, its formula, how
    /// many of its numbers are NaN or infinite, the range and mean of the others, and the same of its
    /// operands; for this the run is repeated with every value kept. Infinities that are written into the
    /// formula are passed over. Plans that are [loaded](Session::load_plan) say nothing of formulas and
    /// assumptions: for them, the error names the input, output or parameter.
    ///
    #[cfg_attr(feature = "cpu", doc = "```")]
    #[cfg_attr(not(feature = "cpu"), doc = "```ignore")]
    /// use dl_backends::{Cpu, Session};
    /// use dl_core::{F32, Graph, Program, Tensor, ops::Fact};
    /// let g = Graph::new();
    /// let p = g.input("p", F32, [2]).assume(Fact::Distribution);
    /// let program = Program::builder(&g).output("entropy", -(p * p.log()).sum(..)).compile()?;
    /// let mut session = Session::new(Cpu::default(), 7).checking(true);
    /// let entropy = session.compile(&program)?;
    /// let p = Tensor::vector(vec![0.5f32, 0.75]);
    /// let error = session.run(&entropy, &[p.view()]).err().map(|e| e.to_string());
    /// assert!(error.is_some_and(|e| e.contains("p: the value is assumed distribution, but sums to 1.25")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn checking(self, on: bool) -> Self {
        Session { checking: on, ..self }
    }

    /// Lets an input hold infinities while [`checking`](Session::checking), as a mask that is added to
    /// scores does. NaN is a mistake in it, too.
    pub fn with_infinite(mut self, input: &str) -> Self {
        self.infinite.push(input.into());
        self
    }

    /// The executor's name.
    pub fn executor(&self) -> &'static str {
        self.executor.name()
    }

    /// Lowers a program for the executor and creates the parameters that the session does not have yet.
    ///
    /// # Errors
    /// When a parameter of the same name has another type or shape, or its initialiser does not fit; when
    /// it is a training step that would share the moments of an optimizer, or the steps that a schedule
    /// counts, with another one of the session by accident ([`nn::Scoped`](dl_core::nn::Scoped) has the
    /// rule).
    pub fn compile(&mut self, program: &Program) -> Result<Handle> {
        let watch = self.checking.then(|| Watch::of_program(program));
        self.add(Plan::new(program), watch)
    }

    /// Takes a plan that was lowered (and perhaps stored) before.
    ///
    /// # Errors
    /// As for [`compile`](Session::compile).
    pub fn load_plan(&mut self, plan: Plan) -> Result<Handle> {
        self.add(plan, None)
    }

    fn add(&mut self, plan: Plan, watch: Option<Watch>) -> Result<Handle> {
        check_types(&*self.executor, &plan)?;
        if let Some(why) = self.programs.iter().find_map(|program| plan.conflict(&program.plan)) {
            return Err(Error::value(why));
        }
        let mut fresh = vec![];
        for slot in plan.parameters() {
            match self.places.get(&slot.decl.name).map(|place| &self.decls[*place]) {
                Some(old) if old.dtype != slot.decl.dtype || old.shape != slot.decl.shape => {
                    return Err(Error::value(format!(
                        "parameter {} is {} {} here and {} {} in the session",
                        old.name, slot.decl.dtype, slot.decl.shape, old.dtype, old.shape
                    )));
                }
                Some(_) => {}
                None => {
                    let first = slot.decl.sample(self.seed)?;
                    fresh.push((slot.decl.clone(), self.executor.upload(first.view())?));
                }
            }
        }
        // Nothing is added before everything fits.
        for (decl, buffer) in fresh {
            self.places.insert(decl.name.clone(), self.decls.len());
            self.decls.push(decl);
            self.buffers.push(buffer);
            self.kept.push(None);
        }
        let slots = plan.parameters().iter().map(|p| self.place(&p.decl.name)).collect::<Result<_>>()?;
        let plan = Arc::new(plan);
        let watch = watch.or_else(|| self.checking.then(|| Watch::of_plan(&plan)));
        self.programs.push(Loaded::new(plan.clone(), slots, watch));
        Ok(Handle { place: self.programs.len() - 1, plan })
    }

    /// Runs a program once with `inputs` in its order ([`Handle::inputs`]).
    ///
    /// # Errors
    /// When an input does not fit its declaration, an index is outside its axis, the device refuses, no
    /// more steps can be counted, or, while [`checking`](Session::checking), something is not as it should
    /// be. Parameters are then as before.
    pub fn run(&mut self, handle: &Handle, inputs: &[TensorRef<'_>]) -> Result<Outputs<'_>> {
        let ((), variant) = self.call(handle, inputs, |executable, call| executable.run(call))?;
        let program = &self.programs[handle.place];
        Ok(Outputs::new(&program.plan, program.executable(variant)))
    }

    /// The same as [`run`](Session::run), and how long each kernel of the executor took, in order.
    ///
    /// # Errors
    /// As for [`run`](Session::run); also where the executor cannot tell (only `cpu` and `wgpu` do so far).
    pub fn profile(&mut self, handle: &Handle, inputs: &[TensorRef<'_>]) -> Result<Vec<Kernel>> {
        Ok(self.call(handle, inputs, |executable, call| executable.profile(call))?.0)
    }

    /// Lets the executable for these inputs do something; also which one it is.
    fn call<R>(
        &mut self,
        handle: &Handle,
        inputs: &[TensorRef<'_>],
        work: impl FnOnce(&mut dyn Executable, Call<'_>) -> Result<R>,
    ) -> Result<(R, usize)> {
        let program = find(&mut self.programs, handle)?;
        let variant = program.variant(&*self.executor, inputs, self.sizes)?;
        let next = self.next(handle)?;
        let program = find(&mut self.programs, handle)?;
        if let Some(watch) = &program.watch {
            watch.inputs(inputs, &self.infinite)?;
            watch.keep(&*self.executor, &program.slots, (&self.buffers, &mut self.kept))?;
        }
        let (parameters, slots) = (&mut self.buffers[..], &program.slots[..]);
        let call =
            Call { inputs, rows: None, parameters, slots, seed: self.seed, step: self.step, run: self.run };
        let executables = &mut program.variants;
        let result = work(executables.get_mut(variant), call)?;
        if let Some(watch) = &program.watch {
            let executable = program.variants.get(variant);
            let looked = watch.results(&*self.executor, executable, &program.slots, &self.buffers);
            if let Err(wrong) = looked {
                watch.restore(&program.slots, (&mut self.buffers, &mut self.kept));
                let (parameters, slots) = (&mut self.buffers[..], &program.slots[..]);
                let (seed, step, run) = (self.seed, self.step, self.run);
                let call = Call { inputs, rows: None, parameters, slots, seed, step, run };
                let moment = Moment { call, dims: program.dims(inputs)?, infinite: &self.infinite };
                return Err(watch.explain(wrong, &*self.executor, moment));
            }
        }
        self.step = next;
        self.run = self.run.wrapping_add(1);
        Ok((result, variant))
    }

    /// The number of finished steps after a run of a program.
    ///
    /// # Errors
    /// When no more can be counted.
    fn next(&self, handle: &Handle) -> Result<u64> {
        let updates = u64::from(handle.plan.has_updates());
        self.step.checked_add(updates).filter(|next| *next <= LAST).ok_or_else(|| {
            let step = self.step;
            Error::value(format!("after step {step} none can be counted: {LAST} is the last"))
        })
    }

    /// Runs a program once with inputs by name, in any order. In a loop, [`run`](Session::run) is
    /// faster: it looks nothing up.
    ///
    /// # Errors
    /// As for [`run`](Session::run); also when a name is unknown, missing or given twice.
    pub fn run_named(&mut self, handle: &Handle, inputs: &[(&str, TensorRef<'_>)]) -> Result<Outputs<'_>> {
        let ordered = ordered(&handle.plan, inputs)?;
        self.run(handle, &ordered)
    }

    /// How many training steps (runs of programs with updates) have finished.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Sets the number of finished steps, as when training resumes. Runs fail beyond 2⁶³ - 1.
    pub fn set_step(&mut self, step: u64) {
        self.step = step;
    }

    /// How many runs have finished, of programs with updates or without. Random numbers that change from
    /// run to run ([`Clock::Run`](dl_core::ops::Clock)) depend on it.
    pub fn runs(&self) -> u64 {
        self.run
    }

    /// How often the host has waited for the executor's device, which it does to read something: 0 on the processor.
    pub fn waits(&self) -> u64 {
        self.executor.waits()
    }

    /// Sets the number of finished runs, as when a session resumes.
    pub fn set_runs(&mut self, runs: u64) {
        self.run = runs;
    }

    /// The seed and both numbers: what decides random numbers of the next run.
    pub fn counters(&self) -> Counters {
        Counters { seed: self.seed, step: self.step, run: self.run }
    }

    /// The seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The parameters' declarations, in the order in which programs brought them.
    pub fn parameters(&self) -> &[ParameterDecl] {
        &self.decls
    }

    /// A parameter's value.
    ///
    /// # Errors
    /// When the name is unknown or the device refuses.
    pub fn get(&self, name: &str) -> Result<Tensor> {
        self.executor.download(&self.buffers[self.place(name)?])
    }

    /// Replaces a parameter's value.
    ///
    /// # Errors
    /// When the name is unknown, or the type or shape is another.
    pub fn set<'a>(&mut self, name: &str, value: impl Into<TensorRef<'a>>) -> Result<()> {
        let (place, value) = (self.place(name)?, value.into());
        let decl = &self.decls[place];
        let fits = decl.dtype == value.dtype()
            && decl.shape.len() == value.shape().len()
            && decl.shape.iter().zip(value.shape()).all(|(d, s)| d.size() == Some(*s));
        if !fits {
            return Err(Error::value(format!(
                "parameter {name}: expected {} {}, got {} {:?}",
                decl.dtype,
                decl.shape,
                value.dtype(),
                value.shape()
            )));
        }
        self.buffers[place] = self.executor.upload(value)?;
        Ok(())
    }

    /// All parameters by name, as for a checkpoint.
    ///
    /// # Errors
    /// When the device refuses.
    pub fn weights(&self) -> Result<Vec<(Name, Tensor)>> {
        self.decls
            .iter()
            .zip(&self.buffers)
            .map(|(d, b)| Ok((d.name.clone(), self.executor.download(b)?)))
            .collect()
    }

    fn loaded(&mut self, handle: &Handle) -> Result<&mut Loaded> {
        find(&mut self.programs, handle)
    }

    fn place(&self, name: &str) -> Result<usize> {
        self.places.get(name).copied().ok_or_else(|| {
            let known: Vec<&str> = self.decls.iter().map(|d| d.name.as_ref()).collect();
            let hint = suggestion(name, known.iter().copied());
            Error::value(format!("unknown parameter {name}; the session has {}{hint}", listed(&known)))
        })
    }
}

impl Handle {
    /// The plan, lowered for the session's executor.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The inputs' names, in the order in which [`Session::run`] takes them.
    pub fn inputs(&self) -> impl Iterator<Item = &str> {
        self.plan.inputs().iter().map(|i| i.decl.name.as_ref())
    }

    /// The place of an output, for reading it without looking up its name.
    pub fn output(&self, name: &str) -> Option<usize> {
        self.plan.outputs().iter().position(|o| *o.name == *name)
    }
}

/// Inputs by name in the order of the plan.
pub(crate) fn ordered<'a>(plan: &Plan, inputs: &[(&str, TensorRef<'a>)]) -> Result<Vec<TensorRef<'a>>> {
    let names: Vec<&str> = plan.inputs().iter().map(|i| i.decl.name.as_ref()).collect();
    for (i, (name, _)) in inputs.iter().enumerate() {
        if !names.contains(name) {
            let hint = suggestion(name, names.iter().copied());
            let known = listed(&names);
            return Err(Error::value(format!("unknown input {name}; the program has {known}{hint}")));
        }
        if inputs[..i].iter().any(|(other, _)| other == name) {
            return Err(Error::value(format!("input {name} is given twice")));
        }
    }
    let find = |name: &&str| match inputs.iter().find(|(n, _)| n == name) {
        Some((_, value)) => Ok(*value),
        None => Err(Error::value(format!("input {name} is missing; the program has {}", listed(&names)))),
    };
    names.iter().map(find).collect()
}

fn find<'p>(programs: &'p mut [Loaded], handle: &Handle) -> Result<&'p mut Loaded> {
    let program = programs.get_mut(handle.place).filter(|p| Arc::ptr_eq(&p.plan, &handle.plan));
    program.ok_or_else(|| Error::value("the program was compiled by another session"))
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "none".into() } else { names.join(", ") }
}
