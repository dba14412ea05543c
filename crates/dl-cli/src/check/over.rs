//! What of a formula and its gradients is doubtful in `f32` over ranges that somebody states.

use std::fmt::Write;
use std::ops::RangeInclusive;

use dl_core::stability::{Doubt, Examination, Flaw};
use dl_core::{F32, Graph};
use dl_report::Language;

use crate::command::Failure;
use crate::formula::{Formula, letter};

/// `x: -5..5`, as `--over` has it.
fn range(text: &str) -> Result<(&str, RangeInclusive<f64>), Failure> {
    let parsed = text.split_once(':').and_then(|(name, ends)| {
        let (low, high) = ends.split_once("..")?;
        let number = |text: &str| text.trim().parse::<f64>().ok();
        Some((letter(name.trim()), number(low)?..=number(high)?))
    });
    parsed.ok_or_else(|| {
        Failure::usage(format!("--over {text}: expected a name and two numbers, as in 'x: -5..5'"))
    })
}

/// For the last statement of a formula and its gradients by all real inputs.
///
/// # Errors
/// A range that is none, an input without one, and what only a run can find.
pub(super) fn text(formula: &Formula, ranges: &[String], language: Language) -> Result<String, Failure> {
    let ranges = ranges.iter().map(|text| range(text)).collect::<Result<Vec<_>, _>>()?;
    let graph = Graph::new();
    let j = formula.objective(&graph, F32)?;
    let decls = graph.input_decls();
    let names: Vec<&str> = formula.variables().collect();
    let wrt: Vec<_> = decls
        .iter()
        .filter(|d| names.contains(&&*d.name))
        .map(|d| graph.input(&d.name, d.dtype, &d.shape))
        .collect();
    let mut text =
        language.pick("Over these ranges, what runs:", "在这些取值范围内，实际运行的：").to_owned();
    let gradients = j.grad(&wrt);
    let named = decls.iter().filter(|d| names.contains(&&*d.name)).map(|d| format!("∂J/∂{}", d.name));
    let all = std::iter::once(("J".to_owned(), j)).chain(named.zip(gradients));
    for (name, value) in all {
        let stability = value.stability()?;
        // A gradient may need less than the formula; what the formula does not have is a mistake.
        let needed = |name: &str| stability.takes(name) || !decls.iter().any(|d| *d.name == *name);
        let own: Vec<_> = ranges.iter().filter(|(name, _)| needed(name)).cloned().collect();
        let _ = write!(text, "\n{}", told(&name, &stability.over(&own)?, language));
    }
    Ok(text)
}

fn told(name: &str, found: &Examination, language: Language) -> String {
    let mut text = match found.values() {
        Some((low, high)) => format!("  {name}: {low:.4e} … {high:.4e}"),
        None => format!("  {name}: {}", language.pick("no finite number", "没有有限的值")),
    };
    if let (Some(middle), Some(worst)) = (found.condition(0.5), found.condition(1.0)) {
        let _ = match language {
            Language::English => write!(text, "; condition {middle:.3} in the middle, {worst:.2e} at worst"),
            Language::Chinese => write!(text, "；条件数的中位数为 {middle:.3}，最坏为 {worst:.2e}"),
        };
    }
    if found.doubts().is_empty() {
        text.push_str(language.pick("; nothing is doubtful", "；没有可疑之处"));
    }
    for doubt in found.doubts() {
        let _ = write!(text, "\n    {}", doubted(doubt, language));
    }
    text
}

fn doubted(doubt: &Doubt, language: Language) -> String {
    let flaw = match doubt.flaw {
        Flaw::Cancels => language.pick("cancels", "相互抵消"),
        Flaw::Underflows => language.pick("is below the range", "低于可表示的范围"),
        Flaw::Overflows => language.pick("is above the range", "超出可表示的范围"),
        Flaw::NotFinite => language.pick("gives no finite number", "得不到有限的值"),
        _ => language.pick("has a rounding that grows", "的舍入误差被放大"),
    };
    let (formula, at) = (&doubt.formula, doubt.point());
    match language {
        Language::English => format!("{formula} {flaw} at {at}"),
        Language::Chinese => format!("{formula} {flaw}，在 {at}"),
    }
}
