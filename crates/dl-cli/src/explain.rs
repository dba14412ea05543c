//! `dl explain`: a page about a formula, or about a training that a file describes.

use std::path::Path;

use dl_core::graph::InputDecl;
use dl_core::{DType, Dim, Dims, Graph, Tensor};
use dl_explain::Explanation;

use crate::command::{Failure, Notation, Options};
use crate::derive::{Derived, derived};
use crate::run;

/// Elements of axes without a size of their own.
const SIZE: usize = 64;

/// The page.
pub(crate) fn explain(options: &Options) -> Result<String, Failure> {
    if options.notation != Notation::Unicode {
        return Err(Failure::usage("dl explain has no use for notations: its page has MathML"));
    }
    let path = Path::new(options.formula.trim());
    if path.extension().is_some_and(|ending| ending == "toml") {
        if options.rate.is_some() || !options.wrt.is_empty() || !options.shapes.is_empty() {
            let what = "dl explain FILE has no use for --wrt, --shape and --rate: the file says it all";
            return Err(Failure::usage(what));
        }
        return Ok(run::explanation(path, options.language)?.page().html());
    }
    let graph = Graph::new();
    let Derived { formula, derivation, program, .. } = derived(options, &graph, true)?;
    let inputs = sample(program.inputs())?;
    let inputs: Vec<(&str, Tensor)> = inputs.iter().map(|(name, value)| (&**name, value.clone())).collect();
    let about = formula.described(options.language).join(" · ");
    let language = options.language;
    let explained = || {
        let explanation = Explanation::new(&options.formula, derivation.clone(), program.clone());
        explanation.language(language).about(&about)
    };
    // Not every formula can take any numbers: labels may be outside of the classes. Its derivation stands all the same.
    let page =
        match explained().run(&inputs, 0) {
            Ok(run) => run.about(language.pick(
                "Times and statistics are of numbers that were made up.",
                "时间和统计量来自随意取的数。",
            )),
            Err(error) => {
                explained().about(&format!("{}{error}.", language.pick("Nothing was run: ", "没有运行：")))
            }
        };
    Ok(page.page().html())
}

/// Numbers for inputs, neither small nor equal; labels are of the first two classes.
fn sample(decls: &[InputDecl]) -> Result<Vec<(String, Tensor)>, Failure> {
    let mut dims = Dims::new();
    for name in decls.iter().flat_map(|d| d.shape.iter()).flat_map(Dim::names) {
        dims = if dims.get(&name).is_none() { dims.with(&name, SIZE) } else { dims };
    }
    let mut all = vec![];
    for (seed, decl) in decls.iter().enumerate() {
        let shape = decl.shape.eval(&dims).map_err(Failure::other)?;
        let number = |i: usize| match decl.dtype {
            DType::I64 => ((i * 31 + seed) % 2) as f64,
            _ => ((i * 7919 + seed * 104_729 + 13) % 197) as f64 / 197.0 - 0.4,
        };
        let values: Vec<f64> = (0..shape.iter().product()).map(number).collect();
        all.push((decl.name.to_string(), Tensor::from_f64(decl.dtype, shape, &values)?));
    }
    Ok(all)
}
