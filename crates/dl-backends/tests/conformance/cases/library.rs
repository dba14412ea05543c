//! Everything in `dl_core::nn`: values and gradients, as written and as people run it.

use crate::case::{Case, case};
use crate::library;
use crate::scene::Scene;

pub(crate) fn cases() -> Vec<Case> {
    let rewritten = |rewriting: bool| library::all().into_iter().map(move |c| (c, rewriting));
    rewritten(false).chain(rewritten(true)).map(|(c, rewriting)| run(c, rewriting)).collect()
}

fn run(of: library::Case, rewriting: bool) -> Case {
    let name = format!("{}{}", of.name, if rewriting { ", rewritten" } else { "" });
    case("composed", name, move |s| {
        if rewriting {
            s.rewrite();
        }
        build(s, &of);
    })
}

fn build(s: &Scene<'_>, of: &library::Case) {
    let library::Scene { variables, value } = of.build(s.g, s.float);
    of.values(0, s.float).into_iter().for_each(|(name, value)| s.given(name, value));
    s.output(value);
    value.square().sum(..).grad(&variables).into_iter().for_each(|gradient| s.output(gradient));
}
