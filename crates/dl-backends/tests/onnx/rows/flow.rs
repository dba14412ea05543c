//! Branches and loops whose course is known, sequences.

use dl_core::I64;
use serde_json::Value;

use crate::call::{Call, Out, V, X, axis_of, one};
use crate::run::body;
use crate::types::Ty;

pub(super) fn apply<'g>(c: &Call<'_, 'g>) -> Option<Out<'g>> {
    Some(match c.op {
        "If" => (|| {
            let taken = c.numbers(0)?.ok_or("a condition is needed")?[0] != 0.0;
            inner(c, &c.attributes[if taken { "then_branch" } else { "else_branch" }], &[])
        })(),
        "Loop" => looped(c),
        "Scan" => scan(c),
        "SequenceConstruct" => sequence(c.inputs.iter().flatten().cloned().collect()),
        "SequenceEmpty" => sequence(vec![]),
        "SequenceLength" => (|| one(c.g.constant(I64, parts(c, 0)?.len() as f64), Ty::Int(64, true)))(),
        "SequenceAt" => (|| {
            let (all, i) = (parts(c, 0)?, c.ints(1)?.ok_or("an index is needed")?[0]);
            all.get(place(i, all.len())?).cloned().map(|v| vec![v]).ok_or_else(|| "an index outside".into())
        })(),
        "SequenceInsert" => (|| {
            let mut all = parts(c, 0)?;
            let at = match c.ints(2)? {
                Some(i) => place(i[0], all.len())?,
                None => all.len(),
            };
            all.insert(at, c.value(1)?);
            sequence(all)
        })(),
        "SequenceErase" => (|| {
            let mut all = parts(c, 0)?;
            let at = match c.ints(1)? {
                Some(i) => place(i[0], all.len())?,
                None => all.len() - 1,
            };
            all.remove(at);
            sequence(all)
        })(),
        "ConcatFromSequence" => (|| {
            let all = parts(c, 0)?.into_iter().map(tensor).collect::<Result<Vec<_>, _>>()?;
            let first = *all.first().ok_or("an empty sequence")?;
            let new = c.int("new_axis", 0) == 1;
            let axis = axis_of(c.int("axis", 0), first.rank() + usize::from(new))?;
            let each: Vec<_> = all.iter().map(|x| x.e).collect();
            Ok(vec![first.like(if new { c.g.stack(axis, &each) } else { c.g.concat(axis, &each) })])
        })(),
        "SplitToSequence" => (|| {
            let x = c.x(0)?;
            let axis = c.axis(0, x.rank())?;
            let n = x.sizes()[axis];
            let given = c.optional(1)?;
            let lengths: Vec<usize> = match (c.ints(1)?, given.map(X::rank)) {
                (Some(v), Some(0)) => {
                    let part = v[0] as usize;
                    (0..n.div_ceil(part)).map(|i| part.min(n - i * part)).collect()
                }
                (Some(v), _) => v.into_iter().map(|n| n as usize).collect(),
                (None, _) => vec![1; n],
            };
            let drop = given.is_none() && c.int("keepdims", 1) == 0;
            let each = x.e.split(axis, &lengths).into_iter().map(|e| {
                x.like(if drop {
                    e.reshape(
                        e.shape()
                            .iter()
                            .enumerate()
                            .filter(|(a, _)| *a != axis)
                            .map(|(_, d)| d.clone())
                            .collect::<dl_core::Shape>(),
                    )
                } else {
                    e
                })
            });
            sequence(each.collect())
        })(),
        "SequenceMap" => (|| {
            let n = parts(c, 0)?.len();
            let mut results: Vec<Vec<V<'g>>> = vec![vec![]; c.outputs];
            for k in 0..n {
                let each = (0..c.inputs.len()).map(|i| match c.value(i)? {
                    V::Sequence(all) => {
                        all.get(k).cloned().ok_or_else(|| "sequences of other lengths".to_owned())
                    }
                    other => Ok(other),
                });
                let each = each.collect::<Result<Vec<_>, _>>()?;
                for (list, v) in results.iter_mut().zip(inner(c, &c.attributes["body"], &each)?) {
                    list.push(v);
                }
            }
            Ok(results.into_iter().map(V::Sequence).collect())
        })(),
        "OptionalHasElement" => (|| {
            let there = match c.inputs.first() {
                Some(Some(V::Nothing(why))) if why != "elements of optional" => return Err(why.clone()),
                Some(Some(V::Nothing(_)) | None) | None => 0.0,
                _ => 1.0,
            };
            one(c.g.constant(dl_core::Bool, there), Ty::Bool)
        })(),
        _ => return None,
    })
}

fn sequence<'g>(all: Vec<V<'g>>) -> Out<'g> {
    Ok(vec![V::Sequence(all)])
}

fn parts<'g>(c: &Call<'_, 'g>, i: usize) -> Result<Vec<V<'g>>, String> {
    match c.value(i)? {
        V::Sequence(all) => Ok(all),
        V::Nothing(why) => Err(why),
        V::T(_) => Err("a tensor for a sequence".into()),
    }
}

fn tensor<'g>(v: V<'g>) -> Result<X<'g>, String> {
    match v {
        V::T(x) => Ok(x),
        V::Sequence(_) => Err("sequences of sequences".into()),
        V::Nothing(why) => Err(why),
    }
}

fn place(i: i64, n: usize) -> Result<usize, String> {
    axis_of(i, n)
}

/// An inner graph on values.
fn inner<'g>(c: &Call<'_, 'g>, graph: &Value, values: &[V<'g>]) -> Out<'g> {
    let mut scope = c.scope.clone();
    let names = graph["inputs"].as_array().into_iter().flatten();
    for (name, v) in names.zip(values) {
        scope.insert(name.as_str().unwrap_or_default().into(), v.clone());
    }
    body(c.g, graph, c.opset, &mut scope, c.data)
}

/// As often as is known beforehand.
fn looped<'g>(c: &Call<'_, 'g>) -> Out<'g> {
    let most = c.ints(0)?.map_or(i64::MAX, |n| n[0]);
    let mut going = c.numbers(1)?.is_none_or(|v| v[0] != 0.0);
    let mut state: Vec<V<'g>> = (2..c.inputs.len()).map(|i| c.value(i)).collect::<Result<_, _>>()?;
    let mut seen: Vec<Vec<X<'g>>> = vec![];
    let mut k = 0;
    while going && k < most {
        if k > 1000 {
            return Err("loops without a known end".into());
        }
        let int = Ty::Int(64, true);
        let mut values = vec![
            V::T(X::new(c.g.constant(I64, k as f64), int)),
            V::T(X::new(c.g.constant(dl_core::Bool, 1.0), Ty::Bool)),
        ];
        values.extend(state.iter().cloned());
        let results = inner(c, &c.attributes["body"], &values)?;
        going = match results.first() {
            Some(V::T(x)) => c.known(x.e)?.to_f64()[0] != 0.0,
            _ => return Err("a condition is needed".into()),
        };
        state = results[1..=state.len()].to_vec();
        let scans = &results[1 + state.len()..];
        seen.resize(scans.len(), vec![]);
        for (list, v) in seen.iter_mut().zip(scans) {
            list.push(tensor(v.clone())?);
        }
        k += 1;
    }
    state.extend(stacked(c, seen)?);
    Ok(state)
}

fn stacked<'g>(c: &Call<'_, 'g>, seen: Vec<Vec<X<'g>>>) -> Out<'g> {
    let stack = |list: Vec<X<'g>>| {
        let first = *list.first().ok_or("a loop of no rounds")?;
        Ok(first.like(c.g.stack(0, &list.iter().map(|x| x.e).collect::<Vec<_>>())))
    };
    seen.into_iter().map(stack).collect()
}

/// Along the first axis, or the one that is named.
fn scan<'g>(c: &Call<'_, 'g>) -> Out<'g> {
    let inputs = c.int("num_scan_inputs", 1) as usize;
    let old = c.opset < 9;
    let from = usize::from(old);
    let states = c.inputs.len() - inputs - from;
    let reverse = |name: &str, i: usize| c.list(name).is_some_and(|d| d[i] == 1);
    let axes = |name: &str, i: usize| c.list(name).map_or(0, |d| d[i]);
    if old {
        return Err("scans of version 8, which have a batch".into());
    }
    let mut state: Vec<V<'g>> = (0..states).map(|i| c.value(i + from)).collect::<Result<_, _>>()?;
    let over = (0..inputs).map(|i| c.x(states + i + from)).collect::<Result<Vec<_>, _>>()?;
    let along = |i: usize| axis_of(axes("scan_input_axes", i), over[i].rank());
    let n = over[0].sizes()[along(0)?];
    let mut seen: Vec<Vec<X<'g>>> = vec![];
    for k in 0..n {
        let mut values = state.clone();
        for (i, x) in over.iter().enumerate() {
            let (axis, at) = (along(i)?, if reverse("scan_input_directions", i) { n - 1 - k } else { k });
            let mut shape = x.sizes();
            shape.remove(axis);
            values.push(x.like(x.e.slice(axis, at, at + 1).reshape(shape.as_slice())));
        }
        let results = inner(c, &c.attributes["body"], &values)?;
        state = results[..states].to_vec();
        seen.resize(results.len() - states, vec![]);
        for (list, v) in seen.iter_mut().zip(&results[states..]) {
            list.push(tensor(v.clone())?);
        }
    }
    for (i, list) in seen.iter_mut().enumerate() {
        if reverse("scan_output_directions", i) {
            list.reverse();
        }
        if axes("scan_output_axes", i) != 0 {
            return Err("scans with results along other axes".into());
        }
    }
    state.extend(stacked(c, seen)?);
    Ok(state)
}
