//! Rules: named rows in three tables, and how a row is used.

mod algebra;
mod canonicalize;
mod entropy;
mod exponential;
mod logarithms;
mod logs;
mod means;
mod moments;
mod rows;
mod saturation;
mod scatter;
mod simplify;
mod softmax;
mod stabilize;
mod structure;
mod sums;

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use crate::dim::Dim;
use crate::graph::Expr;
use crate::ops::Op;
use crate::rewrite::constants;
use crate::rewrite::facts::Known;
use crate::rewrite::pattern::{self, Bindings, Pattern};

/// A phase of rewriting; canonicalization goes on in the later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// One form for each meaning.
    Canonicalize,
    /// Forms that neither overflow nor cancel.
    Stabilize,
    /// Fewer or cheaper operations.
    Simplify,
}

/// A row: what is rewritten into what, when.
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// Its phase.
    pub phase: Phase,
    /// The left side; for a rule in code, a typical instance.
    pub left: &'static str,
    /// The right side; for a rule in code, what becomes of the instance.
    pub right: &'static str,
    /// What must be known of the letters.
    pub when: &'static [When],
    /// How it is used.
    pub kind: RuleKind,
}

/// A side condition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum When {
    /// Every element is above zero.
    Positive(char),
    /// No element is negative.
    NonNegative(char),
    /// No element is negative, or -0.
    Unsigned(char),
    /// No element is zero.
    Nonzero(char),
    /// No element is infinite or NaN.
    Finite(char),
    /// Every element is 0 or 1, and each row has one 1.
    OneHot(char),
    /// No element is above this.
    AtMost(char, f64),
    /// No element is below this.
    AtLeast(char, f64),
    /// The value is the number of elements that the frame removes.
    Count(char, char),
    /// The frame removes exactly the last axis, along which the value sums to one.
    Distribution(char, char),
    /// Not a constant.
    Varies(char),
    /// A constant that may be computed after what it scales.
    Enlarges(char),
    /// A constant by which what it divides may be divided later.
    Shrinks(char),
    /// Two constants whose sum is exact.
    Sum(char, char),
    /// Two constants of which the first less the second is exact.
    Difference(char, char),
    /// A rate `c` up to 1 and a factor `k`, of which `c·k` takes away no more than half.
    Decay(char, char),
    /// A constant of size 1 or more.
    Whole(char),
    /// The letter's exponential can overflow or underflow: no bound from above is known.
    Unbounded(char),
}

/// How a rule is used.
#[derive(Clone, Copy)]
pub enum RuleKind {
    /// The sides are patterns.
    Pattern,
    /// Code, at nodes of these names (`*` for every elementwise one).
    Code(&'static [&'static str], for<'g> fn(Expr<'g>, &Known<'g>) -> Option<Expr<'g>>),
}

/// Every rule, in the order of the phases.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    [
        exponential::POWERS,
        canonicalize::RULES,
        structure::RULES,
        exponential::RULES,
        logarithms::RULES,
        sums::RULES,
        entropy::RULES,
        softmax::RULES,
        means::RULES,
        saturation::RULES,
        moments::RULES,
        stabilize::RULES,
        logs::RULES,
        simplify::RULES,
        scatter::RULES,
    ]
    .into_iter()
    .flatten()
}

/// A rule, its sides parsed.
pub(crate) struct Ready {
    pub(crate) name: &'static str,
    rule: &'static Rule,
    sides: Option<(Pattern, Pattern)>,
}

impl Ready {
    fn new(rule: &'static Rule) -> Ready {
        let side = |text| pattern::parse(text).expect("the tables are parsed by a test");
        let sides = matches!(rule.kind, RuleKind::Pattern).then(|| (side(rule.left), side(rule.right)));
        Ready { name: rule.name, rule, sides }
    }

    /// The right side, where the left one matches and the conditions hold, and where it has no constant
    /// that the element type does not hold in full precision.
    pub(crate) fn apply<'g>(&self, expr: Expr<'g>, known: &Known<'g>) -> Option<Expr<'g>> {
        expr.graph().attempt(|| self.apply_unchecked(expr, known))
    }

    fn apply_unchecked<'g>(&self, expr: Expr<'g>, known: &Known<'g>) -> Option<Expr<'g>> {
        match (&self.rule.kind, &self.sides) {
            (RuleKind::Code(_, rewrite), _) => rewrite(expr, known),
            (RuleKind::Pattern, Some((left, right))) => {
                let bindings = left.matches(expr)?;
                if !self.rule.when.iter().all(|w| w.holds(&bindings, known)) {
                    return None;
                }
                right.build(&bindings, expr, &expr.shape())
            }
            (RuleKind::Pattern, None) => None,
        }
    }

    fn roots(&self) -> Vec<&'static str> {
        match (&self.rule.kind, &self.sides) {
            (RuleKind::Code(roots, _), _) => roots.to_vec(),
            (_, Some((left, _))) => vec![left.root()],
            _ => vec![],
        }
    }
}

impl When {
    fn holds<'g>(self, bindings: &Bindings<'g>, known: &Known<'g>) -> bool {
        let facts = |l: char| bindings.get(l).map(|e| known.of(e));
        let constant = |l: char| bindings.get(l).and_then(Expr::as_constant);
        match self {
            When::Positive(l) => facts(l).is_some_and(|f| f.positive()),
            When::NonNegative(l) => facts(l).is_some_and(|f| f.non_negative()),
            When::Unsigned(l) => facts(l).is_some_and(|f| f.unsigned()),
            When::Nonzero(l) => facts(l).is_some_and(|f| f.nonzero),
            When::Finite(l) => facts(l).is_some_and(|f| f.finite),
            When::OneHot(l) => facts(l).is_some_and(|f| f.binary && f.distribution),
            When::AtMost(l, bound) => facts(l).is_some_and(|f| f.high <= bound),
            When::AtLeast(l, bound) => facts(l).is_some_and(|f| f.low >= bound),
            When::Unbounded(l) => facts(l).is_some_and(|f| f.high > 1.0),
            When::Varies(l) => bindings.get(l).is_some_and(|e| e.as_constant().is_none()),
            When::Enlarges(l) => constant(l).is_some_and(constants::enlarges),
            When::Shrinks(l) => constant(l).is_some_and(|c| constants::enlarges(1.0 / c)),
            When::Whole(l) => constant(l).is_some_and(|c| c.abs() >= 1.0),
            When::Decay(c, k) => {
                let sizes = constant(c).zip(constant(k)).map(|(c, k)| (c.abs(), (c * k).abs()));
                sizes.is_some_and(|(rate, decay)| rate <= 1.0 && decay <= 0.5)
            }
            When::Sum(c, k) | When::Difference(c, k) => {
                let sign = if matches!(self, When::Sum(..)) { 1.0 } else { -1.0 };
                let dtype = bindings.get(c).map(|e| e.dtype());
                let exact = |dtype| Some(constants::exact_sum(dtype, constant(c)?, sign * constant(k)?));
                dtype.and_then(exact).unwrap_or(false)
            }
            When::Count(l, frame) => match (bindings.get(l), bindings.frame(frame)) {
                (Some(e), Some(f)) => counts(e, f.axes.iter().fold(Dim::Size(1), |n, &a| &n * &f.full[a])),
                _ => false,
            },
            When::Distribution(l, frame) => match (facts(l), bindings.frame(frame)) {
                (Some(f), Some(frame)) => f.distribution && frame.axes == [frame.full.rank() - 1],
                _ => false,
            },
        }
    }
}

/// True when `expr` is the number `count` in every element.
fn counts(expr: Expr<'_>, count: Dim) -> bool {
    match &expr.node().op {
        Op::Extent(dim) => *dim == count,
        Op::Constant(value) => count.size().is_some_and(|n| n as f64 == value.as_f64()),
        _ => false,
    }
}

/// The rules of a phase by the name of the node at which they start.
pub(crate) struct Table {
    by_root: FxHashMap<&'static str, Vec<usize>>,
    rules: Vec<Ready>,
}

impl Table {
    /// The rules of canonicalization and of `phase`.
    pub(crate) fn of(phase: Phase) -> &'static Table {
        static CANONICALIZE: LazyLock<Table> = LazyLock::new(|| Table::new(Phase::Canonicalize));
        static STABILIZE: LazyLock<Table> = LazyLock::new(|| Table::new(Phase::Stabilize));
        static SIMPLIFY: LazyLock<Table> = LazyLock::new(|| Table::new(Phase::Simplify));
        match phase {
            Phase::Canonicalize => &CANONICALIZE,
            Phase::Stabilize => &STABILIZE,
            Phase::Simplify => &SIMPLIFY,
        }
    }

    fn new(phase: Phase) -> Table {
        // The phase's own rules go first: they see more than the canonical ones.
        let own = rules().filter(|r| r.phase == phase && phase != Phase::Canonicalize);
        let all = own.chain(rules().filter(|r| r.phase == Phase::Canonicalize));
        let rules: Vec<Ready> = all.map(Ready::new).collect();
        let mut by_root: FxHashMap<&'static str, Vec<usize>> = FxHashMap::default();
        for (i, rule) in rules.iter().enumerate() {
            for root in rule.roots() {
                by_root.entry(root).or_default().push(i);
            }
        }
        Table { by_root, rules }
    }

    /// The rules that may start at a node.
    pub(crate) fn rules_at(&self, op: &Op) -> impl Iterator<Item = &Ready> {
        let elementwise = matches!(op, Op::Unary(_) | Op::Binary(_) | Op::Select | Op::Cast);
        let named = self.by_root.get(op.name()).into_iter().flatten();
        let any = self.by_root.get("*").filter(|_| elementwise).into_iter().flatten();
        named.chain(any).map(|&i| &self.rules[i])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_well_formed() {
        let mut names: Vec<&str> = rules().map(|r| r.name).collect();
        names.sort_unstable();
        assert!(names.windows(2).all(|w| w[0] != w[1]), "a name is used twice: {names:?}");
        for rule in rules().filter(|r| matches!(r.kind, RuleKind::Pattern)) {
            let left = pattern::parse(rule.left).unwrap_or_else(|e| panic!("{}: {e}", rule.name));
            let right = pattern::parse(rule.right).unwrap_or_else(|e| panic!("{}: {e}", rule.name));
            for letter in right.letters() {
                assert!(left.letters().contains(&letter), "{}: {letter} is not on the left", rule.name);
            }
        }
    }
}
