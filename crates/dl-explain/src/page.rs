//! The page as HTML.

use std::fmt::Write;

use dl_core::derive::Kind;
use dl_report::{Language, Page, escape};
use serde_json::{Value, json};

use crate::run::{Kernel, Measured, Ran, Statistics};
use crate::{Explanation, graph};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page of an explanation.
pub(crate) fn page(of: &Explanation) -> Page {
    let say = |english, chinese| of.language.pick(english, chinese);
    let mut page = Page::new(&of.title).language(of.language).style(STYLE);
    for text in &of.about {
        page = page.paragraph(text);
    }
    let mut pair = format!(
        "<div class=\"pair\"><div><section><h2>{}</h2>\n<p class=\"hint\">{}</p>\n<div class=\"wide\"><table class=\"lines\">\n\
        <thead>{}</thead>\n<tbody>\n",
        say("Derivation", "推导"),
        say(
            "Point at a line, or go there by the tab key: what it stands on is marked, and what computes it.",
            "指向一行，或用 Tab 键走到那里：它所依据的和计算它的部分会被标出。"
        ),
        heads(&[say("equation", "等式"), say("shape", "形状"), say("what it is", "是什么")])
    );
    for (place, equation) in of.derivation.mathml_lines().iter().enumerate() {
        pair.push_str(&row(of, place, equation));
    }
    pair.push_str("</tbody></table></div></section></div>\n<div class=\"graphs\"><section>\n");
    let _ = writeln!(pair, "<h2>{}</h2>", say("Graph", "计算图"));
    pair.push_str(&graph::markup(&of.plan, &|value| name_of(of, value), &gradients(of), of.language));
    pair.push_str("</section></div></div>");
    page = page.raw(&pair).raw(&what_runs(of));
    if let Some(ran) = &of.ran {
        page = page.raw(&kernels(ran, of.language)).raw(&measured(ran, of.language));
    }
    page = page.raw(&format!(
        "<p id=\"told\" role=\"status\" aria-live=\"polite\">{}</p>",
        say("Point at a formula, a node or a kernel.", "请指向一个公式、一个节点或一个内核。")
    ));
    page.data("known", &known(of)).script(SCRIPT)
}

/// The name that a value has on the page: the author's, or that of the line that it is equal to.
fn name_of(of: &Explanation, value: usize) -> Option<String> {
    let own = of.plan.values()[value].origin.name.as_ref().map(ToString::to_string);
    let lines = of.derivation.lines();
    // What comes of a value by rewriting has its name, too: a line's is that of what is equal to it.
    let own = own.filter(|name| of.ran.is_none() || lines.iter().all(|line| **line.name() != *name));
    own.or_else(|| {
        // Of several equal values the last one that is not only put in another order.
        let moves = |value: &usize| {
            let step = of.plan.steps().iter().find(|step| step.result.index() == *value);
            step.is_none_or(|step| matches!(step.op.name(), "reshape" | "permute" | "broadcast" | "cast"))
        };
        let equal = &of.ran.as_ref()?.lines;
        let last = |values: &Vec<usize>| values.iter().rev().find(|v| !moves(v)).copied() == Some(value);
        Some(lines[equal.iter().position(last)?].name().to_string())
    })
}

/// The values that are gradients of variables.
fn gradients(of: &Explanation) -> Vec<usize> {
    let Some(ran) = &of.ran else { return vec![] };
    let lines = of.derivation.lines().iter().zip(&ran.lines);
    lines.filter(|(line, _)| line.kind() == Kind::Gradient).flat_map(|(_, values)| values).copied().collect()
}

/// A line of the derivation, with the names that it stands on.
fn row(of: &Explanation, place: usize, equation: &str) -> String {
    let line = &of.derivation.lines()[place];
    let program = line.program();
    let inputs = program.inputs().iter().map(|d| &*d.name);
    let uses: Vec<String> = inputs.chain(program.parameters().iter().map(|d| &*d.name)).map(escape).collect();
    let what = kind(line.kind(), of.language);
    let shape = match line.shape().rank() {
        // It stands for variables of any shape.
        _ if matches!(line.kind(), Kind::Update | Kind::Setting) => String::new(),
        0 => of.language.pick("number", "数").to_owned(),
        _ => line.shape().to_string(),
    };
    let values = of.ran.as_ref().map_or(&[][..], |ran| &ran.lines[place]);
    let values: Vec<String> = values.iter().map(usize::to_string).collect();
    let mut about = format!("{}: {what}", line.name());
    let is_value = !matches!(line.kind(), Kind::Update | Kind::Setting);
    if of.ran.is_some() && values.is_empty() && is_value {
        about.push_str(of.language.pick(
            " · nothing that runs is equal to it: rules made it a part of something else",
            " · 运行的部分中没有与它相等的值：规则已把它并入别的值",
        ));
    }
    format!(
        "<tr id=\"l{place}\" tabindex=\"0\" data-name=\"{}\" data-uses=\"{}\" data-values=\"{}\" data-about=\"{}\"><td>{}</td><td>{}</td><td>{what}</td></tr>\n",
        escape(line.name()),
        uses.join("\u{1f}"),
        values.join(" "),
        escape(&about),
        equation,
        escape(&shape),
    )
}

fn what_runs(of: &Explanation) -> String {
    let rules = of.program.trace().counts();
    let rules: Vec<String> =
        rules.iter().map(|(rule, count)| format!("<code>{rule}</code> {count}×")).collect();
    let by = match rules.is_empty() {
        true => of.language.pick("no rule changed it", "没有规则改动它").to_owned(),
        false => format!("{}{}", of.language.pick("by the rules ", "所用规则："), rules.join(", ")),
    };
    let formula = of.program.mathml();
    let heading = of.language.pick("What runs", "实际运行的");
    format!("<section><h2>{heading}</h2>\n<p>{by}</p>\n<div class=\"wide\">{formula}</div></section>\n")
}

/// What a line says, in a word or two.
fn kind(kind: Kind, language: Language) -> String {
    let chinese = match kind {
        Kind::Objective => "目标",
        Kind::Value => "中间值",
        Kind::Inner => "链式法则",
        Kind::Gradient => "梯度",
        Kind::Update => "更新",
        Kind::Setting => "设置",
        _ => return kind.to_string(),
    };
    language.pick(&kind.to_string(), chinese).to_owned()
}

/// A row of headings.
fn heads(names: &[&str]) -> String {
    let cells: String = names.iter().map(|name| format!("<th scope=\"col\">{name}</th>")).collect();
    format!("<tr>{cells}</tr>")
}

fn values_of(values: &[usize]) -> String {
    values.iter().map(usize::to_string).collect::<Vec<_>>().join(" ")
}

fn kernels(ran: &Ran, language: Language) -> String {
    let sizes: Vec<String> = ran.dims.iter().map(|(name, size)| format!("{name} = {size}")).collect();
    let sizes = escape(&sizes.join(", "));
    let about = match (language, sizes.is_empty()) {
        (Language::English, true) => {
            "The schedule: what shares a kernel, its operations and bytes.".to_owned()
        }
        (Language::English, _) => {
            format!("The schedule for {sizes}: what shares a kernel, its operations and bytes.")
        }
        (Language::Chinese, true) => "调度：哪些运算同在一个内核中，以及它的运算数和字节数。".to_owned(),
        (Language::Chinese, _) => {
            format!("{sizes} 时的调度：哪些运算同在一个内核中，以及它的运算数和字节数。")
        }
    };
    let mut text = format!(
        "<section><h2>{}</h2>\n<p>{about}</p>\n<div class=\"wide\"><table class=\"lines\">\n<thead>{}</thead><tbody>\n",
        language.pick("Kernels", "内核"),
        heads(&[language.pick("kernel", "内核"), language.pick("what it computes", "计算什么")])
    );
    for Kernel { id, text: own, values, .. } in &ran.kernels {
        let body = own.strip_prefix(id.as_str()).unwrap_or(own).trim_start();
        let _ = writeln!(
            text,
            "<tr tabindex=\"0\" data-kernel=\"{id}\" data-values=\"{}\"><td>{id}</td><td><pre>{}</pre></td></tr>",
            values_of(values),
            escape(body)
        );
    }
    text.push_str("</tbody></table></div></section>\n");
    text
}

fn measured(ran: &Ran, language: Language) -> String {
    let total: f64 = ran.measured.iter().map(|kernel| kernel.seconds).sum();
    let total_time = time(total);
    let about = match language {
        Language::English => {
            format!("On the <code>cpu</code> executor, the median of eleven runs: {total_time} in all.")
        }
        Language::Chinese => format!("在 <code>cpu</code> 执行器上运行十一次的中位数：共 {total_time}。"),
    };
    let columns = match language {
        Language::English => ["time", "share", "operations", "bytes", "kernel"],
        Language::Chinese => ["时间", "占比", "运算数", "字节数", "内核"],
    };
    let mut text = format!(
        "<section><h2>{}</h2>\n<p>{about}</p>\n<div class=\"wide\"><table class=\"lines\">\n<thead>{}</thead><tbody>\n",
        language.pick("Measured", "实测"),
        heads(&columns)
    );
    for Measured { name, values, operations, bytes, seconds } in &ran.measured {
        let _ = writeln!(
            text,
            "<tr tabindex=\"0\" data-kernel=\"{}\" data-values=\"{}\"><td class=\"number\">{}</td><td class=\"number\">{:.0} %</td><td class=\"number\">{operations}</td><td class=\"number\">{bytes}</td><td><pre>{}</pre></td></tr>",
            escape(name),
            values_of(values),
            time(*seconds),
            100.0 * seconds / total.max(f64::MIN_POSITIVE),
            escape(name)
        );
    }
    text.push_str("</tbody></table></div></section>\n");
    text
}

fn time(seconds: f64) -> String {
    match seconds {
        s if s < 1e-6 => format!("{:.0} ns", s * 1e9),
        s if s < 1e-3 => format!("{:.1} µs", s * 1e6),
        s if s < 1.0 => format!("{:.2} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}

/// What the script tells of values and kernels.
fn known(of: &Explanation) -> Value {
    let Some(ran) = &of.ran else { return json!({ "values": {}, "kernels": [] }) };
    let values: serde_json::Map<String, Value> = ran
        .statistics
        .iter()
        .enumerate()
        .filter_map(|(place, statistics)| {
            Some((place.to_string(), told(of, place, statistics.as_ref()?).into()))
        })
        .collect();
    let planned = ran.kernels.iter().map(|kernel| {
        let Kernel { id, operations, bytes, .. } = kernel;
        let about = match of.language {
            Language::English => format!("kernel {id}: {operations} operations, {bytes} bytes"),
            Language::Chinese => format!("内核 {id}：{operations} 次运算，{bytes} 字节"),
        };
        json!({ "values": kernel.values, "about": about })
    });
    let measured = ran.measured.iter().map(|kernel| {
        let name = kernel.name.split_whitespace().next().unwrap_or_default();
        let measured = of.language.pick("measured", "实测");
        json!({ "values": kernel.values, "about": format!("{measured} {name}: {}", time(kernel.seconds)) })
    });
    json!({ "values": values, "kernels": planned.chain(measured).collect::<Vec<_>>() })
}

fn told(of: &Explanation, place: usize, statistics: &Statistics) -> String {
    let value = &of.plan.values()[place];
    let name = name_of(of, place).map_or_else(|| format!("%{place}"), |name| format!("%{place} {name}"));
    let number = dl_report::number;
    let Statistics { count, mean, deviation, least, most, zeros, not_finite } = statistics;
    let mut text = format!("{name}: {} {}", value.dtype, value.shape);
    if value.dtype.is_float() {
        let _ = match count {
            1 => write!(text, " = {}", number(*mean)),
            _ => {
                let [mean, deviation, least, most] = [mean, deviation, least, most].map(|x| number(*x));
                let zeros = 100.0 * *zeros as f64 / (*count).max(1) as f64;
                match of.language {
                    Language::English => write!(
                        text,
                        ", mean {mean}, deviation {deviation}, from {least} to {most}, {zeros:.0} % zero"
                    ),
                    Language::Chinese => write!(
                        text,
                        "，均值 {mean}，标准差 {deviation}，从 {least} 到 {most}，{zeros:.0} % 为零"
                    ),
                }
            }
        };
    }
    if *not_finite > 0 {
        let _ = match of.language {
            Language::English => write!(text, ", {not_finite} not finite"),
            Language::Chinese => write!(text, "，{not_finite} 个不是有限数"),
        };
    }
    text
}
