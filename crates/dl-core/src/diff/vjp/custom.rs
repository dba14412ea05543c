//! What values with a rule of their author's pass back.

use crate::diff::cotangent::Cotangent;
use crate::diff::vjp::Contributions;
use crate::graph::{Expr, NodeId};
use crate::ops::Op;
use crate::ops::custom::{BEFORE_VARIABLES, variables};

pub(super) fn pull_back<'g>(args: &[Expr<'g>], y: Expr<'g>, g: Cotangent<'g>) -> Contributions<'g> {
    let n = variables(args.len());
    let (own, cotangent) = (args[1], args[2]);
    let rules: Vec<NodeId> = args[BEFORE_VARIABLES + n..].iter().map(|e| e.id()).collect();
    let by = [(own.id(), y), (cotangent.id(), g.value)].into_iter().collect();
    let products = y.graph().substituted(&rules, &by);
    let places = (BEFORE_VARIABLES..).zip(rules).zip(products);
    let passed = places.map(|((place, rule), product)| {
        // Masks have the value's shape; they stay with what is computed element by element.
        let rule = y.graph().expr(rule);
        let same = rule == cotangent || elementwise(rule, cotangent);
        (place, if same { g.times(product) } else { Cotangent::everywhere(product) })
    });
    passed.collect()
}

/// Whether every element of `rule` depends on the element of `cotangent` at its place alone.
fn elementwise<'g>(rule: Expr<'g>, cotangent: Expr<'g>) -> bool {
    let graph = rule.graph();
    let mut order = vec![rule.id()];
    let mut seen = 0;
    while let Some(id) = order.get(seen).copied() {
        seen += 1;
        let later = graph.get(id).args.iter().filter(|a| **a > cotangent.id()).copied().collect::<Vec<_>>();
        order.extend(later.into_iter().filter(|a| !order.contains(a)).collect::<Vec<_>>());
    }
    order.sort_unstable();
    let mut depends = vec![cotangent.id()];
    for id in order {
        let node = graph.get(id);
        if node.args.iter().any(|a| depends.binary_search(a).is_ok()) {
            let by_element = matches!(node.op, Op::Unary(_) | Op::Binary(_) | Op::Select | Op::Cast);
            if !by_element || node.shape != cotangent.shape() {
                return false;
            }
            depends.push(id);
        }
    }
    depends.len() > 1
}
