//! Every value of a plan, in double precision.

use crate::dim::Name;
use crate::error::{Error, Result};
use crate::graph::InputDecl;
use crate::interp::{Array, Env, Values, apply, index};
use crate::ops::Counters;
use crate::plan::{Arg, InputSlot, Plan};
use crate::program::bind;
use crate::tensor::{Tensor, TensorRef};

/// What each value of a plan is, by its place among [`Plan::values`], for inputs and parameters by name: what a page
/// or a debugger shows of a run. None for what a scan computes, and for all that depends on it.
///
/// ```
/// use dl_core::{F64, Graph, Plan, Program, Tensor, interp};
/// let g = Graph::new();
/// let x = g.input("x", F64, [2]);
/// let plan = Plan::new(&Program::builder(&g).output("y", (x * x).sum(..)).compile()?);
/// let x = Tensor::vector(vec![3.0, 4.0]);
/// let values = interp::values_of_plan(&plan, &[("x", x.view())], &[], 0)?;
/// let y = plan.outputs()[0].value.index();
/// assert_eq!(values[y].as_ref().unwrap().item()?, 25.0);
/// # Ok::<(), dl_core::Error>(())
/// ```
///
/// # Errors
/// When an input or parameter is missing or has another shape than declared; and what only a run can find, such as an
/// index outside its axis.
pub fn values_of_plan(
    plan: &Plan,
    inputs: &[(&str, TensorRef<'_>)],
    parameters: &[(Name, Tensor)],
    counters: impl Into<Counters>,
) -> Result<Vec<Option<Tensor>>> {
    let given = |slot: &InputSlot| {
        let found = inputs.iter().find(|(name, _)| **name == *slot.decl.name);
        found.map(|(_, value)| *value).ok_or_else(|| missing("input", &slot.decl.name))
    };
    let bound = plan.inputs().iter().map(given).collect::<Result<Vec<_>>>()?;
    let decls: Vec<InputDecl> = plan.inputs().iter().map(|slot| slot.decl.clone()).collect();
    let dims = bind(&decls, &bound)?;
    let env = Env { dims, counters: counters.into(), ..Env::default() };
    let mut values: Vec<Option<Array>> = vec![None; plan.values().len()];
    for (slot, value) in plan.inputs().iter().zip(bound) {
        values[slot.value.index()] = Some(Array::from(value));
    }
    for slot in plan.parameters() {
        let Some(place) = slot.value else { continue };
        let found = parameters.iter().find(|(name, _)| *name == slot.decl.name);
        let (_, value) = found.ok_or_else(|| missing("parameter", &slot.decl.name))?;
        if slot.decl.shape.eval(&env.dims).map_err(Error::value)? != value.shape() {
            let (name, shape, got) = (&slot.decl.name, &slot.decl.shape, value.shape());
            return Err(Error::value(format!("parameter {name}: expected {shape}, got {got:?}")));
        }
        values[place.index()] = Some(Array::from(value.view()));
    }
    for step in plan.steps() {
        if step.repeat.is_some() {
            continue;
        }
        let number = plan.number_type(step);
        let args: Option<Vec<Array>> = step
            .args
            .iter()
            .map(|arg| match arg {
                Arg::Value(id) => values[id.index()].clone(),
                Arg::Constant(value) => Some(Array { shape: vec![], data: Values::full(*value, 1) }),
                Arg::Extent(dim) => {
                    let size = dim.eval(&env.dims).ok()?;
                    Some(Array { shape: vec![], data: index::number(size, number, &[]) })
                }
            })
            .collect();
        let Some(args) = args else { continue };
        let value = plan.value(step.result);
        let shape = value.shape.eval(&env.dims).map_err(Error::value)?;
        let args: Vec<&Array> = args.iter().collect();
        let made = apply(&step.op, &args, (value.dtype, &shape), &env).map_err(Error::value)?;
        values[step.result.index()] = Some(made);
    }
    let all = values.into_iter().zip(plan.values());
    Ok(all.map(|(value, of)| value.map(|value| value.into_tensor(of.dtype))).collect())
}

fn missing(what: &str, name: &str) -> Error {
    Error::value(format!("{what} {name} has no value"))
}
