//! What the lines of a derivation come to.

use std::collections::HashMap;

use crate::derive::{Derivation, Kind, Line};
use crate::dim::Name;
use crate::error::{Error, Result};
use crate::interp;
use crate::tensor::{Tensor, TensorRef};

impl Derivation {
    /// What each line is for inputs and parameters by name, in double precision, by the
    /// [interpreter](crate::interp): each from the values of the lines that it stands on. None for updates and
    /// settings.
    ///
    /// ```
    /// use dl_core::{F64, Graph, Tensor, derive::Derivation};
    /// let g = Graph::new();
    /// let theta = g.input("θ", F64, ());
    /// let derivation = Derivation::of((theta - 3.0).square(), &[theta])?;
    /// let values = derivation.evaluate(&[("θ", Tensor::scalar(5.0).view())], &[])?;
    /// let [j, gradient] = &values[..] else { panic!() };
    /// assert_eq!(j.as_ref().unwrap().item()?, 4.0);
    /// assert_eq!(gradient.as_ref().unwrap().item()?, 4.0);
    /// # Ok::<(), dl_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// When an input or parameter is missing or does not fit, and what only a run can find.
    pub fn evaluate(
        &self,
        inputs: &[(&str, TensorRef<'_>)],
        parameters: &[(Name, Tensor)],
    ) -> Result<Vec<Option<Tensor>>> {
        let mut known: HashMap<&str, Tensor> =
            inputs.iter().map(|(name, value)| (*name, value.to_owned())).collect();
        known.extend(parameters.iter().map(|(name, value)| (&**name, value.clone())));
        let mut values: Vec<Option<Tensor>> = vec![None; self.lines.len()];
        let forward = |line: &Line| matches!(line.kind, Kind::Objective | Kind::Value);
        let backward = |line: &Line| matches!(line.kind, Kind::Inner | Kind::Gradient);
        let all = || self.lines.iter().enumerate();
        // A value stands on those below it, a derivative on those above it.
        let order = all().rev().filter(|(_, line)| forward(line));
        for (place, line) in order.chain(all().filter(|(_, line)| backward(line))) {
            let program = &line.program;
            let given = |name: &str| {
                known.get(name).ok_or_else(|| Error::value(format!("{name}, in {}, has no value", line.name)))
            };
            let mut inputs = vec![];
            for decl in program.inputs() {
                inputs.push((&*decl.name, given(&decl.name)?.view()));
            }
            let mut parameters = vec![];
            for decl in program.parameters() {
                parameters.push((decl.name.clone(), given(&decl.name)?.clone()));
            }
            let value = interp::evaluate(program, &inputs, &parameters, 0, 0)?.output(&line.name)?.clone();
            // Others declare it in their own element type.
            let value = match line.output_type() {
                Some(dtype) if dtype.is_float() => {
                    Tensor::from_f64(dtype, value.shape().to_vec(), &value.to_f64())?
                }
                _ => value,
            };
            known.insert(&line.name, value.clone());
            values[place] = Some(value);
        }
        Ok(values)
    }
}
