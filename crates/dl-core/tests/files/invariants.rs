//! What a file must not say, one invariant after the other: each refused with what is wrong.

use dl_core::nn::Sgd;
use dl_core::{Dim, F32, Graph, Init, Named, Plan, Program};
use serde_json::{Value, json};

const B: Named = Named("B");

/// A step with an input, a parameter that it updates and one that it only reads.
fn step() -> Program {
    let g = Graph::new();
    let x = g.input("x", F32, (B, 3));
    let w = g.parameter("w", F32, [3], Init::Zeros);
    let fixed = g.state("fixed", F32, (), Init::ones());
    let j = (x.contract("bi,i->b", w) - fixed).square().mean(..).named("J");
    j.minimize(Sgd::new(0.1)).unwrap()
}

fn program() -> Value {
    serde_json::from_str(&step().to_json().unwrap()).unwrap()
}

fn plan() -> Value {
    serde_json::from_str(&Plan::new(&step()).to_json().unwrap()).unwrap()
}

#[track_caller]
fn refused<T: std::fmt::Debug>(read: dl_core::Result<T>, says: &str) {
    let error = read.expect_err("an invariant is broken").to_string();
    assert!(error.contains(says), "{error}\nwithout: {says}");
}

/// The program after `edit` is refused.
#[track_caller]
fn no_program(says: &str, edit: impl FnOnce(&mut Value)) {
    let mut json = program();
    edit(&mut json);
    refused(Program::from_json(&json.to_string()), says);
}

/// The plan after `edit` is refused.
#[track_caller]
fn no_plan(says: &str, edit: impl FnOnce(&mut Value)) {
    let mut json = plan();
    edit(&mut json);
    refused(Plan::from_json(&json.to_string()), says);
}

fn push(list: &mut Value, item: Value) {
    list.as_array_mut().unwrap().push(item);
}

/// One more of what the list begins with.
fn repeat(list: &mut Value) {
    push(list, list[0].clone());
}

fn decl(name: &str) -> Value {
    json!({ "name": name, "dtype": "f32", "shape": [{ "Size": 3 }] })
}

#[test]
fn the_files_themselves_are_read() {
    assert_eq!(Program::from_json(&program().to_string()).unwrap().nodes(), step().nodes());
    Plan::from_json(&plan().to_string()).unwrap();
}

#[test]
fn declarations_of_programs() {
    no_program("input y is read by no node", |p| push(&mut p["inputs"], decl("y")));
    no_program("input x is there twice", |p| repeat(&mut p["inputs"]));
    no_program("parameter w is there twice", |p| repeat(&mut p["parameters"]));
    no_program("output J is there twice", |p| repeat(&mut p["outputs"]));
    no_program("parameter v is neither read nor updated", |p| {
        repeat(&mut p["parameters"]);
        p["parameters"][2]["name"] = json!("v");
    });
    no_program("initialiser of w: constant 1000", |p| {
        p["parameters"][0]["init"] = json!({ "constant": 1e300 });
    });
    no_program("B is not a known size", |p| {
        // Nothing reads it any more, so that no node disagrees first.
        let shape = p["inputs"][0]["shape"].clone();
        push(
            &mut p["parameters"],
            json!({ "name": "v", "dtype": "f32", "shape": shape, "init": "zeros", "trainable": true }),
        );
    });
    no_program("origins for", |p| push(&mut p["origins"], json!({ "site": null, "name": null })));
}

#[test]
fn nodes_of_programs() {
    no_program("which does not come before it", |p| {
        let last = p["nodes"].as_array().unwrap().len() - 1;
        p["nodes"][last]["args"][0] = json!(last);
    });
    no_program("output J names node 4294967295", |p| p["outputs"][0]["node"] = json!(u32::MAX));
    no_program("update of w does not fit it", |p| p["updates"][0]["value"] = p["outputs"][0]["node"].clone());
    no_program("is the second one", |p| repeat(&mut p["updates"]));
    no_program("grad takes 2 arguments", |p| p["nodes"][0]["op"] = json!("Grad"));
    no_program("poison cannot stand in a program", |p| {
        p["nodes"][0] = json!({ "op": "Poison", "args": [], "dtype": "f32", "shape": [] });
    });
    no_program("size -3 is negative", |p| {
        p["inputs"][0]["shape"][1] = json!({ "Size": -3 });
        p["nodes"][0] = json!({ "op": { "Input": "x" }, "args": [], "dtype": "f32",
            "shape": [p["inputs"][0]["shape"][0], { "Size": -3 }] });
    });
    no_program("equal nodes are one", |p| {
        let nodes = p["nodes"].as_array_mut().unwrap();
        nodes.push(nodes[0].clone());
        push(&mut p["origins"], json!({ "site": null, "name": null }));
    });
    no_program("the last one is", |p| {
        p["nodes"][0] =
            json!({ "op": { "Random": { "stream": u64::MAX } }, "args": [], "dtype": "f32", "shape": [] });
    });
    no_program("variable 18446744073709551615", |p| {
        p["nodes"][1] = json!({ "op": { "Variable": u64::MAX }, "args": [0], "dtype": p["nodes"][0]["dtype"],
            "shape": p["nodes"][0]["shape"] });
    });
}

#[test]
fn polynomials_of_files() {
    let b = json!({ "factors": [["B", 1]], "coefficient": 1 });
    let dim = json!({ "Poly": [b, b] });
    no_program("polynomial B + B is not in normal form", |p| p["inputs"][0]["shape"][0] = dim.clone());
    no_plan("polynomial B + B is not in normal form", |p| p["values"][0]["shape"][0] = dim.clone());
}

#[test]
fn names_of_dimensions() {
    let c = serde_json::to_value(Dim::named("C")).unwrap();
    let sized = |dim: &Value| json!({ "op": { "Extent": dim }, "args": [], "dtype": "f32", "shape": [] });
    no_program("dimension C is not the size of any axis", |p| {
        push(&mut p["nodes"], sized(&c));
        push(&mut p["origins"], json!({ "site": null, "name": null }));
    });
    no_plan("dimension C is not the size of any axis", |p| {
        let values = p["values"].as_array_mut().unwrap();
        let mut unused = values[0].clone();
        unused["shape"][0] = c.clone();
        values.push(unused);
    });
}

#[test]
fn a_reshape_to_twenty_sums_is_refused() {
    let g = Graph::new();
    let sums = (0..20).map(|i| &Dim::named(&format!("N{i}")) + &Dim::from(1));
    let shape: Vec<Value> = sums.map(|d| serde_json::to_value(d).unwrap()).collect();
    let x = g.input("x", F32, (B, 3));
    let program = Program::builder(&g).output("y", x.reshape((3, B))).compile().unwrap();
    let mut json: Value = serde_json::from_str(&program.to_json().unwrap()).unwrap();
    json["nodes"][1]["shape"] = json!(shape);
    refused(Program::from_json(&json.to_string()), "has too many elements");
}

/// The place of the first step of `plan` that frees something, and what.
fn frees(plan: &Value) -> (usize, Value) {
    let steps = plan["steps"].as_array().unwrap();
    let found = steps.iter().enumerate().find(|(_, s)| !s["frees"].as_array().unwrap().is_empty());
    found.map(|(i, s)| (i, s["frees"][0].clone())).expect("some step frees something")
}

#[test]
fn lifetimes_of_plans() {
    no_plan("is made twice or not declared", |p| p["steps"][1]["result"] = p["steps"][0]["result"].clone());
    no_plan("is made twice or not declared", |p| p["steps"][1]["result"] = p["inputs"][0]["value"].clone());
    no_plan("the result is not declared", |p| p["steps"][0]["result"] = json!(u32::MAX));
    no_plan("is made twice or not declared", |p| p["inputs"][0]["value"] = json!(99));
    no_plan("is not there", |p| {
        let last = p["steps"].as_array().unwrap().last().unwrap()["result"].clone();
        p["steps"][0]["args"][0] = json!({ "value": last });
    });
    // What was freed is made again.
    no_plan("is made twice or not declared", |p| {
        let (i, value) = frees(p);
        p["steps"][i + 1]["result"] = value;
    });
    // A value is read after it was freed.
    no_plan("frees", |p| {
        let (i, value) = frees(p);
        let early = p["steps"][0]["result"].clone();
        push(&mut p["steps"][0]["frees"], early);
        assert!(i > 0 || value != p["steps"][0]["result"], "it is read later");
    });
    no_plan("frees", |p| {
        let (i, value) = frees(p);
        push(&mut p["steps"][i]["frees"], value);
    });
    no_plan("frees", |p| {
        let (i, _) = frees(p);
        p["steps"][i]["frees"] = json!([]);
    });
    no_plan("frees", |p| {
        let input = p["inputs"][0]["value"].clone();
        push(&mut p["steps"][0]["frees"], input);
    });
    no_plan("frees", |p| {
        let output = p["outputs"][0]["value"].clone();
        let steps = p["steps"].as_array_mut().unwrap();
        let maker = steps.iter_mut().find(|s| s["result"] == output).unwrap();
        push(&mut maker["frees"], output);
    });
    no_plan("frees", |p| push(&mut p["steps"][0]["frees"], json!(u32::MAX)));
    no_plan("nothing needs", |p| p["outputs"] = json!([]));
}

#[test]
fn declarations_of_plans() {
    no_plan("input x is there twice", |p| repeat(&mut p["inputs"]));
    no_plan("parameter w is there twice", |p| repeat(&mut p["parameters"]));
    no_plan("output J is there twice", |p| repeat(&mut p["outputs"]));
    no_plan("input x does not have its declared type", |p| p["inputs"][0]["decl"]["dtype"] = json!("f64"));
    no_plan("parameter w does not have its declared type", |p| {
        p["parameters"][0]["update"] = p["outputs"][0]["value"].clone();
    });
    no_plan("parameter w does not have its declared type", |p| {
        p["parameters"][0]["decl"]["dtype"] = json!("f64");
    });
    no_plan("is needed at the end and is not there", |p| p["outputs"][0]["value"] = json!(99));
    no_plan("is needed at the end and is not there", |p| p["parameters"][0]["update"] = json!(99));
    no_plan("initialiser of w", |p| p["parameters"][0]["decl"]["init"] = json!({ "constant": "NaN" }));
    no_plan("size -1 is negative", |p| p["values"][1]["shape"][0] = json!({ "Size": -1 }));
}

#[test]
fn steps_of_plans() {
    let marker = |op: Value, says: &str| {
        no_plan(says, |p| p["steps"][0]["op"] = op);
    };
    marker(json!("StopGradient"), "stop_gradient cannot stand in a plan");
    marker(json!({ "Assume": "finite" }), "assume cannot stand in a plan");
    marker(json!({ "Variable": 0 }), "variable cannot stand in a plan");
    marker(json!({ "Input": "x" }), "input cannot stand in a plan");
    marker(json!({ "Parameter": "w" }), "parameter cannot stand in a plan");
    marker(json!("Grad"), "grad cannot stand in a plan");
    marker(json!({ "LogSumExp": [0] }), "logsumexp cannot stand in a plan");
    marker(json!({ "LogSoftmax": [0] }), "log_softmax cannot stand in a plan");
    let number = json!({ "constant": { "float": 1.0 } });
    no_plan("operand 0 must be a value", |p| p["steps"][0]["args"][0] = number);
    let bool = json!({ "constant": { "bool": true } });
    no_plan("does not fit f32", |p| {
        let steps = p["steps"].as_array_mut().unwrap();
        let with_number =
            |s: &&mut Value| s["args"].as_array().unwrap().iter().any(|a| !a["constant"].is_null());
        let step = steps.iter_mut().find(with_number).unwrap();
        let args = step["args"].as_array_mut().unwrap();
        *args.iter_mut().find(|a| !a["constant"].is_null()).unwrap() = bool;
    });
}

#[test]
fn a_value_that_a_select_takes_needs_a_condition() {
    let g = Graph::new();
    let x = g.input("x", F32, B);
    let program = Program::builder(&g).output("y", x.gt(0.0).select(x, 0.0)).without_rewriting();
    let plan = Plan::new(&program.compile().unwrap());
    let mut json: Value = serde_json::from_str(&plan.to_json().unwrap()).unwrap();
    let last = json["steps"].as_array().unwrap().len() - 1;
    json["steps"][last]["args"][0] = json!({ "constant": { "bool": true } });
    refused(Plan::from_json(&json.to_string()), "operand 0 must be a value");
}
