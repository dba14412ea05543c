//! `dl check`: where a formula overflows or loses digits in `f32` when it is computed as it stands, found by running
//! it beside the compiler's form in `f64`, and what the compiler does instead.
//!
//! Each input is moved from −10⁴ to 10⁴ (arrays in two ways: scaled, and shifted), the others staying where they
//! are. A value counts as wrong where it is not finite but the right one is, or differs from it by more than 10⁻⁴ of
//! it and by more than a hundred roundings of the inputs explain (Σ |x·∂J/∂x| times 2⁻²⁴): what is lost then is
//! lost to the formula, not to the problem.
//!
//! Where a formula stops having values, it may have a limit: what it comes to there is told, too.

mod ends;
mod over;
mod plot;
mod sweep;

use std::fmt::Write;

use dl_core::{F32, F64, Graph, Program};
use dl_report::Language;

use crate::command::{Failure, Notation, Options};
use crate::formula::Formula;
use sweep::{Point, Sweep, sweeps};

/// What was found of a formula.
pub struct Report {
    sweeps: Vec<Sweep>,
    written: String,
    runs: String,
    rules: Vec<&'static str>,
}

impl Report {
    /// Of the last statement of a formula.
    ///
    /// # Errors
    /// When it is no single real number, or cannot be computed.
    pub fn of(formula: &Formula) -> Result<Report, Failure> {
        let graph = Graph::new();
        let j = formula.objective(&graph, F32)?;
        if formula.variables().next().is_none() {
            let what = "the formula has no real inputs: there is nothing to move through their values";
            return Err(Failure::other(what));
        }
        let name = if graph.named().iter().any(|(_, e)| *e == j) { None } else { Some("J") };
        let written = name.map_or_else(|| j.math(), |name| format!("{name} = {}", j.math()));
        let naive = Program::builder(&graph).output("J", j).without_rewriting().compile()?;
        let compiled = Program::builder(&graph).output("J", j).compile()?;
        let exact = Graph::new();
        let j = formula.objective(&exact, F64)?;
        let variables: Vec<_> = formula.variables().map(str::to_owned).collect();
        let decls = exact.input_decls();
        let wrt: Vec<_> = decls
            .iter()
            .filter(|d| variables.iter().any(|name| **name == *d.name))
            .map(|d| exact.input(&d.name, d.dtype, &d.shape))
            .collect();
        let mut builder = Program::builder(&exact).output("J", j);
        for (i, gradient) in j.grad(&wrt).into_iter().enumerate() {
            builder = builder.output(&format!("∂J/∂{}", variables[i]), gradient);
        }
        let sweeps = sweeps(&naive, &compiled, &builder.compile()?, &variables)?;
        let rules = compiled.trace().counts().into_keys().collect();
        Ok(Report { sweeps, written, runs: compiled.math(), rules })
    }

    /// Whether the formula as it stands overflows or loses digits somewhere.
    pub fn is_harmed(&self) -> bool {
        self.sweeps.iter().any(|sweep| sweep.points.iter().any(Point::is_harmed))
    }

    /// Whether what the compiler makes of it does so.
    pub fn compiled_is_harmed(&self) -> bool {
        self.sweeps.iter().any(|sweep| sweep.points.iter().any(Point::compiled_is_harmed))
    }

    /// Where the formula has a limit and no value, or where what runs has none.
    fn ends(&self, language: Language) -> String {
        let all = self.sweeps.iter().flat_map(|sweep| sweep.ends.iter().map(move |end| (sweep, end)));
        let lines: String =
            all.map(|(sweep, end)| format!("  {}\n", end.told(&sweep.what, language))).collect();
        if lines.is_empty() {
            lines
        } else {
            let head =
                language.pick("Where it has a limit and no value of its own:", "有极限而本身没有值之处：");
            format!("\n{head}\n{lines}")
        }
    }

    /// For people.
    pub fn text(&self, language: Language) -> String {
        let mut text = format!("{}\n", self.written);
        let harmed: Vec<&Sweep> =
            self.sweeps.iter().filter(|sweep| sweep.points.iter().any(Point::is_harmed)).collect();
        let ends = self.ends(language);
        if harmed.is_empty() {
            let inputs = self.sweeps.iter().map(|sweep| &*sweep.what).collect::<Vec<_>>().join(", ");
            let _ = match language {
                Language::English => writeln!(
                    text,
                    "\nComputed as it stands in f32, no digits are lost ({inputs} from -10⁴ to 10⁴)."
                ),
                Language::Chinese => {
                    writeln!(text, "\n照原样以 f32 计算，不丢失有效数字（{inputs} 从 -10⁴ 到 10⁴）。")
                }
            };
            return text + &ends;
        }
        for sweep in &harmed {
            let what = &sweep.what;
            let _ = match language {
                Language::English => {
                    writeln!(text, "\nComputed as it stands in f32, with {what} from -10⁴ to 10⁴, it is")
                }
                Language::Chinese => {
                    writeln!(text, "\n照原样以 f32 计算，{what} 从 -10⁴ 到 10⁴，得到")
                }
            };
            for range in sweep.ranges(language) {
                let _ = writeln!(text, "  {range}");
            }
        }
        let rules = self.rules.join(", ");
        let what = match (language, rules.is_empty()) {
            (Language::English, true) => "What runs, as it stands:".to_owned(),
            (Language::English, false) => format!("What runs, by the rules {rules}:"),
            (Language::Chinese, true) => "实际运行的，即原样：".to_owned(),
            (Language::Chinese, false) => format!("实际运行的，所用规则为 {rules}："),
        };
        let _ = writeln!(text, "\n{what}\n\n  {}", self.runs.replace('\n', "\n  "));
        let wrong =
            self.sweeps.iter().flat_map(|sweep| &sweep.points).filter(|p| p.compiled_is_harmed()).count();
        let verdict = match wrong {
            0 => language.pick("It is right wherever the formula has a value.", "凡公式有值之处，它都正确。"),
            _ => language.pick(
                "It is no better everywhere: write the formula in another way, or compute in f64.",
                "它并非处处更好：请把公式换一种写法，或以 f64 计算。",
            ),
        };
        let _ = write!(text, "\n{verdict}\n{ends}");
        if let Some(worst) = harmed.iter().max_by_key(|s| s.points.iter().filter(|p| p.is_harmed()).count()) {
            let _ = write!(text, "\n{}", plot::plot(worst, language));
        }
        text
    }
}

/// What the command prints.
pub(crate) fn command(options: &Options) -> Result<String, Failure> {
    let shapes: Vec<&str> = options.shapes.iter().map(|s| &**s).collect();
    if options.notation != Notation::Unicode || options.rate.is_some() || !options.wrt.is_empty() {
        return Err(Failure::usage("dl check has no use for --wrt, --rate and notations"));
    }
    let formula = Formula::parse(&options.formula, &shapes)?;
    let report = Report::of(&formula)?.text(options.language);
    if options.over.is_empty() {
        return Ok(report);
    }
    Ok(format!("{}\n\n{}", report.trim_end(), over::text(&formula, &options.over, options.language)?))
}
