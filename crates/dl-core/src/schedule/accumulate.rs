//! Updates as accumulation: `C ← β·C + α·G` in place of a gradient, its product by the rate and a
//! difference.

use std::collections::HashMap;

use crate::dtype::Scalar;
use crate::graph::ParameterDecl;
use crate::ops::{Binary, Op, Unary};
use crate::plan::{Arg, Plan, Step, ValueId};
use crate::print::constant;
use crate::schedule::{ParameterId, StepId};

/// An update that adds to a scaled parameter: it can be made in place, by one pass or by the kernel that
/// computes the addend.
#[derive(Clone, Debug, PartialEq)]
pub struct Accumulation {
    /// The parameter.
    pub parameter: ParameterId,
    /// The parameter's value before the update.
    pub from: ValueId,
    /// What is added.
    pub addend: ValueId,
    /// The factor of the addend.
    pub alpha: f64,
    /// The factor of the parameter.
    pub beta: f64,
    /// Whether nothing else reads the addend.
    pub alone: bool,
    /// The steps that need not run, in order: nothing else reads their results.
    pub steps: Vec<StepId>,
}

impl Accumulation {
    /// The update of the parameter, up to the addend: `w ← 0.5·w - 0.1·`.
    pub fn text(&self, parameter: &ParameterDecl) -> String {
        let (name, number) = (&parameter.name, |x| constant(Scalar::Float(x), parameter.dtype));
        let old = if self.beta == 1.0 { name.to_string() } else { format!("{}·{name}", number(self.beta)) };
        let (sign, factor) = if self.alpha < 0.0 { ("-", -self.alpha) } else { ("+", self.alpha) };
        format!("{name} ← {old} {sign} {}·", number(factor))
    }
}

/// Who makes a value, and how many read it.
struct Uses {
    made: HashMap<ValueId, usize>,
    readers: Vec<usize>,
}

/// A value as a number times another, and the steps between them.
struct Scaled {
    factor: f64,
    of: ValueId,
    steps: Vec<usize>,
}

/// The updates of parameters that are accumulations with factors known before the run.
pub(super) fn accumulations(plan: &Plan) -> Vec<Accumulation> {
    let uses = Uses::of(plan);
    (0..plan.parameters().len()).filter_map(|i| plan.accumulation(&uses, i)).collect()
}

impl Plan {
    fn accumulation(&self, uses: &Uses, parameter: usize) -> Option<Accumulation> {
        let slot = &self.parameters()[parameter];
        let (from, update) = (slot.value?, slot.update?);
        let last = *uses.made.get(&update)?;
        let step = &self.steps()[last];
        let sign = match step.op {
            Op::Binary(Binary::Add) => 1.0,
            Op::Binary(Binary::Sub) => -1.0,
            _ => return None,
        };
        if !slot.decl.dtype.is_float() || uses.readers[update.index()] != 1 {
            return None;
        }
        let (x, y) = (step.args[0].value()?, step.args[1].value()?);
        let (x, mut y) = (self.scaled(uses, from, x), self.scaled(uses, from, y));
        y.factor *= sign;
        let (old, addend) = match (x.of == from, y.of == from) {
            (true, false) => (x, y),
            (false, true) => (y, x),
            _ => return None,
        };
        // A parameter's or an input's own elements could change meanwhile.
        uses.made.get(&addend.of)?;
        let mut steps = [old.steps, addend.steps, vec![last]].concat();
        steps.sort_unstable();
        let steps = steps.into_iter().map(|s| StepId(s as u32)).collect();
        let parameter = ParameterId(parameter as u32);
        let (alpha, beta) = (addend.factor, old.factor);
        let alone = uses.readers[addend.of.index()] == 1;
        Some(Accumulation { parameter, from, addend: addend.of, alpha, beta, alone, steps })
    }

    /// Looks through products by numbers and negations that nothing else reads.
    fn scaled(&self, uses: &Uses, stop: ValueId, value: ValueId) -> Scaled {
        let mut scaled = Scaled { factor: 1.0, of: value, steps: vec![] };
        while scaled.of != stop && uses.readers[scaled.of.index()] == 1 {
            let Some(&made) = uses.made.get(&scaled.of) else { break };
            let Some((factor, of)) = factor(&self.steps()[made]) else { break };
            scaled.factor *= factor;
            scaled.of = of;
            scaled.steps.push(made);
        }
        scaled
    }
}

/// The number and the value that a step multiplies.
fn factor(step: &Step) -> Option<(f64, ValueId)> {
    let number = |arg: &Arg| match arg {
        Arg::Constant(Scalar::Float(number)) => Some(*number),
        _ => None,
    };
    match (&step.op, &step.args[..]) {
        (Op::Unary(Unary::Neg), [x]) => Some((-1.0, x.value()?)),
        (Op::Binary(Binary::Mul), [x, y]) => match (number(x), number(y)) {
            (Some(number), None) => Some((number, y.value()?)),
            (None, Some(number)) => Some((number, x.value()?)),
            _ => None,
        },
        _ => None,
    }
}

impl Uses {
    fn of(plan: &Plan) -> Uses {
        let made = plan.steps().iter().enumerate();
        let made = made.flat_map(|(i, s)| s.results().map(move |v| (v, i))).collect();
        Uses { made, readers: plan.readers() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Expr, F32, Graph, Init, Named, Program};

    /// Factors of the update that `new` makes of a parameter and of a sum over rows.
    fn found(new: impl for<'g> Fn(Expr<'g>, Expr<'g>) -> Expr<'g>) -> Option<(f64, f64, usize)> {
        let g = Graph::new();
        let gradient = g.input("x", F32, (Named("B"), 3)).sum(0);
        let w = g.parameter("w", F32, [3], Init::Zeros);
        let program = Program::builder(&g).update(w, new(w, gradient)).without_rewriting();
        let plan = Plan::new(&program.compile().expect("it is right"));
        accumulations(&plan).first().map(|a| (a.beta, a.alpha, a.steps.len()))
    }

    #[test]
    fn a_step_of_gradient_descent_is_one() {
        assert_eq!(found(|w, g| w - 0.5 * g), Some((1.0, -0.5, 2)));
        assert_eq!(found(|w, g| w + -(g * 0.5)), Some((1.0, -0.5, 3)));
        assert_eq!(found(|w, g| g + w), Some((1.0, 1.0, 1)));
    }

    #[test]
    fn weight_decay_scales_the_parameter() {
        assert_eq!(found(|w, g| 0.75 * w - 0.5 * g), Some((0.75, -0.5, 3)));
        assert_eq!(found(|w, g| 0.5 * g - w), Some((-1.0, 0.5, 2)));
    }

    #[test]
    fn other_updates_are_none() {
        assert_eq!(found(|w, g| w * g), None);
        assert_eq!(found(|_, g| g - 1.0), None);
        assert_eq!(found(|w, _| w - 0.5 * w), None);
    }

    #[test]
    fn what_the_caller_sees_is_not_written_over() {
        let g = Graph::new();
        let x = g.input("x", F32, [3]);
        let w = g.parameter("w", F32, [3], Init::Zeros);
        let v = g.parameter("v", F32, [3], Init::Zeros);
        let new = w - 0.5 * x.exp();
        // One new value is an output, too; the other one adds an input's own elements.
        let program = Program::builder(&g).output("new", new).update(w, new).update(v, v + x);
        let plan = Plan::new(&program.compile().expect("it is right"));
        assert_eq!(accumulations(&plan), []);
    }

    #[test]
    fn an_input_or_a_parameter_is_no_addend() {
        let g = Graph::new();
        let parameter = |name: &str| g.parameter(name, F32, [3], Init::Zeros);
        let (x, w, v, u) = (g.input("x", F32, [3]), parameter("w"), parameter("v"), parameter("u"));
        let program = Program::builder(&g).update(w, w - x).update(v, 0.5 * x + v).update(u, u - 0.25 * w);
        let plan = Plan::new(&program.without_rewriting().compile().expect("it is right"));
        assert_eq!(accumulations(&plan), []);
    }

    #[test]
    fn what_something_else_reads_is_kept() {
        let g = Graph::new();
        let gradient = g.input("x", F32, (Named("B"), 3)).sum(0);
        let w = g.parameter("w", F32, [3], Init::Zeros);
        let change = 0.5 * gradient;
        let program = Program::builder(&g).output("change", change).update(w, w - change);
        let plan = Plan::new(&program.compile().expect("it is right"));
        let [found] = &accumulations(&plan)[..] else { panic!("expected one") };
        assert_eq!((found.alpha, found.alone, found.steps.len()), (-1.0, false, 1));
    }
}
