//! Objectives, compiled: value, gradient and Hessian-vector products as functions of one vector.

use dl_backends::{Handle, Session};
use dl_core::nn::Gradient;
use dl_core::ops::Op;
use dl_core::{DType, Dims, Expr, Name, Program, Tensor, TensorRef};

use crate::error::{Error, Result};

/// An objective over all trainable parameters of its graph, compiled for one session.
///
/// ```
/// # #[cfg(feature = "cpu")] {
/// use dl_backends::{Cpu, Session};
/// use dl_core::{F64, Graph, Init};
/// use dl_train::{Lbfgs, Objective};
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// let mut session = Session::new(Cpu::default(), 7);
/// let objective = Objective::new(&mut session, (theta - 3.0).square())?;
/// let report = Lbfgs::new().minimize(&mut session, &objective, &[])?;
/// assert!(report.converged() && (session.get("θ")?.item()? - 3.0).abs() < 1e-9);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Objective {
    name: Name,
    value: Handle,
    product: Option<Handle>,
    slots: Vec<Slot>,
}

/// A parameter's place in the vector: after those before it.
struct Slot {
    name: Name,
    dtype: DType,
    shape: Vec<usize>,
    len: usize,
}

impl Objective {
    /// Value and gradient of `objective`, a scalar.
    ///
    /// # Errors
    /// Every mistake of the graph's construction; that the objective is not a float scalar or does not
    /// depend on a parameter; and when the session cannot compile.
    #[track_caller]
    pub fn new(session: &mut Session, objective: Expr<'_>) -> Result<Self> {
        let gradients = objective.gradients(objective.graph().parameters());
        Objective::compile(session, objective, &gradients, None)
    }

    /// The same with products of its Hessian and vectors, as [`NewtonCg`](crate::NewtonCg) needs them.
    /// Each parameter brings an input to the graph, `direction({path})`.
    ///
    /// # Errors
    /// As for [`new`](Objective::new).
    #[track_caller]
    pub fn with_products(session: &mut Session, objective: Expr<'_>) -> Result<Self> {
        let gradients = objective.gradients(objective.graph().parameters());
        let (mut wrt, mut directions) = (vec![], vec![]);
        for of in &gradients {
            let p = of.parameter;
            wrt.push(p);
            directions.push(p.graph().input(&direction(&path(p)), p.dtype(), p.shape()));
        }
        let products = objective.hvp(&wrt, &directions);
        Objective::compile(session, objective, &gradients, Some(products))
    }

    fn compile<'g>(
        session: &mut Session,
        objective: Expr<'g>,
        gradients: &[Gradient<'g>],
        products: Option<Vec<Expr<'g>>>,
    ) -> Result<Self> {
        let graph = objective.graph();
        let paths: Vec<String> = gradients.iter().map(|of| path(of.parameter)).collect();
        let program = |values: Vec<Expr<'g>>| {
            let outputs = paths.iter().zip(values);
            outputs.fold(Program::builder(graph), |program, (path, value)| {
                program.output(&derivative(path), value)
            })
        };
        let gradients = gradients.iter().map(|of| of.gradient).collect();
        let value = program(gradients).output(VALUE, objective).compile()?;
        let product = products.map(|products| program(products).compile()).transpose()?;
        let name = graph.named().into_iter().find(|(_, e)| *e == objective);
        let value = session.compile(&value)?;
        Ok(Objective {
            name: name.map_or("J".into(), |(name, _)| name),
            value,
            product: product.map(|product| session.compile(&product)).transpose()?,
            slots: paths.iter().map(|path| Slot::of(session, path)).collect::<Result<_>>()?,
        })
    }
}

/// The output that is the objective.
const VALUE: &str = "objective";

/// The output that goes with a parameter: its gradient, or its part of a product.
fn derivative(path: &str) -> String {
    format!("derivative({path})")
}

/// The input that goes with a parameter.
fn direction(path: &str) -> String {
    format!("direction({path})")
}

fn path(parameter: Expr<'_>) -> String {
    match &parameter.node().op {
        Op::Parameter(name) => name.to_string(),
        _ => String::new(), // what else there may be, `gradients` has refused
    }
}

impl Slot {
    fn of(session: &Session, path: &str) -> Result<Slot> {
        let decl = session.parameters().iter().find(|d| *d.name == *path);
        let decl = decl.ok_or_else(|| Error::value(format!("the objective has no parameter {path}")))?;
        let shape = decl.shape.eval(&Dims::new()).map_err(Error::value)?;
        let len = shape.iter().product();
        Ok(Slot { name: decl.name.clone(), dtype: decl.dtype, shape, len })
    }

    fn tensor(&self, values: &[f64]) -> Tensor {
        Tensor::from_f64(self.dtype, self.shape.clone(), values).expect("as many as the shape says")
    }
}

/// A place, with what the objective is there.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) x: Vec<f64>,
    pub(super) value: f64,
    pub(super) gradient: Vec<f64>,
}

impl Point {
    pub(super) fn is_finite(&self) -> bool {
        self.value.is_finite() && self.gradient.iter().all(|x| x.is_finite())
    }
}

/// An objective on its session, under some inputs.
pub(super) struct Problem<'a> {
    session: &'a mut Session,
    objective: &'a Objective,
    inputs: &'a [(&'a str, TensorRef<'a>)],
    pub(super) evaluations: usize,
    pub(super) products: usize,
}

impl<'a> Problem<'a> {
    pub(super) fn new(
        session: &'a mut Session,
        objective: &'a Objective,
        inputs: &'a [(&'a str, TensorRef<'a>)],
    ) -> Self {
        Problem { session, objective, inputs, evaluations: 0, products: 0 }
    }

    /// Where the session is; an error if the objective or its gradient is not finite there.
    pub(super) fn start(&mut self) -> Result<Point> {
        let mut x = vec![];
        for slot in &self.objective.slots {
            x.extend(self.session.get(&slot.name)?.to_f64());
        }
        let point = self.evaluate(x)?;
        if point.is_finite() {
            return Ok(point);
        }
        let (name, value) = (&self.objective.name, point.value);
        Err(Error::value(if value.is_finite() {
            format!("the gradient of {name} is not finite where the search starts")
        } else {
            format!("{name} is {value} where the search starts, expected a finite number")
        }))
    }

    /// What the objective is at `x`, after rounding to the element types of the parameters.
    pub(super) fn evaluate(&mut self, mut x: Vec<f64>) -> Result<Point> {
        self.place(&mut x)?;
        self.evaluations += 1;
        let outputs = self.session.run_named(&self.objective.value, self.inputs)?;
        let value = outputs.read(VALUE)?.item()?;
        let mut gradient = Vec::with_capacity(x.len());
        for slot in &self.objective.slots {
            gradient.extend(outputs.read(&derivative(&slot.name))?.to_f64());
        }
        Ok(Point { x, value, gradient })
    }

    /// Makes `x` the session's parameters, and `x` what they are then.
    pub(super) fn place(&mut self, x: &mut [f64]) -> Result<()> {
        let mut rest = x;
        for slot in &self.objective.slots {
            let (own, others) = rest.split_at_mut(slot.len);
            let tensor = slot.tensor(own);
            own.copy_from_slice(&tensor.to_f64());
            self.session.set(&slot.name, &tensor)?;
            rest = others;
        }
        Ok(())
    }

    /// Whether there are Hessian-vector products.
    pub(super) fn has_products(&self) -> bool {
        self.objective.product.is_some()
    }

    /// The Hessian at the session's parameters times `direction`.
    pub(super) fn product(&mut self, along: &[f64]) -> Result<Vec<f64>> {
        let handle = self.objective.product.as_ref().expect("the caller has asked");
        let (mut directions, mut rest) = (vec![], along);
        for slot in &self.objective.slots {
            let (own, others) = rest.split_at(slot.len);
            directions.push((direction(&slot.name), slot.tensor(own)));
            rest = others;
        }
        let mut inputs = self.inputs.to_vec();
        inputs.extend(directions.iter().map(|(name, value)| (&**name, value.view())));
        // A Hessian may read less than the objective does.
        inputs.retain(|(name, _)| handle.inputs().any(|input| input == *name));
        self.products += 1;
        let outputs = self.session.run_named(handle, &inputs)?;
        let mut product = Vec::with_capacity(along.len());
        for slot in &self.objective.slots {
            product.extend(outputs.read(&derivative(&slot.name))?.to_f64());
        }
        Ok(product)
    }
}
