//! Programs that read averages of weights in their place.

use crate::error::{Error, Result};
use crate::graph::ParameterDecl;
use crate::program::Program;

/// `program`, reading the averages that the training step `of` keeps ([`Ema`](crate::nn::Ema),
/// [`Swa`](crate::nn::Swa)) in place of the weights. Compiled in the same session, it evaluates the averaged model.
///
/// # Errors
/// When `of` keeps no average of a weight that `program` reads, or `program` has updates.
///
/// ```
/// use dl_core::{F64, Graph, Init, Program};
/// use dl_core::nn::{self, Ema, Sgd};
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// let step = (theta - 3.0).square().minimize(Ema::new(0.99, Sgd::new(0.1)))?;
/// let program = Program::builder(&g).output("θ²", theta.square()).compile()?;
/// assert_eq!(nn::averaged(&program, &step)?.parameters()[0].name.as_ref(), "ema(θ)");
/// # Ok::<(), dl_core::Error>(())
/// ```
pub fn averaged(program: &Program, of: &Program) -> Result<Program> {
    if !program.updates().is_empty() {
        return Err(Error::value("a program with updates cannot read averages in place of weights"));
    }
    let trained = |path: &str| of.updates().iter().any(|u| &*u.parameter == path);
    let average = |path: &str| average_of(path, of.parameters());
    if let Some(decl) = program.parameters().iter().find(|d| trained(&d.name) && average(&d.name).is_none()) {
        return Err(Error::value(format!("the training step keeps no average of {}", decl.name)));
    }
    Ok(program.reading(|path| average(path).filter(|_| trained(path)).cloned()))
}

/// The average of the parameter at `path` among `parameters`, where an optimizer keeps one.
///
/// ```
/// use dl_core::{F64, Graph, Init};
/// use dl_core::nn::{self, Sgd, Swa};
/// let g = Graph::new();
/// let theta = g.parameter("θ", F64, (), Init::Zeros);
/// let step = (theta - 3.0).square().minimize(Swa::new(100, Sgd::new(0.1)))?;
/// assert_eq!(nn::average_of("θ", step.parameters()).map(|d| &*d.name), Some("swa(θ)"));
/// # Ok::<(), dl_core::Error>(())
/// ```
pub fn average_of<'d>(
    path: &str,
    parameters: impl IntoIterator<Item = &'d ParameterDecl>,
) -> Option<&'d ParameterDecl> {
    let names = ["ema", "swa"].map(|kind| format!("{kind}({path})"));
    // What is scoped has its scope before it.
    let named = |own: &str, name: &str| {
        own.strip_suffix(name).is_some_and(|scope| scope.is_empty() || scope.ends_with('.'))
    };
    parameters.into_iter().find(|d| names.iter().any(|name| named(&d.name, name)))
}
