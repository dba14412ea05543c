//! Tables that PyTorch made, and our formulas held to them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Index;

use dl_core::interp::evaluate;
use dl_core::{Expr, Graph, Program, Tensor};
use serde::Deserialize;

/// How far ours may be off, relative to PyTorch's: an element at a time, so that small ones count too.
const TOLERANCE: f64 = 1e-10;

/// Elements of layers nearer to 0 than this may be off as if they were this: a gradient by what a mean is
/// taken from, or by a bias of keys, is a sum that cancels.
const CANCELS: f64 = 1e-2;

/// A file of `make/table.py`.
#[derive(Deserialize)]
pub(crate) struct Table {
    /// The version of PyTorch.
    made_by: String,
    /// By name.
    pub(crate) cases: BTreeMap<String, Case>,
}

/// What PyTorch made of some inputs.
#[derive(Deserialize)]
pub(crate) struct Case {
    /// By name.
    pub(crate) inputs: BTreeMap<String, Tensor>,
    pub(crate) value: Tensor,
    /// What the value was multiplied by before it was summed and differentiated.
    cotangent: Option<Tensor>,
    /// By the name of the input.
    #[serde(default)]
    gradients: BTreeMap<String, Tensor>,
    /// What a training step leaves in state, by name.
    #[serde(default)]
    states: BTreeMap<String, Tensor>,
}

/// The inputs of a case as expressions, by name. Those with a dot are parameters and state, which the layer at
/// the path before it declares.
pub(crate) struct Inputs<'g>(BTreeMap<String, Expr<'g>>);

impl<'g> Index<&str> for Inputs<'g> {
    type Output = Expr<'g>;
    fn index(&self, name: &str) -> &Expr<'g> {
        self.0.get(name).unwrap_or_else(|| panic!("no input {name}: there are {:?}", self.0.keys()))
    }
}

impl<'g> Inputs<'g> {
    /// The input of that name, if the case has one.
    pub(crate) fn find(&self, name: &str) -> Option<Expr<'g>> {
        self.0.get(name).copied()
    }
}

/// Our value of a case.
pub(crate) type Formula = Box<dyn for<'g> Fn(&Inputs<'g>) -> Expr<'g>>;

/// The formula of a case.
pub(crate) fn formula(f: impl for<'g> Fn(&Inputs<'g>) -> Expr<'g> + 'static) -> Formula {
    Box::new(f)
}

impl Table {
    /// The table in the text of its file.
    pub(crate) fn read(text: &str) -> Table {
        let table: Table = serde_json::from_str(text).expect("the file is as make/table.py writes it");
        assert!(table.made_by.starts_with("PyTorch 2."), "{}", table.made_by);
        table
    }

    /// Asserts that every case has one of `names`, and every name a case.
    pub(crate) fn holds_exactly<'a>(&self, names: impl IntoIterator<Item = &'a str>) {
        let (mut ours, mut twice) = (BTreeSet::new(), vec![]);
        for name in names {
            if !ours.insert(name) {
                twice.push(name);
            }
        }
        let theirs: BTreeSet<&str> = self.cases.keys().map(String::as_str).collect();
        let (missing, unknown): (Vec<_>, Vec<_>) =
            (theirs.difference(&ours).collect(), ours.difference(&theirs).collect());
        assert!(
            missing.is_empty() && unknown.is_empty() && twice.is_empty(),
            "cases without a formula: {missing:#?}, formulas without a case: {unknown:#?}, two of: {twice:#?}"
        );
    }
}

/// Asserts that the value and the gradients of every case are PyTorch's, both as written and through the
/// compiler's passes.
pub(crate) fn agree<S: AsRef<str>>(table: &str, formulas: &[(S, Formula)]) {
    agree_above(0.0, table, formulas);
}

/// The same for layers, whose gradients cancel in places.
pub(crate) fn layers_agree<S: AsRef<str>>(table: &str, formulas: &[(S, Formula)]) {
    agree_above(CANCELS, table, formulas);
}

fn agree_above<S: AsRef<str>>(floor: f64, table: &str, formulas: &[(S, Formula)]) {
    let table = Table::read(table);
    table.holds_exactly(formulas.iter().map(|(name, _)| name.as_ref()));
    let mut wrong = vec![];
    for (name, formula) in formulas {
        let name = name.as_ref();
        for rewriting in [false, true] {
            let how = if rewriting { "rewritten" } else { "as written" };
            let found = table.cases[name].misfits(formula, rewriting, floor);
            wrong.extend(found.into_iter().map(|what| format!("{name}, {how}: {what}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

impl Case {
    /// What is not as PyTorch has it.
    fn misfits(&self, formula: &Formula, rewriting: bool, floor: f64) -> Vec<String> {
        let graph = Graph::new();
        let declare = |(name, tensor): (&String, &Tensor)| {
            (name.clone(), graph.input(name, tensor.dtype(), tensor.shape()))
        };
        // Names with a point are parameters, which a layer declares.
        let (layer, given): (BTreeMap<_, _>, BTreeMap<_, _>) =
            self.inputs.iter().partition(|(name, _)| name.contains('.'));
        let mut inputs = Inputs(given.into_iter().map(declare).collect());
        let value = formula(&inputs);
        inputs.0.extend(layer.keys().map(|name| ((*name).clone(), graph.get_parameter(name))));
        let mut builder = Program::builder(&graph).output("value", value);
        if let Some(cotangent) = &self.cotangent {
            let objective = (value * graph.literal(cotangent.clone())).sum(..);
            let declared = |name: &String| match name.contains('.') {
                true => graph.get_parameter(name),
                false => inputs[name],
            };
            let wrt: Vec<Expr<'_>> = self.gradients.keys().map(declared).collect();
            for (name, gradient) in self.gradients.keys().zip(objective.grad(&wrt)) {
                builder = builder.output(&gradient_by(name), gradient);
            }
        }
        let builder = builder.state_updates();
        let builder = if rewriting { builder } else { builder.without_rewriting() };
        let program = match builder.compile() {
            Ok(program) => program,
            Err(why) => return vec![why.to_string()],
        };
        let read = program.inputs().iter().map(|d| (&*d.name, self.inputs[&*d.name].view()));
        let mut parameters = vec![];
        for decl in program.parameters() {
            match self.inputs.get(&*decl.name) {
                Some(value) => parameters.push((decl.name.clone(), value.clone())),
                None => return vec![format!("the layer has {}, PyTorch's not", decl.name)],
            }
        }
        let found = match evaluate(&program, &read.collect::<Vec<_>>(), &parameters, 0, 0) {
            Ok(found) => found,
            Err(why) => return vec![why.to_string()],
        };
        let updated: BTreeMap<&str, &Tensor> =
            found.updates.iter().map(|(name, new)| (&**name, new)).collect();
        if !updated.keys().copied().eq(self.states.keys().map(String::as_str)) {
            return vec![format!("updates {:?}, PyTorch {:?}", updated.keys(), self.states.keys())];
        }
        let states = self
            .states
            .iter()
            .filter_map(|(name, want)| misfit_above(floor, name, updated[name.as_str()], want));
        let states: Vec<String> = states.collect();
        let wanted = self.gradients.iter().map(|(name, gradient)| (gradient_by(name), gradient));
        std::iter::once(("value".to_string(), &self.value))
            .chain(wanted)
            .filter_map(|(what, want)| misfit_above(floor, &what, found.output(&what).unwrap(), want))
            .chain(states)
            .collect()
    }
}

fn gradient_by(name: &str) -> String {
    format!("gradient by {name}")
}

/// How `got` is not PyTorch's `want`: zeros, infinities and NaN must be the same, all other elements within
/// 1e-10 of theirs.
pub(crate) fn misfit(what: &str, got: &Tensor, want: &Tensor) -> Option<String> {
    misfit_above(0.0, what, got, want)
}

/// The same, where elements nearer to 0 than `floor` may be off as if they were `floor`.
fn misfit_above(floor: f64, what: &str, got: &Tensor, want: &Tensor) -> Option<String> {
    let close = |(a, b): (&f64, &f64)| {
        let size = b.abs().clamp(floor, f64::MAX);
        a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= TOLERANCE * size
    };
    let (ours, theirs) = (got.to_f64(), want.to_f64());
    let fits = got.shape() == want.shape() && ours.iter().zip(&theirs).all(close);
    (!fits)
        .then(|| format!("{what} is {:?} {ours:?}, PyTorch has {:?} {theirs:?}", got.shape(), want.shape()))
}

#[test]
fn what_differs_is_found() {
    let found = |got: &[f64], want: &[f64]| {
        misfit("value", &Tensor::vector(got.to_vec()), &Tensor::vector(want.to_vec())).is_some()
    };
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    assert!(!found(&[1.0, 0.0, nan, inf, -inf], &[1.0 + 9e-11, -0.0, nan, inf, -inf]));
    for (got, want) in [(1.0, 1.0 + 2e-10), (1e-300, 0.0), (0.0, nan), (nan, 0.0), (inf, -inf), (1.0, inf)] {
        assert!(found(&[got], &[want]), "{got} for {want}");
    }
    assert!(found(&[1.0, 1.0], &[1.0]));
}

/// A table of the case `a` alone.
fn one(case: &str) -> String {
    format!(r#"{{"made_by": "PyTorch 2.0", "cases": {{"a": {case}}}}}"#)
}

fn scalar(value: &str) -> String {
    format!(r#"{{"shape": [], "data": {{"f64": [{value}]}}}}"#)
}

#[test]
#[should_panic(expected = "cases without a formula")]
fn a_case_without_a_formula_is_found() {
    agree::<&str>(&one(&format!(r#"{{"inputs": {{}}, "value": {}}}"#, scalar("1.0"))), &[]);
}

#[test]
#[should_panic(expected = "gradient by x is [] [3.0], PyTorch has [] [2.0]")]
fn another_gradient_is_found() {
    let (first, two) = (scalar("1.0"), scalar("2.0"));
    let table = one(&format!(
        r#"{{"inputs": {{"x": {first}}}, "value": {first}, "cotangent": {two}, "gradients": {{"x": {two}}}}}"#
    ));
    agree(&table, &[("a", formula(|x| x["x"] + 0.5 * (x["x"] - x["x"].stop_gradient())))]);
}
