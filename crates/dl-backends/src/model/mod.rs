//! Models: an inference program with its weights, which many threads run at once.

mod file;
mod pool;
mod run;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dl_core::graph::InputDecl;
use dl_core::{Dims, Plan, Program, Tensor, TensorRef};

use self::pool::{Instance, Pool};
pub use self::run::{Answer, Runner};
#[cfg(feature = "cpu")]
use crate::cpu::Cpu;
use crate::error::{Error, Result};
use crate::executor::{Buffer, Executor, check_types};
use crate::session::Session;
use crate::weights::ArrayFile;

/// An inference program with its weights: a function, which gives the same outputs for the same inputs whoever
/// calls it. Cloning one is cheap, and all clones are the same model.
///
/// Any number of threads call it at once, by [`run`](Model::run) or each by a [`Runner`] of its own. A call in
/// progress has memory for the values on its way (an *instance*, which is kept for the next call); weights are
/// shared by all of them, those that `cpu` packs for its products as well. The first call with other sizes has the
/// executor compile the program for them, which [`warm`](Model::warm) does ahead of time. After a warm call, `cpu`
/// takes nothing from the heap. Of a network whose rows do not mix, it gives each row of a batch the same bits that it
/// gives the row alone, so that callers may put together what comes at the same time.
///
/// Training and saving, and later, in another program, ten lines that load and run:
///
#[cfg_attr(feature = "cpu", doc = "```")]
#[cfg_attr(not(feature = "cpu"), doc = "```ignore")]
/// use dl_backends::{Cpu, Model, Session};
/// use dl_core::{F32, Graph, Named, Program, TensorRef, nn};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("digits.dlm");
/// let g = Graph::new();
/// let logits = nn::dense(g.input("x", F32, (Named("B"), 64)), "fc", 10);
/// let program = Program::builder(&g).output("p", nn::softmax(logits, -1)).compile()?;
/// let mut session = Session::new(Cpu::default(), 7);
/// session.compile(&program)?; // and train its weights by another program
/// Model::new(&program, &session)?.save(&path)?;
///
/// let model = Model::load(&path)?;
/// model.warm(&[("B", 1)], 2)?;
/// std::thread::scope(|threads| {
///     for _ in 0..2 {
///         threads.spawn(|| -> dl_backends::Result<()> {
///             let (mut runner, mut p) = (model.runner(), [0.0f32; 10]);
///             let x = [0.5f32; 64];
///             runner.run(&[TensorRef::new(&[1, 64], &x)?])?.read_into("p", &mut p)?;
///             assert!((p.iter().sum::<f32>() - 1.0).abs() < 1e-6);
///             Ok(())
///         });
///     }
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Model(Arc<Shared>);

/// What all clones have.
struct Shared {
    program: Program,
    plan: Arc<Plan>,
    inputs: Vec<InputDecl>,
    executor: &'static str,
    seed: u64,
    /// Held while something is compiled.
    maker: Mutex<Maker>,
    pool: Pool,
}

/// What instances are made of.
struct Maker {
    executor: Box<dyn Executor>,
    /// In the order of the plan's parameters.
    weights: Vec<Buffer>,
}

/// Runs of an instance after which all that it uses again is there.
const WARM_UP: usize = 4;

impl Model {
    /// `program` with the weights that a session has, on `cpu` with one thread: callers are threads enough where
    /// many call at once. [`Model::on`] takes another executor.
    ///
    /// # Errors
    /// When the program has updates, or reads a parameter that the session has not or has in another shape.
    #[cfg(feature = "cpu")]
    pub fn new(program: &Program, session: &Session) -> Result<Model> {
        Model::on(Cpu::with_threads(1), program, session)
    }

    /// The same on another executor. Its threads help one caller at a time; others compute alone meanwhile.
    ///
    /// # Errors
    /// As for [`new`](Model::new); also when the executor has not the program's element types.
    pub fn on(executor: impl Executor + 'static, program: &Program, session: &Session) -> Result<Model> {
        let known = session.parameters();
        for decl in program.parameters() {
            let own = known.iter().find(|own| own.name == decl.name);
            if own.is_some_and(|own| (own.dtype, &own.shape) != (decl.dtype, &decl.shape)) {
                return Err(Error::value(format!(
                    "parameter {} has another type or shape in the session than the {} {} of the program",
                    decl.name, decl.dtype, decl.shape
                )));
            }
        }
        let weights =
            program.parameters().iter().map(|decl| session.get(&decl.name)).collect::<Result<_>>()?;
        Model::of(Box::new(executor), program.clone(), weights, session.seed())
    }

    /// Reads a model from a file that [`save`](Model::save) wrote, for `cpu` with one thread.
    ///
    /// The file is a safetensors file, and believed as far as that is ([`ArrayFile`]). Its notes hold the program,
    /// of 64 MiB at most, and a checksum of that and all weights.
    ///
    /// # Errors
    /// When it cannot be read, was cut or edited, is of a newer version of the format, is no model but weights
    /// alone, or when its weights are not exactly those that the program has; the message says which.
    #[cfg(feature = "cpu")]
    pub fn load(path: impl AsRef<Path>) -> Result<Model> {
        Model::load_on(path, Cpu::with_threads(1))
    }

    /// The same for another executor.
    ///
    /// # Errors
    /// As for [`load`](Model::load); also when the executor has not the program's element types.
    pub fn load_on(path: impl AsRef<Path>, executor: impl Executor + 'static) -> Result<Model> {
        Model::load_from(&mut file::open(path.as_ref())?, executor)
    }

    /// The same from a file that is open.
    ///
    /// # Errors
    /// As for [`load_on`](Model::load_on).
    pub fn load_from(file: &mut ArrayFile, executor: impl Executor + 'static) -> Result<Model> {
        let file::Contents { program, weights, seed } = file::read(file)?;
        Model::of(Box::new(executor), program, weights, seed)
    }

    /// Writes one file with program and weights, whole or not at all, whatever its name is. Programs that read
    /// safetensors find the weights in it, by their names and in our order of axes.
    ///
    /// # Errors
    /// When the file cannot be written or the device refuses.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let maker = self.0.maker();
        let weights: Vec<Tensor> =
            maker.weights.iter().map(|w| maker.executor.download(w)).collect::<Result<_>>()?;
        file::write(path.as_ref(), &self.0.program, &weights, self.0.seed)
    }

    fn of(executor: Box<dyn Executor>, program: Program, weights: Vec<Tensor>, seed: u64) -> Result<Model> {
        if let Some(update) = program.updates().first() {
            let name = &update.parameter;
            return Err(Error::value(format!("the program updates {name}: a model has no updates")));
        }
        let plan = Plan::new(&program);
        check_types(&*executor, &plan)?;
        let place = |name: &str| program.parameters().iter().position(|decl| *decl.name == *name);
        let mut buffers = vec![];
        for slot in plan.parameters() {
            let weight = place(&slot.decl.name).and_then(|place| weights.get(place));
            let weight = weight.ok_or_else(|| Error::value(format!("no value of {}", slot.decl.name)))?;
            buffers.push(executor.upload(weight.view())?);
        }
        Ok(Model(Arc::new(Shared {
            inputs: plan.inputs().iter().map(|slot| slot.decl.clone()).collect(),
            plan: Arc::new(plan),
            program,
            executor: executor.name(),
            seed,
            maker: Mutex::new(Maker { executor, weights: buffers }),
            pool: Pool::default(),
        })))
    }

    /// Makes `instances` for inputs whose named dimensions have these sizes, and runs each some times on zeros, so
    /// that calls find code, packed weights and memory as the last one would have left them: as many as threads
    /// are going to call at once.
    ///
    /// # Errors
    /// When a name is missing or unknown, sizes do not fit together, or the executor refuses.
    pub fn warm(&self, sizes: &[(&str, usize)], instances: usize) -> Result<()> {
        let mut dims = Dims::new();
        for (name, size) in sizes {
            let known = self.0.inputs.iter().flat_map(|decl| decl.shape.iter());
            let Some(name) = known.flat_map(|dim| dim.names()).find(|known| **known == **name) else {
                return Err(Error::value(format!("no input has a dimension {name}")));
            };
            if dims.bind(&name, *size).is_err() {
                return Err(Error::value(format!("dimension {name} is given twice")));
            }
        }
        let zeros = |decl: &InputDecl| {
            let shape =
                decl.shape.eval(&dims).map_err(|why| Error::value(format!("input {}: {why}", decl.name)))?;
            Ok(Tensor::try_zeros(decl.dtype, shape)?)
        };
        let zeros: Vec<Tensor> = self.0.inputs.iter().map(zeros).collect::<Result<_>>()?;
        let inputs: Vec<TensorRef<'_>> = zeros.iter().map(Tensor::view).collect();
        let mut all = vec![];
        for _ in 0..instances {
            let mut runner = self.runner();
            for _ in 0..WARM_UP {
                runner.run(&inputs)?;
            }
            all.push(runner);
        }
        Ok(())
    }

    /// Runs the program once with `inputs` in its order ([`Model::inputs`]), from any thread.
    ///
    /// # Errors
    /// When an input does not fit its declaration, an index is outside its axis, or the device refuses.
    pub fn run(&self, inputs: &[TensorRef<'_>]) -> Result<Answer<'_>> {
        let mut instance = self.0.instance(inputs)?;
        instance.run(inputs, self.0.seed)?;
        Ok(Answer::new(&self.0, instance))
    }

    /// The same with inputs by name, in any order.
    ///
    /// # Errors
    /// As for [`run`](Model::run); also when a name is unknown, missing or given twice.
    pub fn run_named(&self, inputs: &[(&str, TensorRef<'_>)]) -> Result<Answer<'_>> {
        self.run(&crate::session::ordered(&self.0.plan, inputs)?)
    }

    /// What a thread that calls often has for itself: its instance is looked up once, and again when sizes change.
    pub fn runner(&self) -> Runner {
        Runner::new(self.0.clone())
    }

    /// For how many sets of input sizes instances are kept: 16 at first, at least 1. A call with other sizes lets
    /// those go that were not used for the longest time.
    pub fn keep_sizes(&self, most: usize) {
        self.0.pool.keep(most);
    }

    /// The inputs, in the order of [`run`](Model::run), with the names of the dimensions that calls choose.
    pub fn inputs(&self) -> &[InputDecl] {
        &self.0.inputs
    }

    /// The names of the outputs, in order.
    pub fn outputs(&self) -> impl Iterator<Item = &str> {
        self.0.plan.outputs().iter().map(|slot| slot.name.as_ref())
    }

    /// The place of an output, for reading it without looking up its name.
    pub fn output(&self, name: &str) -> Option<usize> {
        self.outputs().position(|known| known == name)
    }

    /// The program.
    pub fn program(&self) -> &Program {
        &self.0.program
    }

    /// The plan: types and shapes of inputs and outputs.
    pub fn plan(&self) -> &Plan {
        &self.0.plan
    }

    /// The executor's name.
    pub fn executor(&self) -> &'static str {
        self.0.executor
    }
}

impl Shared {
    /// One that nobody uses, or a new one.
    fn instance(&self, inputs: &[TensorRef<'_>]) -> Result<Instance> {
        if self.typed(inputs)
            && let Some(instance) = self.pool.take(inputs)
        {
            return Ok(instance);
        }
        let dims = dl_core::program::bind(&self.inputs, inputs)?;
        let (executable, weights) = {
            let maker = self.maker();
            let executable = maker.executor.compile(&self.plan, &dims)?;
            let weights = maker.weights.iter().map(|w| maker.executor.share(w)).collect::<Result<_>>()?;
            (executable, weights)
        };
        Ok(Instance::new(self.pool.place(inputs), executable, weights))
    }

    /// Whether inputs are as many as declared, of the same types and numbers of axes.
    fn typed(&self, inputs: &[TensorRef<'_>]) -> bool {
        let fits = |(decl, input): (&InputDecl, &TensorRef<'_>)| {
            decl.dtype == input.dtype() && decl.shape.len() == input.shape().len()
        };
        self.inputs.len() == inputs.len() && self.inputs.iter().zip(inputs).all(fits)
    }

    fn maker(&self) -> MutexGuard<'_, Maker> {
        // Nobody changes what is inside.
        self.maker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.outputs().collect();
        write!(f, "Model({} on {})", names.join(", "), self.executor())
    }
}
