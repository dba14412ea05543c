//! Running one test: its graph as a program of ours, on the interpreter and on `cpu`.

use std::collections::HashMap;

use dl_backends::{Cpu, Session};
use dl_core::interp::evaluate;
use dl_core::{Graph, Program, Tensor};
use serde_json::Value;

use crate::call::{Call, Data, Out, V, X};
use crate::case::{Case, Given};
use crate::rows;
use crate::types::Ty;

/// How a test ends.
pub(crate) enum Outcome {
    Passed,
    /// Why our operations do not say it.
    Unwritten(String),
    Failed(String),
}

pub(crate) fn run(case: &Case) -> Outcome {
    let graph = Graph::new();
    let mut data: Data = vec![];
    let mut scope: HashMap<String, V<'_>> = HashMap::new();
    let names = case.graph["inputs"].as_array().cloned().unwrap_or_default();
    for (i, (name, given)) in names.iter().zip(&case.inputs).enumerate() {
        let name = name.as_str().unwrap_or_default();
        scope.insert(name.into(), declared(&graph, &mut data, &format!("in{i}"), given));
    }
    let results = match body(&graph, &case.graph, case.opset, &mut scope, &data) {
        Ok(results) => results,
        Err(why) => return Outcome::Unwritten(why),
    };
    let (mut found, mut wanted) = (vec![], vec![]);
    for (result, given) in results.iter().zip(&case.outputs) {
        if let Err(why) = pair(result, given, &mut found, &mut wanted) {
            return why;
        }
    }
    if wanted.is_empty() {
        return Outcome::Unwritten("no tensor is expected".into());
    }
    match compared(&graph, &found, &wanted, &data, case.tolerance) {
        Ok(()) => Outcome::Passed,
        Err(why) => Outcome::Failed(why),
    }
}

fn declared<'g>(graph: &'g Graph, data: &mut Data, name: &str, given: &Given) -> V<'g> {
    match given {
        Given::Tensor(tensor, ty) => {
            data.push((name.into(), tensor.clone()));
            V::T(X { e: graph.input(name, ty.dtype(), tensor.shape()), ty: *ty })
        }
        Given::Sequence(items) => {
            let parts =
                items.iter().enumerate().map(|(i, g)| declared(graph, data, &format!("{name}.{i}"), g));
            V::Sequence(parts.collect())
        }
        Given::Missing(why) => V::Nothing(why.clone()),
    }
}

/// Tensors beside what is expected of them.
fn pair<'g>(
    result: &V<'g>,
    given: &Given,
    found: &mut Vec<X<'g>>,
    wanted: &mut Vec<Tensor>,
) -> Result<(), Outcome> {
    match (result, given) {
        (V::T(x), Given::Tensor(tensor, _)) => {
            found.push(*x);
            wanted.push(tensor.clone());
            Ok(())
        }
        (V::Sequence(parts), Given::Sequence(items)) if parts.len() == items.len() => {
            parts.iter().zip(items).try_for_each(|(p, i)| pair(p, i, found, wanted))
        }
        (V::Sequence(parts), Given::Sequence(items)) => {
            Err(Outcome::Failed(format!("{} parts, {} expected", parts.len(), items.len())))
        }
        (V::Nothing(why), _) | (_, Given::Missing(why)) => Err(Outcome::Unwritten(why.clone())),
        _ => Err(Outcome::Failed("a sequence for a tensor".into())),
    }
}

/// The results of a graph's nodes in order; of those that its outputs name.
pub(crate) fn body<'g>(
    graph: &'g Graph,
    json: &Value,
    opset: i64,
    scope: &mut HashMap<String, V<'g>>,
    data: &Data,
) -> Out<'g> {
    for (name, value) in json["initializers"].as_object().into_iter().flatten() {
        let value = match Given::read(value) {
            Given::Tensor(tensor, ty) => V::T(X { e: graph.literal(tensor), ty }),
            Given::Missing(why) => V::Nothing(why),
            Given::Sequence(_) => V::Nothing("a sequence".into()),
        };
        scope.insert(name.clone(), value);
    }
    for node in json["nodes"].as_array().into_iter().flatten() {
        let names = |key: &str| -> Vec<String> {
            let list = node[key].as_array().into_iter().flatten();
            list.map(|n| n.as_str().unwrap_or_default().to_owned()).collect()
        };
        let (inputs, outputs) = (names("inputs"), names("outputs"));
        let op = node["op"].as_str().unwrap_or_default();
        let call = Call {
            g: graph,
            op,
            opset,
            inputs: inputs.iter().map(|n| if n.is_empty() { None } else { scope.get(n).cloned() }).collect(),
            attributes: &node["attributes"],
            outputs: outputs.len(),
            scope,
            data,
        };
        let results = rows::apply(&call).map_err(|why| if why.is_empty() { op.to_owned() } else { why })?;
        for (i, name) in outputs.iter().enumerate().filter(|(_, n)| !n.is_empty()) {
            let result = results.get(i).cloned().ok_or(format!("{op} with {} results", outputs.len()))?;
            scope.insert(name.clone(), result);
        }
    }
    let outputs = json["outputs"].as_array().into_iter().flatten();
    outputs
        .map(|name| {
            let name = name.as_str().unwrap_or_default();
            scope.get(name).cloned().ok_or_else(|| format!("nothing is named {name}"))
        })
        .collect()
}

fn compared(
    graph: &Graph,
    found: &[X<'_>],
    wanted: &[Tensor],
    data: &Data,
    tolerance: (f64, f64),
) -> Result<(), String> {
    let mut builder = Program::builder(graph);
    for (i, x) in found.iter().enumerate() {
        builder = builder.output(&format!("out{i}"), x.e);
    }
    let program = builder.compile().map_err(|e| e.to_string())?;
    let inputs = program.inputs().iter().filter_map(|d| data.iter().find(|(n, _)| **n == *d.name));
    let inputs: Vec<(&str, _)> = inputs.map(|(n, t)| (n.as_str(), t.view())).collect();
    let meant = evaluate(&program, &inputs, &[], 7, 0).map_err(|e| e.to_string())?;
    let mut session = Session::new(Cpu::default(), 7);
    let handle = session.compile(&program).map_err(|e| e.to_string())?;
    let ran = session.run_named(&handle, &inputs).map_err(|e| e.to_string())?;
    for (i, (x, want)) in found.iter().zip(wanted).enumerate() {
        let name = format!("out{i}");
        let on_cpu = ran.read(&name).map_err(|e| e.to_string())?;
        let interpreted = meant.output(&name).map_err(|e| e.to_string())?;
        near(&on_cpu, want, x.ty, tolerance).map_err(|why| format!("result {i} of cpu: {why}"))?;
        // What single precision rounds up, double may round down.
        let whole = matches!(x.ty, Ty::Int(..)).then_some((0.0, 1.0));
        near(interpreted, want, x.ty, whole.unwrap_or(tolerance))
            .map_err(|why| format!("result {i} of the interpreter: {why}"))?;
    }
    Ok(())
}

/// As `numpy.testing.assert_allclose` judges; beside that, two units of the type, of a number or of the
/// largest one: the reference itself was computed in it.
fn near(got: &Tensor, want: &Tensor, ty: Ty, (relative, absolute): (f64, f64)) -> Result<(), String> {
    if got.shape() != want.shape() {
        return Err(format!("shape {:?}, expected {:?}", got.shape(), want.shape()));
    }
    let (a, b) = (got.to_f64(), want.to_f64());
    let (mut relative, mut absolute) = (relative, absolute);
    if ty.is_float() {
        let largest = b.iter().filter(|x| x.is_finite()).fold(0f64, |m, x| m.max(x.abs()));
        relative = relative.max(2.0 * ty.epsilon());
        absolute = absolute.max(if matches!(ty, Ty::Half(_)) { 0.0 } else { 2.0 * ty.epsilon() * largest });
    }
    let close = |a: f64, b: f64| {
        let exact = a == b || (a.is_nan() && b.is_nan());
        // Half precision is computed in single, where more is finite.
        let half = matches!(ty, Ty::Half(_));
        let overflow = half && b.is_infinite() && a.signum() == b.signum() && a.abs() >= 65504.0;
        exact || overflow || (a - b).abs() <= absolute + relative * b.abs()
    };
    match a.iter().zip(&b).position(|(a, b)| !close(*a, *b)) {
        None => Ok(()),
        Some(at) => Err(format!("{} at {at} of {}, expected {}", a[at], a.len(), b[at])),
    }
}
