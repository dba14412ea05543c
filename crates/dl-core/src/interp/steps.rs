//! Every value of a plan, in double precision.

use crate::dim::Name;
use crate::dtype::Scalar;
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
/// let values = interp::values_of_plan(&plan, &[("x", x.view())], &[], (0, 0))?;
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
        let value = plan.value(step.result);
        let shape = value.shape.eval(&env.dims).map_err(Error::value)?;
        // A number stands for an array of the result's shape.
        let full =
            |value: Scalar| Array { data: Values::full(value, shape.iter().product()), shape: shape.clone() };
        let args: Option<Vec<Array>> = step
            .args
            .iter()
            .map(|arg| match arg {
                Arg::Value(id) => values[id.index()].clone(),
                Arg::Constant(value) => Some(full(*value)),
                Arg::Extent(dim) => {
                    let size = dim.eval(&env.dims).ok()?;
                    let data = index::number(size, number, &shape);
                    Some(Array { data, shape: shape.clone() })
                }
            })
            .collect();
        let Some(args) = args else { continue };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::{self, Sgd};
    use crate::{Dims, F64, Graph, I64, Named, interp};

    /// The outputs among the values are what the interpreter says of the program.
    #[test]
    fn outputs_are_those_of_the_program() {
        const B: Named = Named("B");
        let g = Graph::new();
        let (x, y) = (g.input("x", F64, (B, 3)), g.input("y", I64, B));
        let h = nn::dense(x, "a", 4).relu().named("h");
        let j = nn::cross_entropy(nn::dense(h, "b", 2), y).mean(..) + 0.1 * nn::l2(g.parameters());
        let step = j.minimize(Sgd::new(0.1)).unwrap();
        let plan = Plan::new(&step);
        let sizes = Dims::new().with("B", 5);
        let numbers = |n: usize| (0..n).map(|i| ((i * 37) % 23) as f64 / 11.0 - 0.9).collect::<Vec<_>>();
        let x = Tensor::new([5, 3], numbers(15)).unwrap();
        let y = Tensor::vector(vec![0i64, 1, 1, 0, 1]);
        let parameters: Vec<(Name, Tensor)> = step
            .parameters()
            .iter()
            .map(|d| {
                let shape = d.shape.eval(&sizes).unwrap();
                (d.name.clone(), Tensor::new(shape.clone(), numbers(shape.iter().product())).unwrap())
            })
            .collect();
        let inputs = [("x", x.view()), ("y", y.view())];
        let values = values_of_plan(&plan, &inputs, &parameters, (0, 0)).unwrap();
        let right = interp::evaluate(&step, &inputs, &parameters, 0, 0).unwrap();
        for output in plan.outputs() {
            let value = values[output.value.index()].as_ref().unwrap();
            let want = right.output(&output.name).unwrap().item().unwrap();
            assert!((value.item().unwrap() - want).abs() < 1e-12, "{}", output.name);
        }
        assert!(values.iter().all(Option::is_some));
        let missing = values_of_plan(&plan, &inputs[..1], &parameters, (0, 0)).unwrap_err().to_string();
        assert_eq!(missing, "input y has no value");
        let missing = values_of_plan(&plan, &inputs, &parameters[1..], (0, 0)).unwrap_err().to_string();
        assert!(missing.starts_with("parameter ") && missing.ends_with(" has no value"), "{missing}");
    }
}
