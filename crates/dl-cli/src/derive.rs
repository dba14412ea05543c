//! `dl derive`: the gradient of a formula, step by step.

use std::fmt::Write;

use dl_core::derive::Derivation;
use dl_core::nn::Sgd;
use dl_core::spelling::suggestion;
use dl_core::{Dim, Dims, Expr, F64, Graph, Program};
use dl_report::Language;

use crate::command::{Failure, Notation, Options};
use crate::formula::Formula;
use crate::sympy::{Source, source};

/// What is known of a formula.
pub(crate) struct Derived<'g> {
    pub formula: Formula,
    pub objective: Expr<'g>,
    pub derivation: Derivation,
    /// What runs.
    pub program: Program,
}

/// Derives the formula of the options on a graph.
///
/// With `naming`, the program has the derivation's names for values.
pub(crate) fn derived<'g>(options: &Options, graph: &'g Graph, naming: bool) -> Result<Derived<'g>, Failure> {
    let shapes: Vec<&str> = options.shapes.iter().map(|s| &**s).collect();
    let formula = Formula::parse(&options.formula, &shapes)?;
    let objective = formula.objective(graph, F64)?;
    let variables: Vec<&str> = formula.variables().collect();
    if variables.is_empty() {
        return Err(Failure::other("the formula has no real inputs: there is nothing to differentiate by"));
    }
    if options.wrt.is_empty() {
        let known = variables.join(", ");
        return Err(Failure::usage(format!("--wrt NAMES is missing: by which of {known}?")));
    }
    let decls = graph.input_decls();
    let mut wrt: Vec<Expr<'_>> = vec![];
    for name in &options.wrt {
        let Some(decl) = decls.iter().find(|d| *d.name == **name && variables.contains(&&**name)) else {
            let hint = suggestion(name, variables.iter().copied());
            let known = variables.join(", ");
            return Err(Failure::usage(format!("--wrt {name}: the formula's real inputs are {known}{hint}")));
        };
        wrt.push(graph.input(name, decl.dtype, &decl.shape));
    }
    let derivation = Derivation::of(objective, &wrt)?;
    let derivation = match options.rate {
        Some(rate) => derivation.with_updates(&Sgd::new(rate))?,
        None => derivation,
    };
    if naming {
        derivation.name_values(graph);
    }
    let program = compiled(graph, objective, derivation.lines()[0].name(), &wrt, &options.wrt)?;
    Ok(Derived { formula, objective, derivation, program })
}

/// What the command prints.
pub(crate) fn derive(options: &Options) -> Result<String, Failure> {
    let graph = Graph::new();
    let Derived { formula, objective, derivation, program } = derived(options, &graph, false)?;
    let derivation = if options.elements { derivation.by_elements() } else { derivation };
    match options.notation {
        Notation::SymPy => {
            let name = derivation.lines()[0].name();
            let written = Program::builder(&graph).output(name, objective).without_rewriting().compile()?;
            script(&written, &program, &options.wrt)
        }
        Notation::MathMl => Ok(derivation.mathml()),
        Notation::Markdown => Ok(derivation.markdown()),
        Notation::Latex => Ok(format!("{}\n\n% What runs:\n{}", derivation.latex(), program.latex())),
        Notation::Unicode => {
            let rules: Vec<&str> = program.trace().counts().into_keys().collect();
            let rules = rules.join(", ");
            let what = match (options.language, rules.is_empty()) {
                (Language::English, true) => "What runs, as it is written:".to_owned(),
                (Language::English, false) => format!("What runs, by the rules {rules}:"),
                (Language::Chinese, true) => "实际运行的，即所写的：".to_owned(),
                (Language::Chinese, false) => format!("实际运行的，所用规则为 {rules}："),
            };
            let inputs = formula.described(options.language).join("   ");
            Ok(format!("{inputs}\n\n{}\n\n{what}\n\n{}", derivation.math(), program.math()))
        }
    }
}

/// The objective and its gradients as the compiler computes them.
fn compiled<'g>(
    graph: &'g Graph,
    objective: Expr<'g>,
    name: &str,
    wrt: &[Expr<'g>],
    names: &[String],
) -> Result<Program, Failure> {
    let gradients = objective.grad(wrt);
    let mut builder = Program::builder(graph).output(name, objective);
    for (gradient, variable) in gradients.into_iter().zip(names) {
        builder = builder.output(&format!("∂{name}/∂{variable}"), gradient);
    }
    Ok(builder.compile()?)
}

/// Elements of axes without a size of their own, in SymPy.
const SIZE: usize = 3;

/// A program for Python that compares SymPy's derivatives of the formula with what runs.
fn script(written: &Program, runs: &Program, wrt: &[String]) -> Result<String, Failure> {
    let mut dims = Dims::new();
    for decl in written.inputs().iter().chain(runs.inputs()) {
        for name in decl.shape.iter().flat_map(Dim::names) {
            if dims.get(&name).is_none() {
                dims = dims.with(&name, SIZE);
            }
        }
    }
    let labels = |_: &str, count: usize| (0..count as i64).map(|i| i % 2).collect();
    let [j, ours] =
        [(written, ""), (runs, "r")].map(|(program, prefix)| source(program, &dims, labels, prefix));
    let (j, ours) = (j.map_err(Failure::other)?, ours.map_err(Failure::other)?);
    let mut text = "from sympy import *\n\n".to_owned();
    for (_, names) in &j.symbols {
        let (left, quoted) = (names.join(", "), names.join(" "));
        let comma = if names.len() == 1 { "," } else { "" };
        let _ = writeln!(text, "{left}{comma} = symbols('{quoted}', real=True, seq=True)");
    }
    let value = |source: &Source, place: usize| source.outputs[place].1.join(", ");
    let _ = writeln!(
        text,
        "\n# As it is written.\n{}J = {}\n\n# What runs.\n{}",
        j.lines,
        value(&j, 0),
        ours.lines
    );
    for (place, name) in wrt.iter().enumerate() {
        let Some((_, symbols)) = j.symbols.iter().find(|(of, _)| of == name) else { continue };
        for (symbol, gradient) in symbols.iter().zip(&ours.outputs[place + 1].1) {
            let _ = writeln!(text, "print('{symbol}:', simplify(diff(J, {symbol}) - ({gradient})))");
        }
    }
    Ok(text)
}
