//! `dl explain`: a page about a formula that needs nothing from elsewhere: the derivation, line by line with what
//! each stands on, what the compiler makes of it, and how it will be computed.

use std::fmt::Write;
use std::sync::Arc;

use dl_core::derive::{Kind, Line};
use dl_core::{Dim, Dims, Plan, Program, Schedule};

use crate::command::{Failure, Notation, Options};
use crate::derive::{Derived, derived};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");
/// Elements of axes without a size of their own, for the schedule.
const SIZE: usize = 64;

/// The page.
pub(crate) fn explain(options: &Options) -> Result<String, Failure> {
    if options.notation != Notation::Unicode {
        return Err(Failure::usage("dl explain has no use for notations: its page has MathML"));
    }
    let Derived { formula, derivation, program, .. } = derived(options, &dl_core::Graph::new())?;
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
        escaped(&options.formula)
    );
    let inputs: Vec<String> = formula.described().iter().map(|text| escaped(text)).collect();
    let _ =
        writeln!(page, "<h1><code>{}</code></h1>\n<p>{}</p>", escaped(&options.formula), inputs.join(" · "));
    let _ = writeln!(
        page,
        "<h2>Derivation</h2>\n<p class=\"hint\">Point at a line, or go there by the tab key: what it stands on is marked.</p>"
    );
    page.push_str("<div class=\"wide\"><table class=\"lines\">\n<thead><tr><th>equation</th><th>shape</th><th>what it is</th></tr></thead>\n<tbody>\n");
    for (place, line) in derivation.lines().iter().enumerate() {
        page.push_str(&row(place, line));
    }
    page.push_str("</tbody></table></div>\n");
    let rules = program.trace().counts();
    let rules: Vec<String> =
        rules.iter().map(|(rule, count)| format!("<code>{rule}</code> {count}×")).collect();
    let by = if rules.is_empty() {
        "no rule changed it".to_owned()
    } else {
        format!("by the rules {}", rules.join(", "))
    };
    let _ = writeln!(page, "<h2>What runs</h2>\n<p>{by}</p>\n<div class=\"wide\">{}</div>", program.mathml());
    if let Some((sizes, schedule)) = schedule(&program) {
        let _ = writeln!(
            page,
            "<h2>How it is computed</h2>\n<p>{sizes}</p>\n<div class=\"wide\"><pre>{}</pre></div>",
            escaped(&schedule)
        );
    }
    let _ = write!(page, "</main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n");
    Ok(page)
}

/// A line of the derivation, with the names that it stands on.
fn row(place: usize, line: &Line) -> String {
    let program = line.program();
    let inputs = program.inputs().iter().map(|d| &*d.name);
    let uses: Vec<String> =
        inputs.chain(program.parameters().iter().map(|d| &*d.name)).map(escaped).collect();
    let what = match line.kind() {
        Kind::Objective => "the objective",
        Kind::Value => "a value on the way",
        Kind::Inner => "chain rule",
        Kind::Gradient => "gradient",
        Kind::Setting => "a setting",
        _ => "a step",
    };
    let shape = match line.shape().rank() {
        // It stands for variables of any shape.
        _ if matches!(line.kind(), Kind::Update | Kind::Setting) => String::new(),
        0 => "number".to_owned(),
        _ => line.shape().to_string(),
    };
    format!(
        "<tr id=\"l{place}\" tabindex=\"0\" data-name=\"{}\" data-uses=\"{}\"><td>{}</td><td>{}</td><td>{what}</td></tr>\n",
        escaped(line.name()),
        uses.join("\u{1f}"),
        line.mathml(),
        escaped(&shape),
    )
}

/// The kernels for sizes that are told; none where there is nothing to schedule.
fn schedule(program: &Program) -> Option<(String, String)> {
    let mut dims = Dims::new();
    for name in program.inputs().iter().flat_map(|d| d.shape.iter()).flat_map(Dim::names) {
        dims = if dims.get(&name).is_none() { dims.with(&name, SIZE) } else { dims };
    }
    let sizes: Vec<String> = dims.iter().map(|(name, size)| format!("{} = {size}", escaped(name))).collect();
    let schedule = Schedule::new(&Arc::new(Plan::new(program)), &dims).ok()?;
    let sizes = if sizes.is_empty() { String::new() } else { format!("With {}:", sizes.join(", ")) };
    Some((sizes, schedule.to_string()))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
