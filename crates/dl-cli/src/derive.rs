//! `dl derive`: the gradient of a formula, step by step.

use dl_core::derive::Derivation;
use dl_core::nn::Sgd;
use dl_core::spelling::suggestion;
use dl_core::{Expr, F64, Graph, Program};

use crate::command::{Failure, Options};
use crate::formula::Formula;

/// What the command prints.
pub(crate) fn derive(options: &Options) -> Result<String, Failure> {
    let shapes: Vec<&str> = options.shapes.iter().map(|s| &**s).collect();
    let formula = Formula::parse(&options.formula, &shapes)?;
    let graph = Graph::new();
    let objective = formula.objective(&graph, F64)?;
    let variables: Vec<&str> = formula.variables().collect();
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
    let program = compiled(&graph, objective, derivation.lines()[0].name(), &wrt, &options.wrt)?;
    if options.latex {
        return Ok(format!("{}\n\n% What runs:\n{}", derivation.latex(), program.latex()));
    }
    let rules: Vec<&str> = program.trace().counts().into_keys().collect();
    let rules = if rules.is_empty() { "no rule".to_owned() } else { rules.join(", ") };
    let inputs = formula.described().join("   ");
    Ok(format!("{inputs}\n\n{}\n\nWhat runs, by the rules {rules}:\n\n{}", derivation.math(), program.math()))
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
