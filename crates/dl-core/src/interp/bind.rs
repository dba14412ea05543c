//! What one calls: a program or a single expression, evaluated on host tensors.

use std::collections::BTreeMap;

use super::{Array, Env, run};
use crate::dim::Name;
use crate::dtype::DType;
use crate::error::{Error, Fault, Result};
use crate::graph::{Expr, InputDecl, Levels, NodeId, ParameterDecl};
use crate::ops::Counters;
use crate::program::{Program, bind};
use crate::spelling::suggestion;
use crate::tensor::{Tensor, TensorRef};

/// What a program computed. Floats of either type come as `f64`, as nothing was rounded.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The named results, in the program's order.
    pub outputs: Vec<(Name, Tensor)>,
    /// New values of parameters, in the program's order.
    pub updates: Vec<(Name, Tensor)>,
    declared: Vec<DType>,
}

impl Evaluation {
    /// The result of that name.
    ///
    /// # Errors
    /// When the program has no such output.
    pub fn output(&self, name: &str) -> Result<&Tensor> {
        let found = self.outputs.iter().find(|(n, _)| **n == *name);
        found.map(|(_, t)| t).ok_or_else(|| unknown("output", name, self.outputs.iter().map(|(n, _)| n)))
    }

    /// The same with every value in the element type that the program declares.
    pub fn rounded(mut self) -> Evaluation {
        let values = self.outputs.iter_mut().chain(&mut self.updates);
        for ((_, tensor), dtype) in values.zip(&self.declared) {
            if *dtype == DType::F32 {
                let shape = tensor.shape().to_vec();
                *tensor =
                    Tensor::from_f64(DType::F32, shape, &tensor.to_f64()).expect("the shape was its own");
            }
        }
        self
    }
}

/// What `program` computes from `inputs` and `parameters` (each needed once, by name, in any
/// order), with random numbers from `seed` after `step` finished steps.
///
/// A parameter declared as `f32` may be given as `f64`, so that updates can be fed back unrounded.
///
/// ```
/// use dl_core::{F32, Graph, Init, Program, Tensor, interp};
/// let g = Graph::new();
/// let w = g.parameter("w", F32, (), Init::Zeros);
/// let program = Program::builder(&g).output("y", w * 2.0).update(w, w + 1.0).compile()?;
/// let run = interp::evaluate(&program, &[], &[("w".into(), Tensor::scalar(3.0f32))], 0, 0)?;
/// assert_eq!(run.output("y")?.item()?, 6.0);
/// assert_eq!(run.updates[0].1.item()?, 4.0);
/// # Ok::<(), dl_core::Error>(())
/// ```
///
/// # Errors
/// When an input or parameter is missing, unknown, or of another type or shape than declared, and
/// for what only a run can find, such as an index outside its axis: with the line that it is from.
pub fn evaluate(
    program: &Program,
    inputs: &[(&str, TensorRef<'_>)],
    parameters: &[(Name, Tensor)],
    seed: u64,
    step: u64,
) -> Result<Evaluation> {
    evaluate_with(program, inputs, parameters, Env { counters: (seed, step).into(), ..Env::default() })
}

/// [`evaluate`] in a session of which not every run was a step: random numbers that change from run to
/// run ([`Clock::Run`](crate::ops::Clock)) are those of `counters.run`. To [`evaluate`], it is the step.
///
/// # Errors
/// As for [`evaluate`].
pub fn evaluate_at(
    program: &Program,
    inputs: &[(&str, TensorRef<'_>)],
    parameters: &[(Name, Tensor)],
    counters: Counters,
) -> Result<Evaluation> {
    evaluate_with(program, inputs, parameters, Env { counters, ..Env::default() })
}

/// [`evaluate`], with everything that authors assumed of values verified.
///
/// # Errors
/// As for [`evaluate`], and where an assumed fact does not hold: with the fact and the place.
pub fn evaluate_checking_facts(
    program: &Program,
    inputs: &[(&str, TensorRef<'_>)],
    parameters: &[(Name, Tensor)],
    seed: u64,
    step: u64,
) -> Result<Evaluation> {
    evaluate_with(
        program,
        inputs,
        parameters,
        Env { counters: (seed, step).into(), check_facts: true, ..Env::default() },
    )
}

fn evaluate_with(
    program: &Program,
    inputs: &[(&str, TensorRef<'_>)],
    parameters: &[(Name, Tensor)],
    mut env: Env,
) -> Result<Evaluation> {
    for decl in program.inputs() {
        if !inputs.iter().any(|(name, _)| **name == *decl.name) {
            return Err(Error::value(format!(
                "input {} is missing: {} {} is expected",
                decl.name, decl.dtype, decl.shape
            )));
        }
    }
    bind_inputs(program.inputs(), inputs, &mut env)?;
    let given: Vec<(&str, TensorRef<'_>)> = parameters.iter().map(|(name, t)| (&**name, t.view())).collect();
    bind_parameters(program.parameters(), &given, &mut env)?;

    let (outputs, updates) = (program.outputs(), program.updates());
    let results = outputs.iter().map(|o| o.node).chain(updates.iter().map(|u| u.value));
    let mut roots: Vec<NodeId> = results.collect();
    if env.check_facts {
        roots.extend(program.assumed());
    }
    let declared: Vec<DType> = roots.iter().map(|r| program.nodes()[r.index()].dtype).collect();
    let values = run(program.nodes(), program.origins(), &roots, &env)?;
    let mut tensors = values.into_iter().zip(&declared).map(|(value, dtype)| value.into_tensor(*dtype));
    let outputs = outputs.iter().map(|o| o.name.clone()).zip(tensors.by_ref()).collect();
    let updates = updates.iter().map(|u| u.parameter.clone()).zip(tensors).collect();
    Ok(Evaluation { outputs, updates, declared })
}

/// The value of one expression, gradients in it included, from inputs and parameters given by name.
/// Floats of either type come as `f64`. The seed and the step are 0; assumed facts are verified.
///
/// ```
/// use dl_core::{F64, Graph, Tensor, interp::eval_expr};
/// let g = Graph::new();
/// let x = g.input("x", F64, [3]);
/// let y = eval_expr((x * x).sum(..), &[("x", Tensor::vector(vec![1.0, 2.0, 3.0]))])?;
/// assert_eq!(y.item()?, 14.0);
/// # Ok::<(), dl_core::Error>(())
/// ```
///
/// # Errors
/// Every mistake made in the graph; a value that is missing, unknown, or of another type or shape
/// than declared; and what only a run can find, such as an index outside its axis.
pub fn eval_expr(expr: Expr<'_>, values: &[(&str, Tensor)]) -> Result<Tensor> {
    let graph = expr.graph();
    graph.check()?;
    let (input_decls, parameter_decls) = (graph.input_decls(), graph.parameter_decls());
    let is_parameter = |name: &str| parameter_decls.iter().any(|d| *d.name == *name);
    let views = values.iter().map(|(name, tensor)| (*name, tensor.view()));
    let (parameters, inputs): (Vec<_>, Vec<_>) = views.partition(|(name, _)| is_parameter(name));

    let mut env = Env { check_facts: true, ..Env::default() };
    bind_inputs(&input_decls, &inputs, &mut env)?;
    bind_parameters(&parameter_decls, &parameters, &mut env)?;
    let (resolved, roots) = crate::diff::resolve(graph, &[expr.id()]);
    resolved.check()?;
    let ids: Vec<NodeId> = (0..resolved.len()).map(|i| NodeId(i as u32)).collect();
    let nodes: Vec<_> = ids.iter().map(|id| resolved.get(*id)).collect();
    let origins: Vec<_> = ids.iter().map(|id| resolved.origin(*id)).collect();
    Levels::new(&nodes, &roots).check(&roots).map_err(|(node, message)| {
        let site = resolved.origin(node).site;
        Error::build(vec![Fault { site, message }])
    })?;
    let value = run(&nodes, &origins, &roots, &env)?.remove(0);
    Ok(value.into_tensor(expr.dtype()))
}

/// Checks those inputs that are given, sizes the named dimensions by them, and takes them over.
fn bind_inputs(decls: &[InputDecl], given: &[(&str, TensorRef<'_>)], env: &mut Env) -> Result<()> {
    distinct("input", given)?;
    let mut bound = Vec::with_capacity(given.len());
    for (name, _) in given {
        let decl = decls.iter().find(|d| *d.name == **name);
        bound.push(decl.ok_or_else(|| unknown("input", name, decls.iter().map(|d| &d.name)))?.clone());
    }
    env.dims = bind(&bound, &given.iter().map(|(_, t)| *t).collect::<Vec<_>>())?;
    env.inputs = arrays(given);
    Ok(())
}

/// Checks those parameters that are given and takes them over.
fn bind_parameters(decls: &[ParameterDecl], given: &[(&str, TensorRef<'_>)], env: &mut Env) -> Result<()> {
    distinct("parameter", given)?;
    for (name, tensor) in given {
        let decl = decls.iter().find(|d| *d.name == **name);
        let decl = decl.ok_or_else(|| unknown("parameter", name, decls.iter().map(|d| &d.name)))?;
        let unrounded = (decl.dtype, tensor.dtype()) == (DType::F32, DType::F64);
        if decl.dtype != tensor.dtype() && !unrounded {
            let (want, got) = (decl.dtype, tensor.dtype());
            return Err(Error::value(format!("parameter {name}: expected elements of {want}, got {got}")));
        }
        if decl.shape != tensor.shape().into() {
            let (want, got) = (&decl.shape, tensor.shape());
            return Err(Error::value(format!("parameter {name}: expected shape {want}, got {got:?}")));
        }
    }
    env.parameters = arrays(given);
    Ok(())
}

fn distinct(what: &str, given: &[(&str, TensorRef<'_>)]) -> Result<()> {
    for (i, (name, _)) in given.iter().enumerate() {
        if given[..i].iter().any(|(n, _)| n == name) {
            return Err(Error::value(format!("{what} {name} is given twice")));
        }
    }
    Ok(())
}

fn arrays(given: &[(&str, TensorRef<'_>)]) -> BTreeMap<Name, Array> {
    given.iter().map(|(name, t)| (Name::from(*name), Array::from(*t))).collect()
}

fn unknown<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a Name>) -> Error {
    let known: Vec<&str> = known.map(AsRef::as_ref).collect();
    let meant = suggestion(name, known.iter().copied());
    Error::value(format!("unknown {what} {name}: expected one of [{}]{meant}", known.join(", ")))
}
